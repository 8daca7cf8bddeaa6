/* How many faults a stratum has, and how many sites its trials are expected to have. */
#include "fault/plan.h"

#include <math.h>

/* Returns the sites that are expected where the target is hit. */
static double sites_if_hit(const bs_stratum *s)
{
    const bs_fault_model *m = &s->fault;
    double elements = s->elements;
    if (m->kind == BS_FAULT_NONE)
        return 0;
    if (m->ber > 0)
        return m->ber < 1 ? elements * -expm1(bs_fault_choices(m) * log1p(-m->ber)) : elements;
    return fmin(elements, m->count);
}

double bs_stratum_sites(const bs_stratum *s)
{
    double sites = 0;
    for (int k = 0; k < s->n_parts; k++)
        sites += s->part[k].probability * sites_if_hit(&s->part[k]);
    return s->probability * (s->n_parts > 0 ? sites : sites_if_hit(s));
}

double bs_stratum_most_sites(const bs_stratum *s)
{
    double sites = 0;
    for (int k = 0; k < bs_stratum_targets(s); k++)
        sites += sites_if_hit(bs_stratum_at(s, k));
    return sites;
}

static const double many = 1e18; /* sets of sites: practically infinite */

/* Returns true if the target is hit in the same way in each of its trials. */
static bool target_is_fixed(const bs_stratum *s)
{
    const bs_fault_model *m = &s->fault;
    if (m->kind == BS_FAULT_NONE)
        return true;
    bool one_choice = m->ber >= 1 || bs_fault_choices(m) == 1;
    return s->probability >= 1 && bs_fault_hits_all(m) && one_choice && !bs_fault_traits_of(m->kind).random;
}

bool bs_stratum_is_fixed(const bs_stratum *s)
{
    bool fixed = s->probability >= 1;
    for (int k = 0; k < bs_stratum_targets(s); k++)
        fixed &= target_is_fixed(bs_stratum_at(s, k));
    return fixed;
}

double bs_stratum_faults(const bs_stratum *s)
{
    if (bs_stratum_is_fixed(s))
        return 1;
    bool single = s->n_parts == 0 && s->probability >= 1 && !(s->fault.ber > 0) && s->fault.count == 1;
    return single ? (double)s->population : many;
}

double bs_plan_population(const bs_plan *plan, const bs_stratum *s)
{
    double faults = bs_stratum_faults(s);
    return s->is_parameter || plan->n_images == 0 || faults >= many ? faults : faults * plan->n_images;
}
