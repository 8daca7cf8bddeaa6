/* Does it pay to run a node on a patch, or is the whole node quicker? Where a patch covers most of the plane
 * the arithmetic it saves does not tell: so both ways are timed on the device, once for a network, a node and
 * a size. The answer changes how fast a campaign is and nothing else. For one thread at a time. */
#ifndef BS_REPLAY_AUTOTUNE_H
#define BS_REPLAY_AUTOTUNE_H

#include "backend/backend.h"
#include "backend/planes.h"

typedef struct bs_autotune bs_autotune;

/* Opens a stream of its own. *out is NULL, without an error, where the backend does no work worth timing.
 * Free with bs_autotune_free() before the network is unloaded. */
bs_status bs_autotune_create(bs_autotune **out, const bs_graph *g, const bs_backend *backend,
                             bs_network *network);
void bs_autotune_free(bs_autotune *c);

/* A node that would make patches of out_size from patches of in_size. Bits by input: */
typedef struct bs_autotune_query {
    int node;
    const int *in_size, *out_size;
    double share;      /* of the plane, in the patch */
    uint32_t gathered; /* inputs to be gathered for the patch */
    uint32_t widened;  /* inputs to be gathered for the whole node */
} bs_autotune_query;

/* Is it worth asking a backend for a patch of this share of the plane? */
bool bs_autotune_may_pay(double share);
/* The backend must support the patch. c may be NULL: then the share alone decides. */
bs_status bs_autotune_patch_pays(bs_autotune *c, const bs_autotune_query *q, bool *pays);

/* Stands for the answers that went against the rule of shares: equal numbers, equal schedules. 0: none did.
 */
uint64_t bs_autotune_signature(const bs_autotune *c);
/* Says on the log how many sizes were timed, and how many of them went against the rule of shares. */
void bs_autotune_log(const bs_autotune *c);

#endif
