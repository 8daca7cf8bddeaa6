#include "base/text.h"
#include "cli/cli.h"
#include "model/label.h"
#include "import/synth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_json(const bs_graph *g)
{
    char shape[96];
    for (int i = 0; i < g->n_targets; i++) {
        int id = bs_graph_listed(g, i);
        const bs_target *t = &g->targets[id];
        const bs_tensor *x = &g->tensors[t->tensor];
        bs_str line = {0};
        bs_str_printf(&line, "{\"id\": %d, \"name\": ", id);
        bs_str_json(&line, x->name);
        bs_str_puts(&line, ", \"label\": ");
        bs_str_json(&line, bs_graph_label(g, id));
        bs_str_puts(&line, ", \"node\": ");
        bs_str_json(&line, t->node < 0 ? "" : g->nodes[t->node].name);
        bs_str_printf(&line, ", \"op\": \"%s\", \"kind\": \"%s\", \"shape\": \"%s\"",
                      t->node < 0 ? "" : bs_op_name(g->nodes[t->node].op), bs_target_kind_name(t->kind),
                      bs_shape_text(&x->shape, shape, sizeof shape));
        bs_str_printf(&line, ", \"type\": \"%s\", \"elements\": %lld, \"bits\": %lld, \"macs\": %lld}",
                      bs_dtype_name(x->type), (long long)x->elements, (long long)bs_tensor_bits(x),
                      (long long)(t->kind == BS_TARGET_ACTIVATION ? g->nodes[t->node].macs : 0));
        puts(line.ptr ? line.ptr : "");
        bs_str_clear(&line);
    }
}

/* What a network has of an operator. */
typedef struct counts {
    bs_op op;
    int nodes;
    int64_t elements, macs; /* of their outputs, for one image */
} counts;

static int by_nodes(const void *a, const void *b)
{
    const counts *x = a, *y = b;
    return x->nodes != y->nodes ? y->nodes - x->nodes : strcmp(bs_op_name(x->op), bs_op_name(y->op));
}

/* Counts the nodes of each operator, the most frequent one first; returns the number of operators. */
static int count_operators(counts of[BS_OP_COUNT], const bs_graph *g)
{
    int n = 0;
    for (int op = 0; op < BS_OP_COUNT; op++)
        of[op] = (counts){.op = (bs_op)op};
    for (int k = 0; k < g->n_nodes; k++) {
        counts *c = &of[g->nodes[k].op];
        n += c->nodes++ == 0;
        c->elements += g->tensors[g->nodes[k].out].elements;
        c->macs += g->nodes[k].macs;
    }
    qsort(of, BS_OP_COUNT, sizeof *of, by_nodes);
    return n;
}

static void print_operators(const bs_graph *g, bool json)
{
    counts of[BS_OP_COUNT];
    int n = count_operators(of, g), width = bs_graph_operator_width(g);
    if (!json)
        printf("%-*s %6s %12s %12s\n", width, "operator", "nodes", "elements", "MACs");
    for (int k = 0; k < n; k++) {
        const char *name = bs_op_name(of[k].op);
        long long elements = of[k].elements, macs = of[k].macs;
        if (json)
            printf("{\"op\": \"%s\", \"nodes\": %d, \"elements\": %lld, \"macs\": %lld}\n", name, of[k].nodes,
                   elements, macs);
        else
            printf("%-*s %6d %12lld %12lld\n", width, name, of[k].nodes, elements, macs);
    }
}

/* Names input and output, and what the axes of the input are for images. */
static void print_ends(const bs_graph *g)
{
    const bs_tensor *in = &g->tensors[g->input];
    bs_input_format f = bs_input_format_of(g);
    char shape[96];
    const char *axes = in->shape.rank == 1   ? "values"
                       : f.channels == 0     ? "no image"
                       : in->shape.rank == 2 ? "H, W"
                       : f.channels_last     ? "H, W, C"
                                             : "C, H, W";
    printf("input %s: %s (%s), output %s\n", bs_visible(in->name),
           bs_shape_text(&in->shape, shape, sizeof shape), axes, bs_visible(g->tensors[g->output].name));
}

static void print_table(const bs_graph *g)
{
    char shape[96];
    int width = 4, operators = bs_graph_operator_width(g);
    int64_t parameters = 0;
    for (int i = 0; i < g->n_targets; i++) {
        int n = (int)strlen(bs_visible(bs_graph_label(g, i)));
        width = n > width ? n : width;
        if (bs_target_is_parameter(g->targets[i].kind))
            parameters += g->tensors[g->targets[i].tensor].elements;
    }
    bool types = bs_graph_has_types(g);
    printf("%4s  %-*s  %-*s  %-10s %16s%s %12s %12s\n", "id", width, "name", operators, "operator", "kind",
           "shape", types ? "     type" : "", "bits", "MACs");
    for (int i = 0; i < g->n_targets; i++) {
        int id = bs_graph_listed(g, i);
        const bs_target *t = &g->targets[id];
        const bs_tensor *x = &g->tensors[t->tensor];
        printf("%4d  %-*s  %-*s  %-10s %16s", id, width, bs_visible(bs_graph_label(g, id)), operators,
               t->node < 0 ? "-" : bs_op_name(g->nodes[t->node].op), bs_target_kind_name(t->kind),
               bs_shape_text(&x->shape, shape, sizeof shape));
        if (types)
            printf(" %8s", bs_dtype_name(x->type));
        printf(" %12lld %12lld\n", (long long)bs_tensor_bits(x),
               (long long)(t->kind == BS_TARGET_ACTIVATION ? g->nodes[t->node].macs : 0));
    }
    counts of[BS_OP_COUNT];
    int n_operators = count_operators(of, g);
    printf("\noperators:");
    for (int k = 0; k < n_operators; k++)
        printf("%s %s %d", k ? "," : "", bs_op_name(of[k].op), of[k].nodes);
    putchar('\n');
    print_ends(g);
    printf("%d nodes, %d targets, %lld parameters, %.2f MMAC per inference, %d classes, sha256 %.16s...\n",
           g->n_nodes, g->n_targets, (long long)parameters, (double)g->macs * 1e-6, g->classes, g->sha256);
    for (int k = 0; k < g->n_remarks; k++)
        printf("remark: %s\n", g->remarks[k]);
}

static bs_status run(const bs_args *args)
{
    bs_graph *g;
    bs_import_options import;
    BS_TRY(bs_option_import(args, &import));
    bs_status st = bs_synth_or_import(&g, args->operand[0], &import);
    bs_import_options_clear(&import);
    BS_TRY(st);
    bool json = bs_option_value(args, "json");
    if (bs_option_value(args, "operators"))
        print_operators(g, json);
    else if (json)
        print_json(g);
    else
        print_table(g);
    bs_graph_free(g);
    return BS_OK;
}

static const bs_option options[] = {
    BS_MODEL_OPTIONS,
    {"operators", NULL, "list the operators instead, with the number of their nodes"},
    {"json", NULL, "one JSON object per target, or per operator"},
    {NULL, NULL, NULL},
};

const bs_command bs_cmd_inspect = {
    .name = "inspect",
    .usage = "MODEL",
    .summary = "list the targets of an ONNX model",
    .details =
        "Imports MODEL, an ONNX file or a network that `bitsink synth` generates, and lists its"
        " targets: every tensor in which faults can be injected, with id, name, operator, kind,"
        " shape of one image, bits, and the multiply-accumulates of the node that makes it. They are"
        " in the order in which the network computes them, the parameters of a node before its output."
        " Where an exporter made up the name of a tensor (`onnx::Conv_55`), that of the node stands"
        " there, as in `/conv1/Conv.weight`; `--json` has both. Job files select targets by these"
        " names, kinds, operators and ids. Below them stand the numbers of nodes by operator, the input with"
        " its axes, and the output. `--operators` lists for each operator its nodes, the elements of"
        " their outputs for one image, and their multiply-accumulates.\n"
        "\n"
        "The options say what the file leaves open; a job says it with the keys `input_size`,"
        " `output` and `inputs` (MODELS in bitsink-job(5)).",
    .examples = "    bitsink inspect model.onnx\n"
                "    bitsink inspect model.onnx --input-size 224,224 --output logits --input mask=1\n"
                "    bitsink inspect resnet50 --operators\n"
                "    bitsink inspect resnet50 --json",
    .see_also = "bitsink-job(5) bitsink-synth(1)",
    .min_operands = 1,
    .max_operands = 1,
    .options = options,
    .run = run,
};
