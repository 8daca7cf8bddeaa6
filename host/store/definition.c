/* Makes the texts of identity.h. */
#include "store/identity.h"

#include "base/hash.h"
#include "base/text.h"
#include "store/store_internal.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>

static const size_t max_site_list = (size_t)1 << 32;

void bs_identity_preprocess(bs_str *out, const bs_preprocess *p)
{
    bs_str_printf(out, "resize-short %d, crop-fraction %.9g, resize %dx%d, crop %dx%d, %s, scale %.9g, mean",
                  p->resize_short, (double)p->crop_fraction, p->resize_h, p->resize_w, p->crop_h, p->crop_w,
                  p->bgr ? "bgr" : "rgb", (double)p->scale);
    for (int i = 0; i < p->n_mean && i < 4; i++)
        bs_str_printf(out, " %.9g", (double)p->mean[i]);
    bs_str_puts(out, ", std");
    for (int i = 0; i < p->n_std && i < 4; i++)
        bs_str_printf(out, " %.9g", (double)p->std[i]);
    /* Named only if it is not the default, so that older files keep their text. */
    if (p->interpolation != BS_BILINEAR)
        bs_str_printf(out, ", %s", bs_interpolation_name(p->interpolation));
    if (p->flatten != BS_FLATTEN_NONE)
        bs_str_printf(out, ", flatten %s", bs_flatten_name(p->flatten));
}

void bs_identity_storage(bs_str *out, const bs_plan *plan)
{
    if (bs_storage_is_plain(&plan->job->storage))
        bs_str_puts(out, "as in the model");
    else
        bs_storage_text(out, &plan->job->storage, plan->n_images);
}

const char *bs_identity_scales(char out[17], const bs_plan *plan)
{
    const bs_graph *g = plan->graph;
    XXH128_hash_t hash = {0};
    bool any = false;
    for (int i = 0; i < g->n_targets; i++) {
        bs_scales s = g->tensors[g->targets[i].tensor].scales;
        if (s.n == 0)
            continue;
        any = true;
        hash = bs_hash_add(hash, &i, sizeof i);
        hash = bs_hash_add(hash, s.scale, s.n * sizeof *s.scale);
    }
    snprintf(out, 17, "%016" PRIx64, (uint64_t)hash.low64);
    return any ? out : NULL;
}

/* Appends the shortest of two texts that read back as `x`. */
static void put_real(bs_str *out, double x)
{
    char text[32];
    snprintf(text, sizeof text, "%.15g", x);
    if (strtod(text, NULL) < x || strtod(text, NULL) > x)
        snprintf(text, sizeof text, "%.17g", x);
    bs_str_puts(out, text);
}

/* Targets first to last, which have the same probability. */
typedef struct range {
    int first, last; /* last < first: empty */
    double probability;
} range;

static void put_range(bs_str *out, const range *r, const char **comma)
{
    if (r->last < r->first)
        return;
    bs_str_printf(out, r->last > r->first ? "%s%d-%d" : "%s%d", *comma, r->first, r->last);
    if (r->probability < 1) {
        bs_str_puts(out, "@");
        put_real(out, r->probability);
    }
    *comma = ",";
}

void bs_identity_targets(bs_str *out, const bs_plan *plan, int entry)
{
    const char *comma = "";
    range r = {0, -1, 1};
    for (int i = 0; i < plan->n_strata; i++) {
        const bs_stratum *s = &plan->strata[i];
        for (int k = 0; s->entry == entry && k < bs_stratum_targets(s); k++) {
            const bs_stratum *t = bs_stratum_at(s, k);
            double probability = s->n_parts > 0 ? t->probability : 1;
            bool same = !(probability < r.probability || probability > r.probability);
            if (!same || t->target != r.last + 1 || r.last < r.first) {
                put_range(out, &r, &comma);
                r = (range){t->target, t->target, probability};
            }
            r.last = t->target;
        }
    }
    put_range(out, &r, &comma);
}

uint32_t bs_identity_bits(const bs_plan *plan, int entry, bs_dtype type)
{
    uint32_t mask = 0;
    for (int i = 0; i < plan->n_strata; i++) {
        const bs_stratum *s = &plan->strata[i];
        for (int k = 0; s->entry == entry && k < bs_stratum_targets(s); k++) {
            const bs_fault_model *m = &bs_stratum_at(s, k)->fault;
            if (type == BS_DTYPE_COUNT || m->type == type)
                mask |= m->bits;
        }
    }
    return mask;
}

uint32_t bs_identity_top_k(const bs_plan *plan)
{
    uint32_t classes = (uint32_t)plan->graph->classes;
    return plan->job->top_k < classes ? plan->job->top_k : classes;
}

/* Appends one mask for each type of the entry's targets. */
static void put_bits(bs_str *out, const bs_plan *plan, int entry)
{
    const char *mark = " bits ";
    for (int type = 0; type < BS_DTYPE_COUNT; type++) {
        uint32_t mask = bs_identity_bits(plan, entry, (bs_dtype)type);
        if (!mask)
            continue;
        bs_str_printf(out, "%s0x%08" PRIx32, mark, mask);
        mark = "/";
    }
}

void bs_identity_parameter(double column[3], const bs_fault_model *m)
{
    column[0] = column[1] = column[2] = NAN;
    switch (bs_fault_traits_of(m->kind).parameter) {
    case BS_FAULT_TAKES_VALUE:
        column[0] = m->value;
        break;
    case BS_FAULT_TAKES_RANGE:
        column[1] = m->low;
        column[2] = m->high;
        break;
    case BS_FAULT_TAKES_NONE:
    case BS_FAULT_PARAMETER_COUNT:
        break;
    }
}

static void put_parameter(bs_str *out, const bs_fault_model *m)
{
    switch (bs_fault_traits_of(m->kind).parameter) {
    case BS_FAULT_TAKES_VALUE:
        bs_str_printf(out, " value 0x%08" PRIx32, bs_float_bits(m->value));
        break;
    case BS_FAULT_TAKES_RANGE:
        bs_str_printf(out, " range %.9g %.9g", (double)m->low, (double)m->high);
        break;
    case BS_FAULT_TAKES_NONE:
    case BS_FAULT_PARAMETER_COUNT:
        break;
    }
}

static void put_sites(bs_str *out, const bs_entry *e)
{
    const bs_fault_model *m = &e->fault;
    if (m->ber > 0)
        bs_str_printf(out, " ber %.17g", m->ber);
    else if (m->count == BS_COUNT_ALL)
        bs_str_puts(out, " count all");
    else
        bs_str_printf(out, " count %" PRIu32, m->count);
    /* Named only where they are not the default, so that older files keep their text. */
    if (m->shared_bit)
        bs_str_puts(out, " in one bit");
    if (e->probability < 1) {
        bs_str_puts(out, " probability ");
        put_real(out, e->probability);
    }
    if (e->scope == BS_SCOPE_TARGET)
        return;
    bs_str_printf(out, " scope %s stored ", bs_fault_scope_name(e->scope));
    if (e->store_sites == UINT32_MAX)
        bs_str_puts(out, "all");
    else
        bs_str_printf(out, "%" PRIu32, e->store_sites);
}

bs_status bs_identity_entry(bs_str *out, const bs_plan *plan, int entry)
{
    const bs_entry *e = &plan->job->entries[entry];
    const bs_fault_model *m = &e->fault;
    bs_str_puts(out, bs_fault_kind_name(m->kind));
    if (bs_fault_is_bitwise(m->kind)) {
        put_bits(out, plan, entry);
        bs_str_printf(out, " burst %" PRIu32, m->burst);
    }
    put_parameter(out, m);
    put_sites(out, e);
    if (e->sites) {
        char *bytes;
        size_t len;
        BS_TRY(bs_read_file(&bytes, &len, e->sites, max_site_list));
        XXH128_hash_t h = XXH3_128bits(bytes, len);
        free(bytes);
        bs_str_printf(out, " sites %016" PRIx64 "%016" PRIx64, (uint64_t)h.high64, (uint64_t)h.low64);
    }
    bs_str_puts(out, " targets ");
    bs_identity_targets(out, plan, entry);
    return bs_str_status(out);
}

bs_status bs_identity_strata(const bs_plan *plan, char out[17])
{
    bs_str text = {0};
    bs_status st = BS_OK;
    for (int e = 0; e < plan->job->n_entries; e++) {
        bs_str_printf(&text, "%d ", plan->job->entries[e].id);
        BS_TRY_GOTO(bs_identity_entry(&text, plan, e), out);
        bs_str_puts(&text, "\n");
    }
    BS_TRY_GOTO(bs_str_status(&text), out);
    snprintf(out, 17, "%016" PRIx64, (uint64_t)XXH3_64bits(text.ptr, text.len));
out:
    bs_str_clear(&text);
    return st;
}
