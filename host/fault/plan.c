#include "fault/plan.h"

#include "base/buf.h"
#include "fault/ber.h"
#include "fault/sample.h"
#include "fault/select.h"
#include "fault/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Largest expected number of sites of a trial: 3 GB. */
#define MAX_EXPECTED_SITES ((double)(1 << 28))

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
    const bs_tensor *t = &plan->graph->tensors[plan->graph->targets[target].tensor];
    m.type = t->type;
    m.scales = t->scales;
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

/* Makes the stratum of an entry on one target, without its repetitions. */
static bs_status make_stratum(bs_stratum *s, const bs_plan *plan, int entry, int target)
{
    const bs_entry *e = &plan->job->entries[entry];
    const bs_target *t = &plan->graph->targets[target];
    const bs_tensor *tensor = &plan->graph->tensors[t->tensor];
    *s = (bs_stratum){.entry = entry,
                      .target = target,
                      .is_parameter = bs_target_is_parameter(t->kind),
                      .probability = e->probability};
    if (tensor->elements < 1 || tensor->elements > UINT32_MAX)
        return fail_entry(plan, e, tensor, "it has no elements, or 2^32 or more of them");
    if (target == BS_NETWORK_TARGET) {
        fail_entry(plan, e, tensor, "its id, 4095, means the whole network in results");
        return bs_hint("of 4,096 targets the last one cannot be hit: select others");
    }
    s->fault = fault_of(plan, e, target);
    s->elements = (uint32_t)tensor->elements;
    s->population = (uint64_t)s->elements * bs_fault_choices(&s->fault);
    if (e->sites)
        return BS_OK;
    uint64_t sites = e->fault.shared_bit ? s->elements : s->population;
    if (bs_stratum_most_sites(s) > MAX_EXPECTED_SITES) {
        fail_entry(plan, e, tensor, "more than 2^28 sites a trial are to be expected");
        return bs_hint("lower 'ber' or 'count', or select smaller targets");
    }
    if (e->fault.ber > 0 && e->fault.ber < 1)
        bs_ber_make(&s->ber, e->fault.ber);
    if (!(e->fault.ber > 0) && e->fault.count != BS_COUNT_ALL && e->fault.count > sites) {
        fail_entry(plan, e, tensor, "'count' exceeds the number of its sites");
        return bs_hint("it has %llu distinct sites, 'count' is %u; 'count: all' hits every element",
                       (unsigned long long)sites, e->fault.count);
    }
    return BS_OK;
}

static bs_status add_stratum(bs_plan *plan, size_t *cap, const bs_stratum *s)
{
    BS_TRY(bs_grow(&plan->strata, cap, (size_t)plan->n_strata + 1, sizeof *s, "strata"));
    plan->strata[plan->n_strata++] = *s;
    return BS_OK;
}

static const char *stratum_name(const bs_plan *plan, const bs_stratum *s)
{
    if (s->target == BS_NETWORK_TARGET)
        return "network";
    return plan->graph->tensors[plan->graph->targets[s->target].tensor].name;
}

/* Sets the trials for each image. With a margin: n of Leveugle's formula for the safest guess p = 0.5,
 * divided among the images; a fault of a parameter is run on every image, so there n is the number of faults.
 */
static bs_status count_repetitions(bs_stratum *s, const bs_plan *plan)
{
    const bs_entry *e = &plan->job->entries[s->entry];
    uint64_t n = (uint64_t)e->trials;
    if (e->margin > 0) {
        uint64_t images = s->is_parameter ? 1 : plan->n_images;
        BS_TRY(bs_sample_size(&n, bs_plan_population(plan, s), e->margin, e->confidence, 0.5));
        n = images > 0 ? (n + images - 1) / images : 0;
    }
    if (n >= 1u << BS_REPETITION_BITS) {
        bs_fail(BS_USAGE,
                "%s:%d: entry %d, target '%s': this margin of error needs more trials than can be numbered",
                plan->job->path, e->line, e->id, stratum_name(plan, s));
        return bs_hint("it needs %llu for each image: take more images, or a larger margin",
                       (unsigned long long)n);
    }
    if (n > 1 && bs_stratum_is_fixed(s))
        n = 1; /* more would be copies, and bounds would count them */
    s->repetitions = (uint32_t)n;
    for (int k = 0; k < s->n_parts; k++)
        s->part[k].repetitions = s->repetitions;
    return BS_OK;
}

static bs_status add_sampled(bs_plan *plan, size_t *cap, int entry)
{
    const bs_entry *e = &plan->job->entries[entry];
    bool *hit;
    BS_TRY(bs_calloc(&hit, (size_t)plan->graph->n_targets, sizeof *hit, "targets"));
    bs_status st = bs_select_targets(hit, e->targets, e->n_targets, NULL, plan->job, plan->graph);
    for (int t = 0; t < plan->graph->n_targets && st == BS_OK; t++)
        if (hit[t]) {
            bs_stratum s;
            st = check_bits(plan, e, t);
            if (st == BS_OK)
                st = make_stratum(&s, plan, entry, t);
            if (st == BS_OK)
                st = count_repetitions(&s, plan);
            if (st == BS_OK)
                st = add_stratum(plan, cap, &s);
            if (st == BS_OK)
                plan->trials += (uint64_t)s.repetitions * plan->n_images;
        }
    free(hit);
    return st;
}

/* Makes the stratum of the whole network of the targets with a probability above 0. The caller frees
 * s->part, also after an error. */
static bs_status make_network(bs_stratum *s, const bs_plan *plan, int entry, const double *probability)
{
    const bs_entry *e = &plan->job->entries[entry];
    *s = (bs_stratum){
        .entry = entry, .target = BS_NETWORK_TARGET, .fault = e->fault, .probability = e->probability};
    if (plan->graph->n_targets > BS_NETWORK_TARGET) {
        bs_fail(BS_USAGE,
                "%s:%d: entry %d: the model has %d targets, and one id must be left for the network",
                plan->job->path, e->line, e->id, plan->graph->n_targets);
        return bs_hint("so no trial of this model can hit several targets: %s",
                       e->sites ? "give them trials of their own" : "remove 'scope: inference'");
    }
    BS_TRY(bs_calloc(&s->part, (size_t)plan->graph->n_targets, sizeof *s->part, "targets"));
    for (int t = 0; t < plan->graph->n_targets; t++) {
        if (!(probability[t] > 0))
            continue;
        bs_stratum *part = &s->part[s->n_parts];
        if (!e->sites)
            BS_TRY(check_bits(plan, e, t));
        BS_TRY(make_stratum(part, plan, entry, t));
        part->probability = probability[t];
        s->n_parts++;
        s->is_parameter |= part->is_parameter;
        s->population += part->population;
    }
    if (e->sites || !(bs_stratum_most_sites(s) > MAX_EXPECTED_SITES))
        return BS_OK;
    bs_fail(BS_USAGE, "%s:%d: entry %d: more than 2^28 sites a trial are to be expected in all targets",
            plan->job->path, e->line, e->id);
    return bs_hint("lower 'ber' or 'count', or select fewer targets");
}

/* Sets the probability that each target is hit: that of the first selector that it meets. */
static bs_status find_probabilities(double *probability, const bs_plan *plan, const bs_entry *e)
{
    size_t n = (size_t)plan->graph->n_targets;
    bool *met;
    bs_status st = BS_OK;
    BS_TRY(bs_calloc(&met, n, sizeof *met, "targets"));
    for (int i = 0; i < e->n_targets && st == BS_OK; i++) {
        memset(met, 0, n * sizeof *met);
        st = bs_select_targets(met, &e->targets[i], 1, NULL, plan->job, plan->graph);
        for (size_t t = 0; t < n; t++)
            if (met[t] && probability[t] == 0)
                probability[t] = e->targets[i].probability;
    }
    free(met);
    return st;
}

static bs_status add_network(bs_plan *plan, size_t *cap, int entry)
{
    double *probability;
    bs_stratum s = {0};
    bs_status st;
    BS_TRY(bs_calloc(&probability, (size_t)plan->graph->n_targets, sizeof *probability, "targets"));
    BS_TRY_GOTO(find_probabilities(probability, plan, &plan->job->entries[entry]), out);
    BS_TRY_GOTO(make_network(&s, plan, entry, probability), out);
    BS_TRY_GOTO(count_repetitions(&s, plan), out);
    BS_TRY_GOTO(add_stratum(plan, cap, &s), out);
    s.part = NULL;
    plan->trials += (uint64_t)plan->strata[plan->n_strata - 1].repetitions * plan->n_images;
out:
    free(s.part);
    free(probability);
    return st;
}

static bs_status add_listed_stratum(bs_plan *plan, size_t *cap, int entry, int target, uint32_t repetitions)
{
    const bool *in = plan->tables[entry]->in_network;
    double *probability;
    bs_stratum s = {0};
    BS_TRY(bs_calloc(&probability, (size_t)plan->graph->n_targets, sizeof *probability, "targets"));
    for (int t = 0; t < plan->graph->n_targets; t++)
        probability[t] = in[t];
    bs_status st = target == BS_NETWORK_TARGET ? make_network(&s, plan, entry, probability)
                                               : make_stratum(&s, plan, entry, target);
    s.repetitions = repetitions;
    for (int k = 0; k < s.n_parts; k++)
        s.part[k].repetitions = repetitions;
    if (st == BS_OK)
        st = add_stratum(plan, cap, &s);
    if (st != BS_OK)
        free(s.part);
    free(probability);
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
        BS_TRY(add_listed_stratum(plan, cap, entry, (int)g->target, (uint32_t)most));
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
        for (int k = 0; k < bs_stratum_targets(&plan->strata[i]); k++)
            among[bs_stratum_at(&plan->strata[i], k)->target] = true;
    bs_status st = bs_select_targets(storage, e->storage, e->n_storage, among, plan->job, plan->graph);
    for (int i = first; i < plan->n_strata; i++)
        if (plan->strata[i].n_parts == 0)
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
            else if (plan->job->entries[i].scope == BS_SCOPE_INFERENCE)
                BS_TRY(add_network(plan, &cap, i));
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
    for (int i = 0; i < plan->n_strata; i++)
        free(plan->strata[i].part);
    free(plan->tables);
    free(plan->strata);
    free(plan);
}
