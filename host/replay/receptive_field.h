/* Receptive fields: which rows and columns of a node's output depend on which of its inputs. Along each axis
 * an output position o reads the input positions o * stride - pad + k * dilation,  k = 0 .. kernel - 1 (a
 * convolution's rule, of which element-wise operators are the case 1, 0, 1, 1). Tokens have rows only. */
#ifndef BS_REPLAY_RECEPTIVE_FIELD_H
#define BS_REPLAY_RECEPTIVE_FIELD_H

#include "backend/planes.h"

typedef struct bs_receptive_field {
    bool local; /* the rule above holds; false: any change may reach the whole output */
    int kernel[2], stride[2], dilation[2];
    int pad[2]; /* before the first row and column; negative: cropped */
    float fill; /* what the node reads outside its input */
} bs_receptive_field;

/* Half-open range of positions along one axis. */
typedef struct bs_range {
    int begin, end;
} bs_range;

/* Receptive fields of a network: made once, and read by all schedules of an engine. Immutable; safe to share
 * between threads. */
typedef struct bs_receptive_fields {
    bs_plane *planes;         /* by tensor */
    bs_receptive_field *node; /* by node */
} bs_receptive_fields;

/* Reads every weight of convolutions once. Clear with bs_receptive_fields_clear(), also after an error. */
bs_status bs_receptive_fields_create(bs_receptive_fields *out, const bs_graph *g);
void bs_receptive_fields_clear(bs_receptive_fields *f);

/* Output positions (of 0..out_size-1) along `axis` that read any input position of `in`; empty ranges keep a
 * place. */
bs_range bs_receptive_field_forward(const bs_receptive_field *r, int axis, bs_range in, int out_size);
/* First input position read by output position `out`, and how many positions n outputs in a row read. */
int bs_receptive_field_first(const bs_receptive_field *r, int axis, int out);
int bs_receptive_field_extent(const bs_receptive_field *r, int axis, int n);

#endif
