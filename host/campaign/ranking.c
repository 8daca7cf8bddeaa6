#include "campaign/ranking.h"

#include "base/buf.h"
#include "rank.h"

#include <stdlib.h>

/* Up to here the best classes are kept in order while going through all; beyond, all are sorted. */
enum { FEW = 32 };

/* Returns a key that is larger for a class that ranks higher. */
static uint64_t raw_key(float score, uint32_t class)
{
    return bs_is_nan(score) ? UINT64_MAX - class : bs_rank_key(score, class);
}

static int descending(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x < y) - (x > y);
}

static void keep_best(uint64_t *best, int k, const float *score, int n)
{
    int count = 0;
    for (int i = 0; i < n; i++) {
        uint64_t key = raw_key(score[i], (uint32_t)i);
        if (count == k && key < best[k - 1])
            continue;
        int at = count < k ? count++ : k - 1;
        for (; at > 0 && key > best[at - 1]; at--)
            best[at] = best[at - 1];
        best[at] = key;
    }
}

bs_status bs_rank_raw(bs_ranker *r, const float *score, int n, int k)
{
    BS_TRY(bs_grow(&r->key, &r->cap_keys, (size_t)n, sizeof *r->key, "ranking"));
    BS_TRY(bs_grow(&r->ranked, &r->cap_ranked, (size_t)k, sizeof *r->ranked, "ranking"));
    if (k <= FEW) {
        keep_best(r->key, k, score, n);
    } else {
        for (int i = 0; i < n; i++)
            r->key[i] = raw_key(score[i], (uint32_t)i);
        qsort(r->key, (size_t)n, sizeof *r->key, descending);
    }
    for (int i = 0; i < k; i++) {
        uint32_t class = UINT32_MAX - (uint32_t)r->key[i];
        r->ranked[i] = (bs_ranked){class, score[class]};
    }
    return BS_OK;
}

void bs_ranker_clear(bs_ranker *r)
{
    free(r->ranked);
    free(r->key);
    *r = (bs_ranker){0};
}
