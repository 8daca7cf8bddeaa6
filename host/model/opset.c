/* Versions of the operators. */
#include "model/import.h"

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
        return bs_hint("export it again for opset %d: torch.onnx.export(..., opset_version=%d)", BS_MAX_OPSET,
                       BS_MAX_OPSET);
    }
    *opset = (int)given->version;
    return BS_OK;
}
