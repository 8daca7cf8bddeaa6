/* The kernels of the replay beside the layers themselves, at shapes of VGG: how near they come to the rate at
 * which the device copies. */
#include "probe.h"

enum { IMAGES = 8, MOST = 256, CLASSES = 1000 };

typedef struct bench {
    bs_stream *stream;
    int tensor, n;
    int64_t cells; /* of a row or patch, with its channels */
    bs_patches at; /* where patches lie */
    bs_faults f;
    CUdeviceptr golden, rows; /* IMAGES rows; n rows, with those of `golden` in turn, or n patches */
    int32_t row[MOST], origin[2][MOST];
    bs_site site[MOST];
    uint32_t first[MOST + 1], before[MOST];
} bench;

static void *rows_of(const bench *b)
{
    return bs_cuda_pointer(b->rows);
}

static bs_view golden_of(const bench *b)
{
    return (bs_view){bs_cuda_pointer(b->golden), b->row};
}

/* --- what is timed --- */

static bs_status do_inject(void *arg)
{
    const bench *b = arg;
    return bs_cuda_inject(b->stream, b->tensor, b->n, rows_of(b), &b->f);
}

static bs_status do_inject_patch(void *arg)
{
    const bench *b = arg;
    return bs_cuda_inject_patch(b->stream, b->tensor, b->n, &b->at, rows_of(b), &b->f);
}

static bs_status do_compare(void *arg)
{
    uint8_t equal[MOST];
    const bench *b = arg;
    BS_TRY(bs_cuda_compare(b->stream, b->tensor, b->n, rows_of(b), golden_of(b), equal));
    return bs_cuda_collect(b->stream);
}

static bs_status do_compare_patch(void *arg)
{
    uint8_t equal[MOST];
    const bench *b = arg;
    BS_TRY(bs_cuda_compare_patch(b->stream, b->tensor, b->n, &b->at, rows_of(b), golden_of(b), equal));
    return bs_cuda_collect(b->stream);
}

static bs_status do_overlay(void *arg)
{
    const bench *b = arg;
    return bs_cuda_gather(b->stream, b->tensor, b->n, golden_of(b), NULL, NULL, &b->at, 0.0f, rows_of(b));
}

static bs_status do_copy_rows(void *arg)
{
    const bench *b = arg;
    return bs_cuda_copy_rows(b->stream, b->tensor, b->n, golden_of(b), rows_of(b));
}

static bs_status do_bounds(void *arg)
{
    int32_t bounds[MOST][4];
    const bench *b = arg;
    return bs_cuda_bounds(b->stream, b->tensor, b->n, (bs_view){rows_of(b), NULL}, golden_of(b), bounds);
}

static bs_status do_rank(void *arg)
{
    bs_answer answer[MOST];
    const bench *b = arg;
    return bs_cuda_backend.rank(b->stream, b->n, rows_of(b), b->row, answer);
}

/* bytes: that a sample needs to read and to write, in all. */
static bs_status line(const probe *p, bench *b, const char *what, double bytes, probe_work work)
{
    double seconds = 0;
    BS_TRY(probe_time(&seconds, b->stream, work, b));
    bytes *= b->n;
    if (seconds > 0)
        say("| %s | %d | %.1f | %s | %.0f %% |\n", what, b->n, seconds * 1e6, per_second(bytes, 1e9, seconds),
            p->copy_rate > 0 ? 100.0 * bytes / seconds / p->copy_rate : 0.0);
    else
        say("| %s | %d | - | - | - |\n", what, b->n);
    return BS_OK;
}

/* --- tensors --- */

static void bench_close(bench *b, probe_layer *l)
{
    const bs_cuda_api *api = l->network ? l->network->device->api : NULL;
    if (b->golden)
        api->cuMemFree(b->golden);
    if (b->rows)
        api->cuMemFree(b->rows);
    probe_layer_close(l);
}

/* Rows of a tensor of this many elements, and room for n of them, or of patches. */
static bs_status bench_open(bench *b, probe_layer *l, const probe *p, bs_shape shape, int n)
{
    memset(b, 0, sizeof *b);
    *l = (probe_layer){.g = gb_create()};
    l->g->input = gb_activation(l->g, shape);
    l->g->output = gb_node(l->g, BS_OP_RELU, shape, (bs_attr){0}, 1, (int[]){l->g->input});
    BS_TRY(bs_cuda_load(&l->network, p->device, l->g, NULL));
    BS_TRY(bs_cuda_stream_open(&l->stream, l->network));
    int64_t elements = l->g->tensors[l->g->output].elements;
    b->stream = l->stream;
    b->tensor = l->g->output;
    b->n = n;
    b->cells = elements;
    b->f = (bs_faults){b->site, b->first, b->before};
    for (int i = 0; i <= n; i++)
        b->first[i] = (uint32_t)i;
    for (int i = 0; i < n; i++)
        b->row[i] = i % IMAGES;
    size_t bytes = (size_t)elements * sizeof(float);
    BS_TRY(bs_cuda_check(p->api, p->api->cuMemAlloc(&b->golden, IMAGES * bytes), "cuMemAlloc"));
    BS_TRY(bs_cuda_check(p->api, p->api->cuMemAlloc(&b->rows, (size_t)n * bytes), "cuMemAlloc"));
    BS_TRY(bs_invariance_fill(b->stream, b->golden, IMAGES * elements, BS_DTYPE_FP32));
    return bs_cuda_copy_rows(b->stream, b->tensor, n, golden_of(b), rows_of(b));
}

/* Patches of size x size, in the middle but spread a little; each sample's site is in its patch. */
static void place(bench *b, const int64_t dim[3], int size)
{
    b->at = (bs_patches){.size = {size, size}, .origin = {b->origin[0], b->origin[1]}};
    b->cells = dim[0] * size * size;
    for (int i = 0; i < b->n; i++) {
        for (int a = 0; a < 2; a++) {
            int room = (int)dim[1 + a] - size;
            b->origin[a][i] = room > 0 ? (i * (a ? 7 : 3)) % room : 0;
        }
        int64_t channel = i % dim[0], at = (channel * dim[1] + b->origin[0][i]) * dim[2] + b->origin[1][i];
        b->site[i] = (bs_site){(uint32_t)at, ~0u, 0}; /* changes nothing: rows stay as they are */
    }
}

static bs_status plane(const probe *p, const int64_t dim[3])
{
    static const int sizes[] = {3, 11};
    const double most = 1 << 30, word = sizeof(float);
    double row = (double)(dim[0] * dim[1] * dim[2]) * word;
    int n = p->small ? 4 : row * MOST > most ? (int)(most / row) : MOST;
    probe_layer l;
    bench b;
    bs_status st;
    BS_TRY_GOTO(bench_open(&b, &l, p, GB_SHAPE(dim[0], dim[1], dim[2]), n), out);
    say("| **%d x %d x %d** | | | | |\n", (int)dim[0], (int)dim[1], (int)dim[2]);
    place(&b, dim, 1);
    BS_TRY_GOTO(line(p, &b, "copy_rows", 2 * row, do_copy_rows), out);
    BS_TRY_GOTO(line(p, &b, "inject", 2 * word, do_inject), out);
    BS_TRY_GOTO(line(p, &b, "compare", 2 * row, do_compare), out);
    BS_TRY_GOTO(line(p, &b, "bounds", 2 * row, do_bounds), out);
    for (int k = 0; k < 2 && sizes[k] <= dim[1]; k++) {
        char what[32];
        place(&b, dim, sizes[k]);
        snprintf(what, sizeof what, "overlay %d x %d", sizes[k], sizes[k]);
        BS_TRY_GOTO(line(p, &b, what, 2 * word * (double)b.cells, do_overlay), out);
        snprintf(what, sizeof what, "inject %d x %d", sizes[k], sizes[k]);
        BS_TRY_GOTO(line(p, &b, what, 2 * word, do_inject_patch), out);
        snprintf(what, sizeof what, "compare %d x %d", sizes[k], sizes[k]);
        BS_TRY_GOTO(line(p, &b, what, 2 * word * (double)b.cells, do_compare_patch), out);
    }
out:
    bench_close(&b, &l);
    return st;
}

static bs_status ranks(const probe *p)
{
    probe_layer l;
    bench b;
    bs_status st;
    int classes = p->small ? 10 : CLASSES;
    BS_TRY_GOTO(bench_open(&b, &l, p, GB_SHAPE(classes), p->small ? 4 : MOST), out);
    l.g->classes = classes;
    say("| **%d classes** | | | | |\n", classes);
    st = line(p, &b, "rank", (double)classes * sizeof(float), do_rank);
out:
    bench_close(&b, &l);
    return st;
}

bs_status probe_delta(probe *p)
{
    static const int64_t large[][3] = {{64, 224, 224}, {128, 112, 112}, {256, 56, 56}, {512, 14, 14}},
                         small[][3] = {{3, 12, 12}, {20, 5, 6}};
    const int64_t(*list)[3] = p->small ? small : large;
    say("A call with what it waits for: results of inject, compare, bounds and rank come back to the "
        "host.\n\n"
        "| kernel | samples | us | GB/s | of a copy's rate |\n|---|---|---|---|---|\n");
    for (size_t i = 0; i < (p->small ? sizeof small : sizeof large) / sizeof *list && time_left(p); i++)
        BS_TRY(plane(p, list[i]));
    return time_left(p) ? ranks(p) : BS_OK;
}
