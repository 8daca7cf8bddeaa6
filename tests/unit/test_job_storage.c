/* Proves the key `storage` of a job: one type or several, defaults, refusals. */
#include "support/testing.h"

#include "job/job.h"

#define JOB "model: m.onnx\nfaults: [{id: 1, targets: all}]\nimages: {folder: val}\n" /* 3 lines */

static bs_storage storage_of(const char *text)
{
    bs_job *job;
    assert_ok(bs_job_parse(&job, "/jobs/a.yaml", text, strlen(text)));
    bs_storage s = job->storage;
    bs_job_free(job);
    return s;
}

static void check(const char *text, bs_dtype activations, bs_dtype weights, bs_dtype others, int images)
{
    bs_storage s = storage_of(text);
    assert_int_equal(s.activations, activations);
    assert_int_equal(s.weights, weights);
    assert_int_equal(s.others, others);
    assert_int_equal(s.images, images);
}

static void test_types(void **state)
{
    (void)state;
    const bs_dtype fp32 = BS_DTYPE_FP32, fp16 = BS_DTYPE_FP16, bf16 = BS_DTYPE_BF16, int8 = BS_DTYPE_INT8;
    check(JOB, fp32, fp32, fp32, 32);
    check(JOB "storage: bf16\n", bf16, bf16, bf16, 32);
    check(JOB "storage: int8\n", int8, int8, fp32, 32);
    check(JOB "storage: {activations: int8, images: 7}\n", int8, fp32, fp32, 7);
    check(JOB "storage: {weights: fp16}\n", fp32, fp16, fp16, 32);
    check(JOB "storage: {weights: fp16, others: fp32}\n", fp32, fp16, fp32, 32);
    check(JOB "storage: {weights: int8, others: int8}\n", fp32, int8, int8, 32);
}

static void refuse(const char *value, const char *message, const char *hint)
{
    char text[256];
    bs_job *job;
    snprintf(text, sizeof text, JOB "storage: %s\n", value);
    assert_int_equal(bs_job_parse(&job, "/jobs/a.yaml", text, strlen(text)), BS_USAGE);
    assert_non_null(strstr(bs_error_message(), "a.yaml:4: "));
    if (!strstr(bs_error_message(), message) || !strstr(bs_error_hint(), hint))
        fail_msg("'%s', hint '%s'", bs_error_message(), bs_error_hint());
}

static void test_refusals(void **state)
{
    (void)state;
    refuse("int9", "unknown type 'int9'", "did you mean 'int8'?");
    refuse("fp8", "unknown type 'fp8'", "write 'fp8_e4m3'");
    refuse("{activations: fp8}", "unknown type 'fp8'", "write 'fp8_e4m3'");
    refuse("{activation: int8}", "unknown key 'activation'", "did you mean 'activations'?");
    refuse("{weights: int8, images: 3}", "activations of type fp32 have no scales", "leave it out");
    refuse("{activations: int8, images: 0}", "'images' is out of range", "1 to");
    refuse("[int8]", "must be a mapping", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_refusals),
    };
    return run_suite(tests, NULL, NULL);
}
