/* Finds the rows of tokens that the network's output can depend on. */
#include "backend/carry.h"

static void extend(bs_plane *p, int64_t from, int64_t to)
{
    bool none = p->needed[0] >= p->needed[1];
    p->needed[0] = none || from < p->needed[0] ? from : p->needed[0];
    p->needed[1] = none || to > p->needed[1] ? to : p->needed[1];
}

/* Adds those of rows from .. to - 1 that there are: others are a parameter's. */
static void need_rows(bs_plane *in, int64_t from, int64_t to)
{
    from = from < 0 ? 0 : from;
    to = to > in->height ? in->height : to;
    if (from < to)
        extend(in, from, to);
}

/* Adds the rows that the node takes out of its input, by Slice or Gather; all if it does something else. */
static void need_taken(bs_plane *in, const bs_graph *g, const bs_node *n)
{
    bool by_axis = bs_plane_has_own_axes(in);
    if (n->op == BS_OP_SLICE && by_axis) {
        int64_t first = n->attr.begin[in->axis],
                last = first + (g->tensors[n->out].shape.dim[in->axis] - 1) * n->attr.step[in->axis];
        extend(in, first < last ? first : last, (first < last ? last : first) + 1);
    } else if (n->op == BS_OP_GATHER && n->attr.axis == in->axis && by_axis) {
        for (int k = 0; k < n->n_index; k++)
            extend(in, n->index[k], n->index[k] + 1);
    } else {
        extend(in, 0, in->height);
    }
}

/* Adds the rows of input k that the needed rows of the node's output are made of. An input that is read whole
 * does not carry the output's plane. */
static void need_input(bs_plane *planes, const bs_graph *g, const bs_node *n, int k)
{
    bs_plane *in = &planes[n->in[k]];
    const bs_plane *out = &planes[n->out];
    if (in->image || in->axis < 0) {
        extend(in, 0, in->height);
        return;
    }
    bs_carried c = bs_plane_carry(g, n, k, in);
    if (!c.exact || !bs_plane_same(&c.plane, out))
        need_taken(in, g, n);
    else if (c.join[0] > 1 || c.split[0] > 1)
        extend(in, 0, in->height);
    else
        need_rows(in, c.first[0] + out->needed[0] * c.step[0],
                  c.first[0] + (out->needed[1] - 1) * c.step[0] + 1);
}

void bs_rows_find_needed(bs_plane *planes, const bs_graph *g)
{
    for (int t = 0; t < g->n_tensors; t++)
        planes[t].needed[0] = planes[t].needed[1] = 0;
    if (g->output >= 0)
        extend(&planes[g->output], 0, planes[g->output].height);
    for (int i = g->n_nodes - 1; i >= 0; i--) {
        const bs_node *n = &g->nodes[i];
        if (planes[n->out].needed[1] == 0) /* nothing reads it */
            extend(&planes[n->out], 0, planes[n->out].height);
        for (int k = 0; k < n->n_in; k++)
            if (n->in[k] >= 0 && !g->tensors[n->in[k]].constant)
                need_input(planes, g, n, k);
    }
}

bool bs_plane_is_needed(const bs_plane *p, int64_t element)
{
    int64_t row = element / (p->width * p->cell) % p->height;
    return row >= p->needed[0] && row < p->needed[1];
}
