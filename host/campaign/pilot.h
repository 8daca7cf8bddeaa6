/* The pilot run of a campaign: how long its trials will take, from a few of them that are run and timed, on
 * all workers at once as in the campaign, and with the job's own images. Nothing is stored. */
#ifndef BS_CAMPAIGN_PILOT_H
#define BS_CAMPAIGN_PILOT_H

#include "campaign/input.h"

/* Times are of one worker, while the others work, too. */
typedef struct bs_pilot {
    double image_seconds;  /* reading and decoding an image */
    double golden_seconds; /* fault-free run of an image */
    double work_seconds;   /* all trials of the plan, on all workers, with images and golden runs */
    double macs;           /* multiply-accumulates of all trials: of masked ones up to there */
    int n_timed;           /* strata whose trials were timed; the others lie between them */
} bs_pilot;

/* Makes a pilot run of the engine's plan for about this many seconds. Images that cannot be read are skipped;
 * if none can, synthetic ones take their place. */
bs_status bs_pilot_run(bs_pilot *out, const bs_engine *e, const bs_input *input, double seconds);

#endif
