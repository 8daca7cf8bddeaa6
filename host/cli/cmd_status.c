#include "base/text.h"
#include "campaign/golden_accuracy.h"
#include "cli/cli.h"
#include "store/status.h"

#include <stdio.h>
#include <string.h>

static const char *state_of(const bs_file_status *s)
{
    if (s->runs == 0)
        return "not started";
    if (s->trials + s->left_out >= s->planned)
        return s->broken ? "complete but for broken images" : "complete";
    return s->exit_status < 0 ? "running, or killed" : s->exit_status == 3 ? "stopped" : "incomplete";
}

static double share(uint64_t n, uint64_t of)
{
    return of ? 100.0 * (double)n / (double)of : 0.0;
}

static void put_devices(bs_str *t, const bs_file_status *s)
{
    bs_str_puts(t, s->n_devices > 1 ? ", \"devices\": [" : "");
    for (size_t i = 0; s->n_devices > 1 && i < s->n_devices; i++) {
        const bs_device_status *d = &s->devices[i];
        bs_str_printf(t,
                      "%s{\"device\": \"%s:%d\", \"workers\": %d, \"trials\": %llu, \"goldens\": %llu, "
                      "\"lost\": ",
                      i > 0 ? ", " : "", s->backend, d->ordinal, d->workers, (unsigned long long)d->trials,
                      (unsigned long long)d->goldens);
        d->reason ? bs_str_json(t, d->reason) : bs_str_puts(t, "null");
        bs_str_puts(t, i + 1 < s->n_devices ? "}" : "}]");
    }
}

static void print_json(const bs_file_status *s)
{
    bs_str t = {0};
    bs_str_puts(&t, "{\"name\": ");
    bs_str_json(&t, s->name ? s->name : "");
    bs_str_printf(&t,
                  ", \"state\": \"%s\", \"planned\": %llu, \"trials\": %llu, \"images\": %llu, "
                  "\"goldens\": %llu, \"broken\": %llu, \"left_out\": %llu, \"masked\": %llu, \"benign\": "
                  "%llu, \"sdc1\": %llu, \"due\": %llu, \"audited\": %llu, \"audit_equal\": %llu, "
                  "\"golden_labelled\": %llu, \"golden_correct\": %llu, ",
                  state_of(s), (unsigned long long)s->planned, (unsigned long long)s->trials,
                  (unsigned long long)s->images, (unsigned long long)s->goldens,
                  (unsigned long long)s->broken, (unsigned long long)s->left_out,
                  (unsigned long long)s->masked, (unsigned long long)s->benign, (unsigned long long)s->sdc1,
                  (unsigned long long)s->due, (unsigned long long)s->audited,
                  (unsigned long long)s->audit_equal, (unsigned long long)s->golden_labelled,
                  (unsigned long long)s->golden_correct);
    bs_str_puts(&t, "\"storage\": ");
    bs_str_json(&t, s->storage ? s->storage : "");
    bs_str_puts(&t, ", ");
    if (s->shards > 0)
        bs_str_printf(&t, "\"shard\": %u, \"shards\": %u, ", s->shard, s->shards);
    bs_str_printf(&t, "\"share\": %.6g, \"sdc1_rate\": %.6g, \"due_rate\": %.6g, ",
                  share(s->trials, s->planned) / 100, share(s->sdc1, s->trials) / 100,
                  share(s->due, s->trials) / 100);
    if (s->left >= 0)
        bs_str_printf(&t, "\"seconds_left\": %.0f, ", s->left);
    for (int i = 0; i < BS_PROOF_OUTCOME_COUNT; i++)
        bs_str_printf(&t, "\"proofs_%s\": %llu, ", bs_proof_outcome_name((bs_proof_outcome)i),
                      (unsigned long long)s->proofs[i]);
    if (s->start_seconds >= 0)
        bs_str_printf(&t, "\"start_seconds\": %.3f, ", s->start_seconds);
    bs_str_printf(&t,
                  "\"entries\": %d, \"strata\": %d, \"runs\": %d, \"rate\": %.6g, \"since_commit\": %.0f, "
                  "\"device\": ",
                  s->entries, s->strata, s->runs, s->rate, s->since);
    bs_str_json(&t, s->device ? s->device : "");
    put_devices(&t, s);
    bs_str_puts(&t, "}");
    puts(t.ptr ? t.ptr : "");
    bs_str_clear(&t);
}

/* Of one device there is nothing to say that the run does not say. */
static void print_devices(const bs_file_status *s)
{
    for (size_t i = 0; s->n_devices > 1 && i < s->n_devices; i++) {
        const bs_device_status *d = &s->devices[i];
        printf("device    %s:%d: %llu trials, %llu golden rows, %d worker(s)", s->backend, d->ordinal,
               (unsigned long long)d->trials, (unsigned long long)d->goldens, d->workers);
        if (d->lost)
            printf("; lost at %s: %s", d->lost, d->reason ? bs_visible(d->reason) : "?");
        putchar('\n');
    }
}

static void print_proofs(const bs_file_status *s)
{
    const uint64_t *n = s->proofs;
    if (n[BS_PROOF_MADE] + n[BS_PROOF_FROM_CACHE] + n[BS_PROOF_FROM_FILE] + n[BS_PROOF_FAILED] > 0)
        printf(
            "proofs    of the last run: %llu proven by it, %llu from the cache, %llu from earlier runs, %llu "
            "failed\n",
            (unsigned long long)n[BS_PROOF_MADE], (unsigned long long)n[BS_PROOF_FROM_CACHE],
            (unsigned long long)n[BS_PROOF_FROM_FILE], (unsigned long long)n[BS_PROOF_FAILED]);
}

static void print_text(const bs_file_status *s)
{
    char times[32] = "";
    printf("campaign  %s, made %s\n", s->name ? bs_visible(s->name) : "?", s->created ? s->created : "?");
    printf("model     %s\n", s->model ? bs_visible(s->model) : "?");
    if (s->storage && strcmp(s->storage, bs_dtype_name(BS_DTYPE_FP32)) != 0)
        printf("stored    %s\n", s->storage);
    if (s->shards > 0)
        printf("shard     %u of %u\n", s->shard, s->shards);
    printf("state     %s: %llu of %llu trials (%.1f %%), %d entries, %d strata, %llu of %llu images\n",
           state_of(s), (unsigned long long)s->trials, (unsigned long long)s->planned,
           share(s->trials, s->planned), s->entries, s->strata, (unsigned long long)s->goldens,
           (unsigned long long)s->images);
    if (s->broken)
        printf("broken    %llu image(s) cannot be read, %llu trials left out: table broken_image says why\n",
               (unsigned long long)s->broken, (unsigned long long)s->left_out);
    printf("outcomes  of all trials: masked %.2f %%, benign %.2f %%, SDC-1 %.3f %%, DUE %.3f %%\n",
           share(s->masked, s->trials), share(s->benign, s->trials), share(s->sdc1, s->trials),
           share(s->due, s->trials));
    if (s->golden_labelled)
        printf("golden    top-1 against the labels %.1f %%: %llu of %llu images\n",
               share(s->golden_correct, s->golden_labelled), (unsigned long long)s->golden_correct,
               (unsigned long long)s->golden_labelled);
    if (s->audited)
        printf("audit     %llu trials were run again in full, %llu of them with the same bits\n",
               (unsigned long long)s->audited, (unsigned long long)s->audit_equal);
    if (s->n_devices > 1)
        snprintf(times, sizeof times, "%zu x ", s->n_devices);
    if (s->runs > 0)
        printf("last run  of %d: %s on %s%s, from %s to %s, %llu trials, %.0f trials/s\n", s->runs,
               s->backend ? s->backend : "?", times, s->device ? bs_visible(s->device) : "?",
               s->started ? s->started : "?", s->ended ? s->ended : "(no commit yet)",
               (unsigned long long)s->run_trials, s->rate);
    print_devices(s);
    if (s->start_seconds >= 0)
        printf("first row %.1f s after the start of the last run\n", s->start_seconds);
    print_proofs(s);
    if (s->left > 0)
        printf("time left %.0f s at that rate; last commit %.0f s ago\n", s->left, s->since);
}

static bs_status run(const bs_args *args)
{
    bs_file_status s;
    BS_TRY(bs_store_status(args->operand[0], &s));
    if (s.backend && strcmp(s.backend, "null") == 0) /* answers are made up */
        s.golden_labelled = s.golden_correct = 0;
    if (bs_option_value(args, "json"))
        print_json(&s);
    else
        print_text(&s);
    const bs_golden_accuracy golden = {s.golden_labelled, s.golden_correct};
    bs_golden_accuracy_warn(&golden, s.classes);
    bs_file_status_clear(&s);
    return BS_OK;
}

static const bs_option options[] = {
    {"json", NULL, "as one JSON object"},
    {NULL, NULL, NULL},
};

const bs_command bs_cmd_status = {
    .name = "status",
    .usage = "DB",
    .summary = "show how far a campaign is, also while it runs",
    .details =
        "Shows the state of a result file: trials done and planned, outcomes so far as shares of "
        "all trials, how many trials were audited and how many of these were equal, the rate of the "
        "last run, and the time left at that rate. It only reads, and does not disturb a running "
        "campaign. The rates of faults, weighted by bits and with bounds, are in `bitsink bn DB "
        "network_sdc`.\n"
        "\n"
        "With `--json` it serves monitoring: `share` is the share of the trials that are done, "
        "`rate` the trials per second, `seconds_left` the time left, `sdc1_rate` and `due_rate` "
        "shares of all trials. `golden_correct` of `golden_labelled` images were given their label "
        "without faults; a warning says where that is so few that something is wrong with the job. "
        "`proofs_proven`, `proofs_cache`, `proofs_file` and `proofs_failed` count "
        "the proofs that the last run relied on: proven by itself, taken from the cache, by an earlier "
        "run, and failed (another schedule was used). `start_seconds` is the time from the start of "
        "its command to its first stored row. Of a run on several devices, `devices` lists what each did, "
        "and, "
        "if it was `lost`, how. `since_commit` is the age of the last commit in seconds: a run "
        "that "
        "is alive commits every few seconds.",
    .examples = "    bitsink status result.db\n"
                "    bitsink status --json result.db",
    .see_also = "bitsink-run(1) bitsink-bn(1)",
    .min_operands = 1,
    .max_operands = 1,
    .options = options,
    .run = run,
};
