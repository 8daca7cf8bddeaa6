/* Rates of the kernels of kernels/gemm.cu beside cuBLASLt, by the number of rows. */
#include "probe.h"

enum { ROWS = 1024 };

typedef struct shape {
    int64_t depth, width;
    CUdeviceptr x, w, out, part; /* products of ROWS rows, compact; of fewer */
} shape;

/* Products of `rows` rows, by the algorithm g of cuBLASLt, or (NULL) by our kernel. */
typedef struct call {
    bs_stream *stream;
    const shape *s;
    int64_t rows;
    const bs_cuda_gemm *g;
    CUdeviceptr out;
} call;

static bs_status run(void *arg)
{
    const call *c = arg;
    const shape *s = c->s;
    if (c->g)
        return bs_cuda_gemm_run(c->stream, c->g, c->rows, s->width, s->x, s->w, c->out);
    const bs_cells x = {bs_cuda_pointer(s->x), BS_DTYPE_FP32};
    const bs_out out = {bs_cuda_pointer(c->out), {BS_DTYPE_FP32, 1.0f}};
    return bs_cuda_gemm_own(c->stream, c->rows, s->width, s->depth, x, s->w, 0, out, s->width);
}

static const char *rate(const call *c, double seconds)
{
    return per_second((double)(c->rows * c->s->width * c->s->depth), 1e9, seconds);
}

/* Prints the rate of the algorithm of cuBLASLt that should be the fastest for so many rows. */
static bs_status print_library(const probe *p, call c)
{
    bs_cuda_gemm g = {.width = c.s->width, .depth = c.s->depth};
    double seconds = 0;
    int n = 0;
    BS_TRY(bs_cuda_gemm_fastest(&g.algo, 1, &n, p->device, BS_DTYPE_FP32, c.rows, g.width, g.depth));
    c.g = &g;
    bs_status st = n ? probe_time(&seconds, c.stream, run, &c) : BS_OK;
    if (st == BS_ERR) { /* an answer, too */
        say(" refused: %s |\n", bs_error_message());
        bs_error_clear();
        return BS_OK;
    }
    say(" %s |\n", rate(&c, seconds));
    return st;
}

/* Small and large tiles: are the first rows those of all rows? */
static bs_status try_rows(const probe *p, bs_stream *stream, const shape *s, int64_t rows)
{
    uint8_t equal[ROWS];
    bool same = true;
    double seconds = 0;
    call c = {stream, s, rows, NULL, s->part};
    const bs_operand part = {bs_cuda_pointer(s->part), NULL, s->width, BS_DTYPE_FP32},
                     whole = {bs_cuda_pointer(s->out), NULL, s->width, BS_DTYPE_FP32};
    BS_TRY(run(&c));
    BS_TRY(bs_cuda_compare_rows(stream, (int)rows, s->width, part, whole, equal));
    for (int64_t i = 0; i < rows; i++)
        same &= equal[i];
    BS_TRY(probe_time(&seconds, stream, run, &c));
    say("| %lld -> %lld | %lld | %s | %s |", (long long)s->depth, (long long)s->width, (long long)rows,
        same ? "yes" : "NO", rate(&c, seconds));
    return print_library(p, c);
}

static bs_status try_shape(const probe *p, bs_stream *stream, shape *s, const int64_t *rows, int n)
{
    const int64_t most = rows[n - 1];
    BS_TRY(bs_invariance_alloc(stream, &s->x, most * s->depth));
    BS_TRY(bs_invariance_alloc(stream, &s->w, s->width * s->depth));
    BS_TRY(bs_invariance_alloc(stream, &s->out, most * s->width));
    BS_TRY(bs_invariance_alloc(stream, &s->part, most * bs_cuda_padded(s->width)));
    BS_TRY(bs_invariance_fill(stream, s->x, most * s->depth, BS_DTYPE_FP32));
    BS_TRY(bs_invariance_fill(stream, s->w, s->width * s->depth, BS_DTYPE_FP32));
    BS_TRY(run(&(call){stream, s, most, NULL, s->out}));
    for (int i = 0; i < n && time_left(p); i++)
        BS_TRY(try_rows(p, stream, s, rows[i]));
    return BS_OK;
}

bs_status probe_gemm(probe *p)
{
    static const int64_t large[] = {25, 64, 256, ROWS}, small[] = {3, 40};
    const shape shapes[] = {{.depth = 25088, .width = 4096},
                            {.depth = 4096, .width = 4096},
                            {.depth = 4096, .width = 1000}},
                tiny = {.depth = 70, .width = 40};
    bs_cudnn_shape any = square(4, 4, 8, 1, 1, 0); /* for its stream */
    probe_layer l;
    bs_status st;
    say("Same bits: as the same rows among the most rows.\n\n| product | rows | same bits | own kernel, "
        "GMAC/s "
        "| cuBLASLt, first algorithm, GMAC/s |\n|---|---|---|---|---|\n");
    BS_TRY_GOTO(probe_layer_open(&l, p, &any, NULL), out);
    for (int i = 0; i < (p->small ? 1 : 3) && time_left(p); i++) {
        shape s = p->small ? tiny : shapes[i];
        st = p->small ? try_shape(p, l.stream, &s, small, 2) : try_shape(p, l.stream, &s, large, 4);
        const CUdeviceptr all[] = {s.x, s.w, s.out, s.part};
        bs_cuda_release(l.stream, all, sizeof all / sizeof *all);
        BS_TRY_GOTO(st, out);
    }
out:
    probe_layer_close(&l);
    return st;
}
