/* What the workers of a campaign have handed to the writer, and which of them go on when a device is lost. */
#include "campaign/campaign_internal.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/team.h"

static size_t unit_of(const bs_campaign *c, int stratum, uint32_t image)
{
    return (size_t)stratum * c->engine->plan->n_images + image;
}

uint32_t bs_campaign_done(const bs_campaign *c, int stratum, uint32_t image)
{
    if (!c->handed)
        return bs_store_done(c->store, stratum, image);
    return atomic_load_explicit(&c->handed[unit_of(c, stratum, image)], memory_order_relaxed);
}

void bs_campaign_note_done(bs_campaign *c, int stratum, uint32_t image, uint32_t done)
{
    if (c->handed)
        atomic_store_explicit(&c->handed[unit_of(c, stratum, image)], done, memory_order_relaxed);
}

bs_status bs_campaign_copy_ledger(bs_campaign *c)
{
    const bs_plan *plan = c->engine->plan;
    if (c->engine->n_devices == 1)
        return BS_OK;
    BS_TRY(bs_calloc(&c->handed, (size_t)plan->n_strata * plan->n_images, sizeof *c->handed, "ledger"));
    for (int s = 0; s < plan->n_strata; s++)
        for (uint32_t i = 0; i < plan->n_images; i++)
            bs_campaign_note_done(c, s, i, bs_store_done(c->store, s, i));
    return BS_OK;
}

bs_status bs_campaign_go_on(const bs_campaign *c)
{
    return *c->stop || atomic_load(&c->failed) ? bs_fail(BS_STOPPED, "stopped") : BS_OK;
}

void bs_campaign_fail(bs_campaign *c)
{
    atomic_store(&c->failed, true);
    bs_work_end(&c->work);
}

bool bs_campaign_lose_device(bs_campaign *c, int device, bool *first)
{
    int computing = bs_team_size() - 1, n = c->engine->n_devices;
    *first = !atomic_exchange(&c->lost[device], true);
    if (*first)
        atomic_fetch_add(&c->n_lost, 1);
    bool left = atomic_load(&c->n_lost) < (computing < n ? computing : n);
    if (*first && left)
        bs_warn("device %s is lost: %s; its work goes to the others", c->engine->devices[device].name,
                bs_error_message());
    return left;
}
