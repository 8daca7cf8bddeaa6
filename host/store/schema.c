#include "store/schema.h"

#include "base/buf.h"
#include "base/log.h"
#include "store/sql_text.h"

#include <stdio.h>
#include <string.h>

/* X(name): schema/NAME.sql. Order matters only between settings and defaults. */
#define BS_SCHEMA_VIEWS(X)                                                                                   \
    X(fault_kind)                                                                                            \
    X(number_type)                                                                                           \
    X(outcome)                                                                                               \
    X(rates)                                                                                                 \
    X(bayes)                                                                                                 \
    X(accuracy) X(ranking) X(conditional) X(trust) X(inference) X(sinks) X(rerun) X(severity) X(failure_rate)

extern const char bs_sql_tables[], bs_sql_settings[], bs_sql_defaults[];
#define X(name) extern const char bs_sql_##name[];
BS_SCHEMA_VIEWS(X)
#undef X

static const char *const views[] = {
#define X(name) bs_sql_##name,
    BS_SCHEMA_VIEWS(X)
#undef X
};
enum { N_VIEWS = sizeof views / sizeof *views };

static bs_status create_views(const bs_db *db)
{
    for (int i = 0; i < N_VIEWS; i++)
        BS_TRY(bs_db_exec(db, "create", views[i]));
    return BS_OK;
}

static bs_status open_memory(bs_db *out)
{
    out->path = (char *)"(schema)";
    if (sqlite3_open_v2(":memory:", &out->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) !=
        SQLITE_OK)
        return bs_oom("schema");
    return bs_db_guard(out);
}

bs_status bs_schema_open_facts(bs_db *out)
{
    BS_TRY(open_memory(out));
    return bs_db_exec(out, "create", bs_sql_tables);
}

bs_status bs_schema_open_all(bs_db *out)
{
    BS_TRY(open_memory(out));
    return bs_schema_create(out);
}

/* The tables of settings, empty, in a database of their own. */
static bs_status open_settings(bs_db *out)
{
    BS_TRY(open_memory(out));
    return bs_db_exec(out, "create", bs_sql_settings);
}

/* Settings and views as this version wants them. */
static bs_status open_wanted(bs_db *out)
{
    BS_TRY(open_settings(out));
    BS_TRY(bs_db_exec(out, "create", bs_sql_defaults));
    return create_views(out);
}

const char *bs_schema_comment(const char *name)
{
    const char *const tables[] = {bs_sql_tables, bs_sql_settings, bs_sql_exact};
    const char *comment = NULL;
    for (size_t i = 0; i < sizeof tables / sizeof *tables && !comment; i++)
        comment = bs_sql_comment(tables[i], name);
    for (int i = 0; i < N_VIEWS && !comment; i++)
        comment = bs_sql_comment(views[i], name);
    return comment;
}

bs_status bs_schema_create(const bs_db *db)
{
    BS_TRY(bs_db_exec(db, "create", bs_sql_tables));
    BS_TRY(bs_db_exec(db, "create", bs_sql_settings));
    BS_TRY(bs_db_exec(db, "create", bs_sql_defaults));
    return create_views(db);
}

/* Tells whether the file is of this schema version and holds every object of `wanted`; views and indexes with
 * the same text, comments apart, so that a better comment does not make a file one of an earlier version. */
static bs_status compare(bool *same, const bs_db *db, const bs_db *wanted)
{
    static const char have_sql[] =
        "SELECT type, sql FROM main.sqlite_master WHERE name = ?1 AND type <> 'trigger'";
    sqlite3_stmt *want = NULL, *have = NULL;
    sqlite3_int64 settings, mine, version;
    bool row = true;
    bs_status st;
    BS_TRY(bs_db_integer(&version, db, "PRAGMA main.user_version"));
    *same = version == BS_DB_VERSION;
    BS_TRY(bs_db_prepare(&want, wanted, "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"));
    BS_TRY_GOTO(bs_db_prepare(&have, db, have_sql), out);
    while (row && *same) {
        bool found = false;
        BS_TRY_GOTO(bs_db_step(wanted, want, &row), out);
        if (!row)
            break;
        const char *name = (const char *)sqlite3_column_text(want, 0);
        const char *sql = (const char *)sqlite3_column_text(want, 1);
        if (!name || !sql || sqlite3_bind_text(have, 1, name, -1, SQLITE_TRANSIENT) != SQLITE_OK) {
            st = bs_oom("schema");
            goto out;
        }
        BS_TRY_GOTO(bs_db_step(db, have, &found), out);
        const char *type = found ? (const char *)sqlite3_column_text(have, 0) : NULL;
        const char *text = found ? (const char *)sqlite3_column_text(have, 1) : NULL;
        if (found && (!type || !text)) {
            st = bs_oom("schema");
            goto out;
        }
        *same = found && (strcmp(type, "table") == 0 || bs_sql_same(text, sql));
        sqlite3_reset(have);
    }
    if (*same) {
        BS_TRY_GOTO(bs_db_integer(&settings, wanted, "SELECT count(*) FROM bn_parameter"), out);
        BS_TRY_GOTO(bs_db_integer(&mine, db, "SELECT count(*) FROM bn_parameter"), out);
        *same = settings == mine;
    }
out:
    sqlite3_finalize(want);
    sqlite3_finalize(have);
    return st;
}

static bs_status drop(void *db, sqlite3_stmt *wanted)
{
    char sql[160];
    snprintf(sql, sizeof sql, "DROP %s IF EXISTS main.%s", (const char *)sqlite3_column_text(wanted, 0),
             (const char *)sqlite3_column_text(wanted, 1));
    return bs_db_exec(db, "write", sql);
}

/* Views, and the tables that are counted from raw rows when they are wanted: their columns may have changed.
 */
static bs_status drop_derived(const bs_db *db, const bs_db *wanted)
{
    return bs_db_each(wanted,
                      "SELECT type, name FROM sqlite_master WHERE type = 'view' OR "
                      "(type = 'table' AND name GLOB 'bit_*')",
                      BS_NO_BIND, drop, (bs_db *)db);
}

bs_status bs_schema_update(const bs_db *db)
{
    bs_db wanted = {0};
    bool same = true;
    bs_status st;
    BS_TRY_GOTO(open_wanted(&wanted), out);
    BS_TRY_GOTO(compare(&same, db, &wanted), out);
    if (same)
        goto out;
    BS_TRY_GOTO(bs_db_exec(db, "write", "SAVEPOINT schema"), out);
    st = drop_derived(db, &wanted);
    if (st == BS_OK)
        st = bs_db_exec(db, "write", bs_sql_settings);
    if (st == BS_OK)
        st = bs_db_exec(db, "write", bs_sql_defaults);
    if (st == BS_OK)
        st = create_views(db);
    if (st == BS_OK)
        st = bs_db_exec(db, "write", "RELEASE schema");
    else
        sqlite3_exec(db->handle, "ROLLBACK TO schema; RELEASE schema", NULL, NULL, NULL);
out:
    sqlite3_close(wanted.handle);
    return st;
}

typedef struct columns {
    bs_str *out;
    const bs_db *db;
    const char *from, *table;
} columns;

static bs_status add_column(void *context, sqlite3_stmt *wanted)
{
    const columns *c = context;
    const char *name = (const char *)sqlite3_column_text(wanted, 0);
    bool found;
    BS_TRY(bs_db_exists(&found, c->db, "SELECT 1 FROM pragma_table_info(?1, ?2) WHERE name = ?3",
                        BS_BIND(BS_BIND_TEXT(c->table), BS_BIND_TEXT(c->from), BS_BIND_TEXT(name))));
    if (found)
        bs_str_printf(c->out, "%s%s", c->out->len ? ", " : "", name);
    return BS_OK;
}

/* Appends the columns that both `wanted` and the attached file `from` hold of a table, as "a, b"; nothing
 * where the file has no such table. */
static bs_status common_columns(bs_str *out, const bs_db *db, const char *from, const bs_db *wanted,
                                const char *table)
{
    columns c = {out, db, from, table};
    BS_TRY(bs_db_each(wanted, "SELECT name FROM pragma_table_info(?1)", BS_BIND(BS_BIND_TEXT(table)),
                      add_column, &c));
    return bs_str_status(out);
}

/* Settings from the attached file `from` into `to`, which has today's tables with their defaults. */
typedef struct transfer {
    const bs_db *db, *wanted;
    const char *to, *from;
    uint64_t lost; /* rows that today's tables do not allow */
} transfer;

static bs_status copy_table(transfer *t, const char *table)
{
    bs_str sql = {0}, columns = {0};
    sqlite3_int64 rows, kept;
    bs_status st;
    BS_TRY_GOTO(common_columns(&columns, t->db, t->from, t->wanted, table), out);
    if (!columns.len)
        goto out;
    bs_str_printf(&sql, "INSERT OR IGNORE INTO %s.%s (%s) SELECT %s FROM %s.%s", t->to, table, columns.ptr,
                  columns.ptr, t->from, table);
    BS_TRY_GOTO(bs_str_status(&sql), out);
    BS_TRY_GOTO(bs_db_exec(t->db, "write", sql.ptr), out);
    kept = sqlite3_changes64(t->db->handle);
    sql.len = 0;
    bs_str_printf(&sql, "SELECT count(*) FROM %s.%s", t->from, table);
    BS_TRY_GOTO(bs_db_integer(&rows, t->db, sql.ptr), out);
    t->lost += (uint64_t)(rows - kept);
out:
    bs_str_clear(&sql);
    bs_str_clear(&columns);
    return st;
}

/* Adds to t->lost the settings that both know and that have other values. */
static bs_status count_other_values(transfer *t)
{
    bs_str sql = {0};
    sqlite3_int64 differ = 0;
    bs_status st;
    bs_str_printf(
        &sql,
        "SELECT count(*) FROM %s.bn_parameter t JOIN %s.bn_parameter o USING (name) WHERE t.value IS "
        "NOT o.value",
        t->to, t->from);
    BS_TRY_GOTO(bs_str_status(&sql), out);
    st = bs_db_integer(&differ, t->db, sql.ptr);
    t->lost += (uint64_t)differ;
out:
    bs_str_clear(&sql);
    return st;
}

/* bn_parameter has one setting per row, with a comment, and they are there already. */
static bs_status copy_parameters(transfer *t)
{
    bs_str sql = {0};
    bs_status st;
    bs_str_printf(&sql,
                  "UPDATE OR IGNORE %s.bn_parameter AS t SET value = o.value FROM %s.bn_parameter o WHERE "
                  "o.name = t.name AND o.value IS NOT t.value",
                  t->to, t->from);
    BS_TRY_GOTO(bs_str_status(&sql), out);
    BS_TRY_GOTO(bs_db_exec(t->db, "write", sql.ptr), out);
    st = count_other_values(t);
out:
    bs_str_clear(&sql);
    return st;
}

/* Settings that are tables of their own. */
static const char *const setting_tables[] = {"bn_prior_layer", "bn_prior_image", "class_group", "group_cost"};
enum { N_SETTING_TABLES = sizeof setting_tables / sizeof *setting_tables };

static bs_status copy_settings(transfer *t)
{
    for (int i = 0; i < N_SETTING_TABLES; i++)
        BS_TRY(copy_table(t, setting_tables[i]));
    return copy_parameters(t);
}

bs_status bs_schema_copy_settings(const bs_db *db, const char *from, uint64_t *lost)
{
    bs_db wanted = {0};
    transfer t = {.db = db, .wanted = &wanted, .to = "main", .from = from};
    bs_status st = open_settings(&wanted);
    if (st == BS_OK)
        st = copy_settings(&t);
    *lost = t.lost;
    sqlite3_close(wanted.handle);
    return st;
}

/* Adds to *n the rows of a table that only one of both files has, by the columns that both know. */
static bs_status count_different(const transfer *t, const char *table, sqlite3_int64 *n)
{
    bs_str sql = {0}, columns = {0};
    sqlite3_int64 differ = 0;
    bs_status st;
    BS_TRY_GOTO(common_columns(&columns, t->db, t->from, t->wanted, table), out);
    if (!columns.len)
        goto out;
    const char *c = columns.ptr;
    bs_str_printf(
        &sql,
        "SELECT (SELECT count(*) FROM (SELECT %s FROM main.%s EXCEPT SELECT %s FROM %s.%s)) + (SELECT "
        "count(*) FROM (SELECT %s FROM %s.%s EXCEPT SELECT %s FROM main.%s))",
        c, table, c, t->from, table, c, t->from, table, c, table);
    BS_TRY_GOTO(bs_str_status(&sql), out);
    st = bs_db_integer(&differ, t->db, sql.ptr);
    *n += differ;
out:
    bs_str_clear(&sql);
    bs_str_clear(&columns);
    return st;
}

bs_status bs_schema_same_settings(bool *same, const bs_db *db, const char *from)
{
    bs_db wanted = {0};
    transfer t = {.db = db, .wanted = &wanted, .to = "main", .from = from};
    sqlite3_int64 n = 0;
    bs_status st;
    BS_TRY_GOTO(open_settings(&wanted), out);
    for (int i = 0; i < N_SETTING_TABLES; i++)
        BS_TRY_GOTO(count_different(&t, setting_tables[i], &n), out);
    st = count_other_values(&t);
    *same = n == 0 && t.lost == 0;
out:
    sqlite3_close(wanted.handle);
    return st;
}

static bs_status shadow(void *db, sqlite3_stmt *wanted)
{
    static const char create[] = "CREATE"; /* SQLite stores texts with this word first */
    bs_str sql = {0};
    bs_str_printf(&sql, "CREATE TEMP%s", (const char *)sqlite3_column_text(wanted, 0) + sizeof create - 1);
    bs_status st = bs_str_status(&sql);
    if (st == BS_OK)
        st = bs_db_exec(db, "read", sql.ptr);
    bs_str_clear(&sql);
    return st;
}

/* Every object of `wanted` as a temporary one, which hides that of the file. */
static bs_status shadow_all(const bs_db *db, const bs_db *wanted)
{
    return bs_db_each(wanted, "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL", BS_NO_BIND, shadow,
                      (bs_db *)db);
}

bs_status bs_schema_shadow(const bs_db *db, bool all, bool *done)
{
    bs_db wanted = {0};
    transfer t = {.db = db, .wanted = &wanted, .to = "temp", .from = "main"};
    bool same = true;
    bs_status st;
    *done = false;
    BS_TRY_GOTO(open_wanted(&wanted), out);
    BS_TRY_GOTO(compare(&same, db, &wanted), out);
    *done = !same || all;
    if (!*done)
        goto out;
    BS_TRY_GOTO(shadow_all(db, &wanted), out);
    BS_TRY_GOTO(bs_db_exec(db, "read", bs_sql_defaults), out); /* of tables, the temporary ones come first */
    BS_TRY_GOTO(copy_settings(&t), out);
    if (t.lost > 0)
        bs_warn("%s: %llu setting(s) are no longer allowed and count as their defaults", db->path,
                (unsigned long long)t.lost);
out:
    sqlite3_close(wanted.handle);
    return st;
}
