#include "store/history.h"

#include "base/text.h"
#include "model/label.h"
#include "store/identity.h"
#include "store/schema.h"

#include <stdio.h>
#include <string.h>

/* Tables and columns that files of a version before `since` lack, or hold in another form (`changed`);
 * nothing else may be missing. `sql` is an expression over the tables of the file, with {} before their
 * names; NULL: the default of the schema. */
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
    /* Equal for every copy of the file, so that merging stays idempotent. */
    {3, false, "run", "uid",
     "(SELECT created FROM {}campaign) || ' ' || ifnull(host, '') || ' ' || started || ' ' || id"},
    /* Bounds depend on how sites were drawn, and a run must not continue with other draws. */
    {3, true, "entry", "definition",
     "definition || CASE WHEN count = 1 AND ber = 0 AND kind <> 'random' AND sites IS NULL AND EXISTS "
     "(SELECT 1 FROM {}stratum s WHERE s.entry = entry.id AND s.population <= 1048576) "
     "THEN '" BS_WITH_REPLACEMENT "' ELSE '' END"},
    {5, false, "stratum", "storage", NULL},
    {6, false, "stratum", "bits", "(SELECT e.bits FROM {}entry e WHERE e.id = stratum.entry)"},
    {6, false, "layer", "type", "'fp32'"},
    {7, false, "run", "start_seconds", NULL},
    {7, false, "proof", NULL, NULL},
    /* Ids of activations are in the order of nodes. Of norm parameters and constants the file does not know
     * what they are to their node. */
    {8, false, "layer", "ordinal",
     "(SELECT place FROM (SELECT id, row_number() OVER (ORDER BY ifnull(output, -1), kind = 'activation', "
     "kind = 'bias', id) - 1 AS place FROM (SELECT id, kind, min(CASE kind WHEN 'activation' THEN id END) "
     "OVER (PARTITION BY node) AS output FROM {}layer)) p WHERE p.id = layer.id)"},
    {8, false, "layer", "label", "label(utf8(name), utf8(node), kind)"},
    {9, false, "campaign", "top_k", "0"},
    {9, false, "entry", "scope", "'target'"},
    {9, false, "entry", "probability", "1.0"},
    {9, false, "entry", "shared_bit", "0"},
    {9, false, "entry", "store_sites", "64"},
    {9, false, "network_target", NULL, NULL},
    {9, false, "trial_site", NULL, NULL},
    {9, false, "golden_ranking", NULL, NULL},
    {9, false, "trial_ranking", NULL, NULL},
    {10, false, "run_device", NULL, NULL},
    {11, false, "campaign", "storage", "'as in the model'"},
    {11, false, "campaign", "scales", NULL},
    {11, false, "layer", "scale_run", NULL},
    {11, false, "layer_scale", NULL, NULL},
    /* Names were stored unchanged; now they are UTF-8, except a path that is opened again. */
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

/* Returns a text from an SQL function, and clears it. */
static void give_text(sqlite3_context *context, bs_str *s)
{
    if (bs_str_status(s) == BS_OK)
        sqlite3_result_text(context, s->ptr ? s->ptr : "", -1, SQLITE_TRANSIENT);
    else
        sqlite3_result_error_nomem(context);
    bs_str_clear(s);
}

/* SQL function utf8(text): bs_str_utf8(). */
static void utf8(sqlite3_context *context, int n, sqlite3_value **value)
{
    const char *text = (const char *)sqlite3_value_text(value[0]);
    bs_str s = {0};
    (void)n;
    if (!text)
        return;
    bs_str_utf8(&s, text);
    give_text(context, &s);
}

/* SQL function label(name, node, kind): bs_str_label(), as far as the kind tells the role. */
static void label(sqlite3_context *context, int n, sqlite3_value **value)
{
    static const char *const known[] = {"activation", "weight", "bias"};
    const char *name = (const char *)sqlite3_value_text(value[0]);
    const char *node = (const char *)sqlite3_value_text(value[1]);
    const char *kind = (const char *)sqlite3_value_text(value[2]);
    bs_str s = {0};
    int k = 0;
    (void)n;
    while (k < 3 && kind && strcmp(kind, known[k]) != 0)
        k++;
    bs_str_label(&s, name ? name : "", k < 3 ? node : NULL, k > 0 ? kind : NULL);
    give_text(context, &s);
}

typedef struct shown {
    const bs_db *db;
    const char *schema, *prefix;
    sqlite3_int64 version;
    bs_db today; /* empty tables of facts of this version */
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

/* Appends `sql` with {} replaced by the file's schema and a dot. */
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
    return bs_db_exists(found, s->db,
                        "SELECT 1 FROM pragma_table_xinfo(?1, ?2) WHERE ?3 IS NULL OR name = ?3",
                        BS_BIND(BS_BIND_TEXT(table), BS_BIND_TEXT(s->schema), BS_BIND_TEXT(column)));
}

/* A view under construction. */
typedef struct view {
    const shown *s;
    const char *table;
    bool there;   /* the file has the table */
    bool differs; /* the view differs from the table */
    int n;        /* columns so far */
    bs_str sql;
} view;

/* Appends one column of the view. A table that the file's version lacks is empty. */
static bs_status append_column(void *context, sqlite3_stmt *wanted)
{
    view *v = context;
    const shown *s = v->s;
    const char *table = v->table;
    const char *name = (const char *)sqlite3_column_text(wanted, 0);
    const char *otherwise = (const char *)sqlite3_column_text(wanted, 1);
    const struct change *c = find_change(s, table, name);
    bool there;
    bs_str_puts(&v->sql, v->n++ ? ", " : "");
    if (!v->there) {
        bs_str_printf(&v->sql, "NULL AS %s", name);
        return BS_OK;
    }
    BS_TRY(has(&there, s, table, name));
    if (!there && !c)
        return fail_damaged(s, table, name);
    v->differs |= c && (c->changed || !there);
    if (c && c->sql && (c->changed || !there))
        append_expression(&v->sql, s, c->sql);
    else
        bs_str_puts(&v->sql, there ? name : otherwise ? otherwise : "NULL");
    bs_str_printf(&v->sql, " AS %s", name);
    return BS_OK;
}

static bs_status show_table(void *context, sqlite3_stmt *q)
{
    const shown *s = context;
    view v = {.s = s, .table = (const char *)sqlite3_column_text(q, 0), .differs = *s->prefix != '\0'};
    bs_status st;
    BS_TRY(has(&v.there, s, v.table, NULL));
    if (!v.there && !find_change(s, v.table, NULL))
        return fail_damaged(s, v.table, NULL);
    v.differs |= !v.there;
    bs_str_printf(&v.sql, "CREATE TEMP VIEW %s%s AS SELECT ", s->prefix, v.table);
    BS_TRY_GOTO(bs_db_each(&s->today, "SELECT name, dflt_value FROM pragma_table_xinfo(?1)",
                           BS_BIND(BS_BIND_TEXT(v.table)), append_column, &v),
                out);
    if (v.there)
        bs_str_printf(&v.sql, " FROM %s.%s", s->schema, v.table);
    else
        bs_str_puts(&v.sql, " WHERE 0");
    BS_TRY_GOTO(bs_str_status(&v.sql), out);
    if (v.differs)
        st = bs_db_exec(s->db, "read", v.sql.ptr);
out:
    bs_str_clear(&v.sql);
    return st;
}

/* Counts fault_wrong from the trials, because programs that do not know it may have added trials to a file
 * that has it. */
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

/* Reads the version. Files of version 3 that lack a part of it were made during its development and count as
 * version 2. */
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

/* Calls `reader` with the name of each table of facts of this version. */
static bs_status each_table(bs_row_reader *reader, shown *s)
{
    return bs_db_each(&s->today, "SELECT name FROM sqlite_master WHERE type = 'table'", BS_NO_BIND, reader,
                      s);
}

bs_status bs_history_show(const bs_db *db, const char *schema, const char *prefix)
{
    shown s = {.db = db, .schema = schema, .prefix = prefix};
    bs_status st;
    BS_TRY(read_version(&s));
    enum { PURE = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS };
    if (sqlite3_create_function(db->handle, "utf8", 1, PURE, NULL, utf8, NULL, NULL) != SQLITE_OK ||
        sqlite3_create_function(db->handle, "label", 3, PURE, NULL, label, NULL, NULL) != SQLITE_OK)
        return bs_db_fail(db, "read");
    BS_TRY_GOTO(bs_schema_open_facts(&s.today), out);
    BS_TRY_GOTO(each_table(show_table, &s), out);
    if (!*prefix && s.version < 4)
        st = show_fault_wrong(&s);
out:
    sqlite3_close(s.today.handle);
    return st;
}

static bs_status forget_table(void *context, sqlite3_stmt *table)
{
    const shown *s = context;
    char sql[160];
    snprintf(sql, sizeof sql, "DROP VIEW IF EXISTS temp.%s%s", s->prefix,
             (const char *)sqlite3_column_text(table, 0));
    return bs_db_exec(s->db, "read", sql);
}

bs_status bs_history_forget(const bs_db *db, const char *prefix)
{
    shown s = {.db = db, .prefix = prefix};
    bs_status st;
    BS_TRY_GOTO(bs_schema_open_facts(&s.today), out);
    st = each_table(forget_table, &s);
out:
    sqlite3_close(s.today.handle);
    return st;
}
