/* ONNX import. What comes out must be a graph that the rest of the program can index without looking. */
#include "import/onnx_file.h"
#include "fuzz.h"

#include "model/graph.h"

static void check_tensor(const bs_graph *g, const bs_tensor *t)
{
    int64_t elements = 1;
    fuzz_check(t->name && t->shape.rank >= 0 && t->shape.rank <= BS_MAX_RANK);
    for (int k = 0; k < t->shape.rank; k++) {
        fuzz_check(t->shape.dim[k] >= 0);
        fuzz_check(!__builtin_mul_overflow(elements, t->shape.dim[k], &elements));
    }
    fuzz_check(elements == t->elements);
    fuzz_check(t->producer >= -1 && t->producer < g->n_nodes);
    fuzz_check(t->constant == (t->data != NULL));
    if (t->constant && t->elements > 0) {
        volatile float last = t->data[t->elements - 1]; /* read for the address sanitizer */
        (void)last;
    }
}

static void check_node(const bs_graph *g, int k)
{
    const bs_node *n = &g->nodes[k];
    fuzz_check(n->name && n->op >= 0 && n->op < BS_OP_COUNT && n->macs >= 0);
    fuzz_check(n->out >= 0 && n->out < g->n_tensors && g->tensors[n->out].producer == k);
    for (int i = 0; i < n->n_in; i++) {
        fuzz_check(n->in[i] >= -1 && n->in[i] < g->n_tensors);
        fuzz_check(n->in[i] < 0 || g->tensors[n->in[i]].producer < k); /* topological order */
    }
}

static void check_graph(const bs_graph *g)
{
    fuzz_check(g->n_nodes > 0 && g->n_targets > 0 && g->n_targets <= 4096 && g->classes > 0);
    fuzz_check(g->input >= 0 && g->input < g->n_tensors && g->output >= 0 && g->output < g->n_tensors);
    for (int k = 0; k < g->n_tensors; k++)
        check_tensor(g, &g->tensors[k]);
    for (int k = 0; k < g->n_nodes; k++)
        check_node(g, k);
    for (int k = 0; k < g->n_targets; k++)
        fuzz_check(g->targets[k].tensor >= 0 && g->targets[k].tensor < g->n_tensors);
    fuzz_check(bs_graph_find_target(g, g->tensors[g->output].name) >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_file f = fuzz_file_open(data, size);
    bs_graph *g;
    bs_log_set_level(BS_LOG_QUIET);
    bs_status st = bs_graph_import(&g, f.path, NULL);
    if (st != BS_OK) /* perhaps its size is open */
        st = bs_graph_import(&g, f.path, &(bs_import_options){.input_size = {5, 7}});
    fuzz_check_status(st, g);
    if (g)
        check_graph(g);
    bs_graph_free(g);
    fuzz_file_close(&f);
    return 0;
}
