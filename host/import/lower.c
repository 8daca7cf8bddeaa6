#include "import/import.h"

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

static bs_status lower_dropout(bs_raw *r, bs_node *n, bs_shape *out)
{
    const bs_value *training = bs_raw_input(r, 2);
    if (training && !(training->kind == BS_VALUE_INTS && training->elements == 1 && training->i[0] == 0)) {
        bs_raw_fail(r, "it is in training mode");
        return bs_hint("export the model for inference: model.eval() before torch.onnx.export()");
    }
    return bs_lower_identity(r, n, out);
}

/* X(ONNX operator, operator it becomes, function, least and most inputs): other names of operators, and
 * operators that their family's function does not serve. */
#define SPECIAL(X)                                                                                           \
    X("GlobalMaxPool", MAX_POOL, bs_lower_global_pool, 1, 1)                                                 \
    X("GlobalAveragePool", GLOBAL_AVERAGE_POOL, bs_lower_global_pool, 1, 1)                                  \
    X("Upsample", RESIZE, bs_lower_resize, 1, 2)                                                             \
    X("Flatten", FLATTEN, bs_lower_flatten, 1, 1)                                                            \
    X("Squeeze", SQUEEZE, bs_lower_squeeze, 1, 2)                                                            \
    X("Unsqueeze", UNSQUEEZE, bs_lower_unsqueeze, 1, 2)                                                      \
    X("Dropout", DROPOUT, lower_dropout, 1, 3)                                                               \
    X("Cast", IDENTITY, bs_lower_cast, 1, 1)

typedef struct lowering {
    const char *name;
    bs_op op;
    bs_lower_fn lower;
    int least, most;
} lowering;

/* Of entries with the same name, the last one counts. */
static const lowering lowerings[] = {
#define X(op, name, family, type, least, most) {name, BS_OP_##op, bs_lower_##family, least, most},
    BS_OPS(X)
#undef X
#define X(name, op, fn, least, most) {name, BS_OP_##op, fn, least, most},
        SPECIAL(X)
#undef X
};

static bs_status refuse(const bs_raw *r)
{
    const char *names[sizeof lowerings / sizeof *lowerings];
    size_t n = sizeof lowerings / sizeof *lowerings;
    for (size_t k = 0; k < n; k++)
        names[k] = lowerings[k].name;
    return bs_refuse_operator(r, names, n);
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

bool bs_lower_moves(const char *op)
{
    const lowering *l = find(op);
    return l && bs_op_describe(l->op)->type == BS_TYPE_RULE_SAME;
}

bs_status bs_lower_operands(bs_raw *r)
{
    const lowering *l = find(r->op);
    return l ? bs_lower_floats(r, bs_op_describe(l->op)->family) : BS_OK;
}

bs_status bs_lower(bs_raw *r)
{
    bs_place_begin(r);
    if (strcmp(r->op, "Split") == 0)
        return bs_lower_split(r);
    const lowering *l = find(r->op);
    if (!l)
        return refuse(r);
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
