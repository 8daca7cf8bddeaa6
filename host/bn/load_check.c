/* Checks a loaded table of settings, and adapts the settings that depend on it. */
#include "base/log.h"
#include "base/text.h"
#include "bn/bn_internal.h"

#include <string.h>

static bs_status refuse_stratum(void *path, sqlite3_stmt *q)
{
    const char *name = (const char *)sqlite3_column_text(q, 1);
    bs_fail(BS_USAGE, "entry %d does not hit layer '%s'", sqlite3_column_int(q, 0), name ? name : "none");
    return bs_hint("`bitsink bn %s stratum` lists the entries and layers that belong together",
                   bs_shell_word(path));
}

bs_status bs_load_check_strata(const bs_db *db)
{
    return bs_db_each(
        db,
        "SELECT p.entry, l.label FROM bn_prior_layer p LEFT JOIN layer l ON l.id = p.layer WHERE "
        "NOT EXISTS (SELECT 1 FROM stratum s WHERE s.entry = p.entry AND s.layer = p.layer) LIMIT 1",
        BS_NO_BIND, refuse_stratum, db->path);
}

bs_status bs_load_follow_priors(const bs_db *db, const bs_prior *before)
{
    sqlite3_int64 rows = 0, probabilities = 0;
    BS_TRY(bs_db_integer(&rows, db, "SELECT count(*) FROM bn_prior_layer"));
    BS_TRY(bs_db_integer(&probabilities, db, "SELECT count(probability) FROM bn_prior_layer"));
    if (rows > 0)
        return bs_prior_set_kind(db, probabilities > 0 ? "direct" : "exposure");
    bool pooled = strcmp(before->kind, "exposure") == 0 || strcmp(before->kind, "direct") == 0;
    return pooled ? bs_prior_set_kind(db, "uniform") : BS_OK;
}

bs_status bs_load_tell_priors(const bs_db *db, const bs_prior *before, const bs_prior *after)
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

bs_status bs_load_check_weights(const bs_db *db)
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

bs_status bs_load_check_costs(const bs_db *db)
{
    sqlite3_int64 orphans = 0;
    BS_TRY(bs_db_integer(
        &orphans, db,
        "SELECT count(*) FROM group_cost WHERE truth NOT IN (SELECT name FROM class_group_all) OR "
        "answer NOT IN (SELECT name FROM class_group_all)"));
    if (orphans > 0)
        bs_warn("%lld costs name groups that no longer exist, and count nowhere: load `costs` again",
                (long long)orphans);
    return BS_OK;
}
