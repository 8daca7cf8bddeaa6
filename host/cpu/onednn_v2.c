#include "cpu/onednn_calls.h"

#if DNNL_VERSION_MAJOR == 2
#include <stdlib.h>
#include <string.h>

static dnnl_status_t keep(bs_dnn_md *out, dnnl_status_t made, const dnnl_memory_desc_t *md)
{
    if (made != dnnl_success)
        return made;
    return bs_dnn_md_copy(out, md);
}

dnnl_status_t bs_dnn_md_by_tag(bs_dnn_md *out, int rank, const dnnl_dims_t dims, dnnl_format_tag_t tag)
{
    dnnl_memory_desc_t md;
    *out = NULL;
    return keep(out, dnnl_memory_desc_init_by_tag(&md, rank, dims, dnnl_f32, tag), &md);
}

dnnl_status_t bs_dnn_md_by_strides(bs_dnn_md *out, int rank, const dnnl_dims_t dims,
                                   const dnnl_dims_t strides)
{
    dnnl_memory_desc_t md;
    *out = NULL;
    return keep(out, dnnl_memory_desc_init_by_strides(&md, rank, dims, dnnl_f32, strides), &md);
}

dnnl_status_t bs_dnn_md_copy(bs_dnn_md *out, bs_dnn_const_md from)
{
    *out = malloc(sizeof **out);
    if (!*out)
        return dnnl_out_of_memory;
    **out = *from;
    return dnnl_success;
}

void bs_dnn_md_free(bs_dnn_md md)
{
    free(md);
}

dnnl_status_t bs_dnn_conv_find(dnnl_primitive_desc_t *out, dnnl_engine_t engine, const bs_dnn_conv_desc *c,
                               const_dnnl_primitive_attr_t attr, const char *impl, int skip)
{
    dnnl_convolution_desc_t desc;
    dnnl_primitive_desc_iterator_t it;
    *out = NULL;
    dnnl_status_t s = dnnl_dilated_convolution_forward_desc_init(
        &desc, dnnl_forward_inference, dnnl_convolution_direct, c->src, c->weights, c->bias, c->dst,
        c->stride, c->dilation, c->before, c->after);
    if (s == dnnl_success)
        s = dnnl_primitive_desc_iterator_create(&it, &desc, attr, engine, NULL);
    if (s != dnnl_success)
        return s == dnnl_unimplemented ? dnnl_success : s;
    do {
        dnnl_primitive_desc_t pd = dnnl_primitive_desc_iterator_fetch(it);
        if (pd && (!impl || !strcmp(bs_dnn_impl_name(pd), impl)) && skip-- == 0)
            *out = pd;
        else if (pd)
            dnnl_primitive_desc_destroy(pd);
    } while (!*out && dnnl_primitive_desc_iterator_next(it) == dnnl_success);
    dnnl_primitive_desc_iterator_destroy(it);
    return dnnl_success;
}
#endif
