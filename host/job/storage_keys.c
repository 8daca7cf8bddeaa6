#include "job/storage_keys.h"

#include "job/job.h"

#include <stdlib.h>
#include <string.h>

static bs_field_reader read_type;
static const char type_value[] = "a type, see TYPES OF VALUES";

/* X(enum suffix, key, member of bs_storage, reader, min, max, value, default, help). */
#define STORAGE_KEYS(X)                                                                                      \
    X(ACTIVATIONS, "activations", activations, read_type, 0, 0, type_value, "`fp32`",                        \
      "Type of the network's input and of what its nodes compute.")                                          \
    X(WEIGHTS, "weights", weights, read_type, 0, 0, type_value, "`fp32`",                                    \
      "Type of the weights of Conv, Gemm and "                                                               \
      "MatMul nodes.")                                                                                       \
    X(OTHERS, "others", others, read_type, 0, 0, type_value,                                                 \
      "the type of the weights if it has 16 bits or more, else `fp32`",                                      \
      "Type of all other parameters: biases, those of normalisations, constants.")                           \
    X(IMAGES, "images", images, bs_form_int, 1, 1e6, NULL, "32, or all if there are fewer",                  \
      "How many images of the job, spread evenly over their list, make the profile for the scales of "       \
      "activations. Only if the type of `activations` has scales.")

enum storage_key {
#define X(suffix, ...) STORAGE_##suffix,
    STORAGE_KEYS(X)
#undef X
        STORAGE_KEY_COUNT
};

static const bs_field storage_fields[] = {
#define X(suffix, key, member, reader, min, max, value, fallback, help)                                      \
    {key, reader, offsetof(bs_storage, member), min, max, false, value, fallback, help},
    STORAGE_KEYS(X)
#undef X
};
const bs_field_table bs_storage_keys = {storage_fields, STORAGE_KEY_COUNT};

static const char *const type_names[] = {
#define X(suffix, name, ...) name,
    BS_DTYPES(X)
#undef X
};

/* Hints at the types whose name begins with the text: "fp8". */
static bs_status hint_family(const char *text)
{
    bs_str names = {0};
    size_t len = strlen(text);
    for (int i = 0; i < BS_DTYPE_COUNT && len > 0; i++)
        if (strncmp(type_names[i], text, len) == 0)
            bs_str_printf(&names, "%s%s", names.len ? "' or '" : "", type_names[i]);
    if (names.len && !names.oom)
        bs_hint("write '%s'", names.ptr);
    bs_str_clear(&names);
    return BS_USAGE;
}

static bs_status read_type(bs_form *f, yaml_node_t *value, const bs_field *field, void *object)
{
    int type;
    bs_status st = bs_form_name(&type, f, value, field->key, "type", type_names, BS_DTYPE_COUNT);
    if (st != BS_OK)
        return value->type == YAML_SCALAR_NODE ? hint_family((const char *)value->data.scalar.value) : st;
    *(bs_dtype *)(void *)((char *)object + field->offset) = (bs_dtype)type;
    return BS_OK;
}

bs_status bs_model_storage_read(bs_form *f, yaml_node_t *value, const bs_field *field, void *object)
{
    bs_storage *s = &((bs_job *)object)->storage;
    int lines[STORAGE_KEY_COUNT] = {0};
    if (value->type == YAML_SCALAR_NODE) {
        BS_TRY(read_type(f, value, &(bs_field){.key = field->key}, &s->activations));
        s->weights = s->activations;
    } else {
        BS_TRY(bs_form_mapping(f, value, field->key, &bs_storage_keys, s, lines));
    }
    if (!lines[STORAGE_OTHERS])
        s->others = bs_storage_others(s->weights);
    if (lines[STORAGE_IMAGES] && !bs_storage_needs_profile(s)) {
        bs_form_fail(f, lines[STORAGE_IMAGES],
                     "'images' has no meaning: activations of type %s have no scales",
                     bs_dtype_name(s->activations));
        return bs_hint("leave it out: images are only needed to find the scales of activations");
    }
    return BS_OK;
}
