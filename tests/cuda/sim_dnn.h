/* Inside of the simulated cuDNN: descriptors that store attributes (sim_dnn.c), what finalising them checks
 * (sim_dnn_final.c), made-up engines (sim_dnn_engines.c).
 *
 * A descriptor is the program's until it destroys it; as a value of another one it lives as long as that.
 * Once finalised it never changes. */
#ifndef BS_TESTS_SIM_DNN_H
#define BS_TESTS_SIM_DNN_H

#include "sim.h"

#include "cuda/dnn.h"

#include <stdatomic.h>

/* Attributes: name, the descriptor's, type of the values, how many at least and at most; none at most: cuDNN
 * writes it. */
#define SIM_ATTRIBUTES(X)                                                                                    \
    X(TENSOR_UNIQUE_ID, TENSOR, INT64, 1, 1)                                                                 \
    X(TENSOR_DATA_TYPE, TENSOR, DATA_TYPE, 1, 1)                                                             \
    X(TENSOR_BYTE_ALIGNMENT, TENSOR, INT64, 1, 1)                                                            \
    X(TENSOR_DIMENSIONS, TENSOR, INT64, 4, 4)                                                                \
    X(TENSOR_STRIDES, TENSOR, INT64, 4, 4)                                                                   \
    X(CONVOLUTION_COMP_TYPE, CONVOLUTION, DATA_TYPE, 1, 1)                                                   \
    X(CONVOLUTION_CONV_MODE, CONVOLUTION, CONVOLUTION_MODE, 1, 1)                                            \
    X(CONVOLUTION_SPATIAL_DIMS, CONVOLUTION, INT64, 1, 1)                                                    \
    X(CONVOLUTION_FILTER_STRIDES, CONVOLUTION, INT64, 2, 2)                                                  \
    X(CONVOLUTION_DILATIONS, CONVOLUTION, INT64, 2, 2)                                                       \
    X(CONVOLUTION_PRE_PADDINGS, CONVOLUTION, INT64, 2, 2)                                                    \
    X(CONVOLUTION_POST_PADDINGS, CONVOLUTION, INT64, 2, 2)                                                   \
    X(OPERATION_CONVOLUTION_FORWARD_X, OPERATION_CONVOLUTION_FORWARD, BACKEND_DESCRIPTOR, 1, 1)              \
    X(OPERATION_CONVOLUTION_FORWARD_W, OPERATION_CONVOLUTION_FORWARD, BACKEND_DESCRIPTOR, 1, 1)              \
    X(OPERATION_CONVOLUTION_FORWARD_Y, OPERATION_CONVOLUTION_FORWARD, BACKEND_DESCRIPTOR, 1, 1)              \
    X(OPERATION_CONVOLUTION_FORWARD_CONV_DESC, OPERATION_CONVOLUTION_FORWARD, BACKEND_DESCRIPTOR, 1, 1)      \
    X(OPERATION_CONVOLUTION_FORWARD_ALPHA, OPERATION_CONVOLUTION_FORWARD, FLOAT, 1, 1)                       \
    X(OPERATION_CONVOLUTION_FORWARD_BETA, OPERATION_CONVOLUTION_FORWARD, FLOAT, 1, 1)                        \
    X(OPERATIONGRAPH_HANDLE, OPERATIONGRAPH, HANDLE, 0, 1)                                                   \
    X(OPERATIONGRAPH_OPS, OPERATIONGRAPH, BACKEND_DESCRIPTOR, 1, 1)                                          \
    X(OPERATIONGRAPH_ENGINE_GLOBAL_COUNT, OPERATIONGRAPH, INT64, 0, 0)                                       \
    X(DEVICEPROP_JSON_REPRESENTATION, DEVICEPROP, CHAR, 1, 1 << 20)                                          \
    X(ENGINEHEUR_OPERATION_GRAPH, ENGINEHEUR, BACKEND_DESCRIPTOR, 1, 1)                                      \
    X(ENGINEHEUR_MODE, ENGINEHEUR, HEUR_MODE, 1, 1)                                                          \
    X(ENGINEHEUR_DEVICEPROP, ENGINEHEUR, BACKEND_DESCRIPTOR, 0, 1)                                           \
    X(ENGINEHEUR_RESULTS, ENGINEHEUR, BACKEND_DESCRIPTOR, 0, 0)                                              \
    X(ENGINE_OPERATION_GRAPH, ENGINE, BACKEND_DESCRIPTOR, 1, 1)                                              \
    X(ENGINE_GLOBAL_INDEX, ENGINE, INT64, 1, 1)                                                              \
    X(ENGINE_DEVICEPROP, ENGINE, BACKEND_DESCRIPTOR, 0, 1)                                                   \
    X(ENGINE_KNOB_INFO, ENGINE, BACKEND_DESCRIPTOR, 0, 0)                                                    \
    X(ENGINE_NUMERICAL_NOTE, ENGINE, NUMERICAL_NOTE, 0, 0)                                                   \
    X(ENGINE_BEHAVIOR_NOTE, ENGINE, BEHAVIOR_NOTE, 0, 0)                                                     \
    X(KNOB_INFO_TYPE, KNOB_INFO, KNOB_TYPE, 0, 0)                                                            \
    X(KNOB_INFO_MINIMUM_VALUE, KNOB_INFO, INT64, 0, 0)                                                       \
    X(KNOB_INFO_MAXIMUM_VALUE, KNOB_INFO, INT64, 0, 0)                                                       \
    X(KNOB_INFO_STRIDE, KNOB_INFO, INT64, 0, 0)                                                              \
    X(KNOB_CHOICE_KNOB_TYPE, KNOB_CHOICE, KNOB_TYPE, 1, 1)                                                   \
    X(KNOB_CHOICE_KNOB_VALUE, KNOB_CHOICE, INT64, 1, 1)                                                      \
    X(ENGINECFG_ENGINE, ENGINECFG, BACKEND_DESCRIPTOR, 1, 1)                                                 \
    X(ENGINECFG_KNOB_CHOICES, ENGINECFG, BACKEND_DESCRIPTOR, 0, 8)                                           \
    X(EXECUTION_PLAN_ENGINE_CONFIG, EXECUTION_PLAN, BACKEND_DESCRIPTOR, 1, 1)                                \
    X(EXECUTION_PLAN_HANDLE, EXECUTION_PLAN, HANDLE, 0, 1)                                                   \
    X(EXECUTION_PLAN_DEVICEPROP, EXECUTION_PLAN, BACKEND_DESCRIPTOR, 0, 1)                                   \
    X(EXECUTION_PLAN_WORKSPACE_SIZE, EXECUTION_PLAN, INT64, 0, 0)                                            \
    X(VARIANT_PACK_UNIQUE_IDS, VARIANT_PACK, INT64, 3, 3)                                                    \
    X(VARIANT_PACK_DATA_POINTERS, VARIANT_PACK, VOID_PTR, 3, 3)                                              \
    X(VARIANT_PACK_WORKSPACE, VARIANT_PACK, VOID_PTR, 1, 1)

typedef enum sim_attribute {
#define X(name, owner, type, least, most) SIM_##name,
    SIM_ATTRIBUTES(X)
#undef X
        SIM_ATTRIBUTE_COUNT
} sim_attribute;

typedef struct sim_values {
    int64_t n; /* 0: not set */
    void *values;
} sim_values;

typedef struct sim_desc {
    cudnnBackendDescriptorType_t type;
    bool finalized;
    atomic_int users;
    sim_values given[SIM_ATTRIBUTE_COUNT];
} sim_desc;

/* Notes what cudnnGetLastErrorString() will say. Returns r. */
cudnnStatus_t bs_sim_refuse(cudnnStatus_t r, const char *why);

sim_desc *bs_sim_make(cudnnBackendDescriptorType_t type); /* NULL: out of memory */
void bs_sim_release(sim_desc *d);
/* Copies n values in, those that are descriptors with a use of them. */
cudnnStatus_t bs_sim_put(sim_desc *d, sim_attribute a, int64_t n, const void *values);
/* The values; NULL where not set. */
const int64_t *bs_sim_ints(const sim_desc *d, sim_attribute a);
int bs_sim_enum(const sim_desc *d, sim_attribute a);
/* Descriptor i; NULL where there is none, or it is of another type. */
const sim_desc *bs_sim_child(const sim_desc *d, sim_attribute a, int64_t i,
                             cudnnBackendDescriptorType_t type);

/* Checks the descriptor and writes what is cuDNN's to write. */
cudnnStatus_t bs_sim_finalize(sim_desc *d);
/* Of a finalised operation graph. */
void bs_sim_shape(bs_cudnn_shape *s, const sim_desc *graph);
/* Value of an engine's knob; -1 where it is not chosen. */
int64_t bs_sim_knob(const sim_desc *config);

/* --- engines --- */

/* Which of its circumstances an engine lets decide where a sum starts. */
typedef enum sim_order {
    SIM_ORDER_KNOB,
    SIM_ORDER_CHOSEN,
    SIM_ORDER_SHAPE,
    SIM_ORDER_REVERSE,
    SIM_ORDER_RARE,
    SIM_ORDER_WORDS
} sim_order;

typedef struct sim_engine {
    int64_t index;
    cudnnBackendNumericalNote_t numbers[2];
    cudnnBackendBehaviorNote_t behavior;
    int n_numbers, knobs; /* 0 or 1 knobs */
    cudnnBackendKnobType_t knob;
    int64_t most; /* the knob's largest value */
    int64_t workspace;
    sim_order order;
    bool tf32, picky, hungry;
} sim_engine;

typedef struct sim_proposal {
    int64_t engine, knob; /* -1: the knob is left open */
} sim_proposal;

/* NULL: there is none. */
const sim_engine *bs_sim_engine(int64_t index);
bool bs_sim_engine_serves(const sim_engine *e, const bs_cudnn_shape *s);
/* At most `most` of them, for a shape; how many. */
int bs_sim_propose(sim_proposal *out, int most, cudnnBackendHeurMode_t mode, const bs_cudnn_shape *s);
/* y = x * w, all of the shape's type, summed in float; false: out of memory. otherwise: the sums begin one
 * factor later. */
bool bs_sim_convolve(const sim_engine *e, int64_t knob, bool otherwise, const bs_cudnn_shape *s,
                     const void *x, const void *w, void *y);

#endif
