/* Proves the values of normalisations that are made of other operators, against their definitions. */
#include "support/import_values.h"

enum { IMAGES = 2, MOST = 256 };

static void mean_and_variance(const float *x, int n, double *mean, double *variance)
{
    *mean = *variance = 0;
    for (int k = 0; k < n; k++)
        *mean += (double)x[k] / n;
    for (int k = 0; k < n; k++)
        *variance += ((double)x[k] - *mean) * ((double)x[k] - *mean) / n;
}

/* (4, 2, 3) in 2 groups. by: the channels that share a scale. */
static void check_group_norm(const char *text, int by, double epsilon)
{
    enum { CHANNELS = 4, PLANE = 6, GROUP = 12, N = CHANNELS * PLANE };
    float x[IMAGES * N], want[IMAGES * N], s[CHANNELS], b[CHANNELS];
    random_values("image", x, IMAGES * N);
    random_values("s", s, CHANNELS);
    random_values("b", b, CHANNELS);
    for (int k = 0; k < IMAGES * N; k++) {
        double mean, variance;
        int channel = k / PLANE % CHANNELS;
        mean_and_variance(x + k / GROUP * GROUP, GROUP, &mean, &variance);
        want[k] = (float)(((double)x[k] - mean) / sqrt(variance + epsilon) * (double)s[channel / by] +
                          (double)b[channel / by]);
    }
    check_values(text, IMAGES, x, want, N);
}

static void test_group_norm(void **state)
{
    (void)state;
    check_group_norm(
        "opset 18; in x N 4 2 3; out y; r s 2; r b 2; GroupNormalization x,s,b -> y num_groups=2", 2, 1e-5);
    check_group_norm(
        "opset 21; in x N 4 2 3; out y; r s 4; r b 4; GroupNormalization x,s,b -> y num_groups=2 "
        "epsilon=0.5",
        1, 0.5);
    check_group_norm("opset 21; in x N 4 6; out y; r s 4; r b 4; GroupNormalization x,s,b -> y num_groups=2",
                     1, 1e-5);
}

/* x / sqrt(mean(x^2) + epsilon) * scale for each `block`, plus what SkipLayerNormalization adds. */
static void rms(const float *x, const float *scale, int n, int block, double epsilon, float *y)
{
    for (int k = 0; k < n; k++) {
        double sum = 0;
        for (int i = 0; i < block; i++) {
            double v = (double)x[k / block * block + i];
            sum += v * v / block;
        }
        y[k] = (float)((double)x[k] / sqrt(sum + epsilon) * (double)scale[k % block]);
    }
}

static void test_rms_norm(void **state)
{
    (void)state;
    float x[IMAGES * 24], want[IMAGES * 24], s[24];
    random_values("image", x, IMAGES * 24);
    random_values("s", s, 24);
    rms(x, s, IMAGES * 24, 4, 1e-5, want);
    check_values("opset 23; in x N 2 3 4; out y; r s 4; RMSNormalization x,s -> y", IMAGES, x, want, 24);
    rms(x, s, IMAGES * 24, 12, 0.25, want);
    check_values("opset 23; in x N 2 3 4; out y; r s 3 4; RMSNormalization x,s -> y axis=2 epsilon=0.25",
                 IMAGES, x, want, 24);
    rms(x, s, IMAGES * 24, 24, 1e-5, want);
    check_values("opset 23; in x N 2 3 4; out y; r s 2 3 4; RMSNormalization x,s -> y axis=-3", IMAGES, x,
                 want, 24);
    rms(x, s, IMAGES * 24, 4, 1e-5, want);
    check_values("in x N 2 3 4; out y; r s 4; SimplifiedLayerNormalization x,s -> y", IMAGES, x, want, 24);
    check_refused("opset 23; in x N 2 3 4; out y; r s 2; RMSNormalization x,s -> y axis=0", "");
    check_refused("opset 23; in x N 2 3 4; out y; r s 2; RMSNormalization x,s -> y axis=4", "");
}

/* (3, 4): input 0 is the image, input 1 its negative cube, for a sum that is not proportional. */
#define SKIP "in x N 3 4; Mul x,x -> q; Mul q,x -> c; Neg c -> d; r g 4; r e 4; r o 4; out "

static void test_skip_norms(void **state)
{
    (void)state;
    enum { N = 12 };
    float x[IMAGES * N], sum[IMAGES * N], biased[IMAGES * N], want[IMAGES * N], g[4], e[4], o[4];
    random_values("image", x, IMAGES * N);
    random_values("g", g, 4);
    random_values("e", e, 4);
    random_values("o", o, 4);
    for (int k = 0; k < IMAGES * N; k++) {
        sum[k] = x[k] - x[k] * x[k] * x[k];
        biased[k] = sum[k] + o[k % 4];
    }
    for (int k = 0; k < IMAGES * N; k++) {
        double mean, variance;
        mean_and_variance(biased + k / 4 * 4, 4, &mean, &variance);
        want[k] = (float)(((double)biased[k] - mean) / sqrt(variance + 1e-12)) * g[k % 4] + e[k % 4];
    }
    check_values(SKIP "y; com.microsoft:SkipLayerNormalization x,d,g,e,o -> y", IMAGES, x, want, N);
    check_values(SKIP "s; com.microsoft:SkipLayerNormalization x,d,g,e,o -> y,-,-,s", IMAGES, x, biased, N);
    check_values(SKIP "s; com.microsoft:SkipLayerNormalization x,d,g -> y,-,-,s", IMAGES, x, sum, N);
    for (int k = 0; k < IMAGES * N; k++)
        want[k] += biased[k];
    check_values(SKIP "z; com.microsoft:SkipLayerNormalization x,d,g,e,o -> y,m,v,s; Add y,s -> z", IMAGES, x,
                 want, N);
    for (int k = 0; k < IMAGES * N; k++) {
        double mean, variance;
        mean_and_variance(sum + k / 4 * 4, 4, &mean, &variance);
        want[k] = (float)(((double)sum[k] - mean) / sqrt(variance + 0.5)) * g[k % 4];
    }
    check_values(SKIP "y; com.microsoft:SkipLayerNormalization x,d,g -> y epsilon=0.5", IMAGES, x, want, N);
    rms(biased, g, IMAGES * N, 4, 1e-5, want);
    check_values(SKIP "y; com.microsoft:SkipSimplifiedLayerNormalization x,d,g,o -> y", IMAGES, x, want, N);
    check_values(SKIP "s; com.microsoft:SkipSimplifiedLayerNormalization x,d,g,o -> y,-,-,s", IMAGES, x,
                 biased, N);
    check_refused(SKIP "m; com.microsoft:SkipLayerNormalization x,d,g -> y,m", "its output 1 is used");
}

/* Weights that a BatchNormalization in training mode standardises, filter by filter. */
static void test_standardised_weights(void **state)
{
    (void)state;
    enum { FILTERS = 2, INSIDE = 8, PLANE = 6 };
    float w[FILTERS * INSIDE], x[IMAGES * INSIDE], want[IMAGES * FILTERS], g[FILTERS], b[FILTERS];
    random_values("w", w, FILTERS * INSIDE);
    random_values("g", g, FILTERS);
    random_values("b", b, FILTERS);
    random_values("image", x, IMAGES * INSIDE);
    for (int i = 0; i < IMAGES; i++)
        for (int f = 0; f < FILTERS; f++) {
            double mean, variance, sum = 0;
            mean_and_variance(w + f * INSIDE, INSIDE, &mean, &variance);
            for (int k = 0; k < INSIDE; k++)
                sum += (((double)w[f * INSIDE + k] - mean) / sqrt(variance + 1e-3) * (double)g[f] +
                        (double)b[f]) *
                       (double)x[i * INSIDE + k];
            want[i * FILTERS + f] = (float)sum;
        }
    check_values("opset 14; in x N 2 2 2; out y; r w 2 2 2 2; r g 2; r b 2; f z 2; i s 1 2 -1; i t 2 2 2 2; "
                 "Reshape w,s -> a; BatchNormalization a,g,b,z,z -> n,u,v training_mode=1 epsilon=0.001; "
                 "Reshape n,t -> k; Conv x,k -> c; Flatten c -> y",
                 IMAGES, x, want, FILTERS);
    check_refused("opset 9; in x N 4 2 3; out y; f p 4; BatchNormalization x,p,p,p,p -> y,m,v", "");
    check_refused(
        "opset 14; in x N 4 2 3; out y; f p 4; BatchNormalization x,p,p,p,p -> y,m,v training_mode=1", "");
    bs_graph_free(import_or_fail("opset 9; in x N 4 2 3; out y; f p 4; BatchNormalization x,p,p,p,p -> y"));
}

static void test_mean(void **state)
{
    (void)state;
    float x[IMAGES * 6], want[IMAGES * 6], w[3], v[6];
    random_values("image", x, IMAGES * 6);
    random_values("w", w, 3);
    random_values("v", v, 6);
    for (int k = 0; k < IMAGES * 6; k++)
        want[k] = (x[k] + w[k % 3] + v[k % 6]) / 3;
    check_values("in x N 2 3; out y; r w 3; r v 2 3; Mean x,w,v -> y", IMAGES, x, want, 6);
    check_values("in x N 2 3; out y; Mean x -> y", IMAGES, x, x, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_group_norm), cmocka_unit_test(test_rms_norm),
        cmocka_unit_test(test_skip_norms), cmocka_unit_test(test_standardised_weights),
        cmocka_unit_test(test_mean),
    };
    return run_suite(tests, NULL, NULL);
}
