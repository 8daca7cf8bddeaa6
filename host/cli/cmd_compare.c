#include "base/buf.h"
#include "base/common_path.h"
#include "base/text.h"
#include "cli/cli.h"
#include "store/compare.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define X(suffix, name, text) text,
static const char *const reason_text[] = {BS_UNPAIRED_REASONS(X)};
static const char *const remark_text[] = {BS_COMPARE_REMARKS(X)};
#undef X

/* Paired or not, and why not. */
static void print_pairing(const bs_comparisons *c)
{
    size_t paired = 0;
    unsigned why = 0;
    for (size_t i = 0; i < c->n; i++) {
        paired += c->row[i].why == BS_PAIRED;
        why |= c->row[i].why;
    }
    if (c->n == 0)
        return;
    if (why == 0)
        puts("paired: trials of the same id are the same fault in both files");
    else if (paired == 0)
        printf("not paired:");
    else
        printf("paired: %zu of %zu rows; the others not:", paired, c->n);
    const char *comma = " ";
    for (int i = 0; i < BS_UNPAIRED_N; i++)
        if (why >> i & 1) {
            printf("%s%s", comma, reason_text[i]);
            comma = "; ";
        }
    if (why)
        putchar('\n');
    for (int i = 0; i < BS_REMARKS; i++)
        if (c->remarks >> i & 1 && (i != BS_REMARK_BIT_TRIED || paired < c->n))
            printf("remark: %s\n", remark_text[i]);
}

/* A count, or what stands for all faults there are. */
static void print_count(double n, int width)
{
    if (isinf(n))
        printf(" %*s", width, "all");
    else
        printf(" %*.*f", width, n == floor(n) ? 0 : 1, n);
}

/* path: of the layers in each file. */
static void print_row(const bs_comparison *r, const bs_common_path path[2])
{
    char name[96];
    const char *shown[] = {bs_common_path_cut(&path[0], r->name[0]),
                           bs_common_path_cut(&path[1], r->name[1])};
    snprintf(name, sizeof name, "%s", bs_visible_cut(shown[0], 40));
    if (strcmp(shown[0], shown[1]) != 0)
        snprintf(name, sizeof name, "%s=%s", bs_visible_cut(shown[0], 40), bs_visible_cut(shown[1], 40));
    printf("%5d  %-32s %-7s %-11s %10.6f %10.6f", r->entry, name, bs_compare_outcome_name[r->outcome],
           bs_compare_test_name[r->test], r->rate[0], r->rate[1]);
    for (int k = 0; k < 2; k++)
        print_count(r->n[k], 9);
    for (int k = 0; k < 2; k++)
        if (r->why == BS_PAIRED)
            print_count(r->only[k], 7);
        else
            printf(" %7s", "-");
    printf(" %10.4g %10.4g", r->p, r->q);
    if (isinf(r->detectable))
        printf(" %10s", "none");
    else
        printf(" %10.4g", r->detectable);
    puts(r->differs ? "  *" : "");
}

static bs_status find_path(bs_common_path *out, const bs_comparisons *c, int side)
{
    const char **names;
    BS_TRY(bs_calloc(&names, c->n + 1, sizeof *names, "comparison"));
    for (size_t i = 0; i < c->n; i++)
        names[i] = c->row[i].name[side];
    bs_status st = bs_common_path_find(out, names, c->n);
    free(names);
    return st;
}

static void print_text(const bs_comparisons *c, const char *a, const char *b, bool all)
{
    bs_common_path path[2] = {{0}};
    char note[256];
    if (find_path(&path[0], c, 0) != BS_OK || find_path(&path[1], c, 1) != BS_OK)
        bs_error_clear(); /* whole names do, too */
    print_pairing(c);
    if (c->n > 0 && (all || c->n_differ > 0))
        printf("%5s  %-32s %-7s %-11s %10s %10s %9s %9s %7s %7s %10s %10s %10s\n", "entry", "name", "outcome",
               "test", "rate A", "rate B", "n A", "n B", "only A", "only B", "p", "q", "detectable");
    double least = (double)INFINITY;
    size_t exact = 0; /* rates of two censuses, between which any change is seen */
    for (size_t i = 0; i < c->n; i++) {
        if (all || c->row[i].differs)
            print_row(&c->row[i], path);
        if (c->row[i].detectable > 0)
            least = fmin(least, c->row[i].detectable);
        else
            exact++;
    }
    for (int k = 0; k < 2; k++) {
        if (c->n > 0 && (all || c->n_differ > 0) && *bs_common_path_note(&path[k], note, sizeof note))
            printf("%s: %s\n", k == 0 ? "A" : "B", note);
        bs_common_path_clear(&path[k]);
    }
    printf("%zu of %zu rates differ between A (%s) and B (%s)\n", c->n_differ, c->n, bs_visible(a),
           bs_visible(b));
    if (c->n > 0 && c->n_differ == 0 && exact == c->n)
        puts("any change would have been found: all rates are exact");
    else if (c->n > 0 && c->n_differ == 0 && isinf(least))
        puts("no change at all would have been found: there are too few units");
    else if (c->n > 0 && c->n_differ == 0)
        printf("smaller changes than %.3g would have been missed %s more often than 1 time in 5\n", least,
               exact > 0 ? "where rates are not exact" : "everywhere");
    for (int k = 0; k < 2; k++)
        if (c->only[k] > 0)
            printf("%zu strata are in %s only\n", c->only[k], bs_visible(k == 0 ? a : b));
}

/* As JSON has no infinity: null. */
static void json_number(bs_str *t, const char *key, double v)
{
    if (isinf(v))
        bs_str_printf(t, ", \"%s\": null", key);
    else
        bs_str_printf(t, ", \"%s\": %.9g", key, v);
}

/* The names of the bits that are set, as an array. */
static void json_names(bs_str *t, const char *key, unsigned bits, const char *const *name)
{
    const char *comma = "";
    bs_str_printf(t, ", \"%s\": [", key);
    for (int i = 0; bits >> i; i++)
        if (bits >> i & 1) {
            bs_str_printf(t, "%s\"%s\"", comma, name[i]);
            comma = ", ";
        }
    bs_str_puts(t, "]");
}

static void json_row(bs_str *t, const bs_comparisons *c, const bs_comparison *r)
{
    bs_str_printf(t, "{\"entry\": %d, \"name_a\": ", r->entry);
    bs_str_json(t, r->name[0]);
    bs_str_puts(t, ", \"name_b\": ");
    bs_str_json(t, r->name[1]);
    bs_str_printf(t, ", \"outcome\": \"%s\", \"test\": \"%s\", \"paired\": %s",
                  bs_compare_outcome_name[r->outcome], bs_compare_test_name[r->test],
                  r->why == BS_PAIRED ? "true" : "false");
    json_names(t, "not_paired", r->why, bs_unpaired_name);
    bs_str_printf(t, ", \"same_model\": %s", c->remarks & BS_REMARK_MODEL ? "false" : "true");
    json_names(t, "remarks", c->remarks, bs_compare_remark_name);
    json_number(t, "rate_a", r->rate[0]);
    json_number(t, "rate_b", r->rate[1]);
    json_number(t, "n_a", r->n[0]);
    json_number(t, "n_b", r->n[1]);
    json_number(t, "only_a", r->why == BS_PAIRED ? r->only[0] : (double)INFINITY);
    json_number(t, "only_b", r->why == BS_PAIRED ? r->only[1] : (double)INFINITY);
    json_number(t, "p", r->p);
    json_number(t, "q", r->q);
    json_number(t, "detectable", r->detectable);
    bs_str_printf(t, ", \"differs\": %s}", r->differs ? "true" : "false");
}

static void print_json(const bs_comparisons *c, bool all)
{
    bs_str t = {0};
    for (size_t i = 0; i < c->n; i++) {
        if (!all && !c->row[i].differs)
            continue;
        t.len = 0;
        json_row(&t, c, &c->row[i]);
        puts(t.ptr ? t.ptr : "");
    }
    bs_str_clear(&t);
}

static bs_status run(const bs_args *args)
{
    bs_comparisons c = {0};
    bs_compare_options o = {.fdr = 0.05, .map = bs_option_value(args, "map")};
    o.by_position = bs_option_value(args, "by-position") != NULL;
    bool all = bs_option_value(args, "all") != NULL;
    BS_TRY(bs_option_share(args, "fdr", &o.fdr));
    bs_status st = bs_store_compare(&c, args->operand[0], args->operand[1], &o);
    if (st == BS_OK) {
        if (bs_option_value(args, "json"))
            print_json(&c, all);
        else
            print_text(&c, args->operand[0], args->operand[1], all);
        if (c.n_differ > 0) {
            st = bs_fail(BS_DIFFERS, "%zu rates differ significantly", c.n_differ);
        } else if (c.n == 0) {
            st = bs_fail(BS_NOTHING_COMMON, "the files have no stratum in common: nothing was compared");
            bs_hint("layers of other names are brought together by --map A=B or --by-position");
        }
    }
    bs_comparisons_clear(&c);
    return st;
}

static const bs_option options[] = {
    {"fdr", "Q", "largest share of false alarms among the differences reported (default 0.05)"},
    {"map", "A=B,...", "layer A of the first file corresponds to layer B of the second one"},
    {"by-position", NULL,
     "the k-th layer of an entry corresponds to the k-th; where numbers differ (VGG-16, VGG-19), layers of "
     "the same shape correspond, in their order"},
    {"all", NULL, "show the rates that do not differ, too"},
    {"json", NULL, "one JSON object per rate"},
    {NULL, NULL, NULL},
};

static const bs_exit exits[] = {
    {BS_DIFFERS, "a rate differs"},
    {BS_NOTHING_COMMON, "the files have no stratum in common: nothing was compared"},
    {BS_OK, NULL},
};

const bs_command bs_cmd_compare = {
    .name = "compare",
    .usage = "A B",
    .summary = "show where the SDC-1 and DUE rates changed between two campaigns",
    .details = "Compares the SDC-1 and DUE rates of the strata that both result files have: same entry id, "
               "same name of the layer. `--map` and `--by-position` bring layers with other names "
               "together. The output says which test was used.\n"
               "\n"
               "Trials are paired where seed, images (path, label, content), entries, layers (id, name, "
               "kind, shape) and the first 256 faults agree: a trial id is then the same fault in both "
               "files, even if the models have other weights. Paired trials are compared by McNemar's "
               "exact test, parameters by a sign test over faults. Each trial counts alike in both files, "
               "whatever the weights of images; images of weight 0 are left out. Pairs tell far more than "
               "two separate rates: prefer the same seed and images in both campaigns. The id of a layer "
               "is its place in the model, so an added node, such as a Clip, shifts the ids after it: "
               "those layers are not paired.\n"
               "\n"
               "Where trials are not paired, two proportions are compared, by the weights of images: the "
               "larger p of a chi-square test with continuity correction and Fisher's exact test. "
               "Parameters count faults, not the trials that a fault meets. A rate is known for certain "
               "only if all faults were tried on the same images in both files.\n"
               "\n"
               "Of all rates together, the differences that are reported contain at most the share `--fdr` "
               "of false alarms (Benjamini-Hochberg). `detectable` is the smallest change that would have "
               "been found with 80 % power.",
    .examples = "    bitsink compare last-night.db tonight.db\n"
                "    bitsink compare plain.db protected.db --map conv1=conv1_clipped",
    .see_also = "bitsink-check(1) bitsink-merge(1)",
    .min_operands = 2,
    .max_operands = 2,
    .options = options,
    .exits = exits,
    .run = run,
};
