/* The kernels: their list, and the arguments of each, shared by host and device. All pointers are device
 * pointers; all tensors are row-major in logical order, one row for each sample, see operand.h. */
#ifndef BS_KERNELS_KERNELS_H
#define BS_KERNELS_KERNELS_H

#include "bits.h"
#include "dtype.h"
#include "op_list.h"
#include "operand.h"
#include "product_args.h"
#include "rank.h"
#include "space.h"

/* X(name). The kernel bs_kernel_NAME has arguments bs_NAME_args. */
#define BS_KERNELS(X)                                                                                        \
    X(unary)                                                                                                 \
    X(clip)                                                                                                  \
    X(binary)                                                                                                \
    X(region)                                                                                                \
    X(where)                                                                                                 \
    X(batch_norm)                                                                                            \
    X(layer_norm)                                                                                            \
    X(instance_norm)                                                                                         \
    X(softmax)                                                                                               \
    X(lrn)                                                                                                   \
    X(pool)                                                                                                  \
    X(reduce)                                                                                                \
    X(fill)                                                                                                  \
    X(move)                                                                                                  \
    X(pad)                                                                                                   \
    X(pick)                                                                                                  \
    X(resize)                                                                                                \
    X(matmul)                                                                                                \
    X(direct)                                                                                                \
    X(gemm)                                                                                                  \
    X(gemm_small)                                                                                            \
    X(im2col)                                                                                                \
    X(col2im)                                                                                                \
    X(add_bias)                                                                                              \
    X(copy_rows)                                                                                             \
    X(move_rows)                                                                                             \
    X(inject)                                                                                                \
    X(compare)                                                                                               \
    X(overlay)                                                                                               \
    X(compare_patch)                                                                                         \
    X(bounds)                                                                                                \
    X(filters)                                                                                               \
    X(scatter)                                                                                               \
    X(rank)

/* Threads of a block where a launch has more items than half of it. */
enum { BS_BLOCK_SIZE = 256 };

typedef struct bs_unary_args {
    uint32_t n, elements;
    int32_t op; /* bs_op */
    float a, b;
    bs_operand in;
    bs_out out;
} bs_unary_args;

/* low, high: NULL if low_value and high_value are the bounds. */
typedef struct bs_clip_args {
    uint32_t n, elements;
    bs_operand in;
    const float *low, *high;
    float low_value, high_value;
    bs_out out;
} bs_clip_args;

/* Arrays of the space: out, a, b. `out` may be a's base. */
typedef struct bs_binary_args {
    uint32_t n;
    int32_t op;
    bs_operand a_in, b_in;
    bs_out out;
    int64_t out_elements;
    bs_nd_space space;
} bs_binary_args;

/* An operand of a region's node: what an earlier node made, an input of the region, or a constant, of which
 * element k is constant[k / plane % period]. step, input: -1 if it is another one. */
typedef struct bs_region_operand {
    int32_t step, input;
    const float *constant;
    uint32_t plane, period;
} bs_region_operand;

/* The nodes of a region, in their order. operands: 1 or 2. */
typedef struct bs_region_args {
    uint32_t n, elements;
    int32_t steps;
    struct {
        int32_t op, operands;
        float a, b;
        bs_region_operand operand[2];
        bs_format format; /* of the result; the last is rounded as it is written */
    } step[BS_REGION_NODES];
    bs_operand in[BS_REGION_INPUTS];
    bs_out out;
} bs_region_args;

/* Arrays: out, condition, value if true, value if false. */
typedef struct bs_where_args {
    uint32_t n;
    bs_operand condition, yes, no;
    bs_out out;
    int64_t out_elements;
    bs_nd_space space;
} bs_where_args;

/* Channel of element k: k / plane % channels. */
typedef struct bs_batch_norm_args {
    uint32_t n, elements, channels, plane;
    bs_operand in;
    const float *scale, *bias, *mean, *var;
    float epsilon;
    bs_out out;
} bs_batch_norm_args;

/* A warp works a line of `length` neighbours. */
typedef struct bs_layer_norm_args {
    uint32_t n, lines, length;
    bs_operand in;
    const float *scale, *bias; /* one for each element of a line; bias may be NULL */
    float epsilon;
    bs_out out;
} bs_layer_norm_args;

/* A warp works a channel. */
typedef struct bs_instance_norm_args {
    uint32_t n, channels, plane;
    bs_operand in;
    const float *scale, *bias;
    float epsilon;
    bs_out out;
} bs_instance_norm_args;

/* A warp works a line of `length` elements, `inner` apart. */
typedef struct bs_softmax_args {
    uint32_t n, lines, length, inner;
    int32_t logarithm;
    bs_operand in;
    bs_out out;
} bs_softmax_args;

typedef struct bs_lrn_args {
    uint32_t n, channels, plane;
    int32_t size;
    float epsilon, alpha, beta;
    bs_operand in;
    bs_out out;
} bs_lrn_args;

typedef struct bs_pool_args {
    uint32_t n, channels;
    int32_t average;
    int32_t in_h, in_w, out_h, out_w;
    bs_window window;
    bs_operand in;
    bs_out out;
} bs_pool_args;

/* A warp makes an output of the elements of `over`, from `at` in the input on. */
typedef struct bs_reduce_args {
    uint32_t n;
    int32_t op;
    bs_operand in;
    bs_out out;
    bs_nd_space at, over; /* array 0: the input */
} bs_reduce_args;

/* Sets all elements of n rows of out to `value`. */
typedef struct bs_fill_args {
    uint32_t n, elements;
    float value;
    bs_out out;
} bs_fill_args;

/* Arrays: out, in; they start at out + to and at the row of in + from. */
typedef struct bs_move_args {
    uint32_t n;
    bs_operand in;
    bs_out out;
    int64_t out_elements, to, from;
    bs_nd_space space;
} bs_move_args;

/* Pads with elements of the input, see pad.h. */
typedef struct bs_pad_args {
    uint32_t n, elements;
    int32_t mode, rank;
    int64_t out_dim[BS_MAX_RANK], in_dim[BS_MAX_RANK], begin[BS_MAX_RANK];
    bs_operand in;
    bs_out out;
} bs_pad_args;

/* Gathers along an axis of `dim` elements, `inner` apart; item k is output k. */
typedef struct bs_pick_args {
    uint32_t n, elements, dim, inner, n_index;
    const int32_t *index;
    bs_operand in;
    bs_out out;
} bs_pick_args;

typedef struct bs_resize_args {
    uint32_t n, channels;
    int32_t in_h, in_w, out_h, out_w;
    bs_resize resize;
    bs_operand in;
    bs_out out;
} bs_resize_args;

typedef struct bs_copy_rows_args {
    uint32_t n, elements;
    bs_operand in;
    bs_out out;
} bs_copy_rows_args;

/* Copies rows from[i] over rows to[i] of the same block; no row is both. format: of no words but their size.
 */
typedef struct bs_move_rows_args {
    uint32_t n, elements;
    const int32_t *to, *from;
    bs_out rows;
} bs_move_rows_args;

/* Sets equal[i], which is 1 before, to 0 if a bit differs in any of `elements` elements: of those from
 * `first` on in lines of `line` elements, which begin `skip` apart. One line: from the start. */
typedef struct bs_compare_args {
    uint32_t n, elements, line, skip, first;
    bs_operand rows, golden;
    uint8_t *equal;
} bs_compare_args;

/* A patch for each sample: size, and first row and column (see bs_patches in host/backend/backend.h), here in
 * elements: a column of tokens is `unit` wide. */
typedef struct bs_patch_boxes {
    int32_t size[2], unit;
    const int32_t *origin[2]; /* by place; NULL: 0 */
    const int32_t *at[2];     /* by sample: its place; NULL: the sample's number */
} bs_patch_boxes;

/* Returns the first row (axis 0) or column of sample i. */
BS_HD int32_t bs_patch_box_origin(const bs_patch_boxes *p, int axis, uint32_t i)
{
    if (!p->origin[axis])
        return 0;
    int32_t first = p->origin[axis][p->at[axis] ? (uint32_t)p->at[axis][i] : i];
    return axis ? first * p->unit : first;
}

/* A thread handles channels `step` apart, so that it divides once for all of them. */
typedef struct bs_overlay_args {
    uint32_t n, channels, step;
    int32_t height, width; /* of the plane */
    bs_operand golden;
    const void *live; /* NULL: golden only; words of the same type */
    bs_patch_boxes live_at, want;
    float fill;
    bs_out out;
} bs_overlay_args;

/* Sites site[k] of sample owner[k], numbered as in the whole tensor; before may be NULL. A whole tensor is a
 * patch of (elements, 1, 1) whose origin is NULL. distinct: no sample has two sites at one element. */
typedef struct bs_inject_args {
    uint32_t n_sites;
    bs_format format; /* of the values, in the words of which faults are */
    int32_t distinct;
    const bs_site *site;
    const int32_t *owner;
    uint32_t *before;
    bs_out rows;
    int32_t channels, height, width;
    bs_patch_boxes at;
} bs_inject_args;

/* `step`: as in bs_overlay_args; `equal`: as in bs_compare_args. */
typedef struct bs_compare_patch_args {
    uint32_t n, channels, step;
    int32_t height, width, needed[2]; /* of the plane; its rows that are compared: from .. to - 1 */
    bs_patch_boxes at;
    const void *rows; /* as golden's */
    bs_operand golden;
    uint8_t *equal;
} bs_compare_patch_args;

/* Finds where rows differ from golden: corner[4 * i ..] grow to the maxima of {-row, -column, row,
 * column}. */
enum { BS_NO_CORNER = 0x80 }; /* every byte of `corner` before: a number below all of those */
typedef struct bs_bounds_args {
    uint32_t n, channels, step;
    int32_t height, width;
    bs_operand rows, golden;
    int32_t *corner;
} bs_bounds_args;

/* Copies row from[f] of weights to row f of out. */
typedef struct bs_filters_args {
    uint32_t filters, length;
    bs_cells weights;
    const int32_t *from;
    bs_out out;
} bs_filters_args;

/* Copies n computed channels to their places: number i, whose pixel p is at column[i] * column_step + row[i]
 * * row_step + p * pixel_step, becomes channel channel[i] of row sample[i] of out. */
typedef struct bs_scatter_args {
    uint32_t n, pixels;
    const int32_t *sample, *channel, *row, *column;
    bs_cells computed;
    int64_t row_step, column_step, pixel_step;
    bs_out out;
    int64_t out_elements, out_channel_step, out_pixel_step;
} bs_scatter_args;

/* One warp ranks each sample. */
typedef struct bs_rank_args {
    uint32_t n, classes;
    int32_t is_probability;
    bs_operand rows;
    const int32_t *golden; /* NULL: golden runs, whose top class is the golden class */
    bs_answer *out;
} bs_rank_args;

#endif
