#include "base/buf.h"
#include "base/log.h"
#include "base/text.h"
#include "bn/bn_internal.h"

#include <stdlib.h>
#include <string.h>

/* "NAME=VALUE", cut at the '='. */
typedef struct setting {
    char *name, *value;
} setting;

typedef struct settings {
    setting *item;
    int n;
} settings;

/* Returns the name under which a setting is stored: raw_fit is raw_rate in another unit. */
static const char *stored_name(const char *name)
{
    return strcmp(name, "raw_fit") == 0 ? "raw_rate" : name;
}

static const setting *find(const settings *s, const char *name)
{
    for (int i = 0; i < s->n; i++)
        if (strcmp(stored_name(s->item[i].name), name) == 0)
            return &s->item[i];
    return NULL;
}

static bs_status add_setting(settings *s, const char *path, const char *text)
{
    char *copy = strdup(text);
    if (!copy)
        return bs_oom("settings");
    setting new = {.name = copy, .value = strchr(copy, '=')};
    const setting *old = NULL;
    if (new.value) {
        *new.value++ = '\0';
        old = find(s, stored_name(new.name));
    }
    s->item[s->n++] = new;
    if (!new.value) {
        bs_fail(BS_USAGE, "'%s' has no '='", text);
        return bs_hint("such as p=1e-7; `bitsink bn %s bn_parameter` shows the settings",
                       bs_shell_word(path));
    }
    if (!old)
        return BS_OK;
    bs_fail(BS_USAGE, "setting %s is given twice: %s=%s and %s=%s", stored_name(new.name), old->name,
            old->value, new.name, new.value);
    return bs_hint("give each setting once%s",
                   strcmp(old->name, new.name) != 0 ? "; raw_fit is raw_rate in FIT per Mbit" : "");
}

static void clear_settings(settings *s)
{
    for (int i = 0; i < s->n; i++)
        free(s->item[i].name);
    free(s->item);
}

static bs_status refuse_unknown(void *name, sqlite3_stmt *q)
{
    const char *names = (const char *)sqlite3_column_text(q, 0);
    bs_fail(BS_USAGE, "unknown setting '%s'", (const char *)name);
    return bs_hint("settings are %s, raw_fit, scope", names ? names : "");
}

static bs_status unknown_setting(const bs_db *db, const char *name)
{
    return bs_db_each(db,
                      "SELECT group_concat(name, ', ') FROM (SELECT name FROM bn_parameter ORDER BY rowid)",
                      BS_NO_BIND, refuse_unknown, (char *)name);
}

/* Range of a setting; the last line is for all others. Files of earlier versions keep their table, which
 * checks less. */
static const struct range {
    const char *name;
    double low, high;
    bool open; /* the bounds themselves are excluded */
    const char *hint;
} ranges[] = {
    {"p", 0, 1, false, "it is a probability, 0 to 1"},
    {"alpha", 0, 1, true, "it is above 0 and below 1"},
    {"confidence", 0.5, 0.9999, false, "it is 0.5 to 0.9999, such as 0.95"},
    {"activation_duty", 0, 1, false, "it is a share of the time, 0 to 1"},
    {"parameter_duty", 0, 1, false, "it is a share of the time, 0 to 1"},
    {"rerun_budget", 0, 1, false, "it is a share of all inferences, 0 to 1"},
    {NULL, 0, BS_BN_MOST, false, "it is a number that is not negative, at most 1e30"},
};

static bs_status refused(const setting *s, const char *hint)
{
    bs_fail(BS_USAGE, "setting %s cannot be '%s'", s->name, s->value);
    return bs_hint("%s", hint);
}

static bs_status is_known(bool *known, const bs_db *db, const char *name)
{
    return bs_db_exists(known, db, "SELECT 1 FROM bn_parameter WHERE name = ?1", BS_BIND(BS_BIND_TEXT(name)));
}

static bs_status set_number(const bs_db *db, const setting *s)
{
    const struct range *r = ranges;
    double v;
    while (r->name && strcmp(r->name, s->name) != 0)
        r++;
    if (!bs_bn_number(&v, s->value) || !(r->open ? v > r->low && v < r->high : v >= r->low && v <= r->high))
        return refused(s, r->hint);
    /* raw_fit: FIT per 10^6 bits. + 0.0: no negative zero. */
    double value = strcmp(s->name, "raw_fit") == 0 ? v * 1e-15 : v + 0.0;
    return bs_db_change(db, "write", "UPDATE bn_parameter SET value = ?2 WHERE name = ?1",
                        BS_BIND(BS_BIND_TEXT(stored_name(s->name)), BS_BIND_REAL(value)));
}

static bs_status set_kind(const bs_db *db, const setting *s)
{
    static const char *const kinds[] = {"uniform", "bits", "exposure", "direct"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(s->value, kinds[i]) == 0)
            return bs_prior_set_kind(db, s->value);
    return refused(s, "it is uniform, bits, exposure or direct");
}

/* Reads "1,2", entries by id or name, as a list of ids. */
static bs_status read_scope(bs_str *ids, const bs_db *db, char *list)
{
    for (char *at = *list ? list : NULL, *comma; at; at = comma ? comma + 1 : NULL) {
        int64_t entry = 0;
        comma = strchr(at, ',');
        if (comma)
            *comma = '\0';
        BS_TRY(bs_bn_find(&entry, db, BS_BN_ENTRY, at));
        BS_TRY(bs_prior_check_entry(db, entry));
        bs_str_printf(ids, "%s%lld", ids->len ? "," : "", (long long)entry);
    }
    return bs_str_status(ids);
}

/* Replaces bn_prior_layer by the strata of these entries; those that stay keep their values. Sets *lost to
 * the strata with values that leave. */
static bs_status change_scope(const bs_db *db, const char *ids, sqlite3_int64 *lost)
{
    sqlite3_int64 probable = 0;
    bs_str sql = {0};
    bs_status st;
    bs_str_printf(
        &sql,
        "SELECT count(coalesce(raw_rate, residency, exposure, probability)) FROM bn_prior_layer WHERE "
        "entry NOT IN (%s)",
        ids);
    BS_TRY_GOTO(bs_str_status(&sql), out);
    BS_TRY_GOTO(bs_db_integer(lost, db, sql.ptr), out);
    sql.len = 0;
    bs_str_printf(&sql,
                  "DELETE FROM bn_prior_layer WHERE entry NOT IN (%s); INSERT OR IGNORE INTO bn_prior_layer "
                  "(entry, layer) SELECT entry, layer FROM stratum WHERE entry IN (%s)",
                  ids, ids);
    BS_TRY_GOTO(bs_str_status(&sql), out);
    BS_TRY_GOTO(bs_db_exec(db, "write", sql.ptr), out);
    st = bs_db_integer(&probable, db, "SELECT count(*) FROM bn_prior_layer WHERE probability > 0");
    if (st == BS_OK && !*ids)
        st = bs_db_exec(db, "write",
                        "UPDATE bn_parameter SET value = 'uniform' WHERE name = 'layer_prior' AND value IN "
                        "('exposure', 'direct')");
    else if (st == BS_OK && probable == 0)
        st = bs_prior_set_kind(db, "exposure");
    else if (st == BS_OK)
        st = bs_db_exec(db, "write",
                        "UPDATE bn_parameter SET value = 'exposure' WHERE name = 'layer_prior' AND value <> "
                        "'direct'");
out:
    bs_str_clear(&sql);
    return st;
}

static bs_status set_scope(const bs_db *db, const setting *s, sqlite3_int64 *lost)
{
    bs_str ids = {0};
    bs_status st = read_scope(&ids, db, s->value);
    if (st == BS_OK)
        st = change_scope(db, ids.ptr ? ids.ptr : "", lost);
    bs_str_clear(&ids);
    return st;
}

static bs_status refuse_overlap(void *context, sqlite3_stmt *q)
{
    (void)context;
    bs_fail(BS_USAGE, "entries %d and %d may both hit the same bits of '%s': together they count it twice",
            sqlite3_column_int(q, 0), sqlite3_column_int(q, 1), (const char *)sqlite3_column_text(q, 2));
    return bs_hint("pool entries whose bits or targets differ, such as exponent and mantissa");
}

bs_status bs_bn_check_overlap(const bs_db *db)
{
    return bs_db_each(db,
                      "SELECT o.entry_a, o.entry_b, l.label FROM bn_overlap o JOIN layer l ON l.id = o.layer "
                      "ORDER BY o.entry_a, o.entry_b, o.layer LIMIT 1",
                      BS_NO_BIND, refuse_overlap, NULL);
}

/* Applies the settings. The scope comes first, because it sets layer_prior: what the user sets explicitly
 * overrides that. */
static bs_status apply(const bs_db *db, const settings *s, sqlite3_int64 *lost)
{
    const setting *scope = find(s, "scope");
    if (scope)
        BS_TRY(set_scope(db, scope, lost));
    for (int i = 0; i < s->n; i++) {
        const setting *one = &s->item[i];
        bool known = false;
        if (one == scope)
            continue;
        BS_TRY(is_known(&known, db, stored_name(one->name)));
        if (!known)
            return unknown_setting(db, one->name);
        BS_TRY(strcmp(one->name, "layer_prior") == 0 ? set_kind(db, one) : set_number(db, one));
    }
    return bs_bn_check_overlap(db);
}

/* Logs settings that the user set but that others leave without effect. */
static bs_status tell_unused(const bs_db *db, const settings *s, const bs_prior *before, const bs_prior *now)
{
    static const char *const hours[] = {"activation_hours", "parameter_hours"};
    bool exposure = strcmp(now->kind, "exposure") == 0;
    const setting *scope = find(s, "scope");
    sqlite3_int64 residencies = 0, listed = 0;
    if (exposure && find(s, "p"))
        bs_info("note: p does not count in scope -1: exposure gives its P(F)");
    BS_TRY(bs_db_integer(&listed, db, "SELECT count(*) FROM bn_prior_layer"));
    if (listed > 0 && (scope || before->strata > 0) && !exposure && strcmp(now->kind, "direct") != 0)
        bs_info("note: with layer_prior %s the scope counts in failure_rate only", now->kind);
    BS_TRY(bs_db_integer(&residencies, db, "SELECT count(residency) FROM bn_prior_layer"));
    for (int k = 0; k < 2; k++)
        if (find(s, hours[k]) && !exposure && residencies == 0)
            bs_info("note: %s counts where layer_prior is exposure, and beside a residency; now it is %s",
                    hours[k], now->kind);
    BS_TRY(bs_prior_warn(db));
    return bs_prior_warn_residency(db);
}

static bs_status tell(const bs_db *db, const settings *s, const bs_prior *before, const bs_prior *after,
                      sqlite3_int64 lost)
{
    if (lost > 0)
        bs_warn("the values that were loaded for %lld of the strata are gone, as these left the scope: load "
                "`priors` "
                "again to have them back",
                (long long)lost);
    bs_prior_tell(before, after, find(s, "layer_prior") != NULL);
    return tell_unused(db, s, before, after);
}

bs_status bs_bn_set(const char *db_path, char *const *assignments, int n)
{
    bs_db *db = NULL;
    settings s = {0};
    bs_prior before, after;
    sqlite3_int64 lost = 0;
    bs_status st;
    BS_TRY_GOTO(bs_calloc(&s.item, (size_t)n, sizeof *s.item, "settings"), out);
    for (int i = 0; i < n; i++)
        BS_TRY_GOTO(add_setting(&s, db_path, assignments[i]), out);
    BS_TRY_GOTO(bs_bn_begin(&db, db_path), out);
    BS_TRY_GOTO(bs_prior_read(&before, db), out);
    BS_TRY_GOTO(apply(db, &s, &lost), out);
    BS_TRY_GOTO(bs_prior_settle(&after, db, &before), out);
    BS_TRY_GOTO(bs_db_commit(db), out);
    st = tell(db, &s, &before, &after, lost);
out:
    clear_settings(&s);
    bs_db_close(db); /* rolls back what is uncommitted */
    return st;
}
