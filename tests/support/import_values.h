/* Runs models of model_build.h on the CPU, to compare what they compute with values got in another way. */
#ifndef BS_TESTS_IMPORT_VALUES_H
#define BS_TESTS_IMPORT_VALUES_H

#include "cpu/evaluate.h"
#include "support/model_build.h"

#include <math.h>

/* Imports the model; fails the test if it is refused. */
static inline bs_graph *import_or_fail(const char *text)
{
    bs_graph *g = NULL;
    if (import_text(&g, text) != BS_OK)
        fail_msg("%s: %s", text, bs_error_message());
    return g;
}

/* Runs the model on `images` images, which lie one after the other in `in`, and compares its outputs. n:
 * their number for each image. */
static inline void check_values(const char *text, int images, const float *in, const float *want, int64_t n)
{
    bs_graph *g = import_or_fail(text);
    int64_t elements = g->tensors[g->output].elements;
    if (elements != n)
        fail_msg("%s: %d elements, expected %d", text, (int)elements, (int)n);
    float *out = malloc((size_t)(n * images) * sizeof *out);
    assert_ok(bs_cpu_evaluate(g, images, in, out));
    for (int64_t k = 0; k < n * images; k++)
        if (!(fabsf(out[k] - want[k]) <= 2e-5f * (1 + fabsf(want[k]))))
            fail_msg("%s: element %d of image %d is %g, expected %g", text, (int)(k % n), (int)(k / n),
                     (double)out[k], (double)want[k]);
    free(out);
    bs_graph_free(g);
}

/* The model must be refused for this reason, with a hint. */
static inline void check_refused(const char *text, const char *why)
{
    bs_graph *g = NULL;
    if (import_text(&g, text) == BS_OK)
        fail_msg("%s was taken, expected an error about '%s'", text, why);
    if (!strstr(bs_error_message(), why))
        fail_msg("%s: '%s' lacks '%s'", text, bs_error_message(), why);
    assert_true(strlen(bs_error_hint()) > 0);
}

#endif
