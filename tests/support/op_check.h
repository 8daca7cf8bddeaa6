/* Runs one-node graphs on a device and compares every element with naive_ops.h. */
#ifndef BS_TESTS_OP_CHECK_H
#define BS_TESTS_OP_CHECK_H

#include "support/rig.h"
#include "support/naive_ops.h"

enum { SAMPLES = 3 };

/* Operators that this program has checked; and those that test_cpu_tokens checks, while test_cpu_ops checks
 * all others. */
static bool op_checked[BS_OP_COUNT];
static const bs_op checked_by_tokens[] = {
    BS_OP_LAYER_NORM,
    BS_OP_INSTANCE_NORM,
    BS_OP_POW,
    BS_OP_PRELU,
    BS_OP_EQUAL,
    BS_OP_GREATER,
    BS_OP_LESS,
    BS_OP_MIN,
    BS_OP_MAX,
    BS_OP_WHERE,
    BS_OP_REDUCE_SUM,
    BS_OP_REDUCE_MAX,
    BS_OP_REDUCE_MIN,
    BS_OP_REDUCE_L1,
    BS_OP_REDUCE_L2,
    BS_OP_REDUCE_SUM_SQUARE,
    BS_OP_GATHER,
    BS_OP_EXPAND,
    BS_OP_TILE,
    BS_OP_RESIZE,
    BS_OP_LOG_SOFTMAX,
    BS_OP_GREATER_OR_EQUAL,
    BS_OP_LESS_OR_EQUAL,
    BS_OP_AND,
    BS_OP_OR,
    BS_OP_XOR,
    BS_OP_MOD,
    BS_OP_REDUCE_PROD,
};

/* Fails for an operator that the program should have checked by now. */
static inline void assert_all_checked(bool tokens)
{
    bool theirs[BS_OP_COUNT] = {false};
    for (size_t k = 0; k < sizeof checked_by_tokens / sizeof *checked_by_tokens; k++)
        theirs[checked_by_tokens[k]] = true;
    for (int op = 0; op < BS_OP_COUNT; op++)
        if (theirs[op] == tokens && !op_checked[op])
            fail_msg("no test has compared %s with its reference", bs_op_name((bs_op)op));
}

static inline void sprinkle(float *x, int64_t n, int64_t step)
{
    static const float odd[] = {NAN, INFINITY, -INFINITY, 0.0f, -0.0f};
    for (int64_t i = 0, k = 0; i < n; i += step, k++)
        x[i] = odd[k % 5];
}

static inline void assert_close(float got, double want, const char *op, int64_t at)
{
    if (isnan(want)   ? isnan(got)
        : isinf(want) ? (double)got == want
                      : fabs((double)got - want) < 2e-5 * (1 + fabs(want)))
        return;
    fail_msg("%s: element %lld is %g, expected %g", op, (long long)at, (double)got, want);
}

/* Runs node 0 on random inputs, samples read in reverse order, and checks every element. */
static inline void check_values(bs_graph *g, bool odd)
{
    rig r = rig_open(g);
    const bs_node *n = &g->nodes[0];
    const int32_t reverse[SAMPLES] = {2, 1, 0};
    bs_view view[8] = {{0}};
    float *logical[8] = {NULL};
    const float *x[8] = {NULL};
    char *out = rig_rows(&r, n->out, SAMPLES);
    int64_t elements = g->tensors[n->out].elements;
    float *got = gb_grow(NULL, (int)elements, sizeof *got);
    for (int k = 0; k < n->n_in; k++) {
        if (n->in[k] < 0 || g->tensors[n->in[k]].constant)
            continue;
        int64_t e = g->tensors[n->in[k]].elements;
        char *rows = rig_random_rows(&r, n->in[k], SAMPLES, (uint64_t)k + 5, &logical[k]);
        if (odd)
            sprinkle(logical[k] + k, SAMPLES * e - k, 7 + e / 9);
        for (int i = 0; i < SAMPLES; i++)
            assert_ok(r.b->upload(r.stream, n->in[k], rows + i * e * 4, logical[k] + i * e));
        view[k] = (bs_view){rows, reverse};
    }
    assert_ok(r.b->run(r.stream, 0, SAMPLES, view, out));
    for (int i = 0; i < SAMPLES; i++) {
        for (int k = 0; k < n->n_in; k++)
            if (n->in[k] >= 0)
                x[k] = logical[k] ? logical[k] + reverse[i] * g->tensors[n->in[k]].elements
                                  : g->tensors[n->in[k]].data;
        assert_ok(r.b->download(r.stream, n->out, out + i * elements * 4, got));
        for (int64_t e = 0; e < elements; e++)
            assert_close(got[e], naive_element(g, n, x, e), bs_op_name(n->op), e);
    }
    op_checked[n->op] = true;
    for (int k = 0; k < n->n_in; k++) {
        rig_free(&r, (void *)(uintptr_t)view[k].base);
        free(logical[k]);
    }
    free(got);
    rig_free(&r, out);
    rig_close(&r);
}

static inline void check(bs_graph *g)
{
    check_values(g, false);
    check_values(g, true);
    gb_free(g);
}

static inline bs_graph *unary(bs_op op, bs_shape in, bs_shape out, bs_attr a)
{
    bs_graph *g = gb_create();
    gb_node(g, op, out, a, 1, (int[]){gb_activation(g, in)});
    return g;
}

#endif
