#include "base/buf.h"
#include "base/log.h"
#include "base/resources.h"
#include "base/text.h"
#include "cli/cli.h"
#include "store/upgrade.h"

#include <stdio.h>

static void print_text(const bs_upgrade_report *r, const char *path, const char *output, double seconds)
{
    if (r->from == r->to && output)
        printf("%s: a copy of '%s', which has schema version %d\n", bs_visible(output), bs_visible(path),
               r->to);
    else if (r->from == r->to)
        printf("%s: schema version %d, nothing to do\n", bs_visible(path), r->to);
    else if (output)
        printf("%s: schema version %d, %llu trials, from '%s' (version %d) in %.1f s\n", bs_visible(output),
               r->to, (unsigned long long)r->trials, bs_visible(path), r->from, seconds);
    else
        printf("%s: schema version %d, %llu trials in %.1f s; the old file (version %d) is '%s'\n",
               bs_visible(path), r->to, (unsigned long long)r->trials, seconds, r->from,
               bs_visible(r->backup));
}

static void print_json(const bs_upgrade_report *r, const char *path, const char *output, double seconds)
{
    bs_str t = {0};
    bs_str_puts(&t, "{\"db\": ");
    bs_str_json(&t, output ? output : path);
    bs_str_printf(
        &t,
        ", \"from\": %d, \"to\": %d, \"trials\": %llu, \"digest\": \"%s\", \"lost_settings\": %llu, "
        "\"seconds\": %.3f, \"backup\": ",
        r->from, r->to, (unsigned long long)r->trials, r->digest, (unsigned long long)r->lost_settings,
        seconds);
    if (r->backup)
        bs_str_json(&t, r->backup);
    else
        bs_str_puts(&t, "null");
    bs_str_puts(&t, "}");
    puts(t.ptr ? t.ptr : "");
    bs_str_clear(&t);
}

static bs_status upgrade_one(const bs_args *args, const char *path, const char *output)
{
    bs_upgrade_report r = {0};
    double start = bs_resources_clock();
    bs_status st = bs_store_upgrade(&r, path, output, &bs_stop_requested);
    double seconds = bs_resources_clock() - start;
    if (st == BS_OK && r.lost_settings > 0)
        bs_warn("%s: %llu setting(s) are no longer allowed and have their defaults", path,
                (unsigned long long)r.lost_settings);
    if (st == BS_OK && r.own)
        bs_warn("%s: what is not bitsink's own stays in the old file: %s", path, r.own);
    if (st == BS_OK && bs_option_value(args, "json"))
        print_json(&r, path, output, seconds);
    else if (st == BS_OK)
        print_text(&r, path, output, seconds);
    if (st == BS_STOPPED) {
        bs_fail(BS_STOPPED, "stopped; '%s' is as it was", path);
        bs_hint("the same command begins again");
    }
    bs_upgrade_report_clear(&r);
    return st;
}

static bs_status run(const bs_args *args)
{
    const char *output = bs_option_value(args, "output");
    if (output && args->n_operands > 1) {
        bs_fail(BS_USAGE, "--output is for one file");
        return bs_hint("upgrade one file at a time, or leave --output out");
    }
    bs_error first = {0};
    int failed = 0;
    bs_catch_signals();
    for (int i = 0; i < args->n_operands && first.status != BS_STOPPED; i++) {
        if (upgrade_one(args, args->operand[i], output) == BS_OK)
            continue;
        if (failed++ == 0)
            bs_error_save(&first);
        else
            bs_warn("%s", bs_error_message());
    }
    if (failed > 1)
        bs_warn("%d of %d files were not upgraded", failed, args->n_operands);
    return failed > 0 ? bs_error_restore(&first) : BS_OK;
}

static const bs_option options[] = {
    {"output", "FILE",
     "write the new file there and leave DB as it is (also -o; default: DB, the old one becomes DB.vN)"},
    {"json", NULL, "the summary as JSON"},
    {NULL, NULL, NULL},
};

static const bs_exit exits[] = {
    {BS_STOPPED, "stopped; the file is as it was"},
    {BS_OK, NULL},
};

const bs_command bs_cmd_upgrade = {
    .name = "upgrade",
    .usage = "DB...",
    .summary = "bring a result file made by an earlier version up to date",
    .details = "Makes a new file with the current schema from the facts and settings of DB. All counts"
               " are made again from the trial rows, and the digests of both files are compared. Then "
               "the old file is kept as DB.vN, where N is its schema version, and the new one takes "
               "its place in one step. Interrupted or killed at any moment, DB is the old file or the "
               "new one.\n"
               "\n"
               "Files of every earlier version can be read as they are. Only writing to one (`run`, "
               "`merge` into it, `bn set`) needs an upgrade first. Files that are up to date are left "
               "alone. Of several files, those that can be upgraded are.",
    .examples = "    bitsink upgrade r.db                  # keeps the old file, such as r.db.v4\n"
                "    bitsink upgrade old.db -o new.db      # leaves old.db as it is",
    .see_also = "bitsink-digest(1) bitsink-db(5)",
    .min_operands = 1,
    .max_operands = 4096,
    .options = options,
    .exits = exits,
    .run = run,
};
