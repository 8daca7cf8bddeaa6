#include "store/combine.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/text.h"
#include "store/history.h"

#include <string.h>

bs_status bs_combine_attach(const bs_db *db, const char *path)
{
    bs_status st = bs_db_change(db, "read", "ATTACH ?1 AS other", BS_BIND(BS_BIND_TEXT(path)));
    if (st == BS_OK)
        st = bs_history_show(db, "other", "other_");
    return st == BS_OK ? st : bs_context("%s", path);
}

void bs_combine_detach(const bs_db *db)
{
    bs_history_forget(db, "other_");
    sqlite3_exec(db->handle, "DETACH other", NULL, NULL, NULL);
}

void bs_combine_blame(const bs_db *db, const char *path)
{
    if ((sqlite3_errcode(db->handle) & 0xff) != SQLITE_CORRUPT)
        return;
    bs_fail(BS_ERR, "result file '%s' is damaged, or '%s' is: %s", path, db->path,
            sqlite3_errmsg(db->handle));
    bs_hint("`sqlite3 %s 'PRAGMA integrity_check'` tells; rescue what is left with `.recover`, or run its "
            "job again into a new file",
            bs_shell_word(path));
}

/* One row for each difference that growth of a campaign does not explain: its name, its value in main and in
 * other, and its rank. */
static const char sql_differences[] =
#define FIELD(place, name, column)                                                                           \
    "SELECT '" name "', a." column ", b." column ", " #place ", 0 FROM campaign a, other_campaign b "        \
    "WHERE a." column " IS NOT b." column " UNION ALL "
    FIELD(1, "model SHA-256", "model_sha256") FIELD(2, "seed", "seed") FIELD(3, "preprocessing", "preprocess")
        FIELD(4, "label offset", "label_offset") FIELD(5, "number of classes", "classes")
            FIELD(6, "top_k", "top_k") FIELD(7, "storage", "storage") FIELD(8, "hash of scales", "scales")
#undef FIELD
                "SELECT 'fault entry ' || id, a.definition, b.definition, 9, id FROM entry a "
                "JOIN other_entry b USING (id) WHERE a.definition <> b.definition UNION ALL "
                "SELECT 'image ' || id, a.path || ', label ' || ifnull(a.label, 'unknown'), "
                "b.path || ', label ' || ifnull(b.label, 'unknown'), 10, id FROM image a "
                "JOIN other_image b USING (id) WHERE a.path <> b.path OR a.label IS NOT b.label "
                "ORDER BY 4, 5 LIMIT 1";

static const char sql_mixed[] =
    "SELECT a.backend, a.device, a.isa, a.library, b.backend, b.device, b.isa, b.library "
    "FROM run a JOIN other_run b ON a.fingerprint <> b.fingerprint "
    "WHERE a.trials + a.goldens > 0 AND b.trials + b.goldens > 0 ORDER BY a.id, b.id LIMIT 1";

static const char *text(sqlite3_stmt *q, int column)
{
    const char *t = (const char *)sqlite3_column_text(q, column);
    return t ? t : "";
}

static bs_status refuse_identity(void *paths, sqlite3_stmt *q)
{
    const char *const *path = paths;
    bs_fail(BS_ERR, "'%s' belongs to another campaign than '%s': its %s is '%s', the other's is '%s'",
            path[1], path[0], text(q, 0), text(q, 2), text(q, 1));
    return strcmp(text(q, 0), "hash of scales") == 0
               ? bs_hint("their scales were made of other images, or by CPUs whose sums differ: run all "
                         "shards of "
                         "a job with the same images, on one kind of machine")
               : bs_hint("merge the shards of one job only");
}

static bs_status refuse_numerics(void *paths, sqlite3_stmt *q)
{
    const char *const *path = paths;
    bs_fail(BS_ERR, "the numerics of '%s' (%s on %s, %s, %s) differ from those of '%s' (%s on %s, %s, %s)",
            path[1], text(q, 4), text(q, 5), text(q, 6), text(q, 7), path[0], text(q, 0), text(q, 1),
            text(q, 2), text(q, 3));
    return bs_hint("run all shards on one kind of machine, or allow the mixture with --allow-mixed");
}

/* Trials of the same outcome would be counted in two ways: those that are masked have the golden answer. */
static const char sql_goldens[] =
    "SELECT a.image, a.sha256 <> b.sha256 FROM golden a JOIN other_golden b USING (image) WHERE "
    "(a.sha256, a.logits_hash, a.p_top1, a.flags, a.top1, a.top2, a.top3, a.top4, a.top5, a.score1, "
    "a.score2, "
    "a.score3, a.score4, a.score5) IS NOT (b.sha256, b.logits_hash, b.p_top1, b.flags, b.top1, b.top2, "
    "b.top3, b.top4, b.top5, b.score1, b.score2, b.score3, b.score4, b.score5) ORDER BY 1 LIMIT 1";

static bs_status refuse_golden(void *paths, sqlite3_stmt *q)
{
    const char *const *path = paths;
    bs_fail(BS_ERR, "'%s' and '%s' disagree on the golden run of image %lld%s", path[0], path[1],
            (long long)sqlite3_column_int64(q, 0),
            sqlite3_column_int(q, 1) ? ", which they read from different files" : "");
    return bs_hint("merge without the file that is wrong");
}

bs_status bs_combine_check(const bs_db *db, const char *other_path, bool allow_mixed)
{
    const char *paths[] = {db->path, other_path};
    BS_TRY(bs_db_each(db, sql_differences, BS_NO_BIND, refuse_identity, paths));
    if (allow_mixed)
        return BS_OK;
    BS_TRY(bs_db_each(db, sql_mixed, BS_NO_BIND, refuse_numerics, paths));
    return bs_db_each(db, sql_goldens, BS_NO_BIND, refuse_golden, paths);
}

static const char sql_audits[] = "INSERT OR REPLACE INTO main.audit SELECT a.trial, a.full, m.id, a.died_at, "
                                 "a.top1, a.top2, a.top3, a.top4, "
                                 "a.top5, a.score1, a.score2, a.score3, a.score4, a.score5, a.p_golden, "
                                 "a.flags, a.logits_hash FROM other_audit "
                                 "a JOIN other_run o ON o.id = a.run JOIN main.run m ON m.uid = o.uid";

static const char sql_proofs[] =
    "INSERT OR IGNORE INTO main.proof SELECT m.id, p.key, p.layer, p.what, p.outcome, p.made, p.seconds FROM "
    "other_proof p JOIN other_run o ON o.id = p.run JOIN main.run m ON m.uid = o.uid";

/* Of two copies of a file, the later one has counted more. */
static const char sql_devices[] =
    "INSERT INTO main.run_device SELECT m.id, d.ordinal, d.workers, d.trials, d.goldens, d.lost, d.reason "
    "FROM other_run_device d JOIN other_run o ON o.id = d.run JOIN main.run m ON m.uid = o.uid WHERE true ON "
    "CONFLICT DO UPDATE SET trials = max(trials, excluded.trials), goldens = max(goldens, excluded.goldens), "
    "lost = coalesce(lost, excluded.lost), reason = coalesce(reason, excluded.reason)";

/* Builds the statement that copies runs from the names of all columns but `id`. */
static bs_status put_run_copy(void *sql, sqlite3_stmt *q)
{
    bs_str_printf(
        sql,
        "INSERT INTO main.run (%s) SELECT %s FROM other_run WHERE true ON CONFLICT (uid) DO UPDATE SET "
        "ended = excluded.ended, seconds = excluded.seconds, trials = excluded.trials, "
        "goldens = excluded.goldens, exit = excluded.exit, audited = excluded.audited, "
        "audit_equal = excluded.audit_equal, start_seconds = excluded.start_seconds, "
        "selftest = excluded.selftest WHERE excluded.seconds >= seconds",
        text(q, 0), text(q, 0));
    return bs_str_status(sql);
}

/* Copies runs, their devices, proofs and audits. Runs get new ids in the merged file; their uid identifies
 * them. What an earlier copy of a file says of a run does not take the place of what a later one said. */
static bs_status copy_runs(const bs_db *db)
{
    bs_str sql = {0};
    bs_status st;
    BS_TRY_GOTO(bs_db_each(db,
                           "SELECT group_concat(name, ', ') FROM pragma_table_info('run') WHERE name <> 'id'",
                           BS_NO_BIND, put_run_copy, &sql),
                out);
    BS_TRY_GOTO(bs_db_exec(db, "write", sql.ptr), out);
    BS_TRY_GOTO(bs_db_exec(db, "write", sql_devices), out);
    BS_TRY_GOTO(bs_db_exec(db, "write", sql_proofs), out);
    st = bs_db_exec(db, "write", sql_audits);
out:
    bs_str_clear(&sql);
    return st;
}

/* Unites the strata. Their storage is not part of the identity and may differ between shards that ran with
 * different states of the job: that of the latest run counts. Call before runs are copied. */
static bs_status unite_strata(const bs_db *db)
{
    sqlite3_int64 differ = 0;
    BS_TRY(
        bs_db_integer(&differ, db,
                      "SELECT count(*) FROM main.stratum a JOIN other_stratum b USING (entry, layer) WHERE "
                      "a.storage <> b.storage"));
    if (differ > 0)
        bs_warn("the files disagree on the storage of %lld strata: the latest run counts", (long long)differ);
    return bs_db_exec(
        db, "write",
        "INSERT INTO main.stratum SELECT * FROM other_stratum WHERE true ON CONFLICT DO UPDATE SET "
        "repetitions = "
        "max(repetitions, excluded.repetitions), storage = iif((SELECT max(started) FROM other_run) >= "
        "ifnull((SELECT max(started) FROM main.run), ''), excluded.storage, storage)");
}

bs_status bs_combine_union(const bs_db *db, bool fresh)
{
    static const char sql_campaign[] = "INSERT INTO main.campaign SELECT * FROM other_campaign;"
                                       "UPDATE main.campaign SET shard = NULL, shards = NULL";
    static const char sql_rest[] =
        "UPDATE main.campaign SET (name, job, job_path, model, job_trials) = (SELECT name, job, job_path, "
        "model, "
        "job_trials FROM other_campaign) WHERE job_trials < (SELECT job_trials FROM other_campaign);"
        "UPDATE main.campaign SET planned_trials = job_trials;"
        "INSERT INTO main.class SELECT * FROM other_class WHERE true ON CONFLICT (id) DO UPDATE SET "
        "name = coalesce(excluded.name, name);"
        "INSERT OR IGNORE INTO main.layer SELECT * FROM other_layer;"
        "INSERT OR IGNORE INTO main.layer_scale SELECT * FROM other_layer_scale;"
        "INSERT INTO main.entry SELECT * FROM other_entry WHERE true ON CONFLICT (id) DO UPDATE SET "
        "trials = max(trials, excluded.trials);"
        "INSERT OR IGNORE INTO main.network_target SELECT * FROM other_network_target;"
        "INSERT OR IGNORE INTO main.image SELECT * FROM other_image";
    if (fresh)
        BS_TRY(bs_db_exec(db, "write", sql_campaign));
    BS_TRY(bs_db_exec(db, "write", sql_rest));
    BS_TRY(unite_strata(db));
    return copy_runs(db);
}
