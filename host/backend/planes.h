/* How tensors can be cut into patches, and which axes operators keep apart.
 *
 * Images have rank 3 (C, H, W) and lie near convolutions and pools: a patch is a box of rows and columns, all
 * channels. Tokens are others with an axis of *rows* along which operators work row by row, as (T, F) of
 * transformers, (heads, T, F), (T, heads, F): a patch is a range of rows with all that belongs to them.
 *
 * An element's number is ((outer * height + row) * width + column) * cell + place in the cell: images have
 * cells of one element and `outer` channels, tokens have one column. */
#ifndef BS_BACKEND_PLANES_H
#define BS_BACKEND_PLANES_H

#include "box.h"
#include "model/graph.h"

typedef struct bs_plane {
    bool image;
    int axis; /* of the rows, -1: the tensor cannot be cut */
    int64_t outer, height, width, cell;
} bs_plane;

/* By tensor; parameters cannot be cut. The caller frees with free(). */
bs_status bs_planes_choose(bs_plane **out, const bs_graph *g);

/* Boxes of patched tensors have these axes: images channels, rows, columns; tokens outer, rows, cell; all
 * else (elements, 1, 1). This one is the whole tensor, and where in it an element lies. */
bs_box bs_plane_box(const bs_plane *p);
void bs_plane_place(const bs_plane *p, int64_t element, int64_t place[3]);

/* Which tensors of rank 3 are images; `out` has an entry for each tensor. */
bs_status bs_images_choose(bool *out, const bs_graph *g);

/* Axis of the node's output along which rows of input k, lying along `axis`, come out: each output row
 * depends on the same row of that input alone (Slice: on the row it takes), and else on what is no activation
 * or read whole. -1: on more. */
int bs_rows_carry(const bs_graph *g, const bs_node *n, int k, int axis);

/* Does the node on patches read this input as whole rows of the batch? The right operand of a MatMul, and
 * what is spread over the plane. */
bool bs_reads_whole(const bs_graph *g, const bs_plane *planes, const bs_node *n, int k);

#endif
