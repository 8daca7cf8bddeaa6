/* The network as BIF (the Interchange Format for Bayesian networks, version 0.15 as pgmpy and bnlearn read
 * it):
 *
 *     fault -> layer -> image,  (image, layer) -> class,  (image, class) -> correct_label, correct_golden
 *
 * States: fault no, yes; layer none and L_<entry>_<layer>; image I_<id>; class C_<id> and DUE (only classes
 * that some run or trial answered); correct no, yes. Image depends on layer because a stratum may lack
 * images. `by_layer`: fault -> layer -> class,  (layer, class) -> correct_label, correct_golden
 */
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

static bs_status write_states(writer *w, const char *variable, const char *sql)
{
    sqlite3_stmt *q = NULL;
    bool row;
    size_t n = 0;
    bs_status st;
    w->text.len = 0;
    BS_TRY(bs_db_prepare(&q, w->db, sql));
    for (;; n++) {
        BS_TRY_GOTO(bs_db_step(w->db, q, &row), out);
        if (!row)
            break;
        bs_str_printf(&w->text, "%s%s", n ? ", " : "", (const char *)sqlite3_column_text(q, 0));
    }
    BS_TRY_GOTO(bs_str_status(&w->text), out);
    fprintf(w->out, "variable %s {\n  type discrete [ %zu ] { %s };\n}\n", variable, n,
            w->text.ptr ? w->text.ptr : "");
out:
    sqlite3_finalize(q);
    return st;
}

/* State names of a variable, for the heads of rows. */
static bs_status load_names(writer *w, bs_str *names, size_t **start, size_t *n, const char *sql)
{
    sqlite3_stmt *q = NULL;
    size_t cap = 0;
    bool row;
    bs_status st;
    *n = 0;
    BS_TRY(bs_db_prepare(&q, w->db, sql));
    for (;;) {
        BS_TRY_GOTO(bs_db_step(w->db, q, &row), out);
        if (!row)
            break;
        BS_TRY_GOTO(bs_grow(start, &cap, *n + 1, sizeof **start, "states"), out);
        (*start)[(*n)++] = names->len;
        const char *name = (const char *)sqlite3_column_text(q, 0);
        bs_str_append(names, name, strlen(name) + 1);
    }
    st = bs_str_status(names);
out:
    sqlite3_finalize(q);
    return st;
}

/* The table of a variable, from the view cpt_VIEW: rows sorted by the parents' states, then by the own one.
 * The states of a parent are those of its table state_PARENT; parents[1] may be NULL. */
static bs_status write_table(writer *w, const char *variable, const char *view, const char *const parents[2],
                             const char *const states[2])
{
    bs_str names[2] = {{0}, {0}};
    size_t *start[2] = {NULL, NULL}, n;
    int n_parents = parents[1] ? 2 : 1;
    sqlite3_stmt *q = NULL;
    sqlite3_int64 last[2] = {-1, -1};
    bool row, open = false;
    char sql[96];
    bs_status st = BS_OK;
    for (int i = 0; i < n_parents; i++)
        BS_TRY_GOTO(load_names(w, &names[i], &start[i], &n, states[i]), out);
    fprintf(w->out, "probability ( %s | %s%s%s ) {\n", variable, parents[0], n_parents > 1 ? ", " : "",
            n_parents > 1 ? parents[1] : "");
    snprintf(sql, sizeof sql, "SELECT * FROM cpt_%s ORDER BY 1, 2%s", view, n_parents > 1 ? ", 3" : "");
    BS_TRY_GOTO(bs_db_prepare(&q, w->db, sql), out);
    for (;;) {
        BS_TRY_GOTO(bs_db_step(w->db, q, &row), out);
        sqlite3_int64 at[2] = {row ? sqlite3_column_int64(q, 0) : -1,
                               row && n_parents > 1 ? sqlite3_column_int64(q, 1) : -1};
        bool same = open && row && at[0] == last[0] && at[1] == last[1];
        if (open && !same)
            fputs(";\n", w->out);
        if (!row)
            break;
        w->text.len = 0;
        if (same)
            bs_str_puts(&w->text, ", ");
        else if (n_parents > 1)
            bs_str_printf(&w->text, "  (%s, %s) ", names[0].ptr + start[0][at[0]],
                          names[1].ptr + start[1][at[1]]);
        else
            bs_str_printf(&w->text, "  (%s) ", names[0].ptr + start[0][at[0]]);
        bs_str_exact(&w->text, sqlite3_column_double(q, n_parents + 1));
        BS_TRY_GOTO(bs_str_status(&w->text), out);
        fputs(w->text.ptr, w->out);
        memcpy(last, at, sizeof last);
        open = true;
    }
    fputs("}\n", w->out);
out:
    sqlite3_finalize(q);
    for (int i = 0; i < 2; i++) {
        bs_str_clear(&names[i]);
        free(start[i]);
    }
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

static bs_status write_fault(writer *w)
{
    sqlite3_stmt *q = NULL;
    bool row = false;
    BS_TRY(bs_db_prepare(&q, w->db, "SELECT p FROM cpt_fault"));
    bs_status st = bs_db_step(w->db, q, &row);
    double p = row ? sqlite3_column_double(q, 0) : 0;
    sqlite3_finalize(q);
    BS_TRY(st);
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
