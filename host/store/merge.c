#include "store/merge.h"

#include "base/buf.h"
#include "base/log.h"
#include "store/combine.h"
#include "store/conflict.h"
#include "store/copy.h"
#include "store/schema.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* --- The merged file --- */

/* Checks that inputs are of the campaign of `db`. */
static bs_status check_campaign(const bs_db *db, char *const *inputs, int n, bool allow_mixed)
{
    for (int i = 0; i < n; i++) {
        BS_TRY(bs_combine_attach(db, inputs[i]));
        bs_status st = bs_combine_check(db, inputs[i], allow_mixed);
        if (st != BS_OK)
            bs_combine_blame(db, inputs[i]);
        bs_combine_detach(db);
        BS_TRY(st);
    }
    return BS_OK;
}

/* The same of all inputs, before the merged file is touched. */
static bs_status check_inputs(char *const *inputs, int n, bool allow_mixed)
{
    bs_db *base = NULL;
    BS_TRY(bs_db_open(&base, inputs[0]));
    bs_status st = check_campaign(base, inputs + 1, n - 1, allow_mixed);
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

static bs_status unite(bs_copy *c, bool fresh, char *const *inputs)
{
    const bs_db *db = c->store->db;
    bs_status st = BS_OK;
    const char *at = "";
    for (int i = 0; i < c->n; i++, fresh = false) {
        at = inputs[i];
        BS_TRY(bs_combine_attach(db, at));
        /* Not IMMEDIATE, which would lock the input, too. The deletion of nothing asks for the right to
         * write. */
        BS_TRY_GOTO(bs_db_exec(db, "write", "BEGIN"), out);
        BS_TRY_GOTO(fresh ? bs_store_create_schema(db)
                          : bs_db_exec(db, "write", "DELETE FROM main.campaign WHERE false"),
                    out);
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
    r->absent[sqlite3_column_int64(q, 0)] = false;
    return BS_OK;
}

/* Marks the shards as absent that have images, but none that a run of whatever shard has come to. */
static bs_status find_absent(bs_merge_report *r, const bs_store *s)
{
    BS_TRY(bs_calloc(&r->absent, r->shards, sizeof *r->absent, "report"));
    for (uint32_t k = 0; k < r->shards && k < s->n_images; k++)
        r->absent[k] = true;
    if (r->shards == 0)
        return BS_OK;
    return bs_db_each(s->db,
                      "SELECT DISTINCT image % ?1 FROM (SELECT image FROM golden UNION ALL SELECT image FROM "
                      "broken_image)",
                      BS_BIND(BS_BIND_INT(r->shards)), mark_present, r);
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

/* Opens the file that is written, when nothing contradicts it or the others: it is left as it is otherwise.
 */
static bs_status open_merged(bs_copy *c, const char *out, char *const *inputs, bool allow_mixed, bool *fresh)
{
    struct stat file;
    bs_source old = {0};
    bool check = !allow_mixed, there = stat(out, &file) == 0;
    if (check && !there)
        BS_TRY(bs_conflict_check(NULL, c->source, c->n));
    BS_TRY(bs_db_open_for_writing(&c->store->db, out, fresh));
    if (!*fresh) {
        BS_TRY(refuse_shard(c->store->db));
        BS_TRY(check_campaign(c->store->db, inputs, c->n, allow_mixed));
    }
    if (!check || !there)
        return BS_OK;
    bs_status st = *fresh ? BS_OK : bs_source_open(&old, out);
    if (st == BS_OK)
        st = bs_conflict_check(*fresh ? NULL : &old, c->source, c->n);
    bs_source_close(&old);
    return st;
}

static bs_status merge_open(bs_copy *c, const char *out, char *const *inputs, int n, bool allow_mixed)
{
    bool fresh = false;
    BS_TRY(bs_copy_open(c, inputs, n));
    BS_TRY(refuse_itself(out, inputs, n));
    BS_TRY(check_inputs(inputs, n, allow_mixed));
    BS_TRY(bs_lock_take(&c->store->lock, out));
    BS_TRY(open_merged(c, out, inputs, allow_mixed, &fresh));
    BS_TRY(unite(c, fresh, inputs));
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
        BS_TRY_GOTO(find_absent(report, c.store), out);
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
