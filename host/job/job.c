#include "job/job.h"

#include "base/text.h"
#include "job/entries.h"
#include "job/form.h"
#include "job/inputs.h"
#include "job/model_keys.h"
#include "job/selectors.h"
#include "job/storage_keys.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { JOB_FILE_LIMIT = 1 << 20 };

/* Names a job that gives no name: by its file, without folder and ending. */
static bs_status name_after_file(bs_job *job)
{
    const char *slash = strrchr(job->path, '/');
    const char *base = slash ? slash + 1 : job->path;
    const char *dot = strrchr(base, '.');
    size_t n = dot && dot > base ? (size_t)(dot - base) : strlen(base);
    bs_str plain = {0}, name = {0};
    bs_str_append(&plain, base, n);
    bs_str_utf8(&name, plain.ptr ? plain.ptr : "");
    name.oom |= plain.oom;
    bs_str_clear(&plain);
    job->name = name.ptr;
    return bs_str_status(&name);
}

static bs_status read_math(bs_form *f, yaml_node_t *value, const bs_field *field, void *object)
{
    static const char *const names[] = {
#define X(suffix, name) name,
        BS_MATHS(X)
#undef X
    };
    static const char wanted[] = "fp32, tf32 or native";
    int math = 0;
    char *text;
    BS_TRY(bs_form_scalar(&text, f, value, field->key, wanted));
    while (math < BS_MATH_COUNT && strcmp(text, names[math]) != 0)
        math++;
    bs_status st = math < BS_MATH_COUNT ? BS_OK : bs_form_wrong(f, value, field->key, wanted, text);
    ((bs_job *)object)->math = (bs_math)math;
    free(text);
    return st;
}

/* Reads `K` or `all`. That K is not above the number of classes is checked once the network is known. */
static bs_status read_top_k(bs_form *f, yaml_node_t *value, const bs_field *field, void *object)
{
    int64_t k = UINT32_MAX;
    char *text;
    BS_TRY(bs_form_scalar(&text, f, value, field->key, "a whole number, or all"));
    bool all = strcmp(text, "all") == 0;
    free(text);
    if (!all && bs_form_integer(&k, f, value, field->key, (int64_t)field->min, (int64_t)field->max) != BS_OK)
        return bs_hint("the number of classes to keep of each ranking: '%s: 10', or '%s: all'", field->key,
                       field->key);
    ((bs_job *)object)->top_k = (uint32_t)k;
    return BS_OK;
}

static const bs_field job_fields[] = {
    {"name", bs_form_text, offsetof(bs_job, name), 0, 0, false, NULL, "the name of the file, without ending",
     "Name of the campaign in results."},
    {"model", bs_form_path, offsetof(bs_job, model), 0, 0, true, NULL, NULL,
     "The network, an ONNX file; see MODELS."},
    {"input_size", bs_size_read, offsetof(bs_job, import.input_size), 0, 0, false, bs_size_value, NULL,
     "The size of the network's input, where the model leaves it open."},
    {"output", bs_form_text, offsetof(bs_job, import.output), 0, 0, false, "the name of a tensor or node",
     "the first output of the model",
     "The scores of the classes: another output, any tensor, or the first output of a node; nodes that it "
     "does not need are left out."},
    {"inputs", bs_given_inputs_read, offsetof(bs_job, import), 0, 0, false, "`NAME: VALUE`, ...", NULL,
     "Values of inputs other than the images, which become constants: a number, `true` or `false` for all "
     "elements of the input, or a list with one for each."},
    {"storage", bs_model_storage_read, 0, 0, 0, false, "a type, or keys, see below", "as in the model",
     "The types in which the values of the network are stored; see TYPES OF VALUES. One type stands for "
     "`activations` "
     "and `weights`."},
    {"class_names", bs_form_path, offsetof(bs_job, class_names), 0, 0, false, NULL, NULL,
     "A file with the names of the classes, one per line, in the order of the labels; see IMAGES."},
    {"seed", bs_form_uint64, offsetof(bs_job, seed), 0, 0, false, NULL, "0",
     "Seed of all random numbers. Another seed is another campaign."},
    {"math", read_math, offsetof(bs_job, math), 0, 0, false, "`fp32`, `tf32` or `native`", "`fp32`",
     "Arithmetic of products on GPUs: IEEE single precision, or NVIDIA's shortened TF32; or `native`: where "
     "a layer's input, weights and output are all fp16 or all bf16, tensor cores multiply such values and "
     "add up in single precision, if the libraries can do so with the same bits in every batch; other "
     "layers compute as with `fp32`. Such a convolution may round the sum to 16 bits before it adds the "
     "bias. `tf32` and `native` need a GPU."},
    {"label_offset", bs_form_int, offsetof(bs_job, label_offset), -1000, 1000, false, NULL, "0",
     "The class of label 0: 1 for networks whose class 0 is the background."},
    {"audit", bs_form_double, offsetof(bs_job, audit), 0, 1, false, NULL, "0",
     "Share of the trials that are run again in full and compared; see **bitsink-run**(1)."},
    {"top_k", read_top_k, 0, 1, INT32_MAX, false, "a whole number from 1 to the number of classes, or `all`",
     "no such rankings",
     "Keep the raw ranking of this many classes for each image and each trial that is not masked, 8 bytes a "
     "class, to recompute what other tools say. NaN comes first, as argmax of NumPy and PyTorch has it; the "
     "view `ranking` of **bitsink-db**(5) shows it."},
    {"images", bs_images_read, 0, 0, 0, true, "keys, see below", NULL, "The images and their labels."},
    {"preprocess", bs_preprocess_read, 0, 0, 0, false, "keys, see below, or the name of a preset", NULL,
     "How an image becomes the input of the network."},
    {"faults", bs_entries_read, 0, 0, 0, true, "a list of fault entries, see below", NULL,
     "The faults: each entry says what is hit, how, and how often."},
};
static const bs_field_table job_keys = {job_fields, sizeof job_fields / sizeof *job_fields};

const bs_job_section bs_job_sections[] = {
    {"the job", &job_keys},
    {"storage", &bs_storage_keys},
    {"images", &bs_image_keys},
    {"preprocess", &bs_preprocess_keys},
    {"a fault", &bs_entry_keys},
    {"a selector", &bs_selector_keys},
    {NULL, NULL},
};

static bs_status read_job(bs_job *job, size_t len)
{
    bs_form form;
    BS_TRY(bs_form_open(&form, job->path, job->text, len));
    bs_status st = bs_form_mapping(&form, bs_form_root(&form), "the job", &job_keys, job, NULL);
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
    job->storage.images = BS_STORAGE_IMAGES;
    job->max_broken = -1;
    BS_TRY_GOTO(bs_calloc(&job->path, strlen(path) + 1, 1, "path"), out);
    strcpy(job->path, path);
    BS_TRY_GOTO(bs_calloc(&job->text, len + 1, 1, "job"), out);
    memcpy(job->text, text, len);
    BS_TRY_GOTO(bs_utf8_check(job->text, len, path, BS_USAGE), out);
    BS_TRY_GOTO(read_job(job, len), out);
    if (!job->name)
        BS_TRY_GOTO(name_after_file(job), out);
    *out = job;
    return BS_OK;
out:
    bs_job_free(job);
    return st;
}

static bool is_model(const char *path)
{
    size_t len = strlen(path);
    return len > 5 && strcmp(path + len - 5, ".onnx") == 0;
}

/* Whatever reading it as YAML complained about. */
static bs_status refuse_model(const char *path)
{
    bs_fail(BS_USAGE, "'%s' is a model, not a job file", path);
    return bs_hint(
        "write a job file that has it as 'model', and give that; tests/jobs/ has commented examples");
}

bs_status bs_job_read(bs_job **out, const char *path)
{
    char *text;
    size_t len;
    *out = NULL;
    if (bs_read_text(&text, &len, path, JOB_FILE_LIMIT) != BS_OK) {
        if (!*bs_error_hint() && is_model(path) && access(path, R_OK) == 0)
            return refuse_model(path);
        bs_context("job file");
        return *bs_error_hint() ? bs_error_status()
                                : bs_hint("give the path of a job file; tests/jobs/ has commented examples");
    }
    bs_status st = bs_job_parse(out, path, text, len);
    free(text);
    return st == BS_USAGE && is_model(path) ? refuse_model(path) : st;
}

void bs_job_free(bs_job *job)
{
    if (!job)
        return;
    for (int i = 0; i < job->n_entries; i++)
        bs_entry_clear(&job->entries[i]);
    free(job->entries);
    bs_images_clear(&job->images);
    free(job->path);
    free(job->text);
    free(job->name);
    free(job->model);
    bs_import_options_clear(&job->import);
    free(job->class_names);
    free(job);
}
