/* A result file that is merged into another: reads its ledger in order, and its rows as the writer takes
 * them. One read transaction lasts from open to close, so that ledger and rows agree although a run may
 * write. Internal to host/store. */
#ifndef BS_STORE_SOURCE_H
#define BS_STORE_SOURCE_H

#include "store/db.h"
#include "store/merge.h"
#include "store/store.h"

typedef struct bs_run_map {
    sqlite3_int64 from, to;
} bs_run_map;

typedef struct bs_source {
    bs_db *db;
    sqlite3_stmt *units, *rows, *sites, *trial_ranking, *golden, *golden_ranking, *broken;
    bool ranked;      /* the file has rankings */
    bs_run_map *runs; /* sorted by from */
    size_t n_runs, cap_runs;
    bs_unit unit; /* the current unit of the ledger, unless at_end */
    bool at_end;
} bs_source;

bs_status bs_source_open(bs_source *out, const char *path);
void bs_source_close(bs_source *s);
/* Maps the runs of this file to those of `merged`, where this file is attached as `other`. */
bs_status bs_source_map_runs(bs_source *s, const bs_db *merged);
/* Fills all members but `path`. */
bs_status bs_source_describe(const bs_source *s, bs_merge_input *out);

/* Goes to the first, then to the next unit of the ledger, in the order of ids. */
bs_status bs_source_begin_units(bs_source *s);
bs_status bs_source_next_unit(bs_source *s);
/* Orders units as the ledger does: < 0, 0, > 0. */
int bs_unit_order(const bs_unit *a, const bs_unit *b);
/* Reads the rows of the current unit one by one, starting at repetition `from`. */
bs_status bs_source_begin_rows(bs_source *s, uint32_t from);
bs_status bs_source_read(bs_source *s, uint32_t repetition, bs_row *out);
/* The same, with the run's number in the merged file. */
bs_status bs_source_row(bs_source *s, uint32_t repetition, bs_row *out);
/* Adds what the file has of a trial beside its row to the batch: its sites, if it may hit several targets,
 * and its ranking. */
bs_status bs_source_details(bs_source *s, uint64_t trial, bs_result_batch *to);
/* Adds the ranking of an image's golden run to the batch, if the file has one. */
bs_status bs_source_golden_ranking(bs_source *s, uint32_t image, bs_result_batch *to);
/* Reads the next golden row, the next broken image. Sets *row to whether there was one. */
bs_status bs_source_golden(bs_source *s, bs_golden_row *out, bool *row);
bs_status bs_source_broken(bs_source *s, bs_broken_row *out, bool *row);

#endif
