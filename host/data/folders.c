/* Folders of images: one sub-folder for each class, or flat with a file that labels them. */
#include "base/text.h"
#include "data/listing.h"
#include "data/synsets.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define MAX_TEXT_BYTES ((size_t)1 << 28)

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

static bs_status is_folder(bool *yes, const char *path)
{
    struct stat info;
    if (stat(path, &info) != 0)
        return bs_fail(BS_ERR, "cannot open '%s': %s", path, strerror(errno));
    *yes = S_ISDIR(info.st_mode);
    return BS_OK;
}

/* Adds the image files of folder/name, or of the folder itself if `name` is NULL. */
static bs_status list_files(bs_listing *list, const char *folder, const char *name, int label)
{
    char *inside = NULL, *path = NULL, *file = NULL;
    struct dirent **entries = NULL;
    int n = 0;
    bs_status st;
    BS_TRY_GOTO(bs_path_in(&inside, folder, name ? name : ""), out);
    n = scandir(inside, &entries, is_image, by_bytes);
    if (n < 0) {
        n = 0;
        st = bs_fail(BS_ERR, "cannot read folder '%s': %s", inside, strerror(errno));
        goto out;
    }
    for (int i = 0; i < n; i++) {
        bool is_a_folder = false;
        BS_TRY_GOTO(bs_path_in(&path, name ? name : "", entries[i]->d_name), out);
        BS_TRY_GOTO(bs_path_in(&file, folder, path), out);
        BS_TRY_GOTO(is_folder(&is_a_folder, file), out);
        if (!is_a_folder)
            BS_TRY_GOTO(bs_listing_add(list, path, file, label, 0), out);
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

bs_status bs_list_folder(bs_listing *list, const char *folder, const char *class_list, int classes)
{
    struct dirent **entries = NULL;
    bs_synsets synsets = {0};
    char *path = NULL;
    bs_status st = BS_OK;
    int rank = 0, n = scandir(folder, &entries, is_visible, by_bytes);
    if (n < 0)
        return bs_fail(BS_ERR, "cannot read folder '%s': %s", folder, strerror(errno));
    if (class_list)
        BS_TRY_GOTO(bs_synsets_read(&synsets, class_list), out);
    for (int i = 0; i < n; i++) {
        bool class_folder = false;
        int label;
        BS_TRY_GOTO(bs_path_in(&path, folder, entries[i]->d_name), out);
        BS_TRY_GOTO(is_folder(&class_folder, path), out);
        free(path);
        path = NULL;
        if (!class_folder)
            continue;
        BS_TRY_GOTO(class_of(&label, folder, entries[i]->d_name, rank++, &synsets, class_list, classes), out);
        BS_TRY_GOTO(list_files(list, folder, entries[i]->d_name, label), out);
    }
out:
    free_entries(entries, n);
    bs_synsets_clear(&synsets);
    free(path);
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
        else if (n < list->n)
            list->items[n].image.label = label;
        line = end ? end + 1 : text + len;
    }
    free(text);
    BS_TRY(st);
    if (n == list->n)
        return BS_OK;
    bs_fail(BS_ERR, "'%s' has %zu labels, the folder %zu images", path, n, list->n);
    return bs_hint("each image needs its line, and each line its image; 'limit' takes the first of both");
}

bs_status bs_list_flat(bs_listing *list, const bs_dataset_spec *spec, int classes)
{
    BS_TRY(list_files(list, spec->folder, NULL, -1));
    if (!spec->ground_truth)
        return BS_OK;
    struct numbering numbering;
    bs_status st = numbering_init(&numbering, spec, classes);
    if (st == BS_OK)
        st = read_ground_truth(list, spec->ground_truth, &numbering);
    numbering_clear(&numbering);
    return st;
}
