#include "import/build.h"

#include "base/buf.h"
#include "base/clones.h"
#include "base/team.h"
#include "base/resources.h"
#include "rng.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { IR_VERSION = 7, OPSET = 13 };

/* Returns a zeroed message or array; NULL if memory runs out, which sets the error, or after an error
 * before. */
static void *make(bs_build *b, size_t n, size_t size)
{
    void *p = NULL;
    if (b->st == BS_OK)
        b->st = bs_calloc(&p, n, size, "model");
    return p;
}

static char *make_name(bs_build *b, const char *name, const char *suffix)
{
    size_t size = strlen(name) + strlen(suffix) + 1;
    char *both = make(b, size, 1);
    if (both)
        snprintf(both, size, "%s%s", name, suffix);
    return both;
}

/* Declares a message of this type; NULL after an error. */
#define MAKE(b, Type, type, variable)                                                                        \
    Onnx__##Type *variable = make(b, 1, sizeof *variable);                                                   \
    do {                                                                                                     \
        if (variable)                                                                                        \
            onnx__##type##__init(variable);                                                                  \
    } while (0)

/* Returns (N, dim[0], ...) as the type of a graph's input or output. */
static Onnx__ValueInfoProto *make_value(bs_build *b, const char *name, const int64_t *dim, int rank)
{
    MAKE(b, ValueInfoProto, value_info_proto, v);
    if (!v)
        return NULL;
    v->name = make_name(b, name, "");
    MAKE(b, TypeProto, type_proto, type);
    v->type = type;
    MAKE(b, TypeProto__Tensor, type_proto__tensor, tensor);
    if (!tensor)
        return v;
    type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    type->tensor_type = tensor;
    tensor->has_elem_type = 1;
    tensor->elem_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
    MAKE(b, TensorShapeProto, tensor_shape_proto, shape);
    if (!shape)
        return v;
    tensor->shape = shape;
    shape->dim = make(b, (size_t)rank + 1, sizeof *shape->dim);
    for (int k = 0; k <= rank && shape->dim; k++) {
        MAKE(b, TensorShapeProto__Dimension, tensor_shape_proto__dimension, d);
        if (!d)
            return v;
        shape->dim[shape->n_dim++] = d;
        d->value_case = k ? ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE
                          : ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
        if (k)
            d->dim_value = dim[k - 1];
        else
            d->dim_param = make_name(b, "N", "");
    }
    return v;
}

/* Makes v, which it takes over, the only input or output of the graph. */
static void set_value(bs_build *b, Onnx__ValueInfoProto ***list, size_t *n, Onnx__ValueInfoProto *v)
{
    *list = make(b, 1, sizeof **list);
    if (*list)
        (*list)[(*n)++] = v;
    else if (v)
        onnx__value_info_proto__free_unpacked(v, NULL);
}

void bs_build_begin(bs_build *b, const char *name, const int64_t *dim, int rank, uint64_t seed)
{
    *b = (bs_build){.seed = seed, .channels = dim[0]};
    MAKE(b, ModelProto, model_proto, m);
    b->model = m;
    if (!m)
        return;
    m->has_ir_version = 1;
    m->ir_version = IR_VERSION;
    m->producer_name = make_name(b, "bitsink", "");
    m->opset_import = make(b, 1, sizeof *m->opset_import);
    MAKE(b, OperatorSetIdProto, operator_set_id_proto, opset);
    if (!opset)
        return;
    opset->has_version = 1;
    opset->version = OPSET;
    opset->domain = make_name(b, "", "");
    m->opset_import[m->n_opset_import++] = opset;
    MAKE(b, GraphProto, graph_proto, g);
    m->graph = g;
    if (!g)
        return;
    g->name = make_name(b, name, "");
    set_value(b, &g->input, &g->n_input, make_value(b, "image", dim, rank));
    if (b->st == BS_OK)
        b->x = g->input[0]->name;
}

static void set_attribute(bs_build *b, Onnx__NodeProto *n, const char *name, const int64_t *values,
                          size_t n_values)
{
    MAKE(b, AttributeProto, attribute_proto, a);
    if (!a)
        return;
    n->attribute[n->n_attribute++] = a;
    a->name = make_name(b, name, "");
    a->has_type = 1;
    if (n_values == 1) {
        a->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT;
        a->has_i = 1;
        a->i = values[0];
        return;
    }
    a->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS;
    a->ints = make(b, n_values, sizeof *a->ints);
    if (!a->ints)
        return;
    a->n_ints = n_values;
    memcpy(a->ints, values, n_values * sizeof *values);
}

static void set_window(bs_build *b, Onnx__NodeProto *n, const bs_build_window *w)
{
    const int64_t kernel[] = {w->kernel, w->kernel}, stride[] = {w->stride, w->stride};
    const int64_t pad[] = {w->pad, w->pad, w->pad, w->pad};
    set_attribute(b, n, "kernel_shape", kernel, 2);
    set_attribute(b, n, "strides", stride, 2);
    set_attribute(b, n, "pads", pad, 4);
    if (w->group)
        set_attribute(b, n, "group", &w->group, 1);
}

/* Appends a node to the graph, with room for its inputs and all attributes of set_window(). */
static Onnx__NodeProto *add_node(bs_build *b, const char *op, const char *name, const char *const *in,
                                 size_t n_in)
{
    enum { ATTRIBUTES = 4 };
    Onnx__GraphProto *g = b->model ? b->model->graph : NULL;
    if (b->st == BS_OK)
        b->st = bs_grow(&g->node, &b->cap_nodes, g->n_node + 1, sizeof(Onnx__NodeProto *), "model");
    MAKE(b, NodeProto, node_proto, n);
    if (!n)
        return NULL;
    g->node[g->n_node++] = n;
    n->op_type = make_name(b, op, "");
    n->name = make_name(b, name, "");
    n->attribute = make(b, ATTRIBUTES, sizeof *n->attribute);
    n->input = make(b, n_in, sizeof *n->input);
    for (size_t k = 0; k < n_in && n->input; k++)
        if ((n->input[k] = make_name(b, in[k], "")))
            n->n_input++;
    n->output = make(b, 1, sizeof *n->output);
    if (n->output && (n->output[0] = make_name(b, name, "")))
        n->n_output = 1;
    if (b->st != BS_OK)
        return NULL;
    b->x = n->output[0];
    return n;
}

const char *bs_build_node(bs_build *b, const char *op, const char *name, const char *const *in, size_t n_in,
                          const bs_build_window *window)
{
    const char *const last = b->x;
    Onnx__NodeProto *n = add_node(b, op, name, in ? in : &last, in ? n_in : 1);
    if (n && window)
        set_window(b, n, window);
    return b->x;
}

/* Adds a parameter of random values with this standard deviation, or of zeros if it is 0. Takes over
 * `name`. */
static const char *add_parameter(bs_build *b, char *name, const int64_t *dim, size_t rank, double deviation)
{
    Onnx__GraphProto *g = b->model ? b->model->graph : NULL;
    size_t n = 1;
    for (size_t k = 0; k < rank; k++)
        n *= (size_t)dim[k];
    if (b->st == BS_OK)
        b->st = bs_grow(&g->initializer, &b->cap_initializers, g->n_initializer + 1,
                        sizeof(Onnx__TensorProto *), "model");
    if (b->st == BS_OK)
        b->st = bs_grow(&b->fills, &b->cap_fills, b->n_fills + 1, sizeof *b->fills, "model");
    MAKE(b, TensorProto, tensor_proto, t);
    if (!t) {
        free(name);
        return NULL;
    }
    g->initializer[g->n_initializer++] = t;
    t->name = name;
    t->has_data_type = 1;
    t->data_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
    if (rank > 0 && (t->dims = make(b, rank, sizeof *t->dims))) {
        t->n_dims = rank;
        memcpy(t->dims, dim, rank * sizeof *dim);
    }
    t->raw_data.data = make(b, n, sizeof(float));
    t->has_raw_data = t->raw_data.data != NULL;
    t->raw_data.len = t->has_raw_data ? n * sizeof(float) : 0;
    if (t->has_raw_data && deviation > 0)
        b->fills[b->n_fills++] = (bs_build_fill){(float *)(void *)t->raw_data.data, n, (float)deviation};
    return t->name;
}

const char *bs_build_conv(bs_build *b, const char *name, const bs_build_window *window)
{
    bs_build_window w = *window;
    w.group = w.group ? w.group : 1;
    const int64_t dim[] = {w.filters, b->channels / w.group, w.kernel, w.kernel};
    double fan_in = (double)(dim[1] * dim[2] * dim[3]);
    const char *x = b->x;
    const char *weight = add_parameter(b, make_name(b, name, ".weight"), dim, 4, sqrt(2.0 / fan_in));
    const char *bias = add_parameter(b, make_name(b, name, ".bias"), &w.filters, 1, 0.01);
    b->channels = w.filters;
    return bs_build_node(b, "Conv", name, (const char *const[]){x, weight, bias}, 3, &w);
}

const char *bs_build_gemm(bs_build *b, const char *name, int64_t outputs)
{
    const int64_t dim[] = {outputs, b->channels}, transposed = 1;
    const char *x = b->x;
    const char *weight =
        add_parameter(b, make_name(b, name, ".weight"), dim, 2, sqrt(2.0 / (double)b->channels));
    const char *bias = add_parameter(b, make_name(b, name, ".bias"), &outputs, 1, 0);
    b->channels = outputs;
    Onnx__NodeProto *n = add_node(b, "Gemm", name, (const char *const[]){x, weight, bias}, 3);
    if (n)
        set_attribute(b, n, "transB", &transposed, 1);
    return b->x;
}

const char *bs_build_scalar(bs_build *b, const char *name, float value)
{
    const char *made = add_parameter(b, make_name(b, name, ""), NULL, 0, 0);
    if (b->st == BS_OK)
        memcpy(b->model->graph->initializer[b->model->graph->n_initializer - 1]->raw_data.data, &value,
               sizeof value);
    return made;
}

typedef struct drawing {
    const bs_build *b;
    int n;           /* pieces of each parameter */
    atomic_int next; /* the next piece to draw */
} drawing;

/* Draws values from .. to - 1 of parameter k. */
BS_CLONES static void fill(const bs_build_fill *f, uint64_t seed, uint32_t k, size_t from, size_t to)
{
    enum { TERMS = 8, LARGEST = 65535 };
    /* The variance of each term is (65536^2 - 1) / 12. */
    const float unit = (float)(f->scale / sqrt(TERMS * (65536.0 * 65536.0 - 1) / 12));
    for (size_t i = from; i < to; i++) {
        int32_t sum = -TERMS * LARGEST / 2;
        for (uint32_t half = 0; half < 2; half++) {
            uint64_t r = bs_draw(seed, i, 2 * k + half, BS_PURPOSE_WEIGHTS);
            sum += (int32_t)((r & LARGEST) + (r >> 16 & LARGEST) + (r >> 32 & LARGEST) + (r >> 48));
        }
        f->data[i] = (float)sum * unit;
    }
}

/* Draws piece i of every parameter. Any value can be drawn by itself. */
static void draw_piece(const drawing *p, int i)
{
    for (size_t k = 0; k < p->b->n_fills; k++) {
        const bs_build_fill *f = &p->b->fills[k];
        size_t share = f->n / (size_t)p->n + 1, from = share * (size_t)i, to = from + share;
        fill(f, p->b->seed, (uint32_t)k, from < f->n ? from : f->n, to < f->n ? to : f->n);
    }
}

static bs_status draw_pieces(void *shared, int worker)
{
    drawing *p = shared;
    (void)worker;
    for (int i; (i = atomic_fetch_add(&p->next, 1)) < p->n;)
        draw_piece(p, i);
    return BS_OK;
}

bs_status bs_build_finish(Onnx__ModelProto **out, bs_build *b)
{
    drawing p = {.b = b, .n = bs_resources_cores()};
    Onnx__GraphProto *g = b->model ? b->model->graph : NULL;
    if (b->st == BS_OK)
        set_value(b, &g->output, &g->n_output, make_value(b, b->x, &b->channels, 1));
    if (b->st == BS_OK)
        b->st = bs_team_run(p.n, draw_pieces, &p);
    free(b->fills);
    b->fills = NULL;
    *out = b->model;
    if (b->st != BS_OK && b->model) {
        onnx__model_proto__free_unpacked(b->model, NULL);
        *out = NULL;
    }
    return b->st;
}
