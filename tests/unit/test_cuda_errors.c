/* Proves that errors of the driver and of libraries are told apart: the device is lost, is not there, or
 * may be used further. Libraries only say that they failed, so the driver is asked. */
#include "support/testing.h"

#include "cuda/cuda.h"

static CUresult device; /* what the driver says of the context */
static int asked;

static CUresult synchronize(void)
{
    asked++;
    return device;
}

static CUresult describe(CUresult r, const char **text)
{
    (void)r;
    *text = "CUDA_ERROR_TEST";
    return CUDA_SUCCESS;
}

static const char *blas_name(cublasStatus_t r)
{
    (void)r;
    return "CUBLAS_STATUS_TEST";
}

static const char *dnn_name(cudnnStatus_t r)
{
    (void)r;
    return "CUDNN_STATUS_TEST";
}

static void dnn_detail(char *text, size_t size)
{
    assert_int_equal(asked, 0); /* first, while it is there */
    snprintf(text, size, "for this reason");
}

static const bs_cuda_api api = {.cuCtxSynchronize = synchronize,
                                .cuGetErrorName = describe,
                                .cuGetErrorString = describe,
                                .cublasLtGetStatusName = blas_name,
                                .cudnnGetErrorString = dnn_name,
                                .cudnnGetLastErrorString = dnn_detail};

static void test_driver(void **state)
{
    (void)state;
    static const struct {
        CUresult result;
        bs_status status;
        const char *text;
    } list[] = {
        {CUDA_ERROR_ILLEGAL_ADDRESS, BS_NO_DEVICE, "is lost: cuCall failed: CUDA_ERROR_TEST (700)"},
        {CUDA_ERROR_LAUNCH_TIMEOUT, BS_NO_DEVICE, "is lost"},
        {CUDA_ERROR_ASSERT, BS_NO_DEVICE, "is lost"},
        {CUDA_ERROR_MISALIGNED_ADDRESS, BS_NO_DEVICE, "is lost"},
        {CUDA_ERROR_ECC_UNCORRECTABLE, BS_NO_DEVICE, "is lost"},
        {(CUresult)226, BS_NO_DEVICE, "is lost"},
        {(CUresult)721, BS_NO_DEVICE, "is lost"},
        {(CUresult)810, BS_NO_DEVICE, "is lost"},
        {CUDA_ERROR_INVALID_DEVICE, BS_NO_DEVICE, "no usable CUDA device: cuCall failed"},
        {CUDA_ERROR_DEVICE_UNAVAILABLE, BS_NO_DEVICE, "no usable CUDA device"},
        {CUDA_ERROR_SYSTEM_DRIVER_MISMATCH, BS_NO_DEVICE, "no usable CUDA device"},
        {CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES, BS_ERR, "cuCall failed: CUDA_ERROR_TEST (701)"},
        {CUDA_ERROR_INVALID_VALUE, BS_ERR, "cuCall failed"},
        {CUDA_ERROR_INVALID_HANDLE, BS_ERR, "cuCall failed"},
        {CUDA_ERROR_OUT_OF_MEMORY, BS_NO_MEMORY, "cuCall: out of device memory"},
    };
    device = CUDA_SUCCESS;
    assert_int_equal(bs_cuda_check(&api, CUDA_SUCCESS, "cuCall"), BS_OK);
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        bs_error_clear();
        if (bs_cuda_check(&api, list[i].result, "cuCall") != list[i].status ||
            !strstr(bs_error_message(), list[i].text))
            fail_msg("%d: %s", (int)list[i].result, bs_error_message());
        bool hint = bs_error_hint() && *bs_error_hint();
        assert_int_equal(hint, list[i].status != BS_ERR || i == 11);
    }
}

static void test_unknown(void **state)
{
    (void)state;
    device = CUDA_SUCCESS;
    assert_int_equal(bs_cuda_check(&api, CUDA_ERROR_UNKNOWN, "cuCall"), BS_ERR);
    device = CUDA_ERROR_UNKNOWN;
    assert_int_equal(bs_cuda_check(&api, CUDA_ERROR_UNKNOWN, "cuCall"), BS_NO_DEVICE);
}

static void test_libraries(void **state)
{
    (void)state;
    static const CUresult devices[] = {CUDA_SUCCESS, CUDA_ERROR_LAUNCH_FAILED, CUDA_ERROR_INVALID_CONTEXT};
    static const cublasStatus_t blas[] = {CUBLAS_STATUS_EXECUTION_FAILED, CUBLAS_STATUS_INTERNAL_ERROR};
    static const cudnnStatus_t dnn[] = {CUDNN_STATUS_EXECUTION_FAILED, CUDNN_STATUS_EXECUTION_FAILED_CUBLAS,
                                        CUDNN_STATUS_INTERNAL_ERROR};
    for (int k = 0; k < 3; k++) {
        bs_status expected = k == 1 ? BS_NO_DEVICE : BS_ERR;
        device = devices[k];
        for (size_t i = 0; i < sizeof blas / sizeof *blas; i++) {
            assert_int_equal(bs_cuda_check_blas(&api, blas[i], "cublasLtCall"), expected);
            assert_non_null(strstr(bs_error_message(), "cublasLtCall failed: CU"));
            assert_int_equal(!strstr(bs_error_message(), "is lost"), k != 1);
        }
        for (size_t i = 0; i < sizeof dnn / sizeof *dnn; i++) {
            asked = 0;
            assert_int_equal(bs_cuda_check_dnn(&api, dnn[i], "cudnnCall"), expected);
            assert_non_null(strstr(bs_error_message(), "cudnnCall failed: CU"));
            assert_int_equal(!strstr(bs_error_message(), "for this reason"), k == 1);
        }
    }
    device = CUDA_SUCCESS;
    asked = 0;
    assert_int_equal(bs_cuda_check_blas(&api, CUBLAS_STATUS_ALLOC_FAILED, "cublasLtCall"), BS_NO_MEMORY);
    assert_int_equal(
        bs_cuda_check_dnn(&api, CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED, "cudnnCall"),
        BS_NO_MEMORY);
    assert_int_equal(asked, 0);
}

/* Plans for a described device are made without a driver. */
static void test_no_driver(void **state)
{
    (void)state;
    bs_cuda_api alone = api;
    alone.cuCtxSynchronize = NULL;
    asked = 0;
    assert_int_equal(bs_cuda_check_dnn(&alone, CUDNN_STATUS_EXECUTION_FAILED, "cudnnCall"), BS_ERR);
}

static int held; /* contexts */
static CUresult image;

static CUresult retain(CUcontext *c, CUdevice d)
{
    (void)d;
    *c = (CUcontext)(void *)&held;
    held++;
    return CUDA_SUCCESS;
}

static CUresult release(CUdevice d)
{
    (void)d;
    held--;
    return CUDA_SUCCESS;
}

static CUresult enter(CUcontext c)
{
    (void)c;
    return CUDA_SUCCESS;
}

static CUresult load(CUmodule *m, const void *data)
{
    *m = NULL;
    return data ? image : CUDA_ERROR_INVALID_VALUE;
}

/* A card that the kernels are not built for; nothing of it is kept. */
static void test_no_kernels(void **state)
{
    (void)state;
    static const CUresult list[] = {CUDA_ERROR_NO_BINARY_FOR_GPU,      CUDA_ERROR_UNSUPPORTED_PTX_VERSION,
                                    CUDA_ERROR_INVALID_IMAGE,          CUDA_ERROR_INVALID_PTX,
                                    CUDA_ERROR_JIT_COMPILER_NOT_FOUND, CUDA_ERROR_JIT_COMPILATION_DISABLED,
                                    CUDA_ERROR_ILLEGAL_ADDRESS};
    const size_t n = sizeof list / sizeof *list;
    const bs_cuda_card *card;
    bs_cuda_api card_api = api;
    card_api.cuDevicePrimaryCtxRetain = retain;
    card_api.cuDevicePrimaryCtxRelease = release;
    card_api.cuCtxSetCurrent = enter;
    card_api.cuModuleLoadData = load;
    for (size_t i = 0; i < n; i++) {
        image = list[i];
        assert_int_equal(bs_cuda_card_get(&card, &card_api, 0), BS_NO_DEVICE);
        assert_null(card);
        assert_int_equal(!strstr(bs_error_message(), "no kernels for the device"), i == n - 1);
        assert_int_equal(held, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_driver),    cmocka_unit_test(test_unknown),    cmocka_unit_test(test_libraries),
        cmocka_unit_test(test_no_driver), cmocka_unit_test(test_no_kernels),
    };
    return run_suite(tests, NULL, NULL);
}
