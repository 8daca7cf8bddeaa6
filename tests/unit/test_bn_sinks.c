/* The view of sink classes and their tests against a plain computation of their definitions. */
#include "bn_model.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sinks),
        cmocka_unit_test(a_planted_sink_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
