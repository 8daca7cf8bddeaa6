#include "base/buf.h"
#include "base/text.h"
#include "bn/bn_internal.h"
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
    bool has_p;              /* else P(F = 1) is that of the scope */
    double p;                /* P(F = 1) */
    bs_str layers;           /* the layers that a fault hits, "3,5"; empty: those of the scope */
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

/* Ends the text that starts with a double quote at the quote that closes it, and makes each "" in it a ".
 * Sets *out to what was within, *end to what follows. */
static bs_status unquote(char **out, char **end, char *text)
{
    char *to = text;
    for (char *c = text + 1; *c; c++) {
        if (*c == '"' && c[1] != '"') {
            *to = '\0';
            *out = text;
            *end = c + 1;
            return BS_OK;
        }
        c += *c == '"';
        *to++ = *c;
    }
    bs_fail(BS_USAGE, "in the evidence a double quote is not closed");
    return bs_hint(
        "a name with | or a leading \" is written as \"A|B\", with each \" in it twice; or write #ID");
}

/* Tells in the error, where `whole`, a name with | in it, was taken for several values. `part` is one that
 * was not found. */
static bs_status fail_value(const query *q, value_kind kind, const char *whole, const char *part)
{
    int64_t value;
    if (strcmp(whole, part) == 0 || kind == AS_YES_NO || find_value(&value, q->db, kind, whole) != BS_OK)
        return find_value(&value, q->db, kind, part);
    bs_fail(BS_USAGE, "'%s' is taken for several values, because | stands between alternatives", whole);
    return bs_hint("write the name in double quotes, \"%s\", or its id as #%lld", whole, (long long)value);
}

/* Appends the values of "A|B|..." as "1,2,...". Sets *any to the bitwise or of all. */
static bs_status find_values(bs_str *out, int64_t *any, const query *q, value_kind kind, char *text)
{
    char *whole = strdup(text), *at = text;
    bs_status st = whole ? BS_OK : bs_oom("query");
    *any = 0;
    while (st == BS_OK && at) {
        int64_t value = 0;
        char *part = at, *end = at + strcspn(at, "|");
        if (*at == '"')
            BS_TRY_GOTO(unquote(&part, &end, at), out);
        if (*end && *end != '|') {
            bs_fail(BS_USAGE, "in the evidence '%s' follows a double quote", end);
            st = bs_hint(
                "after it comes |, a comma, or nothing; each \" within a quoted name is written twice");
            goto out;
        }
        at = *end ? end + 1 : NULL;
        *end = '\0';
        st = find_value(&value, q->db, kind, part);
        if (st != BS_OK)
            st = fail_value(q, kind, whole, part);
        bs_str_printf(out, "%s%lld", out->len ? "," : "", (long long)value);
        *any |= value;
    }
out:
    free(whole);
    return st;
}

/* Adds one "variable=value|value|..." to the evidence. */
static bs_status add_evidence(query *q, char *text)
{
    const struct variable *v = NULL;
    bs_str values = {0};
    int64_t any = 0;
    bs_status st;
    char *is = strchr(text, '=');
    if (!is) {
        bs_fail(BS_USAGE, "evidence '%s' has no '='", text);
        return bs_hint("such as --given class=3,layer=conv1_1; variables are " BS_BN_VARIABLES);
    }
    *is = '\0';
    BS_TRY(find_variable(&v, text));
    BS_TRY_GOTO(find_values(&values, &any, q, v->kind, is + 1), out);
    BS_TRY_GOTO(bs_str_status(&values), out);
    bs_str_printf(&q->where, " AND (%s) IN (%s)", v->sql, values.ptr);
    if (v->kind == AS_LAYER || v->kind == AS_ENTRY)
        bs_str_printf(&q->reachable, " AND b.%s IN (%s)", v->name, values.ptr);
    if (strcmp(v->name, "fault") == 0 && any == 0)
        bs_str_puts(&q->reachable, " AND 0");
    q->answer |= v->answer;
out:
    bs_str_clear(&values);
    return st;
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

/* Returns the comma that ends a "variable=value|..." , NULL for the last one. A comma followed by a text
 * without
 * '=' belongs to the value, because names of ImageNet classes contain commas; so does one in double quotes.
 */
static char *pair_end(char *text)
{
    bool quoted = false;
    for (char *c = text; *c; c++) {
        if (quoted && *c == '"' && c[1] == '"')
            c++;
        else if (*c == '"' && (quoted || (c > text && (c[-1] == '=' || c[-1] == '|'))))
            quoted = !quoted;
        else if (*c == ',' && !quoted && c[1 + strcspn(c + 1, ",=|\"")] == '=')
            return c;
    }
    return NULL;
}

/* Calls `add` for each part between commas; `pairs`: parts are evidence. */
static bs_status each(query *q, const char *list, bool pairs, bs_status (*add)(query *, char *))
{
    char *copy = strdup(list), *at = copy;
    bs_status st = copy ? BS_OK : bs_oom("query");
    while (st == BS_OK && at) {
        char *comma = pairs ? pair_end(at) : strchr(at, ',');
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

/* Reads --p. A scope that is one experiment has no probability of a fault. */
static bs_status read_p(query *q, const char *text)
{
    bool conditional;
    if (!bs_bn_number(&q->p, text) || !(q->p >= 0 && q->p <= 1)) {
        bs_fail(BS_USAGE, "--p is a probability from 0 to 1, not '%s'", text);
        return bs_hint("such as --p 0.5: every second inference meets a fault");
    }
    q->has_p = true;
    BS_TRY(bs_db_exists(&conditional, q->db, "SELECT 1 FROM bn_scope WHERE scope = ?1 AND conditional",
                        BS_BIND(BS_BIND_INT(q->scope))));
    if (!conditional)
        return BS_OK;
    sqlite3_int64 other = -1;
    BS_TRY(bs_db_integer(&other, q->db,
                         "SELECT ifnull(min(scope), -1) FROM bn_scope WHERE scope >= 0 AND tried > 0 AND NOT "
                         "conditional"));
    bs_fail(BS_USAGE, "a trial of scope %lld need not have exactly one fault, so there is no P(fault) to set",
            (long long)q->scope);
    if (other >= 0)
        return bs_hint(
            "name a scope with one fault in each trial, such as --scope %lld; or leave --p out: the "
            "answers hold for inferences as entry %lld has them",
            (long long)other, (long long)q->scope);
    return bs_hint("leave --p out: the answers hold for inferences as entry %lld has them",
                   (long long)q->scope);
}

/* Reads --layer: layers of the scope, as in evidence. */
static bs_status read_layers(query *q, const char *layer)
{
    int64_t any;
    bool found = false;
    bs_str sql = {0};
    char *text = strdup(layer);
    bs_status st = text ? find_values(&q->layers, &any, q, AS_LAYER, text) : bs_oom("query");
    free(text);
    BS_TRY(st);
    bs_str_printf(&sql, "SELECT 1 FROM bn_layer WHERE scope = ?1 AND probability > 0 AND layer IN (%s)",
                  q->layers.ptr ? q->layers.ptr : "");
    BS_TRY_GOTO(bs_str_status(&q->layers), out);
    BS_TRY_GOTO(bs_str_status(&sql), out);
    BS_TRY_GOTO(bs_db_exists(&found, q->db, sql.ptr, BS_BIND(BS_BIND_INT(q->scope))), out);
    if (!found) {
        bs_fail(BS_USAGE, "in scope %lld no fault hits layer '%s'", (long long)q->scope, layer);
        st = bs_hint(
            "`bitsink bn %s bn_layer` lists the layers of each scope; another one is chosen by --scope",
            bs_shell_word(q->db->path));
    }
out:
    bs_str_clear(&sql);
    return st;
}

/* Makes the tables that query.sql reads. chance: P(F = 1), and P(L) of the layers that a fault hits. */
static bs_status collect(const query *q)
{
    const char *part = q->layers.len ? " / part" : "", *where = q->where.ptr ? q->where.ptr : "";
    const char *reachable = q->reachable.ptr ? q->reachable.ptr : "";
    long long scope = q->scope;
    bs_str sql = {0}, layers = {0}, p = {0};
    if (q->layers.len)
        bs_str_printf(&layers, " AND b.layer IN (%s)", q->layers.ptr);
    if (q->has_p)
        bs_str_printf(&p, "%.17g", q->p);
    const char *in = layers.ptr ? layers.ptr : "";
    bs_str_printf(
        &sql,
        "CREATE TEMP TABLE chance AS SELECT %s AS p, sum(b.probability) AS part FROM bn_layer b JOIN "
        "bn_scope s "
        "ON s.scope = b.scope WHERE b.scope = %lld AND b.probability > 0%s;"
        "CREATE TEMP TABLE evidence AS SELECT fault, entry, layer, image, class, label_class, golden_class, "
        "n, "
        "iif(fault, p * (share%s), (1.0 - p) * share) AS x, iif(fault, p * (raw%s), (1.0 - p) * raw) AS raw "
        "FROM bn_joint b CROSS JOIN chance WHERE scope = %lld AND (NOT fault OR 1%s)%s;"
        "CREATE TEMP TABLE reachable AS SELECT b.entry, b.layer, p * (b.probability%s) AS k, u.observations "
        "AS m FROM chance CROSS JOIN bn_layer b JOIN bn_support u ON u.entry = b.entry AND u.layer = b.layer "
        "WHERE b.scope = %lld AND b.probability > 0%s%s;"
        "CREATE TEMP TABLE cell (place, variable, exact, value, entry, layer, x, raw, n);",
        p.ptr ? p.ptr : "s.p", scope, in, part, part, scope, in, where, part, scope, in, reachable);
    bs_str_clear(&layers);
    bs_str_clear(&p);
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

static bs_status answer(FILE *out, const query *q, const bs_bn_question *asked)
{
    sqlite3_stmt *rows = NULL;
    sqlite3_int64 found = 0;
    bs_status st;
    BS_TRY(collect(q));
    BS_TRY(bs_db_integer(&found, q->db, "SELECT count(*) FROM evidence WHERE x > 0"));
    if (found == 0) {
        bs_fail(BS_ERR, "the evidence '%s' was never seen in scope %lld", asked->given ? asked->given : "",
                (long long)q->scope);
        return bs_hint(
            "its probability is 0 as far as the trials say; leave a part of it out, or name another "
            "--scope");
    }
    BS_TRY(bs_db_prepare(&rows, q->db, bs_sql_query));
    sqlite3_bind_int64(rows, 1, asked->limit == 0 || asked->limit > INT64_MAX ? -1 : (int64_t)asked->limit);
    bool any;
    st = bs_rows_print(out, q->db, rows, asked->format, &any);
    sqlite3_finalize(rows);
    return st;
}

bs_status bs_bn_query(FILE *out, const char *db_path, const bs_bn_question *asked)
{
    query q = {.scope = asked->scope};
    bs_db *db = NULL;
    bs_status st;
    BS_TRY(bs_bn_open(&db, db_path, false));
    q.db = db;
    BS_TRY_GOTO(each(&q, asked->of ? asked->of : "correct", false, add_of), out);
    if (asked->given)
        BS_TRY_GOTO(each(&q, asked->given, true, add_evidence), out);
    BS_TRY_GOTO(bs_str_status(&q.where), out);
    BS_TRY_GOTO(bs_str_status(&q.reachable), out);
    BS_TRY_GOTO(bs_bn_scope(&q.scope, db), out);
    if (asked->p)
        BS_TRY_GOTO(read_p(&q, asked->p), out);
    if (asked->layer)
        BS_TRY_GOTO(read_layers(&q, asked->layer), out);
    BS_TRY_GOTO(answer(out, &q, asked), out);
    if (!asked->p)
        st = bs_bn_tell_scope(db, q.scope);
out:
    bs_str_clear(&q.layers);
    bs_str_clear(&q.where);
    bs_str_clear(&q.reachable);
    bs_db_close(db);
    return st;
}
