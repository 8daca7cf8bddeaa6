/* Kernels on the device that computes nothing: what they would move, and made-up answers of those whose
 * results the host reads. */
#include "sim_count.h"

#include "kernels.h"

#include <string.h>

/* --- bytes --- */

static double cells(const int32_t size[2])
{
    return (double)size[0] * size[1];
}

static double read(const bs_operand *o, double elements)
{
    return elements * (double)bs_row_size(o->type, 1);
}

static double written(const bs_out *o, double elements)
{
    return elements * (double)bs_row_size(o->format.type, 1);
}

static double each(const bs_operand *in, const bs_out *out, double elements)
{
    return read(in, elements) + written(out, elements);
}

static double region(const bs_region_args *a)
{
    double elements = (double)a->n * a->elements, bytes = written(&a->out, elements);
    for (int k = 0; k < BS_REGION_INPUTS; k++)
        bytes += a->in[k].base ? read(&a->in[k], elements) : 0;
    return bytes;
}

static double product(const bs_gemm_args *a)
{
    const bs_operand x = {.type = a->x.type};
    return read(&x, 1.0 * a->depth * a->rows) + 4.0 * a->depth * a->width +
           written(&a->out, 1.0 * a->rows * a->width);
}

static double planes(const bs_operand *in, const bs_out *out, double n, const double size[2])
{
    return read(in, n * size[0]) + written(out, n * size[1]);
}

#define SIZES ((double[]){1.0 * a->in_h * a->in_w, 1.0 * a->out_h * a->out_w})

/* X(kernel, bytes read and written) */
#define KERNEL_BYTES(X)                                                                                      \
    X(unary, each(&a->in, &a->out, 1.0 * a->n * a->elements))                                                \
    X(clip, each(&a->in, &a->out, 1.0 * a->n * a->elements))                                                 \
    X(binary,                                                                                                \
      read(&a->a_in, 1.0 * a->n * a->space.items) + each(&a->b_in, &a->out, 1.0 * a->n * a->space.items))    \
    X(region, region(a))                                                                                     \
    X(where, read(&a->condition, 1.0 * a->n * a->space.items) + read(&a->yes, 1.0 * a->n * a->space.items) + \
                 each(&a->no, &a->out, 1.0 * a->n * a->space.items))                                         \
    X(batch_norm, each(&a->in, &a->out, 1.0 * a->n * a->elements))                                           \
    X(layer_norm, each(&a->in, &a->out, 1.0 * a->n * a->lines * a->length))                                  \
    X(instance_norm, each(&a->in, &a->out, 1.0 * a->n * a->channels * a->plane))                             \
    X(softmax, each(&a->in, &a->out, 1.0 * a->n * a->lines * a->length))                                     \
    X(lrn, each(&a->in, &a->out, 1.0 * a->n * a->channels * a->plane))                                       \
    X(pool, planes(&a->in, &a->out, 1.0 * a->n * a->channels, SIZES))                                        \
    X(reduce,                                                                                                \
      read(&a->in, 1.0 * a->n * a->at.items * a->over.items) + written(&a->out, 1.0 * a->n * a->at.items))   \
    X(fill, written(&a->out, 1.0 * a->n * a->elements))                                                      \
    X(move, each(&a->in, &a->out, 1.0 * a->n * a->space.items))                                              \
    X(pad, each(&a->in, &a->out, 1.0 * a->n * a->elements))                                                  \
    X(pick, each(&a->in, &a->out, 1.0 * a->n * a->elements))                                                 \
    X(resize, planes(&a->in, &a->out, 1.0 * a->n * a->channels, SIZES))                                      \
    X(matmul, read(&a->a_in, 1.0 * a->n * a->batch.items * a->depth * a->rows) +                             \
                  read(&a->b_in, 1.0 * a->n * a->batch.items * a->depth * a->columns) +                      \
                  written(&a->out, 1.0 * a->n * a->batch.items * a->rows * a->columns))                      \
    X(gemm, product(a))                                                                                      \
    X(gemm_small, product(a))                                                                                \
    X(direct, read(&a->in, 1.0 * a->n * (double)a->in.elements) +                                            \
                  written(&a->out, 1.0 * a->n * a->filters * a->g.out_h * a->g.out_w))                       \
    X(im2col,                                                                                                \
      (4.0 + (double)bs_row_size(a->in.type, 1)) * a->n * a->pixels * a->g.channels * cells(a->g.kernel))    \
    X(col2im, 4.0 * a->n * a->pixels * a->filters + written(&a->out, 1.0 * a->n * a->pixels * a->filters))   \
    X(add_bias,                                                                                              \
      (double)bs_row_size(a->in.type, 1) * a->n * a->elements + written(&a->out, 1.0 * a->n * a->elements))  \
    X(copy_rows, each(&a->in, &a->out, 1.0 * a->n * a->elements))                                            \
    X(move_rows, written(&a->rows, 2.0 * a->n * a->elements))                                                \
    X(inject, written(&a->rows, 2.0 * a->n_sites))                                                           \
    X(compare, 2 * read(&a->golden, 1.0 * a->n * a->elements))                                               \
    X(overlay, 2 * read(&a->golden, 1.0 * a->n * a->channels * cells(a->want.size)))                         \
    X(compare_patch, 2 * read(&a->golden, 1.0 * a->n * a->channels * cells(a->at.size)))                     \
    X(bounds, 2 * read(&a->golden, 1.0 * a->n * a->channels * a->height * a->width))                         \
    X(filters, written(&a->out, 2.0 * a->filters * a->length))                                               \
    X(scatter, written(&a->out, 2.0 * a->n * a->pixels))                                                     \
    X(rank, read(&a->rows, 1.0 * a->n * a->classes))

#define X(name, bytes)                                                                                       \
    static double bytes_of_##name(const void *args)                                                          \
    {                                                                                                        \
        const bs_##name##_args *a = args;                                                                    \
        return bytes;                                                                                        \
    }
KERNEL_BYTES(X)
#undef X

static const struct {
    const char *name;
    double (*bytes)(const void *args);
} kernels[] = {
#define X(name) {#name, bytes_of_##name},
    BS_KERNELS(X)
#undef X
};

double bs_sim_kernel_bytes(const char *kernel, const void *args)
{
    for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++)
        if (!strcmp(kernels[i].name, kernel))
            return kernels[i].bytes(args);
    return 0;
}

double bs_sim_products_taken(const char *kernel, const void *args)
{
    if (!strcmp(kernel, "add_bias")) {
        const bs_add_bias_args *a = args;
        return (double)a->n * a->elements;
    }
    if (!strcmp(kernel, "col2im")) {
        const bs_col2im_args *a = args;
        return (double)a->n * a->pixels * a->filters;
    }
    return 0;
}

bool bs_sim_ends_in_relu(const char *kernel, const void *args)
{
    if (!strcmp(kernel, "unary")) {
        const bs_unary_args *a = args;
        return a->op == BS_OP_RELU;
    }
    if (!strcmp(kernel, "region")) {
        const bs_region_args *a = args;
        return a->step[a->steps - 1].op == BS_OP_RELU;
    }
    return false;
}

/* --- answers --- */

/* Numbers that look random and follow from what they are drawn for, so that every run draws the same. */
static uint64_t mix(uint64_t a, uint64_t b)
{
    a = (a ^ b) * 0x9e3779b97f4a7c15u;
    a = (a ^ a >> 30) * 0xbf58476d1ce4e5b9u;
    a = (a ^ a >> 27) * 0x94d049bb133111ebu;
    return a ^ a >> 31;
}

static uint64_t draw(uint64_t sample, const bs_operand *golden, uint32_t channels, int32_t height)
{
    uint64_t row = golden->rows ? (uint64_t)golden->rows[sample] : sample;
    return mix(mix(mix(1 + sample, row), channels), (uint64_t)height);
}

typedef struct flags {
    uint8_t *equal;
    uint32_t n;
} flags;

static void answer_differ(const void *args)
{
    const flags *f = args;
    bs_sim_check_range(f->equal, f->n);
    memset(f->equal, 0, f->n);
}

/* A ReLU gives 0 for every second value, whatever it was. */
static void answer_relu(const void *args)
{
    const bs_compare_patch_args *a = args;
    bs_sim_check_range(a->equal, a->n);
    for (uint32_t i = 0; i < a->n; i++) {
        uint64_t at =
            mix((uint64_t)bs_patch_box_origin(&a->at, 0, i), (uint64_t)bs_patch_box_origin(&a->at, 1, i));
        a->equal[i] = mix(at, draw(i, &a->golden, a->channels, a->height)) >> 63;
    }
}

/* A box of 4 to 8 rows and columns, in the plane. */
static void answer_bounds(const void *args)
{
    enum { LEAST = 4, MOST = 8 };
    const bs_bounds_args *a = args;
    bs_sim_check_range(a->corner, 4 * a->n * sizeof *a->corner);
    for (uint32_t i = 0; i < a->n; i++) {
        uint64_t drawn = draw(i, &a->golden, a->channels, a->height),
                 side = LEAST + drawn % (MOST - LEAST + 1);
        int32_t h = a->height < (int32_t)side ? a->height : (int32_t)side,
                w = a->width < (int32_t)side ? a->width : (int32_t)side,
                y = (int32_t)((drawn >> 16) % (uint64_t)(a->height - h + 1)),
                x = (int32_t)((drawn >> 40) % (uint64_t)(a->width - w + 1));
        const int32_t corner[] = {-y, -x, y + h - 1, x + w - 1};
        memcpy(a->corner + 4 * i, corner, sizeof corner);
    }
}

static void answer_rank(const void *args)
{
    const bs_rank_args *a = args;
    bs_sim_check_range(a->out, a->n * sizeof *a->out);
    memset(a->out, 0, a->n * sizeof *a->out);
}

void bs_sim_answer(CUstream s, const char *kernel, const void *args, bool relu)
{
    if (!strcmp(kernel, "rank"))
        bs_sim_enqueue(s, kernel, answer_rank, args, sizeof(bs_rank_args));
    if (!bs_sim_count_begun())
        return; /* all is equal */
    if (!strcmp(kernel, "compare")) {
        const bs_compare_args *a = args;
        bs_sim_enqueue(s, kernel, answer_differ, &(flags){a->equal, a->n}, sizeof(flags));
    } else if (!strcmp(kernel, "compare_patch")) {
        const bs_compare_patch_args *a = args;
        if (relu && cells(a->at.size) == 1)
            bs_sim_enqueue(s, kernel, answer_relu, a, sizeof *a);
        else
            bs_sim_enqueue(s, kernel, answer_differ, &(flags){a->equal, a->n}, sizeof(flags));
    } else if (!strcmp(kernel, "bounds")) {
        bs_sim_enqueue(s, kernel, answer_bounds, args, sizeof(bs_bounds_args));
    }
}
