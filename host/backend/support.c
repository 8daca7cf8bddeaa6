#include "backend/support.h"

#include "backend/support_internal.h"

static bool (*const supported[])(const bs_support_question *) = {
#define X(suffix, name, family, ...) bs_support_##family,
    BS_OPS(X)
#undef X
};

static bool sane_tensor(const bs_tensor *t)
{
    int64_t n = 1;
    if (t->shape.rank < 0 || t->shape.rank > BS_MAX_RANK)
        return false;
    for (int a = 0; a < t->shape.rank; a++) {
        if (t->shape.dim[a] < 1 || t->shape.dim[a] > INT32_MAX / n)
            return false;
        n *= t->shape.dim[a];
    }
    return n == t->elements && (!t->constant || t->data);
}

bool bs_support_node(const bs_graph *g, int node, char *why, size_t len)
{
    bs_support_question q = {g, &g->nodes[node], why, len};
    if (!sane_tensor(bs_asked_output(&q)))
        return bs_refuse(&q, "the output has no elements, or too many");
    for (int k = 0; k < q.n->n_in; k++)
        if (bs_asked_input(&q, k) && !sane_tensor(bs_asked_input(&q, k)))
            return bs_refuse(&q, "input %d has no elements, or too many", k);
    return supported[q.n->op](&q);
}
