/* A whole small campaign on a result file whose steps may fail, for the tests that make them fail: resumes
 * what is there, as `bitsink run` does, merges two halves, or upgrades a file. */
#ifndef BS_TESTS_STORE_CAMPAIGN_H
#define BS_TESTS_STORE_CAMPAIGN_H

#include "support/store_fixture.h"

#include "store/merge.h"
#include "store/upgrade.h"

/* The rows that the ledger lacks, in batches of units. */
static inline bs_status sc_write(fixture *f, bs_store *s)
{
    BS_TRY(bs_store_begin_run(s, &f->run));
    for (size_t i = 0; i < f->n_rows; i += FX_REPETITIONS) {
        bs_trial_coords t = bs_trial_coords_from_id(f->row[i].id);
        uint32_t done = bs_store_done(s, fx_stratum_of(f, &f->row[i]), t.image);
        if (done < FX_REPETITIONS)
            BS_TRY(fx_add(f, s, i + done, i + FX_REPETITIONS));
    }
    return bs_store_end_run(s, 0, NULL);
}

static inline bs_status sc_run(fixture *f, const char *db)
{
    bs_store *s = NULL;
    BS_TRY(bs_store_open(&s, db, &f->plan, f->images, NULL));
    bs_status st = sc_write(f, s);
    bs_error error;
    bs_error_save(&error);
    bs_store_close(s);
    return st == BS_OK ? st : bs_error_restore(&error);
}

static inline bs_status sc_merge(fixture *f, const char *db)
{
    char first[128], second[128];
    char *const inputs[] = {first, second};
    bs_merge_report report = {0};
    snprintf(first, sizeof first, "%s/first.db", f->dir);
    snprintf(second, sizeof second, "%s/second.db", f->dir);
    bs_status st = bs_store_merge(&report, db, inputs, 2, false, NULL);
    bs_merge_report_clear(&report);
    return st;
}

/* The inputs of sc_merge(): the even and the odd strata, and that of the network. */
static inline void sc_make_halves(fixture *f)
{
    char path[128];
    enum { PART = FX_ROWS / FX_STRATA };
    for (int k = 0; k < 2; k++) {
        snprintf(path, sizeof path, "%s/%s.db", f->dir, k == 0 ? "first" : "second");
        fx_run(f, path, (size_t)k * PART, (size_t)(k + 1) * PART, PART / 4);
        fx_run(f, path, (size_t)(k + 2) * PART, (size_t)(k + 3) * PART, PART / 4);
        if (k == 1 && f->n_rows > FX_ROWS)
            fx_run(f, path, FX_ROWS, f->n_rows, PART / 4);
    }
}

static inline void sc_remove(const char *db)
{
    static const char *const endings[] = {"", "-wal", "-shm", "-journal", "-lock"};
    char path[160];
    for (int i = 0; i < 5; i++) {
        snprintf(path, sizeof path, "%s%s", db, endings[i]);
        unlink(path);
    }
}

/* The file that sc_upgrade() begins with: of schema version 3, without fault_wrong. */
static inline void sc_make_old(fixture *f)
{
    char path[128];
    snprintf(path, sizeof path, "%s/old.db", f->dir);
    fx_run(f, path, 0, f->n_rows, FX_REPETITIONS);
    fx_number(path, "DROP TABLE fault_wrong");
    fx_number(path, "PRAGMA user_version = 3");
}

static inline bs_status sc_upgrade(fixture *f, const char *db)
{
    char old[128], backup[128];
    bs_upgrade_report report = {0};
    snprintf(old, sizeof old, "%s/old.db", f->dir);
    snprintf(backup, sizeof backup, "%s.v3", db);
    if (access(db, F_OK) != 0) {
        unlink(backup);
        assert_int_equal(link(old, db), 0);
    }
    bs_status st = bs_store_upgrade(&report, db, NULL, NULL);
    bs_upgrade_report_clear(&report);
    return st;
}

#endif
