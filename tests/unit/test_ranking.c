/* Proves that raw rankings have the order of NumPy and PyTorch, NaN first, so that their argmax can be
 * recomputed. */
#include "support/testing.h"

#include "base/buf.h"
#include "bits.h"
#include "campaign/ranking.h"
#include "job/job.h"

#include <math.h>
#include <string.h>

enum { CLASSES = 50 };

/* As numpy.argmax() and torch.argmax() define it: the first NaN, else the first of the largest. */
static int argmax(const float *score, int n)
{
    int best = 0;
    for (int i = 0; i < n; i++)
        if (bs_is_nan(score[i]))
            return i;
    for (int i = 1; i < n; i++)
        if (score[i] > score[best])
            best = i;
    return best;
}

/* Checks a ranking against argmax: the first class is it, the second is argmax without the first, ... */
static void check(const float *score, int n, int k)
{
    float left[CLASSES];
    bs_ranker ranker = {0};
    int class[CLASSES];
    for (int i = 0; i < n; i++) {
        left[i] = score[i];
        class[i] = i;
    }
    assert_ok(bs_rank_raw(&ranker, score, n, k));
    for (int rank = 0; rank < k; rank++) {
        int best = argmax(left, n - rank);
        assert_int_equal(ranker.ranked[rank].class, class[best]);
        assert_int_equal(bs_float_bits(ranker.ranked[rank].score), bs_float_bits(score[class[best]]));
        memmove(left + best, left + best + 1, (size_t)(n - rank - best - 1) * sizeof *left);
        memmove(class + best, class + best + 1, (size_t)(n - rank - best - 1) * sizeof *class);
    }
    bs_ranker_clear(&ranker);
}

static void test_cases(void **state)
{
    (void)state;
    static const float rows[][5] = {
        {1, 3, -2, 3, 0},                         /* a tie */
        {1, NAN, 9, INFINITY, 0},                 /* one NaN wins over infinity */
        {NAN, NAN, NAN, NAN, NAN},                /* all NaN: class 0 */
        {-1, INFINITY, INFINITY, NAN, -INFINITY}, /* infinities tie */
        {INFINITY, INFINITY, INFINITY, INFINITY, 3e38f} /**/,
        {-INFINITY, -INFINITY, -INFINITY, -3e38f, NAN}, /* -infinity is a number, and last */
        {-0.0f, 0, -0.0f, 1e-45f, -1e-45f},             /* zeros tie, whatever their sign */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int k = 1; k <= 5; k++)
            check(rows[i], 5, k);
}

/* NaNs keep their bits, and any NaN is one, on their way into the result file, too. */
static void test_nan_bits(void **state)
{
    (void)state;
    float score[3] = {5, bs_bits_float(0xffc12345u), bs_bits_float(0x7f800001u)};
    static const uint8_t wanted[] = {0,    0,    0, 1, 0xff, 0xc1, 0x23, 0x45, 0,    0,    0, 2,
                                     0x7f, 0x80, 0, 1, 0,    0,    0,    0,    0x40, 0xa0, 0, 0};
    bs_ranker ranker = {0};
    bs_result_batch batch = {0};
    assert_ok(bs_rank_raw(&ranker, score, 3, 3));
    assert_ok(bs_result_batch_add_ranking(&batch, false, 7, ranker.ranked, 3));
    assert_int_equal(batch.n_ranks, sizeof wanted);
    assert_memory_equal(batch.ranks, wanted, sizeof wanted);
    bs_result_batch_clear(&batch);
    bs_ranker_clear(&ranker);
}

/* Few classes and many are ranked in two ways. */
static void test_random(void **state)
{
    (void)state;
    static const float special[] = {NAN, INFINITY, -INFINITY, 0.0f, -0.0f, 1, -1, 2};
    uint32_t random = 1;
    for (int round = 0; round < 200; round++) {
        float score[CLASSES];
        for (int i = 0; i < CLASSES; i++) {
            random = random * 1664525u + 1013904223u;
            score[i] = round & 1 ? special[random >> 29] : (float)(int32_t)random;
        }
        check(score, CLASSES, 1 + round % CLASSES);
    }
}

static bs_status read_job(bs_job **job, const char *line)
{
    bs_str text = {0};
    bs_str_printf(&text, "model: m.onnx\nimages: {folder: pics}\nfaults: [{id: 1, targets: all}]\n%s\n",
                  line);
    bs_status st = bs_job_parse(job, "job.yaml", text.ptr, text.len);
    bs_str_clear(&text);
    return st;
}

static void test_key(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        uint32_t top_k;
    } good[] = {{"", 0}, {"top_k: 1", 1}, {"top_k: 10", 10}, {"top_k: all", UINT32_MAX}};
    bs_job *job;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_ok(read_job(&job, good[i].line));
        assert_int_equal(job->top_k, good[i].top_k);
        bs_job_free(job);
    }
    assert_error(read_job(&job, "top_k: 0"), "job.yaml:4: 'top_k'");
    assert_error(read_job(&job, "top_k: -1"), "'top_k'");
    assert_error(read_job(&job, "top_k: most"), "'top_k' must be a whole number, not 'most'");
    assert_non_null(strstr(bs_error_hint(), "top_k: all"));
    assert_error(read_job(&job, "top_k: [1, 2]"), "'top_k' must be a whole number, or all");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_nan_bits),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_key),
    };
    return run_suite(tests, NULL, NULL);
}
