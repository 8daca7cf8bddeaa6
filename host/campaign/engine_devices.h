/* The devices of an engine. All of them compute the same bits, or the engine is refused. */
#ifndef BS_CAMPAIGN_ENGINE_DEVICES_H
#define BS_CAMPAIGN_ENGINE_DEVICES_H

#include "campaign/engine.h"

/* Opens the devices that the options name, which must be alike, and sets e->backend, e->info and
 * e->devices. Only where options->several may they be more than one. */
bs_status bs_engine_open_devices(bs_engine *e, const bs_engine_options *options);
/* Loads the graph onto all of them: onto the first, then onto the others side by side, with the
 * implementations that the first has selected. */
bs_status bs_engine_load(bs_engine *e);
/* Unloads and closes what is there. */
void bs_engine_close_devices(bs_engine *e);
/* Calls fn(e, k, shared) for the devices from number `first` on, side by side. Errors name the device if
 * there are several. */
bs_status bs_engine_each_device(bs_engine *e, int first, bs_status (*fn)(bs_engine *e, int k, void *shared),
                                void *shared);
/* Adds to the last error what to do with devices that differ. */
bs_status bs_engine_hint_other_kind(void);

#endif
