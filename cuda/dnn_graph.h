/* cuDNN's backend descriptors, and the graph of one convolution made of them. For dnn*.c only.
 *
 * Descriptors are made into a bag, and the bag destroys them, the last first. What a finalised descriptor
 * needs of those it was made from it holds itself, so a graph's bag may be cleared once plans are made from
 * it. */
#ifndef BS_CUDA_DNN_GRAPH_H
#define BS_CUDA_DNN_GRAPH_H

#include "cuda/dnn.h"

struct bs_cudnn {
    const bs_cuda_api *api;
    cudnnHandle_t handle;                /* NULL without a device */
    cudnnBackendDescriptor_t properties; /* of the described device; NULL with a device */
};

/* Zero-initialise but for `dnn`; bs_cudnn_bag_clear() on every path. */
typedef struct bs_cudnn_bag {
    const bs_cudnn *dnn;
    cudnnBackendDescriptor_t *at;
    size_t n, cap;
} bs_cudnn_bag;

void bs_cudnn_bag_clear(bs_cudnn_bag *bag);
/* The new descriptor belongs to the bag. */
bs_status bs_cudnn_make(cudnnBackendDescriptor_t *out, bs_cudnn_bag *bag, cudnnBackendDescriptorType_t type);
/* Takes the descriptor made last out of the bag: now the caller's. */
cudnnBackendDescriptor_t bs_cudnn_bag_take(bs_cudnn_bag *bag);

bs_status bs_cudnn_set(const bs_cudnn *d, cudnnBackendDescriptor_t to, cudnnBackendAttributeName_t name,
                       cudnnBackendAttributeType_t type, int64_t n, const void *values);
/* *n: how many values there are, of which the first `room` are written. Descriptors to write into are made
 * first. */
bs_status bs_cudnn_get(const bs_cudnn *d, cudnnBackendDescriptor_t from, cudnnBackendAttributeName_t name,
                       cudnnBackendAttributeType_t type, int64_t room, int64_t *n, void *values);
/* One attribute of a type with one value; cuDNN giving none is an error. */
bs_status bs_cudnn_get_one(const bs_cudnn *d, cudnnBackendDescriptor_t from, cudnnBackendAttributeName_t name,
                           cudnnBackendAttributeType_t type, void *value);
/* Finalises; where cuDNN answers that it does not support what the descriptor says, *supported is false. That
 * is an error where `supported` is NULL. */
bs_status bs_cudnn_finalize(const bs_cudnn *d, cudnnBackendDescriptor_t desc, bool *supported);

/* Names of the tensors of the graph. */
enum { BS_CUDNN_X = 1, BS_CUDNN_W = 2, BS_CUDNN_Y = 3 };

/* An operation graph with one forward convolution; *out is NULL where cuDNN does not support it. */
bs_status bs_cudnn_graph(cudnnBackendDescriptor_t *out, bs_cudnn_bag *bag, const bs_cudnn_shape *s);

/* `st`, an error with the shape in front of its message. */
bs_status bs_cudnn_about(bs_status st, const bs_cudnn_shape *s);

/* Engine number `index` for a graph; *supported is false where it does not serve. */
bs_status bs_cudnn_engine(cudnnBackendDescriptor_t *out, bs_cudnn_bag *bag, cudnnBackendDescriptor_t graph,
                          int64_t index, bool *supported);

/* A finalised plan of a graph with a config, the caller's to destroy, and its workspace in bytes. *out is
 * NULL where the config does not serve, or wants more than `most` bytes. */
bs_status bs_cudnn_graph_plan(cudnnBackendDescriptor_t *out, size_t *workspace, const bs_cudnn *d,
                              cudnnBackendDescriptor_t graph, const bs_cudnn_config *config, size_t most);

#endif
