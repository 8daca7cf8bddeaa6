/* Normalisations that are made of other operators, and means. */
#include "import/steps.h"

/* The arithmetic mean of all operands, which broadcast. */
bs_status bs_expand_mean(bs_raw *r, bool *done)
{
    bs_value *sum = NULL, *n;
    (void)done;
    BS_TRY(bs_step(r, &sum, "Sum", r->in, r->n_in, NULL, 0));
    BS_TRY(bs_step_scalar(r, &n, (float)r->n_in));
    return bs_step_2(r, &r->out[0], "Div", sum, n);
}

/* Weights that are standardised by a BatchNormalization in training mode: mean and variance are measured, of
 * the population (divided by n). */
bs_status bs_expand_batch_norm(bs_raw *r, bool *done)
{
    bs_value *x = r->in[0], *list, *stats[2] = {0};
    bs_step_moments m;
    int64_t axes[BS_MAX_RANK];
    int n = 0;
    float epsilon;
    bool trains;
    BS_TRY(bs_batch_norm_trains(r, &trains));
    *done = trains && x->kind == BS_VALUE_FLOATS;
    if (!*done)
        return x->shape.rank > 2 ? bs_expand_normal_window(r, done) : BS_OK;
    BS_TRY(bs_attr_float(r, "epsilon", 1e-5f, &epsilon));
    for (int k = 0; k < x->shape.rank; k++)
        if (k != 1)
            axes[n++] = k;
    BS_TRY(bs_step_variance(r, x, axes, n, &m));
    BS_TRY(bs_step_ints(r, &list, (int64_t[]){-1}, 1));
    BS_TRY(bs_step_2(r, &stats[0], "Reshape", m.mean, list));
    BS_TRY(bs_step_2(r, &stats[1], "Reshape", m.variance, list));
    bs_step_attr attr = bs_attr_of_float("epsilon", epsilon);
    return bs_step(r, &r->out[0], "BatchNormalization",
                   (bs_value *[]){x, r->in[1], r->in[2], stats[0], stats[1]}, 5, &attr, 1);
}

/* Sets *y to a constant for each channel, as a shape that meets axis 1 of a tensor of this rank. A list for
 * each group (before opset 21) is repeated. */
static bs_status per_channel(bs_raw *r, bs_value **y, bs_value *x, int64_t channels, int64_t groups, int rank)
{
    bs_value *list = NULL, *wide = NULL, *to;
    bs_shape shape = {.rank = rank - 1, .dim = {channels}};
    for (int k = 1; k < rank - 1; k++)
        shape.dim[k] = 1;
    *y = NULL;
    if (x->elements != groups || groups == channels)
        return bs_step_view(r, y, x, &shape);
    BS_TRY(bs_step_reshape(r, &list, x, &(bs_shape){2, {groups, 1}}));
    BS_TRY(bs_step_ints(r, &to, (int64_t[]){groups, channels / groups}, 2));
    BS_TRY(bs_step_2(r, &wide, "Expand", list, to));
    return bs_step_reshape(r, y, wide, &shape);
}

bs_status bs_expand_group_norm(bs_raw *r, bool *done)
{
    bs_value *x = r->in[0], *scale, *bias, *ones, *zeros, *grouped = NULL, *normal = NULL, *back = NULL,
             *scaled = NULL;
    int64_t groups;
    float epsilon;
    (void)done;
    BS_TRY(bs_attr_int(r, "num_groups", 0, &groups));
    BS_TRY(bs_attr_float(r, "epsilon", 1e-5f, &epsilon));
    const int64_t *dim = x->shape.dim;
    if (x->shape.rank < 3 || groups < 1 || groups > dim[1] || dim[1] % groups)
        return bs_raw_fail(r, "%lld groups of %lld channels", (long long)groups, (long long)dim[1]);
    for (int k = 1; k < 3; k++)
        if (r->in[k]->kind != BS_VALUE_FLOATS ||
            (r->in[k]->elements != dim[1] && r->in[k]->elements != groups))
            return bs_raw_fail(r, "input %d is no constant for each channel or group", k);
    BS_TRY(per_channel(r, &scale, r->in[1], dim[1], groups, x->shape.rank));
    BS_TRY(per_channel(r, &bias, r->in[2], dim[1], groups, x->shape.rank));
    scale->norm = bias->norm = true;
    BS_TRY(bs_step_floats(r, &ones, &(bs_shape){1, {groups}}, 1.0f));
    BS_TRY(bs_step_floats(r, &zeros, &(bs_shape){1, {groups}}, 0.0f));
    BS_TRY(bs_step_reshape(r, &grouped, x, &(bs_shape){3, {dim[0], groups, -1}}));
    bs_step_attr attr = bs_attr_of_float("epsilon", epsilon);
    BS_TRY(bs_step(r, &normal, "InstanceNormalization", (bs_value *[]){grouped, ones, zeros}, 3, &attr, 1));
    BS_TRY(bs_step_reshape(r, &back, normal, &x->shape));
    BS_TRY(bs_step_2(r, &scaled, "Mul", back, scale));
    return bs_step_2(r, &r->out[0], "Add", scaled, bias);
}

/* x / sqrt(mean(x^2) + epsilon) * scale, over the axes from `axis` on. */
static bs_status root_mean_square(bs_raw *r, bs_value *x, bs_value *scale)
{
    bs_value *square = NULL, *mean = NULL, *e, *sum = NULL, *root = NULL, *normal = NULL;
    int64_t axes[BS_MAX_RANK], given;
    int axis, n = 0;
    float epsilon;
    BS_TRY(bs_attr_int(r, "axis", -1, &given));
    BS_TRY(bs_attr_float(r, "epsilon", 1e-5f, &epsilon));
    BS_TRY(bs_normal_axis(r, given, x->shape.rank, &axis));
    for (int k = axis; k < x->shape.rank; k++)
        axes[n++] = k;
    scale->norm = scale->kind == BS_VALUE_FLOATS;
    BS_TRY(bs_step_2(r, &square, "Mul", x, x));
    BS_TRY(bs_step_reduce(r, &mean, "ReduceMean", square, axes, n));
    BS_TRY(bs_step_scalar(r, &e, epsilon));
    BS_TRY(bs_step_2(r, &sum, "Add", mean, e));
    BS_TRY(bs_step_1(r, &root, "Sqrt", sum));
    BS_TRY(bs_step_2(r, &normal, "Div", x, root));
    return bs_step_2(r, &r->out[0], "Mul", normal, scale);
}

bs_status bs_expand_rms_norm(bs_raw *r, bool *done)
{
    (void)done;
    return root_mean_square(r, r->in[0], r->in[1]);
}

/* Adds input 1 and the constant `bias` to input 0; output 3 is the sum. */
static bs_status skip_sum(bs_raw *r, bs_value *bias, bs_value **sum)
{
    bs_value *first = NULL, *wanted = r->n_out > 3 && r->out[3] && r->out[3]->wanted ? r->out[3] : NULL;
    for (int k = 1; k < 3 && k < r->n_out; k++)
        if (r->out[k] && r->out[k]->wanted)
            return bs_raw_fail(r, "its output %d is used", k);
    if (bias)
        BS_TRY(bs_step_2(r, &first, "Add", r->in[0], r->in[1]));
    *sum = wanted;
    return bias ? bs_step_2(r, sum, "Add", first, bias) : bs_step_2(r, sum, "Add", r->in[0], r->in[1]);
}

bs_status bs_expand_skip_layer_norm(bs_raw *r, bool *done)
{
    bs_value *sum;
    float epsilon;
    (void)done;
    BS_TRY(bs_attr_float(r, "epsilon", 1e-12f, &epsilon));
    BS_TRY(skip_sum(r, bs_raw_input(r, 4), &sum));
    bs_step_attr attr = bs_attr_of_float("epsilon", epsilon);
    return bs_step(r, &r->out[0], "LayerNormalization", (bs_value *[]){sum, r->in[2], bs_raw_input(r, 3)}, 3,
                   &attr, 1);
}

bs_status bs_expand_skip_rms_norm(bs_raw *r, bool *done)
{
    bs_value *sum;
    (void)done;
    BS_TRY(skip_sum(r, bs_raw_input(r, 3), &sum));
    return root_mean_square(r, sum, r->in[2]);
}

/* Before opset 13, a Softmax spans all axes from `axis` on. */
bs_status bs_expand_softmax(bs_raw *r, bool *done)
{
    bs_value *x = r->in[0], *flat = NULL, *normal = NULL;
    bs_step_attr last = bs_attr_of_int("axis", -1);
    bs_shape shape = x->shape;
    int64_t given;
    int axis, n_long = 0;
    *done = false;
    if (r->opset >= 13)
        return BS_OK;
    BS_TRY(bs_attr_int(r, "axis", 1, &given));
    BS_TRY(bs_normal_axis(r, given, x->shape.rank, &axis));
    for (int k = axis; k < x->shape.rank; k++)
        n_long += x->shape.dim[k] > 1;
    *done = n_long > 1;
    if (!*done)
        return BS_OK;
    shape.rank = axis + 1;
    for (int k = axis + 1; k < x->shape.rank; k++)
        shape.dim[axis] *= x->shape.dim[k];
    BS_TRY(bs_step_reshape(r, &flat, x, &shape));
    BS_TRY(bs_step(r, &normal, r->op, &flat, 1, &last, 1));
    return bs_step_reshape(r, &r->out[0], normal, &x->shape);
}
