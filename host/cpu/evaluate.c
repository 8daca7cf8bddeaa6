#include "cpu/evaluate.h"

#include "backend/backend.h"
#include "base/buf.h"

#include <stdlib.h>

typedef struct evaluation {
    const bs_graph *g;
    bs_device *device;
    bs_network *network;
    bs_stream *stream;
    void **rows; /* by tensor; NULL: a parameter */
    bs_view *in; /* of one node */
} evaluation;

static bs_status begin(evaluation *e)
{
    const bs_backend *cpu = &bs_cpu_backend;
    const bs_graph *g = e->g;
    BS_TRY(bs_backend_check(cpu, g));
    BS_TRY(cpu->open(&e->device, 0, NULL));
    BS_TRY(cpu->load(&e->network, e->device, g, NULL));
    BS_TRY(cpu->stream_open(&e->stream, e->network));
    BS_TRY(bs_calloc(&e->rows, (size_t)g->n_tensors, sizeof *e->rows, "rows"));
    BS_TRY(bs_calloc(&e->in, (size_t)bs_graph_max_inputs(g), sizeof *e->in, "views"));
    for (int t = 0; t < g->n_tensors; t++)
        if (!g->tensors[t].constant)
            BS_TRY(cpu->alloc(e->stream, &e->rows[t], cpu->row_bytes(e->network, t)));
    return BS_OK;
}

static bs_status run_sample(evaluation *e, const float *in, float *out)
{
    const bs_backend *cpu = &bs_cpu_backend;
    const bs_graph *g = e->g;
    BS_TRY(cpu->upload(e->stream, g->input, e->rows[g->input], in));
    for (int k = 0; k < g->n_nodes; k++) {
        const bs_node *n = &g->nodes[k];
        for (int i = 0; i < n->n_in; i++)
            e->in[i] = (bs_view){.base = n->in[i] < 0 ? NULL : e->rows[n->in[i]]};
        BS_TRY(cpu->run(e->stream, k, 1, e->in, e->rows[n->out]));
    }
    return cpu->download(e->stream, g->output, e->rows[g->output], out);
}

static void end(evaluation *e)
{
    const bs_backend *cpu = &bs_cpu_backend;
    for (int t = 0; e->rows && t < e->g->n_tensors; t++)
        if (e->rows[t])
            cpu->free(e->stream, e->rows[t]);
    if (e->stream)
        cpu->stream_close(e->stream);
    if (e->network)
        cpu->unload(e->network);
    if (e->device)
        cpu->close(e->device);
    free(e->rows);
    free(e->in);
}

bs_status bs_cpu_evaluate(const bs_graph *g, int64_t n, const float *in, float *out)
{
    evaluation e = {.g = g};
    bs_status st = begin(&e);
    for (int64_t i = 0; st == BS_OK && i < n; i++)
        st = run_sample(&e, in + i * g->tensors[g->input].elements, out + i * g->tensors[g->output].elements);
    end(&e);
    return st;
}
