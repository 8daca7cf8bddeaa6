/* Made-up engines of the simulated cuDNN. All sum each output over channels, rows and columns of the filter,
 * padding as zeros, in float; they differ in where the sum starts (it goes round) and hence in the last bits.
 * A backend that pins has to find those whose start is always the same. */
#include "sim_dnn.h"

#include <stdlib.h>
#include <string.h>

enum { DIRECT = 101, SPLIT, TENSOR, PICKY, COMPILED };

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
    return !e->picky || (s->group == 1 && s->dilation[0] == 1 && s->dilation[1] == 1 && s->filters % 4 == 0 &&
                         s->pad[0] == s->pad[2] && s->pad[1] == s->pad[3]);
}

static const sim_proposal all[] = {{TENSOR, -1}, {SPLIT, 0},  {COMPILED, -1}, {SPLIT, -1}, {SPLIT, 1},
                                   {SPLIT, 2},   {PICKY, -1}, {DIRECT, 0},    {DIRECT, 1}};
static const sim_proposal exact[] = {{DIRECT, 0}};
static const sim_proposal inexact[] = {{SPLIT, 0}, {SPLIT, 1}, {SPLIT, 2}};

int bs_sim_propose(sim_proposal *out, int most, cudnnBackendHeurMode_t mode)
{
    const char *offered = getenv("BITSINK_SIM_DNN");
    const sim_proposal *from = all;
    int n = (int)(sizeof all / sizeof *all);
    if (offered && !strcmp(offered, "exact")) {
        from = exact;
        n = (int)(sizeof exact / sizeof *exact);
    } else if (offered && !strcmp(offered, "inexact")) {
        from = inexact;
        n = (int)(sizeof inexact / sizeof *inexact);
    } else if (mode != CUDNN_HEUR_MODE_FALLBACK) {
        n -= 1; /* the last is left to the fallback list, which repeats the others */
    }
    n = n < most ? n : most;
    memcpy(out, from, (size_t)n * sizeof *out);
    return n;
}

/* --- the convolution --- */

/* A factor of a sum: where it is in a padded sample, from the output's first row and column; and its weight.
 */
typedef struct tap {
    int64_t from, weight;
} tap;

typedef struct job {
    const bs_cudnn_shape *s;
    int64_t rows, columns; /* of a padded plane */
    int64_t taps;
    tap *tap; /* in the order of the sum */
    float *x; /* a padded sample */
    float *w; /* all weights */
} job;

/* Like any hash: what is close shall be far. */
static uint64_t mix(uint64_t a, int64_t b)
{
    return ((a ^ (uint64_t)b) * 0x9e3779b97f4a7c15u) >> 8;
}

static uint64_t start(const sim_engine *e, int64_t knob, const bs_cudnn_shape *s)
{
    bool by_shape = e->order == SIM_ORDER_SHAPE || (e->knobs && knob < 0);
    if (by_shape)
        return mix(mix(mix(mix(1, s->batch), s->out[0]), s->out[1]), s->filters);
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

static void order_taps(job *j, const sim_engine *e, int64_t knob)
{
    const bs_cudnn_shape *s = j->s;
    uint64_t first = start(e, knob, s) % (uint64_t)j->taps;
    for (int64_t i = 0; i < j->taps; i++) {
        int64_t k = (i + (int64_t)first) % j->taps;
        k = e->order == SIM_ORDER_REVERSE ? j->taps - 1 - k : k;
        int64_t column = k % s->kernel[1], row = k / s->kernel[1] % s->kernel[0],
                channel = k / (s->kernel[1] * s->kernel[0]);
        j->tap[i] =
            (tap){.weight = k,
                  .from = (channel * j->rows + row * s->dilation[0]) * j->columns + column * s->dilation[1]};
    }
}

static void pad(const job *j, const float *x, bool tf32)
{
    const bs_cudnn_shape *s = j->s;
    memset(j->x, 0, (size_t)(s->channels * j->rows * j->columns) * sizeof *x);
    for (int64_t c = 0; c < s->channels; c++)
        for (int64_t i = 0; i < s->in[0]; i++) {
            const float *from = x + (c * s->in[0] + i) * s->in[1];
            float *to = j->x + (c * j->rows + i + s->pad[0]) * j->columns + s->pad[1];
            for (int64_t k = 0; k < s->in[1]; k++)
                to[k] = tf32 ? rounded(from[k]) : from[k];
        }
}

/* One row of the output of a filter. */
static void sum_row(const job *j, const float *restrict x, const float *restrict w, float *restrict y)
{
    const int64_t n = j->s->out[1], stride = j->s->stride[1];
    memset(y, 0, (size_t)n * sizeof *y);
    for (int64_t i = 0; i < j->taps; i++) {
        const float *from = x + j->tap[i].from;
        float weight = w[j->tap[i].weight];
        if (stride == 1)
            for (int64_t k = 0; k < n; k++)
                y[k] += weight * from[k];
        else
            for (int64_t k = 0; k < n; k++)
                y[k] += weight * from[k * stride];
    }
}

static void run_sample(const job *j, float *y)
{
    const bs_cudnn_shape *s = j->s;
    int64_t plane = j->rows * j->columns, channels = s->channels / s->group;
    for (int64_t f = 0; f < s->filters; f++) {
        const float *x = j->x + f / (s->filters / s->group) * channels * plane;
        for (int64_t i = 0; i < s->out[0]; i++)
            sum_row(j, x + i * s->stride[0] * j->columns, j->w + f * j->taps,
                    y + (f * s->out[0] + i) * s->out[1]);
    }
}

bool bs_sim_convolve(const sim_engine *e, int64_t knob, const bs_cudnn_shape *s, const float *x,
                     const float *w, float *y)
{
    job j = {.s = s,
             .rows = s->in[0] + s->pad[0] + s->pad[2],
             .columns = s->in[1] + s->pad[1] + s->pad[3],
             .taps = s->channels / s->group * s->kernel[0] * s->kernel[1]};
    size_t weights = (size_t)(s->filters * j.taps);
    j.tap = malloc((size_t)j.taps * sizeof *j.tap);
    j.x = malloc((size_t)(s->channels * j.rows * j.columns) * sizeof *j.x);
    j.w = malloc(weights * sizeof *j.w);
    bool good = j.tap && j.x && j.w;
    if (good)
        order_taps(&j, e, knob);
    for (size_t i = 0; i < weights && good; i++)
        j.w[i] = e->tf32 ? rounded(w[i]) : w[i];
    for (int64_t i = 0; i < s->batch && good; i++) {
        pad(&j, x + i * s->channels * s->in[0] * s->in[1], e->tf32);
        run_sample(&j, y + i * s->filters * s->out[0] * s->out[1]);
    }
    free(j.tap);
    free(j.x);
    free(j.w);
    return good;
}
