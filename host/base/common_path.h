/* The path that all names of a model begin with, such as "StatefulPartitionedCall/model/", which figures and
 * narrow tables leave out. Zero-initialise; free with bs_common_path_clear(). */
#ifndef BS_BASE_COMMON_PATH_H
#define BS_BASE_COMMON_PATH_H

#include "base/buf.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* Names with a '/' may have another path in common than those of modules, which have dots only; names without
 * either have none. Each path ends in its separator. NULL: none. */
typedef struct bs_common_path {
    char *slash, *dot;
} bs_common_path;

/* Finds the paths of n names: as long as possible, and so that different names stay different without them.
 */
bs_status bs_common_path_find(bs_common_path *out, const char *const *names, size_t n);
void bs_common_path_clear(bs_common_path *p);
/* Returns the rest of the name behind its common path, never empty: a pointer into `name`. */
const char *bs_common_path_cut(const bs_common_path *p, const char *name);
/* Writes "names without 'StatefulPartitionedCall/model/'" into buf; "" if nothing is left out. Returns buf.
 */
const char *bs_common_path_note(const bs_common_path *p, char *buf, size_t len);

/* Appends a path without the parts that the next one repeats, as PyTorch writes them:
 * "/features/features.1/block/block.0/Conv" becomes "/features.1/block.0/Conv". */
void bs_str_put_brief_path(bs_str *s, const char *path);

#endif
