/* Element-wise operators in double, for naive_ops.h. */
#ifndef BS_TESTS_NAIVE_SCALAR_H
#define BS_TESTS_NAIVE_SCALAR_H

#include "model/graph.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Ends the test: it must not take an operator for another one. */
static inline _Noreturn void naive_missing(bs_op op)
{
    fprintf(stderr, "naive_scalar.h: no case for %s\n", bs_op_name(op));
    abort();
}

static inline double naive_max(double a, double b)
{
    return isnan(a) || isnan(b) ? (double)NAN : a > b ? a : b;
}

static inline double naive_min(double a, double b)
{
    return -naive_max(-a, -b);
}

/* a, b: the attributes. */
static inline double naive_unary(bs_op op, double v, double a, double b)
{
    double soft = log1p(exp(v)), inner = 0.79788456080286536 * (v + 0.044715 * v * v * v);
    double hard = naive_min(naive_max(op == BS_OP_HARD_SIGMOID ? a * v + b : v / 6 + 0.5, 0), 1);
    switch (op) {
    case BS_OP_RELU:
        return naive_max(v, 0.0);
    case BS_OP_LEAKY_RELU:
        return v < 0.0 ? v * a : v;
    case BS_OP_ELU:
        return v < 0.0 ? a * (exp(v) - 1) : v;
    case BS_OP_CELU:
        return v < 0.0 ? a * (exp(v / a) - 1) : v;
    case BS_OP_SELU:
        return b * (v < 0.0 ? a * (exp(v) - 1) : v);
    case BS_OP_SIGMOID:
        return 1.0 / (1.0 + exp(-v));
    case BS_OP_HARD_SIGMOID:
        return hard;
    case BS_OP_HARD_SWISH:
        return v * hard;
    case BS_OP_TANH:
        return tanh(v);
    case BS_OP_ERF:
        return erf(v);
    case BS_OP_GELU:
        return 0.5 * v * (1 + (a != 0 ? tanh(inner) : erf(v / sqrt(2))));
    case BS_OP_SOFTPLUS:
        return soft;
    case BS_OP_SOFTSIGN:
        return v / (1 + fabs(v));
    case BS_OP_MISH:
        return v * tanh(soft);
    case BS_OP_EXP:
        return exp(v);
    case BS_OP_LOG:
        return log(v);
    case BS_OP_SQRT:
        return sqrt(v);
    case BS_OP_RECIPROCAL:
        return 1 / v;
    case BS_OP_NEG:
        return -v;
    case BS_OP_ABS:
        return fabs(v);
    case BS_OP_FLOOR:
        return floor(v);
    case BS_OP_SIN:
        return sin(v);
    case BS_OP_COS:
        return cos(v);
    case BS_OP_CEIL:
        return ceil(v);
    default:
        naive_missing(op);
    }
}

static inline double naive_binary(bs_op op, double a, double b)
{
    switch (op) {
    case BS_OP_ADD:
    case BS_OP_SUM:
        return a + b;
    case BS_OP_SUB:
        return a - b;
    case BS_OP_MUL:
        return a * b;
    case BS_OP_DIV:
        return a / b;
    case BS_OP_POW:
        return pow(a, b);
    case BS_OP_PRELU:
        return a < 0 ? a * b : a;
    case BS_OP_EQUAL:
        return a == b;
    case BS_OP_GREATER:
        return a > b;
    case BS_OP_LESS:
        return a < b;
    case BS_OP_MIN:
        return naive_min(a, b);
    case BS_OP_MAX:
        return naive_max(a, b);
    default:
        naive_missing(op);
    }
}

#endif
