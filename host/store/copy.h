/* Copies the rows of result files into another one through the writer that runs use, so that ledger and
 * counts follow from the rows. Internal to host/store. */
#ifndef BS_STORE_COPY_H
#define BS_STORE_COPY_H

#include "store/store_internal.h"
#include "store/source.h"

#include <signal.h>

/* Zero-initialise; free with bs_copy_clear(). */
typedef struct bs_copy {
    bs_store *store;             /* the file written; the caller opens and locks it */
    bs_source *source;           /* the files read */
    int n;                       /* number of sources */
    uint64_t added;              /* trials added so far */
    volatile sig_atomic_t *stop; /* may be NULL; once it is set, the copy ends with BS_STOPPED */
    bs_plan plan;
    bs_job job;
    bs_result_batch batch; /* rows read and not yet written */
} bs_copy;

/* Opens the inputs and makes an empty store; the caller opens the store's file. */
bs_status bs_copy_open(bs_copy *c, char *const *inputs, int n);
/* Prepares the store. Call when the written file describes its campaign: entries, strata, images, runs. */
bs_status bs_copy_begin(bs_copy *c, bool allow_mixed);
/* Adds all that it lacks: golden rows, broken images, trials with their ledger and counts. */
bs_status bs_copy_all(bs_copy *c);
void bs_copy_clear(bs_copy *c);

#endif
