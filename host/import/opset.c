/* Versions of the operators. What changed after opset 18, but for element types:
 *
 *     19  AveragePool     dilations                               lower_window.c
 *         Cast, CastLike  saturate: float8 only, which is refused types.c
 *         Pad             mode "wrap"                             expand_index.c
 *         Resize          half_pixel_symmetric, policies          lower_window.c
 *     20  Gelu            new                                     lower_math.c
 *     21  GroupNormalization  scale and bias by channel           expand_norm.c
 *         (De)QuantizeLinear  block_size is refused, output_dtype fold_quantize.c
 *     23  Attention, RMSNormalization  new                        expand_attention.c, expand_norm.c
 *         QuantizeLinear  precision: of the quotient, ignored
 *     24  Cast, CastLike  round_mode: float8 only
 *         Attention       nonpad_kv_seqlen is refused             expand_attention.c
 *         Swish           new                                     op_list.h
 *     25  Attention       windows of keys are refused             expand_attention.c
 *
 * Operators that bitsink does not have are refused with the version that introduced them, see refusal.c. */
#include "import/import.h"

#include <string.h>

const char *bs_domain(const char *domain)
{
    return !domain || strcmp(domain, "ai.onnx") == 0 ? "" : domain;
}

bs_status bs_opset_of(const Onnx__OperatorSetIdProto *given, int *opset)
{
    if (given->version < BS_MIN_OPSET || given->version > BS_MAX_OPSET) {
        bs_fail(BS_ERR, "the model uses opset %lld, supported are %d to %d", (long long)given->version,
                BS_MIN_OPSET, BS_MAX_OPSET);
        return bs_hint("export it again for an opset that every exporter has: torch.onnx.export(..., "
                       "opset_version=20)");
    }
    *opset = (int)given->version;
    return BS_OK;
}
