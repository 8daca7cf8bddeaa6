/* Proves that operators which are imported in steps, folded by running them, or put in the place of a node
 * survive whatever operands and attributes a file gives them. */
#include "import/import.h"
#include "support/import_values.h"

/* Operators, with attributes that fit some operands, and the least and most inputs to try. */
static const struct {
    const char *node;
    int least, most;
} operators[] = {
    {"Mean %s -> y", 1, 4},
    {"CastLike %s -> y", 2, 2},
    {"Div %s -> y", 2, 2},
    {"GatherND %s -> y", 2, 2},
    {"GatherElements %s -> y", 2, 2},
    {"ScatterElements %s -> y", 3, 3},
    {"ScatterND %s -> y", 3, 3},
    {"Pad %s -> y mode=wrap", 2, 4},
    {"ReduceLogSum %s -> y", 1, 2},
    {"ReduceLogSumExp %s -> y", 1, 2},
    {"LpNormalization %s -> y", 1, 1},
    {"MeanVarianceNormalization %s -> y", 1, 1},
    {"Trilu %s -> y", 1, 2},
    {"CumSum %s -> y", 2, 2},
    {"Mod %s -> y", 2, 2},
    {"BatchNormalization %s -> y training_mode=1", 5, 5},
    {"BatchNormalization %s -> y", 5, 5},
    {"Conv %s -> y", 2, 3},
    {"Conv %s -> y kernel_shape=[1,1,1,1,1,1,1,1,1,1] pads=[1,1,1,1,1,1,1,1,1,1]", 2, 3},
    {"MaxPool %s -> y kernel_shape=[2]", 1, 1},
    {"MaxPool %s -> y kernel_shape=[2,2,2,2,2,2,2,2,2] strides=[9223372036854775807]", 1, 1},
    {"AveragePool %s -> y kernel_shape=[2,2] pads=[9223372036854775807,9223372036854775807]", 1, 1},
    {"AveragePool %s -> y", 1, 1},
    {"GlobalMaxPool %s -> y", 1, 1},
    {"GlobalAveragePool %s -> y", 1, 1},
    {"InstanceNormalization %s -> y", 3, 3},
    {"Resize %s -> y", 2, 4},
    {"Resize %s -> y antialias=1 mode=linear", 2, 4},
    {"GroupNormalization %s -> y num_groups=1", 3, 3},
    {"GroupNormalization %s -> y num_groups=9223372036854775807", 3, 3},
    {"RMSNormalization %s -> y", 2, 2},
    {"RMSNormalization %s -> y axis=-9223372036854775807", 2, 2},
    {"DepthToSpace %s -> y blocksize=1", 1, 1},
    {"SpaceToDepth %s -> y blocksize=1", 1, 1},
    {"Einsum %s -> y equation=n,n,n,n->n", 1, 4},
    {"Einsum %s -> y equation=abc->abc", 1, 4},
    {"Attention %s -> y", 3, 4},
    {"Attention %s -> y q_num_heads=1 kv_num_heads=1 is_causal=1", 3, 4},
    {"com.microsoft:Gelu %s -> y", 1, 1},
    {"com.microsoft:BiasGelu %s -> y", 1, 2},
    {"com.microsoft:FastGelu %s -> y", 1, 2},
    {"com.microsoft:QuickGelu %s -> y", 1, 1},
    {"com.microsoft:FusedConv %s -> y activation=Clip activation_params=[1.0]", 2, 4},
    {"com.microsoft:FusedGemm %s -> y activation=Relu", 2, 3},
    {"com.microsoft:FusedMatMul %s -> y transA=1 transB=1 transBatchA=1 transBatchB=1 alpha=2.0", 2, 2},
    {"com.microsoft:SkipLayerNormalization %s -> y", 3, 5},
    {"com.microsoft:SkipSimplifiedLayerNormalization %s -> y", 3, 4},
    {"Softmax %s -> y", 1, 1},
    {"PRelu %s -> y", 2, 2},
    {"LayerNormalization %s -> y", 2, 3},
    {"LRN %s -> y size=3", 1, 1},
    {"If %s -> y", 1, 1},
    {"Loop %s -> y", 2, 3},
};

/* x: images (N, 4), p: (N, 2, 2), q: (N, 1, 2, 2), t: truth values; the others are constants: of no axis,
 * one, two, four and six, some without any element, and integers. */
#define OPERANDS                                                                                             \
    "in x N 4; out y; i pp 0 2 2; Reshape x,pp -> p; i qq 0 1 2 2; Reshape x,qq -> q; Cast x -> t to=9; "    \
    "r a; r b 4; r c 2 2; r d 1 2 2 2; r e 1 1 1 1 1 2; r z 0; r u 0 3; r v 3 0 2; i i 1 2; i j; "

static const char *const operands[] = {"x", "p", "q", "t", "a", "b", "c", "d",
                                       "e", "z", "u", "v", "i", "j", "-"};

enum { N_OPERATORS = sizeof operators / sizeof *operators, N_OPERANDS = sizeof operands / sizeof *operands };

static bs_status import_in_memory(bs_graph **g, const char *text)
{
    static const char sha256[65];
    return bs_graph_import_model(g, build_model(text), NULL, sha256, "model", NULL);
}

static void try_model(int opset, const char *operator, const char * inputs, int *taken)
{
    char node[256], text[768];
    bs_graph *g = NULL;
    snprintf(node, sizeof node, operator, inputs);
    snprintf(text, sizeof text, "opset %d; " OPERANDS "%s", opset, node);
    if (import_in_memory(&g, text) == BS_OK)
        ++*taken;
    else if (!*bs_error_message() || !*bs_error_hint())
        fail_msg("%s: '%s' (hint '%s')", node, bs_error_message(), bs_error_hint());
    bs_graph_free(g);
}

/* Every operator with every first operand, and others of one kind or mixed. */
static void test_operands(void **state)
{
    (void)state;
    int taken = 0, random = 1;
    for (int o = 0; o < N_OPERATORS; o++)
        for (int k = 0; k < N_OPERANDS; k++)
            for (int n = operators[o].least; n <= operators[o].most; n++)
                for (int mixed = 0; mixed < (n > 1 ? 2 : 1); mixed++) {
                    char inputs[64] = "";
                    random = (random * 13 + 7) % 32749;
                    int other = random % N_OPERANDS;
                    for (int i = 0; i < n; i++) {
                        random = (random * 13 + 7) % 32749;
                        strcat(inputs, i ? "," : "");
                        strcat(inputs, operands[i == 0 ? k : mixed ? random % N_OPERANDS : other]);
                    }
                    try_model(random % 2 ? 23 : 13, operators[o].node, inputs, &taken);
                }
    assert_in_range(taken, 50, 2000); /* both ways out were taken */
}

static void test_without_inputs_or_outputs(void **state)
{
    (void)state;
    for (int o = 0; o < N_OPERATORS; o++) {
        char text[256], node[128];
        int length = (int)(strchr(operators[o].node, ' ') - operators[o].node);
        snprintf(node, sizeof node, "%.*s", length, operators[o].node);
        snprintf(text, sizeof text, "opset 23; in x N 4; out y; %s -> y", node);
        check_refused(text, "");
        snprintf(text, sizeof text, "opset 23; in x N 4; out z; %s x,x,x -> -,-,-,z", node);
        check_refused(text, "");
    }
}

/* Constants that no function folds are run on the CPU. */
static void test_runs_of_constants(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "r w 0 3; Softmax w -> c; Add x,c -> y",
        "r w 3 0; Softmax w -> c; Add x,c -> y",
        "r w 0 2 3 3; r k 2 2 3 3; Conv w,k -> c; Add x,c -> y",
        "r w; r k 2 2 3 3; Conv w,k -> c; Add x,c -> y",
        "r w 2; r k 2 2 3 3; Conv w,k -> c; Add x,c -> y",
        "r w; r k 2 3; PRelu w,k -> c; ReduceSum c -> s; Softmax s,s -> y",
        "r w; r s 2 3; InstanceNormalization w,s,s -> c; Add x,c -> y",
        "i w 1 2; Softmax w -> c; Add x,c -> y",
        "r w 1 2 3 3; Conv w -> c; Add x,c -> y",
        "r w 1 2 3 3; Conv w,- -> c; Add x,c -> y",
        "r w 1 1 1024 1024; Conv w,w -> c pads=[900,900,900,900]; Flatten c -> d; Add x,d -> y",
    };
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        char text[256];
        snprintf(text, sizeof text, "opset 14; in x N 4; out y; %s", bad[k]);
        check_refused(text, "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_operands),
        cmocka_unit_test(test_without_inputs_or_outputs),
        cmocka_unit_test(test_runs_of_constants),
    };
    return run_suite(tests, NULL, NULL);
}
