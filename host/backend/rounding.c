#include "backend/rounding.h"

#include "base/clones.h"

/* A loop for each type, without a branch in it. */
BS_CLONES void bs_round_values(bs_format format, int64_t n, float *x)
{
    switch (format.type) {
#define X(suffix, ...)                                                                                       \
    case BS_DTYPE_##suffix:                                                                                  \
        for (int64_t i = 0; i < n; i++)                                                                      \
            x[i] = bs_format_round((bs_format){BS_DTYPE_##suffix, format.scale}, x[i]);                      \
        break;
        BS_DTYPES(X)
#undef X
    case BS_DTYPE_COUNT:
        break;
    }
}
