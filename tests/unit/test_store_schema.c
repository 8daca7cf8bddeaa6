/* Views whose comments changed are the same views; any other change makes a file one of an earlier version.
 */
#include "support/store_fixture.h"

#include "store/schema.h"
#include "store/sql_text.h"

static sqlite3_mem_methods real_memory;
enum { LARGE = 1000 }; /* bytes: texts of statements, of which there are far fewer than allocations in all */
static long allocations, fails_at;

static void *allocate(int n)
{
    return n >= LARGE && ++allocations == fails_at ? NULL : real_memory.xMalloc(n);
}

static void *allocate_again(void *old, int n)
{
    return n >= LARGE && ++allocations == fails_at ? NULL : real_memory.xRealloc(old, n);
}

static void hook_memory(void)
{
    sqlite3_mem_methods hooked;
    assert_int_equal(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real_memory), SQLITE_OK);
    hooked = real_memory;
    hooked.xMalloc = allocate;
    hooked.xRealloc = allocate_again;
    assert_int_equal(sqlite3_config(SQLITE_CONFIG_MALLOC, &hooked), SQLITE_OK);
}

static void texts_are_compared_without_comments(void **state)
{
    static const struct {
        const char *a, *b;
        bool same;
    } cases[] = {
        {"SELECT a -- one\n, b", "SELECT a\n, b", true},
        {"SELECT a /* one */, b", "SELECT a , b", true},
        {"SELECT  a", "SELECT\n-- two\na -- end", true},
        {"SELECT '-- a'", "SELECT '-- b'", false},
        {"SELECT 'it''s -- a'", "SELECT 'it''s -- b'", false},
        {"SELECT \"a  b\"", "SELECT \"a b\"", false},
        {"SELECT ab", "SELECT a b", false},
        {"SELECT a", "SELECT a, b", false},
        {"SELECT a /* no end", "SELECT a", false},
        {"", "-- nothing", true},
        {"", "a", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (bs_sql_same(cases[i].a, cases[i].b) != cases[i].same ||
            bs_sql_same(cases[i].b, cases[i].a) != cases[i].same)
            fail_msg("%s | %s", cases[i].a, cases[i].b);
    }
}

/* True if reading the file hides the view by a current one, after `change` was made to its text. */
static bool is_hidden(const char *change)
{
    bs_db db = {0};
    char version[80];
    bool done;
    assert_ok(bs_schema_open_all(&db));
    snprintf(version, sizeof version, "PRAGMA user_version = %d; PRAGMA writable_schema = 1", BS_DB_VERSION);
    assert_ok(bs_db_exec(&db, "write", version));
    sqlite3_db_config(db.handle, SQLITE_DBCONFIG_DEFENSIVE, 0, NULL); /* which no program of ours undoes */
    assert_ok(bs_db_exec(&db, "write", change));
    assert_int_equal(sqlite3_changes(db.handle), 1);
    assert_ok(bs_schema_shadow(&db, false, &done));
    sqlite3_close(db.handle);
    return done;
}

static void a_comment_is_no_new_version(void **state)
{
    (void)state;
    assert_false(
        is_hidden("UPDATE sqlite_master SET sql = replace(sql, ' AS', ' /* more */ AS -- text' || char(10)) "
                  "WHERE name = 'fault_kind'"));
    assert_true(
        is_hidden("UPDATE sqlite_master SET sql = replace(sql, 'sdc1', 'sdc5') WHERE name = 'network_sdc'"));
    assert_true(is_hidden("DELETE FROM sqlite_master WHERE name = 'network_sdc'"));
}

/* Memory that runs out while stored views are compared is an error, never a file of an earlier version. */
static void memory_may_run_out(void **state)
{
    bs_db db = {.path = (char *)"(memory)"};
    char version[40];
    bool done;
    (void)state;
    enum { TRIED = 60 };
    assert_ok(bs_schema_open_all(&db));
    snprintf(version, sizeof version, "PRAGMA user_version = %d", BS_DB_VERSION);
    assert_ok(bs_db_exec(&db, "write", version));
    allocations = 0;
    assert_ok(bs_schema_shadow(&db, false, &done));
    assert_false(done);
    long all = allocations, errors = 0;
    for (long k = all - TRIED + 1; k <= all; k++) {
        allocations = 0;
        fails_at = k;
        bs_status st = bs_schema_shadow(&db, false, &done);
        fails_at = 0;
        errors += st != BS_OK;
        assert_false(done);
        assert_true(st == BS_OK || bs_error_message()[0] != '\0');
    }
    assert_true(errors > 10);
    sqlite3_close(db.handle);
}

static void the_comment_above_a_statement_is_found(void **state)
{
    static const char sql[] = "-- Head.\n\n-- First.\n-- More.\nCREATE VIEW one AS SELECT 1;\n"
                              "CREATE VIEW two AS SELECT 2;\n-- Third.\nCREATE TABLE three (a);\n";
    (void)state;
    assert_memory_equal(bs_sql_comment(sql, "one"), "-- First.\n", 10);
    assert_memory_equal(bs_sql_comment(sql, "three"), "-- Third.\n", 10);
    assert_null(bs_sql_comment(sql, "two"));
    assert_null(bs_sql_comment(sql, "thr"));
}

int main(void)
{
    hook_memory();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_compared_without_comments),
        cmocka_unit_test(a_comment_is_no_new_version),
        cmocka_unit_test(memory_may_run_out),
        cmocka_unit_test(the_comment_above_a_statement_is_found),
    };
    return run_suite(tests, NULL, NULL);
}
