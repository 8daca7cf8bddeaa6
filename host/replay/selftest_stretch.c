/* Compares a schedule with whole nodes run alone, on the stretch of the network from its fault to the first
 * bottleneck after which it computes whole tensors only. */
#include "base/buf.h"
#include "replay/selftest_trials.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Device rows: one of a trial alone; of each trial in the batch; to start from. */
enum { ALONE, BATCH, START, KINDS };

/* The batch runs twice: with masked trials kept, and as in a campaign, with masked ones dropped. The orders
 * give nearly every place a trial whose rows neither NaN nor infinity fills, where a single wrong value
 * shows. */
static const int orders[2][BS_TEST_TRIALS] = {{5, 3, 1, 6, 4, 2, 0}, {6, 0, 4, 5, 1, 3, 2}};
/* Of the trials alone, whose places are their numbers. */
static const int in_order[BS_TEST_TRIALS] = {0, 1, 2, 3, 4, 5, 6};

typedef struct stretch {
    const bs_selftest *t;
    const bs_golden *golden;
    const bs_schedule *schedule; /* the one checked */
    int steps;
    bool at_cut_point;
    int end;            /* the last tensor */
    bs_schedule *alone; /* the reference */
    bs_test_batch batch, reference;
    const int *order;                    /* of the batch: by place, the trial */
    int group;                           /* trials that run together */
    bool have[BS_TEST_TRIALS];           /* by trial: it has been run alone */
    char *rows[KINDS];                   /* device */
    uint32_t before[2 * BS_TEST_TRIALS]; /* by site: the word that was there */
    int32_t bounds[BS_TEST_TRIALS][4], at[2][BS_TEST_TRIALS], start_row[BS_TEST_TRIALS];
    bs_plane *planes;                             /* by tensor */
    float *host_alone, *host_batch, *host_golden; /* rows: of each trial, one, of each image */
    bs_selftest_result *out;
} stretch;

int bs_selftest_steps(const bs_schedule *schedule, const bs_graph *g, const bool *bottleneck)
{
    int first = bs_schedule_maskable(schedule);
    for (int i = first; i < schedule->n_steps; i++)
        if (schedule->steps[i].patched && !schedule->buffers[schedule->steps[i].out].fixed)
            first = i + 1;
    for (int i = first; i < schedule->n_steps; i++)
        if (bottleneck[g->nodes[schedule->steps[i].node].out])
            return i + 1;
    return schedule->n_steps;
}

static bool is_full(const stretch *s)
{
    return s->schedule->mode == BS_REPLAY_FULL;
}

static const bs_graph *graph(const stretch *s)
{
    return s->golden->graph;
}

static int faulty_tensor(const stretch *s)
{
    return graph(s)->targets[s->schedule->target].tensor;
}

/* Returns the last bottleneck before the fault, or the faulty tensor if it is one. */
static int find_start(const stretch *s)
{
    const bs_graph *g = graph(s);
    int faulty = faulty_tensor(s), from = g->input;
    if (s->t->bottleneck[faulty])
        return faulty;
    for (int i = 0; i < g->n_nodes && g->nodes[i].out != faulty; i++) {
        for (int k = 0; k < g->nodes[i].n_in; k++)
            if (g->nodes[i].in[k] == faulty)
                return from;
        if (s->t->bottleneck[g->nodes[i].out])
            from = g->nodes[i].out;
    }
    return from;
}

/* Finds the number of trials that run together, and the places of rows. */
static bs_status divide(stretch *s)
{
    const bs_golden *golden = s->golden;
    int most;
    size_t room = bs_replayer_room(s->t->replayer, &most);
    const bs_schedule *batch = is_full(s) ? s->alone : s->schedule;
    s->group = bs_selftest_group(batch, most, room);
    if (s->alone->row_bytes > room || batch->row_bytes > room) {
        bs_fail(BS_ERR, "the self-test's trials do not fit into the %zu MiB of memory allowed", room >> 20);
        return bs_hint("use fewer --threads, or a machine (or cgroup) with more memory");
    }
    size_t row = bs_test_aligned(golden->backend->row_bytes(golden->network, s->end));
    s->rows[ALONE] = s->t->rows;
    s->rows[BATCH] = s->rows[ALONE] + row;
    s->rows[START] = s->rows[BATCH] + (size_t)s->group * row;
    return BS_OK;
}

/* Copies a row of the last tensor to the host. What nothing depends on is cleared. */
static bs_status fetch(const stretch *s, const void *row, float *out)
{
    const bs_golden *golden = s->golden;
    BS_TRY(golden->backend->download(golden->stream, s->end, row, out));
    for (int64_t i = 0; i < golden->graph->tensors[s->end].elements; i++)
        if (!bs_plane_is_needed(&s->planes[s->end], i))
            out[i] = 0;
    return BS_OK;
}

static bs_status stretch_open(stretch *s, const bs_selftest *t, const bs_schedule *schedule, int steps,
                              bool at_cut_point, bs_selftest_result *out)
{
    const bs_golden *golden = bs_replayer_golden(t->replayer);
    const bs_graph *g = golden->graph;
    const bs_backend *be = golden->backend;
    *s = (stretch){.t = t, .golden = golden, .schedule = schedule, .steps = steps, .out = out};
    s->at_cut_point = at_cut_point;
    s->end = steps > 0 ? g->nodes[schedule->steps[steps - 1].node].out : faulty_tensor(s);
    int from = find_start(s);
    const bs_schedule_request request = {
        .target = schedule->target, .mode = BS_REPLAY_FULL, .until = s->end, .from = &from};
    BS_TRY(bs_schedule_create_as(&s->alone, g, be, t->network, &request));
    bs_test_batch_fill(&s->reference, schedule, &g->tensors[faulty_tensor(s)], in_order, BS_TEST_TRIALS);
    size_t n = (size_t)g->tensors[s->end].elements;
    BS_TRY(bs_planes_choose(&s->planes, g));
    BS_TRY(bs_calloc(&s->host_alone, n * BS_TEST_TRIALS, sizeof(float), "self-test"));
    BS_TRY(bs_calloc(&s->host_batch, n, sizeof(float), "self-test"));
    BS_TRY(bs_calloc(&s->host_golden, n * BS_PROBE_IMAGES, sizeof(float), "self-test"));
    size_t row = be->row_bytes(golden->network, s->end);
    for (int i = 0; i < BS_PROBE_IMAGES; i++)
        BS_TRY(
            fetch(s, (const char *)golden->rows[s->end] + (size_t)i * row, s->host_golden + (size_t)i * n));
    return divide(s);
}

static void stretch_close(stretch *s)
{
    bs_schedule_free(s->alone);
    free(s->planes);
    free(s->host_alone);
    free(s->host_batch);
    free(s->host_golden);
}

static const float *alone_row(const stretch *s, int trial)
{
    return s->host_alone + (size_t)trial * (size_t)graph(s)->tensors[s->end].elements;
}

/* Has trials of the group run alone along whole nodes, each once. */
static bs_status run_alone(stretch *s, int from, int n)
{
    for (int k = 0; k < n; k++) {
        int i = s->order[from + k], survivor;
        if (s->have[i])
            continue;
        bs_trial_batch one = bs_test_batch_part(&s->reference, i, 1, true);
        bs_segment_batch segment = {
            .schedule = s->alone, .trials = &one, .to = s->rows[ALONE], .survivor = &survivor};
        BS_TRY(bs_replay_segment(s->t->replayer, &segment));
        BS_TRY(fetch(s, s->rows[ALONE], (float *)alone_row(s, i)));
        s->have[i] = true;
    }
    return BS_OK;
}

/* Makes rows of the cut point with the faults of the trials. */
static bs_status make_start_rows(stretch *s, const bs_trial_batch *t)
{
    const bs_golden *golden = s->golden;
    int tensor = faulty_tensor(s);
    const bs_view clean = {golden->rows[tensor], t->golden_row};
    BS_TRY(golden->backend->copy_rows(golden->stream, tensor, t->n, clean, s->rows[START]));
    bs_faults faults = t->faults;
    faults.before = s->before;
    BS_TRY(golden->backend->inject(golden->stream, tensor, t->n, s->rows[START], &faults));
    return bs_backend_wait(golden->backend, golden->stream);
}

/* Lists the sites of trial i that change their values; returns how many. In types of few bits a fault may
 * well write the value that is there. */
static size_t find_changes(const stretch *s, const bs_trial_batch *t, int i, bs_site changed[2])
{
    size_t n = 0;
    for (uint32_t k = t->faults.first[i]; k < t->faults.first[i + 1]; k++)
        if (bs_site_apply(t->faults.sites[k], s->before[k]) != s->before[k])
            changed[n++] = t->faults.sites[k];
    return n;
}

/* Measures the rows' changes as a campaign does. They must be measured as they are: those that are measured
 * too narrow take another schedule. */
static bs_status measure(stretch *s, const bs_trial_batch *t)
{
    const bs_golden *golden = s->golden;
    int tensor = faulty_tensor(s);
    const bs_view clean = {golden->rows[tensor], t->golden_row};
    BS_TRY(golden->backend->bounds(golden->stream, tensor, t->n, (bs_view){s->rows[START], NULL}, clean,
                                   s->bounds));
    for (int i = 0; i < t->n; i++) {
        int32_t at[2];
        int size[2];
        bs_site changed[2];
        bs_schedule_span(s->schedule, changed, find_changes(s, t, i, changed), at, size);
        for (int a = 0; a < 2; a++) {
            s->at[a][i] = s->bounds[i][a];
            s->out->exact &= s->bounds[i][a] == at[a] && s->bounds[i][2 + a] == size[a];
        }
    }
    if (!s->out->exact)
        snprintf(s->out->what, sizeof s->out->what, "changes in it are not measured as they are");
    return BS_OK;
}

/* Checks the measuring of changes of all sizes, since every trial of the segment is measured before it takes
 * a schedule. */
static bs_status check_measuring(stretch *s)
{
    const bs_tensor *faulty = &graph(s)->tensors[faulty_tensor(s)];
    const int *plane = s->schedule->plane;
    int most = plane[0] > plane[1] ? plane[0] : plane[1];
    for (int extent = 1; extent < 2 * most && s->out->exact; extent += extent < 4 ? 1 : extent) {
        bs_schedule other = *s->schedule;
        for (int a = 0; a < 2; a++)
            other.extent[a] = extent < plane[a] ? extent : plane[a];
        bs_test_batch_fill(&s->batch, &other, faulty, in_order, BS_TEST_TRIALS);
        for (int k = 0; k < BS_TEST_TRIALS; k += s->group) {
            bs_trial_batch t = bs_test_batch_part(
                &s->batch, k, BS_TEST_TRIALS - k < s->group ? BS_TEST_TRIALS - k : s->group, true);
            BS_TRY(make_start_rows(s, &t));
            BS_TRY(measure(s, &t));
        }
    }
    return BS_OK;
}

/* Starts trials at the cut point as a campaign does. */
static bs_status start_at_cut_point(stretch *s, const bs_trial_batch *t, bs_segment_batch *segment)
{
    BS_TRY(make_start_rows(s, t));
    segment->from = (bs_view){s->rows[START], s->start_row};
    for (int i = 0; i < t->n; i++) { /* a trial without a change was masked before */
        bs_site changed[2];
        s->start_row[i] = i;
        t->result[i].died_at = find_changes(s, t, i, changed) == 0 ? s->schedule->target : -1;
    }
    for (int a = 0; a < 2; a++)
        segment->at[a] = s->at[a];
    return s->schedule->plane[0] > 0 ? measure(s, t) : BS_OK;
}

/* Runs n trials in a batch along the schedule. Sets survivor[k] to the place of row k in the group. */
static bs_status run_batch(stretch *s, int from, int n, bool keep_masked, int *survivor, int *n_survivors)
{
    bs_trial_batch t = bs_test_batch_part(&s->batch, from, n, keep_masked || is_full(s));
    bs_segment_batch segment = {
        .schedule = s->schedule, .trials = &t, .steps = s->steps, .to = s->rows[BATCH], .survivor = survivor};
    if (is_full(s)) {
        segment.schedule = s->alone;
        segment.steps = 0;
    } else if (s->at_cut_point) {
        BS_TRY(start_at_cut_point(s, &t, &segment));
    }
    if (s->out->exact)
        BS_TRY(bs_replay_segment(s->t->replayer, &segment));
    *n_survivors = segment.n_survivors;
    return BS_OK;
}

static bool equal_rows(const stretch *s, const float *a, const float *b)
{
    return memcmp(a, b, (size_t)graph(s)->tensors[s->end].elements * sizeof *a) == 0;
}

static const char *end_name(const stretch *s)
{
    return graph(s)->tensors[s->end].name;
}

/* Checks the reference: where the replay says that the trial is masked, its row must be golden, and nowhere
 * else. */
static void compare_with_golden(stretch *s, int i)
{
    bool masked = s->reference.result[i].died_at >= 0;
    size_t image = (size_t)s->reference.row[i] * (size_t)graph(s)->tensors[s->end].elements;
    if (equal_rows(s, alone_row(s, i), s->host_golden + image) == masked)
        return;
    s->out->exact = s->out->reproducible = false;
    if (i == 0)
        snprintf(s->out->what, sizeof s->out->what,
                 "a fault-free re-run of one image differs from the golden run at '%.80s'", end_name(s));
    else
        snprintf(s->out->what, sizeof s->out->what, "test fault %d, alone: '%.80s' %s, but counts as %s", i,
                 end_name(s), masked ? "differs from golden" : "equals golden",
                 masked ? "masked" : "changed");
}

static void compare_rows(stretch *s, int i)
{
    size_t differ = 0, n = (size_t)graph(s)->tensors[s->end].elements;
    for (size_t e = 0; e < n; e++)
        differ += bs_float_bits(alone_row(s, i)[e]) != bs_float_bits(s->host_batch[e]);
    if (differ == 0)
        return;
    s->out->exact = false;
    snprintf(s->out->what, sizeof s->out->what, "test fault %d: %zu of %zu values of '%.80s' differ", i,
             differ, n, end_name(s));
}

/* Compares the group's trials with those alone. Trials that were not kept must be masked there, too. */
static bs_status compare_group(stretch *s, int from, int n, const int *survivor, int n_survivors)
{
    const bs_golden *golden = s->golden;
    size_t row = golden->backend->row_bytes(golden->network, s->end);
    for (int k = 0; k < n_survivors && s->out->exact; k++) {
        int i = s->order[from + survivor[k]];
        BS_TRY(fetch(s, s->rows[BATCH] + (size_t)k * row, s->host_batch));
        if (s->order == orders[0])
            compare_with_golden(s, i);
        if (s->out->exact)
            compare_rows(s, i);
    }
    for (int k = 0; k < n && s->out->exact; k++) {
        int i = s->order[from + k];
        if (s->batch.result[from + k].died_at == s->reference.result[i].died_at)
            continue;
        s->out->exact = false;
        snprintf(s->out->what, sizeof s->out->what, "test fault %d: it is masked at another node", i);
    }
    return BS_OK;
}

static bs_status check_group(stretch *s, int from, int n, bool keep_masked)
{
    int survivor[BS_TEST_TRIALS], n_survivors = 0;
    BS_TRY(run_alone(s, from, n));
    BS_TRY(run_batch(s, from, n, keep_masked, survivor, &n_survivors));
    return s->out->exact ? compare_group(s, from, n, survivor, n_survivors) : BS_OK;
}

static bs_status check_order(stretch *s, int which)
{
    const bs_tensor *faulty = &graph(s)->tensors[faulty_tensor(s)];
    s->order = orders[which];
    bs_test_batch_fill(&s->batch, s->schedule, faulty, s->order, BS_TEST_TRIALS);
    for (int k = 0; s->out->exact && k < BS_TEST_TRIALS; k += s->group) {
        int n = BS_TEST_TRIALS - k < s->group ? BS_TEST_TRIALS - k : s->group;
        BS_TRY(check_group(s, k, n, which == 0));
    }
    return BS_OK;
}

bs_status bs_selftest_schedule(const bs_selftest *t, const bs_schedule *schedule, int steps,
                               bool at_cut_point, bs_selftest_result *out)
{
    stretch s;
    *out = (bs_selftest_result){.exact = true, .reproducible = true};
    bs_status st = stretch_open(&s, t, schedule, steps, at_cut_point, out);
    if (st == BS_OK && at_cut_point && schedule->plane[0] > 0)
        st = check_measuring(&s);
    for (int which = 0; st == BS_OK && which < 2; which++)
        st = check_order(&s, which);
    stretch_close(&s);
    return st;
}
