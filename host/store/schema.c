#include "store/schema.h"

#include "base/buf.h"

#include <stdio.h>
#include <string.h>

/* X(name): schema/NAME.sql. Order matters only between settings and defaults. */
#define BS_SCHEMA_VIEWS(X)                                                                                   \
    X(outcome) X(rates) X(bayes) X(trust) X(inference) X(sinks) X(rerun) X(severity) X(failure_rate)

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
    return sqlite3_open_v2(":memory:", &out->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) ==
                   SQLITE_OK
               ? BS_OK
               : bs_oom("schema");
}

bs_status bs_schema_open_facts(bs_db *out)
{
    BS_TRY(open_memory(out));
    return bs_db_exec(out, "create", bs_sql_tables);
}

/* Settings and views as this version wants them, in a database of their own. */
static bs_status open_wanted(bs_db *out)
{
    BS_TRY(open_memory(out));
    BS_TRY(bs_db_exec(out, "create", bs_sql_settings));
    BS_TRY(bs_db_exec(out, "create", bs_sql_defaults));
    return create_views(out);
}

bs_status bs_schema_create(const bs_db *db)
{
    BS_TRY(bs_db_exec(db, "create", bs_sql_tables));
    BS_TRY(bs_db_exec(db, "create", bs_sql_settings));
    BS_TRY(bs_db_exec(db, "create", bs_sql_defaults));
    return create_views(db);
}

/* Is the file of this schema version, and does it hold every object of `wanted` (with the same text, if it is
 * a view) and every setting? */
static bs_status compare(bool *same, const bs_db *db, const bs_db *wanted)
{
    static const char have_sql[] =
        "SELECT count(*) FROM main.sqlite_master WHERE name = ?1 AND (type = 'table' "
        "OR sql = ?2)";
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
        sqlite3_bind_text(have, 1, (const char *)sqlite3_column_text(want, 0), -1, SQLITE_TRANSIENT);
        sqlite3_bind_text(have, 2, (const char *)sqlite3_column_text(want, 1), -1, SQLITE_TRANSIENT);
        BS_TRY_GOTO(bs_db_step(db, have, &found), out);
        *same = found && sqlite3_column_int(have, 0) > 0;
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

/* Views, and the tables that are counted from raw rows when they are wanted: their columns may have changed.
 */
static bs_status drop_derived(const bs_db *db, const bs_db *wanted)
{
    sqlite3_stmt *q = NULL;
    char sql[160];
    bool row;
    bs_status st;
    BS_TRY(bs_db_prepare(&q, wanted,
                         "SELECT type, name FROM sqlite_master WHERE type = 'view' OR "
                         "(type = 'table' AND name GLOB 'bit_*')"));
    for (;;) {
        BS_TRY_GOTO(bs_db_step(wanted, q, &row), out);
        if (!row)
            break;
        snprintf(sql, sizeof sql, "DROP %s IF EXISTS main.%s", (const char *)sqlite3_column_text(q, 0),
                 (const char *)sqlite3_column_text(q, 1));
        BS_TRY_GOTO(bs_db_exec(db, "write", sql), out);
    }
out:
    sqlite3_finalize(q);
    return st;
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

/* Appends the columns that both `wanted` and the attached file `schema` hold of a table, as "a, b"; nothing
 * where the file has no such table. */
static bs_status common_columns(bs_str *out, const bs_db *db, const char *schema, const bs_db *wanted,
                                const char *table)
{
    sqlite3_stmt *want = NULL, *have = NULL;
    bool row, found;
    bs_status st;
    BS_TRY(bs_db_prepare(&want, wanted, "SELECT name FROM pragma_table_info(?1)"));
    BS_TRY_GOTO(bs_db_prepare(&have, db, "SELECT 1 FROM pragma_table_info(?1, ?3) WHERE name = ?2"), out);
    sqlite3_bind_text(want, 1, table, -1, SQLITE_STATIC);
    sqlite3_bind_text(have, 1, table, -1, SQLITE_STATIC);
    sqlite3_bind_text(have, 3, schema, -1, SQLITE_STATIC);
    for (;;) {
        BS_TRY_GOTO(bs_db_step(wanted, want, &row), out);
        if (!row)
            break;
        const char *name = (const char *)sqlite3_column_text(want, 0);
        sqlite3_bind_text(have, 2, name, -1, SQLITE_TRANSIENT);
        BS_TRY_GOTO(bs_db_step(db, have, &found), out);
        sqlite3_reset(have);
        if (found)
            bs_str_printf(out, "%s%s", out->len ? ", " : "", name);
    }
    st = bs_str_status(out);
out:
    sqlite3_finalize(want);
    sqlite3_finalize(have);
    return st;
}

/* One object of `wanted` as a temporary one, which hides that of the file; a table of settings gets the rows
 * of the file that it still allows, one that is counted from raw rows (bit_...) gets none. */
static bs_status shadow_one(const bs_db *db, const bs_db *wanted, const char *name, const char *text,
                            bool is_table)
{
    static const char create[] = "CREATE"; /* SQLite stores texts with this word first */
    bs_str sql = {0}, columns = {0};
    bs_status st = BS_OK;
    bs_str_printf(&sql, "CREATE TEMP%s", text + sizeof create - 1);
    if (is_table && strncmp(name, "bit_", 4) != 0)
        BS_TRY_GOTO(common_columns(&columns, db, "main", wanted, name), out);
    if (columns.len)
        bs_str_printf(&sql, "; INSERT OR IGNORE INTO temp.%s (%s) SELECT %s FROM main.%s%s", name,
                      columns.ptr, columns.ptr, name, strstr(text, "WITHOUT ROWID") ? "" : " ORDER BY rowid");
    BS_TRY_GOTO(bs_str_status(&sql), out);
    st = bs_db_exec(db, "read", sql.ptr);
out:
    bs_str_clear(&sql);
    bs_str_clear(&columns);
    return st;
}

bs_status bs_schema_shadow(const bs_db *db, bool all, bool *done)
{
    bs_db wanted = {0};
    sqlite3_stmt *q = NULL;
    bool same = true, row;
    bs_status st;
    *done = false;
    BS_TRY_GOTO(open_wanted(&wanted), out);
    BS_TRY_GOTO(compare(&same, db, &wanted), out);
    *done = !same || all;
    if (!*done)
        goto out;
    BS_TRY_GOTO(bs_db_prepare(&q, &wanted,
                              "SELECT name, sql, type = 'table' FROM sqlite_master WHERE sql IS NOT NULL"),
                out);
    for (;;) {
        BS_TRY_GOTO(bs_db_step(&wanted, q, &row), out);
        if (!row)
            break;
        BS_TRY_GOTO(shadow_one(db, &wanted, (const char *)sqlite3_column_text(q, 0),
                               (const char *)sqlite3_column_text(q, 1), sqlite3_column_int(q, 2)),
                    out);
    }
    st = bs_db_exec(db, "read", bs_sql_defaults); /* of tables, the temporary ones come first */
out:
    sqlite3_finalize(q);
    sqlite3_close(wanted.handle);
    return st;
}

/* Settings that are tables; bn_parameter has one a row, which are there already. */
static bs_status copy_table(const bs_db *db, const char *schema, const bs_db *wanted, const char *table,
                            uint64_t *lost)
{
    bs_str sql = {0}, columns = {0};
    sqlite3_int64 rows, kept;
    bs_status st;
    BS_TRY_GOTO(common_columns(&columns, db, schema, wanted, table), out);
    if (!columns.len)
        goto out;
    bs_str_printf(&sql, "INSERT OR IGNORE INTO main.%s (%s) SELECT %s FROM %s.%s", table, columns.ptr,
                  columns.ptr, schema, table);
    BS_TRY_GOTO(bs_str_status(&sql), out);
    BS_TRY_GOTO(bs_db_exec(db, "write", sql.ptr), out);
    kept = sqlite3_changes64(db->handle);
    sql.len = 0;
    bs_str_printf(&sql, "SELECT count(*) FROM %s.%s", schema, table);
    BS_TRY_GOTO(bs_db_integer(&rows, db, sql.ptr), out);
    *lost += (uint64_t)(rows - kept);
out:
    bs_str_clear(&sql);
    bs_str_clear(&columns);
    return st;
}

static bs_status copy_parameters(const bs_db *db, const char *schema, uint64_t *lost)
{
    bs_str sql = {0};
    sqlite3_int64 differ = 0;
    bs_status st;
    bs_str_printf(
        &sql,
        "UPDATE OR IGNORE main.bn_parameter SET value = o.value FROM %s.bn_parameter o WHERE o.name = "
        "bn_parameter.name",
        schema);
    BS_TRY_GOTO(bs_str_status(&sql), out);
    BS_TRY_GOTO(bs_db_exec(db, "write", sql.ptr), out);
    sql.len = 0;
    bs_str_printf(
        &sql,
        "SELECT count(*) FROM main.bn_parameter m JOIN %s.bn_parameter o USING (name) WHERE m.value "
        "IS NOT o.value",
        schema);
    BS_TRY_GOTO(bs_db_integer(&differ, db, sql.ptr), out);
    *lost += (uint64_t)differ;
out:
    bs_str_clear(&sql);
    return st;
}

bs_status bs_schema_copy_settings(const bs_db *db, const char *schema, uint64_t *lost)
{
    static const char *const tables[] = {"bn_prior_layer", "bn_prior_image", "class_group", "group_cost"};
    bs_db wanted = {0};
    bs_status st;
    *lost = 0;
    BS_TRY_GOTO(open_wanted(&wanted), out);
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        BS_TRY_GOTO(copy_table(db, schema, &wanted, tables[i], lost), out);
    st = copy_parameters(db, schema, lost);
out:
    sqlite3_close(wanted.handle);
    return st;
}
