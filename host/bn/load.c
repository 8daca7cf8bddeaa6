#include "base/text.h"
#include "bn/bn_internal.h"

#include <csv.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MAX_FIELDS = 8, MAX_BYTES = 1 << 26 };

/* Contents of a column: a name that is looked up, the name of a new group of classes, or a number (an empty
 * one is NULL). */
typedef enum column_kind { A_CLASS, A_LAYER, A_ENTRY, AN_IMAGE, A_GROUP, A_NEW_GROUP, A_NUMBER } column_kind;

typedef struct column {
    const char *name, *sql; /* name in the file, and in the table */
    column_kind kind;
} column;

/* The tables that can be loaded. The first `needed` columns must be there; no two rows have the same key. */
static const struct table {
    const char *what, *sql, *key;
    int needed, n;
    column columns[MAX_FIELDS];
} tables[] = {
    {"groups", "class_group", "class", 2, 2, {{"class", "class", A_CLASS}, {"group", "name", A_NEW_GROUP}}},
    {"costs",
     "group_cost",
     "(truth, answer)",
     3,
     3,
     {{"truth", "truth", A_GROUP}, {"answer", "answer", A_GROUP}, {"cost", "cost", A_NUMBER}}},
    {"priors",
     "bn_prior_layer",
     "(entry, layer)",
     2,
     6,
     {{"entry", "entry", A_ENTRY},
      {"layer", "layer", A_LAYER},
      {"raw_rate", "raw_rate", A_NUMBER},
      {"residency", "residency", A_NUMBER},
      {"exposure", "exposure", A_NUMBER},
      {"probability", "probability", A_NUMBER}}},
    {"weights",
     "bn_prior_image",
     "image",
     2,
     2,
     {{"image", "image", AN_IMAGE}, {"weight", "weight", A_NUMBER}}},
};

/* One pass over a file. Callbacks of libcsv cannot return an error, so they leave it in `st`. */
typedef struct pass {
    const struct table *table;
    const bs_db *db;
    sqlite3_stmt *insert;
    const column *columns[MAX_FIELDS]; /* by field of the file */
    int n_columns, n_fields;
    char *field[MAX_FIELDS]; /* owned */
    size_t row;              /* the line on which the row begins */
    bool between;            /* the row has not begun yet */
    bs_status st;
} pass;

static void on_field(void *text, size_t len, void *data)
{
    pass *p = data;
    if (p->st != BS_OK)
        return;
    if (memchr(text, '\0', len)) {
        p->st = bs_fail(BS_USAGE, "a field holds a NUL byte");
        return;
    }
    if (p->n_fields == MAX_FIELDS) {
        p->st = bs_fail(BS_USAGE, "more than %d columns", MAX_FIELDS);
        return;
    }
    p->field[p->n_fields] = strdup(text);
    if (p->field[p->n_fields])
        bs_csv_unguard(p->field[p->n_fields]);
    else
        p->st = bs_oom("table");
    p->n_fields++;
}

/* Reports a first line that does not name the columns: `what` is wrong with column `name`. */
static bs_status wrong_header(const struct table *t, const char *what, const char *name)
{
    bs_str names = {0};
    for (int i = 0; i < t->n; i++)
        bs_str_printf(&names, "%s%s", i ? "," : "", t->columns[i].name);
    bs_fail(BS_USAGE, "%s column '%s'", what, name);
    bs_status st = bs_hint("the first line must name the columns: %s%s", names.ptr ? names.ptr : "",
                           t->needed < t->n ? "; all but the first two may be left out" : "");
    bs_str_clear(&names);
    return st;
}

static bs_status name_columns(pass *p)
{
    const struct table *t = p->table;
    bool named[MAX_FIELDS] = {false};
    for (int i = 0; i < p->n_fields; i++) {
        int k = 0;
        while (k < t->n && strcmp(p->field[i], t->columns[k].name) != 0)
            k++;
        if (k == t->n)
            return wrong_header(t, "unknown", p->field[i]);
        if (named[k])
            return wrong_header(t, "more than one", p->field[i]);
        named[k] = true;
        p->columns[i] = &t->columns[k];
    }
    for (int k = 0; k < t->needed; k++)
        if (!named[k])
            return wrong_header(t, "no", t->columns[k].name);
    return BS_OK;
}

static bs_status take_header(pass *p)
{
    const struct table *t = p->table;
    bs_str sql = {0};
    BS_TRY(name_columns(p));
    p->n_columns = p->n_fields;
    bs_str_printf(&sql, "INSERT INTO %s (", t->sql);
    for (int i = 0; i < p->n_columns; i++)
        bs_str_printf(&sql, "%s%s", i ? ", " : "", p->columns[i]->sql);
    bs_str_puts(&sql, ") VALUES (?");
    for (int i = 1; i < p->n_columns; i++)
        bs_str_puts(&sql, ", ?");
    bs_str_puts(&sql, ")");
    bs_status st = bs_str_status(&sql);
    if (st == BS_OK)
        st = bs_db_prepare(&p->insert, p->db, sql.ptr);
    bs_str_clear(&sql);
    return st;
}

/* Fails for a name that view class_group_all gives to DUE, or to a class without a group. */
static bs_status check_new_group(const bs_db *db, const char *name)
{
    bool taken;
    if (!name[strspn(name, " \t\r\n")]) {
        bs_fail(BS_USAGE, "the name of the group is empty");
        return bs_hint("write one, or leave the line out: a class without a group is one of its own");
    }
    if (bs_bn_is_id(name)) {
        bs_fail(BS_USAGE, "a group may not be called '%s'", name);
        return bs_hint("that is always the class with this id: choose another name");
    }
    if (strcasecmp(name, "DUE") == 0) {
        bs_fail(BS_USAGE, "a group may not be called '%s'", name);
        return bs_hint("DUE is the outcome; give the classes another group, such as 'due class'");
    }
    BS_TRY(bs_db_exists(&taken, db, "SELECT 1 FROM class WHERE coalesce(name, id) || ' #' || id = ?1",
                        BS_BIND(BS_BIND_TEXT(name))));
    if (!taken)
        return BS_OK;
    bs_fail(BS_USAGE, "a group may not be called '%s'", name);
    return bs_hint("a class without a group may get this name, as one of its own: choose another");
}

/* Binds a group by its name, in whatever form it was written. */
static bs_status bind_group(pass *p, int i)
{
    int64_t id = 0;
    char *name = NULL;
    BS_TRY(bs_bn_find(&id, p->db, BS_BN_GROUP, p->field[i]));
    BS_TRY(bs_bn_group_name(&name, p->db, id));
    sqlite3_bind_text(p->insert, i + 1, name, -1, SQLITE_TRANSIENT);
    free(name);
    return BS_OK;
}

static bs_status bind(pass *p, int i)
{
    static const bs_bn_kind names[] = {
        [A_CLASS] = BS_BN_CLASS, [A_LAYER] = BS_BN_LAYER, [A_ENTRY] = BS_BN_ENTRY, [AN_IMAGE] = BS_BN_IMAGE};
    const column *c = p->columns[i];
    const char *text = p->field[i];
    int64_t id = 0;
    switch (c->kind) {
    case A_GROUP:
        return bind_group(p, i);
    case A_NEW_GROUP:
        BS_TRY(check_new_group(p->db, text));
        sqlite3_bind_text(p->insert, i + 1, text, -1, SQLITE_TRANSIENT);
        return BS_OK;
    case A_NUMBER: {
        double v;
        if (!*text && c - p->table->columns < p->table->needed) {
            bs_fail(BS_USAGE, "no %s", c->name);
            return bs_hint("write a number that is not negative, at most 1e30");
        }
        if (!*text) {
            sqlite3_bind_null(p->insert, i + 1);
            return BS_OK;
        }
        if (!bs_bn_number(&v, text) || !(v >= 0 && v <= BS_BN_MOST)) {
            bs_fail(BS_USAGE, "%s '%s' is not a number, negative, or too large", c->name, text);
            return bs_hint("write a number that is not negative, at most 1e30");
        }
        sqlite3_bind_double(p->insert, i + 1, v + 0.0); /* no negative zero */
        return BS_OK;
    }
    default:
        BS_TRY(bs_bn_find(&id, p->db, names[c->kind], text));
        if (c->kind == A_ENTRY)
            BS_TRY(bs_prior_check_entry(p->db, id));
        sqlite3_bind_int64(p->insert, i + 1, id);
        return BS_OK;
    }
}

static bs_status take_record(pass *p)
{
    if (!p->insert)
        return take_header(p);
    if (p->n_fields != p->n_columns)
        return bs_fail(BS_USAGE, "%d fields where the first line has %d", p->n_fields, p->n_columns);
    for (int i = 0; i < p->n_columns; i++)
        BS_TRY(bind(p, i));
    int rc = sqlite3_step(p->insert);
    sqlite3_reset(p->insert);
    if (rc == SQLITE_CONSTRAINT) {
        bs_fail(BS_USAGE, "this row repeats an earlier one");
        return bs_hint("each %s may be given once", p->table->key);
    }
    return rc == SQLITE_DONE ? BS_OK : bs_db_fail(p->db, "write");
}

static void clear_fields(pass *p)
{
    for (int i = 0; i < p->n_fields; i++)
        free(p->field[i]);
    p->n_fields = 0;
}

static void on_record(int terminator, void *data)
{
    pass *p = data;
    (void)terminator;
    if (p->st == BS_OK)
        p->st = take_record(p);
    clear_fields(p);
    p->between = true;
}

/* Returns the bytes of the first line of `text`, including its end: LF, CR LF or CR. */
static size_t line_length(const char *text, size_t len)
{
    size_t n = 0;
    while (n < len && text[n] != '\n' && text[n] != '\r')
        n++;
    if (n + 1 < len && text[n] == '\r' && text[n + 1] == '\n')
        n++;
    return n < len ? n + 1 : len;
}

static bool is_blank(const char *line, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!strchr(" \t\r\n", line[i]) || !line[i])
            return false;
    return true;
}

/* Parses line by line, because libcsv does not count lines: a row may have several, and there may be empty
 * ones between rows. */
static bs_status parse(pass *p, struct csv_parser *parser, const char *text, size_t len)
{
    size_t at = 0;
    for (size_t line = 1; at < len && p->st == BS_OK; line++) {
        size_t n = line_length(text + at, len - at);
        if (p->between) {
            p->row = line;
            p->between = is_blank(text + at, n);
        }
        if (csv_parse(parser, text + at, n, on_field, on_record, p) != n && p->st == BS_OK)
            return bs_fail(BS_USAGE, "misplaced quote");
        at += n;
    }
    if (p->st == BS_OK && csv_fini(parser, on_field, on_record, p) != 0)
        return bs_fail(BS_USAGE, "a quote is not closed");
    if (p->st == BS_OK && !p->insert)
        return wrong_header(p->table, "no", p->table->columns[0].name);
    return p->st;
}

static bs_status read_file(pass *p, const char *path)
{
    struct csv_parser parser;
    char *text = NULL;
    size_t len = 0;
    bs_status st;
    BS_TRY(bs_read_text(&text, &len, path, MAX_BYTES));
    BS_TRY_GOTO(bs_utf8_check(text, len, path, BS_USAGE), out);
    if (csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI | CSV_APPEND_NULL) != 0) {
        st = bs_oom("table");
        goto out;
    }
    p->row = 1;
    p->between = true;
    st = parse(p, &parser, text, len);
    clear_fields(p);
    if (st != BS_OK)
        bs_context("%s:%zu", path, p->row);
    csv_free(&parser);
out:
    free(text);
    return st;
}

/* Replaces the rows of the table; leaves the file unchanged after an error. */
static bs_status load(pass *p, const char *csv_path)
{
    char sql[64];
    bs_prior before, after;
    bool priors = strcmp(p->table->what, "priors") == 0;
    snprintf(sql, sizeof sql, "DELETE FROM %s", p->table->sql);
    BS_TRY(bs_prior_read(&before, p->db));
    BS_TRY(bs_db_exec(p->db, "write", sql));
    BS_TRY(read_file(p, csv_path));
    if (priors)
        BS_TRY(bs_load_check_strata(p->db));
    BS_TRY(bs_bn_check_overlap(p->db));
    if (priors)
        BS_TRY(bs_load_follow_priors(p->db, &before));
    if (strcmp(p->table->what, "weights") == 0)
        BS_TRY(bs_load_check_weights(p->db));
    if (strcmp(p->table->what, "groups") == 0)
        BS_TRY(bs_load_check_costs(p->db));
    BS_TRY(bs_prior_settle(&after, p->db, &before));
    sqlite3_finalize(p->insert);
    p->insert = NULL;
    BS_TRY(bs_db_commit(p->db));
    return priors ? bs_load_tell_priors(p->db, &before, &after) : BS_OK;
}

bs_status bs_bn_load(const char *db_path, const char *what, const char *csv_path)
{
    bs_db *db = NULL;
    pass p = {0};
    bs_status st;
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        if (strcmp(what, tables[i].what) == 0)
            p.table = &tables[i];
    if (!p.table)
        return bs_fail(BS_USAGE, "unknown table '%s'", what);
    BS_TRY_GOTO(bs_bn_begin(&db, db_path), out);
    p.db = db;
    st = load(&p, csv_path);
out:
    sqlite3_finalize(p.insert);
    bs_db_close(db);
    return st;
}
