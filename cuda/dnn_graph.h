/* cuDNN's backend descriptors, and the graph of one convolution made of them. For dnn*.c only.
 *
 * Descriptors belong to a bs_cudnn_descriptors, which destroys them, the last one first. A finalised
 * descriptor keeps what it needs of those it was made from, so a graph's owned may be cleared once its plans
 * are made. */
#ifndef BS_CUDA_DNN_GRAPH_H
#define BS_CUDA_DNN_GRAPH_H

#include "cuda/dnn.h"

struct bs_cudnn {
    const bs_cuda_api *api;
    cudnnHandle_t handle;                /* NULL without a device */
    cudnnBackendDescriptor_t properties; /* of the described device; NULL with a device */
};

/* A list of descriptors to destroy. Zero-initialise all but `dnn`; call bs_cudnn_descriptors_clear() on every
 * path. */
typedef struct bs_cudnn_descriptors {
    const bs_cudnn *dnn;
    cudnnBackendDescriptor_t *at;
    size_t n, cap;
} bs_cudnn_descriptors;

void bs_cudnn_descriptors_clear(bs_cudnn_descriptors *owned);
/* Makes a descriptor that belongs to `owned`. */
bs_status bs_cudnn_make(cudnnBackendDescriptor_t *out, bs_cudnn_descriptors *owned,
                        cudnnBackendDescriptorType_t type);
/* Removes the descriptor made last from `owned`; it is then the caller's. */
cudnnBackendDescriptor_t bs_cudnn_descriptors_take(bs_cudnn_descriptors *owned);

bs_status bs_cudnn_set(const bs_cudnn *d, cudnnBackendDescriptor_t to, cudnnBackendAttributeName_t name,
                       cudnnBackendAttributeType_t type, int64_t n, const void *values);
/* Gets the values of an attribute. *n: their number, of which the first `room` are written. Descriptors that
 * are written to must have been made before. */
bs_status bs_cudnn_get(const bs_cudnn *d, cudnnBackendDescriptor_t from, cudnnBackendAttributeName_t name,
                       cudnnBackendAttributeType_t type, int64_t room, int64_t *n, void *values);
/* Gets an attribute that has one value; any other number of values is an error. */
bs_status bs_cudnn_get_one(const bs_cudnn *d, cudnnBackendDescriptor_t from, cudnnBackendAttributeName_t name,
                           cudnnBackendAttributeType_t type, void *value);
/* Finalises a descriptor. If cuDNN does not support what it describes, *supported is false, or that is an
 * error if `supported` is NULL. */
bs_status bs_cudnn_finalize(const bs_cudnn *d, cudnnBackendDescriptor_t desc, bool *supported);

/* Ids of the graph's tensors. */
enum { BS_CUDNN_X = 1, BS_CUDNN_W = 2, BS_CUDNN_Y = 3 };

/* Makes an operation graph with one forward convolution; *out is NULL if cuDNN does not support it. */
bs_status bs_cudnn_graph(cudnnBackendDescriptor_t *out, bs_cudnn_descriptors *owned, const bs_cudnn_shape *s);

/* Returns `st`; puts the shape before the message if it is an error. */
bs_status bs_cudnn_about(bs_status st, const bs_cudnn_shape *s);

/* Makes engine number `index` for a graph; *supported is false if it does not support the graph. */
bs_status bs_cudnn_engine(cudnnBackendDescriptor_t *out, bs_cudnn_descriptors *owned,
                          cudnnBackendDescriptor_t graph, int64_t index, bool *supported);

/* Makes a finalised plan of a graph with a config, which the caller destroys; *workspace is in bytes. *out is
 * NULL if the config does not support the graph, or needs more than `most` bytes. */
bs_status bs_cudnn_graph_plan(cudnnBackendDescriptor_t *out, size_t *workspace, const bs_cudnn *d,
                              cudnnBackendDescriptor_t graph, const bs_cudnn_config *config, size_t most);

#endif
