#include "replay/trace.h"

#include "base/buf.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct tracer {
    bs_golden *golden, *faulty; /* `faulty` is used for its rows only */
    float *a, *b;               /* host copies of one tensor: golden, faulty */
    bs_trace *out;
    const bs_schedule *schedule; /* or NULL */
    bs_plane *planes;            /* by tensor */
    int32_t at[2];               /* the sites' first row and column */
    bool started;
    const bs_trace_watch *watch; /* or NULL */
} tracer;

static void compare(const tracer *t, bs_trace_step *step)
{
    int64_t n = t->golden->graph->tensors[step->tensor].elements, place[3];
    step->box = bs_box_empty();
    for (int64_t i = 0; i < n; i++) {
        float y = t->b[i];
        step->nan += bs_is_nan(y);
        step->inf += bs_is_inf(y);
        if (bs_float_bits(t->a[i]) == bs_float_bits(y))
            continue;
        step->changed++;
        bs_plane_place(&t->planes[step->tensor], i, place);
        bs_box_add(&step->box, place[0], place[1], place[2]);
        float d = fabsf(y - t->a[i]);
        if (!bs_is_nan(d) && !bs_is_inf(d) && d > step->largest)
            step->largest = d;
    }
}

static bs_status record(tracer *t, int tensor, int node)
{
    const bs_backend *be = t->golden->backend;
    bs_trace_step *step = &t->out->steps[t->out->n_steps];
    *step = (bs_trace_step){.tensor = tensor, .node = node};
    step->expected = t->schedule ? bs_schedule_box(t->schedule, t->planes, tensor, t->at) : bs_box_empty();
    BS_TRY(be->download(t->golden->stream, tensor, t->golden->rows[tensor], t->a));
    BS_TRY(be->download(t->golden->stream, tensor, t->faulty->rows[tensor], t->b));
    compare(t, step);
    if (t->watch)
        BS_TRY(t->watch->see(t->watch->context, step, t->a, t->b));
    t->started |= step->changed > 0;
    if (t->started)
        t->out->n_steps++;
    return BS_OK;
}

static bs_status run_node(tracer *t, int index, int faulty_tensor, const bs_faults *f, bs_view *in)
{
    const bs_golden *golden = t->golden;
    const bs_backend *be = golden->backend;
    const bs_node *node = &golden->graph->nodes[index];
    void *out = t->faulty->rows[node->out];
    int input = -1;
    for (int k = 0; k < node->n_in; k++) {
        in[k] = (bs_view){node->in[k] < 0 ? NULL : t->faulty->rows[node->in[k]], NULL};
        if (node->in[k] == faulty_tensor && golden->graph->tensors[faulty_tensor].constant)
            input = k;
    }
    if (input >= 0)
        BS_TRY(be->run_faulty(golden->stream, index, input, 1, in, (bs_view){golden->rows[node->out], NULL},
                              f, BS_FAULTY_DENSE, out));
    else
        BS_TRY(be->run(golden->stream, index, 1, in, out));
    if (node->out == faulty_tensor) {
        t->started = true;
        BS_TRY(be->inject(golden->stream, node->out, 1, out, f));
    }
    return record(t, node->out, index);
}

bs_status bs_trace_run(bs_trace *out, bs_golden *golden, int target, const bs_schedule *schedule,
                       const bs_site *sites, size_t n_sites, const bs_trace_watch *watch)
{
    const bs_graph *g = golden->graph;
    const bs_backend *be = golden->backend;
    tracer t = {.golden = golden, .out = out, .schedule = schedule, .watch = watch};
    uint32_t first[2] = {0, (uint32_t)n_sites};
    bs_view *in = NULL;
    size_t largest = 1;
    int faulty = g->targets[target].tensor;
    bs_status st;
    memset(out, 0, sizeof *out);
    if (schedule && !bs_schedule_serves(schedule, sites, n_sites, t.at))
        return bs_fail(BS_ERR, "the schedule does not serve these %zu sites", n_sites);
    for (int i = 0; i < g->n_tensors; i++)
        if (!g->tensors[i].constant && (size_t)g->tensors[i].elements > largest)
            largest = (size_t)g->tensors[i].elements;
    BS_TRY_GOTO(bs_planes_choose(&t.planes, g), out);
    BS_TRY_GOTO(bs_calloc(&t.a, largest, sizeof *t.a, "trace"), out);
    BS_TRY_GOTO(bs_calloc(&t.b, largest, sizeof *t.b, "trace"), out);
    BS_TRY_GOTO(bs_calloc(&in, (size_t)bs_graph_max_inputs(g), sizeof *in, "trace"), out);
    BS_TRY_GOTO(bs_calloc(&out->before, n_sites, sizeof *out->before, "trace"), out);
    BS_TRY_GOTO(bs_calloc(&out->steps, (size_t)g->n_nodes + 1, sizeof *out->steps, "trace"), out);
    BS_TRY_GOTO(bs_golden_create(&t.faulty, g, be, golden->network, golden->stream, 1), out);
    bs_faults f = {sites, first, out->before};
    void *input = t.faulty->rows[g->input];
    BS_TRY_GOTO(be->copy_rows(golden->stream, g->input, 1, (bs_view){golden->rows[g->input], NULL}, input),
                out);
    if (g->input == faulty)
        BS_TRY_GOTO(be->inject(golden->stream, g->input, 1, input, &f), out);
    t.started = g->input == faulty;
    BS_TRY_GOTO(record(&t, g->input, -1), out);
    for (int i = 0; i < g->n_nodes; i++)
        BS_TRY_GOTO(run_node(&t, i, faulty, &f, in), out);
    out->golden = golden->answer[0];
    st = be->rank(golden->stream, 1, t.faulty->rows[g->output], &out->golden.top[0], &out->faulty);
out:
    free(t.planes);
    free(t.a);
    free(t.b);
    free(in);
    bs_golden_free(t.faulty);
    if (st != BS_OK)
        bs_trace_clear(out);
    return st;
}

void bs_trace_clear(bs_trace *t)
{
    free(t->steps);
    free(t->before);
    memset(t, 0, sizeof *t);
}
