/* A merge walks the ledgers of all inputs side by side, in the order of ids, and hands the rows that are
 * missing to the same writer that runs use: appending in that order keeps the speed flat, and summaries,
 * ledger and rows are committed together as in a run. (SQL's ATTACH could not do that: it takes ten files at
 * most.) */
#include "store/merge.h"

#include "base/buf.h"
#include "store/combine.h"
#include "store/internal.h"
#include "store/schema.h"
#include "store/source.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Rows, units and golden rows of one batch; a unit may go on in the next. */
enum { CHUNK = 4096 };

typedef struct merge {
    bs_store *store;
    bs_source *source;
    int n;
    bs_plan plan;
    bs_job job;
    bs_row *rows;
    bs_unit *units;
    bs_golden_row *golden;
    bs_broken_row *broken;
    bs_batch batch;
    uint64_t added;
    volatile sig_atomic_t *stop;
} merge;

/* --- what the store must know of the plan, from the merged file
 * ------------------------------------------------------------- */

static bs_status load_entries(merge *m)
{
    sqlite3_stmt *q = NULL;
    size_t cap = 0;
    bool row;
    bs_status st;
    BS_TRY(bs_db_prepare(&q, m->store->db, "SELECT id FROM entry ORDER BY id"));
    for (;;) {
        BS_TRY_GOTO(bs_db_step(m->store->db, q, &row), out);
        if (!row)
            break;
        BS_TRY_GOTO(
            bs_grow(&m->job.entries, &cap, (size_t)m->job.n_entries + 1, sizeof *m->job.entries, "entries"),
            out);
        m->job.entries[m->job.n_entries++] = (bs_entry){.id = sqlite3_column_int(q, 0)};
    }
out:
    sqlite3_finalize(q);
    return st;
}

static bs_status load_strata(merge *m)
{
    const bs_db *db = m->store->db;
    sqlite3_stmt *q = NULL;
    size_t cap = 0;
    bool row;
    int e = 0;
    bs_status st;
    BS_TRY(bs_db_prepare(&q, db,
                         "SELECT entry, layer, parameter, repetitions FROM stratum ORDER BY entry, layer"));
    for (;;) {
        BS_TRY_GOTO(bs_db_step(db, q, &row), out);
        if (!row)
            break;
        while (e < m->job.n_entries && m->job.entries[e].id < sqlite3_column_int(q, 0))
            e++;
        if (e == m->job.n_entries || m->job.entries[e].id != sqlite3_column_int(q, 0)) {
            st = bs_fail(BS_ERR, "result file '%s' is damaged: it has a stratum of no entry", db->path);
            goto out;
        }
        BS_TRY_GOTO(
            bs_grow(&m->plan.strata, &cap, (size_t)m->plan.n_strata + 1, sizeof *m->plan.strata, "strata"),
            out);
        m->plan.strata[m->plan.n_strata++] = (bs_stratum){
            .entry = e,
            .target = sqlite3_column_int(q, 1),
            .is_parameter = sqlite3_column_int(q, 2) != 0,
            .repetitions = (uint32_t)sqlite3_column_int64(q, 3),
        };
    }
out:
    sqlite3_finalize(q);
    return st;
}

static bs_status load_plan(merge *m)
{
    sqlite3_int64 images = 0, last = 0;
    const bs_db *db = m->store->db;
    m->plan.job = &m->job;
    BS_TRY(load_entries(m));
    BS_TRY(load_strata(m));
    BS_TRY(bs_db_integer(&images, db, "SELECT count(*) FROM image"));
    BS_TRY(bs_db_integer(&last, db, "SELECT max(id) FROM image"));
    if (images > (sqlite3_int64)1 << BS_IMAGE_BITS || (images > 0 && last != images - 1))
        return bs_fail(BS_ERR, "result file '%s' is damaged: images are missing", db->path);
    m->plan.n_images = m->store->n_images = (uint32_t)images;
    m->store->plan = &m->plan;
    return BS_OK;
}

/* --- the merged file
 * ---------------------------------------------------------------------------------------- */

/* Before the merged file is touched: are the inputs of one campaign? */
static bs_status check_inputs(merge *m, char *const *inputs, bool allow_mixed)
{
    bs_db *base = NULL;
    bs_status st = BS_OK;
    BS_TRY(bs_db_open(&base, inputs[0]));
    for (int i = 1; i < m->n; i++) {
        BS_TRY_GOTO(bs_combine_attach(base, inputs[i]), out);
        st = bs_combine_check(base, inputs[i], allow_mixed);
        bs_combine_detach(base);
        if (st != BS_OK)
            goto out;
    }
out:
    bs_db_close(base);
    return st;
}

static bs_status unite(merge *m, bool fresh, char *const *inputs, bool allow_mixed)
{
    const bs_db *db = m->store->db;
    bs_status st = BS_OK;
    for (int i = 0; i < m->n; i++, fresh = false) {
        BS_TRY(bs_combine_attach(db, inputs[i]));
        BS_TRY_GOTO(bs_db_exec(db, "write", "BEGIN IMMEDIATE"), out);
        if (fresh)
            BS_TRY_GOTO(bs_store_create_schema(db), out);
        else
            BS_TRY_GOTO(bs_combine_check(db, inputs[i], allow_mixed), out);
        if (i == 0 && !fresh)
            BS_TRY_GOTO(bs_schema_update(db), out);
        BS_TRY_GOTO(bs_combine_union(db, fresh), out);
        BS_TRY_GOTO(bs_db_exec(db, "write", "COMMIT"), out);
        BS_TRY_GOTO(bs_source_map_runs(&m->source[i], db), out);
        bs_combine_detach(db);
    }
    return BS_OK;
out:
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

/* --- the walk
 * ----------------------------------------------------------------------------------------------- */

static bs_status flush(merge *m)
{
    bs_batch *b = &m->batch;
    if (b->n_golden + b->n_rows + b->n_units + b->n_broken == 0)
        return BS_OK;
    BS_TRY(bs_store_add(m->store, b));
    m->added += b->n_rows;
    b->n_golden = b->n_rows = b->n_units = b->n_broken = 0;
    return m->stop && *m->stop ? bs_fail(BS_STOPPED, "stopped") : BS_OK;
}

static bs_status copy_golden(merge *m, bs_source *s)
{
    bool row;
    for (;;) {
        BS_TRY(bs_source_golden(s, &m->golden[m->batch.n_golden], &row));
        if (!row)
            return flush(m);
        if (++m->batch.n_golden == CHUNK)
            BS_TRY(flush(m));
    }
}

/* After the golden rows, each of which says that its image can be read. */
static bs_status copy_broken(merge *m, bs_source *s)
{
    bool row;
    for (;;) {
        BS_TRY(bs_source_broken(s, &m->broken[m->batch.n_broken], &row));
        if (!row)
            return flush(m);
        if (++m->batch.n_broken == CHUNK)
            BS_TRY(flush(m));
    }
}

/* Repetitions from..done-1 of the unit that the source stands at. */
static bs_status copy_unit(merge *m, bs_source *s, uint32_t from)
{
    bs_unit u = s->unit;
    BS_TRY(bs_source_begin_rows(s, from));
    for (uint32_t rep = from; rep < s->unit.done; rep++) {
        BS_TRY(bs_source_row(s, rep, &m->rows[m->batch.n_rows++]));
        if (m->batch.n_rows < CHUNK)
            continue;
        u.done = rep + 1;
        m->units[m->batch.n_units++] = u;
        BS_TRY(flush(m));
    }
    m->units[m->batch.n_units++] = s->unit;
    return m->batch.n_units == CHUNK ? flush(m) : BS_OK;
}

static int compare_units(const bs_unit *a, const bs_unit *b)
{
    uint64_t x = bs_trial_id((bs_trial){a->entry, a->target, a->image, 0});
    uint64_t y = bs_trial_id((bs_trial){b->entry, b->target, b->image, 0});
    return (x > y) - (x < y);
}

static bs_status copy_rows(merge *m)
{
    for (int i = 0; i < m->n; i++)
        BS_TRY(bs_source_begin_units(&m->source[i]));
    for (;;) {
        bs_source *best = NULL;
        for (int i = 0; i < m->n; i++) {
            bs_source *s = &m->source[i];
            int order = s->at_end ? 1 : best ? compare_units(&s->unit, &best->unit) : -1;
            if (order < 0 || (order == 0 && s->unit.done > best->unit.done))
                best = s;
        }
        if (!best)
            return flush(m);
        bs_unit done = best->unit;
        int k = bs_store_stratum(&m->plan, done.entry, done.target);
        if (k < 0 || done.image >= m->plan.n_images)
            return bs_fail(BS_ERR, "result file '%s' is damaged: its ledger has a unit of no stratum",
                           best->db->path);
        uint32_t have = bs_store_done(m->store, k, done.image);
        if (done.done > have)
            BS_TRY(copy_unit(m, best, have));
        for (int i = 0; i < m->n; i++)
            if (!m->source[i].at_end && compare_units(&m->source[i].unit, &done) == 0)
                BS_TRY(bs_source_next_unit(&m->source[i]));
    }
}

static bs_status copy_all(merge *m)
{
    for (int i = 0; i < m->n; i++)
        BS_TRY(copy_golden(m, &m->source[i]));
    for (int i = 0; i < m->n; i++)
        BS_TRY(copy_broken(m, &m->source[i]));
    return copy_rows(m);
}

/* --- the report
 * ---------------------------------------------------------------------------------------------- */

static bs_status describe_inputs(bs_merge_report *r, merge *m, char *const *inputs)
{
    BS_TRY(bs_calloc(&r->input, (size_t)m->n, sizeof *r->input, "report"));
    for (int i = 0; i < m->n; i++) {
        bs_merge_input *in = &r->input[i];
        in->path = inputs[i];
        r->n_inputs = i + 1;
        BS_TRY(bs_source_describe(&m->source[i], in));
        if (in->shards > r->shards)
            r->shards = in->shards;
    }
    return BS_OK;
}

/* A shard whose number no run in the file has is absent. */
static bs_status find_absent(bs_merge_report *r, const bs_db *db)
{
    sqlite3_stmt *q = NULL;
    bool row;
    bs_status st;
    BS_TRY(bs_calloc(&r->absent, r->shards, sizeof *r->absent, "report"));
    memset(r->absent, 1, r->shards * sizeof *r->absent);
    BS_TRY(bs_db_prepare(&q, db, "SELECT DISTINCT shard FROM run WHERE shard > 0"));
    do {
        BS_TRY_GOTO(bs_db_step(db, q, &row), out);
        if (row && sqlite3_column_int64(q, 0) <= r->shards)
            r->absent[sqlite3_column_int64(q, 0) - 1] = false;
    } while (row);
out:
    sqlite3_finalize(q);
    return st;
}

static bs_status count_missing(bs_merge_report *r, merge *m)
{
    const bs_db *db = m->store->db;
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
    return bs_store_left_out(m->store, &images, &r->left_out);
}

static void merge_clear(merge *m)
{
    for (int i = 0; m->source && i < m->n; i++)
        bs_source_close(&m->source[i]);
    free(m->source);
    bs_store_close(m->store);
    free(m->job.entries);
    free(m->plan.strata);
    free(m->rows);
    free(m->units);
    free(m->golden);
    free(m->broken);
}

static bs_status merge_open(merge *m, const char *out, char *const *inputs, bool allow_mixed)
{
    bool fresh = false;
    BS_TRY(bs_calloc(&m->rows, CHUNK, sizeof *m->rows, "merge"));
    BS_TRY(bs_calloc(&m->units, CHUNK + 1, sizeof *m->units, "merge"));
    BS_TRY(bs_calloc(&m->golden, CHUNK, sizeof *m->golden, "merge"));
    BS_TRY(bs_calloc(&m->broken, CHUNK, sizeof *m->broken, "merge"));
    m->batch = (bs_batch){.golden = m->golden, .rows = m->rows, .units = m->units, .broken = m->broken};
    BS_TRY(bs_calloc(&m->source, (size_t)m->n, sizeof *m->source, "merge"));
    for (int i = 0; i < m->n; i++)
        BS_TRY(bs_source_open(&m->source[i], inputs[i]));
    BS_TRY(refuse_itself(out, inputs, m->n));
    BS_TRY(check_inputs(m, inputs, allow_mixed));
    BS_TRY(bs_calloc(&m->store, 1, sizeof *m->store, "result file"));
    BS_TRY(bs_lock_take(&m->store->lock, out));
    BS_TRY(bs_db_open_for_writing(&m->store->db, out, &fresh));
    if (!fresh)
        BS_TRY(refuse_shard(m->store->db));
    BS_TRY(unite(m, fresh, inputs, allow_mixed));
    BS_TRY(load_plan(m));
    BS_TRY(bs_store_load(m->store));
    m->store->merging = true;
    m->store->allow_mixed = allow_mixed;
    return bs_store_prepare(m->store);
}

bs_status bs_store_merge(bs_merge_report *report, const char *out, char *const *inputs, int n,
                         bool allow_mixed, volatile sig_atomic_t *stop)
{
    merge m = {.n = n, .stop = stop};
    bs_status st;
    BS_TRY_GOTO(merge_open(&m, out, inputs, allow_mixed), out);
    BS_TRY_GOTO(describe_inputs(report, &m, inputs), out);
    report->found = bs_store_trials(m.store);
    st = copy_all(&m);
    bs_error error;
    bs_error_save(&error);
    if (st == BS_OK || st == BS_STOPPED) {
        BS_TRY_GOTO(bs_store_end_run(m.store, 0), out);
        report->added = m.added;
        BS_TRY_GOTO(find_absent(report, m.store->db), out);
        BS_TRY_GOTO(count_missing(report, &m), out);
        st = error.status == BS_STOPPED ? bs_error_restore(&error) : BS_OK;
    }
out:
    merge_clear(&m);
    return st;
}

void bs_merge_report_clear(bs_merge_report *r)
{
    free(r->input);
    free(r->absent);
    memset(r, 0, sizeof *r);
}
