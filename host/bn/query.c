#include "base/buf.h"
#include "base/text.h"
#include "bn/bn.h"
#include "store/schema.h"

#include <stdlib.h>
#include <string.h>

/* The meaning of a value's text. */
typedef enum value_kind { AS_CLASS, AS_LAYER, AS_ENTRY, AS_IMAGE, AS_YES_NO } value_kind;

/* X(name, kind, depends on the answer under fault, value in bn_joint). The variables of a query. */
#define VARIABLES(X)                                                                                         \
    X(class, AS_CLASS, true, "class")                                                                        \
    X(layer, AS_LAYER, false, "layer")                                                                       \
    X(entry, AS_ENTRY, false, "ifnull(entry, -1)")                                                           \
    X(image, AS_IMAGE, false, "image")                                                                       \
    X(label, AS_CLASS, false, "ifnull(label_class, -2)")                                                     \
    X(golden, AS_CLASS, false, "golden_class")                                                               \
    X(fault, AS_YES_NO, false, "fault")                                                                      \
    X(correct_label, AS_YES_NO, true, "ifnull(class >= 0 AND class = label_class, -2)")                      \
    X(correct_golden, AS_YES_NO, true, "class >= 0 AND class = golden_class")

static const struct variable {
    const char *name, *sql;
    value_kind kind;
    bool answer;
} variables[] = {
#define X(name, kind, answer, sql) {#name, sql, kind, answer},
    VARIABLES(X)
#undef X
};
enum { N_VARIABLES = sizeof variables / sizeof *variables, N_OF = 32 };

typedef struct query {
    const bs_db *db;
    int64_t scope;
    bs_str where, reachable; /* conditions of the evidence, on bn_joint and on the strata */
    bool answer;             /* the evidence depends on the answer under fault */
    const struct variable *of[N_OF];
    int n_of;
} query;

static bs_status find_variable(const struct variable **out, const char *name)
{
    const char *names[N_VARIABLES];
    for (int i = 0; i < N_VARIABLES; i++) {
        names[i] = variables[i].name;
        *out = &variables[i];
        if (strcmp(name, names[i]) == 0)
            return BS_OK;
    }
    bs_fail(BS_USAGE, "unknown variable '%s'", name);
    if (strcmp(name, "correct") == 0)
        return bs_hint(
            "as evidence say which: correct_label (the answer is the label) or correct_golden (it is "
            "the fault-free one)");
    return bs_hint("variables are " BS_BN_VARIABLES);
}

static bs_status find_value(int64_t *out, const bs_db *db, value_kind kind, const char *text)
{
    static const bs_bn_kind names[] = {[AS_CLASS] = BS_BN_CLASS,
                                       [AS_LAYER] = BS_BN_LAYER,
                                       [AS_ENTRY] = BS_BN_ENTRY,
                                       [AS_IMAGE] = BS_BN_IMAGE};
    if (kind != AS_YES_NO)
        return bs_bn_find(out, db, names[kind], text);
    *out = strcmp(text, "yes") == 0 || strcmp(text, "1") == 0;
    if (*out || strcmp(text, "no") == 0 || strcmp(text, "0") == 0)
        return BS_OK;
    bs_fail(BS_USAGE, "'%s' is neither yes nor no", text);
    return bs_hint("such as fault=yes");
}

/* Adds one "variable=value" to the evidence. */
static bs_status add_evidence(query *q, char *text)
{
    const struct variable *v = NULL;
    int64_t value = 0;
    char *is = strchr(text, '=');
    if (!is) {
        bs_fail(BS_USAGE, "evidence '%s' has no '='", text);
        return bs_hint("such as --given class=3,layer=conv1_1; variables are " BS_BN_VARIABLES);
    }
    *is = '\0';
    BS_TRY(find_variable(&v, text));
    BS_TRY(find_value(&value, q->db, v->kind, is + 1));
    bs_str_printf(&q->where, " AND (%s) = %lld", v->sql, (long long)value);
    if (v->kind == AS_LAYER || v->kind == AS_ENTRY)
        bs_str_printf(&q->reachable, " AND b.%s = %lld", v->name, (long long)value);
    if (strcmp(v->name, "fault") == 0 && value == 0)
        bs_str_puts(&q->reachable, " AND 0");
    q->answer |= v->answer;
    return BS_OK;
}

static bs_status add_of(query *q, char *text)
{
    static const char *const both[] = {"correct_label", "correct_golden"};
    bool correct = strcmp(text, "correct") == 0;
    for (int i = 0; i < (correct ? 2 : 1); i++) {
        const struct variable *v = NULL;
        BS_TRY(find_variable(&v, correct ? both[i] : text));
        for (int k = 0; k < q->n_of; k++)
            if (q->of[k] == v)
                return bs_fail(BS_USAGE, "variable '%s' is asked for twice", v->name);
        q->of[q->n_of++] = v;
    }
    return BS_OK;
}

/* Calls `add` for each part between commas. With `pairs`, a comma followed by a text without '=' belongs to
 * the part, because names of ImageNet classes contain commas. */
static bs_status each(query *q, const char *list, bool pairs, bs_status (*add)(query *, char *))
{
    char *copy = strdup(list), *at = copy;
    bs_status st = copy ? BS_OK : bs_oom("query");
    while (st == BS_OK && at) {
        char *comma = strchr(at, ',');
        while (
            pairs && comma &&
            (!strchr(comma, '=') || (strchr(comma + 1, ',') && strchr(comma + 1, ',') < strchr(comma, '='))))
            comma = strchr(comma + 1, ',');
        if (comma)
            *comma = '\0';
        st = add(q, at);
        at = comma ? comma + 1 : NULL;
    }
    free(copy);
    return st;
}

bs_status bs_bn_scope(int64_t *scope, const bs_db *db)
{
    sqlite3_int64 n = 0, wanted = *scope;
    char sql[96];
    if (wanted == BS_BN_DEFAULT_SCOPE) {
        BS_TRY(bs_db_integer(&n, db, "SELECT count(*) FROM bn_scope WHERE tried > 0"));
        BS_TRY(bs_db_integer(&wanted, db, "SELECT min(scope) FROM bn_scope WHERE tried > 0"));
    } else {
        snprintf(sql, sizeof sql, "SELECT count(*) FROM bn_scope WHERE tried > 0 AND scope = %lld",
                 (long long)wanted);
        BS_TRY(bs_db_integer(&n, db, sql));
    }
    *scope = wanted;
    if (n > 0)
        return BS_OK;
    bs_fail(BS_USAGE, "no trials in scope %lld", (long long)wanted);
    return bs_hint("`bitsink bn %s bn_scope` lists the scopes: an entry each, or -1 for the strata of "
                   "bn_prior_layer",
                   bs_shell_word(db->path));
}

static bs_status collect(const query *q)
{
    bs_str sql = {0};
    bs_str_printf(&sql,
                  "CREATE TEMP TABLE evidence AS SELECT fault, entry, layer, image, class, label_class, "
                  "golden_class, probability AS x, raw, n FROM bn_joint WHERE scope = %lld%s;"
                  "CREATE TEMP TABLE reachable AS SELECT b.entry, b.layer, s.p * b.probability AS k, "
                  "u.observations AS m FROM bn_layer b JOIN bn_scope s ON s.scope = b.scope JOIN "
                  "bn_support u ON u.entry = b.entry AND u.layer = b.layer WHERE b.scope = %lld AND "
                  "b.probability > 0%s;"
                  "CREATE TEMP TABLE cell (place, variable, exact, value, entry, layer, x, raw, n);",
                  (long long)q->scope, q->where.ptr ? q->where.ptr : "", (long long)q->scope,
                  q->reachable.ptr ? q->reachable.ptr : "");
    for (int i = 0; i < q->n_of; i++) {
        const struct variable *v = q->of[i];
        int exact = !q->answer && !v->answer;
        bs_str_printf(
            &sql,
            "INSERT INTO cell SELECT %d, '%s', %d, %s, entry, layer, sum(x), sum(raw), sum(n) FROM evidence "
            "GROUP BY 4, entry, layer;",
            i, v->name, exact, v->sql);
        if (v->kind == AS_YES_NO) /* both answers, even if one was never seen */
            bs_str_printf(
                &sql,
                "INSERT INTO cell SELECT %d, '%s', %d, value, NULL, -1, 0.0, 0.0, 0 FROM (SELECT 0 AS "
                "value UNION ALL SELECT 1);",
                i, v->name, exact);
    }
    bs_str_puts(&sql, "CREATE INDEX temp.cell_value ON cell (variable, value, entry, layer)");
    bs_status st = bs_str_status(&sql);
    if (st == BS_OK)
        st = bs_db_exec(q->db, "read", sql.ptr);
    bs_str_clear(&sql);
    return st;
}

static bs_status answer(FILE *out, const query *q, const char *given, bs_rows_format format, uint64_t limit)
{
    sqlite3_stmt *rows = NULL;
    sqlite3_int64 found = 0;
    bs_status st;
    BS_TRY(collect(q));
    BS_TRY(bs_db_integer(&found, q->db, "SELECT count(*) FROM evidence WHERE x > 0"));
    if (found == 0) {
        bs_fail(BS_ERR, "the evidence '%s' was never seen in scope %lld", given ? given : "",
                (long long)q->scope);
        return bs_hint(
            "its probability is 0 as far as the trials say; leave a part of it out, or name another "
            "--scope");
    }
    BS_TRY(bs_db_prepare(&rows, q->db, bs_sql_query));
    sqlite3_bind_int64(rows, 1, limit == 0 || limit > INT64_MAX ? -1 : (int64_t)limit);
    st = bs_rows_print(out, q->db, rows, format);
    sqlite3_finalize(rows);
    return st;
}

bs_status bs_bn_query(FILE *out, const char *db_path, const char *given, const char *of, int scope,
                      bs_rows_format format, uint64_t limit)
{
    query q = {.scope = scope};
    bs_db *db = NULL;
    bs_status st;
    BS_TRY(bs_bn_open(&db, db_path, false));
    q.db = db;
    BS_TRY_GOTO(each(&q, of, false, add_of), out);
    if (given)
        BS_TRY_GOTO(each(&q, given, true, add_evidence), out);
    BS_TRY_GOTO(bs_str_status(&q.where), out);
    BS_TRY_GOTO(bs_bn_scope(&q.scope, db), out);
    st = answer(out, &q, given, format, limit);
out:
    bs_str_clear(&q.where);
    bs_str_clear(&q.reachable);
    bs_db_close(db);
    return st;
}
