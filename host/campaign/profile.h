/* The profile of a network: how large activations become without faults. */
#ifndef BS_CAMPAIGN_PROFILE_H
#define BS_CAMPAIGN_PROFILE_H

#include "campaign/input.h"
#include "model/storage.h"

/* Stores the network as `s` says (bs_graph_store()). Where activations need scales, they come from a profile:
 * golden runs of s->images images, evenly spread over the list, in fp32. Always by the CPU backend, whatever
 * device the campaign is for, so that scales do not depend on it. Images that cannot be read are passed over
 * with a warning. in: opened with g. */
bs_status bs_profile_store(bs_graph *g, const bs_storage *s, const bs_input *in);

/* The same, with a profile of the images of bs_selftest_probe(). */
bs_status bs_profile_store_probe(bs_graph *g, const bs_storage *s);

#endif
