/* Proves that names in a result file mean the right thing: a text stands for one class, image or layer,
 * also where classes share a name or have the name of something else. */
#include "support/store_fixture.h"

#include "bn/bn.h"

typedef struct names {
    fixture f;
    bs_db *db;
} names;

/* Classes: lion, DUE, 3, (3 is) crane, crane, #2, due date, crane #3. */
static int open_names(void **state)
{
    names *n = calloc(1, sizeof *n);
    fixture_open(&n->f);
    fx_run(&n->f, n->f.db, 0, FX_ROWS, 100);
    fx_number(
        n->f.db,
        "UPDATE class SET name = CASE id WHEN 0 THEN 'lion' WHEN 1 THEN 'DUE' WHEN 2 THEN '3' WHEN 3 THEN "
        "'crane' WHEN 4 THEN 'crane' WHEN 5 THEN '#2' WHEN 6 THEN 'due date' ELSE 'crane #3' END");
    fx_number(n->f.db, "UPDATE layer SET name = 'none' WHERE id = 1");
    fx_number(n->f.db, "UPDATE image SET path = '7' WHERE id = 3");
    assert_ok(bs_bn_open(&n->db, n->f.db, false));
    *state = n;
    return 0;
}

static int close_names(void **state)
{
    names *n = *state;
    bs_db_close(n->db);
    fixture_close(&n->f);
    free(n);
    return 0;
}

static void assert_found(const names *n, bs_bn_kind kind, const char *text, int64_t expected)
{
    int64_t id;
    assert_ok(bs_bn_find(&id, n->db, kind, text));
    assert_int_equal(id, expected);
}

static void assert_refused(const names *n, bs_bn_kind kind, const char *text, const char *message,
                           const char *hint)
{
    int64_t id;
    assert_int_equal(bs_bn_find(&id, n->db, kind, text), BS_USAGE);
    if (strcmp(bs_error_message(), message) != 0 || !strstr(bs_error_hint(), hint))
        fail_msg("'%s': '%s' (%s), not '%s' (%s)", text, bs_error_message(), bs_error_hint(), message, hint);
}

static void one_meaning_is_found(void **state)
{
    const names *n = *state;
    assert_found(n, BS_BN_CLASS, "lion", 0);
    assert_found(n, BS_BN_CLASS, "LIO", 0);
    assert_found(n, BS_BN_CLASS, "#0", 0);
    assert_found(n, BS_BN_CLASS, "7", 7);
    assert_found(n, BS_BN_CLASS, "due d", 6);
    assert_found(n, BS_BN_CLASS, "#-1", -1);
    assert_found(n, BS_BN_CLASS, "#1", 1);
    assert_found(n, BS_BN_CLASS, "#2", 2); /* the id, although class 5 is called so */
    assert_found(n, BS_BN_CLASS, "#5", 5);
    /* As class_shown writes them. */
    assert_found(n, BS_BN_CLASS, "crane #4", 4);
    assert_found(n, BS_BN_CLASS, "crane #3 #7", 7);
    assert_found(n, BS_BN_CLASS, "DUE #1", 1);
    assert_found(n, BS_BN_CLASS, "3 #2", 2);
    assert_found(n, BS_BN_CLASS, "#2 #5", 5);
    assert_found(n, BS_BN_CLASS, "lion #0", 0);
    assert_found(n, BS_BN_LAYER, "none #1", 1);
    assert_found(n, BS_BN_IMAGE, "7 #3", 3);
    assert_found(n, BS_BN_LAYER, "#-1", -1);
    assert_found(n, BS_BN_LAYER, "#1", 1);
    assert_found(n, BS_BN_ENTRY, "#7", 7);
    assert_found(n, BS_BN_IMAGE, "#3", 3);
    assert_found(n, BS_BN_IMAGE, "11", 11);
}

static void two_meanings_are_refused(void **state)
{
    const names *n = *state;
    assert_refused(n, BS_BN_CLASS, "DUE", "class 'DUE' is ambiguous: it means 2 of them",
                   "#-1 (the outcome), #1 (by its name)");
    assert_refused(n, BS_BN_CLASS, "due", "class 'due' is ambiguous: it means 2 of them",
                   "#-1 (the outcome), #1 (by its name)");
    assert_refused(n, BS_BN_CLASS, "3", "class '3' is ambiguous: it means 2 of them",
                   "#2 (by its name), #3 (by its id)");
    assert_refused(n, BS_BN_CLASS, "crane", "class 'crane' is ambiguous: it means 2 of them",
                   "#3 (by its name), #4 (by its name)");
    assert_refused(n, BS_BN_CLASS, "ran", "3 class names hold 'ran'", "#3 crane, #4 crane, #7 crane #3");
    assert_refused(n, BS_BN_LAYER, "none", "layer 'none' is ambiguous: it means 2 of them",
                   "#-1 (no fault), #1 (by its name)");
    assert_refused(n, BS_BN_IMAGE, "7", "image '7' is ambiguous: it means 2 of them",
                   "#3 (by its name), #7 (by its id)");
    assert_refused(n, BS_BN_CLASS, "crane #3", "class 'crane #3' is ambiguous: it means 2 of them",
                   "#3 (by its name and id), #7 (by its name)");
    assert_refused(n, BS_BN_CLASS, "crane #0", "no class 'crane #0'", "lion");
    assert_refused(n, BS_BN_CLASS, "lion #", "no class 'lion #'", "lion");
    /* A number that is no id is no part of a name. */
    assert_refused(n, BS_BN_CLASS, "12", "no class '12'", "or DUE, such as: lion, DUE, 3, crane, crane, ...");
    assert_refused(n, BS_BN_CLASS, "#8", "no class '#8'", "lion");
    assert_refused(n, BS_BN_ENTRY, "#-1", "no entry '#-1'", "id");
}

static char *shown(const names *n, const char *sql)
{
    sqlite3_stmt *q = NULL;
    char *text = NULL;
    bool row;
    assert_ok(bs_db_prepare(&q, n->db, sql));
    assert_ok(bs_db_step(n->db, q, &row));
    assert_ok(bs_db_text(&text, q, 0));
    sqlite3_finalize(q);
    return text;
}

static void assert_shown(const names *n, const char *sql, const char *expected)
{
    char *text = shown(n, sql);
    assert_string_equal(text, expected);
    free(text);
}

/* Changes the file between two states of it that are read. */
static void change(names *n, const char *sql)
{
    bs_db_close(n->db);
    n->db = NULL;
    fx_number(n->f.db, sql);
    assert_ok(bs_bn_open(&n->db, n->f.db, false));
}

static void each_class_is_a_group_of_its_own(void **state)
{
    names *n = *state;
    static const char sql[] =
        "SELECT group_concat(name, '|') FROM (SELECT name FROM class_group_all ORDER BY class)";
    assert_shown(n, "SELECT group_concat(name, '|') FROM (SELECT name FROM class_shown ORDER BY class)",
                 "lion|DUE #1|3|crane #3|crane #4|#2 #5|due date|crane #3 #7");
    assert_shown(n, sql, "DUE|lion|DUE #1|3|crane #3|crane #4|#2 #5|due date|crane #3 #7");
    change(n, "INSERT INTO class_group VALUES (0, '3'), (6, 'DUE')"); /* by another program */
    assert_shown(n, sql, "DUE|3|DUE #1|3 #2|crane #3|crane #4|#2 #5|DUE (group)|crane #3 #7");
    /* A wrong class of another group costs 1, whatever its name; only the outcome DUE is free. */
    assert_shown(
        n,
        "SELECT count(*) FROM severity_cell WHERE cost <> (answer >= 0 AND answer <> truth) OR (answer >= 0 "
        "AND answer <> truth AND truth_group = answer_group) OR (answer_group = 'DUE') <> (answer = -1)",
        "0");
    assert_shown(n, "SELECT count(*) > 100 FROM severity_cell", "1");
    change(n, "DELETE FROM class_group");
    change(n, "UPDATE class SET name = NULL");
    assert_shown(n, sql, "DUE|0|1|2|3|4|5|6|7");
}

static bs_status load(const names *n, const char *what, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s.csv", n->f.db);
    FILE *f = fopen(path, "wb");
    fputs(text, f);
    fclose(f);
    bs_status st = bs_bn_load(n->f.db, what, path);
    unlink(path);
    return st;
}

/* The one row of group_cost that this truth and answer make. */
static void assert_cost(names *n, const char *truth, const char *answer, const char *expected)
{
    char csv[96];
    snprintf(csv, sizeof csv, "truth,answer,cost\n%s,%s,5\n", truth, answer);
    assert_ok(load(n, "costs", csv));
    assert_ok(bs_bn_open(&n->db, n->f.db, false));
    assert_shown(n, "SELECT truth || '>' || answer FROM group_cost", expected);
    bs_db_close(n->db);
    n->db = NULL;
}

static void groups_are_found(void **state)
{
    names *n = *state;
    bs_db_close(n->db);
    n->db = NULL;
    assert_ok(load(n, "groups", "class,group\ncrane #4,bird\nlion #0,big cat\n#6,big cat\n"));
    assert_cost(n, "bird", "big cat", "bird>big cat");
    assert_cost(n, "BIR", "due", "bird>DUE");
    assert_cost(n, "ne #3 #", "#-1", "crane #3 #7>DUE");
    assert_cost(n, "#3", "3", "crane #3>3"); /* the group of this name, not the class of this id */
    assert_cost(n, "crane #3", "DUE #1", "crane #3>DUE #1");
    assert_cost(n, "#7", "#2 #5", "crane #3 #7>#2 #5");
    assert_error(load(n, "costs", "truth,answer,cost\n#0,DUE,1\n"), "csv:2: no group '#0'");
    assert_non_null(strstr(bs_error_hint(), "#ID of a class without a group"));
    assert_error(load(n, "costs", "truth,answer,cost\n12,DUE,1\n"), "csv:2: no group '12'");
    assert_error(load(n, "costs", "truth,answer,cost\na,DUE,1\n"), "group names hold 'a'");
    assert_error(load(n, "costs", "truth,answer,cost\nbird,DUE,1\nBIRD,DUE,1\n"), "csv:3: this row repeats");
    assert_non_null(strstr(bs_error_hint(), "each (truth, answer)"));
}

static void tables_are_loaded_by_name(void **state)
{
    names *n = *state;
    bs_db_close(n->db);
    n->db = NULL;
    assert_error(load(n, "groups", "class,group\ncrane,bird\n"),
                 "csv:2: class 'crane' is ambiguous: it means 2 of them");
    assert_error(load(n, "groups", "class,group\n#3,DUE\n"), "csv:2: a group may not be called 'DUE'");
    assert_error(load(n, "groups", "class,group\n#3,due\n"), "a group may not be called 'due'");
    assert_error(load(n, "groups", "class,group\n#3,crane #4\n"), "a group may not be called 'crane #4'");
    assert_ok(load(n, "groups", "class,group\n#3,group #4\n"));
    assert_error(load(n, "groups", "class,group\n#3,v\xf6gel\n"),
                 "csv:2: byte 0xf6 is not UTF-8, after '#3,v'");
    assert_error(load(n, "groups",
                      "\xff\xfe"
                      "c"),
                 "csv:1: the file is UTF-16");
    assert_ok(load(n, "groups", "class,group\n#3,'=bird\nlion,''=cat\n"));
    assert_error(load(n, "costs", "truth,answer,cost\ncrane,DUE,1\n"), "csv:2: 2 group names hold 'crane'");
    assert_non_null(strstr(bs_error_hint(), "#4 crane #4"));
    assert_ok(load(n, "costs", "truth,answer,cost\n'=bird,crane #4,5\n''=cat,DUE #1,3\n"));
    assert_ok(bs_bn_open(&n->db, n->f.db, false));
    assert_shown(n, "SELECT group_concat(truth || '>' || answer, '|') FROM group_cost",
                 "'=cat>DUE #1|=bird>crane #4");
    assert_shown(n, "SELECT min(cost) || '-' || max(cost) FROM severity_cell WHERE truth = 3 AND answer = 4",
                 "5.0-5.0");
}

/* The line that is named is the one on which the row begins. */
static void lines_are_counted(void **state)
{
    names *n = *state;
    static const struct {
        const char *csv, *message;
    } cases[] = {
        {"class,group\nlion,a\nNOPE,b\n#1,c\n", "csv:3: no class 'NOPE'"},
        {"class,group\r\nlion,a\r\nNOPE,b\r\n", "csv:3: no class 'NOPE'"},
        {"class,group\rlion,a\rNOPE,b", "csv:3: no class 'NOPE'"},
        {"\n \r\nclass,group\n\n\nNOPE,b\n", "csv:6: no class 'NOPE'"},
        {"class,group\n0,\"a\nb\"\n#1,\"c\r\n\r\nd\"\nNOPE,b\n", "csv:7: no class 'NOPE'"},
        {"class,group\n0,a\n\"x\ny\",b\n", "csv:3: no class 'x"},
        {"class,group\n0,a\n1,\"b\n2,c\n", "csv:3: a quote is not closed"},
        {"class,group\n0,a\n1,b\"\"\n2,c\n", "csv:3: misplaced quote"},
        {"class,group\n0,a,b\n", "csv:2: 3 fields where the first line has 2"},
        {"class,groups\n0,a\n", "csv:1: unknown column 'groups'"},
        {"\nclass\n0\n", "csv:2: no column 'group'"},
        {"class,group,class\n0,a,0\n", "csv:1: more than one column 'class'"},
        {"", "csv:1: no column 'class'"},
        {"class,group\n0,a\n1, \n", "csv:3: the name of the group is empty"},
        {"class,group\n0,a\n1,\" \"\n", "csv:3: the name of the group is empty"},
        {"class,group\n0,#1\n", "csv:2: a group may not be called '#1'"},
    };
    bs_db_close(n->db);
    n->db = NULL;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_error(load(n, "groups", cases[i].csv), cases[i].message);
    assert_error(load(n, "groups", "CLASS,group\n"), "unknown column 'CLASS'");
    assert_non_null(strstr(bs_error_hint(), "must name the columns: class,group"));
    assert_error(load(n, "priors", "entry,layer,raw_rate\n2,0,1\n3,1,\n2,0,2\n"), "csv:4: this row repeats");
    assert_non_null(strstr(bs_error_hint(), "each (entry, layer) may be given once"));
    assert_error(load(n, "weights", "image,weight\n0,1\n1,\n"), "csv:3: no weight");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_names, close_names)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_meaning_is_found), TEST(two_meanings_are_refused),  TEST(each_class_is_a_group_of_its_own),
        TEST(groups_are_found),     TEST(tables_are_loaded_by_name), TEST(lines_are_counted)};
    return run_suite(tests, NULL, NULL);
}
