#include "backend/planes.h"

#include "backend/carry.h"
#include "base/buf.h"

#include <stdlib.h>

bs_box bs_plane_box(const bs_plane *p)
{
    if (p->axis < 0)
        return (bs_box){{0, 0, 0}, {p->cell, 1, 1}};
    return (bs_box){{0, 0, 0}, {p->outer, p->height, p->width * p->cell}};
}

void bs_plane_place(const bs_plane *p, int64_t element, int64_t place[3])
{
    bs_box whole = bs_plane_box(p);
    place[0] = element / (whole.end[1] * whole.end[2]);
    place[1] = element / whole.end[2] % whole.end[1];
    place[2] = element % whole.end[2];
}

static int64_t product(const bs_shape *s, int from, int to)
{
    int64_t n = 1;
    for (int a = from; a < to; a++)
        n *= s->dim[a];
    return n;
}

/* Returns the plane of a tensor that is no image and whose inputs have no plane that it could follow. Its
 * rows are the tokens in (T, F) and (heads, T, F). */
static bs_plane usual_plane(const bs_shape *s)
{
    int axis = s->rank - 2;
    if ((s->rank != 2 && s->rank != 3) || s->dim[axis] == 1)
        return (bs_plane){.axis = -1, .outer = 1, .height = 1, .width = 1, .cell = product(s, 0, s->rank)};
    return (bs_plane){.axis = axis,
                      .column = axis + 1,
                      .end = axis + 1,
                      .outer = product(s, 0, axis),
                      .height = s->dim[axis],
                      .width = 1,
                      .cell = s->dim[axis + 1]};
}

static bs_plane image_plane(const bs_shape *s)
{
    return (bs_plane){.image = true,
                      .axis = 1,
                      .column = 2,
                      .end = 3,
                      .outer = s->dim[0],
                      .height = s->dim[1],
                      .width = s->dim[2],
                      .cell = 1};
}

/* Follows the planes of the inputs, so that rows keep their identity from one operator to the next: exactly
 * if that is possible. */
static bs_plane choose_plane(const bs_graph *g, const bs_plane *planes, const bs_node *n)
{
    bs_plane found = {.axis = -1};
    for (int k = 0; k < n->n_in; k++) {
        const bs_plane *in = n->in[k] < 0 || g->tensors[n->in[k]].constant ? NULL : &planes[n->in[k]];
        if (!in || in->axis < 0 || (in->image && !bs_plane_leaves_image(n)))
            continue;
        bs_carried c = bs_plane_carry(g, n, k, in);
        if (c.plane.axis >= 0 && c.plane.height * c.plane.width > 1 && (c.exact || found.axis < 0))
            found = c.plane;
        if (c.exact && found.axis >= 0)
            return found;
    }
    return found.axis >= 0 ? found : usual_plane(&g->tensors[n->out].shape);
}

/* Gives the parameters of a node, whose output has its plane, planes of their own. One that several nodes
 * read keeps the first. */
static void cut_parameters(bs_plane *planes, const bs_graph *g, const bool *image, const bs_node *n)
{
    for (int k = 0; k < n->n_in; k++) {
        int t = n->in[k];
        if (t >= 0 && g->tensors[t].constant && !image[t] && planes[t].axis < 0)
            planes[t] = bs_plane_of_parameter(g, planes, n, k);
    }
}

bs_status bs_planes_choose(bs_plane **out, const bs_graph *g)
{
    bool *image;
    *out = NULL;
    BS_TRY(bs_calloc(&image, (size_t)g->n_tensors, sizeof *image, "planes"));
    bs_status st = bs_calloc(out, (size_t)g->n_tensors, sizeof **out, "planes");
    if (st == BS_OK)
        st = bs_images_choose(image, g);
    if (st == BS_OK)
        for (int t = 0; t < g->n_tensors; t++) /* outputs of nodes are set below, in order */
            (*out)[t] = (bs_plane){.axis = -1, .outer = 1, .height = 1, .width = 1};
    for (int t = 0; t < g->n_tensors && st == BS_OK; t++)
        if (!g->tensors[t].constant && g->tensors[t].producer < 0)
            (*out)[t] = image[t] ? image_plane(&g->tensors[t].shape) : usual_plane(&g->tensors[t].shape);
    for (int i = 0; i < g->n_nodes && st == BS_OK; i++) {
        int t = g->nodes[i].out;
        (*out)[t] = image[t] ? image_plane(&g->tensors[t].shape) : choose_plane(g, *out, &g->nodes[i]);
        cut_parameters(*out, g, image, &g->nodes[i]);
    }
    if (st == BS_OK)
        bs_rows_find_needed(*out, g);
    free(image);
    if (st != BS_OK) {
        free(*out);
        *out = NULL;
    }
    return st;
}

bs_shape bs_plane_patch(const bs_plane *p, const bs_shape *whole, const int size[2])
{
    bs_shape s = *whole;
    bool one = p->column == p->end; /* axis for rows and columns */
    int64_t rows = one ? 1 : p->height / s.dim[p->axis], columns = one ? 1 : p->width / s.dim[p->column];
    if (one) {
        s.dim[p->axis] = size[0] * size[1];
        return s;
    }
    bool fits = size[0] % rows == 0 && size[1] % columns == 0;
    for (int a = p->axis + 1; a < p->end && !fits; a++)
        s.dim[a] = 1;
    s.dim[p->axis] = fits ? size[0] / rows : size[0];
    s.dim[p->column] = fits ? size[1] / columns : size[1];
    return s;
}
