/* Images and their labels: where they are, and how they become a network's input. */
#ifndef BS_DATA_DATASET_H
#define BS_DATA_DATASET_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What turns a decoded image into the input tensor. Zero-initialise, then bs_preprocess_default(). */
typedef struct bs_preprocess {
    int resize_short;       /* short side in pixels after resizing (bilinear, antialiased); 0: no resize */
    float crop_fraction;    /* centre crop of this share of the short side, before `resize`; 0: none */
    int resize_h, resize_w; /* exact size after crop_fraction; 0: none */
    int crop_h, crop_w;     /* centre crop after resizing; 0: none */
    bool bgr;               /* channel order; RGB else. One-channel networks get luma (ITU-R 601) */
    float scale;            /* value = (pixel * scale - mean[c]) / std[c], pixel 0..255 */
    float mean[4], std[4];  /* in the order of the tensor's channels: with `bgr` blue comes first */
    int n_mean, n_std;      /* 1 (same for all channels) or the number of channels */
} bs_preprocess;

void bs_preprocess_default(bs_preprocess *p); /* scale 1/255, mean 0, std 1, RGB */

/* Where the images are; strings are borrowed. Exactly one of the forms. */
typedef struct bs_dataset_spec {
    const char *labels;     /* CSV "file,label" (header optional), files relative to `root` or to the CSV */
    const char *root;       /* folder of the files in `labels` */
    const char *folder;     /* one sub-folder a class, sorted by name: class index = rank */
    const char *idx_images; /* idx or idx.gz, with idx_labels (NULL: unknown labels) */
    const char *idx_labels;
    const char *const *files; /* plain list, no labels (classify) */
    size_t n_files;
    int64_t first, limit; /* take `limit` images (0: all) from the `first`-th on, after sorting */
} bs_dataset_spec;

typedef struct bs_image {
    char *path; /* as stored in the result file: "dir/x.png", or "t10k-images-idx3-ubyte.gz#17" */
    int label;  /* -1: unknown */
} bs_image;

typedef struct bs_dataset bs_dataset;

/* Lists the images (decodes nothing but idx files). `classes`: labels outside 0..classes-1 are an error
 * (<= 0: any label from 0 on).
 * Free with bs_dataset_close(). Immutable afterwards: load from many threads at once. */
bs_status bs_dataset_open(bs_dataset **out, const bs_dataset_spec *spec, int classes);
void bs_dataset_close(bs_dataset *d);
size_t bs_dataset_count(const bs_dataset *d);
const bs_image *bs_dataset_image(const bs_dataset *d, size_t i);

/* Decodes image i and writes channels*height*width floats, CHW order. `hash`: SHA-256 (hex, 65 bytes) of the
 * file's bytes (of the raw pixels for idx), may be NULL. Errors name the file. Thread-safe. */
bs_status bs_dataset_load(const bs_dataset *d, size_t i, const bs_preprocess *p, int channels, int height,
                          int width, float *chw, char *hash);

/* Class names, one a line ("synset.txt" style: the text after an optional leading nXXXXXXXX id). */
bs_status bs_class_names_read(char ***out, int *n, const char *path);
void bs_class_names_free(char **names, int n);

#endif
