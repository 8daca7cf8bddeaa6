#include "replay/route.h"

#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

static const char *const mode_names[] = {
#define X(suffix, name, help) name,
    BS_REPLAY_MODES(X)
#undef X
};

const char *bs_replay_mode_name(bs_replay_mode mode)
{
    return mode_names[mode];
}

int bs_replay_mode_parse(const char *name)
{
    for (int i = 0; i < BS_REPLAY_MODE_COUNT; i++)
        if (strcmp(mode_names[i], name) == 0)
            return i;
    return -1;
}

typedef struct builder {
    const bs_graph *g;
    const bs_backend *backend;
    const bs_network *network;
    bs_route *r;
    int *slot_of; /* by tensor: slot, BS_FROM_GOLDEN or BS_FROM_CONSTANT */
    size_t n_sources;
} builder;

static int add_slot(builder *b, int tensor, int first)
{
    bs_slot *s = &b->r->slots[b->r->n_slots];
    s->tensor = tensor;
    s->row_bytes = b->backend->row_bytes(b->network, tensor);
    s->first = first;
    s->last = first;
    b->slot_of[tensor] = b->r->n_slots;
    return b->r->n_slots++;
}

/* Does the fault reach the node? Through a live input, or because the node reads the faulty parameter. */
static bool reached(const builder *b, const bs_node *node, int faulty_tensor)
{
    for (int k = 0; k < node->n_in; k++) {
        int t = node->in[k];
        if (t >= 0 && (b->slot_of[t] >= 0 || t == faulty_tensor))
            return true;
    }
    return false;
}

static void add_step(builder *b, int node_index, int faulty_tensor)
{
    bs_route *r = b->r;
    const bs_node *node = &b->g->nodes[node_index];
    bs_step *s = &r->steps[r->n_steps];
    s->node = node_index;
    s->faulty_input = -1;
    s->source = r->sources + b->n_sources;
    b->n_sources += (size_t)node->n_in;
    for (int k = 0; k < node->n_in; k++) {
        int t = node->in[k];
        s->source[k] = t < 0 ? BS_FROM_CONSTANT : b->slot_of[t];
        if (s->source[k] >= 0)
            r->slots[s->source[k]].last = r->n_steps;
        if (t >= 0 && t == faulty_tensor && b->g->tensors[t].constant) {
            s->faulty_input = k;
            r->last_faulty = r->n_steps;
        }
    }
    s->out = add_slot(b, node->out, r->n_steps);
    s->injects = node->out == faulty_tensor;
    r->macs += node->macs;
    r->n_steps++;
}

/* First fit by lifetime: two slots may share memory unless one is written while the other is still read. */
static void place_slots(bs_route *r)
{
    for (int i = 0; i < r->n_slots; i++) {
        bs_slot *s = &r->slots[i];
        /* Multiples of 64 bytes keep every region aligned, whatever the batch size. */
        size_t size = (s->row_bytes + 63) / 64 * 64;
        size_t at = 0;
        for (int moved = 1; moved;) {
            moved = 0;
            for (int j = 0; j < i; j++) {
                const bs_slot *o = &r->slots[j];
                size_t o_size = (o->row_bytes + 63) / 64 * 64;
                bool together = o->last >= s->first && s->last >= o->first;
                if (together && at < o->offset + o_size && o->offset < at + size) {
                    at = o->offset + o_size;
                    moved = 1;
                }
            }
        }
        s->offset = at;
        if (at + size > r->row_bytes)
            r->row_bytes = at + size;
    }
}

/* Slots that are still read after each step. */
static bs_status find_frontiers(bs_route *r)
{
    size_t total = 0;
    for (int i = 0; i < r->n_slots; i++)
        total += (size_t)(r->slots[i].last - (r->slots[i].first < 0 ? 0 : r->slots[i].first));
    BS_TRY(bs_calloc(&r->frontiers, total, sizeof(int), "replay route"));
    int *next = r->frontiers;
    for (int i = 0; i < r->n_steps; i++) {
        bs_step *s = &r->steps[i];
        s->frontier = next;
        for (int j = 0; j < r->n_slots; j++)
            if (r->slots[j].first <= i && r->slots[j].last > i)
                s->frontier[s->n_frontier++] = j;
        next += s->n_frontier;
    }
    return BS_OK;
}

static bs_status allocate(builder *b, bs_route **out)
{
    size_t inputs = 0;
    for (int i = 0; i < b->g->n_nodes; i++)
        inputs += (size_t)b->g->nodes[i].n_in;
    BS_TRY(bs_calloc(out, 1, sizeof **out, "replay route"));
    b->r = *out;
    BS_TRY(bs_calloc(&b->r->slots, (size_t)b->g->n_nodes + 1, sizeof(bs_slot), "replay route"));
    BS_TRY(bs_calloc(&b->r->steps, (size_t)b->g->n_nodes, sizeof(bs_step), "replay route"));
    BS_TRY(bs_calloc(&b->r->sources, inputs, sizeof(int), "replay route"));
    return bs_calloc(&b->slot_of, (size_t)b->g->n_tensors, sizeof(int), "replay route");
}

static void choose_start(builder *b, int faulty_tensor)
{
    bs_route *r = b->r;
    r->start = -1;
    if (r->mode == BS_REPLAY_FULL)
        r->start = add_slot(b, b->g->input, -1);
    else if (!b->g->tensors[faulty_tensor].constant)
        r->start = add_slot(b, faulty_tensor, -1);
    r->start_injects = r->start >= 0 && r->slots[r->start].tensor == faulty_tensor;
}

bs_status bs_route_create(bs_route **out, const bs_graph *g, const bs_backend *backend,
                          const bs_network *network, int target, bs_replay_mode mode)
{
    builder b = {.g = g, .backend = backend, .network = network};
    bs_status st;
    *out = NULL;
    BS_TRY_GOTO(allocate(&b, out), out);
    bs_route *r = *out;
    r->target = target;
    r->mode = mode;
    r->last_faulty = -1;
    for (int t = 0; t < g->n_tensors; t++)
        b.slot_of[t] = g->tensors[t].constant ? BS_FROM_CONSTANT : BS_FROM_GOLDEN;
    int faulty = g->targets[target].tensor;
    choose_start(&b, faulty);
    for (int i = 0; i < g->n_nodes; i++)
        if (reached(&b, &g->nodes[i], faulty))
            add_step(&b, i, faulty);
    r->result = b.slot_of[g->output];
    if (r->result < 0) {
        st = bs_fail(BS_ERR, "a fault in '%s' cannot reach the network's output", g->tensors[faulty].name);
        goto out;
    }
    r->slots[r->result].last = r->n_steps; /* the ranking reads it */
    place_slots(r);
    st = find_frontiers(r);
out:
    free(b.slot_of);
    if (st != BS_OK) {
        bs_route_free(*out);
        *out = NULL;
    }
    return st;
}

void bs_route_free(bs_route *r)
{
    if (!r)
        return;
    free(r->slots);
    free(r->steps);
    free(r->sources);
    free(r->frontiers);
    free(r);
}
