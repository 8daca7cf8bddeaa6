#include "base/buf.h"
#include "base/text.h"
#include "base/phase.h"
#include "base/resources.h"
#include "campaign/proof.h"
#include "campaign/pilot.h"
#include "cli/cli.h"
#include "model/label.h"
#include "cli/strata_list.h"
#include "store/identity.h"
#include "store/rounds.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Measured with SQLite 3.40: a masked trial takes about 30 bytes, one with an answer about 110. */
static const double row_bytes = 69.0;
/* Of a raw ranking beside its classes, of a site of a trial that hits several targets, and of a file without
 * trials. */
static const double ranking_bytes = 20.0, site_bytes = 40.0, empty_bytes = 0.5e6;

/* The time that the pilot run takes: at least this, and more for networks whose start takes long, too. */
static const double pilot_seconds = 4.0, pilot_share = 0.5;

/* What is expected of a run of the job, in seconds. */
typedef struct estimate {
    double start, work; /* until the first trial; the trials */
    double macs, bytes;
} estimate;

/* The proofs, in golden runs, divided among the workers: what every trial needs, before the first one; then
 * of each schedule that is still to be proven, in runs of the stretch that it covers. Measured with
 * SqueezeNet, ResNet-50 and VGG-19. */
enum { FIRST_PROOFS = 50, DENSE_PROOFS = 5, PATCHED_PROOFS = 4 };
/* A run also opens its result file, and closes it. */
static const double file_seconds = 0.03;

static double result_bytes(const bs_session *s)
{
    double bytes = empty_bytes + (double)s->plan->trials * row_bytes;
    if (s->job->top_k > 0) /* of the trials with an answer, about half */
        bytes += (double)s->plan->trials / 2 * (ranking_bytes + 8.0 * bs_identity_top_k(s->plan));
    for (int i = 0; i < s->plan->n_strata; i++) {
        const bs_stratum *t = &s->plan->strata[i];
        double most = s->job->entries[t->entry].store_sites;
        if (t->n_parts > 0)
            bytes +=
                (double)bs_plan_stratum_trials(s->plan, t) * fmin(bs_stratum_sites(t), most) * site_bytes;
    }
    return bytes;
}

/* A run begins as this command did, up to the proofs. */
static bs_status make_estimate(const bs_session *s, bs_engine *e, estimate *out)
{
    bs_pilot r;
    bs_proofs *proofs;
    BS_TRY(bs_proofs_create(&proofs, e, NULL, BS_PROOF_AUTO));
    bs_proof_forecast f = bs_proofs_forecast(proofs);
    out->start = bs_resources_clock() - bs_phases_start() + file_seconds;
    bs_phase("pilot run");
    bs_status st = bs_pilot_run(&r, e, &s->input, pilot_seconds + pilot_share * out->start);
    bs_phase(NULL);
    bs_proofs_free(proofs);
    BS_TRY(st);
    double golden = r.golden_seconds / e->threads;
    out->start += f.start ? FIRST_PROOFS * golden : 0.0;
    out->work = file_seconds + r.work_seconds + DENSE_PROOFS * f.dense * golden +
                fmin(PATCHED_PROOFS * f.patched * golden, r.work_seconds);
    out->macs = r.macs;
    out->bytes = result_bytes(s);
    return BS_OK;
}

/* Says why a stratum needs more trials or not. */
static const char *verdict(const bs_plan *p, int stratum, const bs_round *r)
{
    if (r->trials == 0)
        return "no trials yet";
    if (r->exhausted)
        return r->all_images ? "all faults tried" : "all faults tried on these images";
    if (!(r->margin > 0) && !(r->relative > 0))
        return "no margin wanted";
    if (r->narrow)
        return r->all_images ? "reached" : "reached on these images";
    if (p->job->entries[p->strata[stratum].entry].sites)
        return "not reached: a list of sites";
    if (r->next == r->now)
        return r->enough ? "not run in full" : "not reached: no more trials can be numbered";
    if (!(r->margin > 0) && !(r->rate > 0))
        return "more: no relative margin without an SDC-1";
    return r->enough ? "more" : "more, at most threefold";
}

static void print_margin(const bs_round *r)
{
    char text[48] = "-";
    if (r->margin > 0 && r->relative > 0)
        snprintf(text, sizeof text, "%g|%g%%", r->margin, 100 * r->relative);
    else if (r->margin > 0)
        snprintf(text, sizeof text, "%g", r->margin);
    else if (r->relative > 0)
        snprintf(text, sizeof text, "%g%%", 100 * r->relative);
    printf(" %12s", text);
}

static void print_round(const bs_plan *p, const bs_strata_list *l, int i, const bs_round *r)
{
    const bs_stratum *s = &p->strata[i];
    printf("%5d  %6d  %-*s  %10llu", p->job->entries[s->entry].id, s->target, l->width,
           bs_strata_list_name(l, i), (unsigned long long)r->trials);
    if (isinf(r->observations))
        printf(" %10s", "all");
    else
        printf(" %10.*f", r->observations == floor(r->observations) ? 0 : 1, r->observations);
    printf(" %9.5f", r->rate);
    if (isinf(r->observations))
        printf(" %9s %9s", "-", "-");
    else
        printf(" %9.5f %9.5f", r->low, r->high);
    print_margin(r);
    printf(" %9u %9u  %s\n", r->now, r->next, verdict(p, i, r));
}

static bool is_done(const bs_round *r)
{
    return r->narrow || r->exhausted;
}

/* The largest next round of an entry's strata, and what it may promise. */
static void print_next(const bs_plan *p, const bs_round *rounds, int first)
{
    int entry = p->strata[first].entry;
    uint32_t now = 0, next = 0;
    bool enough = true;
    for (int k = first; k < p->n_strata && p->strata[k].entry == entry; k++) {
        const bs_round *r = &rounds[k];
        now = p->strata[k].repetitions > now ? p->strata[k].repetitions : now;
        next = r->next > next && !is_done(r) ? r->next : next;
        enough &= r->enough || is_done(r);
    }
    if (next > now)
        printf("entry %d: 'trials: %u' is the next round; %s\n", p->job->entries[entry].id, next,
               enough ? "it reaches the margin if the rates stay what they are"
                      : "more may follow, as a round grows at most threefold");
}

static void print_rounds(const bs_plan *p, const bs_strata_list *l, const bs_round *rounds)
{
    bool one = true;
    for (int i = 1; i < p->n_strata; i++)
        one &= rounds[i].confidence == rounds[0].confidence;
    printf("SDC-1 rates with bounds (n: trials, of parameters faults) at confidence");
    for (int i = 0; i < p->n_strata; i++)
        if (i == 0 || (!one && p->strata[i - 1].entry != p->strata[i].entry))
            one ? printf(" %g", rounds[i].confidence)
                : printf("%s %g (entry %d)", i > 0 ? "," : "", rounds[i].confidence,
                         p->job->entries[p->strata[i].entry].id);
    printf("\n%5s  %6s  %-*s  %10s %10s %9s %9s %9s %12s %9s %9s  %s\n", "entry", "target", l->width, "name",
           "trials", "n", "sdc1", "low", "high", "margin", "per image", "next", "");
    for (int i = 0; i < p->n_strata; i++)
        print_round(p, l, l->stratum[i], &rounds[l->stratum[i]]);
    bs_strata_list_note(l);
    for (int i = 0; i < p->n_strata; i++)
        if (i == 0 || p->strata[i - 1].entry != p->strata[i].entry)
            print_next(p, rounds, i);
}

static void json_or_null(bs_str *t, const char *key, bool given, double v)
{
    if (given)
        bs_str_printf(t, ", \"%s\": %.9g", key, v);
    else
        bs_str_printf(t, ", \"%s\": null", key);
}

static void print_rounds_json(const bs_plan *p, const bs_strata_list *l, const bs_round *rounds)
{
    bs_str t = {0};
    for (int place = 0; place < p->n_strata; place++) {
        int i = l->stratum[place];
        const bs_stratum *s = &p->strata[i];
        const bs_round *r = &rounds[i];
        t.len = 0;
        bs_str_printf(&t, "{\"entry\": %d, \"target\": %d, \"name\": ", p->job->entries[s->entry].id,
                      s->target);
        bs_str_json(&t,
                    s->n_parts > 0 ? "network" : p->graph->tensors[p->graph->targets[s->target].tensor].name);
        bs_str_printf(&t, ", \"trials\": %llu, \"unit\": \"%s\"", (unsigned long long)r->trials,
                      r->is_parameter ? "fault" : "trial");
        bool census = isinf(r->observations);
        json_or_null(&t, "observations", !census, r->observations);
        json_or_null(&t, "sdc1", r->trials > 0, r->rate);
        json_or_null(&t, "low", !census, r->low);
        json_or_null(&t, "high", !census, r->high);
        json_or_null(&t, "margin", r->margin > 0, r->margin);
        json_or_null(&t, "relative_margin", r->relative > 0, r->relative);
        bs_str_printf(&t,
                      ", \"confidence\": %.9g, \"per_image\": %u, \"next\": %u, \"census\": %s, "
                      "\"reached\": %s, \"enough\": %s, \"verdict\": \"%s\"}",
                      r->confidence, r->now, r->next, census ? "true" : "false",
                      is_done(r) && r->all_images ? "true" : "false",
                      r->enough || is_done(r) ? "true" : "false", verdict(p, i, r));
        puts(t.ptr ? t.ptr : "");
    }
    bs_str_clear(&t);
}

static bs_status next_round(const bs_args *args, const bs_plan *plan, const char *db)
{
    bs_round *rounds = NULL;
    bs_strata_list l;
    bs_rounds_goal goal = {.confidence = 0.95};
    BS_TRY(bs_option_share(args, "margin", &goal.margin));
    BS_TRY(bs_option_share(args, "relative-margin", &goal.relative));
    BS_TRY(bs_option_share(args, "confidence", &goal.confidence));
    for (int e = 0; e < plan->job->n_entries && goal.margin == 0 && goal.relative == 0; e++) {
        const bs_entry *entry = &plan->job->entries[e];
        if (!(entry->margin > 0) && !(entry->relative_margin > 0) && !entry->sites) {
            bs_fail(BS_USAGE, "fault entry %d gives no margin of error", entry->id);
            return bs_hint("add --margin 0.01 or --relative-margin 0.2, say, or the key 'margin' or "
                           "'relative_margin' to the entry");
        }
    }
    BS_TRY(bs_strata_list_make(&l, plan, 24));
    bs_status st = bs_rounds_plan(&rounds, plan, db, &goal);
    if (st == BS_OK && bs_option_value(args, "json"))
        print_rounds_json(plan, &l, rounds);
    else if (st == BS_OK)
        print_rounds(plan, &l, rounds);
    free(rounds);
    bs_strata_list_clear(&l);
    return st;
}

static bs_status print_estimate(const bs_session *s, const bs_engine *e, const estimate *t, bool json)
{
    bs_strata_list l;
    unsigned long long trials = (unsigned long long)s->plan->trials;
    if (json) {
        printf("{\"trials\": %llu, \"strata\": %d, \"images\": %u, \"macs\": %.6g, \"seconds\": %.6g, "
               "\"start_seconds\": %.6g, \"work_seconds\": %.6g, \"bytes\": %.0f}\n",
               trials, s->plan->n_strata, s->plan->n_images, t->macs, t->start + t->work, t->start, t->work,
               t->bytes);
        return BS_OK;
    }
    BS_TRY(bs_strata_list_make(&l, s->plan, 32));
    bs_strata_list_print(&l);
    bs_strata_list_clear(&l);
    printf("\n%llu trials on %u images, %.3g GMAC, about %.*f s to start and %.*f s of work on '%s' with %d "
           "worker(s), about %.1f MB\n",
           trials, s->plan->n_images, t->macs * 1e-9, t->start < 10, t->start, t->work < 10, t->work,
           e->info.name, e->threads, t->bytes * 1e-6);
    return BS_OK;
}

static bs_status run(const bs_args *args)
{
    bs_session s;
    bs_engine *e = NULL;
    bs_engine_options o = {
        .device = bs_option_value(args, "device"), .mode = BS_REPLAY_DELTA, .proves = true, .timed = true};
    estimate t;
    bs_status st = bs_option_int(args, "threads", 1, 1024, &o.threads);
    if (st != BS_OK)
        return st;
    BS_TRY(bs_session_open(&s, args->operand[0]));
    bs_session_ask_device(&s, &o);
    bs_plan_note_storage(s.plan);
    if (bs_option_value(args, "sites"))
        BS_TRY_GOTO(bs_plan_write_sites(s.plan, bs_option_value(args, "sites")), out);
    if (bs_option_value(args, "db")) {
        st = next_round(args, s.plan, bs_option_value(args, "db"));
        goto out;
    }
    BS_TRY_GOTO(bs_open_cache(&o.cache, args), out);
    BS_TRY_GOTO(bs_engine_open(&e, s.graph, s.plan, &o), out);
    BS_TRY_GOTO(bs_input_try(&s.input, e), out);
    BS_TRY_GOTO(make_estimate(&s, e, &t), out);
    st = print_estimate(&s, e, &t, bs_option_value(args, "json") != NULL);
out:
    bs_engine_close(e);
    bs_cache_close(o.cache);
    bs_session_close(&s);
    return st;
}

static const bs_option options[] = {
    {"db", "FILE", "what FILE has reached, and the trials that the next round needs for the margin of error"},
    {"margin", "E", "with --db: half the width of the SDC-1 intervals, where the job gives none"},
    {"relative-margin", "R",
     "with --db: the same as a share of the SDC-1 rate; meeting the wider of the two is enough"},
    {"confidence", "C", "with --margin and --relative-margin: their confidence (default 0.95)"},
    {"sites", "FILE", "write every planned fault site as CSV, readable as an explicit site list"},
    {"device", "NAME", "device to estimate for: auto, cpu, cuda, null"},
    {"threads", "N", "workers to estimate for"},
    BS_CACHE_OPTIONS,
    {"json", NULL, "the totals as one JSON object"},
    {NULL, NULL, NULL},
};

static const bs_exit exits[] = {
    {BS_NO_DEVICE, "there is no such device, or it was lost"},
    {BS_OK, NULL},
};

const bs_command bs_cmd_plan = {
    .name = "plan",
    .usage = "JOB",
    .summary = "show what a job would do: targets, trials, time, file size",
    .details =
        "Resolves the targets of the job and counts its trials, and estimates how long a run takes "
        "and how large the result file becomes. The start is everything up to the first trial, "
        "measured here, and the first proofs. The work comes from a pilot run of some seconds: a few trials "
        "of as many targets as it has the time for run on the job's first images, on all workers. "
        "Proofs that the cache has are left out. "
        "Expect up to a third more or less, and more on a busy machine. Targets with more trials than "
        "there are "
        "different faults are pointed out: repeated faults tell nothing new. Trials that hit several "
        "targets in one inference are those of `network`; how many targets and sites they hit stands below "
        "the table.\n"
        "\n"
        "With `--sites` every site of the plan is written as CSV. Used as `sites` in a job, that "
        "file gives the same trials, bit for bit.\n"
        "\n"
        "With `--db` it shows what a result file has reached: the interval of each target's SDC-1 "
        "rate, whether it is narrow enough, and the `trials` that the next round needs for the rate "
        "that was seen. It is enough to meet the wider of margin and relative margin. If no silent "
        "corruption was seen, the relative margin is ignored. Parameters count faults. A round has "
        "at most three times as many trials as before, so several rounds may follow. \"Reached on "
        "these images\" means that the job has images without trials. Raise `trials` in the job and "
        "run it again: only the new trials are computed.",
    .examples = "    bitsink plan job.yaml\n"
                "    bitsink plan job.yaml --sites sites.csv\n"
                "    bitsink plan job.yaml --db result.db --margin 0.01",
    .see_also = "bitsink-run(1) bitsink-job(5)",
    .min_operands = 1,
    .max_operands = 1,
    .options = options,
    .exits = exits,
    .run = run,
};
