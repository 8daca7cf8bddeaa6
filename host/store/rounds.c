#include "store/rounds.h"

#include "base/buf.h"
#include "fault/sample.h"
#include "store/db.h"
#include "store/identity.h"

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
    sqlite3_stmt *q = NULL;
    char seed[24];
    bool row = false;
    bs_status st;
    snprintf(seed, sizeof seed, "%" PRIu64, plan->job->seed);
    BS_TRY(bs_db_prepare(&q, db, "SELECT model_sha256 = ?1, seed = ?2 FROM campaign"));
    sqlite3_bind_text(q, 1, plan->graph->sha256, -1, SQLITE_STATIC);
    sqlite3_bind_text(q, 2, seed, -1, SQLITE_STATIC);
    BS_TRY_GOTO(bs_db_step(db, q, &row), out);
    if (!row || !sqlite3_column_int(q, 0))
        st = refuse(db->path, "model");
    else if (!sqlite3_column_int(q, 1))
        st = refuse(db->path, "seed");
out:
    sqlite3_finalize(q);
    return st;
}

static bs_status check_entry(const bs_db *db, const bs_plan *plan, int entry)
{
    bs_str definition = {0};
    sqlite3_stmt *q = NULL;
    char what[32];
    bool row = false;
    bs_status st;
    BS_TRY_GOTO(bs_identity_entry(&definition, plan, entry), out);
    BS_TRY_GOTO(bs_db_prepare(&q, db, "SELECT 1 FROM entry WHERE id = ?1 AND definition <> ?2"), out);
    sqlite3_bind_int(q, 1, plan->job->entries[entry].id);
    sqlite3_bind_text(q, 2, definition.ptr, -1, SQLITE_STATIC);
    BS_TRY_GOTO(bs_db_step(db, q, &row), out);
    snprintf(what, sizeof what, "fault entry %d", plan->job->entries[entry].id);
    if (row)
        st = refuse(db->path, what);
out:
    sqlite3_finalize(q);
    bs_str_clear(&definition);
    return st;
}

/* p for the next sample size: of the values inside the interval the one that asks for most trials. */
static double safest(double low, double high)
{
    double p = high < 0.5 ? high : low > 0.5 ? low : 0.5;
    return p < 1e-12 ? 1e-12 : p > 1 - 1e-12 ? 1 - 1e-12 : p;
}

/* `m`: independent trials that the interval is worth; `units`: trials, or faults of a parameter. */
static bs_status propose(bs_round *r, const bs_plan *plan, const bs_stratum *s, double m, double units,
                         double confidence)
{
    const bs_entry *e = &plan->job->entries[s->entry];
    uint64_t wanted = 0;
    r->reached = (r->high - r->low) / 2 <= r->margin;
    r->exhausted = bs_fault_is_ordered(&e->fault, s->population) && !e->sites && r->now >= s->population;
    if (r->reached || r->exhausted || e->sites)
        return BS_OK;
    BS_TRY(bs_sample_size(&wanted, bs_plan_population(plan, e, s->target), r->margin, confidence,
                          safest(r->low, r->high)));
    double images = plan->n_images > 0 ? plan->n_images : 1;
    double next = s->is_parameter ? ceil(units * (double)wanted / m) : ceil((double)wanted / images);
    /* The formula speaks of the normal approximation: where its n is there and Wilson's interval is wider
     * still. */
    double least = ceil(1.25 * r->now), most = (1u << BS_REPETITION_BITS) - 1;
    if (bs_fault_is_ordered(&e->fault, s->population) && (double)s->population < most)
        most = (double)s->population;
    next = next < least ? least : next;
    r->next = (uint32_t)(next > most ? most : next);
    return BS_OK;
}

static bs_status plan_stratum(bs_round *r, const bs_db *db, sqlite3_stmt *q, const bs_plan *plan,
                              const bs_stratum *s, double confidence)
{
    bool row;
    sqlite3_reset(q);
    sqlite3_bind_int(q, 1, plan->job->entries[s->entry].id);
    sqlite3_bind_int(q, 2, s->target);
    BS_TRY(bs_db_step(db, q, &row));
    r->now = r->next = s->repetitions;
    r->high = 1.0;
    if (!row)
        return BS_OK;
    double m = sqlite3_column_double(q, 2);
    r->trials = (uint64_t)sqlite3_column_int64(q, 0);
    r->rate = sqlite3_column_double(q, 1);
    bs_wilson(&r->low, &r->high, r->rate, m, confidence);
    return r->margin > 0 ? propose(r, plan, s, m, sqlite3_column_double(q, 3), confidence) : BS_OK;
}

bs_status bs_rounds_plan(bs_round **out, const bs_plan *plan, const char *path, double margin,
                         double confidence)
{
    bs_db *db = NULL;
    sqlite3_stmt *q = NULL;
    bs_status st;
    *out = NULL;
    BS_TRY(bs_db_open(&db, path));
    BS_TRY_GOTO(check_campaign(db, plan), out);
    for (int e = 0; e < plan->job->n_entries; e++)
        BS_TRY_GOTO(check_entry(db, plan, e), out);
    BS_TRY_GOTO(bs_calloc(out, (size_t)plan->n_strata, sizeof **out, "rounds"), out);
    BS_TRY_GOTO(bs_db_prepare(
                    &q, db,
                    "SELECT trials, sdc1_rate, effective_trials, units FROM layer_accuracy WHERE entry = ?1 "
                    "AND layer = ?2"),
                out);
    for (int i = 0; i < plan->n_strata; i++) {
        const bs_entry *e = &plan->job->entries[plan->strata[i].entry];
        (*out)[i].margin = e->margin > 0 ? e->margin : margin;
        BS_TRY_GOTO(plan_stratum(&(*out)[i], db, q, plan, &plan->strata[i],
                                 e->margin > 0 ? e->confidence : confidence),
                    out);
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
