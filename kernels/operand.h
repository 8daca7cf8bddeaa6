/* The rows that a kernel reads. */
#ifndef BS_KERNELS_OPERAND_H
#define BS_KERNELS_OPERAND_H

#include "hd.h"

/* Input rows: sample i reads row rows[i], or row i if rows is NULL. `elements` is the size of a row; 0 for a
 * parameter, which all samples share. */
typedef struct bs_operand {
    const float *base;
    const int32_t *rows;
    int64_t elements;
} bs_operand;

BS_HD const float *bs_operand_row(const bs_operand *o, uint32_t sample)
{
    int64_t row = o->rows ? o->rows[sample] : (int64_t)sample;
    return o->base + row * o->elements;
}

#endif
