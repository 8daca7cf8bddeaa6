/* Proves that `bitsink bn` prints the tables of a result file as text. */
#include "support/store_fixture.h"

#include "bn/bn.h"
#include "bn/tables.h"
#include "store/schema.h"

static char *print_selection(const fixture *f, const char *table, const bs_bn_selection *only)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    assert_ok(bs_bn_print(out, f->db, table, only));
    fclose(out);
    return text;
}

static char *print(const fixture *f, const char *table, bs_rows_format format, uint64_t limit)
{
    return print_selection(f, table, &(bs_bn_selection){.format = format, .limit = limit, .wide = true});
}

static int lines(const char *text)
{
    int n = 0;
    for (; *text; text++)
        n += *text == '\n';
    return n;
}

static void every_table_in_every_format(void **state)
{
#ifdef BITSINK_SANITIZE
    const bool all = false; /* one format per table, in turn: its code is the same for all tables */
#else
    const bool all = true;
#endif
    (void)state;
    fixture f;
    static const char *const names[] = {
#define X(name, order, columns) #name,
        BS_BN_TABLES(X)
#undef X
    };
    fixture_open(&f);
    fx_run(&f, f.db, 0, FX_ROWS, 100);
    assert_ok(bs_bn_update(f.db));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char sql[96];
        snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", names[i]);
        if (strcmp(names[i], "layer_outcome_exact") == 0) /* no view: the program computes it */
            strcpy(sql, "SELECT count(*) FROM layer_outcome WHERE outcome <> 'accuracy_drop'");
        int rows = (int)fx_number(f.db, sql);
        for (bs_rows_format format = BS_ROWS_TABLE; format <= BS_ROWS_JSON; format++) {
            if (!all && format != (bs_rows_format)(i % 3))
                continue;
            char *text = print(&f, names[i], format, 0);
            assert_int_equal(lines(text), rows + (format != BS_ROWS_JSON));
            if (rows && format == BS_ROWS_JSON)
                assert_true(text[0] == '{' && text[strlen(text) - 2] == '}');
            free(text);
        }
    }
    fixture_close(&f);
}

static void values_are_written_right(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f);
    fx_run(&f, f.db, 0, 100, 100);
    fx_number(f.db, "UPDATE entry SET name = 'a \"b\", c' || char(10), ber = 9e999, low = 0.1 WHERE id = 2");
    fx_number(f.db, "UPDATE entry SET targets = '' WHERE id = 2");
    char *json = print(&f, "entry", BS_ROWS_JSON, 1), *csv = print(&f, "entry", BS_ROWS_CSV, 1);
    char *table = print(&f, "entry", BS_ROWS_TABLE, 1);
    assert_int_equal(lines(json), 1);
    assert_non_null(strstr(json, "\"name\": \"a \\\"b\\\", c\\u000a\""));
    assert_non_null(strstr(json, "\"ber\": \"inf\""));
    assert_non_null(strstr(json, "\"low\": 0.1,"));
    assert_non_null(strstr(json, "\"value\": null"));
    assert_non_null(strstr(csv, "2,\"a \"\"b\"\", c\\n\",flip,4294967295,1,1,inf,target,"));
    assert_non_null(strstr(csv, ",0.1,,,,12,"));
    assert_int_equal(lines(table), 2);
    assert_non_null(strstr(table, "a \"b\", c\\n"));
    free(json);
    free(csv);
    free(table);
    json = print(&f, "bn_parameter", BS_ROWS_JSON, 0);
    assert_non_null(strstr(json, "{\"name\": \"raw_rate\", \"value\": 1e-13, "));
    free(json);
    fixture_close(&f);
}

/* One line a table: its name, and a sentence from schema/ that does not run on into what follows. */
static void every_table_is_described(void **state)
{
    (void)state;
    static const char *const names[] = {
#define X(name, order, columns) #name,
        BS_BN_TABLES(X)
#undef X
    };
    char *list = NULL;
    size_t len;
    FILE *out = open_memstream(&list, &len);
    bs_bn_list(out);
    fclose(out);
    assert_int_equal(lines(list), sizeof names / sizeof *names);
    const char *line = list;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++, line = strchr(line, '\n') + 1) {
        size_t n = strcspn(line, "\n");
        assert_non_null(bs_schema_comment(names[i]));
        assert_int_equal(strncmp(line + 2, names[i], strlen(names[i])), 0);
        assert_in_range(n, 40, 150);
        assert_true(line[n - 1] != '.' && line[n - 1] != ' ');
    }
    free(list);
    assert_null(bs_schema_comment("bn_trus"));
    assert_null(bs_schema_comment("report_outcomes")); /* in none of the files */
}

static void columns_are_aligned(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f);
    fx_run(&f, f.db, 0, 100, 100);
    char *table = print(&f, "stratum", BS_ROWS_TABLE, 0);
    assert_string_equal(table, "entry  layer  parameter  repetitions  population        bits  storage\n"
                               "    2      0          0           12        3200  4294967295        1\n"
                               "    2      2          0           12        4200  4294967295        1\n"
                               "    3      1          1           12        5200  4294967295        1\n"
                               "    7      2          0           12        6200  4294967295        1\n");
    free(table);
    table = print(&f, "stratum", BS_ROWS_TABLE, 2);
    assert_int_equal(lines(table), 3);
    free(table);
    fixture_close(&f);
}

/* People see what fits their screen; and what they ask for, in the order that they ask for. */
static void tables_are_narrow_for_people(void **state)
{
#ifdef BITSINK_SANITIZE
    const size_t step = 6; /* the code is the same for all tables */
#else
    const size_t step = 1;
#endif
    (void)state;
    static const char *const names[] = {
#define X(name, order, columns) columns ? #name : NULL,
        BS_BN_TABLES(X)
#undef X
    };
    fixture f;
    fixture_open(&f);
    fx_run(&f, f.db, 0, FX_ROWS, 100);
    assert_ok(bs_bn_update(f.db));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!names[i] || i % step != 0)
            continue;
        char *narrow = print_selection(&f, names[i], &(bs_bn_selection){.limit = 20});
        char *wide = print_selection(&f, names[i], &(bs_bn_selection){.limit = 20, .wide = true});
        if (strcspn(narrow, "\n") > 140 || strcspn(narrow, "\n") >= strcspn(wide, "\n"))
            fail_msg("%s is not narrow: %s", names[i], narrow);
        assert_int_equal(lines(narrow), lines(wide));
        free(narrow);
        free(wide);
    }
    char *text = print_selection(&f, "stratum",
                                 &(bs_bn_selection){.columns = "layer,entry", .sort = "-parameter,-layer"});
    assert_string_equal(text, "layer  entry\n    1      3\n    2      2\n    2      7\n    0      2\n");
    free(text);
    text = print_selection(&f, "stratum", &(bs_bn_selection){.format = BS_ROWS_CSV, .limit = 1});
    assert_string_equal(text, "entry,layer,parameter,repetitions,population,bits,storage\n"
                              "2,0,0,12,3200,4294967295,1\n");
    free(text);
    fixture_close(&f);
}

static void mistakes_are_explained(void **state)
{
    (void)state;
    fixture f;
    bs_rows_format format;
    const bs_bn_selection csv = {.format = BS_ROWS_CSV};
    fixture_open(&f);
    fx_run(&f, f.db, 0, 100, 100);
    assert_error(bs_bn_print(stdout, f.db, "bn_trsut", &csv), "unknown table 'bn_trsut'");
    assert_non_null(strstr(bs_error_hint(), "did you mean 'bn_trust'"));
    assert_error(bs_bn_print(stdout, f.db, "sqlite_master", &csv), "unknown table");
    assert_error(bs_bn_print(stdout, "/nonexistent/x.db", "bn_trust", &csv), "No such file");
    assert_error(bs_bn_print(stdout, f.db, "entry", &(bs_bn_selection){.columns = "id,knd"}),
                 "'entry' has no column 'knd'");
    assert_non_null(strstr(bs_error_hint(), "did you mean 'kind'"));
    assert_error(bs_bn_print(stdout, f.db, "entry", &(bs_bn_selection){.sort = "id,"}), "ends in a comma");
    assert_error(bs_bn_print(stdout, f.db, "entry", &(bs_bn_selection){.columns = "-id"}), "no column '-id'");
    assert_error(bs_bn_print(stdout, f.db, "entry", &(bs_bn_selection){.columns = "id\" FROM image --"}),
                 "no column");
    assert_error(bs_rows_parse_format(&format, "xml"), "xml");
    assert_ok(bs_rows_parse_format(&format, "json"));
    assert_int_equal(format, BS_ROWS_JSON);
    FILE *full = fopen("/dev/full", "w");
    if (full) {
        assert_error(bs_bn_print(full, f.db, "image", &csv), "cannot write output");
        fclose(full);
    }
    fixture_close(&f);
}

/* A file of an earlier version: other views, fewer tables and settings, one that is gone. */
static void old_files_are_read_and_updated(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f);
    fx_run(&f, f.db, 0, FX_ROWS, 100);
    char *trust = print(&f, "bn_trust", BS_ROWS_CSV, 0), *bits = print(&f, "bit_accuracy", BS_ROWS_CSV, 0);
    assert_int_equal(fx_number(f.db, "SELECT count(*) FROM bit_summary"), 0); /* reading writes nothing */
    assert_true(lines(bits) > 10);
    fx_number(f.db, "DROP VIEW bn_trust");
    fx_number(f.db, "DROP VIEW severity");
    fx_number(f.db, "CREATE VIEW bn_trust AS SELECT 1 AS old");
    fx_number(f.db, "DROP TABLE bit_counted");
    fx_number(f.db, "DELETE FROM bn_parameter WHERE name = 'fit_target'");
    fx_number(f.db, "INSERT INTO bn_parameter VALUES ('correct', 0, 'gone')");
    char *again = print(&f, "bn_trust", BS_ROWS_CSV, 0),
         *bits_again = print(&f, "bit_accuracy", BS_ROWS_CSV, 0);
    assert_string_equal(trust, again);
    assert_string_equal(bits, bits_again);
    assert_int_equal(fx_number(f.db, "SELECT old FROM bn_trust"), 1);
    free(again);
    free(bits_again);
    assert_ok(bs_bn_update(f.db));
    assert_int_equal(fx_number(f.db, "SELECT count(*) FROM bn_trust"), lines(trust) - 1);
    assert_int_equal(fx_number(f.db, "SELECT count(*) FROM bit_accuracy"), lines(bits) - 1);
    assert_int_equal(fx_number(f.db, "SELECT value FROM bn_parameter WHERE name = 'fit_target'"), 10);
    assert_int_equal(fx_number(f.db, "SELECT count(*) FROM bn_parameter WHERE name = 'correct'"), 0);
    bits_again = print(&f, "bit_accuracy", BS_ROWS_CSV, 0);
    assert_string_equal(bits, bits_again);
    free(trust);
    free(bits);
    free(bits_again);
    fixture_close(&f);
}

static void works_while_a_run_writes(void **state)
{
    (void)state;
    fixture f;
    bs_store *s;
    fixture_open(&f);
    assert_ok(bs_store_open(&s, f.db, &f.plan, f.images, NULL));
    assert_ok(bs_store_begin_run(s, &f.run));
    assert_ok(fx_add(&f, s, 0, 50));                  /* committed at once: the first rows */
    size_t next = (size_t)FX_IMAGES * FX_REPETITIONS; /* of another layer */
    assert_ok(fx_add(&f, s, next, next + 50));
    char *table = print(&f, "layer_accuracy", BS_ROWS_JSON, 0);
    assert_int_equal(lines(table), 1);
    free(table);
    assert_ok(bs_store_end_run(s, 0, NULL));
    table = print(&f, "layer_accuracy", BS_ROWS_JSON, 0); /* committed, the store still open */
    assert_int_equal(lines(table), 2);
    free(table);
    bs_store_close(s);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_table_in_every_format),  cmocka_unit_test(every_table_is_described),
        cmocka_unit_test(values_are_written_right),     cmocka_unit_test(columns_are_aligned),
        cmocka_unit_test(tables_are_narrow_for_people), cmocka_unit_test(mistakes_are_explained),
        cmocka_unit_test(works_while_a_run_writes),     cmocka_unit_test(old_files_are_read_and_updated),
    };
    return run_suite(tests, NULL, NULL);
}
