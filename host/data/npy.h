/* Arrays as files of NumPy: numpy.load() reads them. */
#ifndef BS_DATA_NPY_H
#define BS_DATA_NPY_H

#include "base/error.h"

#include <stdint.h>

/* Writes an array of floats in row-major order to a new file, as little-endian float32 in format 1.0; NaNs
 * keep their bits. rank 0 is a single value. Fails if there is such a file; what it leaves after another
 * failure is for the caller to remove. errno is the reason of BS_ERR. */
bs_status bs_npy_write(const char *path, const int64_t *dim, int rank, const float *data);

#endif
