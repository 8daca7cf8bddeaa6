/* Samples of a batch that share their faults: a faulty parameter is evaluated once for all of them. */
#ifndef BS_BACKEND_GROUPS_H
#define BS_BACKEND_GROUPS_H

#include "backend/backend.h"

/* The samples of group k: head[k], next[head[k]], ... until -1. Groups are numbered by their first sample. */
typedef struct bs_groups {
    int n;     /* groups */
    int *of;   /* by sample */
    int *next; /* by sample */
    int *head; /* by group */
} bs_groups;

/* Of n samples. Free with bs_groups_clear(). */
bs_status bs_groups_find(bs_groups *out, int n, const bs_faults *f);
void bs_groups_clear(bs_groups *g);

/* Sites lie within the parameter, and the bits that each holds: BS_ERR, or `before` filled. */
bs_status bs_groups_check_sites(const bs_tensor *t, int n, const bs_faults *f);

#endif
