/* Between support.c and support_shape.c: one question whether a node can run. */
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
/* One activation in, the given number of constant inputs after it. */
bool bs_check_inputs(const bs_support_question *q, int parameters, int optional);
/* Operators that move, repeat or pick elements; refuses all others. */
bool bs_check_shape_op(const bs_support_question *q);

#endif
