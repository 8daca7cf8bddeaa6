/* Proves that settings of the Bayesian network never override each other silently. */
#include "support/bn_settings.h"

#include <math.h>

static bool is_kind(const fixture *f, const char *kind)
{
    char sql[128];
    snprintf(sql, sizeof sql, "SELECT value = '%s' FROM bn_parameter WHERE name = 'layer_prior'", kind);
    return fx_number(f->db, sql) == 1;
}

/* Entries and layers of bn_prior_layer that meet a condition. */
static int listed(const fixture *f, const char *where)
{
    char sql[160];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM bn_prior_layer WHERE %s", where);
    return (int)fx_number(f->db, sql);
}

static void what_the_user_writes_wins(void **state)
{
    (void)state;
    static const char *const kinds[] = {"uniform", "bits", "exposure", "direct"};
    fixture f;
    open_fixture(&f);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        for (int order = 0; order < 2; order++) {
            char kind[32];
            snprintf(kind, sizeof kind, "layer_prior=%s", kinds[i]);
            assert_ok(load(&f, "priors", "entry,layer,probability\n2,0,3\n2,2,1\n3,1,1\n"));
            assert_ok(order ? set(&f, "p=0.5", kind, "scope=2") : set(&f, "scope=2", "p=0.5", kind));
            assert_true(is_kind(&f, kinds[i]));
            assert_true(fx_number(f.db, "SELECT value FROM bn_parameter WHERE name = 'p'") == 0.5);
            assert_int_equal(listed(&f, "entry = 2 AND probability > 0"), 2);
            assert_int_equal(listed(&f, "entry <> 2"), 0);
        }
    assert_true(fx_number(f.db, "SELECT p FROM bn_scope WHERE scope = -1") == 0.5);
    assert_error(set(&f, "p=0.1", "scope=2", "p=0.2"), "p is given twice: p=0.1 and p=0.2");
    assert_error(set(&f, "scope=2", "p=0.1", "scope="), "scope is given twice");
    assert_error(set(&f, "raw_rate=1", "p=0.1", "raw_fit=1"), "raw_rate is given twice");
    assert_non_null(strstr(bs_error_hint(), "raw_fit is raw_rate"));
    assert_true(fx_number(f.db, "SELECT value FROM bn_parameter WHERE name = 'p'") == 0.5);
    fixture_close(&f);
}

static void a_scope_keeps_values(void **state)
{
    (void)state;
    fixture f;
    open_fixture(&f);
    assert_ok(load(&f, "priors", "entry,layer,raw_rate,residency,exposure\n2,0,1e-9,,\n3,1,,7,0.5\n"));
    assert_true(is_kind(&f, "exposure"));
    assert_ok(set(&f, "scope=2,3", NULL, NULL));
    assert_int_equal(listed(&f, "true"), 3); /* the other stratum of entry 2 has come */
    assert_int_equal(listed(&f, "entry = 2 AND layer = 0 AND raw_rate = 1e-9"), 1);
    assert_int_equal(listed(&f, "entry = 3 AND residency = 7 AND exposure = 0.5"), 1);
    assert_ok(set(&f, "scope=2", NULL, NULL));
    assert_int_equal(listed(&f, "raw_rate = 1e-9"), 1);
    assert_int_equal(listed(&f, "entry = 3"), 0);
    assert_true(is_kind(&f, "exposure"));
    assert_ok(set(&f, "scope=", NULL, NULL));
    assert_int_equal(listed(&f, "true"), 0);
    assert_true(is_kind(&f, "uniform"));
    assert_ok(set(&f, "layer_prior=bits", "scope=", NULL));
    assert_true(is_kind(&f, "bits"));
    /* direct stays where a stratum in scope still has a probability */
    assert_ok(load(&f, "priors", "entry,layer,probability\n2,0,3\n"));
    assert_ok(set(&f, "scope=2,3", NULL, NULL));
    assert_true(is_kind(&f, "direct"));
    assert_ok(set(&f, "scope=3", NULL, NULL));
    assert_true(is_kind(&f, "exposure"));
    fixture_close(&f);
}

static void columns_imply_the_prior(void **state)
{
    (void)state;
    static const struct {
        const char *csv, *kind;
    } cases[] = {
        {"entry,layer,probability\n2,0,1\n3,1,\n", "direct"},
        {"entry,layer\n2,0\n", "exposure"},
        {"entry,layer,probability,raw_rate,exposure\n2,0,1,1e-9,0.1\n", "direct"},
        {"entry,layer,raw_rate,residency,exposure,probability\n2,0,1e-9,,,\n", "exposure"},
        {"entry,layer\n", "uniform"},
    };
    fixture f;
    open_fixture(&f);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_ok(load(&f, "priors", cases[i].csv));
        if (!is_kind(&f, cases[i].kind))
            fail_msg("%s: not %s", cases[i].csv, cases[i].kind);
        assert_true(fx_number(f.db, "SELECT count(*) FROM bn_trust") > 0);
    }
    assert_ok(set(&f, "layer_prior=bits", NULL, NULL));
    assert_ok(load(&f, "priors", "entry,layer\n"));
    assert_true(is_kind(&f, "bits"));
    fixture_close(&f);
}

/* P(F) = 1 - exp(-m) in full, however small m is. */
static void small_exposures_keep_their_digits(void **state)
{
    (void)state;
    static const double exposures[] = {1e-18, 3e-9, 0.9e-4, 1.1e-4, 0.5};
    char csv[96];
    fixture f;
    open_fixture(&f);
    for (size_t i = 0; i < sizeof exposures / sizeof *exposures; i++) {
        snprintf(csv, sizeof csv, "entry,layer,exposure\n2,0,%.17g\n3,1,0\n", exposures[i]);
        assert_ok(load(&f, "priors", csv));
        double p = fx_number(f.db, "SELECT p FROM bn_scope WHERE scope = -1");
        if (!(fabs(p / -expm1(-exposures[i]) - 1) < 1e-11))
            fail_msg("%.17g: %.17g, expected %.17g", exposures[i], p, -expm1(-exposures[i]));
    }
    fixture_close(&f);
}

/* One change that is refused with a hint, and leaves the file as it was. */
static void refused(const fixture *f, bs_status st, const char *message, const char *hint)
{
    if (st != BS_USAGE || !strstr(bs_error_message(), message) || !strstr(bs_error_hint(), hint))
        fail_msg("%d: %s (hint: %s), expected %s (%s)", st, bs_error_message(), bs_error_hint(), message,
                 hint);
    assert_true(is_kind(f, "uniform"));
    assert_int_equal(listed(f, "true"), 0);
    assert_int_equal(fx_number(f->db, "SELECT count(*) FROM bn_prior_image"), 0);
}

static void what_would_count_nowhere_is_refused(void **state)
{
    (void)state;
    fixture f;
    open_fixture(&f);
    refused(&f, set(&f, "layer_prior=exposure", NULL, NULL), "no stratum is in scope",
            "set scope=2 layer_prior=exposure`");
    assert_ok(set(&f, "scope=2", "layer_prior=exposure", NULL)); /* the hint works */
    assert_ok(set(&f, "scope=", NULL, NULL));
    refused(&f, set(&f, "layer_prior=direct", NULL, NULL), "no stratum is in scope",
            "entry,layer,probability");
    refused(&f, set(&f, "layer_prior=direct", "scope=2", NULL), "no stratum in scope has a probability",
            "entry,layer,probability");
    refused(&f, set(&f, "scope=2", "raw_fit=0", NULL), "every stratum in scope has exposure 0",
            "raw_rate x bits");
    refused(&f, set(&f, "activation_hours=0", "scope=2", NULL), "every stratum in scope has exposure 0",
            "layer_prior=uniform");
    refused(&f, set(&f, "scope=2,7", NULL, NULL), "a trial of entry 7 may hold any number of faults",
            "--scope 7");
    refused(&f, load(&f, "priors", "entry,layer\n2,0\n7,2\n"),
            "a trial of entry 7 may hold any number of faults", "leave it out");
    refused(&f, load(&f, "priors", "entry,layer,probability\n2,0,0\n2,2,0\n"),
            "every probability in scope is 0", "not all");
    refused(&f, load(&f, "priors", "entry,layer\n2,1\n"), "entry 2 does not hit layer 'conv.weight'",
            "stratum");
    refused(&f, load(&f, "weights", "image,weight\n0,0\n1,0\n"), "every weight is 0", "above 0");
    /* With a prior that is at fault already, other settings can be made. */
    fx_number(f.db, "UPDATE bn_parameter SET value = 'direct' WHERE name = 'layer_prior'");
    assert_ok(set(&f, "p=0.25", NULL, NULL));
    assert_ok(set(&f, "scope=", NULL, NULL));
    assert_true(is_kind(&f, "uniform"));
    fixture_close(&f);
}

static void numbers_are_finite_and_in_range(void **state)
{
    (void)state;
    static const char *const names[] = {
        "p",          "pseudo_count",     "confidence",      "alpha",           "raw_rate",
        "raw_fit",    "activation_hours", "parameter_hours", "activation_duty", "parameter_duty",
        "fit_target", "rerun_budget",     "default_cost"};
    static const char *const values[] = {"inf", "nan", "-1", "", "1e999", "1x", "-inf", "1e31"};
    static const char *const tables[][2] = {
        {"priors", "entry,layer,raw_rate\n2,0,%s\n"}, {"priors", "entry,layer,residency\n2,0,%s\n"},
        {"priors", "entry,layer,exposure\n2,0,%s\n"}, {"priors", "entry,layer,probability\n2,0,%s\n"},
        {"weights", "image,weight\n0,%s\n"},          {"costs", "truth,answer,cost\n1,2,%s\n"},
    };
    char text[96];
    fixture f;
    open_fixture(&f);
    for (size_t v = 0; v < sizeof values / sizeof *values; v++) {
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
            snprintf(text, sizeof text, "%s=%s", names[i], values[v]);
            refused(&f, set(&f, text, NULL, NULL), "cannot be", "it is ");
        }
        for (size_t i = 0; i < sizeof tables / sizeof *tables && v % 4 == 0 && *values[v]; i++) {
            snprintf(text, sizeof text, tables[i][1], values[v]);
            refused(&f, load(&f, tables[i][0], text), "not a number, negative, or too large", "1e30");
        }
    }
    refused(&f, set(&f, "activation_duty=1.5", NULL, NULL), "activation_duty cannot be '1.5'",
            "share of the time");
    refused(&f, set(&f, "rerun_budget=1.5", NULL, NULL), "rerun_budget cannot be '1.5'", "share");
    assert_ok(set(&f, "p=-0", "raw_rate=1e30", NULL));
    assert_true(!signbit(fx_number(f.db, "SELECT value FROM bn_parameter WHERE name = 'p'")));
    /* New files check themselves, too. */
    sqlite3 *h;
    assert_int_equal(sqlite3_open(f.db, &h), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(h, "UPDATE bn_parameter SET value = 9e999 WHERE name = 'raw_rate'", NULL, NULL, NULL),
        SQLITE_CONSTRAINT);
    assert_int_equal(sqlite3_exec(h,
                                  "INSERT INTO bn_prior_layer (entry, layer, raw_rate) VALUES (2, 0, 9e999)",
                                  NULL, NULL, NULL),
                     SQLITE_CONSTRAINT);
    sqlite3_close(h);
    fixture_close(&f);
}

static void confidence_is_checked(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "confidence=7",   "confidence=0.4", "confidence=1",    "confidence=often",
        "confidence=nan", "confidence=",    "confidence=0.95%"};
    fixture f;
    fixture_open(&f);
    fx_run(&f, f.db, 0, FX_ROWS, 200);
    assert_ok(set(&f, "confidence=0.5", NULL, NULL));
    assert_ok(set(&f, "confidence=0.9999", NULL, NULL));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_error(set(&f, bad[i], NULL, NULL), "setting confidence cannot be");
        assert_non_null(strstr(bs_error_hint(), "0.5 to 0.9999"));
    }
    assert_true(fx_number(f.db, "SELECT value FROM bn_parameter WHERE name = 'confidence'") == 0.9999);
    fixture_close(&f);
}

/* The bounds of severity allow for the largest cost that can occur, and for no other. */
static void costs_that_cannot_occur_widen_nothing(void **state)
{
    (void)state;
    static const char sql[] = "SELECT total(low) + 2 * total(high) + 4 * total(upper) FROM severity";
    static const char *const possible[] = {"'a', 'a'", "'a', 'one'", "'one', 'a'", "'one', 'DUE'"};
    char insert[80];
    fixture f;
    open_fixture(&f);
    assert_ok(load(&f, "groups", "class,group\n0,a\n1,a\n2,one\n"));
    double bounds = fx_number(f.db, sql);
    fx_number(f.db,
              "INSERT INTO group_cost VALUES ('gone', 'a', 1e3), ('a', 'gone', 1e3), ('gone', 'DUE', 1e3), "
              "('one', 'one', 1e3), ('DUE', 'a', 1e3), ('DUE', 'DUE', 1e3)");
    assert_true(fx_number(f.db, sql) == bounds);
    for (size_t i = 0; i < sizeof possible / sizeof *possible; i++) {
        snprintf(insert, sizeof insert, "INSERT INTO group_cost VALUES (%s, 1e3)", possible[i]);
        fx_number(f.db, insert);
        if (!(fx_number(f.db, sql) > 10 * bounds))
            fail_msg("a cost of (%s) counts nowhere", possible[i]);
        fx_number(f.db, "DELETE FROM group_cost");
    }
    /* Of one group, and of two with both costs, the default is never paid. */
    fx_number(f.db, "INSERT OR REPLACE INTO class_group SELECT id, 'a' FROM class");
    fx_number(f.db, "INSERT INTO group_cost VALUES ('a', 'a', 2)");
    bounds = fx_number(f.db, sql);
    assert_ok(set(&f, "default_cost=50", NULL, NULL));
    assert_true(bounds > 0 && fx_number(f.db, sql) == bounds);
    fx_number(f.db, "UPDATE class_group SET name = 'b' WHERE class > 3");
    assert_true(fx_number(f.db, sql) > 2 * bounds);
    fx_number(f.db, "INSERT INTO group_cost VALUES ('a', 'b', 2), ('b', 'a', 2), ('b', 'b', 2)");
    assert_true(fx_number(f.db, sql) == bounds);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(costs_that_cannot_occur_widen_nothing),
        cmocka_unit_test(what_the_user_writes_wins),
        cmocka_unit_test(a_scope_keeps_values),
        cmocka_unit_test(columns_imply_the_prior),
        cmocka_unit_test(small_exposures_keep_their_digits),
        cmocka_unit_test(what_would_count_nowhere_is_refused),
        cmocka_unit_test(numbers_are_finite_and_in_range),
        cmocka_unit_test(confidence_is_checked),
    };
    return run_suite(tests, NULL, NULL);
}
