/* Shared by the files of host/store; not for others. */
#ifndef BS_STORE_INTERNAL_H
#define BS_STORE_INTERNAL_H

#include "store/db.h"
#include "store/lock.h"
#include "store/store.h"
#include "store/tally.h"

/* Query for the images and trials of bs_store_left_out(). */
#define BS_SQL_LEFT_OUT                                                                                      \
    "SELECT count(*), coalesce(sum(trials), 0) - (SELECT coalesce(sum(done), 0) FROM unit WHERE image IN "   \
    "(SELECT image FROM broken_image)) FROM broken_image"

/* What a device of the run has done. */
typedef struct bs_device_count {
    int ordinal;
    uint64_t trials, goldens;
    char lost[BS_LOST_TEXT]; /* as in bs_result_batch */
} bs_device_count;

typedef struct bs_statements {
    sqlite3_stmt *masked, *trial, *site, *golden, *golden_ranking, *trial_ranking, *broken, *repaired, *unit,
        *summary, *layer, *fault, *wrong, *audit, *proof, *run, *end;
} bs_statements;

struct bs_store {
    bs_db *db;
    bs_lock *lock;
    const bs_plan *plan;
    uint32_t n_images;
    bs_gold *gold;      /* by image */
    bool *known;        /* by image: the file had its golden row at the open */
    bool *broken_image; /* by image */
    uint32_t *done;     /* at the open, by stratum * n_images + image; other threads read it */
    uint32_t *written;  /* the same, with rows added by this run */
    uint64_t trials;    /* trials at the open */
    uint32_t *groups;   /* scratch of one batch: first row of each (stratum, image) */
    size_t groups_cap;
    bs_statements sql;
    bs_tally tally;
    char strata_hash[17];
    /* the run */
    sqlite3_int64 run; /* 0: none begun */
    bool merging;      /* no run of its own: each row names its run */
    bool allow_mixed;
    bool in_transaction;
    bool broken; /* a write failed; no more rows are accepted */
    size_t pending;
    uint64_t run_trials, run_goldens, run_audited, run_audit_equal;
    bs_device_count device[BS_MAX_DEVICES];
    int n_devices;
    double started, opened; /* bs_resources_clock() at the start of the run, of the transaction */
    double command,
        start_seconds;  /* start of the command; from there to the first stored row, -1: none yet */
    char (*proofs)[33]; /* keys of the proofs that the file had at the open, in order */
    size_t n_proofs, cap_proofs;
};

/* bind.c: binds text that comes from outside. Clients read TEXT as UTF-8, so other bytes are bound as
 * \xNN. */
bs_status bs_bind_utf8(sqlite3_stmt *q, int index, const char *text);
/* bind.c: binds a path that will be opened again. One that is not UTF-8 is bound unchanged, as a BLOB. */
void bs_bind_path(sqlite3_stmt *q, int index, const char *path);

/* store.c: creates the tables, views and marks of a fresh file, inside the caller's transaction. */
bs_status bs_store_create_schema(const bs_db *db);
/* store.c: loads the data that the store keeps in memory; s->db, s->plan and s->n_images are set. */
bs_status bs_store_load(bs_store *s);
/* writer.c: prepares the statements that rows are written with. */
bs_status bs_store_prepare(bs_store *s);

/* run_device.c: begins the rows of table run_device; writes what has been counted; counts what a batch adds,
 * of whose golden rows so many are new. */
bs_status bs_run_devices_begin(bs_store *s, const bs_run_info *info);
bs_status bs_run_devices_update(const bs_store *s);
void bs_run_devices_count(bs_store *s, const bs_result_batch *b, uint64_t goldens);

/* batch.c: adds a batch to the open transaction and to the counts; after a failure the transaction must be
 * rolled back. */
bs_status bs_result_batch_write(bs_store *s, const bs_result_batch *b);

/* campaign_row.c: inserts the row of table campaign; updates the columns of it that may change. */
bs_status bs_campaign_insert(bs_store *s);
bs_status bs_campaign_update(bs_store *s);

/* identity.c: writes classes, layers, entries and images of a fresh file. */
bs_status bs_identity_write(bs_store *s, const bs_dataset *images, const char *const *class_names);
/* identity.c: extends the file by what may grow in the plan: entries, strata, and images from number `stored`
 * on, which is the number in the file. */
bs_status bs_identity_extend(bs_store *s, const bs_dataset *images, const char *const *class_names,
                             uint32_t stored);
/* definition.c: hashes the strata that a self-test covers: their fault models and targets. */
bs_status bs_identity_strata(const bs_plan *plan, char out[17]);

/* resume.c: fails at the first difference between the file and the plan that is not growth. Sets *n_images to
 * the images in the file. */
bs_status bs_resume_check(bs_store *s, const bs_dataset *images, uint32_t *n_images);

/* strata.c: returns the index of the stratum (entry id, target), -1 if the plan has none. */
int bs_store_stratum(const bs_plan *plan, uint32_t entry, uint32_t target);

#endif
