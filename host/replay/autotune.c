#include "replay/autotune.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/resources.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* The rule of shares: a patch of more than `worthwhile` of the plane never pays, because it must be gathered.
 * One of `always` or less always pays, whatever a measurement might say. In between, both ways are timed. */
static const double worthwhile = 0.85, always = 0.5;
/* A patch loses only if it takes this many times as long as the whole node: after a node that is run whole,
 * all others are, too, so the whole node must win clearly. */
static const double overrules = 1.25;
/* Seconds of measuring for a network; after that the rule of shares decides. */
static const double budget = 1.0;

/* The quickest of several runs counts, because the first one makes the library's plans. There are at least
 * two runs, three unless two take `plenty` of seconds, and up to MOST_RUNS until they take `enough`. */
enum { RUNS = 3, MOST_RUNS = 16 };
static const double plenty = 2e-2, enough = 2e-3;

/* The measured time of one way to run a node. */
typedef struct timing {
    struct timing *next;
    int in_size[2], out_size[2];
    uint32_t gathered, widened; /* as in the query; of the whole node `widened` only */
    bool patched;
    bool counted;   /* in `asked` */
    double seconds; /* of one trial */
} timing;

struct bs_autotune {
    const bs_graph *g;
    const bs_backend *backend;
    bs_network *network;
    bs_stream *stream;
    bs_plane *planes; /* by tensor */
    timing **timings; /* by node: a list */
    double spent;     /* seconds of measuring so far */
    int asked, overruled;
    uint64_t signature;
};

/* A node, a patch of it, and device memory for n trials of both. */
typedef struct trial_node {
    bs_autotune *c;
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

bs_status bs_autotune_create(bs_autotune **out, const bs_graph *g, const bs_backend *backend,
                             bs_network *network)
{
    *out = NULL;
    if (!backend->autotune.samples || !backend->patch_bytes)
        return BS_OK;
    bs_autotune *c;
    bs_status st;
    BS_TRY(bs_calloc(&c, 1, sizeof *c, "timings"));
    c->g = g;
    c->backend = backend;
    c->network = network;
    BS_TRY_GOTO(bs_calloc(&c->timings, (size_t)g->n_nodes, sizeof *c->timings, "timings"), out);
    BS_TRY_GOTO(bs_planes_choose(&c->planes, g), out);
    BS_TRY_GOTO(backend->stream_open(&c->stream, network), out);
    *out = c;
    c = NULL;
out:
    bs_autotune_free(c);
    return st;
}

void bs_autotune_free(bs_autotune *c)
{
    if (!c)
        return;
    for (int i = 0; c->timings && i < c->g->n_nodes; i++)
        for (timing *t = c->timings[i], *next; t; t = next) {
            next = t->next;
            free(t);
        }
    free(c->timings);
    free(c->planes);
    if (c->stream)
        c->backend->stream_close(c->stream);
    free(c);
}

static bool is_activation(const bs_graph *g, int tensor)
{
    return tensor >= 0 && !g->tensors[tensor].constant;
}

/* Fills n rows with ones: the time of arithmetic does not depend on the values as long as none is
 * denormal. */
static bs_status fill_rows(trial_node *b, int tensor, void *rows)
{
    const bs_autotune *c = b->c;
    int64_t elements = c->g->tensors[tensor].elements;
    size_t bytes = c->backend->row_bytes(c->network, tensor);
    float *ones;
    bs_status st = BS_OK;
    BS_TRY(bs_calloc(&ones, (size_t)elements, sizeof *ones, "timings"));
    for (int64_t i = 0; i < elements; i++)
        ones[i] = 1.0f;
    for (int i = 0; i < b->n && st == BS_OK; i++)
        st = c->backend->upload(c->stream, tensor, (char *)rows + (size_t)i * bytes, ones);
    free(ones);
    return st;
}

static bs_status allocate(trial_node *b)
{
    const bs_autotune *c = b->c;
    const bs_backend *be = c->backend;
    size_t n = (size_t)b->n, inputs = (size_t)b->node->n_in, whole;
    BS_TRY(bs_calloc(&b->rows, inputs, sizeof *b->rows, "timings"));
    BS_TRY(bs_calloc(&b->patches, inputs, sizeof *b->patches, "timings"));
    BS_TRY(bs_calloc(&b->in, inputs, sizeof *b->in, "timings"));
    BS_TRY(bs_calloc(&b->origin, n, sizeof *b->origin, "timings"));
    BS_TRY(bs_calloc(&b->equal, n, sizeof *b->equal, "timings"));
    for (size_t k = 0; k < inputs; k++) {
        int tensor = b->node->in[k];
        if (!is_activation(c->g, tensor))
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
    const bs_autotune *c = b->c;
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
    const bs_autotune *c = b->c;
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

/* Runs a step as the replayer does. The comparison waits for the device. */
static bs_status run_once(trial_node *b, bool patched)
{
    const bs_autotune *c = b->c;
    const bs_autotune_query *q = b->q;
    const bs_view golden = {b->golden, NULL};
    for (int k = 0; k < b->node->n_in; k++)
        if (b->rows[k])
            BS_TRY(find_input(b, k, patched, false));
    if (!patched) {
        BS_TRY(c->backend->run(c->stream, q->node, b->n, b->in, b->out));
        return c->backend->compare(c->stream, b->node->out, b->n, b->out, golden, b->equal);
    }
    bs_patches at = {{q->out_size[0], q->out_size[1]}, {b->origin, b->origin}};
    BS_TRY(c->backend->run_patch(c->stream, q->node, b->n, q->in_size, b->in, q->out_size, b->out));
    return c->backend->compare_patch(c->stream, b->node->out, b->n, &at, b->out, golden, b->equal);
}

/* Returns the bytes of a trial: whole rows of the inputs and the output, and as much again for patches. */
static double row_bytes(const bs_autotune *c, const bs_node *node)
{
    size_t bytes = c->backend->row_bytes(c->network, node->out);
    for (int k = 0; k < node->n_in; k++)
        if (is_activation(c->g, node->in[k]))
            bytes += c->backend->row_bytes(c->network, node->in[k]);
    return 2.0 * (double)bytes;
}

static int choose_samples(const bs_autotune *c, const bs_node *node)
{
    const bs_backend *be = c->backend;
    double n = be->autotune.samples, by_work = be->autotune.macs / (double)(node->macs > 0 ? node->macs : 1),
           by_room = be->autotune.bytes / row_bytes(c, node);
    n = n < by_work ? n : by_work;
    n = n < by_room ? n : by_room;
    return n < 1 ? 1 : (int)n;
}

static bs_status take_time(bs_autotune *c, const bs_autotune_query *q, bool patched, double *seconds)
{
    const bs_node *node = &c->g->nodes[q->node];
    trial_node b = {.c = c, .q = q, .node = node, .n = choose_samples(c, node)};
    bs_status st;
    BS_TRY_GOTO(allocate(&b), out);
    for (int k = 0; k < node->n_in; k++)
        if (b.rows[k])
            BS_TRY_GOTO(find_input(&b, k, patched, true), out);
    double all = 0, least = 0;
    for (int i = 0; i < MOST_RUNS && (i < 2 || all < (i < RUNS ? plenty : enough)); i++) {
        double start = bs_resources_clock();
        BS_TRY_GOTO(run_once(&b, patched), out);
        double took = bs_resources_clock() - start;
        least = i == 0 || took < least ? took : least;
        all += took;
    }
    *seconds = least / b.n;
out:
    clear(&b);
    return st;
}

/* Returns true if the timing answers the query. The whole node has one time for all sizes of patches. */
static bool same_way(const timing *t, const bs_autotune_query *q, bool patched)
{
    if (t->patched != patched || t->widened != q->widened || (patched && t->gathered != q->gathered))
        return false;
    for (int a = 0; a < 2 && patched; a++)
        if (t->in_size[a] != q->in_size[a] || t->out_size[a] != q->out_size[a])
            return false;
    return true;
}

static timing *find(const bs_autotune *c, const bs_autotune_query *q, bool patched)
{
    timing *t = c->timings[q->node];
    while (t && !same_way(t, q, patched))
        t = t->next;
    return t;
}

static bs_status add_timing(bs_autotune *c, const bs_autotune_query *q, bool patched)
{
    double seconds = 0;
    timing *t;
    if (find(c, q, patched))
        return BS_OK;
    BS_TRY(take_time(c, q, patched, &seconds));
    BS_TRY(bs_calloc(&t, 1, sizeof *t, "timings"));
    *t = (timing){.next = c->timings[q->node],
                  .gathered = patched ? q->gathered : 0,
                  .widened = q->widened,
                  .patched = patched,
                  .seconds = seconds};
    memcpy(t->in_size, q->in_size, sizeof t->in_size);
    memcpy(t->out_size, q->out_size, sizeof t->out_size);
    c->timings[q->node] = t;
    return BS_OK;
}

/* Times both ways while there is time and memory to do so. */
static bs_status ask_autotune(bs_autotune *c, const bs_autotune_query *q)
{
    if (c->spent >= budget)
        return BS_OK;
    double start = bs_resources_clock();
    bs_status st = add_timing(c, q, false);
    if (st == BS_OK)
        st = add_timing(c, q, true);
    c->spent += bs_resources_clock() - start;
    if (st != BS_NO_MEMORY)
        return st;
    bs_error_clear();
    c->spent = budget; /* leave the memory to the campaign */
    return BS_OK;
}

static void count(bs_autotune *c, timing *patch, const bs_autotune_query *q, bool overruled)
{
    if (patch->counted)
        return;
    patch->counted = true;
    c->asked++;
    if (!overruled)
        return;
    const int32_t facts[] = {q->node,        q->in_size[0],        q->in_size[1],      q->out_size[0],
                             q->out_size[1], (int32_t)q->gathered, (int32_t)q->widened};
    c->overruled++;
    c->signature ^= XXH3_64bits(facts, sizeof facts);
}

bool bs_autotune_may_pay(double share)
{
    return share <= worthwhile;
}

bs_status bs_autotune_patch_pays(bs_autotune *c, const bs_autotune_query *q, bool *pays)
{
    *pays = q->share <= worthwhile;
    if (!c || !*pays || q->share <= always)
        return BS_OK;
    BS_TRY(ask_autotune(c, q));
    const timing *whole = find(c, q, false);
    timing *patch = find(c, q, true);
    if (whole && patch) {
        *pays = patch->seconds <= overrules * whole->seconds;
        count(c, patch, q, !*pays);
    }
    return BS_OK;
}

uint64_t bs_autotune_signature(const bs_autotune *c)
{
    return c ? c->signature : 0;
}

void bs_autotune_log(const bs_autotune *c)
{
    if (c && c->asked)
        bs_info("timed %d patches against whole nodes in %.1f s: the times overruled the arithmetic for %d",
                c->asked, c->spent, c->overruled);
}
