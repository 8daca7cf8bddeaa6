#include "store/merge.h"

#include "base/buf.h"
#include "base/log.h"
#include "store/combine.h"
#include "store/copy.h"
#include "store/schema.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* --- The merged file --- */

/* Checks that the inputs are of one campaign, before the merged file is touched. */
static bs_status check_inputs(char *const *inputs, int n, bool allow_mixed)
{
    bs_db *base = NULL;
    bs_status st = BS_OK;
    BS_TRY(bs_db_open(&base, inputs[0]));
    for (int i = 1; i < n; i++) {
        BS_TRY_GOTO(bs_combine_attach(base, inputs[i]), out);
        st = bs_combine_check(base, inputs[i], allow_mixed);
        if (st != BS_OK)
            bs_combine_blame(base, inputs[i]);
        bs_combine_detach(base);
        if (st != BS_OK)
            goto out;
    }
out:
    bs_db_close(base);
    return st;
}

/* Settles the settings: a new file takes those of the first input, as if one run had made it; an old one
 * keeps its own. */
static bs_status unite_settings(const bs_db *db, bool fresh, char *const *inputs, int i)
{
    uint64_t lost = 0;
    bool same = true;
    if (fresh)
        BS_TRY(bs_schema_copy_settings(db, "other", &lost));
    if (lost > 0)
        bs_warn("%s: %llu setting(s) are no longer allowed and have their defaults", inputs[i],
                (unsigned long long)lost);
    BS_TRY(bs_schema_same_settings(&same, db, "other"));
    if (!same && lost == 0)
        bs_warn("%s has other settings than '%s', which keeps its own", inputs[i], db->path);
    return BS_OK;
}

static bs_status unite(bs_copy *c, bool fresh, char *const *inputs, bool allow_mixed)
{
    const bs_db *db = c->store->db;
    bs_status st = BS_OK;
    const char *at = "";
    for (int i = 0; i < c->n; i++, fresh = false) {
        at = inputs[i];
        BS_TRY(bs_combine_attach(db, at));
        BS_TRY_GOTO(bs_db_exec(db, "write", "BEGIN IMMEDIATE"), out);
        if (fresh)
            BS_TRY_GOTO(bs_store_create_schema(db), out);
        else
            BS_TRY_GOTO(bs_combine_check(db, inputs[i], allow_mixed), out);
        if (i == 0 && !fresh)
            BS_TRY_GOTO(bs_schema_update(db), out);
        BS_TRY_GOTO(bs_combine_union(db, fresh), out);
        BS_TRY_GOTO(unite_settings(db, fresh, inputs, i), out);
        BS_TRY_GOTO(bs_db_commit(db), out);
        BS_TRY_GOTO(bs_source_map_runs(&c->source[i], db), out);
        bs_combine_detach(db);
    }
    return BS_OK;
out:
    bs_combine_blame(db, at);
    if (!sqlite3_get_autocommit(db->handle))
        sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
    bs_combine_detach(db);
    return st;
}

static bs_status refuse_shard(const bs_db *db)
{
    sqlite3_int64 shards = 0;
    BS_TRY(bs_db_integer(&shards, db, "SELECT shards FROM campaign"));
    if (shards == 0)
        return BS_OK;
    bs_fail(BS_ERR, "cannot merge into '%s': it is a shard itself", db->path);
    return bs_hint("the first file named is the one to be made: bitsink merge OUT SHARD...");
}

static bs_status refuse_itself(const char *out, char *const *inputs, int n)
{
    struct stat a, b;
    for (int i = 0; i < n; i++)
        if (stat(out, &a) == 0 && stat(inputs[i], &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino)
            return bs_fail(BS_USAGE, "cannot merge '%s' into itself", out);
    return BS_OK;
}

/* --- The report --- */

static bs_status describe_inputs(bs_merge_report *r, bs_copy *c, char *const *inputs)
{
    BS_TRY(bs_calloc(&r->input, (size_t)c->n, sizeof *r->input, "report"));
    for (int i = 0; i < c->n; i++) {
        bs_merge_input *in = &r->input[i];
        in->path = inputs[i];
        r->n_inputs = i + 1;
        BS_TRY(bs_source_describe(&c->source[i], in));
        if (in->shards > r->shards)
            r->shards = in->shards;
    }
    return BS_OK;
}

static bs_status mark_present(void *report, sqlite3_stmt *q)
{
    const bs_merge_report *r = report;
    if (sqlite3_column_int64(q, 0) <= r->shards)
        r->absent[sqlite3_column_int64(q, 0) - 1] = false;
    return BS_OK;
}

/* Marks the shards whose number no run in the file has as absent. */
static bs_status find_absent(bs_merge_report *r, const bs_db *db)
{
    BS_TRY(bs_calloc(&r->absent, r->shards, sizeof *r->absent, "report"));
    memset(r->absent, 1, r->shards * sizeof *r->absent);
    return bs_db_each(db, "SELECT DISTINCT shard FROM run WHERE shard > 0", BS_NO_BIND, mark_present, r);
}

static bs_status count_missing(bs_merge_report *r, bs_copy *c)
{
    const bs_db *db = c->store->db;
    sqlite3_int64 planned = 0, units = 0;
    BS_TRY(bs_db_integer(&planned, db, "SELECT planned_trials FROM campaign"));
    BS_TRY(bs_db_integer(
        &units, db,
        "SELECT (SELECT count(*) FROM stratum s JOIN entry e ON e.id = s.entry WHERE e.sites IS NULL) * "
        "(SELECT count(*) FROM image) - (SELECT count(*) FROM unit u JOIN stratum s USING (entry, layer) "
        "JOIN entry e ON e.id = s.entry WHERE e.sites IS NULL AND u.done >= s.repetitions)"));
    r->planned = (uint64_t)planned;
    r->missing_units = (uint64_t)units;
    uint64_t images;
    return bs_store_left_out(c->store, &images, &r->left_out);
}

static bs_status merge_open(bs_copy *c, const char *out, char *const *inputs, int n, bool allow_mixed)
{
    bool fresh = false;
    BS_TRY(bs_copy_open(c, inputs, n));
    BS_TRY(refuse_itself(out, inputs, n));
    BS_TRY(check_inputs(inputs, n, allow_mixed));
    BS_TRY(bs_lock_take(&c->store->lock, out));
    BS_TRY(bs_db_open_for_writing(&c->store->db, out, &fresh));
    if (!fresh)
        BS_TRY(refuse_shard(c->store->db));
    BS_TRY(unite(c, fresh, inputs, allow_mixed));
    return bs_copy_begin(c, allow_mixed);
}

bs_status bs_store_merge(bs_merge_report *report, const char *out, char *const *inputs, int n,
                         bool allow_mixed, volatile sig_atomic_t *stop)
{
    bs_copy c = {.stop = stop};
    bs_status st;
    BS_TRY_GOTO(merge_open(&c, out, inputs, n, allow_mixed), out);
    BS_TRY_GOTO(describe_inputs(report, &c, inputs), out);
    report->found = bs_store_trials(c.store);
    st = bs_copy_all(&c);
    bs_error error;
    bs_error_save(&error);
    if (st == BS_OK || st == BS_STOPPED) {
        BS_TRY_GOTO(bs_store_end_run(c.store, 0, NULL), out);
        report->added = c.added;
        BS_TRY_GOTO(find_absent(report, c.store->db), out);
        BS_TRY_GOTO(count_missing(report, &c), out);
        st = error.status == BS_STOPPED ? bs_error_restore(&error) : BS_OK;
    }
out:
    bs_copy_clear(&c);
    return st;
}

void bs_merge_report_clear(bs_merge_report *r)
{
    free(r->input);
    free(r->absent);
    memset(r, 0, sizeof *r);
}
