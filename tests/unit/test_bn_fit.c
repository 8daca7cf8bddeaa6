/* Proves the rates of failure in time, and that they count the bits that are storage, and all strata of
 * the item. */
#include "support/bn_settings.h"

/* A target is for the whole item: never met by a layer alone, nor while strata lack trials. */
static void targets_are_met_by_the_whole_item(void **state)
{
    (void)state;
    static const char met[] = "SELECT target = 'met' FROM failure_rate WHERE scope = %d AND level = 'all'";
    static const char layers[] =
        "SELECT count(*) FROM failure_rate WHERE level = 'layer' AND (target IS NOT NULL OR "
        "target_population IS NOT NULL OR fit_target IS NOT NULL)";
    char sql[160];
    fixture f;
    open_fixture(&f);
    assert_ok(set(&f, "fit_target=1e6", "scope=2,3", NULL));
    assert_int_equal(fx_number(f.db, layers), 0);
    assert_true(fx_number(f.db, "SELECT count(*) FROM failure_rate WHERE level = 'layer'") == 6);
    for (int scope = -1; scope <= 3; scope += scope < 0 ? 3 : 1) {
        snprintf(sql, sizeof sql, met, scope);
        assert_true(fx_number(f.db, sql) == 1);
    }
    /* An entry of two sites a trial has no rate of one fault: a scope with it is open. */
    fx_number(f.db, "UPDATE entry SET count = 2 WHERE id = 3");
    snprintf(sql, sizeof sql, met, -1);
    assert_true(fx_number(f.db, sql) == 0);
    assert_true(fx_number(f.db, "SELECT coverage < 1 FROM failure_rate WHERE scope = -1 AND level = 'all'") ==
                1);
    assert_ok(set(&f, "scope=", NULL, NULL));
    assert_ok(set(&f, "raw_rate=0", NULL, NULL)); /* no upset at all: nothing to hold against a target */
    assert_int_equal(fx_number(f.db, "SELECT count(target) FROM failure_rate"), 0);
    fixture_close(&f);
    fixture_open(&f);
    fx_run(&f, f.db, 0, FX_IMAGES * FX_REPETITIONS, 200); /* one of the two strata of entry 2 */
    assert_ok(set(&f, "fit_target=1e6", "scope=2", NULL));
    snprintf(sql, sizeof sql, met, -1);
    assert_true(fx_number(f.db, sql) == 0);
    snprintf(sql, sizeof sql, met, 2);
    assert_true(fx_number(f.db, sql) == 0);
    assert_int_equal(fx_number(f.db, layers), 0);
    /* ... unless the other one is no memory of its own: a later run of the job says so. */
    f.stratum[1].borrowed = true;
    fx_run(&f, f.db, 0, 0, 200);
    assert_true(fx_number(f.db, sql) == 1);
    fixture_close(&f);
}

static void what_is_no_storage_has_no_bits(void **state)
{
    (void)state;
    fixture f;
    open_fixture(&f);
    fx_number(f.db, "CREATE TABLE before AS SELECT * FROM layer_outcome");
    f.stratum[1].borrowed = true;
    fx_run(&f, f.db, 0, 0, 200); /* the job has changed: no trial is run */
    static const struct {
        const char *sql;
        double want;
    } cases[] = {
        {"SELECT storage FROM stratum WHERE entry = 2 AND layer = 2", 0},
        {"SELECT sum(storage) FROM stratum", 3},
        {"SELECT bits FROM bn_stratum WHERE entry = 2 AND layer = 2", 0},
        {"SELECT bits FROM bn_stratum WHERE entry = 2 AND layer = 0", 3200},
        {"SELECT count(*) FROM (SELECT * FROM layer_outcome EXCEPT SELECT * FROM before)", 0},
        {"SELECT strata FROM network_sdc WHERE entry = 2 AND weights = 'bits'", 1},
        {"SELECT planned_strata FROM network_sdc WHERE entry = 2 AND weights = 'bits'", 1},
        {"SELECT coverage FROM network_sdc WHERE entry = 2 AND weights = 'bits'", 1},
        {"SELECT strata FROM network_sdc WHERE entry = 2 AND weights = 'uniform'", 2},
        {"SELECT n.sdc1_rate = l.sdc1_rate FROM network_sdc n JOIN layer_accuracy l ON l.entry = 2 AND "
         "l.layer = 0 WHERE "
         "n.entry = 2 AND n.weights = 'bits'",
         1},
        {"SELECT count(*) FROM failure_rate WHERE scope = 2 AND layer = 2 AND bits = 0 AND storage = 0 AND "
         "raw_fit = 0 "
         "AND sdc_fit = 0 AND sdc_fit_high = 0 AND sdc_fit_population_high = 0 AND due_fit = 0",
         1},
        {"SELECT bits FROM failure_rate WHERE scope = 2 AND level = 'all'", 3200},
        {"SELECT a.sdc_fit = b.sdc_fit AND a.sdc_fit_high = b.sdc_fit_high FROM failure_rate a JOIN "
         "failure_rate b ON "
         "b.scope = 2 AND b.layer = 0 WHERE a.scope = 2 AND a.level = 'all'",
         1},
        {"SELECT probability FROM bn_layer WHERE entry = 2 AND layer = 2", 0.5},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (fx_number(f.db, cases[i].sql) != cases[i].want)
            fail_msg("%s: %g, expected %g", cases[i].sql, fx_number(f.db, cases[i].sql), cases[i].want);
    assert_ok(set(&f, "layer_prior=bits", NULL, NULL));
    assert_true(fx_number(f.db, "SELECT probability FROM bn_layer WHERE entry = 2 AND layer = 2") == 0);
    assert_ok(set(&f, "scope=2", NULL, NULL));
    assert_true(fx_number(f.db, "SELECT probability FROM bn_layer WHERE scope = -1 AND layer = 2") == 0);
    assert_true(fx_number(f.db, "SELECT coverage FROM bn_scope WHERE scope = -1") == 1);
    /* An exposure that is given is one, whatever the bits. */
    assert_ok(load(&f, "priors", "entry,layer,exposure\n2,0,\n2,2,0.5\n"));
    assert_true(fx_number(f.db, "SELECT probability FROM bn_layer WHERE scope = -1 AND layer = 2") > 0.9);
    f.stratum[1].borrowed = false;
    fx_run(&f, f.db, 0, 0, 200);
    assert_true(fx_number(f.db, "SELECT min(storage) FROM stratum") == 1);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(targets_are_met_by_the_whole_item),
        cmocka_unit_test(what_is_no_storage_has_no_bits),
    };
    return run_suite(tests, NULL, NULL);
}
