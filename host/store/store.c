#include "base/buf.h"
#include "store/store_internal.h"
#include "store/schema.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- Loading, row by row; images that the plan lacks are skipped --- */

static bs_status load_golden(void *store, sqlite3_stmt *q)
{
    bs_store *s = store;
    sqlite3_int64 image = sqlite3_column_int64(q, 0);
    if (image < 0 || image >= s->n_images)
        return BS_OK;
    bs_gold *g = &s->gold[image];
    g->known = s->known[image] = true;
    g->class = sqlite3_column_int(q, 1);
    for (int k = 0; k < BS_TOP; k++)
        g->top[k] = sqlite3_column_type(q, 2 + k) == SQLITE_NULL ? -1 : sqlite3_column_int(q, 2 + k);
    g->p = (float)sqlite3_column_double(q, 7);
    const char *hash = (const char *)sqlite3_column_text(q, 8);
    g->logits_hash = hash ? strtoull(hash, NULL, 16) : 0;
    return BS_OK;
}

static bs_status load_broken(void *store, sqlite3_stmt *q)
{
    bs_store *s = store;
    sqlite3_int64 image = sqlite3_column_int64(q, 0);
    if (image >= 0 && image < s->n_images)
        s->broken_image[image] = true;
    return BS_OK;
}

static bs_status load_unit(void *store, sqlite3_stmt *q)
{
    bs_store *s = store;
    int k = bs_store_stratum(s->plan, (uint32_t)sqlite3_column_int(q, 0), (uint32_t)sqlite3_column_int(q, 1));
    sqlite3_int64 image = sqlite3_column_int64(q, 2), done = sqlite3_column_int64(q, 3);
    s->trials += (uint64_t)done;
    if (k >= 0 && image >= 0 && image < s->n_images)
        s->done[(size_t)k * s->n_images + (size_t)image] = (uint32_t)done;
    return BS_OK;
}

static bs_status load_label(void *store, sqlite3_stmt *q)
{
    bs_store *s = store;
    sqlite3_int64 image = sqlite3_column_int64(q, 0);
    if (image < 0 || image >= s->n_images)
        return BS_OK;
    s->gold[image].label = sqlite3_column_type(q, 1) == SQLITE_NULL ? INT32_MIN : sqlite3_column_int(q, 1);
    s->gold[image].class = BS_CLASS_DUE;
    return BS_OK;
}

static bs_status load_proof(void *store, sqlite3_stmt *q)
{
    bs_store *s = store;
    const char *key = (const char *)sqlite3_column_text(q, 0);
    BS_TRY(bs_grow(&s->proofs, &s->cap_proofs, s->n_proofs + 1, sizeof *s->proofs, "proofs"));
    snprintf(s->proofs[s->n_proofs++], sizeof *s->proofs, "%s", key ? key : "");
    return BS_OK;
}

static bs_status allocate(bs_store *s)
{
    size_t units = (size_t)s->plan->n_strata * s->n_images;
    BS_TRY(bs_calloc(&s->gold, s->n_images, sizeof *s->gold, "golden answers"));
    BS_TRY(bs_calloc(&s->known, s->n_images, sizeof *s->known, "golden answers"));
    BS_TRY(bs_calloc(&s->broken_image, s->n_images, sizeof *s->broken_image, "images"));
    BS_TRY(bs_calloc(&s->done, units, sizeof *s->done, "ledger"));
    return bs_calloc(&s->written, units, sizeof *s->written, "ledger");
}

bs_status bs_store_load(bs_store *s)
{
    BS_TRY(allocate(s));
    BS_TRY(bs_db_each(s->db, "SELECT id, class FROM image", BS_NO_BIND, load_label, s));
    BS_TRY(bs_db_each(s->db,
                      "SELECT image, class, top1, top2, top3, top4, top5, p_top1, logits_hash FROM golden",
                      BS_NO_BIND, load_golden, s));
    BS_TRY(bs_db_each(s->db, "SELECT image FROM broken_image", BS_NO_BIND, load_broken, s));
    BS_TRY(bs_db_each(s->db, "SELECT entry, layer, image, done FROM unit", BS_NO_BIND, load_unit, s));
    BS_TRY(bs_db_each(s->db,
                      "SELECT DISTINCT key FROM proof WHERE outcome <> 'failed' ORDER BY key COLLATE BINARY",
                      BS_NO_BIND, load_proof, s));
    memcpy(s->written, s->done, (size_t)s->plan->n_strata * s->n_images * sizeof *s->done);
    return BS_OK;
}

/* Runs in one transaction, so that a file has all of its tables or none. */
bs_status bs_store_create_schema(const bs_db *db)
{
    char marks[96];
    snprintf(marks, sizeof marks, "PRAGMA application_id = %d; PRAGMA user_version = %d",
             BS_DB_APPLICATION_ID, BS_DB_VERSION);
    BS_TRY(bs_schema_create(db));
    return bs_db_exec(db, "create", marks);
}

static bs_status prepare_file(bs_store *s, bool fresh, const bs_dataset *images,
                              const char *const *class_names)
{
    BS_TRY(bs_db_exec(s->db, "write", "BEGIN IMMEDIATE"));
    bs_status st = BS_OK;
    uint32_t stored;
    if (fresh) {
        BS_TRY_GOTO(bs_store_create_schema(s->db), out);
        BS_TRY_GOTO(bs_campaign_insert(s), out);
        BS_TRY_GOTO(bs_identity_write(s, images, class_names), out);
    } else {
        BS_TRY_GOTO(bs_resume_check(s, images, &stored), out);
        BS_TRY_GOTO(bs_campaign_update(s), out);
        BS_TRY_GOTO(bs_identity_extend(s, images, class_names, stored), out);
        BS_TRY_GOTO(bs_schema_update(s->db), out);
    }
    st = bs_db_commit(s->db);
out:
    if (st != BS_OK)
        sqlite3_exec(s->db->handle, "ROLLBACK", NULL, NULL, NULL);
    return st;
}

bs_status bs_store_open(bs_store **out, const char *path, const bs_plan *plan, const bs_dataset *images,
                        const char *const *class_names)
{
    bs_store *s = NULL;
    bool fresh;
    bs_status st;
    *out = NULL;
    BS_TRY(bs_calloc(&s, 1, sizeof *s, "result file"));
    s->plan = plan;
    s->n_images = plan->n_images;
    if (bs_dataset_count(images) < s->n_images)
        BS_TRY_GOTO(bs_fail(BS_ERR, "the plan has %" PRIu32 " images, the data set %zu", s->n_images,
                            bs_dataset_count(images)),
                    out);
    BS_TRY_GOTO(bs_identity_strata(s->plan, s->strata_hash), out);
    BS_TRY_GOTO(bs_lock_take(&s->lock, path), out);
    BS_TRY_GOTO(bs_db_open_for_writing(&s->db, path, &fresh), out);
    BS_TRY_GOTO(prepare_file(s, fresh, images, class_names), out);
    BS_TRY_GOTO(bs_store_load(s), out);
    *out = s;
    s = NULL;
out:
    bs_store_close(s);
    return st;
}

static void finalize_all(bs_statements *q)
{
    sqlite3_stmt *const all[] = {q->masked,        q->trial,  q->site,     q->golden, q->golden_ranking,
                                 q->trial_ranking, q->broken, q->repaired, q->unit,   q->summary,
                                 q->layer,         q->fault,  q->wrong,    q->audit,  q->proof,
                                 q->run,           q->end};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        sqlite3_finalize(all[i]);
}

void bs_store_close(bs_store *s)
{
    if (!s)
        return;
    finalize_all(&s->sql);
    if (s->db) {
        if (s->in_transaction)
            sqlite3_exec(s->db->handle, "ROLLBACK", NULL, NULL, NULL);
        /* Moves the WAL into the file, so that it is complete by itself and readable from read-only media.
         * Fails if others read the file, which does no harm. */
        sqlite3_busy_timeout(s->db->handle, 0);
        sqlite3_exec(s->db->handle, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL);
    }
    bs_db_close(s->db);
    bs_lock_release(s->lock);
    bs_tally_clear(&s->tally);
    free(s->gold);
    free(s->known);
    free(s->broken_image);
    free(s->done);
    free(s->written);
    free(s->groups);
    free(s->proofs);
    free(s);
}

uint32_t bs_store_done(const bs_store *s, int stratum, uint32_t image)
{
    if (stratum < 0 || stratum >= s->plan->n_strata || image >= s->n_images)
        return 0;
    return s->done[(size_t)stratum * s->n_images + image];
}

bool bs_store_has_golden(const bs_store *s, uint32_t image)
{
    return image < s->n_images && s->known[image];
}

void bs_store_golden_accuracy(const bs_store *s, uint64_t *labelled, uint64_t *correct)
{
    *labelled = *correct = 0;
    for (uint32_t i = 0; i < s->n_images; i++) {
        const bs_gold *g = &s->gold[i];
        *labelled += g->known && g->label != INT32_MIN;
        *correct += g->known && g->label != INT32_MIN && g->class == g->label;
    }
}

uint64_t bs_store_trials(const bs_store *s)
{
    return s->trials;
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(a, b);
}

bool bs_store_proof_known(const bs_store *s, const char *key)
{
    return s->n_proofs && bsearch(key, s->proofs, s->n_proofs, sizeof *s->proofs, compare_keys);
}

static bs_status read_left_out(void *counts, sqlite3_stmt *q)
{
    uint64_t *const *count = counts;
    for (int k = 0; k < 2; k++)
        *count[k] = (uint64_t)sqlite3_column_int64(q, k);
    return BS_OK;
}

bs_status bs_store_left_out(const bs_store *s, uint64_t *images, uint64_t *trials)
{
    uint64_t *counts[] = {images, trials};
    *images = *trials = 0;
    return bs_db_each(s->db, BS_SQL_LEFT_OUT, BS_NO_BIND, read_left_out, counts);
}
