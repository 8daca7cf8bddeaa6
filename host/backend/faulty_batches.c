#include "backend/faulty_batches.h"

#include "base/buf.h"

#include <stdlib.h>

bool bs_faulty_has_channels(const bs_faulty_call *c, int filters)
{
    return c->input == 1 || (c->input == 2 && bs_faulty_param(c)->elements == filters);
}

static int ascending(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

/* --- the plan --- */

static int filter_group_of(const bs_faulty_plan *p, bs_site s)
{
    int filter;
    int64_t at;
    bs_filters_locate(&p->filters, s.element, &filter, &at);
    return filter / p->filters.per_group;
}

/* Lists the filter groups that the sites of a group of samples are in, ascending. Returns their number, or -1
 * if there are too many. p->mark: by filter group, the last group of samples it was listed for, counted from
 * 1. */
static int find_filter_groups(const bs_faulty_plan *p, int group, int *list)
{
    uint32_t sites;
    const bs_site *site = bs_faulty_sites(p->call, group, &sites);
    int n = 0;
    bool sorted = true;
    for (uint32_t k = 0; k < sites; k++) {
        int it = filter_group_of(p, site[k]);
        if (p->mark[it] == group + 1)
            continue;
        if (n == p->limits.most)
            return -1;
        p->mark[it] = group + 1;
        sorted = sorted && (n == 0 || list[n - 1] < it);
        list[n++] = it;
    }
    if (!sorted)
        qsort(list, (size_t)n, sizeof *list, ascending);
    return n;
}

/* Returns an upper bound on the filter groups of all groups of samples together. */
static size_t count_filter_groups(const bs_faulty_plan *p)
{
    size_t n = 0, most = (size_t)p->limits.most;
    for (int k = 0; k < p->call->groups.n; k++) {
        uint32_t sites;
        bs_faulty_sites(p->call, k, &sites);
        n += sites < most ? sites : most;
    }
    return n;
}

bs_status bs_faulty_plan_make(bs_faulty_plan *out, bs_faulty_call *c, const bs_filters *filters,
                              const bs_faulty_limits *limits)
{
    size_t groups = (size_t)c->groups.n, marks = (size_t)(filters->n / filters->per_group);
    bs_faulty_plan *p = out;
    *p = (bs_faulty_plan){.call = c, .filters = *filters, .limits = *limits};
    BS_TRY(bs_calloc(&p->group, groups, sizeof *p->group, "faults"));
    BS_TRY(bs_calloc(&p->start, groups + 1, sizeof *p->start, "faults"));
    BS_TRY(bs_calloc(&p->mark, marks, sizeof *p->mark, "faults"));
    BS_TRY(bs_calloc(&p->filter_group, count_filter_groups(p), sizeof *p->filter_group, "faults"));
    for (int k = 0; k < c->groups.n; k++) {
        int n = find_filter_groups(p, k, p->filter_group + p->start[p->n]);
        if (n < 0)
            continue;
        p->group[p->n++] = k;
        p->start[p->n] = p->start[p->n - 1] + (size_t)n;
    }
    return BS_OK;
}

void bs_faulty_plan_clear(bs_faulty_plan *p)
{
    free(p->group);
    free(p->filter_group);
    free(p->start);
    free(p->mark);
    *p = (bs_faulty_plan){0};
}

/* --- batches --- */

static int32_t input_row(const bs_faulty_call *c, int sample)
{
    return c->in[0].rows ? c->in[0].rows[sample] : sample;
}

static bool same_rows(const bs_faulty_call *c, int a, int b)
{
    int i = c->groups.head[a], k = c->groups.head[b];
    for (; i >= 0 && k >= 0; i = c->groups.next[i], k = c->groups.next[k])
        if (input_row(c, i) != input_row(c, k))
            return false;
    return i < 0 && k < 0;
}

static int filter_groups_at(const bs_faulty_plan *p, int place)
{
    return (int)(p->start[place + 1] - p->start[place]);
}

static uint32_t sites_at(const bs_faulty_plan *p, int place)
{
    uint32_t n;
    bs_faulty_sites(p->call, p->group[place], &n);
    return n;
}

bs_faulty_batch bs_faulty_batch_from(const bs_faulty_plan *p, int first, int most, int most_alike)
{
    bs_faulty_batch b = {.first = first, .end = first, .filter_group = p->filter_group + p->start[first]};
    bool alike = true;
    int64_t size = 0;
    for (; b.end < p->n; b.end++) {
        int64_t more = p->limits.by_sites ? (int64_t)sites_at(p, b.end) : filter_groups_at(p, b.end);
        bool next = b.end > first;
        if (next && p->limits.neighbours && p->group[b.end] != p->group[b.end - 1] + 1)
            break;
        alike = alike && same_rows(p->call, p->group[first], p->group[b.end]);
        if (next && size + more > (alike ? most_alike : most))
            break;
        size += more;
        b.filter_groups += filter_groups_at(p, b.end);
        b.changes += sites_at(p, b.end);
    }
    return b;
}

static int count_samples(const bs_faulty_batch *b, const bs_faulty_plan *p)
{
    const bs_groups *g = &p->call->groups;
    int n = 0;
    for (int k = b->first; k < b->end; k++)
        for (int i = g->head[p->group[k]]; i >= 0; i = g->next[i])
            n++;
    return n;
}

static void list_samples(bs_faulty_batch *b, const bs_faulty_plan *p)
{
    const bs_groups *g = &p->call->groups;
    for (int k = b->first, place = 0, n; k < b->end; k++, place += n) {
        n = filter_groups_at(p, k);
        for (int i = g->head[p->group[k]]; i >= 0; i = g->next[i])
            b->sample[b->samples++] = (bs_faulty_sample){.sample = i, .place = place, .filter_groups = n};
    }
}

/* Lists the distinct rows that the samples read, and sets each sample's index in that list. */
static void list_rows(bs_faulty_batch *b, const bs_faulty_call *c)
{
    int n = b->samples;
    for (int i = 0; i < n; i++)
        b->row[i] = input_row(c, b->sample[i].sample);
    qsort(b->row, (size_t)n, sizeof *b->row, ascending);
    for (int i = 0; i < n; i++)
        if (i == 0 || b->row[i] != b->row[i - 1])
            b->row[b->rows++] = b->row[i];
    for (int i = 0; i < n; i++) {
        int32_t row = input_row(c, b->sample[i].sample);
        const int32_t *hit = bsearch(&row, b->row, (size_t)b->rows, sizeof row, ascending);
        b->sample[i].row = (int)(hit - b->row);
    }
}

/* p->mark: by filter group of the current group of samples, its place in the batch. */
static void list_changes(bs_faulty_batch *b, const bs_faulty_plan *p)
{
    const bs_faulty_call *c = p->call;
    bs_faulty_change *to = b->change;
    for (int k = b->first, place = 0; k < b->end; k++) {
        uint32_t sites;
        const bs_site *site = bs_faulty_sites(c, p->group[k], &sites);
        for (int u = 0; u < filter_groups_at(p, k); u++)
            p->mark[p->filter_group[p->start[k] + (size_t)u]] = place++;
        for (uint32_t s = 0; s < sites; s++, to++) {
            int filter, per = p->filters.per_group;
            bs_filters_locate(&p->filters, site[s].element, &filter, &to->at);
            to->site = (uint32_t)(site - c->f->sites) + s;
            to->filter = p->mark[filter / per] * per + filter % per;
        }
    }
}

bs_status bs_faulty_batch_list(bs_faulty_batch *b, const bs_faulty_plan *p)
{
    size_t samples = (size_t)count_samples(b, p);
    BS_TRY(bs_calloc(&b->sample, samples, sizeof *b->sample, "faults"));
    BS_TRY(bs_calloc(&b->row, samples, sizeof *b->row, "faults"));
    BS_TRY(bs_calloc(&b->change, b->changes, sizeof *b->change, "faults"));
    list_samples(b, p);
    list_rows(b, p->call);
    list_changes(b, p);
    return BS_OK;
}

void bs_faulty_batch_clear(bs_faulty_batch *b)
{
    free(b->sample);
    free(b->row);
    free(b->change);
    b->sample = NULL;
    b->row = NULL;
    b->change = NULL;
}

void bs_faulty_batch_done(const bs_faulty_batch *b, const bs_faulty_plan *p)
{
    for (int k = b->first; k < b->end; k++)
        p->call->dense[p->group[k]] = false;
}
