/* The engine: a network on a device with a proven schedule for every stratum of a plan, and memory divided
 * among the workers that will drive it. */
#ifndef BS_CAMPAIGN_ENGINE_H
#define BS_CAMPAIGN_ENGINE_H

#include "fault/plan.h"
#include "replay/schedules.h"

#include <signal.h>

enum { BS_MAX_TILE = 16 };

typedef struct bs_engine_options {
    const char *device; /* "auto", "cpu", "cuda:1", ...: see bs_backend_find() */
    int threads;        /* workers, 0: as many as there are cores */
    int max_batch;      /* trials computed side by side, 0: what fits into the memory of 32 full re-runs */
    bs_replay_mode mode;
    double audit;               /* share of the trials that are run again in full */
    const char *device_options; /* asked of the device besides those in `device`, NULL: none */
    const char *device_hint;    /* for a device that does not have them */
    bool bench;                 /* workers get replayers although there is no plan */
    bool timed;                 /* where it pays to compute patches is measured; else the arithmetic tells */
} bs_engine_options;

typedef struct bs_engine {
    const bs_backend *backend;
    bs_device *device;
    bs_network *network;
    const bs_graph *graph;
    const bs_plan *plan; /* NULL: golden runs only */
    bs_device_info info;
    bs_replay_mode mode;
    int threads, max_batch, dense_batch; /* trials side by side: patched ones, and full re-runs */
    double audit;                        /* share of the trials that are run again in full */
    bool replays;                        /* workers have replayers */
    int tile;                   /* images whose golden runs one worker holds at once, at most BS_MAX_TILE */
    size_t trial_bytes;         /* of the arena, for the widest trial */
    size_t arena_bytes;         /* for the trials of one worker */
    bs_receptive_fields fields; /* delta replay only, as the guide */
    bs_guide guide;             /* of the delta schedules */
    bs_schedules *schedules;    /* by stratum */
    bool *fell_back;            /* by stratum: the self-test failed, its schedules are of a plainer mode */
    uint64_t fingerprint;       /* of the probe images' golden outputs; set by bs_engine_probe() */
} bs_engine;

/* Opens the device, loads the graph, makes the schedules. plan may be NULL. graph and plan must outlive it.
 */
bs_status bs_engine_open(bs_engine **out, const bs_graph *graph, const bs_plan *plan,
                         const bs_engine_options *options);
void bs_engine_close(bs_engine *e);

/* One worker's share: a stream, golden rows for `tile` images, a replayer (NULL where none is needed). */
typedef struct bs_worker {
    const bs_engine *engine;
    bs_stream *stream;
    bs_golden *golden;
    bs_replayer *replayer;
    float *pixels; /* room for two images, see bs_input_load() */
} bs_worker;

bs_status bs_worker_open(bs_worker *out, const bs_engine *e);
void bs_worker_close(bs_worker *w);

/* The stratum's replay mode: that of its narrowest schedule. */
bs_replay_mode bs_engine_mode(const bs_engine *e, int stratum);

/* Shrinks what workers take until they fit into the device, and computes the fingerprint. */
bs_status bs_engine_probe(bs_engine *e);
/* Proves every schedule (see replay/selftest.h); one that is not exact is replaced by the suffix, then the
 * full re-run, with a warning. BS_SELFTEST if even that is not reproducible. *fallbacks counts replaced
 * strata. *stop as in bs_campaign_run(): BS_STOPPED. */
bs_status bs_engine_selftest(bs_engine *e, volatile sig_atomic_t *stop, int *fallbacks);

#endif
