/* Makes the texts of identity.h. */
#include "store/identity.h"

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

void bs_identity_targets(bs_str *out, const bs_plan *plan, int entry)
{
    const char *comma = "";
    for (int i = 0; i < plan->n_strata; i++) {
        if (plan->strata[i].entry != entry)
            continue;
        int first = plan->strata[i].target, last = first;
        while (i + 1 < plan->n_strata && plan->strata[i + 1].entry == entry &&
               plan->strata[i + 1].target == last + 1) {
            last++;
            i++;
        }
        bs_str_printf(out, last > first ? "%s%d-%d" : "%s%d", comma, first, last);
        comma = ",";
    }
}

uint32_t bs_identity_bits(const bs_plan *plan, int entry, bs_dtype type)
{
    uint32_t mask = 0;
    for (int i = 0; i < plan->n_strata; i++)
        if (plan->strata[i].entry == entry && (type == BS_DTYPE_COUNT || plan->strata[i].fault.type == type))
            mask |= plan->strata[i].fault.bits;
    return mask;
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
    if (m->ber > 0)
        bs_str_printf(out, " ber %.17g", m->ber);
    else
        bs_str_printf(out, " count %" PRIu32, m->count);
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
