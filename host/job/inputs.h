/* The `images` and `preprocess` keys of a job file. Internal to host/job. */
#ifndef BS_JOB_INPUTS_H
#define BS_JOB_INPUTS_H

#include "job/form.h"
#include "job/job.h"

/* Both read into the bs_job `object`; its preprocess must hold the defaults. */
bs_field_reader bs_images_read;
bs_field_reader bs_preprocess_read;
extern const bs_field_table bs_image_keys;
extern const bs_field_table bs_preprocess_keys;
void bs_images_clear(bs_dataset_spec *images); /* frees the strings */

#endif
