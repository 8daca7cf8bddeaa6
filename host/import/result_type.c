/* The types in which values are stored: those of the file. An operator rounds once, where its output is. */
#include "import/import.h"

#include "backend/rounding.h"

#include <string.h>

/* X(operator, attribute that names the type of its results or has a value of it; NULL: none, input that has
 * the type). Of all other operators it is input 0. */
#define OWN_TYPES(X)                                                                                         \
    X("Cast", "to", 0)                                                                                       \
    X("CastLike", NULL, 1)                                                                                   \
    X("Constant", "value", 0)                                                                                \
    X("ConstantOfShape", "value", 0)                                                                         \
    X("DequantizeLinear", "output_dtype", 1)                                                                 \
    X("EyeLike", "dtype", 0)                                                                                 \
    X("OneHot", NULL, 2)                                                                                     \
    X("RMSNormalization", NULL, 1)                                                                           \
    X("SimplifiedLayerNormalization", NULL, 1)                                                               \
    X("Where", NULL, 1)

bs_dtype bs_result_type(const bs_raw *r)
{
    const Onnx__AttributeProto *a = NULL;
    int k = 0;
#define X(name, attribute, input)                                                                            \
    if (strcmp(r->op, name) == 0) {                                                                          \
        a = attribute ? bs_attr_find(r, attribute) : NULL;                                                   \
        k = input;                                                                                           \
    }
    OWN_TYPES(X)
#undef X
    if (a)
        return bs_type_stored(a->t ? a->t->data_type : a->i);
    while (k + 1 < r->n_in && r->in[k] && r->in[k]->invented)
        k++; /* a constant of a step has no type of its own */
    return k < r->n_in && r->in[k] ? r->in[k]->dtype : BS_DTYPE_FP32;
}

void bs_value_store(bs_value *v, bs_dtype type)
{
    if (v->kind == BS_VALUE_INTS || v->dtype == type)
        return;
    v->dtype = type;
    if (v->kind == BS_VALUE_FLOATS)
        bs_round_values((bs_format){type, 1.0f}, v->elements, v->f);
}

void bs_value_settle(bs_import *im, bs_value *v, bs_dtype type, int first)
{
    const bs_node *n = v->node < 0 ? NULL : &im->nodes[v->node];
    if (v->dtype == type || v->number != BS_NUMBER_REAL)
        return;
    bs_value_store(v, type);
    if (!n || bs_op_describe(n->op)->type != BS_TYPE_RULE_SAME)
        return;
    for (int k = n->op == BS_OP_WHERE; k < n->n_in; k++)
        if (n->in[k] >= first)
            bs_value_settle(im, im->values[n->in[k]], type, first);
}
