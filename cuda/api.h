/* NVIDIA's libraries, loaded when a device is asked for and never linked: the same program starts without a
 * driver, cuDNN or cuBLAS, and says what is missing. All code in cuda/ calls through this table, so tests can
 * put another one in its place. */
#ifndef BS_CUDA_API_H
#define BS_CUDA_API_H

#include "base/error.h"

#include <cublasLt.h>
#include <cuda.h>
#include <cudnn.h>

#include <stdbool.h>
#include <stddef.h>

/* Functions of the driver, of cuBLASLt and of cuDNN. Some names are macros for the versioned symbol. */
#define BS_CUDA_DRIVER_API(X)                                                                                \
    X(cuInit)                                                                                                \
    X(cuDriverGetVersion)                                                                                    \
    X(cuGetErrorName)                                                                                        \
    X(cuGetErrorString)                                                                                      \
    X(cuDeviceGetCount)                                                                                      \
    X(cuDeviceGet)                                                                                           \
    X(cuDeviceGetName)                                                                                       \
    X(cuDeviceGetAttribute)                                                                                  \
    X(cuDevicePrimaryCtxRetain)                                                                              \
    X(cuDevicePrimaryCtxRelease)                                                                             \
    X(cuCtxSetCurrent)                                                                                       \
    X(cuCtxSynchronize)                                                                                      \
    X(cuMemGetInfo)                                                                                          \
    X(cuMemAlloc)                                                                                            \
    X(cuMemFree)                                                                                             \
    X(cuMemAllocHost)                                                                                        \
    X(cuMemFreeHost)                                                                                         \
    X(cuMemcpyHtoDAsync)                                                                                     \
    X(cuMemcpyDtoHAsync)                                                                                     \
    X(cuMemcpyDtoDAsync)                                                                                     \
    X(cuMemsetD8Async)                                                                                       \
    X(cuStreamCreate)                                                                                        \
    X(cuStreamDestroy)                                                                                       \
    X(cuStreamSynchronize)                                                                                   \
    X(cuEventCreate)                                                                                         \
    X(cuEventDestroy)                                                                                        \
    X(cuEventRecord)                                                                                         \
    X(cuEventSynchronize)                                                                                    \
    X(cuEventElapsedTime)                                                                                    \
    X(cuModuleLoadData)                                                                                      \
    X(cuModuleUnload)                                                                                        \
    X(cuModuleGetFunction)                                                                                   \
    X(cuLaunchKernel)

#define BS_CUDA_BLAS_API(X)                                                                                  \
    X(cublasLtGetVersion)                                                                                    \
    X(cublasLtGetStatusName)                                                                                 \
    X(cublasLtCreate)                                                                                        \
    X(cublasLtMatmulDescCreate)                                                                              \
    X(cublasLtMatmulDescDestroy)                                                                             \
    X(cublasLtMatmulDescSetAttribute)                                                                        \
    X(cublasLtMatrixLayoutCreate)                                                                            \
    X(cublasLtMatrixLayoutDestroy)                                                                           \
    X(cublasLtMatmulPreferenceCreate)                                                                        \
    X(cublasLtMatmulPreferenceDestroy)                                                                       \
    X(cublasLtMatmulPreferenceSetAttribute)                                                                  \
    X(cublasLtMatmulAlgoGetHeuristic)                                                                        \
    X(cublasLtMatmulAlgoGetIds)                                                                              \
    X(cublasLtMatmulAlgoInit)                                                                                \
    X(cublasLtMatmulAlgoCapGetAttribute)                                                                     \
    X(cublasLtMatmulAlgoConfigGetAttribute)                                                                  \
    X(cublasLtMatmulAlgoConfigSetAttribute)                                                                  \
    X(cublasLtMatmulAlgoCheck)                                                                               \
    X(cublasLtMatmul)

#define BS_CUDA_DNN_API(X)                                                                                   \
    X(cudnnGetVersion)                                                                                       \
    X(cudnnGetErrorString)                                                                                   \
    X(cudnnGetLastErrorString)                                                                               \
    X(cudnnCreate)                                                                                           \
    X(cudnnDestroy)                                                                                          \
    X(cudnnSetStream)                                                                                        \
    X(cudnnBackendCreateDescriptor)                                                                          \
    X(cudnnBackendDestroyDescriptor)                                                                         \
    X(cudnnBackendSetAttribute)                                                                              \
    X(cudnnBackendGetAttribute)                                                                              \
    X(cudnnBackendFinalize)                                                                                  \
    X(cudnnBackendExecute)

typedef struct bs_cuda_api {
#define X(name) __typeof__(name) *name;
    BS_CUDA_DRIVER_API(X)
    BS_CUDA_BLAS_API(X)
    BS_CUDA_DNN_API(X)
#undef X
    bool has_dnn;     /* without cuDNN, convolutions run through cuBLASLt */
    char no_dnn[160]; /* why there is no cuDNN */
} bs_cuda_api;

/* Loads the driver and cuBLASLt, which are required: returns false with the reason in `why` if one is
 * missing. The table is loaded once and lives as long as the process. */
bool bs_cuda_api_load(const bs_cuda_api **out, char *why, size_t len);
/* Loads cuDNN alone, for work that needs no device: plans for a described device. */
bool bs_cuda_api_load_dnn(bs_cuda_api *out, char *why, size_t len);

/* Return BS_OK, or an error that names the call, the status, and what may help: BS_NO_DEVICE if the device is
 * lost or not available, BS_NO_MEMORY if memory ran out, else BS_ERR, and the device may still be used. When
 * a library fails, the driver is asked whether the device is lost, which waits for the current context. */
bs_status bs_cuda_check(const bs_cuda_api *api, CUresult r, const char *call);
bs_status bs_cuda_check_blas(const bs_cuda_api *api, cublasStatus_t r, const char *call);
bs_status bs_cuda_check_dnn(const bs_cuda_api *api, cudnnStatus_t r, const char *call);

#endif
