/* Proves the values of windows over one axis, of windows over images that are cut into pieces, and of
 * operators that move elements between channels and plane. */
#include "support/import_values.h"

enum { IMAGES = 2, CHANNELS = 2, MOST = 256 };

/* A window over one axis. */
typedef struct row_case {
    const char *model;
    int width, kernel, stride, dilation, before, after;
    char what; /* 'c': convolution with 4 filters in 2 groups, 'm': maximum, 'a': mean, 'p': mean with pads */
} row_case;

static const row_case rows[] = {
    {"Conv x,w,b -> y group=2", 7, 3, 1, 1, 0, 0, 'c'},
    {"Conv x,w,b -> y group=2 kernel_shape=[3] strides=[2] pads=[1,2]", 7, 3, 2, 1, 1, 2, 'c'},
    {"Conv x,w,b -> y group=2 dilations=[2] pads=[2,0]", 7, 3, 1, 2, 2, 0, 'c'},
    {"Conv x,w,b -> y group=2 auto_pad=SAME_UPPER strides=[2]", 6, 3, 2, 1, 0, 1, 'c'},
    {"Conv x,w,b -> y group=2 auto_pad=SAME_LOWER strides=[2]", 6, 3, 2, 1, 1, 0, 'c'},
    {"Conv x,w,b -> y group=2 auto_pad=VALID strides=[2]", 6, 3, 2, 1, 0, 0, 'c'},
    {"MaxPool x -> y kernel_shape=[3]", 7, 3, 1, 1, 0, 0, 'm'},
    {"MaxPool x -> y kernel_shape=[3] strides=[2] pads=[1,1]", 7, 3, 2, 1, 1, 1, 'm'},
    {"MaxPool x -> y kernel_shape=[3] dilations=[2] pads=[1,0]", 7, 3, 1, 2, 1, 0, 'm'},
    {"MaxPool x -> y kernel_shape=[3] auto_pad=SAME_UPPER strides=[2]", 6, 3, 2, 1, 0, 1, 'm'},
    {"AveragePool x -> y kernel_shape=[3] strides=[2] pads=[1,1]", 7, 3, 2, 1, 1, 1, 'a'},
    {"AveragePool x -> y kernel_shape=[3] pads=[1,1] count_include_pad=1", 7, 3, 1, 1, 1, 1, 'p'},
    {"AveragePool x -> y kernel_shape=[2] dilations=[3]", 7, 2, 1, 3, 0, 0, 'a'},
};

static float window(const row_case *c, const float *x, int from, const float *w)
{
    double sum = 0, most = -1e30;
    int inside = 0;
    for (int k = 0; k < c->kernel; k++) {
        int at = from + k * c->dilation;
        if (at < 0 || at >= c->width)
            continue;
        inside++;
        sum += (double)x[at] * (w ? (double)w[k] : 1);
        most = (double)x[at] > most ? (double)x[at] : most;
    }
    return (float)(c->what == 'c'   ? sum
                   : c->what == 'm' ? most
                                    : sum / (c->what == 'p' ? c->kernel : inside));
}

static void test_one_axis(void **state)
{
    (void)state;
    float x[MOST], want[MOST], w[12], b[4];
    random_values("image", x, MOST);
    random_values("w", w, 12);
    random_values("b", b, 4);
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        const row_case *c = &rows[k];
        char text[256];
        int filters = c->what == 'c' ? 4 : CHANNELS, n = 0;
        int out = (c->width + c->before + c->after - (c->kernel - 1) * c->dilation - 1) / c->stride + 1;
        for (int i = 0; i < IMAGES; i++)
            for (int f = 0; f < filters; f++)
                for (int o = 0; o < out; o++) {
                    const float *channel = x + (i * CHANNELS + f / (filters / CHANNELS)) * c->width;
                    want[n++] =
                        window(c, channel, o * c->stride - c->before, c->what == 'c' ? w + f * 3 : NULL) +
                        (c->what == 'c' ? b[f] : 0);
                }
        snprintf(text, sizeof text, "opset 19; in x N 2 %d; out y; r w 4 1 3; r b 4; %s", c->width, c->model);
        check_values(text, IMAGES, x, want, n / IMAGES);
    }
}

static void test_global_pools(void **state)
{
    (void)state;
    float x[IMAGES * 12], most[IMAGES * 2], mean[IMAGES * 2];
    random_values("image", x, IMAGES * 12);
    for (int k = 0; k < IMAGES * 2; k++) {
        most[k] = x[k * 6];
        mean[k] = 0;
        for (int i = 0; i < 6; i++) {
            most[k] = fmaxf(most[k], x[k * 6 + i]);
            mean[k] += x[k * 6 + i] / 6;
        }
    }
    check_values("in x N 2 6; out y; GlobalMaxPool x -> y", IMAGES, x, most, 2);
    check_values("in x N 2 6; out y; GlobalAveragePool x -> y", IMAGES, x, mean, 2);
    check_values("in x N 2 1 2 3; out y; GlobalMaxPool x -> y", IMAGES, x, most, 2);
    check_values("in x N 2 1 2 3; out y; GlobalAveragePool x -> y", IMAGES, x, mean, 2);
}

/* The image (2, 4, 6) is cut into 6 pieces of (2, 2, 2), which share axis 0 with the images; each goes
 * through one operator, and has (2, 2, 2) or one value for each channel afterwards. */
#define CUT                                                                                                  \
    "i a 0 2 2 2 3 2; Reshape x,a -> p; Transpose p -> q perm=[0,2,4,1,3,5]; i b -1 2 2 2; Reshape q,b -> "  \
    "v; "
static const char *const cut_models[] = {
    CUT "Conv v,w -> z; Reshape z,c -> y", CUT "MaxPool v -> z kernel_shape=[2,2]; Reshape z,c -> y",
    CUT "AveragePool v -> z kernel_shape=[2,2]; Reshape z,c -> y",
    CUT "GlobalAveragePool v -> z; Reshape z,c -> y", CUT "GlobalMaxPool v -> z; Reshape z,c -> y"};

static void test_pieces(void **state)
{
    (void)state;
    enum { N = 48, PIECES = 6 };
    float x[IMAGES * N], w[16], want[5][IMAGES * PIECES * 2] = {0};
    random_values("image", x, IMAGES * N);
    random_values("w", w, 16);
    for (int k = 0; k < IMAGES * PIECES * 2; k++) {
        int image = k / 12, piece = k / 2 % PIECES, channel = k % 2;
        want[1][k] = -1e30f;
        for (int i = 0; i < 8; i++) {
            int row = piece / 3 * 2 + i / 2 % 2, column = piece % 3 * 2 + i % 2;
            float v = x[image * N + i / 4 * 24 + row * 6 + column];
            want[0][k] += w[channel * 8 + i] * v;
            if (i / 4 != channel)
                continue;
            want[1][k] = fmaxf(want[1][k], v);
            want[2][k] += v / 4;
        }
        want[3][k] = want[2][k];
        want[4][k] = want[1][k];
    }
    for (size_t k = 0; k < sizeof cut_models / sizeof *cut_models; k++)
        for (int fixed = 0; fixed < 2; fixed++) {
            char text[512];
            snprintf(text, sizeof text, "in x %s 2 4 6; out y; r w 2 2 2 2; i c -1 12; %s", fixed ? "2" : "N",
                     cut_models[k]);
            check_values(text, IMAGES, x, want[k], PIECES * 2);
        }
}

/* Normalises pieces: those of one image must not meet those of another. */
static void test_normal_pieces(void **state)
{
    (void)state;
    enum { N = 16 };
    float x[IMAGES * N], want[IMAGES * N], s[2];
    random_values("image", x, IMAGES * N);
    random_values("s", s, 2);
    for (int k = 0; k < IMAGES * N; k++) {
        double mean = 0, variance = 0;
        for (int i = 0; i < 4; i++)
            mean += (double)x[k / 4 * 4 + i] / 4;
        for (int i = 0; i < 4; i++)
            variance += ((double)x[k / 4 * 4 + i] - mean) * ((double)x[k / 4 * 4 + i] - mean) / 4;
        want[k] = (float)(((double)x[k] - mean) / sqrt(variance + 1e-5)) * s[k / 4 % 2];
    }
    for (int fixed = 0; fixed < 2; fixed++) {
        char text[512];
        snprintf(text, sizeof text,
                 "in x %s 4 2 2; out y; r s 2; f z 2; i z0 0; i b -1 2 2 2; i c -1 4 2 2; Mul z,s -> n; Sub "
                 "n,n -> o; "
                 "Reshape x,b -> v; InstanceNormalization v,s,o -> z1; Reshape z1,c -> y",
                 fixed ? "2" : "N");
        check_values(text, IMAGES, x, want, N);
    }
}

static void test_depth_and_space(void **state)
{
    (void)state;
    enum { C = 2, B = 2, H = 2, W = 3, N = C * B * B * H * W };
    float x[IMAGES * N], dcr[IMAGES * N], crd[IMAGES * N];
    random_values("image", x, IMAGES * N);
    for (int i = 0; i < IMAGES; i++)
        for (int c = 0; c < C; c++)
            for (int h = 0; h < H * B; h++)
                for (int w = 0; w < W * B; w++) {
                    int block = h % B * B + w % B, at = h / B * W + w / B;
                    int out = i * N + (c * H * B + h) * W * B + w;
                    dcr[out] = x[i * N + (block * C + c) * H * W + at];
                    crd[out] = x[i * N + (c * B * B + block) * H * W + at];
                }
    check_values("in x N 8 2 3; out y; DepthToSpace x -> y blocksize=2", IMAGES, x, dcr, N);
    check_values("in x N 8 2 3; out y; DepthToSpace x -> y blocksize=2 mode=DCR", IMAGES, x, dcr, N);
    check_values("in x N 8 2 3; out y; DepthToSpace x -> y blocksize=2 mode=CRD", IMAGES, x, crd, N);
    check_values("in x N 2 4 6; out y; SpaceToDepth x -> y blocksize=2", IMAGES, dcr, x, N); /* its inverse */
    check_refused("in x N 8 2 3; out y; DepthToSpace x -> y", "a positive blocksize");
    check_refused("in x N 8 2 3; out y; DepthToSpace x -> y blocksize=0", "a positive blocksize");
    check_refused("in x N 8 2 3; out y; DepthToSpace x -> y blocksize=-2", "a positive blocksize");
    check_refused("in x N 8 2 3; out y; DepthToSpace x -> y blocksize=1048576",
                  "8 channels for blocks of 1048576");
    check_refused("in x N 8 2 3; out y; DepthToSpace x -> y blocksize=4294967296", "a positive blocksize");
    check_refused("in x N 8 2 3; out y; DepthToSpace x -> y blocksize=2 mode=XYZ", "mode 'XYZ'");
    check_refused("in x N 8 2 3; out y; SpaceToDepth x -> y blocksize=2", "2 x 3 elements for blocks of 2");
    check_refused("in x N 8; out y; SpaceToDepth x -> y blocksize=2", "only (N, C, H, W)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_axis),        cmocka_unit_test(test_global_pools),
        cmocka_unit_test(test_pieces),          cmocka_unit_test(test_normal_pieces),
        cmocka_unit_test(test_depth_and_space),
    };
    return run_suite(tests, NULL, NULL);
}
