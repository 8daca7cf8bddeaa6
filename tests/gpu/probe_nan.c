/* Tests NaN and Inf in engines: they must come out as IEEE arithmetic over the whole window has them. */
#include "probe.h"

#include "support/naive_conv.h"

/* Outputs are finite, Inf, -Inf or NaN; which, does not depend on the order of a sum with one such input. */
static int kind(float v)
{
    return bs_is_nan(v) ? 3 : bs_is_inf(v) ? (v > 0 ? 1 : 2) : 0;
}

static void some_zeros(float *weights, int64_t n)
{
    for (int64_t i = 0; i < n; i += 5)
        weights[i] = 0.0f;
}

static void one_infinite(float *weights, int64_t n)
{
    (void)n;
    weights[0] = INFINITY; /* reads row -1, column -1 of the first output where the layer is padded */
}

/* The expected outputs; padding is left out of the sums, or is zeros that take part in them. */
static void expect(float *y, const probe_layer *l, const float *x, bool zeros)
{
    const bs_tensor *t = l->g->tensors;
    bs_node n = l->g->nodes[0];
    bs_shape in = t[n.in[0]].shape, out = t[n.out].shape, original = in;
    const int pad = n.attr.window.pad[0];
    if (zeros) {
        in.dim[1] += 2 * pad;
        in.dim[2] += 2 * pad;
        memset(n.attr.window.pad, 0, sizeof n.attr.window.pad);
    }
    float *padded = calloc((size_t)(in.dim[0] * in.dim[1] * in.dim[2]), sizeof *padded);
    if (!padded)
        abort();
    int64_t at[3], shift = zeros ? pad : 0;
    for (int64_t e = 0; e < t[n.in[0]].elements; e++) {
        naive_index(&original, e, at);
        padded[(at[0] * in.dim[1] + at[1] + shift) * in.dim[2] + at[2] + shift] = x[e];
    }
    const float *inputs[] = {padded, t[n.in[1]].data, t[n.in[2]].data};
    for (int64_t e = 0; e < t[n.out].elements; e++) {
        naive_index(&out, e, at);
        y[e] = (float)naive_conv(&n, &in, inputs, at, out.dim[0]);
    }
    free(padded);
}

static int64_t differ(const float *a, const float *b, int64_t n)
{
    int64_t count = 0;
    for (int64_t i = 0; i < n; i++)
        count += kind(a[i]) != kind(b[i]);
    return count;
}

/* "IEEE", or what it is instead. Static buffers, three in turn. */
static const char *verdict(const probe_layer *l, const float *x, const float *y)
{
    static char text[3][64];
    static int at;
    const bs_tensor *out = &l->g->tensors[l->g->output];
    float *expected = gb_grow(NULL, (int)out->elements, sizeof *expected);
    char *s = text[at++ % 3];
    expect(expected, l, x, true);
    int64_t wrong = differ(y, expected, out->elements);
    snprintf(s, sizeof text[0], "IEEE");
    if (wrong) {
        expect(expected, l, x, false);
        if (!differ(y, expected, out->elements))
            snprintf(s, sizeof text[0], "IEEE, padding left out");
        else
            snprintf(s, sizeof text[0], "%lld of %lld WRONG", (long long)wrong, (long long)out->elements);
    }
    free(expected);
    return s;
}

/* The engine's outputs for one sample. */
static bs_status run(const probe_layer *l, const probe_engine *e, const float *x, float *y)
{
    const bs_cuda_api *api = l->network->device->api;
    const bs_tensor *in = &l->g->tensors[l->g->input], *out = &l->g->tensors[l->g->output];
    CUdeviceptr block[2] = {0};
    bs_status st;
    BS_TRY(probe_use(l, e));
    for (int i = 0; i < 2; i++)
        BS_TRY_GOTO(bs_cuda_check(api,
                                  api->cuMemAlloc(&block[i], (size_t)(i ? out : in)->elements * sizeof *x),
                                  "cuMemAlloc"),
                    out);
    BS_TRY_GOTO(bs_cuda_check(
                    api,
                    api->cuMemcpyHtoDAsync(block[0], x, (size_t)in->elements * sizeof *x, l->stream->handle),
                    "cuMemcpyHtoDAsync"),
                out);
    const bs_view views[3] = {{bs_cuda_pointer(block[0]), NULL}};
    BS_TRY_GOTO(bs_cuda_run(l->stream, 0, 1, views, bs_cuda_pointer(block[1])), out);
    BS_TRY_GOTO(bs_cuda_fetch(l->stream, y, block[1], (size_t)out->elements * sizeof *y), out);
out:
    for (int i = 0; i < 2; i++)
        if (block[i])
            api->cuMemFree(block[i]);
    return st;
}

static bs_status try_engine(const probe_layer l[2], const probe_engine *e, float *x, float *y)
{
    static const float centre[3] = {NAN, INFINITY, 0.5f};
    const bs_tensor *in = &l->g->tensors[l->g->input];
    const char *answer[3];
    bs_status st = BS_OK;
    for (int i = 0; i < 3; i++) {
        uint64_t seed = 3;
        for (int64_t k = 0; k < in->elements; k++)
            x[k] = gb_uniform(&seed);
        x[in->elements / 2 + in->shape.dim[2] / 2] = centre[i];
        st = run(&l[i / 2], e, x, y);
        answer[i] = st == BS_OK ? verdict(&l[i / 2], x, y) : "refused";
        if (st != BS_OK && st != BS_ERR)
            return st;
    }
    bs_error_clear();
    say("| %s | %s | %s | %s |\n", e->name, answer[0], answer[1], answer[2]);
    return BS_OK;
}

static bs_status try_layer(const probe *p, const bs_cudnn_shape *s, const char *title)
{
    probe_layer l[2] = {{0}};
    probe_engine engines[PROBE_ENGINES];
    float *x = gb_grow(NULL, (int)(s->channels * s->in[0] * s->in[1]), sizeof *x);
    float *y = gb_grow(NULL, (int)(s->filters * s->out[0] * s->out[1]), sizeof *y);
    int n = 0, opened = 0;
    bs_status st = BS_OK;
    say("| **%s** | | | |\n", title);
    for (; opened < 2 && st == BS_OK; opened++)
        st = probe_layer_open(&l[opened], p, s, opened ? one_infinite : some_zeros);
    if (st == BS_OK)
        st = probe_engines(&l[0], engines, &n);
    for (int i = 0; i < n && st == BS_OK && time_left(p); i++)
        st = try_engine(l, &engines[i], x, y);
    while (opened > 0)
        probe_layer_close(&l[--opened]);
    free(x);
    free(y);
    return st;
}

bs_status probe_not_finite(probe *p)
{
    bs_cudnn_shape depthwise_layer = depthwise(32, 14, 1);
    static const char *const title[] = {"3x3", "1x1", "7x7 with stride 2", "depthwise 3x3"};
    const bs_cudnn_shape list[] = {square(32, 32, 14, 3, 1, 1), square(64, 32, 14, 1, 1, 0),
                                   square(3, 32, 28, 7, 2, 3), depthwise_layer};
    say("One NaN in the input; one Inf in the input and weights of 0 (Inf * 0 is NaN); one weight of Inf at "
        "the "
        "border (there Inf * 0 of the padding).\n\n"
        "| engine | NaN | Inf | weight of Inf |\n|---|---|---|---|\n");
    for (size_t i = 0; i < sizeof list / sizeof *list && time_left(p); i++)
        BS_TRY(try_layer(p, &list[i], title[i]));
    return BS_OK;
}
