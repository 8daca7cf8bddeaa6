/* What values are. In the graph all are floats: also integers, and truth values, which are 0 or 1. */
#include "import/import.h"

#define TYPE(x) ONNX__TENSOR_PROTO__DATA_TYPE__##x

/* A copy, since others may need its integers. */
static bs_status copy_as_floats(bs_raw *r, int k)
{
    const bs_value *v = r->in[k];
    bs_value *copy;
    BS_TRY(bs_value_add_inner(r->im, &copy, r->name, v->name));
    BS_TRY(bs_value_alloc(r, copy, BS_VALUE_FLOATS, &v->shape));
    for (int64_t e = 0; e < v->elements; e++) {
        copy->f[e] = (float)v->i[e];
        /* 2^63 is the only float that may come out and not go back */
        if (copy->f[e] >= 0x1p63f || (int64_t)copy->f[e] != v->i[e]) {
            bs_raw_fail(r, "its constant '%.120s' holds %lld, which fp32 does not hold exactly", v->name,
                        (long long)v->i[e]);
            return bs_hint("bitsink computes integers in fp32, exactly up to %d", 1 << 24);
        }
    }
    copy->invented = v->invented;
    copy->number = v->type == TYPE(BOOL) ? BS_NUMBER_TRUTH : BS_NUMBER_WHOLE;
    r->in[k] = copy;
    return BS_OK;
}

/* A condition keeps its name. */
static bs_status turn_into_floats(bs_raw *r, bs_value *v)
{
    bs_value copy = {.name = v->name};
    BS_TRY(bs_value_alloc(r, &copy, BS_VALUE_FLOATS, &v->shape));
    for (int64_t e = 0; e < v->elements; e++)
        copy.f[e] = (float)v->i[e];
    bs_value_adapt(v);
    v->f = copy.f;
    v->kind = BS_VALUE_FLOATS;
    return BS_OK;
}

bs_status bs_lower_floats(bs_raw *r, bs_op_family family)
{
    bool mixes = family == BS_FAMILY_broadcast || family == BS_FAMILY_where || family == BS_FAMILY_clip ||
                 family == BS_FAMILY_concat;
    for (int k = 0; mixes && k < r->n_in; k++) {
        if (!r->in[k] || r->in[k]->kind != BS_VALUE_INTS)
            continue;
        if (family == BS_FAMILY_where && k == 0)
            BS_TRY(turn_into_floats(r, r->in[k]));
        else
            BS_TRY(copy_as_floats(r, k));
    }
    return BS_OK;
}

/* Returns true for a type whose casts wrap numbers around that others hold. */
static bool is_narrow(int64_t type)
{
    return type == TYPE(INT8) || type == TYPE(UINT8) || type == TYPE(INT16) || type == TYPE(UINT16);
}

bs_status bs_lower_cast(bs_raw *r, bs_node *n, bs_shape *out)
{
    bs_value *x;
    int64_t to;
    bs_number number;
    BS_TRY(bs_attr_int(r, "to", 0, &to));
    BS_TRY(bs_lower_one(r, n, &x));
    if (!bs_type_number(to, &number)) {
        bs_raw_fail(r, "it casts activations to %s, which is not supported", bs_type_name(to));
        return bs_hint("export the model in fp32");
    }
    if (x->number == BS_NUMBER_WHOLE && is_narrow(to)) {
        bs_raw_fail(r, "it casts integers to %s, where they may wrap around", bs_type_name(to));
        return bs_hint("cast to INT32 instead, which is computed exactly up to %d", 1 << 24);
    }
    if (number < BS_NUMBER_TRUTH ? number > x->number : x->number != BS_NUMBER_TRUTH) {
        n->op = BS_OP_CAST;
        n->attr.alpha = number == BS_NUMBER_TRUTH;
    }
    bs_remark_count(r->im, BS_REMARK_CAST, to);
    *out = x->shape;
    return BS_OK;
}
