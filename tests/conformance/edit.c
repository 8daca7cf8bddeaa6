#include "proto.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TYPE(x) ONNX__TENSOR_PROTO__DATA_TYPE__##x

Onnx__ValueInfoProto *ct_input(const Onnx__ModelProto *m, int k)
{
    for (size_t i = 0; i < m->graph->n_input; i++)
        if (!ct_find_initializer(m, m->graph->input[i]->name) && k-- == 0)
            return m->graph->input[i];
    return NULL;
}

static bool make_constants(Onnx__ModelProto *m, const ct_case *c, int except, char why[CT_REASON])
{
    int left = 0; /* inputs before this one stay inputs */
    for (int k = 0; k < c->n_inputs; k++) {
        if (k == except) {
            left = 1;
            continue;
        }
        Onnx__TensorProto *t = ct_read_proto(c->dir, "input", k, ct_input(m, left), why);
        if (!t)
            return false;
        ct_add_initializer(m, ct_input(m, left)->name, t);
    }
    return true;
}

static void choose_output(Onnx__ModelProto *m, int k)
{
    Onnx__ValueInfoProto *first = m->graph->output[0];
    m->graph->output[0] = m->graph->output[k];
    m->graph->output[k] = first;
}

/* Operator set 7 changed broadcasting and dropped switches of training; every other definition of 6 holds,
 * and some are as they were in the first. */
static bool same_in_opset_7(const Onnx__NodeProto *n, int64_t opset)
{
    static const char *const first[] = {"GlobalAveragePool", "GlobalMaxPool", "Softplus", "Softsign"};
    bool aligned = ct_find_attribute(n, "broadcast") && ct_find_attribute(n, "axis");
    for (size_t k = 0; k < sizeof first / sizeof *first; k++)
        if (strcmp(n->op_type, first[k]) == 0)
            return true;
    return opset == 6 && !aligned && strcmp(n->op_type, "PRelu") != 0;
}

static void raise_opset(Onnx__ModelProto *m)
{
    int64_t opset = ct_opset(m);
    for (size_t k = 0; k < m->graph->n_node; k++)
        if (!same_in_opset_7(m->graph->node[k], opset))
            return;
    for (size_t k = 0; k < m->n_opset_import; k++)
        if (m->opset_import[k]->version < 7 && opset < 7)
            m->opset_import[k]->version = 7;
}

static bool lift(Onnx__ModelProto *m, const ct_case *c, const ct_try *t, char why[CT_REASON])
{
    const ct_tensor *x = &c->input[t->image];
    int64_t dim[CT_MAX_RANK + 1];
    int rank = x->rank;
    const char *name = ct_input(m, 0)->name;
    if (!ct_lift(m, c, t, &rank, why))
        return false;
    for (int k = 0; k <= rank; k++)
        dim[k] = k <= rank - x->rank ? 1 : x->dim[k - 1 - (rank - x->rank)];
    ct_set_input(m, name, x->type, rank + 1, dim);
    return true;
}

/* The file may leave its shape open. */
static bool keep_rows(Onnx__ModelProto *m, const ct_case *c, const ct_try *t, char why[CT_REASON])
{
    const ct_tensor *x = &c->input[t->image], *y = &c->output[t->output];
    bool batch = x->rank > 0 && x->dim[0] == 1;
    for (int k = 0; x->rank > 0 && k < y->rank; k++)
        batch |= y->dim[k] == x->dim[0];
    if (batch)
        ct_set_input(m, ct_input(m, 0)->name, x->type, x->rank, x->dim);
    else
        snprintf(why, CT_REASON, "axis 0 of its input is no batch: the output has none of this size");
    return batch;
}

/* Adds the output, as float, to an image of one zero of a higher rank. */
static bool fold(Onnx__ModelProto *m, const ct_case *c, const ct_try *t, char why[CT_REASON])
{
    const ct_tensor *y = &c->output[t->output];
    const char *names[] = {"bitsink_probe", m->graph->output[0]->name};
    const int64_t one[CT_MAX_RANK + 1] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
    (void)why;
    if (y->type != TYPE(FLOAT)) {
        Onnx__NodeProto *cast = ct_add_node(m, "Cast", &names[1], 1, "bitsink_cast");
        Onnx__AttributeProto *to = ct_need_attribute(cast, "to", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);
        to->has_i = true;
        to->i = TYPE(FLOAT);
        names[1] = "bitsink_cast";
    }
    ct_add_node(m, "Add", names, 2, "bitsink_sum");
    ct_set_input(m, names[0], TYPE(FLOAT), y->rank ? y->rank + 1 : 2, one);
    ct_rename(&m->graph->output[0]->name, "bitsink_sum");
    return true;
}

bool ct_edit(Onnx__ModelProto *m, const ct_case *c, const ct_try *t, char why[CT_REASON])
{
    raise_opset(m);
    choose_output(m, t->output);
    if (!make_constants(m, c, t->form == CT_FORM_FOLDED ? -1 : t->image, why))
        return false;
    switch (t->form) {
    case CT_FORM_LIFTED:
        return lift(m, c, t, why);
    case CT_FORM_ROWS:
        return keep_rows(m, c, t, why);
    case CT_FORM_FOLDED:
        return fold(m, c, t, why);
    case CT_FORM_COUNT:
        break;
    }
    return false;
}
