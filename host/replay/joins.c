#include "replay/joins.h"

#include "base/buf.h"

#include <string.h>

/* --- Sites --- */

/* Returns where the sites of a trial in target k begin and, by the next element, end. */
static const uint32_t *bounds(const bs_pass *b, int trial, int k)
{
    return b->t->faults.first + (size_t)trial * (size_t)b->schedule->n_targets + k;
}

static bool has_sites(const bs_pass *b, int trial, int k)
{
    const uint32_t *at = bounds(b, trial, k);
    return at[1] > at[0];
}

/* Finds the last injection of a trial. Without sites, it counts as hit where the first fault could be, and
 * *any is false. */
static int find_last(const bs_pass *b, int trial, bool *any)
{
    const bs_schedule *s = b->schedule;
    int last = -1;
    *any = false;
    for (int k = 0; k < s->n_targets; k++)
        if (has_sites(b, trial, k)) {
            last = s->last_injection[k] > last ? s->last_injection[k] : last;
            *any = true;
        }
    return *any ? last : bs_schedule_first_injection(s);
}

static size_t count_sites(const bs_pass *b, int from, int n, int k)
{
    size_t sites = 0;
    for (int i = from; i < from + n; i++) {
        const uint32_t *at = bounds(b, b->p->trial[i], k);
        sites += at[1] - at[0];
    }
    return sites;
}

/* Makes room for lists of so many sites of n trials. */
static bs_status reserve(bs_pass *b, size_t sites, int lists, int n)
{
    bs_replayer *p = b->p;
    size_t bounds_needed = (size_t)lists * ((size_t)n + 1);
    BS_TRY(bs_grow(&p->site, &p->site_cap, sites, sizeof *p->site, "fault sites"));
    BS_TRY(bs_grow(&p->place, &p->place_cap, sites, sizeof *p->place, "fault sites"));
    BS_TRY(bs_grow(&p->before, &p->before_cap, sites, sizeof *p->before, "fault sites"));
    return bs_grow(&p->first, &p->first_cap, bounds_needed, sizeof *p->first, "fault sites");
}

/* Lists the sites of positions from .. from + n - 1 in target k, after those that *used counts, as list
 * number `list` of the reserved ones. */
static bs_faults list_sites(bs_pass *b, int from, int n, int k, int list, size_t *used)
{
    bs_replayer *p = b->p;
    uint32_t *first = p->first + (size_t)list * ((size_t)n + 1);
    bs_faults f = {p->site, first, p->before};
    for (int i = 0; i < n; i++) {
        const uint32_t *at = bounds(b, p->trial[from + i], k);
        first[i] = (uint32_t)*used;
        for (uint32_t j = at[0]; j < at[1]; j++, ++*used) {
            p->site[*used] = b->t->faults.sites[j];
            p->place[*used] = j;
        }
    }
    first[n] = (uint32_t)*used;
    return f;
}

/* Copies what the listed sites held to the caller's sites, when the device has said it: the lists serve
 * again. */
static bs_status hand_before(const bs_pass *b, size_t used)
{
    BS_TRY(bs_backend_wait(b->p->golden->backend, b->p->golden->stream));
    for (size_t i = 0; b->t->faults.before && i < used; i++)
        b->t->faults.before[b->p->place[i]] = b->p->before[i];
    return BS_OK;
}

static bs_status inject(bs_pass *b, int k, int buffer)
{
    bs_replayer *p = b->p;
    size_t used = 0, sites = count_sites(b, 0, p->n, k);
    if (sites == 0)
        return BS_OK;
    BS_TRY(reserve(b, sites, 1, p->n));
    bs_faults f = list_sites(b, 0, p->n, k, 0, &used);
    BS_TRY(p->golden->backend->inject(p->golden->stream, b->schedule->buffers[buffer].tensor, p->n,
                                      bs_pass_rows(b, buffer), &f));
    return hand_before(b, used);
}

/* --- Joining --- */

static void add(bs_pass *b, int trial)
{
    bs_replayer *p = b->p;
    p->position[trial] = p->n;
    p->trial[p->n] = trial;
    p->row[p->n++] = b->t->golden_row[trial];
}

/* Fills the rows of a buffer from position `from` on with golden ones. */
static bs_status copy_golden(bs_pass *b, int buffer, int from)
{
    bs_replayer *p = b->p;
    const bs_buffer *s = &b->schedule->buffers[buffer];
    size_t n = (size_t)(p->n - from);
    if (n == 0)
        return BS_OK;
    memset(bs_pass_equal(b, buffer) + from, 1, n);
    bs_view golden = {p->golden->rows[s->tensor], p->row + from};
    return p->golden->backend->copy_rows(p->golden->stream, s->tensor, (int)n, golden,
                                         bs_pass_rows(b, buffer) + (size_t)from * s->row_bytes);
}

/* Returns the number of the step's parameters that a trial has sites in; *which is the last of these. */
static int count_parameters(const bs_pass *b, const bs_step *s, int trial, int *which)
{
    int n = 0;
    for (int i = 0; i < s->n_faulty; i++)
        if (has_sites(b, trial, s->faulty[i].target)) {
            *which = i;
            n++;
        }
    return n;
}

/* Has trials join before a step: those with sites in its parameter `only` and in none of its other
 * parameters, or (-1) in several of them. */
static bs_status join_before(bs_pass *b, int index, int only)
{
    bs_replayer *p = b->p;
    const bs_step *s = &b->schedule->steps[index];
    int from = p->n;
    for (int i = 0; i < b->t->n; i++) {
        int which = -1;
        if (p->position[i] >= 0)
            continue;
        int n = count_parameters(b, s, i, &which);
        if (only < 0 ? n > 1 : n == 1 && which == only)
            add(b, i);
    }
    if (index == 0)
        return b->schedule->start >= 0 ? copy_golden(b, b->schedule->start, from) : BS_OK;
    for (int k = 0; k < s[-1].n_live; k++)
        BS_TRY(copy_golden(b, s[-1].live[k], from));
    return BS_OK;
}

/* Has trials join after a step, before sites go into its output. */
static bs_status join_after(bs_pass *b, const bs_step *s)
{
    bs_replayer *p = b->p;
    int from = p->n;
    for (int i = 0; i < b->t->n; i++)
        if (p->position[i] < 0 && has_sites(b, i, s->injects))
            add(b, i);
    BS_TRY(copy_golden(b, s->out, from));
    for (int k = 0; k < s->n_live; k++)
        if (s->live[k] != s->out)
            BS_TRY(copy_golden(b, s->live[k], from));
    return BS_OK;
}

/* --- Computing --- */

/* Finds the inputs of a step from position `from` on. */
static void find_inputs(bs_pass *b, const bs_step *s, int from)
{
    const bs_node *node = bs_step_node(b->p->golden->graph, s);
    for (int k = 0; k < node->n_in; k++) {
        b->p->in[k] = (bs_view){NULL, NULL};
        if (s->source[k] >= 0)
            b->p->in[k].base =
                bs_pass_rows(b, s->source[k]) + (size_t)from * b->schedule->buffers[s->source[k]].row_bytes;
        else if (s->source[k] == BS_FROM_GOLDEN)
            b->p->in[k] = (bs_view){b->p->golden->rows[node->in[k]], b->p->row + from};
    }
}

/* Runs a step with faulty parameters on all positions from `from` on. only: the one that has sites in trials
 * that have just joined, whose other inputs are golden; -1: any. */
static bs_status run_faulty(bs_pass *b, const bs_step *s, int from, int only, void *out)
{
    bs_replayer *p = b->p;
    const bs_golden *golden = p->golden;
    int n = p->n - from, lists = 0;
    size_t sites = 0, used = 0;
    for (int i = 0; i < s->n_faulty; i++)
        sites += count_sites(b, from, n, s->faulty[i].target);
    BS_TRY(reserve(b, sites, s->n_faulty, n));
    for (int i = 0; i < s->n_faulty; i++)
        if (only < 0 ? count_sites(b, from, n, s->faulty[i].target) > 0 : i == only) {
            p->faulty[lists] = (bs_faulty_input){s->faulty[i].input,
                                                 list_sites(b, from, n, s->faulty[i].target, lists, &used)};
            lists++;
        }
    if (lists == 0) {
        p->macs += (double)s->macs * n;
        return golden->backend->run(golden->stream, s->node, n, p->in, out);
    }
    bool quick = only >= 0 && !b->t->dense_parameters && b->schedule->mode != BS_REPLAY_FULL;
    p->macs += quick ? bs_pass_quick_macs(b, s, n, &p->faulty[0].faults) : (double)s->macs * n;
    const bs_view clean = {golden->rows[golden->graph->nodes[s->node].out], p->row + from};
    BS_TRY(golden->backend->run_faulty(golden->stream, s->node, lists, p->faulty, n, p->in, clean,
                                       quick ? BS_FAULTY_CHANNELS : BS_FAULTY_DENSE, out));
    return hand_before(b, used);
}

/* Returns whether the output is golden at all positions from `from` on, since all that it depends on is. */
static bool is_golden(const bs_pass *b, const bs_step *s, int from)
{
    const bs_replayer *p = b->p;
    if (s->copied)
        return true;
    if (b->schedule->mode == BS_REPLAY_FULL || b->t->keep_masked)
        return false;
    for (int k = 0; k < s->n_inputs; k++)
        for (int i = from; s->source[k] >= 0 && i < p->n; i++)
            if (!bs_pass_equal(b, s->source[k])[i])
                return false;
    for (int k = 0; k < s->n_faulty; k++)
        if (count_sites(b, from, p->n - from, s->faulty[k].target) > 0)
            return false;
    return true;
}

/* Computes a step's output on all positions from `from` on. */
static bs_status run(bs_pass *b, const bs_step *s, int from, int only)
{
    bs_replayer *p = b->p;
    const bs_golden *golden = p->golden;
    int n = p->n - from;
    if (n == 0)
        return BS_OK;
    if (is_golden(b, s, from))
        return copy_golden(b, s->out, from);
    char *out = bs_pass_rows(b, s->out) + (size_t)from * b->schedule->buffers[s->out].row_bytes;
    find_inputs(b, s, from);
    if (s->n_faulty > 0)
        return run_faulty(b, s, from, only, out);
    p->macs += (double)s->macs * n;
    if (s->region >= 0)
        return golden->backend->run_region(golden->stream, s->region, n, NULL, p->in, out);
    return golden->backend->run(golden->stream, s->node, n, p->in, out);
}

bs_status bs_joins_step(bs_pass *b, int index)
{
    bs_replayer *p = b->p;
    const bs_step *s = &b->schedule->steps[index];
    BS_TRY(bs_pass_expand(b, s));
    BS_TRY(run(b, s, 0, -1));
    for (int only = -1; s->n_faulty > 0 && only < s->n_faulty; only++) {
        int from = p->n;
        BS_TRY(join_before(b, index, only));
        BS_TRY(run(b, s, from, only));
    }
    if (s->injects >= 0) {
        BS_TRY(join_after(b, s));
        BS_TRY(inject(b, s->injects, s->out));
    }
    if (p->n == 0)
        return BS_OK;
    BS_TRY(bs_pass_compare_step(b, s));
    if (!bs_pass_checks(b, s))
        return BS_OK;
    return bs_pass_look(b, index, index);
}

bs_status bs_joins_start(bs_pass *b)
{
    bs_replayer *p = b->p;
    const bs_schedule *s = b->schedule;
    const bs_view *given = &b->segment->from;
    bool all = s->mode == BS_REPLAY_FULL || b->t->keep_masked;
    p->n = 0;
    for (int i = 0; i < b->t->n; i++) {
        bool any, starts = all || (given->base && given->rows[i] >= 0);
        p->position[i] = -1;
        p->last[i] = find_last(b, i, &any);
        if (starts)
            add(b, i);
        else if (!any)
            bs_replay_settle_golden(p->golden, s, b->t, i);
    }
    if (s->start < 0)
        return BS_OK;
    if (given->base) {
        for (int i = 0; i < p->n; i++)
            p->scratch[0][i] = given->rows[p->trial[i]];
        memset(bs_pass_equal(b, s->start), 0, (size_t)p->n);
        if (p->n > 0)
            BS_TRY(p->golden->backend->copy_rows(p->golden->stream, s->buffers[s->start].tensor, p->n,
                                                 (bs_view){given->base, p->scratch[0]},
                                                 bs_pass_rows(b, s->start)));
    } else {
        BS_TRY(copy_golden(b, s->start, 0));
    }
    if (s->start_injects < 0)
        return BS_OK;
    int from = p->n;
    for (int i = 0; i < b->t->n; i++)
        if (p->position[i] < 0 && has_sites(b, i, s->start_injects))
            add(b, i);
    BS_TRY(copy_golden(b, s->start, from));
    BS_TRY(inject(b, s->start_injects, s->start));
    if (p->n == 0)
        return BS_OK;
    BS_TRY(bs_pass_compare(b, s->start));
    return bs_pass_look(b, -1, -1);
}
