#include "model/import.h"

#include "base/buf.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

/* One input, and an output of the same shape. */
bs_status bs_lower_identity(bs_raw *r, bs_node *n, bs_shape *out)
{
    bs_value *x;
    BS_TRY(bs_lower_one(r, n, &x));
    *out = x->shape;
    return BS_OK;
}

bs_status bs_lower_unary(bs_raw *r, bs_node *n, bs_shape *out)
{
    return bs_lower_identity(r, n, out);
}

static bs_status lower_dropout(bs_raw *r, bs_node *n, bs_shape *out)
{
    const bs_value *training = bs_raw_input(r, 2);
    if (training && !(training->kind == BS_VALUE_INTS && training->elements == 1 && training->i[0] == 0)) {
        bs_raw_fail(r, "it is in training mode");
        return bs_hint("export the model for inference: model.eval() before torch.onnx.export()");
    }
    return bs_lower_identity(r, n, out);
}

static bs_status lower_cast(bs_raw *r, bs_node *n, bs_shape *out)
{
    int64_t to;
    BS_TRY(bs_attr_int(r, "to", 0, &to));
    if (to != ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT) {
        bs_raw_fail(r, "it casts activations to %s, only FLOAT is supported", bs_type_name(to));
        return bs_hint("export the model in fp32");
    }
    return bs_lower_identity(r, n, out);
}

/* X(ONNX operator, operator it becomes, function, least and most inputs): other names of operators, and
 * operators that their family's function does not serve. */
#define SPECIAL(X)                                                                                           \
    X("Gelu", GELU, bs_lower_gelu, 1, 1)                                                                     \
    X("GlobalMaxPool", MAX_POOL, bs_lower_global_pool, 1, 1)                                                 \
    X("GlobalAveragePool", GLOBAL_AVERAGE_POOL, bs_lower_global_pool, 1, 1)                                  \
    X("Upsample", RESIZE, bs_lower_resize, 1, 2)                                                             \
    X("Flatten", FLATTEN, bs_lower_flatten, 1, 1)                                                            \
    X("Squeeze", SQUEEZE, bs_lower_squeeze, 1, 2)                                                            \
    X("Unsqueeze", UNSQUEEZE, bs_lower_unsqueeze, 1, 2)                                                      \
    X("Dropout", DROPOUT, lower_dropout, 1, 3)                                                               \
    X("Cast", IDENTITY, lower_cast, 1, 1)

typedef struct lowering {
    const char *name;
    bs_op op;
    bs_lower_fn lower;
    int least, most;
    const char *alpha_name, *beta_name; /* attributes that become bs_attr.alpha and beta, with defaults */
    float alpha, beta;
} lowering;

/* Of entries with the same name, the last one counts. */
static const lowering lowerings[] = {
#define X(op, name, family, type, least, most)                                                               \
    {name, BS_OP_##op, bs_lower_##family, least, most, NULL, NULL, 0, 0},
    BS_OPS(X)
#undef X
#define X(op, name, result, a_name, a, b_name, b)                                                            \
    {name, BS_OP_##op, bs_lower_unary, 1, 1, a_name, b_name, a, b},
        BS_UNARY_OPS(X)
#undef X
#define X(name, op, fn, least, most) {name, BS_OP_##op, fn, least, most, NULL, NULL, 0, 0},
            SPECIAL(X)
#undef X
};

/* X(ONNX operator, why it cannot run, what to do instead) */
#define REFUSALS(X)                                                                                          \
    X("ConvTranspose", "transposed convolutions belong to generators and segmentation networks",             \
      "cut the model at the classes, or upsample with Resize and Conv")                                      \
    X("QLinearConv", "quantised networks are not supported", "export the model in fp32")                     \
    X("QLinearMatMul", "quantised networks are not supported", "export the model in fp32")                   \
    X("ConvInteger", "quantised networks are not supported", "export the model in fp32")                     \
    X("MatMulInteger", "quantised networks are not supported", "export the model in fp32")                   \
    X("QuantizeLinear", "quantised networks are not supported", "export the model in fp32")                  \
    X("DequantizeLinear", "quantised networks are not supported", "export the model in fp32")                \
    X("If", "control flow that depends on the image cannot be replayed", "export a trace of the model")      \
    X("Loop", "control flow that depends on the image cannot be replayed", "export a trace of the model")    \
    X("Scan", "control flow that depends on the image cannot be replayed", "export a trace of the model")    \
    X("LSTM", "recurrent networks are not supported", "bitsink runs feed-forward classifiers of images")     \
    X("GRU", "recurrent networks are not supported", "bitsink runs feed-forward classifiers of images")      \
    X("RNN", "recurrent networks are not supported", "bitsink runs feed-forward classifiers of images")

/* A network that ends in the number of the class. */
static bs_status refuse_choice(const bs_raw *r)
{
    const char *scores = r->n_in > 0 ? r->proto->input[0] : "";
    bs_raw_fail(r, "operator %s is not supported: faults are judged by the scores of the classes", r->op);
    return bs_hint("take the scores that it reads as output: 'output: %.200s' in the job, or --output %s",
                   scores, bs_shell_word(scores));
}

static bs_status unsupported(const bs_raw *r)
{
    if (strcmp(r->op, "ArgMax") == 0 || strcmp(r->op, "TopK") == 0)
        return refuse_choice(r);
    const char *names[sizeof lowerings / sizeof *lowerings];
    size_t n = sizeof lowerings / sizeof *lowerings;
#define X(name, why, instead)                                                                                \
    if (strcmp(r->op, name) == 0) {                                                                          \
        bs_raw_fail(r, "operator %s is not supported: %s", name, why);                                       \
        return bs_hint("%s", instead);                                                                       \
    }
    REFUSALS(X)
#undef X
    for (size_t k = 0; k < n; k++)
        names[k] = lowerings[k].name;
    int near = bs_nearest(r->op, names, n);
    bs_raw_fail(r, "operator %.60s is not supported", r->op);
    if (near >= 0)
        return bs_hint("did you mean '%s'? Otherwise rewrite the model without %.60s", names[near], r->op);
    return bs_hint("rewrite the model without %.60s, or simplify it (onnxsim) if it only computes shapes",
                   r->op);
}

/* Outputs after the first are masks, indices and statistics of training; refuses a node if they are used. */
static bs_status refuse_extra_outputs(const bs_raw *r)
{
    for (int k = 1; k < r->n_out; k++)
        if (r->out[k] && r->out[k]->wanted)
            return bs_raw_fail(r, "its output %d ('%.120s') is used, only the first is supported", k,
                               r->out[k]->name);
    return BS_OK;
}

static bs_status run_lowering(bs_raw *r, const lowering *l, bs_node *node)
{
    bs_shape shape = {0};
    if (l->alpha_name)
        BS_TRY(bs_attr_float(r, l->alpha_name, l->alpha, &node->attr.alpha));
    if (l->beta_name)
        BS_TRY(bs_attr_float(r, l->beta_name, l->beta, &node->attr.beta));
    BS_TRY(l->lower(r, node, &shape));
    return bs_lower_emit(r, node, &shape, 0);
}

static const lowering *find(const char *op)
{
    const lowering *l = NULL;
    for (size_t k = 0; k < sizeof lowerings / sizeof *lowerings; k++)
        if (strcmp(op, lowerings[k].name) == 0)
            l = &lowerings[k];
    return l;
}

bool bs_lower_knows(const char *op)
{
    return strcmp(op, "Split") == 0 || find(op);
}

bs_status bs_lower(bs_raw *r)
{
    bs_place_begin(r);
    if (strcmp(r->op, "Split") == 0)
        return bs_lower_split(r);
    const lowering *l = find(r->op);
    if (!l)
        return unsupported(r);
    if (r->n_in < l->least || r->n_in > l->most)
        return bs_raw_fail(r, "it has %d inputs", r->n_in);
    BS_TRY(refuse_extra_outputs(r));
    if (r->n_out < 1 || !r->out[0])
        return bs_raw_fail(r, "it has no output");
    bs_node node = {.op = l->op, .out = -1};
    bs_status st = run_lowering(r, l, &node);
    free(node.in); /* NULL once emitted */
    free(node.index);
    return st;
}
