/* Proves that the Bayesian views hold what a plain computation of their definitions from the raw rows
 * gives. */
#include "support/bn_model.h"

static void check_given_layer(sqlite3 *h, const model *m, const fixture *f)
{
    char sql[300], what[64];
    for (int t = 0; t < FX_STRATA; t++) {
        int entry = f->entry[f->stratum[t].entry].id, layer = f->stratum[t].target;
        for (int c = 0; c < C; c++) {
            snprintf(what, sizeof what, "P(class %d | stratum %d)", c, t);
            snprintf(
                sql, sizeof sql,
                "SELECT probability FROM bn_class_given_layer WHERE entry = %d AND layer = %d AND class = %d",
                entry, layer, c == DUE ? -1 : c);
            close_to(what, get(h, sql, 0), m->pc[t][c]);
            snprintf(sql, sizeof sql,
                     "SELECT correct_%s FROM bn_class_given_layer WHERE entry = %d AND layer = %d "
                     "AND class = %d",
                     m->golden_is_correct ? "golden" : "label", entry, layer, c == DUE ? -1 : c);
            close_to(what, get(h, sql, 0), m->pcc[t][c]);
        }
    }
}

static void check_given_image(sqlite3 *h, const model *m, const fixture *f)
{
    sqlite3_stmt *q;
    double sum[FX_STRATA][FX_IMAGES] = {{0}};
    int others = 0;
    assert_int_equal(sqlite3_prepare_v2(h,
                                        "SELECT entry, layer, image, class, probability, n, trials FROM "
                                        "bn_class_given_image_layer",
                                        -1, &q, NULL),
                     SQLITE_OK);
    int rc;
    while ((rc = sqlite3_step(q)) == SQLITE_ROW) {
        int t = 0, i = sqlite3_column_int(q, 2);
        while (f->entry[f->stratum[t].entry].id != sqlite3_column_int(q, 0) ||
               f->stratum[t].target != sqlite3_column_int(q, 1))
            t++;
        double have = sqlite3_column_double(q, 4), want = 0;
        sum[t][i] += have;
        if (sqlite3_column_type(q, 3) == SQLITE_NULL) {
            others++;
            for (int c = 0; c < C; c++)
                want += m->n[t][i][c] > 0 ? 0 : smoothed(m, t, i, c);
        } else {
            int c = sqlite3_column_int(q, 3) < 0 ? DUE : sqlite3_column_int(q, 3);
            want = smoothed(m, t, i, c);
            assert_true(sqlite3_column_double(q, 5) == m->n[t][i][c] && m->n[t][i][c] > 0);
        }
        close_to("P(class | image, stratum)", have, want);
    }
    assert_int_equal(rc, SQLITE_DONE);
    sqlite3_finalize(q);
    assert_int_equal(others > 0, m->a > 0);
    for (int t = 0; t < FX_STRATA; t++)
        for (int i = 0; i < FX_IMAGES; i++)
            close_to("sum over classes", sum[t][i], m->n_all[t][i] > 0);
}

/* A scope: the strata with scope_of[t] == scope; p of this scope. */
static void check_scope(sqlite3 *h, const model *m, const fixture *f, const int *scope_of, int scope,
                        double p)
{
    char sql[300], what[64];
    double total = 0;
    bool tried[FX_STRATA] = {false};
    for (int t = 0; t < FX_STRATA; t++) {
        for (int i = 0; i < FX_IMAGES; i++)
            tried[t] |= m->n_all[t][i] > 0;
        total += scope_of[t] == scope && tried[t] ? m->prior[t] : 0;
    }
    for (int c = 0; c < C; c++) {
        int class = c == DUE ? -1 : c, labelled = 0;
        double A = 0, M = 0, B = 0, N = 0;
        for (int i = 0; i < FX_IMAGES; i++) {
            M += m->g[i] == c ? m->w[i] : 0;
            A += m->g[i] == c && m->y[i] == c ? m->w[i] : 0;
            labelled += m->y[i] == c && m->w[i] > 0;
        }
        for (int t = 0; t < FX_STRATA; t++) {
            double share = scope_of[t] == scope && tried[t] ? m->prior[t] / total : 0;
            N += share * m->pc[t][c];
            B += share * m->pcc[t][c];
        }
        double all = (1 - p) * M + p * N;
        snprintf(what, sizeof what, "scope %d, class %d", scope, class);
#define GET(column, view)                                                                                    \
    (snprintf(sql, sizeof sql, "SELECT " column " FROM " view " WHERE scope = %d AND class = %d", scope,     \
              class),                                                                                        \
     get(h, sql, -99))
        close_to(what, GET("probability", "bn_class"), all);
        close_to(what, GET("probability_golden", "bn_class"), M);
        close_to(what, GET("probability_fault", "bn_class"), N);
        close_to(what, GET("p_fault", "bn_class"), all > 0 ? p * N / all : NAN);
        if (c != DUE) {
            bool assessed = m->golden_is_correct || labelled;
            double trust = all > 0 && assessed ? ((1 - p) * A + p * B) / all : NAN;
            double with_fault = N > 0 && assessed ? B / N : NAN;
            if (m->golden_is_correct) {
                close_to(what, GET("trust_golden", "bn_trust"), trust);
                close_to(what, GET("golden_with_fault", "bn_trust"), with_fault);
                close_to(
                    what,
                    GET("trust_golden_low <= trust_golden AND trust_golden <= trust_golden_high", "bn_trust"),
                    all > 0 ? 1 : NAN);
            } else {
                close_to(what, GET("trust_label", "bn_trust"), trust);
                close_to(what, GET("label_without_fault", "bn_trust"), M > 0 && assessed ? A / M : NAN);
                close_to(what, GET("label_with_fault", "bn_trust"), with_fault);
                close_to(what, GET("label_images", "bn_trust"), labelled);
                close_to(what, GET("assessment = 'not assessable'", "bn_trust"), labelled == 0);
            }
        }
        for (int t = 0; t < FX_STRATA; t++) {
            double joint = scope_of[t] == scope && tried[t] ? p * m->prior[t] / total * m->pc[t][c] : 0;
            snprintf(sql, sizeof sql,
                     "SELECT probability FROM bn_layer_given_class WHERE scope = %d AND class = %d AND entry "
                     "= %d AND layer = "
                     "%d",
                     scope, class, f->entry[f->stratum[t].entry].id, f->stratum[t].target);
            close_to(what, get(h, sql, 0), all > 0 ? joint / all : 0);
        }
        snprintf(
            sql, sizeof sql,
            "SELECT probability FROM bn_layer_given_class WHERE scope = %d AND class = %d AND layer = -1",
            scope, class);
        close_to(what, get(h, sql, 0), all > 0 ? (1 - p) * M / all : 0);
    }
}

static const int by_entry[] = {2, 2, 3, 7};

static void run_model(model *m, fixture *f, sqlite3 *h)
{
    static const char *const views[] = {"bn_class_given_layer", "bn_class", "bn_trust",
                                        "bn_layer_given_class"};
    char sql[200];
    solve(m, f);
    /* The checks ask for one value at a time: copies under the same names save computing the views each time.
     */
    for (size_t i = 0; i < sizeof views / sizeof *views; i++) {
        snprintf(sql, sizeof sql,
                 "DROP TABLE IF EXISTS temp.%s; CREATE TEMP TABLE %s AS SELECT * FROM main.%s", views[i],
                 views[i], views[i]);
        put(h, sql);
    }
    check_given_layer(h, m, f);
    check_given_image(h, m, f);
}

static void default_settings(void **state)
{
    (void)state;
    fixture f;
    sqlite3 *h = open_campaign(&f, FX_ROWS);
    model m = defaults(FX_ROWS);
    run_model(&m, &f, h);
    check_scope(h, &m, &f, by_entry, 2, 1e-6);
    check_scope(h, &m, &f, by_entry, 3, 1e-6);
    check_scope(h, &m, &f, by_entry, 7, 1.0); /* a bit error rate is never multiplied by p */
    close_to("coverage", get(h, "SELECT min(coverage) FROM bn_scope", 0), 1);
    close_to("scopes", get(h, "SELECT count(*) FROM bn_scope", 0), 3);
    sqlite3_close(h);
    fixture_close(&f);
}

static void smoothing_weights_and_golden(void **state)
{
    (void)state;
    fixture f;
    sqlite3 *h = open_campaign(&f, FX_ROWS);
    model m = defaults(FX_ROWS);
    m.a = 2.5;
    m.golden_is_correct = true;
    put(h, "UPDATE bn_parameter SET value = 2.5 WHERE name = 'pseudo_count'; UPDATE bn_parameter SET value = "
           "0.25 WHERE "
           "name = 'p'; UPDATE bn_parameter "
           "SET value = "
           "'bits' WHERE name = 'layer_prior'; INSERT INTO bn_prior_image SELECT id, id + 0.5 FROM image "
           "WHERE id <> 7");
    for (int i = 0; i < FX_IMAGES; i++)
        m.w[i] = i == 7 ? 0 : i + 0.5;
    for (int t = 0; t < FX_STRATA; t++)
        m.prior[t] = (double)f.stratum[t].population;
    run_model(&m, &f, h);
    check_scope(h, &m, &f, by_entry, 2, 0.25);
    check_scope(h, &m, &f, by_entry, 7, 1.0);
    sqlite3_close(h);
    fixture_close(&f);
}

static void unfinished_file(void **state)
{
    (void)state;
    fixture f;
    size_t rows =
        FX_IMAGES * FX_REPETITIONS + 9 * FX_REPETITIONS + 4; /* stratum 1 up to image 9; 2, 3 not begun */
    sqlite3 *h = open_campaign(&f, rows);
    model m = defaults(rows);
    m.a = 1;
    put(h, "UPDATE bn_parameter SET value = 1 WHERE name = 'pseudo_count'");
    run_model(&m, &f, h);
    check_scope(h, &m, &f, by_entry, 2, 1e-6);
    close_to("coverage", get(h, "SELECT coverage FROM bn_scope WHERE scope = 2", 0),
             (1 + 10.0 / FX_IMAGES) / 2);
    close_to("untried scopes", get(h, "SELECT count(*) FROM bn_trust WHERE scope <> 2", 0), 0);
    sqlite3_close(h);
    fixture_close(&f);
}

static void exposure_and_direct_priors(void **state)
{
    (void)state;
    fixture f;
    static const int pooled[] = {-1, -1, -1, 7};
    sqlite3 *h = open_campaign(&f, FX_ROWS);
    model m = defaults(FX_ROWS);
    put(h, "UPDATE bn_parameter SET value = 'exposure' WHERE name = 'layer_prior'; UPDATE bn_parameter SET "
           "value = 1e-5 "
           "WHERE name = 'raw_rate'; INSERT INTO bn_prior_layer (entry, layer, raw_rate, residency, "
           "exposure) VALUES (2, 0, "
           "NULL, NULL, 0.03), (2, 2, 1e-4, 0.5, NULL), (3, 1, NULL, NULL, NULL), (7, 2, NULL, NULL, 9)");
    /* Bits by the entry's mask: the population of single sites. */
    const double exposure[] = {0.03, 1e-4 * (double)f.stratum[1].population * 0.5,
                               1e-5 * (double)f.stratum[2].population * 24, 1};
    memcpy(m.prior, exposure, sizeof exposure);
    double sum = exposure[0] + exposure[1] + exposure[2], p = 1 - exp(-sum);
    run_model(&m, &f, h);
    check_scope(h, &m, &f, pooled, -1, p);
    check_scope(h, &m, &f, pooled, 7, 1.0);
    close_to("p", get(h, "SELECT p FROM bn_scope WHERE scope = -1", 0), p);
    close_to("two faults", get(h, "SELECT two_fault_bound FROM bn_scope WHERE scope = -1", 0), sum * sum / 2);
    /* The entry with an error rate is a scope of its own; another one on the same bits would count them
     * twice. */
    close_to("overlap", get(h, "SELECT count(*) FROM bn_overlap", 0), 0);
    put(h, "SAVEPOINT overlap; INSERT INTO bn_prior_layer (entry, layer) VALUES (3, 0)");
    close_to("overlap", get(h, "SELECT count(*) FROM bn_overlap", 0), 1);
    close_to("no P(F)", get(h, "SELECT p IS NULL FROM bn_scope WHERE scope = -1", 0), 1);
    put(h, "ROLLBACK TO overlap; RELEASE overlap");
    model d = defaults(FX_ROWS);
    put(h, "UPDATE bn_parameter SET value = 'direct' WHERE name = 'layer_prior'; UPDATE bn_parameter SET "
           "value = 0.5 WHERE "
           "name = 'p'; UPDATE bn_prior_layer SET probability = 3 WHERE entry = 2 AND layer = 0; UPDATE "
           "bn_prior_layer SET "
           "probability = 1 WHERE entry = 3");
    d.prior[0] = 3;
    d.prior[1] = 0;
    d.prior[2] = 1;
    run_model(&d, &f, h);
    check_scope(h, &d, &f, pooled, -1, 0.5);
    sqlite3_close(h);
    fixture_close(&f);
}

static void settings_are_checked(void **state)
{
    (void)state;
    fixture f;
    sqlite3 *h = open_campaign(&f, 12);
    static const char *const bad[] = {
        "UPDATE bn_parameter SET value = 2 WHERE name = 'p'",
        "UPDATE bn_parameter SET value = 'often' WHERE name = 'p'",
        "UPDATE bn_parameter SET value = NULL WHERE name = 'p'",
        "UPDATE bn_parameter SET value = 'unifrom' WHERE name = 'layer_prior'",
        "UPDATE bn_parameter SET value = -1 WHERE name = 'pseudo_count'",
        "UPDATE bn_parameter SET value = 0 WHERE name = 'alpha'",
        "UPDATE bn_parameter SET value = 1 WHERE name = 'confidence'",
        "UPDATE bn_parameter SET value = 0.3 WHERE name = 'confidence'",
        "INSERT INTO bn_prior_image VALUES (0, -1)",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(sqlite3_exec(h, bad[i], NULL, NULL, NULL), SQLITE_CONSTRAINT);
    sqlite3_close(h);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(default_settings),     cmocka_unit_test(smoothing_weights_and_golden),
        cmocka_unit_test(unfinished_file),      cmocka_unit_test(exposure_and_direct_priors),
        cmocka_unit_test(settings_are_checked),
    };
    return run_suite(tests, NULL, NULL);
}
