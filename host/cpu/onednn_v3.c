#include "cpu/onednn_calls.h"

#if DNNL_VERSION_MAJOR == 3
#include <string.h>

dnnl_status_t bs_dnn_md_by_tag(bs_dnn_md *out, int rank, const dnnl_dims_t dims, dnnl_format_tag_t tag)
{
    *out = NULL;
    return dnnl_memory_desc_create_with_tag(out, rank, dims, dnnl_f32, tag);
}

dnnl_status_t bs_dnn_md_by_strides(bs_dnn_md *out, int rank, const dnnl_dims_t dims,
                                   const dnnl_dims_t strides)
{
    *out = NULL;
    return dnnl_memory_desc_create_with_strides(out, rank, dims, dnnl_f32, strides);
}

dnnl_status_t bs_dnn_md_copy(bs_dnn_md *out, bs_dnn_const_md from)
{
    *out = NULL;
    return dnnl_memory_desc_clone(out, from);
}

void bs_dnn_md_free(bs_dnn_md md)
{
    if (md)
        dnnl_memory_desc_destroy(md);
}

dnnl_status_t bs_dnn_conv_find(dnnl_primitive_desc_t *out, dnnl_engine_t engine, const bs_dnn_conv_desc *c,
                               const_dnnl_primitive_attr_t attr, const char *impl, int skip)
{
    dnnl_primitive_desc_t pd;
    *out = NULL;
    dnnl_status_t s = dnnl_convolution_forward_primitive_desc_create(
        &pd, engine, dnnl_forward_inference, dnnl_convolution_direct, c->src, c->weights, c->bias, c->dst,
        c->stride, c->dilation, c->before, c->after, attr);
    if (s != dnnl_success)
        return s == dnnl_unimplemented ? dnnl_success : s;
    /* The descriptor itself advances from one implementation to the next. */
    do {
        if ((!impl || !strcmp(bs_dnn_impl_name(pd), impl)) && skip-- == 0) {
            *out = pd;
            return dnnl_success;
        }
    } while (dnnl_primitive_desc_next_impl(pd) == dnnl_success);
    dnnl_primitive_desc_destroy(pd);
    return dnnl_success;
}
#endif
