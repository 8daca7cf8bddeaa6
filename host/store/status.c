#include "store/status.h"

#include "base/buf.h"
#include "base/text.h"
#include "store/db.h"
#include "store/identity.h"
#include "store/store_internal.h"

#include <stdlib.h>
#include <string.h>

static const char sql_file[] =
    "SELECT c.name, c.model, c.created, c.planned_trials, (SELECT count(*) FROM "
    "image), (SELECT count(*) FROM golden), "
    "(SELECT count(*) FROM entry), (SELECT count(*) FROM stratum), (SELECT "
    "count(*) FROM run), c.shard, c.shards, (SELECT sum(audited) FROM run), (SELECT "
    "sum(audit_equal) FROM run), c.classes, iif(c.storage = 'as in the model', (SELECT group_concat(type, ', "
    "') "
    "FROM (SELECT DISTINCT type FROM layer WHERE kind <> 'network' ORDER BY type)), c.storage) FROM campaign "
    "c";
static const char sql_golden[] =
    "SELECT count(*), sum(g.class = i.class) FROM golden g JOIN image i ON i.id = "
    "g.image WHERE i.class IS NOT NULL";
static const char sql_counts[] =
    "SELECT sum(n), sum(masked), sum(n - masked) FILTER (WHERE class >= 0) - sum(wrong) FILTER (WHERE class "
    ">= 0), "
    "sum(wrong) FILTER (WHERE class >= 0), sum(n - masked) FILTER (WHERE class < 0) FROM layer_summary";
static const char sql_run[] =
    "SELECT started, ended, backend, device, exit, trials, seconds, strftime('%s', 'now') - strftime('%s', "
    "ifnull(ended, started)), start_seconds, (SELECT sum(outcome = 'proven') FROM proof p WHERE p.run = "
    "r.id), "
    "(SELECT sum(outcome = 'cache') FROM proof p WHERE p.run = r.id), (SELECT sum(outcome = 'file') FROM "
    "proof "
    "p WHERE p.run = r.id), (SELECT sum(outcome = 'failed') FROM proof p WHERE p.run = r.id) FROM run r "
    "ORDER "
    "BY started DESC, id DESC LIMIT 1";
static const char sql_devices[] =
    "SELECT ordinal, workers, trials, goldens, lost, reason FROM run_device WHERE run = (SELECT id FROM run "
    "ORDER BY started DESC, id DESC LIMIT 1) ORDER BY ordinal";

static uint64_t number(sqlite3_stmt *q, int column)
{
    return (uint64_t)sqlite3_column_int64(q, column);
}

static bs_status read_file(void *out, sqlite3_stmt *q)
{
    bs_file_status *s = out;
    BS_TRY(bs_db_text(&s->name, q, 0));
    BS_TRY(bs_db_text(&s->model, q, 1));
    BS_TRY(bs_db_text(&s->created, q, 2));
    BS_TRY(bs_db_text(&s->storage, q, 14));
    s->planned = number(q, 3);
    s->images = number(q, 4);
    s->goldens = number(q, 5);
    s->entries = sqlite3_column_int(q, 6);
    s->strata = sqlite3_column_int(q, 7);
    s->runs = sqlite3_column_int(q, 8);
    s->shard = (uint32_t)number(q, 9);
    s->shards = (uint32_t)number(q, 10);
    if (s->shards > 0)
        s->images = (s->images + s->shards - s->shard) / s->shards;
    s->audited = number(q, 11);
    s->audit_equal = number(q, 12);
    s->classes = sqlite3_column_int(q, 13);
    return BS_OK;
}

static bs_status read_golden(void *out, sqlite3_stmt *q)
{
    bs_file_status *s = out;
    s->golden_labelled = number(q, 0);
    s->golden_correct = number(q, 1);
    return BS_OK;
}

static bs_status read_counts(void *out, sqlite3_stmt *q)
{
    bs_file_status *s = out;
    s->trials = number(q, 0);
    s->masked = number(q, 1);
    s->benign = number(q, 2);
    s->sdc1 = number(q, 3);
    s->due = number(q, 4);
    return BS_OK;
}

static bs_status read_broken(void *out, sqlite3_stmt *q)
{
    bs_file_status *s = out;
    s->broken = number(q, 0);
    s->left_out = number(q, 1);
    return BS_OK;
}

static bs_status read_run(void *out, sqlite3_stmt *q)
{
    bs_file_status *s = out;
    BS_TRY(bs_db_text(&s->started, q, 0));
    BS_TRY(bs_db_text(&s->ended, q, 1));
    BS_TRY(bs_db_text(&s->backend, q, 2));
    BS_TRY(bs_db_text(&s->device, q, 3));
    s->exit_status = sqlite3_column_type(q, 4) == SQLITE_NULL ? -1 : sqlite3_column_int(q, 4);
    s->run_trials = number(q, 5);
    s->seconds = sqlite3_column_double(q, 6);
    s->rate = s->seconds > 0 ? (double)s->run_trials / s->seconds : 0.0;
    s->since = sqlite3_column_double(q, 7);
    s->start_seconds = sqlite3_column_type(q, 8) == SQLITE_NULL ? -1.0 : sqlite3_column_double(q, 8);
    for (int i = 0; i < BS_PROOF_OUTCOME_COUNT; i++)
        s->proofs[i] = number(q, 9 + i);
    uint64_t done = s->trials + s->left_out;
    s->left = done >= s->planned ? 0.0 : s->rate > 0 ? (double)(s->planned - done) / s->rate : -1.0;
    return BS_OK;
}

static bs_status read_device(void *out, sqlite3_stmt *q)
{
    bs_file_status *s = out;
    size_t have = s->n_devices;
    BS_TRY(bs_grow(&s->devices, &have, s->n_devices + 1, sizeof *s->devices, "devices"));
    bs_device_status *d = &s->devices[s->n_devices++];
    *d = (bs_device_status){.ordinal = sqlite3_column_int(q, 0),
                            .workers = sqlite3_column_int(q, 1),
                            .trials = number(q, 2),
                            .goldens = number(q, 3)};
    BS_TRY(bs_db_text(&d->lost, q, 4));
    return bs_db_text(&d->reason, q, 5);
}

bs_status bs_store_status(const char *path, bs_file_status *out)
{
    bs_db *db = NULL;
    bs_status st;
    memset(out, 0, sizeof *out);
    out->left = out->start_seconds = -1;
    BS_TRY(bs_db_open(&db, path));
    BS_TRY_GOTO(bs_db_exec(db, "read", "BEGIN"), out);
    BS_TRY_GOTO(bs_db_each(db, sql_file, BS_NO_BIND, read_file, out), out);
    BS_TRY_GOTO(bs_db_each(db, sql_golden, BS_NO_BIND, read_golden, out), out);
    BS_TRY_GOTO(bs_db_each(db, sql_counts, BS_NO_BIND, read_counts, out), out);
    BS_TRY_GOTO(bs_db_each(db, BS_SQL_LEFT_OUT, BS_NO_BIND, read_broken, out), out);
    BS_TRY_GOTO(bs_db_each(db, sql_run, BS_NO_BIND, read_run, out), out);
    BS_TRY_GOTO(bs_db_each(db, sql_devices, BS_NO_BIND, read_device, out), out);
out:
    bs_db_close(db);
    if (st != BS_OK)
        bs_file_status_clear(out);
    return st;
}

void bs_file_status_clear(bs_file_status *s)
{
    if (!s)
        return;
    free(s->name);
    free(s->storage);
    free(s->model);
    free(s->created);
    free(s->started);
    free(s->ended);
    free(s->backend);
    free(s->device);
    for (size_t i = 0; i < s->n_devices; i++) {
        free(s->devices[i].lost);
        free(s->devices[i].reason);
    }
    free(s->devices);
    memset(s, 0, sizeof *s);
}

static bs_status read_job(void *context, sqlite3_stmt *q)
{
    char **const *out = context;
    BS_TRY(bs_db_text(out[0], q, 0));
    return bs_db_text(out[1], q, 1);
}

bs_status bs_store_job(const char *path, char **job_path, char **job_text)
{
    bs_db *db = NULL;
    char **out[] = {job_path, job_text};
    *job_path = *job_text = NULL;
    BS_TRY(bs_db_open(&db, path));
    bs_status st =
        bs_db_each(db, "SELECT job_path, job FROM campaign WHERE job_path <> '' AND job <> '' LIMIT 1",
                   BS_NO_BIND, read_job, out);
    if (st == BS_OK && !*job_path) {
        st = bs_fail(BS_ERR, "result file '%s' holds no job", path);
        bs_hint("it was not finished being made; run its job again");
    }
    bs_db_close(db);
    return st;
}

bs_status bs_store_check_draws(const char *path, int entry)
{
    bs_db *db = NULL;
    bool found;
    BS_TRY(bs_db_open(&db, path));
    bs_status st = bs_db_exists(
        &found, db, "SELECT 1 FROM entry WHERE id = ?1 AND definition LIKE '%" BS_WITH_REPLACEMENT "'",
        BS_BIND(BS_BIND_INT(entry)));
    if (st == BS_OK && found) {
        st = bs_fail(BS_ERR,
                     "the trials of fault entry %d cannot be made again: bitsink of an earlier version drew "
                     "their sites in another way",
                     entry);
        bs_hint("the first site of each is in the file: sqlite3 %s 'SELECT id, element, bit, keep, toggle, "
                "before "
                "FROM trial'",
                bs_shell_word(path));
    }
    bs_db_close(db);
    return st;
}
