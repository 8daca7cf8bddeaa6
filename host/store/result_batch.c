#include "store/result_batch.h"

#include "base/buf.h"
#include "bits.h"

#include <stdlib.h>
#include <string.h>

void bs_result_batch_clear(bs_result_batch *b)
{
    free(b->cap_golden ? b->golden : NULL);
    free(b->cap_rows ? b->rows : NULL);
    free(b->cap_sites ? b->sites : NULL);
    free(b->cap_rankings ? b->rankings : NULL);
    free(b->cap_ranks ? b->ranks : NULL);
    free(b->cap_units ? b->units : NULL);
    free(b->cap_broken ? b->broken : NULL);
    free(b->cap_audits ? b->audits : NULL);
    free(b->cap_proofs ? b->proofs : NULL);
    *b = (bs_result_batch){0};
}

void bs_result_batch_free(bs_result_batch *b)
{
    if (b)
        bs_result_batch_clear(b);
    free(b);
}

bool bs_result_batch_is_empty(const bs_result_batch *b)
{
    return b->n_golden + b->n_rows + b->n_units + b->n_broken + b->n_audits + b->n_proofs == 0 && !b->lost[0];
}

bs_status bs_result_batch_reserve(bs_result_batch *b, size_t n)
{
    return bs_grow(&b->rows, &b->cap_rows, b->n_rows + n, sizeof *b->rows, "trial rows");
}

bs_status bs_result_batch_add_site(bs_result_batch *b, const bs_trial_site *site)
{
    BS_TRY(bs_grow(&b->sites, &b->cap_sites, b->n_sites + 1, sizeof *b->sites, "fault sites"));
    b->sites[b->n_sites++] = *site;
    return BS_OK;
}

/* Adds the row of a ranking whose bytes follow those counted in n_ranks. */
static bs_status add_packed(bs_result_batch *b, bool golden, uint64_t of, size_t bytes)
{
    BS_TRY(bs_grow(&b->rankings, &b->cap_rankings, b->n_rankings + 1, sizeof *b->rankings, "rankings"));
    b->rankings[b->n_rankings++] =
        (bs_ranking_row){.of = of, .golden = golden, .at = b->n_ranks, .bytes = bytes};
    b->n_ranks += bytes;
    return BS_OK;
}

bs_status bs_result_batch_add_ranks(bs_result_batch *b, bool golden, uint64_t of, const void *ranks,
                                    size_t bytes)
{
    BS_TRY(bs_grow(&b->ranks, &b->cap_ranks, b->n_ranks + bytes, 1, "rankings"));
    if (bytes > 0)
        memcpy(b->ranks + b->n_ranks, ranks, bytes);
    return add_packed(b, golden, of, bytes);
}

static void put_word(unsigned char *to, uint32_t word)
{
    for (int i = 0; i < 4; i++)
        to[i] = (unsigned char)(word >> (24 - 8 * i));
}

bs_status bs_result_batch_add_ranking(bs_result_batch *b, bool golden, uint64_t of, const bs_ranked *ranked,
                                      size_t k)
{
    size_t at = b->n_ranks;
    BS_TRY(bs_grow(&b->ranks, &b->cap_ranks, at + 8 * k, 1, "rankings"));
    for (size_t i = 0; i < k; i++) {
        put_word(b->ranks + at + 8 * i, ranked[i].class);
        put_word(b->ranks + at + 8 * i + 4, bs_float_bits(ranked[i].score));
    }
    return add_packed(b, golden, of, 8 * k);
}

bs_status bs_result_batch_add_golden(bs_result_batch *b, const bs_golden_row *row)
{
    BS_TRY(bs_grow(&b->golden, &b->cap_golden, b->n_golden + 1, sizeof *b->golden, "golden rows"));
    b->golden[b->n_golden++] = *row;
    return BS_OK;
}

bs_status bs_result_batch_add_broken(bs_result_batch *b, const bs_broken_row *row)
{
    BS_TRY(bs_grow(&b->broken, &b->cap_broken, b->n_broken + 1, sizeof *b->broken, "broken images"));
    b->broken[b->n_broken++] = *row;
    return BS_OK;
}

bs_status bs_result_batch_add_audit(bs_result_batch *b, const bs_audit_row *row)
{
    BS_TRY(bs_grow(&b->audits, &b->cap_audits, b->n_audits + 1, sizeof *b->audits, "audits"));
    b->audits[b->n_audits++] = *row;
    return BS_OK;
}

bs_status bs_result_batch_add_proof(bs_result_batch *b, const bs_proof_row *row)
{
    BS_TRY(bs_grow(&b->proofs, &b->cap_proofs, b->n_proofs + 1, sizeof *b->proofs, "proofs"));
    b->proofs[b->n_proofs++] = *row;
    return BS_OK;
}

const char *bs_proof_outcome_name(bs_proof_outcome o)
{
    static const char *const names[BS_PROOF_OUTCOME_COUNT] = {"proven", "cache", "file", "failed"};
    return names[o];
}

bs_status bs_result_batch_add_unit(bs_result_batch *b, const bs_unit *unit)
{
    /* A unit's last record is near the end: parameter faults go around a tile's images, no further. */
    for (size_t back = 1; back <= 32 && back <= b->n_units; back++) {
        bs_unit *u = &b->units[b->n_units - back];
        if (u->entry == unit->entry && u->target == unit->target && u->image == unit->image) {
            u->done = unit->done;
            return BS_OK;
        }
    }
    BS_TRY(bs_grow(&b->units, &b->cap_units, b->n_units + 1, sizeof *b->units, "ledger"));
    b->units[b->n_units++] = *unit;
    return BS_OK;
}

static int by_id(const void *a, const void *b)
{
    uint64_t x = ((const bs_row *)a)->id, y = ((const bs_row *)b)->id;
    return (x > y) - (x < y);
}

static int by_image_or_id(const void *a, const void *b)
{
    const bs_ranking_row *x = a, *y = b;
    return x->golden != y->golden ? y->golden - x->golden : (x->of > y->of) - (x->of < y->of);
}

static int by_trial(const void *a, const void *b)
{
    const bs_trial_site *x = a, *y = b;
    if (x->trial != y->trial)
        return x->trial < y->trial ? -1 : 1;
    if (x->layer != y->layer)
        return x->layer < y->layer ? -1 : 1;
    return (x->element > y->element) - (x->element < y->element);
}

/* Sorts an array that is mostly in order already. */
static void sort(void *array, size_t n, size_t size, int (*compare)(const void *, const void *))
{
    const char *at = array;
    for (size_t i = 1; i < n; i++, at += size)
        if (compare(at, at + size) > 0) {
            qsort(array, n, size, compare);
            return;
        }
}

void bs_result_batch_sort(bs_result_batch *b)
{
    sort(b->rows, b->n_rows, sizeof *b->rows, by_id);
    sort(b->sites, b->n_sites, sizeof *b->sites, by_trial);
    sort(b->rankings, b->n_rankings, sizeof *b->rankings, by_image_or_id);
}
