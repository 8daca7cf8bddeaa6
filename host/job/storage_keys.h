/* The key `storage` of a job: the types in which the network is stored. */
#ifndef BS_JOB_STORAGE_KEYS_H
#define BS_JOB_STORAGE_KEYS_H

#include "job/form.h"

extern const bs_field_table bs_storage_keys;

/* Reads one type, or the keys above, into the storage of a bs_job. */
bs_field_reader bs_model_storage_read;

#endif
