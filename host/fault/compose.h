/* Several faults at one element as one site. Internal to host/fault. */
#ifndef BS_FAULT_COMPOSE_H
#define BS_FAULT_COMPOSE_H

#include "bits.h"

/* The site that does what `a` and then `b` do at the same element: flips combine by xor, stuck bits by or,
 * and a set value hides what came before. */
static inline bs_site bs_site_compose(bs_site a, bs_site b)
{
    bs_site s = {a.element, a.keep & b.keep, (a.toggle & b.keep) ^ b.toggle};
    return s;
}

#endif
