/* The sites of one trial: drawn with its counter, or looked up in a site list. */
#include "fault/plan.h"

#include "base/buf.h"
#include "fault/compose.h"
#include "fault/table.h"

#include <stdlib.h>
#include <string.h>

/* Up to this many choices are compared with each other, more go into a hash table, still more are marked. */
enum { FEW = 48, MANY = 1 << 20 };

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

/* Appends a site whose element is not below those before, from `first` on; one at the last of these is merged
 * with it. */
static bs_status append_merged(bs_sites *out, size_t first, bs_site s)
{
    if (out->n == first || out->site[out->n - 1].element != s.element)
        return append(out, s);
    out->site[out->n - 1] = bs_site_compose(out->site[out->n - 1], s);
    return BS_OK;
}

/* Fills `hit` with the ascending hits of a block, and returns how many there are. The smallest blocks, those
 * of high rates, mark them in a word, because most of their attempts are hits already. */
static uint32_t draw_block(uint64_t hit[BS_BER_STEPS + 1], const bs_ber *b, uint64_t seed, uint64_t counter,
                           uint32_t block)
{
    uint32_t hits = bs_ber_hits(b, bs_ber_draw(seed, counter, block)), n = 0, marked = 0;
    uint64_t base = (uint64_t)block * b->block;
    if (b->block > 32) {
        for (uint32_t attempt = 0; n < hits; attempt++)
            n += put(hit, n, bs_ber_attempt(b, seed, counter, block, attempt));
        return n;
    }
    for (uint32_t attempt = 0; bs_popcount(marked) < hits; attempt++)
        marked |= 1u << (bs_ber_attempt(b, seed, counter, block, attempt) - base);
    for (uint32_t k = 0; k < 32; k++)
        if (marked >> k & 1)
            hit[n++] = base + k;
    return n;
}

/* Draws the hits block by block. Blocks ascend, and so do the hits of each, so nothing remains to be
 * sorted. */
static bs_status draw_ber(const bs_fault_model *m, const bs_ber *b, uint64_t population, uint64_t seed,
                          uint64_t counter, bs_sites *out)
{
    uint64_t hit[BS_BER_STEPS + 1], blocks = (population + b->block - 1) / b->block;
    size_t first = out->n;
    for (uint32_t block = 0; block < blocks; block++) {
        uint32_t n = draw_block(hit, b, seed, counter, block);
        for (uint32_t i = 0; i < n && hit[i] < population; i++)
            BS_TRY(append_merged(out, first, bs_fault_site(m, hit[i], seed, counter, (uint32_t)hit[i])));
    }
    return BS_OK;
}

/* Draws as draw_many() does, with a bit for each choice, and of more than half of the choices those that are
 * left out: so there are never more attempts than choices. A random value is numbered by its choice. */
static bs_status draw_most(const bs_fault_model *m, uint64_t population, uint64_t seed, uint64_t counter,
                           bs_sites *out)
{
    bool left_out = m->count > population / 2;
    uint64_t n = left_out ? population - m->count : m->count, words = (population + 63) / 64;
    uint64_t *drawn;
    size_t first = out->n;
    bs_status st = BS_OK;
    BS_TRY(bs_calloc(&drawn, (size_t)words, sizeof *drawn, "sites"));
    for (uint32_t draw = 0; n > 0; draw++) {
        uint64_t at = bs_fault_attempt(population, seed, counter, draw), bit = (uint64_t)1 << (at & 63);
        n -= !(drawn[at / 64] & bit);
        drawn[at / 64] |= bit;
    }
    for (uint64_t w = 0; w < words && st == BS_OK; w++) {
        uint64_t hits = left_out ? ~drawn[w] : drawn[w];
        for (uint64_t at = 64 * w; hits && at < population && st == BS_OK; at++, hits >>= 1)
            if (hits & 1)
                st = append_merged(out, first, bs_fault_site(m, at, seed, counter, (uint32_t)at));
    }
    free(drawn);
    return st;
}

/* Hits every element: in all bits that may be hit (ber: 1), or in one of them (count: all), drawn where there
 * is a choice. */
static bs_status hit_all(const bs_fault_model *m, uint32_t elements, uint64_t seed, uint64_t counter,
                         bs_sites *out)
{
    uint32_t choices = bs_fault_choices(m);
    bs_site all = bs_fault_site(m, 0, seed, counter, 0);
    bool varies = bs_fault_traits_of(m->kind).random || (choices > 1 && !(m->ber >= 1));
    for (uint32_t i = 1; i < choices && m->ber >= 1; i++)
        all = bs_site_compose(all, bs_fault_site(m, i, seed, counter, i));
    BS_TRY(bs_grow(&out->site, &out->cap, out->n + elements, sizeof *out->site, "sites"));
    for (uint32_t e = 0; e < elements; e++) {
        uint64_t bit =
            choices > 1 && varies ? bs_scale(bs_draw(seed, counter, e, BS_PURPOSE_SITE), choices) : 0;
        if (varies)
            all = bs_fault_site(m, (uint64_t)e * choices + bit, seed, counter, e);
        all.element = e;
        out->site[out->n++] = all;
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

static bs_status add_bound(bs_sites *out)
{
    if (out->n > UINT32_MAX)
        return bs_fail(BS_ERR, "more than 2^32 fault sites at once");
    BS_TRY(bs_grow(&out->bound, &out->cap_bounds, out->n_bounds + 1, sizeof *out->bound, "sites"));
    out->bound[out->n_bounds++] = (uint32_t)out->n;
    return BS_OK;
}

static bs_status look_up(const bs_site_table *table, const bs_stratum *s, bs_trial_coords t, bs_sites *out)
{
    size_t first;
    uint32_t n = bs_site_table_find(table, t.target, t.image, &first);
    if (t.repetition >= n)
        return bs_fail(BS_ERR, "the site list has no trial %u for target %u and image %u", t.repetition,
                       t.target, t.image);
    const bs_site_group *g = &table->group[first + t.repetition];
    size_t i = g->first, end = g->first + g->n;
    for (int k = 0; k < bs_stratum_targets(s); k++) {
        uint32_t target = (uint32_t)bs_stratum_at(s, k)->target;
        for (; i < end && table->target[i] == target; i++)
            BS_TRY(append(out, table->site[i]));
        BS_TRY(add_bound(out));
    }
    return BS_OK;
}

/* Appends the sites of a target, whose stratum or part is `s`. shared: what decides about a shared bit. */
static bs_status draw(const bs_plan *plan, const bs_stratum *s, bs_trial_coords t, uint64_t shared,
                      bs_sites *out)
{
    bs_fault_model m = s->fault;
    uint64_t seed = plan->job->seed, counter = bs_trial_counter(t, s->is_parameter);
    size_t first = out->n;
    if (m.kind == BS_FAULT_NONE)
        return BS_OK;
    if (m.shared_bit)
        m.bits = 1u << bs_nth_bit(m.bits, (uint32_t)bs_scale(shared, bs_fault_choices(&m)));
    uint64_t population = (uint64_t)s->elements * bs_fault_choices(&m);
    if (bs_fault_is_ordered(&m, population)) {
        uint64_t unit = counter - t.repetition;
        uint64_t at = bs_fault_ordered(population, seed, unit, t.repetition);
        return append(out, bs_fault_site(&m, at, seed, counter, 0));
    }
    if (bs_fault_hits_all(&m))
        return hit_all(&m, s->elements, seed, counter, out);
    if (m.ber > 0)
        return draw_ber(&m, &s->ber, population, seed, counter, out);
    if (m.count > MANY)
        return draw_most(&m, population, seed, counter, out);
    if (m.count <= FEW)
        BS_TRY(draw_few(&m, population, seed, counter, out));
    else
        BS_TRY(draw_many(&m, population, seed, counter, out));
    merge(out, first);
    return BS_OK;
}

bs_status bs_plan_sites(const bs_plan *plan, const bs_stratum *s, bs_trial_coords t, bs_sites *out)
{
    uint64_t seed = plan->job->seed, counter = bs_trial_counter(t, s->is_parameter), shared = 0;
    /* an array also where no trial has a site */
    BS_TRY(bs_grow(&out->site, &out->cap, out->n + 1, sizeof *out->site, "sites"));
    if (out->n_bounds == 0)
        BS_TRY(add_bound(out));
    if (plan->tables[s->entry])
        return look_up(plan->tables[s->entry], s, t, out);
    if (s->fault.shared_bit)
        shared = bs_draw(seed, counter, 0, BS_PURPOSE_BIT);
    bool happens = bs_fault_happens(s->probability, seed, counter);
    for (int k = 0; k < bs_stratum_targets(s); k++) {
        const bs_stratum *part = bs_stratum_at(s, k);
        t.target = (uint32_t)part->target;
        counter = bs_trial_counter(t, part->is_parameter);
        if (happens && (part == s || bs_fault_happens(part->probability, seed, counter)))
            BS_TRY(draw(plan, part, t, shared, out));
        BS_TRY(add_bound(out));
    }
    return BS_OK;
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
