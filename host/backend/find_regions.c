#include "backend/find_regions.h"

#include "backend/planes.h"
#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

/* What the search knows. */
typedef struct search {
    const bs_graph *g;
    bool *image;      /* by tensor */
    bs_plane *planes; /* by tensor */
    int *last;        /* by tensor: the last node that reads it; n_nodes: the output */
} search;

static bool is_transcendental(bs_op op)
{
    static const bs_op ops[] = {BS_OP_ELU,   BS_OP_CELU,  BS_OP_SELU,  BS_OP_SIGMOID, BS_OP_TANH,
                                BS_OP_ERF,   BS_OP_GELU,  BS_OP_MISH,  BS_OP_EXP,     BS_OP_LOG,
                                BS_OP_TAN,   BS_OP_ASIN,  BS_OP_ACOS,  BS_OP_ATAN,    BS_OP_SINH,
                                BS_OP_COSH,  BS_OP_SIN,   BS_OP_COS,   BS_OP_POW,     BS_OP_SWISH,
                                BS_OP_ASINH, BS_OP_ACOSH, BS_OP_ATANH, BS_OP_SOFTPLUS};
    for (size_t k = 0; k < sizeof ops / sizeof *ops; k++)
        if (ops[k] == op)
            return true;
    return false;
}

static bool same_shape(const bs_shape *a, const bs_shape *b)
{
    return a->rank == b->rank && memcmp(a->dim, b->dim, (size_t)a->rank * sizeof *a->dim) == 0;
}

/* Returns true if a constant repeats itself along the elements of the output: over the pixels of an image it
 * is one value or one for each channel; elsewhere it has the last axes of the output and none before. */
static bool repeats(const bs_shape *c, const bs_shape *out, bool image)
{
    int lost = out->rank - c->rank, k = 0;
    while (k < c->rank && c->dim[k] == 1)
        k++;
    if (lost < 0 || k == c->rank)
        return lost >= 0;
    if (image)
        return c->rank == 3 && c->dim[0] == out->dim[0] && c->dim[1] * c->dim[2] == 1;
    while (k < c->rank && c->dim[k] == out->dim[k + lost])
        k++;
    return k == c->rank;
}

/* Returns true if the node can be part of a region whose tensors are like `out`. */
static bool fits(const search *s, const bs_node *n, int out)
{
    const bs_graph *g = s->g;
    const bs_tensor *like = &g->tensors[out], *own = &g->tensors[n->out];
    bs_op_family family = bs_op_describe(n->op)->family;
    if (!(family == BS_FAMILY_unary || (family == BS_FAMILY_broadcast && n->n_in == 2)) ||
        !same_shape(&own->shape, &like->shape) || s->image[n->out] != s->image[out])
        return false;
    for (int k = 0; k < n->n_in; k++) {
        const bs_tensor *t = &g->tensors[n->in[k]];
        if (t->constant ? family == BS_FAMILY_unary || !repeats(&t->shape, &like->shape, s->image[out]) ||
                              s->planes[n->in[k]].axis >= 0
                        : !same_shape(&t->shape, &like->shape) || s->image[n->in[k]] != s->image[out])
            return false;
    }
    return true;
}

/* Returns true if a region can begin with the node: a product of rows of tokens by a weight matrix. */
static bool leads(const search *s, const bs_node *n)
{
    const bs_graph *g = s->g;
    const bs_tensor *out = &g->tensors[n->out];
    bool product = bs_matmul_by_weights(g, n) || (n->op == BS_OP_GEMM && g->tensors[n->in[1]].constant);
    if (!product || g->tensors[n->in[0]].constant || s->image[n->in[0]] || s->image[n->out] ||
        out->shape.rank < 2)
        return false;
    return !(bs_node_has_input(n, 2) && !g->tensors[n->in[2]].constant) &&
           out->elements > out->shape.dim[out->shape.rank - 1];
}

/* Enters the activations that nodes first .. last read from outside. Returns false if they are too many. */
static bool find_inputs(const bs_graph *g, int first, int last, int *in, int *n_in)
{
    *n_in = 0;
    for (int i = first; i <= last; i++)
        for (int k = 0; k < g->nodes[i].n_in; k++) {
            int t = g->nodes[i].in[k], known = 0;
            if (t < 0 || g->tensors[t].constant || g->tensors[t].producer >= first)
                continue;
            while (known < *n_in && in[known] != t)
                known++;
            if (known == BS_REGION_INPUTS)
                return false;
            in[known] = t;
            *n_in += known == *n_in;
        }
    return true;
}

static bool reads(const bs_node *n, int tensor)
{
    for (int k = 0; k < n->n_in; k++)
        if (n->in[k] == tensor)
            return true;
    return false;
}

/* Returns true if nodes first .. last are a region that pays and counts. product: the first is one. */
static bool counts(const search *s, int first, int last, bool product)
{
    const bs_graph *g = s->g;
    bool transcendental = false, image = s->image[g->nodes[first].out];
    int in[BS_REGION_INPUTS], n_in;
    for (int i = first; i <= last; i++) {
        transcendental |= is_transcendental(g->nodes[i].op);
        if (i < last && s->last[g->nodes[i].out] > last)
            return false;
        if (product && i > first && reads(&g->nodes[i], g->nodes[first].in[0]))
            return false;
    }
    bool tokens = !image && g->tensors[g->nodes[first].out].shape.rank >= 2;
    return (tokens || transcendental) && find_inputs(g, first, last, in, &n_in);
}

/* Returns the last node of the longest region that begins at a node; the node itself: there is none. */
static int longest(const search *s, int first)
{
    const bs_graph *g = s->g;
    int best = first;
    bool product = leads(s, &g->nodes[first]);
    for (int i = first; i < g->n_nodes && i < first + BS_REGION_NODES; i++) {
        if (!(product && i == first) && !fits(s, &g->nodes[i], g->nodes[first].out))
            break;
        if (i > first && counts(s, first, i, product))
            best = i;
    }
    return best;
}

static bs_status add_region(bs_graph *g, int first, int last, bool product)
{
    bs_region *r = &g->regions[g->n_regions];
    *r = (bs_region){first, last, product, g->nodes[last]};
    r->node.macs = product ? g->nodes[first].macs : 0;
    r->node.in = NULL;
    BS_TRY(bs_calloc(&r->node.in, BS_REGION_INPUTS, sizeof *r->node.in, "regions"));
    find_inputs(g, first, last, r->node.in, &r->node.n_in);
    g->n_regions++;
    return BS_OK;
}

static bs_status find(search *s, bs_graph *g)
{
    BS_TRY(bs_calloc(&s->image, (size_t)g->n_tensors, sizeof *s->image, "regions"));
    BS_TRY(bs_calloc(&s->last, (size_t)g->n_tensors, sizeof *s->last, "regions"));
    BS_TRY(bs_calloc(&g->regions, (size_t)g->n_nodes, sizeof *g->regions, "regions"));
    BS_TRY(bs_images_choose(s->image, g));
    BS_TRY(bs_planes_choose(&s->planes, g));
    for (int i = 0; i < g->n_nodes; i++)
        for (int k = 0; k < g->nodes[i].n_in; k++)
            if (g->nodes[i].in[k] >= 0)
                s->last[g->nodes[i].in[k]] = i;
    s->last[g->output] = g->n_nodes;
    for (int i = 0; i < g->n_nodes; i++) {
        int last = longest(s, i);
        if (last > i)
            BS_TRY(add_region(g, i, last, leads(s, &g->nodes[i])));
        i = last;
    }
    return BS_OK;
}

bs_status bs_regions_find(bs_graph *g)
{
    search s = {.g = g};
    bs_status st = find(&s, g);
    free(s.image);
    free(s.planes);
    free(s.last);
    return st;
}
