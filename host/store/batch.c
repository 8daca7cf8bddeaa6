/* Writes one batch into the open transaction: golden rows, proofs, trial rows with their counts, and the
 * units that record them. */
#include "base/buf.h"
#include "store/store_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* --- golden rows --- */

/* Binds the five ranks from parameter `at` on; ranks that do not exist become NULL. */
static void bind_answer(sqlite3_stmt *q, int at, const bs_answer *a)
{
    for (int k = 0; k < BS_TOP; k++) {
        if (a->top[k] < 0) {
            sqlite3_bind_null(q, at + k);
            sqlite3_bind_null(q, at + BS_TOP + k);
        } else {
            sqlite3_bind_int(q, at + k, a->top[k]);
            sqlite3_bind_double(q, at + BS_TOP + k, (double)a->score[k]);
        }
    }
}

static bs_status add_golden(bs_store *s, const bs_golden_row *r)
{
    sqlite3_stmt *q = s->sql.golden;
    char hash[17];
    if (r->image >= s->n_images)
        return bs_fail(BS_ERR, "golden row of image %" PRIu32 ", but the plan has %" PRIu32, r->image,
                       s->n_images);
    bs_gold *g = &s->gold[r->image];
    if (s->broken_image[r->image]) {
        sqlite3_bind_int64(s->sql.repaired, 1, r->image);
        BS_TRY(bs_db_run(s->db, "write", s->sql.repaired));
        s->broken_image[r->image] = false;
    }
    if (g->known) {
        if (g->logits_hash == r->logits_hash || s->allow_mixed)
            return BS_OK;
        bs_fail(BS_ERR, "the fault-free run of image %" PRIu32 " gives other values than the one in '%s'",
                r->image, s->db->path);
        return bs_hint(
            "the image file or the numerics changed since; restore them, or use another result file");
    }
    snprintf(hash, sizeof hash, "%016" PRIx64, r->logits_hash);
    sqlite3_bind_int64(q, 1, r->image);
    sqlite3_bind_int64(q, 2, r->run ? r->run : s->run);
    sqlite3_bind_text(q, 3, r->sha256, -1, SQLITE_STATIC);
    sqlite3_bind_double(q, 4, bs_is_nan(r->answer.p_golden) ? 0.0 : (double)r->answer.p_golden);
    sqlite3_bind_int64(q, 5, r->answer.flags);
    sqlite3_bind_text(q, 6, hash, -1, SQLITE_STATIC);
    bind_answer(q, 7, &r->answer);
    BS_TRY(bs_db_run(s->db, "write", q));
    g->known = true;
    g->class = bs_outcome_class(&r->answer);
    memcpy(g->top, r->answer.top, sizeof g->top);
    g->p = bs_is_nan(r->answer.p_golden) ? 0.0f : r->answer.p_golden;
    g->logits_hash = r->logits_hash;
    s->run_goldens++;
    return BS_OK;
}

static bs_status add_broken(bs_store *s, const bs_broken_row *r)
{
    sqlite3_stmt *q = s->sql.broken;
    if (r->image >= s->n_images)
        return bs_fail(BS_ERR, "broken image %" PRIu32 ", but the plan has %" PRIu32, r->image, s->n_images);
    sqlite3_bind_int64(q, 1, r->image);
    sqlite3_bind_int64(q, 2, r->run ? r->run : s->run);
    sqlite3_bind_int64(q, 3, (sqlite3_int64)r->trials);
    BS_TRY(bs_bind_utf8(q, 4, r->reason));
    s->broken_image[r->image] = true;
    return bs_db_run(s->db, "write", q);
}

/* --- trial rows --- */

/* Tells whether the trial's sites are in table trial_site. */
static bool is_network(uint64_t trial)
{
    return bs_trial_coords_from_id(trial).target == BS_NETWORK_TARGET;
}

static void bind_site(sqlite3_stmt *q, const bs_row *r)
{
    bool one_bit = r->keep == UINT32_MAX && r->toggle && (r->toggle & (r->toggle - 1)) == 0;
    for (int i = 3; i <= 7; i++)
        sqlite3_bind_null(q, i);
    if (r->n_sites > 0 && !is_network(r->id)) {
        sqlite3_bind_int64(q, 3, r->element);
        if (one_bit) {
            sqlite3_bind_int(q, 4, __builtin_ctz(r->toggle));
        } else {
            sqlite3_bind_int64(q, 5, r->keep);
            sqlite3_bind_int64(q, 6, r->toggle);
        }
        sqlite3_bind_int64(q, 7, r->before);
    }
    sqlite3_bind_int64(q, 8, r->n_sites);
}

static bs_status insert_row(bs_store *s, const bs_row *r)
{
    sqlite3_stmt *q = r->died_at >= 0 ? s->sql.masked : s->sql.trial;
    sqlite3_bind_int64(q, 1, (sqlite3_int64)r->id);
    sqlite3_bind_int64(q, 2, r->run ? r->run : s->run);
    bind_site(q, r);
    r->died_at >= 0 ? sqlite3_bind_int(q, 9, r->died_at) : sqlite3_bind_null(q, 9);
    sqlite3_bind_int(q, 10, r->audit);
    if (r->died_at < 0) {
        /* NaN would become NULL; a probability without a value is 0, as in kernels/rank.h. */
        sqlite3_bind_double(q, 11, bs_is_nan(r->answer.p_golden) ? 0.0 : (double)r->answer.p_golden);
        sqlite3_bind_int64(q, 12, r->answer.flags);
        bind_answer(q, 13, &r->answer);
    }
    if (sqlite3_step(q) != SQLITE_DONE) {
        bool duplicate = (sqlite3_errcode(s->db->handle) & 0xff) == SQLITE_CONSTRAINT;
        bs_status st = duplicate ? bs_fail(BS_ERR, "trial %" PRIu64 " is in '%s' already", r->id, s->db->path)
                                 : bs_db_fail(s->db, "write");
        sqlite3_reset(q);
        return st;
    }
    sqlite3_reset(q);
    return BS_OK;
}

static bs_status add_rows(bs_store *s, const bs_result_batch *b, size_t *n_groups)
{
    uint64_t last_unit = UINT64_MAX;
    uint32_t image = 0;
    int k = -1;
    *n_groups = 0;
    for (size_t i = 0; i < b->n_rows; i++) {
        const bs_row *r = &b->rows[i];
        bs_trial_coords t = bs_trial_coords_from_id(r->id);
        if (i > 0 && r->id <= b->rows[i - 1].id)
            return bs_fail(BS_ERR, "batch: trial %" PRIu64 " is not in order of ids", r->id);
        if (r->id >> BS_REPETITION_BITS != last_unit) {
            last_unit = r->id >> BS_REPETITION_BITS;
            k = bs_store_stratum(s->plan, t.entry, t.target);
            if (k < 0 || t.image >= s->n_images)
                return bs_fail(BS_ERR, "batch: trial %" PRIu64 " is not in the plan", r->id);
            if (!s->gold[t.image].known)
                return bs_fail(BS_ERR,
                               "batch: trial %" PRIu64 " comes before the golden row of image %" PRIu32,
                               r->id, t.image);
            BS_TRY(bs_grow(&s->groups, &s->groups_cap, *n_groups + 1, sizeof *s->groups, "batch"));
            s->groups[(*n_groups)++] = (uint32_t)i;
            image = t.image;
        }
        bs_outcome o = bs_outcome_of(&s->gold[image], r->died_at, &r->answer);
        BS_TRY(insert_row(s, r));
        BS_TRY(bs_tally_add(&s->tally, (uint32_t)k, image, t.repetition, s->plan->strata[k].is_parameter,
                            &s->gold[image], &o));
        s->written[(size_t)k * s->n_images + image]++;
    }
    return BS_OK;
}

/* --- what belongs to trial rows: sites and rankings --- */

static bs_status fail_order(const char *what, uint64_t trial)
{
    return bs_fail(BS_ERR,
                   "batch: %s of trial %" PRIu64 " are not in order, or the trial is not in the batch", what,
                   trial);
}

/* Advances *row to the trial; false if it is not further on in the batch. */
static bool find_row(size_t *row, const bs_result_batch *b, uint64_t trial)
{
    while (*row < b->n_rows && b->rows[*row].id < trial)
        ++*row;
    return *row < b->n_rows && b->rows[*row].id == trial;
}

static bs_status add_sites(bs_store *s, const bs_result_batch *b)
{
    sqlite3_stmt *q = s->sql.site;
    size_t row = 0;
    for (size_t i = 0; i < b->n_sites; i++) {
        const bs_trial_site *t = &b->sites[i];
        if (!is_network(t->trial) || !find_row(&row, b, t->trial))
            return fail_order("sites", t->trial);
        sqlite3_bind_int64(q, 1, (sqlite3_int64)t->trial);
        sqlite3_bind_int64(q, 2, t->layer);
        sqlite3_bind_int64(q, 3, t->element);
        sqlite3_bind_int64(q, 4, t->keep);
        sqlite3_bind_int64(q, 5, t->toggle);
        sqlite3_bind_int64(q, 6, t->before);
        BS_TRY(bs_db_run(s->db, "write", q));
    }
    return BS_OK;
}

/* Adds the rankings. Workers report golden runs again and again: the first ranking stays. */
static bs_status add_rankings(bs_store *s, const bs_result_batch *b)
{
    size_t row = 0;
    for (size_t i = 0; i < b->n_rankings; i++) {
        const bs_ranking_row *r = &b->rankings[i];
        sqlite3_stmt *q = r->golden ? s->sql.golden_ranking : s->sql.trial_ranking;
        if (!r->golden && !find_row(&row, b, r->of))
            return fail_order("rankings", r->of);
        sqlite3_bind_int64(q, 1, (sqlite3_int64)r->of);
        sqlite3_bind_blob(q, 2, b->ranks + r->at, (int)r->bytes, SQLITE_STATIC);
        BS_TRY(bs_db_run(s->db, "write", q));
    }
    return BS_OK;
}

/* --- audits --- */

static bs_status add_audit(bs_store *s, const bs_audit_row *r)
{
    sqlite3_stmt *q = s->sql.audit;
    char hash[17];
    snprintf(hash, sizeof hash, "%016" PRIx64, r->logits_hash);
    sqlite3_bind_int64(q, 1, (sqlite3_int64)r->trial);
    sqlite3_bind_int(q, 2, r->full);
    sqlite3_bind_int64(q, 3, s->run);
    r->died_at >= 0 ? sqlite3_bind_int(q, 4, r->died_at) : sqlite3_bind_null(q, 4);
    sqlite3_bind_text(q, 5, hash, -1, SQLITE_STATIC);
    sqlite3_bind_double(q, 6, bs_is_nan(r->answer.p_golden) ? 0.0 : (double)r->answer.p_golden);
    sqlite3_bind_int64(q, 7, r->answer.flags);
    bind_answer(q, 8, &r->answer);
    s->run_audited += r->full;
    s->run_audit_equal += r->full && r->equal;
    return bs_db_run(s->db, "write", q);
}

/* --- proofs --- */

static bs_status add_proof(bs_store *s, const bs_proof_row *r)
{
    sqlite3_stmt *q = s->sql.proof;
    sqlite3_bind_int64(q, 1, s->run);
    sqlite3_bind_text(q, 2, r->key, -1, SQLITE_STATIC);
    r->layer >= 0 ? sqlite3_bind_int(q, 3, r->layer) : sqlite3_bind_null(q, 3);
    sqlite3_bind_text(q, 4, r->what, -1, SQLITE_STATIC);
    sqlite3_bind_text(q, 5, bs_proof_outcome_name(r->outcome), -1, SQLITE_STATIC);
    *r->made ? sqlite3_bind_text(q, 6, r->made, -1, SQLITE_STATIC) : sqlite3_bind_null(q, 6);
    sqlite3_bind_double(q, 7, r->seconds);
    return bs_db_run(s->db, "write", q);
}

/* --- units --- */

static bs_status add_unit(bs_store *s, const bs_unit *u, bool *finished)
{
    int k = bs_store_stratum(s->plan, u->entry, u->target);
    *finished = false;
    if (k < 0 || u->image >= s->n_images)
        return bs_fail(BS_ERR, "batch: unit (%" PRIu32 ", %" PRIu32 ", %" PRIu32 ") is not in the plan",
                       u->entry, u->target, u->image);
    uint32_t written = s->written[(size_t)k * s->n_images + u->image];
    if (u->done > written)
        return bs_fail(BS_ERR,
                       "batch: unit (%" PRIu32 ", %" PRIu32 ", %" PRIu32 ") says %" PRIu32
                       " trials, the file has %" PRIu32,
                       u->entry, u->target, u->image, u->done, written);
    if (u->done < written)
        return BS_OK; /* an earlier state of a unit that follows again */
    sqlite3_stmt *q = s->sql.unit;
    sqlite3_bind_int64(q, 1, u->entry);
    sqlite3_bind_int64(q, 2, u->target);
    sqlite3_bind_int64(q, 3, u->image);
    sqlite3_bind_int64(q, 4, u->done);
    *finished = true;
    return bs_db_run(s->db, "write", q);
}

/* Writes the units. Every (stratum, image) with rows must have a unit in the same batch, or a resumed run
 * would repeat them. */
static bs_status add_units(bs_store *s, const bs_result_batch *b, size_t n_groups)
{
    size_t found = 0;
    for (size_t i = 0; i < b->n_units; i++) {
        const bs_unit *u = &b->units[i];
        bool finished;
        BS_TRY(add_unit(s, u, &finished));
        if (!finished)
            continue;
        uint64_t wanted =
            bs_trial_id((bs_trial_coords){u->entry, u->target, u->image, 0}) >> BS_REPETITION_BITS;
        size_t low = 0, high = n_groups;
        while (low < high) {
            size_t mid = low + (high - low) / 2;
            if (b->rows[s->groups[mid] & 0x7fffffffu].id >> BS_REPETITION_BITS < wanted)
                low = mid + 1;
            else
                high = mid;
        }
        if (low == n_groups || s->groups[low] >> 31 ||
            b->rows[s->groups[low]].id >> BS_REPETITION_BITS != wanted)
            continue;
        s->groups[low] |= 0x80000000u; /* seen */
        found++;
    }
    if (found != n_groups)
        return bs_fail(BS_ERR, "batch: %zu of %zu units with rows are not in the ledger", n_groups - found,
                       n_groups);
    return BS_OK;
}

bs_status bs_result_batch_write(bs_store *s, const bs_result_batch *b)
{
    size_t n_groups;
    if (b->n_rows >= UINT32_MAX / 2)
        return bs_fail(BS_ERR, "batch: too many rows");
    for (size_t i = 0; i < b->n_golden; i++)
        BS_TRY(add_golden(s, &b->golden[i]));
    for (size_t i = 0; i < b->n_broken; i++)
        BS_TRY(add_broken(s, &b->broken[i]));
    for (size_t i = 0; i < b->n_audits; i++)
        BS_TRY(add_audit(s, &b->audits[i]));
    for (size_t i = 0; i < b->n_proofs; i++)
        BS_TRY(add_proof(s, &b->proofs[i]));
    BS_TRY(add_rows(s, b, &n_groups));
    BS_TRY(add_sites(s, b));
    BS_TRY(add_rankings(s, b));
    return add_units(s, b, n_groups);
}
