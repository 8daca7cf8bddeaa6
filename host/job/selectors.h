/* The `targets` and `storage` keys of a fault entry. Internal to host/job. */
#ifndef BS_JOB_SELECTORS_H
#define BS_JOB_SELECTORS_H

#include "job/form.h"
#include "job/job.h"

/* Both read into the bs_entry `object`. */
bs_field_reader bs_targets_read;
bs_field_reader bs_storage_read;
void bs_selectors_clear(bs_selector *s, int n);
extern const bs_field_table bs_selector_keys;

#endif
