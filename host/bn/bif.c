/* Writes the network as BIF (the Interchange Format for Bayesian networks, version 0.15 as pgmpy and bnlearn
 * read it):
 *
 *     fault -> layer -> image,  (image, layer) -> class,  (image, class) -> correct_label, correct_golden
 *
 * States: fault no, yes; layer none and L_<entry>_<layer>; image I_<id>; class C_<id> and DUE (only classes
 * that some run or trial answered); correct no, yes. Image depends on layer because a stratum may lack
 * images.
 *
 * `by_layer` leaves the image out:
 *
 *     fault -> layer -> class,  (layer, class) -> correct_label, correct_golden */
#include "base/buf.h"
#include "bn/bn.h"
#include "store/schema.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_NUMBERS = 20000000 };

typedef struct writer {
    FILE *out;
    const bs_db *db;
    bs_str text;
} writer;

/* The names of a variable's states, each with its NUL. */
typedef struct states {
    bs_str text;
    size_t *start, n, cap; /* of each name in the text */
} states;

static bs_status add_state(void *context, sqlite3_stmt *q)
{
    states *s = context;
    const char *name = (const char *)sqlite3_column_text(q, 0);
    BS_TRY(bs_grow(&s->start, &s->cap, s->n + 1, sizeof *s->start, "states"));
    s->start[s->n++] = s->text.len;
    bs_str_append(&s->text, name, strlen(name) + 1);
    return bs_str_status(&s->text);
}

static const char *state(const states *s, sqlite3_int64 i)
{
    return s->text.ptr + s->start[i];
}

static void clear_states(states *s)
{
    bs_str_clear(&s->text);
    free(s->start);
}

static bs_status write_states(writer *w, const char *variable, const char *sql)
{
    states s = {0};
    bs_status st = bs_db_each(w->db, sql, BS_NO_BIND, add_state, &s);
    if (st == BS_OK) {
        fprintf(w->out, "variable %s {\n  type discrete [ %zu ] { ", variable, s.n);
        for (size_t i = 0; i < s.n; i++)
            fprintf(w->out, "%s%s", i ? ", " : "", state(&s, (sqlite3_int64)i));
        fputs(" };\n}\n", w->out);
    }
    clear_states(&s);
    return st;
}

/* A table, written row by row. */
typedef struct table {
    writer *w;
    int n_parents;
    states parent[2];
    sqlite3_int64 last[2]; /* states of the parents */
    bool open;             /* a row has begun */
} table;

static bs_status write_cell(void *context, sqlite3_stmt *q)
{
    table *t = context;
    writer *w = t->w;
    sqlite3_int64 at[2] = {sqlite3_column_int64(q, 0), t->n_parents > 1 ? sqlite3_column_int64(q, 1) : -1};
    bool same = t->open && at[0] == t->last[0] && at[1] == t->last[1];
    if (t->open && !same)
        fputs(";\n", w->out);
    w->text.len = 0;
    if (same)
        bs_str_puts(&w->text, ", ");
    else if (t->n_parents > 1)
        bs_str_printf(&w->text, "  (%s, %s) ", state(&t->parent[0], at[0]), state(&t->parent[1], at[1]));
    else
        bs_str_printf(&w->text, "  (%s) ", state(&t->parent[0], at[0]));
    bs_str_exact(&w->text, sqlite3_column_double(q, t->n_parents + 1));
    BS_TRY(bs_str_status(&w->text));
    fputs(w->text.ptr, w->out);
    memcpy(t->last, at, sizeof t->last);
    t->open = true;
    return BS_OK;
}

/* Writes the table of a variable from the view cpt_VIEW: rows sorted by the parents' states, then by the
 * variable's own. states[i] is the query for the states of parents[i]; parents[1] may be NULL. */
static bs_status write_table(writer *w, const char *variable, const char *view, const char *const parents[2],
                             const char *const states[2])
{
    table t = {.w = w, .n_parents = parents[1] ? 2 : 1};
    char sql[96];
    bs_status st = BS_OK;
    for (int i = 0; i < t.n_parents; i++)
        BS_TRY_GOTO(bs_db_each(w->db, states[i], BS_NO_BIND, add_state, &t.parent[i]), out);
    fprintf(w->out, "probability ( %s | %s%s%s ) {\n", variable, parents[0], t.n_parents > 1 ? ", " : "",
            t.n_parents > 1 ? parents[1] : "");
    snprintf(sql, sizeof sql, "SELECT * FROM cpt_%s ORDER BY 1, 2%s", view, t.n_parents > 1 ? ", 3" : "");
    BS_TRY_GOTO(bs_db_each(w->db, sql, BS_NO_BIND, write_cell, &t), out);
    fputs(t.open ? ";\n}\n" : "}\n", w->out);
out:
    clear_states(&t.parent[0]);
    clear_states(&t.parent[1]);
    return st;
}

#define STATES(table) "SELECT name FROM state_" #table " ORDER BY id"

static bs_status write_variables(writer *w, bool by_layer)
{
    BS_TRY(write_states(w, "fault", STATES(answer)));
    BS_TRY(write_states(w, "layer", STATES(layer)));
    if (!by_layer)
        BS_TRY(write_states(w, "image", STATES(image)));
    BS_TRY(write_states(w, "class", STATES(class)));
    BS_TRY(write_states(w, "correct_label", STATES(answer)));
    return write_states(w, "correct_golden", STATES(answer));
}

static bs_status read_fault(void *p, sqlite3_stmt *q)
{
    *(double *)p = sqlite3_column_double(q, 0);
    return BS_OK;
}

static bs_status write_fault(writer *w)
{
    double p = 0;
    BS_TRY(bs_db_each(w->db, "SELECT p FROM cpt_fault LIMIT 1", BS_NO_BIND, read_fault, &p));
    w->text.len = 0;
    bs_str_exact(&w->text, 1 - p);
    bs_str_puts(&w->text, ", ");
    bs_str_exact(&w->text, p);
    BS_TRY(bs_str_status(&w->text));
    fprintf(w->out, "probability ( fault ) {\n  table %s;\n}\n", w->text.ptr);
    return BS_OK;
}

static bs_status write_tables(writer *w, bool by_layer)
{
    const char *const fault[2] = {"fault"}, *const fault_states[2] = {STATES(answer)};
    const char *const layer[2] = {"layer"}, *const layer_states[2] = {STATES(layer)};
    const char *const pair[2] = {"image", "layer"}, *const pair_states[2] = {STATES(image), STATES(layer)};
    const char *const seen[2] = {by_layer ? "layer" : "image", "class"};
    const char *const seen_states[2] = {by_layer ? STATES(layer) : STATES(image), STATES(class)};
    BS_TRY(write_fault(w));
    BS_TRY(write_table(w, "layer", "layer", fault, fault_states));
    if (by_layer) {
        BS_TRY(write_table(w, "class", "class_by_layer", layer, layer_states));
    } else {
        BS_TRY(write_table(w, "image", "image", layer, layer_states));
        BS_TRY(write_table(w, "class", "class", pair, pair_states));
    }
    BS_TRY(write_table(w, "correct_label", by_layer ? "correct_label_by_layer" : "correct_label", seen,
                       seen_states));
    return write_table(w, "correct_golden", by_layer ? "correct_golden_by_layer" : "correct_golden", seen,
                       seen_states);
}

static bs_status check_size(const bs_db *db, bool by_layer)
{
    sqlite3_int64 n;
    BS_TRY(bs_db_integer(
        &n, db,
        by_layer ? "SELECT (SELECT count(*) FROM state_layer) * (SELECT count(*) FROM state_class)"
                 : "SELECT (SELECT count(*) FROM state_layer) * (SELECT count(*) FROM state_image) * "
                   "(SELECT count(*) FROM state_class)"));
    if (n <= MAX_NUMBERS)
        return BS_OK;
    bs_fail(BS_USAGE, "the network would have a table of %lld numbers", (long long)n);
    return bs_hint("%s", by_layer ? "export the table bn_class_given_layer as CSV instead"
                                  : "leave the image out with --by-layer, or export the table "
                                    "bn_class_given_image_layer as CSV");
}

bs_status bs_bn_export_bif(FILE *out, const char *db_path, int scope, bool by_layer)
{
    char sql[96];
    bs_db *db = NULL;
    writer w = {.out = out};
    int64_t wanted = scope;
    bs_status st;
    BS_TRY(bs_bn_open(&db, db_path, false));
    w.db = db;
    BS_TRY_GOTO(bs_bn_scope(&wanted, db), out);
    snprintf(sql, sizeof sql, "CREATE TEMP TABLE export_scope AS SELECT %d AS id", (int)wanted);
    BS_TRY_GOTO(bs_db_exec(db, "read", sql), out);
    BS_TRY_GOTO(bs_db_exec(db, "read", bs_sql_bif), out);
    BS_TRY_GOTO(check_size(db, by_layer), out);
    fprintf(out, "network bitsink_scope_%s%d {\n}\n", wanted < 0 ? "m" : "", abs((int)wanted));
    BS_TRY_GOTO(write_variables(&w, by_layer), out);
    st = write_tables(&w, by_layer);
out:
    bs_str_clear(&w.text);
    bs_db_close(db);
    return st;
}
