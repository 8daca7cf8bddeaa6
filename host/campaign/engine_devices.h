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
/* Sets e->fingerprint, which must be that of every device. Workers can be opened. */
bs_status bs_engine_compare_devices(bs_engine *e);

#endif
