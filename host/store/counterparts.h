/* Matches the strata of two files. Internal to host/store. */
#ifndef BS_STORE_COUNTERPARTS_H
#define BS_STORE_COUNTERPARTS_H

#include "store/db.h"

#include <stddef.h>

/* A stratum with trials. */
typedef struct bs_side_stratum {
    int entry, layer;
    bool is_parameter;
    char *name, *shape, *tensor; /* of the layer: its label, shape, and the name of the tensor */
    char *definition, *type;     /* of the entry */
    int other;                   /* index of its counterpart, -1: none */
} bs_side_stratum;

typedef struct bs_side {
    bs_side_stratum *row; /* by entry, then in the order of listings */
    size_t n, cap;
} bs_side;

/* Reads the strata of a file. Zero-initialise; free with bs_side_clear(). */
bs_status bs_side_read(bs_side *out, const bs_db *db);
void bs_side_clear(bs_side *s);

/* Sets `other` in both: matches strata of the same entry whose layers have the same label, or that `map`
 * ("A=B,...", names or labels, may be NULL) equates. BS_USAGE for one that is not there, with a near one as a
 * hint. */
bs_status bs_counterparts_by_name(bs_side *a, bs_side *b, const char *map);
/* Matches the k-th stratum of each entry to the k-th of the same entry; where their numbers differ, as many
 * as are of the same shape, in the same order. */
bs_status bs_counterparts_by_position(bs_side *a, bs_side *b);

#endif
