/* Proves that the view of sink classes and their tests hold what a plain computation of their definitions
 * gives. */
#include "support/bn_model.h"

/* Exact upper tail of the binomial distribution. */
static double tail(int n, int k, double p)
{
    double sum = 0;
    if (k <= 0 || p >= 1)
        return 1;
    for (int x = k; x <= n; x++)
        sum +=
            exp(lgamma(n + 1.0) - lgamma(x + 1.0) - lgamma(n - x + 1.0) + x * log(p) + (n - x) * log1p(-p));
    return fmin(1, sum);
}

/* The bound that the view has for it. */
static double bound(int n, int k, double p)
{
    if (k <= n * p || p >= 1)
        return 1;
    double first =
        exp(lgamma(n + 1.0) - lgamma(k + 1.0) - lgamma(n - k + 1.0) + k * log(p) + (n - k) * log1p(-p));
    double b = fmin(1, first / (1 - (n - k) * p / ((k + 1) * (1 - p))));
    assert_true(b >= tail(n, k, p) * (1 - 1e-9));
    if (k > 2 * n * p)
        assert_true(b < 2.5 * tail(n, k, p)); /* not a loose one where it matters */
    return b;
}

typedef struct units {
    int units, hits, more, less;
} units;

static units count_pairs(const model *m, const fixture *f, int t, int c)
{
    units u = {0};
    for (int i = 0; i < FX_IMAGES; i++)
        for (int d = 0; d < FX_CLASSES && m->g[i] != DUE; d++) {
            if (d == m->g[i] || m->n[t][i][d] == 0)
                continue;
            int runner_up = f->golden[i].answer.top[1];
            u.units += m->g[i] != c;
            u.hits += d == c;
            u.more += d == c && runner_up != c;
            u.less += d != c && runner_up == c;
        }
    return u;
}

static units count_faults(const model *m, const fixture *f, int t, int c)
{
    units u = {0};
    int n[FX_REPETITIONS] = {0}, w[FX_REPETITIONS] = {0}, runner_up[FX_REPETITIONS] = {0};
    double share = 1.0 / (FX_CLASSES - 1);
    for (size_t r = 0; r < m->rows; r++) {
        bs_trial_coords id = bs_trial_coords_from_id(f->row[r].id);
        int g = m->g[id.image], d = f->row[r].died_at >= 0 ? g : answer_class(&f->row[r].answer);
        if (fx_stratum_of(f, &f->row[r]) != t || g == DUE || d == DUE || d == g)
            continue;
        n[id.repetition] += d == c;
        w[id.repetition] += g != c;
        runner_up[id.repetition] += f->golden[id.image].answer.top[1] == c;
    }
    for (int k = 0; k < FX_REPETITIONS; k++) {
        u.units += w[k] > 0;
        u.hits += n[k] > 0 && bound(w[k], n[k], share) <= share * (1 + 1e-9);
        u.more += n[k] > runner_up[k];
        u.less += n[k] < runner_up[k];
    }
    return u;
}

/* Up to the error of Stirling's series. */
static void same_tail(const char *what, double have, double want)
{
    if (!(fabs(have / want - 1) < 1e-9))
        fail_msg("%s: %.15g, expected %.15g", what, have, want);
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
    bool faults = f->stratum[t].is_parameter;
    units pairs = count_pairs(m, f, t, c), u = faults ? count_faults(m, f, t, c) : pairs;
    close_to("unit", SINK("unit = 'fault'"), faults);
    close_to("units", SINK("units"), u.units);
    close_to("hits", SINK("hits"), u.hits);
    close_to("more", SINK("more"), u.more);
    close_to("less", SINK("less"), u.less);
    close_to("share", SINK("share"), (double)k / all);
    close_to("golden share", SINK("golden_share"), (double)golden_n / tried);
    close_to("runner-up share", SINK("runner_up_share"), (double)runner_n / tried);
    close_to("golden classes", SINK("golden_classes"), classes);
    /* The pairs have to agree with the faults. */
    double share = 1.0 / (FX_CLASSES - 1);
    double runner_up =
               fmax(bound(u.more + u.less, u.more, 0.5), bound(pairs.more + pairs.less, pairs.more, 0.5)),
           uniform = fmax(bound(u.units, u.hits, share), bound(pairs.units, pairs.hits, share));
    same_tail("against runners-up", SINK("p_runner_up"), runner_up);
    same_tail("against scatter", SINK("p_uniform"), uniform);
    close_to("against both", SINK("p_value") - fmax(SINK("p_runner_up"), SINK("p_uniform")), 0);
    close_to("sink", SINK("is_sink"),
             SINK("q_value") <= 0.05 && classes >= 3 && (double)k / all > (double)golden_n / tried);
    p[(*n_p)++] = SINK("p_value");
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

/* 24 images of three classes, whose runner-up is another one of them. */
static void make_clean_images(fixture *f)
{
    for (int i = 0; i < FX_IMAGES; i++) {
        int g = i % 8 == 0 ? 1 : i % 2 ? 5 : 6;
        fx_answer(f, &f->golden[i].answer, g);
        f->golden[i].answer.top[1] = g == 5 ? 6 : 5;
    }
}

/* Stratum 1 sends all of them to class 3 as well as to other classes once in a while. */
static void a_planted_sink_is_found(void **state)
{
    (void)state;
    fixture f;
    sqlite3 *h;
    fixture_open(&f);
    make_clean_images(&f);
    for (int r = 0; r < FX_ROWS; r++) {
        bs_row *row = &f.row[r];
        bs_trial_coords t = bs_trial_coords_from_id(row->id);
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

/* Faults of the parameter 0 to faults - 1 send all images to class 3: `faults` observations, not 24 times as
 * many. */
static double sinks_of_faults(uint32_t faults)
{
    fixture f;
    fixture_open(&f);
    make_clean_images(&f);
    for (int r = 0; r < FX_ROWS; r++) {
        bs_row *row = &f.row[r];
        bs_trial_coords t = bs_trial_coords_from_id(row->id);
        bool sink = fx_stratum_of(&f, row) == 2 && t.repetition < faults;
        row->died_at = -1;
        fx_answer(&f, &row->answer, sink ? FX_SINK : f.golden[t.image].answer.top[0]);
    }
    fx_run(&f, f.db, 0, FX_ROWS, 200);
    close_to("units", fx_number(f.db, "SELECT units FROM sink_test WHERE level = 'layer'"), faults);
    close_to("hits", fx_number(f.db, "SELECT hits FROM sink_test WHERE level = 'layer'"), faults);
    double n = fx_number(f.db, "SELECT count(*) FROM sink_class WHERE level = 'layer' AND unit = 'fault'");
    fixture_close(&f);
    return n;
}

static void one_harmful_fault_is_no_sink(void **state)
{
    (void)state;
    close_to("one fault", sinks_of_faults(1), 0);
    close_to("ten faults", sinks_of_faults(10), 1);
}

/* With two classes every wrong answer is the other one. */
static void two_classes_have_no_sinks(void **state)
{
    (void)state;
    fixture f;
    sqlite3 *h = open_campaign(&f, FX_ROWS);
    put(h, "UPDATE campaign SET classes = 2");
    assert_true(get(h, "SELECT count(*) FROM sink_test", 0) > 0);
    close_to("p", get(h, "SELECT min(p_uniform) FROM sink_test", 0), 1);
    close_to("sinks", get(h, "SELECT count(*) FROM sink_class", 0), 0);
    sqlite3_close(h);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sinks),
        cmocka_unit_test(a_planted_sink_is_found),
        cmocka_unit_test(one_harmful_fault_is_no_sink),
        cmocka_unit_test(two_classes_have_no_sinks),
    };
    return run_suite(tests, NULL, NULL);
}
