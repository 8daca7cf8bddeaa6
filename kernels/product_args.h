/* The arguments of kernels that multiply matrices, and of those by which convolutions are computed. */
#ifndef BS_KERNELS_PRODUCT_ARGS_H
#define BS_KERNELS_PRODUCT_ARGS_H

#include "operand.h"
#include "space.h"

/* y (..., rows, columns) = a (..., rows, depth) b (..., depth, columns). Arrays of `batch` (the leading
 * axes): y, a, b, in elements. */
typedef struct bs_matmul_args {
    uint32_t n, rows, columns, depth;
    bs_operand a_in, b_in;
    bs_out out;
    int64_t out_elements;
    bs_nd_space batch;
} bs_matmul_args;

/* The geometry of a convolution for the kernels below. Filter f reads `channels` channels from channel
 * first[f] on (first NULL: f / per_group * channels). */
typedef struct bs_conv_geometry {
    int32_t in_h, in_w, out_h, out_w;
    int32_t kernel[2], stride[2], dilation[2], pad[2];
    int32_t channels; /* number that a filter reads */
} bs_conv_geometry;

/* One thread sums each output, channel by channel, row by row, column by column, without the padding. */
typedef struct bs_direct_args {
    uint32_t n, filters, per_group;
    bs_conv_geometry g;
    bs_operand in;
    const float *weights, *bias; /* (filters, channels, kernel); bias may be NULL */
    const int32_t *first;
    bs_out out;
} bs_direct_args;

/* products [rows][width] = x [rows][depth] times w [width][depth], plus bias, as rows of out_step. x and w
 * begin at multiples of 16 bytes. A block makes a tile of BS_GEMM_ROWS x BS_GEMM_FILTERS, or, as gemm_small,
 * of BS_GEMM_SMALL each; the bits are the same. */
enum { BS_GEMM_ROWS = 128, BS_GEMM_FILTERS = 64, BS_GEMM_SMALL = 32 };
typedef struct bs_gemm_args {
    uint32_t rows, width, depth;
    int64_t out_step;
    bs_cells x;
    const float *w, *bias; /* bias, of each filter, may be NULL */
    bs_out out;
} bs_gemm_args;
typedef bs_gemm_args bs_gemm_small_args;

/* im2col: makes the rows [n * pixels][channels * kernel] by which filters are multiplied; padding is 0.
 * first_pixel, pixels: the part of each sample's plane to convert. */
typedef struct bs_im2col_args {
    uint32_t n;
    uint32_t pixels;
    int32_t first_pixel;
    bs_conv_geometry g;
    bs_operand in;
    float *out;
} bs_im2col_args;

/* col2im: makes out (filters, plane) of each sample from products [n * pixels][width], plus bias. */
typedef struct bs_col2im_args {
    uint32_t n;
    uint32_t filters, width, pixels, plane;
    int32_t first_pixel;
    const float *products, *bias; /* bias may be NULL */
    bs_out out;
} bs_col2im_args;

/* out = in + bias of the channel (k / plane % channels); `in`, rows of in_elements, may be out. */
typedef struct bs_add_bias_args {
    uint32_t n, elements, channels, plane;
    int64_t in_elements;
    bs_cells in;
    const float *bias; /* may be NULL */
    bs_out out;
} bs_add_bias_args;

#endif
