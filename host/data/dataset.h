/* Data sets: lists of images and their labels, and their preparation as a network's input. */
#ifndef BS_DATA_DATASET_H
#define BS_DATA_DATASET_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* X(suffix, name in job files). Bilinear and bicubic (a = -0.5) with antialiasing. */
#define BS_INTERPOLATIONS(X)                                                                                 \
    X(BILINEAR, "bilinear")                                                                                  \
    X(BICUBIC, "bicubic")                                                                                    \
    X(NEAREST, "nearest")

typedef enum bs_interpolation {
#define X(suffix, name) BS_##suffix,
    BS_INTERPOLATIONS(X)
#undef X
        BS_INTERPOLATION_COUNT
} bs_interpolation;

/* X(suffix, name in job files, meaning). The order of an image's values in a network that takes a list. */
#define BS_FLATTENS(X)                                                                                       \
    X(HWC, "hwc", "pixel after pixel")                                                                       \
    X(CHW, "chw", "channel after channel")

typedef enum bs_flatten {
    BS_FLATTEN_NONE, /* not given */
#define X(suffix, name, meaning) BS_FLATTEN_##suffix,
    BS_FLATTENS(X)
#undef X
        BS_FLATTEN_COUNT
} bs_flatten;

/* The steps from a decoded image to the input tensor. Set by bs_preprocess_default() or
 * bs_preprocess_preset(), then change single members. */
typedef struct bs_preprocess {
    bs_interpolation interpolation; /* for both ways to resize */
    int resize_short;               /* short side in pixels after resizing; 0: no resize */
    float crop_fraction;    /* centre crop of this share of the short side, before resizing; 0: none */
    int resize_h, resize_w; /* exact size after crop_fraction; 0: none */
    int crop_h, crop_w;     /* centre crop after resizing; 0: none */
    bool bgr;               /* channel order; else RGB. One-channel networks get luma (ITU-R 601) */
    float scale;            /* value = (pixel * scale - mean[c]) / std[c], pixel 0..255 */
    float mean[4], std[4];  /* in the order of the tensor's channels: with `bgr` blue comes first */
    bs_flatten flatten;     /* for networks that take a list of values */
    int n_mean, n_std;      /* 1 (same for all channels) or the number of channels */
} bs_preprocess;

void bs_preprocess_default(bs_preprocess *p); /* scale 1/255, mean 0, std 1, RGB */
const char *bs_interpolation_name(bs_interpolation how);
const char *bs_flatten_name(bs_flatten how); /* "" if it is not given */

/* The pipelines that networks are usually trained and evaluated with. Torchvision's: resize the short side,
 * then centre crop. Keras' three modes of preprocess_input, after a plain nearest-pixel resize to 224 x 224,
 * which is the default of its load_img(); `keras-caffe` is BGR minus the mean. X(name, interpolation,
 * resize_short, resize, crop, bgr, scale, (mean), (std)) */
#define BS_PRESETS(X)                                                                                        \
    X("torchvision", BS_BILINEAR, 256, 0, 224, false, 1.0f / 255, (0.485f, 0.456f, 0.406f),                  \
      (0.229f, 0.224f, 0.225f))                                                                              \
    X("keras-caffe", BS_NEAREST, 0, 224, 0, true, 1.0f, (103.939f, 116.779f, 123.68f), (1, 1, 1))            \
    X("keras-tf", BS_NEAREST, 0, 224, 0, false, 1.0f / 127.5f, (1, 1, 1), (1, 1, 1))                         \
    X("keras-torch", BS_NEAREST, 0, 224, 0, false, 1.0f / 255, (0.485f, 0.456f, 0.406f),                     \
      (0.229f, 0.224f, 0.225f))

/* Fills *p. Returns false if there is no preset of that name. */
bool bs_preprocess_preset(bs_preprocess *p, const char *name);

/* Location of the images and labels; strings are borrowed. Give exactly one of the forms `labels`, `folder`,
 * `idx_images`, `files`. A list of classes has one name on each line, such as the WordNet id n01440764 for
 * ImageNet; text after a blank is ignored. */
typedef struct bs_dataset_spec {
    const char *labels;  /* CSV "file,label" (header optional), files relative to `root` or to the CSV */
    const char *root;    /* folder of the files in `labels` */
    const char *folder;  /* one sub-folder for each class, sorted by name: class index = rank. With
                            ground_truth, or unlabelled, the folder itself holds the images */
    const char *synsets; /* list of classes in the order of the network's outputs: class index of a sub-folder
                            = line with its name */
    const char *ground_truth; /* one whole number on each line: the classes of the files, sorted by name */
    int ground_truth_base;    /* its first class: 0 or 1 */
    /* List of the classes in the order in which ground_truth counts them (ILSVRC2012's ids are not in the
     * order of WordNet ids, which networks use); they are looked up in `synsets`. NULL: class = ground_truth
     * - base. */
    const char *ground_truth_synsets;
    const char *idx_images; /* idx or idx.gz, with idx_labels */
    const char *idx_labels;
    const char *const *files; /* plain list of files without labels (classify) */
    size_t n_files;
    bool unlabelled;      /* labels may be missing: empty in the CSV, no ground_truth, no idx_labels */
    int64_t first, limit; /* take `limit` images (0: all) from number `first` on, after sorting */
} bs_dataset_spec;

typedef struct bs_image {
    const char *path; /* as stored in the result file: "dir/x.png", or "t10k-images-idx3-ubyte.gz#17"; bytes
                   that are not UTF-8 as \xNN */
    int label;        /* -1: unknown */
} bs_image;

typedef struct bs_dataset bs_dataset;

/* Lists the images; decodes only idx files. `classes`: labels outside 0..classes-1 are an error (<= 0: any
 * label from 0 on). Free with bs_dataset_close(). Immutable afterwards: threads may load images at once. */
bs_status bs_dataset_open(bs_dataset **out, const bs_dataset_spec *spec, int classes);
void bs_dataset_close(bs_dataset *d);
size_t bs_dataset_count(const bs_dataset *d);
const bs_image *bs_dataset_image(const bs_dataset *d, size_t i);
/* Sets *names to the names of the classes, by label, and returns their number, 0 if the form of the images
 * gives none: those of the sub-folders of `folder`, or those in the list `synsets`. */
int bs_dataset_class_names(const bs_dataset *d, const char *const **names);

/* Decodes image i and writes channels*height*width floats, CHW order. `hash`: SHA-256 (hex, 65 bytes) of the
 * file's bytes (of the raw pixels for idx), may be NULL. Errors name the file. Thread-safe. */
bs_status bs_dataset_load(const bs_dataset *d, size_t i, const bs_preprocess *p, int channels, int height,
                          int width, float *chw, char *hash);
/* As bs_dataset_load(); sets *broken to whether it failed because the file cannot be read or decoded. Other
 * errors are the job's, such as a size that does not fit the network. */
bs_status bs_dataset_try_load(const bs_dataset *d, size_t i, const bs_preprocess *p, int channels, int height,
                              int width, float *chw, char *hash, bool *broken);

/* Sets `hash` to the SHA-256 of image i as above, without decoding the image. */
bs_status bs_dataset_hash(const bs_dataset *d, size_t i, char hash[65]);

/* Finds the size that image i has after preprocessing. broken: as above. */
bs_status bs_dataset_size(const bs_dataset *d, size_t i, const bs_preprocess *p, int *height, int *width,
                          bool *broken);

/* Reads class names, one on each line, in UTF-8: the text after an optional id nXXXXXXXX, up to the first
 * comma, because lists have synonyms ("tench, Tinca tinca"). Names that this makes equal keep the whole line;
 * a name in double quotes keeps its commas. Free with bs_class_names_free(). */
bs_status bs_class_names_read(char ***out, int *n, const char *path);
void bs_class_names_free(char **names, int n);

#endif
