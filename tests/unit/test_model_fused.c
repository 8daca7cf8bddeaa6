/* Proves the values of operators of ONNX Runtime's optimiser against their definitions. */
#include "support/import_values.h"

enum { IMAGES = 2 };

static double gelu(double x)
{
    return x / 2 * (1 + erf(x / sqrt(2)));
}

static double fast_gelu(double x)
{
    return x / 2 * (1 + tanh(0.7978845608 * (x + 0.044715 * x * x * x)));
}

static double quick_gelu(double x)
{
    return x / (1 + exp(-1.702 * x));
}

static double quick_gelu_of_2(double x)
{
    return x / (1 + exp(-2 * x));
}

static double relu(double x)
{
    return x > 0 ? x : 0;
}

static double leaky(double x)
{
    return x > 0 ? x : 0.25 * x;
}

static double leaky_default(double x)
{
    return x > 0 ? x : 0.01 * x;
}

static double clip(double x)
{
    return x < -0.5 ? -0.5 : x > 0.75 ? 0.75 : x;
}

static double hard_sigmoid(double x)
{
    double y = 0.1 * x + 0.6;
    return y < 0 ? 0 : y > 1 ? 1 : y;
}

static double hard_sigmoid_default(double x)
{
    double y = 0.2 * x + 0.5;
    return y < 0 ? 0 : y > 1 ? 1 : y;
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static double same(double x)
{
    return x;
}

typedef struct curve {
    const char *model;
    bool biased; /* by b */
    double (*f)(double x);
} curve;

static const curve gelus[] = {
    {"com.microsoft:Gelu x -> y", false, gelu},
    {"com.microsoft:BiasGelu x,b -> y", true, gelu},
    {"com.microsoft:FastGelu x -> y", false, fast_gelu},
    {"com.microsoft:FastGelu x,b -> y", true, fast_gelu},
    {"com.microsoft:QuickGelu x -> y", false, quick_gelu},
    {"com.microsoft:QuickGelu x -> y alpha=2.0", false, quick_gelu_of_2},
};

static void test_gelus(void **state)
{
    (void)state;
    float x[IMAGES * 6], want[IMAGES * 6], b[3];
    random_values("b", b, 3);
    random_values("image", x, IMAGES * 6);
    for (size_t c = 0; c < sizeof gelus / sizeof *gelus; c++) {
        char text[256];
        for (int k = 0; k < IMAGES * 6; k++) {
            x[k] *= c ? 1 : 4;
            want[k] = (float)gelus[c].f((double)x[k] + (gelus[c].biased ? (double)b[k % 3] : 0));
        }
        snprintf(text, sizeof text, "in x N 2 3; out y; r b 3; %s", gelus[c].model);
        check_values(text, IMAGES, x, want, 6);
    }
}

typedef struct fused_case {
    const char *model;
    bool biased, added; /* by b, by the addend */
    double (*f)(double x);
} fused_case;

/* 2 filters of (2, 2, 2) over (2, 3, 3); the addend is computed from the image. */
static const fused_case convs[] = {
    {"com.microsoft:FusedConv x,w -> y", false, false, same},
    {"com.microsoft:FusedConv x,w,b -> y activation=Relu", true, false, relu},
    {"com.microsoft:FusedConv x,w,b -> y activation=LeakyRelu activation_params=[0.25]", true, false, leaky},
    {"com.microsoft:FusedConv x,w,b -> y activation=Clip activation_params=[-0.5,0.75]", true, false, clip},
    {"com.microsoft:FusedConv x,w,b -> y activation=HardSigmoid activation_params=[0.1,0.6]", true, false,
     hard_sigmoid},
    {"com.microsoft:FusedConv x,w,b -> y activation=Sigmoid", true, false, sigmoid},
    {"com.microsoft:FusedConv x,w,b -> y activation=Tanh kernel_shape=[2,2]", true, false, tanh},
    {"com.microsoft:FusedConv x,w,b,a -> y activation=Relu strides=[1,1]", true, true, relu},
    {"com.microsoft:FusedConv x,w,b,a -> y", true, true, same},
    {"com.microsoft:FusedConv x,w,-,a -> y activation=Relu", false, true, relu},
};

static void test_fused_conv(void **state)
{
    (void)state;
    float x[IMAGES * 18], w[16], b[2], want[IMAGES * 8];
    random_values("image", x, IMAGES * 18);
    random_values("w", w, 16);
    random_values("b", b, 2);
    for (size_t c = 0; c < sizeof convs / sizeof *convs; c++) {
        char text[512];
        for (int k = 0; k < IMAGES * 8; k++) {
            int image = k / 8, filter = k / 4 % 2, row = k / 2 % 2, column = k % 2;
            double sum = convs[c].biased ? (double)b[filter] : 0;
            for (int i = 0; i < 8; i++)
                sum += (double)w[filter * 8 + i] *
                       (double)x[image * 18 + i / 4 * 9 + (row + i / 2 % 2) * 3 + column + i % 2];
            if (convs[c].added)
                sum -= (double)x[image * 18 + filter * 9 + row * 3 + column];
            want[k] = (float)convs[c].f(sum);
        }
        snprintf(text, sizeof text,
                 "in x N 2 3 3; out y; r w 2 2 2 2; r b 2; i p 0 0; i q 2 2; i k 2 3; Slice x,p,q,k -> t; "
                 "Neg t -> a; %s",
                 convs[c].model);
        check_values(text, IMAGES, x, want, 8);
    }
}

static const fused_case gemms[] = {
    {"com.microsoft:FusedGemm x,w -> y", false, false, same},
    {"com.microsoft:FusedGemm x,w,b -> y activation=Relu", true, false, relu},
    {"com.microsoft:FusedGemm x,w,b -> y activation=LeakyRelu", true, false, leaky_default},
    {"com.microsoft:FusedGemm x,w,b -> y activation=LeakyRelu activation_alpha=0.25", true, false, leaky},
    {"com.microsoft:FusedGemm x,w,b -> y activation=HardSigmoid", true, false, hard_sigmoid_default},
    {"com.microsoft:FusedGemm x,w,b -> y activation=Tanh transB=0", true, false, tanh},
};

static void test_fused_gemm(void **state)
{
    (void)state;
    float x[IMAGES * 3], w[6], b[2], want[IMAGES * 2];
    random_values("image", x, IMAGES * 3);
    random_values("w", w, 6);
    random_values("b", b, 2);
    for (size_t c = 0; c < sizeof gemms / sizeof *gemms; c++) {
        char text[256];
        for (int k = 0; k < IMAGES * 2; k++) {
            double sum = gemms[c].biased ? (double)b[k % 2] : 0;
            for (int i = 0; i < 3; i++)
                sum += (double)x[k / 2 * 3 + i] * (double)w[i * 2 + k % 2];
            want[k] = (float)gemms[c].f(sum);
        }
        snprintf(text, sizeof text, "in x N 3; out y; r w 3 2; r b 2; %s", gemms[c].model);
        check_values(text, IMAGES, x, want, 2);
    }
}

/* A is (3, 4) or (4, 3), B (4, 2) or (2, 4), of each of 2 heads; both are parts of the image. */
static void check_matmul(bool swap_a, bool swap_b, bool batch_a, bool batch_b, double alpha)
{
    enum { H = 2, I = 3, K = 4, J = 2, A = H * I * K, B = H * K * J, N = A + B };
    float x[IMAGES * N], want[IMAGES * H * I * J];
    char text[640];
    random_values("image", x, IMAGES * N);
    for (int k = 0; k < IMAGES * H * I * J; k++) {
        int image = k / (H * I * J), h = k / (I * J) % H, i = k / J % I, j = k % J;
        const float *a = x + image * N, *b = a + A;
        double sum = 0;
        for (int l = 0; l < K; l++) {
            int row = swap_a ? l : i, column = swap_a ? i : l, rows = swap_a ? K : I,
                columns = swap_a ? I : K;
            double left = (double)a[(h * rows + row) * columns + column];
            row = swap_b ? j : l, column = swap_b ? l : j, rows = swap_b ? J : K, columns = swap_b ? K : J;
            sum += left * (double)b[(h * rows + row) * columns + column];
        }
        want[k] = (float)(alpha * sum);
    }
    int n = sprintf(text,
                    "in x N %d; out y; i s %d %d; i sa 0 2 %d %d; i sb 0 2 %d %d; Split x,s -> p,q axis=1; "
                    "Reshape p,sa -> a; Reshape q,sb -> b; ",
                    N, A, B, swap_a ? K : I, swap_a ? I : K, swap_b ? J : K, swap_b ? K : J);
    /* (images, heads, rows, columns) -> (rows, images, heads, columns), which transBatch undoes. */
    if (batch_a)
        n += sprintf(text + n, "Transpose a -> a2 perm=[2,0,1,3]; ");
    if (batch_b)
        n += sprintf(text + n, "Transpose b -> b2 perm=[2,0,1,3]; ");
    sprintf(text + n,
            "com.microsoft:FusedMatMul %s,%s -> y transA=%d transB=%d transBatchA=%d transBatchB=%d "
            "alpha=%f",
            batch_a ? "a2" : "a", batch_b ? "b2" : "b", swap_a, swap_b, batch_a, batch_b, alpha);
    check_values(text, IMAGES, x, want, H * I * J);
}

static void test_fused_matmul(void **state)
{
    (void)state;
    for (int k = 0; k < 16; k++)
        check_matmul(k & 1, k & 2, k & 4, k & 8, k % 3 ? 0.5 : 1.0);
}

static void test_refused(void **state)
{
    (void)state;
    check_refused("in x N 2 3 3; out y; r w 2 2 2 2; com.microsoft:FusedConv x,w -> y activation=Softsign",
                  "activation 'Softsign' is not supported");
    check_refused("in x N 2 3 3; out y; com.microsoft.nchwc:Conv x -> y",
                  "optimised the file for one kind of processor");
    check_refused("in x N 2 3 3; out y; com.microsoft:Attention x -> y", "of ONNX Runtime is not supported");
    check_refused("in x N 2 3 3; out y; org.example:Gelu x -> y", "operator domain 'org.example'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gelus),      cmocka_unit_test(test_fused_conv),
        cmocka_unit_test(test_fused_gemm), cmocka_unit_test(test_fused_matmul),
        cmocka_unit_test(test_refused),
    };
    return run_suite(tests, NULL, NULL);
}
