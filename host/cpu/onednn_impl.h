/* Shared by onednn.c and onednn_run.c: the contents of an engine and of an implementation. */
#ifndef BS_CPU_ONEDNN_IMPL_H
#define BS_CPU_ONEDNN_IMPL_H

#include "cpu/onednn.h"
#include "cpu/onednn_calls.h"

struct bs_dnn {
    dnnl_engine_t engine;
    bool limited; /* this process has a limit of memory */
};

struct bs_conv_impl {
    bs_dnn *dnn;
    bs_conv_shape shape; /* the first shape it was selected for */
    char name[BS_CONV_IMPL_NAME];
    bs_dnn_md weights;
};

/* Wraps what makes something of oneDNN, which writes code into memory that it did not get and throws where
 * nothing catches: fails unless there is room for it. Where memory has a limit, others wait until
 * bs_dnn_made(), so that no two threads count on the same room. After an error nothing is to be ended. */
bs_status bs_dnn_make(const bs_dnn *d, const char *what);
void bs_dnn_made(const bs_dnn *d);
/* Turns oneDNN's status after `what` into ours, with a message. */
bs_status bs_dnn_check(dnnl_status_t s, const char *what);
/* Finds the implementation for a shape, with its selected weight layout; *out is NULL, without an error, if
 * there is none. The caller destroys *out. */
bs_status bs_conv_impl_find(dnnl_primitive_desc_t *out, const bs_conv_impl *p, const bs_conv_shape *shape);

#endif
