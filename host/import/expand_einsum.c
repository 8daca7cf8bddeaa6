/* Einsum as Transpose, Reshape and MatMul. */
#include "import/steps.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* The axes of a tensor, a letter each. */
typedef struct labels {
    char at[BS_MAX_RANK + 1];
    int n;
} labels;

static int find(const labels *l, char c)
{
    for (int k = 0; k < l->n; k++)
        if (l->at[k] == c)
            return k;
    return -1;
}

static bs_status add(const bs_raw *r, labels *l, char c)
{
    if (find(l, c) >= 0)
        return bs_raw_fail(r, "label '%c' twice in one operand is not supported", c);
    if (l->n == BS_MAX_RANK)
        return bs_raw_fail(r, "more than %d labels in one operand", BS_MAX_RANK);
    l->at[l->n++] = c;
    return BS_OK;
}

/* Splits "ab,bc->ac". Without an arrow the output has the labels that occur once, in the order of letters. */
static bs_status parse(const bs_raw *r, const char *text, size_t len, labels *in, labels *out)
{
    int operand = 0, count[256] = {0};
    bool arrow = false;
    for (size_t k = 0; k < len; k++) {
        char c = text[k];
        if (c == ',' && !arrow && operand + 1 < r->n_in) {
            operand++;
        } else if (c == '-' && k + 1 < len && text[k + 1] == '>' && !arrow) {
            arrow = true;
            k++;
        } else if (isalpha((unsigned char)c)) {
            BS_TRY(add(r, arrow ? out : &in[operand], c));
            count[(unsigned char)c] += !arrow;
        } else if (c != ' ') {
            return bs_raw_fail(r, "equation '%.*s': '%c' is not supported", (int)len, text, c);
        }
    }
    if (operand + 1 != r->n_in)
        return bs_raw_fail(r, "equation '%.*s' is for %d operands", (int)len, text, operand + 1);
    for (int c = 0; c < 256 && !arrow; c++)
        if (count[c] == 1)
            BS_TRY(add(r, out, (char)c));
    for (int k = 0; k < out->n; k++)
        if (!count[(unsigned char)out->at[k]])
            return bs_raw_fail(r, "label '%c' of its output has no operand", out->at[k]);
    for (int k = 0; k < r->n_in; k++)
        if (r->in[k]->shape.rank != in[k].n)
            return bs_raw_fail(r, "operand %d has %d dimensions, the equation %d", k, r->in[k]->shape.rank,
                               in[k].n);
    return BS_OK;
}

/* An operand, as far as it has come. */
typedef struct operand {
    bs_value *v;
    labels l;
} operand;

/* Orders the axes as in `want`, which has the same labels. to: of the last step, else NULL. */
static bs_status permute(bs_raw *r, operand *x, const labels *want, bs_value *to)
{
    int64_t perm[BS_MAX_RANK];
    bool same = true;
    for (int k = 0; k < want->n; k++) {
        perm[k] = find(&x->l, want->at[k]);
        same &= perm[k] == k;
    }
    bs_value *y = to;
    if (same && !to)
        return BS_OK;
    BS_TRY(same ? bs_step_1(r, &y, "Identity", x->v) : bs_step_transpose(r, &y, x->v, perm));
    *x = (operand){y, *want};
    return BS_OK;
}

/* Sums over the labels that nothing else has. */
static bs_status sum_alone(bs_raw *r, operand *x, const labels *kept, const labels *other)
{
    int64_t axes[BS_MAX_RANK];
    int n = 0;
    labels rest = {0};
    bs_value *list, *y = NULL;
    for (int k = 0; k < x->l.n; k++) {
        if (find(kept, x->l.at[k]) < 0 && (!other || find(other, x->l.at[k]) < 0))
            axes[n++] = k;
        else
            rest.at[rest.n++] = x->l.at[k];
    }
    if (n == 0)
        return BS_OK;
    bs_step_attr keep = bs_attr_of_int("keepdims", 0);
    BS_TRY(bs_step_ints(r, &list, axes, n));
    BS_TRY(bs_step(r, &y, "ReduceSum", (bs_value *[]){x->v, list}, 2, &keep, 1));
    *x = (operand){y, rest};
    return BS_OK;
}

static void append(labels *to, const labels *from)
{
    memcpy(to->at + to->n, from->at, (size_t)from->n);
    to->n += from->n;
}

static int64_t size_of(const operand *x, const labels *l)
{
    int64_t n = 1;
    for (int k = 0; k < l->n; k++)
        n *= x->v->shape.dim[find(&x->l, l->at[k])];
    return n;
}

/* The labels of a product: in both operands and the result, of one alone, summed. */
typedef struct groups {
    labels both, left, right, summed;
} groups;

static groups group(const operand *a, const operand *b, const labels *kept)
{
    groups g = {0};
    for (int k = 0; k < a->l.n; k++) {
        char c = a->l.at[k];
        labels *l = find(&b->l, c) < 0 ? &g.left : find(kept, c) < 0 ? &g.summed : &g.both;
        l->at[l->n++] = c;
    }
    for (int k = 0; k < b->l.n; k++)
        if (find(&a->l, b->l.at[k]) < 0)
            g.right.at[g.right.n++] = b->l.at[k];
    return g;
}

/* Makes x a stack of matrices: axes `both`, one of `rows`, one of `columns`. Rows stay apart if `loose`. */
static bs_status as_matrices(bs_raw *r, operand *x, const labels *both, const labels *rows,
                             const labels *columns, bool loose)
{
    labels want = *both;
    append(&want, rows);
    append(&want, columns);
    BS_TRY(permute(r, x, &want, NULL));
    if ((loose || rows->n == 1) && columns->n == 1)
        return BS_OK;
    bs_shape shape = {.rank = both->n};
    bs_value *y = NULL;
    memcpy(shape.dim, x->v->shape.dim, sizeof shape.dim);
    if (loose)
        shape.rank += rows->n;
    else
        shape.dim[shape.rank++] = size_of(x, rows);
    shape.dim[shape.rank++] = size_of(x, columns);
    BS_TRY(bs_step_reshape(r, &y, x->v, &shape));
    x->v = y;
    return BS_OK;
}

static bs_status outer_product(bs_raw *r, operand *a, operand *b, operand *out)
{
    /* Operands of one rank, so that Mul aligns them. */
    labels all = a->l;
    bs_value *wide[2] = {NULL, NULL}, *product = NULL;
    for (int k = 0; k < b->l.n; k++)
        if (find(&all, b->l.at[k]) < 0)
            BS_TRY(add(r, &all, b->l.at[k]));
    operand *x[2] = {a, b};
    for (int i = 0; i < 2; i++) {
        bs_shape shape = {.rank = all.n};
        labels order = {0};
        for (int k = 0; k < all.n; k++) {
            int at = find(&x[i]->l, all.at[k]);
            shape.dim[k] = at < 0 ? 1 : x[i]->v->shape.dim[at];
            if (at >= 0)
                order.at[order.n++] = all.at[k];
        }
        BS_TRY(permute(r, x[i], &order, NULL));
        if (order.n == all.n)
            wide[i] = x[i]->v;
        else
            BS_TRY(bs_step_reshape(r, &wide[i], x[i]->v, &shape));
    }
    BS_TRY(bs_step_2(r, &product, "Mul", wide[0], wide[1]));
    *out = (operand){product, all};
    return BS_OK;
}

/* kept: labels that the output or later operands have. */
static bs_status multiply(bs_raw *r, operand a, operand b, const labels *kept, operand *out)
{
    bs_value *product = NULL, *y = NULL;
    BS_TRY(sum_alone(r, &a, kept, &b.l));
    BS_TRY(sum_alone(r, &b, kept, &a.l));
    groups g = group(&a, &b, kept);
    if (g.summed.n == 0)
        return outer_product(r, &a, &b, out);
    /* Weights that all rows share multiply them as they lie. */
    bool loose = g.both.n == 0 && g.left.n > 0;
    bs_shape shape = {0};
    labels result = g.both;
    append(&result, &g.left);
    append(&result, &g.right);
    for (int k = 0; k < result.n; k++) {
        const operand *x = find(&a.l, result.at[k]) >= 0 ? &a : &b;
        shape.dim[shape.rank++] = x->v->shape.dim[find(&x->l, result.at[k])];
    }
    bool as_it_is = (loose || g.left.n == 1) && g.right.n == 1;
    BS_TRY(as_matrices(r, &a, &g.both, &g.left, &g.summed, loose));
    BS_TRY(as_matrices(r, &b, &g.both, &g.summed, &g.right, false));
    BS_TRY(bs_step_2(r, &product, "MatMul", a.v, b.v));
    if (!as_it_is)
        BS_TRY(bs_step_reshape(r, &y, product, &shape));
    *out = (operand){as_it_is ? product : y, result};
    return BS_OK;
}

bs_status bs_expand_einsum(bs_raw *r, bool *done)
{
    enum { MOST = 8 };
    labels in[MOST] = {0}, out = {0};
    const Onnx__AttributeProto *a = bs_attr_find(r, "equation");
    (void)done;
    if (!a || r->n_in > MOST)
        return bs_raw_fail(r, a ? "%d operands" : "its equation is missing", r->n_in);
    for (int k = 0; k < r->n_in; k++)
        if (!r->in[k])
            return bs_raw_fail(r, "input %d is missing", k);
    BS_TRY(parse(r, (const char *)a->s.data, a->s.len, in, &out));
    operand x = {r->in[0], in[0]};
    for (int k = 1; k < r->n_in; k++) {
        labels kept = out;
        for (int later = k + 1; later < r->n_in; later++)
            for (int i = 0; i < in[later].n; i++)
                if (find(&kept, in[later].at[i]) < 0)
                    BS_TRY(add(r, &kept, in[later].at[i]));
        BS_TRY(multiply(r, x, (operand){r->in[k], in[k]}, &kept, &x));
    }
    BS_TRY(sum_alone(r, &x, &out, NULL));
    return permute(r, &x, &out, r->out[0]);
}
