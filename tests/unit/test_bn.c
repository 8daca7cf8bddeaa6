/* The Bayesian views against a plain computation of their definitions from the raw rows. */
#include "test_store_fixture.h"

#include <math.h>

enum { C = FX_CLASSES + 1, DUE = FX_CLASSES }; /* class index in arrays; DUE last */

typedef struct model {
    /* settings */
    double p, a;
    bool golden_is_correct;
    double w[FX_IMAGES];     /* weights of images */
    double prior[FX_STRATA]; /* weights of strata, before dropping those without trials */
    size_t rows;             /* of the fixture that are in the file */
    /* from the rows */
    int g[FX_IMAGES], y[FX_IMAGES]; /* golden answer, correct answer (-1: none) */
    bool have_golden[FX_IMAGES];
    double n[FX_STRATA][FX_IMAGES][C], n_all[FX_STRATA][FX_IMAGES];
    /* results */
    double pc[FX_STRATA][C], pcc[FX_STRATA][C]; /* P(c | t), P(c and correct | t) */
} model;

static int answer_class(const bs_answer *a)
{
    return a->top[0] < 0 || (a->flags & 3) ? DUE : a->top[0];
}

static double smoothed(const model *m, int t, int i, int c)
{
    double all = 0, wrong = 0, wrong_c = 0;
    for (int k = 0; k < FX_IMAGES; k++)
        for (int d = 0; d < C; d++) {
            all += m->n[t][k][d];
            wrong += d != m->g[k] ? m->n[t][k][d] : 0;
            wrong_c += d == c && d != m->g[k] ? m->n[t][k][d] : 0;
        }
    double s = wrong / all, q = wrong > 0 ? wrong_c / wrong : 0;
    double b = (1 - s) * (c == m->g[i]) + s * q;
    return (m->n[t][i][c] + m->a * b) / (m->n_all[t][i] + m->a);
}

static void solve(model *m, const fixture *f)
{
    for (int i = 0; i < FX_IMAGES; i++) {
        m->g[i] = answer_class(&f->golden[i].answer);
        m->y[i] = m->golden_is_correct ? (m->g[i] == DUE ? -1 : m->g[i]) : f->label[i] + f->job.label_offset;
    }
    for (size_t r = 0; r < m->rows; r++) {
        int t = fx_stratum_of(f, &f->row[r]);
        uint32_t i = bs_trial_from_id(f->row[r].id).image;
        m->have_golden[i] = true;
        m->n[t][i][f->row[r].died_at >= 0 ? m->g[i] : answer_class(&f->row[r].answer)]++;
        m->n_all[t][i]++;
    }
    double w = 0;
    for (int i = 0; i < FX_IMAGES; i++)
        w += m->have_golden[i] ? m->w[i] : 0;
    for (int i = 0; i < FX_IMAGES; i++)
        m->w[i] = m->have_golden[i] ? m->w[i] / w : 0;
    for (int t = 0; t < FX_STRATA; t++) {
        double tried = 0;
        for (int i = 0; i < FX_IMAGES; i++)
            tried += m->n_all[t][i] > 0 ? m->w[i] : 0;
        for (int c = 0; c < C && tried > 0; c++)
            for (int i = 0; i < FX_IMAGES; i++) {
                double v = m->n_all[t][i] > 0 ? m->w[i] / tried * smoothed(m, t, i, c) : 0;
                m->pc[t][c] += v;
                m->pcc[t][c] += c == m->y[i] ? v : 0;
            }
    }
}

static void close_to(const char *what, double have, double want)
{
    if (!(fabs(have - want) < 1e-11) && !(isnan(have) && isnan(want)))
        fail_msg("%s: %.15g, expected %.15g", what, have, want);
}

/* First column; NaN for NULL, `absent` where there is no row. */
static double get(sqlite3 *h, const char *sql, double absent)
{
    sqlite3_stmt *q;
    if (sqlite3_prepare_v2(h, sql, -1, &q, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(h));
    double v = absent;
    if (sqlite3_step(q) == SQLITE_ROW)
        v = sqlite3_column_type(q, 0) == SQLITE_NULL ? NAN : sqlite3_column_double(q, 0);
    sqlite3_finalize(q);
    return v;
}

static void put(sqlite3 *h, const char *sql)
{
    char *error = NULL;
    if (sqlite3_exec(h, sql, NULL, NULL, &error) != SQLITE_OK)
        fail_msg("%s: %s", sql, error);
}

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
    while (sqlite3_step(q) == SQLITE_ROW) {
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

static model defaults(size_t rows)
{
    model m = {.p = 1e-6, .rows = rows};
    for (int i = 0; i < FX_IMAGES; i++)
        m.w[i] = 1;
    for (int t = 0; t < FX_STRATA; t++)
        m.prior[t] = 1;
    return m;
}

static sqlite3 *open_campaign(fixture *f, size_t rows)
{
    sqlite3 *h;
    fixture_open(f);
    fx_run(f, f->db, 0, rows, 100);
    assert_int_equal(sqlite3_open(f->db, &h), SQLITE_OK);
    return h;
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
        m.prior[t] = (double)f.tensor[f.stratum[t].target].elements * 32;
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
    const double exposure[] = {0.03, 1e-4 * 102 * 32 * 0.5, 1e-5 * 101 * 32 * 24, 1};
    memcpy(m.prior, exposure, sizeof exposure);
    double sum = exposure[0] + exposure[1] + exposure[2], p = 1 - exp(-sum);
    run_model(&m, &f, h);
    check_scope(h, &m, &f, pooled, -1, p);
    check_scope(h, &m, &f, pooled, 7, 1.0);
    close_to("p", get(h, "SELECT p FROM bn_scope WHERE scope = -1", 0), p);
    close_to("two faults", get(h, "SELECT two_fault_bound FROM bn_scope WHERE scope = -1", 0), sum * sum / 2);
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

/* Exact upper tail of the binomial distribution. */
static double tail(int n, int k, double p)
{
    double sum = 0;
    for (int x = k; x <= n; x++)
        sum +=
            exp(lgamma(n + 1.0) - lgamma(x + 1.0) - lgamma(n - x + 1.0) + x * log(p) + (n - x) * log1p(-p));
    return sum;
}

static void check_sink(sqlite3 *h, const model *m, const fixture *f, int t, int c, double p[], int *n_p)
{
    char sql[300];
    int k = 0, all = 0, golden_n = 0, runner_n = 0, tried = 0, classes = 0;
    bool from[C] = {false};
    for (int i = 0; i < FX_IMAGES; i++) {
        if (m->g[i] == DUE || m->n_all[t][i] == 0)
            continue;
        tried++;
        golden_n += m->g[i] == c;
        runner_n += f->golden[i].answer.top[1] == c;
        for (int d = 0; d < FX_CLASSES; d++)
            if (d != m->g[i] && m->n[t][i][d] > 0) {
                all++;
                k += d == c;
                classes += d == c && !from[m->g[i]];
                from[m->g[i]] |= d == c;
            }
    }
#define SINK(column)                                                                                         \
    (snprintf(sql, sizeof sql,                                                                               \
              "SELECT " column                                                                               \
              " FROM sink_test WHERE level = 'layer' AND entry = %d AND layer = %d AND class = %d",          \
              f->entry[f->stratum[t].entry].id, f->stratum[t].target, c),                                    \
     get(h, sql, -99))
    close_to("images", SINK("images"), k ? k : -99);
    if (k == 0)
        return;
    double share = fmax(1, fmax(golden_n, runner_n)) / tried, have = SINK("p_value");
    close_to("share", SINK("share"), (double)k / all);
    close_to("golden share", SINK("golden_share"), (double)golden_n / tried);
    close_to("runner-up share", SINK("runner_up_share"), (double)runner_n / tried);
    close_to("golden classes", SINK("golden_classes"), classes);
    assert_true(have <= 1 && have >= fmin(1, tail(all, k, share)) * (1 - 1e-9));
    if (k > 2 * all * share)
        assert_true(have < 2.5 * tail(all, k, share)); /* a bound, but not a loose one where it matters */
    p[(*n_p)++] = have;
}

static void sinks(void **state)
{
    (void)state;
    fixture f;
    char sql[200];
    sqlite3 *h = open_campaign(&f, FX_ROWS);
    model m = defaults(FX_ROWS);
    double p[FX_STRATA * FX_CLASSES];
    int n = 0;
    solve(&m, &f);
    for (int t = 0; t < FX_STRATA; t++)
        for (int c = 0; c < FX_CLASSES; c++)
            check_sink(h, &m, &f, t, c, p, &n);
    /* Benjamini-Hochberg: q of the i-th smallest p is the least p_j * tests / j over j >= i. */
    for (int i = 0; i < n; i++)
        for (int j = i + 1; j < n; j++)
            if (p[j] < p[i]) {
                double swap = p[i];
                p[i] = p[j];
                p[j] = swap;
            }
    double q = 1;
    for (int i = n - 1; i >= 0; i--) {
        q = fmin(q, p[i] * FX_STRATA * FX_CLASSES / (i + 1));
        snprintf(sql, sizeof sql,
                 "SELECT q_value FROM sink_test WHERE level = 'layer' AND abs(p_value - %.17g) < 1e-15 ORDER "
                 "BY q_value",
                 p[i]);
        if (i == 0 || p[i - 1] < p[i] - 1e-12)
            close_to("q", get(h, sql, -99), q);
    }
    sqlite3_close(h);
    fixture_close(&f);
}

/* 24 images: stratum 1 sends all of them to class 3 as well as to other classes once in a while. */
static void a_planted_sink_is_found(void **state)
{
    (void)state;
    fixture f;
    sqlite3 *h;
    fixture_open(&f);
    for (int i = 0; i < FX_IMAGES; i++) {
        fx_answer(&f, &f.golden[i].answer, i % 2 ? 5 : 6);
        f.golden[i].answer.top[1] = i % 2 ? 6 : 5;
        if (i % 8 == 0)
            fx_answer(&f, &f.golden[i].answer, 1 + i / 8 % 2);
    }
    for (int r = 0; r < FX_ROWS; r++) {
        bs_row *row = &f.row[r];
        bs_trial t = bs_trial_from_id(row->id);
        int g = f.golden[t.image].answer.top[0];
        row->died_at = -1;
        bool sink = fx_stratum_of(&f, row) == 1 && t.repetition == 0;
        bool stray = t.repetition == 1 && t.image % 4 == 0;
        fx_answer(&f, &row->answer, sink ? FX_SINK : stray ? (g + 1) % FX_CLASSES : g);
    }
    fx_run(&f, f.db, 0, FX_ROWS, 200);
    assert_int_equal(sqlite3_open(f.db, &h), SQLITE_OK);
    close_to("sinks", get(h, "SELECT count(*) FROM sink_class WHERE level = 'layer'", 0), 1);
    close_to("its class", get(h, "SELECT class FROM sink_class WHERE entry = 2 AND layer = 2", 0), FX_SINK);
    close_to("its images", get(h, "SELECT images FROM sink_class WHERE level = 'layer'", 0), FX_IMAGES);
    put(h, "UPDATE bn_parameter SET value = 1e-30 WHERE name = 'alpha'");
    close_to("sinks", get(h, "SELECT count(*) FROM sink_class", 0), 0);
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
        cmocka_unit_test(default_settings),
        cmocka_unit_test(smoothing_weights_and_golden),
        cmocka_unit_test(unfinished_file),
        cmocka_unit_test(exposure_and_direct_priors),
        cmocka_unit_test(sinks),
        cmocka_unit_test(a_planted_sink_is_found),
        cmocka_unit_test(settings_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
