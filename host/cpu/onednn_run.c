/* Convolutions compiled for one shape. */
#include "cpu/onednn_impl.h"

#include "base/buf.h"

#include <stdlib.h>

struct bs_conv {
    dnnl_primitive_t primitive;
    dnnl_stream_t stream;
    dnnl_memory_t src, weights, bias, dst, scratch;
    size_t scratch_bytes;
};

static bs_status bind(dnnl_memory_t *out, const_dnnl_primitive_desc_t pd, dnnl_query_t what, dnnl_engine_t e)
{
    return bs_dnn_check(
        dnnl_memory_create(out, dnnl_primitive_desc_query_md(pd, what, 0), e, DNNL_MEMORY_NONE), "memory");
}

bs_status bs_conv_create(bs_conv **out, const bs_conv_impl *impl, const bs_conv_shape *shape)
{
    bs_conv *c;
    bs_status st;
    dnnl_engine_t e = impl->dnn->engine;
    dnnl_primitive_desc_t pd = NULL;
    *out = NULL;
    BS_TRY(bs_calloc(&c, 1, sizeof *c, "convolution"));
    BS_TRY_GOTO(bs_conv_impl_find(&pd, impl, shape), out);
    if (!pd) {
        st = bs_fail(BS_ERR, "oneDNN offers %s not for all shapes of this layer", impl->name);
        goto out;
    }
    BS_TRY_GOTO(bs_dnn_make(impl->dnn, "convolution"), out);
    dnnl_status_t made = dnnl_primitive_create(&c->primitive, pd);
    bs_dnn_made(impl->dnn);
    BS_TRY_GOTO(bs_dnn_check(made, "create a convolution"), out);
    BS_TRY_GOTO(bs_dnn_check(dnnl_stream_create(&c->stream, e, dnnl_stream_default_flags), "stream"), out);
    BS_TRY_GOTO(bind(&c->src, pd, dnnl_query_src_md, e), out);
    BS_TRY_GOTO(bind(&c->dst, pd, dnnl_query_dst_md, e), out);
    BS_TRY_GOTO(bind(&c->scratch, pd, dnnl_query_scratchpad_md, e), out);
    c->scratch_bytes =
        dnnl_memory_desc_get_size(dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0));
    BS_TRY_GOTO(bs_dnn_check(dnnl_memory_create(&c->weights, impl->weights, e, DNNL_MEMORY_NONE), "memory"),
                out);
    if (shape->bias)
        BS_TRY_GOTO(bs_dnn_check(dnnl_memory_create(
                                     &c->bias, dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 1), e,
                                     DNNL_MEMORY_NONE),
                                 "memory"),
                    out);
    *out = c;
    c = NULL;
out:
    bs_conv_free(c);
    dnnl_primitive_desc_destroy(pd);
    return st;
}

void bs_conv_free(bs_conv *c)
{
    if (!c)
        return;
    dnnl_memory_destroy(c->src);
    dnnl_memory_destroy(c->weights);
    dnnl_memory_destroy(c->bias);
    dnnl_memory_destroy(c->dst);
    dnnl_memory_destroy(c->scratch);
    dnnl_stream_destroy(c->stream);
    dnnl_primitive_destroy(c->primitive);
    free(c);
}

size_t bs_conv_scratch_bytes(const bs_conv *c)
{
    return c->scratch_bytes;
}

static bs_status point(dnnl_memory_t m, const void *p)
{
    return bs_dnn_check(dnnl_memory_set_data_handle(m, (void *)(uintptr_t)p), "memory");
}

bs_status bs_conv_run(bs_conv *c, const float *src, const void *packed, const float *bias, float *dst,
                      void *scratch)
{
    int n = 0;
    dnnl_exec_arg_t args[5];
    BS_TRY(point(c->src, src));
    BS_TRY(point(c->weights, packed));
    BS_TRY(point(c->dst, dst));
    args[n++] = (dnnl_exec_arg_t){DNNL_ARG_SRC, c->src};
    args[n++] = (dnnl_exec_arg_t){DNNL_ARG_WEIGHTS, c->weights};
    args[n++] = (dnnl_exec_arg_t){DNNL_ARG_DST, c->dst};
    if (c->bias) {
        BS_TRY(point(c->bias, bias));
        args[n++] = (dnnl_exec_arg_t){DNNL_ARG_BIAS, c->bias};
    }
    if (c->scratch_bytes) {
        BS_TRY(point(c->scratch, scratch));
        args[n++] = (dnnl_exec_arg_t){DNNL_ARG_SCRATCHPAD, c->scratch};
    }
    BS_TRY(bs_dnn_check(dnnl_primitive_execute(c->primitive, c->stream, n, args), "run a convolution"));
    return bs_dnn_check(dnnl_stream_wait(c->stream), "run a convolution");
}
