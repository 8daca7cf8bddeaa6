#include "store/compare.h"

#include "base/buf.h"
#include "store/combine.h"
#include "store/counterparts.h"
#include "store/paired.h"
#include "store/schema.h"
#include "store/significance.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define X(suffix, name) name,
const char *const bs_compare_outcome_name[] = {BS_COMPARE_OUTCOMES(X)};
const char *const bs_compare_test_name[] = {BS_COMPARE_TESTS(X)};
#undef X
#define X(suffix, name, text) name,
const char *const bs_unpaired_name[] = {BS_UNPAIRED_REASONS(X)};
const char *const bs_compare_remark_name[] = {BS_COMPARE_REMARKS(X)};
#undef X

/* The types of the layers that an entry hits. */
#define TYPES(entry, prefix)                                                                                 \
    "(SELECT group_concat(type) FROM (SELECT l.type FROM (SELECT layer, entry FROM " prefix                  \
    "stratum UNION SELECT layer, entry FROM " prefix "network_target) s JOIN " prefix                        \
    "layer l ON l.id = s.layer WHERE s.entry = " entry ".id GROUP BY l.type ORDER BY l.type))"

/* The bits follow from what the job says and from the type. */
static const char sql_entry[] =
    "SELECT a.id FROM entry a JOIN other_entry b USING (id) WHERE a.kind <> b.kind OR "
    "(a.bits <> b.bits AND " TYPES("a", "") " IS " TYPES(
        "b",
        "other_") ") "
                  "OR a.burst <> b.burst OR a.count <> b.count OR a.ber <> b.ber OR a.value IS NOT b.value "
                  "OR a.low IS NOT b.low OR a.high IS NOT b.high OR (a.sites IS NULL) <> (b.sites IS NULL) "
                  "OR a.scope <> b.scope OR a.probability <> b.probability OR a.shared_bit <> b.shared_bit "
                  "ORDER BY a.id LIMIT 1";

/* Both files, each with the views of this program. db[0] has the tables of db[1] attached as `other`; db[1]
 * is opened for its views. */
typedef struct files {
    bs_db *db[2];
    bs_side side[2];
    unsigned why; /* reasons against pairing any stratum: bits of bs_unpaired */
    bool certain; /* the images are the same: two censuses differ for certain, not by chance */
} files;

static bs_status refuse_entry(void *context, sqlite3_stmt *q)
{
    const files *f = context;
    bs_fail(BS_ERR, "fault entry %d of '%s' and of '%s' are different faults", sqlite3_column_int(q, 0),
            f->db[0]->path, f->db[1]->path);
    return bs_hint("compare campaigns whose entries of the same id have the same fault model");
}

static bs_status open_files(files *f, const char *a, const char *b)
{
    bool shadowed;
    BS_TRY(bs_db_open(&f->db[1], b));
    BS_TRY(bs_db_open(&f->db[0], a));
    BS_TRY(bs_combine_attach(f->db[0], b));
    for (int k = 0; k < 2; k++) {
        BS_TRY(bs_db_exec(f->db[k], "read", "PRAGMA temp_store = MEMORY; PRAGMA cache_size = -65536; BEGIN"));
        BS_TRY(bs_schema_shadow(f->db[k], false, &shadowed));
        BS_TRY(bs_side_read(&f->side[k], f->db[k]));
    }
    return bs_db_each(f->db[0], sql_entry, BS_NO_BIND, refuse_entry, f);
}

static void close_files(files *f)
{
    for (int k = 0; k < 2; k++) {
        bs_side_clear(&f->side[k]);
        bs_db_close(f->db[k]);
    }
}

static bool same_image(sqlite3_stmt *a, sqlite3_stmt *b)
{
    const char *x = (const char *)sqlite3_column_text(a, 0), *y = (const char *)sqlite3_column_text(b, 0);
    return x && y && strcmp(x, y) == 0 &&
           fabs(sqlite3_column_double(a, 1) - sqlite3_column_double(b, 1)) < 1e-12;
}

/* Sets *same to whether both files have trials on the same images, with the same shares of the whole. */
static bs_status same_images(bool *same, const files *f)
{
    static const char sql_tried[] =
        "SELECT image || ' ' || ifnull(label, '') || ' ' || path, share FROM bn_image WHERE probability > 0 "
        "AND image IN (SELECT image FROM unit WHERE done > 0) ORDER BY image";
    sqlite3_stmt *q[2] = {NULL, NULL};
    bool row[2] = {true, true};
    bs_status st = BS_OK;
    for (int k = 0; k < 2; k++)
        BS_TRY_GOTO(bs_db_prepare(&q[k], f->db[k], sql_tried), out);
    for (*same = true; *same && row[0];) {
        for (int k = 0; k < 2; k++)
            BS_TRY_GOTO(bs_db_step(f->db[k], q[k], &row[k]), out);
        *same = row[0] == row[1] && (!row[0] || same_image(q[0], q[1]));
    }
out:
    sqlite3_finalize(q[0]);
    sqlite3_finalize(q[1]);
    return st;
}

#define DIFFERENT_STORAGE                                                                                    \
    "SELECT (a.storage, a.scales) IS NOT (b.storage, b.scales) OR (SELECT group_concat(type) FROM (SELECT "  \
    "DISTINCT type FROM layer ORDER BY 1)) <> (SELECT group_concat(type) FROM (SELECT DISTINCT type FROM "   \
    "other_layer ORDER BY 1)) FROM campaign a, other_campaign b"

static bs_status same_campaign(files *f, bs_comparisons *out)
{
    static const struct {
        const char *sql; /* not 0: the files differ */
        unsigned why, remark;
    } checks[] = {
        {"SELECT a.seed <> b.seed FROM main.campaign a, other.campaign b", BS_UNPAIRED_SEED, 0},
        {"SELECT count(*) FROM main.image a JOIN other.image b USING (id) "
         "LEFT JOIN main.golden g ON g.image = id LEFT JOIN other.golden h ON h.image = id "
         "WHERE a.path <> b.path OR a.label IS NOT b.label "
         "OR (g.sha256 <> '' AND h.sha256 <> '' AND g.sha256 <> h.sha256)",
         BS_UNPAIRED_IMAGES, 0},
        {"SELECT a.model_sha256 <> b.model_sha256 FROM main.campaign a, other.campaign b", 0,
         BS_REMARK_MODEL},
        {DIFFERENT_STORAGE, 0, BS_REMARK_STORAGE},
        {"SELECT a.preprocess <> b.preprocess FROM main.campaign a, other.campaign b", 0,
         BS_REMARK_PREPROCESS},
        {"SELECT a.model_sha256 = b.model_sha256 AND NOT (" DIFFERENT_STORAGE
         ") AND EXISTS (SELECT 1 FROM main.golden g "
         "JOIN other.golden h USING (image) WHERE g.logits_hash <> h.logits_hash) "
         "FROM main.campaign a, other.campaign b",
         0, BS_REMARK_GOLDEN},
    };
    bool same;
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
        sqlite3_int64 differs;
        BS_TRY(bs_db_integer(&differs, f->db[0], checks[i].sql));
        f->why |= differs ? checks[i].why : 0;
        out->remarks |= differs ? checks[i].remark : 0;
    }
    BS_TRY(same_images(&same, f));
    out->remarks |= same ? 0 : BS_REMARK_TRIED;
    f->certain = same && !(f->why & BS_UNPAIRED_IMAGES);
    return BS_OK;
}

static unsigned why_not_paired(const files *f, const bs_side_stratum *a, const bs_side_stratum *b)
{
    bool same_layer = a->layer == b->layer && strcmp(a->tensor, b->tensor) == 0 &&
                      a->is_parameter == b->is_parameter && strcmp(a->shape, b->shape) == 0;
    /* The bits of an entry follow from the type. Words of as many bits have the same sites. */
    unsigned other = strcmp(a->type, b->type) == 0 ? BS_UNPAIRED_ENTRY : BS_UNPAIRED_TYPE;
    return f->why | (strcmp(a->definition, b->definition) == 0 ? 0 : other) |
           (same_layer ? 0 : BS_UNPAIRED_LAYER);
}

static void compare_pairs(bs_comparison *c, const bs_paired *p, bool is_parameter)
{
    c->test = is_parameter ? BS_COMPARE_SIGN : BS_COMPARE_MCNEMAR;
    for (int k = 0; k < 2; k++) {
        c->rate[k] = (double)p->bad[c->outcome][k] / (double)p->trials;
        c->n[k] = (double)p->units;
        c->only[k] = (double)p->only[c->outcome][k];
    }
    c->p = bs_mcnemar(c->only[0], c->only[1]);
}

/* Adds the rows of one stratum: paired, or left for read_rates() to fill. */
static bs_status add_rows(bs_comparisons *out, const files *f, bs_pairing *pairing, const bs_side_stratum *a)
{
    const bs_side_stratum *b = &f->side[1].row[a->other];
    unsigned why = why_not_paired(f, a, b);
    bs_paired p = {0};
    if (why == BS_PAIRED) {
        BS_TRY(bs_pairing_count(&p, pairing, a->entry, a->layer, a->is_parameter));
        why = p.other_faults ? BS_UNPAIRED_FAULTS : p.trials > 0 ? BS_PAIRED : BS_UNPAIRED_TRIALS;
    }
    for (int o = 0; o < BS_COMPARE_N_OUTCOMES; o++) {
        BS_TRY(bs_grow(&out->row, &out->cap, out->n + 1, sizeof *out->row, "comparison"));
        bs_comparison *c = &out->row[out->n++];
        *c = (bs_comparison){.entry = a->entry, .outcome = (bs_compare_outcome)o, .why = why, .p = 1};
        c->test = BS_COMPARE_PROPORTIONS;
        for (int k = 0; k < 2; k++) {
            c->name[k] = strdup(k == 0 ? a->name : b->name);
            if (!c->name[k])
                return bs_oom("comparison");
        }
        if (why == BS_PAIRED)
            compare_pairs(c, &p, a->is_parameter);
    }
    return BS_OK;
}

typedef struct rates {
    bs_comparisons *out;
    const files *f;
    int side;
} rates;

static bs_status read_rate(void *context, sqlite3_stmt *q)
{
    const rates *r = context;
    int side = r->side;
    for (size_t i = 0; i < r->out->n; i++) {
        bs_comparison *c = &r->out->row[i];
        if (c->why == BS_PAIRED || c->entry != sqlite3_column_int(q, 0) ||
            strcmp(c->name[side], (const char *)sqlite3_column_text(q, 1)) != 0 ||
            strcmp(bs_compare_outcome_name[c->outcome], (const char *)sqlite3_column_text(q, 2)) != 0)
            continue;
        bool census = sqlite3_column_type(q, 4) == SQLITE_NULL;
        c->rate[side] = sqlite3_column_double(q, 3);
        c->n[side] = sqlite3_column_double(q, census ? 5 : 4);
        if (census && r->f->certain && sqlite3_column_int(q, 6))
            c->n[side] = (double)INFINITY;
    }
    return BS_OK;
}

/* Reads rates and observations of the rows that are not paired, from each file's views. */
static bs_status read_rates(bs_comparisons *out, const files *f, int side)
{
    rates r = {out, f, side};
    return bs_db_each(f->db[side],
                      "SELECT entry, layer_name, outcome, rate, observations, units, "
                      "coverage > 0.999999999 FROM layer_outcome "
                      "WHERE outcome IN ('sdc1', 'due')",
                      BS_NO_BIND, read_rate, &r);
}

static int by_p(const void *a, const void *b)
{
    double x = (*(bs_comparison *const *)a)->p, y = (*(bs_comparison *const *)b)->p;
    return (x > y) - (x < y);
}

/* Sets q of the i-th smallest p: the least of p_k n / k over k >= i. */
static bs_status adjust(bs_comparisons *c, double fdr)
{
    bs_comparison **order;
    double least = 1.0;
    BS_TRY(bs_calloc(&order, c->n, sizeof *order, "comparison"));
    for (size_t i = 0; i < c->n; i++)
        order[i] = &c->row[i];
    qsort(order, c->n, sizeof *order, by_p);
    for (size_t i = c->n; i-- > 0;) {
        least = fmin(least, order[i]->p * (double)c->n / (double)(i + 1));
        order[i]->q = least;
        order[i]->differs = least <= fdr;
        c->n_differ += order[i]->differs;
    }
    free(order);
    return BS_OK;
}

static bs_status compare(bs_comparisons *out, files *f, double fdr)
{
    bs_pairing *pairing = NULL;
    bs_status st;
    size_t unpaired = 0;
    BS_TRY(bs_pairing_open(&pairing, f->db[0], f->db[1]));
    for (size_t i = 0; i < f->side[0].n; i++)
        if (f->side[0].row[i].other >= 0)
            BS_TRY_GOTO(add_rows(out, f, pairing, &f->side[0].row[i]), out);
    for (size_t i = 0; i < out->n; i++)
        unpaired += out->row[i].why != BS_PAIRED;
    for (int k = 0; k < 2 && unpaired > 0; k++)
        BS_TRY_GOTO(read_rates(out, f, k), out);
    for (size_t i = 0; i < out->n; i++) {
        bs_comparison *c = &out->row[i];
        double alpha = fdr / (double)out->n;
        if (c->why == BS_PAIRED) {
            c->detectable = bs_detectable_pairs(c->only[0], c->only[1], c->n[0], alpha);
        } else if (c->n[0] > 0 && c->n[1] > 0) {
            c->p = bs_two_proportions(c->rate[0], c->n[0], c->rate[1], c->n[1]);
            c->detectable = bs_detectable_proportions(c->rate[0], c->n[0], c->rate[1], c->n[1], alpha);
        } else {
            c->detectable = (double)INFINITY; /* all images of the stratum weigh nothing */
        }
    }
    st = adjust(out, fdr);
out:
    bs_pairing_close(pairing);
    return st;
}

bs_status bs_store_compare(bs_comparisons *out, const char *a, const char *b,
                           const bs_compare_options *options)
{
    files f = {0};
    bs_status st;
    if (options->map && options->by_position)
        return bs_fail(BS_USAGE, "--map and --by-position exclude each other");
    BS_TRY_GOTO(open_files(&f, a, b), out);
    BS_TRY_GOTO(same_campaign(&f, out), out);
    if (options->map || options->by_position)
        f.why |= BS_UNPAIRED_MAP;
    if (options->by_position)
        BS_TRY_GOTO(bs_counterparts_by_position(&f.side[0], &f.side[1]), out);
    else
        BS_TRY_GOTO(bs_counterparts_by_name(&f.side[0], &f.side[1], options->map), out);
    for (int k = 0; k < 2; k++)
        for (size_t i = 0; i < f.side[k].n; i++)
            out->only[k] += f.side[k].row[i].other < 0;
    st = compare(out, &f, options->fdr);
out:
    close_files(&f);
    return st;
}

void bs_comparisons_clear(bs_comparisons *c)
{
    for (size_t i = 0; i < c->n; i++) {
        free(c->row[i].name[0]);
        free(c->row[i].name[1]);
    }
    free(c->row);
    memset(c, 0, sizeof *c);
}
