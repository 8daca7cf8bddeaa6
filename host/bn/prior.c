/* The prior of layers: layer_prior and bn_prior_layer. Logs settings that change each other, and refuses one
 * that would make every scope empty. */
#include "base/log.h"
#include "base/text.h"
#include "bn/bn_internal.h"
#include "store/schema.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool bs_bn_number(double *out, const char *text)
{
    char *end;
    *out = strtod(text, &end);
    return end != text && !*end && isfinite(*out);
}

bs_status bs_bn_begin(bs_db **out, const char *path)
{
    BS_TRY(bs_db_open_for_settings(out, path));
    BS_TRY(bs_db_exec(*out, "write", "BEGIN IMMEDIATE"));
    return bs_schema_update(*out);
}

static bs_status read_prior(void *prior, sqlite3_stmt *q)
{
    bs_prior *out = prior;
    const char *kind = (const char *)sqlite3_column_text(q, 0);
    snprintf(out->kind, sizeof out->kind, "%s", kind ? kind : "");
    bool pooled = strcmp(out->kind, "exposure") == 0 || strcmp(out->kind, "direct") == 0;
    out->strata = sqlite3_column_int64(q, 1);
    out->weighed = sqlite3_column_int64(q, 2);
    if (pooled && out->strata == 0)
        out->fault = BS_PRIOR_EMPTY;
    else if (pooled && out->weighed == 0)
        out->fault = BS_PRIOR_NO_PROBABILITY;
    else if (pooled && !(sqlite3_column_double(q, 3) > 0))
        out->fault = BS_PRIOR_ZERO;
    return BS_OK;
}

bs_status bs_prior_read(bs_prior *out, const bs_db *db)
{
    memset(out, 0, sizeof *out);
    return bs_db_each(db,
                      "SELECT (SELECT value FROM bn_parameter WHERE name = 'layer_prior'), count(*), "
                      "count(weight), total(weight) FROM bn_prior WHERE scope = -1",
                      BS_NO_BIND, read_prior, out);
}

static const char *describe(const bs_prior *p)
{
    bool direct = strcmp(p->kind, "direct") == 0;
    switch (p->fault) {
    case BS_PRIOR_EMPTY:
        return "no stratum is in scope";
    case BS_PRIOR_NO_PROBABILITY:
        return "no stratum in scope has a probability";
    case BS_PRIOR_ZERO:
        return direct ? "every probability in scope is 0" : "every stratum in scope has exposure 0";
    case BS_PRIOR_FINE:
        break;
    }
    return "";
}

bs_status bs_prior_warn(const bs_db *db)
{
    bs_prior p;
    BS_TRY(bs_prior_read(&p, db));
    if (p.fault != BS_PRIOR_FINE)
        bs_warn("layer_prior is %s, but %s, so no layer has a P(L); `bitsink bn %s set scope=` goes back to "
                "a scope for each entry",
                p.kind, describe(&p), bs_shell_word(db->path));
    sqlite3_int64 weightless = 0;
    BS_TRY(bs_db_integer(
        &weightless, db,
        "SELECT EXISTS (SELECT 1 FROM bn_prior_image) AND EXISTS (SELECT 1 FROM bn_image) AND NOT "
        "EXISTS (SELECT 1 FROM bn_image WHERE probability > 0)"));
    if (weightless)
        bs_warn("no image that was tried has a weight above 0 in bn_prior_image, so there are no rates; load "
                "`weights` "
                "again, a file with its first line alone weighs all images alike");
    return BS_OK;
}

bs_status bs_prior_set_kind(const bs_db *db, const char *kind)
{
    return bs_db_change(db, "write", "UPDATE bn_parameter SET value = ?1 WHERE name = 'layer_prior'",
                        BS_BIND(BS_BIND_TEXT(kind)));
}

bs_status bs_prior_check_entry(const bs_db *db, int64_t entry)
{
    bool conditional;
    BS_TRY(bs_db_exists(&conditional, db, "SELECT 1 FROM bn_stratum WHERE entry = ?1 AND conditional",
                        BS_BIND(BS_BIND_INT(entry))));
    if (!conditional)
        return BS_OK;
    bs_fail(BS_USAGE, "a trial of entry %lld may hold any number of faults, so the entry cannot be pooled",
            (long long)entry);
    return bs_hint("leave it out: it is always a scope of its own, --scope %lld", (long long)entry);
}

/* Hints at an example that works: an entry that can be pooled alone. */
static bs_status hint_scope(const bs_db *db)
{
    sqlite3_int64 entry = -1;
    BS_TRY(bs_db_integer(&entry, db, "SELECT ifnull(min(entry), -1) FROM bn_stratum WHERE NOT conditional"));
    if (entry < 0)
        return bs_hint("trials of this file may hold any number of faults, so each entry is a scope of its "
                       "own: there is "
                       "nothing to pool, and `bitsink bn %s set layer_prior=uniform` is right",
                       bs_shell_word(db->path));
    return bs_hint("say which entries: `bitsink bn %s set scope=%lld layer_prior=exposure`, or load strata: "
                   "`bitsink bn %s priors CSV`",
                   bs_shell_word(db->path), (long long)entry, bs_shell_word(db->path));
}

bs_status bs_prior_settle(bs_prior *after, const bs_db *db, const bs_prior *before)
{
    BS_TRY(bs_prior_read(after, db));
    if (after->fault == BS_PRIOR_FINE ||
        (after->fault == before->fault && strcmp(after->kind, before->kind) == 0))
        return BS_OK;
    bool direct = strcmp(after->kind, "direct") == 0;
    bs_fail(BS_USAGE, "layer_prior=%s: %s, so no layer would have a P(L)", after->kind, describe(after));
    if (direct)
        return bs_hint(
            "load probabilities: `bitsink bn %s priors CSV`, columns entry,layer,probability, not all "
            "of them 0",
            bs_shell_word(db->path));
    if (after->fault == BS_PRIOR_ZERO)
        return bs_hint("exposure is raw_rate x bits x hours (0 bits: no storage); `bitsink bn %s set "
                       "layer_prior=uniform` does without it",
                       bs_shell_word(db->path));
    return hint_scope(db);
}

void bs_prior_tell(const bs_prior *before, const bs_prior *after, bool named)
{
    static const struct meaning {
        const char *kind, *text;
    } meanings[] = {
        {"uniform", "each entry is a scope of its own"},
        {"bits", "each entry is a scope of its own, larger strata are hit more"},
        {"exposure", "the scope pools its strata by their exposure, which gives P(F), too"},
        {"direct", "the scope pools its strata by their probabilities"},
    };
    bool scopes = (before->strata > 0) != (after->strata > 0);
    if ((scopes || !named) && strcmp(before->kind, after->kind) != 0)
        for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
            if (strcmp(after->kind, meanings[i].kind) == 0)
                bs_info("note: layer_prior is now %s (was %s): %s", after->kind, before->kind,
                        meanings[i].text);
    if (strcmp(after->kind, "direct") == 0 && after->weighed < after->strata)
        bs_warn("%lld of the %lld strata in scope have no probability: they count as 0",
                (long long)(after->strata - after->weighed), (long long)after->strata);
}

bs_status bs_prior_warn_residency(const bs_db *db)
{
    static const char *const hours[] = {"activation_hours", "parameter_hours"};
    for (int k = 0; k < 2; k++) {
        sqlite3_int64 n = 0;
        char sql[256];
        snprintf(sql, sizeof sql,
                 "SELECT count(*) FROM bn_prior_layer p JOIN stratum s USING (entry, layer) CROSS JOIN "
                 "bn_parameter "
                 "x WHERE p.residency IS NOT NULL AND s.parameter = %d AND x.name = '%s' AND x.value = 0",
                 k, hours[k]);
        BS_TRY(bs_db_integer(&n, db, sql));
        if (n > 0)
            bs_warn("%s is 0: the residency of %lld strata cannot scale their duty in failure_rate", hours[k],
                    (long long)n);
    }
    return BS_OK;
}
