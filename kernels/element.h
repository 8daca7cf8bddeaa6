/* Element functions by operator: of elements x or a and b, as op_list.h has them. */
#ifndef BS_KERNELS_ELEMENT_H
#define BS_KERNELS_ELEMENT_H

#include "op_list.h"
#include "ops.h"

/* a, b: the attributes. */
BS_HD float bs_unary_element(int op, float x, float a, float b)
{
    (void)a;
    (void)b;
    switch (op) {
#define X(suffix, name, result, ...)                                                                         \
    case BS_OP_##suffix:                                                                                     \
        return result;
        BS_UNARY_OPS(X)
#undef X
    default:
        return x;
    }
}

BS_HD float bs_binary_element(int op, float a, float b)
{
    switch (op) {
#define X(suffix, name, result)                                                                              \
    case BS_OP_##suffix:                                                                                     \
        return result;
        BS_BINARY_OPS(X)
        BS_VARIADIC_OPS(X)
#undef X
    default:
        return a;
    }
}

#endif
