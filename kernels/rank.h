/* From output scores to an answer. NaN never wins a ranking; ties go to the lowest class index. */
#ifndef BS_KERNELS_RANK_H
#define BS_KERNELS_RANK_H

#include "bits.h"

#include <math.h>

enum { BS_TOP = 5 };
enum bs_answer_flag { BS_ANSWER_NAN = 1, BS_ANSWER_INF = 2, BS_ANSWER_TIE = 4 /* between rank 1 and 2 */ };

/* What one inference said. Ranks beyond the number of classes, or with NaN scores only left, are class -1. */
typedef struct bs_answer {
    int32_t top[BS_TOP];
    float score[BS_TOP];
    float p_golden; /* probability of the golden class (0 where the output has NaN) */
    uint32_t flags; /* bs_answer_flag over all scores */
} bs_answer;

/* Probability of class c. `is_probability`: scores are probabilities already (the network ends in softmax).
 */
BS_HD float bs_probability(const float *score, int n, int c, float max, int is_probability)
{
    if (is_probability)
        return score[c];
    double sum = 0.0;
    for (int i = 0; i < n; i++)
        sum += exp((double)score[i] - (double)max);
    return (float)(exp((double)score[c] - (double)max) / sum);
}

/* score[0..n): one inference's outputs; golden < 0: use the top class itself (a golden run). */
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
    if (golden >= 0 && !(a.flags & (BS_ANSWER_NAN | BS_ANSWER_INF)))
        a.p_golden = bs_probability(score, n, golden, a.score[0], is_probability);
    return a;
}

#endif
