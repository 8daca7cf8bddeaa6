/* Operations for backends whose rows are in the host's memory. */
#ifndef BS_BACKEND_HOST_ROWS_H
#define BS_BACKEND_HOST_ROWS_H

#include "backend/backend.h"

/* Implements move_rows(). */
bs_status bs_host_move_rows(bs_stream *stream, int n, void *rows, size_t row_bytes, const int32_t *to,
                            const int32_t *from);

#endif
