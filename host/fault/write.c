/* The sites of a plan as CSV; plan.h documents the format. */
#include "fault/plan.h"

#include "base/text.h"
#include "fault/table.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void put_value(FILE *f, bs_dtype type, uint32_t word)
{
    float value = bs_dtype_decode(type, word);
    fprintf(f, "%s,,", bs_fault_kind_name(BS_FAULT_SET));
    if (bs_is_nan(value))
        fprintf(f, "0x%08x\n", word);
    else
        fprintf(f, "%.9g\n", (double)value);
}

static void put_mask(FILE *f, bs_fault_kind kind, uint32_t mask)
{
    fprintf(f, "%s,0x%08x,\n", bs_fault_kind_name(kind), mask);
}

/* Writes a site, whatever kind of fault made it: flips, stuck bits and a set value express all sites. */
static void put_site(FILE *f, const char *prefix, bs_dtype type, bs_site s)
{
    fprintf(f, "%s%u,", prefix, s.element);
    if (s.keep == 0xffffffffu) {
        put_mask(f, BS_FAULT_FLIP, s.toggle);
    } else if (s.keep == 0) {
        put_value(f, type, s.toggle);
    } else if (s.toggle == ~s.keep) {
        put_mask(f, BS_FAULT_STUCK1, s.toggle);
    } else {
        put_mask(f, BS_FAULT_STUCK0, ~s.keep);
        if (s.toggle) {
            fprintf(f, "%s%u,", prefix, s.element);
            put_mask(f, BS_FAULT_FLIP, s.toggle);
        }
    }
}

/* Returns true if the trials of the stratum are the same for every image. */
static bool for_every_image(const bs_plan *plan, const bs_stratum *s)
{
    const bs_site_table *table = plan->tables[s->entry];
    size_t first;
    if (!table)
        return s->is_parameter;
    return bs_site_table_find(table, (uint32_t)s->target, BS_EVERY_IMAGE, &first) > 0;
}

/* Writes a target by its name, or as #ID if the name cannot be written to a CSV as it is or reads as an id
 * itself. */
static void put_target(bs_str *out, const char *name, int id)
{
    if (bs_visible(name) != name || name[0] == '#')
        bs_str_printf(out, "#%d", id);
    else
        bs_str_csv(out, name);
}

static bs_status write_stratum(const bs_plan *plan, const bs_stratum *s, FILE *f, bs_sites *sites,
                               bs_str *prefix)
{
    const bs_tensor *tensor = &plan->graph->tensors[plan->graph->targets[s->target].tensor];
    bs_trial_coords t = {.entry = (uint32_t)plan->job->entries[s->entry].id, .target = (uint32_t)s->target};
    bool every = for_every_image(plan, s);
    for (t.image = 0; t.image < (every ? 1 : plan->n_images); t.image++)
        for (t.repetition = 0; t.repetition < bs_plan_repetitions(plan, s, t.image); t.repetition++) {
            bs_sites_reset(sites);
            BS_TRY(bs_plan_sites(plan, s, t, sites));
            prefix->len = 0;
            bs_str_printf(prefix, "%llu,%u,", (unsigned long long)bs_trial_id(t), t.entry);
            put_target(prefix, tensor->name, s->target);
            if (every)
                bs_str_printf(prefix, ",,%u,", t.repetition);
            else
                bs_str_printf(prefix, ",%u,%u,", t.image, t.repetition);
            BS_TRY(bs_str_status(prefix));
            if (sites->n == 0)
                fprintf(f, "%s,none,,\n", prefix->ptr);
            for (size_t i = 0; i < sites->n; i++)
                put_site(f, prefix->ptr, tensor->type, sites->site[i]);
            if (ferror(f))
                return bs_fail(BS_ERR, "cannot write: %s", strerror(errno));
        }
    return BS_OK;
}

bs_status bs_plan_write_sites(const bs_plan *plan, const char *path)
{
    bs_sites sites = {0};
    bs_str prefix = {0};
    bs_status st = BS_OK;
    FILE *f = fopen(path, "w");
    if (!f)
        return bs_fail(BS_ERR, "cannot create site list '%s': %s", path, strerror(errno));
    fputs("trial,entry,target,image,repetition,element,operation,mask,value\n", f);
    for (int i = 0; i < plan->n_strata && st == BS_OK; i++)
        st = write_stratum(plan, &plan->strata[i], f, &sites, &prefix);
    if (fclose(f) != 0 && st == BS_OK)
        st = bs_fail(BS_ERR, "cannot write: %s", strerror(errno));
    if (st != BS_OK)
        bs_context("site list '%s'", path);
    bs_sites_clear(&sites);
    bs_str_clear(&prefix);
    return st;
}
