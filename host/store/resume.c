/* Decides whether a run may continue a file: the file's campaign must be the run's. Everything may grow,
 * nothing may change. */
#include "store/identity.h"
#include "store/store_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bs_status hint_other(void)
{
    return bs_hint(
        "one result file holds one campaign: undo the change in the job, or name another result file");
}

static bs_status check_text(const bs_store *s, const char *field, sqlite3_stmt *q, int column,
                            const char *wanted)
{
    const char *have = (const char *)sqlite3_column_text(q, column);
    if (have && strcmp(have, wanted) == 0)
        return BS_OK;
    bs_fail(BS_ERR, "result file '%s' belongs to another campaign: its %s is '%s', the job's is '%s'",
            s->db->path, field, have ? have : "", wanted);
    return hint_other();
}

/* Checks in which types the network is stored, and with which scales. */
static bs_status check_storage(const bs_store *s, sqlite3_stmt *q)
{
    char buf[17];
    const char *have = (const char *)sqlite3_column_text(q, 9), *wanted = bs_identity_scales(buf, s->plan);
    bs_str storage = {0};
    bs_identity_storage(&storage, s->plan);
    bs_status st = bs_str_status(&storage);
    if (st == BS_OK)
        st = check_text(s, "storage", q, 8, storage.ptr);
    bs_str_clear(&storage);
    if (st != BS_OK || (!have && !wanted) || (have && wanted && strcmp(have, wanted) == 0))
        return st;
    bs_fail(BS_ERR, "result file '%s' belongs to another campaign: the scales of its layers are others",
            s->db->path);
    return bs_hint(
        "the job's scales were made of other images, or by a CPU whose sums differ: use the images "
        "and the kind of machine that made the file, or name another result file");
}

static bs_status check_shard(const bs_store *s, sqlite3_stmt *q)
{
    uint32_t shard = (uint32_t)sqlite3_column_int64(q, 5), shards = (uint32_t)sqlite3_column_int64(q, 6);
    uint32_t wanted = s->plan->shards > 1 ? s->plan->shard + 1 : 0,
             of = s->plan->shards > 1 ? s->plan->shards : 0;
    if (shard == wanted && shards == of)
        return BS_OK;
    if (shards == 0) {
        bs_fail(BS_ERR, "result file '%s' holds all images, not shard %" PRIu32 " of %" PRIu32, s->db->path,
                wanted, of);
        return bs_hint("leave --shard out, or give the shard a file of its own");
    }
    bs_fail(BS_ERR, "result file '%s' holds shard %" PRIu32 " of %" PRIu32, s->db->path, shard, shards);
    return bs_hint("go on with --shard %" PRIu32 "/%" PRIu32
                   ", or name another result file; `bitsink merge` puts shards together",
                   shard, shards);
}

static bs_status check_campaign(void *store, sqlite3_stmt *q)
{
    const bs_store *s = store;
    const bs_job *job = s->plan->job;
    char number[24];
    bs_str preprocess = {0};
    bs_status st;
    bs_identity_preprocess(&preprocess, &job->preprocess);
    BS_TRY_GOTO(bs_str_status(&preprocess), out);
    st = check_text(s, "model SHA-256", q, 0, s->plan->graph->sha256);
    if (st != BS_OK) {
        bs_hint(
            "the file of the model, or the job's 'input_size', 'output' or 'inputs', is another: undo the "
            "change, or name another result file");
        goto out;
    }
    snprintf(number, sizeof number, "%" PRIu64, job->seed);
    BS_TRY_GOTO(check_text(s, "seed", q, 1, number), out);
    BS_TRY_GOTO(check_text(s, "preprocessing", q, 2, preprocess.ptr), out);
    snprintf(number, sizeof number, "%d", job->label_offset);
    BS_TRY_GOTO(check_text(s, "label offset", q, 3, number), out);
    snprintf(number, sizeof number, "%d", s->plan->graph->classes);
    BS_TRY_GOTO(check_text(s, "number of classes", q, 4, number), out);
    snprintf(number, sizeof number, "%" PRIu32, bs_identity_top_k(s->plan));
    BS_TRY_GOTO(check_text(s, "top_k", q, 7, number), out);
    BS_TRY_GOTO(check_storage(s, q), out);
    st = check_shard(s, q);
out:
    bs_str_clear(&preprocess);
    return st;
}

static int find_entry(const bs_plan *plan, int id)
{
    for (int e = 0; e < plan->job->n_entries; e++)
        if (plan->job->entries[e].id == id)
            return e;
    return -1;
}

/* Returns true if `have` is the job's definition except for how sites were drawn (history.c). */
static bool drawn_otherwise(const char *have, const char *wanted)
{
    size_t n = strlen(wanted);
    return have && strncmp(have, wanted, n) == 0 && strcmp(have + n, BS_WITH_REPLACEMENT) == 0;
}

static bs_status check_entry(void *store, sqlite3_stmt *q)
{
    const bs_store *s = store;
    int id = sqlite3_column_int(q, 0), index = find_entry(s->plan, id);
    char field[64];
    if (index < 0) {
        bs_fail(BS_ERR, "result file '%s' has a fault entry %d that the job lacks", s->db->path, id);
        return bs_hint("entries may be added, not removed: put it back, or name another result file");
    }
    bs_str definition = {0};
    bs_status st = bs_identity_entry(&definition, s->plan, index);
    snprintf(field, sizeof field, "fault entry %d", id);
    if (st == BS_OK && drawn_otherwise((const char *)sqlite3_column_text(q, 1), definition.ptr)) {
        st = bs_fail(
            BS_ERR,
            "result file '%s' cannot go on: bitsink of an earlier version drew the sites of fault entry "
            "%d in another way",
            s->db->path, id);
        bs_hint("what it holds stays valid; name another result file for more trials");
    } else if (st == BS_OK) {
        st = check_text(s, field, q, 1, definition.ptr);
    }
    bs_str_clear(&definition);
    return st;
}

static bs_status check_stratum(void *store, sqlite3_stmt *q)
{
    const bs_store *s = store;
    int entry = sqlite3_column_int(q, 0);
    int k = bs_store_stratum(s->plan, (uint32_t)entry, (uint32_t)sqlite3_column_int(q, 1));
    uint32_t have = (uint32_t)sqlite3_column_int64(q, 2), wanted = k < 0 ? 0 : s->plan->strata[k].repetitions;
    if (have <= wanted)
        return BS_OK;
    bs_fail(BS_ERR, "result file '%s' has %" PRIu32 " trials an image for fault entry %d, the job %" PRIu32,
            s->db->path, have, entry, wanted);
    return bs_hint("trials may grow, not shrink: ask for at least %" PRIu32 ", or name another result file",
                   have);
}

static bs_status compare_image(const bs_store *s, sqlite3_stmt *q, const bs_image *image, uint32_t i)
{
    const char *path = (const char *)sqlite3_column_text(q, 1);
    int label = sqlite3_column_type(q, 2) == SQLITE_NULL ? -1 : sqlite3_column_int(q, 2);
    int wanted = image->label < 0 ? -1 : image->label;
    if (!path || strcmp(path, image->path) != 0) {
        bs_fail(BS_ERR,
                "result file '%s' belongs to another campaign: its image %" PRIu32
                " is '%s', the job's is '%s'",
                s->db->path, i, path ? path : "", image->path);
        return bs_hint("images may be added at the end only; undo the change, or name another result file");
    }
    if (label != wanted) {
        bs_fail(BS_ERR,
                "result file '%s' belongs to another campaign: the label of its image %" PRIu32
                " ('%s') is %d, the "
                "job's is %d",
                s->db->path, i, path, label, wanted);
        return hint_other();
    }
    return BS_OK;
}

typedef struct image_check {
    const bs_store *s;
    const bs_dataset *images;
    uint32_t n; /* images so far */
} image_check;

static bs_status check_image(void *context, sqlite3_stmt *q)
{
    image_check *c = context;
    uint32_t i = c->n++;
    if (i >= c->s->n_images) {
        bs_fail(BS_ERR, "result file '%s' has more images than the job's %" PRIu32, c->s->db->path,
                c->s->n_images);
        return bs_hint("images may be added, not removed: raise the limit, or name another result file");
    }
    if (sqlite3_column_int64(q, 0) != i)
        return bs_fail(BS_ERR, "result file '%s' is damaged: image %" PRIu32 " is missing", c->s->db->path,
                       i);
    return compare_image(c->s, q, bs_dataset_image(c->images, i), i);
}

bs_status bs_resume_check(bs_store *s, const bs_dataset *images, uint32_t *n_images)
{
    image_check c = {s, images, 0};
    bool described;
    BS_TRY(bs_db_exists(&described, s->db, "SELECT 1 FROM campaign", BS_NO_BIND));
    if (!described) {
        bs_fail(BS_ERR, "result file '%s' is damaged: it describes no campaign", s->db->path);
        return bs_hint("start a new result file");
    }
    BS_TRY(bs_db_each(
        s->db,
        "SELECT model_sha256, seed, preprocess, label_offset, classes, shard, shards, top_k, storage, "
        "scales FROM campaign",
        BS_NO_BIND, check_campaign, s));
    BS_TRY(bs_db_each(s->db, "SELECT id, definition FROM entry ORDER BY id", BS_NO_BIND, check_entry, s));
    BS_TRY(bs_db_each(s->db, "SELECT entry, layer, repetitions FROM stratum ORDER BY entry, layer",
                      BS_NO_BIND, check_stratum, s));
    BS_TRY(bs_db_each(s->db, "SELECT id, path, label FROM image ORDER BY id", BS_NO_BIND, check_image, &c));
    *n_images = c.n;
    return BS_OK;
}

bs_status bs_store_check_job(const char *path, const bs_plan *plan, const bs_dataset *images)
{
    bs_plan same = *plan;
    bs_store s = {.plan = &same, .n_images = plan->n_images};
    sqlite3_int64 shard, shards;
    uint32_t n;
    bs_status st;
    BS_TRY(bs_db_open(&s.db, path));
    BS_TRY_GOTO(bs_db_integer(&shard, s.db, "SELECT shard FROM campaign"), out);
    BS_TRY_GOTO(bs_db_integer(&shards, s.db, "SELECT shards FROM campaign"), out);
    same.shard = shards > 0 ? (uint32_t)shard - 1 : 0;
    same.shards = (uint32_t)shards;
    st = bs_resume_check(&s, images, &n);
out:
    bs_db_close(s.db);
    return st;
}
