/* Writes a run's batches into the file. One transaction holds whole batches: rows, the units that record them
 * and the summaries that count them; so the file is consistent whenever the process ends. */
#include "base/resources.h"
#include "store/store_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { COMMIT_ROWS = 20000, COMMIT_SECONDS = 2 };

#define ANSWER_COLUMNS "top1, top2, top3, top4, top5, score1, score2, score3, score4, score5"

static const char sql_masked[] =
    "INSERT INTO trial (id, run, element, bit, keep, toggle, before, n_sites, died_at, audit) "
    "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
static const char sql_trial[] =
    "INSERT INTO trial (id, run, element, bit, keep, toggle, before, n_sites, died_at, audit, "
    "p_golden, flags, " ANSWER_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, "
    "?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22)";
static const char sql_golden[] =
    "INSERT INTO golden (image, run, sha256, p_top1, flags, logits_hash, " ANSWER_COLUMNS
    ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)";
static const char sql_site[] =
    "INSERT INTO trial_site (trial, layer, element, keep, toggle, before) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
static const char sql_golden_ranking[] =
    "INSERT OR IGNORE INTO golden_ranking (image, ranking) VALUES (?1, ?2)";
static const char sql_trial_ranking[] = "INSERT INTO trial_ranking (trial, ranking) VALUES (?1, ?2)";
static const char sql_broken[] =
    "INSERT OR REPLACE INTO broken_image (image, run, trials, reason) VALUES (?1, ?2, ?3, ?4)";
static const char sql_repaired[] = "DELETE FROM broken_image WHERE image = ?1";
static const char sql_unit[] = "INSERT INTO unit (entry, layer, image, done) VALUES (?1, ?2, ?3, ?4) "
                               "ON CONFLICT DO UPDATE SET done = excluded.done";

/* Adds counts to the row of a key, which is inserted if missing. */
#define COLUMN(x)    ", " #x
#define VALUE(x)     ", ?"
#define ADD_COUNT(x) ", " #x " = " #x " + excluded." #x
#define SQL_ADD(table, key, values, COUNTS)                                                                  \
    "INSERT INTO " table " (" key ", n" COUNTS(COLUMN) ") VALUES (" values ", ?" COUNTS(                     \
        VALUE) ") ON CONFLICT DO UPDATE SET n = n + excluded.n" COUNTS(ADD_COUNT)
static const char sql_summary[] =
    SQL_ADD("summary", "entry, layer, image, class", "?, ?, ?, ?", BS_SUMMARY_COUNTS);
static const char sql_layer[] = SQL_ADD("layer_summary", "entry, layer, class", "?, ?, ?", BS_LAYER_COUNTS);
static const char sql_fault[] =
    SQL_ADD("fault_summary", "entry, layer, repetition", "?, ?, ?", BS_FAULT_COUNTS);
static const char sql_wrong[] =
    SQL_ADD("fault_wrong", "entry, layer, repetition, class", "?, ?, ?, ?", BS_WRONG_COUNTS);

static const char sql_audit[] =
    "INSERT OR REPLACE INTO audit (trial, full, run, died_at, logits_hash, p_golden, flags, " ANSWER_COLUMNS
    ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)";
static const char sql_run[] =
    "UPDATE run SET ended = strftime('%Y-%m-%dT%H:%M:%SZ', 'now'), seconds = ?2, trials = ?3, "
    "goldens = ?4, exit = ?5, audited = ?6, audit_equal = ?7, start_seconds = ?8 WHERE id = ?1";
static const char sql_end[] = "UPDATE run SET selftest = ?2 WHERE id = ?1";
/* A proof of this run is reported by each worker that meets it: the first report stays. One of an earlier run
 * keeps its time. */
static const char sql_proof[] =
    "INSERT INTO proof (run, key, layer, what, outcome, made, seconds) SELECT ?1, ?2, ?3, ?4, ?5, "
    "coalesce(?6, made, strftime('%Y-%m-%dT%H:%M:%SZ', 'now')), coalesce(nullif(?7, 0), seconds, 0) FROM "
    "(SELECT 1) "
    "LEFT JOIN (SELECT made, seconds FROM proof WHERE key = ?2 AND ?5 = 'file' AND outcome <> 'failed' ORDER "
    "BY run "
    "LIMIT 1) WHERE true ON CONFLICT DO UPDATE SET outcome = excluded.outcome WHERE excluded.outcome = "
    "'failed'";

static double seconds_since(double start)
{
    return bs_resources_clock() - start;
}

bs_status bs_store_prepare(bs_store *s)
{
    const bs_db *db = s->db;
    BS_TRY(bs_db_prepare(&s->sql.masked, db, sql_masked));
    BS_TRY(bs_db_prepare(&s->sql.trial, db, sql_trial));
    BS_TRY(bs_db_prepare(&s->sql.site, db, sql_site));
    BS_TRY(bs_db_prepare(&s->sql.golden, db, sql_golden));
    BS_TRY(bs_db_prepare(&s->sql.golden_ranking, db, sql_golden_ranking));
    BS_TRY(bs_db_prepare(&s->sql.trial_ranking, db, sql_trial_ranking));
    BS_TRY(bs_db_prepare(&s->sql.broken, db, sql_broken));
    BS_TRY(bs_db_prepare(&s->sql.repaired, db, sql_repaired));
    BS_TRY(bs_db_prepare(&s->sql.unit, db, sql_unit));
    BS_TRY(bs_db_prepare(&s->sql.summary, db, sql_summary));
    BS_TRY(bs_db_prepare(&s->sql.layer, db, sql_layer));
    BS_TRY(bs_db_prepare(&s->sql.fault, db, sql_fault));
    BS_TRY(bs_db_prepare(&s->sql.wrong, db, sql_wrong));
    BS_TRY(bs_db_prepare(&s->sql.audit, db, sql_audit));
    BS_TRY(bs_db_prepare(&s->sql.proof, db, sql_proof));
    BS_TRY(bs_db_prepare(&s->sql.end, db, sql_end));
    return bs_db_prepare(&s->sql.run, db, sql_run);
}

/* --- A run --- */

static bs_status refuse_mixed(void *path, sqlite3_stmt *q)
{
    bs_fail(BS_ERR, "the numerics of this machine differ from those of run %d in '%s' (%s on %s, %s, %s)",
            sqlite3_column_int(q, 0), (const char *)path, (const char *)sqlite3_column_text(q, 1),
            (const char *)sqlite3_column_text(q, 2), (const char *)sqlite3_column_text(q, 3),
            (const char *)sqlite3_column_text(q, 4));
    return bs_hint("resume on the same kind of device with the same libraries and version of bitsink, use "
                   "another result file, or allow the "
                   "mixture with --allow-mixed");
}

static bs_status insert_run(bs_store *s, const bs_run_info *info, const char *fingerprint)
{
    static const char sql[] =
        "INSERT INTO run (started, host, backend, device, isa, library, version, mode, "
        "selftest, threads, fingerprint, strata, shard) VALUES (strftime('%Y-%m-%dT%H:%M:%SZ', "
        "'now'), ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
    char host[256] = "";
    sqlite3_stmt *q = NULL;
    gethostname(host, sizeof host - 1);
    BS_TRY(bs_db_prepare(&q, s->db, sql));
    const char *text[] = {
        host,          info->backend, info->device.name, info->device.isa, info->device.library,
        info->version, info->mode,    info->selftest};
    bs_status st = BS_OK;
    for (int i = 0; i < 8 && st == BS_OK; i++)
        st = bs_bind_utf8(q, i + 1, text[i] ? text[i] : "");
    sqlite3_bind_int(q, 9, info->threads);
    sqlite3_bind_text(q, 10, fingerprint, -1, SQLITE_STATIC);
    sqlite3_bind_text(q, 11, s->strata_hash, -1, SQLITE_STATIC);
    if (s->plan->shards > 1)
        sqlite3_bind_int64(q, 12, s->plan->shard + 1);
    if (st == BS_OK)
        st = bs_db_run(s->db, "write", q);
    sqlite3_finalize(q);
    BS_TRY(st);
    s->run = sqlite3_last_insert_rowid(s->db->handle);
    return bs_run_devices_begin(s, info);
}

bs_status bs_store_begin_run(bs_store *s, const bs_run_info *info)
{
    static const char sql_mixed[] =
        "SELECT id, backend, device, isa, library FROM run WHERE fingerprint <> ?1 AND "
        "(trials > 0 OR goldens > 0) ORDER BY id LIMIT 1";
    char fingerprint[17];
    if (s->run)
        return bs_fail(BS_ERR, "result file '%s': a run has begun already", s->db->path);
    snprintf(fingerprint, sizeof fingerprint, "%016" PRIx64, info->fingerprint);
    if (!info->allow_mixed)
        BS_TRY(bs_db_each(s->db, sql_mixed, BS_BIND(BS_BIND_TEXT(fingerprint)), refuse_mixed, s->db->path));
    BS_TRY(bs_store_prepare(s));
    BS_TRY(bs_db_exec(s->db, "write", "BEGIN IMMEDIATE"));
    bs_status st = insert_run(s, info, fingerprint);
    if (st == BS_OK)
        st = bs_db_commit(s->db);
    if (st != BS_OK) {
        sqlite3_exec(s->db->handle, "ROLLBACK", NULL, NULL, NULL);
        s->run = 0;
        return st;
    }
    s->allow_mixed = info->allow_mixed;
    s->started = bs_resources_clock();
    s->command = info->command > 0 ? info->command : s->started;
    s->start_seconds = -1;
    return BS_OK;
}

/* --- Transactions --- */

/* Binds the stratum (index in the plan), the rest of the key, and the counts. */
static bs_status add_counts(const bs_store *s, sqlite3_stmt *q, uint64_t stratum, const sqlite3_int64 *key,
                            int n_key, const uint32_t *count, size_t n_counts)
{
    const bs_stratum *t = &s->plan->strata[stratum];
    int at = 1;
    sqlite3_bind_int(q, at++, s->plan->job->entries[t->entry].id);
    sqlite3_bind_int(q, at++, t->target);
    for (int k = 0; k < n_key; k++)
        sqlite3_bind_int64(q, at++, key[k]);
    for (size_t k = 0; k < n_counts; k++)
        sqlite3_bind_int64(q, at++, count[k]);
    return bs_db_run(s->db, "write", q);
}

#define COUNT(x)      , c->x
#define LENGTH(array) (sizeof(array) / sizeof *(array))

static bs_status flush_cells(const bs_store *s)
{
    for (size_t i = 0; i < s->tally.n_cells; i++) {
        const bs_cell *c = &s->tally.cells[i];
        const sqlite3_int64 key[] = {c->image, c->class};
        const uint32_t v[] = {c->n BS_SUMMARY_COUNTS(COUNT)};
        BS_TRY(add_counts(s, s->sql.summary, c->stratum, key, 2, v, LENGTH(v)));
    }
    return BS_OK;
}

static bs_status flush_layers(const bs_store *s)
{
    for (size_t i = 0; i < s->tally.n_layers; i++) {
        const bs_layer_cell *c = &s->tally.layers[i];
        const sqlite3_int64 class = (sqlite3_int64)(c->key & UINT32_MAX) - 1;
        const uint32_t v[] = {c->n BS_LAYER_COUNTS(COUNT)};
        BS_TRY(add_counts(s, s->sql.layer, c->key >> 32, &class, 1, v, LENGTH(v)));
    }
    return BS_OK;
}

static bs_status flush_faults(const bs_store *s)
{
    for (size_t i = 0; i < s->tally.n_faults; i++) {
        const bs_fault_cell *c = &s->tally.faults[i];
        const sqlite3_int64 repetition = (sqlite3_int64)(c->key & UINT32_MAX);
        const uint32_t v[] = {c->n BS_FAULT_COUNTS(COUNT)};
        BS_TRY(add_counts(s, s->sql.fault, c->key >> 32, &repetition, 1, v, LENGTH(v)));
    }
    return BS_OK;
}

static bs_status flush_wrong(const bs_store *s)
{
    for (size_t i = 0; i < s->tally.n_wrong; i++) {
        const bs_wrong_cell *c = &s->tally.wrong[i];
        uint64_t fault = s->tally.faults[c->key >> 32].key;
        const sqlite3_int64 key[] = {(sqlite3_int64)(fault & UINT32_MAX),
                                     (sqlite3_int64)(c->key & UINT32_MAX)};
        const uint32_t v[] = {c->n BS_WRONG_COUNTS(COUNT)};
        BS_TRY(add_counts(s, s->sql.wrong, fault >> 32, key, 2, v, LENGTH(v)));
    }
    return BS_OK;
}

/* Updates the run's row. exit_status < 0: the run continues. */
static bs_status update_run(bs_store *s, int exit_status)
{
    sqlite3_stmt *q = s->sql.run;
    sqlite3_bind_int64(q, 1, s->run);
    sqlite3_bind_double(q, 2, seconds_since(s->started));
    sqlite3_bind_int64(q, 3, (sqlite3_int64)s->run_trials);
    sqlite3_bind_int64(q, 4, (sqlite3_int64)s->run_goldens);
    exit_status < 0 ? sqlite3_bind_null(q, 5) : sqlite3_bind_int(q, 5, exit_status);
    sqlite3_bind_int64(q, 6, (sqlite3_int64)s->run_audited);
    sqlite3_bind_int64(q, 7, (sqlite3_int64)s->run_audit_equal);
    s->start_seconds >= 0 ? sqlite3_bind_double(q, 8, s->start_seconds) : sqlite3_bind_null(q, 8);
    BS_TRY(bs_db_run(s->db, "write", q));
    return bs_run_devices_update(s);
}

static bs_status begin(bs_store *s)
{
    if (s->in_transaction)
        return BS_OK;
    BS_TRY(bs_db_exec(s->db, "write", "BEGIN IMMEDIATE"));
    s->in_transaction = true;
    s->pending = 0;
    s->opened = bs_resources_clock();
    return BS_OK;
}

static bs_status commit(bs_store *s, int exit_status)
{
    BS_TRY(flush_cells(s));
    BS_TRY(flush_layers(s));
    BS_TRY(flush_faults(s));
    BS_TRY(flush_wrong(s));
    if (!s->merging)
        BS_TRY(update_run(s, exit_status));
    BS_TRY(bs_db_commit(s->db));
    bs_tally_reset(&s->tally);
    s->in_transaction = false;
    return BS_OK;
}

/* Rolls back. The counts in memory no longer match the file, so no more rows are accepted. */
static bs_status give_up(bs_store *s, bs_status st)
{
    s->broken = true;
    if (s->in_transaction)
        sqlite3_exec(s->db->handle, "ROLLBACK", NULL, NULL, NULL);
    s->in_transaction = false;
    return st;
}

static bs_status check_usable(const bs_store *s)
{
    if (s->broken)
        return bs_fail(BS_ERR, "result file '%s': an earlier write failed", s->db->path);
    if (!s->run && !s->merging)
        return bs_fail(BS_ERR, "result file '%s': no run has begun", s->db->path);
    return BS_OK;
}

bs_status bs_store_add(bs_store *s, const bs_result_batch *b)
{
    BS_TRY(check_usable(s));
    BS_TRY(begin(s));
    uint64_t goldens = s->run_goldens;
    bs_status st = bs_result_batch_write(s, b);
    if (st != BS_OK)
        return give_up(s, st);
    bs_run_devices_count(s, b, s->run_goldens - goldens);
    s->pending += b->n_rows;
    s->run_trials += b->n_rows;
    bool first = s->run_trials > 0 && s->start_seconds < 0;
    if (first) /* read by the commit that ends this time */
        s->start_seconds = seconds_since(s->command);
    if (!first && s->pending < COMMIT_ROWS && seconds_since(s->opened) < COMMIT_SECONDS)
        return BS_OK;
    st = commit(s, -1);
    return st == BS_OK ? st : give_up(s, st);
}

/* Completes the run's text about the self-test, which ran as its strata became due. */
static bs_status update_selftest(bs_store *s, const char *selftest)
{
    if (!selftest || s->merging)
        return BS_OK;
    sqlite3_bind_int64(s->sql.end, 1, s->run);
    BS_TRY(bs_bind_utf8(s->sql.end, 2, selftest));
    return bs_db_run(s->db, "write", s->sql.end);
}

bs_status bs_store_end_run(bs_store *s, int exit_status, const char *selftest)
{
    BS_TRY(check_usable(s));
    BS_TRY(begin(s));
    bs_status st = update_selftest(s, selftest);
    if (st == BS_OK)
        st = commit(s, exit_status < 0 ? 1 : exit_status);
    if (st != BS_OK)
        return give_up(s, st);
    s->run = 0;
    return BS_OK;
}

double bs_store_start_seconds(const bs_store *s)
{
    return s->start_seconds;
}
