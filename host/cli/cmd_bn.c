#include "bn/bn.h"
#include "cli/cli.h"
