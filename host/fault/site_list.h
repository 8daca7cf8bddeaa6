/* Reads the rows of a site list from the CSV file. Internal to host/fault. */
#ifndef BS_FAULT_SITE_LIST_H
#define BS_FAULT_SITE_LIST_H

#include "bits.h"
#include "model/graph.h"

typedef struct bs_site_row {
    uint32_t target; /* or BS_NETWORK_TARGET: the row says no more than that the trial is the network's */
    uint32_t image;  /* or BS_EVERY_IMAGE */
    bool alone;      /* the row gives no trial number; `trial` is its line */
    bool none;       /* a trial without sites */
    uint64_t trial;
    uint64_t line;
    bs_site site;
} bs_site_row;

typedef struct bs_site_rows {
    bs_site_row *row;
    size_t n, cap;
} bs_site_rows;

/* Appends the rows of entry `entry_id` in file order. The caller frees out->row, also after an error. */
bs_status bs_site_rows_read(bs_site_rows *out, const char *path, const bs_graph *graph, int entry_id,
                            uint32_t n_images);

#endif
