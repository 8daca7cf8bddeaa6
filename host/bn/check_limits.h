/* The limits of `bitsink check`, read from its options. */
#ifndef BS_BN_CHECK_LIMITS_H
#define BS_BN_CHECK_LIMITS_H

#include "bn/check.h"
#include "bn/check_names.h"

/* BS_CHECK_ABOVE: a largest value, so the bound above the rate counts; BS_CHECK_BELOW: a smallest value. */
enum { BS_CHECK_ABOVE, BS_CHECK_BELOW, BS_CHECK_MAX_LIMITS = 64 };

typedef struct bs_check_limit {
    const bs_check_name *what;
    int side;
    double value;
    bs_check_bound bound;
} bs_check_limit;

typedef struct bs_check_limits {
    bs_check_limit limit[BS_CHECK_MAX_LIMITS];
    int n;
} bs_check_limits;

/* Reads the limits: first those of --max, then those of --min. BS_USAGE: no limit, an unknown name or an
 * impossible value, a bound that its view lacks, an option that does not apply to one of the names. */
bs_status bs_check_read_limits(bs_check_limits *out, const bs_check_options *o);

#endif
