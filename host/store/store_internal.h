/* What the files of host/store share. Not for others. */
#ifndef BS_STORE_INTERNAL_H
#define BS_STORE_INTERNAL_H

#include "store/db.h"
#include "store/lock.h"
#include "store/store.h"
#include "store/tally.h"

#include <time.h>

/* Images and trials of bs_store_left_out(). */
#define BS_SQL_LEFT_OUT                                                                                      \
    "SELECT count(*), coalesce(sum(trials), 0) - (SELECT coalesce(sum(done), 0) FROM unit WHERE image IN "   \
    "(SELECT image FROM broken_image)) FROM broken_image"

typedef struct bs_statements {
    sqlite3_stmt *masked, *trial, *golden, *broken, *repaired, *unit, *summary, *layer, *fault, *wrong,
        *audit, *run;
} bs_statements;

struct bs_store {
    bs_db *db;
    bs_lock *lock;
    const bs_plan *plan;
    uint32_t n_images;
    bs_gold *gold;      /* by image */
    bool *known;        /* golden row in the file as of the open, by image */
    bool *broken_image; /* by image */
    uint32_t *done;     /* stratum * n_images + image: as of the open; read by other threads meanwhile */
    uint32_t *written;  /* the same, with what this run added */
    uint64_t trials;    /* as of the open */
    uint32_t *groups;   /* scratch of one batch: first row of each (stratum, image) */
    size_t groups_cap;
    bs_statements sql;
    bs_tally tally;
    char strata_hash[17];
    /* the run */
    sqlite3_int64 run; /* 0: none begun */
    bool merging;      /* no run of its own: each row says which one made it */
    bool allow_mixed;
    bool in_transaction;
    bool broken; /* a write failed; nothing more is accepted */
    size_t pending;
    uint64_t run_trials, run_goldens, run_audited, run_audit_equal;
    struct timespec started, opened; /* run, transaction */
};

/* bind.c: text of other people's for a column. Clients read TEXT as UTF-8, so bytes that are not are bound as
 * \xNN. */
bs_status bs_bind_utf8(sqlite3_stmt *q, int index, const char *text);
/* A path that is opened again: one that is not UTF-8 is bound as it is, as a BLOB. */
void bs_bind_path(sqlite3_stmt *q, int index, const char *path);

/* Makes the tables, views and marks of a fresh file, inside the caller's transaction. */
bs_status bs_store_create_schema(const bs_db *db);
/* Fills what the store keeps in memory, from the file; s->db, s->plan and s->n_images are set. */
bs_status bs_store_load(bs_store *s);
/* writer.c: makes the statements that rows are written with. */
bs_status bs_store_prepare(bs_store *s);

/* batch.c: adds to the open transaction and to the counts; after a failure the transaction must be rolled
 * back. */
bs_status bs_result_batch_write(bs_store *s, const bs_result_batch *b);

/* campaign_row.c: writes the row of table campaign, or brings what may change in it up to date. */
bs_status bs_campaign_insert(bs_store *s);
bs_status bs_campaign_update(bs_store *s);

/* identity.c: writes classes, layers, entries, images of a fresh file. */
bs_status bs_identity_write(bs_store *s, const bs_dataset *images, const char *const *class_names);
/* Takes over from the plan what may grow: entries, strata, and images from number `stored` on, the images in
 * the file. */
bs_status bs_identity_extend(bs_store *s, const bs_dataset *images, const char *const *class_names,
                             uint32_t stored);
/* definition.c: hash of the strata a self-test covers: their fault models and targets. */
bs_status bs_identity_strata(const bs_plan *plan, char out[17]);

/* resume.c: fails at the first difference between the file and the plan that is not growth; *n_images: images
 * in the file. */
bs_status bs_resume_check(bs_store *s, const bs_dataset *images, uint32_t *n_images);

/* strata.c */
/* Index of the stratum (entry id, target), -1 if the plan has none. */
int bs_store_stratum(const bs_plan *plan, uint32_t entry, uint32_t target);

#endif
