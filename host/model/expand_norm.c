/* Normalisations that are made of other operators, and means. */
#include "model/import.h"

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
    bs_value *x = r->in[0], *mean = NULL, *centred = NULL, *square = NULL, *variance = NULL, *list,
             *stats[2] = {0};
    int64_t axes[BS_MAX_RANK];
    int n = 0;
    float epsilon;
    bool trains;
    BS_TRY(bs_batch_norm_trains(r, &trains));
    *done = trains && x->kind == BS_VALUE_FLOATS;
    if (!*done)
        return BS_OK;
    BS_TRY(bs_attr_float(r, "epsilon", 1e-5f, &epsilon));
    for (int k = 0; k < x->shape.rank; k++)
        if (k != 1)
            axes[n++] = k;
    BS_TRY(bs_step_reduce(r, &mean, "ReduceMean", x, axes, n));
    BS_TRY(bs_step_2(r, &centred, "Sub", x, mean));
    BS_TRY(bs_step_2(r, &square, "Mul", centred, centred));
    BS_TRY(bs_step_reduce(r, &variance, "ReduceMean", square, axes, n));
    BS_TRY(bs_step_ints(r, &list, (int64_t[]){-1}, 1));
    BS_TRY(bs_step_2(r, &stats[0], "Reshape", mean, list));
    BS_TRY(bs_step_2(r, &stats[1], "Reshape", variance, list));
    bs_step_attr attr = bs_attr_of_float("epsilon", epsilon);
    return bs_step(r, &r->out[0], "BatchNormalization",
                   (bs_value *[]){x, r->in[1], r->in[2], stats[0], stats[1]}, 5, &attr, 1);
}
