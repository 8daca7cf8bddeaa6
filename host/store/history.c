#include "store/history.h"

#include "base/text.h"
#include "store/schema.h"

#include <stdio.h>
#include <string.h>

/* Tables and columns that files of a version before `since` lack, or hold otherwise (`changed`); nothing else
 * may be missing. `sql` is an expression over the tables of the file, with {} before their names; NULL: the
 * default of the schema. */
static const struct change {
    int since;
    bool changed;
    const char *table, *column, *sql; /* column NULL: the table */
} changes[] = {
    {2, false, "broken_image", NULL, NULL},
    {3, false, "audit", NULL, NULL},
    {4, false, "fault_wrong", NULL, NULL},
    {3, false, "campaign", "shard", NULL},
    {3, false, "campaign", "shards", NULL},
    {3, false, "campaign", "job_trials", "planned_trials"},
    {3, false, "run", "shard", NULL},
    {3, false, "run", "audited", NULL},
    {3, false, "run", "audit_equal", NULL},
    /* The same for every copy of the file, so that merging stays idempotent. */
    {3, false, "run", "uid",
     "(SELECT created FROM {}campaign) || ' ' || ifnull(host, '') || ' ' || started || ' ' || id"},
    /* Bounds count on how sites were drawn, and a run must not go on with other draws. */
    {3, true, "entry", "definition",
     "definition || CASE WHEN count = 1 AND ber = 0 AND kind <> 'random' AND sites IS NULL AND EXISTS "
     "(SELECT 1 FROM {}stratum s WHERE s.entry = entry.id AND s.population <= 1048576) "
     "THEN ' with replacement' ELSE '' END"},
    {5, false, "stratum", "storage", NULL},
    {6, false, "stratum", "bits", "(SELECT e.bits FROM {}entry e WHERE e.id = stratum.entry)"},
    {6, false, "layer", "type", "'fp32'"},
    /* Names were taken as they came: now they are UTF-8, but for a path that is opened again. */
    {5, true, "class", "name", "utf8(name)"},
    {5, true, "image", "path", "utf8(path)"},
    {5, true, "layer", "name", "utf8(name)"},
    {5, true, "layer", "node", "utf8(node)"},
    {5, true, "entry", "name", "utf8(name)"},
    {5, true, "entry", "sites", "utf8(sites)"},
    {5, true, "campaign", "name", "utf8(name)"},
    {5, true, "campaign", "model", "utf8(model)"},
    {5, true, "campaign", "job", "utf8(job)"},
    {5, true, "campaign", "job_path", "iif(job_path = utf8(job_path), job_path, CAST(job_path AS BLOB))"},
    {5, true, "run", "host", "utf8(host)"},
    {5, true, "run", "device", "utf8(device)"},
};

/* SQL function utf8(text): bs_str_utf8(). */
static void utf8(sqlite3_context *context, int n, sqlite3_value **value)
{
    const char *text = (const char *)sqlite3_value_text(value[0]);
    bs_str s = {0};
    (void)n;
    if (!text)
        return;
    bs_str_utf8(&s, text);
    if (bs_str_status(&s) == BS_OK)
        sqlite3_result_text(context, s.ptr ? s.ptr : "", -1, SQLITE_TRANSIENT);
    else
        sqlite3_result_error_nomem(context);
    bs_str_clear(&s);
}

typedef struct shown {
    const bs_db *db;
    const char *schema, *prefix;
    sqlite3_int64 version;
} shown;

static const struct change *find_change(const shown *s, const char *table, const char *column)
{
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        const struct change *c = &changes[i];
        if (s->version < c->since && strcmp(c->table, table) == 0 &&
            (column ? c->column && strcmp(c->column, column) == 0 : !c->column))
            return c;
    }
    return NULL;
}

static bs_status fail_damaged(const shown *s, const char *table, const char *column)
{
    bs_fail(BS_ERR, "result file '%s' is damaged: %s%s%s is missing",
            sqlite3_db_filename(s->db->handle, s->schema), table, column ? "." : "", column ? column : "");
    return bs_hint("rescue what is left with `sqlite3 FILE .recover`, or run its job again into a new file");
}

/* `sql` with {} replaced: by the file's name and a dot. */
static void append_expression(bs_str *out, const shown *s, const char *sql)
{
    for (const char *at; (at = strstr(sql, "{}")); sql = at + 2) {
        bs_str_append(out, sql, (size_t)(at - sql));
        bs_str_printf(out, "%s.", s->schema);
    }
    bs_str_puts(out, sql);
}

static bs_status has(bool *found, const shown *s, const char *table, const char *column)
{
    sqlite3_stmt *q = NULL;
    BS_TRY(
        bs_db_prepare(&q, s->db, "SELECT 1 FROM pragma_table_xinfo(?1, ?2) WHERE ?3 IS NULL OR name = ?3"));
    sqlite3_bind_text(q, 1, table, -1, SQLITE_STATIC);
    sqlite3_bind_text(q, 2, s->schema, -1, SQLITE_STATIC);
    sqlite3_bind_text(q, 3, column, -1, SQLITE_STATIC);
    bs_status st = bs_db_step(s->db, q, found);
    sqlite3_finalize(q);
    return st;
}

/* Appends one column of the view; *differs is set if it is not the table's own. */
static bs_status append_column(bs_str *out, const shown *s, const char *table, sqlite3_stmt *wanted,
                               bool *differs)
{
    const char *name = (const char *)sqlite3_column_text(wanted, 0);
    const char *otherwise = (const char *)sqlite3_column_text(wanted, 1);
    const struct change *c = find_change(s, table, name);
    bool there;
    BS_TRY(has(&there, s, table, name));
    if (!there && !c)
        return fail_damaged(s, table, name);
    *differs |= c && (c->changed || !there);
    if (c && c->sql && (c->changed || !there))
        append_expression(out, s, c->sql);
    else
        bs_str_puts(out, there ? name : otherwise ? otherwise : "NULL");
    bs_str_printf(out, " AS %s", name);
    return BS_OK;
}

/* A table that the file is too old for is empty. */
static bs_status show_table(const shown *s, const bs_db *today, const char *table)
{
    sqlite3_stmt *q = NULL;
    bs_str sql = {0};
    bool there, row, differs = *s->prefix != '\0';
    bs_status st;
    BS_TRY(has(&there, s, table, NULL));
    if (!there && !find_change(s, table, NULL))
        return fail_damaged(s, table, NULL);
    differs |= !there;
    bs_str_printf(&sql, "CREATE TEMP VIEW %s%s AS SELECT ", s->prefix, table);
    BS_TRY_GOTO(bs_db_prepare(&q, today, "SELECT name, dflt_value FROM pragma_table_xinfo(?1)"), out);
    sqlite3_bind_text(q, 1, table, -1, SQLITE_STATIC);
    for (int i = 0;; i++) {
        BS_TRY_GOTO(bs_db_step(today, q, &row), out);
        if (!row)
            break;
        bs_str_puts(&sql, i ? ", " : "");
        if (there)
            BS_TRY_GOTO(append_column(&sql, s, table, q, &differs), out);
        else
            bs_str_printf(&sql, "NULL AS %s", (const char *)sqlite3_column_text(q, 0));
    }
    if (there)
        bs_str_printf(&sql, " FROM %s.%s", s->schema, table);
    else
        bs_str_puts(&sql, " WHERE 0");
    BS_TRY_GOTO(bs_str_status(&sql), out);
    if (differs)
        st = bs_db_exec(s->db, "read", sql.ptr);
out:
    sqlite3_finalize(q);
    bs_str_clear(&sql);
    return st;
}

/* Programs that do not know fault_wrong may have added trials to a file that has it: it is counted anew. */
static bs_status show_fault_wrong(const shown *s)
{
    bs_str sql = {0};
    bs_status st;
    bs_str_printf(&sql, "DROP VIEW IF EXISTS temp.fault_wrong; CREATE TEMP VIEW fault_wrong AS %s",
                  bs_sql_fault_wrong);
    BS_TRY_GOTO(bs_str_status(&sql), out);
    st = bs_db_exec(s->db, "read", sql.ptr);
out:
    bs_str_clear(&sql);
    return st;
}

/* Files of version 3 that lack one of its parts were made while it was made: they count as version 2. */
static bs_status read_version(shown *s)
{
    char sql[64];
    bool uid, audit;
    snprintf(sql, sizeof sql, "PRAGMA %s.user_version", s->schema);
    BS_TRY(bs_db_integer(&s->version, s->db, sql));
    if (s->version != 3)
        return BS_OK;
    BS_TRY(has(&uid, s, "run", "uid"));
    BS_TRY(has(&audit, s, "audit", NULL));
    if (!uid || !audit)
        s->version = 2;
    return BS_OK;
}

/* Calls `fn` for each table of facts of today. */
static bs_status each_table(const bs_db *today, bs_status (*fn)(const shown *, const bs_db *, const char *),
                            const shown *s)
{
    sqlite3_stmt *q = NULL;
    bool row;
    bs_status st;
    BS_TRY(bs_db_prepare(&q, today, "SELECT name FROM sqlite_master WHERE type = 'table'"));
    for (;;) {
        BS_TRY_GOTO(bs_db_step(today, q, &row), out);
        if (!row)
            break;
        BS_TRY_GOTO(fn(s, today, (const char *)sqlite3_column_text(q, 0)), out);
    }
out:
    sqlite3_finalize(q);
    return st;
}

bs_status bs_history_show(const bs_db *db, const char *schema, const char *prefix)
{
    shown s = {.db = db, .schema = schema, .prefix = prefix};
    bs_db today = {0};
    bs_status st;
    BS_TRY(read_version(&s));
    if (sqlite3_create_function(db->handle, "utf8", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL, utf8, NULL,
                                NULL) != SQLITE_OK)
        return bs_db_fail(db, "read");
    BS_TRY_GOTO(bs_schema_open_facts(&today), out);
    BS_TRY_GOTO(each_table(&today, show_table, &s), out);
    if (!*prefix && s.version < 4)
        st = show_fault_wrong(&s);
out:
    sqlite3_close(today.handle);
    return st;
}

static bs_status forget_table(const shown *s, const bs_db *today, const char *table)
{
    char sql[160];
    (void)today;
    snprintf(sql, sizeof sql, "DROP VIEW IF EXISTS temp.%s%s", s->prefix, table);
    return bs_db_exec(s->db, "read", sql);
}

bs_status bs_history_forget(const bs_db *db, const char *prefix)
{
    const shown s = {.db = db, .prefix = prefix};
    bs_db today = {0};
    bs_status st;
    BS_TRY_GOTO(bs_schema_open_facts(&today), out);
    st = each_table(&today, forget_table, &s);
out:
    sqlite3_close(today.handle);
    return st;
}
