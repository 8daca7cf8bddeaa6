/* Proves that files of an earlier schema version are read as they are, not written, and upgraded.
 * (tests/files has real ones.) */
#include "support/store_fixture.h"

#include "bn/bn.h"
#include "store/db.h"
#include "store/lock.h"
#include "store/merge.h"
#include "store/upgrade.h"

#include <unistd.h>

/* All of sink_test as one text, as it is read from a file that is not written. */
static char *read_sinks(const fixture *f)
{
    bs_db *db = NULL;
    sqlite3_stmt *q = NULL;
    char *text = NULL;
    bool row;
    assert_ok(bs_bn_open(&db, f->db, true));
    assert_ok(
        bs_db_prepare(&q, db,
                      "SELECT group_concat(level || ' ' || entry || ' ' || ifnull(layer, '') || ' ' || "
                      "ifnull(bit, '') || ' ' || class || ' ' || units || ' ' || hits || ' ' || more || "
                      "' ' || less || ' ' || q_value, char(10)) FROM (SELECT * FROM sink_test ORDER BY "
                      "level, entry, layer, bit, class)"));
    assert_ok(bs_db_step(db, q, &row));
    assert_ok(bs_db_text(&text, q, 0));
    sqlite3_finalize(q);
    bs_db_close(db);
    assert_non_null(text);
    return text;
}

static void assert_sinks(const fixture *f, const char *want)
{
    char *have = read_sinks(f);
    assert_string_equal(have, want);
    free(have);
}

static void change(const char *db, const char *sql)
{
    sqlite3 *h;
    assert_int_equal(sqlite3_open(db, &h), SQLITE_OK);
    assert_int_equal(sqlite3_exec(h, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(h);
}

/* A file of a version that did not keep fault_wrong, nor the unit in bit_wrong, nor checked the confidence.
 */
static void make_old(const char *db)
{
    change(
        db,
        "PRAGMA user_version = 3; CREATE TABLE p AS SELECT * FROM bn_parameter; DROP TABLE bn_parameter; "
        "CREATE TABLE bn_parameter (name TEXT PRIMARY KEY, value NOT NULL, comment TEXT NOT NULL); "
        "INSERT INTO bn_parameter SELECT * FROM p WHERE name <> 'confidence'; DROP TABLE p; "
        "DROP TABLE fault_wrong; DROP TABLE bit_fault; DROP TABLE bit_wrong; CREATE TABLE bit_wrong (entry, "
        "bit, class, image, n); DELETE FROM bit_counted; INSERT INTO bit_counted SELECT count(*), 0 FROM "
        "trial");
}

/* Makes the file as an old program leaves it that resumed one of today's: fault_wrong lacks trials. */
static void make_stale(const char *db)
{
    change(db, "PRAGMA user_version = 3; DELETE FROM fault_wrong WHERE repetition % 2; UPDATE fault_wrong "
               "SET n = n + 1");
}

static void assert_current(const fixture *f)
{
    assert_int_equal(fx_number(f->db, "PRAGMA user_version"), BS_DB_VERSION);
    assert_int_equal(fx_number(f->db, "SELECT sum(n) FROM fault_wrong"),
                     fx_number(f->db,
                               "SELECT count(*) FROM outcome o JOIN stratum s USING (entry, layer) WHERE "
                               "s.parameter AND o.sdc1 AND o.golden_class >= 0"));
}

static void upgrade(const fixture *f)
{
    bs_upgrade_report r = {0};
    char digest[33], backup[112];
    uint64_t n;
    snprintf(backup, sizeof backup, "%s.v3", f->db);
    unlink(backup);
    assert_ok(bs_store_digest(f->db, digest, &n));
    assert_ok(bs_store_upgrade(&r, f->db, NULL, NULL));
    assert_int_equal(r.from, 3);
    assert_int_equal(r.to, BS_DB_VERSION);
    assert_int_equal(r.trials, n);
    assert_string_equal(r.digest, digest);
    assert_int_equal(access(r.backup, F_OK), 0);
    bs_upgrade_report_clear(&r);
    assert_current(f);
}

static void old_files_show_the_same(void **state)
{
    (void)state;
    fixture f;
    const size_t some = FX_ROWS * 3 / 5; /* in the middle of the parameter */
    fixture_open(&f);
    fx_run(&f, f.db, 0, FX_ROWS, 200);
    char *after = read_sinks(&f);
    assert_int_equal(unlink(f.db), 0);
    fx_run(&f, f.db, 0, some, 200);
    char *before = read_sinks(&f);
    assert_non_null(strstr(before, "layer 3 1"));
    for (int stale = 0; stale < 2; stale++) {
        stale ? make_stale(f.db) : make_old(f.db);
        assert_sinks(&f, before);
        assert_int_equal(fx_number(f.db, "PRAGMA user_version"), 3);
        upgrade(&f);
        assert_sinks(&f, before);
    }
    fx_run(&f, f.db, some, FX_ROWS, 200); /* resumed */
    assert_current(&f);
    assert_sinks(&f, after);
    free(before);
    free(after);
    fixture_close(&f);
}

static bs_status read_text(void *out, sqlite3_stmt *q)
{
    return bs_db_text(out, q, 0);
}

/* A file of a version without order and labels of layers: both are found in it. */
static void old_layers_are_listed(void **state)
{
    static const char sql[] =
        "SELECT group_concat(ordinal || ' ' || label, ', ') FROM (SELECT * FROM layer ORDER BY "
        "ordinal)";
    (void)state;
    fixture f;
    bs_db *db = NULL;
    char *text = NULL;
    bs_upgrade_report r = {0};
    fixture_open(&f);
    fx_run(&f, f.db, 0, FX_ROWS, 200);
    change(
        f.db,
        "PRAGMA user_version = 7; CREATE TABLE l AS SELECT * FROM layer; DROP TABLE layer; CREATE TABLE "
        "layer (id INTEGER "
        "PRIMARY KEY, name, node, op, kind, shape, type, elements, bits, macs); INSERT INTO layer SELECT id, "
        "name, node, op, kind, "
        "shape, type, elements, bits, macs FROM l; DROP TABLE l;"
        "UPDATE layer SET name = 'onnx::Conv_5', node = '/c/Conv' WHERE id = 1;"
        "UPDATE layer SET name = '7', node = '/c/Conv' WHERE id = 2;"
        "INSERT INTO layer SELECT 3, 'b', '/fc/Gemm', op, 'bias', shape, type, 1, 32, 0 FROM layer WHERE id "
        "= 1;"
        "INSERT INTO layer SELECT 4, 'val_9', '/fc/Gemm', op, 'constant', shape, type, 1, 32, 0 FROM layer "
        "WHERE id = 1;"
        "INSERT INTO layer SELECT 5, 'w', '/fc/Gemm', op, 'weight', shape, type, 1, 32, 0 FROM layer WHERE "
        "id = 1;"
        "INSERT INTO layer SELECT 6, 'y', '/fc/Gemm', op, 'activation', shape, type, 1, 32, 0 FROM layer "
        "WHERE id = 1");
    for (int upgraded = 0; upgraded < 2; upgraded++) {
        assert_ok(bs_db_open(&db, f.db));
        assert_ok(bs_db_each(db, sql, BS_NO_BIND, read_text, &text));
        assert_string_equal(text, "0 image, 1 /c/Conv.weight, 2 /c/Conv, 3 val_9, 4 w, 5 b, 6 y");
        free(text);
        text = NULL;
        bs_db_close(db);
        if (!upgraded)
            assert_ok(bs_store_upgrade(&r, f.db, NULL, NULL));
    }
    bs_upgrade_report_clear(&r);
    fixture_close(&f);
}

static void old_files_are_merged(void **state)
{
    (void)state;
    fixture f;
    char shard[112];
    const size_t some = FX_ROWS * 3 / 5;
    fixture_open(&f);
    fx_run(&f, f.db, 0, FX_ROWS, 200);
    char *want = read_sinks(&f);
    snprintf(shard, sizeof shard, "%s/shard.db", f.dir);
    char *const inputs[] = {shard};
    fx_run(&f, shard, 0, FX_ROWS, 200);
    make_old(shard);
    for (int into = 0; into < 2; into++) { /* a new file, one that has some */
        bs_merge_report report = {0};
        assert_int_equal(unlink(f.db), 0);
        if (into > 0)
            fx_run(&f, f.db, 0, some, 200);
        assert_ok(bs_store_merge(&report, f.db, inputs, 1, false, NULL));
        assert_int_equal(report.added, into ? FX_ROWS - some : FX_ROWS);
        bs_merge_report_clear(&report);
        assert_current(&f);
        assert_sinks(&f, want);
        assert_int_equal(fx_number(shard, "PRAGMA user_version"), 3);
    }
    free(want);
    fixture_close(&f);
}

static void old_files_are_not_written(void **state)
{
    (void)state;
    fixture f;
    bs_store *s = NULL;
    bs_merge_report merge = {0};
    char *const p[] = {(char *)"p=1e-3"};
    char shard[112];
    fixture_open(&f);
    snprintf(shard, sizeof shard, "%s/shard.db", f.dir);
    char *const inputs[] = {shard};
    fx_run(&f, shard, 0, FX_ROWS, 200);
    fx_run(&f, f.db, 0, FX_ROWS, 200);
    make_old(f.db);
    for (int what = 0; what < 4; what++) {
        bs_status st = what == 0   ? bs_bn_set(f.db, p, 1)
                       : what == 1 ? bs_bn_update(f.db)
                       : what == 2 ? bs_store_open(&s, f.db, &f.plan, f.images, NULL)
                                   : bs_store_merge(&merge, f.db, inputs, 1, false, NULL);
        assert_error(st, "schema version 3 is older than 11");
        assert_non_null(strstr(bs_error_hint(), "bitsink upgrade /"));
        bs_merge_report_clear(&merge);
    }
    assert_int_equal(fx_number(f.db, "PRAGMA user_version"), 3);
    assert_int_equal(fx_number(f.db, "SELECT count(*) FROM sqlite_master WHERE name = 'fault_wrong'"), 0);
    fixture_close(&f);
}

static void an_upgrade_waits_for_the_writer(void **state)
{
    (void)state;
    fixture f;
    bs_lock *writer;
    bs_upgrade_report r = {0};
    fixture_open(&f);
    fx_run(&f, f.db, 0, FX_ROWS, 200);
    make_old(f.db);
    assert_ok(bs_lock_take(&writer, f.db));
    assert_error(bs_store_upgrade(&r, f.db, NULL, NULL), "is writing it");
    bs_upgrade_report_clear(&r);
    assert_int_equal(fx_number(f.db, "PRAGMA user_version"), 3);
    bs_lock_release(writer);
    upgrade(&f);
    assert_ok(bs_lock_take(&writer, f.db)); /* given back */
    bs_lock_release(writer);
    fixture_close(&f);
}

static void a_stopped_upgrade_changes_nothing(void **state)
{
    (void)state;
    fixture f;
    volatile sig_atomic_t stop = 1;
    bs_upgrade_report r = {0};
    char part[112];
    fixture_open(&f);
    fx_run(&f, f.db, 0, FX_ROWS, 200);
    make_old(f.db);
    assert_int_equal(bs_store_upgrade(&r, f.db, NULL, &stop), BS_STOPPED);
    bs_upgrade_report_clear(&r);
    assert_int_equal(fx_number(f.db, "PRAGMA user_version"), 3);
    snprintf(part, sizeof part, "%s.upgrade", f.db);
    assert_int_not_equal(access(part, F_OK), 0);
    fixture_close(&f);
}

/* Settings are kept, but for those that today's tables refuse. */
static void settings_are_kept(void **state)
{
    (void)state;
    fixture f;
    bs_upgrade_report r = {0};
    fixture_open(&f);
    fx_run(&f, f.db, 0, FX_ROWS, 200);
    make_old(f.db);
    change(f.db,
           "UPDATE bn_parameter SET value = 0.25 WHERE name = 'p'; UPDATE bn_parameter SET value = 'bits' "
           "WHERE name = 'layer_prior'; UPDATE bn_parameter SET value = 7 WHERE name = 'alpha'; "
           "INSERT INTO bn_parameter VALUES ('correct', 'label', 'gone'); "
           "INSERT INTO bn_prior_image VALUES (0, 3), (1, 1); INSERT INTO class_group VALUES (1, 'one')");
    assert_ok(bs_store_upgrade(&r, f.db, NULL, NULL));
    assert_int_equal(r.lost_settings, 1);
    bs_upgrade_report_clear(&r);
    assert_true(fx_number(f.db, "SELECT value = 0.25 FROM bn_parameter WHERE name = 'p'") == 1);
    assert_true(fx_number(f.db, "SELECT value = 'bits' FROM bn_parameter WHERE name = 'layer_prior'") == 1);
    assert_true(fx_number(f.db, "SELECT value = 0.05 FROM bn_parameter WHERE name = 'alpha'") == 1);
    assert_true(fx_number(f.db, "SELECT value = 0.95 FROM bn_parameter WHERE name = 'confidence'") == 1);
    assert_int_equal(fx_number(f.db, "SELECT count(*) FROM bn_parameter WHERE name = 'correct'"), 0);
    assert_int_equal(fx_number(f.db, "SELECT weight FROM bn_prior_image WHERE image = 0"), 3);
    assert_int_equal(fx_number(f.db, "SELECT count(*) FROM class_group WHERE name = 'one'"), 1);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(old_files_show_the_same),
        cmocka_unit_test(old_layers_are_listed),
        cmocka_unit_test(old_files_are_merged),
        cmocka_unit_test(old_files_are_not_written),
        cmocka_unit_test(an_upgrade_waits_for_the_writer),
        cmocka_unit_test(a_stopped_upgrade_changes_nothing),
        cmocka_unit_test(settings_are_kept),
    };
    return run_suite(tests, NULL, NULL);
}
