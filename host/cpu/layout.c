#include "cpu/layout.h"

#include "backend/planes.h"
#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

void bs_cpu_layout_init(bs_cpu_layout *out, const bs_shape *shape, bool channels_last)
{
    memset(out, 0, sizeof *out);
    out->channels_last = channels_last;
    out->rank = shape->rank;
    out->elements = 1;
    for (int a = 0; a < shape->rank; a++) {
        out->dim[a] = shape->dim[a];
        out->order[a] = channels_last ? (a + 1) % 3 : a;
    }
    for (int k = shape->rank - 1; k >= 0; k--) {
        out->stride[out->order[k]] = out->elements;
        out->elements *= out->dim[out->order[k]];
    }
}

bs_status bs_cpu_layouts_choose(bs_cpu_layout *out, const bs_graph *g)
{
    bool *image;
    BS_TRY(bs_calloc(&image, (size_t)g->n_tensors, sizeof *image, "layouts"));
    bs_status st = bs_images_choose(image, g);
    for (int t = 0; t < g->n_tensors && st == BS_OK; t++)
        bs_cpu_layout_init(&out[t], &g->tensors[t].shape, image[t]);
    free(image);
    return st;
}

bool bs_cpu_layout_is_plain(const bs_cpu_layout *l)
{
    return !l->channels_last || l->dim[0] == 1 || l->dim[1] * l->dim[2] == 1;
}

bool bs_cpu_layout_same_order(const bs_cpu_layout *a, const bs_cpu_layout *b)
{
    bool same =
        a->rank == b->rank && !memcmp(a->dim, b->dim, sizeof a->dim) && a->channels_last == b->channels_last;
    return same || (bs_cpu_layout_is_plain(a) && bs_cpu_layout_is_plain(b));
}

int64_t bs_cpu_layout_offset(const bs_cpu_layout *l, int64_t element)
{
    int64_t at = 0;
    for (int a = l->rank - 1; a >= 0; a--) {
        at += element % l->dim[a] * l->stride[a];
        element /= l->dim[a];
    }
    return at;
}

/* Returns the loop space of logical order (array 0) against memory order (array 1). */
static bs_cpu_nd_space logical_space(const bs_cpu_layout *l)
{
    bs_cpu_nd_space n = {0};
    int64_t stride = l->elements;
    for (int a = 0; a < l->rank; a++) {
        stride /= l->dim[a];
        bs_cpu_nd_space_add(&n, l->dim[a], stride, l->stride[a], 0);
    }
    bs_cpu_nd_space_finish(&n);
    return n;
}

void bs_cpu_layout_load(const bs_cpu_layout *l, const float *row, float *logical)
{
    bs_cpu_nd_space n = logical_space(l);
    bs_cpu_nd_space_copy(&n, logical, row);
}

void bs_cpu_layout_store(const bs_cpu_layout *l, const float *logical, float *row)
{
    bs_cpu_nd_space n = logical_space(l), swapped = n;
    memcpy(swapped.stride[0], n.stride[1], sizeof n.stride[0]);
    memcpy(swapped.stride[1], n.stride[0], sizeof n.stride[0]);
    bs_cpu_nd_space_copy(&swapped, row, logical);
}
