/* Proves the values of constants that are computed by running their operator. */
#include "support/import_values.h"

enum { IMAGES = 2, N = 12 };

/* The model makes c of (2, 6) from w, which has 12 elements or more; c is added to the image (12). */
static void check_constant(const char *model, const double *c)
{
    char text[512];
    float x[IMAGES * N], want[IMAGES * N];
    random_values("image", x, IMAGES * N);
    for (int k = 0; k < IMAGES * N; k++)
        want[k] = x[k] + (float)c[k % N];
    snprintf(text, sizeof text,
             "opset 17; in x N 12; out y; i flat 1 -1; %s; Reshape c,flat -> d; Add x,d -> y", model);
    check_values(text, IMAGES, x, want, N);
    /* Nothing is left of the operator. */
    bs_graph *g = import_or_fail(text);
    assert_int_equal(g->n_nodes, 1);
    bs_graph_free(g);
}

static void test_softmax(void **state)
{
    (void)state;
    float w[N];
    double rows[N], all[N], total = 0;
    random_values("w", w, N);
    for (int k = 0; k < N; k++)
        total += exp((double)w[k]);
    for (int k = 0; k < N; k++) {
        double sum = 0;
        for (int i = 0; i < 6; i++)
            sum += exp((double)w[k / 6 * 6 + i]);
        rows[k] = exp((double)w[k]) / sum;
        all[k] = exp((double)w[k]) / total;
    }
    check_constant("r w 2 6; Softmax w -> c", rows);
    check_constant("r w 12; Softmax w -> c", all);
    check_constant("r w 1 12; Softmax w -> c axis=1", all);
}

static void test_windows(void **state)
{
    (void)state;
    float w[32], k[16];
    double conv[N] = {0}, most[N], mean[N];
    random_values("w", w, 32);
    random_values("k", k, 16);
    /* (2, 2, 2, 4), 2 filters of (2, 2, 2): (2, 2, 1, 3) */
    for (int o = 0; o < N; o++) {
        most[o] = -2;
        mean[o] = 0;
        for (int i = 0; i < 8; i++) {
            double v = (double)w[o / 6 * 16 + i / 4 * 8 + i / 2 % 2 * 4 + o % 3 + i % 2];
            conv[o] += v * (double)k[o / 3 % 2 * 8 + i];
            if (i / 4 != o / 3 % 2)
                continue;
            most[o] = v > most[o] ? v : most[o];
            mean[o] += v / 4;
        }
    }
    check_constant("r w 2 2 2 4; r k 2 2 2 2; Conv w,k -> c", conv);
    check_constant("r w 2 2 2 4; MaxPool w -> c kernel_shape=[2,2]", most);
    check_constant("r w 2 2 2 4; AveragePool w -> c kernel_shape=[2,2]", mean);
}

static void test_normal(void **state)
{
    (void)state;
    float w[N], s[2], b[2];
    double instances[N], layers[N];
    random_values("w", w, N);
    random_values("s", s, 2);
    random_values("b", b, 2);
    for (int k = 0; k < N; k++)
        for (int layer = 0; layer < 2; layer++) {
            int n = layer ? 2 : 3, channel = layer ? k % 2 : k / 3 % 2;
            double mean = 0, variance = 0;
            for (int i = 0; i < n; i++)
                mean += (double)w[k / n * n + i] / n;
            for (int i = 0; i < n; i++)
                variance += ((double)w[k / n * n + i] - mean) * ((double)w[k / n * n + i] - mean) / n;
            (layer ? layers : instances)[k] =
                ((double)w[k] - mean) / sqrt(variance + 1e-5) * (double)s[channel] + (double)b[channel];
        }
    check_constant("r w 2 2 1 3; r s 2; r b 2; InstanceNormalization w,s,b -> c", instances);
    check_constant("r w 6 2; r s 2; r b 2; LayerNormalization w,s,b -> c", layers);
}

/* Rows of a batch have one factor for each channel. */
static void test_batch_norm(void **state)
{
    (void)state;
    float w[N], s[3], b[3], m[3];
    double c[N];
    random_values("w", w, N);
    random_values("s", s, 3);
    random_values("b", b, 3);
    random_values("m", m, 3);
    for (int k = 0; k < N; k++) {
        int i = k / 2 % 3;
        c[k] = ((double)w[k] - (double)m[i]) / sqrt((double)m[i] * (double)m[i] + 1e-5) * (double)s[i] +
               (double)b[i];
    }
    check_constant("r w 2 3 2; r s 3; r b 3; r m 3; Mul m,m -> v; BatchNormalization w,s,b,m,v -> c", c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_softmax),
        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_normal),
        cmocka_unit_test(test_batch_norm),
    };
    return run_suite(tests, NULL, NULL);
}
