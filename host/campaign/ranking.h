/* Raw rankings: classes by their scores as NumPy and PyTorch rank them, for whoever wants to recompute what a
 * tool says that lets NaN win. Answers (rank.h) never let it. */
#ifndef BS_CAMPAIGN_RANKING_H
#define BS_CAMPAIGN_RANKING_H

#include "store/result_batch.h"

/* Works out rankings. Zero-initialise; bs_ranker_clear() frees. */
typedef struct bs_ranker {
    bs_ranked *ranked; /* the last ranking */
    size_t cap_ranked;
    uint64_t *key;
    size_t cap_keys;
} bs_ranker;

/* Sets r->ranked[0..k) to the first k classes (1 to n) of score[0..n), the outputs of one inference: NaN
 * before all numbers, then by score; ties, of NaNs too, go to the lower class. */
bs_status bs_rank_raw(bs_ranker *r, const float *score, int n, int k);
void bs_ranker_clear(bs_ranker *r);

#endif
