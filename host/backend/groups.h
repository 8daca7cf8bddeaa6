/* Groups of samples that share their sites: faulty parameters are evaluated once for each group. */
#ifndef BS_BACKEND_GROUPS_H
#define BS_BACKEND_GROUPS_H

#include "backend/backend.h"

/* The samples of group k are head[k], next[head[k]], ... until -1. Groups are numbered in the order of their
 * first samples. */
typedef struct bs_groups {
    int n;     /* groups */
    int *of;   /* by sample: its group */
    int *next; /* by sample: the next one of its group, or -1 */
    int *head; /* by group: its first sample */
} bs_groups;

/* Groups n samples: those that agree in the sites of all inputs. Free with bs_groups_clear(). */
bs_status bs_groups_find(bs_groups *out, int n, int n_faulty, const bs_faulty_input *faulty);
void bs_groups_clear(bs_groups *g);

/* Checks that all sites lie within the parameter (else BS_ERR), and writes the bits that each holds to
 * f->before, if that is not NULL. */
bs_status bs_groups_check_sites(const bs_tensor *t, int n, const bs_faults *f);

#endif
