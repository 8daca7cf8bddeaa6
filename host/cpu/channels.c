/* Faulty filter groups evaluated as a convolution of their own. The groups of samples of a batch share one
 * convolution: its filter groups are those of all groups, one after the other, padded with filter groups of
 * zeros; its rows are the distinct input rows of all samples. */
#include "backend/faulty_batches.h"
#include "cpu/cpu_faulty.h"
#include "cpu/filter_groups.h"

#include <string.h>

/* Single filters come in blocks of the vector width. Groups that read the same rows fill a wide batch; others
 * also compute combinations that are not used, which is free within one block only. */
enum { BLOCK = 16, WIDTH = 4 };

static const bs_cpu_matrix *matrix_of(const bs_faulty_call *c)
{
    return &c->stream->network->plan[c->node].matrix;
}

static bs_status make_plan(bs_faulty_plan *out, bs_faulty_call *c)
{
    const bs_cpu_matrix *m = matrix_of(c);
    int filter_groups = bs_cpu_filter_groups(m);
    bs_filters filters = {m->filter, m->stride_i, m->shape.filters, bs_cpu_group_filters(m)};
    bs_faulty_limits limits = {.most = filter_groups > 3 ? filter_groups / 2
                                                         : 1}; /* half of the layer is as much work */
    if (c->input == 2)
        filters.length = filters.step = 1;
    return bs_faulty_plan_make(out, c, &filters, &limits);
}

/* Leaves the packed weights in stream->packed and the bias in stream->bias. */
static bs_status build_filters(const bs_faulty_call *c, const bs_faulty_batch *b, const bs_cpu_variant *v)
{
    const bs_cpu_matrix *m = matrix_of(c);
    BS_TRY(bs_cpu_filter_groups_load(c->stream, c->node, v, b->filter_group, b->filter_groups));
    float *weights = c->stream->file.ptr, *bias = c->stream->bias.ptr;
    for (uint32_t k = 0; k < b->changes; k++) {
        const bs_faulty_change *it = &b->change[k];
        float *at = c->input == 2 ? bias + it->filter : weights + it->filter * m->filter + it->at;
        bs_cpu_faulty_apply(c, at, c->f->sites[it->site]);
    }
    return bs_cpu_filter_groups_pack(c->stream, c->node, v);
}

/* Writes the golden row, with the sample's filter groups from `result`, whose pixels have `width`
 * channels. */
static void write_row(const bs_faulty_call *c, int sample, const int *filter_group, int filter_groups,
                      const float *result, int width)
{
    const bs_cpu_matrix *m = matrix_of(c);
    int per_group = bs_cpu_group_filters(m);
    int64_t channels = m->shape.filters, elements = m->out_row * m->repeat, pixels = elements / channels;
    const float *golden = (const float *)c->golden.base;
    float *out = (float *)c->out + sample * elements;
    golden += (c->golden.rows ? c->golden.rows[sample] : sample) * elements;
    memcpy(out, golden, (size_t)elements * sizeof *out);
    for (int64_t p = 0; p < pixels; p++, result += width, out += channels)
        for (int u = 0; u < filter_groups; u++)
            for (int k = 0; k < per_group; k++)
                out[filter_group[u] * per_group + k] = result[u * per_group + k];
}

/* Writes the samples that read rows b->row[at .. at + n), whose results are in stream->result. */
static void write_rows(const bs_faulty_call *c, const bs_faulty_batch *b, const bs_cpu_variant *v, int at,
                       int n)
{
    const bs_cpu_matrix *m = matrix_of(c);
    for (int i = 0; i < b->samples; i++) {
        const bs_faulty_sample *s = &b->sample[i];
        const float *result = c->stream->result.ptr;
        if (s->row < at || s->row >= at + n)
            continue;
        result += (s->row - at) * v->out_row * m->repeat + s->place * bs_cpu_group_filters(m);
        write_row(c, s->sample, b->filter_group + s->place, s->filter_groups, result, v->filters);
    }
}

/* Finds the narrowest variant with `least` filter groups, or twice as many and so on up to `widest`; *out is
 * NULL if there is none. A variant may differ from the whole layer where the next wider one does not. */
static bs_status find_variant(bs_cpu_variant **out, const bs_faulty_call *c, int least, int widest)
{
    bs_cpu_variant *v;
    *out = NULL;
    for (int filter_groups = least; !*out && (filter_groups == least || filter_groups <= widest);
         filter_groups *= 2) {
        BS_TRY(bs_cpu_filter_groups_variant(&v, c->stream, c->node, filter_groups));
        if (v->impl || matrix_of(c)->kernel)
            *out = v;
    }
    return BS_OK;
}

static bs_status run_batch(const bs_faulty_plan *p, bs_faulty_batch *b, bs_cpu_variant *v)
{
    const bs_faulty_call *c = p->call;
    int step = 1 << (matrix_of(c)->chunks - 1);
    BS_TRY(bs_faulty_batch_list(b, p));
    BS_TRY(build_filters(c, b, v));
    for (int at = 0; at < b->rows; at += step) {
        int n = b->rows - at < step ? b->rows - at : step;
        bs_cpu_rows src = {c->in[0].base, b->row + at};
        BS_TRY(bs_cpu_filter_groups_run(c->stream, c->node, v, b->filter_group, b->filter_groups, n, src));
        write_rows(c, b, v, at, n);
    }
    bs_faulty_batch_done(b, p);
    return BS_OK;
}

static bs_status run_batches(const bs_faulty_plan *p)
{
    int block = p->filters.per_group == 1 ? BLOCK : 1, widest = WIDTH * block;
    for (int at = 0; at < p->n;) {
        bs_cpu_variant *v;
        bs_faulty_batch b = bs_faulty_batch_from(p, at, block, widest);
        int least = block;
        while (least < b.filter_groups)
            least *= 2;
        BS_TRY(find_variant(&v, p->call, least, widest));
        if (!v && widest > block) {
            widest /= 2;
            continue;
        }
        bs_status st = v ? run_batch(p, &b, v) : BS_OK;
        bs_faulty_batch_clear(&b);
        BS_TRY(st);
        at = b.end;
    }
    return BS_OK;
}

bs_status bs_cpu_faulty_channels(bs_faulty_call *c)
{
    const bs_cpu_matrix *m = matrix_of(c);
    bs_faulty_plan p;
    const bs_node *n = &c->graph->nodes[c->node];
    const bs_cpu_layout *layout = c->stream->network->layout;
    bool plain = bs_cpu_layout_is_plain(&layout[n->in[0]]) && bs_cpu_layout_is_plain(&layout[n->out]);
    if ((m->kernel ? !plain : !m->impl) || !bs_faulty_has_channels(c, m->shape.filters))
        return BS_OK;
    bs_status st = make_plan(&p, c);
    if (st == BS_OK)
        st = run_batches(&p);
    bs_faulty_plan_clear(&p);
    return st;
}
