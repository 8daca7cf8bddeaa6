/* The self-test proves, on this machine, that a replayed trial has the bits of a full re-run, and where it is
 * masked.
 *
 * The argument. A full re-run of a trial falls into stretches between *bottlenecks*, activations through
 * which every path leads. What comes after a bottleneck depends on nothing before it but the bottleneck's
 * row. So a trial's full re-run is: fault-free stretches up to the last bottleneck before the fault; the
 * stretch with the fault, up to a bottleneck e; and the stretches after e, from the row at e on. For its
 * replay, three things are checked:
 *
 *   1. Every stretch of the network, once (the dense schedule of the bottleneck that it starts at). Whole
 *      nodes in a batch, from rows with a fault at that bottleneck, give the bits of the same nodes run
 *      alone, one trial after the other; and without a fault those of the golden run.
 *   2. Every schedule, once. In a batch, from the fault up to e, it gives at e, as a whole row, the bits of
 *      whole nodes run alone with the same fault, and the same node at which the trial is masked. e is the
 *      first bottleneck after which the schedule computes what every other does, whole tensors or fixed
 *      patches of them; its end, the next cut point or
 *      the output, is one. The rest of the schedule is stretches that (1) has checked. Schedules of segments
 *      start as in a campaign: from rows with a fault at the cut point, whose change is measured.
 *   3. The composition, for a schedule of each kind: trials along everything that (1) and (2) let them take,
 *      with masked ones dropped, give the outputs, answers and masking nodes of full re-runs, from the input
 *      to the output, each alone (bs_selftest_whole()).
 *
 * Trials with sites in several targets run along whole nodes by the same functions of the backend, from one
 * hit tensor to the next, or along schedules of (2). So each of their targets is checked as (2) says, and
 * then:
 *
 *   4. Their joining, leaving and joining again, and faults in several parameters of a node: trials that are
 * hit in all targets, in every other one, in the first and the last, and by sites that change nothing, give
 * the outputs, answers and masking nodes of full re-runs, each alone (bs_selftest_several()).
 *
 * By (2) the row at e is the full re-run's, whatever batch and schedule; by (1), stretch by stretch, so is
 * every row after it; at a cut point, trials go on by schedules of (2). What this assumes of the backend is
 * its contract (backend.h): the value of a row depends on its input rows and on nothing else. That cannot be
 * tried for all inputs; it is tried for the kinds of rows that tell implementations apart: faults in the
 * first, a middle and the last element (so in corners and at borders, and as far apart as the schedule
 * serves), no fault, the sign and both ends of the exponent, a number, NaN and infinity, on two images of
 * different scale. Batches are as large as the campaign's, up to seven (4 + 2 + 1 in powers of two), and
 * smaller where masked trials are dropped; what only batches of more than seven do wrong, audits find. Where
 * buffers lie in memory does not depend on the device; it is left to (3). Nothing is computed by a schedule
 * that has not been checked: campaign/proof.h says when that is done. */
#ifndef BS_REPLAY_SELFTEST_H
#define BS_REPLAY_SELFTEST_H

#include "replay/schedules.h"

/* Number of images that bs_selftest_probe() fills. */
enum { BS_PROBE_IMAGES = 2 };

/* Loads the synthetic images into `golden` (capacity >= BS_PROBE_IMAGES) and runs them. Sets *fingerprint to
 * the XXH3-64 of their outputs' bits: machines with the same numerics have the same. */
bs_status bs_selftest_probe(bs_golden *golden, uint64_t *fingerprint);

/* What the functions below need. The replayer's golden run holds the probe. Batches have the memory that they
 * have in the campaign: what is compared lies elsewhere. */
typedef struct bs_selftest {
    bs_replayer *replayer;
    bs_network *network;
    const bool *bottleneck; /* by tensor, see bottlenecks.h */
    char *rows;             /* device memory of bs_selftest_bytes() */
} bs_selftest;

/* The outcome of a check. */
typedef struct bs_selftest_result {
    bool exact;
    bool reproducible; /* false: whole nodes, run alone, contradict the golden run: no replay can be right */
    char what[200];    /* if not exact: the first difference */
} bs_selftest_result;

/* Returns the bytes of device memory for rows of any check, in batches of at most max_batch. */
size_t bs_selftest_bytes(const bs_graph *g, const bs_backend *backend, const bs_network *network,
                         int max_batch);
/* Returns the number of trials that a check of the schedule computes at once: as many as a campaign, up to
 * all. */
int bs_selftest_group(const bs_schedule *schedule, int max_batch, size_t arena_bytes);
/* Returns the number of steps that a check of the schedule runs: up to e. */
int bs_selftest_steps(const bs_schedule *schedule, const bs_graph *g, const bool *bottleneck);
/* Checks the first `steps` steps of a schedule (see above; the last of them makes a bottleneck, or is the
 * schedule's last). at_cut_point: it starts at rows of its target, a cut point. Of a full schedule, the
 * stretch around the fault is run in a batch. */
bs_status bs_selftest_schedule(const bs_selftest *t, const bs_schedule *schedule, int steps,
                               bool at_cut_point, bs_selftest_result *out);
/* Checks two trials along `schedules`, and one without a fault beside them, against full re-runs. which: even
 * or odd, other trials. */
bs_status bs_selftest_whole(const bs_selftest *t, const bs_schedules *schedules, int which,
                            bs_selftest_result *out);

/* Checks trials with sites in several targets against full re-runs (see above). */
bs_status bs_selftest_several(const bs_selftest *t, const bs_schedules *schedules, bs_selftest_result *out);

#endif
