#include "replay/node_timer.h"

#include "base/buf.h"
#include "base/resources.h"

#include <stdlib.h>

/* The quickest of several runs counts, because the first one makes the library's plans. There are at least
 * two runs, three unless two take `plenty` of seconds, and up to MOST_RUNS until they take `enough`. */
enum { RUNS = 3, MOST_RUNS = 16 };
static const double plenty = 2e-2, enough = 2e-3;

/* A node, a patch of it, and device memory for n trials of both. */
typedef struct trial_node {
    const bs_node_timer *c;
    const bs_autotune_query *q;
    const bs_node *node;
    int n;
    void **rows;    /* by input: n whole rows, NULL for parameters */
    void **patches; /* by input: patches gathered from them */
    bs_view *in;
    void *out, *golden; /* rows of the output, or patches */
    int32_t *origin;
    uint8_t *equal;
} trial_node;

/* Returns true if the node, whole or on patches, reads rows of this input: an activation, or a parameter that
 * is cut. */
static bool has_rows(const bs_node_timer *c, const bs_node *node, int k)
{
    return node->in[k] >= 0 &&
           (!c->g->tensors[node->in[k]].constant || !bs_reads_whole(c->g, c->planes, node, k));
}

/* Fills n rows with ones: the time of arithmetic does not depend on the values as long as none is
 * denormal. */
static bs_status fill_rows(trial_node *b, int tensor, void *rows)
{
    const bs_node_timer *c = b->c;
    int64_t elements = c->g->tensors[tensor].elements;
    size_t bytes = c->backend->row_bytes(c->network, tensor);
    float *ones;
    BS_TRY(bs_calloc(&ones, (size_t)elements, sizeof *ones, "timings"));
    for (int64_t i = 0; i < elements; i++)
        ones[i] = 1.0f;
    bs_status st = c->backend->upload(c->stream, tensor, rows, ones);
    if (st == BS_OK && b->n > 1) /* from row 0 */
        st = c->backend->copy_rows(c->stream, tensor, b->n - 1, (bs_view){rows, b->origin},
                                   (char *)rows + bytes);
    free(ones);
    return st;
}

static bs_status allocate(trial_node *b)
{
    const bs_node_timer *c = b->c;
    const bs_backend *be = c->backend;
    size_t n = (size_t)b->n, inputs = (size_t)b->node->n_in, whole;
    BS_TRY(bs_calloc(&b->rows, inputs, sizeof *b->rows, "timings"));
    BS_TRY(bs_calloc(&b->patches, inputs, sizeof *b->patches, "timings"));
    BS_TRY(bs_calloc(&b->in, inputs, sizeof *b->in, "timings"));
    BS_TRY(bs_calloc(&b->origin, n, sizeof *b->origin, "timings"));
    BS_TRY(bs_calloc(&b->equal, n, sizeof *b->equal, "timings"));
    for (int k = 0; k < b->node->n_in; k++) {
        int tensor = b->node->in[k];
        if (!has_rows(c, b->node, k))
            continue;
        size_t patch = be->patch_bytes(c->network, tensor, b->q->in_size);
        whole = be->row_bytes(c->network, tensor);
        BS_TRY(be->alloc(c->stream, &b->rows[k], n * whole));
        BS_TRY(be->alloc(c->stream, &b->patches[k], n * (patch > whole ? patch : whole)));
        BS_TRY(fill_rows(b, tensor, b->rows[k]));
    }
    whole = be->row_bytes(c->network, b->node->out);
    BS_TRY(be->alloc(c->stream, &b->out, n * whole));
    BS_TRY(be->alloc(c->stream, &b->golden, n * whole));
    return fill_rows(b, b->node->out, b->golden);
}

static void clear(trial_node *b)
{
    const bs_node_timer *c = b->c;
    for (int k = 0; k < b->node->n_in; k++) {
        if (b->rows && b->rows[k])
            c->backend->free(c->stream, b->rows[k]);
        if (b->patches && b->patches[k])
            c->backend->free(c->stream, b->patches[k]);
    }
    if (b->out)
        c->backend->free(c->stream, b->out);
    if (b->golden)
        c->backend->free(c->stream, b->golden);
    free(b->rows);
    free(b->patches);
    free(b->in);
    free(b->origin);
    free(b->equal);
}

/* Sets input k to what the node reads, and gathers it where the query says so. `all`: gathers every input
 * that can be. */
static bs_status find_input(trial_node *b, int k, bool patched, bool all)
{
    const bs_node_timer *c = b->c;
    const bs_autotune_query *q = b->q;
    int tensor = b->node->in[k];
    bool whole = bs_reads_whole(c->g, c->planes, b->node, k);
    b->in[k].base = patched && !whole ? b->patches[k] : b->rows[k];
    if (whole || !(all || (k < 32 && (patched ? q->gathered : q->widened) >> k & 1)))
        return BS_OK;
    const int64_t dim[] = {c->planes[tensor].height, c->planes[tensor].width};
    bs_patches want = {.origin = {b->origin, b->origin}};
    for (int a = 0; a < 2; a++)
        want.size[a] = patched ? q->in_size[a] : (int)dim[a];
    return c->backend->gather(c->stream, tensor, b->n, (bs_view){b->rows[k], NULL}, NULL, NULL, &want, 0.0f,
                              b->patches[k]);
}

/* Runs a step as the replayer does. */
static bs_status run_once(trial_node *b, bool patched)
{
    const bs_node_timer *c = b->c;
    const bs_autotune_query *q = b->q;
    const bs_view golden = {b->golden, NULL};
    for (int k = 0; k < b->node->n_in; k++)
        if (b->rows[k])
            BS_TRY(find_input(b, k, patched, false));
    if (q->region)
        BS_TRY(c->backend->run_region(c->stream, bs_graph_region(c->g, q->node), b->n,
                                      patched ? q->out_size : NULL, b->in, b->out));
    else if (!patched)
        BS_TRY(c->backend->run(c->stream, q->node, b->n, b->in, b->out));
    else
        BS_TRY(c->backend->run_patch(c->stream, q->node, b->n, q->in_size, b->in, q->out_size, b->out));
    if (!patched)
        return c->backend->compare(c->stream, b->node->out, b->n, b->out, golden, b->equal);
    bs_patches at = {.size = {q->out_size[0], q->out_size[1]}, .origin = {b->origin, b->origin}};
    return c->backend->compare_patch(c->stream, b->node->out, b->n, &at, b->out, golden, b->equal);
}

/* Returns the bytes of a trial: whole rows of the inputs and the output, and as much again for patches. */
static double row_bytes(const bs_node_timer *c, const bs_node *node)
{
    size_t bytes = c->backend->row_bytes(c->network, node->out);
    for (int k = 0; k < node->n_in; k++)
        if (has_rows(c, node, k))
            bytes += c->backend->row_bytes(c->network, node->in[k]);
    return 2.0 * (double)bytes;
}

static int choose_samples(const bs_node_timer *c, const bs_node *node)
{
    const bs_backend *be = c->backend;
    double n = be->autotune.samples, by_work = be->autotune.macs / (double)(node->macs > 0 ? node->macs : 1),
           by_room = be->autotune.bytes / row_bytes(c, node);
    n = n < by_work ? n : by_work;
    n = n < by_room ? n : by_room;
    return n < 1 ? 1 : (int)n;
}

static bs_status take_time(trial_node *b, bool patched, double *seconds)
{
    for (int k = 0; k < b->node->n_in; k++)
        if (b->rows[k])
            BS_TRY(find_input(b, k, patched, true));
    double all = 0, least = 0;
    for (int i = 0; i < MOST_RUNS && (i < 2 || all < (i < RUNS ? plenty : enough)); i++) {
        double start = bs_resources_clock();
        BS_TRY(run_once(b, patched));
        BS_TRY(bs_backend_wait(b->c->backend, b->c->stream));
        double took = bs_resources_clock() - start;
        least = i == 0 || took < least ? took : least;
        all += took;
    }
    *seconds = least / b->n;
    return BS_OK;
}

bs_status bs_node_timer_run(const bs_node_timer *c, const bs_autotune_query *q, const bool wanted[2],
                            double seconds[2])
{
    const bs_node *node =
        q->region ? &c->g->regions[bs_graph_region(c->g, q->node)].node : &c->g->nodes[q->node];
    trial_node b = {.c = c, .q = q, .node = node, .n = choose_samples(c, node)};
    bs_status st;
    BS_TRY_GOTO(allocate(&b), out);
    for (int way = 0; way < 2; way++)
        if (wanted[way])
            BS_TRY_GOTO(take_time(&b, way == 1, &seconds[way]), out);
out:
    clear(&b);
    return st;
}
