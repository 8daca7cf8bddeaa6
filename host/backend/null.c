/* The null backend: deterministic fake answers without arithmetic, so that planner, executor, store, resume
 * and merge can run at full speed. A row is two words: the fault-free value, and how the fault changed it (0:
 * not at all); nodes hash them. Like a real network it masks: a delta is masked in half of all Relu and
 * MaxPool nodes, and most deltas that reach the output leave the class unchanged.
 *
 * Two devices are wrong on purpose, and the self-test must notice: deltas on device 1 depend on the batch
 * size (nothing helps), those on device 2 are wrong where a parameter fault is evaluated by channels (full
 * re-runs help). All others are alike. */
#include "backend/backend.h"
#include "backend/host_rows.h"
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bs_device {
    int ordinal;
};

struct bs_network {
    const bs_graph *graph;
    bool inexact, wrong_channels;
};

struct bs_stream {
    const bs_network *network;
};

typedef struct fake_row {
    uint64_t golden, delta;
} fake_row;

/* The finaliser of SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014). */
static uint64_t mix(uint64_t a, uint64_t b)
{
    uint64_t z = a + 0x9e3779b97f4a7c15u * (b + 1);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static fake_row view_row(bs_view v, int i)
{
    return ((const fake_row *)v.base)[v.rows ? v.rows[i] : i];
}

static int null_device_count(char *why, size_t len)
{
    (void)why;
    (void)len;
    return 8;
}

static bs_status null_open(bs_device **out, int ordinal, const char *options)
{
    if (options)
        return bs_fail(BS_USAGE, "the null device has no option '%s'", options);
    BS_TRY(bs_calloc(out, 1, sizeof **out, "null device"));
    (*out)->ordinal = ordinal;
    return BS_OK;
}

static void null_close(bs_device *d)
{
    free(d);
}

static void null_describe(const bs_device *d, bs_device_info *out)
{
    memset(out, 0, sizeof *out);
    static const char *const names[] = {"null", "null (inexact)", "null (inexact channels)"};
    snprintf(out->name, sizeof out->name, "%s", names[d->ordinal < 3 ? d->ordinal : 0]);
    snprintf(out->isa, sizeof out->isa, "none");
    snprintf(out->library, sizeof out->library, "none");
}

static bool null_supports(const bs_graph *g, int node, char *why, size_t len)
{
    (void)g;
    (void)node;
    (void)why;
    (void)len;
    return true;
}

static bs_status null_load(bs_network **out, bs_device *d, const bs_graph *g, const bs_load_options *options)
{
    (void)options;
    BS_TRY(bs_calloc(out, 1, sizeof **out, "null network"));
    (*out)->graph = g;
    (*out)->inexact = d->ordinal == 1;
    (*out)->wrong_channels = d->ordinal == 2;
    return BS_OK;
}

static void null_unload(bs_network *n)
{
    free(n);
}

static size_t null_row_bytes(const bs_network *n, int tensor)
{
    (void)n;
    (void)tensor;
    return sizeof(fake_row);
}

/* Every node changes what stands for a row. */
static int null_view_of(const bs_network *n, int tensor)
{
    (void)n;
    (void)tensor;
    return -1;
}

static bs_status null_stream_open(bs_stream **out, bs_network *n)
{
    BS_TRY(bs_calloc(out, 1, sizeof **out, "null stream"));
    (*out)->network = n;
    return BS_OK;
}

static void null_stream_close(bs_stream *stream)
{
    free(stream);
}

static bs_status null_alloc(bs_stream *stream, void **out, size_t bytes)
{
    (void)stream;
    return bs_alloc_aligned(out, bytes, "null rows");
}

static void null_free(bs_stream *stream, void *p)
{
    (void)stream;
    free(p);
}

/* data: one float, the index of the image. */
static bs_status null_upload(bs_stream *stream, int tensor, void *row, const float *data)
{
    (void)stream;
    (void)tensor;
    fake_row r = {mix(bs_float_bits(data[0]), 77), 0};
    *(fake_row *)row = r;
    return BS_OK;
}

static bs_status null_download(bs_stream *stream, int tensor, const void *row, float *data)
{
    const fake_row *r = row;
    int64_t n = stream->network->graph->tensors[tensor].elements;
    for (int64_t i = 0; i < n; i++)
        data[i] = (float)(mix(r->golden ^ r->delta, (uint64_t)i) >> 40);
    return BS_OK;
}

static bool masks(bs_op op)
{
    return op == BS_OP_RELU || op == BS_OP_MAX_POOL;
}

static bs_status null_run(bs_stream *stream, int node, int n, const bs_view *in, void *out)
{
    const bs_graph *g = stream->network->graph;
    const bs_node *nd = &g->nodes[node];
    for (int i = 0; i < n; i++) {
        fake_row r = {mix((uint64_t)node, 1), 0};
        for (int k = 0; k < nd->n_in; k++) {
            if (nd->in[k] < 0 || g->tensors[nd->in[k]].constant)
                continue;
            fake_row x = view_row(in[k], i);
            r.golden = mix(r.golden ^ x.golden, (uint64_t)k);
            if (x.delta)
                r.delta ^= mix(x.delta, (uint64_t)(node * 16 + k));
        }
        if (masks(nd->op) && (r.delta & 1))
            r.delta = 0;
        if (stream->network->inexact && r.delta)
            r.delta = mix(r.delta, (uint64_t)n) | 2;
        ((fake_row *)out)[i] = r;
    }
    return BS_OK;
}

/* Runs the nodes one by one. */
static bs_status null_run_region(bs_stream *stream, int region, int n, const int size[2], const bs_view *in,
                                 void *out)
{
    (void)size;
    const bs_graph *g = stream->network->graph;
    const bs_region *r = &g->regions[region];
    for (int i = 0; i < n; i++) {
        fake_row made[BS_REGION_NODES] = {{0, 0}}, read[BS_REGION_INPUTS];
        for (int k = 0; k < r->node.n_in; k++)
            read[k] = view_row(in[k], i);
        for (int j = r->first; j <= r->last; j++) {
            bs_view views[2] = {{NULL, NULL}, {NULL, NULL}};
            for (int k = 0; k < g->nodes[j].n_in; k++) {
                const bs_tensor *t =
                    bs_node_has_input(&g->nodes[j], k) ? &g->tensors[g->nodes[j].in[k]] : NULL;
                if (!t || t->constant)
                    continue;
                views[k].base = t->producer >= r->first ? &made[t->producer - r->first]
                                                        : &read[bs_region_input(r, g->nodes[j].in[k])];
            }
            BS_TRY(null_run(stream, j, 1, views, &made[j - r->first]));
        }
        ((fake_row *)out)[i] = made[r->last - r->first];
    }
    return BS_OK;
}

/* Applies sample i's sites to values of the tensor that `hash` stands for. Returns the change, 0 if there is
 * none. */
static uint64_t site_delta(const bs_tensor *t, const bs_faults *f, int i, uint64_t hash)
{
    uint64_t delta = 0;
    for (uint32_t k = f->first[i]; k < f->first[i + 1]; k++) {
        bs_format format = bs_tensor_format(t, f->sites[k].element);
        float before = bs_format_decode(format, (uint32_t)mix(hash, f->sites[k].element));
        float after = bs_inject_value(format, f->sites[k], before, f->before ? &f->before[k] : NULL);
        if (bs_float_bits(after) != bs_float_bits(before))
            delta ^= mix(f->sites[k].element, bs_float_bits(after)) | 1u << 31;
    }
    return delta;
}

static bs_status null_run_faulty(bs_stream *stream, int node, int n_faulty, const bs_faulty_input *faulty,
                                 int n, const bs_view *in, bs_view golden_out, bs_faulty_mode mode, void *out)
{
    (void)golden_out;
    const bs_graph *g = stream->network->graph;
    uint64_t off = mode == BS_FAULTY_CHANNELS && stream->network->wrong_channels ? 2 : 0;
    BS_TRY(null_run(stream, node, n, in, out));
    for (int k = 0; k < n_faulty; k++) {
        int input = faulty[k].input;
        const bs_tensor *t = &g->tensors[g->nodes[node].in[input]];
        for (int i = 0; i < n; i++) {
            uint64_t delta = site_delta(t, &faulty[k].faults, i, mix((uint64_t)node, (uint64_t)input));
            ((fake_row *)out)[i].delta ^= delta ? delta ^ off : 0;
        }
    }
    return BS_OK;
}

static bs_status null_copy_rows(bs_stream *stream, int tensor, int n, bs_view src, void *dst)
{
    (void)stream;
    (void)tensor;
    for (int i = 0; i < n; i++)
        ((fake_row *)dst)[i] = view_row(src, i);
    return BS_OK;
}

static bs_status null_inject(bs_stream *stream, int tensor, int n, void *rows, const bs_faults *f)
{
    const bs_tensor *t = &stream->network->graph->tensors[tensor];
    fake_row *r = rows;
    for (int i = 0; i < n; i++)
        r[i].delta ^= site_delta(t, f, i, r[i].golden);
    return BS_OK;
}

static bs_status null_compare(bs_stream *stream, int tensor, int n, const void *rows, bs_view golden,
                              uint8_t *equal)
{
    (void)stream;
    (void)tensor;
    for (int i = 0; i < n; i++) {
        fake_row a = ((const fake_row *)rows)[i], b = view_row(golden, i);
        equal[i] = a.golden == b.golden && a.delta == b.delta;
    }
    return BS_OK;
}

static size_t null_patch_bytes(const bs_network *n, int tensor, const int size[2])
{
    (void)size;
    return null_row_bytes(n, tensor);
}

static bool null_patch_supported(bs_network *n, int node, const int in_size[2], const int out_size[2])
{
    (void)n;
    (void)node;
    (void)in_size;
    (void)out_size;
    return true;
}

static bs_status null_gather(bs_stream *stream, int tensor, int n, bs_view golden, const void *live,
                             const bs_patches *live_at, const bs_patches *want, float fill, void *dst)
{
    (void)live_at;
    (void)want;
    (void)fill;
    return null_copy_rows(stream, tensor, n, live ? (bs_view){live, NULL} : golden, dst);
}

static bs_status null_run_patch(bs_stream *stream, int node, int n, const int in_size[2], const bs_view *in,
                                const int out_size[2], void *out)
{
    (void)in_size;
    (void)out_size;
    return null_run(stream, node, n, in, out);
}

static bs_status null_inject_patch(bs_stream *stream, int tensor, int n, const bs_patches *at, void *rows,
                                   const bs_faults *f)
{
    (void)at;
    return null_inject(stream, tensor, n, rows, f);
}

static bs_status null_compare_patch(bs_stream *stream, int tensor, int n, const bs_patches *at,
                                    const void *rows, bs_view golden, uint8_t *equal)
{
    (void)at;
    return null_compare(stream, tensor, n, rows, golden, equal);
}

static bs_answer fake_answer(fake_row r, int classes, int32_t golden_class)
{
    bs_answer a = {.flags = 0};
    uint64_t d = r.delta ? mix(r.delta, 5) : 0;
    int32_t top = (int32_t)(r.golden % (uint64_t)classes);
    if (r.delta && d % 8 == 0) /* goes to one of two sinks */
        top = (int32_t)(d >> 32 & 1);
    if (r.delta && d % 101 == 0)
        a.flags |= BS_ANSWER_NAN;
    for (int k = 0; k < BS_TOP; k++) {
        a.top[k] = k < classes ? (top + k) % classes : -1;
        a.score[k] = k < classes ? (float)(BS_TOP - k) + (float)(d % 16) / 16.0f : 0.0f;
    }
    a.p_golden = a.flags ? 0.0f : top == golden_class || golden_class < 0 ? 0.75f : 0.125f;
    return a;
}

static bs_status null_rank(bs_stream *stream, int n, const void *rows, const int32_t *golden_class,
                           bs_answer *out)
{
    for (int i = 0; i < n; i++)
        out[i] = fake_answer(((const fake_row *)rows)[i], stream->network->graph->classes,
                             golden_class ? golden_class[i] : -1);
    return BS_OK;
}

const bs_backend bs_null_backend = {
    .name = "null",
    .needs_pixels = false,
    .device_count = null_device_count,
    .open = null_open,
    .close = null_close,
    .describe = null_describe,
    .supports = null_supports,
    .load = null_load,
    .unload = null_unload,
    .row_bytes = null_row_bytes,
    .view_of = null_view_of,
    .stream_open = null_stream_open,
    .stream_close = null_stream_close,
    .alloc = null_alloc,
    .free = null_free,
    .upload = null_upload,
    .download = null_download,
    .run = null_run,
    .run_region = null_run_region,
    .run_faulty = null_run_faulty,
    .copy_rows = null_copy_rows,
    .move_rows = bs_host_move_rows,
    .inject = null_inject,
    .compare = null_compare,
    .patch_bytes = null_patch_bytes,
    .patch_supported = null_patch_supported,
    .gather = null_gather,
    .run_patch = null_run_patch,
    .inject_patch = null_inject_patch,
    .compare_patch = null_compare_patch,
    .rank = null_rank,
};
