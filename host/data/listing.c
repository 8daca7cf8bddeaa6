#include "data/listing.h"

#include "base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void item_clear(bs_item *item)
{
    free(item->image.path);
    free(item->file);
}

void bs_listing_clear(bs_listing *list)
{
    if (!list)
        return;
    for (size_t i = 0; i < list->n; i++)
        item_clear(&list->items[i]);
    free(list->items);
    memset(list, 0, sizeof *list);
}

bs_status bs_listing_add(bs_listing *list, const char *path, const char *file, int label, size_t line)
{
    BS_TRY(bs_grow(&list->items, &list->cap, list->n + 1, sizeof *list->items, "image list"));
    bs_str shown = {0};
    bs_str_utf8(&shown, path);
    bs_item item = {.image = {.path = shown.ptr, .label = label}, .line = line};
    item.file = file ? strdup(file) : NULL;
    if (shown.oom || (file && !item.file)) {
        item_clear(&item);
        return bs_oom("image list");
    }
    list->items[list->n++] = item;
    return BS_OK;
}

bs_status bs_listing_slice(bs_listing *list, int64_t first, int64_t limit, const char *source)
{
    if (list->n == 0) {
        bs_fail(BS_ERR, "no images in '%s'", source);
        return bs_hint("a folder must hold one sub-folder per class with .png, .jpg or .jpeg files (with "
                       "'ground_truth' the files themselves), a labels file one line 'file,label' per image");
    }
    if (first < 0 || limit < 0)
        return bs_fail(BS_ERR, "'first' and 'limit' of the images must not be negative");
    if ((uint64_t)first >= list->n) {
        bs_fail(BS_ERR, "the first image, %lld, is outside the %zu images of '%s'", (long long)first, list->n,
                source);
        return bs_hint("images are counted from 0; lower 'first'");
    }
    size_t skip = (size_t)first, left = list->n - skip;
    size_t keep = limit == 0 || (uint64_t)limit > left ? left : (size_t)limit;
    for (size_t i = 0; i < list->n; i++)
        if (i < skip || i >= skip + keep)
            item_clear(&list->items[i]);
    memmove(list->items, list->items + skip, keep * sizeof *list->items);
    list->n = keep;
    return BS_OK;
}

bs_status bs_listing_check_files(const bs_listing *list, const char *labels)
{
    for (size_t i = 0; i < list->n; i++) {
        const bs_item *item = &list->items[i];
        struct stat info;
        if (!item->file)
            continue;
        if (stat(item->file, &info) != 0)
            bs_fail(BS_ERR, "cannot open image '%s': %s", item->file, strerror(errno));
        else if (!S_ISREG(info.st_mode))
            bs_fail(BS_ERR, "image '%s' is not a regular file", item->file);
        else
            continue;
        if (!labels)
            return bs_hint("check the path");
        bs_hint(
            "file names are relative to the images' root folder, or to the labels file if no root is given");
        return bs_context("%s:%zu", labels, item->line);
    }
    return BS_OK;
}

bs_status bs_path_in(char **out, const char *dir, const char *name)
{
    size_t n = name[0] == '/' ? 0 : strlen(dir);
    BS_TRY(bs_calloc(out, n + strlen(name) + 2, 1, "path"));
    memcpy(*out, dir, n);
    if (n > 0 && dir[n - 1] != '/')
        (*out)[n++] = '/';
    strcpy(*out + n, name);
    return BS_OK;
}

bs_status bs_list_files(bs_listing *list, const char *const *files, size_t n)
{
    for (size_t i = 0; i < n; i++)
        BS_TRY(bs_listing_add(list, files[i], files[i], -1, 0));
    return BS_OK;
}
