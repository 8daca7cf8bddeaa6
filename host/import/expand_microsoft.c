/* Operators that ONNX Runtime makes of others when it saves an optimised file (domain com.microsoft). */
#include "import/steps.h"

#include <stdio.h>
#include <string.h>

bs_status bs_expand_ms_gelu(bs_raw *r, bool *done)
{
    (void)done;
    return bs_step_1(r, &r->out[0], "Gelu", r->in[0]);
}

/* Sets *y to the sum of input 0 and input 1, if there is one. */
static bs_status biased(bs_raw *r, bs_value **y)
{
    bs_value *bias = bs_raw_input(r, 1);
    *y = bias ? NULL : r->in[0];
    return bias ? bs_step_2(r, y, "Add", r->in[0], bias) : BS_OK;
}

bs_status bs_expand_bias_gelu(bs_raw *r, bool *done)
{
    bs_value *sum;
    (void)done;
    BS_TRY(biased(r, &sum));
    return bs_step_1(r, &r->out[0], "Gelu", sum);
}

bs_status bs_expand_fast_gelu(bs_raw *r, bool *done)
{
    bs_value *sum;
    bs_step_attr attr = bs_attr_of_string("approximate", "tanh");
    (void)done;
    BS_TRY(biased(r, &sum));
    return bs_step(r, &r->out[0], "Gelu", &sum, 1, &attr, 1);
}

/* x * sigmoid(alpha * x) */
bs_status bs_expand_quick_gelu(bs_raw *r, bool *done)
{
    bs_value *alpha, *scaled = NULL, *gate = NULL;
    float a;
    (void)done;
    BS_TRY(bs_attr_float(r, "alpha", 1.702f, &a));
    BS_TRY(bs_step_scalar(r, &alpha, a));
    BS_TRY(bs_step_2(r, &scaled, "Mul", r->in[0], alpha));
    BS_TRY(bs_step_1(r, &gate, "Sigmoid", scaled));
    return bs_step_2(r, &r->out[0], "Mul", r->in[0], gate);
}

/* Runs the activation that a fused operator names on x. params: up to two numbers, in the order of these
 * operators' attributes. */
static bs_status activate(bs_raw *r, bs_value *x, const char *name, const float *params, size_t n)
{
    /* X(operator, first and second attribute) */
    static const struct {
        const char *op, *attr[2];
    } known[] = {
        {"Relu", {NULL, NULL}},         {"Sigmoid", {NULL, NULL}},          {"Tanh", {NULL, NULL}},
        {"LeakyRelu", {"alpha", NULL}}, {"HardSigmoid", {"alpha", "beta"}}, {"Clip", {"min", "max"}}};
    bs_step_attr attr[2];
    for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
        int used = 0;
        if (strcmp(known[k].op, name) != 0)
            continue;
        for (; used < 2 && known[k].attr[used] && (size_t)used < n; used++)
            attr[used] = bs_attr_of_float(known[k].attr[used], params[used]);
        return bs_step(r, &r->out[0], name, &x, 1, attr, used);
    }
    return bs_raw_fail(r, "activation '%s' is not supported", name);
}

/* Runs `op` with the node's own attributes, but for those that describe the activation. */
static bs_status with_own_attributes(bs_raw *r, bs_value **y, const char *op, int n_in)
{
    static const char *const known[] = {"activation", "activation_params", "activation_alpha",
                                        "activation_beta", "activation_gamma"};
    bs_step_attr attr[BS_STEP_MOST];
    int n = bs_step_own_attributes(r, known, sizeof known / sizeof *known, attr);
    return bs_step(r, y, op, r->in, r->n_in < n_in ? r->n_in : n_in, attr, n);
}

bs_status bs_expand_fused_conv(bs_raw *r, bool *done)
{
    bs_value *conv = NULL, *sum = NULL, *addend = bs_raw_input(r, 3);
    char name[32];
    (void)done;
    BS_TRY(bs_attr_string(r, "activation", "", name));
    const Onnx__AttributeProto *params = bs_attr_find(r, "activation_params");
    if (!*name && !addend)
        conv = r->out[0];
    BS_TRY(with_own_attributes(r, &conv, "Conv", 3));
    if (!*name && !addend)
        return BS_OK;
    if (!*name)
        return bs_step_2(r, &r->out[0], "Add", conv, addend);
    if (addend)
        BS_TRY(bs_step_2(r, &sum, "Add", conv, addend));
    return activate(r, addend ? sum : conv, name, params ? params->floats : NULL,
                    params ? params->n_floats : 0);
}

bs_status bs_expand_fused_gemm(bs_raw *r, bool *done)
{
    bs_value *gemm = NULL;
    char name[32];
    float params[2];
    (void)done;
    BS_TRY(bs_attr_string(r, "activation", "", name));
    if (!*name)
        gemm = r->out[0];
    BS_TRY(with_own_attributes(r, &gemm, "Gemm", 3));
    if (!*name)
        return BS_OK;
    BS_TRY(bs_attr_float(r, "activation_alpha", strcmp(name, "HardSigmoid") == 0 ? 0.2f : 0.01f, &params[0]));
    BS_TRY(bs_attr_float(r, "activation_beta", 0.5f, &params[1]));
    return activate(r, gemm, name, params, strcmp(name, "Clip") == 0 ? 0 : 2);
}

/* Moves axis 0 behind the axes of the stack, before the last. */
static bs_status first_axis_inside(bs_raw *r, bs_value **x)
{
    int64_t perm[BS_MAX_RANK];
    int rank = (*x)->shape.rank;
    bs_value *y = NULL;
    for (int k = 0; k < rank; k++)
        perm[k] = k < rank - 2 ? k + 1 : k == rank - 2 ? 0 : k;
    if (rank < 3)
        return BS_OK;
    BS_TRY(bs_step_transpose(r, &y, *x, perm));
    *x = y;
    return BS_OK;
}

/* Gets an operand as MatMul has it. */
static bs_status turned(bs_raw *r, int k, bs_value **out)
{
    static const char *const swap[2] = {"transA", "transB"}, *const stack[2] = {"transBatchA", "transBatchB"};
    int64_t swaps, inside;
    bs_value *y = NULL;
    *out = r->in[k];
    BS_TRY(bs_attr_int(r, swap[k], 0, &swaps));
    BS_TRY(bs_attr_int(r, stack[k], 0, &inside));
    if (inside)
        BS_TRY(first_axis_inside(r, out));
    if (!swaps || r->in[k]->shape.rank < 2)
        return BS_OK;
    BS_TRY(bs_step_swap_last(r, &y, *out));
    *out = y;
    return BS_OK;
}

bs_status bs_expand_fused_matmul(bs_raw *r, bool *done)
{
    bs_value *a, *b, *product = NULL, *scale;
    float alpha;
    (void)done;
    BS_TRY(bs_attr_float(r, "alpha", 1.0f, &alpha));
    BS_TRY(turned(r, 0, &a));
    BS_TRY(turned(r, 1, &b));
    if (alpha == 1.0f)
        return bs_step_2(r, &r->out[0], "MatMul", a, b);
    BS_TRY(bs_step_2(r, &product, "MatMul", a, b));
    BS_TRY(bs_step_scalar(r, &scale, alpha));
    return bs_step_2(r, &r->out[0], "Mul", product, scale);
}
