/* Folds operators that have no function of their own: a graph of one node is run on the CPU backend. */
#include "import/fold.h"

#include "base/buf.h"
#include "cpu/evaluate.h"

#include <stdlib.h>
#include <string.h>

/* Copies a value of the outer import, whose data stays where it is. */
static bs_value borrow(const bs_value *v, int index)
{
    return (bs_value){.name = v->name,
                      .kind = v->kind,
                      .shape = v->shape,
                      .elements = v->elements,
                      .f = v->f,
                      .in_file = true,
                      .i = v->i,
                      .index = index,
                      .before = -1,
                      .node = -1,
                      .tensor = -1};
}

/* The first constant of floats takes the place of the images. images: its axis 0 counts them; else it is one.
 */
static bs_status lower_alone(const bs_raw *r, bs_import *im, bs_value *v, bool images)
{
    bs_raw node = *r;
    bs_status st = BS_OK;
    int first = -1;
    node.im = im;
    BS_TRY(bs_calloc(&node.in, (size_t)r->n_in + 1, sizeof *node.in, "node inputs"));
    for (int k = 0; k < r->n_in; k++) {
        im->values[k] = &v[k];
        v[k] =
            r->in[k] ? borrow(r->in[k], k) : (bs_value){.index = k, .before = -1, .node = -1, .tensor = -1};
        node.in[k] = r->in[k] ? &v[k] : NULL;
        if (first < 0 && v[k].kind == BS_VALUE_FLOATS)
            first = k;
    }
    im->n_values = r->n_in + 1;
    im->values[r->n_in] = &v[r->n_in];
    v[r->n_in] =
        (bs_value){.name = r->out[0]->name, .index = r->n_in, .wanted = true, .node = -1, .tensor = -1};
    node.n_out = 1;
    node.out = &im->values[r->n_in];
    if (first < 0)
        BS_TRY_GOTO(bs_raw_fail(r, "it is not supported on constants of this type"), out);
    v[first].kind = BS_VALUE_ACTIVATION;
    v[first].place = images ? (bs_place){0, 1} : (bs_place){-1, 1};
    im->batch = images ? v[first].shape.dim[0] : 1;
    im->batch_fixed = true;
    im->input = first;
    im->output = r->n_in;
    st = bs_lower(&node);
out:
    free(node.in);
    return st;
}

static bs_status compute(const bs_raw *r, const bs_import *im, const bs_graph *g)
{
    bs_value *y = r->out[0];
    const bs_value *x = r->in[im->input];
    const bs_value *result = im->values[im->output];
    int64_t samples = im->batch, work;
    if (samples > 1 && (result->place.axis != 0 || !bs_place_is_pure(im, &result->shape, result->place)))
        return bs_raw_fail(r, "its rows do not stay along axis 0");
    if (__builtin_mul_overflow(g->macs, samples, &work) || work > BS_FOLD_WORK)
        return bs_raw_fail(r, "it is too much arithmetic for a constant");
    BS_TRY(bs_value_alloc((bs_raw *)r, y, BS_VALUE_FLOATS, &result->shape));
    y->dtype = result->dtype;
    bs_status st = bs_cpu_evaluate(g, samples, x->f, y->f);
    if (st != BS_OK) {
        bs_value_clear(y);
        y->kind = BS_VALUE_UNKNOWN;
    }
    return st;
}

static bs_status try(bs_raw *r, bool images)
{
    bs_import im = {.path = r->im->path, .options = r->im->options};
    bs_value *v = NULL;
    bs_graph g = {0};
    bs_status st;
    BS_TRY_GOTO(bs_calloc(&v, (size_t)r->n_in + 1, sizeof *v, "tensors"), out);
    BS_TRY_GOTO(bs_calloc(&im.values, (size_t)r->n_in + 1, sizeof *im.values, "tensors"), out);
    BS_TRY_GOTO(lower_alone(r, &im, v, images), out);
    BS_TRY_GOTO(bs_import_finish(&im, &g), out);
    st = compute(r, &im, &g);
out:
    bs_graph_clear(&g);
    bs_nodes_clear(&im);
    free(im.values);
    free(v);
    return st;
}

bs_status bs_fold_by_running(bs_raw *r)
{
    bool images = false, several = false;
    for (int k = 1; k < r->n_out; k++)
        several |= r->out[k] && r->out[k]->wanted;
    if (several || r->n_out < 1 || !r->out[0] || !bs_lower_knows(r->op))
        return bs_lower(r); /* which refuses it */
    for (int k = 0; k < r->n_in; k++) {
        const bs_value *v = r->in[k];
        if (!v || v->kind != BS_VALUE_FLOATS)
            continue;
        images = v->shape.rank > 1 && v->elements > 0;
        break;
    }
    /* Windows need an axis of the images, others may need all axes. */
    if (images && try(r, true) == BS_OK)
        return BS_OK;
    return try(r, false);
}
