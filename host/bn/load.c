#include "base/log.h"
#include "base/text.h"
#include "bn/internal.h"

#include <csv.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MAX_FIELDS = 8, MAX_BYTES = 1 << 26 };

/* What a column holds: a name that is looked up, a group of classes that must exist, the name of a new one,
 * or a number (an empty one is NULL). */
typedef enum column_kind { A_CLASS, A_LAYER, A_ENTRY, AN_IMAGE, A_GROUP, A_NEW_GROUP, A_NUMBER } column_kind;

typedef struct column {
    const char *name, *sql; /* in the file, in the table */
    column_kind kind;
} column;

/* The tables that can be loaded. The first `needed` columns must be there. */
static const struct table {
    const char *what, *sql;
    int needed, n;
    column columns[MAX_FIELDS];
} tables[] = {
    {"groups", "class_group", 2, 2, {{"class", "class", A_CLASS}, {"group", "name", A_NEW_GROUP}}},
    {"costs",
     "group_cost",
     3,
     3,
     {{"truth", "truth", A_GROUP}, {"answer", "answer", A_GROUP}, {"cost", "cost", A_NUMBER}}},
    {"priors",
     "bn_prior_layer",
     2,
     6,
     {{"entry", "entry", A_ENTRY},
      {"layer", "layer", A_LAYER},
      {"raw_rate", "raw_rate", A_NUMBER},
      {"residency", "residency", A_NUMBER},
      {"exposure", "exposure", A_NUMBER},
      {"probability", "probability", A_NUMBER}}},
    {"weights", "bn_prior_image", 2, 2, {{"image", "image", AN_IMAGE}, {"weight", "weight", A_NUMBER}}},
};

/* One pass over a file; the callbacks of libcsv cannot return an error, so they leave it in `st`. */
typedef struct pass {
    const struct table *table;
    const bs_db *db;
    sqlite3_stmt *insert;
    const column *columns[MAX_FIELDS]; /* by field of the file */
    int n_columns, n_fields;
    char *field[MAX_FIELDS]; /* owned */
    size_t line;
    bs_status st;
} pass;

static void on_field(void *text, size_t len, void *data)
{
    pass *p = data;
    (void)len;
    if (p->st != BS_OK)
        return;
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

static bs_status wrong_header(const struct table *t)
{
    bs_str names = {0};
    for (int i = 0; i < t->n; i++)
        bs_str_printf(&names, "%s%s", i ? "," : "", t->columns[i].name);
    bs_fail(BS_USAGE, "the first line must name the columns");
    bs_status st = bs_hint("they are %s%s", names.ptr ? names.ptr : "",
                           t->needed < t->n ? "; all but the first two may be left out" : "");
    bs_str_clear(&names);
    return st;
}

static bs_status take_header(pass *p)
{
    const struct table *t = p->table;
    bs_str sql = {0};
    int needed = 0;
    for (int i = 0; i < p->n_fields; i++) {
        p->columns[i] = NULL;
        for (int k = 0; k < t->n; k++)
            if (strcmp(p->field[i], t->columns[k].name) == 0) {
                p->columns[i] = &t->columns[k];
                needed += k < t->needed;
            }
        if (!p->columns[i])
            return wrong_header(t);
    }
    if (needed != t->needed)
        return wrong_header(t);
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

static bs_status check_group(const bs_db *db, const char *name)
{
    sqlite3_stmt *q = NULL;
    bool row = false;
    BS_TRY(bs_db_exec(
        db, "read",
        "CREATE TEMP TABLE IF NOT EXISTS known_group AS SELECT DISTINCT name FROM class_group_all"));
    BS_TRY(bs_db_prepare(&q, db, "SELECT 1 FROM known_group WHERE name = ?1"));
    sqlite3_bind_text(q, 1, name, -1, SQLITE_STATIC);
    bs_status st = bs_db_step(db, q, &row);
    sqlite3_finalize(q);
    BS_TRY(st);
    if (row)
        return BS_OK;
    bs_fail(BS_USAGE, "no group '%s'", name);
    return bs_hint("load the groups first; a class without a group is one of its own, under its name "
                   "(with its id, as in 'crane #134', where that is not unique); or DUE");
}

/* Not one that view class_group_all gives to DUE, or to a class without a group. */
static bs_status check_new_group(const bs_db *db, const char *name)
{
    sqlite3_stmt *q = NULL;
    bool taken = false;
    if (strcasecmp(name, "DUE") == 0) {
        bs_fail(BS_USAGE, "a group may not be called '%s'", name);
        return bs_hint("DUE is the outcome; give the classes another group, such as 'due class'");
    }
    BS_TRY(bs_db_prepare(&q, db, "SELECT 1 FROM class WHERE coalesce(name, id) || ' #' || id = ?1"));
    sqlite3_bind_text(q, 1, name, -1, SQLITE_STATIC);
    bs_status st = bs_db_step(db, q, &taken);
    sqlite3_finalize(q);
    if (st != BS_OK || !taken)
        return st;
    bs_fail(BS_USAGE, "a group may not be called '%s'", name);
    return bs_hint("a class without a group may get this name, as one of its own: choose another");
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
        BS_TRY(check_group(p->db, text));
        sqlite3_bind_text(p->insert, i + 1, text, -1, SQLITE_TRANSIENT);
        return BS_OK;
    case A_NEW_GROUP:
        BS_TRY(check_new_group(p->db, text));
        sqlite3_bind_text(p->insert, i + 1, text, -1, SQLITE_TRANSIENT);
        return BS_OK;
    case A_NUMBER: {
        double v;
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
        bs_fail(BS_USAGE, "this row repeats an earlier one, or lacks a value");
        return bs_hint("each %s may stand once", p->table->columns[0].name);
    }
    return rc == SQLITE_DONE ? BS_OK : bs_db_fail(p->db, "write");
}

static void on_record(int terminator, void *data)
{
    pass *p = data;
    (void)terminator;
    p->line++;
    if (p->st == BS_OK && p->n_fields > 0)
        p->st = take_record(p);
    for (int i = 0; i < p->n_fields; i++)
        free(p->field[i]);
    p->n_fields = 0;
}

static bs_status read_file(pass *p, const char *path)
{
    struct csv_parser parser;
    char *text = NULL;
    size_t len = 0;
    bs_status st = BS_OK;
    BS_TRY(bs_read_text(&text, &len, path, MAX_BYTES));
    st = bs_utf8_check(text, len, path, BS_USAGE);
    if (st != BS_OK) {
        free(text);
        return st;
    }
    if (csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI | CSV_APPEND_NULL | CSV_REPALL_NL) != 0) {
        free(text);
        return bs_oom("table");
    }
    bool parsed = csv_parse(&parser, text, len, on_field, on_record, p) == len &&
                  (p->st != BS_OK || csv_fini(&parser, on_field, on_record, p) == 0);
    if (p->st != BS_OK)
        st = p->st;
    else if (!parsed)
        st = bs_fail(BS_USAGE, "misplaced quote");
    else if (!p->insert)
        st = wrong_header(p->table);
    for (int i = 0; i < p->n_fields; i++)
        free(p->field[i]);
    if (st != BS_OK)
        bs_context("%s:%zu", path, p->line + (st != p->st));
    csv_free(&parser);
    free(text);
    return st;
}

/* --- what a loaded table means beside its rows --- */

/* A row of a layer that its entry does not hit would count nowhere. */
static bs_status check_strata(const bs_db *db)
{
    sqlite3_stmt *q = NULL;
    bool row = false;
    BS_TRY(bs_db_prepare(
        &q, db,
        "SELECT p.entry, l.name FROM bn_prior_layer p LEFT JOIN layer l ON l.id = p.layer WHERE "
        "NOT EXISTS (SELECT 1 FROM stratum s WHERE s.entry = p.entry AND s.layer = p.layer) LIMIT "
        "1"));
    bs_status st = bs_db_step(db, q, &row);
    if (st == BS_OK && row) {
        const char *name = (const char *)sqlite3_column_text(q, 1);
        st = bs_fail(BS_USAGE, "entry %d does not hit layer '%s'", sqlite3_column_int(q, 0),
                     name ? name : "none");
        bs_hint("`bitsink bn FILE stratum` lists the entries and layers that belong together");
    }
    sqlite3_finalize(q);
    return st;
}

/* layer_prior follows the columns that have values: probabilities are no use but to `direct`, and all else is
 * for `exposure`. */
static bs_status follow_priors(const bs_db *db, const bs_prior *before)
{
    sqlite3_int64 rows = 0, probabilities = 0;
    BS_TRY(bs_db_integer(&rows, db, "SELECT count(*) FROM bn_prior_layer"));
    BS_TRY(bs_db_integer(&probabilities, db, "SELECT count(probability) FROM bn_prior_layer"));
    if (rows > 0)
        return bs_prior_set_kind(db, probabilities > 0 ? "direct" : "exposure");
    bool pooled = strcmp(before->kind, "exposure") == 0 || strcmp(before->kind, "direct") == 0;
    return pooled ? bs_prior_set_kind(db, "uniform") : BS_OK;
}

static bs_status tell_priors(const bs_db *db, const bs_prior *before, const bs_prior *after)
{
    sqlite3_int64 exposures = 0, rates = 0;
    bs_prior_tell(before, after, false);
    if (strcmp(after->kind, "direct") == 0) {
        BS_TRY(bs_db_integer(&exposures, db, "SELECT count(exposure) FROM bn_prior_layer"));
        BS_TRY(bs_db_integer(&rates, db, "SELECT count(coalesce(raw_rate, residency)) FROM bn_prior_layer"));
    }
    if (exposures > 0)
        bs_info("note: column exposure does not count where layer_prior is direct");
    if (rates > 0)
        bs_info("note: with layer_prior direct, raw_rate and residency count in failure_rate only");
    return bs_prior_warn_residency(db);
}

/* Images that a table of weights leaves out are out of every rate. */
static bs_status check_weights(const bs_db *db)
{
    sqlite3_int64 listed = 0, heavy = 0, unlisted = 0;
    BS_TRY(bs_db_integer(&listed, db, "SELECT count(*) FROM bn_prior_image"));
    BS_TRY(bs_db_integer(&heavy, db, "SELECT count(*) FROM bn_prior_image WHERE weight > 0"));
    if (listed > 0 && heavy == 0) {
        bs_fail(BS_USAGE, "every weight is 0, so no image would count");
        return bs_hint(
            "give an image a weight above 0; a file with its first line alone weighs all images alike");
    }
    BS_TRY(bs_db_integer(&unlisted, db,
                         "SELECT count(*) FROM image WHERE id NOT IN (SELECT image FROM bn_prior_image)"));
    if (listed > 0 && unlisted > 0)
        bs_warn("%lld images are not listed: they weigh 0", (long long)unlisted);
    return BS_OK;
}

/* Costs of groups that a new table of groups does not have are never paid. */
static bs_status check_costs(const bs_db *db)
{
    sqlite3_int64 orphans = 0;
    BS_TRY(bs_db_integer(
        &orphans, db,
        "SELECT count(*) FROM group_cost WHERE truth NOT IN (SELECT name FROM class_group_all) OR "
        "answer NOT IN (SELECT name FROM class_group_all)"));
    if (orphans > 0)
        bs_warn("%lld costs name groups that are no more, and count nowhere: load `costs` again",
                (long long)orphans);
    return BS_OK;
}

/* Fills the table anew; the file stays as it was where this fails. */
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
        BS_TRY(check_strata(p->db));
    BS_TRY(bs_bn_check_overlap(p->db));
    if (priors)
        BS_TRY(follow_priors(p->db, &before));
    if (strcmp(p->table->what, "weights") == 0)
        BS_TRY(check_weights(p->db));
    if (strcmp(p->table->what, "groups") == 0)
        BS_TRY(check_costs(p->db));
    BS_TRY(bs_prior_settle(&after, p->db, &before));
    sqlite3_finalize(p->insert);
    p->insert = NULL;
    BS_TRY(bs_db_exec(p->db, "write", "COMMIT"));
    return priors ? tell_priors(p->db, &before, &after) : BS_OK;
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
