/* Between onednn.c and onednn_run.c: what an engine and a impl consist of. */
#ifndef BS_CPU_ONEDNN_IMPL_H
#define BS_CPU_ONEDNN_IMPL_H

#include "cpu/onednn.h"
#include "cpu/onednn_calls.h"

struct bs_dnn {
    dnnl_engine_t engine;
};

enum { IMPL_NAME_LEN = 64 };

struct bs_conv_impl {
    bs_dnn *dnn;
    bs_conv_shape shape; /* the first it was made for */
    char impl[IMPL_NAME_LEN];
    bs_dnn_md weights;
};

/* Status and message of what oneDNN said to `what`. */
bs_status bs_dnn_check(dnnl_status_t s, const char *what);
/* The impl's implementation for a shape, with the impl's weights; *out is NULL, without an error, if there is
 * none. The caller destroys it. */
bs_status bs_conv_impl_find(dnnl_primitive_desc_t *out, const bs_conv_impl *p, const bs_conv_shape *shape);

#endif
