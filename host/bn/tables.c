#include "bn/tables.h"

#include "base/log.h"
#include "base/text.h"
#include "bn/bn.h"
#include "bn/exact.h"
#include "store/schema.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const struct table {
    const char *name, *order, *columns;
} tables[] = {
#define X(name, order, columns) {#name, order, columns},
    BS_BN_TABLES(X)
#undef X
};

enum { N_TABLES = sizeof tables / sizeof *tables };

/* Prints the first sentence of a comment in SQL, without its full stop. The comment has one or more lines
 * that start with "-- ". */
static void print_sentence(FILE *out, const char *comment)
{
    static const char start[] = "\n-- ";
    const size_t len = sizeof start - 1;
    for (const char *c = comment + len - 1; *c; c++) {
        bool next_line = strncmp(c, start, len) == 0;
        if ((c[0] == '.' && (c[1] == ' ' || c[1] == '\n')) || (c[0] == '\n' && !next_line))
            break;
        fputc(next_line ? ' ' : *c, out);
        c += next_line ? len - 1 : 0;
    }
}

void bs_bn_list(FILE *out)
{
    for (size_t i = 0; i < N_TABLES; i++) {
        fprintf(out, "  %-26s  ", tables[i].name);
        print_sentence(out, bs_schema_comment(tables[i].name));
        fputc('\n', out);
    }
}

/* *held: the file has this table or view, which is none of those above. */
static bs_status is_held(bool *held, const char *path, const char *name)
{
    bs_db *db = NULL;
    BS_TRY(bs_db_open(&db, path));
    bs_status st =
        bs_db_exists(held, db,
                     "SELECT 1 FROM main.sqlite_schema WHERE type IN ('table', 'view') AND name = ?1 AND "
                     "NOT name GLOB '*[^a-z0-9_]*'",
                     BS_BIND(BS_BIND_TEXT(name)));
    bs_db_close(db);
    return st;
}

static bs_status find_table(const struct table **out, const char *path, const char *name)
{
    const char *names[N_TABLES];
    bool held;
    for (size_t i = 0; i < N_TABLES; i++) {
        *out = &tables[i];
        names[i] = tables[i].name;
        if (strcmp(name, names[i]) == 0)
            return BS_OK;
    }
    BS_TRY(is_held(&held, path, name));
    if (held) {
        bs_fail(BS_USAGE, "'%s' is none of the tables that bn prints", name);
        return bs_hint("`sqlite3 %s 'SELECT * FROM %s'` shows it", bs_shell_word(path), name);
    }
    bs_fail(BS_USAGE, "unknown table '%s'", name);
    int near = bs_nearest(name, names, N_TABLES);
    if (near >= 0)
        return bs_hint("did you mean '%s'?", names[near]);
    return bs_hint("such as layer_accuracy, sink_class, bn_trust; `bitsink bn %s` lists all",
                   bs_shell_word(path));
}

static bs_status has_column(bool *has, const bs_db *db, const char *table, const char *column)
{
    return bs_db_exists(has, db, "SELECT 1 FROM pragma_table_info(?1) WHERE name = ?2",
                        BS_BIND(BS_BIND_TEXT(table), BS_BIND_TEXT(column)));
}

static bs_status refuse_filter(const char *table, const char *option, const char *columns)
{
    bs_fail(BS_USAGE, "'%s' has no column %s", table, columns);
    return bs_hint("leave --%s out", option);
}

/* Appends the conditions of a filter. *scope: the one it names, else -1. */
static bs_status add_filter(bs_str *sql, int64_t *scope, const bs_db *db, const char *table,
                            const bs_bn_selection *only)
{
    const char *and = " WHERE", *column = "scope";
    bool has = false;
    int64_t layer;
    *scope = -1;
    if (only->scope) {
        BS_TRY(has_column(&has, db, table, column));
        if (!has) {
            column = "entry";
            BS_TRY(has_column(&has, db, table, column));
        }
        if (!has)
            return refuse_filter(table, "scope", "scope or entry");
        if (strcmp(only->scope, "-1") != 0)
            BS_TRY(bs_bn_find(scope, db, BS_BN_ENTRY, only->scope));
        bs_str_printf(sql, "%s %s = %" PRId64, and, column, *scope);
        and = " AND";
    }
    if (only->layer) {
        BS_TRY(has_column(&has, db, table, "layer"));
        if (!has)
            return refuse_filter(table, "layer", "layer");
        BS_TRY(bs_bn_find(&layer, db, BS_BN_LAYER, only->layer));
        bs_str_printf(sql, "%s layer = %" PRId64, and, layer);
    }
    return BS_OK;
}

/* Says that there was no row in a table of this scope, or of all (-1). Tables of one fault in a trial lack
 * entries with any number of them. */
static bs_status tell_empty(const bs_db *db, const char *table, int64_t scope)
{
    static const char *const of_one_fault[] = {"network_sdc", "network_outcome", "accuracy_curve",
                                               "op_accuracy"};
    bool other = false;
    for (size_t i = 0; i < sizeof of_one_fault / sizeof *of_one_fault; i++)
        if (strcmp(table, of_one_fault[i]) == 0)
            BS_TRY(bs_db_exists(&other, db,
                                "SELECT 1 FROM (SELECT min(conditional) AS every FROM bn_stratum WHERE ?1 < "
                                "0 OR entry = ?1) WHERE every",
                                BS_BIND(BS_BIND_INT(scope))));
    bs_info("no rows in %s%s", table,
            other ? ": a trial may hold any number of faults; layer_accuracy has the rates of such entries"
                  : "");
    return BS_OK;
}

/* --- Columns --- */

/* Prepares a query for all columns of a table, to be asked for their names. */
static bs_status prepare_all(sqlite3_stmt **out, const bs_db *db, const char *table)
{
    bs_str sql = {0};
    bs_str_printf(&sql, "SELECT * FROM %s", table);
    bs_status st = bs_str_status(&sql);
    if (st == BS_OK)
        st = bs_db_prepare(out, db, sql.ptr);
    bs_str_clear(&sql);
    return st;
}

/* Fails for a name that the table has no column of. */
static bs_status check_column(const bs_db *db, const char *table, const char *name)
{
    enum { MOST = 64 };
    char *names[MOST];
    const char *known[MOST];
    int n = 0;
    sqlite3_stmt *q = NULL;
    bool has;
    BS_TRY(has_column(&has, db, table, name));
    if (has)
        return BS_OK;
    BS_TRY(prepare_all(&q, db, table));
    for (; n < sqlite3_column_count(q) && n < MOST && (names[n] = strdup(sqlite3_column_name(q, n))); n++)
        known[n] = names[n];
    sqlite3_finalize(q);
    bs_status st = bs_fail(BS_USAGE, "'%s' has no column '%s'", table, bs_visible(name));
    int near = bs_nearest(name, known, n);
    if (near >= 0)
        bs_hint("did you mean '%s'?", known[near]);
    else
        bs_hint("`bitsink bn DB %s --wide` shows all of them", table);
    while (n > 0)
        free(names[--n]);
    return st;
}

/* Appends a list of columns of the user's; of a list to sort by, a minus in front of a name means from the
 * largest on. NULL comes last in either. */
static bs_status add_columns(bs_str *sql, const bs_db *db, const char *table, const char *list, bool sorts)
{
    char name[64];
    for (const char *at = list; *at;) {
        bool down = sorts && *at == '-';
        at += down;
        size_t len = strcspn(at, ",");
        if (len == 0 || len >= sizeof name)
            return bs_fail(BS_USAGE, "'%s' is no list of columns, as in entry,layer_name", bs_visible(list));
        memcpy(name, at, len);
        name[len] = '\0';
        BS_TRY(check_column(db, table, name));
        bs_str_printf(sql, sorts ? "\"%s\"%s NULLS LAST, " : "%s\"%s\"",
                      sorts        ? name
                      : at == list ? ""
                                   : ", ",
                      sorts ? (down ? " DESC" : "") : name);
        at += len;
        if (*at == ',' && !*++at)
            return bs_fail(BS_USAGE, "'%s' ends in a comma", bs_visible(list));
    }
    return BS_OK;
}

/* Appends what to select from the table, in which order. */
static bs_status add_query(bs_str *sql, int64_t *scope, const bs_db *db, const struct table *table,
                           const bs_bn_selection *only)
{
    int64_t rows = only->limit == 0 || only->limit > INT64_MAX ? -1 : (int64_t)only->limit;
    bool narrow = only->format == BS_ROWS_TABLE && !only->wide && table->columns;
    bs_str_puts(sql, "SELECT ");
    if (only->columns)
        BS_TRY(add_columns(sql, db, table->name, only->columns, false));
    else
        bs_str_puts(sql, narrow ? table->columns : "*");
    bs_str_printf(sql, " FROM %s", table->name);
    BS_TRY(add_filter(sql, scope, db, table->name, only));
    bs_str_puts(sql, " ORDER BY ");
    if (only->sort)
        BS_TRY(add_columns(sql, db, table->name, only->sort, true));
    bs_str_printf(sql, "%s LIMIT %" PRId64, table->order, rows);
    return bs_str_status(sql);
}

/* Says that there are more columns than those shown. */
static bs_status tell_narrow(const bs_db *db, const struct table *table, int shown)
{
    sqlite3_stmt *all = NULL;
    BS_TRY(prepare_all(&all, db, table->name));
    if (sqlite3_column_count(all) > shown)
        bs_info("%d of %d columns: --wide shows all, --columns those that you name", shown,
                sqlite3_column_count(all));
    sqlite3_finalize(all);
    return BS_OK;
}

bs_status bs_bn_print(FILE *out, const char *db_path, const char *name, const bs_bn_selection *only)
{
    const struct table *table;
    bs_db *db = NULL;
    sqlite3_stmt *q = NULL;
    bs_str sql = {0};
    int64_t scope;
    bool any;
    bs_status st;
    BS_TRY(find_table(&table, db_path, name));
    BS_TRY(bs_bn_open(&db, db_path, strncmp(name, "sink_", 5) == 0 || strncmp(name, "bit_", 4) == 0));
    if (strcmp(name, "layer_outcome_exact") == 0)
        BS_TRY_GOTO(bs_bn_make_exact(db), out);
    BS_TRY_GOTO(add_query(&sql, &scope, db, table, only), out);
    BS_TRY_GOTO(bs_db_prepare(&q, db, sql.ptr), out);
    BS_TRY_GOTO(bs_rows_print(out, db, q, only->format, &any), out);
    if (!any)
        st = tell_empty(db, name, scope);
    else if (only->format == BS_ROWS_TABLE && !only->columns)
        st = tell_narrow(db, table, sqlite3_column_count(q));
out:
    sqlite3_finalize(q);
    bs_str_clear(&sql);
    bs_db_close(db);
    return st;
}
