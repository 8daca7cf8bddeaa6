#include "job/model_keys.h"

#include "model/graph.h"

#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char size_wanted[] = "a whole number, or [HEIGHT, WIDTH]";
const char bs_size_value[] = "pixels, or `[HEIGHT, WIDTH]`";

/* Says what a size is. Two numbers in one text, such as "64 x 48", are meant as a list. */
static bs_status wrong_size(const bs_form *f, const yaml_node_t *node, const char *key, const char *text)
{
    int height, width, end = 0;
    bs_form_wrong(f, node, key, size_wanted, text);
    if (sscanf(text, "%5d%*[ ,xX]%5d%n", &height, &width, &end) == 2 && !text[end])
        return bs_hint("write it as '%s: [%d, %d]'", key, height, width);
    return bs_hint("write it as '%s: 224' (a square), or '%s: [224, 320]'", key, key);
}

static bs_status read_side(int *out, bs_form *f, const yaml_node_t *node, const char *key)
{
    char *text, *end;
    int64_t v;
    BS_TRY(bs_form_scalar(&text, f, node, key, size_wanted));
    bool whole = (strtoll(text, &end, 10), end > text && !*end);
    bs_status st =
        whole ? bs_form_integer(&v, f, node, key, 1, BS_MAX_INPUT_SIDE) : wrong_size(f, node, key, text);
    free(text);
    if (st == BS_OK)
        *out = (int)v;
    return st;
}

bs_status bs_size_read(bs_form *f, yaml_node_t *value, const bs_field *field, void *object)
{
    int *side = (int *)(void *)((char *)object + field->offset);
    int n = bs_form_count(value);
    if (n != 1 && n != 2) {
        bs_form_fail(f, bs_form_line(value), "'%s' has %d values", field->key, n);
        return bs_hint("give the side of a square, or [height, width]");
    }
    for (int i = 0; i < 2; i++)
        BS_TRY(read_side(&side[i], f, bs_form_item(f, value, i < n ? i : 0), field->key));
    return BS_OK;
}

static bs_status read_element(double *out, bs_form *f, const yaml_node_t *value, const char *name)
{
    const char *text = value->type == YAML_SCALAR_NODE ? (const char *)value->data.scalar.value : "";
    *out = strcmp(text, "true") == 0;
    if (*out > 0 || strcmp(text, "false") == 0)
        return BS_OK;
    bs_status st = bs_form_number(out, f, value, name, -DBL_MAX, DBL_MAX);
    return st == BS_USAGE ? bs_hint("an input takes numbers, true or false: NAME: 0.5, or NAME: [1, 2, 3]")
                          : st;
}

static bs_status read_values(bs_given_input *in, bs_form *f, yaml_node_t *value)
{
    int n = bs_form_count(value);
    if (n < 1) {
        bs_form_fail(f, bs_form_line(value), "input '%.200s' is given no value", in->name);
        return bs_hint("give one value for all elements, or a list with one for each");
    }
    BS_TRY(bs_calloc(&in->value, (size_t)n, sizeof *in->value, "input"));
    in->n = n;
    for (int i = 0; i < n; i++)
        BS_TRY(read_element(&in->value[i], f, bs_form_item(f, value, i), in->name));
    return BS_OK;
}

static bs_status read_input(bs_import_options *o, bs_form *f, const yaml_node_pair_t *pair)
{
    yaml_node_t *key = yaml_document_get_node(&f->doc, pair->key);
    bs_given_input *in = &o->inputs[o->n_inputs];
    BS_TRY(bs_form_scalar(&in->name, f, key, "inputs", "names with values"));
    for (int i = 0; i < o->n_inputs; i++)
        if (strcmp(o->inputs[i].name, in->name) == 0) {
            bs_form_fail(f, bs_form_line(key), "input '%.200s' is given twice", in->name);
            o->n_inputs++; /* so that it is freed */
            return BS_USAGE;
        }
    o->n_inputs++;
    return read_values(in, f, yaml_document_get_node(&f->doc, pair->value));
}

bs_status bs_given_inputs_read(bs_form *f, yaml_node_t *value, const bs_field *field, void *object)
{
    bs_import_options *o = (bs_import_options *)(void *)((char *)object + field->offset);
    if (value->type != YAML_MAPPING_NODE) {
        bs_form_fail(f, bs_form_line(value), "'%s' must be a mapping of names to values", field->key);
        return bs_hint("write it like inputs: {mask: 1}");
    }
    yaml_node_pair_t *p = value->data.mapping.pairs.start, *end = value->data.mapping.pairs.top;
    BS_TRY(bs_calloc(&o->inputs, (size_t)(end - p), sizeof *o->inputs, "inputs"));
    for (; p < end; p++)
        BS_TRY(read_input(o, f, p));
    return BS_OK;
}
