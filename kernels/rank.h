/* Turns output scores into an answer. NaN never wins a ranking; ties go to the lowest class index. */
#ifndef BS_KERNELS_RANK_H
#define BS_KERNELS_RANK_H

#include "bits.h"

#include <math.h>

enum { BS_TOP = 5 };
enum bs_answer_flag { BS_ANSWER_NAN = 1, BS_ANSWER_INF = 2, BS_ANSWER_TIE = 4 /* between rank 1 and 2 */ };

/* The answer of one inference. Ranks beyond the number of classes, or with only NaN scores left, are class
 * -1. */
typedef struct bs_answer {
    int32_t top[BS_TOP];
    float score[BS_TOP];
    float p_golden; /* probability of the golden class (0 where the output has NaN) */
    uint32_t flags; /* bs_answer_flag over all scores */
} bs_answer;

/* Returns the number of units in 1. The sum of e^(score - max) over n classes is a sum of integers, in these
 * units, so it is the same in any order of addition. */
BS_HD double bs_exp_unit(uint32_t n)
{
    double unit = 4611686018427387904.0; /* 2^62 */
    for (; n; n /= 2)
        unit /= 2;
    return unit;
}

BS_HD uint64_t bs_exp_share(float score, float max, double unit)
{
    return (uint64_t)(exp((double)score - (double)max) * unit + 0.5);
}

/* Returns the probability of a class from its score; sum: of all shares. */
BS_HD float bs_probability(float score, float max, double unit, uint64_t sum)
{
    return (float)(exp((double)score - (double)max) * unit / (double)sum);
}

/* Returns a key that is larger for a class that ranks higher; 0: does not rank. `i`: the class. */
BS_HD uint64_t bs_rank_key(float score, uint32_t i)
{
    uint32_t b = bs_float_bits(score == 0.0f ? 0.0f : score);
    if (bs_is_nan(score))
        return 0;
    return (uint64_t)(b & BS_SIGN_MASK ? ~b : b | BS_SIGN_MASK) << 32 | (0xffffffffu - i);
}

/* Ranks score[0..n), the outputs of one inference. golden: the golden class; < 0: a golden run, whose top
 * class it is. is_probability: scores are probabilities already (the network ends in softmax). */
BS_HD bs_answer bs_rank(const float *score, int n, int golden, int is_probability)
{
    bs_answer a;
    int count = 0;
    a.flags = 0;
    for (int k = 0; k < BS_TOP; k++) {
        a.top[k] = -1;
        a.score[k] = 0.0f;
    }
    for (int i = 0; i < n; i++) {
        float s = score[i];
        if (bs_is_nan(s)) {
            a.flags |= BS_ANSWER_NAN;
            continue;
        }
        if (bs_is_inf(s))
            a.flags |= BS_ANSWER_INF;
        if (count == BS_TOP && !(s > a.score[BS_TOP - 1]))
            continue;
        int k = count < BS_TOP ? count++ : BS_TOP - 1;
        for (; k > 0 && s > a.score[k - 1]; k--) {
            a.top[k] = a.top[k - 1];
            a.score[k] = a.score[k - 1];
        }
        a.top[k] = i;
        a.score[k] = s;
    }
    if (count > 1 && a.score[0] == a.score[1])
        a.flags |= BS_ANSWER_TIE;
    if (golden < 0)
        golden = a.top[0];
    a.p_golden = 0.0f;
    if (golden < 0 || a.flags & (BS_ANSWER_NAN | BS_ANSWER_INF))
        return a;
    a.p_golden = score[golden];
    if (is_probability)
        return a;
    double unit = bs_exp_unit((uint32_t)n);
    uint64_t sum = 0;
    for (int i = 0; i < n; i++)
        sum += bs_exp_share(score[i], a.score[0], unit);
    a.p_golden = bs_probability(score[golden], a.score[0], unit, sum);
    return a;
}

#endif
