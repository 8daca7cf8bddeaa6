#include "base/buf.h"
#include "cli/cli.h"
#include "store/contrast.h"

#include <stdio.h>

static void print_text(const bs_contrasts *c, const char *a, const char *b, bool all)
{
    if (all || c->n_differ > 0)
        printf("%5s  %-32s %10s %10s %11s %11s\n", "entry", "name", "sdc1 A", "sdc1 B", "p", "q");
    for (size_t i = 0; i < c->n; i++) {
        const bs_contrast *r = &c->row[i];
        if (all || r->differs)
            printf("%5d  %-32s %10.6f %10.6f %11.4g %11.4g%s\n", r->entry, r->name, r->rate[0], r->rate[1],
                   r->p, r->q, r->differs ? "  *" : "");
    }
    printf("%zu of %zu strata differ between A (%s) and B (%s)\n", c->n_differ, c->n, a, b);
    for (int k = 0; k < 2; k++)
        if (c->only[k] > 0)
            printf("%zu strata are in %s only\n", c->only[k], k == 0 ? a : b);
}

static void print_json(const bs_contrasts *c, bool all)
{
    bs_str t = {0};
    for (size_t i = 0; i < c->n; i++) {
        const bs_contrast *r = &c->row[i];
        if (!all && !r->differs)
            continue;
        t.len = 0;
        bs_str_printf(&t, "{\"entry\": %d, \"name\": ", r->entry);
        bs_str_json(&t, r->name);
        bs_str_printf(
            &t,
            ", \"sdc1_a\": %.9g, \"sdc1_b\": %.9g, \"n_a\": %.9g, \"n_b\": %.9g, \"p\": %.6g, \"q\": %.6g, "
            "\"differs\": %s}",
            r->rate[0], r->rate[1], r->n[0], r->n[1], r->p, r->q, r->differs ? "true" : "false");
        puts(t.ptr ? t.ptr : "");
    }
    bs_str_clear(&t);
}

static bs_status run(const bs_args *args)
{
    bs_contrasts c = {0};
    double fdr = 0.05;
    bool all = bs_option_value(args, "all") != NULL;
    BS_TRY(bs_option_share(args, "fdr", &fdr));
    bs_status st = bs_store_contrast(&c, args->operand[0], args->operand[1], fdr);
    if (st == BS_OK) {
        if (bs_option_value(args, "json"))
            print_json(&c, all);
        else
            print_text(&c, args->operand[0], args->operand[1], all);
        if (c.n_differ > 0)
            st = bs_fail(BS_DIFFERS, "the SDC-1 rates of %zu strata differ significantly", c.n_differ);
        else if (c.n == 0)
            st = bs_fail(BS_ERR, "the files have no stratum in common: nothing was compared");
    }
    bs_contrasts_clear(&c);
    return st;
}

static const bs_option options[] = {
    {"fdr", "Q", "largest share of false alarms among the differences reported (default 0.05)"},
    {"all", NULL, "show the strata that do not differ, too"},
    {"json", NULL, "one JSON object a stratum"},
    {NULL, NULL, NULL},
};

const bs_command bs_cmd_compare = {
    .name = "compare",
    .usage = "A B",
    .summary = "show where the SDC-1 rate changed between two campaigns",
    .details =
        "Compares the SDC-1 rates of the strata that both result files have (same entry id, same name of the "
        "layer), two proportions at a time, with Benjamini-Hochberg over all of them. Faults of parameters "
        "count, not "
        "the trials they meet. Exit code 6 if a stratum differs, 0 if none does: made for nightly jobs.",
    .min_operands = 2,
    .max_operands = 2,
    .options = options,
    .run = run,
};
