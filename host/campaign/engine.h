/* The engine: a network loaded on one device or several that are alike, schedules for every stratum of a
 * plan, and device memory divided among the workers. */
#ifndef BS_CAMPAIGN_ENGINE_H
#define BS_CAMPAIGN_ENGINE_H

#include "fault/plan.h"
#include "replay/schedules.h"

typedef struct bs_engine_options {
    const char *device; /* "auto", "cpu", "cuda:1", ...: see bs_backend_find() */
    bool several;       /* it may name more than one */
    int threads;        /* workers of all devices, 0: as many as suit them (CPU: its cores) */
    int max_batch;      /* trials of a batch, 0: those that fit into the memory of 32 full re-runs */
    bs_replay_mode mode;
    double audit;               /* share of the trials that are run again in full */
    const char *device_options; /* device options in addition to those in `device`, NULL: none */
    const char *device_hint;    /* hint if the device does not know them */
    bs_cache *cache;            /* facts of earlier runs, NULL: none; it must outlive the engine */
    bool proves;                /* workers get memory for the self-test */
    bool bench;                 /* workers get replayers although there is no plan */
    bool timed;                 /* autotune: measure where patches pay; else the arithmetic decides */
} bs_engine_options;

/* A device with the network on it. */
typedef struct bs_engine_device {
    char name[32]; /* "cuda:1" */
    int ordinal;   /* 1 */
    bs_device *device;
    bs_network *network;
} bs_engine_device;

typedef struct bs_engine {
    const bs_backend *backend;
    bs_engine_device *devices;
    int n_devices;
    const bs_graph *graph;
    const bs_plan *plan; /* NULL: golden runs only */
    bs_cache *cache;     /* NULL: none */
    bs_device_info info; /* of each device; memory: of the one that has least */
    bs_replay_mode mode;
    int threads, max_batch, dense_batch; /* largest batch, of patched trials and of full re-runs */
    double audit;                        /* share of the trials that are run again in full */
    bool replays;                        /* workers have replayers */
    bool proves;                         /* and memory for the self-test */
    int tile;                            /* images whose golden runs a worker holds at once */
    size_t trial_bytes;                  /* bytes of the arena for the widest trial */
    size_t arena_bytes;                  /* device memory for the trials of one worker */
    bs_receptive_fields fields;          /* this and the context: delta replay only */
    bs_schedule_context context;         /* shared by the delta schedules */
    bs_schedules *schedules;             /* by stratum */
    uint64_t fingerprint;                /* of the test images' golden outputs; set by bs_engine_probe() */
} bs_engine;

/* Opens the device, loads the graph and makes the schedules. plan may be NULL. graph and plan must outlive
 * the engine. Close with bs_engine_close(). */
bs_status bs_engine_open(bs_engine **out, const bs_graph *graph, const bs_plan *plan,
                         const bs_engine_options *options);
void bs_engine_close(bs_engine *e);
/* Returns the first device's network. Schedules are made with it, and serve all. */
static inline bs_network *bs_engine_network(const bs_engine *e)
{
    return e->devices[0].network;
}
/* Returns the index of a worker's device. */
static inline int bs_engine_device_of(const bs_engine *e, int worker)
{
    return worker % e->n_devices;
}
/* Makes schedules for the trials of a stratum. Clear with bs_schedules_clear(), also after an error. */
bs_status bs_engine_schedules(bs_schedules *out, const bs_engine *e, const bs_stratum *s,
                              bs_replay_mode mode);

/* One worker: a stream, golden rows for `tile` images, and a replayer (NULL unless the engine replays). */
typedef struct bs_worker {
    const bs_engine *engine;
    bs_stream *stream;
    bs_golden *golden;
    bs_golden *probe; /* this and the next: of the self-test; NULL unless the engine proves */
    void *test_rows;  /* device memory of bs_selftest_bytes() */
    bs_replayer *replayer;
    float *pixels; /* room for an image, see bs_input_load() */
} bs_worker;

/* number: of the worker, from 0; decides about its device. */
bs_status bs_worker_open(bs_worker *out, const bs_engine *e, int number);
void bs_worker_close(bs_worker *w);

/* Sets *fingerprint to what the numerics of a campaign are known by: the hash of the test images' golden
 * outputs, and the arithmetic of products where it is not fp32. Values of 16 bits and less hide most
 * differences between two arithmetics, so outputs alone would not tell them apart. golden: see
 * bs_selftest_probe(), which this calls. */
bs_status bs_engine_fingerprint(const bs_engine *e, bs_golden *golden, uint64_t *fingerprint);

/* Shrinks the workers until all fit into the devices' memory, and computes the fingerprint. Fails if devices
 * differ in it. */
bs_status bs_engine_probe(bs_engine *e);

#endif
