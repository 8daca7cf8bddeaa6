/* The self-test proves, on this machine and before any work, that a replayed trial has the bits of a full
 * re-run. For each target it replays a batch of null and real faults (first, middle and last element; sign
 * and exponent flips; values made NaN and infinite) over two synthetic images, without dropping masked
 * trials, and compares every output bit with a full re-run of each trial alone. */
#ifndef BS_REPLAY_SELFTEST_H
#define BS_REPLAY_SELFTEST_H

#include "replay/schedules.h"

/* Number of images that bs_selftest_probe() fills. */
enum { BS_PROBE_IMAGES = 2 };

/* Loads the synthetic images into `golden` (capacity >= BS_PROBE_IMAGES) and runs them. Sets *fingerprint to
 * the XXH3-64 of their outputs' bits: machines with the same numerics have the same. */
bs_status bs_selftest_probe(bs_golden *golden, uint64_t *fingerprint);

/* Checks that a full re-run of fault-free trials reproduces the golden outputs. Returns BS_SELFTEST if it
 * does not: then no mode can be trusted. Needs the probe in `golden`. */
bs_status bs_selftest_golden(bs_replayer *p, bs_golden *golden, bs_schedule *full);

/* Compares the one schedule of `schedules`, and the segments after it, with `full` (of the same target). A
 * schedule of more than one row and column is tested with sites as far apart as it serves. Sets *exact to
 * whether all bits agree; `what` describes the first difference. */
bs_status bs_selftest_target(bs_replayer *p, bs_golden *golden, const bs_schedules *schedules,
                             bs_schedule *full, bool *exact, char *what, size_t what_len);

#endif
