#include "replay/autotune.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/resources.h"
#include "replay/node_timer.h"

#include <stddef.h>
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

/* The measured time of one way to run a node. `node` is a hash of what it computes: equal nodes have one. */
typedef struct timing {
    struct timing *next;
    uint64_t node;
    int in_size[2], out_size[2];
    uint32_t gathered, widened; /* as in the query; of the whole node `widened` only */
    bool patched;
    double seconds; /* of one trial */
} timing;

/* The answer to a query, as it is kept in the cache of facts. */
typedef struct answer {
    int32_t pays;
    int32_t timed; /* 0: the budget was spent, so the share decided */
} answer;

/* What an answer depends on. All bytes are set, so that equal queries are equal bytes. */
typedef struct key {
    char device[sizeof(((bs_device_info *)0)->name)];
    char isa[sizeof(((bs_device_info *)0)->isa)];
    char library[sizeof(((bs_device_info *)0)->library)];
    uint64_t selection; /* the implementations of this network's nodes */
    uint64_t node;
    int32_t in_size[2], out_size[2];
    uint32_t gathered, widened;
} key;

typedef struct decision {
    struct decision *next;
    key key;
    answer answer;
} decision;

struct bs_autotune {
    bs_node_timer timer;
    uint64_t *node;       /* by node: its hash; then by region */
    timing **timings;     /* n_nodes lists, by hash */
    decision **decisions; /* the same */
    key key;              /* without a query */
    bs_cache *cache;      /* NULL: none */
    double spent;         /* seconds of measuring so far */
    bool short_of_memory;
    int asked, overruled; /* patches timed here */
    uint64_t signature;
};

static uint64_t hash_tensor(uint64_t hash, const bs_graph *g, int tensor)
{
    const bs_tensor *t = tensor < 0 ? NULL : &g->tensors[tensor];
    int64_t facts[3 + BS_MAX_RANK] = {t ? t->constant : -1, t ? (int64_t)t->type : 0, t ? t->shape.rank : 0};
    for (int k = 0; t && k < t->shape.rank; k++)
        facts[3 + k] = t->shape.dim[k];
    return XXH3_64bits_withSeed(facts, sizeof facts, hash);
}

/* Returns a hash of all that says how long a node takes. */
static uint64_t hash_node(const bs_graph *g, const bs_node *n)
{
    uint64_t hash = XXH3_64bits_withSeed(&n->attr, sizeof n->attr, (uint64_t)n->op);
    for (int k = 0; k < n->n_in; k++)
        hash = hash_tensor(hash, g, n->in[k]);
    return hash_tensor(hash, g, n->out);
}

bs_status bs_autotune_create(bs_autotune **out, const bs_graph *g, const bs_backend *backend,
                             bs_network *network)
{
    *out = NULL;
    if (!backend->autotune.samples || !backend->patch_bytes)
        return BS_OK;
    bs_autotune *c;
    bs_status st;
    size_t n = (size_t)g->n_nodes;
    BS_TRY(bs_calloc(&c, 1, sizeof *c, "timings"));
    c->timer = (bs_node_timer){.g = g, .backend = backend, .network = network};
    BS_TRY_GOTO(bs_calloc(&c->node, n + (size_t)g->n_regions, sizeof *c->node, "timings"), out);
    BS_TRY_GOTO(bs_calloc(&c->timings, n, sizeof *c->timings, "timings"), out);
    BS_TRY_GOTO(bs_calloc(&c->decisions, n, sizeof *c->decisions, "timings"), out);
    BS_TRY_GOTO(bs_planes_choose(&c->timer.planes, g), out);
    BS_TRY_GOTO(backend->stream_open(&c->timer.stream, network), out);
    for (int i = 0; i < g->n_nodes; i++)
        c->node[i] = hash_node(g, &g->nodes[i]);
    for (int r = 0; r < g->n_regions; r++)
        c->node[g->n_nodes + r] =
            XXH3_64bits(c->node + g->regions[r].first,
                        (size_t)(g->regions[r].last - g->regions[r].first + 1) * sizeof *c->node);
    *out = c;
    c = NULL;
out:
    bs_autotune_free(c);
    return st;
}

void bs_autotune_use_cache(bs_autotune *c, bs_cache *cache, const bs_device_info *info)
{
    const bs_backend *be = c ? c->timer.backend : NULL;
    if (!c)
        return;
    c->cache = cache;
    memcpy(c->key.device, info->name, sizeof c->key.device);
    memcpy(c->key.isa, info->isa, sizeof c->key.isa);
    memcpy(c->key.library, info->library, sizeof c->key.library);
    c->key.selection = be->selection ? be->selection(c->timer.network) : 0;
}

void bs_autotune_free(bs_autotune *c)
{
    if (!c)
        return;
    for (int i = 0; i < c->timer.g->n_nodes; i++) {
        for (timing *t = c->timings ? c->timings[i] : NULL, *next; t; t = next) {
            next = t->next;
            free(t);
        }
        for (decision *d = c->decisions ? c->decisions[i] : NULL, *next; d; d = next) {
            next = d->next;
            free(d);
        }
    }
    free(c->node);
    free(c->timings);
    free(c->decisions);
    free(c->timer.planes);
    if (c->timer.stream)
        c->timer.backend->stream_close(c->timer.stream);
    free(c);
}

/* Returns the hash of what the query is about. */
static uint64_t subject(const bs_autotune *c, const bs_autotune_query *q)
{
    const bs_graph *g = c->timer.g;
    return c->node[q->region ? g->n_nodes + bs_graph_region(g, q->node) : q->node];
}

static size_t list_of(const bs_autotune *c, uint64_t node)
{
    return node % (uint64_t)c->timer.g->n_nodes;
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

static const timing *find(const bs_autotune *c, const bs_autotune_query *q, bool patched)
{
    uint64_t node = subject(c, q);
    const timing *t = c->timings[list_of(c, node)];
    while (t && !(t->node == node && same_way(t, q, patched)))
        t = t->next;
    return t;
}

static bs_status add_timing(bs_autotune *c, const bs_autotune_query *q, bool patched, double seconds)
{
    timing *t;
    BS_TRY(bs_calloc(&t, 1, sizeof *t, "timings"));
    timing **list = &c->timings[list_of(c, subject(c, q))];
    *t = (timing){.next = *list,
                  .node = subject(c, q),
                  .gathered = patched ? q->gathered : 0,
                  .widened = q->widened,
                  .patched = patched,
                  .seconds = seconds};
    memcpy(t->in_size, q->in_size, sizeof t->in_size);
    memcpy(t->out_size, q->out_size, sizeof t->out_size);
    *list = t;
    return BS_OK;
}

static bs_status take_times(bs_autotune *c, const bs_autotune_query *q)
{
    const bool wanted[2] = {!find(c, q, false), !find(c, q, true)};
    double seconds[2];
    BS_TRY(bs_node_timer_run(&c->timer, q, wanted, seconds));
    for (int way = 0; way < 2; way++)
        if (wanted[way])
            BS_TRY(add_timing(c, q, way == 1, seconds[way]));
    return BS_OK;
}

/* Times both ways while there is time and memory to do so. */
static bs_status ask_autotune(bs_autotune *c, const bs_autotune_query *q)
{
    if (c->spent >= budget || c->short_of_memory)
        return BS_OK;
    double start = bs_resources_clock();
    bs_status st = take_times(c, q);
    c->spent += bs_resources_clock() - start;
    if (st != BS_NO_MEMORY)
        return st;
    bs_error_clear();
    c->short_of_memory = true; /* leave it to the campaign */
    return BS_OK;
}

static key make_key(const bs_autotune *c, const bs_autotune_query *q)
{
    key k = c->key;
    k.node = subject(c, q);
    for (int a = 0; a < 2; a++) {
        k.in_size[a] = q->in_size[a];
        k.out_size[a] = q->out_size[a];
    }
    k.gathered = q->gathered;
    k.widened = q->widened;
    return k;
}

static const decision *find_decision(const bs_autotune *c, const key *k)
{
    const decision *d = c->decisions[list_of(c, k->node)];
    while (d && memcmp(&d->key, k, sizeof *k) != 0)
        d = d->next;
    return d;
}

static bs_status add_decision(bs_autotune *c, const key *k, answer a)
{
    decision *d, **list = &c->decisions[list_of(c, k->node)];
    BS_TRY(bs_calloc(&d, 1, sizeof *d, "timings"));
    *d = (decision){*list, *k, a};
    *list = d;
    if (!a.timed || a.pays)
        return BS_OK;
    /* The signature is the same on any device. */
    c->signature ^= XXH3_64bits(&k->node, sizeof *k - offsetof(key, node));
    return BS_OK;
}

/* Asks the cache, then the device. */
static bs_status decide(bs_autotune *c, const bs_autotune_query *q, const key *k, answer *out)
{
    const bs_fact fact = {"autotune", k, sizeof *k, c->timer.g->nodes[q->node].name};
    if (bs_cache_get_fixed(c->cache, &fact, out, sizeof *out))
        return BS_OK;
    BS_TRY(ask_autotune(c, q));
    const timing *whole = find(c, q, false), *patch = find(c, q, true);
    *out = (answer){.pays = 1};
    if (whole && patch)
        *out = (answer){.pays = patch->seconds <= overrules * whole->seconds, .timed = 1};
    c->asked += out->timed;
    c->overruled += out->timed && !out->pays;
    if (out->timed || !c->short_of_memory)
        bs_cache_put(c->cache, &fact, out, sizeof *out);
    return BS_OK;
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
    const key k = make_key(c, q);
    const decision *known = find_decision(c, &k);
    answer a;
    if (known) {
        *pays = known->answer.pays != 0;
        return BS_OK;
    }
    BS_TRY(decide(c, q, &k, &a));
    *pays = a.pays != 0;
    return add_decision(c, &k, a);
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
