#include "proto.h"

#include "base/log.h"
#include "import/fold.h"
#include "import/steps.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_DIR "/usr/share/libonnx-testdata/data"

/* ENOUGH: this many operators of the list have a test that passes in any complete data, and half of the tests
 * that must pass are in it; others are newer than the data, or the data has them for a later operator set
 * only. */
enum { SKIPPED = 77, MAX_OPS = 256, ENOUGH = BS_OP_COUNT * 2 / 3 };

/* X(test, whether it passes with some version of the data, why bitsink gives other numbers and will go on
 * doing so with others). Those that never pass must indeed fail. */
#define DEVIATIONS(X)                                                                                        \
    X(test_blackmanwindow_expanded, true,                                                                    \
      "the data was computed with pi = 3.1415, the model says 3.14159265")                                   \
    X(test_blackmanwindow_symmetric_expanded, true,                                                          \
      "the data was computed with pi = 3.1415, the model says 3.14159265")                                   \
    X(test_hammingwindow_expanded, true,                                                                     \
      "the data was computed with pi = 3.1415, the model says 3.14159265")                                   \
    X(test_hammingwindow_symmetric_expanded, true,                                                           \
      "the data was computed with pi = 3.1415, the model says 3.14159265")                                   \
    X(test_hannwindow_expanded, true, "the data was computed with pi = 3.1415, the model says 3.14159265")   \
    X(test_hannwindow_symmetric_expanded, true,                                                              \
      "the data was computed with pi = 3.1415, the model says 3.14159265")                                   \
    X(test_resize_downsample_scales_linear_align_corners, false,                                             \
      "corners are aligned with the last whole pixel, as in ONNX Runtime and PyTorch")                       \
    X(test_resize_downsample_scales_cubic_align_corners, false,                                              \
      "corners are aligned with the last whole pixel, as in ONNX Runtime and PyTorch")                       \
    X(test_attention_4d_causal_bf16, false, "the data was rounded to bfloat16 after each step")              \
    X(test_attention_4d_causal_bf16_expanded, false, "the data was rounded to bfloat16 after each step")     \
    X(test_averagepool_2d_ceil_last_window_starts_on_pad, true, "newer data has four digits")

typedef struct deviation {
    const char *test, *why;
    bool may_pass;
} deviation;

static const deviation deviations[] = {
#define X(test, may_pass, why) {#test, why, may_pass},
    DEVIATIONS(X)
#undef X
};

/* Those that have passed with some version of the data. Each that is there must pass, so that no operator is
 * lost unnoticed; but not where newer data has it for an operator set that bitsink does not read. */
static const char *const must_pass[] = {
#include "must_pass.inc"
};

enum { N_MUST_PASS = sizeof must_pass / sizeof *must_pass };

/* X(field, heading): what becomes of a test. */
#define OUTCOMES(X)                                                                                          \
    X(DATA, "passed")             /* with an image in at least one form */                                   \
    X(FOLDED, "folded")           /* passed as constants only */                                             \
    X(PARTLY, "partly")           /* passed, but not all outputs can be compared */                          \
    X(UNSUPPORTED, "unsupported") /* refused in every form */                                                \
    X(DEVIATES, "deviates")       /* other numbers on purpose, see DEVIATIONS */                             \
    X(FAILED, "failed")           /* wrong numbers in any form */

typedef enum outcome {
#define X(suffix, heading) OUTCOME_##suffix,
    OUTCOMES(X)
#undef X
        OUTCOME_COUNT
} outcome;

static const char *const headings[] = {
#define X(suffix, heading) heading,
    OUTCOMES(X)
#undef X
};

typedef struct tally {
    char op[64];
    int tests, count[OUTCOME_COUNT];
} tally;

typedef struct report {
    tally in[MAX_OPS], out[MAX_OPS], all;
    int n_in, n_out;
    bool reached[BS_OP_COUNT]; /* by a test that passed */
    int runs;                  /* forms that ran and agreed */
    int kept, lost, too_new;   /* of must_pass; the others are not in the data */
    int unlisted;              /* passed, and not in must_pass */
    char scratch[64];
} report;

static tally *tally_of(tally *t, int *n, const char *op)
{
    for (int k = 0; k < *n; k++)
        if (strcmp(t[k].op, op) == 0)
            return &t[k];
    if (*n == MAX_OPS) {
        fprintf(stderr, "more than %d operators\n", MAX_OPS);
        exit(1);
    }
    snprintf(t[*n].op, sizeof t->op, "%s", op);
    return &t[(*n)++];
}

/* Tests of operators that the importer does not have are counted as out of scope. */
static bool in_scope(const Onnx__NodeProto *n)
{
    if (n->domain && *n->domain && strcmp(n->domain, "ai.onnx") != 0)
        return false;
    return bs_lower_knows(n->op_type) || bs_fold_find(n->op_type) || bs_expand_find("", n->op_type);
}

/* Returns the subject of the test: its first operator out of scope, else its operator if there is one but
 * Constant. */
static const char *subject(const Onnx__ModelProto *m, bool *inside)
{
    const char *op = NULL;
    bool several = false;
    *inside = true;
    for (size_t k = 0; k < m->graph->n_node; k++) {
        const Onnx__NodeProto *n = m->graph->node[k];
        if (!in_scope(n)) {
            *inside = false;
            return n->op_type;
        }
        if (strcmp(n->op_type, "Constant") == 0)
            continue;
        several |= op && strcmp(op, n->op_type) != 0;
        op = n->op_type;
    }
    return several ? "(several)" : op ? op : "Constant";
}

/* All forms of one output. `why`: of the failure, else the importer's first reason. */
static outcome try_output(report *r, const ct_case *c, int output, char why[CT_REASON])
{
    char reason[CT_REASON];
    bool passed = false, folded = false, refused = false;
    for (int form = 0; form < CT_FORM_COUNT; form++)
        for (int image = 0; image < (form == CT_FORM_FOLDED ? 1 : c->n_inputs); image++) {
            ct_try t = {form, image, output};
            switch (ct_run(c, &t, r->scratch, reason)) {
            case CT_PASSED:
                r->runs++;
                *(form == CT_FORM_FOLDED ? &folded : &passed) = true;
                break;
            case CT_FAILED: {
                static const char *const names[] = {
#define X(suffix, name) name,
                    CT_FORMS(X)
#undef X
                };
                snprintf(why, CT_REASON, "%s, input %d, output %d: %.300s", names[form], image, output,
                         reason);
                return OUTCOME_FAILED;
            }
            case CT_UNSUPPORTED:
                if (!refused)
                    memcpy(why, reason, CT_REASON);
                refused = true;
                break;
            case CT_INAPPLICABLE:
                if (!refused)
                    memcpy(why, reason, CT_REASON);
                break;
            }
        }
    return passed ? OUTCOME_DATA : folded ? OUTCOME_FOLDED : OUTCOME_UNSUPPORTED;
}

static outcome try_case(report *r, const ct_case *c, char why[CT_REASON])
{
    char reason[CT_REASON] = "the model has no output";
    int count[OUTCOME_COUNT] = {0};
    for (int k = 0; k < c->n_outputs; k++) {
        outcome o = try_output(r, c, k, reason);
        if (o >= OUTCOME_UNSUPPORTED)
            memcpy(why, reason, CT_REASON);
        if (o == OUTCOME_FAILED)
            return o;
        count[o]++;
    }
    int passed = count[OUTCOME_DATA] + count[OUTCOME_FOLDED];
    if (passed == 0 || passed < c->n_outputs) {
        if (c->n_outputs == 0)
            memcpy(why, reason, CT_REASON);
        return passed ? OUTCOME_PARTLY : OUTCOME_UNSUPPORTED;
    }
    return count[OUTCOME_DATA] ? OUTCOME_DATA : OUTCOME_FOLDED;
}

static const deviation *find_deviation(const char *name)
{
    for (size_t k = 0; k < sizeof deviations / sizeof *deviations; k++)
        if (strcmp(deviations[k].test, name) == 0)
            return &deviations[k];
    return NULL;
}

/* A test that is said to deviate from all data must run and fail: else the list is out of date. */
static outcome expect(outcome found, const char *name, char why[CT_REASON])
{
    const deviation *d = find_deviation(name);
    if (!d || found == OUTCOME_UNSUPPORTED || (found != OUTCOME_FAILED && d->may_pass))
        return found;
    snprintf(why, CT_REASON, "%s",
             found == OUTCOME_FAILED ? d->why : "it passes, but is listed as deviating");
    return found == OUTCOME_FAILED ? OUTCOME_DEVIATES : OUTCOME_FAILED;
}

static void mark_reached(report *r, const Onnx__ModelProto *m)
{
    for (size_t k = 0; k < m->graph->n_node; k++)
        for (int op = 0; op < BS_OP_COUNT; op++)
            r->reached[op] |= strcmp(bs_op_name(op), m->graph->node[k]->op_type) == 0;
}

/* Prints the operators of the list that no test reached; returns how many were. */
static int count_reached(const report *r)
{
    int reached = 0;
    printf("\noperators without a test that passed:");
    for (int op = 0; op < BS_OP_COUNT; op++)
        if (r->reached[op])
            reached++;
        else
            printf(" %s", bs_op_name(op));
    putchar('\n');
    return reached;
}

/* Holds the outcome against the list. */
static void compare(report *r, const char *name, int64_t opset, outcome found)
{
    bool passed = found < OUTCOME_UNSUPPORTED, listed = false;
    for (int k = 0; !listed && k < N_MUST_PASS; k++)
        listed = strcmp(must_pass[k], name) == 0;
    bool unlisted = passed && !listed && !find_deviation(name);
    r->unlisted += unlisted;
    if (unlisted)
        printf("passed, but is not in must_pass.inc: %s\n", name);
    if (!passed && listed && opset <= BS_MAX_OPSET)
        printf("FAIL: %s must pass\n", name);
    r->kept += listed && passed;
    r->lost += listed && !passed && opset <= BS_MAX_OPSET;
    r->too_new += listed && !passed && opset > BS_MAX_OPSET;
}

static void run_test(report *r, const char *dir, const char *name)
{
    char why[CT_REASON] = "";
    bool inside;
    outcome o = OUTCOME_UNSUPPORTED;
    Onnx__ModelProto *m = ct_read_model(dir);
    if (!m) /* a test whose model is to be downloaded */
        return;
    const char *op = subject(m, &inside);
    r->all.tests++;
    if (!inside) {
        tally_of(r->out, &r->n_out, op)->tests++;
    } else {
        ct_case c;
        if (ct_read_case(&c, dir, m, why))
            o = try_case(r, &c, why);
        o = expect(o, name, why);
        tally *t = tally_of(r->in, &r->n_in, op);
        t->tests++;
        t->count[o]++;
        r->all.count[o]++;
        if (o < OUTCOME_UNSUPPORTED)
            mark_reached(r, m);
        if (o >= OUTCOME_PARTLY)
            printf("%s %s (%s): %s\n", headings[o], name, op, why);
        ct_case_clear(&c);
    }
    compare(r, name, ct_opset(m), o);
    onnx__model_proto__free_unpacked(m, NULL);
}

static int is_test(const struct dirent *d)
{
    return strncmp(d->d_name, "test_", 5) == 0;
}

static void run_group(report *r, const char *root, const char *group)
{
    struct dirent **list;
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", root, group);
    int n = scandir(path, &list, is_test, alphasort);
    for (int k = 0; k < n; k++) {
        snprintf(path, sizeof path, "%s/%s/%s", root, group, list[k]->d_name);
        run_test(r, path, list[k]->d_name);
        free(list[k]);
    }
    if (n >= 0)
        free(list);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const tally *)a)->op, ((const tally *)b)->op);
}

static void print_counts(const tally *t)
{
    printf("%-24s %5d", t->op, t->tests);
    for (int k = 0; k < OUTCOME_COUNT; k++)
        printf(" %11d", t->count[k]);
    putchar('\n');
}

static void print_report(report *r)
{
    int outside = 0;
    qsort(r->in, (size_t)r->n_in, sizeof *r->in, by_name);
    qsort(r->out, (size_t)r->n_out, sizeof *r->out, by_name);
    printf("\nout of scope:");
    for (int k = 0; k < r->n_out; k++) {
        printf("%s %s %d", k ? "," : "", r->out[k].op, r->out[k].tests);
        outside += r->out[k].tests;
    }
    printf("\n\n%-24s %5s", "operator", "tests");
#define X(suffix, heading) printf(" %11s", heading);
    OUTCOMES(X)
#undef X
    putchar('\n');
    for (int k = 0; k < r->n_in; k++)
        print_counts(&r->in[k]);
    printf("\nof %d that must pass %d did, %d did not, %d are for a later operator set, %d are not in the "
           "data\n",
           N_MUST_PASS, r->kept, r->lost, r->too_new, N_MUST_PASS - r->kept - r->lost - r->too_new);
    printf("%d tests, out of scope %d", r->all.tests, outside);
#define X(suffix, heading) printf(", %s %d", heading, r->all.count[OUTCOME_##suffix]);
    OUTCOMES(X)
#undef X
    printf("; %d runs agreed\n", r->runs);
    if (r->unlisted > 0)
        printf("%d passed that are not in must_pass.inc: add them (lines 'passed, but' above)\n",
               r->unlisted);
}

int main(int argc, char **argv)
{
    /* Half of these are written for opset 6 and come from exporters; "real" needs downloads. */
    static const char *const groups[] = {"node", "pytorch-converted", "pytorch-operator", "simple"};
    static report r = {.scratch = "/tmp/bitsink-conformance-XXXXXX"};
    if (argc > 2) {
        fprintf(stderr, "usage: %s [FOLDER]\n", argv[0]);
        return 2;
    }
    const char *root = argc > 1 ? argv[1] : DEFAULT_DIR;
    if (access(root, R_OK) != 0) {
        printf("skipped: no '%s' (package libonnx-testdata)\n", root);
        return SKIPPED;
    }
    int fd = mkstemp(r.scratch);
    if (fd < 0) {
        perror(r.scratch);
        return 1;
    }
    close(fd);
    bs_log_set_level(BS_LOG_QUIET);
    setvbuf(stdout, NULL, _IOLBF, 0); /* a run that is killed keeps what it printed */
    for (size_t k = 0; k < sizeof groups / sizeof *groups; k++)
        run_group(&r, root, groups[k]);
    unlink(r.scratch);
    int reached = count_reached(&r);
    bool complete = reached >= ENOUGH && r.kept >= N_MUST_PASS / 2;
    if (!complete)
        printf("FAIL: %d of %d operators have a test that passed, not %d; %d of %d that must pass are there: "
               "is the data complete?\n",
               reached, BS_OP_COUNT, ENOUGH, r.kept, N_MUST_PASS);
    print_report(&r);
    return !complete || r.lost > 0 || r.all.count[OUTCOME_FAILED] > 0;
}
