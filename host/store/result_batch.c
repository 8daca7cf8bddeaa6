#include "store/result_batch.h"

#include "base/buf.h"

#include <stdlib.h>

void bs_result_batch_clear(bs_result_batch *b)
{
    free(b->cap_golden ? b->golden : NULL);
    free(b->cap_rows ? b->rows : NULL);
    free(b->cap_sites ? b->sites : NULL);
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
    return b->n_golden + b->n_rows + b->n_units + b->n_broken + b->n_audits + b->n_proofs == 0;
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

static int by_trial(const void *a, const void *b)
{
    const bs_trial_site *x = a, *y = b;
    if (x->trial != y->trial)
        return x->trial < y->trial ? -1 : 1;
    if (x->layer != y->layer)
        return x->layer < y->layer ? -1 : 1;
    return (x->element > y->element) - (x->element < y->element);
}

void bs_result_batch_sort(bs_result_batch *b)
{
    if (b->n_sites > 0)
        qsort(b->sites, b->n_sites, sizeof *b->sites, by_trial);
    for (size_t i = 1; i < b->n_rows; i++)
        if (b->rows[i].id < b->rows[i - 1].id) {
            qsort(b->rows, b->n_rows, sizeof *b->rows, by_id);
            return;
        }
}
