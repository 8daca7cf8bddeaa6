/* Raw rankings: classes by their scores as NumPy and PyTorch rank them, for whoever wants to recompute what a
 * tool says that lets NaN win. Answers (rank.h) never let it. */
#ifndef BS_CAMPAIGN_RANKING_H
#define BS_CAMPAIGN_RANKING_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

/* Bytes of a class and its score in a packed ranking: the class, then the bits of its score, each as a
 * big-endian uint32. */
enum { BS_RANKED_BYTES = 8 };

/* Works out rankings. Zero-initialise; bs_ranker_clear() frees. */
typedef struct bs_ranker {
    uint64_t *key;
    size_t cap;
} bs_ranker;

/* Writes the first k classes (1 to n) of score[0..n), the outputs of one inference, packed: NaN before all
 * numbers, then by score; ties, of NaNs too, go to the lower class. `out` has k * BS_RANKED_BYTES bytes. */
bs_status bs_rank_raw(bs_ranker *r, uint8_t *out, const float *score, int n, int k);
void bs_ranker_clear(bs_ranker *r);

#endif
