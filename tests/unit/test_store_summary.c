/* Proves that the view `outcome`, the summaries and a plain reading of the definitions agree on every
 * trial. */
#include "support/store_fixture.h"

#include "fault/sample.h"

#include <math.h>

typedef struct verdict {
    int class, golden, label;
    bool masked, benign, sdc1, sdc5, sdc10, sdc20, due;
} verdict;

static int class_of(const bs_answer *a)
{
    return a->top[0] < 0 || (a->flags & 3) ? -1 : a->top[0];
}

static verdict judge(const fixture *f, const bs_row *r)
{
    uint32_t image = bs_trial_coords_from_id(r->id).image;
    const bs_golden_row *g = &f->golden[image];
    verdict v = {.golden = class_of(&g->answer), .label = f->label[image] + f->job.label_offset};
    v.masked = r->died_at >= 0;
    v.class = v.masked ? v.golden : class_of(&r->answer);
    v.due = !v.masked && v.class == -1;
    v.benign = !v.masked && !v.due && v.class == v.golden;
    v.sdc1 = !v.masked && !v.due && !v.benign;
    if (v.benign || v.sdc1) {
        v.sdc5 = true;
        for (int k = 0; k < 5; k++)
            v.sdc5 &= g->answer.top[k] != v.class;
        double moved = fabs((double)r->answer.p_golden - (double)g->answer.p_golden);
        v.sdc10 = moved > 0.1;
        v.sdc20 = moved > 0.2;
    }
    return v;
}

static void outcome_follows_definitions(void **state)
{
    (void)state;
    fixture f;
    sqlite3 *h;
    sqlite3_stmt *q;
    int seen[7] = {0};
    fixture_open(&f);
    fx_run(&f, f.db, 0, FX_ROWS, 100);
    assert_int_equal(sqlite3_open(f.db, &h), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(
                         h,
                         "SELECT trial, class, golden_class, label_class, masked, benign, sdc1, sdc5, sdc10, "
                         "sdc20, due, correct, golden_correct, layer_name FROM outcome ORDER BY trial",
                         -1, &q, NULL),
                     SQLITE_OK);
    for (int i = 0; i < FX_ROWS; i++) {
        verdict v = judge(&f, &f.row[i]);
        const int flags[] = {v.masked, v.benign, v.sdc1, v.sdc5, v.sdc10, v.sdc20, v.due};
        assert_int_equal(sqlite3_step(q), SQLITE_ROW);
        assert_int_equal(sqlite3_column_int64(q, 0), f.row[i].id);
        assert_int_equal(sqlite3_column_int(q, 1), v.class);
        assert_int_equal(sqlite3_column_int(q, 2), v.golden);
        assert_int_equal(sqlite3_column_int(q, 3), v.label);
        for (int k = 0; k < 7; k++) {
            assert_int_equal(sqlite3_column_int(q, 4 + k), flags[k]);
            seen[k] += flags[k];
        }
        assert_int_equal(v.masked + v.benign + v.sdc1 + v.due, 1);
        assert_int_equal(sqlite3_column_int(q, 11), v.class == v.label);
        assert_int_equal(sqlite3_column_int(q, 12), v.golden == v.label);
        assert_string_equal((const char *)sqlite3_column_text(q, 13),
                            f.tensor[f.stratum[fx_stratum_of(&f, &f.row[i])].target].name);
    }
    assert_int_equal(sqlite3_step(q), SQLITE_DONE);
    for (int k = 0; k < 7; k++)
        assert_true(seen[k] > 20);
    sqlite3_finalize(q);
    sqlite3_close(h);
    fixture_close(&f);
}

/* Two queries must return the same rows. */
static void assert_same(const char *db, const char *a, const char *b)
{
    char sql[2048];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM (SELECT * FROM (%s) EXCEPT SELECT * FROM (%s))", a, b);
    assert_int_equal(fx_number(db, sql), 0);
    snprintf(sql, sizeof sql, "SELECT count(*) FROM (SELECT * FROM (%s) EXCEPT SELECT * FROM (%s))", b, a);
    assert_int_equal(fx_number(db, sql), 0);
    snprintf(sql, sizeof sql, "SELECT count(*) FROM (%s)", a);
    assert_true(fx_number(db, sql) > 0);
}

static void summaries_equal_raw_rows(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f);
    /* Batches that cut through units, several runs, many commits. */
    fx_run(&f, f.db, 0, 301, 7);
    fx_run(&f, f.db, 301, FX_ROWS, 50);
    assert_same(f.db, "SELECT * FROM summary",
                "SELECT entry, layer, image, class, count(*), sum(masked), sum(sdc5), sum(sdc10), sum(sdc20) "
                "FROM outcome "
                "GROUP BY entry, layer, image, class");
    assert_same(f.db, "SELECT * FROM layer_summary",
                "SELECT entry, layer, class, count(*), sum(masked), sum(class <> golden_class), sum(sdc5), "
                "sum(sdc10), "
                "sum(sdc20), count(label_class), sum(correct), sum(golden_correct), sum(sdc1 AND "
                "golden_correct) FROM "
                "outcome GROUP BY entry, layer, class");
    assert_same(f.db, "SELECT * FROM fault_summary",
                "SELECT entry, layer, repetition, count(*), sum(masked), sum(sdc1), sum(due) FROM outcome "
                "WHERE layer = 1 "
                "GROUP BY entry, layer, repetition");
    assert_same(
        f.db, "SELECT * FROM fault_wrong",
        "SELECT entry, layer, repetition, class, sum(n), sum(r), sum(g) FROM ("
        "WITH wrong AS (SELECT o.*, g.top2 FROM outcome o JOIN golden g USING (image) WHERE o.layer = 1 "
        "AND o.sdc1 AND o.golden_class >= 0) "
        "SELECT entry, layer, repetition, class, 1 AS n, 0 AS r, 0 AS g FROM wrong "
        "UNION ALL SELECT entry, layer, repetition, top2, 0, 1, 0 FROM wrong "
        "UNION ALL SELECT entry, layer, repetition, golden_class, 0, 0, 1 FROM wrong) "
        "GROUP BY entry, layer, repetition, class");
    assert_same(f.db, "SELECT entry, layer, image, done FROM unit",
                "SELECT entry, layer, image, count(*) FROM trial GROUP BY entry, layer, image");
    assert_same(f.db, "SELECT id, trials FROM run", "SELECT run, count(*) FROM trial GROUP BY run");
    fixture_close(&f);
}

/* A stratum, from its raw rows; n: what its bounds count. */
typedef struct truth {
    double trials, sdc1, due, masked, right, golden_right, rate, n, low, high;
} truth;

static truth count_stratum(const fixture *f, int s)
{
    truth t = {0};
    const bs_stratum *stratum = &f->stratum[s];
    double population = (double)stratum->population;
    for (int i = 0; i < FX_ROWS; i++) {
        if (fx_stratum_of(f, &f->row[i]) != s)
            continue;
        verdict v = judge(f, &f->row[i]);
        t.trials++;
        t.sdc1 += v.sdc1;
        t.due += v.due;
        t.masked += v.masked;
        t.right += v.class == v.label;
        t.golden_right += v.golden == v.label;
    }
    t.rate = t.sdc1 / t.trials;
    t.n = stratum->is_parameter ? FX_REPETITIONS : t.trials;
    if (bs_fault_is_ordered(&f->entry[stratum->entry].fault, stratum->population))
        t.n *= bs_without_replacement(FX_REPETITIONS, population) / FX_REPETITIONS;
    bs_share_bounds(&t.low, &t.high, t.rate, t.n, 0.95);
    return t;
}

/* Fay and Feuer's bound of a weighted sum of rare events above (z > 0) or below it. */
static double events_bound(double y, double v, double top, double z)
{
    y += z > 0 ? top : 0;
    v += z > 0 ? top * top : 0;
    double nu = 2 * y * y / v;
    return v / (2 * y) * nu * pow(1 - 2 / (9 * nu) + z * sqrt(2 / (9 * nu)), 3);
}

/* Weighted by bits (3200, 4200 in entry 2) and alike, against the view. */
static void network_sdc_follows_definitions(void **state)
{
    (void)state;
    fixture f;
    char sql[256];
    fixture_open(&f);
    fx_run(&f, f.db, 0, FX_ROWS, 100);
    assert_true(f.entry[2].fault.ber > 0);
    assert_true(fx_number(f.db, "SELECT count(*) FROM network_sdc") ==
                4); /* none of the entry with an error rate */
    for (int e = 0; e < 2; e++)
        for (int by_bits = 0; by_bits < 2; by_bits++) {
            double sum = 0, rate = 0, v = 0, top = 0, n = 0, low = 0, high = 0, z = 1.959963984540054;
            int strata = 0;
            for (int s = 0; s < FX_STRATA; s++)
                if (f.stratum[s].entry == e)
                    sum += by_bits ? (double)f.stratum[s].population : 1.0;
            for (int s = 0; s < FX_STRATA; s++) {
                if (f.stratum[s].entry != e)
                    continue;
                truth t = count_stratum(&f, s);
                double w = (by_bits ? (double)f.stratum[s].population : 1.0) / sum;
                rate += w * t.rate;
                v += w * w * t.rate / t.n;
                top = fmax(top, w / t.n);
                n += t.trials;
                low = t.low;
                high = t.high;
                strata++;
            }
            assert_true(rate < 0.5);
            if (strata > 1) {
                low = events_bound(rate, v, top, -z);
                high = events_bound(rate, v, top, z);
            }
            const struct {
                const char *column;
                double want;
            } check[] = {
                {"trials", n}, {"sdc1_rate", rate}, {"sdc1_low", low}, {"sdc1_high", high}, {"coverage", 1}};
            for (size_t i = 0; i < sizeof check / sizeof *check; i++) {
                snprintf(sql, sizeof sql, "SELECT %s FROM network_sdc WHERE entry = %d AND weights = '%s'",
                         check[i].column, f.entry[e].id, by_bits ? "bits" : "uniform");
                double have = fx_number(f.db, sql);
                if (!(fabs(have - check[i].want) < 1e-9))
                    fail_msg("entry %d, %s: %.17g, expected %.17g", e, check[i].column, have, check[i].want);
            }
        }
    fixture_close(&f);
}

static void layer_accuracy_follows_definitions(void **state)
{
    (void)state;
    fixture f;
    char sql[256];
    fixture_open(&f);
    fx_run(&f, f.db, 0, FX_ROWS, 100);
    for (int s = 0; s < FX_STRATA; s++) {
        truth t = count_stratum(&f, s);
        const struct {
            const char *column;
            double want;
        } check[] = {
            {"trials", t.trials},
            {"sdc1_rate", t.rate},
            {"due_rate", t.due / t.trials},
            {"masked_rate", t.masked / t.trials},
            {"accuracy", t.right / t.trials},
            {"golden_accuracy", t.golden_right / t.trials},
            {"sdc1_low", t.low},
            {"sdc1_high", t.high},
            {"units", f.stratum[s].is_parameter ? FX_REPETITIONS : t.trials},
        };
        for (size_t i = 0; i < sizeof check / sizeof *check; i++) {
            snprintf(sql, sizeof sql, "SELECT %s FROM layer_accuracy WHERE entry = %d AND layer = %d",
                     check[i].column, f.entry[f.stratum[s].entry].id, f.stratum[s].target);
            double have = fx_number(f.db, sql);
            if (!(fabs(have - check[i].want) < 1e-9))
                fail_msg("stratum %d, %s: %.17g, expected %.17g", s, check[i].column, have, check[i].want);
        }
    }
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outcome_follows_definitions),
        cmocka_unit_test(summaries_equal_raw_rows),
        cmocka_unit_test(layer_accuracy_follows_definitions),
        cmocka_unit_test(network_sdc_follows_definitions),
    };
    return run_suite(tests, NULL, NULL);
}
