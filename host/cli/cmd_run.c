#include "base/text.h"
#include "base/log.h"
#include "base/phase.h"
#include "base/resources.h"
#include "campaign/campaign.h"
#include "campaign/proof.h"
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Makes "demo.db", in the working directory, of "demo.yaml". */
static void default_db(char *out, size_t len, const char *job_path)
{
    const char *base = strrchr(job_path, '/');
    base = base ? base + 1 : job_path;
    const char *dot = strrchr(base, '.');
    snprintf(out, len, "%.*s.db", dot && dot > base ? (int)(dot - base) : (int)strlen(base), base);
}

static bs_status read_options(const bs_args *args, bs_engine_options *o)
{
    const char *mode = bs_option_value(args, "replay");
    int m = mode ? bs_replay_mode_parse(mode) : BS_REPLAY_DELTA;
    if (m < 0)
        return bs_fail(BS_USAGE, "--replay takes full, suffix or delta, not '%s'", mode);
    o->mode = (bs_replay_mode)m;
    o->timed = true;
    o->device = bs_option_value(args, "device");
    o->several = true;
    BS_TRY(bs_option_part(args, "audit", &o->audit));
    BS_TRY(bs_option_int(args, "threads", 1, 1024, &o->threads));
    return bs_option_int(args, "batch", 1, 4096, &o->max_batch);
}

/* Reads "2/4": the second of four. */
static bs_status read_shard(const bs_args *args, bs_plan *plan)
{
    const char *text = bs_option_value(args, "shard");
    unsigned k, n;
    char rest;
    if (!text)
        return BS_OK;
    if (sscanf(text, "%u/%u%c", &k, &n, &rest) != 2 || k < 1 || n < 1 || k > n) {
        bs_fail(BS_USAGE, "--shard takes K/N with K from 1 to N, not '%s'", text);
        return bs_hint("--shard 1/4 to --shard 4/4 split a campaign into four");
    }
    return bs_plan_set_shard(plan, k - 1, n);
}

static bs_status read_selftest(const bs_args *args, bs_proof_when *out)
{
    static const char *const names[] = {
        [BS_PROOF_AUTO] = "auto", [BS_PROOF_ALWAYS] = "always", [BS_PROOF_OFF] = "off"};
    const char *text = bs_option_value(args, "self-test");
    *out = BS_PROOF_AUTO;
    for (int i = 0; text && i < (int)(sizeof names / sizeof *names); i++)
        if (strcmp(text, names[i]) == 0) {
            *out = (bs_proof_when)i;
            return BS_OK;
        }
    return text ? bs_fail(BS_USAGE, "--self-test takes auto, always or off, not '%s'", text) : BS_OK;
}

/* start: seconds until the first row was stored, -1: none was. */
static void print_summary(const bs_campaign_summary *sum, double start, const char *db, bs_status st,
                          bool json)
{
    double rate = sum->seconds > 0 ? (double)sum->done / sum->seconds : 0;
    if (json) {
        bs_str line = {0};
        bs_str_puts(&line, "{\"db\": ");
        bs_str_json(&line, db);
        bs_str_printf(&line,
                      ", \"planned\": %llu, \"found\": %llu, \"done\": %llu, \"seconds\": %.3f, "
                      "\"trials_per_second\": %.1f, \"broken\": %llu, \"left_out\": %llu, \"complete\": %s",
                      (unsigned long long)sum->planned, (unsigned long long)sum->found,
                      (unsigned long long)sum->done, sum->seconds, rate, (unsigned long long)sum->broken,
                      (unsigned long long)sum->left_out, st == BS_OK ? "true" : "false");
        bs_str_printf(&line, ", \"golden_labelled\": %llu, \"golden_correct\": %llu",
                      (unsigned long long)sum->golden.labelled, (unsigned long long)sum->golden.correct);
        start >= 0 ? bs_str_printf(&line, ", \"start_seconds\": %.3f}", start)
                   : bs_str_puts(&line, ", \"start_seconds\": null}");
        puts(line.ptr ? line.ptr : "");
        bs_str_clear(&line);
        return;
    }
    printf("%s: %llu of %llu trials, %llu of them by this run in %.1f s (%.0f trials/s)\n", bs_visible(db),
           (unsigned long long)(sum->found + sum->done), (unsigned long long)sum->planned,
           (unsigned long long)sum->done, sum->seconds, rate);
    bs_golden_accuracy_print(stdout, &sum->golden);
    if (sum->broken)
        printf("%llu image(s) cannot be read: %llu trials left out, table broken_image says why; repair the "
               "files and run again\n",
               (unsigned long long)sum->broken, (unsigned long long)sum->left_out);
}

static bs_status run(const bs_args *args)
{
    bs_session s;
    bs_engine *e = NULL;
    bs_proofs *proofs = NULL;
    bs_store *store = NULL;
    bs_engine_options o = {0};
    bs_campaign_summary summary;
    char fallback_db[512], times[16] = "";
    bs_str selftest = {0};
    bs_proof_when when;
    const char *db = bs_option_value(args, "db");
    default_db(fallback_db, sizeof fallback_db, args->operand[0]);
    db = db ? db : fallback_db;

    BS_TRY(read_options(args, &o));
    BS_TRY(read_selftest(args, &when));
    o.proves = when != BS_PROOF_OFF;
    bs_catch_signals();
    BS_TRY(bs_session_open(&s, args->operand[0]));
    bs_session_ask_device(&s, &o);
    bs_plan_note_storage(s.plan);
    bs_status st;
    if (!bs_option_value(args, "audit"))
        o.audit = s.job->audit;
    BS_TRY_GOTO(read_shard(args, s.plan), out);
    BS_TRY_GOTO(bs_open_cache(&o.cache, args), out);
    BS_TRY_GOTO(bs_engine_open(&e, s.graph, s.plan, &o), out);
    bs_phase("open the result file");
    BS_TRY_GOTO(bs_store_open(&store, db, s.plan, s.images, s.class_names), out);
    BS_TRY_GOTO(bs_proofs_create(&proofs, e, store, when), out);
    bs_phase("begin the run");
    bs_run_info info = {
        .device = e->info,
        .n_devices = e->n_devices,
        .backend = e->backend->name,
        .version = BITSINK_VERSION,
        .mode = bs_replay_mode_name(e->mode),
        .selftest = "not ended", /* completed at the end */
        .threads = e->threads,
        .fingerprint = e->fingerprint,
        .command = bs_phases_start(),
        .allow_mixed = bs_option_value(args, "allow-mixed") != NULL,
    };
    for (int k = 0; k < e->n_devices; k++)
        info.ordinal[k] = e->devices[k].ordinal;
    BS_TRY_GOTO(bs_store_begin_run(store, &info), out);
    if (e->n_devices > 1)
        snprintf(times, sizeof times, "%d x ", e->n_devices);
    bs_info("%s: %llu trials on %u images, %d worker(s) on %s%s (%s), replay %s", s.job->name,
            (unsigned long long)s.plan->trials, bs_plan_count_images(s.plan), e->threads, times, e->info.name,
            e->info.isa, info.mode);
    bs_phase("prove, and run trials");
    st = bs_campaign_run(proofs, &s.input, store, &bs_stop_requested, &summary);
    bs_error error;
    bs_error_save(&error);
    double ended = bs_resources_clock() - bs_phases_start();
    bs_phase("end the run");
    if (summary.done > 0)
        bs_phase_event("proven", ended - summary.seconds);
    bs_status end = BS_OK;
    if (summary.found < summary.planned)
        end = bs_proofs_text(proofs, &selftest);
    else
        bs_str_puts(&selftest, "not needed");
    if (end == BS_OK)
        end = bs_store_end_run(store, -st, selftest.ptr);
    if (bs_store_start_seconds(store) >= 0)
        bs_phase_event("first row stored", bs_store_start_seconds(store));
    if (st == BS_OK)
        st = end;
    else
        bs_error_restore(&error);
    if (st == BS_OK || st == BS_STOPPED)
        print_summary(&summary, bs_store_start_seconds(store), db, st, bs_option_value(args, "json") != NULL);
    if (st == BS_STOPPED) {
        unsigned long long n = summary.found + summary.done;
        if (n > 0)
            bs_fail(BS_STOPPED, "stopped after %llu of %llu trials; all of them are in %s", n,
                    (unsigned long long)summary.planned, db);
        else
            bs_fail(BS_STOPPED, "stopped before the first trial");
        bs_hint("the same command does the rest");
    }
out:
    bs_str_clear(&selftest);
    bs_phase(store ? "close the file" : NULL);
    bs_store_close(store);
    bs_proofs_free(proofs);
    bs_phase(NULL);
    bs_engine_close(e);
    bs_cache_close(o.cache);
    bs_session_close(&s);
    return st;
}

static const bs_option options[] = {
    {"db", "FILE", "result file (default: the job file's name with .db, in the working directory)"},
    {"shard", "K/N", "only the K-th of N shards, into a file of its own; `merge` puts them together"},
    {"device", "NAME",
     "auto, cpu, cuda, cuda:1, null, or several GPUs: cuda:all, cuda:0-3, cuda:0,2; see devices (default "
     "auto)"},
    {"threads", "N", "workers (default: the cores this process may use)"},
    {"batch", "N", "trials computed side by side (default: what fits into the memory of 32 full re-runs)"},
    {"replay", "MODE", "delta (default), suffix or full; all give the same bits"},
    {"audit", "SHARE",
     "run this share of the trials again in full and compare, 0 to 1 (default: the job's, or 0)"},
    {"self-test", "WHEN",
     "auto (default: what is needed and not known yet), always (all, before the first trial), off"},
    {"allow-mixed", NULL, "go on although the file's rows come from other arithmetic"},
    BS_CACHE_OPTIONS,
    {"json", NULL, "the summary as JSON"},
    {NULL, NULL, NULL},
};

static const bs_exit exits[] = {
    {BS_STOPPED, "stopped; finished trials are stored, and the same command resumes the campaign"},
    {BS_NO_DEVICE, "there is no such device, or it was lost, and no other is left"},
    {BS_SELFTEST,
     "the self-test found that even full re-runs are not reproducible on this device, or an audited "
     "trial differs from its full re-run"},
    {BS_OK, NULL},
};

const bs_command bs_cmd_run = {
    .name = "run",
    .usage = "JOB",
    .summary = "run a campaign, or what is missing of it",
    .details =
        "Runs the trials of JOB that the result file does not hold yet. Each image is first "
        "computed without a fault (its golden run). Each trial then starts at its fault and "
        "recomputes only what the fault can reach. A trial stops early once all its values equal "
        "the golden ones again. One row is written for each trial.\n"
        "\n"
        "To stop, interrupt once (Ctrl-C, SIGTERM or SIGHUP): finished trials are committed, and the exit "
        "code is 3. A second interrupt ends the process at once. The same command resumes the "
        "campaign, also after a kill or a power cut, since rows and the ledger of finished work are "
        "committed together. One process writes a file at a time. Keep the file on a local disk: "
        "SQLite's write-ahead log is unsafe on network file systems. `bitsink backup` copies a file "
        "there.\n"
        "\n"
        "To extend a campaign, raise `trials`, or add images at the end or entries, and run the job "
        "again. Everything else that decides what a trial is must stay as it was, or the run is "
        "refused: see WHAT MAY CHANGE in bitsink-job(5). Other arithmetic than before (CPU, "
        "instruction set, library; on GPUs also the version of bitsink) is noticed by a hash of "
        "golden outputs and refused, unless `--allow-mixed` is given. The result file says which "
        "run made which row.\n"
        "\n"
        "To use several machines, `--shard K/N` runs every N-th image, from the K-th on, into a "
        "file of its own: the same trials with the same ids as in one run. `bitsink merge` puts the "
        "files together.\n"
        "\n"
        "To use several GPUs of a machine, name them: `--device cuda:all`, `cuda:0-3` or `cuda:0,2`. One "
        "process writes one file, with the rows of one GPU. The GPUs must be of one kind and give the same "
        "golden outputs, or the run is refused before it begins. Layers are computed on all of them by what "
        "was selected on the first. `--threads` counts the workers of all: worker i is on the (i mod n)-th. "
        "If "
        "a GPU is lost in the middle, a warning says so, the others do its work, and `bitsink status` "
        "tells what each did. One that cannot be used at the start ends the run: leave it out.\n"
        "\n"
        "Trials are computed only by methods that are proven on this machine. A self-test compares "
        "their bits with those of whole layers, run alone: without a fault, and with flips of the sign "
        "and of the highest and lowest exponent bit, a number, NaN, and infinity. What every trial "
        "needs is proven before the first one. The rest follows when it is due: the quicker methods "
        "of a layer, once enough of its trials wait for them. What an earlier run in the same file or "
        "the cache (`bitsink help cache`) has proven, with the same arithmetic and version, is not "
        "proven again. A method that fails is not used. Its trials take a slower one, at worst full "
        "re-runs. A warning and column `selftest` of the table `run` say so, and the run goes on. The "
        "table `proof` lists all that was proven or known. The run ends with exit code 5 only if the "
        "device does not reproduce full re-runs either: two golden runs of an image differ, or layers "
        "in a batch differ from the same layers alone.\n"
        "\n"
        "An audit (`--audit`, or the key `audit` of the job) runs a share of the trials again in "
        "full, each alone, and compares all bits of the output, and the node at which the trial was "
        "masked. Seed and trial id decide which trials. The table `audit` holds both answers of "
        "each; `trial.audit` is 1 where they were equal, and `bitsink status` shows the counts. A "
        "difference names the trial and ends the run with exit code 5; that trial is not stored, "
        "everything finished before it is. Trials that the file holds already are not audited.\n"
        "\n"
        "Images that cannot be read are left out and recorded in the table `broken_image`. Repair "
        "the files and run again to add their trials. More of them than the job allows "
        "(`max_broken`) end the run.",
    .examples = "    bitsink run job.yaml                          # into job.db\n"
                "    bitsink run job.yaml --db r.db --audit 0.01   # 1 % again in full\n"
                "    bitsink run job.yaml --device cuda:all        # on all GPUs\n"
                "    bitsink run job.yaml --shard 1/4 --db s1.db   # first of four machines",
    .see_also = "bitsink-job(5) bitsink-plan(1) bitsink-status(1) bitsink-merge(1) bitsink-backup(1) "
                "bitsink-cache(1) "
                "bitsink-db(5)",
    .min_operands = 1,
    .max_operands = 1,
    .options = options,
    .exits = exits,
    .run = run,
};
