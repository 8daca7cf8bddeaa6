#include "job/inputs.h"

#include "job/model_keys.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

/* --- images --- */

/* X(enum suffix, key, reader, member of bs_job, min, max, default, help). */
#define IMAGE_KEYS(X)                                                                                        \
    X(LABELS, "labels", bs_form_path, images.labels, 0, 0, NULL,                                             \
      "A CSV file with a line `file,label` for each image, labels counted from 0. A first line that reads "  \
      "`file,label` is skipped.")                                                                            \
    X(ROOT, "root", bs_form_path, images.root, 0, 0, "the folder of the CSV file",                           \
      "Base folder of the paths in `labels`.")                                                               \
    X(FOLDER, "folder", bs_form_path, images.folder, 0, 0, NULL,                                             \
      "A folder with one sub-folder of images for each class. The class is the rank of the sub-folder's "    \
      "name, from 0, and bears that name. With `ground_truth` or `unlabelled`, the folder itself holds the " \
      "images.")                                                                                             \
    X(SYNSETS, "synsets", bs_form_path, images.synsets, 0, 0, NULL,                                          \
      "With `folder`: a list of classes, one name per line, in the order of the network's outputs. The "     \
      "class of a sub-folder is the line that begins with its name.")                                        \
    X(GROUND_TRUTH, "ground_truth", bs_form_path, images.ground_truth, 0, 0, NULL,                           \
      "With `folder`: a file with one whole number per line, the classes of the images in the order of "     \
      "their file names.")                                                                                   \
    X(GROUND_TRUTH_BASE, "ground_truth_base", bs_form_int, images.ground_truth_base, 0, 1, NULL,             \
      "The number of the first class in `ground_truth`: 1 in the file of ILSVRC2012. Required there.")       \
    X(GROUND_TRUTH_SYNSETS, "ground_truth_synsets", bs_form_path, images.ground_truth_synsets, 0, 0, NULL,   \
      "A list of classes, one name per line, in the order that `ground_truth` counts them. They are looked " \
      "up in `synsets`.")                                                                                    \
    X(IDX_IMAGES, "idx_images", bs_form_path, images.idx_images, 0, 0, NULL,                                 \
      "A file of images in the idx format of MNIST, also compressed by gzip.")                               \
    X(IDX_LABELS, "idx_labels", bs_form_path, images.idx_labels, 0, 0, NULL,                                 \
      "The file of their labels, in the same format.")                                                       \
    X(UNLABELLED, "unlabelled", bs_form_bool, images.unlabelled, 0, 0, "`false`",                            \
      "Labels may be missing. Columns that compare with the label are NULL for such images.")                \
    X(FIRST, "first", bs_form_int64, images.first, 0, 1e12, "0",                                             \
      "How many images to skip, in the order of the data set; see IMAGES.")                                  \
    X(LIMIT, "limit", bs_form_int64, images.limit, 0, 1e12, "0",                                             \
      "How many images to take after those, in the same order; 0: all.")                                     \
    X(MAX_BROKEN, "max_broken", bs_form_int64, max_broken, 0, 1e12, "1 % of the images, at least one",       \
      "How many images may be unreadable. They are left out; more than this many end the run.")

enum image_key {
#define X(suffix, ...) IMAGE_##suffix,
    IMAGE_KEYS(X)
#undef X
        IMAGE_KEY_COUNT
};

static const bs_field image_fields[] = {
#define X(suffix, key, reader, member, min, max, fallback, help)                                             \
    {key, reader, offsetof(bs_job, member), min, max, false, NULL, fallback, help},
    IMAGE_KEYS(X)
#undef X
};
const bs_field_table bs_image_keys = {image_fields, IMAGE_KEY_COUNT};

/* Keys that need another one beside them. */
static const struct {
    int key, wants;
    const char *hint;
} companions[] = {
    {IMAGE_ROOT, IMAGE_LABELS, "it is the folder of the files that the CSV in 'labels' lists"},
    {IMAGE_IDX_LABELS, IMAGE_IDX_IMAGES, "add 'idx_images: ...'"},
    {IMAGE_GROUND_TRUTH, IMAGE_FOLDER, "it labels the images of a flat folder: add 'folder: ...'"},
    {IMAGE_GROUND_TRUTH, IMAGE_GROUND_TRUTH_BASE,
     "add 'ground_truth_base: 1' where the file's numbers count classes from 1, as in ILSVRC2012's own file, "
     "0 where they count from 0"},
    {IMAGE_GROUND_TRUTH_BASE, IMAGE_GROUND_TRUTH, "it says from where 'ground_truth: FILE' counts classes"},
    {IMAGE_SYNSETS, IMAGE_FOLDER, "it gives the class of each sub-folder of 'folder: ...'"},
    {IMAGE_GROUND_TRUTH_SYNSETS, IMAGE_GROUND_TRUTH,
     "it names the classes that the numbers in 'ground_truth: FILE' stand for"},
    {IMAGE_GROUND_TRUTH_SYNSETS, IMAGE_SYNSETS,
     "the classes are looked up in the network's own list: add 'synsets: FILE'"},
};

static bs_status check_companions(bs_form *f, const int *lines)
{
    for (size_t i = 0; i < sizeof companions / sizeof *companions; i++) {
        int key = companions[i].key, wants = companions[i].wants;
        if (!lines[key] || lines[wants])
            continue;
        bs_form_fail(f, lines[key], "'%s' has no meaning without '%s'", image_fields[key].key,
                     image_fields[wants].key);
        return bs_hint("%s", companions[i].hint);
    }
    if (lines[IMAGE_GROUND_TRUTH] && lines[IMAGE_SYNSETS] && !lines[IMAGE_GROUND_TRUTH_SYNSETS]) {
        bs_form_fail(f, lines[IMAGE_SYNSETS], "'synsets' beside 'ground_truth' needs 'ground_truth_synsets'");
        return bs_hint(
            "give the list of classes, one per line, in the order that the ground truth counts them");
    }
    return BS_OK;
}

bs_status bs_images_read(bs_form *f, yaml_node_t *value, const bs_field *field, void *object)
{
    const bs_dataset_spec *spec = &((bs_job *)object)->images;
    int lines[IMAGE_KEY_COUNT];
    BS_TRY(bs_form_mapping(f, value, field->key, &bs_image_keys, object, lines));
    int forms = (lines[IMAGE_LABELS] > 0) + (lines[IMAGE_FOLDER] > 0) +
                (lines[IMAGE_IDX_IMAGES] || lines[IMAGE_IDX_LABELS]);
    if (forms != 1) {
        bs_form_fail(f, bs_form_line(value),
                     forms ? "images are given in more than one form" : "no images are given");
        return bs_hint("give exactly one of: labels (a CSV file), folder, idx_images with idx_labels");
    }
    BS_TRY(check_companions(f, lines));
    if (lines[IMAGE_IDX_IMAGES] && !lines[IMAGE_IDX_LABELS] && !spec->unlabelled) {
        bs_form_fail(f, lines[IMAGE_IDX_IMAGES], "'idx_images' has no labels");
        return bs_hint("add 'idx_labels: ...', or 'unlabelled: true' to do without");
    }
    return BS_OK;
}

void bs_images_clear(bs_dataset_spec *images)
{
    const char *owned[] = {
        images->labels,  images->root,       images->folder,       images->idx_images,
        images->synsets, images->idx_labels, images->ground_truth, images->ground_truth_synsets};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
        free((char *)owned[i]);
}

/* --- preprocess --- */

/* Reads one number for all channels, or a list with one for each; returns the count. */
static bs_status read_channels(bs_form *f, yaml_node_t *value, const char *what, float out[4], int *n)
{
    *n = bs_form_count(value);
    if (*n < 1 || *n > 4) {
        bs_form_fail(f, bs_form_line(value), "'%s' has %d values", what, *n);
        return bs_hint("give one number, or one for each channel (at most 4)");
    }
    for (int i = 0; i < *n; i++) {
        double v;
        BS_TRY(bs_form_number(&v, f, bs_form_item(f, value, i), what, -FLT_MAX, FLT_MAX));
        out[i] = (float)v;
    }
    return BS_OK;
}

static bs_status read_mean(bs_form *f, yaml_node_t *value, const bs_field *field, void *object)
{
    bs_preprocess *p = object;
    return read_channels(f, value, field->key, p->mean, &p->n_mean);
}

static bs_status read_std(bs_form *f, yaml_node_t *value, const bs_field *field, void *object)
{
    bs_preprocess *p = object;
    BS_TRY(read_channels(f, value, field->key, p->std, &p->n_std));
    for (int i = 0; i < p->n_std; i++)
        if (!(p->std[i] > 0.0f)) {
            bs_form_fail(f, bs_form_line(value), "'std' must be above 0");
            return bs_hint("values are divided by it; leave it out for 1");
        }
    return BS_OK;
}

static bs_status read_interpolation(bs_form *f, yaml_node_t *value, const bs_field *field, void *object)
{
    static const char *const names[] = {
#define X(suffix, name) name,
        BS_INTERPOLATIONS(X)
#undef X
    };
    char *text;
    BS_TRY(bs_form_scalar(&text, f, value, field->key, "the name of an interpolation"));
    bs_status st = BS_OK;
    int i = 0;
    while (i < BS_INTERPOLATION_COUNT && strcmp(names[i], text) != 0)
        i++;
    if (i == BS_INTERPOLATION_COUNT) {
        bs_form_fail(f, bs_form_line(value), "unknown interpolation '%.80s'", text);
        st = bs_form_suggest(text, names, BS_INTERPOLATION_COUNT, "the interpolations are");
    }
    ((bs_preprocess *)object)->interpolation = (bs_interpolation)i;
    free(text);
    return st;
}

static bs_status read_flatten(bs_form *f, yaml_node_t *value, const bs_field *field, void *object)
{
    static const char *const names[] = {
#define X(suffix, name, meaning) name,
        BS_FLATTENS(X)
#undef X
    };
    int i;
    BS_TRY(bs_form_name(&i, f, value, field->key, "order", names, BS_FLATTEN_COUNT - 1));
    ((bs_preprocess *)object)->flatten = (bs_flatten)(i + 1);
    return BS_OK;
}

static bs_status read_preset(bs_form *f, yaml_node_t *value, const bs_field *field, void *object)
{
    static const char *const names[] = {
#define X(name, ...) name,
        BS_PRESETS(X)
#undef X
    };
    char *text;
    BS_TRY(bs_form_scalar(&text, f, value, field->key, "the name of a preset"));
    bs_status st = BS_OK;
    if (!bs_preprocess_preset(object, text)) {
        bs_form_fail(f, bs_form_line(value), "unknown preset '%.80s'", text);
        st = bs_form_suggest(text, names, sizeof names / sizeof *names, "the presets are");
    }
    free(text);
    return st;
}

/* Applies a preset first, wherever in the mapping it stands; the other keys override it. */
static bs_status skip_preset(bs_form *f, yaml_node_t *value, const bs_field *field, void *object)
{
    (void)f;
    (void)value;
    (void)field;
    (void)object;
    return BS_OK;
}

static yaml_node_t *find_value(bs_form *f, yaml_node_t *mapping, const char *wanted)
{
    yaml_node_pair_t *p = mapping->data.mapping.pairs.start, *end = mapping->data.mapping.pairs.top;
    for (; p < end; p++) {
        const yaml_node_t *key = yaml_document_get_node(&f->doc, p->key);
        if (key->type == YAML_SCALAR_NODE && strcmp((const char *)key->data.scalar.value, wanted) == 0)
            return yaml_document_get_node(&f->doc, p->value);
    }
    return NULL;
}

#define X(name, ...) ", `" name "`"
static const char preset_names[] = BS_PRESETS(X); /* from the third character on */
#undef X
#define X(suffix, name) ", `" name "`"
static const char interpolation_names[] = BS_INTERPOLATIONS(X);
#undef X

#define X(suffix, name, meaning) ", `" name "`"
static const char flatten_names[] = BS_FLATTENS(X);
#undef X

enum { KEY_PRESET, KEY_CROP_FRACTION, KEY_RESIZE_SHORT, KEY_RESIZE };

/* In the order in which the steps are done. */
static const bs_field preprocess_fields[] = {
    [KEY_PRESET] = {"preset", skip_preset, 0, 0, 0, false, &preset_names[2], NULL,
                    "Take the values of a common pipeline, see below. Other keys beside it override it. "
                    "`preprocess: NAME` is short for a preset alone."},
    [KEY_CROP_FRACTION] =
        {"crop_fraction", bs_form_float, offsetof(bs_preprocess, crop_fraction), 0.01, 1, false, NULL, NULL,
         "Cut out the centre square with this share of the short side. Done first, before any resizing."},
    [KEY_RESIZE_SHORT] = {"resize_short", bs_form_int, offsetof(bs_preprocess, resize_short), 1,
                          BS_MAX_INPUT_SIDE, false, NULL, NULL,
                          "Resize so that the short side has this many pixels; the aspect ratio stays."},
    [KEY_RESIZE] = {"resize", bs_size_read, offsetof(bs_preprocess, resize_h), 0, 0, false, bs_size_value,
                    NULL, "Resize to exactly this size."},
    {"interpolation", read_interpolation, 0, 0, 0, false, &interpolation_names[2], "`bilinear`",
     "How pixels are resized. Bilinear and bicubic use antialiasing and follow Pillow's arithmetic."},
    {"crop", bs_size_read, offsetof(bs_preprocess, crop_h), 0, 0, false, bs_size_value, NULL,
     "Cut out the centre of this size, after resizing."},
    {"bgr", bs_form_bool, offsetof(bs_preprocess, bgr), 0, 0, false, NULL, "`false`",
     "Blue first, also in `mean` and `std`."},
    {"scale", bs_form_float, offsetof(bs_preprocess, scale), FLT_MIN, FLT_MAX, false, NULL, "1/255",
     "The pixels, which go from 0 to 255, are multiplied by it."},
    {"mean", read_mean, 0, 0, 0, false, "number, or a list with one for each channel", "0",
     "Subtracted after scaling."},
    {"std", read_std, 0, 0, 0, false, "number above 0, or a list with one for each channel", "1",
     "Divides what is left."},
    {"flatten", read_flatten, 0, 0, 0, false, &flatten_names[2], NULL,
     "For a network whose input is a list of values: the order of an image's values, pixel after pixel "
     "(`hwc`) or channel after channel (`chw`). Grey images need none."},
};
const bs_field_table bs_preprocess_keys = {preprocess_fields,
                                           sizeof preprocess_fields / sizeof *preprocess_fields};

bs_status bs_preprocess_read(bs_form *f, yaml_node_t *value, const bs_field *field, void *object)
{
    int lines[sizeof preprocess_fields / sizeof *preprocess_fields];
    bs_preprocess *p = &((bs_job *)object)->preprocess;
    if (value->type == YAML_SCALAR_NODE)
        return read_preset(f, value, field, p);
    yaml_node_t *preset = value->type == YAML_MAPPING_NODE ? find_value(f, value, "preset") : NULL;
    if (preset)
        BS_TRY(read_preset(f, preset, &preprocess_fields[KEY_PRESET], p));
    BS_TRY(bs_form_mapping(f, value, field->key, &bs_preprocess_keys, p, lines));
    /* The two ways to resize replace each other. */
    if (preset && lines[KEY_RESIZE] && !lines[KEY_RESIZE_SHORT])
        p->resize_short = 0;
    if (preset && lines[KEY_RESIZE_SHORT] && !lines[KEY_RESIZE])
        p->resize_h = p->resize_w = 0;
    return BS_OK;
}
