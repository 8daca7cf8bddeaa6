#include "campaign/golden_accuracy.h"

#include "base/log.h"
#include "fault/sample.h"

#include <inttypes.h>

static double percent(const bs_golden_accuracy *a)
{
    return 100.0 * (double)a->correct / (double)a->labelled;
}

bool bs_golden_accuracy_is_low(const bs_golden_accuracy *a, int classes)
{
    if (a->labelled == 0 || classes < 2)
        return false;
    double middle = (1.0 + 1.0 / classes) / 2.0;
    return bs_clopper_pearson_upper((double)a->correct, (double)a->labelled, 0.95) < middle;
}

void bs_golden_accuracy_print(FILE *out, const bs_golden_accuracy *a)
{
    if (a->labelled > 0)
        fprintf(out, "golden top-1 against the labels: %" PRIu64 " of %" PRIu64 " image%s (%.1f %%)\n",
                a->correct, a->labelled, a->labelled == 1 ? "" : "s", percent(a));
}

bool bs_golden_accuracy_warn(const bs_golden_accuracy *a, int classes)
{
    if (!bs_golden_accuracy_is_low(a, classes))
        return false;
    bs_warn("without faults the network gives only %" PRIu64 " of %" PRIu64
            " images their label (top-1 %.1f %%): check the job's 'preprocess' and its labels with "
            "`bitsink classify JOB`",
            a->correct, a->labelled, percent(a));
    return true;
}
