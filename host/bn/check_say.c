#include "bn/check_say.h"

#include "base/log.h"
#include "base/text.h"

#include <math.h>
#include <string.h>

/* --- Rows that are not kept --- */

/* Appends an entry with open rows, and the factor by which its trials must grow until the last of them is
 * kept, if known. */
static void put_open_entry(bs_str *s, int place, sqlite3_stmt *q)
{
    double factor = ceil(10 * sqlite3_column_double(q, 1)) / 10;
    bs_str_puts(s, place > 0 ? ", " : "");
    if (sqlite3_column_int(q, 0) < 0)
        bs_str_puts(s, "the entries of bn_prior_layer");
    else
        bs_str_printf(s, "entry %d", sqlite3_column_int(q, 0));
    if (sqlite3_column_type(q, 1) == SQLITE_NULL)
        return;
    if (factor > 1000)
        bs_str_puts(s, " (over 1000 times as many: a rate is close to its limit)");
    else
        bs_str_printf(s, factor < 10 ? " (%.1f times as many)" : " (%.0f times as many)",
                      factor < 10 ? factor : ceil(factor));
}

/* Appends the entries that need more trials. */
static bs_status put_open(bs_str *s, bool *beyond, const bs_db *db)
{
    enum { NAMED = 4 };
    static const char sql[] = "SELECT entry, max(1.0 * needed / units), sum(iif(side = 'max', rate >= "
                              "\"limit\", rate <= \"limit\")) "
                              "FROM check_result WHERE verdict = 'open' GROUP BY entry ORDER BY entry";
    sqlite3_stmt *q = NULL;
    bool row;
    int n = 0;
    bs_status st;
    BS_TRY(bs_db_prepare(&q, db, sql));
    for (; (st = bs_db_step(db, q, &row)) == BS_OK && row; n++) {
        *beyond |= sqlite3_column_int(q, 2) > 0;
        if (n < NAMED)
            put_open_entry(s, n, q);
    }
    sqlite3_finalize(q);
    BS_TRY(st);
    if (n > NAMED)
        bs_str_printf(s, " and %d more", n - NAMED);
    return bs_str_status(s);
}

static bs_status hint_open(const bs_check_limits *l, const char *entries, bool beyond)
{
    if (l->limit[0].bound == BS_CHECK_POPULATION)
        return bs_hint("these bounds take the images as a sample: more `images` in the job narrow them");
    return bs_hint("raise `trials` (or lower `margin`) of %s in the job and run it again on this file%s",
                   entries, beyond ? "; rates that are beyond their limits now may turn out broken" : "");
}

static bs_status hint_incomplete(const bs_check_counts *n)
{
    static const char partial[] = "--partial judges what is there";
    if (n->inexact > 0)
        return bs_hint(
            "%lld audited trials had other values when they were run again in full: run the job with "
            "--replay full into a new file; %s",
            n->inexact, partial);
    if (n->missing == 0)
        return bs_hint("the last run %s: run the job again on this file; %s",
                       n->last_exit < 0 ? "runs still, or was killed" : "was stopped, or failed", partial);
    if (n->broken > 0)
        return bs_hint("%lld trials are missing, and %lld image(s) cannot be read: table broken_image says "
                       "why; run the job again when they are repaired; %s",
                       n->missing, n->broken, partial);
    return bs_hint(
        "%lld trials are missing: run the job again on this file, or merge the shards it lacks; %s, "
        "also where a job asked for too many once",
        n->missing, partial);
}

bs_status bs_check_fail(const bs_db *db, const bs_check_limits *l, const bs_check_counts *n)
{
    const long long *rows = n->rows;
    long long broken = rows[BS_VERDICT_broken], open = rows[BS_VERDICT_open],
              incomplete = rows[BS_VERDICT_incomplete], kept = rows[BS_VERDICT_kept];
    bs_str entries = {0};
    bool beyond = false;
    sqlite3_int64 unbounded = 0;
    bs_status st = BS_OK;
    BS_TRY(bs_db_integer(
        &unbounded, db,
        "SELECT count(*) FROM check_judged WHERE verdict = 'open' AND rate IS NOT NULL AND (bound IS "
        "NULL OR coverage < 1 - 1e-9)"));
    if (open > 0)
        BS_TRY_GOTO(put_open(&entries, &beyond, db), out);
    st = bs_fail(broken > 0 ? BS_LIMIT : BS_OPEN,
                 "of %lld rates %lld %s kept: %lld broken, %lld open, %lld incomplete",
                 broken + open + incomplete + kept, kept, kept == 1 ? "is" : "are", broken, open, incomplete);
    if (incomplete > 0)
        hint_incomplete(n);
    else if (unbounded > 0)
        bs_hint("what nothing is known of stays open: `bitsink bn %s bn_layer` shows which layers have a "
                "P(L) and "
                "trials of one fault each",
                bs_shell_word(db->path));
    else if (open > 0)
        hint_open(l, entries.ptr, beyond);
out:
    bs_str_clear(&entries);
    return st;
}

/* --- Rates without a row --- */

/* Texts such as "entry 3 has a bit error rate and no network_sdc", and the name to use instead. */
typedef struct left_out {
    char text[192], instead[64];
    bool why;
} left_out;

static void read_left_out(left_out *out, const bs_check_name *what, sqlite3_stmt *q)
{
    const char *why = (const char *)sqlite3_column_text(q, 1), *instead = what->source->instead;
    out->why = why != NULL;
    snprintf(out->text, sizeof out->text, "entry %d has %s%sno %s", sqlite3_column_int(q, 0), why ? why : "",
             why ? " and " : "", what->name);
    out->instead[0] = '\0';
    if (why && instead) /* with the same outcome if it is a prefix */
        snprintf(out->instead, sizeof out->instead, "%s%s", instead,
                 instead[strlen(instead) - 1] == '_' ? strchr(what->name, '_') + 1 : "");
}

/* Warns of the entries that a name leaves out. Stores the first of them in *taken, which may be NULL; with
 * `quiet`, there is no warning of that one. Without any row of the name, only entries with a known reason are
 * reported. */
static bs_status warn_left_out(left_out *taken, bool quiet, const bs_db *db, const bs_check_limits *l, int i,
                               bool rows)
{
    sqlite3_stmt *q = NULL;
    bool more;
    bs_status st;
    BS_TRY(bs_db_prepare(&q, db, "SELECT entry, why FROM check_left_out WHERE place = ?1"));
    sqlite3_bind_int(q, 1, i);
    while ((st = bs_db_step(db, q, &more)) == BS_OK && more) {
        left_out one;
        bool first = taken && !taken->text[0];
        read_left_out(&one, l->limit[i].what, q);
        if (first)
            *taken = one;
        if (!(first && quiet) && (rows || one.why))
            bs_warn("%s: not checked%s%s%s", one.text, one.instead[0] ? "; " : "", one.instead,
                    one.instead[0] ? " is for it" : "");
    }
    sqlite3_finalize(q);
    return st;
}

static bs_status fail_without_row(const bs_db *db, const bs_check_name *what, const bs_check_options *o,
                                  const left_out *taken)
{
    if (taken->why && o->entry)
        bs_fail(BS_NOTHING_COMMON, "nothing to check: %s", taken->text);
    else
        bs_fail(BS_NOTHING_COMMON, "nothing to check: there is no %s in '%s'%s", what->name, db->path,
                o->entry || o->layer ? " for this entry or layer" : "");
    if (taken->instead[0])
        return bs_hint("%s is for it", taken->instead);
    return bs_hint("`bitsink bn %s %s` shows what there is", bs_shell_word(db->path), what->source->view);
}

bs_status bs_check_left_out(const bs_db *db, const bs_check_limits *l, const bs_check_options *o, bool refuse)
{
    const bs_check_name *without = NULL;
    left_out taken = {.why = false};
    for (int i = 0; i < l->n; i++) {
        sqlite3_int64 n = 0;
        char sql[96];
        bool seen = false;
        for (int k = 0; k < i; k++)
            seen |= l->limit[k].what == l->limit[i].what; /* --max and --min */
        if (seen)
            continue;
        snprintf(sql, sizeof sql, "SELECT count(*) FROM check_row WHERE place = %d", i);
        BS_TRY(bs_db_integer(&n, db, sql));
        bool first = n == 0 && refuse && !without;
        if (first)
            without = l->limit[i].what;
        else if (n == 0)
            bs_warn("there is no %s%s: not checked", l->limit[i].what->name,
                    o->entry || o->layer ? " for this entry or layer" : "");
        BS_TRY(warn_left_out(first ? &taken : NULL, o->entry != NULL, db, l, i, n > 0));
    }
    return without ? fail_without_row(db, without, o, &taken) : BS_OK;
}
