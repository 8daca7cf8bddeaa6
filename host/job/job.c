#include "job/job.h"

#include "base/buf.h"
#include "job/entries.h"
#include "job/form.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

enum { JOB_FILE_LIMIT = 1 << 20, MAX_SIDE = 16384 };

/* --- images --- */

/* X(enum suffix, key, reader, member, min, max). */
#define IMAGE_KEYS(X)                                                                                        \
    X(LABELS, "labels", bs_form_path, labels, 0, 0)                                                          \
    X(ROOT, "root", bs_form_path, root, 0, 0)                                                                \
    X(FOLDER, "folder", bs_form_path, folder, 0, 0)                                                          \
    X(IDX_IMAGES, "idx_images", bs_form_path, idx_images, 0, 0)                                              \
    X(IDX_LABELS, "idx_labels", bs_form_path, idx_labels, 0, 0)                                              \
    X(FIRST, "first", bs_form_int64, first, 0, 1e12)                                                         \
    X(LIMIT, "limit", bs_form_int64, limit, 0, 1e12)

enum image_key {
#define X(suffix, key, reader, member, min, max) IMAGE_##suffix,
    IMAGE_KEYS(X)
#undef X
        IMAGE_KEY_COUNT
};

static bs_status read_images(bs_form *f, yaml_node_t *value, const bs_field *field, void *object)
{
    static const bs_field fields[] = {
#define X(suffix, key, reader, member, min, max)                                                             \
    {key, reader, offsetof(bs_dataset_spec, member), min, max, false},
        IMAGE_KEYS(X)
#undef X
    };
    int lines[IMAGE_KEY_COUNT];
    BS_TRY(
        bs_form_mapping(f, value, field->key, fields, IMAGE_KEY_COUNT, &((bs_job *)object)->images, lines));
    bool idx = lines[IMAGE_IDX_IMAGES] || lines[IMAGE_IDX_LABELS];
    int forms = (lines[IMAGE_LABELS] > 0) + (lines[IMAGE_FOLDER] > 0) + idx;
    if (forms != 1) {
        bs_form_fail(f, bs_form_line(value),
                     forms ? "images are given in more than one form" : "no images are given");
        return bs_hint("give exactly one of: labels (a CSV file), folder, idx_images with idx_labels");
    }
    if (idx && !(lines[IMAGE_IDX_IMAGES] && lines[IMAGE_IDX_LABELS])) {
        bs_form_fail(f, bs_form_line(value), "idx_images and idx_labels belong together");
        return bs_hint("add '%s: ...'", lines[IMAGE_IDX_IMAGES] ? "idx_labels" : "idx_images");
    }
    if (lines[IMAGE_ROOT] && !lines[IMAGE_LABELS]) {
        bs_form_fail(f, lines[IMAGE_ROOT], "'root' has no meaning without 'labels'");
        return bs_hint("it is the folder of the files that the CSV in 'labels' lists");
    }
    return BS_OK;
}

/* --- preprocess --- */

/* One number for all channels, or a list of one for each; returns the count. */
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

/* A side of a square, or [height, width]; the two ints lie one after the other. */
static bs_status read_size(bs_form *f, yaml_node_t *value, const bs_field *field, void *object)
{
    int *side = (int *)(void *)((char *)object + field->offset);
    int n = bs_form_count(value);
    if (n != 1 && n != 2) {
        bs_form_fail(f, bs_form_line(value), "'%s' has %d values", field->key, n);
        return bs_hint("give the side of a square, or [height, width]");
    }
    for (int i = 0; i < 2; i++) {
        int64_t v;
        BS_TRY(bs_form_integer(&v, f, bs_form_item(f, value, i < n ? i : 0), field->key, 1, MAX_SIDE));
        side[i] = (int)v;
    }
    return BS_OK;
}

static bs_status read_preprocess(bs_form *f, yaml_node_t *value, const bs_field *field, void *object)
{
    static const bs_field fields[] = {
        {"scale", bs_form_float, offsetof(bs_preprocess, scale), FLT_MIN, FLT_MAX, false},
        {"mean", read_mean, 0, 0, 0, false},
        {"std", read_std, 0, 0, 0, false},
        {"bgr", bs_form_bool, offsetof(bs_preprocess, bgr), 0, 0, false},
        {"resize_short", bs_form_int, offsetof(bs_preprocess, resize_short), 1, MAX_SIDE, false},
        {"crop_fraction", bs_form_float, offsetof(bs_preprocess, crop_fraction), 0.01, 1, false},
        {"resize", read_size, offsetof(bs_preprocess, resize_h), 0, 0, false},
        {"crop", read_size, offsetof(bs_preprocess, crop_h), 0, 0, false},
    };
    return bs_form_mapping(f, value, field->key, fields, (int)(sizeof fields / sizeof *fields),
                           &((bs_job *)object)->preprocess, NULL);
}

/* --- the whole file --- */

/* The name of a job that gives none: its file's, without folder and ending. */
static bs_status name_after_file(bs_job *job)
{
    const char *slash = strrchr(job->path, '/');
    const char *base = slash ? slash + 1 : job->path;
    const char *dot = strrchr(base, '.');
    size_t n = dot && dot > base ? (size_t)(dot - base) : strlen(base);
    BS_TRY(bs_calloc(&job->name, n + 1, 1, "job name"));
    memcpy(job->name, base, n);
    return BS_OK;
}

static bs_status read_job(bs_job *job, size_t len)
{
    static const bs_field fields[] = {
        {"name", bs_form_text, offsetof(bs_job, name), 0, 0, false},
        {"model", bs_form_path, offsetof(bs_job, model), 0, 0, true},
        {"class_names", bs_form_path, offsetof(bs_job, class_names), 0, 0, false},
        {"seed", bs_form_uint64, offsetof(bs_job, seed), 0, 0, false},
        {"label_offset", bs_form_int, offsetof(bs_job, label_offset), -1000, 1000, false},
        {"images", read_images, 0, 0, 0, true},
        {"preprocess", read_preprocess, 0, 0, 0, false},
        {"faults", bs_entries_read, 0, 0, 0, true},
    };
    bs_form form;
    BS_TRY(bs_form_open(&form, job->path, job->text, len));
    bs_status st = bs_form_mapping(&form, bs_form_root(&form), "the job", fields,
                                   (int)(sizeof fields / sizeof *fields), job, NULL);
    bs_form_close(&form);
    return st;
}

bs_status bs_job_parse(bs_job **out, const char *path, const char *text, size_t len)
{
    bs_job *job = NULL;
    bs_status st;
    *out = NULL;
    if (len > JOB_FILE_LIMIT)
        return bs_fail(BS_USAGE, "'%s' is larger than the limit of %d bytes", path, JOB_FILE_LIMIT);
    BS_TRY(bs_calloc(&job, 1, sizeof *job, "job"));
    bs_preprocess_default(&job->preprocess);
    BS_TRY_GOTO(bs_calloc(&job->path, strlen(path) + 1, 1, "path"), out);
    strcpy(job->path, path);
    BS_TRY_GOTO(bs_calloc(&job->text, len + 1, 1, "job"), out);
    memcpy(job->text, text, len);
    BS_TRY_GOTO(read_job(job, len), out);
    if (!job->name)
        BS_TRY_GOTO(name_after_file(job), out);
    *out = job;
    return BS_OK;
out:
    bs_job_free(job);
    return st;
}

bs_status bs_job_read(bs_job **out, const char *path)
{
    char *text;
    size_t len;
    *out = NULL;
    if (bs_read_file(&text, &len, path, JOB_FILE_LIMIT) != BS_OK) {
        bs_context("job file");
        return bs_hint("give the path of a job file; tests/jobs/ has commented examples");
    }
    bs_status st = bs_job_parse(out, path, text, len);
    free(text);
    return st;
}

void bs_job_free(bs_job *job)
{
    if (!job)
        return;
    for (int i = 0; i < job->n_entries; i++)
        bs_entry_clear(&job->entries[i]);
    free(job->entries);
    free((char *)job->images.labels);
    free((char *)job->images.root);
    free((char *)job->images.folder);
    free((char *)job->images.idx_images);
    free((char *)job->images.idx_labels);
    free(job->path);
    free(job->text);
    free(job->name);
    free(job->model);
    free(job->class_names);
    free(job);
}
