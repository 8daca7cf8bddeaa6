/* Schedules whose trials join. A trial with sites in any of several targets *joins* the batch where the first
 * of them is hit: its rows in the live buffers become copies of golden ones. It leaves when all live tensors
 * equal golden, and joins again at its next site; it is masked only if none is to come. Trials that are kept,
 * and those of full schedules, are in the batch from the start. For replay.c. */
#ifndef BS_REPLAY_JOINS_H
#define BS_REPLAY_JOINS_H

#include "replay/replayer.h"

/* Starts the batch: with the trials that are in it from the start, and with those whose sites are in the
 * tensor that the schedule starts with. */
bs_status bs_joins_start(bs_pass *b);
/* Runs a step: computes it for the trials in the batch and for those that join, and injects. */
bs_status bs_joins_step(bs_pass *b, int index);

#endif
