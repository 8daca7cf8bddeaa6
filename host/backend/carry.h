/* How rows of tokens pass through operators. */
#ifndef BS_BACKEND_CARRY_H
#define BS_BACKEND_CARRY_H

#include "backend/planes.h"

/* Where the cells of an input's plane come out of a node. One cell of the output depends on join[0] x join[1]
 * cells of that input, and one of the input reaches split[0] x split[1] cells of the output; one of the two
 * is 1 x 1. Otherwise the cell depends only on inputs that are no activations or are read whole. */
typedef struct bs_carried {
    bool exact;     /* false: that does not hold; the plane is only the best way to cut the output */
    bs_plane plane; /* of the output; axis -1: none */
    int join[2], split[2];
    /* Slice: output row (column) o is row first + o * step of the input. Concat of one activation: o comes of
     * row (o + first) / split, where that is one of the input; the others are those of parameters. */
    int first[2], step[2];
} bs_carried;

/* Follows the plane of input k, which can be cut, through a node. */
bs_carried bs_plane_carry(const bs_graph *g, const bs_node *n, int k, const bs_plane *in);
/* Returns the plane of input k, a parameter that differs along all axes of the plane of the node's output;
 * axis -1: it does not. */
bs_plane bs_plane_of_parameter(const bs_graph *g, const bs_plane *planes, const bs_node *n, int k);
/* Returns true if every parameter of a node on tokens is the same for all rows, has a plane to be cut, or
 * lies outside of patches. */
bool bs_parameters_fit(const bs_graph *g, const bs_plane *planes, const bs_node *n);
/* Returns false if a MatMul on patches reads its right operand whole, and the plane numbers the matrices in
 * that. */
bool bs_has_one_matrix(const bs_graph *g, const bs_plane *planes, const bs_node *n);

/* Returns true if an axis holds rows, and another one columns if there are several. */
static inline bool bs_plane_has_own_axes(const bs_plane *p)
{
    return p->column == p->axis + 1 && (p->width == 1 || p->end == p->column + 1);
}

/* Returns true if the node can turn an image into tokens of the same rows and columns. */
static inline bool bs_plane_leaves_image(const bs_node *n)
{
    return n->op == BS_OP_TRANSPOSE || bs_op_describe(n->op)->family == BS_FAMILY_reshape;
}

/* Returns true if two tensors, or two views of one, have the same plane. */
bool bs_plane_same(const bs_plane *a, const bs_plane *b);

#endif
