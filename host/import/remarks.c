/* What the user should know about how the graph differs from the file. */
#include "import/import.h"

#include "base/buf.h"

#include <stdlib.h>

#define DOUBLE ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE

/* X(enum suffix, what is counted, and if it is one) */
#define COUNTED(X)                                                                                           \
    X(TENSOR, "tensors stored as", "tensor stored as")                                                       \
    X(CAST, "casts to", "cast to")

void bs_remark_count(bs_import *im, bs_remark_of of, int64_t type)
{
    im->doubles |= type == DOUBLE;
    im->remarked[of] += type == DOUBLE;
}

bs_status bs_remarks_make(const bs_import *im, bs_graph *g)
{
    static const char *const what[][2] = {
#define X(suffix, many, one) [BS_REMARK_##suffix] = {one, many},
        COUNTED(X)
#undef X
    };
    BS_TRY(bs_calloc(&g->remarks, (size_t)BS_REMARK_OF_COUNT, sizeof *g->remarks, "remarks"));
    for (int of = 0; of < BS_REMARK_OF_COUNT; of++) {
        int n = im->remarked[of];
        bs_str text = {0};
        if (n == 0)
            continue;
        bs_str_printf(&text, "%d %s %s: computed in fp32", n, what[of][n > 1], bs_type_name(DOUBLE));
        if (!text.ptr)
            return bs_oom("remarks");
        g->remarks[g->n_remarks++] = text.ptr;
    }
    return BS_OK;
}
