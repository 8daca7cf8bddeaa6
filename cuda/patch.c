/* Faults, comparisons with the golden run, and patches: see host/backend/backend.h. */
#include "cuda/cuda.h"

#include "base/buf.h"

#include <stdlib.h>

size_t bs_cuda_patch_bytes(const bs_network *n, int tensor, const int size[2])
{
    const bs_plane *p = &n->planes[tensor];
    return p->axis < 0 ? 0 : (size_t)(p->outer * size[0] * size[1] * p->cell) * sizeof(float);
}

/* Every engine computes an output in an order of its own only; the self-test has the last word. */
bool bs_cuda_patch_supported(bs_network *n, int node, const int in_size[2], const int out_size[2])
{
    (void)n;
    (void)node;
    (void)in_size;
    (void)out_size;
    return true;
}

/* The kernels know planes of elements: the one column of tokens is as many as a cell has. */
static bs_status stage_boxes(bs_lane *l, bs_patch_boxes *out, int n, const bs_plane *plane,
                             const bs_patches *p)
{
    for (int a = 0; a < 2; a++) {
        CUdeviceptr origin;
        BS_TRY(bs_cuda_stage(l, &origin, p->origin[a], (size_t)n * sizeof *p->origin[a]));
        out->size[a] = p->size[a] * (a ? (int32_t)plane->cell : 1);
        out->origin[a] = bs_cuda_pointer(origin);
    }
    return BS_OK;
}

bs_status bs_cuda_gather(bs_lane *l, int tensor, int n, bs_view golden, const void *live,
                         const bs_patches *live_at, const bs_patches *want, float fill, void *dst)
{
    const bs_plane *p = &l->network->planes[tensor];
    bs_overlay_args a = {.n = (uint32_t)n,
                         .channels = (uint32_t)p->outer,
                         .height = (int32_t)p->height,
                         .width = (int32_t)(p->width * p->cell),
                         .live = live,
                         .fill = fill,
                         .out = dst};
    BS_TRY(bs_cuda_enter(l->network->device));
    BS_TRY(bs_cuda_operand(l, &a.golden, n, golden, l->network->graph->tensors[tensor].elements));
    BS_TRY(stage_boxes(l, &a.want, n, p, want));
    if (live)
        BS_TRY(stage_boxes(l, &a.live_at, n, p, live_at));
    return bs_cuda_launch(l, BS_KERNEL_overlay, n, p->outer * a.want.size[0] * a.want.size[1], &a);
}

/* Sites on their way to the device at once. */
enum { PIECE = 1 << 18 };

/* Sites first .. first + n_sites - 1 of f; owner has room for them. */
static bs_status inject_piece(bs_lane *l, bs_inject_args *a, const bs_faults *f, uint32_t first,
                              const int32_t *owner)
{
    CUdeviceptr site, owners;
    size_t n = a->n_sites;
    BS_TRY(bs_cuda_stage(l, &site, f->sites + first, n * sizeof *f->sites));
    BS_TRY(bs_cuda_stage(l, &owners, owner, n * sizeof *owner));
    BS_TRY(bs_cuda_reserve(l, &l->result, n * sizeof(uint32_t)));
    a->site = bs_cuda_pointer(site);
    a->owner = bs_cuda_pointer(owners);
    a->before = bs_cuda_pointer(l->result.ptr);
    BS_TRY(bs_cuda_launch(l, BS_KERNEL_inject, 1, a->n_sites, a));
    return f->before ? bs_cuda_fetch(l, f->before + first, l->result.ptr, n * sizeof *f->before) : BS_OK;
}

static bs_status inject_all(bs_lane *l, bs_inject_args *a, int n, const bs_faults *f)
{
    uint32_t all = f->first[n] - f->first[0], filled = 0;
    int32_t *owner;
    bs_status st = BS_OK;
    if (all == 0)
        return BS_OK;
    BS_TRY(bs_calloc(&owner, all < PIECE ? all : PIECE, sizeof *owner, "faults"));
    for (int i = 0; i < n; i++)
        for (uint32_t k = f->first[i]; k < f->first[i + 1]; k++) {
            owner[filled++] = i;
            if (filled < PIECE && k + 1 < f->first[n])
                continue;
            a->n_sites = filled;
            BS_TRY_GOTO(inject_piece(l, a, f, k + 1 - filled, owner), out);
            filled = 0;
        }
out:
    free(owner);
    return st;
}

bs_status bs_cuda_inject(bs_lane *l, int tensor, int n, void *rows, const bs_faults *f)
{
    const bs_tensor *t = &l->network->graph->tensors[tensor];
    BS_TRY(bs_cuda_enter(l->network->device));
    for (uint32_t k = f->first[0]; k < f->first[n]; k++)
        if (f->sites[k].element >= t->elements)
            return bs_fail(BS_ERR, "tensor '%s' has no element %u", t->name, f->sites[k].element);
    bs_inject_args a = {
        .rows = rows, .channels = (int32_t)t->elements, .height = 1, .width = 1, .at = {.size = {1, 1}}};
    return inject_all(l, &a, n, f);
}

static bool in_patch(const bs_plane *p, const bs_patches *at, int i, int64_t element)
{
    int64_t pixel = element / p->cell, y = pixel / p->width % p->height - at->origin[0][i],
            x = pixel % p->width - at->origin[1][i];
    return pixel < p->outer * p->height * p->width && y >= 0 && x >= 0 && y < at->size[0] && x < at->size[1];
}

bs_status bs_cuda_inject_patch(bs_lane *l, int tensor, int n, const bs_patches *at, void *rows,
                               const bs_faults *f)
{
    const bs_plane *p = &l->network->planes[tensor];
    BS_TRY(bs_cuda_enter(l->network->device));
    for (int i = 0; i < n; i++)
        for (uint32_t k = f->first[i]; k < f->first[i + 1]; k++)
            if (!in_patch(p, at, i, f->sites[k].element))
                return bs_fail(BS_ERR, "tensor '%s' has no element %u in its patch",
                               l->network->graph->tensors[tensor].name, f->sites[k].element);
    bs_inject_args a = {.rows = rows,
                        .channels = (int32_t)p->outer,
                        .height = (int32_t)p->height,
                        .width = (int32_t)(p->width * p->cell)};
    BS_TRY(stage_boxes(l, &a.at, n, p, at));
    return inject_all(l, &a, n, f);
}

/* Room for n answers of a comparison, all "equal" so far. */
static bs_status begin_compare(bs_lane *l, int n)
{
    const bs_cuda_api *api = l->network->device->api;
    BS_TRY(bs_cuda_enter(l->network->device));
    BS_TRY(bs_cuda_reserve(l, &l->result, (size_t)n));
    return bs_cuda_check(api, api->cuMemsetD8Async(l->result.ptr, 1, (size_t)n, l->stream),
                         "cuMemsetD8Async");
}

bs_status bs_cuda_compare(bs_lane *l, int tensor, int n, const void *rows, bs_view golden, uint8_t *equal)
{
    int64_t elements = l->network->graph->tensors[tensor].elements;
    if (n <= 0)
        return BS_OK;
    BS_TRY(begin_compare(l, n));
    bs_compare_args a = {.n = (uint32_t)n,
                         .elements = (uint32_t)elements,
                         .rows = rows,
                         .equal = bs_cuda_pointer(l->result.ptr)};
    BS_TRY(bs_cuda_operand(l, &a.golden, n, golden, elements));
    BS_TRY(bs_cuda_launch(l, BS_KERNEL_compare, n, elements, &a));
    return bs_cuda_fetch(l, equal, l->result.ptr, (size_t)n);
}

bs_status bs_cuda_compare_patch(bs_lane *l, int tensor, int n, const bs_patches *at, const void *rows,
                                bs_view golden, uint8_t *equal)
{
    const bs_plane *p = &l->network->planes[tensor];
    if (n <= 0)
        return BS_OK;
    BS_TRY(begin_compare(l, n));
    bs_compare_patch_args a = {.n = (uint32_t)n,
                               .channels = (uint32_t)p->outer,
                               .height = (int32_t)p->height,
                               .width = (int32_t)(p->width * p->cell),
                               .rows = rows,
                               .equal = bs_cuda_pointer(l->result.ptr)};
    BS_TRY(stage_boxes(l, &a.at, n, p, at));
    BS_TRY(bs_cuda_operand(l, &a.golden, n, golden, l->network->graph->tensors[tensor].elements));
    BS_TRY(bs_cuda_launch(l, BS_KERNEL_compare_patch, n, p->outer * a.at.size[0] * a.at.size[1], &a));
    return bs_cuda_fetch(l, equal, l->result.ptr, (size_t)n);
}
