/* Faults, comparisons with the golden run, and patches: see host/backend/backend.h. */
#include "cuda/cuda_patch.h"

#include "cuda/enqueue.h"
#include "cuda/network.h"

#include <string.h>

size_t bs_cuda_patch_bytes(const bs_network *n, int tensor, const int size[2])
{
    const bs_plane *p = &n->planes[tensor];
    int64_t elements = p->outer * size[0] * size[1] * p->cell;
    return p->axis < 0 ? 0 : (size_t)bs_row_size(bs_cuda_type(n, tensor), elements);
}

/* Every patch is supported, since the order in which an engine computes an output does not depend on it, as
 * the self-test checks; but what a Pad puts around its input has to be a value of that, whose rows it is put
 * into.
 */
bool bs_cuda_patch_supported(bs_network *n, int node, const int in_size[2], const int out_size[2])
{
    const bs_node *nd = &n->graph->nodes[node];
    bs_dtype type = bs_cuda_type(n, nd->in[0]);
    float value = nd->attr.value;
    (void)in_size;
    (void)out_size;
    return nd->op != BS_OP_PAD || !bs_is_half(type) ||
           bs_float_bits(bs_format_round((bs_format){type, 1.0f}, value)) == bs_float_bits(value);
}

/* Stages the boxes: where they lie by place, and the places of the samples, which mostly are there already.
 * To the kernels, planes consist of elements: a column of tokens is as wide as a cell. */
static bs_status stage_boxes(bs_stream *stream, bs_patch_boxes *out, int n, const bs_plane *plane,
                             const bs_patches *p)
{
    *out = (bs_patch_boxes){.size = {p->size[0], p->size[1] * (int32_t)plane->cell},
                            .unit = (int32_t)plane->cell};
    for (int a = 0; a < 2; a++) {
        CUdeviceptr there;
        int places = p->at[a] ? p->places[a] : n;
        if (!p->origin[a])
            continue;
        BS_TRY(bs_cuda_stage(stream, &there, p->origin[a], (size_t)places * sizeof *p->origin[a]));
        out->origin[a] = bs_cuda_pointer(there);
        if (!p->at[a])
            continue;
        BS_TRY(bs_cuda_stage(stream, &there, p->at[a], (size_t)n * sizeof *p->at[a]));
        out->at[a] = bs_cuda_pointer(there);
    }
    return BS_OK;
}

/* Channels that one thread handles. */
enum { CHANNELS_A_THREAD = 8 };

static uint32_t channel_step(const bs_plane *p)
{
    return (uint32_t)((p->outer + CHANNELS_A_THREAD - 1) / CHANNELS_A_THREAD);
}

/* Makes the operand of n whole rows of a tensor. */
static bs_status whole_rows(bs_stream *stream, bs_operand *out, int tensor, int n, bs_view golden)
{
    const bs_network *net = stream->network;
    return bs_cuda_operand(stream, out, n, golden, net->graph->tensors[tensor].elements,
                           bs_cuda_type(net, tensor));
}

bs_status bs_cuda_gather(bs_stream *stream, int tensor, int n, bs_view golden, const void *live,
                         const bs_patches *live_at, const bs_patches *want, float fill, void *dst)
{
    const bs_network *net = stream->network;
    const bs_plane *p = &net->planes[tensor];
    bs_overlay_args a = {.n = (uint32_t)n,
                         .channels = (uint32_t)p->outer,
                         .step = channel_step(p),
                         .height = (int32_t)p->height,
                         .width = (int32_t)(p->width * p->cell),
                         .live = live,
                         .fill = fill,
                         .out = bs_cuda_out(net, tensor, dst)};
    BS_TRY(bs_cuda_enter(net->device));
    BS_TRY(whole_rows(stream, &a.golden, tensor, n, golden));
    BS_TRY(stage_boxes(stream, &a.want, n, p, want));
    if (live)
        BS_TRY(stage_boxes(stream, &a.live_at, n, p, live_at));
    return bs_cuda_launch(stream, BS_KERNEL_overlay, n, (int64_t)a.step * a.want.size[0] * a.want.size[1],
                          &a);
}

/* Sites sent to the device at once. */
enum { PIECE = 1 << 17 };

/* Injects sites first .. first + n_sites - 1 of f. */
static bs_status inject_piece(bs_stream *stream, bs_inject_args *a, const bs_faults *f, uint32_t first)
{
    CUdeviceptr site;
    size_t n = a->n_sites;
    BS_TRY(bs_cuda_stage(stream, &site, f->sites + first, n * sizeof *f->sites));
    a->site = bs_cuda_pointer(site);
    a->before = NULL;
    if (f->before) {
        CUdeviceptr before;
        BS_TRY(bs_cuda_answer(stream, &before, f->before + first, n * sizeof *f->before));
        a->before = bs_cuda_pointer(before);
    }
    return bs_cuda_launch(stream, BS_KERNEL_inject, 1, a->n_sites, a);
}

/* Returns true if the sites of each sample ascend, as those that are drawn do. */
static bool ascend(int n, const bs_faults *f)
{
    for (int i = 0; i < n; i++)
        for (uint32_t k = f->first[i] + 1; k < f->first[i + 1]; k++)
            if (f->sites[k].element <= f->sites[k - 1].element)
                return false;
    return true;
}

/* Injects all sites. plane, patches: NULL for whole rows. */
static bs_status inject_all(bs_stream *stream, bs_inject_args *a, int n, const bs_plane *plane,
                            const bs_patches *patches, const bs_faults *f)
{
    int i = 0;
    a->distinct = ascend(n, f);
    for (uint32_t at = f->first[0], end; at < f->first[n]; at = end) {
        CUdeviceptr owners;
        void *owner = NULL;
        end = f->first[n] - at < PIECE ? f->first[n] : at + PIECE;
        a->n_sites = end - at;
        if (patches)
            BS_TRY(stage_boxes(stream, &a->at, n, plane, patches));
        BS_TRY(bs_cuda_stage_room(stream, &owner, &owners, a->n_sites * sizeof(int32_t)));
        for (uint32_t k = at; k < end; k++) {
            while (k >= f->first[i + 1])
                i++;
            ((int32_t *)owner)[k - at] = i;
        }
        a->owner = bs_cuda_pointer(owners);
        BS_TRY(inject_piece(stream, a, f, at));
    }
    return BS_OK;
}

bs_status bs_cuda_inject(bs_stream *stream, int tensor, int n, void *rows, const bs_faults *f)
{
    const bs_tensor *t = &stream->network->graph->tensors[tensor];
    BS_TRY(bs_cuda_enter(stream->network->device));
    for (uint32_t k = f->first[0]; k < f->first[n]; k++)
        if (f->sites[k].element >= t->elements)
            return bs_fail(BS_ERR, "tensor '%s' has no element %u", t->name, f->sites[k].element);
    bs_inject_args a = {.format = bs_tensor_format(t, 0),
                        .rows = bs_cuda_out(stream->network, tensor, rows),
                        .channels = (int32_t)t->elements,
                        .height = 1,
                        .width = 1,
                        .at = {.size = {1, 1}}};
    return inject_all(stream, &a, n, NULL, NULL, f);
}

static bool in_patch(const bs_plane *p, const bs_patches *at, int i, int64_t element)
{
    int64_t pixel = element / p->cell, y = pixel / p->width % p->height - bs_patch_origin(at, 0, i),
            x = pixel % p->width - bs_patch_origin(at, 1, i);
    return pixel < p->outer * p->height * p->width && y >= 0 && x >= 0 && y < at->size[0] && x < at->size[1];
}

bs_status bs_cuda_inject_patch(bs_stream *stream, int tensor, int n, const bs_patches *at, void *rows,
                               const bs_faults *f)
{
    const bs_plane *p = &stream->network->planes[tensor];
    BS_TRY(bs_cuda_enter(stream->network->device));
    for (int i = 0; i < n; i++)
        for (uint32_t k = f->first[i]; k < f->first[i + 1]; k++)
            if (!in_patch(p, at, i, f->sites[k].element))
                return bs_fail(BS_ERR, "tensor '%s' has no element %u in its patch",
                               stream->network->graph->tensors[tensor].name, f->sites[k].element);
    bs_inject_args a = {.format = bs_tensor_format(&stream->network->graph->tensors[tensor], 0),
                        .rows = bs_cuda_out(stream->network, tensor, rows),
                        .channels = (int32_t)p->outer,
                        .height = (int32_t)p->height,
                        .width = (int32_t)(p->width * p->cell)};
    return inject_all(stream, &a, n, p, at, f);
}

/* Compares what a says: all but its rows, which are given, and its result. */
static bs_status compare(bs_stream *stream, bs_compare_args *a, bs_operand rows, bs_operand golden,
                         uint8_t *equal)
{
    CUdeviceptr answer;
    if (a->n == 0)
        return BS_OK;
    BS_TRY(bs_cuda_answer(stream, &answer, equal, a->n));
    a->rows = rows;
    a->golden = golden;
    a->equal = bs_cuda_pointer(answer);
    return bs_cuda_launch(stream, BS_KERNEL_compare, (int)a->n,
                          (a->elements + CHANNELS_A_THREAD - 1) / CHANNELS_A_THREAD, a);
}

bs_status bs_cuda_compare_rows(bs_stream *stream, int n, int64_t elements, bs_operand rows, bs_operand golden,
                               uint8_t *equal)
{
    bs_compare_args a = {
        .n = n > 0 ? (uint32_t)n : 0, .elements = (uint32_t)elements, .line = (uint32_t)elements};
    return compare(stream, &a, rows, golden, equal);
}

bs_status bs_cuda_compare(bs_stream *stream, int tensor, int n, const void *rows, bs_view golden,
                          uint8_t *equal)
{
    const bs_plane *p = &stream->network->planes[tensor];
    int64_t elements = stream->network->graph->tensors[tensor].elements, row = p->width * p->cell;
    bs_operand there;
    BS_TRY(bs_cuda_enter(stream->network->device));
    BS_TRY(whole_rows(stream, &there, tensor, n, golden));
    bs_operand here = {rows, NULL, elements, there.type};
    if (!bs_plane_is_partly_needed(p))
        return bs_cuda_compare_rows(stream, n, elements, here, there, equal);
    int64_t line = (p->needed[1] - p->needed[0]) * row;
    bs_compare_args a = {.n = n > 0 ? (uint32_t)n : 0,
                         .elements = (uint32_t)(p->outer * line),
                         .line = (uint32_t)line,
                         .skip = (uint32_t)(p->height * row),
                         .first = (uint32_t)(p->needed[0] * row)};
    return compare(stream, &a, here, there, equal);
}

bs_status bs_cuda_compare_patch(bs_stream *stream, int tensor, int n, const bs_patches *at, const void *rows,
                                bs_view golden, uint8_t *equal)
{
    const bs_plane *p = &stream->network->planes[tensor];
    CUdeviceptr answer;
    if (n <= 0)
        return BS_OK;
    BS_TRY(bs_cuda_enter(stream->network->device));
    bs_compare_patch_args a = {.n = (uint32_t)n,
                               .channels = (uint32_t)p->outer,
                               .step = channel_step(p),
                               .height = (int32_t)p->height,
                               .width = (int32_t)(p->width * p->cell),
                               .needed = {(int32_t)p->needed[0], (int32_t)p->needed[1]},
                               .rows = rows};
    BS_TRY(stage_boxes(stream, &a.at, n, p, at));
    BS_TRY(whole_rows(stream, &a.golden, tensor, n, golden));
    BS_TRY(bs_cuda_answer(stream, &answer, equal, (size_t)n));
    a.equal = bs_cuda_pointer(answer);
    return bs_cuda_launch(stream, BS_KERNEL_compare_patch, n, (int64_t)a.step * a.at.size[0] * a.at.size[1],
                          &a);
}

/* Samples whose bounds are found at once: as many as one transfer brings. */
enum { MOST_BOUNDS = 1 << 16 };

/* Has the bounds of at most MOST_BOUNDS samples found, as {-top, -left, bottom, right}. */
static bs_status find_bounds(bs_stream *stream, int tensor, int n, bs_view rows, bs_view golden,
                             int32_t (*bounds)[4])
{
    const bs_plane *p = &stream->network->planes[tensor];
    size_t bytes = (size_t)n * sizeof *bounds;
    CUdeviceptr answer;
    bs_bounds_args a = {.n = (uint32_t)n,
                        .channels = (uint32_t)p->outer,
                        .step = channel_step(p),
                        .height = (int32_t)p->height,
                        .width = (int32_t)p->width};
    BS_TRY(whole_rows(stream, &a.rows, tensor, n, rows));
    BS_TRY(whole_rows(stream, &a.golden, tensor, n, golden));
    BS_TRY(bs_cuda_answer(stream, &answer, bounds, bytes));
    a.corner = bs_cuda_pointer(answer);
    bs_status st = bs_cuda_set(stream, answer, BS_NO_CORNER, bytes);
    if (st == BS_OK)
        st = bs_cuda_launch(stream, BS_KERNEL_bounds, n, (int64_t)a.step * a.height * a.width, &a);
    if (st != BS_OK)
        bs_cuda_forget(stream);
    return st;
}

bs_status bs_cuda_bounds(bs_stream *stream, int tensor, int n, bs_view rows, bs_view golden,
                         int32_t (*bounds)[4])
{
    int64_t row = (int64_t)bs_cuda_row_bytes(stream->network, tensor);
    BS_TRY(bs_cuda_enter(stream->network->device));
    for (int at = 0, here; at < n; at += here) {
        here = n - at < MOST_BOUNDS ? n - at : MOST_BOUNDS;
        BS_TRY(find_bounds(stream, tensor, here, bs_cuda_view_from(rows, at, row),
                           bs_cuda_view_from(golden, at, row), bounds + at));
    }
    BS_TRY(bs_cuda_collect(stream));
    for (int i = 0; i < n; i++) {
        int32_t *b = bounds[i];
        const int32_t top = -b[0], left = -b[1], bottom = b[2], right = b[3];
        bool none = bottom < 0;
        b[0] = none ? 0 : top;
        b[1] = none ? 0 : left;
        b[2] = none ? 0 : bottom - top + 1;
        b[3] = none ? 0 : right - left + 1;
    }
    return BS_OK;
}
