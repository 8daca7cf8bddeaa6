/* Receptive fields: which rows and columns of its input a node reads for each row and column of its output.
 * Along each axis, output position o reads the input positions o * stride - pad + k * dilation for k = 0 ..
 * kernel - 1. This is the rule of a convolution; element-wise operators have kernel 1, stride 1, pad 0,
 * dilation 1. Where windows of tokens are taken apart, `split` positions of the output read one of the
 * input. */
#ifndef BS_REPLAY_RECEPTIVE_FIELD_H
#define BS_REPLAY_RECEPTIVE_FIELD_H

#include "backend/planes.h"

typedef struct bs_receptive_field {
    bool local; /* the rule above holds; false: any change can reach the whole output */
    int kernel[2], stride[2], dilation[2];
    int split[2]; /* output positions read the input position (o - pad) / split; > 1: kernel, stride are 1 */
    int pad[2];   /* before the first row and column; negative: cropped. Of tokens these are parameters (see
                     bs_carried), and the output positions outside the input's are in no patch */
    float fill;   /* value that the node reads outside its input */
} bs_receptive_field;

/* Half-open range of positions along one axis. */
typedef struct bs_range {
    int begin, end;
} bs_range;

/* Receptive fields of a network. Made once and read by all schedules of an engine; immutable, so threads may
 * share it. */
typedef struct bs_receptive_fields {
    bs_plane *planes;         /* by tensor */
    bs_receptive_field *node; /* by node */
} bs_receptive_fields;

/* Computes the receptive fields of all nodes; reads every weight of convolutions once. Clear with
 * bs_receptive_fields_clear(), also after an error. */
bs_status bs_receptive_fields_create(bs_receptive_fields *out, const bs_graph *g);
void bs_receptive_fields_clear(bs_receptive_fields *f);

/* Returns the output positions (of 0..out_size-1) along `axis` that read any input position of `in`: at least
 * one position, also where none does. */
bs_range bs_receptive_field_forward(const bs_receptive_field *r, int axis, bs_range in, int out_size);
/* Returns the first input position that output position `out` reads. */
int bs_receptive_field_first(const bs_receptive_field *r, int axis, int out);
/* Returns the number of input positions that n adjacent output positions read. */
int bs_receptive_field_extent(const bs_receptive_field *r, int axis, int n);

#endif
