/* Copies missing rows. Reads the ledgers of all sources in parallel, in the order of ids, and passes missing
 * rows to the same writer that runs use. Appending in that order keeps the speed constant, and summaries,
 * ledger and rows are committed together as in a run. (SQL's ATTACH could not do this: it takes ten files at
 * most.) */
#include "store/copy.h"

#include "base/buf.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Rows, units and golden rows of one batch, and sites after which it ends early; a unit may continue in the
 * next. */
enum { CHUNK = 4096, MOST_SITES = 1 << 20 };

/* --- The plan, as the written file describes it --- */

/* Blames the first source, which the written file's description came from, or that file. */
static bs_status fail_damaged(const bs_copy *c, const char *what)
{
    bs_fail(BS_ERR, "result file '%s' is damaged: %s", c->n == 1 ? c->source[0].db->path : c->store->db->path,
            what);
    return bs_hint("rescue what is left with `sqlite3 FILE .recover`, or run its job again into a new file");
}

typedef struct plan_load {
    bs_copy *c;
    size_t cap_entries, cap_strata;
    int entry; /* of the last stratum read */
} plan_load;

static bs_status load_entry(void *context, sqlite3_stmt *q)
{
    plan_load *l = context;
    bs_job *job = &l->c->job;
    BS_TRY(
        bs_grow(&job->entries, &l->cap_entries, (size_t)job->n_entries + 1, sizeof *job->entries, "entries"));
    job->entries[job->n_entries++] = (bs_entry){.id = sqlite3_column_int(q, 0)};
    return BS_OK;
}

static bs_status load_stratum(void *context, sqlite3_stmt *q)
{
    plan_load *l = context;
    const bs_job *job = &l->c->job;
    bs_plan *plan = &l->c->plan;
    while (l->entry < job->n_entries && job->entries[l->entry].id < sqlite3_column_int(q, 0))
        l->entry++;
    if (l->entry == job->n_entries || job->entries[l->entry].id != sqlite3_column_int(q, 0))
        return fail_damaged(l->c, "it has a stratum of no entry");
    BS_TRY(
        bs_grow(&plan->strata, &l->cap_strata, (size_t)plan->n_strata + 1, sizeof *plan->strata, "strata"));
    plan->strata[plan->n_strata++] = (bs_stratum){
        .entry = l->entry,
        .target = sqlite3_column_int(q, 1),
        .is_parameter = sqlite3_column_int(q, 2) != 0,
        .repetitions = (uint32_t)sqlite3_column_int64(q, 3),
    };
    return BS_OK;
}

static bs_status load_plan(bs_copy *c)
{
    plan_load l = {.c = c};
    sqlite3_int64 images = 0, last = 0;
    const bs_db *db = c->store->db;
    c->plan.job = &c->job;
    BS_TRY(bs_db_each(db, "SELECT id FROM entry ORDER BY id", BS_NO_BIND, load_entry, &l));
    BS_TRY(bs_db_each(db, "SELECT entry, layer, parameter, repetitions FROM stratum ORDER BY entry, layer",
                      BS_NO_BIND, load_stratum, &l));
    BS_TRY(bs_db_integer(&images, db, "SELECT count(*) FROM image"));
    BS_TRY(bs_db_integer(&last, db, "SELECT max(id) FROM image"));
    if (images > (sqlite3_int64)1 << BS_IMAGE_BITS || (images > 0 && last != images - 1))
        return fail_damaged(c, "images are missing");
    c->plan.n_images = c->store->n_images = (uint32_t)images;
    c->store->plan = &c->plan;
    return BS_OK;
}

/* --- The copy --- */

static bs_status flush(bs_copy *c)
{
    bs_result_batch *b = &c->batch;
    if (bs_result_batch_is_empty(b))
        return BS_OK;
    BS_TRY(bs_store_add(c->store, b));
    c->added += b->n_rows;
    b->n_golden = b->n_rows = b->n_units = b->n_broken = b->n_sites = b->n_rankings = b->n_ranks = 0;
    return c->stop && *c->stop ? bs_fail(BS_STOPPED, "stopped") : BS_OK;
}

static bs_status copy_golden(bs_copy *c, bs_source *s)
{
    bool row;
    for (;;) {
        BS_TRY(bs_source_golden(s, &c->batch.golden[c->batch.n_golden], &row));
        if (!row)
            return flush(c);
        BS_TRY(bs_source_golden_ranking(s, c->batch.golden[c->batch.n_golden].image, &c->batch));
        if (++c->batch.n_golden == CHUNK)
            BS_TRY(flush(c));
    }
}

/* Copies broken images. Call after copy_golden(): a golden row shows that its image can be read. */
static bs_status copy_broken(bs_copy *c, bs_source *s)
{
    bool row;
    for (;;) {
        BS_TRY(bs_source_broken(s, &c->batch.broken[c->batch.n_broken], &row));
        if (!row)
            return flush(c);
        if (++c->batch.n_broken == CHUNK)
            BS_TRY(flush(c));
    }
}

/* Copies repetitions from..done-1 of the source's current unit. */
static bs_status copy_unit(bs_copy *c, bs_source *s, uint32_t from)
{
    bs_unit u = s->unit;
    BS_TRY(bs_source_begin_rows(s, from));
    for (uint32_t rep = from; rep < s->unit.done; rep++) {
        bs_row *row = &c->batch.rows[c->batch.n_rows++];
        BS_TRY(bs_source_row(s, rep, row));
        BS_TRY(bs_source_details(s, row->id, &c->batch));
        if (c->batch.n_rows < CHUNK && c->batch.n_sites < MOST_SITES)
            continue;
        u.done = rep + 1;
        c->batch.units[c->batch.n_units++] = u;
        BS_TRY(flush(c));
    }
    c->batch.units[c->batch.n_units++] = s->unit;
    return c->batch.n_units == CHUNK ? flush(c) : BS_OK;
}

static bs_status copy_rows(bs_copy *c)
{
    for (int i = 0; i < c->n; i++)
        BS_TRY(bs_source_begin_units(&c->source[i]));
    for (;;) {
        bs_source *best = NULL;
        for (int i = 0; i < c->n; i++) {
            bs_source *s = &c->source[i];
            int order = s->at_end ? 1 : best ? bs_unit_order(&s->unit, &best->unit) : -1;
            if (order < 0 || (order == 0 && s->unit.done > best->unit.done))
                best = s;
        }
        if (!best)
            return flush(c);
        bs_unit done = best->unit;
        int k = bs_store_stratum(&c->plan, done.entry, done.target);
        if (k < 0 || done.image >= c->plan.n_images) {
            bs_fail(BS_ERR, "result file '%s' is damaged: its ledger has a unit of no stratum",
                    best->db->path);
            return bs_hint("run its job again into a new file");
        }
        uint32_t have = bs_store_done(c->store, k, done.image);
        if (done.done > have)
            BS_TRY(copy_unit(c, best, have));
        for (int i = 0; i < c->n; i++)
            if (!c->source[i].at_end && bs_unit_order(&c->source[i].unit, &done) == 0)
                BS_TRY(bs_source_next_unit(&c->source[i]));
    }
}

bs_status bs_copy_all(bs_copy *c)
{
    for (int i = 0; i < c->n; i++)
        BS_TRY(copy_golden(c, &c->source[i]));
    for (int i = 0; i < c->n; i++)
        BS_TRY(copy_broken(c, &c->source[i]));
    return copy_rows(c);
}

/* --- From open to clear --- */

bs_status bs_copy_open(bs_copy *c, char *const *inputs, int n)
{
    c->batch = (bs_result_batch){
        .cap_rows = CHUNK, .cap_units = CHUNK + 1, .cap_golden = CHUNK, .cap_broken = CHUNK};
    BS_TRY(bs_calloc(&c->batch.rows, CHUNK, sizeof *c->batch.rows, "rows"));
    BS_TRY(bs_calloc(&c->batch.units, CHUNK + 1, sizeof *c->batch.units, "rows"));
    BS_TRY(bs_calloc(&c->batch.golden, CHUNK, sizeof *c->batch.golden, "rows"));
    BS_TRY(bs_calloc(&c->batch.broken, CHUNK, sizeof *c->batch.broken, "rows"));
    BS_TRY(bs_calloc(&c->source, (size_t)n, sizeof *c->source, "rows"));
    c->n = n;
    for (int i = 0; i < n; i++)
        BS_TRY(bs_source_open(&c->source[i], inputs[i]));
    return bs_calloc(&c->store, 1, sizeof *c->store, "result file");
}

bs_status bs_copy_begin(bs_copy *c, bool allow_mixed)
{
    BS_TRY(load_plan(c));
    BS_TRY(bs_store_load(c->store));
    c->store->merging = true;
    c->store->allow_mixed = allow_mixed;
    return bs_store_prepare(c->store);
}

void bs_copy_clear(bs_copy *c)
{
    for (int i = 0; c->source && i < c->n; i++)
        bs_source_close(&c->source[i]);
    free(c->source);
    bs_store_close(c->store);
    free(c->job.entries);
    free(c->plan.strata);
    bs_result_batch_clear(&c->batch);
    memset(c, 0, sizeof *c);
}
