/* The sites of one trial: drawn with its counter, or looked up in a site list. */
#include "fault/plan.h"

#include "base/buf.h"
#include "fault/compose.h"
#include "fault/table.h"

#include <stdlib.h>
#include <string.h>

/* Up to this many choices are compared with each other; more go into a hash table. */
enum { FEW = 48 };

static bs_status append(bs_sites *out, bs_site s)
{
    BS_TRY(bs_grow(&out->site, &out->cap, out->n + 1, sizeof s, "sites"));
    out->site[out->n++] = s;
    return BS_OK;
}

static bool among(const uint64_t *seen, uint32_t n, uint64_t at)
{
    for (uint32_t i = 0; i < n; i++)
        if (seen[i] == at)
            return true;
    return false;
}

static bs_status draw_few(const bs_fault_model *m, uint64_t population, uint64_t seed, uint64_t counter,
                          bs_sites *out)
{
    uint64_t seen[FEW];
    uint32_t n = 0;
    for (uint32_t draw = 0; n < m->count; draw++) {
        uint64_t at = bs_fault_attempt(population, seed, counter, draw);
        if (among(seen, n, at))
            continue;
        seen[n++] = at;
        BS_TRY(append(out, bs_fault_site(m, at, seed, counter, draw)));
    }
    return BS_OK;
}

/* Inserts `at` into the set. Returns false if it was there already. Places hold at + 1, because 0 marks a
 * free one; size is a power of two. */
static bool insert(uint64_t *table, size_t size, uint64_t at)
{
    size_t i = (size_t)((at * 0x9e3779b97f4a7c15u) >> 20) & (size - 1);
    for (; table[i]; i = (i + 1) & (size - 1))
        if (table[i] == at + 1)
            return false;
    table[i] = at + 1;
    return true;
}

static bs_status draw_many(const bs_fault_model *m, uint64_t population, uint64_t seed, uint64_t counter,
                           bs_sites *out)
{
    size_t size = 1;
    uint64_t *table;
    bs_status st = BS_OK;
    while (size < 2 * (size_t)m->count)
        size *= 2;
    BS_TRY(bs_calloc(&table, size, sizeof *table, "sites"));
    uint32_t n = 0;
    for (uint32_t draw = 0; n < m->count && st == BS_OK; draw++) {
        uint64_t at = bs_fault_attempt(population, seed, counter, draw);
        if (!insert(table, size, at))
            continue;
        n++;
        st = append(out, bs_fault_site(m, at, seed, counter, draw));
    }
    free(table);
    return st;
}

/* Inserts `at` into n ascending choices. Returns false if it was there already. */
static bool put(uint64_t *sorted, uint32_t n, uint64_t at)
{
    uint32_t i = n;
    while (i > 0 && sorted[i - 1] > at)
        i--;
    if (i > 0 && sorted[i - 1] == at)
        return false;
    memmove(sorted + i + 1, sorted + i, (n - i) * sizeof *sorted);
    sorted[i] = at;
    return true;
}

/* Draws the hits block by block. Blocks ascend, and so do the hits of each, so nothing remains to be
 * sorted. */
static bs_status draw_ber(const bs_fault_model *m, const bs_stratum *s, uint64_t seed, uint64_t counter,
                          bs_sites *out)
{
    uint64_t hit[BS_BER_STEPS + 1], blocks = (s->population + s->ber.block - 1) / s->ber.block;
    for (uint32_t block = 0; block < blocks; block++) {
        uint32_t hits = bs_ber_hits(&s->ber, bs_ber_draw(seed, counter, block)), n = 0;
        for (uint32_t attempt = 0; n < hits; attempt++)
            n += put(hit, n, bs_ber_attempt(&s->ber, seed, counter, block, attempt));
        for (uint32_t i = 0; i < n && hit[i] < s->population; i++)
            BS_TRY(append(out, bs_fault_site(m, hit[i], seed, counter, (uint32_t)hit[i])));
    }
    return BS_OK;
}

static int compare_sites(const void *x, const void *y)
{
    const bs_site *a = x, *b = y;
    return (a->element > b->element) - (a->element < b->element);
}

/* Sorts the sites appended from `first` on, and merges those of one element. All are of one kind, for which
 * the order of composition does not matter. */
static void merge(bs_sites *out, size_t first)
{
    bool ascend = true;
    for (size_t i = first + 1; i < out->n; i++)
        ascend &= out->site[i - 1].element <= out->site[i].element;
    if (!ascend)
        qsort(out->site + first, out->n - first, sizeof *out->site, compare_sites);
    if (out->n - first < 2)
        return;
    size_t last = first;
    for (size_t i = first + 1; i < out->n; i++) {
        if (out->site[i].element == out->site[last].element)
            out->site[last] = bs_site_compose(out->site[last], out->site[i]);
        else
            out->site[++last] = out->site[i];
    }
    out->n = last + 1;
}

static bs_status look_up(const bs_site_table *table, bs_trial_coords t, bs_sites *out)
{
    size_t first;
    uint32_t n = bs_site_table_find(table, t.target, t.image, &first);
    if (t.repetition >= n)
        return bs_fail(BS_ERR, "the site list has no trial %u for target %u and image %u", t.repetition,
                       t.target, t.image);
    const bs_site_group *g = &table->group[first + t.repetition];
    for (size_t i = 0; i < g->n; i++)
        BS_TRY(append(out, table->site[g->first + i]));
    return BS_OK;
}

/* Appends the sites of a target, whose stratum or part is `s`. */
static bs_status draw(const bs_plan *plan, const bs_stratum *s, bs_trial_coords t, bs_sites *out)
{
    const bs_fault_model *m = &s->fault;
    uint64_t seed = plan->job->seed, counter = bs_trial_counter(t, s->is_parameter);
    size_t first = out->n;
    if (bs_fault_is_ordered(m, s->population)) {
        uint64_t unit = counter - t.repetition;
        uint64_t at = bs_fault_ordered(s->population, seed, unit, t.repetition);
        return append(out, bs_fault_site(m, at, seed, counter, 0));
    }
    if (m->ber > 0)
        BS_TRY(draw_ber(m, s, seed, counter, out));
    else if (m->count <= FEW)
        BS_TRY(draw_few(m, s->population, seed, counter, out));
    else
        BS_TRY(draw_many(m, s->population, seed, counter, out));
    merge(out, first);
    return BS_OK;
}

static bs_status add_bound(bs_sites *out)
{
    BS_TRY(bs_grow(&out->bound, &out->cap_bounds, out->n_bounds + 1, sizeof *out->bound, "sites"));
    out->bound[out->n_bounds++] = (uint32_t)out->n;
    return BS_OK;
}

bs_status bs_plan_sites(const bs_plan *plan, const bs_stratum *s, bs_trial_coords t, bs_sites *out)
{
    if (out->n_bounds == 0)
        BS_TRY(add_bound(out));
    if (plan->tables[s->entry])
        BS_TRY(look_up(plan->tables[s->entry], t, out));
    else
        BS_TRY(draw(plan, s, t, out));
    return add_bound(out);
}

void bs_sites_reset(bs_sites *s)
{
    s->n = s->n_bounds = 0;
}

void bs_sites_clear(bs_sites *s)
{
    if (!s)
        return;
    free(s->site);
    free(s->bound);
    memset(s, 0, sizeof *s);
}
