/* How tensors can be cut into patches, and which axes operators keep apart.
 *
 * Images are tensors of rank 3 (C, H, W) that convolutions and pools read or make, and those combined with
 * them element by element: a patch is a box of rows and columns, with all channels. Tokens are other tensors
 * with an axis of *rows* along which operators work row by row, such as (T, F) of transformers, (heads, T, F)
 * or (T, heads, F): a patch is a range of rows with all that belongs to them. Tokens that come from pixels
 * have rows and columns as images do, each along one axis or several, or both along one: (H, W, F), (H * W,
 * F), or (H / 7, 7, W / 7, 7, F), whose windows are then the rows and columns of (H / 7, W / 7, 7, 7, F).
 *
 * The index of an element is ((outer * height + row) * width + column) * cell + index in the cell: images
 * have cells of one element and `outer` channels.
 *
 * Of some tokens, the network's output depends on a few rows only: of the last block of a transformer often
 * on that of the class token. A change of other rows counts as none.
 *
 * A parameter that differs from row to row, such as a position embedding, has the plane of the tokens that it
 * is combined with. A node on patches reads its rows at the place of the patch; all trials share them. */
#ifndef BS_BACKEND_PLANES_H
#define BS_BACKEND_PLANES_H

#include "box.h"
#include "model/graph.h"

typedef struct bs_plane {
    bool image;
    int axis;        /* first axis of the rows, -1: the tensor cannot be cut */
    int column, end; /* first axis of the columns, and after them; equal: axis `axis` is that of both */
    int64_t outer, height, width, cell;
    int64_t needed[2]; /* the rows that the output can depend on: from .. to - 1; all unless of tokens */
} bs_plane;

/* Finds the plane of each tensor; of parameters, only those that differ from row to row of tokens can be cut.
 * The caller frees *out with free(). */
bs_status bs_planes_choose(bs_plane **out, const bs_graph *g);

/* The axes of boxes of patched tensors are (channels, rows, columns) for images, (outer, rows, cells of
 * the columns) for tokens and (elements, 1, 1) for all others. These return the box of the whole tensor, and
 * where in it an element lies. */
bs_box bs_plane_box(const bs_plane *p);
void bs_plane_place(const bs_plane *p, int64_t element, int64_t place[3]);

/* Returns true if the output depends on some rows only. */
static inline bool bs_plane_is_partly_needed(const bs_plane *p)
{
    return p->needed[1] - p->needed[0] < p->height;
}

/* Functions of needed.c. Returns false if the element lies in a row that the output cannot depend on. */
bool bs_plane_is_needed(const bs_plane *p, int64_t element);
/* Sets `needed` of the planes, whose other members are set. For bs_planes_choose(). */
void bs_rows_find_needed(bs_plane *planes, const bs_graph *g);

/* Decides which tensors of rank 3 are images; `out` has an entry for each tensor. */
bs_status bs_images_choose(bool *out, const bs_graph *g);

/* Returns the shape of a patch of `size` rows and columns of a tensor. Where rows or columns lie along
 * several axes that it does not fill, it has the same elements, but other axes. */
bs_shape bs_plane_patch(const bs_plane *p, const bs_shape *whole, const int size[2]);

/* Functions of carry.c. Returns true if the node, run on patches, reads this input whole: parameters unless
 * they differ from row to row, the right operand of MatMul unless the plane numbers matrices, and operands
 * that are broadcast over the plane. */
bool bs_reads_whole(const bs_graph *g, const bs_plane *planes, const bs_node *n, int k);
/* Returns true if the input is in no patch of the output, and so is not read: a parameter that Concat puts
 * before or after the rows or columns of an activation. */
bool bs_lies_outside(const bs_graph *g, const bs_plane *planes, const bs_node *n, int k);

#endif
