/* Folders of images: one sub-folder for each class, or flat with a file that labels them. */
#include "base/log.h"
#include "base/text.h"
#include "data/left_out.h"
#include "data/listing.h"
#include "data/synsets.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_TEXT_BYTES ((size_t)1 << 28)

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* Orders names by their bytes. alphasort() follows the locale, which class indices must not depend on. */
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

/* An image that cannot be looked at is an error; anything else would be left out, so it is none, and neither
 * is a link to nothing. */
static bs_status is_folder(bool *yes, bool *dead_link, const struct dirent *entry, const char *path)
{
    struct stat info;
    *yes = entry->d_type == DT_DIR;
    *dead_link = false;
    if (entry->d_type == DT_DIR || entry->d_type == DT_REG)
        return BS_OK;
    if (stat(path, &info) == 0)
        *yes = S_ISDIR(info.st_mode);
    else if ((errno == ENOENT || errno == ELOOP) && lstat(path, &info) == 0 && S_ISLNK(info.st_mode))
        *dead_link = true;
    else if (bs_is_image_name(path))
        return bs_fail(BS_ERR, "cannot open '%s': %s", path, strerror(errno));
    return BS_OK;
}

/* Fails with a hint why a folder cannot be read. */
static bs_status cannot_read(const char *folder)
{
    bs_fail(BS_ERR, "cannot read folder '%s': %s", folder, strerror(errno));
    return bs_hint(errno == ENOTDIR ? "it is a file: 'labels' takes a list of images, 'folder' a folder"
                                    : "check the path, and who may read the folder");
}

/* Adds the image files of folder/name, or of the folder itself if `name` is NULL. */
static bs_status list_files(bs_listing *list, const char *folder, const char *name, int label,
                            bs_left_out *left)
{
    char *inside = NULL, *path = NULL, *file = NULL;
    struct dirent **entries = NULL;
    int n = 0;
    bs_status st;
    BS_TRY_GOTO(bs_path_in(&inside, folder, name ? name : ""), out);
    n = scandir(inside, &entries, is_visible, by_bytes);
    if (n < 0) {
        n = 0;
        st = cannot_read(inside);
        goto out;
    }
    for (int i = 0; i < n; i++) {
        bool is_a_folder, dead;
        BS_TRY_GOTO(bs_path_in(&path, name ? name : "", entries[i]->d_name), out);
        BS_TRY_GOTO(bs_path_in(&file, folder, path), out);
        BS_TRY_GOTO(is_folder(&is_a_folder, &dead, entries[i], file), out);
        if (is_a_folder)
            bs_left_out_count(left, BS_LEFT_FOLDERS, path);
        else if (dead && bs_is_image_name(path))
            bs_left_out_count(left, BS_LEFT_LINKS, path);
        else if (bs_is_image_name(path))
            BS_TRY_GOTO(bs_listing_add(list, path, path, label, 0), out);
        else
            bs_left_out_file(left, path);
        free(path);
        free(file);
        path = file = NULL;
    }
out:
    free_entries(entries, n);
    free(inside);
    free(path);
    free(file);
    return st;
}

/* --- one sub-folder for each class --- */

static bs_status class_of(int *label, const char *folder, const char *name, int rank,
                          const bs_synsets *synsets, const char *list, int classes)
{
    *label = list ? bs_synsets_find(synsets, name) : rank;
    if (*label < 0) {
        bs_fail(BS_ERR, "the sub-folder '%s/%s' is not in '%s'", folder, name, list);
        return bs_hint("sub-folders are named by the first word of a line of 'synsets'; move others away");
    }
    if (classes > 0 && *label >= classes) {
        bs_fail(BS_ERR, "'%s/%s': class index %d is outside 0..%d", folder, name, *label, classes - 1);
        return bs_hint(list ? "'synsets' has more lines than the network has classes"
                            : "the folder has more sub-folders than the network has classes");
    }
    return BS_OK;
}

/* Names the next class after its sub-folder. */
static bs_status name_class(bs_listing *list, const char *name)
{
    bs_str shown = {0};
    char **names = realloc(list->class_names, ((size_t)list->n_class_names + 1) * sizeof *names);
    if (!names)
        return bs_oom("class names");
    list->class_names = names;
    bs_str_utf8(&shown, name);
    BS_TRY(bs_str_status(&shown));
    names[list->n_class_names++] = shown.ptr;
    return BS_OK;
}

/* Takes the entries of the folder: sub-folders are classes, in the order of their names. */
static bs_status list_classes(bs_listing *list, const char *folder, struct dirent *const *entries, int n,
                              const bs_synsets *synsets, const char *class_list, int classes,
                              bs_left_out *left)
{
    int rank = 0;
    for (int i = 0; i < n; i++) {
        const char *name = entries[i]->d_name;
        bool class_folder, dead;
        size_t before = list->seen;
        char *path;
        int label;
        BS_TRY(bs_path_in(&path, folder, name));
        bs_status st = is_folder(&class_folder, &dead, entries[i], path);
        free(path);
        BS_TRY(st);
        if (!class_folder && bs_is_image_name(name))
            bs_left_out_count(left, BS_LEFT_BESIDE, name);
        if (!class_folder)
            continue;
        BS_TRY(class_of(&label, folder, name, rank++, synsets, class_list, classes));
        if (!class_list)
            BS_TRY(name_class(list, name));
        BS_TRY(list_files(list, folder, name, label, left));
        if (list->seen == before)
            bs_left_out_count(left, BS_LEFT_EMPTY, name);
    }
    if (!class_list && rank > 0 && rank < classes)
        bs_warn("'%s' has %d sub-folders for %d classes: they are taken for the first %d, in the order of "
                "their names; 'synsets' takes a list of the classes",
                folder, rank, classes, rank);
    return BS_OK;
}

bs_status bs_list_folder(bs_listing *list, const char *folder, const char *class_list, int classes)
{
    struct dirent **entries = NULL;
    bs_synsets synsets = {0};
    bs_left_out left = {0};
    bs_status st;
    int n = scandir(folder, &entries, is_visible, by_bytes);
    if (n < 0)
        return cannot_read(folder);
    BS_TRY_GOTO(bs_path_in(&list->folder, "", folder), out);
    if (class_list)
        BS_TRY_GOTO(bs_synsets_read(&synsets, class_list), out);
    BS_TRY_GOTO(list_classes(list, folder, entries, n, &synsets, class_list, classes, &left), out);
    st = bs_left_out_warn(&left, folder, "the sub-folders of the classes");
out:
    free_entries(entries, n);
    bs_left_out_clear(&left);
    bs_synsets_clear(&synsets);
    return st;
}

/* --- a flat folder, such as ILSVRC2012's validation images --- */

/* Maps the numbers of a ground truth to class indices. */
struct numbering {
    int base, classes;
    bool by_name;
    bs_synsets counted, wanted; /* the classes in the order of the file, and of the network */
};

static bs_status numbering_init(struct numbering *out, const bs_dataset_spec *spec, int classes)
{
    memset(out, 0, sizeof *out);
    out->base = spec->ground_truth_base;
    out->classes = classes;
    out->by_name = spec->ground_truth_synsets != NULL;
    if (!out->by_name)
        return BS_OK;
    BS_TRY(bs_synsets_read(&out->counted, spec->ground_truth_synsets));
    return bs_synsets_read(&out->wanted, spec->synsets);
}

static void numbering_clear(struct numbering *n)
{
    bs_synsets_clear(&n->counted);
    bs_synsets_clear(&n->wanted);
}

static bs_status label_of(int *label, const struct numbering *n, const char *line)
{
    char *end;
    errno = 0;
    long v = strtol(line, &end, 10);
    if (end == line || end[strspn(end, " \t\r")]) {
        bs_fail(BS_ERR, "'%.40s' is not a whole number", line);
        return bs_hint("the ground truth has one class per line, in the order of the sorted file names");
    }
    long classes = n->by_name ? (long)n->counted.n : n->classes > 0 ? n->classes : INT32_MAX;
    if (errno || v < n->base || v > n->base + classes - 1) {
        bs_fail(BS_ERR, "class %ld is outside %d..%ld", v, n->base, n->base + classes - 1);
        return bs_hint("check 'ground_truth_base': 1 where the file counts classes from 1, else 0");
    }
    *label = (int)(v - n->base);
    if (!n->by_name)
        return BS_OK;
    const char *name = n->counted.by_line[*label];
    *label = bs_synsets_find(&n->wanted, name);
    if (*label < 0 || (n->classes > 0 && *label >= n->classes)) {
        bs_fail(BS_ERR, "class %ld is '%s', which the network's classes lack", v, name);
        return bs_hint("'synsets' must list every class of 'ground_truth_synsets', one for each output");
    }
    return BS_OK;
}

static bs_status read_ground_truth(bs_listing *list, const char *path, const struct numbering *numbering)
{
    char *text;
    size_t len, n = 0;
    BS_TRY(bs_read_text(&text, &len, path, MAX_TEXT_BYTES));
    while (len > 0 && strchr(" \t\r\n", text[len - 1]))
        text[--len] = '\0';
    bs_status st = BS_OK;
    for (char *line = text; st == BS_OK && line < text + len; n++) {
        char *end = strchr(line, '\n');
        int label = -1;
        if (end)
            *end = '\0';
        st = label_of(&label, numbering, line);
        if (st != BS_OK)
            st = bs_context("%s:%zu", path, n + 1);
        else if (n >= (size_t)list->first && n - (size_t)list->first < list->n)
            list->items[n - (size_t)list->first].image.label = label;
        line = end ? end + 1 : text + len;
    }
    free(text);
    BS_TRY(st);
    if (n == list->seen)
        return BS_OK;
    bs_fail(BS_ERR, "'%s' has %zu labels, the folder %zu images", path, n, list->seen);
    return bs_hint("each image needs its line, and each line its image; 'limit' takes the first of both");
}

bs_status bs_list_flat(bs_listing *list, const bs_dataset_spec *spec, int classes)
{
    bs_left_out left = {0};
    BS_TRY(bs_path_in(&list->folder, "", spec->folder));
    bs_status listed = list_files(list, spec->folder, NULL, -1, &left);
    if (listed == BS_OK)
        listed = bs_left_out_warn(&left, spec->folder, "the folder");
    bs_left_out_clear(&left);
    BS_TRY(listed);
    if (!spec->ground_truth)
        return BS_OK;
    struct numbering numbering;
    bs_status st = numbering_init(&numbering, spec, classes);
    if (st == BS_OK)
        st = read_ground_truth(list, spec->ground_truth, &numbering);
    numbering_clear(&numbering);
    return st;
}
