/* How often the simulated libraries of CUDA were called. */
#ifndef BS_TESTS_CALL_COUNT_H
#define BS_TESTS_CALL_COUNT_H

#include "support/testing.h"

#include <dlfcn.h>
#include <string.h>

static inline long calls(const char *name)
{
    long (*count)(const char *);
    void *at = dlsym(RTLD_DEFAULT, "bs_sim_calls");
    assert_non_null(at);
    memcpy(&count, &at, sizeof at);
    return count(name);
}

#endif
