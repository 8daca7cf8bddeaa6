/* The self-test: proof, on this machine and before any work, that a replayed trial has the bits of a full
 * re-run. For each target it replays a batch of null and real faults (first, middle and last element; sign
 * and exponent flips; values made NaN and infinite) over two synthetic images, early out switched off, and
 * compares every output bit with a full re-run of each trial alone. */
#ifndef BS_REPLAY_SELFTEST_H
#define BS_REPLAY_SELFTEST_H

#include "replay/schedules.h"

/* Images that bs_selftest_probe() fills. */
enum { BS_PROBE_IMAGES = 2 };

/* Loads the synthetic images into `golden` (capacity >= BS_PROBE_IMAGES) and runs them. *fingerprint: XXH3-64
 * of their outputs' bits; machines whose numerics agree have the same. */
bs_status bs_selftest_probe(bs_golden *golden, uint64_t *fingerprint);

/* Fault-free trials must reproduce the golden outputs in a full re-run: BS_SELFTEST if they do not, since
 * then no mode can be trusted. Needs the probe in golden. */
bs_status bs_selftest_golden(bs_replayer *p, bs_golden *golden, bs_schedule *full);

/* Compares the one schedule of `schedule` and the segments behind it with `full` (same target); of a wide
 * schedule with sites as far apart as it serves. *exact: did all bits agree? `what` says what differed. */
bs_status bs_selftest_target(bs_replayer *p, bs_golden *golden, const bs_schedules *schedule,
                             bs_schedule *full, bool *exact, char *what, size_t what_len);

#endif
