#include "store/source.h"

#include "base/buf.h"
#include "store/store_internal.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER "top1, top2, top3, top4, top5, score1, score2, score3, score4, score5"

static const char sql_units[] = "SELECT entry, layer, image, done FROM unit ORDER BY entry, layer, image";
static const char sql_rows[] =
    "SELECT id, run, element, bit, keep, toggle, before, n_sites, died_at, audit, p_golden, flags, " ANSWER
    " FROM trial WHERE id BETWEEN ?1 AND ?2 ORDER BY id";
static const char sql_sites[] =
    "SELECT layer, element, keep, toggle, before FROM trial_site WHERE trial = ?1 ORDER BY layer, element";
static const char sql_trial_ranking[] = "SELECT ranking FROM trial_ranking WHERE trial = ?1";
static const char sql_golden_ranking[] = "SELECT ranking FROM golden_ranking WHERE image = ?1";
static const char sql_golden[] =
    "SELECT image, run, sha256, p_top1, flags, logits_hash, " ANSWER " FROM golden ORDER BY image";
static const char sql_broken[] = "SELECT image, run, trials, reason FROM broken_image ORDER BY image";

bs_status bs_source_open(bs_source *out, const char *path)
{
    sqlite3_int64 top_k;
    memset(out, 0, sizeof *out);
    BS_TRY(bs_db_open(&out->db, path));
    /* Before BEGIN: the transaction must not hold a read lock yet while another connection writes the
     * file. */
    BS_TRY(bs_db_check_campaign(out->db));
    BS_TRY(bs_db_integer(&top_k, out->db, "SELECT top_k FROM campaign"));
    out->ranked = top_k > 0;
    BS_TRY(bs_db_exec(out->db, "read", "BEGIN"));
    BS_TRY(bs_db_prepare(&out->units, out->db, sql_units));
    BS_TRY(bs_db_prepare(&out->rows, out->db, sql_rows));
    BS_TRY(bs_db_prepare(&out->sites, out->db, sql_sites));
    BS_TRY(bs_db_prepare(&out->trial_ranking, out->db, sql_trial_ranking));
    BS_TRY(bs_db_prepare(&out->golden_ranking, out->db, sql_golden_ranking));
    BS_TRY(bs_db_prepare(&out->golden, out->db, sql_golden));
    return bs_db_prepare(&out->broken, out->db, sql_broken);
}

void bs_source_close(bs_source *s)
{
    sqlite3_finalize(s->units);
    sqlite3_finalize(s->rows);
    sqlite3_finalize(s->sites);
    sqlite3_finalize(s->trial_ranking);
    sqlite3_finalize(s->golden);
    sqlite3_finalize(s->golden_ranking);
    sqlite3_finalize(s->broken);
    bs_db_close(s->db);
    free(s->runs);
    memset(s, 0, sizeof *s);
}

static bs_status add_run(void *source, sqlite3_stmt *q)
{
    bs_source *s = source;
    BS_TRY(bs_grow(&s->runs, &s->cap_runs, s->n_runs + 1, sizeof *s->runs, "runs"));
    s->runs[s->n_runs++] = (bs_run_map){sqlite3_column_int64(q, 0), sqlite3_column_int64(q, 1)};
    return BS_OK;
}

bs_status bs_source_map_runs(bs_source *s, const bs_db *merged)
{
    return bs_db_each(merged, "SELECT b.id, a.id FROM main.run a JOIN other_run b USING (uid) ORDER BY b.id",
                      BS_NO_BIND, add_run, s);
}

static int compare_runs(const void *a, const void *b)
{
    sqlite3_int64 x = ((const bs_run_map *)a)->from, y = ((const bs_run_map *)b)->from;
    return (x > y) - (x < y);
}

static bs_status fail_damaged(const bs_source *s, const char *what, uint64_t number)
{
    bs_fail(BS_ERR, "result file '%s' is damaged: %s %" PRIu64 " is missing", s->db->path, what, number);
    return bs_hint("rescue what is left with `sqlite3 FILE .recover`, or run its job again into a new file");
}

static bs_status map_run(const bs_source *s, sqlite3_int64 from, int32_t *to)
{
    const bs_run_map wanted = {from, 0}, *found = NULL;
    if (s->n_runs > 0)
        found = bsearch(&wanted, s->runs, s->n_runs, sizeof *s->runs, compare_runs);
    if (!found)
        return fail_damaged(s, "run", (uint64_t)from);
    *to = (int32_t)found->to;
    return BS_OK;
}

static bs_status read_input(void *input, sqlite3_stmt *q)
{
    bs_merge_input *out = input;
    out->planned = (uint64_t)sqlite3_column_int64(q, 0);
    out->trials = (uint64_t)sqlite3_column_int64(q, 1);
    out->shard = (uint32_t)sqlite3_column_int64(q, 2);
    out->shards = (uint32_t)sqlite3_column_int64(q, 3);
    return BS_OK;
}

static bs_status read_left_out(void *input, sqlite3_stmt *q)
{
    bs_merge_input *out = input;
    out->left_out = (uint64_t)sqlite3_column_int64(q, 1);
    return BS_OK;
}

bs_status bs_source_describe(const bs_source *s, bs_merge_input *out)
{
    BS_TRY(bs_db_each(
        s->db,
        "SELECT planned_trials, (SELECT coalesce(sum(done), 0) FROM unit), shard, shards FROM campaign",
        BS_NO_BIND, read_input, out));
    return bs_db_each(s->db, BS_SQL_LEFT_OUT, BS_NO_BIND, read_left_out, out);
}

int bs_unit_order(const bs_unit *a, const bs_unit *b)
{
    uint64_t x = bs_trial_id((bs_trial_coords){a->entry, a->target, a->image, 0});
    uint64_t y = bs_trial_id((bs_trial_coords){b->entry, b->target, b->image, 0});
    return (x > y) - (x < y);
}

bs_status bs_source_begin_units(bs_source *s)
{
    sqlite3_reset(s->units);
    return bs_source_next_unit(s);
}

bs_status bs_source_next_unit(bs_source *s)
{
    bool row;
    BS_TRY(bs_db_step(s->db, s->units, &row));
    s->at_end = !row;
    if (row)
        s->unit = (bs_unit){
            (uint32_t)sqlite3_column_int64(s->units, 0), (uint32_t)sqlite3_column_int64(s->units, 1),
            (uint32_t)sqlite3_column_int64(s->units, 2), (uint32_t)sqlite3_column_int64(s->units, 3)};
    return BS_OK;
}

static uint64_t id_in_unit(const bs_source *s, uint32_t repetition)
{
    return bs_trial_id((bs_trial_coords){s->unit.entry, s->unit.target, s->unit.image, repetition});
}

bs_status bs_source_begin_rows(bs_source *s, uint32_t from)
{
    sqlite3_reset(s->rows);
    sqlite3_bind_int64(s->rows, 1, (sqlite3_int64)id_in_unit(s, from));
    sqlite3_bind_int64(s->rows, 2, (sqlite3_int64)id_in_unit(s, s->unit.done - 1));
    return BS_OK;
}

static void read_answer(bs_answer *a, sqlite3_stmt *q, int at)
{
    for (int k = 0; k < BS_TOP; k++) {
        bool ranked = sqlite3_column_type(q, at + k) != SQLITE_NULL;
        a->top[k] = ranked ? sqlite3_column_int(q, at + k) : -1;
        if (ranked) /* SQLite stores a NaN as NULL */
            a->score[k] = sqlite3_column_type(q, at + BS_TOP + k) == SQLITE_NULL
                              ? NAN
                              : (float)sqlite3_column_double(q, at + BS_TOP + k);
    }
}

static void read_site(bs_row *out, sqlite3_stmt *q)
{
    out->n_sites = (uint32_t)sqlite3_column_int64(q, 7);
    if (out->n_sites == 0 || sqlite3_column_type(q, 2) == SQLITE_NULL)
        return; /* in table trial_site, if any */
    bool one_bit = sqlite3_column_type(q, 3) != SQLITE_NULL;
    out->element = (uint32_t)sqlite3_column_int64(q, 2);
    out->keep = one_bit ? UINT32_MAX : (uint32_t)sqlite3_column_int64(q, 4);
    out->toggle = one_bit ? 1u << (sqlite3_column_int(q, 3) & 31) : (uint32_t)sqlite3_column_int64(q, 5);
    out->before = (uint32_t)sqlite3_column_int64(q, 6);
}

bs_status bs_source_read(bs_source *s, uint32_t repetition, bs_row *out)
{
    sqlite3_stmt *q = s->rows;
    bool row;
    memset(out, 0, sizeof *out);
    out->id = id_in_unit(s, repetition);
    BS_TRY(bs_db_step(s->db, q, &row));
    if (!row || (uint64_t)sqlite3_column_int64(q, 0) != out->id)
        return fail_damaged(s, "trial", out->id);
    read_site(out, q);
    out->died_at = sqlite3_column_type(q, 8) == SQLITE_NULL ? -1 : sqlite3_column_int(q, 8);
    out->audit = sqlite3_column_int(q, 9);
    if (out->died_at >= 0)
        return BS_OK;
    out->answer.p_golden = (float)sqlite3_column_double(q, 10);
    out->answer.flags = (uint32_t)sqlite3_column_int64(q, 11);
    read_answer(&out->answer, q, 12);
    return BS_OK;
}

bs_status bs_source_row(bs_source *s, uint32_t repetition, bs_row *out)
{
    BS_TRY(bs_source_read(s, repetition, out));
    return map_run(s, sqlite3_column_int64(s->rows, 1), &out->run);
}

static bs_status read_sites(const bs_source *s, uint64_t trial, bs_result_batch *to)
{
    sqlite3_stmt *q = s->sites;
    bool row;
    sqlite3_reset(q);
    sqlite3_bind_int64(q, 1, (sqlite3_int64)trial);
    for (;;) {
        BS_TRY(bs_db_step(s->db, q, &row));
        if (!row)
            return BS_OK;
        bs_trial_site site = {.trial = trial,
                              .layer = (uint32_t)sqlite3_column_int64(q, 0),
                              .element = (uint32_t)sqlite3_column_int64(q, 1),
                              .keep = (uint32_t)sqlite3_column_int64(q, 2),
                              .toggle = (uint32_t)sqlite3_column_int64(q, 3),
                              .before = (uint32_t)sqlite3_column_int64(q, 4)};
        BS_TRY(bs_result_batch_add_site(to, &site));
    }
}

static bs_status read_ranking(const bs_source *s, bool golden, uint64_t of, bs_result_batch *to)
{
    sqlite3_stmt *q = golden ? s->golden_ranking : s->trial_ranking;
    bool row;
    if (!s->ranked)
        return BS_OK;
    sqlite3_reset(q);
    sqlite3_bind_int64(q, 1, (sqlite3_int64)of);
    BS_TRY(bs_db_step(s->db, q, &row));
    if (!row)
        return BS_OK;
    const void *ranks = sqlite3_column_blob(q, 0);
    return bs_result_batch_add_ranks(to, golden, of, ranks, (size_t)sqlite3_column_bytes(q, 0));
}

bs_status bs_source_details(bs_source *s, uint64_t trial, bs_result_batch *to)
{
    if (s->unit.target == BS_NETWORK_TARGET)
        BS_TRY(read_sites(s, trial, to));
    return read_ranking(s, false, trial, to);
}

bs_status bs_source_golden_ranking(bs_source *s, uint32_t image, bs_result_batch *to)
{
    return read_ranking(s, true, image, to);
}

bs_status bs_source_golden(bs_source *s, bs_golden_row *out, bool *row)
{
    sqlite3_stmt *q = s->golden;
    memset(out, 0, sizeof *out);
    BS_TRY(bs_db_step(s->db, q, row));
    if (!*row)
        return BS_OK;
    const char *sha256 = (const char *)sqlite3_column_text(q, 2);
    const char *hash = (const char *)sqlite3_column_text(q, 5);
    out->image = (uint32_t)sqlite3_column_int64(q, 0);
    BS_TRY(map_run(s, sqlite3_column_int64(q, 1), &out->run));
    snprintf(out->sha256, sizeof out->sha256, "%s", sha256 ? sha256 : "");
    out->answer.p_golden = (float)sqlite3_column_double(q, 3);
    out->answer.flags = (uint32_t)sqlite3_column_int64(q, 4);
    out->logits_hash = hash ? strtoull(hash, NULL, 16) : 0;
    read_answer(&out->answer, q, 6);
    return BS_OK;
}

bs_status bs_source_broken(bs_source *s, bs_broken_row *out, bool *row)
{
    sqlite3_stmt *q = s->broken;
    memset(out, 0, sizeof *out);
    BS_TRY(bs_db_step(s->db, q, row));
    if (!*row)
        return BS_OK;
    const char *reason = (const char *)sqlite3_column_text(q, 3);
    out->image = (uint32_t)sqlite3_column_int64(q, 0);
    BS_TRY(map_run(s, sqlite3_column_int64(q, 1), &out->run));
    out->trials = (uint64_t)sqlite3_column_int64(q, 2);
    snprintf(out->reason, sizeof out->reason, "%s", reason ? reason : "");
    return BS_OK;
}
