/* Creates replayers and shares out their memory. */
#include "replay/replayer.h"

#include "base/buf.h"

#include <stdlib.h>

/* Memory reserved at the arena's end is aligned like its start: devices trap on unaligned numbers. */
enum { ALIGNMENT = 64 };

bs_status bs_replayer_create(bs_replayer **out, bs_golden *golden, int max_batch, size_t arena_bytes)
{
    const char *what = "replay";
    const bs_graph *g = golden->graph;
    bs_status st;
    BS_TRY(bs_calloc(out, 1, sizeof **out, what));
    bs_replayer *p = *out;
    size_t n = (size_t)max_batch, buffers = (size_t)g->n_nodes + 1;
    for (int i = 0; i < g->n_nodes; i++)
        buffers += (size_t)g->nodes[i].n_in; /* gathered inputs have buffers, too */
    p->golden = golden;
    p->max_batch = max_batch;
    p->arena_bytes = arena_bytes / ALIGNMENT * ALIGNMENT;
    BS_TRY_GOTO(bs_calloc(&p->in, (size_t)bs_graph_max_inputs(g), sizeof *p->in, what), out);
    BS_TRY_GOTO(bs_calloc(&p->trial, n, sizeof *p->trial, what), out);
    BS_TRY_GOTO(bs_calloc(&p->row, n, sizeof *p->row, what), out);
    BS_TRY_GOTO(bs_calloc(&p->zero, n, sizeof *p->zero, what), out);
    BS_TRY_GOTO(bs_calloc(&p->equal, n * buffers, 1, what), out);
    BS_TRY_GOTO(bs_calloc(&p->masked, n, 1, what), out);
    BS_TRY_GOTO(bs_calloc(&p->class_of, n, sizeof *p->class_of, what), out);
    BS_TRY_GOTO(bs_calloc(&p->answer, n, sizeof *p->answer, what), out);
    BS_TRY_GOTO(bs_grow(&p->first, &p->first_cap, n + 1, sizeof *p->first, what), out);
    BS_TRY_GOTO(bs_calloc(&p->position, n, sizeof *p->position, what), out);
    BS_TRY_GOTO(bs_calloc(&p->last, n, sizeof *p->last, what), out);
    BS_TRY_GOTO(bs_calloc(&p->faulty, (size_t)bs_graph_max_inputs(g), sizeof *p->faulty, what), out);
    for (int i = 0; i < 2; i++) {
        BS_TRY_GOTO(bs_calloc(&p->at[i], n, sizeof *p->at[i], what), out);
        BS_TRY_GOTO(bs_calloc(&p->scratch[i], n, sizeof *p->scratch[i], what), out);
    }
    BS_TRY_GOTO(golden->backend->alloc(golden->stream, (void **)&p->arena, arena_bytes), out);
out:
    if (st != BS_OK) {
        bs_replayer_free(p);
        *out = NULL;
    }
    return st;
}

void bs_replayer_free(bs_replayer *p)
{
    if (!p)
        return;
    if (p->arena)
        p->golden->backend->free(p->golden->stream, p->arena);
    free(p->in);
    free(p->trial);
    free(p->row);
    free(p->zero);
    for (int i = 0; i < 2; i++) {
        free(p->at[i]);
        free(p->scratch[i]);
    }
    free(p->equal);
    free(p->masked);
    free(p->class_of);
    free(p->answer);
    free(p->site);
    free(p->first);
    free(p->position);
    free(p->last);
    free(p->place);
    free(p->before);
    free(p->faulty);
    free(p);
}

bs_golden *bs_replayer_golden(const bs_replayer *p)
{
    return p->golden;
}

void bs_replayer_read(bs_replayer *p, bs_golden *golden)
{
    p->golden = golden;
}

void *bs_replayer_reserve(bs_replayer *p, size_t bytes)
{
    if (bytes > p->arena_bytes)
        return NULL;
    p->arena_bytes -= bytes;
    return p->arena + p->arena_bytes;
}

void bs_replayer_release(bs_replayer *p, size_t bytes)
{
    p->arena_bytes += bytes;
}

size_t bs_replayer_room(const bs_replayer *p, int *most)
{
    *most = p->max_batch;
    return p->arena_bytes;
}

int bs_replayer_classes(const bs_replayer *p)
{
    return p->golden->graph->classes;
}

bs_trial_batch bs_trial_batch_part(const bs_replayer *p, const bs_trial_batch *t, int from, int n)
{
    bs_trial_batch part = *t;
    part.n = n;
    part.golden_row += from;
    part.faults.first += from * bs_trial_batch_targets(t);
    part.result += from;
    if (t->output)
        part.output += (size_t)from * (size_t)bs_replayer_classes(p);
    return part;
}

double bs_replayer_macs(const bs_replayer *p)
{
    return p->macs;
}

bs_status bs_replayer_batch(const bs_replayer *p, const bs_schedule *schedule, int *n)
{
    size_t fit = p->arena_bytes / schedule->row_bytes;
    if (fit == 0) {
        bs_fail(BS_ERR, "one trial needs %zu MiB of memory for its activations, %zu MiB are allowed",
                schedule->row_bytes >> 20, p->arena_bytes >> 20);
        return bs_hint("use fewer --threads, or a machine (or cgroup) with more memory");
    }
    *n = fit < (size_t)p->max_batch ? (int)fit : p->max_batch;
    return BS_OK;
}
