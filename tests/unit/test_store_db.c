/* Proves that queries of the store bind and read values right, row by row, and that nothing stays open. */
#include "support/store_fixture.h"

#include "store/db.h"

static bs_db open_numbers(void)
{
    bs_db db = {.path = (char *)"numbers.db"};
    assert_int_equal(sqlite3_open(":memory:", &db.handle), SQLITE_OK);
    assert_ok(bs_db_exec(&db, "create",
                         "CREATE TABLE number (n INTEGER UNIQUE, half REAL, word TEXT);"
                         "INSERT INTO number VALUES (3, 1.5, 'three'), (1, 0.5, 'one'), (2, 1.0, NULL)"));
    return db;
}

/* Every statement was finalised, or the handle would be busy. */
static void close_numbers(bs_db *db)
{
    assert_null(sqlite3_next_stmt(db->handle, NULL));
    assert_int_equal(sqlite3_close(db->handle), SQLITE_OK);
}

typedef struct seen {
    int n;
    char text[64];
    int stop; /* the row that fails */
} seen;

static bs_status see(void *context, sqlite3_stmt *q)
{
    seen *s = context;
    const char *word = (const char *)sqlite3_column_text(q, 1);
    size_t len = strlen(s->text);
    snprintf(s->text + len, sizeof s->text - len, "%d:%s ", sqlite3_column_int(q, 0), word ? word : "-");
    return ++s->n == s->stop ? bs_fail(BS_NO_DEVICE, "row %d", s->n) : BS_OK;
}

static void rows_come_in_order(void **state)
{
    (void)state;
    bs_db db = open_numbers();
    seen s = {0};
    assert_ok(bs_db_each(&db, "SELECT n, word FROM number ORDER BY n", BS_NO_BIND, see, &s));
    assert_string_equal(s.text, "1:one 2:- 3:three ");
    s = (seen){0};
    assert_ok(bs_db_each(&db, "SELECT n, word FROM number WHERE n > 9", BS_NO_BIND, see, &s));
    assert_int_equal(s.n, 0);
    close_numbers(&db);
}

static void values_are_bound(void **state)
{
    (void)state;
    static const char sql[] = "SELECT n, word FROM number WHERE n = ?1 AND half = ?2 AND word IS ?3";
    bs_db db = open_numbers();
    seen s = {0};
    assert_ok(
        bs_db_each(&db, sql, BS_BIND(BS_BIND_INT(3), BS_BIND_REAL(1.5), BS_BIND_TEXT("three")), see, &s));
    assert_ok(bs_db_each(&db, sql, BS_BIND(BS_BIND_INT(2), BS_BIND_REAL(1.0), BS_BIND_TEXT(NULL)), see, &s));
    assert_ok(bs_db_each(&db, sql, BS_BIND(BS_BIND_INT(1), BS_BIND_REAL(1.5), BS_BIND_TEXT("one")), see, &s));
    assert_string_equal(s.text, "3:three 2:- ");
    s = (seen){0};
    assert_ok(bs_db_each(&db, "SELECT ?1, typeof(?1)", BS_BIND(BS_BIND_INT(INT64_MIN)), see, &s));
    assert_string_equal(s.text, "0:integer ");
    close_numbers(&db);
}

static void the_first_failure_ends_it(void **state)
{
    (void)state;
    static const char abs_of_least[] = "SELECT n, abs(-9223372036854775807 - (n > 1)) FROM number ORDER BY n";
    bs_db db = open_numbers();
    seen s = {.stop = 2};
    bool found = true;
    assert_int_equal(bs_db_each(&db, "SELECT n, word FROM number ORDER BY n", BS_NO_BIND, see, &s),
                     BS_NO_DEVICE);
    assert_string_equal(bs_error_message(), "row 2");
    assert_int_equal(s.n, 2);
    s = (seen){0};
    assert_error(bs_db_each(&db, abs_of_least, BS_NO_BIND, see, &s), "cannot read result file 'numbers.db'");
    assert_int_equal(s.n, 1);
    assert_error(bs_db_each(&db, "SELECT nothing", BS_NO_BIND, see, &s),
                 "cannot use result file 'numbers.db'");
    assert_error(bs_db_exists(&found, &db, "SELECT nothing", BS_NO_BIND), "cannot use");
    assert_false(found);
    close_numbers(&db);
}

static void rows_are_found_and_changed(void **state)
{
    (void)state;
    static const char by_word[] = "SELECT 1 FROM number WHERE word = ?1";
    bs_db db = open_numbers();
    bool found;
    assert_ok(bs_db_exists(&found, &db, by_word, BS_BIND(BS_BIND_TEXT("one"))));
    assert_true(found);
    assert_ok(bs_db_change(&db, "write", "UPDATE number SET word = ?2 WHERE n = ?1",
                           BS_BIND(BS_BIND_INT(1), BS_BIND_TEXT("eins"))));
    assert_ok(bs_db_exists(&found, &db, by_word, BS_BIND(BS_BIND_TEXT("one"))));
    assert_false(found);
    assert_error(bs_db_change(&db, "write", "UPDATE number SET n = ?1", BS_BIND(BS_BIND_INT(7))),
                 "cannot write result file 'numbers.db'");
    close_numbers(&db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_come_in_order),
        cmocka_unit_test(values_are_bound),
        cmocka_unit_test(the_first_failure_ends_it),
        cmocka_unit_test(rows_are_found_and_changed),
    };
    return run_suite(tests, NULL, NULL);
}
