/* Receptive fields of a network: made once, and read by all routes of an engine. */
#ifndef BS_REPLAY_FIELDS_H
#define BS_REPLAY_FIELDS_H

#include "replay/reach.h"

/* Immutable; safe to share between threads. */
typedef struct bs_fields {
    bs_plane *planes; /* by tensor */
    bs_reach *reach;  /* by node */
} bs_fields;

/* Reads every weight of convolutions once (see bs_reach_table()). Clear with bs_fields_clear(), also after an
 * error. */
bs_status bs_fields_create(bs_fields *out, const bs_graph *g);
void bs_fields_clear(bs_fields *f);

#endif
