/* Shared by the files support*.c, which check whether a node can run: support.c calls the check of the
 * operator's family, in support_math.c or support_shape.c; support_ask.c has what those checks share. */
#ifndef BS_BACKEND_SUPPORT_INTERNAL_H
#define BS_BACKEND_SUPPORT_INTERNAL_H

#include "model/graph.h"

typedef struct bs_support_question {
    const bs_graph *g;
    const bs_node *n;
    char *why;
    size_t len;
} bs_support_question;

static inline const bs_tensor *bs_asked_input(const bs_support_question *q, int k)
{
    return bs_node_has_input(q->n, k) ? &q->g->tensors[q->n->in[k]] : NULL;
}

static inline const bs_tensor *bs_asked_output(const bs_support_question *q)
{
    return &q->g->tensors[q->n->out];
}

/* Writes the reason to `why` and returns false. */
__attribute__((format(printf, 2, 3))) bool bs_refuse(const bs_support_question *q, const char *fmt, ...);
/* Returns true if input 0 is an activation and the `parameters` inputs after it are constants, of which the
 * last `optional` may be absent; else false with the reason. */
bool bs_support_inputs(const bs_support_question *q, int parameters, int optional);

/* The check of each family: false with the reason. The tensors are known to have elements, and not too
 * many. */
#define X(family, ...) bool bs_support_##family(const bs_support_question *q);
BS_OP_FAMILIES(X)
#undef X

#endif
