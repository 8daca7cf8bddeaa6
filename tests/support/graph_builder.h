/* Small graphs made by hand, for tests that need no ONNX file.
 *
 *   bs_graph *g = gb_create();
 *   int x = gb_activation(g, GB_SHAPE(3, 8, 8)), w = gb_random(g, GB_SHAPE(4, 3, 3, 3), 1);
 *   int y = gb_node(g, BS_OP_CONV, GB_SHAPE(4, 6, 6), attr, 2, (int[]){x, w});
 *   g->input = x, g->output = y; ... gb_free(g);
 *
 * The node that made tensor y is g->tensors[y].producer. Allocation failure aborts the test program. */
#ifndef BS_TESTS_GRAPH_BUILDER_H
#define BS_TESTS_GRAPH_BUILDER_H

#include "model/graph.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GB_SHAPE(...)                                                                                        \
    gb_shape((int64_t[]){__VA_ARGS__}, (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)))

static inline bs_shape gb_shape(const int64_t *dim, int rank)
{
    bs_shape s = {.rank = rank};
    for (int a = 0; a < rank; a++)
        s.dim[a] = dim[a];
    return s;
}

static inline void *gb_grow(void *p, int n, size_t size)
{
    p = realloc(p, (size_t)n * size);
    if (!p)
        abort();
    return p;
}

static inline bs_graph *gb_create(void)
{
    bs_graph *g = calloc(1, sizeof *g);
    if (!g)
        abort();
    g->input = g->output = -1;
    return g;
}

static inline char *gb_name(const char *prefix, int n)
{
    char *name = gb_grow(NULL, 32, 1);
    snprintf(name, 32, "%s%d", prefix, n);
    return name;
}

static inline int gb_activation(bs_graph *g, bs_shape shape)
{
    int id = g->n_tensors++;
    g->tensors = gb_grow(g->tensors, g->n_tensors, sizeof *g->tensors);
    bs_tensor t = {.name = gb_name("t", id), .shape = shape, .elements = 1, .producer = -1, .target = -1};
    for (int a = 0; a < shape.rank; a++)
        t.elements *= shape.dim[a];
    g->tensors[id] = t;
    return id;
}

/* Uniform on [-1, 1), the same for the same state. */
static inline float gb_uniform(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (float)(int32_t)(*state >> 32) * (1.0f / 2147483648.0f);
}

static inline int gb_constant(bs_graph *g, bs_shape shape, const float *data)
{
    int id = gb_activation(g, shape);
    bs_tensor *t = &g->tensors[id];
    t->constant = true;
    t->data = gb_grow(NULL, (int)t->elements, sizeof *t->data);
    memcpy(t->data, data, (size_t)t->elements * sizeof *data);
    return id;
}

static inline int gb_random(bs_graph *g, bs_shape shape, uint64_t seed)
{
    int id = gb_activation(g, shape);
    bs_tensor *t = &g->tensors[id];
    t->constant = true;
    t->data = gb_grow(NULL, (int)t->elements, sizeof *t->data);
    for (int64_t i = 0; i < t->elements; i++)
        t->data[i] = gb_uniform(&seed);
    return id;
}

/* Returns the output tensor. */
static inline int gb_node(bs_graph *g, bs_op op, bs_shape out, bs_attr attr, int n_in, const int *in)
{
    int id = g->n_nodes++;
    int y = gb_activation(g, out);
    g->nodes = gb_grow(g->nodes, g->n_nodes, sizeof *g->nodes);
    g->nodes[id] = (bs_node){.name = gb_name("n", id), .op = op, .n_in = n_in, .out = y, .attr = attr};
    g->nodes[id].in = gb_grow(NULL, n_in, sizeof *in);
    memcpy(g->nodes[id].in, in, (size_t)n_in * sizeof *in);
    g->tensors[y].producer = id;
    return y;
}

/* Conv of x with square kernels and random weights, and bias if asked for. */
static inline int gb_conv(bs_graph *g, int x, int filters, int kernel, int stride, int pad, int group,
                          bool bias)
{
    bs_shape in = g->tensors[x].shape;
    int64_t h = (in.dim[1] + 2 * pad - kernel) / stride + 1, w = (in.dim[2] + 2 * pad - kernel) / stride + 1;
    bs_attr a = {.window = {.kernel = {kernel, kernel},
                            .stride = {stride, stride},
                            .dilation = {1, 1},
                            .pad = {pad, pad, pad, pad},
                            .group = group}};
    int weights = gb_random(g, GB_SHAPE(filters, in.dim[0] / group, kernel, kernel), 11);
    int b = bias ? gb_random(g, GB_SHAPE(filters), 12) : -1;
    return gb_node(g, BS_OP_CONV, GB_SHAPE(filters, h, w), a, 3, (int[]){x, weights, b});
}

/* One convolution of the input. */
static inline bs_graph *gb_conv_graph(int c, int h, int w, int filters, int kernel, int stride, int pad,
                                      int group, bool bias)
{
    bs_graph *g = gb_create();
    g->input = gb_activation(g, GB_SHAPE(c, h, w));
    g->output = gb_conv(g, g->input, filters, kernel, stride, pad, group, bias);
    return g;
}

static inline void gb_free(bs_graph *g)
{
    for (int i = 0; i < g->n_tensors; i++) {
        free(g->tensors[i].name);
        free(g->tensors[i].data);
        free((float *)g->tensors[i].scales.scale);
    }
    for (int i = 0; i < g->n_nodes; i++) {
        free(g->nodes[i].name);
        free(g->nodes[i].in);
        free(g->nodes[i].index);
    }
    for (int i = 0; i < g->n_regions; i++)
        free(g->regions[i].node.in);
    free(g->regions);
    free(g->tensors);
    free(g->nodes);
    free(g);
}

#endif
