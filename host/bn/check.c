#include "bn/check.h"

#include "base/text.h"
#include "bn/bn.h"
#include "bn/check_limits.h"
#include "bn/check_say.h"
#include "store/schema.h"

#include <string.h>

#define X(name, meaning) #name,
const char *const bs_verdict_name[] = {BS_VERDICTS(X)};
#undef X

typedef struct check {
    const bs_check_options *o;
    bs_db *db;
    bs_check_limits limits;
    int64_t entry, layer; /* if the options name them, else -1 */
    bs_str sql;           /* scratch */
} check;

/* --- The file --- */

/* Fails if the null device made up the answers: they say nothing about a network. */
static bs_status refuse_null_device(const check *c)
{
    sqlite3_int64 n = 0;
    BS_TRY(bs_db_integer(&n, c->db, "SELECT count(*) FROM run WHERE backend = 'null' AND trials > 0"));
    if (n == 0)
        return BS_OK;
    bs_fail(BS_NOTHING_COMMON, "the null device made up the answers in '%s': there is nothing to check",
            c->db->path);
    return bs_hint("run the job on a real device, into a file of its own");
}

static bs_status find_names(check *c)
{
    c->entry = c->layer = -1;
    if (c->o->entry && strcmp(c->o->entry, "-1") != 0)
        BS_TRY(bs_bn_find(&c->entry, c->db, BS_BN_ENTRY, c->o->entry));
    return c->o->layer ? bs_bn_find(&c->layer, c->db, BS_BN_LAYER, c->o->layer) : BS_OK;
}

static bs_status exec_scratch(check *c)
{
    BS_TRY(bs_str_status(&c->sql));
    bs_status st = bs_db_exec(c->db, "read", c->sql.ptr);
    c->sql.len = 0;
    return st;
}

/* Reads the rows of a limit's view, once for all limits that use it. */
static bs_status read_view(check *c, int i)
{
    const char *view = c->limits.limit[i].what->source->view;
    for (int k = 0; k < i; k++)
        if (strcmp(c->limits.limit[k].what->source->view, view) == 0)
            return BS_OK;
    bs_str_printf(&c->sql, "CREATE TEMP TABLE check_%s AS SELECT * FROM %s", view, view);
    return exec_scratch(c);
}

static void filter(check *c, const char *entry, const char *layer)
{
    if (c->o->entry)
        bs_str_printf(&c->sql, " AND %s = %lld", entry, (long long)c->entry);
    if (c->o->layer)
        bs_str_printf(&c->sql, " AND %s = %lld", layer, (long long)c->layer);
}

/* Appends a bound as an SQL expression; the bound of a census is its rate. */
static void put_bound(bs_str *s, const bs_check_limit *l, bs_check_bound kind, int side)
{
    const bs_check_columns *k = l->what->columns;
    if (kind == BS_CHECK_ONE_SIDED && !k->bound[kind][side])
        kind = BS_CHECK_TWO_SIDED; /* weaker, but valid */
    if (kind == BS_CHECK_RATE)
        bs_str_puts(s, k->rate);
    else
        bs_str_printf(s, "CASE WHEN %s THEN coalesce(%s, %s) ELSE %s END", l->what->source->exact,
                      k->bound[kind][side], k->rate, k->bound[kind][side]);
}

static bs_status add_rows(check *c, int i)
{
    const bs_check_limit *l = &c->limits.limit[i];
    const bs_check_source *s = l->what->source;
    const char *layer = s->layer ? s->layer : "NULL", *name = bs_check_bound_name[l->bound][l->side];
    bs_str_printf(&c->sql, "INSERT INTO check_row SELECT %d, %s, %s, %s, %s, %s, ", i, s->entry, layer, s->of,
                  s->order, l->what->columns->rate);
    if (l->bound == BS_CHECK_RATE)
        bs_str_printf(&c->sql, "'%s', ", name);
    else
        bs_str_printf(&c->sql, "iif(%s AND %s IS NULL, 'exact', '%s'), ", s->exact,
                      l->what->columns->bound[l->bound][l->side], name);
    put_bound(&c->sql, l, l->bound, l->side);
    bs_str_puts(&c->sql, ", ");
    put_bound(&c->sql, l, l->bound, 1 - l->side);
    bs_str_printf(&c->sql, ", %s, %s, %s, %s FROM check_%s WHERE %s", s->units, s->unit,
                  s->outcome ? s->outcome : "NULL", s->coverage ? s->coverage : "NULL", s->view,
                  l->what->where);
    if (s->weights)
        bs_str_printf(&c->sql, " AND weights = '%s'", c->o->weights ? c->o->weights : "bits");
    filter(c, s->entry, layer);
    return exec_scratch(c);
}

/* Adds rows for strata or entries without trials. */
static bs_status add_untried(check *c, int i)
{
    const bs_check_source *s = c->limits.limit[i].what->source;
    const char *layer = s->layer ? "s.layer" : "NULL";
    bs_str_printf(&c->sql,
                  "INSERT INTO check_row (place, entry, layer) SELECT %d, s.scope, %s FROM check_stratum s "
                  "JOIN entry e ON e.id = s.entry WHERE s.scope >= 0 AND %s",
                  i, layer, s->asked);
    filter(c, "s.scope", "s.layer");
    bs_str_puts(&c->sql, " GROUP BY 2, 3 HAVING sum(s.done) = 0");
    return exec_scratch(c);
}

/* Adds rows for bits that the entry may flip, but no trial of the stratum flipped. */
static bs_status add_untried_bits(check *c, int i)
{
    const bs_check_source *s = c->limits.limit[i].what->source;
    bs_str_printf(
        &c->sql,
        "INSERT INTO check_row (place, entry, layer, of, rank) WITH RECURSIVE b (bit) AS (SELECT 0 UNION "
        "ALL SELECT bit + 1 FROM b WHERE bit < 31) SELECT %d, s.scope, s.layer, 'bit ' || b.bit, b.bit "
        "FROM check_stratum s JOIN entry e ON e.id = s.entry JOIN stratum t ON t.entry = s.entry AND t.layer "
        "= s.layer JOIN b ON "
        "t.bits >> b.bit & 1 WHERE s.scope "
        ">= 0 AND s.done > 0 AND NOT EXISTS (SELECT 1 FROM check_row r WHERE r.place = %d AND r.entry = "
        "s.entry AND r.layer = s.layer AND r.rank = b.bit) AND %s",
        i, i, s->asked);
    filter(c, "s.scope", "s.layer");
    return exec_scratch(c);
}

/* Records entries that a limit does not cover, because the view of its rate has no row of them. An entry
 * whose strata are all pooled in scope -1 is covered by that scope's row. */
static bs_status add_left_out(check *c, int i)
{
    const bs_check_source *s = c->limits.limit[i].what->source;
    bs_str_printf(
        &c->sql,
        "INSERT INTO check_left_out WITH have AS (SELECT entry FROM check_row WHERE place = %d) "
        "SELECT %d, e.id, %s FROM entry e WHERE e.id NOT IN have AND EXISTS (SELECT 1 FROM stratum t "
        "WHERE t.entry = e.id AND NOT (-1 IN have AND EXISTS (SELECT 1 FROM bn_prior_layer p WHERE "
        "p.entry = t.entry AND p.layer = t.layer))",
        i, i, s->lacks ? s->lacks : "NULL");
    filter(c, "t.entry", "t.layer");
    bs_str_puts(&c->sql, ") ORDER BY e.id");
    return exec_scratch(c);
}

static bs_status add_limit_row(const check *c, int i)
{
    const bs_check_limit *l = &c->limits.limit[i];
    return bs_db_change(c->db, "read", "INSERT INTO check_limit VALUES (?1, ?2, ?3, ?4, ?5)",
                        BS_BIND(BS_BIND_INT(i), BS_BIND_TEXT(l->what->name),
                                BS_BIND_TEXT(l->side == BS_CHECK_ABOVE ? "max" : "min"),
                                BS_BIND_REAL(l->value), BS_BIND_INT(l->bound)));
}

static bs_status collect(check *c, bs_check_counts *counts)
{
    sqlite3_int64 n = 0;
    for (int i = 0; i < c->limits.n; i++) {
        BS_TRY(read_view(c, i));
        BS_TRY(add_limit_row(c, i));
        BS_TRY(add_rows(c, i));
    }
    BS_TRY(bs_db_exec(c->db, "read", "DELETE FROM check_row WHERE rate IS NULL"));
    counts->no_value = sqlite3_changes(c->db->handle);
    for (int i = 0; i < c->limits.n; i++) {
        BS_TRY(add_untried(c, i));
        if (c->limits.limit[i].what->source->bits)
            BS_TRY(add_untried_bits(c, i));
        BS_TRY(add_left_out(c, i));
    }
    if (!c->o->partial)
        return BS_OK;
    BS_TRY(bs_db_integer(&n, c->db,
                         "SELECT count(DISTINCT entry || ' ' || ifnull(layer, '')) FROM check_row "
                         "WHERE rate IS NULL"));
    counts->untried = n;
    return bs_db_exec(c->db, "read", "DELETE FROM check_row WHERE rate IS NULL");
}

/* --- Verdicts --- */

/* Reads the progress of the campaign and the exit code of its last run: 0 if all its trials were run. */
static bs_status read_state(const check *c, bs_check_counts *counts)
{
    sqlite3_int64 v = 0;
    BS_TRY(bs_db_check_campaign(c->db));
    BS_TRY(bs_db_integer(
        &v, c->db,
        "SELECT coalesce((SELECT ifnull(exit, -1) FROM run ORDER BY started DESC, id DESC LIMIT 1), -1)"));
    counts->last_exit = (int)v;
    BS_TRY(bs_db_integer(
        &v, c->db, "SELECT max(0, c.job_trials - (SELECT ifnull(sum(done), 0) FROM unit)) FROM campaign c"));
    counts->missing = v;
    BS_TRY(bs_db_integer(&v, c->db, "SELECT count(*) FROM broken_image"));
    counts->broken = v;
    BS_TRY(bs_db_integer(&v, c->db, "SELECT sum(audited - audit_equal) FROM run"));
    counts->inexact = v;
    return BS_OK;
}

static bs_status judge(check *c, bs_check_counts *counts)
{
    sqlite3_int64 n = 0;
    char sql[128];
    snprintf(sql, sizeof sql, "INSERT INTO check_run VALUES (%d, %d)", c->o->partial,
             counts->last_exit != 0 || counts->inexact != 0);
    BS_TRY(bs_db_exec(c->db, "read", sql));
    BS_TRY(bs_db_exec(c->db, "read", "CREATE TEMP TABLE check_judged AS SELECT * FROM check_verdict"));
    for (int i = 0; i < BS_VERDICTS_N; i++) {
        snprintf(sql, sizeof sql, "SELECT count(*) FROM check_judged WHERE verdict = '%s'",
                 bs_verdict_name[i]);
        BS_TRY(bs_db_integer(&n, c->db, sql));
        counts->rows[i] = n;
    }
    snprintf(sql, sizeof sql, "CREATE TEMP TABLE check_grown AS SELECT * FROM check_growth WHERE %d",
             counts->rows[BS_VERDICT_open] > 0);
    return bs_db_exec(c->db, "read", sql);
}

static bs_status print(const check *c, FILE *out, bs_rows_format format)
{
    sqlite3_stmt *q = NULL;
    BS_TRY(bs_db_prepare(&q, c->db, "SELECT * FROM check_result"));
    bool any;
    bs_status st = bs_rows_print(out, c->db, q, format, &any);
    sqlite3_finalize(q);
    return st;
}

static bs_status run(check *c, bs_check_counts *counts, FILE *out, bs_rows_format format)
{
    BS_TRY(refuse_null_device(c));
    BS_TRY(find_names(c));
    BS_TRY(bs_db_exec(c->db, "read", bs_sql_check));
    BS_TRY(read_state(c, counts));
    BS_TRY(collect(c, counts));
    BS_TRY(judge(c, counts));
    long long failed =
        counts->rows[BS_VERDICT_broken] + counts->rows[BS_VERDICT_open] + counts->rows[BS_VERDICT_incomplete];
    if (failed + counts->rows[BS_VERDICT_kept] > 0)
        BS_TRY(print(c, out, format));
    bs_status st = bs_check_left_out(c->db, &c->limits, c->o, failed == 0);
    return failed > 0 && st == BS_OK ? bs_check_fail(c->db, &c->limits, counts) : st;
}

bs_status bs_check(bs_check_counts *counts, FILE *out, const char *db_path, const bs_check_options *o,
                   bs_rows_format format)
{
    check c = {.o = o};
    bool bits = false;
    bs_status st;
    memset(counts, 0, sizeof *counts);
    BS_TRY(bs_check_read_limits(&c.limits, o));
    for (int i = 0; i < c.limits.n; i++)
        bits |= c.limits.limit[i].what->source->bits;
    BS_TRY_GOTO(bs_bn_open(&c.db, db_path, bits), out);
    st = run(&c, counts, out, format);
out:
    bs_str_clear(&c.sql);
    bs_db_close(c.db);
    return st;
}
