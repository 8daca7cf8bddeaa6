#include "backend/groups.h"

#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

static bool same_sites(const bs_faults *f, int a, int b)
{
    uint32_t n = f->first[a + 1] - f->first[a];
    if (n != f->first[b + 1] - f->first[b])
        return false;
    return n == 0 || !memcmp(&f->sites[f->first[a]], &f->sites[f->first[b]], n * sizeof *f->sites);
}

static bool alike(int n_faulty, const bs_faulty_input *faulty, int a, int b)
{
    for (int k = 0; k < n_faulty; k++)
        if (!same_sites(&faulty[k].faults, a, b))
            return false;
    return true;
}

bs_status bs_groups_find(bs_groups *out, int n, int n_faulty, const bs_faulty_input *faulty)
{
    bs_status st;
    int *tail = NULL;
    *out = (bs_groups){0};
    BS_TRY_GOTO(bs_calloc(&out->of, (size_t)n, sizeof *out->of, "faults"), out);
    BS_TRY_GOTO(bs_calloc(&out->next, (size_t)n, sizeof *out->next, "faults"), out);
    BS_TRY_GOTO(bs_calloc(&out->head, (size_t)n, sizeof *out->head, "faults"), out);
    BS_TRY_GOTO(bs_calloc(&tail, (size_t)n, sizeof *tail, "faults"), out);
    for (int i = 0; i < n; i++) {
        int k = 0;
        out->next[i] = -1;
        /* Neighbours usually share their sites. */
        if (i > 0 && alike(n_faulty, faulty, i, i - 1))
            k = out->of[i - 1];
        else
            while (k < out->n && !alike(n_faulty, faulty, i, out->head[k]))
                k++;
        if (k == out->n)
            out->head[out->n++] = i;
        else
            out->next[tail[k]] = i;
        tail[k] = i;
        out->of[i] = k;
    }
out:
    free(tail);
    if (st != BS_OK)
        bs_groups_clear(out);
    return st;
}

void bs_groups_clear(bs_groups *g)
{
    free(g->of);
    free(g->next);
    free(g->head);
    *g = (bs_groups){0};
}

bs_status bs_groups_check_sites(const bs_tensor *t, int n, const bs_faults *f)
{
    for (uint32_t k = f->first[0]; k < f->first[n]; k++) {
        if (f->sites[k].element >= t->elements)
            return bs_fail(BS_ERR, "tensor '%s' has no element %u", t->name, f->sites[k].element);
        if (f->before)
            f->before[k] =
                bs_format_encode(bs_tensor_format(t, f->sites[k].element), t->data[f->sites[k].element]);
    }
    return BS_OK;
}
