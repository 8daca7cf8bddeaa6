/* The row of table `campaign`, which describes a file's campaign as a whole. */
#include "store/identity.h"
#include "store/store_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Binds the absolute path, so that the job's relative paths can be followed from any working directory. */
static void bind_job_path(sqlite3_stmt *q, int index, const bs_job *job)
{
    char *path = job->path ? realpath(job->path, NULL) : NULL;
    bs_bind_path(q, index, path ? path : job->path);
    free(path);
}

bs_status bs_campaign_insert(bs_store *s)
{
    static const char sql[] =
        "INSERT INTO campaign (id, name, created, version, job, model, model_sha256, seed, preprocess, "
        "label_offset, classes, planned_trials, job_path, job_trials, shard, shards, top_k, storage, scales) "
        "VALUES (1, ?1, "
        "strftime('%Y-%m-%dT%H:%M:%SZ', 'now'), ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, "
        "?15, ?16, ?17)";
    const bs_job *job = s->plan->job;
    bs_str preprocess = {0}, storage = {0};
    char seed[24], scales[17];
    sqlite3_stmt *q = NULL;
    bs_status st;
    bs_identity_preprocess(&preprocess, &job->preprocess);
    bs_identity_storage(&storage, s->plan);
    BS_TRY_GOTO(bs_str_status(&preprocess), out);
    BS_TRY_GOTO(bs_str_status(&storage), out);
    BS_TRY_GOTO(bs_db_prepare(&q, s->db, sql), out);
    snprintf(seed, sizeof seed, "%" PRIu64, job->seed);
    sqlite3_bind_text(q, 1, job->name, -1, SQLITE_STATIC);
    sqlite3_bind_text(q, 2, BITSINK_VERSION, -1, SQLITE_STATIC);
    sqlite3_bind_text(q, 3, job->text, -1, SQLITE_STATIC);
    BS_TRY_GOTO(bs_bind_utf8(q, 4, job->model), out);
    bind_job_path(q, 11, job);
    sqlite3_bind_text(q, 5, s->plan->graph->sha256, -1, SQLITE_STATIC);
    sqlite3_bind_text(q, 6, seed, -1, SQLITE_STATIC);
    sqlite3_bind_text(q, 7, preprocess.ptr, -1, SQLITE_STATIC);
    sqlite3_bind_int(q, 8, job->label_offset);
    sqlite3_bind_int(q, 9, s->plan->graph->classes);
    sqlite3_bind_int64(q, 10, (sqlite3_int64)s->plan->trials);
    sqlite3_bind_int64(q, 12, (sqlite3_int64)s->plan->job_trials);
    if (s->plan->shards > 1) {
        sqlite3_bind_int64(q, 13, s->plan->shard + 1);
        sqlite3_bind_int64(q, 14, s->plan->shards);
    }
    sqlite3_bind_int64(q, 15, bs_identity_top_k(s->plan));
    sqlite3_bind_text(q, 16, storage.ptr, -1, SQLITE_STATIC);
    sqlite3_bind_text(q, 17, bs_identity_scales(scales, s->plan), -1, SQLITE_STATIC);
    st = bs_db_run(s->db, "write", q);
out:
    sqlite3_finalize(q);
    bs_str_clear(&preprocess);
    bs_str_clear(&storage);
    return st;
}

bs_status bs_campaign_update(bs_store *s)
{
    sqlite3_stmt *q = NULL;
    BS_TRY(bs_db_prepare(
        &q, s->db,
        "UPDATE campaign SET name = ?1, job = ?2, model = ?3, planned_trials = ?4, job_path = ?5, "
        "job_trials = ?6"));
    sqlite3_bind_text(q, 1, s->plan->job->name, -1, SQLITE_STATIC);
    sqlite3_bind_text(q, 2, s->plan->job->text, -1, SQLITE_STATIC);
    bs_status st = bs_bind_utf8(q, 3, s->plan->job->model);
    sqlite3_bind_int64(q, 4, (sqlite3_int64)s->plan->trials);
    sqlite3_bind_int64(q, 6, (sqlite3_int64)s->plan->job_trials);
    bind_job_path(q, 5, s->plan->job);
    if (st == BS_OK)
        st = bs_db_run(s->db, "write", q);
    sqlite3_finalize(q);
    return st;
}
