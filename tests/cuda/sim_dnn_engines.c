/* Made-up engines of the simulated cuDNN. All sum each output over channels, rows and columns of the filter,
 * padding as zeros, in float; they differ in where the sum starts (it goes round) and hence in the last bits.
 * A backend that selects one has to find those whose start is always the same. */
#include "sim_dnn.h"

#include "operand.h"

#include <stdlib.h>
#include <string.h>

enum { DIRECT = 101, SPLIT, TENSOR, PICKY, COMPILED, HUNGRY, RARE, WORDS };

/* Shapes for which few but campaigns ask. LARGE: what no patch is that an engine is tried with. */
enum { RARITIES = 8, LARGE = 11 };

static bool rare(int64_t knob, const bs_cudnn_shape *s)
{
    bool whole = s->out[0] > LARGE;
    switch (knob) {
    case 0: /* patches of a self-test */
        return !whole && s->batch == 8;
    case 1: /* samples of a self-test */
        return whole && s->batch == 8;
    case 2: /* a tile of golden runs: all filters of the layer */
        return whole && s->batch == 16 && s->filters > 8 && s->filters < 128;
    case 3: /* full re-runs */
        return whole && s->batch > 16;
    case 4: /* most patches at once */
        return s->out[0] == LARGE && s->batch == 256;
    case 5: /* faulty filters on a tile */
        return s->filters == 8 && s->batch == 16;
    case 6: /* a full re-run of one trial: all filters of the layer */
        return whole && s->batch == 1 && s->filters > 8 && s->filters < 128;
    default: /* more faulty filters than engines are tried with */
        return s->filters == 256;
    }
}

static const sim_engine engines[] = {
    /* Exact: the knob says where to start, for all shapes. */
    {.index = DIRECT,
     .numbers = {CUDNN_NUMERICAL_NOTE_STRICT_NAN_PROP},
     .n_numbers = 1,
     .behavior = CUDNN_BEHAVIOR_NOTE_SUPPORTS_CUDA_GRAPH_NATIVE_API,
     .knobs = 1,
     .knob = CUDNN_KNOB_TYPE_TILE_SIZE,
     .most = 3,
     .order = SIM_ORDER_KNOB},
    /* Inexact: the knob says what decides the start: the batch, the output's size, the number of filters. */
    {.index = SPLIT,
     .behavior = CUDNN_BEHAVIOR_NOTE_SUPPORTS_CUDA_GRAPH_NATIVE_API,
     .knobs = 1,
     .knob = CUDNN_KNOB_TYPE_REDUCTION_MODE,
     .most = 2,
     .workspace = 1000,
     .order = SIM_ORDER_CHOSEN},
    /* Rounds its operands; otherwise exact. */
    {.index = TENSOR,
     .numbers = {CUDNN_NUMERICAL_NOTE_STRICT_NAN_PROP, CUDNN_NUMERICAL_NOTE_TENSOR_CORE},
     .n_numbers = 2,
     .behavior = CUDNN_BEHAVIOR_NOTE_SUPPORTS_CUDA_GRAPH_NATIVE_API,
     .workspace = 4096,
     .order = SIM_ORDER_KNOB,
     .tf32 = true},
    /* Exact, but not for all shapes. */
    {.index = PICKY,
     .behavior = CUDNN_BEHAVIOR_NOTE_SUPPORTS_CUDA_GRAPH_NATIVE_API,
     .order = SIM_ORDER_REVERSE,
     .picky = true},
    /* Exact, but needs more than there is for large planes in large batches. */
    {.index = HUNGRY,
     .behavior = CUDNN_BEHAVIOR_NOTE_SUPPORTS_CUDA_GRAPH_NATIVE_API,
     .order = SIM_ORDER_REVERSE,
     .hungry = true},
    /* Inexact only where the knob says so: see rare(). */
    {.index = RARE,
     .behavior = CUDNN_BEHAVIOR_NOTE_SUPPORTS_CUDA_GRAPH_NATIVE_API,
     .knobs = 1,
     .knob = CUDNN_KNOB_TYPE_REDUCTION_MODE,
     .most = RARITIES - 1,
     .order = SIM_ORDER_RARE},
    /* Inexact only for values of 16 bits, whose products are those of a tensor core. */
    {.index = WORDS,
     .behavior = CUDNN_BEHAVIOR_NOTE_SUPPORTS_CUDA_GRAPH_NATIVE_API,
     .order = SIM_ORDER_WORDS},
    /* One kernel for each shape. */
    {.index = COMPILED, .behavior = CUDNN_BEHAVIOR_NOTE_RUNTIME_COMPILATION, .order = SIM_ORDER_SHAPE},
};

const sim_engine *bs_sim_engine(int64_t index)
{
    for (size_t i = 0; i < sizeof engines / sizeof *engines; i++)
        if (engines[i].index == index)
            return &engines[i];
    return NULL;
}

bool bs_sim_engine_serves(const sim_engine *e, const bs_cudnn_shape *s)
{
    if (e->hungry && s->batch * s->out[0] * s->out[1] > 256 * 11 * 11)
        return false;
    return !e->picky || (s->group == 1 && s->dilation[0] == 1 && s->dilation[1] == 1 && s->filters % 4 == 0 &&
                         s->pad[0] == s->pad[2] && s->pad[1] == s->pad[3]);
}

static const sim_proposal all[] = {{TENSOR, -1}, {SPLIT, 0},  {COMPILED, -1}, {SPLIT, -1}, {SPLIT, 1},
                                   {SPLIT, 2},   {PICKY, -1}, {DIRECT, 0},    {DIRECT, 1}};
static const sim_proposal exact[] = {{DIRECT, 0}};
static const sim_proposal hungry[] = {{HUNGRY, -1}};
static const sim_proposal rarely[] = {{RARE, 0}, {RARE, 1}, {RARE, 2}, {RARE, 3},
                                      {RARE, 4}, {RARE, 5}, {RARE, 6}, {DIRECT, 0}};
static const sim_proposal words[] = {{WORDS, -1}};
static const sim_proposal inexact[] = {{SPLIT, 0}, {SPLIT, 1}, {SPLIT, 2}};

static const sim_proposal for_planes[] = {{DIRECT, 2}, {DIRECT, 3}},
                          for_patches[] = {{DIRECT, 3}, {DIRECT, 2}};

int bs_sim_propose(sim_proposal *out, int most, cudnnBackendHeurMode_t mode, const bs_cudnn_shape *s)
{
    const char *offered = getenv("BITSINK_SIM_DNN");
    bool small = s->batch == 256 && s->out[0] <= 6 && s->out[1] <= 6;
    const sim_proposal *from = all;
    size_t bytes = sizeof all;
#define OFFER(name, list)                                                                                    \
    if (offered && !strcmp(offered, name)) {                                                                 \
        from = list;                                                                                         \
        bytes = sizeof list;                                                                                 \
    }
    OFFER("exact", exact)
    OFFER("hungry", hungry)
    OFFER("inexact", inexact)
    OFFER("rare", rarely)
    OFFER("sized", for_planes)
    OFFER("words", words)
#undef OFFER
    if (from == for_planes && small)
        from = for_patches;
    int n = (int)(bytes / sizeof *from);
    if (from == all && mode != CUDNN_HEUR_MODE_FALLBACK)
        n--; /* the last is left to the fallback list, which repeats the others */
    n = n < most ? n : most;
    memcpy(out, from, (size_t)n * sizeof *out);
    return n;
}

/* --- the convolution --- */

enum {
    VECTOR = 8,
    PIXELS = 4
}; /* outputs that are summed side by side: of as many filters, at as many places */

typedef struct job {
    const bs_cudnn_shape *s;
    int64_t rows, columns; /* of a padded plane */
    int64_t taps;          /* factors of a sum */
    int64_t *tap;          /* in the order of the sum: the weight */
    int64_t *from; /* and where its factor is in a padded sample, from the output's first row and column */
    float *x;      /* a padded sample */
    float *w;      /* (blocks of filters, taps, VECTOR), in the order of the sum; a block is of one group */
} job;

/* Like any hash: what is close shall be far. */
static uint64_t mix(uint64_t a, int64_t b)
{
    return ((a ^ (uint64_t)b) * 0x9e3779b97f4a7c15u) >> 8;
}

static uint64_t start(const sim_engine *e, int64_t knob, const bs_cudnn_shape *s)
{
    bool by_shape = e->order == SIM_ORDER_SHAPE || (e->knobs && knob < 0) ||
                    (e->order == SIM_ORDER_WORDS && s->type != BS_DTYPE_FP32);
    if (by_shape)
        return mix(mix(mix(mix(1, s->batch), s->out[0]), s->out[1]), s->filters);
    if (e->order == SIM_ORDER_RARE)
        return rare(knob, s);
    if (e->order == SIM_ORDER_CHOSEN)
        return knob == 0   ? mix(1, s->batch)
               : knob == 1 ? mix(mix(1, s->out[0]), s->out[1])
                           : mix(1, s->filters);
    return e->order == SIM_ORDER_KNOB && e->knobs ? (uint64_t)knob : 0;
}

/* To the 10 bits of a tensor core's mantissa, ties to even. */
static float rounded(float v)
{
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    if ((bits & 0x7f800000u) == 0x7f800000u)
        return v;
    bits += 0xfffu + (bits >> 13 & 1);
    bits &= ~(uint32_t)0x1fffu;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static void order_taps(job *j, const sim_engine *e, int64_t knob, bool otherwise)
{
    const bs_cudnn_shape *s = j->s;
    uint64_t first = (start(e, knob, s) + otherwise) % (uint64_t)j->taps;
    for (int64_t i = 0; i < j->taps; i++) {
        int64_t k = (i + (int64_t)first) % j->taps;
        k = e->order == SIM_ORDER_REVERSE ? j->taps - 1 - k : k;
        int64_t column = k % s->kernel[1], row = k / s->kernel[1] % s->kernel[0],
                channel = k / (s->kernel[1] * s->kernel[0]);
        j->tap[i] = k;
        j->from[i] = (channel * j->rows + row * s->dilation[0]) * j->columns + column * s->dilation[1];
    }
}

static void pad(const job *j, bs_cells x, bool tf32)
{
    const bs_cudnn_shape *s = j->s;
    memset(j->x, 0, (size_t)(s->channels * j->rows * j->columns) * sizeof *j->x);
    for (int64_t c = 0; c < s->channels; c++)
        for (int64_t i = 0; i < s->in[0]; i++) {
            bs_cells from = bs_cells_from(x, (c * s->in[0] + i) * s->in[1]);
            float *to = j->x + (c * j->rows + i + s->pad[0]) * j->columns + s->pad[1];
            for (int64_t k = 0; k < s->in[1]; k++)
                to[k] = tf32 ? rounded(bs_cell_value(from, k)) : bs_cell_value(from, k);
        }
}

/* Filters of a group, and blocks of them. */
static int64_t per_group(const bs_cudnn_shape *s)
{
    return s->filters / s->group;
}

static int64_t blocks(const bs_cudnn_shape *s)
{
    return (per_group(s) + VECTOR - 1) / VECTOR;
}

static void pack_weights(const job *j, bs_cells w, bool tf32)
{
    const bs_cudnn_shape *s = j->s;
    float *to = j->w;
    for (int64_t g = 0; g < s->group; g++)
        for (int64_t b = 0; b < blocks(s); b++, to += j->taps * VECTOR)
            for (int64_t l = 0; l < VECTOR; l++) {
                int64_t f = b * VECTOR + l;
                bs_cells from = bs_cells_from(w, (g * per_group(s) + f) * j->taps);
                for (int64_t i = 0; i < j->taps; i++) {
                    float v = f < per_group(s) ? bs_cell_value(from, j->tap[i]) : 0;
                    to[i * VECTOR + l] = tf32 ? rounded(v) : v;
                }
            }
}

static void sum_up(const job *j, const float *const x[PIXELS], const float *w, float out[PIXELS][VECTOR])
{
    float sum[PIXELS][VECTOR] = {{0}};
    for (int64_t i = 0; i < j->taps; i++, w += VECTOR)
        for (int p = 0; p < PIXELS; p++) {
            float v = x[p][j->from[i]];
            for (int l = 0; l < VECTOR; l++)
                sum[p][l] += v * w[l];
        }
    memcpy(out, sum, sizeof sum);
}

/* Block b of group g at all places. */
static void run_block(const job *j, int64_t g, int64_t b, bs_out y)
{
    const bs_cudnn_shape *s = j->s;
    const float *x = j->x + g * (s->channels / s->group) * j->rows * j->columns,
                *w = j->w + (g * blocks(s) + b) * j->taps * VECTOR;
    int64_t plane = s->out[0] * s->out[1], first = g * per_group(s) + b * VECTOR,
            width = per_group(s) - b * VECTOR < VECTOR ? per_group(s) - b * VECTOR : VECTOR;
    for (int64_t at = 0; at < plane; at += PIXELS) {
        int64_t pixels = plane - at < PIXELS ? plane - at : PIXELS;
        const float *from[PIXELS];
        float sum[PIXELS][VECTOR];
        for (int64_t p = 0; p < PIXELS; p++) {
            int64_t e = p < pixels ? at + p : at;
            from[p] = x + e / s->out[1] * s->stride[0] * j->columns + e % s->out[1] * s->stride[1];
        }
        sum_up(j, from, w, sum);
        for (int64_t l = 0; l < width; l++)
            for (int64_t p = 0; p < pixels; p++)
                bs_put(&y, (first + l) * plane + at + p, sum[p][l]);
    }
}

bool bs_sim_convolve(const sim_engine *e, int64_t knob, bool otherwise, const bs_cudnn_shape *s,
                     const void *x, const void *w, void *y)
{
    job j = {.s = s,
             .rows = s->in[0] + s->pad[0] + s->pad[2],
             .columns = s->in[1] + s->pad[1] + s->pad[3],
             .taps = s->channels / s->group * s->kernel[0] * s->kernel[1]};
    j.tap = malloc((size_t)j.taps * sizeof *j.tap);
    j.from = malloc((size_t)j.taps * sizeof *j.from);
    j.x = malloc((size_t)(s->channels * j.rows * j.columns) * sizeof *j.x);
    j.w = malloc((size_t)(s->group * blocks(s) * VECTOR * j.taps) * sizeof *j.w);
    bool good = j.tap && j.from && j.x && j.w;
    if (good) {
        order_taps(&j, e, knob, otherwise);
        pack_weights(&j, (bs_cells){w, s->type}, e->tf32);
    }
    const bs_cells samples = {x, s->type};
    const bs_out made = {y, {s->type, 1.0f}};
    for (int64_t i = 0; i < s->batch && good; i++) {
        pad(&j, bs_cells_from(samples, i * s->channels * s->in[0] * s->in[1]), e->tf32);
        for (int64_t b = 0; b < s->group * blocks(s); b++)
            run_block(&j, b / blocks(s), b % blocks(s),
                      bs_out_from(made, i * s->filters * s->out[0] * s->out[1]));
    }
    free(j.tap);
    free(j.from);
    free(j.x);
    free(j.w);
    return good;
}
