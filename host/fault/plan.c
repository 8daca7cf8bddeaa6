#include "fault/plan.h"

#include "base/buf.h"
#include "fault/ber.h"
#include "fault/sample.h"
#include "fault/select.h"
#include "fault/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Largest expected number of sites of a trial; more make no sense as separate faults. */
#define MAX_EXPECTED_SITES ((double)(1 << 24))

static bs_status fail_entry(const bs_plan *plan, const bs_entry *e, const bs_tensor *tensor, const char *what)
{
    return bs_fail(BS_USAGE, "%s:%d: entry %d, target '%s': %s", plan->job->path, e->line, e->id,
                   tensor->name, what);
}

/* Returns the bits of a word of the type that the entry names. */
static uint32_t allowed_bits(const bs_bit_choice *b, bs_dtype type)
{
    uint32_t mask = (uint32_t)b->numbers & bs_dtype_field(type, BS_BITS_ANY);
    for (int k = 0; k < BS_BIT_FIELD_COUNT; k++)
        if (b->fields >> k & 1)
            mask |= bs_dtype_field(type, (bs_bit_field)k);
    return mask;
}

static bs_fault_model fault_of(const bs_plan *plan, const bs_entry *e, int target)
{
    bs_fault_model m = e->fault;
    m.type = plan->graph->tensors[plan->graph->targets[target].tensor].type;
    m.bits = allowed_bits(&e->bits, m.type);
    return m;
}

/* Fails if the entry names bits that the target's type does not have. */
static bs_status check_bits(const bs_plan *plan, const bs_entry *e, int target)
{
    static const char *const names[] = {
#define X(suffix, name) name,
        BS_BIT_FIELDS(X)
#undef X
    };
    const bs_tensor *tensor = &plan->graph->tensors[plan->graph->targets[target].tensor];
    uint32_t width = bs_dtype_word_of(tensor->type).bits, bit = 63;
    char what[64] = "";
    for (int k = 0; k < BS_BIT_FIELD_COUNT; k++)
        if (e->bits.fields >> k & 1 && !bs_dtype_field(tensor->type, (bs_bit_field)k))
            snprintf(what, sizeof what, "%s has no %s", bs_dtype_name(tensor->type), names[k]);
    while (bit >= width && !(e->bits.numbers >> bit & 1))
        bit--;
    if (bit >= width) /* the highest bit: b->line is its line */
        snprintf(what, sizeof what, "%s has no bit %u", bs_dtype_name(tensor->type), bit);
    if (!*what)
        return BS_OK;
    bs_fail(BS_USAGE, "%s:%d: entry %d, target '%s': %s", plan->job->path, e->bits.line, e->id, tensor->name,
            what);
    if (plan->graph->doubles)
        return bs_hint(
            "values that are double in the file are stored and computed as fp32, so bits 32 to 63 do"
            " not exist: the sign is bit 31, not 63, the exponent 23-30, not 52-62, the mantissa"
            " 0 (lowest) to 22, not 0-51");
    return bs_hint("its bits are 0 (lowest) to %u: change 'bits'", width - 1);
}

static bs_status add_stratum(bs_plan *plan, size_t *cap, int entry, int target, uint64_t repetitions)
{
    const bs_entry *e = &plan->job->entries[entry];
    const bs_target *t = &plan->graph->targets[target];
    const bs_tensor *tensor = &plan->graph->tensors[t->tensor];
    bs_stratum s = {.entry = entry,
                    .target = target,
                    .is_parameter = bs_target_is_parameter(t->kind),
                    .probability = e->probability};
    if (tensor->elements < 1 || tensor->elements > UINT32_MAX)
        return fail_entry(plan, e, tensor, "it has no elements, or 2^32 or more of them");
    s.repetitions = (uint32_t)repetitions;
    s.fault = fault_of(plan, e, target);
    s.population = (uint64_t)tensor->elements * bs_fault_choices(&s.fault);
    if (!e->sites && e->fault.ber > 0) {
        if ((double)s.population * e->fault.ber > MAX_EXPECTED_SITES) {
            fail_entry(plan, e, tensor, "more than 2^24 sites a trial are to be expected");
            return bs_hint("lower 'ber', or select smaller targets");
        }
        bs_ber_make(&s.ber, e->fault.ber);
    } else if (!e->sites && e->fault.count > s.population) {
        fail_entry(plan, e, tensor, "'count' exceeds the number of its sites");
        return bs_hint("it has %llu distinct sites, 'count' is %u", (unsigned long long)s.population,
                       e->fault.count);
    }
    BS_TRY(bs_grow(&plan->strata, cap, (size_t)plan->n_strata + 1, sizeof s, "strata"));
    plan->strata[plan->n_strata++] = s;
    return BS_OK;
}

/* Sets *out to the trials for each image. With a margin: n of Leveugle's formula for the safest guess p =
 * 0.5, divided among the images; a fault of a parameter is run on every image, so there n is the number of
 * faults. */
static bs_status count_repetitions(uint64_t *out, const bs_plan *plan, const bs_entry *e, int target)
{
    const bs_target *t = &plan->graph->targets[target];
    const bs_tensor *tensor = &plan->graph->tensors[t->tensor];
    *out = (uint64_t)e->trials;
    if (!(e->margin > 0))
        return BS_OK;
    uint64_t images = bs_target_is_parameter(t->kind) ? 1 : plan->n_images;
    uint64_t n = 0;
    BS_TRY(bs_sample_size(&n, bs_plan_population(plan, e, target), e->margin, e->confidence, 0.5));
    *out = images > 0 ? (n + images - 1) / images : 0;
    if (*out < 1u << BS_REPETITION_BITS)
        return BS_OK;
    fail_entry(plan, e, tensor, "this margin of error needs more trials than can be numbered");
    return bs_hint("it needs %llu for each image: take more images, or a larger margin",
                   (unsigned long long)*out);
}

static bs_status add_sampled(bs_plan *plan, size_t *cap, int entry)
{
    const bs_entry *e = &plan->job->entries[entry];
    bool *hit;
    BS_TRY(bs_calloc(&hit, (size_t)plan->graph->n_targets, sizeof *hit, "targets"));
    bs_status st = bs_select_targets(hit, e->targets, e->n_targets, NULL, plan->job, plan->graph);
    for (int t = 0; t < plan->graph->n_targets && st == BS_OK; t++)
        if (hit[t]) {
            uint64_t repetitions = 0;
            st = check_bits(plan, e, t);
            if (st == BS_OK)
                st = count_repetitions(&repetitions, plan, e, t);
            if (st == BS_OK)
                st = add_stratum(plan, cap, entry, t, repetitions);
            plan->trials += repetitions * plan->n_images;
        }
    free(hit);
    return st;
}

static bs_status add_listed(bs_plan *plan, size_t *cap, int entry)
{
    const bs_entry *e = &plan->job->entries[entry];
    bs_status st = bs_site_table_read(&plan->tables[entry], e->sites, plan->graph, e->id, plan->n_images);
    if (st != BS_OK)
        return bs_error_hint()[0]
                   ? st
                   : bs_hint("it is the site list of entry %d (%s:%d)", e->id, plan->job->path, e->line);
    const bs_site_table *table = plan->tables[entry];
    size_t n;
    for (size_t i = 0; i < table->n_groups; i += n) {
        const bs_site_group *g = &table->group[i];
        uint64_t run = 0, most = 0;
        for (n = 0; i + n < table->n_groups && g[n].target == g->target; n++) {
            run = n > 0 && g[n].image == g[n - 1].image ? run + 1 : 1;
            most = run > most ? run : most;
        }
        BS_TRY(add_stratum(plan, cap, entry, (int)g->target, most));
        plan->trials += g->image == BS_EVERY_IMAGE ? (uint64_t)n * plan->n_images : n;
    }
    return BS_OK;
}

static bs_status check_limits(const bs_graph *graph, uint32_t n_images)
{
    if (graph->n_targets > 1 << BS_TARGET_BITS)
        return bs_fail(BS_ERR, "the model has %d targets, more than the %d that trial ids can tell apart",
                       graph->n_targets, 1 << BS_TARGET_BITS);
    if (n_images > 1u << BS_IMAGE_BITS) {
        bs_fail(BS_USAGE, "%u images are more than the %u that trial ids can tell apart", n_images,
                1u << BS_IMAGE_BITS);
        return bs_hint("set 'limit' under images, and run the rest as another campaign");
    }
    return BS_OK;
}

/* Marks those strata of the entry (from `first` on) that are not storage as borrowed. */
static bs_status mark_storage(bs_plan *plan, int entry, int first)
{
    const bs_entry *e = &plan->job->entries[entry];
    size_t n = (size_t)plan->graph->n_targets;
    bool *flags;
    if (e->n_storage == 0)
        return BS_OK;
    BS_TRY(bs_calloc(&flags, 2 * n, sizeof *flags, "targets"));
    bool *among = flags, *storage = flags + n;
    for (int i = first; i < plan->n_strata; i++)
        among[plan->strata[i].target] = true;
    bs_status st = bs_select_targets(storage, e->storage, e->n_storage, among, plan->job, plan->graph);
    for (int i = first; i < plan->n_strata; i++)
        plan->strata[i].borrowed = !storage[plan->strata[i].target];
    free(flags);
    return st;
}

/* Adds the entries' strata in the order of the entries' ids, whatever their order in the file. */
static bs_status add_strata(bs_plan *plan)
{
    size_t cap = 0;
    for (int id = 0; id < 1 << BS_ENTRY_BITS; id++)
        for (int i = 0; i < plan->job->n_entries; i++) {
            int first = plan->n_strata;
            if (plan->job->entries[i].id != id)
                continue;
            if (plan->job->entries[i].sites)
                BS_TRY(add_listed(plan, &cap, i));
            else
                BS_TRY(add_sampled(plan, &cap, i));
            BS_TRY(mark_storage(plan, i, first));
        }
    return BS_OK;
}

bs_status bs_plan_create(bs_plan **out, const bs_job *job, const bs_graph *graph, uint32_t n_images)
{
    bs_plan *plan = NULL;
    bs_status st;
    *out = NULL;
    BS_TRY(check_limits(graph, n_images));
    BS_TRY(bs_calloc(&plan, 1, sizeof *plan, "plan"));
    plan->job = job;
    plan->graph = graph;
    plan->n_images = n_images;
    BS_TRY_GOTO(bs_calloc(&plan->tables, (size_t)job->n_entries, sizeof(bs_site_table *), "plan"), out);
    BS_TRY_GOTO(add_strata(plan), out);
    plan->job_trials = plan->trials;
    *out = plan;
    return BS_OK;
out:
    bs_plan_free(plan);
    return st;
}

void bs_plan_free(bs_plan *plan)
{
    if (!plan)
        return;
    for (int i = 0; plan->tables && i < plan->job->n_entries; i++)
        bs_site_table_free(plan->tables[i]);
    free(plan->tables);
    free(plan->strata);
    free(plan);
}

double bs_plan_population(const bs_plan *plan, const bs_entry *e, int target)
{
    const bs_target *t = &plan->graph->targets[target];
    bs_fault_model m = fault_of(plan, e, target);
    double sites = (double)plan->graph->tensors[t->tensor].elements * bs_fault_choices(&m);
    double many = 1e18; /* for sets of sites: practically infinite */
    if (e->fault.ber > 0 || e->fault.count > 1)
        return many;
    return bs_target_is_parameter(t->kind) || plan->n_images == 0 ? sites : sites * plan->n_images;
}

bool bs_plan_single_site(const bs_plan *plan, const bs_stratum *s)
{
    const bs_entry *e = &plan->job->entries[s->entry];
    return !plan->tables[s->entry] && !(e->fault.ber > 0) && e->fault.count == 1;
}

const bs_stratum *bs_plan_stratum(const bs_plan *plan, bs_trial_coords t)
{
    int low = 0, high = plan->n_strata;
    while (low < high) {
        int middle = low + (high - low) / 2;
        const bs_stratum *s = &plan->strata[middle];
        uint32_t id = (uint32_t)plan->job->entries[s->entry].id;
        if (id == t.entry && (uint32_t)s->target == t.target)
            return s;
        if (id < t.entry || (id == t.entry && (uint32_t)s->target < t.target))
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

uint32_t bs_plan_repetitions(const bs_plan *plan, const bs_stratum *s, uint32_t image)
{
    size_t first;
    if (plan->shards > 1 && image % plan->shards != plan->shard)
        return 0;
    const bs_site_table *table = plan->tables[s->entry];
    return table ? bs_site_table_find(table, (uint32_t)s->target, image, &first) : s->repetitions;
}

uint64_t bs_plan_stratum_trials(const bs_plan *plan, const bs_stratum *s)
{
    uint64_t trials = 0;
    for (uint32_t k = 0; k < bs_plan_count_images(plan); k++)
        trials += bs_plan_repetitions(plan, s, bs_plan_image(plan, k));
    return trials;
}

bs_status bs_plan_set_shard(bs_plan *plan, uint32_t shard, uint32_t shards)
{
    if (shards < 1 || shard >= shards)
        return bs_fail(BS_USAGE, "there is no shard %u of %u", shard + 1, shards);
    if (shards > plan->n_images) {
        bs_fail(BS_USAGE, "%u shards, but the job has %u images", shards, plan->n_images);
        return bs_hint("a campaign is split by image: ask for at most %u shards", plan->n_images);
    }
    plan->shard = shard;
    plan->shards = shards;
    plan->trials = 0;
    for (int i = 0; i < plan->n_strata; i++)
        plan->trials += bs_plan_stratum_trials(plan, &plan->strata[i]);
    return BS_OK;
}

uint32_t bs_plan_count_images(const bs_plan *plan)
{
    return plan->shards > 1 ? (plan->n_images - plan->shard + plan->shards - 1) / plan->shards
                            : plan->n_images;
}

uint32_t bs_plan_image(const bs_plan *plan, uint32_t i)
{
    return plan->shards > 1 ? i * plan->shards + plan->shard : i;
}
