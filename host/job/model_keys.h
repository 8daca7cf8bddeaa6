/* Keys about the model's inputs and output, and sizes. Internal to host/job. */
#ifndef BS_JOB_MODEL_KEYS_H
#define BS_JOB_MODEL_KEYS_H

#include "job/form.h"

enum { BS_MAX_INPUT_SIDE = 16384 };

/* Reads a side of a square, or [height, width], into two ints, one after the other. */
bs_field_reader bs_size_read;
extern const char bs_size_value[]; /* what it takes, for the manual */
/* Reads names and values into a bs_import_options. */
bs_field_reader bs_given_inputs_read;

#endif
