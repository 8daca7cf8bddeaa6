/* Runs regions: all nodes on one piece of a row after the other, so that what they hand on stays in the
 * cache. The loops are those that run the nodes alone. */
#include "cpu/cpu_region.h"

#include "base/buf.h"
#include "cpu/cpu_patch.h"
#include "cpu/loops.h"

#include <stdlib.h>
#include <string.h>

/* Elements of a piece; constants are repeated to at least so many, so that loops are long. */
enum { PIECE = 1024, REPEATED = 4096 };

/* An operand of a step: what an earlier step made, an input of the region, or a constant. */
typedef struct operand {
    int slot, input;
    float *constant; /* owned */
    int64_t period;  /* constant: its elements repeat in the row; 1: one value */
} operand;

typedef struct step {
    bs_loop_unary unary; /* or */
    bs_loop_binary binary;
    float a, b;
    operand operand[2];
    int slot; /* of the result; the last step's is the output */
} step;

struct bs_cpu_region {
    step step[BS_REGION_NODES];
    int n_steps, n_slots;
};

static bs_status repeat_constant(operand *o, const bs_tensor *t)
{
    int64_t times = t->elements == 1 ? 1 : (REPEATED + t->elements - 1) / t->elements;
    o->period = t->elements * times;
    BS_TRY(bs_calloc(&o->constant, (size_t)o->period, sizeof *o->constant, "regions"));
    for (int64_t k = 0; k < times; k++)
        memcpy(o->constant + k * t->elements, t->data, (size_t)t->elements * sizeof *t->data);
    return BS_OK;
}

static bs_status find_operand(operand *o, const bs_cpu_region *r, const bs_graph *g, const bs_region *region,
                              int tensor)
{
    const bs_tensor *t = &g->tensors[tensor];
    *o = (operand){.slot = -1, .input = -1};
    if (t->constant)
        return repeat_constant(o, t);
    if (t->producer >= region->first)
        o->slot = r->step[t->producer - region->first].slot;
    else
        o->input = bs_region_input(region, tensor);
    return BS_OK;
}

/* Returns the last step that reads what a node made, at least the next. */
static int last_reader(const bs_graph *g, const bs_region *region, int node)
{
    int last = node + 1;
    for (int i = node + 1; i <= region->last; i++)
        for (int k = 0; k < g->nodes[i].n_in; k++)
            if (g->nodes[i].in[k] == g->nodes[node].out)
                last = i;
    return last;
}

/* Returns a slot that no step reads from `node` on. until: by slot, the last node that reads it. */
static int take_slot(bs_cpu_region *r, int *until, int node)
{
    int slot = 0;
    while (slot < r->n_slots && until[slot] >= node)
        slot++;
    r->n_slots = slot == r->n_slots ? slot + 1 : r->n_slots;
    return slot;
}

static bs_status make_region(bs_cpu_region *r, const bs_graph *g, const bs_region *region)
{
    int until[BS_REGION_NODES];
    for (int i = region->first; i <= region->last; i++) {
        const bs_node *n = &g->nodes[i];
        step *s = &r->step[r->n_steps++];
        s->unary = bs_loop_unary_find(n->op);
        s->binary = bs_loop_binary_find(n->op);
        s->a = n->attr.alpha;
        s->b = n->attr.beta;
        for (int k = 0; k < n->n_in; k++)
            BS_TRY(find_operand(&s->operand[k], r, g, region, n->in[k]));
        s->slot = take_slot(r, until, i);
        until[s->slot] = last_reader(g, region, i);
    }
    return BS_OK;
}

bs_status bs_cpu_regions_create(bs_network *n)
{
    const bs_graph *g = n->graph;
    BS_TRY(bs_calloc(&n->region, (size_t)g->n_regions, sizeof *n->region, "regions"));
    for (int k = 0; k < g->n_regions; k++)
        BS_TRY(make_region(&n->region[k], g, &g->regions[k]));
    return BS_OK;
}

void bs_cpu_regions_free(bs_network *n)
{
    for (int k = 0; n->region && k < n->graph->n_regions; k++)
        for (int i = 0; i < n->region[k].n_steps; i++)
            for (int j = 0; j < 2; j++)
                free(n->region[k].step[i].operand[j].constant);
    free(n->region);
}

/* A piece of a row. */
typedef struct piece {
    const float *const *in; /* by input of the region: the row */
    float *slots, *out;
    int64_t at, length;
} piece;

static const float *operand_at(const operand *o, const piece *p, int64_t e)
{
    if (o->constant)
        return o->constant + (p->at + e) % o->period;
    return (o->slot >= 0 ? p->slots + o->slot * PIECE : p->in[o->input] + p->at) + e;
}

static void run_binary(const step *s, const piece *p, float *y)
{
    for (int64_t e = 0, run; e < p->length; e += run) {
        run = p->length - e;
        for (int k = 0; k < 2; k++)
            if (s->operand[k].period > 1) {
                int64_t left = s->operand[k].period - (p->at + e) % s->operand[k].period;
                run = left < run ? left : run;
            }
        s->binary(run, y + e, operand_at(&s->operand[0], p, e), s->operand[0].period != 1,
                  operand_at(&s->operand[1], p, e), s->operand[1].period != 1);
    }
}

static void run_piece(const bs_cpu_region *r, const piece *p)
{
    for (int i = 0; i < r->n_steps; i++) {
        const step *s = &r->step[i];
        float *y = i == r->n_steps - 1 ? p->out + p->at : p->slots + s->slot * PIECE;
        if (s->unary)
            s->unary(p->length, y, operand_at(&s->operand[0], p, 0), s->a, s->b);
        else
            run_binary(s, p, y);
    }
}

bs_status bs_cpu_run_region(bs_stream *stream, int region, int n, const int size[2], const bs_view *in,
                            void *out)
{
    const bs_network *net = stream->network;
    const bs_cpu_region *r = &net->region[region];
    const bs_node *node = &net->graph->regions[region].node;
    const float *row[BS_REGION_INPUTS];
    int64_t elements = size ? (int64_t)(bs_cpu_patch_bytes(net, node->out, size) / sizeof(float))
                            : net->layout[node->out].elements;
    BS_TRY(bs_cpu_reserve(&stream->work, (size_t)r->n_slots * PIECE * sizeof(float)));
    for (int i = 0; i < n; i++) {
        for (int k = 0; k < node->n_in; k++)
            row[k] = (const float *)in[k].base + (in[k].rows ? in[k].rows[i] : i) * elements;
        piece p = {.in = row, .slots = stream->work.ptr, .out = (float *)out + i * elements};
        for (; p.at < elements; p.at += PIECE) {
            p.length = elements - p.at < PIECE ? elements - p.at : PIECE;
            run_piece(r, &p);
        }
    }
    return BS_OK;
}
