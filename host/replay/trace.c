#include "replay/trace.h"

#include "base/buf.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct tracer {
    bs_golden *golden;
    void **rows;  /* by tensor: its faulty row; device */
    float *a, *b; /* host copies of one tensor: golden, faulty */
    bs_trace *out;
    const bs_schedule *schedule; /* or NULL */
    bs_plane *planes;            /* by tensor */
    int32_t at[2];               /* the sites' first row and column */
    int *hit;                    /* by tensor: its number among the targets, -1: it is none of them */
    const bs_site *sites;
    const uint32_t *bound;
    int n_targets;
    bs_faulty_input *faulty_input; /* of a node */
    bool started;
    const bs_trace_watch *watch; /* or NULL */
} tracer;

/* Returns true if the output can depend on the change. */
static bool compare(const tracer *t, bs_trace_step *step)
{
    const bs_plane *plane = &t->planes[step->tensor];
    bool matters = false;
    int64_t n = t->golden->graph->tensors[step->tensor].elements, place[3];
    step->box = bs_box_empty();
    for (int64_t i = 0; i < n; i++) {
        float y = t->b[i];
        step->nan += bs_is_nan(y);
        step->inf += bs_is_inf(y);
        if (bs_float_bits(t->a[i]) == bs_float_bits(y))
            continue;
        step->changed++;
        matters |= bs_plane_is_needed(plane, i);
        bs_plane_place(plane, i, place);
        bs_box_add(&step->box, place[0], place[1], place[2]);
        float d = fabsf(y - t->a[i]);
        if (!bs_is_nan(d) && !bs_is_inf(d) && d > step->largest)
            step->largest = d;
    }
    return matters;
}

/* Reads a tensor without and with faults, and compares them. */
static bs_status look_at(tracer *t, bs_trace_step *step, bool *matters)
{
    const bs_golden *golden = t->golden;
    BS_TRY(bs_golden_need(t->golden, step->tensor, 1, NULL));
    BS_TRY(golden->backend->download(golden->stream, step->tensor, golden->rows[step->tensor], t->a));
    BS_TRY(golden->backend->download(golden->stream, step->tensor, t->rows[step->tensor], t->b));
    *matters = compare(t, step);
    return BS_OK;
}

/* Makes a tensor golden whose change counts as none, as a replay does where it compares. */
static bs_status drop_change(tracer *t, const bs_trace_step *step, bool matters)
{
    const bs_golden *golden = t->golden;
    if (step->changed == 0 || matters)
        return BS_OK;
    return golden->backend->copy_rows(golden->stream, step->tensor, 1,
                                      (bs_view){golden->rows[step->tensor], NULL}, t->rows[step->tensor]);
}

/* Returns true if the replay of the targets compares what a node makes: inside a region, where faults may
 * go in. */
static bool is_compared(const tracer *t, int tensor)
{
    const bs_graph *g = t->golden->graph;
    const bs_node *n = bs_graph_inside(g, tensor) < 0 ? NULL : &g->nodes[g->tensors[tensor].producer];
    bool hit = !n || t->hit[tensor] >= 0;
    for (int k = 0; n && k < n->n_in; k++)
        hit |= n->in[k] >= 0 && g->tensors[n->in[k]].constant && t->hit[n->in[k]] >= 0;
    return hit;
}

/* Does the same for what a region made before its node that makes this tensor, if it is inside one. */
static bs_status drop_earlier_changes(tracer *t, int tensor)
{
    const bs_graph *g = t->golden->graph;
    int r = bs_graph_inside(g, tensor);
    for (int i = r < 0 ? 0 : g->regions[r].first; r >= 0 && i < g->tensors[tensor].producer; i++) {
        bs_trace_step step = {.tensor = g->nodes[i].out};
        bool matters;
        BS_TRY(look_at(t, &step, &matters));
        BS_TRY(drop_change(t, &step, matters));
    }
    return BS_OK;
}

static bs_status record(tracer *t, int tensor, int node)
{
    bs_trace_step *step = &t->out->steps[t->out->n_steps];
    bool matters;
    *step = (bs_trace_step){.tensor = tensor, .node = node};
    step->expected = t->schedule ? bs_schedule_box(t->schedule, t->golden->graph, t->planes, tensor, t->at)
                                 : bs_box_empty();
    BS_TRY(look_at(t, step, &matters));
    if (t->watch)
        BS_TRY(t->watch->see(t->watch->context, step, t->a, t->b));
    t->started |= step->changed > 0 || tensor == t->golden->graph->output;
    if (t->started)
        t->out->n_steps++;
    if (!is_compared(t, tensor))
        return BS_OK;
    BS_TRY(drop_change(t, step, matters));
    return drop_earlier_changes(t, tensor);
}

/* Returns the faults in a tensor that is hit. */
static bs_faults faults_in(const tracer *t, int tensor)
{
    return (bs_faults){t->sites, t->bound + t->hit[tensor], t->out->before};
}

static bool has_faults(const tracer *t, int tensor)
{
    return tensor >= 0 && t->hit[tensor] >= 0 && t->bound[t->hit[tensor]] < t->bound[t->hit[tensor] + 1];
}

/* Puts the faults into an activation, and has the trace begin there at the latest. */
static bs_status inject(tracer *t, int tensor)
{
    const bs_golden *golden = t->golden;
    if (t->hit[tensor] < 0 || (t->n_targets > 1 && !has_faults(t, tensor)))
        return BS_OK;
    t->started = true;
    bs_faults f = faults_in(t, tensor);
    return golden->backend->inject(golden->stream, tensor, 1, t->rows[tensor], &f);
}

static bs_status run_node(tracer *t, int index, bs_view *in)
{
    const bs_golden *golden = t->golden;
    const bs_backend *be = golden->backend;
    const bs_node *node = &golden->graph->nodes[index];
    void *out = t->rows[node->out];
    int n = 0;
    for (int k = 0; k < node->n_in; k++) {
        int x = node->in[k];
        in[k] = (bs_view){x < 0 ? NULL : t->rows[x], NULL};
        if (has_faults(t, x) && golden->graph->tensors[x].constant)
            t->faulty_input[n++] = (bs_faulty_input){k, faults_in(t, x)};
    }
    if (n > 0)
        BS_TRY(be->run_faulty(golden->stream, index, n, t->faulty_input, 1, in,
                              (bs_view){golden->rows[node->out], NULL}, BS_FAULTY_DENSE, out));
    else
        BS_TRY(be->run(golden->stream, index, 1, in, out));
    BS_TRY(inject(t, node->out));
    return record(t, node->out, index);
}

static bs_status allocate(tracer *t, bs_trace *out, const int *targets, int n_targets)
{
    const bs_graph *g = t->golden->graph;
    size_t largest = 1, inputs = (size_t)bs_graph_max_inputs(g);
    for (int i = 0; i < g->n_tensors; i++)
        if (!g->tensors[i].constant && (size_t)g->tensors[i].elements > largest)
            largest = (size_t)g->tensors[i].elements;
    BS_TRY(bs_planes_choose(&t->planes, g));
    BS_TRY(bs_calloc(&t->a, largest, sizeof *t->a, "trace"));
    BS_TRY(bs_calloc(&t->b, largest, sizeof *t->b, "trace"));
    BS_TRY(bs_calloc(&t->faulty_input, inputs, sizeof *t->faulty_input, "trace"));
    BS_TRY(bs_calloc(&t->hit, (size_t)g->n_tensors, sizeof *t->hit, "trace"));
    for (int i = 0; i < g->n_tensors; i++)
        t->hit[i] = -1;
    for (int k = 0; k < n_targets; k++)
        t->hit[g->targets[targets[k]].tensor] = k;
    BS_TRY(bs_calloc(&out->before, t->bound[n_targets], sizeof *out->before, "trace"));
    BS_TRY(bs_calloc(&out->steps, (size_t)g->n_nodes + 1, sizeof *out->steps, "trace"));
    BS_TRY(bs_calloc(&t->rows, (size_t)g->n_tensors, sizeof *t->rows, "trace"));
    for (int i = 0; i < g->n_tensors; i++)
        if (!g->tensors[i].constant)
            BS_TRY(t->golden->backend->alloc(t->golden->stream, &t->rows[i],
                                             t->golden->backend->row_bytes(t->golden->network, i)));
    return BS_OK;
}

static void free_rows(tracer *t)
{
    for (int i = 0; t->rows && i < t->golden->graph->n_tensors; i++)
        if (t->rows[i])
            t->golden->backend->free(t->golden->stream, t->rows[i]);
    free(t->rows);
}

static bs_status run_all(tracer *t)
{
    const bs_golden *golden = t->golden;
    const bs_graph *g = golden->graph;
    bs_view *in;
    BS_TRY(golden->backend->copy_rows(golden->stream, g->input, 1, (bs_view){golden->rows[g->input], NULL},
                                      t->rows[g->input]));
    BS_TRY(inject(t, g->input));
    BS_TRY(record(t, g->input, -1));
    BS_TRY(bs_calloc(&in, (size_t)bs_graph_max_inputs(g), sizeof *in, "trace"));
    bs_status st = BS_OK;
    for (int i = 0; i < g->n_nodes && st == BS_OK; i++)
        st = run_node(t, i, in);
    free(in);
    return st;
}

bs_status bs_trace_run(bs_trace *out, bs_golden *golden, const int *targets, int n_targets,
                       const bs_schedule *schedule, const bs_site *sites, const uint32_t *bound,
                       const bs_trace_watch *watch)
{
    tracer t = {.golden = golden,
                .out = out,
                .schedule = schedule,
                .sites = sites,
                .bound = bound,
                .n_targets = n_targets,
                .watch = watch};
    bs_status st;
    memset(out, 0, sizeof *out);
    if (schedule && !bs_schedule_serves(schedule, sites + bound[0], bound[1] - bound[0], t.at))
        return bs_fail(BS_ERR, "the schedule does not serve these %u sites", bound[1] - bound[0]);
    BS_TRY_GOTO(allocate(&t, out, targets, n_targets), out);
    BS_TRY_GOTO(run_all(&t), out);
    out->golden = golden->answer[0];
    st = golden->backend->rank(golden->stream, 1, t.rows[golden->graph->output], &out->golden.top[0],
                               &out->faulty);
out:
    free(t.planes);
    free(t.a);
    free(t.b);
    free(t.hit);
    free(t.faulty_input);
    free_rows(&t);
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
