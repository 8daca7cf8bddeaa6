#include "data/dataset.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/sha256.h"
#include "data/idx.h"
#include "data/listing.h"
#include "data/pixels.h"

#include <stdlib.h>
#include <string.h>

/* Files are read whole before they are decoded. */
#define MAX_FILE_BYTES ((size_t)1 << 28)

struct bs_dataset {
    bs_listing list;
    bs_idx idx; /* empty unless the images come from idx files */
};

static bs_status list_idx(bs_dataset *d, const bs_dataset_spec *spec, int classes)
{
    BS_TRY(bs_idx_read(&d->idx, spec->idx_images, spec->idx_labels, classes));
    const char *slash = strrchr(spec->idx_images, '/');
    const char *base = slash ? slash + 1 : spec->idx_images;
    bs_str path = {0};
    bs_status st = BS_OK;
    for (size_t i = 0; i < d->idx.count; i++) {
        path.len = 0;
        bs_str_printf(&path, "%s#%zu", base, i);
        BS_TRY_GOTO(bs_str_status(&path), out);
        int label = d->idx.labels ? d->idx.labels[i] : -1;
        BS_TRY_GOTO(bs_listing_add(&d->list, path.ptr, NULL, label, i), out);
    }
out:
    bs_str_clear(&path);
    return st;
}

static bs_status check_form(const bs_dataset_spec *spec)
{
    int forms = !!spec->labels + !!spec->folder + !!spec->idx_images + (spec->n_files > 0);
    if (forms != 1) {
        bs_fail(BS_ERR, forms ? "images are given in more than one way" : "no images are given");
        return bs_hint("give exactly one of: a labels file, a folder, idx files, a list of files");
    }
    if (spec->root && !spec->labels) {
        bs_fail(BS_ERR, "an image root folder is given without a labels file");
        return bs_hint("for one sub-folder per class give 'folder' instead of 'root'");
    }
    if (spec->idx_labels && !spec->idx_images)
        return bs_fail(BS_ERR, "idx labels are given without idx images");
    if (spec->first < 0 || spec->limit < 0)
        return bs_fail(BS_ERR, "'first' and 'limit' of the images must not be negative");
    return BS_OK;
}

/* The lines of `synsets` are the network's classes, and may have names after their ids. */
static bs_status name_by_synsets(bs_listing *list, const char *path)
{
    bs_status st = bs_class_names_read(&list->class_names, &list->n_class_names, path);
    if (st != BS_ERR)
        return st;
    bs_warn("classes have no names: %s", bs_error_message());
    return BS_OK;
}

bs_status bs_dataset_open(bs_dataset **out, const bs_dataset_spec *spec, int classes)
{
    *out = NULL;
    BS_TRY(check_form(spec));
    bs_dataset *d;
    BS_TRY(bs_calloc(&d, 1, sizeof *d, "image list"));
    bs_status st = BS_OK;
    const char *source = spec->labels;
    d->list.first = spec->first;
    d->list.limit = spec->limit;
    if (spec->labels) {
        BS_TRY_GOTO(bs_list_csv(&d->list, spec, classes), out);
    } else if (spec->folder) {
        source = spec->folder;
        if (spec->ground_truth || spec->unlabelled)
            BS_TRY_GOTO(bs_list_flat(&d->list, spec, classes), out);
        else
            BS_TRY_GOTO(bs_list_folder(&d->list, spec->folder, spec->synsets, classes), out);
    } else if (spec->idx_images) {
        source = spec->idx_images;
        BS_TRY_GOTO(list_idx(d, spec, classes), out);
    } else {
        source = "the list of files";
        BS_TRY_GOTO(bs_list_files(&d->list, spec->files, spec->n_files), out);
    }
    if (spec->synsets)
        BS_TRY_GOTO(name_by_synsets(&d->list, spec->synsets), out);
    BS_TRY_GOTO(bs_listing_check(&d->list, source), out);
    BS_TRY_GOTO(bs_listing_check_files(&d->list, spec->labels), out);
    *out = d;
    return BS_OK;
out:
    bs_dataset_close(d);
    return st;
}

void bs_dataset_close(bs_dataset *d)
{
    if (!d)
        return;
    bs_listing_clear(&d->list);
    bs_idx_clear(&d->idx);
    free(d);
}

size_t bs_dataset_count(const bs_dataset *d)
{
    return d ? d->list.n : 0;
}

const bs_image *bs_dataset_image(const bs_dataset *d, size_t i)
{
    return i < bs_dataset_count(d) ? &d->list.items[i].image : NULL;
}

int bs_dataset_class_names(const bs_dataset *d, const char *const **names)
{
    *names = (const char *const *)d->list.class_names;
    return d->list.n_class_names;
}

static bs_status read_item(char **bytes, size_t *len, const bs_dataset *d, const bs_item *item)
{
    char *path;
    BS_TRY(bs_item_path(&path, &d->list, item));
    bs_status st = bs_read_file(bytes, len, path, MAX_FILE_BYTES);
    free(path);
    if (st == BS_ERR)
        bs_hint("check the file, or leave it out of the list");
    return st == BS_OK ? st : bs_context("image '%s'", item->image.path);
}

static bs_status decode_file(bs_pixels *out, const bs_dataset *d, const bs_item *item, char *hash)
{
    char *bytes = NULL;
    size_t len = 0;
    BS_TRY(read_item(&bytes, &len, d, item));
    if (hash)
        bs_sha256_text(bytes, len, hash);
    bs_status st = bs_pixels_decode(out, (const uint8_t *)bytes, len);
    if (st != BS_OK)
        st = bs_context("cannot decode image '%s'", item->image.path);
    free(bytes);
    return st;
}

static bs_status copy_idx(bs_pixels *out, const bs_idx *idx, size_t index, char *hash)
{
    size_t bytes = (size_t)idx->height * (size_t)idx->width * (size_t)idx->channels;
    BS_TRY(bs_pixels_alloc(out, idx->width, idx->height, idx->channels));
    memcpy(out->data, idx->pixels + index * bytes, bytes);
    if (hash)
        bs_sha256_text(out->data, bytes, hash);
    return BS_OK;
}

static bs_status decode(bs_pixels *out, const bs_dataset *d, size_t i, char *hash, bool *broken)
{
    *broken = false;
    if (i >= bs_dataset_count(d))
        return bs_fail(BS_ERR, "image %zu is outside the %zu images of the set", i, bs_dataset_count(d));
    const bs_item *item = &d->list.items[i];
    bs_status st = item->file ? decode_file(out, d, item, hash) : copy_idx(out, &d->idx, item->line, hash);
    *broken = item->file && st != BS_OK;
    return st;
}

bs_status bs_dataset_hash(const bs_dataset *d, size_t i, char hash[65])
{
    char *bytes = NULL;
    size_t len = 0;
    if (i >= bs_dataset_count(d))
        return bs_fail(BS_ERR, "image %zu is outside the %zu images of the set", i, bs_dataset_count(d));
    const bs_item *item = &d->list.items[i];
    if (!item->file) {
        len = (size_t)d->idx.height * (size_t)d->idx.width * (size_t)d->idx.channels;
        bs_sha256_text(d->idx.pixels + item->line * len, len, hash);
        return BS_OK;
    }
    BS_TRY(read_item(&bytes, &len, d, item));
    bs_sha256_text(bytes, len, hash);
    free(bytes);
    return BS_OK;
}

bs_status bs_dataset_size(const bs_dataset *d, size_t i, const bs_preprocess *p, int *height, int *width,
                          bool *broken)
{
    bs_pixels px = {0};
    BS_TRY(decode(&px, d, i, NULL, broken));
    bs_status st = bs_pixels_reshape(&px, p);
    *height = px.height;
    *width = px.width;
    bs_pixels_clear(&px);
    return st == BS_OK ? BS_OK : bs_context("image '%s'", d->list.items[i].image.path);
}

bs_status bs_dataset_try_load(const bs_dataset *d, size_t i, const bs_preprocess *p, int channels, int height,
                              int width, float *chw, char *hash, bool *broken)
{
    bs_pixels px = {0};
    BS_TRY(decode(&px, d, i, hash, broken));
    bs_status st = bs_pixels_preprocess(&px, p, channels, height, width, chw);
    bs_pixels_clear(&px);
    return st == BS_OK ? BS_OK : bs_context("image '%s'", d->list.items[i].image.path);
}

bs_status bs_dataset_load(const bs_dataset *d, size_t i, const bs_preprocess *p, int channels, int height,
                          int width, float *chw, char *hash)
{
    bool broken;
    return bs_dataset_try_load(d, i, p, channels, height, width, chw, hash, &broken);
}
