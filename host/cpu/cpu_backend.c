#include "base/buf.h"
#include "backend/support.h"
#include "backend/host_rows.h"
#include "cpu/cpu_patch.h"
#include "cpu/cpu_region.h"
#include "cpu/patch_answers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

static int cpu_device_count(char *why, size_t len)
{
    (void)why;
    (void)len;
    return 1;
}

static bs_status cpu_open(bs_device **out, int ordinal, const char *options)
{
    if (options)
        return bs_fail(BS_USAGE, "the CPU device has no option '%s'", options);
    *out = NULL;
    if (ordinal != 0) {
        bs_fail(BS_NO_DEVICE, "there is no CPU device %d", ordinal);
        return bs_hint("use 'cpu'; all cores are one device");
    }
    bs_device *d;
    BS_TRY(bs_calloc(&d, 1, sizeof *d, "CPU device"));
    d->kernel = bs_product_kernel_at(0);
    bs_status st = bs_dnn_create(&d->dnn);
    if (st == BS_OK)
        *out = d;
    else
        free(d);
    return st;
}

static void cpu_close(bs_device *d)
{
    if (!d)
        return;
    bs_dnn_free(d->dnn);
    free(d);
}

static void cpu_describe(const bs_device *d, bs_device_info *out)
{
    char line[256];
    (void)d;
    memset(out, 0, sizeof *out);
    snprintf(out->name, sizeof out->name, "CPU");
    bs_dnn_describe(out->isa, sizeof out->isa, out->library, sizeof out->library);
    FILE *f = fopen("/proc/cpuinfo", "r");
    while (f && fgets(line, sizeof line, f)) {
        char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) || !colon || !colon[1])
            continue;
        line[strcspn(line, "\n")] = '\0';
        snprintf(out->name, sizeof out->name, "%.127s", colon + 2);
        break;
    }
    if (f)
        fclose(f);
}

static void cpu_unload(bs_network *n)
{
    if (!n)
        return;
    for (int i = 0; n->plan && i < n->graph->n_nodes; i++)
        bs_cpu_plan_clear(&n->plan[i], n->graph->nodes[i].n_in);
    for (int i = 0; n->geometry && i < n->graph->n_nodes; i++)
        bs_cpu_geometry_free(n->geometry[i]);
    free(n->geometry);
    bs_cpu_regions_free(n);
    free(n->plan);
    free(n->planes);
    free(n->layout);
    bs_cpu_answers_free(n->answers);
    free(n);
}

static bs_status check_node(bs_network *n, int node)
{
    char why[256] = "";
    const bs_node *nd = &n->graph->nodes[node];
    if (!bs_support_node(n->graph, node, why, sizeof why)) {
        bs_fail(BS_ERR, "the CPU cannot run node '%s': %s", nd->name, why);
        return bs_hint("simplify the model, for instance with onnxsim, or export it with another opset");
    }
    if (nd->n_in > n->max_inputs)
        n->max_inputs = nd->n_in;
    return BS_OK;
}

static bs_status cpu_load(bs_network **out, bs_device *d, const bs_graph *g, const bs_load_options *options)
{
    bs_network *n;
    bs_device_info info;
    bs_status st;
    *out = NULL;
    bs_dnn_single_thread();
    BS_TRY(bs_calloc(&n, 1, sizeof *n, "network"));
    n->device = d;
    n->graph = g;
    n->threads = options && options->threads > 0 ? options->threads : 1;
    cpu_describe(d, &info);
    BS_TRY_GOTO(bs_cpu_answers_create(&n->answers, d->dnn, &info, options ? options->cache : NULL), out);
    BS_TRY_GOTO(bs_calloc(&n->layout, (size_t)g->n_tensors, sizeof *n->layout, "layouts"), out);
    BS_TRY_GOTO(bs_calloc(&n->plan, (size_t)g->n_nodes, sizeof *n->plan, "plans"), out);
    BS_TRY_GOTO(bs_calloc(&n->geometry, (size_t)g->n_nodes, sizeof *n->geometry, "plans"), out);
    for (int i = 0; i < g->n_nodes; i++)
        BS_TRY_GOTO(check_node(n, i), out);
    BS_TRY_GOTO(bs_cpu_layouts_choose(n->layout, g), out);
    BS_TRY_GOTO(bs_planes_choose(&n->planes, g), out);
    BS_TRY_GOTO(bs_cpu_plans_create(n), out);
    BS_TRY_GOTO(bs_cpu_regions_create(n), out);
    *out = n;
    n = NULL;
out:
    cpu_unload(n);
    return st;
}

static uint64_t cpu_selection(const bs_network *n)
{
    uint64_t hash = bs_dnn_build();
    for (int i = 0; i < n->graph->n_nodes; i++) {
        const bs_conv_impl *impl = n->plan[i].matrix.impl;
        bs_op op = n->graph->nodes[i].op;
        bool product = !impl && (op == BS_OP_GEMM || op == BS_OP_MATMUL);
        const char *name = impl ? bs_conv_impl_name(impl) : product ? n->device->kernel->sums : "";
        hash = XXH3_64bits_withSeed(name, strlen(name) + 1, hash + (uint64_t)n->plan[i].matrix.skip);
    }
    return hash;
}

static size_t cpu_row_bytes(const bs_network *n, int tensor)
{
    return (size_t)n->layout[tensor].elements * sizeof(float);
}

static void cpu_stream_close(bs_stream *stream)
{
    if (!stream)
        return;
    for (int i = 0; stream->variants && i < stream->network->graph->n_nodes; i++)
        bs_cpu_variant_free(stream->variants[i]);
    free(stream->variants);
    for (int i = 0; stream->patches && i < stream->network->graph->n_nodes; i++)
        bs_cpu_patch_free(stream->patches[i]);
    free(stream->patches);
    free(stream->param);
    free(stream->view);
    bs_cpu_buffer *buffers[] = {&stream->scratch, &stream->gather,   &stream->spare,    &stream->work,
                                &stream->file,    &stream->scaled,   &stream->packed,   &stream->bias,
                                &stream->result,  &stream->row_list, &stream->plain[0], &stream->plain[1],
                                &stream->product};
    for (size_t i = 0; i < sizeof buffers / sizeof buffers[0]; i++)
        free(buffers[i]->ptr);
    free(stream);
}

static bs_status cpu_stream_open(bs_stream **out, bs_network *n)
{
    bs_stream *stream;
    bs_status st;
    *out = NULL;
    bs_dnn_single_thread();
    bs_cpu_answers_give_memory(n->answers); /* most questions were asked before there is work */
    BS_TRY(bs_calloc(&stream, 1, sizeof *stream, "stream"));
    stream->network = n;
    BS_TRY_GOTO(bs_calloc(&stream->variants, (size_t)n->graph->n_nodes, sizeof *stream->variants, "stream"),
                out);
    BS_TRY_GOTO(bs_calloc(&stream->patches, (size_t)n->graph->n_nodes, sizeof *stream->patches, "stream"),
                out);
    BS_TRY_GOTO(bs_calloc(&stream->param, (size_t)n->max_inputs, sizeof *stream->param, "stream"), out);
    BS_TRY_GOTO(bs_calloc(&stream->view, (size_t)n->max_inputs, sizeof *stream->view, "stream"), out);
    *out = stream;
    stream = NULL;
out:
    cpu_stream_close(stream);
    return st;
}

static bs_status cpu_alloc(bs_stream *stream, void **out, size_t bytes)
{
    (void)stream;
    return bs_alloc_aligned(out, bytes, "rows");
}

static void cpu_free(bs_stream *stream, void *p)
{
    (void)stream;
    free(p);
}

static bs_status cpu_upload(bs_stream *stream, int tensor, void *row, const float *data)
{
    bs_cpu_layout_store(&stream->network->layout[tensor], data, row);
    return BS_OK;
}

static bs_status cpu_download(bs_stream *stream, int tensor, const void *row, float *data)
{
    bs_cpu_layout_load(&stream->network->layout[tensor], row, data);
    return BS_OK;
}

static bs_status cpu_run(bs_stream *stream, int node, int n, const bs_view *in, void *out)
{
    return bs_cpu_run_node(stream, node, (const void *const *)stream->network->plan[node].param, n, in, out);
}

static const float *view_row(bs_view v, int i, int64_t elements)
{
    return (const float *)v.base + (v.rows ? v.rows[i] : i) * elements;
}

static bs_status cpu_copy_rows(bs_stream *stream, int tensor, int n, bs_view src, void *dst)
{
    int64_t e = stream->network->layout[tensor].elements;
    for (int i = 0; i < n; i++)
        memcpy((float *)dst + i * e, view_row(src, i, e), (size_t)e * sizeof(float));
    return BS_OK;
}

static bs_status cpu_inject(bs_stream *stream, int tensor, int n, void *rows, const bs_faults *f)
{
    const bs_cpu_layout *layout = &stream->network->layout[tensor];
    bs_format format = bs_tensor_format(&stream->network->graph->tensors[tensor], 0);
    for (int i = 0; i < n; i++)
        for (uint32_t k = f->first[i]; k < f->first[i + 1]; k++) {
            if (f->sites[k].element >= layout->elements)
                return bs_fail(BS_ERR, "tensor '%s' has no element %u",
                               stream->network->graph->tensors[tensor].name, f->sites[k].element);
            float *at =
                (float *)rows + i * layout->elements + bs_cpu_layout_offset(layout, f->sites[k].element);
            *at = bs_inject_value(format, f->sites[k], *at, f->before ? &f->before[k] : NULL);
        }
    return BS_OK;
}

static bs_status cpu_compare(bs_stream *stream, int tensor, int n, const void *rows, bs_view golden,
                             uint8_t *equal)
{
    const bs_plane *p = &stream->network->planes[tensor];
    int64_t e = stream->network->layout[tensor].elements, row = p->width * p->cell, from = 0, length = e,
            parts = 1;
    if (bs_plane_is_partly_needed(p)) {
        from = p->needed[0] * row;
        length = (p->needed[1] - p->needed[0]) * row;
        parts = p->outer;
    }
    for (int i = 0; i < n; i++) {
        const float *mine = (const float *)rows + i * e, *other = view_row(golden, i, e);
        equal[i] = 1;
        for (int64_t at = from; at < e && equal[i]; at += e / parts)
            equal[i] = !memcmp(mine + at, other + at, (size_t)length * sizeof(float));
    }
    return BS_OK;
}

static bs_status cpu_rank(bs_stream *stream, int n, const void *rows, const int32_t *golden_class,
                          bs_answer *out)
{
    const bs_graph *g = stream->network->graph;
    const bs_cpu_layout *layout = &stream->network->layout[g->output];
    BS_TRY(bs_cpu_reserve(&stream->work, (size_t)layout->elements * sizeof(float)));
    for (int i = 0; i < n; i++) {
        bs_cpu_layout_load(layout, (const float *)rows + i * layout->elements, stream->work.ptr);
        out[i] = bs_rank(stream->work.ptr, (int)layout->elements, golden_class ? golden_class[i] : -1,
                         g->ends_in_softmax);
    }
    return BS_OK;
}

const bs_backend bs_cpu_backend = {
    .name = "cpu",
    .needs_pixels = true,
    .cache_bytes = 1 << 20,
    .autotune = {16, 5e8, 64 << 20},
    .device_count = cpu_device_count,
    .open = cpu_open,
    .close = cpu_close,
    .describe = cpu_describe,
    .supports = bs_support_node,
    .load = cpu_load,
    .unload = cpu_unload,
    .selection = cpu_selection,
    .row_bytes = cpu_row_bytes,
    .view_of = bs_cpu_view_of,
    .stream_open = cpu_stream_open,
    .stream_close = cpu_stream_close,
    .alloc = cpu_alloc,
    .free = cpu_free,
    .upload = cpu_upload,
    .download = cpu_download,
    .run = cpu_run,
    .run_region = bs_cpu_run_region,
    .run_faulty = bs_cpu_run_faulty,
    .copy_rows = cpu_copy_rows,
    .move_rows = bs_host_move_rows,
    .inject = cpu_inject,
    .compare = cpu_compare,
    .patch_bytes = bs_cpu_patch_bytes,
    .patch_supported = bs_cpu_patch_supported,
    .gather = bs_cpu_gather,
    .run_patch = bs_cpu_run_patch,
    .inject_patch = bs_cpu_inject_patch,
    .compare_patch = bs_cpu_compare_patch,
    .bounds = bs_cpu_bounds,
    .rank = cpu_rank,
};
