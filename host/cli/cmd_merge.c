#include "base/text.h"
#include "base/resources.h"
#include "cli/cli.h"
#include "store/merge.h"

#include <stdio.h>

static uint64_t missing(uint64_t planned, uint64_t trials, uint64_t left_out)
{
    return planned > trials + left_out ? planned - trials - left_out : 0;
}

static uint64_t missing_of(const bs_merge_input *in)
{
    return missing(in->planned, in->trials, in->left_out);
}

static void print_text(const bs_merge_report *r, const char *out, double seconds)
{
    printf("%s: %llu of %llu trials, %llu of them added from %d file(s) in %.1f s (%.0f trials/s)\n",
           bs_visible(out), (unsigned long long)(r->found + r->added), (unsigned long long)r->planned,
           (unsigned long long)r->added, r->n_inputs, seconds,
           seconds > 0 ? (double)r->added / seconds : 0.0);
    for (uint32_t k = 0; k < r->shards; k++)
        if (r->absent[k] && missing(r->planned, r->found + r->added, r->left_out) > 0)
            printf("absent: shard %u/%u\n", k + 1, r->shards);
    for (int i = 0; i < r->n_inputs; i++)
        if (missing_of(&r->input[i]) > 0)
            printf("incomplete: %s lacks %llu of %llu trials\n", bs_visible(r->input[i].path),
                   (unsigned long long)missing_of(&r->input[i]), (unsigned long long)r->input[i].planned);
    if (r->missing_units > 0)
        printf("missing: %llu units (entry, layer, image) are not complete\n",
               (unsigned long long)r->missing_units);
    if (r->left_out > 0)
        printf("left out: %llu trials of images that cannot be read, table broken_image says why\n",
               (unsigned long long)r->left_out);
}

static void print_json(const bs_merge_report *r, const char *out, double seconds)
{
    bs_str t = {0};
    const char *comma = "";
    bs_str_puts(&t, "{\"db\": ");
    bs_str_json(&t, out);
    bs_str_printf(
        &t,
        ", \"planned\": %llu, \"trials\": %llu, \"added\": %llu, \"missing\": %llu, \"missing_units\": "
        "%llu, \"left_out\": %llu, \"seconds\": %.3f, \"absent\": [",
        (unsigned long long)r->planned, (unsigned long long)(r->found + r->added),
        (unsigned long long)r->added,
        (unsigned long long)missing(r->planned, r->found + r->added, r->left_out),
        (unsigned long long)r->missing_units, (unsigned long long)r->left_out, seconds);
    for (uint32_t k = 0; k < r->shards; k++)
        if (r->absent[k]) {
            bs_str_printf(&t, "%s%u", comma, k + 1);
            comma = ", ";
        }
    bs_str_puts(&t, "], \"incomplete\": [");
    comma = "";
    for (int i = 0; i < r->n_inputs; i++)
        if (missing_of(&r->input[i]) > 0) {
            bs_str_printf(&t, "%s{\"db\": ", comma);
            bs_str_json(&t, r->input[i].path);
            bs_str_printf(&t, ", \"missing\": %llu}", (unsigned long long)missing_of(&r->input[i]));
            comma = ", ";
        }
    bs_str_puts(&t, "]}");
    puts(t.ptr ? t.ptr : "");
    bs_str_clear(&t);
}

static bs_status run(const bs_args *args)
{
    bs_merge_report r = {0};
    const char *out = args->operand[0];
    double start = bs_resources_clock();
    bs_catch_signals();
    bs_status st = bs_store_merge(&r, out, args->operand + 1, args->n_operands - 1,
                                  bs_option_value(args, "allow-mixed") != NULL, &bs_stop_requested);
    double seconds = bs_resources_clock() - start;
    uint64_t left = missing(r.planned, r.found + r.added, r.left_out);
    if (st == BS_OK || st == BS_STOPPED) {
        if (bs_option_value(args, "json"))
            print_json(&r, out, seconds);
        else
            print_text(&r, out, seconds);
    }
    if (st == BS_STOPPED) {
        bs_fail(BS_STOPPED, "stopped; what was merged is in %s", out);
        st = bs_hint("the same command does the rest");
    } else if (st == BS_OK && left > 0) {
        bs_fail(BS_STOPPED, "%llu of %llu trials are missing in %s", (unsigned long long)left,
                (unsigned long long)r.planned, out);
        st = bs_hint("finish the shards and merge again: nothing is merged twice");
    }
    bs_merge_report_clear(&r);
    return st;
}

static const bs_option options[] = {
    {"allow-mixed", NULL, "merge although the files' rows come from different arithmetic"},
    {"json", NULL, "the summary as JSON"},
    {NULL, NULL, NULL},
};

static const bs_exit exits[] = {
    {BS_STOPPED, "stopped, or trials of the campaign are missing; all that was merged is stored"},
    {BS_OK, NULL},
};

const bs_command bs_cmd_merge = {
    .name = "merge",
    .usage = "OUT SHARD...",
    .summary = "put the result files of shards together",
    .details =
        "Adds to OUT the trials of the other files that it lacks; OUT is made if it is not there. "
        "All files must be of one campaign, and files with other arithmetic are refused unless "
        "`--allow-mixed` is given: run all shards on the same kind of machine.\n"
        "\n"
        "What is there is not added again, so repeat the command as often as you like: while shards "
        "still run, when they have grown, or after a crash. A merge that is killed loses nothing. "
        "Lines `absent` and `incomplete` say what is missing; the exit code is 3 then, and `bitsink "
        "run --db OUT JOB` computes what is missing. When all trials are there, OUT has the digest "
        "of a single run.\n"
        "\n"
        "Trials that several files have must have the same outcome in each: a merge names the first that "
        "has not, and leaves OUT as it is. With `--allow-mixed` one of the outcomes is kept.\n"
        "\n"
        "A new OUT has the settings of the first shard; a warning tells where others differ. "
        "`storage` of targets is that of the latest run.",
    .examples = "    bitsink run --shard 1/2 --db s1.db job.yaml    # on one machine\n"
                "    bitsink run --shard 2/2 --db s2.db job.yaml    # on another\n"
                "    bitsink merge all.db s1.db s2.db",
    .see_also = "bitsink-run(1) bitsink-digest(1)",
    .min_operands = 2,
    .max_operands = 4096,
    .options = options,
    .exits = exits,
    .run = run,
};
