#include "import/import.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define ATTR(x) ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__##x

bs_status bs_raw_fail(const bs_raw *r, const char *fmt, ...)
{
    char reason[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(reason, sizeof reason, fmt, ap);
    va_end(ap);
    bs_fail(BS_ERR, "node '%.200s' (%.60s): %s", r->name, r->op, reason);
    return bs_hint("check the model with onnx.checker; exporting it again with constant folding may help");
}

bs_status bs_raw_mixes(const bs_raw *r, const char *how)
{
    bs_raw_fail(r, "operator %.60s would mix images: %s", r->op, how);
    return bs_hint("bitsink runs each image alone, so axis 0 must stay the batch through the whole model");
}

/* An attribute of a function's node may stand for one of the node that calls it. */
static const Onnx__AttributeProto *follow(const bs_raw *r, const Onnx__AttributeProto *a)
{
    if (!a->ref_attr_name || !*a->ref_attr_name)
        return a;
    const bs_scope *s = r->scope;
    while (s && !s->call)
        s = s->around;
    const Onnx__AttributeProto *given = s ? bs_attr_find(s->call, a->ref_attr_name) : a;
    for (size_t k = 0; s && !given && k < s->n_defaults; k++)
        given = bs_attr_is(s->defaults[k], a->ref_attr_name) ? s->defaults[k] : NULL;
    return given;
}

const char *bs_node_name(const Onnx__NodeProto *p)
{
    return p->name && *p->name ? p->name : p->n_output ? p->output[0] : "";
}

bool bs_attr_is(const Onnx__AttributeProto *a, const char *name)
{
    return a->name && strcmp(a->name, name) == 0;
}

const Onnx__AttributeProto *bs_attr_find(const bs_raw *r, const char *name)
{
    for (size_t k = 0; k < r->proto->n_attribute; k++) {
        const Onnx__AttributeProto *a = r->proto->attribute[k];
        if (bs_attr_is(a, name))
            return follow(r, a);
    }
    return NULL;
}

/* Finds an attribute. Files before IR version 2 state no type; a type that is stated must fit. */
static bs_status find_typed(const bs_raw *r, const char *name, Onnx__AttributeProto__AttributeType type,
                            const Onnx__AttributeProto **out)
{
    *out = bs_attr_find(r, name);
    if (*out && (*out)->has_type && (*out)->type != type)
        return bs_raw_fail(r, "attribute '%s' has the wrong type", name);
    if (*out && (*out)->ref_attr_name && *(*out)->ref_attr_name)
        return bs_raw_fail(r, "attribute '%s' refers to an attribute of a function", name);
    return BS_OK;
}

bs_status bs_attr_int(const bs_raw *r, const char *name, int64_t absent, int64_t *out)
{
    const Onnx__AttributeProto *a;
    BS_TRY(find_typed(r, name, ATTR(INT), &a));
    *out = a ? a->i : absent;
    return BS_OK;
}

bs_status bs_attr_float(const bs_raw *r, const char *name, float absent, float *out)
{
    const Onnx__AttributeProto *a;
    BS_TRY(find_typed(r, name, ATTR(FLOAT), &a));
    *out = a ? a->f : absent;
    return BS_OK;
}

bs_status bs_attr_string(const bs_raw *r, const char *name, const char *absent, char out[32])
{
    const Onnx__AttributeProto *a;
    BS_TRY(find_typed(r, name, ATTR(STRING), &a));
    if (!a || a->s.len == 0)
        snprintf(out, 32, "%s", absent);
    else
        snprintf(out, 32, "%.*s", a->s.len < 31 ? (int)a->s.len : 31, (const char *)a->s.data);
    return BS_OK;
}

bs_status bs_raw_choice(const bs_raw *r, const char *name, const char *absent, const char *const *names,
                        int n, int *out)
{
    char given[32];
    BS_TRY(bs_attr_string(r, name, absent, given));
    for (*out = 0; *out < n; (*out)++)
        if (strcmp(given, names[*out]) == 0)
            return BS_OK;
    char known[192] = "";
    for (int k = 0, at = 0; k < n && at < (int)sizeof known; k++)
        at += snprintf(known + at, sizeof known - (size_t)at, "%s'%s'", k ? ", " : "", names[k]);
    bs_raw_fail(r, "%s '%s' is not supported", name, given);
    return bs_hint("export the model with another %s, which computes something else: %s", name, known);
}

bs_status bs_attr_ints(const bs_raw *r, const char *name, const int64_t **out, size_t *n, bool *present)
{
    const Onnx__AttributeProto *a;
    *out = NULL;
    *n = 0;
    BS_TRY(find_typed(r, name, ATTR(INTS), &a));
    *present = a != NULL;
    if (a) {
        *out = a->ints;
        *n = a->n_ints;
    }
    return BS_OK;
}

bs_value *bs_raw_input(const bs_raw *r, int input)
{
    return input < r->n_in ? r->in[input] : NULL;
}

bs_status bs_raw_activation(const bs_raw *r, int input, bs_value **out)
{
    *out = bs_raw_input(r, input);
    if (!*out)
        return bs_raw_fail(r, "input %d is missing", input);
    if ((*out)->kind != BS_VALUE_ACTIVATION)
        return bs_raw_fail(r, "input %d ('%.120s') is constant where data of the image is expected", input,
                           (*out)->name);
    return BS_OK;
}

bs_status bs_raw_constant(const bs_raw *r, int input, const char *what, bs_value **out)
{
    *out = bs_raw_input(r, input);
    if (!*out)
        return bs_raw_fail(r, "its %s (input %d) is missing", what, input);
    if ((*out)->kind == BS_VALUE_ACTIVATION) {
        bs_raw_fail(r, "its %s ('%.120s') is computed from the image, only constants are supported", what,
                    (*out)->name);
        return bs_hint("only networks with fixed parameters can be replayed");
    }
    if ((*out)->kind != BS_VALUE_FLOATS || (*out)->elements == 0)
        return bs_raw_fail(r, "its %s ('%.120s') is not a floating-point tensor", what, (*out)->name);
    return BS_OK;
}

bs_status bs_raw_ints(const bs_raw *r, int input, const char *attr, const int64_t **out, size_t *n,
                      bool *present)
{
    bs_value *v = input >= 0 ? bs_raw_input(r, input) : NULL;
    if (!v)
        return bs_attr_ints(r, attr, out, n, present);
    if (v->kind == BS_VALUE_ACTIVATION) {
        bs_raw_fail(r, "input %d ('%.120s', its %s) is computed from the image", input, v->name, attr);
        return bs_hint("shapes must not depend on pixel values");
    }
    if (v->kind != BS_VALUE_INTS || v->shape.rank > 1)
        return bs_raw_fail(r, "input %d ('%.120s', its %s) is not a list of integers", input, v->name, attr);
    *out = v->i;
    *n = (size_t)v->elements;
    *present = true;
    return BS_OK;
}
