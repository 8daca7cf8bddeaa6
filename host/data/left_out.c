#include "data/left_out.h"

#include "base/log.h"

#include <string.h>
#include <strings.h>

static bool ends_with(const char *name, const char *const *endings, size_t n, size_t *which)
{
    const char *dot = strrchr(name, '.');
    for (*which = 0; dot && *which < n; ++*which)
        if (strcasecmp(dot, endings[*which]) == 0)
            return true;
    return false;
}

bool bs_is_image_name(const char *name)
{
    static const char *const endings[] = {".png", ".jpg", ".jpeg", ".jpe", ".jfif"};
    size_t which;
    return ends_with(name, endings, sizeof endings / sizeof *endings, &which);
}

#define X(ending) ending,
static const char *const kinds[BS_LEFT_KINDS] = {
    BS_OTHER_IMAGES(X) "sub-folder(s)", "image(s) beside the sub-folders", "sub-folder(s) without images",
    "link(s) to files that are not there"};
#undef X

void bs_left_out_count(bs_left_out *left, int kind, const char *path)
{
    if (left->n[kind]++ == 0)
        bs_str_puts(&left->example[kind], path);
}

void bs_left_out_file(bs_left_out *left, const char *path)
{
    size_t which;
    if (ends_with(path, kinds, BS_OTHER_ENDINGS, &which))
        bs_left_out_count(left, (int)which, path);
}

bs_status bs_left_out_warn(const bs_left_out *left, const char *folder, const char *read)
{
    bs_str text = {0};
    for (int k = 0; k < BS_LEFT_KINDS; k++)
        if (left->n[k] > 0)
            bs_str_printf(&text, "%s%zu %s ('%s'%s)", text.len ? ", " : "", left->n[k], kinds[k],
                          left->example[k].ptr ? left->example[k].ptr : "", left->n[k] > 1 ? ", ..." : "");
    if (text.len > 0)
        bs_warn("left out of '%s': %s; PNG and JPEG files right in %s are read", folder, text.ptr, read);
    bs_status st = bs_str_status(&text);
    bs_str_clear(&text);
    return st;
}

void bs_left_out_clear(bs_left_out *left)
{
    for (int k = 0; k < BS_LEFT_KINDS; k++)
        bs_str_clear(&left->example[k]);
    memset(left, 0, sizeof *left);
}
