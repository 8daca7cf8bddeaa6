#include "base/phase.h"

void bs_phase(const char *name)
{
    (void)name;
}
