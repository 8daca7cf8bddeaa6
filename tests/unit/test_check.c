/* Proves that `bitsink check` compares rates with limits as documented. */
#include "support/store_fixture.h"

#include "bn/check.h"
#include "bn/check_names.h"
#include "fault/sample.h"

#include <math.h>

static void open_complete(fixture *f)
{
    fixture_open(f);
    f->run.backend = "cpu"; /* rows of the null device are refused */
    fx_run(f, f->db, 0, FX_ROWS, 100);
}

static char *rows; /* of the last check, as JSON */

static bs_status check(const fixture *f, const bs_check_options *o, bs_check_counts *n)
{
    size_t len;
    free(rows);
    FILE *out = open_memstream(&rows, &len);
    bs_status st = bs_check(n, out, f->db, o, BS_ROWS_JSON);
    fclose(out);
    return st;
}

static long long judged(const bs_check_counts *n)
{
    long long sum = 0;
    for (int i = 0; i < BS_VERDICTS_N; i++)
        sum += n->rows[i];
    return sum;
}

/* The number after "key": in a line of JSON. */
static double value(const char *line, const char *key)
{
    const char *at = strstr(line, key);
    assert_non_null(at);
    return strtod(at + strlen(key), NULL);
}

static const char *const names[] = {
#define X(name, better, source, columns, where) #name,
    BS_CHECKS(X)
#undef X
};
enum { N_NAMES = sizeof names / sizeof *names };

/* Appends "NAME=LIMIT" for every name whose view has the bound. */
static int add_all(char *list, size_t size, int kind, int side, const double *limit)
{
    int n = 0;
    size_t len = 0;
    for (int i = 0; i < N_NAMES; i++) {
        const bs_check_columns *c = bs_check_find(names[i])->columns;
        if (kind != BS_CHECK_RATE && !c->bound[kind][side])
            continue;
        double v = limit ? limit[i] : side == 1 ? c->least : isinf(c->most) ? 1e9 : c->most;
        len += (size_t)snprintf(list + len, size - len, "%s%s=%.17g", n++ ? "," : "", names[i], v);
        assert_true(len < size);
    }
    return n;
}

/* The first row of a name. */
static const char *first_row(const char *name)
{
    char key[96];
    snprintf(key, sizeof key, "{\"check\": \"%s\"", name);
    return strstr(rows, key);
}

/* The verdict of a line, in quotation marks. */
static const char *verdict(const char *line)
{
    return strstr(line, "\"verdict\": ") + strlen("\"verdict\": ");
}

/* Every name has rows; the bound lies on the side of the rate that it should; a limit between both is open.
 */
static void every_name_and_bound(void **state)
{
    (void)state;
    fixture f;
    bs_check_counts n;
    char list[4096];
    double between[N_NAMES];
    open_complete(&f);
    for (int kind = 0; kind <= BS_CHECK_RATE; kind++)
        for (int side = 0; side < 2; side++) {
            bs_check_options o = {.bound = bs_check_bound_name[kind][side]};
            *(side ? &o.min : &o.max) = list;
            int asked = add_all(list, sizeof list, kind, side, NULL);
            assert_true(asked > 10);
            assert_ok(check(&f, &o, &n));
            for (const char *line = rows; *line; line = strchr(line, '\n') + 1) {
                double rate = value(line, "\"rate\": "), bound = value(line, "\"bound\": ");
                if (side ? bound > rate + 1e-12 : bound < rate - 1e-12)
                    fail_msg("%s: %.*s", o.bound, (int)strcspn(line, "\n"), line);
            }
            char *apart[N_NAMES] = {NULL}; /* what the row is of */
            for (int i = 0; i < N_NAMES; i++) {
                const char *line = first_row(names[i]);
                if (line) {
                    double rate = value(line, "\"rate\": "), bound = value(line, "\"bound\": ");
                    between[i] = (rate + bound) / 2;
                    if (fabs(rate - bound) > 1e-9)
                        apart[i] = strndup(line, (size_t)(strstr(line, "\"rate\"") - line));
                    asked--;
                }
            }
            assert_int_equal(asked, 0);
            add_all(list, sizeof list, kind, side, between);
            bs_status st = check(&f, &o, &n);
            assert_int_equal(st, n.rows[BS_VERDICT_broken] ? BS_LIMIT : BS_OPEN);
            assert_true(kind != BS_CHECK_RATE || n.rows[BS_VERDICT_open] == 0);
            for (int i = 0; i < N_NAMES; i++)
                if (apart[i]) {
                    assert_memory_equal(verdict(strstr(rows, apart[i])),
                                        kind == BS_CHECK_RATE ? "\"broken\"" : "\"open\"", 6);
                    free(apart[i]);
                }
        }
    fixture_close(&f);
}

/* How many rows of layer_outcome have a condition. */
static long long count(const fixture *f, const char *condition)
{
    char sql[512];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM layer_outcome WHERE outcome = 'sdc1' AND %s", condition);
    return (long long)fx_number(f->db, sql);
}

static void verdicts_as_the_view_says(void **state)
{
    (void)state;
    fixture f;
    bs_check_counts n;
    char limit[64], kept[64], broken[128];
    static const struct {
        const char *up,
            *down; /* bounds of a largest and of a smallest value: the other one proves it broken */
    } kinds[] = {
        {"upper", "lower"}, {"high", "low"}, {"population_high", "population_low"}, {"rate", "rate"}};
    open_complete(&f);
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        for (double at = 0.02; at < 0.7; at += 0.11) {
            snprintf(limit, sizeof limit, "layer_sdc1=%g", at);
            bs_check_options most = {.max = limit, .bound = kinds[k].up};
            check(&f, &most, &n);
            snprintf(kept, sizeof kept, "%s <= %g", kinds[k].up, at);
            snprintf(broken, sizeof broken, "%s > %g AND NOT %s", kinds[k].down, at, kept);
            assert_int_equal(n.rows[BS_VERDICT_kept], count(&f, kept));
            assert_int_equal(n.rows[BS_VERDICT_broken], count(&f, broken));
            assert_int_equal(judged(&n), FX_STRATA);
            bs_check_options least = {.min = limit, .bound = kinds[k].down};
            check(&f, &least, &n);
            snprintf(kept, sizeof kept, "%s >= %g", kinds[k].down, at);
            snprintf(broken, sizeof broken, "%s < %g AND NOT %s", kinds[k].up, at, kept);
            assert_int_equal(n.rows[BS_VERDICT_kept], count(&f, kept));
            assert_int_equal(n.rows[BS_VERDICT_broken], count(&f, broken));
            assert_int_equal(judged(&n), FX_STRATA);
        }
    fixture_close(&f);
}

/* The same of a parameter: what counts are its faults, drawn without replacement. */
static void needed_faults(void **state)
{
    (void)state;
    fixture f;
    bs_check_counts n;
    char limit[64];
    open_complete(&f);
    double confidence = 0.95, low, high, population = (double)f.stratum[2].population;
    for (int side = 0; side < 2; side++)
        for (int two = 0; two < 2; two++) {
            bs_check_options o = {.bound = bs_check_bound_name[two][side], .entry = "3"};
            *(side ? &o.min : &o.max) = limit;
            snprintf(limit, sizeof limit, "layer_masked=%d", side ? 0 : 1);
            assert_ok(check(&f, &o, &n));
            double rate = value(rows, "\"rate\": "), at = rate + (value(rows, "\"bound\": ") - rate) / 8;
            snprintf(limit, sizeof limit, "layer_masked=%.17g", at);
            assert_int_equal(check(&f, &o, &n), BS_OPEN);
            assert_non_null(strstr(rows, "\"unit\": \"fault\""));
            double needed = value(rows, "\"needed\": ");
            for (int less = 0; less < 2; less++) {
                double count = bs_without_replacement(less ? needed * 0.98 : needed, population);
                bs_share_bounds(&low, &high, rate, count, two ? confidence : 2 * confidence - 1);
                assert_int_equal(side ? low >= at : high <= at, !less);
            }
        }
    fixture_close(&f);
}

/* Nothing passes before all is there, and the last run has said that it is done. */
/* The row of a network or of a layer of an entry. */
static const char *row_of(const char *name, int entry, const char *layer)
{
    char key[32], where[48];
    snprintf(key, sizeof key, "\"entry\": %d,", entry);
    snprintf(where, sizeof where, "\"layer\": %s,", layer);
    for (const char *line = rows; *line; line = strchr(line, '\n') + 1) {
        size_t len = strcspn(line, "\n");
        const char *at = strstr(line, name), *e = strstr(line, key), *l = strstr(line, where);
        if (at && at < line + len && e && e < line + len && l && l < line + len)
            return line;
    }
    return NULL;
}

/* Trials in the hand-made file, each counted this many times; faults of parameters cannot be. */
static void multiply(const fixture *f, int times)
{
    char sql[512];
    snprintf(sql, sizeof sql,
             "UPDATE unit SET done = done * %d; UPDATE summary SET n = n * %d, masked = masked * %d, sdc5 = "
             "sdc5 * "
             "%d, sdc10 = sdc10 * %d, sdc20 = sdc20 * %d",
             times, times, times, times, times, times);
    sqlite3 *db;
    assert_int_equal(sqlite3_open(f->db, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

/* With as many trials as an open row needs it is kept, with some less it is still open. */
static void what_is_needed_is_enough(void **state)
{
    (void)state;
    static const struct {
        const char *name, *layer;
        double share; /* of these not enough; sums take no notice of draws without replacement */
    } what[] = {{"network_sdc", "null", 0.9}, {"layer_sdc", "0", 0.98}};
    for (size_t w = 0; w < 2; w++)
        for (int two = 0; two < 2; two++)
            for (int side = 0; side < 2; side++)
                for (int close = 2; close < 7; close += 2) {
                    fixture f;
                    bs_check_counts n;
                    char limit[64];
                    open_complete(&f);
                    bs_check_options o = {.bound = bs_check_bound_name[two][side], .partial = true};
                    *(side ? &o.min : &o.max) = limit;
                    snprintf(limit, sizeof limit, "%s=%d", what[w].name, side ? 0 : 1);
                    assert_ok(check(&f, &o, &n));
                    const char *line = row_of(what[w].name, 2, what[w].layer);
                    double rate = value(line, "\"rate\": "), bound = value(line, "\"bound\": ");
                    snprintf(limit, sizeof limit, "%s=%.17g", what[w].name, rate + (bound - rate) / close);
                    check(&f, &o, &n);
                    line = row_of(what[w].name, 2, what[w].layer);
                    assert_memory_equal(verdict(line), "\"open\"", 6);
                    double times = value(line, "\"needed\": ") / value(line, "\"units\": ");
                    assert_true(times > 1);
                    int less = (int)floor(times * what[w].share);
                    multiply(&f, less);
                    check(&f, &o, &n);
                    assert_memory_equal(verdict(row_of(what[w].name, 2, what[w].layer)), "\"open\"", 6);
                    fixture_close(&f);
                    open_complete(&f);
                    multiply(&f, (int)ceil(times));
                    check(&f, &o, &n);
                    assert_memory_equal(verdict(row_of(what[w].name, 2, what[w].layer)), "\"kept\"", 6);
                    fixture_close(&f);
                }
}

static void a_running_campaign_is_incomplete(void **state)
{
    (void)state;
    fixture f;
    bs_store *s;
    bs_check_counts n;
    const bs_check_options o = {.max = "layer_sdc=1"}, partial = {.max = "layer_sdc=1", .partial = true};
    fixture_open(&f);
    f.run.backend = "cpu";
    assert_ok(bs_store_open(&s, f.db, &f.plan, f.images, NULL));
    assert_int_equal(check(&f, &o, &n), BS_OPEN); /* no run at all */
    assert_int_equal(n.rows[BS_VERDICT_incomplete], FX_STRATA);
    assert_int_equal(check(&f, &partial, &n), BS_NOTHING_COMMON);
    assert_ok(bs_store_begin_run(s, &f.run));
    assert_ok(fx_add(&f, s, 0, FX_ROWS / 2));
    assert_ok(bs_store_end_run(s, 3, NULL));
    assert_int_equal(check(&f, &o, &n), BS_OPEN);
    assert_int_equal(n.rows[BS_VERDICT_incomplete], FX_STRATA);
    assert_int_equal(n.missing, FX_ROWS / 2);
    assert_ok(check(&f, &partial, &n));
    assert_int_equal(n.rows[BS_VERDICT_kept], FX_STRATA / 2);
    assert_int_equal(n.untried, FX_STRATA / 2);
    bs_store_close(s);
    fx_run(&f, f.db, FX_ROWS / 2, FX_ROWS - 1, 100);
    assert_int_equal(check(&f, &o, &n), BS_OPEN); /* one trial lacks, of the last stratum */
    assert_int_equal(n.rows[BS_VERDICT_incomplete], 1);
    assert_int_equal(n.rows[BS_VERDICT_kept], FX_STRATA - 1);
    fx_run(&f, f.db, FX_ROWS - 1, FX_ROWS, 100);
    assert_ok(check(&f, &o, &n));
    assert_int_equal(n.rows[BS_VERDICT_kept], FX_STRATA);
    assert_int_equal(n.missing, 0);
    fx_number(f.db, "UPDATE run SET exit = NULL WHERE id = (SELECT max(id) FROM run)");
    assert_int_equal(check(&f, &o, &n), BS_OPEN);
    assert_int_equal(n.rows[BS_VERDICT_incomplete], FX_STRATA);
    fixture_close(&f);
}

static void made_up_answers_are_refused(void **state)
{
    (void)state;
    fixture f;
    bs_check_counts n;
    const bs_check_options o = {.max = "layer_sdc=1", .partial = true};
    fixture_open(&f);
    fx_run(&f, f.db, 0, FX_ROWS / 2, 100); /* by the null device */
    f.run.backend = "cpu";
    fx_run(&f, f.db, FX_ROWS / 2, FX_ROWS, 100);
    assert_int_equal(check(&f, &o, &n), BS_NOTHING_COMMON);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_name_and_bound),
        cmocka_unit_test(verdicts_as_the_view_says),
        cmocka_unit_test(what_is_needed_is_enough),
        cmocka_unit_test(needed_faults),
        cmocka_unit_test(a_running_campaign_is_incomplete),
        cmocka_unit_test(made_up_answers_are_refused),
    };
    int failed = run_suite(tests, NULL, NULL);
    free(rows);
    return failed;
}
