/* The `bits` key of a fault entry. Internal to host/job. */
#ifndef BS_JOB_BITSET_H
#define BS_JOB_BITSET_H

#include "job/form.h"

/* A name of BS_BIT_FIELDS, a bit, a range "23-30", or a list of these, as a bs_bit_choice. */
bs_field_reader bs_bitset_read;

#endif
