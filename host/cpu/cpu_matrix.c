#include "base/buf.h"
#include "cpu/cpu.h"

#include <stdlib.h>
#include <string.h>

/* The most output pixels in a chunk: more gain nothing, and smaller chunks stay in the cache. */
enum { CHUNK_PIXELS = 16384, CONV_CHUNKS = 6 };

int bs_cpu_conv_chunks(int64_t pixels)
{
    int chunks = 1;
    while (chunks < CONV_CHUNKS && pixels << chunks <= CHUNK_PIXELS)
        chunks++;
    return chunks;
}

bs_conv_shape bs_cpu_chunk_shape(const bs_cpu_matrix *m, int filter_groups, int log_rows)
{
    bs_conv_shape s = m->shape;
    s.filters = filter_groups * bs_cpu_group_filters(m);
    if (s.group > 1) {
        s.channels = filter_groups * (s.channels / s.group);
        s.group = filter_groups;
    }
    if (m->rows_in_width)
        s.in_w = s.out_w = 1 << log_rows;
    else
        s.batch = 1 << log_rows;
    return s;
}

static bs_status variant_impl(bs_cpu_variant *v, const bs_cpu_matrix *m)
{
    bs_conv_shape shapes[BS_CPU_CHUNKS];
    if (v->filter_groups == bs_cpu_filter_groups(m)) {
        v->impl = m->impl;
        return BS_OK;
    }
    if (m->kernel || bs_conv_impl_is_shape_bound(m->impl))
        return BS_OK;
    for (int i = 0; i < m->chunks; i++)
        shapes[i] = bs_cpu_chunk_shape(m, v->filter_groups, i);
    BS_TRY(bs_conv_impl_like(&v->own_impl, m->impl, shapes, m->chunks));
    v->impl = v->own_impl;
    return BS_OK;
}

void bs_cpu_variant_size(bs_cpu_variant *v, const bs_cpu_matrix *m, int filter_groups)
{
    v->filter_groups = filter_groups;
    v->filters = filter_groups * bs_cpu_group_filters(m);
    v->in_row = m->shape.group > 1 ? m->in_row / m->shape.group * filter_groups : m->in_row;
    v->out_row = m->out_row / m->shape.filters * v->filters;
}

bs_status bs_cpu_variant_get(bs_cpu_variant **out, bs_stream *stream, int node, int filter_groups)
{
    const bs_cpu_matrix *m = &stream->network->plan[node].matrix;
    bs_cpu_variant *v = stream->variants[node];
    while (v && v->filter_groups != filter_groups)
        v = v->next;
    *out = v;
    if (v)
        return BS_OK;
    BS_TRY(bs_calloc(&v, 1, sizeof *v, "convolution"));
    bs_cpu_variant_size(v, m, filter_groups);
    v->next = stream->variants[node];
    stream->variants[node] = v;
    BS_TRY(variant_impl(v, m));
    *out = v;
    return BS_OK;
}

void bs_cpu_variant_free(bs_cpu_variant *v)
{
    while (v) {
        bs_cpu_variant *next = v->next;
        for (int i = 0; i < BS_CPU_CHUNKS; i++)
            bs_conv_free(v->conv[i]);
        bs_conv_impl_free(v->own_impl);
        free(v);
        v = next;
    }
}

static const float *source_row(int repeat, int64_t in_row, bs_cpu_rows src, int64_t row)
{
    if (!src.sample)
        return src.base + row * in_row;
    return src.base + ((int64_t)src.sample[row / repeat] * repeat + row % repeat) * in_row;
}

/* Sets *out to rows first .. first + n - 1 of the source, one after the other: in place if they are, else a
 * copy. */
static bs_status dense_rows(const float **out, bs_stream *stream, int repeat, int64_t in_row, bs_cpu_rows src,
                            int64_t first, int n)
{
    bool dense = true;
    *out = source_row(repeat, in_row, src, first);
    for (int i = 1; i < n && dense; i++)
        dense = source_row(repeat, in_row, src, first + i) == *out + i * in_row;
    if (dense)
        return BS_OK;
    size_t bytes = (size_t)in_row * sizeof(float);
    BS_TRY(bs_cpu_reserve(&stream->gather, (size_t)n * bytes));
    for (int i = 0; i < n; i++)
        memcpy((char *)stream->gather.ptr + (size_t)i * bytes, source_row(repeat, in_row, src, first + i),
               bytes);
    *out = stream->gather.ptr;
    return BS_OK;
}

static bs_status chunk_conv(bs_conv **out, bs_stream *stream, const bs_cpu_matrix *m, bs_cpu_variant *v,
                            int log_rows)
{
    if (!v->conv[log_rows]) {
        bs_conv_shape s = bs_cpu_chunk_shape(m, v->filter_groups, log_rows);
        BS_TRY(bs_conv_create(&v->conv[log_rows], v->impl, &s));
        BS_TRY(bs_cpu_reserve(&stream->scratch, bs_conv_scratch_bytes(v->conv[log_rows])));
    }
    *out = v->conv[log_rows];
    return BS_OK;
}

/* Weights larger than CACHED_BYTES take as long to read as STREAM_PIXELS output pixels take to compute. */
enum { STREAM_PIXELS = 45, CACHED_BYTES = 1 << 20 };

/* Returns true if the rest of a batch is cheaper as one padded chunk than as several smaller ones. */
static bool worth_padding(const bs_cpu_matrix *m, const bs_cpu_variant *v, int64_t rows, int log_rows)
{
    int64_t chunk = (int64_t)1 << log_rows, pixels = v->out_row / v->filters;
    int chunks = __builtin_popcountll((unsigned long long)rows);
    return rows < chunk && chunks > 1 && m->filter * v->filters * (int64_t)sizeof(float) > CACHED_BYTES &&
           (chunk - rows) * pixels < (int64_t)(chunks - 1) * STREAM_PIXELS;
}

/* Runs the last `rows` rows as one chunk; the spare rows repeat the last, and their results are dropped. */
static bs_status run_padded(bs_stream *stream, const bs_cpu_matrix *m, bs_cpu_variant *v, const void *packed,
                            const float *bias, bs_cpu_rows src, int64_t at, int rows, int log_rows,
                            float *dst)
{
    int chunk = 1 << log_rows;
    size_t in = (size_t)v->in_row * sizeof(float), out = (size_t)v->out_row * sizeof(float);
    bs_conv *conv;
    BS_TRY(bs_cpu_reserve(&stream->gather, (size_t)chunk * in));
    BS_TRY(bs_cpu_reserve(&stream->spare, (size_t)chunk * out));
    for (int i = 0; i < chunk; i++)
        memcpy((char *)stream->gather.ptr + (size_t)i * in,
               source_row(m->repeat, v->in_row, src, at + (i < rows ? i : rows - 1)), in);
    BS_TRY(chunk_conv(&conv, stream, m, v, log_rows));
    BS_TRY(bs_conv_run(conv, stream->gather.ptr, packed, bias, stream->spare.ptr, stream->scratch.ptr));
    memcpy(dst + at * v->out_row, stream->spare.ptr, (size_t)rows * out);
    return BS_OK;
}

bs_status bs_cpu_matrix_run(bs_stream *stream, const bs_cpu_matrix *m, bs_cpu_variant *v, const void *packed,
                            const float *bias, int n, bs_cpu_rows src, float *dst)
{
    int64_t rows = (int64_t)n * m->repeat;
    int log_rows = m->chunks - 1;
    for (int64_t at = 0; at < rows; at += (int64_t)1 << log_rows) {
        const float *x;
        bs_conv *conv;
        while (log_rows > 0 && (int64_t)1 << (log_rows - 1) >= rows - at)
            log_rows--;
        if (worth_padding(m, v, rows - at, log_rows))
            return run_padded(stream, m, v, packed, bias, src, at, (int)(rows - at), log_rows, dst);
        while ((int64_t)1 << log_rows > rows - at)
            log_rows--;
        BS_TRY(dense_rows(&x, stream, m->repeat, v->in_row, src, at, 1 << log_rows));
        BS_TRY(chunk_conv(&conv, stream, m, v, log_rows));
        BS_TRY(bs_conv_run(conv, x, packed, bias, dst + at * v->out_row, stream->scratch.ptr));
    }
    return BS_OK;
}

size_t bs_cpu_weights_bytes(const bs_cpu_matrix *m, const bs_conv_impl *impl, int filters)
{
    return m->kernel ? bs_product_packed_bytes(m->kernel, m->filter, filters) : bs_conv_impl_bytes(impl);
}

bs_status bs_cpu_weights_pack(const bs_cpu_matrix *m, const bs_conv_impl *impl, int filters,
                              const float *weights, int64_t stride_m, int64_t stride_i, void *packed)
{
    if (!m->kernel)
        return bs_conv_impl_pack(impl, weights, stride_m, stride_i, packed);
    bs_product_pack(m->kernel, m->filter, filters, weights, stride_i, stride_m, packed);
    return BS_OK;
}

bs_status bs_cpu_run_conv(const bs_cpu_job *j)
{
    bs_cpu_variant *v;
    const bs_cpu_matrix *m = &j->plan->matrix;
    int node = (int)(j->node - j->graph->nodes);
    const float *bias = bs_node_has_input(j->node, 2) ? j->param[2] : NULL;
    bs_cpu_rows src = {j->in[0].base, j->in[0].rows};
    BS_TRY(bs_cpu_variant_get(&v, j->stream, node, bs_cpu_filter_groups(m)));
    return bs_cpu_matrix_run(j->stream, m, v, j->param[1], bias, j->n, src, j->out);
}
