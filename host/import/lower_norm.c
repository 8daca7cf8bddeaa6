#include "import/import.h"

#include <string.h>

/* From opset 7 to 13, a node with more than one output measured mean and variance. */
bs_status bs_batch_norm_trains(const bs_raw *r, bool *trains)
{
    int64_t mode;
    BS_TRY(bs_attr_int(r, "training_mode", 0, &mode));
    *trains = mode != 0;
    for (int k = 1; k < r->n_out && r->opset < 14; k++)
        *trains |= r->out[k] != NULL;
    return BS_OK;
}

bs_status bs_lower_batch_norm(bs_raw *r, bs_node *n, bs_shape *out)
{
    static const char *const what[] = {"", "scale", "bias", "mean", "variance"};
    bs_value *x, *p;
    int64_t spatial;
    bool trains;
    BS_TRY(bs_raw_activation(r, 0, &x));
    BS_TRY(bs_batch_norm_trains(r, &trains));
    BS_TRY(bs_attr_int(r, "spatial", 1, &spatial));
    BS_TRY(bs_attr_float(r, "epsilon", 1e-5f, &n->attr.epsilon));
    if (trains) {
        bs_raw_fail(r, "it is in training mode");
        return bs_hint("export the model for inference: model.eval() before torch.onnx.export()");
    }
    if (spatial != 1 || x->shape.rank < 2)
        return bs_raw_fail(r, "only normalisation by channel is supported");
    /* Rows of (N * rows, channels) may share the axis of the images. */
    BS_TRY(bs_place_axis(r, x, 1, "has channels along", &n->attr.axis));
    if (n->attr.axis != 0 && x->shape.rank > 2)
        BS_TRY(bs_place_first(r, x));
    BS_TRY(bs_lower_inputs(n, 5));
    n->in[0] = bs_value_index(x);
    for (int k = 1; k < 5; k++) {
        BS_TRY(bs_raw_constant(r, k, what[k], &p));
        if (p->shape.rank != 1 || p->elements != x->shape.dim[1])
            return bs_raw_fail(r, "its %s has %lld elements for %lld channels", what[k],
                               (long long)p->elements, (long long)x->shape.dim[1]);
        BS_TRY(bs_lower_whole(r, p));
        n->in[k] = bs_value_index(p);
    }
    *out = x->shape;
    return BS_OK;
}

/* Scale and bias have the shape of the normalised axes, from `axis` on. */
static bs_status check_line(const bs_raw *r, const char *what, const bs_shape *x, int axis, const bs_shape *p)
{
    bool fits = p->rank <= x->rank;
    char text[96], whole[96];
    for (int k = 0; fits && k < x->rank; k++) {
        int at = k - (x->rank - p->rank);
        fits = (at < 0 ? 1 : p->dim[at]) == (k < axis ? 1 : x->dim[k]);
    }
    if (fits)
        return BS_OK;
    bs_raw_fail(r, "its %s of shape %s does not fit axis %d and later of %s", what,
                bs_shape_text(p, text, sizeof text), axis, bs_shape_text(x, whole, sizeof whole));
    return bs_hint(
        "give it a scale of ones and no bias, and let Mul and Add follow, whose operands broadcast");
}

/* Normalises over the axes from `axis` on. */
bs_status bs_lower_layer_norm(bs_raw *r, bs_node *n, bs_shape *out)
{
    bs_value *x, *p;
    int64_t given;
    int axis;
    BS_TRY(bs_raw_activation(r, 0, &x));
    BS_TRY(bs_attr_int(r, "axis", -1, &given));
    BS_TRY(bs_attr_float(r, "epsilon", 1e-5f, &n->attr.epsilon));
    BS_TRY(bs_normal_axis(r, given, x->shape.rank, &axis));
    for (int k = x->shape.rank - 1; k >= axis; k--)
        BS_TRY(bs_place_axis(r, x, k, "normalises along", &n->attr.axis));
    BS_TRY(bs_lower_inputs(n, 3));
    n->in[0] = bs_value_index(x);
    for (int k = 1; k < 3; k++) {
        if (!bs_raw_input(r, k))
            continue;
        BS_TRY(bs_raw_constant(r, k, k == 1 ? "scale" : "bias", &p));
        BS_TRY(bs_lower_whole(r, p));
        BS_TRY(check_line(r, k == 1 ? "scale" : "bias", &x->shape, axis, &p->shape));
        n->in[k] = bs_value_index(p);
    }
    *out = x->shape;
    return n->in[1] >= 0 ? BS_OK : bs_raw_fail(r, "its scale is missing");
}

bs_status bs_lower_instance_norm(bs_raw *r, bs_node *n, bs_shape *out)
{
    bs_value *x, *p;
    BS_TRY(bs_raw_activation(r, 0, &x));
    BS_TRY(bs_attr_float(r, "epsilon", 1e-5f, &n->attr.epsilon));
    if (x->shape.rank < 3)
        return bs_raw_fail(r, "its input has %d dimensions, at least 3 are needed", x->shape.rank);
    BS_TRY(bs_place_first(r, x));
    BS_TRY(bs_lower_inputs(n, 3));
    n->in[0] = bs_value_index(x);
    for (int k = 1; k < 3; k++) {
        BS_TRY(bs_raw_constant(r, k, k == 1 ? "scale" : "bias", &p));
        if (p->shape.rank != 1 || p->elements != x->shape.dim[1])
            return bs_raw_fail(r, "its %s has %lld elements in %d dimensions for %lld channels",
                               k == 1 ? "scale" : "bias", (long long)p->elements, p->shape.rank,
                               (long long)x->shape.dim[1]);
        BS_TRY(bs_lower_whole(r, p));
        n->in[k] = bs_value_index(p);
    }
    *out = x->shape;
    return BS_OK;
}

bs_status bs_lower_softmax(bs_raw *r, bs_node *n, bs_shape *out)
{
    bs_value *x;
    int64_t given;
    int axis;
    BS_TRY(bs_lower_one(r, n, &x));
    BS_TRY(bs_attr_int(r, "axis", r->opset < 13 ? 1 : -1, &given));
    BS_TRY(bs_normal_axis(r, given, x->shape.rank, &axis));
    /* Before opset 13 it spans all axes from this one on: one is longer than 1, see bs_expand_softmax(). */
    for (int k = axis; r->opset < 13 && k < x->shape.rank; k++)
        axis = x->shape.dim[k] > 1 ? k : axis;
    BS_TRY(bs_place_axis(r, x, axis, "normalises along", &n->attr.axis));
    *out = x->shape;
    return BS_OK;
}

bs_status bs_lower_lrn(bs_raw *r, bs_node *n, bs_shape *out)
{
    bs_value *x;
    int64_t size;
    BS_TRY(bs_raw_activation(r, 0, &x));
    BS_TRY(bs_attr_float(r, "alpha", 1e-4f, &n->attr.alpha));
    BS_TRY(bs_attr_float(r, "beta", 0.75f, &n->attr.beta));
    BS_TRY(bs_attr_float(r, "bias", 1, &n->attr.epsilon));
    BS_TRY(bs_attr_int(r, "size", 0, &size));
    if (size < 1 || size > BS_MAX_GEOMETRY || x->shape.rank != 4)
        return bs_raw_fail(r, "only (N, C, H, W) data and a positive size are supported");
    BS_TRY(bs_place_first(r, x));
    BS_TRY(bs_lower_inputs(n, 1));
    n->in[0] = bs_value_index(x);
    n->attr.size = (int)size;
    *out = x->shape;
    return BS_OK;
}
