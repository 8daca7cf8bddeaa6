/* Combines faults at one element into one site. Internal to host/fault. */
#ifndef BS_FAULT_COMPOSE_H
#define BS_FAULT_COMPOSE_H

#include "bits.h"

/* Returns the site that acts like `a` and then `b` on the same element: flips combine by xor, stuck bits by
 * or, and a set value overrides what came before. */
static inline bs_site bs_site_compose(bs_site a, bs_site b)
{
    bs_site s = {a.element, a.keep & b.keep, (a.toggle & b.keep) ^ b.toggle};
    return s;
}

#endif
