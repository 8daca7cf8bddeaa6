#include "data/listing.h"

#include "base/buf.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
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
    bs_item item = {.image = {.path = strdup(path), .label = label}, .line = line};
    item.file = file ? strdup(file) : NULL;
    if (!item.image.path || (file && !item.file)) {
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
        return bs_hint("a folder must hold one sub-folder a class with .png, .jpg or .jpeg files, "
                       "a labels file one line 'file,label' an image");
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

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int is_image(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');
    return is_visible(entry) && dot &&
           (!strcasecmp(dot, ".png") || !strcasecmp(dot, ".jpg") || !strcasecmp(dot, ".jpeg"));
}

/* alphasort() follows the locale; class indices must not. */
static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void free_entries(struct dirent **entries, int n)
{
    for (int i = 0; i < n; i++)
        free(entries[i]);
    free(entries);
}

static bs_status is_folder(bool *yes, const char *path)
{
    struct stat info;
    if (stat(path, &info) != 0)
        return bs_fail(BS_ERR, "cannot open '%s': %s", path, strerror(errno));
    *yes = S_ISDIR(info.st_mode);
    return BS_OK;
}

static bs_status list_class(bs_listing *list, const char *folder, const char *class_name, int label)
{
    char *class_path = NULL, *path = NULL, *file = NULL;
    struct dirent **entries = NULL;
    int n = 0;
    bs_status st;
    BS_TRY_GOTO(bs_path_in(&class_path, folder, class_name), out);
    n = scandir(class_path, &entries, is_image, by_bytes);
    if (n < 0) {
        n = 0;
        st = bs_fail(BS_ERR, "cannot read folder '%s': %s", class_path, strerror(errno));
        goto out;
    }
    for (int i = 0; i < n; i++) {
        bool folder_inside = false;
        BS_TRY_GOTO(bs_path_in(&path, class_name, entries[i]->d_name), out);
        BS_TRY_GOTO(bs_path_in(&file, folder, path), out);
        BS_TRY_GOTO(is_folder(&folder_inside, file), out);
        if (!folder_inside)
            BS_TRY_GOTO(bs_listing_add(list, path, file, label, 0), out);
        free(path);
        free(file);
        path = file = NULL;
    }
out:
    free_entries(entries, n);
    free(class_path);
    free(path);
    free(file);
    return st;
}

bs_status bs_list_folder(bs_listing *list, const char *folder, int classes)
{
    struct dirent **entries = NULL;
    char *path = NULL;
    bs_status st = BS_OK;
    int label = 0, n = scandir(folder, &entries, is_visible, by_bytes);
    if (n < 0)
        return bs_fail(BS_ERR, "cannot read folder '%s': %s", folder, strerror(errno));
    for (int i = 0; i < n; i++) {
        bool class_folder = false;
        BS_TRY_GOTO(bs_path_in(&path, folder, entries[i]->d_name), out);
        BS_TRY_GOTO(is_folder(&class_folder, path), out);
        free(path);
        path = NULL;
        if (!class_folder)
            continue;
        if (classes > 0 && label >= classes) {
            bs_fail(BS_ERR, "'%s/%s': class index %d is outside 0..%d", folder, entries[i]->d_name, label,
                    classes - 1);
            st = bs_hint("the folder has more sub-folders than the network has classes");
            goto out;
        }
        BS_TRY_GOTO(list_class(list, folder, entries[i]->d_name, label++), out);
    }
out:
    free_entries(entries, n);
    free(path);
    return st;
}
