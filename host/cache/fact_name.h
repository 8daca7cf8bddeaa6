/* The hashes of a fact. Both depend on the build of the program that found it out. */
#ifndef BS_CACHE_FACT_NAME_H
#define BS_CACHE_FACT_NAME_H

#include "cache/cache.h"

enum { BS_FACT_HASH = 16 }; /* bytes of an XXH3-128 */

/* Hashes kind and key: what a fact is found by. */
void bs_fact_name(unsigned char out[BS_FACT_HASH], const bs_fact *fact);
/* Hashes kind, key and value otherwise: a value is believed only if its seal is right, so neither one that is
 * damaged is, nor that of another fact with the same name. */
void bs_fact_seal(unsigned char out[BS_FACT_HASH], const bs_fact *fact, const void *value, size_t len);

#endif
