/* Selects the implementation of a convolution on patches of one geometry.
 *
 * A library picks implementations and weight layouts by shape, so a small patch may get another one than the
 * whole layer. Only the bits tell whether that is exact: a candidate is taken if, on random data, patches at
 * the corners and in the middle of the plane come out as the whole layer computes them, in every batch size.
 * Candidates in order: the layer's implementation with its weights, the same with another layout of the
 * weights, the one that the library prefers. */
#include "cpu/cpu_patch.h"

#include "base/buf.h"
#include "base/noise.h"

#include <stdlib.h>
#include <string.h>

/* PATCH_PIXELS: the most output pixels in a chunk. Every chunk size has to be tested. */
enum { SPOTS = 5, PATCH_PIXELS = 2048 };

/* The test of a candidate: buffers, and the whole layer's output. */
typedef struct candidate_test {
    const bs_cpu_matrix *whole, *patch;
    float *weights,
        *bias; /* random, so that the selection depends on shapes alone, not on a model's values */
    float *image, *expected; /* whole input and output, channels last */
    float *in, *out;         /* a batch of patches */
    int spot[SPOTS][2];      /* first output row and column of the patches */
} candidate_test;

static bs_status run_conv(const bs_conv_impl *impl, const bs_conv_shape *shape, const float *src,
                          const void *packed, const float *bias, float *dst)
{
    bs_conv *conv;
    void *scratch = NULL;
    BS_TRY(bs_conv_create(&conv, impl, shape));
    bs_status st = bs_alloc_aligned(&scratch, bs_conv_scratch_bytes(conv), "convolution");
    if (st == BS_OK)
        st = bs_conv_run(conv, src, packed, bias, dst, scratch);
    free(scratch);
    bs_conv_free(conv);
    return st;
}

static void choose_spots(candidate_test *t)
{
    const bs_conv_shape *w = &t->whole->shape, *p = &t->patch->shape;
    int last[2] = {w->out_h - p->out_h, w->out_w - p->out_w};
    for (int i = 0; i < SPOTS; i++)
        for (int a = 0; a < 2; a++)
            t->spot[i][a] = i == SPOTS - 1 ? last[a] / 2 : (a ? i & 1 : i >> 1) ? last[a] : 0;
}

/* Copies the input patch of a spot, with zeros in the layer's padding. */
static void cut(const candidate_test *t, const int spot[2], float *to)
{
    const bs_conv_shape *w = &t->whole->shape, *p = &t->patch->shape;
    size_t bytes = (size_t)w->channels * sizeof *to;
    for (int y = 0; y < p->in_h; y++)
        for (int x = 0; x < p->in_w; x++, to += w->channels) {
            int row = spot[0] * w->stride[0] - w->pad[0] + y, column = spot[1] * w->stride[1] - w->pad[1] + x;
            bool inside = row >= 0 && column >= 0 && row < w->in_h && column < w->in_w;
            if (inside)
                memcpy(to, t->image + ((int64_t)row * w->in_w + column) * w->channels, bytes);
            else
                memset(to, 0, bytes);
        }
}

static bool equal_at(const candidate_test *t, const int spot[2], const float *got)
{
    const bs_conv_shape *w = &t->whole->shape, *p = &t->patch->shape;
    size_t line = (size_t)p->out_w * (size_t)w->filters;
    for (int y = 0; y < p->out_h; y++)
        if (memcmp(got + (size_t)y * line,
                   t->expected + ((int64_t)(spot[0] + y) * w->out_w + spot[1]) * w->filters,
                   line * sizeof *got) != 0)
            return false;
    return true;
}

/* Packs weights given in file order; returns NULL if that fails. */
static void *pack(const bs_cpu_matrix *m, const bs_conv_impl *impl, const float *weights)
{
    void *packed;
    if (bs_alloc_aligned(&packed, bs_conv_impl_bytes(impl), "packed weights") != BS_OK)
        return NULL;
    if (bs_conv_impl_pack(impl, weights, m->stride_m, m->stride_i, packed) == BS_OK)
        return packed;
    free(packed);
    return NULL;
}

static bool passes(const candidate_test *t, const bs_conv_impl *impl)
{
    const bs_cpu_matrix *m = t->patch;
    void *packed = pack(m, impl, t->weights);
    bool exact = packed != NULL;
    for (int k = 0; k < m->chunks && exact; k++) {
        bs_conv_shape s = bs_cpu_chunk_shape(m, bs_cpu_filter_groups(m), k);
        for (int i = 0; i < 1 << k; i++)
            cut(t, t->spot[(i + k) % SPOTS], t->in + i * m->in_row);
        exact = run_conv(impl, &s, t->in, packed, t->bias, t->out) == BS_OK;
        for (int i = 0; i < 1 << k && exact; i++)
            exact = equal_at(t, t->spot[(i + k) % SPOTS], t->out + i * m->out_row);
    }
    free(packed);
    return exact;
}

static bs_status prepare(candidate_test *t)
{
    const bs_cpu_matrix *w = t->whole, *p = t->patch;
    size_t most = (size_t)1 << (p->chunks - 1);
    int64_t weights = w->shape.filters * w->filter;
    BS_TRY(bs_alloc_aligned(&t->weights, (size_t)weights * sizeof(float), "patches"));
    BS_TRY(bs_alloc_aligned(&t->image, (size_t)w->in_row * sizeof(float), "patches"));
    BS_TRY(bs_alloc_aligned(&t->expected, (size_t)w->out_row * sizeof(float), "patches"));
    BS_TRY(bs_alloc_aligned(&t->in, most * (size_t)p->in_row * sizeof(float), "patches"));
    BS_TRY(bs_alloc_aligned(&t->out, most * (size_t)p->out_row * sizeof(float), "patches"));
    bs_noise_fill(t->weights, weights);
    bs_noise_fill(t->image, w->in_row);
    if (w->shape.bias) {
        BS_TRY(bs_alloc_aligned(&t->bias, (size_t)w->shape.filters * sizeof(float), "patches"));
        bs_noise_fill(t->bias, w->shape.filters);
    }
    choose_spots(t);
    void *packed = pack(w, w->impl, t->weights);
    bs_status st =
        packed ? run_conv(w->impl, &w->shape, t->image, packed, t->bias, t->expected) : bs_oom("patches");
    free(packed);
    return st;
}

/* Tries the candidates. A candidate that fails is no error: without any, the geometry has no
 * implementation. */
static void find_candidate(bs_network *n, int node, bs_cpu_geometry *g, const bs_cpu_matrix *patch)
{
    const bs_cpu_plan *plan = &n->plan[node];
    const bs_tensor *weights = &n->graph->tensors[n->graph->nodes[node].in[1]];
    bs_dnn *dnn = n->device->dnn;
    bs_conv_shape shapes[BS_CPU_CHUNKS];
    candidate_test t = {.whole = &plan->matrix, .patch = patch};
    for (int i = 0; i < patch->chunks; i++)
        shapes[i] = bs_cpu_chunk_shape(patch, bs_cpu_filter_groups(patch), i);
    if (prepare(&t) == BS_OK) {
        if (passes(&t, plan->matrix.impl)) {
            g->impl = plan->matrix.impl;
            g->packed = plan->param[1];
        }
        for (int other = 0; other < 2 && !g->impl; other++) {
            bs_status st = other == 0
                               ? bs_conv_impl_like(&g->own_impl, plan->matrix.impl, shapes, patch->chunks)
                               : bs_conv_impl_create(&g->own_impl, dnn, shapes, patch->chunks, 0);
            if (st == BS_OK && g->own_impl && !bs_conv_impl_is_shape_bound(g->own_impl) &&
                passes(&t, g->own_impl) &&
                (g->own_packed = pack(&plan->matrix, g->own_impl, weights->data)) != NULL) {
                g->impl = g->own_impl;
                g->packed = g->own_packed;
                break;
            }
            bs_conv_impl_free(g->own_impl);
            g->own_impl = NULL;
        }
    }
    free(t.weights);
    free(t.bias);
    free(t.image);
    free(t.expected);
    free(t.in);
    free(t.out);
}

const bs_cpu_geometry *bs_cpu_geometry_find(const bs_network *n, int node, const int in_size[2],
                                            const int out_size[2])
{
    const bs_cpu_geometry *g = n->geometry[node];
    while (g &&
           memcmp(g->in_size, in_size, sizeof g->in_size) + memcmp(g->out_size, out_size, sizeof g->out_size))
        g = g->next;
    return g;
}

void bs_cpu_geometry_resize(bs_cpu_matrix *m, const int in[2], const int out[2])
{
    m->shape.in_h = in[0];
    m->shape.in_w = in[1];
    m->shape.out_h = out[0];
    m->shape.out_w = out[1];
    memset(m->shape.pad, 0, sizeof m->shape.pad);
    m->in_row = (int64_t)m->shape.channels * in[0] * in[1];
    m->out_row = (int64_t)m->shape.filters * out[0] * out[1];
    m->chunks = bs_cpu_conv_chunks((int64_t)out[0] * out[1]);
    while (m->chunks > 1 && (int64_t)out[0] * out[1] << (m->chunks - 1) > PATCH_PIXELS)
        m->chunks--;
}

bool bs_cpu_patch_supported(bs_network *n, int node, const int in_size[2], const int out_size[2])
{
    if (n->graph->nodes[node].op != BS_OP_CONV)
        return true;
    if (bs_conv_impl_is_shape_bound(n->plan[node].matrix.impl))
        return false;
    const bs_cpu_geometry *known = bs_cpu_geometry_find(n, node, in_size, out_size);
    if (known)
        return known->impl != NULL;
    bs_cpu_geometry *g;
    if (bs_calloc(&g, 1, sizeof *g, "patch geometry") != BS_OK)
        return false;
    memcpy(g->in_size, in_size, sizeof g->in_size);
    memcpy(g->out_size, out_size, sizeof g->out_size);
    g->next = n->geometry[node];
    n->geometry[node] = g;
    bs_cpu_matrix patch = n->plan[node].matrix;
    bs_cpu_geometry_resize(&patch, in_size, out_size);
    find_candidate(n, node, g, &patch);
    return g->impl != NULL;
}

bool bs_cpu_patches_exact(bs_network *n, int node)
{
    const bs_conv_shape *s = &n->plan[node].matrix.shape;
    for (int size = 2; size <= 8 && 2 * size <= s->out_h && 2 * size <= s->out_w; size *= 2) {
        int in[2], out[2] = {size, size};
        for (int a = 0; a < 2; a++)
            in[a] = (size - 1) * s->stride[a] + (s->kernel[a] - 1) * s->dilation[a] + 1;
        if (!bs_cpu_patch_supported(n, node, in, out))
            return false;
    }
    return true;
}

void bs_cpu_geometry_free(bs_cpu_geometry *g)
{
    while (g) {
        bs_cpu_geometry *next = g->next;
        bs_conv_impl_free(g->own_impl);
        free(g->own_packed);
        free(g);
        g = next;
    }
}
