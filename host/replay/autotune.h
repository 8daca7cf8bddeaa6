/* Autotuning of patches: decides whether a node runs quicker on a patch or whole. Where a patch covers most
 * of the plane, the arithmetic it saves does not tell; so both ways are timed on the device, once for each
 * network, kind of node and size. The answer changes the speed of a campaign and nothing else. Not
 * thread-safe. */
#ifndef BS_REPLAY_AUTOTUNE_H
#define BS_REPLAY_AUTOTUNE_H

#include "backend/backend.h"
#include "backend/planes.h"

typedef struct bs_autotune bs_autotune;

/* Opens a stream of its own. *out is NULL, without an error, if the backend does no work worth timing. Free
 * with bs_autotune_free() before the network is unloaded. */
bs_status bs_autotune_create(bs_autotune **out, const bs_graph *g, const bs_backend *backend,
                             bs_network *network);
void bs_autotune_free(bs_autotune *c);
/* Looks answers up in the cache before anything is timed, and keeps new ones there. c and cache may be NULL;
 * the cache must outlive c. */
void bs_autotune_use_cache(bs_autotune *c, bs_cache *cache, const bs_device_info *info);

/* A node that would compute patches of out_size from patches of in_size. Bit k of a mask: input k. */
typedef struct bs_autotune_query {
    int node;
    bool region; /* it is the last one of a region, which the query is about */
    const int *in_size, *out_size;
    double share;      /* of the output's plane that the patch covers */
    uint32_t gathered; /* inputs that would be gathered for the patch */
    uint32_t widened;  /* inputs that would be gathered for the whole node */
} bs_autotune_query;

/* Returns false if a patch of this share of the plane never pays. */
bool bs_autotune_may_pay(double share);
/* Sets *pays to whether the patch pays, after timing it if necessary. The backend must support the patch. c
 * may be NULL: then the share alone decides. */
bs_status bs_autotune_patch_pays(bs_autotune *c, const bs_autotune_query *q, bool *pays);

/* Returns a hash of the answers that went against the rule of shares: equal hashes, equal schedules. 0: there
 * were none. */
uint64_t bs_autotune_signature(const bs_autotune *c);
/* Logs how many sizes were timed, and how many of them went against the rule of shares. */
void bs_autotune_log(const bs_autotune *c);

#endif
