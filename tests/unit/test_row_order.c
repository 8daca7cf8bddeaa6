/* Proves that all that is printed and drawn has one order, whatever order SQLite finds rows in: all of it
 * is done again on connections that give rows without an order backwards. */
#include "support/store_fixture.h"

#include "base/buf.h"
#include "base/log.h"
#include "bn/bn.h"
#include "bn/tables.h"
#include "report/report.h"

#include <ctype.h>
#include <math.h>

static int reverse(sqlite3 *db, char **message, const struct sqlite3_api_routines *api)
{
    (void)message;
    (void)api;
    return sqlite3_exec(db, "PRAGMA reverse_unordered_selects = ON", NULL, NULL, NULL);
}

/* Every table, the answer to a query, the network and the report. */
static char *all_texts(const fixture *f)
{
    static const char *const names[] = {
#define X(name, order, columns) #name,
        BS_BN_TABLES(X)
#undef X
    };
    char *text = NULL, *page = NULL, path[128];
    size_t len;
    FILE *out = open_memstream(&text, &len);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_ok(bs_bn_print(out, f->db, names[i], &(bs_bn_selection){.format = BS_ROWS_CSV}));
    assert_ok(bs_bn_query(out, f->db,
                          &(bs_bn_question){.given = "fault=yes",
                                            .of = "class,layer,entry,image",
                                            .scope = BS_BN_DEFAULT_SCOPE,
                                            .format = BS_ROWS_CSV}));
    assert_ok(bs_bn_export_bif(out, f->db, BS_BN_DEFAULT_SCOPE, false));
    snprintf(path, sizeof path, "%s/page", f->dir);
    assert_ok(bs_report_write(f->db, path));
    snprintf(path, sizeof path, "%s/page/report.html", f->dir);
    assert_ok(bs_read_file(&page, &len, path, 1 << 24));
    fputs(page, out);
    fclose(out);
    free(page);
    return text;
}

/* Cairo numbers its surfaces from the start of the process. */
static const char *skip_name(const char *s)
{
    static const char surface[] = "surface";
    if (strncmp(s, surface, sizeof surface - 1) == 0)
        s += sizeof surface - 1 + strspn(s + sizeof surface - 1, "0123456789");
    return s;
}

/* Equal but for the last digits of numbers: sums of the same numbers in another order. */
static void assert_same_text(const char *a, const char *b)
{
    const char *line = a;
    while (*a && *b) {
        char *end_a, *end_b;
        double x = strtod(a = skip_name(a), &end_a), y = strtod(b = skip_name(b), &end_b);
        bool numbers = isdigit((unsigned char)*a) && isdigit((unsigned char)*b);
        if (numbers ? x != y && !(fabs(x - y) <= 1e-9 * fabs(x)) : *a != *b)
            fail_msg("'%.60s' is '%.60s' in the other order; the line is '%.200s'", a, b, line);
        if (*a == '\n')
            line = a + 1;
        a = numbers ? end_a : a + 1;
        b = numbers ? end_b : b + 1;
    }
    assert_int_equal(*a, *b);
}

static void compare(const fixture *f)
{
    char *forwards = all_texts(f);
    assert_int_equal(sqlite3_auto_extension((void (*)(void))reverse), SQLITE_OK);
    char *backwards = all_texts(f);
    sqlite3_reset_auto_extension();
    assert_same_text(forwards, backwards);
    free(forwards);
    free(backwards);
}

static void rows_come_in_one_order(void **state)
{
    (void)state;
    char *settings[] = {"pseudo_count=1", "layer_prior=exposure", "scope=2,3"};
    fixture f;
    fixture_open(&f);
    fx_run(&f, f.db, 0, FX_ROWS, 100);
    compare(&f); /* counts by bit position in temporary tables */
    assert_ok(bs_bn_update(f.db));
    assert_ok(bs_bn_set(f.db, settings, 3));
    fx_number(f.db, "INSERT INTO class_group VALUES (5, 'b'), (1, 'b'), (3, 'a')");
    fx_number(f.db, "INSERT INTO group_cost VALUES ('b', 'a', 2), ('a', 'b', 1), ('a', 'DUE', 3)");
    fx_number(f.db, "INSERT INTO bn_prior_image SELECT id, 1 FROM image WHERE id % 3");
    compare(&f);
    fixture_close(&f);
}

/* Equal numbers in every row leave the order to what breaks ties. */
static void ties_come_in_one_order(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f);
    fx_run(&f, f.db, 0, FX_ROWS, 100);
    fx_number(f.db, "UPDATE summary SET n = 4");
    fx_number(f.db, "UPDATE layer_summary SET n = 40, masked = 10, wrong = 20, correct = 20");
    compare(&f);
    fixture_close(&f);
}

int main(void)
{
    bs_log_set_level(BS_LOG_QUIET);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_come_in_one_order),
        cmocka_unit_test(ties_come_in_one_order),
    };
    return run_suite(tests, NULL, NULL);
}
