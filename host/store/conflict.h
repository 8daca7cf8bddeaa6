/* Trials that several result files have, with other outcomes in each. Internal to host/store. */
#ifndef BS_STORE_CONFLICT_H
#define BS_STORE_CONFLICT_H

#include "store/source.h"

/* Fails if two of the sources have other sites or another outcome for the same trial; the message names the
 * first and their number. `merged`, which may be NULL, is the file that they shall be merged into. The time
 * grows with the trials that files have in common, also with those of an earlier merge: about half of what
 * merging them took. */
bs_status bs_conflict_check(bs_source *merged, bs_source *sources, int n);

#endif
