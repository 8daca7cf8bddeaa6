/* Proves that trials which hit several layers in one inference, and raw rankings, are stored, continued,
 * merged, upgraded and compared like all others. */
#include "support/store_campaign.h"

#include "store/compare.h"
#include "store/identity.h"

/* The tables that hold more than trials do; none names a run. */
static const char *const tables[] = {"trial_site", "trial_ranking", "golden_ranking", "network_target"};

static void network_open(fixture *f, bool parameter)
{
    fixture_open(f);
    fx_add_network(f, parameter);
}

/* A finished file whose network has a weight among its layers, for the tests that only read it; the last one
 * changes it. */
static fixture whole;

static int open_whole(void **state)
{
    (void)state;
    network_open(&whole, true);
    fx_run(&whole, whole.db, 0, whole.n_rows, 100);
    return 0;
}

static int close_whole(void **state)
{
    (void)state;
    fixture_close(&whole);
    return 0;
}

/* Asserts that the files have the same digest and the same rows in all tables above. */
static void assert_same(const char *a, const char *b)
{
    char one[33], two[33], sql[512];
    sqlite3 *h;
    assert_ok(bs_store_digest(a, one, NULL));
    assert_ok(bs_store_digest(b, two, NULL));
    assert_string_equal(one, two);
    assert_int_equal(sqlite3_open(a, &h), SQLITE_OK);
    snprintf(sql, sizeof sql, "ATTACH '%s' AS other", b);
    assert_int_equal(sqlite3_exec(h, sql, NULL, NULL, NULL), SQLITE_OK);
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        sqlite3_stmt *q;
        snprintf(sql, sizeof sql,
                 "SELECT count(*), (SELECT count(*) FROM other.%s), (SELECT count(*) FROM (SELECT * FROM "
                 "main.%s EXCEPT SELECT * FROM other.%s)) FROM main.%s",
                 tables[i], tables[i], tables[i], tables[i]);
        assert_int_equal(sqlite3_prepare_v2(h, sql, -1, &q, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_step(q), SQLITE_ROW);
        assert_true(sqlite3_column_int(q, 0) > 0);
        assert_int_equal(sqlite3_column_int(q, 0), sqlite3_column_int(q, 1));
        assert_int_equal(sqlite3_column_int(q, 2), 0);
        sqlite3_finalize(q);
    }
    sqlite3_close(h);
}

static sqlite3_stmt *ask(sqlite3 *h, const char *sql)
{
    sqlite3_stmt *q;
    if (sqlite3_prepare_v2(h, sql, -1, &q, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(h));
    return q;
}

static void sites_come_back(void **state)
{
    (void)state;
    fixture *f = &whole;
    sqlite3 *h;
    bs_trial_site want[FX_STORED];
    assert_int_equal(sqlite3_open(f->db, &h), SQLITE_OK);
    sqlite3_stmt *q = ask(h, "SELECT trial, layer, element, keep, toggle, before FROM trial_site");
    for (size_t i = FX_ROWS; i < f->n_rows; i++)
        for (int k = 0, n = fx_sites(f, &f->row[i], want); k < n; k++) {
            const uint64_t v[] = {want[k].trial, want[k].layer,  want[k].element,
                                  want[k].keep,  want[k].toggle, want[k].before};
            assert_int_equal(sqlite3_step(q), SQLITE_ROW);
            for (int c = 0; c < 6; c++)
                assert_int_equal(sqlite3_column_int64(q, c), v[c]);
        }
    assert_int_equal(sqlite3_step(q), SQLITE_DONE);
    sqlite3_finalize(q);
    q = ask(
        h,
        "SELECT id, n_sites FROM trial WHERE layer = 4095 AND coalesce(element, bit, keep, toggle, before) "
        "IS NULL ORDER BY id");
    for (size_t i = FX_ROWS; i < f->n_rows; i++) {
        assert_int_equal(sqlite3_step(q), SQLITE_ROW);
        assert_int_equal(sqlite3_column_int64(q, 0), f->row[i].id);
        assert_int_equal(sqlite3_column_int64(q, 1), f->row[i].n_sites);
    }
    sqlite3_finalize(q);
    sqlite3_close(h);
}

static uint32_t word_at(const unsigned char *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void assert_ranking(const fixture *f, sqlite3_stmt *q, bool golden, uint64_t of)
{
    bs_ranked want[FX_TOP_K];
    fx_ranking(f, want, golden, of);
    assert_int_equal(sqlite3_step(q), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int64(q, 0), of);
    const unsigned char *bytes = sqlite3_column_blob(q, 1);
    assert_int_equal(sqlite3_column_bytes(q, 1), 8 * FX_TOP_K);
    for (int k = 0; k < FX_TOP_K; k++) {
        assert_int_equal(word_at(bytes + 8 * k), want[k].class);
        assert_int_equal(word_at(bytes + 8 * k + 4), bs_float_bits(want[k].score));
    }
}

static void rankings_come_back(void **state)
{
    (void)state;
    fixture *f = &whole;
    sqlite3 *h;
    assert_int_equal(sqlite3_open(f->db, &h), SQLITE_OK);
    sqlite3_stmt *q = ask(h, "SELECT image, ranking FROM golden_ranking");
    for (uint64_t i = 0; i < FX_IMAGES; i++)
        assert_ranking(f, q, true, i);
    assert_int_equal(sqlite3_step(q), SQLITE_DONE);
    sqlite3_finalize(q);
    q = ask(h, "SELECT trial, ranking FROM trial_ranking");
    for (size_t i = 0; i < f->n_rows; i++)
        if (f->row[i].died_at < 0)
            assert_ranking(f, q, false, f->row[i].id);
    assert_int_equal(sqlite3_step(q), SQLITE_DONE);
    sqlite3_finalize(q);
    sqlite3_close(h);
    assert_int_equal(fx_number(f->db, "SELECT top_k FROM campaign"), FX_TOP_K);
}

static void the_network_is_described(void **state)
{
    (void)state;
    fixture *f = &whole;
    static const char *const all_true[] = {
        "SELECT name = 'network' AND label = name AND kind = name AND node IS NULL AND op IS NULL AND shape "
        "= '' "
        "AND type = '' AND elements + bits + macs = 0 AND ordinal = 3 FROM layer WHERE id = 4095",
        "SELECT scope = 'inference' AND probability = 1 AND shared_bit = 0 AND store_sites = 2 AND targets = "
        "'0-1@0.25,2' AND definition LIKE '% count 1 scope inference stored 2 targets 0-1@0.25,2' FROM entry "
        "WHERE id = 9",
        "SELECT parameter AND population = 3 * 3200 + 3 AND bits = 4294967295 AND repetitions = 12 FROM "
        "stratum "
        "WHERE layer = 4095",
        "SELECT group_concat(layer || ' ' || parameter || ' ' || probability || ' ' || population) = "
        "'0 0 0.25 3200,1 1 0.25 3201,2 0 1.0 3202' FROM network_target WHERE entry = 9 AND bits = "
        "4294967295",
        /* Faults of the network are counted as those of a parameter. */
        "SELECT count(*) = 12 AND sum(n) = 12 * 24 AND sum(masked) = (SELECT count(*) FROM trial WHERE layer "
        "= 4095 "
        "AND died_at IS NOT NULL) FROM fault_summary WHERE layer = 4095",
        "SELECT sum(n) = (SELECT count(*) FROM outcome WHERE layer = 4095 AND sdc1 AND golden_class >= 0) "
        "FROM "
        "fault_wrong WHERE layer = 4095",
    };
    for (size_t i = 0; i < sizeof all_true / sizeof *all_true; i++)
        if (fx_number(f->db, all_true[i]) != 1)
            fail_msg("not so: %s", all_true[i]);
}

static void all_may_be_hit_and_stored(void **state)
{
    (void)state;
    fixture f;
    bs_str line = {0};
    network_open(&f, false);
    f.entry[3].store_sites = UINT32_MAX;
    f.entry[3].fault.count = BS_COUNT_ALL;
    fx_run(&f, f.db, 0, 10, 10);
    assert_ok(bs_identity_entry(&line, &f.plan, 3));
    assert_string_equal(line.ptr, "flip bits 0xffffffff burst 1 count all scope inference stored all targets "
                                  "0@0.25,2");
    bs_str_clear(&line);
    assert_int_equal(fx_number(f.db, "SELECT store_sites IS NULL AND count = 0 FROM entry WHERE id = 9"), 1);
    fixture_close(&f);
}

/* Entries of one target have the line that they always had. */
static void lines_of_one_target_stay(void **state)
{
    (void)state;
    fixture f;
    bs_str line = {0};
    fixture_open(&f);
    assert_ok(bs_identity_entry(&line, &f.plan, 0));
    assert_string_equal(line.ptr, "flip bits 0xffffffff burst 1 count 1 targets 0,2");
    bs_str_clear(&line);
    f.entry[0].fault.shared_bit = 1;
    f.entry[0].probability = 0.1;
    assert_ok(bs_identity_entry(&line, &f.plan, 0));
    assert_string_equal(line.ptr,
                        "flip bits 0xffffffff burst 1 count 1 in one bit probability 0.1 targets 0,2");
    bs_str_clear(&line);
    fixture_close(&f);
}

static void refuse(fixture *f, const char *why)
{
    bs_store *s = NULL;
    assert_error(bs_store_open(&s, f->db, &f->plan, f->images, NULL), why);
    assert_non_null(strstr(bs_error_hint(), "another result file"));
}

static void what_makes_the_faults_is_identity(void **state)
{
    (void)state;
    fixture f;
    network_open(&f, false);
    fx_run(&f, f.db, 0, 50, 50);
    f.entry[3].store_sites++;
    refuse(&f, "fault entry 9");
    f.entry[3].store_sites--;
    f.part[0].probability = 0.5;
    refuse(&f, "fault entry 9");
    f.part[0].probability = 0.25;
    f.entry[3].scope = BS_SCOPE_TARGET;
    refuse(&f, "fault entry 9");
    f.entry[3].scope = BS_SCOPE_INFERENCE;
    f.entry[0].probability = 0.5;
    refuse(&f, "fault entry 2");
    f.entry[0].probability = 1;
    f.entry[1].fault.shared_bit = 1;
    refuse(&f, "fault entry 3");
    f.entry[1].fault.shared_bit = 0;
    f.job.top_k = 2;
    refuse(&f, "its top_k is '3', the job's is '2'");
    f.job.top_k = UINT32_MAX;
    refuse(&f, "its top_k is '3', the job's is '8'");
    f.job.top_k = FX_TOP_K;
    fx_run(&f, f.db, 50, 60, 10);
    fixture_close(&f);
}

static void a_network_may_be_added(void **state)
{
    (void)state;
    fixture f;
    char clean[128];
    fixture_open(&f);
    f.job.top_k = FX_TOP_K;
    fx_run(&f, f.db, 0, FX_ROWS, 100);
    assert_int_equal(fx_number(f.db, "SELECT count(*) FROM layer WHERE id = 4095"), 0);
    fx_add_network(&f, false);
    fx_run(&f, f.db, FX_ROWS, f.n_rows, 30);
    snprintf(clean, sizeof clean, "%s/clean.db", f.dir);
    fx_run(&f, clean, 0, f.n_rows, f.n_rows);
    assert_same(f.db, clean);
    fixture_close(&f);
}

static void digests_see_sites_and_rankings(void **state)
{
    (void)state;
    static const char *const changes[] = {
        "UPDATE trial_site SET toggle = toggle + 1 WHERE trial & 7 = 1",
        "UPDATE trial_ranking SET ranking = zeroblob(24) WHERE trial & 7 = 1",
        "UPDATE golden_ranking SET ranking = zeroblob(24) WHERE image = 3",
    };
    fixture *f = &whole;
    char before[33], after[33];
    assert_ok(bs_store_digest(f->db, before, NULL));
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        fx_number(f->db, changes[i]);
        assert_ok(bs_store_digest(f->db, after, NULL));
        assert_string_not_equal(before, after);
        memcpy(before, after, sizeof before);
    }
}

static void merged_in_any_order(void **state)
{
    (void)state;
    fixture f;
    char first[128], second[128], merged[128];
    network_open(&f, true);
    snprintf(first, sizeof first, "%s/first.db", f.dir);
    snprintf(second, sizeof second, "%s/second.db", f.dir);
    sc_make_halves(&f); /* golden runs of all images are in both */
    for (int order = 0; order < 2; order++) {
        char *const inputs[] = {order ? second : first, order ? first : second};
        bs_merge_report r = {0};
        snprintf(merged, sizeof merged, "%s/merged%d.db", f.dir, order);
        for (int again = 0; again < 2 - order; again++) {
            assert_ok(bs_store_merge(&r, merged, inputs, 2, false, NULL));
            assert_int_equal(r.added, again ? 0 : FX_ALL_ROWS);
            bs_merge_report_clear(&r);
            assert_same(whole.db, merged);
        }
    }
    fx_number(first, "UPDATE campaign SET top_k = 2");
    char *const inputs[] = {first, second};
    bs_merge_report r = {0};
    unlink(merged);
    assert_error(bs_store_merge(&r, merged, inputs, 2, false, NULL), "its top_k is '3', the other's is '2'");
    bs_merge_report_clear(&r);
    fixture_close(&f);
}

static void upgrades_keep_it(void **state)
{
    (void)state;
    fixture f;
    network_open(&f, true);
    sc_make_old(&f); /* what a file has is copied, whatever its version is */
    assert_ok(sc_upgrade(&f, f.db));
    assert_same(whole.db, f.db);
    assert_int_equal(fx_number(f.db, "SELECT count(*) FROM fault_wrong WHERE layer = 4095"),
                     fx_number(whole.db, "SELECT count(*) FROM fault_wrong WHERE layer = 4095"));
    fixture_close(&f);
}

static const bs_comparison *network_row(const bs_comparisons *c)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->row[i].entry == 9 && c->row[i].outcome == BS_COMPARE_SDC1)
            return &c->row[i];
    fail_msg("no row of the network");
    return NULL;
}

/* Compares the file with `other`, after a change of it. */
static void check_comparison(const fixture *f, const char *other, const char *change, unsigned why)
{
    const bs_compare_options options = {.fdr = 0.05};
    bs_comparisons c = {0};
    if (change)
        fx_number(other, change);
    assert_ok(bs_store_compare(&c, f->db, other, &options));
    const bs_comparison *r = network_row(&c);
    bool faults = f->stratum[FX_STRATA].is_parameter;
    assert_int_equal(r->why, why);
    assert_string_equal(r->name[1], "network");
    assert_int_equal(r->test, why != BS_PAIRED ? BS_COMPARE_PROPORTIONS
                              : faults         ? BS_COMPARE_SIGN
                                               : BS_COMPARE_MCNEMAR);
    if (why == BS_PAIRED)
        assert_int_equal((int)r->n[0], faults ? FX_REPETITIONS : FX_REPETITIONS * FX_IMAGES);
    bs_comparisons_clear(&c);
}

static void compared_by_trial(void **state)
{
    (void)state;
    fixture f;
    bs_comparisons c = {0};
    const bs_compare_options options = {.fdr = 0.05};
    char other[128];
    network_open(&f, false);
    fx_run(&f, f.db, 0, f.n_rows, f.n_rows);
    snprintf(other, sizeof other, "%s/other.db", f.dir);
    fx_run(&f, other, 0, f.n_rows, f.n_rows);
    check_comparison(&f, other, NULL, BS_PAIRED);
    check_comparison(&f, other,
                     "UPDATE trial_site SET toggle = 0 WHERE trial = (SELECT min(trial) FROM trial_site)",
                     BS_UNPAIRED_FAULTS);
    check_comparison(&f, other, "UPDATE layer SET shape = '5x5' WHERE id = 2", BS_UNPAIRED_LAYER);
    check_comparison(&f, other, "UPDATE entry SET definition = replace(definition, '0.25', '0.5')",
                     BS_UNPAIRED_LAYER | BS_UNPAIRED_ENTRY);
    fx_number(other, "UPDATE entry SET probability = 0.5 WHERE id = 2");
    assert_error(bs_store_compare(&c, f.db, other, &options), "fault entry 2 of");
    bs_comparisons_clear(&c);
    fixture_close(&f);
    check_comparison(&whole, whole.db, NULL, BS_PAIRED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sites_come_back),
        cmocka_unit_test(rankings_come_back),
        cmocka_unit_test(the_network_is_described),
        cmocka_unit_test(all_may_be_hit_and_stored),
        cmocka_unit_test(lines_of_one_target_stay),
        cmocka_unit_test(what_makes_the_faults_is_identity),
        cmocka_unit_test(a_network_may_be_added),
        cmocka_unit_test(merged_in_any_order),
        cmocka_unit_test(upgrades_keep_it),
        cmocka_unit_test(compared_by_trial),
        cmocka_unit_test(digests_see_sites_and_rankings),
    };
    return run_suite(tests, open_whole, close_whole);
}
