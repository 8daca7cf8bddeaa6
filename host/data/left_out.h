/* Counts what a folder of images holds beside those that are read, to say so in one warning.
 *
 *     bs_left_out left = {0};
 *     bs_left_out_file(&left, "cats/a.webp");
 *     BS_TRY_GOTO(bs_left_out_warn(&left, "val", "its sub-folders"), out);
 *     out: bs_left_out_clear(&left); */
#ifndef BS_DATA_LEFT_OUT_H
#define BS_DATA_LEFT_OUT_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

/* Endings of images that are not read. */
#define BS_OTHER_IMAGES(X)                                                                                   \
    X(".webp")                                                                                               \
    X(".bmp")                                                                                                \
    X(".tif")                                                                                                \
    X(".tiff")                                                                                               \
    X(".gif")                                                                                                \
    X(".ppm")                                                                                                \
    X(".pgm")                                                                                                \
    X(".pnm")                                                                                                \
    X(".avif")                                                                                               \
    X(".heic")                                                                                               \
    X(".heif")                                                                                               \
    X(".jp2")                                                                                                \
    X(".jxl")

enum {
#define X(ending) +1
    BS_OTHER_ENDINGS = 0 BS_OTHER_IMAGES(X),
#undef X
    BS_LEFT_FOLDERS = BS_OTHER_ENDINGS, /* sub-folders of a folder whose files are the images */
    BS_LEFT_BESIDE,                     /* images beside the sub-folders of the classes */
    BS_LEFT_EMPTY,                      /* sub-folders of classes without images */
    BS_LEFT_LINKS,                      /* names of images that are links to nothing */
    BS_LEFT_KINDS
};

typedef struct bs_left_out {
    size_t n[BS_LEFT_KINDS];
    bs_str example[BS_LEFT_KINDS]; /* the first path of each kind */
} bs_left_out;

/* Returns true if a file's name ends like that of an image that is read. */
bool bs_is_image_name(const char *name);
/* Counts a file whose name ends like another image; others are none. */
void bs_left_out_file(bs_left_out *left, const char *path);
void bs_left_out_count(bs_left_out *left, int kind, const char *path);
/* Warns if anything was left out; `read` says from where files are read. */
bs_status bs_left_out_warn(const bs_left_out *left, const char *folder, const char *read);
void bs_left_out_clear(bs_left_out *left);

#endif
