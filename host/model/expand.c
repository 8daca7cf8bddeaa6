/* Operators that are made of others, and those of other domains. */
#include "model/import.h"

#include <math.h>
#include <string.h>

/* X(domain, ONNX operator, function, least and most inputs): these are always made of others, or where their
 * function says so. */
#define EXPANSIONS(X)                                                                                        \
    X("", "Mean", bs_expand_mean, 1, BS_STEP_MOST)                                                           \
    X("", "CastLike", bs_expand_cast_like, 2, 2)                                                             \
    X("", "Div", bs_expand_div, 2, 2)                                                                        \
    X("", "Mod", bs_expand_mod, 2, 2)                                                                        \
    X("", "BatchNormalization", bs_expand_batch_norm, 5, 5)

#define X(domain, name, fn, least, most) bs_status fn(bs_raw *r, bool *done);
EXPANSIONS(X)
#undef X

typedef struct expansion {
    const char *domain, *name;
    bs_expand_fn fn;
    int least, most;
} expansion;

static const expansion expansions[] = {
#define X(domain, name, fn, least, most) {domain, name, fn, least, most},
    EXPANSIONS(X)
#undef X
};

static const expansion *find(const char *domain, const char *op)
{
    for (size_t k = 0; k < sizeof expansions / sizeof *expansions; k++)
        if (strcmp(op, expansions[k].name) == 0 && strcmp(domain, expansions[k].domain) == 0)
            return &expansions[k];
    return NULL;
}

bs_expand_fn bs_expand_find(const char *domain, const char *op)
{
    const expansion *e = find(domain, op);
    return e ? e->fn : NULL;
}

bs_status bs_expand_check(const bs_raw *r)
{
    const expansion *e = find(bs_domain(r->proto->domain), r->op);
    if (!e)
        return BS_OK;
    if (r->n_in < e->least || r->n_in > e->most)
        return bs_raw_fail(r, "it has %d inputs", r->n_in);
    for (int k = 0; k < e->least; k++)
        if (!r->in[k])
            return bs_raw_fail(r, "input %d is missing", k);
    return r->n_out > 0 && r->out[0] ? BS_OK : bs_raw_fail(r, "it has no output");
}

bs_status bs_expand_refuse(const bs_raw *r, const char *domain)
{
    bs_raw_fail(r, "operator domain '%.120s' is not supported", domain);
    return bs_hint("only standard ONNX operators are supported; export without custom operators");
}
