/* Between the files of support*.c: one question whether a node can run. support.c asks, support_math.c and
 * support_shape.c answer by the operator's family, support_ask.c is what the answers share. */
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

/* Writes the reason; false. */
__attribute__((format(printf, 2, 3))) bool bs_refuse(const bs_support_question *q, const char *fmt, ...);
/* One activation in, the given number of constant inputs after it, of which the last may be absent. */
bool bs_support_inputs(const bs_support_question *q, int parameters, int optional);

/* Each family's answer: false with the reason. The tensors have elements, and not too many. */
#define X(family, ...) bool bs_support_##family(const bs_support_question *q);
BS_OP_FAMILIES(X)
#undef X

#endif
