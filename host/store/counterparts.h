/* Which stratum of one file is which of another. Internal to host/store. */
#ifndef BS_STORE_COUNTERPARTS_H
#define BS_STORE_COUNTERPARTS_H

#include "store/db.h"

#include <stddef.h>

/* A stratum with trials. */
typedef struct bs_side_stratum {
    int entry, layer;
    bool is_parameter;
    char *name, *shape, *kind; /* of the layer */
    char *definition;          /* of the entry */
    int other;                 /* index of its counterpart, -1: none */
} bs_side_stratum;

typedef struct bs_side {
    bs_side_stratum *row; /* by entry and layer */
    size_t n, cap;
} bs_side;

/* Zero-initialise; bs_side_clear() frees. */
bs_status bs_side_read(bs_side *out, const bs_db *db);
void bs_side_clear(bs_side *s);

/* Sets `other` in both: strata of the same entry whose layers have the same name, or the names that `map`
 * ("A=B,...", may be NULL) brings together. BS_USAGE for names that are not there, with near ones as a hint.
 */
bs_status bs_counterparts_by_name(bs_side *a, bs_side *b, const char *map);
/* The k-th stratum of each entry and the k-th. */
void bs_counterparts_by_position(bs_side *a, bs_side *b);

#endif
