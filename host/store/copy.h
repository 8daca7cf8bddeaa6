/* Copies the rows of result files into another one, as the writer of a run would have added them: ledger and
 * counts come from the rows. Internal to host/store. */
#ifndef BS_STORE_COPY_H
#define BS_STORE_COPY_H

#include "store/store_internal.h"
#include "store/source.h"

#include <signal.h>

/* Zero-initialise; bs_copy_clear() frees. */
typedef struct bs_copy {
    bs_store *store;             /* what is written; the caller opens its file and locks it */
    bs_source *source;           /* what is read */
    int n;                       /* how many of them */
    uint64_t added;              /* trials */
    volatile sig_atomic_t *stop; /* may be NULL; once it is set, the copy ends with BS_STOPPED */
    bs_plan plan;
    bs_job job;
    bs_result_batch batch; /* what was read and not yet written */
} bs_copy;

/* Opens the inputs and makes an empty store, whose file is still to be opened. */
bs_status bs_copy_open(bs_copy *c, char *const *inputs, int n);
/* Once the file that is written describes its campaign: entries, strata, images, runs. */
bs_status bs_copy_begin(bs_copy *c, bool allow_mixed);
/* Adds what it lacks: golden rows, broken images, trials with their ledger and counts. */
bs_status bs_copy_all(bs_copy *c);
void bs_copy_clear(bs_copy *c);

#endif
