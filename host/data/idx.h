/* idx files, plain or gzipped: a big-endian header (two zero bytes, element type, rank, sizes), then the
 * elements. Only unsigned bytes are read. Images: count x height x width, or count x height x width x
 * channels; labels: count. */
#ifndef BS_DATA_IDX_H
#define BS_DATA_IDX_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

typedef struct bs_idx {
    uint8_t *pixels; /* owned */
    uint8_t *labels; /* owned; NULL if no labels file was given */
    size_t count;
    int height, width, channels; /* channels 1 or 3, innermost */
} bs_idx;

/* Reads and checks both files completely; `labels` may be NULL, `classes` <= 0 accepts any label. `out` is
 * empty after an error; free with bs_idx_clear(). */
bs_status bs_idx_read(bs_idx *out, const char *images, const char *labels, int classes);
void bs_idx_clear(bs_idx *idx); /* NULL-safe, leaves it zeroed */

#endif
