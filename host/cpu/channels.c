/* Faulty units as a convolution of their own. A batch of groups of samples shares one convolution: its units
 * are those of all groups one after the other, padded with zero units, its rows the distinct input rows of
 * all samples. */
#include "base/buf.h"
#include "cpu/faulty.h"
#include "cpu/units.h"

#include <stdlib.h>
#include <string.h>

/* Single filters come in blocks of the vector width. Groups that read the same rows fill a wide batch; others
 * would compute combinations nobody asked for, which cost nothing within one block only. */
enum { BLOCK = 16, WIDTH = 4 };

typedef struct batch {
    int first, end;    /* groups order[first .. end) */
    int units, padded; /* faulty units, and with zero units */
    int *unit;         /* of all groups */
    int32_t *row;      /* distinct input rows, ascending */
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

/* Lists the group's units, and decides whether it is evaluated here. `mark`: a zero byte for each unit. */
static bs_status find_units(bs_cpu_faulty *q, bs_cpu_group *g, char *mark)
{
    const bs_cpu_matrix *m = matrix_of(q);
    int units = bs_cpu_units(m), per_unit = bs_cpu_unit_filters(m), filter, n = 0;
    int64_t at;
    uint32_t from = q->f->first[g->head], to = q->f->first[g->head + 1];
    for (uint32_t k = from; k < to; k++) {
        locate(q, q->f->sites[k].element, &filter, &at);
        n += !mark[filter / per_unit];
        mark[filter / per_unit] = 1;
    }
    BS_TRY(bs_calloc(&g->unit, (size_t)n, sizeof *g->unit, "faults"));
    for (int u = 0; u < units && g->units < n; u++)
        if (mark[u])
            g->unit[g->units++] = u;
    for (int u = 0; u < n; u++)
        mark[g->unit[u]] = 0;
    g->dense = n > 1 && 2 * n > units;
    return BS_OK;
}

static bool same_rows(const bs_cpu_faulty *q, const bs_cpu_group *a, const bs_cpu_group *b)
{
    int i = a->head, k = b->head;
    for (; i >= 0 && k >= 0; i = q->samples.next[i], k = q->samples.next[k])
        if (input_row(q, i) != input_row(q, k))
            return false;
    return i < 0 && k < 0;
}

static int block_of(const bs_cpu_faulty *q)
{
    return bs_cpu_unit_filters(matrix_of(q)) == 1 ? BLOCK : 1;
}

/* The longest batch from order[first] on of at most `widest` units, or one group. */
static batch next_batch(const bs_cpu_faulty *q, const int *order, int n, int first, int widest)
{
    int block = block_of(q);
    batch b = {.first = first, .end = first, .padded = block};
    bool alike = true;
    for (; b.end < n; b.end++) {
        const bs_cpu_group *g = &q->groups[order[b.end]];
        alike = alike && same_rows(q, g, &q->groups[order[first]]);
        if (b.end > first && b.units + g->units > (alike ? widest : block))
            break;
        b.units += g->units;
    }
    while (b.padded < b.units)
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
        for (int i = q->groups[order[k]].head; i >= 0; i = q->samples.next[i])
            b->row[n++] = input_row(q, i);
    qsort(b->row, (size_t)n, sizeof *b->row, compare_rows);
    for (int i = 0; i < n; i++)
        if (i == 0 || b->row[i] != b->row[i - 1])
            b->row[b->rows++] = b->row[i];
    return BS_OK;
}

static bs_status list_units(const bs_cpu_faulty *q, const int *order, batch *b)
{
    int n = 0;
    BS_TRY(bs_calloc(&b->unit, (size_t)b->units, sizeof *b->unit, "faults"));
    for (int k = b->first; k < b->end; k++)
        for (int u = 0; u < q->groups[order[k]].units; u++)
            b->unit[n++] = q->groups[order[k]].unit[u];
    return BS_OK;
}

/* Applies the sites of one group, whose units begin at place `at` of the batch. */
static void apply_sites(const bs_cpu_faulty *q, const bs_cpu_group *g, int at)
{
    const bs_cpu_matrix *m = matrix_of(q);
    int per_unit = bs_cpu_unit_filters(m), u = 0, filter;
    float *weights = q->lane->file.ptr, *bias = q->lane->bias.ptr;
    int64_t i;
    for (uint32_t k = q->f->first[g->head]; k < q->f->first[g->head + 1]; k++) {
        locate(q, q->f->sites[k].element, &filter, &i);
        for (u = g->unit[u] <= filter / per_unit ? u : 0; g->unit[u] != filter / per_unit;)
            u++;
        int f = (at + u) * per_unit + filter % per_unit;
        bs_cpu_faulty_apply(q, q->slot == 2 ? bias + f : weights + f * m->filter + i, q->f->sites[k]);
    }
}

/* Leaves packed weights in lane->packed and the bias in lane->bias. */
static bs_status build_filters(const bs_cpu_faulty *q, const int *order, const batch *b,
                               const bs_cpu_variant *v)
{
    BS_TRY(bs_cpu_units_load(q->lane, q->node, v, b->unit, b->units));
    for (int k = b->first, at = 0; k < b->end; at += q->groups[order[k++]].units)
        apply_sites(q, &q->groups[order[k]], at);
    return bs_cpu_units_pack(q->lane, q->node, v);
}

/* The golden row with the group's units from `result`, pixels of `width` channels. */
static void write_row(const bs_cpu_faulty *q, const bs_cpu_group *g, int sample, const float *result,
                      int width)
{
    const bs_cpu_matrix *m = matrix_of(q);
    int per_unit = bs_cpu_unit_filters(m);
    int64_t channels = m->shape.filters, elements = m->out_row * m->repeat, pixels = elements / channels;
    const float *golden = (const float *)q->golden.base;
    float *out = q->out + sample * elements;
    golden += (q->golden.rows ? q->golden.rows[sample] : sample) * elements;
    memcpy(out, golden, (size_t)elements * sizeof *out);
    for (int64_t p = 0; p < pixels; p++, result += width, out += channels)
        for (int u = 0; u < g->units; u++)
            for (int c = 0; c < per_unit; c++)
                out[g->unit[u] * per_unit + c] = result[u * per_unit + c];
}

/* Results for rows b->row[at .. at + n) are in lane->result; hands them to the samples that read these rows.
 */
static void write_rows(const bs_cpu_faulty *q, const int *order, const batch *b, const bs_cpu_variant *v,
                       int at, int n)
{
    const bs_cpu_matrix *m = matrix_of(q);
    for (int k = b->first, u = 0; k < b->end; u += q->groups[order[k++]].units)
        for (int i = q->groups[order[k]].head; i >= 0; i = q->samples.next[i]) {
            int32_t key = input_row(q, i);
            const int32_t *hit = bsearch(&key, b->row + at, (size_t)n, sizeof key, compare_rows);
            const float *result = q->lane->result.ptr;
            if (hit)
                write_row(q, &q->groups[order[k]], i,
                          result + (hit - b->row - at) * v->out_row * m->repeat + u * bs_cpu_unit_filters(m),
                          v->filters);
        }
}

/* The narrowest variant that holds the batch. One may differ from the whole layer where the next does not. */
static bs_status find_variant(bs_cpu_variant **out, const bs_cpu_faulty *q, const batch *b, int widest)
{
    bs_cpu_variant *v;
    *out = NULL;
    for (int units = b->padded; !*out && (units == b->padded || units <= widest); units *= 2) {
        BS_TRY(bs_cpu_units_variant(&v, q->lane, q->node, units));
        if (v->pin)
            *out = v;
    }
    return BS_OK;
}

static bs_status run_batch(bs_cpu_faulty *q, const int *order, batch *b, bs_cpu_variant *v)
{
    bs_lane *l = q->lane;
    int step = 1 << (matrix_of(q)->chunks - 1);
    BS_TRY(list_units(q, order, b));
    BS_TRY(build_filters(q, order, b, v));
    BS_TRY(find_rows(q, order, b));
    for (int at = 0; at < b->rows; at += step) {
        int n = b->rows - at < step ? b->rows - at : step;
        bs_cpu_rows src = {q->in[0].base, b->row + at};
        BS_TRY(bs_cpu_units_run(l, q->node, v, b->unit, b->units, n, src));
        write_rows(q, order, b, v, at, n);
    }
    for (int k = b->first; k < b->end; k++)
        q->groups[order[k]].dense = false;
    return BS_OK;
}

static bs_status run_batches(bs_cpu_faulty *q, int *order, int n)
{
    int block = block_of(q), widest = WIDTH * block;
    for (int at = 0; at < n;) {
        bs_cpu_variant *v;
        batch b = next_batch(q, order, n, at, widest);
        BS_TRY(find_variant(&v, q, &b, widest));
        if (!v && widest > block) {
            widest /= 2;
            continue;
        }
        bs_status st = v ? run_batch(q, order, &b, v) : BS_OK;
        free(b.unit);
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
    if (!m->pin || m->scattered || q->slot < 1)
        return BS_OK;
    if (q->slot == 2 && g->tensors[g->nodes[q->node].in[2]].elements != m->shape.filters)
        return BS_OK;
    char *mark = NULL;
    int *order = NULL, n = 0;
    bs_status st;
    BS_TRY_GOTO(bs_calloc(&mark, (size_t)bs_cpu_units(m), 1, "faults"), out);
    BS_TRY_GOTO(bs_calloc(&order, (size_t)q->samples.n, sizeof *order, "faults"), out);
    for (int k = 0; k < q->samples.n; k++) {
        BS_TRY_GOTO(find_units(q, &q->groups[k], mark), out);
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
