#include "store/tally.h"

#include "base/buf.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int32_t bs_outcome_class(const bs_answer *a)
{
    return a->top[0] < 0 || (a->flags & (BS_ANSWER_NAN | BS_ANSWER_INF)) ? BS_CLASS_DUE : a->top[0];
}

bs_outcome bs_outcome_of(const bs_gold *g, int32_t died_at, const bs_answer *a)
{
    bs_outcome o = {.class = g->class, .masked = died_at >= 0};
    if (o.masked)
        return o;
    o.class = bs_outcome_class(a);
    if (o.class == BS_CLASS_DUE)
        return o;
    o.sdc5 = true;
    for (int k = 0; k < BS_TOP; k++)
        if (g->top[k] == o.class)
            o.sdc5 = false;
    double moved = fabs((double)a->p_golden - (double)g->p);
    o.sdc10 = moved > 0.10;
    o.sdc20 = moved > 0.20;
    return o;
}

static size_t bucket_of(const bs_index *x, uint64_t key)
{
    return (size_t)((key * 0x9e3779b97f4a7c15u) >> 20) & (x->size - 1);
}

/* Returns the key of a cell, its first 64 bits. */
static uint64_t key_at(const void *cells, size_t size, size_t i)
{
    uint64_t key;
    memcpy(&key, (const char *)cells + i * size, sizeof key);
    return key;
}

static void index_put(bs_index *x, uint64_t key, uint32_t i)
{
    size_t at = bucket_of(x, key);
    while (x->bucket[at])
        at = (at + 1) & (x->size - 1);
    x->bucket[at] = i + 1;
}

static bs_status index_grow(bs_index *x, const void *cells, size_t size, size_t n)
{
    if (x->size >= 2 * (n + 1))
        return BS_OK;
    bs_index bigger = {.size = x->size ? 2 * x->size : 256};
    BS_TRY(bs_calloc(&bigger.bucket, bigger.size, sizeof *bigger.bucket, "summary"));
    for (size_t i = 0; i < n; i++)
        index_put(&bigger, key_at(cells, size, i), (uint32_t)i);
    free(x->bucket);
    *x = bigger;
    return BS_OK;
}

/* Finds the cell of `key`, or adds a zeroed one; sets *at to its index. cells: pointer to the array's
 * pointer. */
static bs_status find_cell(size_t *at, bs_index *x, void *cells, size_t *n, size_t *cap, size_t size,
                           uint64_t key)
{
    char **array = cells;
    BS_TRY(index_grow(x, *array, size, *n));
    for (size_t s = bucket_of(x, key); x->bucket[s]; s = (s + 1) & (x->size - 1))
        if (key_at(*array, size, x->bucket[s] - 1) == key) {
            *at = x->bucket[s] - 1;
            return BS_OK;
        }
    BS_TRY(bs_grow(cells, cap, *n + 1, size, "summary"));
    *at = (*n)++;
    memset(*array + *at * size, 0, size);
    memcpy(*array + *at * size, &key, sizeof key);
    index_put(x, key, (uint32_t)*at);
    return BS_OK;
}

static bs_status add_cell(bs_tally *t, uint32_t stratum, uint32_t image, const bs_outcome *o)
{
    if (t->n_cells == t->group || t->cells[t->group].stratum != stratum || t->cells[t->group].image != image)
        t->group = t->n_cells;
    bs_cell *c = NULL;
    for (size_t i = t->group; i < t->n_cells && !c; i++)
        if (t->cells[i].class == o->class)
            c = &t->cells[i];
    if (!c) {
        BS_TRY(bs_grow(&t->cells, &t->cap_cells, t->n_cells + 1, sizeof *t->cells, "summary"));
        c = &t->cells[t->n_cells++];
        *c = (bs_cell){.stratum = stratum, .image = image, .class = o->class};
    }
    c->n++;
    c->masked += o->masked;
    c->sdc5 += o->sdc5;
    c->sdc10 += o->sdc10;
    c->sdc20 += o->sdc20;
    return BS_OK;
}

static bs_status add_layer(bs_tally *t, uint32_t stratum, const bs_gold *g, const bs_outcome *o)
{
    size_t at;
    uint64_t key = (uint64_t)stratum << 32 | (uint32_t)(o->class + 1);
    BS_TRY(find_cell(&at, &t->layer_index, &t->layers, &t->n_layers, &t->cap_layers, sizeof *t->layers, key));
    bs_layer_cell *c = &t->layers[at];
    bool labelled = g->label != INT32_MIN, golden_correct = labelled && g->class == g->label;
    c->n++;
    c->masked += o->masked;
    c->wrong += o->class != g->class;
    c->sdc5 += o->sdc5;
    c->sdc10 += o->sdc10;
    c->sdc20 += o->sdc20;
    c->labelled += labelled;
    c->correct += labelled && o->class == g->label;
    c->golden_correct += golden_correct;
    c->golden_correct_wrong += golden_correct && o->class != BS_CLASS_DUE && o->class != g->class;
    return BS_OK;
}

static bs_status find_wrong(bs_wrong_cell **out, bs_tally *t, size_t fault, int32_t class)
{
    size_t at;
    uint64_t key = (uint64_t)fault << 32 | (uint32_t) class;
    BS_TRY(find_cell(&at, &t->wrong_index, &t->wrong, &t->n_wrong, &t->cap_wrong, sizeof *t->wrong, key));
    *out = &t->wrong[at];
    return BS_OK;
}

/* Counts a silent data corruption for its answer, and for the two golden classes that it is compared with. */
static bs_status add_wrong(bs_tally *t, size_t fault, const bs_gold *g, int32_t class)
{
    bs_wrong_cell *c;
    BS_TRY(find_wrong(&c, t, fault, class));
    c->n++;
    BS_TRY(find_wrong(&c, t, fault, g->class));
    c->golden_n++;
    if (g->top[1] < 0)
        return BS_OK;
    BS_TRY(find_wrong(&c, t, fault, g->top[1]));
    c->runner_up_n++;
    return BS_OK;
}

bs_status bs_tally_add(bs_tally *t, uint32_t stratum, uint32_t image, uint32_t repetition, bool is_parameter,
                       const bs_gold *g, const bs_outcome *o)
{
    BS_TRY(add_cell(t, stratum, image, o));
    BS_TRY(add_layer(t, stratum, g, o));
    if (!is_parameter)
        return BS_OK;
    size_t at;
    uint64_t key = (uint64_t)stratum << 32 | repetition;
    BS_TRY(find_cell(&at, &t->fault_index, &t->faults, &t->n_faults, &t->cap_faults, sizeof *t->faults, key));
    bs_fault_cell *c = &t->faults[at];
    c->n++;
    c->masked += o->masked;
    c->sdc1 += o->class != BS_CLASS_DUE && o->class != g->class;
    c->due += !o->masked && o->class == BS_CLASS_DUE;
    bool wrong = o->class != BS_CLASS_DUE && g->class != BS_CLASS_DUE && o->class != g->class;
    return wrong ? add_wrong(t, at, g, o->class) : BS_OK;
}

static void index_reset(bs_index *x)
{
    if (x->bucket)
        memset(x->bucket, 0, x->size * sizeof *x->bucket);
}

void bs_tally_reset(bs_tally *t)
{
    t->n_cells = t->n_layers = t->n_faults = t->n_wrong = t->group = 0;
    index_reset(&t->layer_index);
    index_reset(&t->fault_index);
    index_reset(&t->wrong_index);
}

void bs_tally_clear(bs_tally *t)
{
    free(t->cells);
    free(t->layers);
    free(t->faults);
    free(t->wrong);
    free(t->layer_index.bucket);
    free(t->fault_index.bucket);
    free(t->wrong_index.bucket);
    memset(t, 0, sizeof *t);
}
