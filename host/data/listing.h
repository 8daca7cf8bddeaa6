/* Lists of images, shared by all forms of bs_dataset_spec. Internal to host/data.
 *
 *     bs_listing list = {.first = first, .limit = limit};
 *     BS_TRY_GOTO(bs_list_folder(&list, "val", NULL, 1000), out);
 *     BS_TRY_GOTO(bs_listing_check(&list, "val"), out);
 *     BS_TRY_GOTO(bs_listing_check_files(&list, "val"), out);
 *     out: bs_listing_clear(&list);
 *
 * Of a list of 10^7 images a shard takes a few: the others are read, checked and counted, not kept. Texts lie
 * in blocks, one after the other. */
#ifndef BS_DATA_LISTING_H
#define BS_DATA_LISTING_H

#include "data/dataset.h"

#include <stddef.h>
#include <stdint.h>

typedef struct bs_item {
    bs_image image;
    const char *file; /* path to open, see bs_item_path(); NULL for an image of an idx file */
    size_t line;      /* in the labels file; index in an idx file; else 0 */
} bs_item;

typedef struct bs_text_block bs_text_block;

typedef struct bs_listing {
    int64_t first, limit; /* `limit` images (0: all) from number `first` on are kept; neither is negative */
    size_t seen;          /* images of the list */
    bs_item *items;       /* those that are kept */
    size_t n, cap;
    char *folder; /* of the files; owned, NULL: the current one */
    bs_text_block *blocks;
    char **class_names; /* by label, where the form gives any; owned */
    int n_class_names;
} bs_listing;

void bs_listing_clear(bs_listing *list); /* NULL-safe, leaves it zeroed */
/* Counts an image, and keeps it unless it lies outside of first and limit; copies both strings. `path` is
 * stored with bytes that are not UTF-8 escaped; `file` may be NULL. */
bs_status bs_listing_add(bs_listing *list, const char *path, const char *file, int label, size_t line);
/* Sets *out to the path of an item's file; the caller frees it. */
bs_status bs_item_path(char **out, const bs_listing *list, const bs_item *item);
/* Fails if nothing is kept; `source` is for messages. */
bs_status bs_listing_check(const bs_listing *list, const char *source);
/* Fails unless every item's file exists and is a regular file. `labels`: the CSV that lists them, or NULL. */
bs_status bs_listing_check_files(const bs_listing *list, const char *labels);

/* One function for each form. `classes` <= 0: any label that is not negative. */
bs_status bs_list_csv(bs_listing *list, const bs_dataset_spec *spec, int classes);
/* One sub-folder for each class; `class_list` (NULL: none) as bs_dataset_spec.synsets. */
bs_status bs_list_folder(bs_listing *list, const char *folder, const char *class_list, int classes);
/* The files of spec->folder itself, labelled by spec->ground_truth if given. */
bs_status bs_list_flat(bs_listing *list, const bs_dataset_spec *spec, int classes);
bs_status bs_list_files(bs_listing *list, const char *const *files, size_t n);

/* Sets *out to "dir/name", or to `name` if it is absolute or dir is empty. The caller frees it. */
bs_status bs_path_in(char **out, const char *dir, const char *name);

#endif
