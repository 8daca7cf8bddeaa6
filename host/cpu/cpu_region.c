/* Runs regions: all nodes on one piece of a row after the other, so that what they hand on stays in the
 * cache. The loops are those that run the nodes alone. A product runs first, on few samples at a time, into
 * memory that is used again for the next; the loops read that in the place of its input. */
#include "cpu/cpu_region.h"

#include "base/buf.h"
#include "cpu/cpu_patch.h"
#include "cpu/loops.h"

#include <stdlib.h>
#include <string.h>

/* Elements of a piece; constants are repeated to at least so many, so that loops are long. PRODUCT: elements
 * that a product makes at a time, but all of one sample. */
enum { PIECE = 1024, REPEATED = 4096, PRODUCT = 1 << 16 };

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
    int slot;         /* of the result; the last step's is the output */
    bs_format format; /* to which the result is rounded */
} step;

struct bs_cpu_region {
    step step[BS_REGION_NODES]; /* without the product */
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
    int made;
    bs_region_source(g, region, tensor, &made, &o->input);
    o->slot = made < 0 ? -1 : r->step[made].slot;
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
    for (int i = bs_region_first_step(region); i <= region->last; i++) {
        const bs_node *n = &g->nodes[i];
        step *s = &r->step[r->n_steps++];
        s->unary = bs_loop_unary_find(n->op);
        s->binary = bs_loop_binary_find(n->op);
        s->a = n->attr.alpha;
        s->b = n->attr.beta;
        if (bs_graph_rounds(g, i))
            s->format = bs_tensor_format(&g->tensors[n->out], 0);
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

/* Elements at .. at + length - 1 of a part of a row, which begins with element `first` of the row. */
typedef struct piece {
    const float *const *in; /* by input of the region: the part of its row */
    float *slots, *out;
    int64_t first, at, length;
} piece;

static const float *operand_at(const operand *o, const piece *p, int64_t e)
{
    if (o->constant)
        return o->constant + (p->first + p->at + e) % o->period;
    return (o->slot >= 0 ? p->slots + o->slot * PIECE : p->in[o->input] + p->at) + e;
}

static void run_binary(const step *s, const piece *p, float *y)
{
    for (int64_t e = 0, run; e < p->length; e += run) {
        run = p->length - e;
        for (int k = 0; k < 2; k++)
            if (s->operand[k].period > 1) {
                int64_t left = s->operand[k].period - (p->first + p->at + e) % s->operand[k].period;
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
        bs_round_values(s->format, p->length, y);
    }
}

static int64_t elements_of(const bs_network *net, int tensor, const int size[2])
{
    return size ? (int64_t)(bs_cpu_patch_bytes(net, tensor, size) / sizeof(float))
                : net->layout[tensor].elements;
}

/* Returns the view without the first `n` rows of so many elements. */
static bs_view skip_rows(bs_view v, int n, int64_t elements)
{
    return v.rows ? (bs_view){v.base, v.rows + n} : (bs_view){(const float *)v.base + n * elements, NULL};
}

/* What runs at a time: elements at .. at + length - 1 of each of n samples; all elements if n > 1. */
typedef struct part {
    int n;
    int64_t elements, at, length; /* elements: of a sample's output */
    bs_view in[BS_REGION_INPUTS]; /* these samples */
    const float *product; /* what the product made of input 0, n times `length`; NULL: there is none */
} part;

/* Runs the product of a region. Tokens are plain: row after row. */
static bs_status run_product(bs_stream *stream, int node, part *p)
{
    const bs_cpu_plan *plan = &stream->network->plan[node];
    const bs_node *nd = &stream->network->graph->nodes[node];
    bs_cpu_matrix m = plan->matrix;
    int64_t columns = m.shape.filters, sample = p->in[0].rows ? p->in[0].rows[0] : 0;
    bs_cpu_rows src = {p->in[0].base, p->in[0].rows};
    m.repeat = (int)(p->length / columns);
    if (p->n == 1)
        src = (bs_cpu_rows){src.base + (sample * p->elements + p->at) / columns * m.filter, NULL};
    BS_TRY(bs_cpu_reserve(&stream->product, (size_t)(p->n * p->length) * sizeof(float)));
    p->product = stream->product.ptr;
    BS_TRY(bs_cpu_product_rows(stream, &m, (int)columns, plan->param[1],
                               bs_node_has_input(nd, 2) ? plan->param[2] : NULL, p->n, src,
                               stream->product.ptr));
    bs_cpu_finish_node(stream, node, p->n * p->length, stream->product.ptr);
    return BS_OK;
}

/* Runs the steps. */
static bs_status run_steps(bs_stream *stream, const bs_cpu_region *r, int n_in, const part *p, float *out)
{
    const float *row[BS_REGION_INPUTS];
    BS_TRY(bs_cpu_reserve(&stream->work, (size_t)r->n_slots * PIECE * sizeof(float)));
    for (int i = 0; i < p->n; i++) {
        for (int k = 0; k < n_in; k++)
            row[k] =
                (const float *)p->in[k].base + (p->in[k].rows ? p->in[k].rows[i] : i) * p->elements + p->at;
        if (p->product)
            row[0] = p->product + i * p->length;
        piece q = {
            .in = row, .slots = stream->work.ptr, .out = out + i * p->elements + p->at, .first = p->at};
        for (; q.at < p->length; q.at += PIECE) {
            q.length = p->length - q.at < PIECE ? p->length - q.at : PIECE;
            run_piece(r, &q);
        }
    }
    return BS_OK;
}

/* Returns the elements of a sample, or how many of them at a time, that come out of a product: whole rows. */
static int64_t part_length(const bs_network *net, const bs_region *r, int64_t elements)
{
    const bs_cpu_matrix *m = &net->plan[r->first].matrix;
    int64_t rows = PRODUCT / m->shape.filters / m->kernel->rows * m->kernel->rows;
    int64_t length = (rows > 0 ? rows : m->kernel->rows) * m->shape.filters;
    return length < elements ? length : elements;
}

bs_status bs_cpu_run_region(bs_stream *stream, int region, int n, const int size[2], const bs_view *in,
                            void *out)
{
    const bs_network *net = stream->network;
    const bs_region *r = &net->graph->regions[region];
    int64_t elements = elements_of(net, r->node.out, size);
    int64_t length = r->product ? part_length(net, r, elements) : elements;
    int most = !r->product ? n : length < elements || elements > PRODUCT ? 1 : (int)(PRODUCT / elements);
    part p = {.elements = elements};
    for (int from = 0; from < n; from += p.n) {
        p.n = n - from < most ? n - from : most;
        for (int k = 0; k < r->node.n_in; k++)
            p.in[k] = skip_rows(in[k], from,
                                k == 0 && r->product ? elements_of(net, r->node.in[0], size) : elements);
        for (p.at = 0; p.at < elements; p.at += length) {
            p.length = elements - p.at < length ? elements - p.at : length;
            if (r->product)
                BS_TRY(run_product(stream, r->first, &p));
            BS_TRY(run_steps(stream, &net->region[region], r->node.n_in, &p, (float *)out + from * elements));
        }
    }
    return BS_OK;
}
