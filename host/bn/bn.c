#include "base/buf.h"
#include "base/log.h"
#include "base/text.h"
#include "bn/exact.h"
#include "bn/bn_internal.h"
#include "store/schema.h"

#include <inttypes.h>
#include <string.h>

static const struct table {
    const char *name, *order;
} tables[] = {
#define X(name, order) {#name, order},
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

/* Tells whether the counts by bit position are of an earlier state of the file. */
static bs_status bits_are_old(bool *old, const bs_db *db)
{
    sqlite3_int64 counted, trials;
    BS_TRY(bs_db_integer(&counted, db, "SELECT trials FROM bit_counted"));
    BS_TRY(bs_db_integer(&trials, db, "SELECT sum(n) FROM layer_summary"));
    *old = counted != trials;
    return BS_OK;
}

static bs_status prepare(const bs_db *db, bool bits)
{
    bool shadowed, old;
    sqlite3_int64 version;
    BS_TRY(bs_db_exec(db, "read", "PRAGMA cache_size = -262144; BEGIN"));
    BS_TRY(bs_schema_shadow(db, false, &shadowed));
    BS_TRY(bs_prior_warn(db));
    if (!bits)
        return BS_OK;
    BS_TRY(bits_are_old(&old, db));
    if (!old)
        return BS_OK;
    BS_TRY(bs_db_integer(&version, db, "PRAGMA user_version"));
    if (version == BS_DB_VERSION)
        bs_info("counting trials by bit position; `bitsink bn %s update` stores these counts",
                bs_shell_word(db->path));
    else
        bs_info("counting trials by bit position");
    if (!shadowed)
        BS_TRY(bs_schema_shadow(db, true, &shadowed));
    return bs_db_exec(db, "read", bs_sql_bits);
}

bs_status bs_bn_open(bs_db **out, const char *path, bool bits)
{
    BS_TRY(bs_db_open(out, path));
    bs_status st = prepare(*out, bits);
    if (st != BS_OK) {
        bs_db_close(*out);
        *out = NULL;
    }
    return st;
}

static bs_status say_scope(void *context, sqlite3_stmt *q)
{
    (void)context;
    bs_info("scope %lld: %s", (long long)sqlite3_column_int64(q, 0), (const char *)sqlite3_column_text(q, 1));
    return BS_OK;
}

bs_status bs_bn_tell_scope(const bs_db *db, int64_t scope)
{
    return bs_db_each(
        db,
        "SELECT scope, iif(conditional, 'inferences as entry ' || scope || ' has them', 'an inference "
        "meets a fault with probability ' || format('%.4g', p) || ', as the settings say') FROM "
        "bn_scope WHERE scope = ?1 AND p IS NOT NULL",
        BS_BIND(BS_BIND_INT(scope)), say_scope, NULL);
}

bs_status bs_bn_update(const char *path)
{
    bs_db *db = NULL;
    bool old = false;
    bs_status st;
    BS_TRY_GOTO(bs_bn_begin(&db, path), out);
    BS_TRY_GOTO(bits_are_old(&old, db), out);
    if (old)
        BS_TRY_GOTO(bs_db_exec(db, "write", bs_sql_bits), out);
    st = bs_db_commit(db);
out:
    bs_db_close(db);
    return st;
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
                            const bs_bn_filter *only)
{
    const char *and = " WHERE", *column = "scope";
    bool has = false;
    int64_t layer;
    *scope = -1;
    if (only && only->scope) {
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
    if (only && only->layer) {
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

bs_status bs_bn_print(FILE *out, const char *db_path, const char *name, bs_rows_format format, uint64_t limit,
                      const bs_bn_filter *only)
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
    int64_t rows = limit == 0 || limit > INT64_MAX ? -1 : (int64_t)limit;
    bs_str_printf(&sql, "SELECT * FROM %s", name);
    BS_TRY_GOTO(add_filter(&sql, &scope, db, name, only), out);
    bs_str_printf(&sql, " ORDER BY %s LIMIT %" PRId64, table->order, rows);
    BS_TRY_GOTO(bs_str_status(&sql), out);
    BS_TRY_GOTO(bs_db_prepare(&q, db, sql.ptr), out);
    BS_TRY_GOTO(bs_rows_print(out, db, q, format, &any), out);
    if (!any)
        st = tell_empty(db, name, scope);
out:
    sqlite3_finalize(q);
    bs_str_clear(&sql);
    bs_db_close(db);
    return st;
}
