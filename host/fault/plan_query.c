/* What a plan says of a trial, a stratum and a shard. */
#include "fault/plan.h"

#include "fault/table.h"

bool bs_plan_single_site(const bs_plan *plan, const bs_stratum *s)
{
    const bs_entry *e = &plan->job->entries[s->entry];
    return !plan->tables[s->entry] && s->n_parts == 0 && !(e->fault.ber > 0) && e->fault.count == 1;
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
