/* Proves the values of Resize in one axis, with chosen axes, with policies, and with a filter against
 * aliasing. */
#include "support/import_values.h"

enum { IMAGES = 2, N = 35 };

/* (2, 1, 5, 7) to (2, 3). The first two are torch.nn.functional.interpolate() with antialias=True, the others
 * ONNX Runtime, to which neighbours outside repeat the edge if nothing else is said. */
static const struct {
    const char *attributes;
    float out[IMAGES * 6];
} filtered[] = {
    {"mode=linear exclude_outside=1",
     {0.175022f, -0.01491196f, -0.1133573f, 0.1443672f, 0.1358984f, -0.09895056f, 0.2545294f, -0.160629f,
      -0.1861967f, -0.1068401f, -0.3694033f, -0.006702153f}},
    {"mode=cubic cubic_coeff_a=-0.5 exclude_outside=1",
     {0.1592287f, -0.01837713f, -0.1145999f, 0.1466828f, 0.1788684f, -0.1225255f, 0.2850505f, -0.1745835f,
      -0.2178914f, -0.09117763f, -0.4518239f, 0.03824353f}},
    {"mode=linear",
     {0.1180037f, -0.05899547f, -0.1260107f, 0.181617f, 0.1750695f, -0.1460173f, 0.2488241f, -0.1576997f,
      -0.1769466f, -0.03089118f, -0.3877112f, 0.1046031f}},
    {"mode=linear coordinate_transformation_mode=align_corners",
     {0.03278338f, -0.2071877f, -0.1630674f, 0.4145265f, 0.3026971f, -0.2173689f, 0.1561975f, -0.1291461f,
      -0.02190284f, 0.2638219f, -0.4508036f, 0.5556251f}},
    {"mode=linear coordinate_transformation_mode=align_corners exclude_outside=1",
     {0.1012885f, -0.1293714f, -0.1727744f, 0.273236f, 0.2317517f, -0.2099168f, 0.2716073f, -0.126003f,
      -0.1047815f, 0.07562278f, -0.4191748f, 0.3933114f}},
    {"mode=cubic cubic_coeff_a=-0.5",
     {0.1240013f, -0.05068046f, -0.1169637f, 0.1704599f, 0.2124629f, -0.1519748f, 0.2806354f, -0.1778925f,
      -0.2229273f, -0.04765992f, -0.4890864f, 0.1066103f}},
};

static void test_antialias(void **state)
{
    (void)state;
    float x[IMAGES * N];
    random_values("image", x, IMAGES * N);
    for (size_t k = 0; k < sizeof filtered / sizeof *filtered; k++) {
        char text[256];
        snprintf(text, sizeof text,
                 "opset 18; in x N 1 5 7; out y; i s 2 3; Resize x,-,-,s -> y antialias=1 "
                 "axes=[2,3] %s",
                 filtered[k].attributes);
        check_values(text, IMAGES, x, filtered[k].out, 6);
        /* The sizes of all axes say the same. */
        snprintf(text, sizeof text,
                 "opset 18; in x 2 1 5 7; out y; i s 2 1 2 3; Resize x,-,-,s -> y antialias=1 %s",
                 filtered[k].attributes);
        check_values(text, IMAGES, x, filtered[k].out, 6);
    }
    check_refused(
        "opset 18; in x N 1 5 7; out y; v s 1.0 1.0 0.5 0.5; Resize x,-,s -> y antialias=1 mode=linear "
        "coordinate_transformation_mode=asymmetric",
        "antialias with these coordinates");
}

/* Infinity reaches the pixels that it is part of, and no others: 8 pixels become 4, infinite ones read 0. */
static void test_antialias_infinite(void **state)
{
    (void)state;
    static const struct {
        const char *plane, *resize;
        float x[8], out[4];
    } models[] = {
        {"1 8", "i s 1 4", {INFINITY, 2, 3, 4, 5, 6, 7, 8}, {0, 3.5f, 5.5f, 7.375f}},
        {"8 1", "i s 4 1", {INFINITY, 2, 3, 4, 5, 6, 7, 8}, {0, 3.5f, 5.5f, 7.375f}},
        {"1 8", "i s 1 4", {1, 2, 3, 4, 5, -INFINITY, 7, 8}, {1.625f, 3.5f, 0, 0}},
    };
    for (size_t k = 0; k < sizeof models / sizeof *models; k++)
        for (int exclude = 0; exclude < 2; exclude++) {
            char text[256];
            float want[4];
            memcpy(want, models[k].out, sizeof want);
            /* At the ends the pixel beyond, which repeats the last one, counts 1 of 8 parts. */
            if (exclude && k == 2)
                want[0] = 1.5f / 0.875f;
            else if (exclude)
                want[3] = (7.375f - 1.0f) / 0.875f;
            snprintf(text, sizeof text,
                     "opset 18; in x N 1 %s; out y; f c; %s; Resize x,-,-,s -> a mode=linear antialias=1 "
                     "axes=[2,3] exclude_outside=%d; IsInf a -> b; Where b,c,a -> y",
                     models[k].plane, models[k].resize, exclude);
            check_values(text, 1, models[k].x, want, 4);
        }
    check_refused(
        "opset 18; in x N 1 1 99; out y; i s 2; Resize x,-,-,s -> y mode=linear antialias=1 axes=[3]",
        "from 99 to 2 columns");
}

/* Pixel o of a row of `in` pixels that becomes one of `out`, as linear interpolation between the centres. */
static float linear(const float *x, int in, double scale, int o, bool corner)
{
    double at = corner ? o / scale : (o + 0.5) / scale - 0.5;
    at = at < 0 ? 0 : at > in - 1 ? in - 1 : at;
    int left = (int)at, right = left + 1 < in ? left + 1 : left;
    return (float)((double)x[left] + (at - left) * ((double)x[right] - (double)x[left]));
}

static void test_one_axis(void **state)
{
    (void)state;
    enum { W = 5, OUT = 8 };
    static const struct {
        const char *model;
        int out;
        double scale;
        bool corner;
    } models[] = {
        {"opset 13; v s 1.0 1.0 1.6; Resize x,-,s -> y mode=linear", OUT, 1.6, false},
        {"opset 18; v s 1.6; Resize x,-,s -> y mode=linear axes=[2]", OUT, 1.6, false},
        {"opset 18; i s 8; Resize x,-,-,s -> y mode=linear axes=[2]", OUT, 1.6, false},
        {"opset 18; i s 3; Resize x,-,-,s -> y mode=linear axes=[-1]", 3, 0.6, false},
        {"opset 11; v r; v s 1.0 1.0 1.6; Resize x,r,s -> y mode=linear "
         "coordinate_transformation_mode=asymmetric",
         OUT, 1.6, true},
        {"opset 10; v s 1.0 1.0 1.6; Resize x,s -> y mode=linear", OUT, 1.6, true},
        {"opset 9; v s 1.0 1.0 1.6; Upsample x,s -> y mode=linear", OUT, 1.6, true},
    };
    float x[IMAGES * 2 * W], want[IMAGES * 2 * OUT];
    random_values("image", x, IMAGES * 2 * W);
    for (size_t k = 0; k < sizeof models / sizeof *models; k++) {
        char text[256];
        int out = models[k].out;
        for (int i = 0; i < IMAGES * 2 * out; i++)
            want[i] = linear(x + i / out * W, W, models[k].scale, i % out, models[k].corner);
        snprintf(text, sizeof text, "in x N 2 5; out y; %s", models[k].model);
        check_values(text, IMAGES, x, want, 2 * out);
    }
}

/* (N, 4, 11): all of the plane; and sizes, whose factor in fp32 is too small for them: 11 to 13. */
static void test_three_axes(void **state)
{
    (void)state;
    enum { H = 4, W = 11 };
    static const struct {
        const char *model;
        int height, width;
    } models[] = {
        {"v s 1.0 2.0 2.0; Resize x,-,s -> y mode=linear", 8, 22},
        {"v s 2.0; Resize x,-,s -> y mode=linear axes=[1]", 8, 11},
        {"v s 1.5 0.5; Resize x,-,s -> y mode=linear axes=[-1,1]", 2, 16},
        {"i s 8 13; Resize x,-,-,s -> y mode=linear axes=[1,2]", 8, 13},
        {"i s 13; Resize x,-,-,s -> y mode=linear axes=[2]", 4, 13},
        {"i s 8 44; Resize x,-,-,s -> y mode=linear axes=[1,2] keep_aspect_ratio_policy=not_larger", 8, 22},
    };
    float x[IMAGES * H * W], want[IMAGES * 8 * 2 * W];
    random_values("image", x, IMAGES * H * W);
    for (size_t k = 0; k < sizeof models / sizeof *models; k++) {
        char text[256];
        int height = models[k].height, width = models[k].width, n = height * width;
        double across = k == 2 ? 1.5 : (double)width / W;
        for (int i = 0; i < IMAGES * n; i++) {
            float column[H];
            for (int row = 0; row < H; row++)
                column[row] = linear(x + (i / n * H + row) * W, W, across, i % width, false);
            want[i] = linear(column, H, (double)height / H, i % n / width, false);
        }
        snprintf(text, sizeof text, "opset 18; in x N 4 11; out y; %s", models[k].model);
        check_values(text, IMAGES, x, want, n);
    }
}

/* The nearest pixel of (1, 4, 6); sizes are what the policies make of the wish for (2, 6) or (8, 6). */
static void test_policies(void **state)
{
    (void)state;
    enum { H = 4, W = 6, MOST = 12 * 12 };
    static const struct {
        const char *model;
        int height, width;
    } models[] = {
        {"i s 2 6; Resize x,-,-,s -> y axes=[2,3] keep_aspect_ratio_policy=not_larger", 2, 3},
        {"i s 2 6; Resize x,-,-,s -> y axes=[2,3] keep_aspect_ratio_policy=not_smaller", 4, 6},
        {"i s 8 6; Resize x,-,-,s -> y axes=[2,3] keep_aspect_ratio_policy=not_larger", 4, 6},
        {"i s 8 6; Resize x,-,-,s -> y axes=[2,3] keep_aspect_ratio_policy=not_smaller", 8, 12},
        {"i s 12 2; Resize x,-,-,s -> y axes=[3,2]", 2, 12},
        {"i s 8; Resize x,-,-,s -> y axes=[2]", 8, 6},
        {"v s 0.5; Resize x,-,s -> y axes=[3]", 4, 3},
    };
    float x[IMAGES * H * W], want[IMAGES * MOST];
    random_values("image", x, IMAGES * H * W);
    for (size_t k = 0; k < sizeof models / sizeof *models; k++) {
        char text[320];
        int height = models[k].height, width = models[k].width, n = height * width;
        for (int i = 0; i < IMAGES * n; i++)
            want[i] = x[i / n * H * W + i % n / width * H / height * W + i % width * W / width];
        snprintf(text, sizeof text,
                 "opset 18; in x N 1 4 6; out y; %s mode=nearest nearest_mode=floor "
                 "coordinate_transformation_mode=asymmetric",
                 models[k].model);
        check_values(text, IMAGES, x, want, n);
    }
}

/* A factor of 0.75, and (3, 4.5): halves are rounded up. */
static void test_policy_rounds_up(void **state)
{
    (void)state;
    enum { W = 6, IN = 4 * W, WIDTH = 5, OUT = 3 * WIDTH };
    float x[IMAGES * IN], want[IMAGES * OUT];
    random_values("image", x, IMAGES * IN);
    for (int i = 0; i < IMAGES * OUT; i++)
        want[i] = x[i / OUT * IN + i % OUT / WIDTH * 4 / 3 * W + i % WIDTH * 4 / 3];
    check_values("opset 18; in x N 1 4 6; out y; i s 3 9; Resize x,-,-,s -> y mode=nearest axes=[2,3] "
                 "keep_aspect_ratio_policy=not_larger nearest_mode=floor "
                 "coordinate_transformation_mode=asymmetric",
                 IMAGES, x, want, OUT);
}

static void test_refused(void **state)
{
    (void)state;
#define PLANE "opset 18; in x N 1 4 6; out y; "
#define ROW   "opset 18; in x N 2 6; out y; "
    static const char *const bad[] = {
        PLANE "Resize x -> y antialias=1 mode=linear",
        PLANE "v s 0.0 0.0; Resize x,-,s -> y antialias=1 mode=linear axes=[2,3]",
        PLANE "v s 1e-30 1e30; Resize x,-,s -> y antialias=1 mode=linear axes=[2,3]",
        PLANE "v s nan inf; Resize x,-,s -> y antialias=1 mode=linear axes=[2,3]",
        PLANE "v s -1.0 2.0; Resize x,-,s -> y antialias=1 mode=cubic axes=[2,3]",
        PLANE "i s 0 0; Resize x,-,-,s -> y antialias=1 mode=cubic axes=[2,3]",
        PLANE "i s -4 9223372036854775807; Resize x,-,-,s -> y antialias=1 mode=cubic axes=[2,3]",
        PLANE "i s -4 8; Resize x,-,-,s -> y axes=[2,3] keep_aspect_ratio_policy=not_smaller",
        PLANE "i s -4 -6; Resize x,-,-,s -> y axes=[2,3] keep_aspect_ratio_policy=not_larger",
        PLANE
        "i s 9223372036854775807 8; Resize x,-,-,s -> y axes=[2,3] keep_aspect_ratio_policy=not_smaller",
        PLANE "i s 2 2; Resize x,-,-,s -> y antialias=1 mode=cubic axes=[2,9]",
        PLANE "i s 2 2 2; Resize x,-,-,s -> y antialias=1 mode=cubic axes=[2,3]",
        PLANE "i s 1000000000 1000000000; Resize x,-,-,s -> y antialias=1 mode=linear axes=[2,3]",
        ROW "Resize x -> y",
        ROW "v s 0.0; Resize x,-,s -> y axes=[2]",
        ROW "v s nan; Resize x,-,s -> y axes=[2]",
        ROW "v s 1e30; Resize x,-,s -> y axes=[2]",
        ROW "v s 1.0; Resize x,-,s -> y axes=[9223372036854775807]",
        ROW "v s 1.0; Resize x,-,s -> y",
        ROW "v s 1.0 1.0 1.0 2.0; Resize x,-,s -> y",
        ROW "v s 1.5 1.0 2.0; Resize x,-,s -> y",
        PLANE "v s 1.0 1.5 1.0 2.0; Resize x,-,s -> y",
        ROW "Resize -,x -> y",
        "opset 18; in x N 6; out y; v s 1.0 2.0; Resize x,-,s -> y",
        "opset 18; in x N 6; out y; r c; v s 2.0; Resize c,-,s -> d; Add x,d -> y",
    };
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++)
        check_refused(bad[k], "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_antialias), cmocka_unit_test(test_antialias_infinite),
        cmocka_unit_test(test_one_axis),  cmocka_unit_test(test_three_axes),
        cmocka_unit_test(test_policies),  cmocka_unit_test(test_policy_rounds_up),
        cmocka_unit_test(test_refused),
    };
    return run_suite(tests, NULL, NULL);
}
