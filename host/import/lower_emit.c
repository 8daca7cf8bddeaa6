/* Helpers of all lowerings: a node's inputs, and adding it to the graph. */
#include "import/import.h"

#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

int bs_value_index(const bs_value *v)
{
    return v ? v->index : -1;
}

bs_status bs_lower_inputs(bs_node *n, int n_in)
{
    BS_TRY(bs_calloc(&n->in, (size_t)n_in, sizeof *n->in, "node inputs"));
    n->n_in = n_in;
    for (int k = 0; k < n_in; k++)
        n->in[k] = -1;
    return BS_OK;
}

bs_status bs_lower_whole(bs_raw *r, bs_value *v)
{
    if (v->dropped) {
        bs_raw_fail(r, "constant '%.120s' is used both whole and without the axis of the images", v->name);
        return bs_hint("store it twice, under two names");
    }
    v->whole = true;
    return BS_OK;
}

bs_status bs_lower_one(bs_raw *r, bs_node *n, bs_value **x)
{
    BS_TRY(bs_raw_activation(r, 0, x));
    BS_TRY(bs_lower_inputs(n, 1));
    n->in[0] = bs_value_index(*x);
    return BS_OK;
}

/* Operators but casts and tests keep the type, which all their operands have. */
static bs_status number_of(const bs_raw *r, const bs_node *n, bs_number *out)
{
    int64_t to;
    bool constant = true;
    *out = BS_NUMBER_REAL;
    if (strcmp(r->op, "Cast") == 0) {
        BS_TRY(bs_attr_int(r, "to", 0, &to));
        bs_type_number(to, out);
        return BS_OK;
    }
    for (int k = n->op == BS_OP_WHERE; k < n->n_in; k++) {
        const bs_value *v = n->in[k] < 0 ? NULL : r->im->values[n->in[k]];
        if (v && (constant || v->kind == BS_VALUE_ACTIVATION)) {
            *out = v->number;
            constant = v->kind != BS_VALUE_ACTIVATION;
        }
    }
    if (bs_op_describe(n->op)->type == BS_TYPE_RULE_BOOL)
        *out = BS_NUMBER_TRUTH;
    return BS_OK;
}

bs_status bs_lower_emit(bs_raw *r, bs_node *n, const bs_shape *out, int k)
{
    bs_import *im = r->im;
    bs_value *v = r->out[k];
    v->shape = *out;
    if (!bs_shape_count(out, &v->elements) || v->elements > BS_ELEMENT_LIMIT || v->elements == 0) {
        char text[96];
        return bs_raw_fail(r, "an output of %s elements (1 to %lld are supported)",
                           bs_shape_text(out, text, sizeof text), (long long)BS_ELEMENT_LIMIT);
    }
    /* Everything later relies on this. */
    bs_place p = r->place;
    if (p.axis >= out->rank || (p.axis < 0 ? im->batch != 1 : out->dim[p.axis] % (p.outer * im->batch) != 0))
        return bs_raw_mixes(r, "its output has no axis for the images");
    v->place = p;
    BS_TRY(number_of(r, n, &v->number));
    v->dtype = v->number == BS_NUMBER_REAL ? r->dtype : BS_DTYPE_FP32;
    BS_TRY(bs_grow(&im->nodes, &im->cap_nodes, im->n_nodes + 1, sizeof *im->nodes, "nodes"));
    const char *name = r->proto->name && *r->proto->name ? r->name : v->name;
    n->name = strdup(name);
    if (!n->name)
        return bs_oom("node name");
    n->out = bs_value_index(v);
    v->kind = BS_VALUE_ACTIVATION;
    v->node = (int)im->n_nodes;
    im->nodes[im->n_nodes++] = *n;
    *n = (bs_node){.out = -1};
    return BS_OK;
}

void bs_nodes_clear(bs_import *im)
{
    for (size_t k = 0; k < im->n_nodes; k++) {
        free(im->nodes[k].name);
        free(im->nodes[k].in);
        free(im->nodes[k].index);
    }
    free(im->nodes);
}
