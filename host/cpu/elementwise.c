#include "cpu/cpu.h"
#include "cpu/loops.h"

/* Returns bound k of Clip: a parameter of the file, or the attribute. */
static float clip_bound(const bs_cpu_job *j, int k, float attr)
{
    return bs_node_has_input(j->node, k) ? *bs_cpu_input(j, k, 0) : attr;
}

bs_status bs_cpu_run_unary(const bs_cpu_job *j)
{
    const bs_attr *a = &j->node->attr;
    bs_loop_unary loop = bs_loop_unary_find(j->node->op);
    for (int i = 0; i < j->n; i++)
        loop(bs_cpu_layout_out(j)->elements, bs_cpu_output(j, i), bs_cpu_input(j, 0, i), a->alpha, a->beta);
    return BS_OK;
}

bs_status bs_cpu_run_clip(const bs_cpu_job *j)
{
    const bs_attr *a = &j->node->attr;
    for (int i = 0; i < j->n; i++)
        bs_loop_clip(bs_cpu_layout_out(j)->elements, bs_cpu_output(j, i), bs_cpu_input(j, 0, i),
                     clip_bound(j, 1, a->low), clip_bound(j, 2, a->high));
    return BS_OK;
}

/* Returns the stride of `in` along axis `a` of `out`: shapes are aligned at their last axes, and a dimension
 * of 1 repeats. */
static int64_t broadcast_stride(const bs_cpu_layout *in, const bs_cpu_layout *out, int a)
{
    int k = a - (out->rank - in->rank);
    return k < 0 || in->dim[k] == 1 ? 0 : in->stride[k];
}

bs_cpu_nd_space bs_cpu_broadcast(const bs_cpu_layout *out, const bs_cpu_layout *a, const bs_cpu_layout *b)
{
    bs_cpu_nd_space n = {0};
    for (int k = 0; k < out->rank; k++) {
        int axis = out->order[k];
        bs_cpu_nd_space_add(&n, out->dim[axis], out->stride[axis], broadcast_stride(a, out, axis),
                            broadcast_stride(b, out, axis));
    }
    bs_cpu_nd_space_finish(&n);
    return n;
}

static void apply_binary(bs_loop_binary loop, const bs_cpu_nd_space *space, float *y, const float *a,
                         const float *b)
{
    bs_cpu_nd_iterator w = {0};
    int last = space->rank - 1;
    do
        loop(space->dim[last], y + w.at[0], a + w.at[1], space->stride[1][last], b + w.at[2],
             space->stride[2][last]);
    while (bs_cpu_nd_iterator_next(&w, space));
}

/* Combines the inputs from left to right: ((a + b) + c) + d. */
bs_status bs_cpu_run_broadcast(const bs_cpu_job *j)
{
    const bs_cpu_layout *out = bs_cpu_layout_out(j), *first = bs_cpu_layout_in(j, 0);
    bs_loop_binary loop = bs_loop_binary_find(j->node->op);
    bs_cpu_nd_space alone = bs_cpu_broadcast(out, first, out);
    for (int i = 0; i < j->n && j->node->n_in == 1; i++)
        bs_cpu_nd_space_copy(&alone, bs_cpu_output(j, i), bs_cpu_input(j, 0, i));
    for (int k = 1; k < j->node->n_in; k++) {
        bs_cpu_nd_space space = bs_cpu_broadcast(out, k == 1 ? first : out, bs_cpu_layout_in(j, k));
        for (int i = 0; i < j->n; i++) {
            float *y = bs_cpu_output(j, i);
            apply_binary(loop, &space, y, k == 1 ? bs_cpu_input(j, 0, i) : y, bs_cpu_input(j, k, i));
        }
    }
    return BS_OK;
}

/* Copies the second value everywhere, then the first where the condition holds. */
bs_status bs_cpu_run_where(const bs_cpu_job *j)
{
    const bs_cpu_layout *out = bs_cpu_layout_out(j);
    bs_cpu_nd_space copy = bs_cpu_broadcast(out, bs_cpu_layout_in(j, 2), out);
    bs_cpu_nd_space space = bs_cpu_broadcast(out, bs_cpu_layout_in(j, 0), bs_cpu_layout_in(j, 1));
    int last = space.rank - 1;
    const int64_t step[] = {space.stride[0][last], space.stride[1][last], space.stride[2][last]};
    for (int i = 0; i < j->n; i++) {
        float *y = bs_cpu_output(j, i);
        const float *condition = bs_cpu_input(j, 0, i), *value = bs_cpu_input(j, 1, i);
        bs_cpu_nd_iterator w = {0};
        bs_cpu_nd_space_copy(&copy, y, bs_cpu_input(j, 2, i));
        do
            for (int64_t e = 0; e < space.dim[last]; e++)
                if (condition[w.at[1] + e * step[1]] != 0.0f)
                    y[w.at[0] + e * step[0]] = value[w.at[2] + e * step[2]];
        while (bs_cpu_nd_iterator_next(&w, &space));
    }
    return BS_OK;
}
