/* The sites of a plan as CSV; plan.h documents the format. */
#include "fault/plan.h"

#include "base/new_file.h"
#include "base/text.h"
#include "fault/table.h"

#include <stdio.h>
#include <string.h>

static void put_value(FILE *f, bs_format format, uint32_t word)
{
    float value = bs_format_decode(format, word);
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
static void put_site(FILE *f, const char *prefix, const bs_tensor *t, bs_site s)
{
    fprintf(f, "%s%u,", prefix, s.element);
    if (s.keep == 0xffffffffu) {
        put_mask(f, BS_FAULT_FLIP, s.toggle);
    } else if (s.keep == 0) {
        put_value(f, bs_tensor_format(t, s.element), s.toggle);
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

static const bs_tensor *tensor_of(const bs_plan *plan, int target)
{
    return &plan->graph->tensors[plan->graph->targets[target].tensor];
}

/* Returns true if the trials of the stratum are the same for every image. */
static bool for_every_image(const bs_plan *plan, const bs_stratum *s)
{
    const bs_site_table *table = plan->tables[s->entry];
    size_t first;
    bool parameters = s->is_parameter;
    for (int k = 0; k < s->n_parts; k++)
        parameters &= s->part[k].is_parameter;
    if (!table)
        return parameters;
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

typedef struct writer {
    const bs_plan *plan;
    bs_new_file file;
    bs_sites sites; /* of one trial */
    bs_str prefix;
} writer;

/* Sets the prefix of a row: trial,entry,target,image,repetition, with a comma at the end. */
static void set_prefix(writer *w, bs_trial_coords t, int target, bool every)
{
    w->prefix.len = 0;
    bs_str_printf(&w->prefix, "%llu,%u,", (unsigned long long)bs_trial_id(t), t.entry);
    if (target == BS_NETWORK_TARGET)
        bs_str_puts(&w->prefix, BS_NETWORK_ROWS);
    else
        put_target(&w->prefix, tensor_of(w->plan, target)->name, target);
    if (every)
        bs_str_printf(&w->prefix, ",,%u,", t.repetition);
    else
        bs_str_printf(&w->prefix, ",%u,%u,", t.image, t.repetition);
}

static void put_none(writer *w)
{
    fprintf(w->file.f, "%s,%s,,\n", w->prefix.ptr, bs_fault_kind_name(BS_FAULT_NONE));
}

/* Writes the sites of a trial. The first trial of the network names all targets, so that they are known when
 * the list is read, also those that no trial happens to hit. */
static bs_status write_trial(writer *w, const bs_stratum *s, bs_trial_coords t, bool every, bool first)
{
    int hit = 0;
    bs_sites_reset(&w->sites);
    BS_TRY(bs_plan_sites(w->plan, s, t, &w->sites));
    for (int k = 0; k < bs_stratum_targets(s); k++) {
        int target = bs_stratum_at(s, k)->target;
        uint32_t from = w->sites.bound[k], to = w->sites.bound[k + 1];
        set_prefix(w, t, target, every);
        BS_TRY(bs_str_status(&w->prefix));
        hit += to > from || first;
        for (uint32_t i = from; i < to; i++)
            put_site(w->file.f, w->prefix.ptr, tensor_of(w->plan, target), w->sites.site[i]);
        if (to == from && (first || s->n_parts == 0))
            put_none(w);
    }
    if (s->n_parts > 0 && hit < 2) {
        set_prefix(w, t, BS_NETWORK_TARGET, every);
        BS_TRY(bs_str_status(&w->prefix));
        put_none(w);
    }
    return bs_new_file_check(&w->file);
}

static bs_status write_stratum(writer *w, const bs_stratum *s)
{
    const bs_plan *plan = w->plan;
    bs_trial_coords t = {.entry = (uint32_t)plan->job->entries[s->entry].id, .target = (uint32_t)s->target};
    bool every = for_every_image(plan, s), first = s->n_parts > 0;
    for (t.image = 0; t.image < (every ? 1 : plan->n_images); t.image++)
        for (t.repetition = 0; t.repetition < bs_plan_repetitions(plan, s, t.image); t.repetition++) {
            BS_TRY(write_trial(w, s, t, every, first));
            first = false;
        }
    return BS_OK;
}

bs_status bs_plan_write_sites(const bs_plan *plan, const char *path)
{
    bs_status st = BS_OK;
    writer w = {.plan = plan};
    BS_TRY(bs_new_file_open(&w.file, path));
    fputs("trial,entry,target,image,repetition,element,operation,mask,value\n", w.file.f);
    for (int i = 0; i < plan->n_strata && st == BS_OK; i++)
        st = write_stratum(&w, &plan->strata[i]);
    if (st == BS_OK)
        st = bs_new_file_commit(&w.file);
    bs_new_file_drop(&w.file);
    bs_sites_clear(&w.sites);
    bs_str_clear(&w.prefix);
    return st;
}
