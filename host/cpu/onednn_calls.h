/* Operations that are different calls in oneDNN 2 and 3. onednn_v2.c and onednn_v3.c implement them for
 * onednn.c and onednn_run.c; nothing else includes this. */
#ifndef BS_CPU_ONEDNN_CALLS_H
#define BS_CPU_ONEDNN_CALLS_H

#include <oneapi/dnnl/dnnl.h>

/* Memory descriptors by pointer: oneDNN 3 hands out pointers, for oneDNN 2 they are allocated here.
 * BS_DNN_MORE_ISAS: instruction sets that only this version names. */
#if DNNL_VERSION_MAJOR == 2
typedef dnnl_memory_desc_t *bs_dnn_md;
typedef const dnnl_memory_desc_t *bs_dnn_const_md;
#define BS_DNN_MORE_ISAS(X)
#elif DNNL_VERSION_MAJOR == 3
typedef dnnl_memory_desc_t bs_dnn_md;
typedef const_dnnl_memory_desc_t bs_dnn_const_md;
#define BS_DNN_MORE_ISAS(X) X(avx2_vnni_2) X(avx512_core_fp16) X(avx512_core_amx_fp16)
#else
#error "bitsink speaks oneDNN 2 and 3: add a file beside onednn_v3.c for this version"
#endif

/* Descriptors of fp32, dense in the order of the tag, or with these strides (in elements). */
dnnl_status_t bs_dnn_md_by_tag(bs_dnn_md *out, int rank, const dnnl_dims_t dims, dnnl_format_tag_t tag);
dnnl_status_t bs_dnn_md_by_strides(bs_dnn_md *out, int rank, const dnnl_dims_t dims,
                                   const dnnl_dims_t strides);
dnnl_status_t bs_dnn_md_copy(bs_dnn_md *out, bs_dnn_const_md from);
void bs_dnn_md_free(bs_dnn_md md);

/* A forward convolution. Padding as oneDNN counts it; dilation 0 means none; bias may be NULL. */
typedef struct bs_dnn_conv_desc {
    bs_dnn_md src, weights, bias, dst;
    dnnl_dims_t stride, dilation, before, after;
} bs_dnn_conv_desc;

/* Finds implementation number `skip` of those for the convolution, or of those named `impl` if not NULL. *out
 * is NULL, without an error, if there is none. */
dnnl_status_t bs_dnn_conv_find(dnnl_primitive_desc_t *out, dnnl_engine_t engine, const bs_dnn_conv_desc *c,
                               const_dnnl_primitive_attr_t attr, const char *impl, int skip);

/* Returns the name of an implementation; the call is the same in both versions. */
static inline const char *bs_dnn_impl_name(const_dnnl_primitive_desc_t pd)
{
    const char *name = NULL;
    dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, &name);
    return name ? name : "";
}

#endif
