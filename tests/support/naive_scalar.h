/* Element-wise operators in double, for naive_ops.h. */
#ifndef BS_TESTS_NAIVE_SCALAR_H
#define BS_TESTS_NAIVE_SCALAR_H

#include "model/graph.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Switches over the operators of one family name all of them: a row of op_list.h without a reference does not
 * compile. Each switch is over an enum of the family for that. */
#pragma GCC diagnostic error "-Wswitch"
#define X(suffix, ...) NAIVE_##suffix = BS_OP_##suffix,
typedef enum naive_unary_op { BS_UNARY_OPS(X) } naive_unary_op;
typedef enum naive_binary_op { BS_BINARY_OPS(X) BS_VARIADIC_OPS(X) } naive_binary_op;
typedef enum naive_reduce_op { BS_REDUCE_OPS(X) } naive_reduce_op;
#undef X

/* Ends the test: it must not take an operator for another one. */
static _Noreturn void naive_missing(bs_op op)
{
    fprintf(stderr, "naive_scalar.h: no case for %s\n", bs_op_name(op));
    abort();
}

static double naive_max(double a, double b)
{
    return isnan(a) || isnan(b) ? (double)NAN : a > b ? a : b;
}

static double naive_min(double a, double b)
{
    return -naive_max(-a, -b);
}

/* a, b: the attributes. */
static double naive_unary(bs_op op, double v, double a, double b)
{
    double soft = log1p(exp(v)), inner = 0.79788456080286536 * (v + 0.044715 * v * v * v);
    double hard = naive_min(naive_max(op == BS_OP_HARD_SIGMOID ? a * v + b : v / 6 + 0.5, 0), 1);
    switch ((naive_unary_op)op) {
    case NAIVE_RELU:
        return naive_max(v, 0.0);
    case NAIVE_LEAKY_RELU:
        return v < 0.0 ? v * a : v;
    case NAIVE_ELU:
        return v < 0.0 ? a * (exp(v) - 1) : v;
    case NAIVE_CELU:
        return v < 0.0 ? a * (exp(v / a) - 1) : v;
    case NAIVE_SELU:
        return b * (v < 0.0 ? a * (exp(v) - 1) : v);
    case NAIVE_SIGMOID:
        return 1.0 / (1.0 + exp(-v));
    case NAIVE_HARD_SIGMOID:
        return hard;
    case NAIVE_HARD_SWISH:
        return v * hard;
    case NAIVE_TANH:
        return tanh(v);
    case NAIVE_ERF:
        return erf(v);
    case NAIVE_GELU:
        return 0.5 * v * (1 + (a != 0 ? tanh(inner) : erf(v / sqrt(2))));
    case NAIVE_SOFTPLUS:
        return soft;
    case NAIVE_SOFTSIGN:
        return v / (1 + fabs(v));
    case NAIVE_MISH:
        return v * tanh(soft);
    case NAIVE_EXP:
        return exp(v);
    case NAIVE_LOG:
        return log(v);
    case NAIVE_SQRT:
        return sqrt(v);
    case NAIVE_RECIPROCAL:
        return 1 / v;
    case NAIVE_NEG:
        return -v;
    case NAIVE_ABS:
        return fabs(v);
    case NAIVE_FLOOR:
        return floor(v);
    case NAIVE_SIN:
        return sin(v);
    case NAIVE_COS:
        return cos(v);
    case NAIVE_CEIL:
        return ceil(v);
    case NAIVE_ROUND: /* halves to the even neighbour */
        return fabs(v - floor(v) - 0.5) > 0 ? floor(v + 0.5) : 2 * floor(v / 2 + 0.5);
    case NAIVE_SIGN:
        return isnan(v) ? v : (v > 0) - (v < 0);
    case NAIVE_CAST:
        return a != 0 ? !(v == 0) : isfinite(v) ? v - fmod(v, 1) : v;
    case NAIVE_TAN:
        return tan(v);
    case NAIVE_ASIN:
        return asin(v);
    case NAIVE_ACOS:
        return acos(v);
    case NAIVE_ATAN:
        return atan(v);
    case NAIVE_SINH:
        return sinh(v);
    case NAIVE_COSH:
        return cosh(v);
    case NAIVE_ASINH:
        return asinh(v);
    case NAIVE_ACOSH:
        return acosh(v);
    case NAIVE_ATANH:
        return atanh(v);
    case NAIVE_SWISH:
        return v / (1 + exp(-a * v));
    case NAIVE_THRESHOLDED_RELU:
        return isnan(v) || v > a ? v : 0;
    case NAIVE_SHRINK:
        return fabs(v) <= a ? 0 : v < 0 ? v + b : v - b;
    case NAIVE_NOT:
        return v == 0;
    case NAIVE_IS_NAN:
        return isnan(v) != 0;
    case NAIVE_IS_INF:
        return isinf(v) && (v < 0 ? a : b) != 0;
    }
    naive_missing(op);
}

static double naive_binary(bs_op op, double a, double b)
{
    switch ((naive_binary_op)op) {
    case NAIVE_ADD:
    case NAIVE_SUM:
        return a + b;
    case NAIVE_SUB:
        return a - b;
    case NAIVE_MUL:
        return a * b;
    case NAIVE_DIV:
        return a / b;
    case NAIVE_POW:
        return pow(a, b);
    case NAIVE_MOD:
        return fmod(a, b);
    case NAIVE_PRELU:
        return a < 0 ? a * b : a;
    case NAIVE_EQUAL:
        return a == b;
    case NAIVE_GREATER:
        return a > b;
    case NAIVE_LESS:
        return a < b;
    case NAIVE_GREATER_OR_EQUAL:
        return a > b || a == b;
    case NAIVE_LESS_OR_EQUAL:
        return a < b || a == b;
    case NAIVE_AND:
        return !(a == 0 || b == 0);
    case NAIVE_OR:
        return !(a == 0 && b == 0);
    case NAIVE_XOR:
        return (a == 0) + (b == 0) == 1;
    case NAIVE_MIN:
        return naive_min(a, b);
    case NAIVE_MAX:
        return naive_max(a, b);
    }
    naive_missing(op);
}

#endif
