/* Working memory, and rows in logical order that are kept in it. */
#include "cpu/cpu.h"

#include "base/buf.h"

#include <stdlib.h>

bs_status bs_cpu_reserve(bs_cpu_buffer *b, size_t bytes)
{
    if (bytes <= b->bytes)
        return BS_OK;
    free(b->ptr);
    *b = (bs_cpu_buffer){0};
    BS_TRY(bs_alloc_aligned(&b->ptr, bytes, "working memory"));
    b->bytes = bytes;
    return BS_OK;
}

bs_status bs_cpu_plain_input(const bs_cpu_job *j, int i, const float **out)
{
    const bs_cpu_layout *l = bs_cpu_layout_in(j, 0);
    bs_cpu_buffer *b = &j->stream->plain[0];
    *out = bs_cpu_input(j, 0, i);
    if (bs_cpu_layout_is_plain(l))
        return BS_OK;
    BS_TRY(bs_cpu_reserve(b, (size_t)l->elements * sizeof(float)));
    bs_cpu_layout_load(l, *out, b->ptr);
    *out = b->ptr;
    return BS_OK;
}

bs_status bs_cpu_plain_output(const bs_cpu_job *j, int i, float **out)
{
    const bs_cpu_layout *l = bs_cpu_layout_out(j);
    bs_cpu_buffer *b = &j->stream->plain[1];
    *out = bs_cpu_output(j, i);
    if (bs_cpu_layout_is_plain(l))
        return BS_OK;
    BS_TRY(bs_cpu_reserve(b, (size_t)l->elements * sizeof(float)));
    *out = b->ptr;
    return BS_OK;
}

void bs_cpu_plain_done(const bs_cpu_job *j, int i, const float *y)
{
    if (y != bs_cpu_output(j, i))
        bs_cpu_layout_store(bs_cpu_layout_out(j), y, bs_cpu_output(j, i));
}
