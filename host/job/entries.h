/* The `faults` list of a job file. Internal to host/job. */
#ifndef BS_JOB_ENTRIES_H
#define BS_JOB_ENTRIES_H

#include "job/form.h"
#include "job/job.h"

/* Reads the list into ((bs_job *)object)->entries. */
bs_field_reader bs_entries_read;
void bs_entry_clear(bs_entry *e);
extern const bs_field_table bs_entry_keys; /* of one entry */

#endif
