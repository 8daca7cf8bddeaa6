/* Lists of images, shared by all forms of bs_dataset_spec. Internal to host/data.
 *
 *     bs_listing list = {0};
 *     BS_TRY_GOTO(bs_list_folder(&list, "val", NULL, 1000), out);
 *     BS_TRY_GOTO(bs_listing_slice(&list, first, limit, "val"), out);
 *     BS_TRY_GOTO(bs_listing_check_files(&list, "val"), out);
 *     out: bs_listing_clear(&list); */
#ifndef BS_DATA_LISTING_H
#define BS_DATA_LISTING_H

#include "data/dataset.h"

#include <stddef.h>
#include <stdint.h>

typedef struct bs_item {
    bs_image image; /* image.path is owned */
    char *file;     /* path to open, owned; NULL for an image of an idx file */
    size_t line;    /* line in the labels file; index in an idx file; else 0 */
} bs_item;

typedef struct bs_listing {
    bs_item *items;
    size_t n, cap;
} bs_listing;

void bs_listing_clear(bs_listing *list); /* NULL-safe, leaves it zeroed */
/* Appends an image; copies both strings; `file` may be NULL. */
bs_status bs_listing_add(bs_listing *list, const char *path, const char *file, int label, size_t line);
/* Keeps `limit` items (0: all) from number `first` on; `source` is for messages. An empty result is an
 * error. */
bs_status bs_listing_slice(bs_listing *list, int64_t first, int64_t limit, const char *source);
/* Fails unless every item's file exists and is a regular file. `labels`: the CSV that lists them, or NULL. */
bs_status bs_listing_check_files(const bs_listing *list, const char *labels);

/* One function for each form. `classes` <= 0: any label that is not negative. */
bs_status bs_list_csv(bs_listing *list, const bs_dataset_spec *spec, int classes);
/* One sub-folder for each class; `class_list` (NULL: none) as bs_dataset_spec.synsets. */
bs_status bs_list_folder(bs_listing *list, const char *folder, const char *class_list, int classes);
/* The files of spec->folder itself, labelled by spec->ground_truth if given. */
bs_status bs_list_flat(bs_listing *list, const bs_dataset_spec *spec, int classes);
bs_status bs_list_files(bs_listing *list, const char *const *files, size_t n);

/* Sets *out to "dir/name", or to `name` if it is absolute. The caller frees it. */
bs_status bs_path_in(char **out, const char *dir, const char *name);

#endif
