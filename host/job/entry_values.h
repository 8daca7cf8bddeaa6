/* Readers of the values of a fault entry, into the bs_entry `object`. Internal to host/job. */
#ifndef BS_JOB_ENTRY_VALUES_H
#define BS_JOB_ENTRY_VALUES_H

#include "job/form.h"
#include "job/job.h"

bs_field_reader bs_fault_kind_read;  /* fault.kind */
bs_field_reader bs_fault_value_read; /* fault.value, which may be infinite or not a number, unlike others */
bs_field_reader bs_fault_range_read; /* fault.low, fault.high */
bs_field_reader bs_shared_bit_read;  /* fault.shared_bit */
bs_field_reader bs_scope_read;       /* scope */
bs_field_reader bs_error_rate_read;  /* fault.ber: the rate, or number `rate` of a list; n_rates */
/* The member at field->offset: */
bs_field_reader bs_number_or_all_read; /* uint32_t from field->min to field->max, or `all`: UINT32_MAX */
bs_field_reader bs_probability_read;   /* double above 0, at most 1 */

#endif
