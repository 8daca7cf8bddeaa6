/* Between supports.c and supports_shape.c: one question whether a node can run. */
#ifndef BS_CPU_SUPPORTS_H
#define BS_CPU_SUPPORTS_H

#include "cpu/cpu.h"

typedef struct bs_cpu_question {
    const bs_graph *g;
    const bs_node *n;
    char *why;
    size_t len;
} bs_cpu_question;

static inline const bs_tensor *bs_cpu_asked_input(const bs_cpu_question *q, int k)
{
    return bs_cpu_has_input(q->n, k) ? &q->g->tensors[q->n->in[k]] : NULL;
}

static inline const bs_tensor *bs_cpu_asked_output(const bs_cpu_question *q)
{
    return &q->g->tensors[q->n->out];
}

/* Writes the reason; false. */
__attribute__((format(printf, 2, 3))) bool bs_cpu_refuse(const bs_cpu_question *q, const char *fmt, ...);
/* One activation in, the given number of constant inputs after it. */
bool bs_cpu_check_inputs(const bs_cpu_question *q, int parameters, int optional);
/* Operators that move, repeat or pick elements; refuses all others. */
bool bs_cpu_check_shape_op(const bs_cpu_question *q);

#endif
