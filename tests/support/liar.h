/* The CPU with one lie: a backend that is wrong in one way, at one node or tensor. */
#ifndef BS_TESTS_LIAR_H
#define BS_TESTS_LIAR_H

#include "support/testing.h"

#include "backend/backend.h"

/* X(name, where): where: a node or a tensor of which the device is wrong. */
#define LIES(X)                                                                                              \
    X(run_in_a_batch, NODE)                                                                                  \
    X(run_of_four, NODE)                                                                                     \
    X(filters_of_one_fault, NODE)                                                                            \
    X(run_of_nan, NODE)                                                                                      \
    X(run_of_golden_inputs, NODE)                                                                            \
    X(run_after_a_cut_point, NODE)                                                                           \
    X(filters, NODE)                                                                                         \
    X(patch, NODE)                                                                                           \
    X(wide_patch, NODE)                                                                                      \
    X(last_patch, NODE)                                                                                      \
    X(patch_after_a_cut_point, NODE)                                                                         \
    X(gather, TENSOR)                                                                                        \
    X(gather_from_a_cut_point, TENSOR)                                                                       \
    X(copy, TENSOR)                                                                                          \
    X(copy_from_a_cut_point, TENSOR)                                                                         \
    X(inject, TENSOR)                                                                                        \
    X(inject_patch, TENSOR)                                                                                  \
    X(compare_blind, TENSOR)                                                                                 \
    X(compare_without_end, TENSOR)                                                                           \
    X(compare_patch_blind, TENSOR)                                                                           \
    X(bounds_too_small, TENSOR)                                                                              \
    X(bounds_shifted, TENSOR)                                                                                \
    X(move, ONCE)                                                                                            \
    X(rank, ONCE)

typedef enum lie_kind {
#define X(name, where) LIE_##name,
    LIES(X)
#undef X
        LIE_COUNT
} lie_kind;

typedef enum lie_where { NODE, TENSOR, ONCE } lie_where;

static const struct {
    const char *name;
    lie_where where;
} lies[] = {
#define X(name, where) {#name, where},
    LIES(X)
#undef X
};

static struct {
    bool on;
    lie_kind kind;
    int place, told;
    bool after_cut_point; /* the trials come from one */
    char *arena, *test_rows;
    size_t arena_bytes, test_bytes;
} lie;

static const bs_backend *honest = &bs_cpu_backend;
static bs_backend liar;
/* What it runs; set by the test. */
static const bs_graph *graph;
static const bs_network *network;

static bool lies_about(lie_kind kind, int place)
{
    return lie.on && lie.kind == kind && lie.place == place;
}

static void change(float *x)
{
    uint32_t bits = bs_float_bits(*x) ^ 1;
    memcpy(x, &bits, sizeof bits);
}

static bool passes_relu(float x)
{
    return x > 0 && !bs_is_inf(x);
}

/* Changes the lowest bit of the first or last number of a row that a ReLU lets pass; where there is none, of
 * any. */
static void spoil(void *rows, size_t row_bytes, int row, bool last)
{
    size_t n = row_bytes / sizeof(float), chosen = last ? n - 1 : 0;
    float *x = (float *)((char *)rows + (size_t)row * row_bytes);
    for (size_t k = 0; k < n; k++) {
        size_t at = last ? n - 1 - k : k;
        if (passes_relu(x[at])) {
            chosen = at;
            break;
        }
    }
    change(&x[chosen]);
    lie.told++;
}

/* Changes the lowest bit of all numbers of a row, as another order of summation might. */
static void spoil_all(void *rows, size_t row_bytes, int row)
{
    float *x = (float *)((char *)rows + (size_t)row * row_bytes);
    for (size_t k = 0; k < row_bytes / sizeof *x; k++)
        if (passes_relu(x[k]))
            change(&x[k]);
    lie.told++;
}

static bool in_arena(const void *p)
{
    const char *at = p;
    return (lie.arena && at >= lie.arena && at < lie.arena + lie.arena_bytes) ||
           (lie.test_rows && at >= lie.test_rows && at < lie.test_rows + lie.test_bytes);
}

/* A view of the rows at a cut point, which trials are taken over from. */
static bool from_cut_point(bs_view v)
{
    return in_arena(v.base) && v.rows;
}

static bool has_nan(bs_view v, int i, int tensor)
{
    size_t n = honest->row_bytes(network, tensor) / sizeof(float);
    const float *row = (const float *)v.base + (size_t)(v.rows ? v.rows[i] : i) * n;
    for (size_t k = 0; k < n; k++)
        if (bs_is_nan(row[k]))
            return true;
    return false;
}

static bs_status lying_alloc(bs_stream *s, void **out, size_t bytes)
{
    bs_status st = honest->alloc(s, out, bytes);
    if (st == BS_OK && bytes > lie.arena_bytes) { /* the arena is the largest block */
        lie.arena = *out;
        lie.arena_bytes = bytes;
    }
    return st;
}

static bs_status lying_run(bs_stream *s, int node, int n, const bs_view *in, void *out)
{
    const bs_node *nd = &graph->nodes[node];
    size_t bytes = honest->row_bytes(network, nd->out);
    BS_TRY(honest->run(s, node, n, in, out));
    if (lies_about(LIE_run_in_a_batch, node) && n > 1)
        spoil(out, bytes, n - 1, true);
    if (lies_about(LIE_run_of_four, node) && n > 3)
        spoil(out, bytes, 3, false);
    if (lies_about(LIE_run_after_a_cut_point, node) && lie.after_cut_point)
        spoil_all(out, bytes, 0);
    for (int i = 1; lies_about(LIE_run_of_nan, node) && i < n; i++)
        if (has_nan(in[0], i, nd->in[0]))
            spoil(out, bytes, i, false);
    for (int k = 0; lies_about(LIE_run_of_golden_inputs, node) && k < nd->n_in; k++)
        if (n > 1 && in[k].rows)
            spoil(out, bytes, n - 1, false);
    return BS_OK;
}

static bs_status lying_run_faulty(bs_stream *s, int node, int n_faulty, const bs_faulty_input *faulty, int n,
                                  const bs_view *in, bs_view golden, bs_faulty_mode mode, void *out)
{
    const bs_faults *f = &faulty[0].faults;
    lie.after_cut_point = false;
    BS_TRY(honest->run_faulty(s, node, n_faulty, faulty, n, in, golden, mode, out));
    /* Two trials have one fault, as where it meets several images. */
    for (int i = 1; lies_about(LIE_filters_of_one_fault, node) && mode == BS_FAULTY_CHANNELS && i < n; i++) {
        const bs_site *a = f->sites + f->first[i - 1], *b = f->sites + f->first[i];
        if (f->first[i] > f->first[i - 1] && f->first[i + 1] > f->first[i] && memcmp(a, b, sizeof *a) == 0)
            spoil(out, honest->row_bytes(network, graph->nodes[node].out), i, true);
    }
    if (lies_about(LIE_filters, node) && mode == BS_FAULTY_CHANNELS)
        spoil(out, honest->row_bytes(network, graph->nodes[node].out), n - 1, true);
    return BS_OK;
}

static bs_status lying_run_patch(bs_stream *s, int node, int n, const int in_size[2], const bs_view *in,
                                 const int out_size[2], void *out)
{
    size_t bytes = honest->patch_bytes(network, graph->nodes[node].out, out_size);
    BS_TRY(honest->run_patch(s, node, n, in_size, in, out_size, out));
    if (lies_about(LIE_patch, node) || (lies_about(LIE_wide_patch, node) && out_size[0] >= 4))
        spoil_all(out, bytes, 0);
    if (lies_about(LIE_last_patch, node) && n > 1)
        spoil_all(out, bytes, n - 1);
    if (lies_about(LIE_patch_after_a_cut_point, node) && lie.after_cut_point)
        spoil_all(out, bytes, n - 1);
    return BS_OK;
}

static bs_status lying_gather(bs_stream *s, int tensor, int n, bs_view golden, const void *live,
                              const bs_patches *live_at, const bs_patches *want, float fill, void *dst)
{
    bool cut = from_cut_point(golden);
    lie.after_cut_point |= cut;
    BS_TRY(honest->gather(s, tensor, n, golden, live, live_at, want, fill, dst));
    if ((lies_about(LIE_gather, tensor) && live) || (lies_about(LIE_gather_from_a_cut_point, tensor) && cut))
        spoil_all(dst, honest->patch_bytes(network, tensor, want->size), n - 1);
    return BS_OK;
}

static bs_status lying_copy(bs_stream *s, int tensor, int n, bs_view from, void *to)
{
    bool cut = from_cut_point(from);
    lie.after_cut_point |= cut;
    BS_TRY(honest->copy_rows(s, tensor, n, from, to));
    if ((lies_about(LIE_copy, tensor) && n > 1) || (lies_about(LIE_copy_from_a_cut_point, tensor) && cut))
        spoil(to, honest->row_bytes(network, tensor), n - 1, true);
    return BS_OK;
}

static bs_status lying_inject(bs_stream *s, int tensor, int n, void *rows, const bs_faults *f)
{
    lie.after_cut_point = false;
    BS_TRY(honest->inject(s, tensor, n, rows, f));
    if (lies_about(LIE_inject, tensor) && n > 1)
        spoil(rows, honest->row_bytes(network, tensor), n - 1, false);
    return BS_OK;
}

static bs_status lying_inject_patch(bs_stream *s, int tensor, int n, const bs_patches *at, void *rows,
                                    const bs_faults *f)
{
    lie.after_cut_point = false;
    BS_TRY(honest->inject_patch(s, tensor, n, at, rows, f));
    if (lies_about(LIE_inject_patch, tensor))
        spoil(rows, honest->patch_bytes(network, tensor, at->size), n - 1, true);
    return BS_OK;
}

static bs_status lying_compare(bs_stream *s, int tensor, int n, const void *rows, bs_view golden,
                               uint8_t *equal)
{
    size_t bytes = honest->row_bytes(network, tensor);
    BS_TRY(honest->compare(s, tensor, n, rows, golden, equal));
    for (int i = 0; i < n; i++) {
        const char *a = (const char *)rows + (size_t)i * bytes,
                   *b = (const char *)golden.base + (size_t)(golden.rows ? golden.rows[i] : i) * bytes;
        bool blind = lies_about(LIE_compare_blind, tensor) && n > 1;
        bool most = lies_about(LIE_compare_without_end, tensor) && !memcmp(a, b, bytes - sizeof(float));
        if (!equal[i] && (blind || most)) {
            equal[i] = 1;
            lie.told++;
        }
    }
    return BS_OK;
}

static bs_status lying_compare_patch(bs_stream *s, int tensor, int n, const bs_patches *at, const void *rows,
                                     bs_view golden, uint8_t *equal)
{
    BS_TRY(honest->compare_patch(s, tensor, n, at, rows, golden, equal));
    for (int i = 0; i < n && lies_about(LIE_compare_patch_blind, tensor); i++) {
        lie.told += !equal[i];
        equal[i] = 1;
    }
    return BS_OK;
}

static bs_status lying_bounds(bs_stream *s, int tensor, int n, bs_view rows, bs_view golden,
                              int32_t (*bounds)[4])
{
    BS_TRY(honest->bounds(s, tensor, n, rows, golden, bounds));
    for (int i = 0; i < n; i++) {
        if (lies_about(LIE_bounds_too_small, tensor) && bounds[i][3] > 1) {
            bounds[i][3]--;
            lie.told++;
        }
        if (lies_about(LIE_bounds_shifted, tensor) && bounds[i][2] > 0 && bounds[i][0] > 0) {
            bounds[i][0]--;
            lie.told++;
        }
    }
    return BS_OK;
}

static bs_status lying_move(bs_stream *s, int n, void *rows, size_t row_bytes, const int32_t *to,
                            const int32_t *from)
{
    if (!lies_about(LIE_move, 0))
        return honest->move_rows(s, n, rows, row_bytes, to, from);
    lie.told++;
    return BS_OK;
}

static bs_status lying_rank(bs_stream *s, int n, const void *rows, const int32_t *golden_class,
                            bs_answer *out)
{
    BS_TRY(honest->rank(s, n, rows, golden_class, out));
    if (lies_about(LIE_rank, 0) && n > 1) {
        out[n - 1].score[0] += 1.0f;
        lie.told++;
    }
    return BS_OK;
}

static void liar_init(void)
{
    liar = *honest;
    liar.alloc = lying_alloc;
    liar.run = lying_run;
    liar.run_faulty = lying_run_faulty;
    liar.run_patch = lying_run_patch;
    liar.gather = lying_gather;
    liar.copy_rows = lying_copy;
    liar.inject = lying_inject;
    liar.inject_patch = lying_inject_patch;
    liar.compare = lying_compare;
    liar.compare_patch = lying_compare_patch;
    liar.bounds = lying_bounds;
    liar.move_rows = lying_move;
    liar.rank = lying_rank;
}

#endif
