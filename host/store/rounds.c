#include "store/rounds.h"

#include "base/buf.h"
#include "fault/sample.h"
#include "store/db.h"
#include "store/identity.h"
#include "store/schema.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bs_status refuse(const char *db, const char *what)
{
    bs_fail(BS_ERR, "result file '%s' belongs to another campaign: it has another %s", db, what);
    return bs_hint("name the file that this job has filled");
}

static bs_status check_campaign(const bs_db *db, const bs_plan *plan)
{
    char seed[24];
    bool same;
    snprintf(seed, sizeof seed, "%" PRIu64, plan->job->seed);
    BS_TRY(bs_db_exists(&same, db, "SELECT 1 FROM campaign WHERE model_sha256 = ?1",
                        BS_BIND(BS_BIND_TEXT(plan->graph->sha256))));
    if (!same)
        return refuse(db->path, "model");
    BS_TRY(bs_db_exists(&same, db, "SELECT 1 FROM campaign WHERE seed = ?1", BS_BIND(BS_BIND_TEXT(seed))));
    return same ? BS_OK : refuse(db->path, "seed");
}

static bs_status check_entry(const bs_db *db, const bs_plan *plan, int entry)
{
    bs_str definition = {0};
    int id = plan->job->entries[entry].id;
    char what[32];
    bool differs;
    bs_status st;
    BS_TRY_GOTO(bs_identity_entry(&definition, plan, entry), out);
    BS_TRY_GOTO(bs_db_exists(&differs, db, "SELECT 1 FROM entry WHERE id = ?1 AND definition <> ?2",
                             BS_BIND(BS_BIND_INT(id), BS_BIND_TEXT(definition.ptr))),
                out);
    snprintf(what, sizeof what, "fault entry %d", id);
    if (differs)
        st = refuse(db->path, what);
out:
    bs_str_clear(&definition);
    return st;
}

/* Facts about a stratum besides its round. */
typedef struct state {
    double least; /* trials of the image with the fewest */
    double each; /* observations that one trial on each image is worth: the images, fewer if weights differ */
    double population; /* distinct faults (on each image), INFINITY: no limit */
    bool sites;        /* a site list: its number of trials is fixed */
} state;

/* Returns the observations that view bn_support will count once each image of the job has `repetitions`
 * trials. */
static double observations(const bs_round *r, const state *s, double repetitions)
{
    if (repetitions >= s->population)
        return (double)INFINITY;
    return bs_without_replacement(repetitions, s->population) * (r->is_parameter ? 1.0 : s->each);
}

static double half_width(double rate, double n, double confidence)
{
    double low, high;
    if (isinf(n))
        return 0.0;
    bs_share_bounds(&low, &high, rate, n, confidence);
    return (high - low) / 2;
}

/* Returns the rate inside the interval that needs most trials. */
static double safest(const bs_round *r)
{
    return r->high < 0.5 ? r->high : r->low > 0.5 ? r->low : 0.5;
}

static bool narrow_enough(const bs_round *r, const state *s, double repetitions)
{
    double n = observations(r, s, repetitions);
    return (r->margin > 0 && half_width(safest(r), n, r->confidence) <= r->margin) ||
           (r->relative > 0 && r->rate > 0 && half_width(r->rate, n, r->confidence) <= r->relative * r->rate);
}

static void propose(bs_round *r, const state *s)
{
    double half = (r->high - r->low) / 2;
    r->narrow = (r->margin > 0 && half <= r->margin) ||
                (r->relative > 0 && r->rate > 0 && half <= r->relative * r->rate);
    if (r->narrow || r->exhausted || s->sites)
        return;
    bool in_full = r->all_images && s->least >= r->now;
    double low = in_full ? ceil(1.25 * r->now) : r->now, high = (double)BS_ROUND_GROWTH * r->now;
    high = fmin(high, fmin(s->population, (1u << BS_REPETITION_BITS) - 1));
    low = fmin(low, high);
    r->enough = narrow_enough(r, s, high);
    while (r->enough && low < high) {
        double middle = floor((low + high) / 2);
        if (narrow_enough(r, s, middle))
            high = middle;
        else
            low = middle + 1;
    }
    r->next = (uint32_t)fmax(high, r->now);
}

static bs_status plan_stratum(bs_round *r, const bs_db *db, sqlite3_stmt *q, const bs_plan *plan,
                              const bs_stratum *s)
{
    const bs_entry *e = &plan->job->entries[s->entry];
    bool row;
    sqlite3_reset(q);
    sqlite3_bind_int(q, 1, e->id);
    sqlite3_bind_int(q, 2, s->target);
    sqlite3_bind_int64(q, 3, plan->n_images);
    BS_TRY(bs_db_step(db, q, &row));
    r->is_parameter = s->is_parameter;
    r->now = r->next = s->repetitions;
    r->high = 1.0;
    if (!row)
        return BS_OK;
    r->trials = (uint64_t)sqlite3_column_int64(q, 0);
    r->rate = r->low = r->high = sqlite3_column_double(q, 1);
    bool census = sqlite3_column_type(q, 2) == SQLITE_NULL;
    r->observations = census ? (double)INFINITY : sqlite3_column_double(q, 2);
    state now = {
        .least = sqlite3_column_double(q, 4), .each = sqlite3_column_double(q, 5), .sites = e->sites};
    now.population =
        sqlite3_column_type(q, 6) == SQLITE_NULL ? (double)INFINITY : sqlite3_column_double(q, 6);
    r->all_images = sqlite3_column_int(q, 3) && sqlite3_column_int(q, 7);
    r->exhausted = census || now.least >= now.population;
    if (!e->sites)
        r->now = r->next = (uint32_t)fmax(r->now, sqlite3_column_double(q, 8));
    if (!census)
        bs_share_bounds(&r->low, &r->high, r->rate, r->observations, r->confidence);
    if (r->margin > 0 || r->relative > 0)
        propose(r, &now);
    return BS_OK;
}

/* Sets a round's goal: the entry's own, else the common one. */
static void set_margins(bs_round *r, const bs_entry *e, const bs_rounds_goal *goal)
{
    bool own = e->margin > 0 || e->relative_margin > 0;
    r->margin = own ? e->margin : goal->margin;
    r->relative = own ? e->relative_margin : goal->relative;
    r->confidence = own ? e->confidence : goal->confidence;
}

bs_status bs_rounds_plan(bs_round **out, const bs_plan *plan, const char *path, const bs_rounds_goal *goal)
{
    static const char sql[] =
        "SELECT o.trials, o.rate, o.observations, o.coverage > 0.999999999, u.least, u.each, t.faults, "
        "(SELECT count(*) FROM image) >= ?3, max(s.repetitions, u.most) "
        "FROM layer_outcome o JOIN bn_stratum t USING (entry, layer) JOIN stratum s USING (entry, layer) "
        "CROSS JOIN (SELECT min(done) AS least, max(done) AS most, 1.0 / max(i.share) AS each "
        "FROM unit JOIN bn_image i USING (image) WHERE entry = ?1 AND layer = ?2 AND done > 0 AND "
        "i.probability > 0) u "
        "WHERE o.entry = ?1 AND o.layer = ?2 AND o.outcome = 'sdc1'";
    bs_db *db = NULL;
    sqlite3_stmt *q = NULL;
    bool shadowed;
    bs_status st;
    *out = NULL;
    BS_TRY(bs_db_open(&db, path));
    BS_TRY_GOTO(bs_db_exec(db, "read", "PRAGMA temp_store = MEMORY; BEGIN"), out);
    BS_TRY_GOTO(bs_schema_shadow(db, false, &shadowed), out);
    BS_TRY_GOTO(check_campaign(db, plan), out);
    for (int e = 0; e < plan->job->n_entries; e++)
        BS_TRY_GOTO(check_entry(db, plan, e), out);
    BS_TRY_GOTO(bs_calloc(out, (size_t)plan->n_strata, sizeof **out, "rounds"), out);
    BS_TRY_GOTO(bs_db_prepare(&q, db, sql), out);
    for (int i = 0; i < plan->n_strata; i++) {
        set_margins(&(*out)[i], &plan->job->entries[plan->strata[i].entry], goal);
        BS_TRY_GOTO(plan_stratum(&(*out)[i], db, q, plan, &plan->strata[i]), out);
    }
out:
    sqlite3_finalize(q);
    bs_db_close(db);
    if (st != BS_OK) {
        free(*out);
        *out = NULL;
    }
    return st;
}
