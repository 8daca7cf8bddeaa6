#include "backend/host_rows.h"

#include <string.h>

bs_status bs_host_move_rows(bs_stream *stream, int n, void *rows, size_t row_bytes, const int32_t *to,
                            const int32_t *from)
{
    (void)stream;
    for (int k = 0; k < n; k++)
        memcpy((char *)rows + (size_t)to[k] * row_bytes, (const char *)rows + (size_t)from[k] * row_bytes,
               row_bytes);
    return BS_OK;
}
