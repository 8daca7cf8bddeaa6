/* Faulty filters as a convolution of their own. A batch of groups shares one convolution: its filters are
 * those of all groups one after the other, padded with zero filters, its rows the distinct input rows of all
 * samples. */
#include "base/buf.h"
#include "cpu/faulty.h"

#include <stdlib.h>
#include <string.h>

/* Filters come in blocks of the vector width. Groups that read the same rows fill a wide batch; others would
 * compute combinations nobody asked for, which cost nothing within one block only. */
enum { BLOCK = 16, WIDE = 64 };

typedef struct batch {
    int first, end;      /* groups order[first .. end) */
    int filters, padded; /* faulty filters, and with zero filters */
    int32_t *row;        /* distinct input rows, ascending */
    int rows;
} batch;

static const bs_cpu_matrix *matrix_of(const bs_cpu_faulty *q)
{
    return &q->lane->network->plan[q->node].matrix;
}

static int32_t input_row(const bs_cpu_faulty *q, int sample)
{
    return q->in[0].rows ? q->in[0].rows[sample] : sample;
}

/* The filter an element of the faulty parameter belongs to, and its place there. */
static void locate(const bs_cpu_faulty *q, uint32_t element, int *filter, int64_t *at)
{
    const bs_cpu_matrix *m = matrix_of(q);
    if (q->slot == 2) {
        *filter = (int)element;
        *at = 0;
    } else if (m->stride_i == 1) {
        *filter = (int)(element / m->filter);
        *at = element % m->filter;
    } else {
        *filter = (int)(element % m->stride_i);
        *at = element / m->stride_i;
    }
}

/* Lists the group's channels, and decides whether it is evaluated here. `mark`: a zero byte for each filter.
 */
static bs_status find_channels(bs_cpu_faulty *q, bs_cpu_group *g, char *mark)
{
    int filters = matrix_of(q)->shape.filters, filter, n = 0;
    int64_t at;
    uint32_t from = q->f->first[g->head], to = q->f->first[g->head + 1];
    for (uint32_t k = from; k < to; k++) {
        locate(q, q->f->sites[k].element, &filter, &at);
        n += !mark[filter];
        mark[filter] = 1;
    }
    BS_TRY(bs_calloc(&g->channel, (size_t)n, sizeof *g->channel, "faults"));
    for (int c = 0; c < filters && g->channels < n; c++)
        if (mark[c])
            g->channel[g->channels++] = c;
    for (int c = 0; c < n; c++)
        mark[g->channel[c]] = 0;
    g->dense = n > 1 && 2 * n > filters;
    return BS_OK;
}

static bool same_rows(const bs_cpu_faulty *q, const bs_cpu_group *a, const bs_cpu_group *b)
{
    int i = a->head, k = b->head;
    for (; i >= 0 && k >= 0; i = q->next[i], k = q->next[k])
        if (input_row(q, i) != input_row(q, k))
            return false;
    return i < 0 && k < 0;
}

/* The longest batch from order[first] on. */
static batch next_batch(const bs_cpu_faulty *q, const int *order, int n, int first)
{
    batch b = {.first = first, .end = first, .padded = BLOCK};
    bool alike = true;
    for (; b.end < n; b.end++) {
        const bs_cpu_group *g = &q->groups[order[b.end]];
        alike = alike && same_rows(q, g, &q->groups[order[first]]);
        if (b.end > first && b.filters + g->channels > (alike ? WIDE : BLOCK))
            break;
        b.filters += g->channels;
    }
    while (b.padded < b.filters)
        b.padded *= 2;
    return b;
}

static int compare_rows(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

static bs_status find_rows(const bs_cpu_faulty *q, const int *order, batch *b)
{
    int n = 0;
    BS_TRY(bs_calloc(&b->row, (size_t)q->n, sizeof *b->row, "faults"));
    for (int k = b->first; k < b->end; k++)
        for (int i = q->groups[order[k]].head; i >= 0; i = q->next[i])
            b->row[n++] = input_row(q, i);
    qsort(b->row, (size_t)n, sizeof *b->row, compare_rows);
    for (int i = 0; i < n; i++)
        if (i == 0 || b->row[i] != b->row[i - 1])
            b->row[b->rows++] = b->row[i];
    return BS_OK;
}

/* Faulty weights and bias of one group from filter number `f` of the batch on, unscaled, filter by filter. */
static void copy_filters(const bs_cpu_faulty *q, const bs_cpu_group *g, int f, float *weights, float *bias)
{
    const bs_cpu_matrix *m = matrix_of(q);
    const bs_graph *graph = q->lane->network->graph;
    const bs_node *nd = &graph->nodes[q->node];
    const float *w = graph->tensors[nd->in[1]].data;
    const bs_tensor *b = bs_cpu_has_input(nd, 2) ? &graph->tensors[nd->in[2]] : NULL;
    for (int c = 0; c < g->channels; c++) {
        const float *from = w + g->channel[c] * m->stride_m;
        float *to = weights + (f + c) * m->filter;
        for (int64_t i = 0; i < m->filter; i++)
            to[i] = from[i * m->stride_i];
        if (b)
            bias[f + c] = b->data[b->elements == 1 ? 0 : g->channel[c]];
    }
    int c = 0, filter;
    int64_t at;
    for (uint32_t k = q->f->first[g->head]; k < q->f->first[g->head + 1]; k++) {
        locate(q, q->f->sites[k].element, &filter, &at);
        for (c = g->channel[c] <= filter ? c : 0; g->channel[c] != filter;)
            c++;
        bs_cpu_faulty_apply(q->slot == 2 ? bias + f + c : weights + (f + c) * m->filter + at, q->f->sites[k]);
    }
}

/* Leaves packed weights in lane->packed and the bias in lane->bias. */
static bs_status build_filters(const bs_cpu_faulty *q, const int *order, const batch *b,
                               const bs_conv_pin *pin)
{
    bs_lane *l = q->lane;
    const bs_cpu_matrix *m = matrix_of(q);
    int64_t floats = b->padded * m->filter;
    BS_TRY(bs_cpu_reserve(&l->file, (size_t)floats * sizeof(float)));
    BS_TRY(bs_cpu_reserve(&l->bias, (size_t)b->padded * sizeof(float)));
    BS_TRY(bs_cpu_reserve(&l->packed, bs_conv_pin_bytes(pin)));
    float *weights = l->file.ptr, *bias = l->bias.ptr;
    memset(weights, 0, (size_t)floats * sizeof(float));
    memset(bias, 0, (size_t)b->padded * sizeof(float));
    for (int k = b->first, f = 0; k < b->end; f += q->groups[order[k++]].channels)
        copy_filters(q, &q->groups[order[k]], f, weights, bias);
    if (m->weight_scale != 1.0f)
        bs_cpu_scale(weights, weights, floats, m->weight_scale);
    bs_cpu_scale(bias, bias, b->padded, m->bias_scale);
    return bs_conv_pin_pack(pin, weights, m->filter, 1, l->packed.ptr);
}

/* The golden row with the group's channels from `result`, pixels of `padded` channels. */
static void write_row(const bs_cpu_faulty *q, const bs_cpu_group *g, int sample, const float *result,
                      int padded)
{
    const bs_cpu_matrix *m = matrix_of(q);
    int64_t channels = m->shape.filters, elements = m->out_row * m->repeat, pixels = elements / channels;
    const float *golden = (const float *)q->golden.base;
    float *out = q->out + sample * elements;
    golden += (q->golden.rows ? q->golden.rows[sample] : sample) * elements;
    memcpy(out, golden, (size_t)elements * sizeof *out);
    for (int64_t p = 0; p < pixels; p++)
        for (int c = 0; c < g->channels; c++)
            out[p * channels + g->channel[c]] = result[p * padded + c];
}

/* Results for rows b->row[at .. at + n) are in lane->result; hands them to the samples that read these rows.
 */
static void write_rows(const bs_cpu_faulty *q, const int *order, const batch *b, int at, int n)
{
    const bs_cpu_matrix *m = matrix_of(q);
    int64_t row = m->out_row * m->repeat / m->shape.filters * b->padded;
    for (int k = b->first, f = 0; k < b->end; f += q->groups[order[k++]].channels)
        for (int i = q->groups[order[k]].head; i >= 0; i = q->next[i]) {
            int32_t key = input_row(q, i);
            const int32_t *hit = bsearch(&key, b->row + at, (size_t)n, sizeof key, compare_rows);
            if (hit)
                write_row(q, &q->groups[order[k]], i,
                          (float *)q->lane->result.ptr + (hit - b->row - at) * row + f, b->padded);
        }
}

static bs_status run_batch(bs_cpu_faulty *q, const int *order, batch *b)
{
    bs_lane *l = q->lane;
    const bs_cpu_matrix *m = matrix_of(q);
    bs_cpu_variant *v;
    int step = 1 << (m->chunks - 1);
    BS_TRY(bs_cpu_variant_get(&v, l, q->node, b->padded));
    if (!v->pin)
        return BS_OK;
    BS_TRY(build_filters(q, order, b, v->pin));
    BS_TRY(find_rows(q, order, b));
    int64_t row = m->out_row * m->repeat / m->shape.filters * b->padded;
    BS_TRY(bs_cpu_reserve(&l->result, (size_t)(row * (step < b->rows ? step : b->rows)) * sizeof(float)));
    for (int at = 0; at < b->rows; at += step) {
        int n = b->rows - at < step ? b->rows - at : step;
        bs_cpu_rows src = {q->in[0].base, b->row + at};
        const float *bias = m->shape.bias ? l->bias.ptr : NULL;
        BS_TRY(bs_cpu_matrix_run(l, m, v, l->packed.ptr, bias, n, src, l->result.ptr));
        write_rows(q, order, b, at, n);
    }
    for (int k = b->first; k < b->end; k++)
        q->groups[order[k]].dense = false;
    return BS_OK;
}

static bs_status run_batches(bs_cpu_faulty *q, int *order, int n)
{
    for (int at = 0; at < n;) {
        batch b = next_batch(q, order, n, at);
        bs_status st = run_batch(q, order, &b);
        free(b.row);
        BS_TRY(st);
        at = b.end;
    }
    return BS_OK;
}

bs_status bs_cpu_faulty_channels(bs_cpu_faulty *q)
{
    const bs_cpu_matrix *m = matrix_of(q);
    const bs_graph *g = q->lane->network->graph;
    if (!m->pin || m->scattered || m->shape.group != 1 || q->slot < 1)
        return BS_OK;
    if (q->slot == 2 && g->tensors[g->nodes[q->node].in[2]].elements != m->shape.filters)
        return BS_OK;
    char *mark = NULL;
    int *order = NULL, n = 0;
    bs_status st;
    BS_TRY_GOTO(bs_calloc(&mark, (size_t)m->shape.filters, 1, "faults"), out);
    BS_TRY_GOTO(bs_calloc(&order, (size_t)q->n_groups, sizeof *order, "faults"), out);
    for (int k = 0; k < q->n_groups; k++) {
        BS_TRY_GOTO(find_channels(q, &q->groups[k], mark), out);
        if (!q->groups[k].dense)
            order[n++] = k;
        q->groups[k].dense = true; /* until its batch has run */
    }
    BS_TRY_GOTO(run_batches(q, order, n), out);
out:
    free(order);
    free(mark);
    return st;
}
