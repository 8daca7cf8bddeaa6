/* Site lists: the explicit sites that `sites:` of a fault entry names. plan.h documents the format. */
#ifndef BS_FAULT_TABLE_H
#define BS_FAULT_TABLE_H

#include "fault/plan.h"

/* The target of rows that say that a trial is one of the whole network. */
#define BS_NETWORK_ROWS "#4095"

/* The image of groups that apply to every image. */
#define BS_EVERY_IMAGE UINT32_MAX

/* A trial of the list: the sites site[first .. first + n), by target and element. */
typedef struct bs_site_group {
    uint32_t target; /* BS_NETWORK_TARGET if the trial hits several */
    uint32_t image;  /* or BS_EVERY_IMAGE */
    size_t first, n;
    uint64_t order; /* of its first row in the file */
} bs_site_group;

struct bs_site_table {
    bs_site *site;
    uint32_t *target;     /* of each site */
    bs_site_group *group; /* sorted by (target, image, order): rank in (target, image) = repetition */
    bool *in_network;     /* by target: it is named in a trial of the whole network */
    size_t n_groups;
    size_t n_sites;
};

/* Reads the rows of entry `entry_id` from a CSV file. Errors begin with "FILE:LINE: ", status BS_USAGE. Free
 * with bs_site_table_free(). */
bs_status bs_site_table_read(bs_site_table **out, const char *path, const bs_graph *graph, int entry_id,
                             uint32_t n_images);
void bs_site_table_free(bs_site_table *t);

/* Returns the number of groups of (target, image), or of those for every image; sets *first to the index of
 * the first. */
uint32_t bs_site_table_find(const bs_site_table *t, uint32_t target, uint32_t image, size_t *first);

#endif
