#include "data/listing.h"

#include "base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { BLOCK = 1 << 20 };

struct bs_text_block {
    bs_text_block *next;
    size_t n, cap; /* bytes */
    char text[];
};

void bs_listing_clear(bs_listing *list)
{
    if (!list)
        return;
    for (bs_text_block *b = list->blocks, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    bs_class_names_free(list->class_names, list->n_class_names);
    free(list->items);
    free(list->folder);
    memset(list, 0, sizeof *list);
}

static bs_status keep_text(const char **out, bs_listing *list, const char *text)
{
    size_t n = strlen(text) + 1;
    bs_text_block *b = list->blocks;
    if (!b || b->cap - b->n < n) {
        size_t cap = n > BLOCK ? n : BLOCK;
        b = malloc(sizeof *b + cap);
        if (!b)
            return bs_oom("image list");
        *b = (bs_text_block){.next = list->blocks, .cap = cap};
        list->blocks = b;
    }
    *out = memcpy(b->text + b->n, text, n);
    b->n += n;
    return BS_OK;
}

/* Keeps the path in the form in which it is stored. */
static bs_status keep_path(const char **out, bs_listing *list, const char *path)
{
    bs_str shown = {0};
    if (bs_utf8_valid(path))
        return keep_text(out, list, path);
    bs_str_utf8(&shown, path);
    bs_status st = bs_str_status(&shown);
    if (st == BS_OK)
        st = keep_text(out, list, shown.ptr);
    bs_str_clear(&shown);
    return st;
}

bs_status bs_listing_add(bs_listing *list, const char *path, const char *file, int label, size_t line)
{
    size_t number = list->seen++, first = (size_t)list->first;
    if (number < first || (list->limit > 0 && number - first >= (size_t)list->limit))
        return BS_OK;
    bs_item item = {.image.label = label, .line = line};
    BS_TRY(bs_grow(&list->items, &list->cap, list->n + 1, sizeof *list->items, "image list"));
    BS_TRY(keep_path(&item.image.path, list, path));
    item.file = file ? item.image.path : NULL;
    if (file && strcmp(file, item.image.path) != 0)
        BS_TRY(keep_text(&item.file, list, file));
    list->items[list->n++] = item;
    return BS_OK;
}

bs_status bs_item_path(char **out, const bs_listing *list, const bs_item *item)
{
    return bs_path_in(out, list->folder ? list->folder : "", item->file);
}

bs_status bs_listing_check(const bs_listing *list, const char *source)
{
    if (list->n > 0)
        return BS_OK;
    if (list->seen == 0) {
        bs_fail(BS_ERR, "no images in '%s'", source);
        return bs_hint("a folder must hold one sub-folder per class with .png or .jpg files (with "
                       "'ground_truth' the files themselves), a labels file one line 'file,label' per image");
    }
    bs_fail(BS_ERR, "the first image, %lld, is outside the %zu images of '%s'", (long long)list->first,
            list->seen, source);
    return bs_hint("images are counted from 0; lower 'first'");
}

bs_status bs_listing_check_files(const bs_listing *list, const char *labels)
{
    for (size_t i = 0; i < list->n; i++) {
        const bs_item *item = &list->items[i];
        struct stat info;
        char *path;
        if (!item->file)
            continue;
        BS_TRY(bs_item_path(&path, list, item));
        int rc = stat(path, &info);
        if (rc != 0)
            bs_fail(BS_ERR, "cannot open image '%s': %s", path, strerror(errno));
        else if (!S_ISREG(info.st_mode))
            bs_fail(BS_ERR, "image '%s' is not a regular file", path);
        free(path);
        if (rc == 0 && S_ISREG(info.st_mode))
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
