/* How far a change reaches: for each node, which rows and columns of its output can depend on which of its
 * inputs. Along each axis an output position o reads the input positions
 *     o * stride - pad + k * dilation,  k = 0 .. kernel - 1
 * (a convolution's rule, of which element-wise operators are the case 1, 0, 1, 1). Tokens have rows only. */
#ifndef BS_REPLAY_REACH_H
#define BS_REPLAY_REACH_H

#include "backend/planes.h"

typedef struct bs_reach {
    bool local; /* does the rule above hold? If not, any change may reach the whole output */
    int kernel[2], stride[2], dilation[2];
    int pad[2]; /* before the first row and column; negative: cropped */
    float fill; /* what the node reads outside its input */
} bs_reach;

/* Half-open range of positions along one axis. */
typedef struct bs_range {
    int begin, end;
} bs_range;

/* By node; the caller frees with free(). */
bs_status bs_reach_table(bs_reach **out, const bs_graph *g, const bs_plane *planes);

/* Output positions (of 0..out_size-1) along `axis` that read any input position of `in`; empty ranges keep a
 * place. */
bs_range bs_reach_forward(const bs_reach *r, int axis, bs_range in, int out_size);
/* First input position read by output position `out`, and how many positions n outputs in a row read. */
int bs_reach_first(const bs_reach *r, int axis, int out);
int bs_reach_extent(const bs_reach *r, int axis, int n);

#endif
