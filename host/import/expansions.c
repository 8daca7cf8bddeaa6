/* Operators that are made of others, and those of other domains. */
#include "import/onnx_file.h"
#include "import/steps.h"

#include <math.h>
#include <string.h>

/* X(domain, ONNX operator, function, least and most inputs): these are always made of others, or where their
 * function says so. */
#define EXPANSIONS(X)                                                                                        \
    X("", "Mean", bs_expand_mean, 1, BS_STEP_MOST)                                                           \
    X("", "CastLike", bs_expand_cast_like, 2, 2)                                                             \
    X("", "Div", bs_expand_div, 2, 2)                                                                        \
    X("", "GatherND", bs_expand_gather_nd, 2, 2)                                                             \
    X("", "GatherElements", bs_expand_gather_elements, 2, 2)                                                 \
    X("", "ScatterElements", bs_expand_scatter_elements, 3, 3)                                               \
    X("", "Scatter", bs_expand_scatter_elements, 3, 3)                                                       \
    X("", "ScatterND", bs_expand_scatter_nd, 3, 3)                                                           \
    X("", "Pad", bs_expand_pad, 1, 4)                                                                        \
    X("", "ReduceL1", bs_expand_reduced_norm, 1, 2)                                                          \
    X("", "ReduceL2", bs_expand_reduced_norm, 1, 2)                                                          \
    X("", "ReduceSumSquare", bs_expand_reduced_norm, 1, 2)                                                   \
    X("", "ReduceLogSum", bs_expand_log_sum, 1, 2)                                                           \
    X("", "ReduceLogSumExp", bs_expand_log_sum_exp, 1, 2)                                                    \
    X("", "LpNormalization", bs_expand_lp_norm, 1, 1)                                                        \
    X("", "MeanVarianceNormalization", bs_expand_mvn, 1, 1)                                                  \
    X("", "Trilu", bs_expand_trilu, 1, 2)                                                                    \
    X("", "CumSum", bs_expand_cumulate, 2, 2)                                                                \
    X("", "Pow", bs_expand_pow, 2, 2)                                                                        \
    X("", "Mod", bs_expand_mod, 2, 2)                                                                        \
    X("", "BatchNormalization", bs_expand_batch_norm, 5, 5)                                                  \
    X("", "Conv", bs_expand_window, 1, 3)                                                                    \
    X("", "MaxPool", bs_expand_window, 1, 1)                                                                 \
    X("", "AveragePool", bs_expand_window, 1, 1)                                                             \
    X("", "GlobalMaxPool", bs_expand_global_pool, 1, 1)                                                      \
    X("", "GlobalAveragePool", bs_expand_global_pool, 1, 1)                                                  \
    X("", "InstanceNormalization", bs_expand_normal_window, 1, 3)                                            \
    X("", "Resize", bs_expand_resize, 1, 4)                                                                  \
    X("", "Upsample", bs_expand_resize, 1, 2)                                                                \
    X("", "Softmax", bs_expand_softmax, 1, 1)                                                                \
    X("", "LogSoftmax", bs_expand_softmax, 1, 1)                                                             \
    X("", "GroupNormalization", bs_expand_group_norm, 3, 3)                                                  \
    X("", "RMSNormalization", bs_expand_rms_norm, 2, 2)                                                      \
    X("", "SimplifiedLayerNormalization", bs_expand_rms_norm, 2, 2)                                          \
    X("", "DepthToSpace", bs_expand_depth_to_space, 1, 1)                                                    \
    X("", "SpaceToDepth", bs_expand_space_to_depth, 1, 1)                                                    \
    X("", "Einsum", bs_expand_einsum, 1, BS_STEP_MOST)                                                       \
    X("", "Attention", bs_expand_attention, 3, 7)                                                            \
    X("com.microsoft", "Gelu", bs_expand_ms_gelu, 1, 1)                                                      \
    X("com.microsoft", "BiasGelu", bs_expand_bias_gelu, 1, 2)                                                \
    X("com.microsoft", "FastGelu", bs_expand_fast_gelu, 1, 2)                                                \
    X("com.microsoft", "QuickGelu", bs_expand_quick_gelu, 1, 1)                                              \
    X("com.microsoft", "FusedConv", bs_expand_fused_conv, 2, 4)                                              \
    X("com.microsoft", "FusedGemm", bs_expand_fused_gemm, 2, 3)                                              \
    X("com.microsoft", "FusedMatMul", bs_expand_fused_matmul, 2, 2)                                          \
    X("com.microsoft", "SkipLayerNormalization", bs_expand_skip_layer_norm, 3, 5)                            \
    X("com.microsoft", "SkipSimplifiedLayerNormalization", bs_expand_skip_rms_norm, 3, 4)

#define X(domain, name, fn, least, most) bs_status fn(bs_raw *r, bool *done);
EXPANSIONS(X)
#undef X

typedef struct expansion {
    const char *domain, *name;
    bs_expand_fn fn;
    int least, most;
} expansion;

static const expansion expansions[] = {
#define X(domain, name, fn, least, most) {domain, name, fn, least, most},
    EXPANSIONS(X)
#undef X
};

static const expansion *find(const char *domain, const char *op)
{
    for (size_t k = 0; k < sizeof expansions / sizeof *expansions; k++)
        if (strcmp(op, expansions[k].name) == 0 && strcmp(domain, expansions[k].domain) == 0)
            return &expansions[k];
    return NULL;
}

bool bs_operator_is_made_of_others(const char *op)
{
    for (size_t k = 0; k < sizeof expansions / sizeof *expansions; k++)
        if (strcmp(op, expansions[k].name) == 0)
            return true;
    return strcmp(op, "If") == 0 || strcmp(op, "Loop") == 0;
}

bs_expand_fn bs_expand_find(const char *domain, const char *op)
{
    const expansion *e = find(domain, op);
    return e ? e->fn : NULL;
}

bs_status bs_expand_check(const bs_raw *r)
{
    const expansion *e = find(bs_domain(r->proto->domain), r->op);
    if (!e)
        return BS_OK;
    if (r->n_in < e->least || r->n_in > e->most)
        return bs_raw_fail(r, "it has %d inputs", r->n_in);
    for (int k = 0; k < e->least; k++)
        if (!r->in[k])
            return bs_raw_fail(r, "input %d is missing", k);
    return r->n_out > 0 && r->out[0] ? BS_OK : bs_raw_fail(r, "it has no output");
}

bs_status bs_expand_refuse(const bs_raw *r, const char *domain)
{
    if (strcmp(domain, "com.microsoft.nchwc") == 0) {
        bs_raw_fail(r, "ONNX Runtime has optimised the file for one kind of processor (domain %s)", domain);
        return bs_hint("save it with graph_optimization_level ORT_ENABLE_EXTENDED or ORT_ENABLE_BASIC");
    }
    if (strcmp(domain, "com.microsoft") == 0) {
        bs_raw_fail(r, "operator %.60s of ONNX Runtime is not supported", r->op);
        return bs_hint("if ONNX Runtime has optimised the file, save it with graph_optimization_level "
                       "ORT_ENABLE_BASIC");
    }
    bs_raw_fail(r, "operator domain '%.120s' is not supported", domain);
    return bs_hint("only standard ONNX operators are supported; export without custom operators");
}
