#include "import/import.h"

#include "backend/find_regions.h"
#include "base/buf.h"
#include "base/log.h"

#include <stdlib.h>
#include <string.h>

/* A map of features has several long axes. */
static void warn_of_map(const bs_import *im)
{
    const bs_value *v = im->values[im->output];
    bs_shape sample;
    char text[96];
    int n_long = 0;
    bs_place_sample(im, &v->shape, v->place, &sample);
    for (int k = 0; k < sample.rank; k++)
        n_long += sample.dim[k] > 1;
    if (n_long > 1 && im->file->n_output > 1 && !im->options->output)
        bs_warn("the output '%s' is %s for each image, which are hardly the scores of classes: the model has "
                "others, see 'output' in the job, or --output",
                v->name, bs_shape_text(&sample, text, sizeof text));
}

/* Checks that the scores of one image are one row. */
static bs_status check_output(const bs_import *im)
{
    const bs_value *v = im->values[im->output];
    char text[96];
    if (im->batch == 1 && im->batch_fixed)
        return BS_OK;
    if (v->kind != BS_VALUE_ACTIVATION || bs_place_is_pure(im, &v->shape, v->place))
        return BS_OK;
    bs_fail(BS_ERR, "the output '%.200s' (%s) would mix images: it has no axis for them alone", v->name,
            bs_shape_text(&v->shape, text, sizeof text));
    return bs_hint("bitsink needs one row of scores for each image; reshape the output to (N, classes)");
}

/* Marks the nodes that the output depends on. Folding may have cut others off (a Conv of which only the shape
 * is used). */
static bs_status mark_alive(const bs_import *im, bool *alive)
{
    int last = im->values[im->output]->node;
    if (last < 0) {
        bs_fail(BS_ERR, "the output '%.200s' does not depend on the image", im->values[im->output]->name);
        return bs_hint(
            "the output must have the scores of the classes; 'output: NAME' in the job, or --output "
            "NAME, takes another tensor");
    }
    alive[last] = true;
    for (int k = last; k >= 0; k--)
        for (int i = 0; alive[k] && i < im->nodes[k].n_in; i++) {
            int v = im->nodes[k].in[i];
            if (v >= 0 && im->values[v]->node >= 0)
                alive[im->values[v]->node] = true;
        }
    return BS_OK;
}

/* Orders values as the file has them; those that it does not name come before the output of their node. */
static int by_place(const void *a, const void *b)
{
    const bs_value *x = *(bs_value *const *)a, *y = *(bs_value *const *)b;
    int at_x = x->own_name ? x->before : x->index, at_y = y->own_name ? y->before : y->index;
    if (at_x != at_y)
        return at_x < at_y ? -1 : 1;
    if (!x->own_name != !y->own_name)
        return x->own_name ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

static bs_status number_tensors(bs_import *im, bs_value *const *ordered, const bool *alive, int *count)
{
    bool input_read = false;
    *count = 0;
    for (int v = 0; v < im->n_values; v++)
        im->values[v]->tensor = -1;
    for (size_t k = 0; k < im->n_nodes; k++) {
        const bs_node *n = &im->nodes[k];
        if (!alive[k])
            continue;
        im->values[n->out]->tensor = 0;
        for (int i = 0; i < n->n_in; i++)
            if (n->in[i] >= 0)
                im->values[n->in[i]]->tensor = 0;
    }
    for (int k = 0; k < im->n_values; k++) {
        bs_value *v = ordered[k];
        input_read |= v->index == im->input && v->tensor == 0;
        if (v->tensor == 0)
            v->tensor = (*count)++;
    }
    if (!input_read)
        return bs_fail(BS_ERR, "the output does not depend on the input '%.200s'",
                       im->values[im->input]->name);
    if (*count > BS_MAX_TARGETS) {
        bs_fail(BS_ERR, "the model has %d tensors, at most %d can be targets", *count, BS_MAX_TARGETS);
        return bs_hint("simplify the model (onnxsim), or cut it into a smaller one");
    }
    return BS_OK;
}

static bs_status make_tensors(bs_import *im, bs_value *const *ordered, int count, bs_graph *g)
{
    bool keeps_file = false;
    BS_TRY(bs_calloc(&g->tensors, (size_t)count, sizeof *g->tensors, "tensors"));
    for (int i = 0; i < im->n_values; i++) {
        bs_value *v = ordered[i];
        if (v->tensor < 0)
            continue;
        bs_tensor *t = &g->tensors[g->n_tensors++];
        *t = (bs_tensor){.producer = -1,
                         .target = v->invented && v->kind == BS_VALUE_FLOATS ? -1 : 0,
                         .norm = v->norm,
                         .shape = v->shape,
                         .elements = v->elements,
                         .type = v->dtype};
        t->name = strdup(v->name);
        if (!t->name)
            return bs_oom("tensor name");
        t->constant = v->kind == BS_VALUE_FLOATS;
        t->data = v->f;
        t->in_file = v->in_file;
        v->f = NULL;
        keeps_file |= t->in_file;
        if (!t->constant) {
            t->elements /= im->batch;
            bs_place_sample(im, &v->shape, v->place, &t->shape);
        }
        /* Unused entries are 0, so that equal shapes are equal bytes. */
        for (int k = t->shape.rank; k < BS_MAX_RANK; k++)
            t->shape.dim[k] = 0;
    }
    if (keeps_file) {
        g->file = im->bytes_of.bytes;
        im->bytes_of.bytes = NULL;
    }
    return BS_OK;
}

static bs_status make_nodes(bs_import *im, const bool *alive, bs_graph *g)
{
    BS_TRY(bs_calloc(&g->nodes, im->n_nodes, sizeof *g->nodes, "nodes"));
    for (size_t k = 0; k < im->n_nodes; k++) {
        if (!alive[k])
            continue;
        bs_node *n = &g->nodes[g->n_nodes];
        *n = im->nodes[k];
        im->nodes[k] = (bs_node){.out = -1};
        for (int i = 0; i < n->n_in; i++)
            n->in[i] = n->in[i] < 0 ? -1 : im->values[n->in[i]]->tensor;
        n->out = im->values[n->out]->tensor;
        g->tensors[n->out].producer = g->n_nodes++;
        if (__builtin_add_overflow(g->macs, n->macs, &g->macs))
            return bs_fail(BS_ERR, "the model does too much arithmetic for one image");
    }
    return BS_OK;
}

/* Returns true if the output is a Softmax over all classes, possibly reshaped. */
static bool ends_in_softmax(const bs_graph *g)
{
    for (int t = g->output; g->tensors[t].producer >= 0;) {
        const bs_node *n = &g->nodes[g->tensors[t].producer];
        bs_op_family family = bs_op_describe(n->op)->family;
        if (n->op == BS_OP_SOFTMAX)
            return g->tensors[t].shape.dim[n->attr.axis] == g->tensors[t].elements;
        if (family != BS_FAMILY_reshape && family != BS_FAMILY_identity)
            return false;
        t = n->in[0];
    }
    return false;
}

bs_status bs_import_finish(bs_import *im, bs_graph *g)
{
    bool *alive = NULL;
    bs_value **ordered = NULL;
    int count;
    bs_status st = BS_OK;
    BS_TRY_GOTO(bs_calloc(&ordered, (size_t)im->n_values, sizeof *ordered, "tensors"), out);
    memcpy(ordered, im->values, (size_t)im->n_values * sizeof *ordered);
    qsort(ordered, (size_t)im->n_values, sizeof *ordered, by_place);
    BS_TRY_GOTO(bs_calloc(&alive, im->n_nodes, sizeof *alive, "nodes"), out);
    BS_TRY_GOTO(mark_alive(im, alive), out);
    BS_TRY_GOTO(check_output(im), out);
    if (im->file) /* else constants are computed */
        warn_of_map(im);
    BS_TRY_GOTO(number_tensors(im, ordered, alive, &count), out);
    BS_TRY_GOTO(make_tensors(im, ordered, count, g), out);
    BS_TRY_GOTO(make_nodes(im, alive, g), out);
    g->input = im->values[im->input]->tensor;
    g->output = im->values[im->output]->tensor;
    g->classes = (int)g->tensors[g->output].elements;
    BS_TRY_GOTO(bs_import_targets(g), out);
    BS_TRY_GOTO(bs_regions_find(g), out);
    g->ends_in_softmax = ends_in_softmax(g);
out:
    free(alive);
    free(ordered);
    return st;
}
