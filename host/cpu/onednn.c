/* The engine, and the selection of implementations. */
#include "cpu/onednn_impl.h"

#include "base/buf.h"
#include "base/resources.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

bs_status bs_dnn_check(dnnl_status_t s, const char *what)
{
    if (s == dnnl_success)
        return BS_OK;
    if (s == dnnl_out_of_memory)
        return bs_oom(what);
    return bs_fail(BS_ERR, "oneDNN cannot do: %s (status %d)", what, (int)s);
}

/* This much must be free, in bytes, before oneDNN makes something. */
enum { ROOM = 16 << 20 };
static pthread_mutex_t making = PTHREAD_MUTEX_INITIALIZER;

bs_status bs_dnn_make(const bs_dnn *d, const char *what)
{
    if (d->limited)
        pthread_mutex_lock(&making);
    bs_status st = bs_resources_room(ROOM, what);
    if (st != BS_OK)
        bs_dnn_made(d);
    return st;
}

void bs_dnn_made(const bs_dnn *d)
{
    if (d->limited)
        pthread_mutex_unlock(&making);
}

void bs_dnn_single_thread(void)
{
    /* Debian's oneDNN runs on OpenMP, whose thread count is a property of the calling thread. A build on TBB
     * uses threads as it likes: the bits are the same, since no sum is split between threads, but they
     * compete with our own workers. */
    void (*set)(int) = NULL;
    *(void **)&set = dlsym(RTLD_DEFAULT, "omp_set_num_threads");
    if (set)
        set(1);
}

bs_status bs_dnn_create(bs_dnn **out)
{
    *out = NULL;
    if (dnnl_version()->cpu_runtime == DNNL_RUNTIME_SYCL) {
        bs_fail(BS_ERR, "this build of oneDNN runs on SYCL, which bitsink does not speak");
        return bs_hint("build bitsink with a oneDNN on OpenMP, such as the package libdnnl-dev");
    }
    BS_TRY(bs_calloc(out, 1, sizeof **out, "oneDNN engine"));
    (*out)->limited = bs_resources_limited();
    bs_status st = bs_dnn_check(dnnl_engine_create(&(*out)->engine, dnnl_cpu, 0), "create a CPU engine");
    if (st != BS_OK) {
        free(*out);
        *out = NULL;
    }
    return st;
}

void bs_dnn_free(bs_dnn *d)
{
    if (!d)
        return;
    dnnl_engine_destroy(d->engine);
    free(d);
}

#define ISAS(X)                                                                                              \
    X(sse41)                                                                                                 \
    X(avx) X(avx2) X(avx2_vnni) X(avx512_core) X(avx512_core_vnni) X(avx512_core_bf16) X(avx512_core_amx)

static const char *isa_name(dnnl_cpu_isa_t isa)
{
#define CASE(name)                                                                                           \
    case dnnl_cpu_isa_##name:                                                                                \
        return #name;
    switch ((int)isa) {
        ISAS(CASE)
        BS_DNN_MORE_ISAS(CASE)
    default:
        return NULL;
    }
#undef CASE
}

void bs_dnn_describe(char *isa, size_t isa_len, char *library, size_t library_len)
{
    dnnl_cpu_isa_t id = dnnl_get_effective_cpu_isa();
    const char *name = isa_name(id);
    if (name)
        snprintf(isa, isa_len, "%s", name);
    else
        snprintf(isa, isa_len, "isa 0x%x", (unsigned)id);
    const dnnl_version_t *v = dnnl_version();
    snprintf(library, library_len, "oneDNN %d.%d.%d", v->major, v->minor, v->patch);
}

uint64_t bs_dnn_build(void)
{
    const dnnl_version_t *v = dnnl_version();
    return XXH3_64bits_withSeed(v->hash ? v->hash : "", v->hash ? strlen(v->hash) : 0, v->cpu_runtime);
}

/* Writes the axes of the weights as oneDNN counts them (groups are an axis of their own) and returns their
 * number. */
static int weight_dims(const bs_conv_shape *s, dnnl_dims_t out)
{
    int n = 0;
    if (s->group > 1)
        out[n++] = s->group;
    out[n++] = s->filters / s->group;
    out[n++] = s->channels / s->group;
    out[n++] = s->kernel[0];
    out[n++] = s->kernel[1];
    return n;
}

static void clear_conv(bs_dnn_conv_desc *c)
{
    bs_dnn_md_free(c->src);
    bs_dnn_md_free(c->weights);
    bs_dnn_md_free(c->bias);
    bs_dnn_md_free(c->dst);
}

/* Describes the operation. The caller clears *out, after an error too. `weights` NULL lets the implementation
 * choose their layout. */
static bs_status describe_conv(bs_dnn_conv_desc *out, const bs_conv_shape *s, bs_dnn_const_md weights)
{
    dnnl_dims_t src = {s->batch, s->channels, s->in_h, s->in_w};
    dnnl_dims_t dst = {s->batch, s->filters, s->out_h, s->out_w};
    dnnl_dims_t bias = {s->filters}, filter;
    int rank = weight_dims(s, filter);
    memset(out, 0, sizeof *out);
    for (int i = 0; i < 2; i++) {
        int64_t in = i ? s->in_w : s->in_h, o = i ? s->out_w : s->out_h;
        out->stride[i] = s->stride[i];
        out->dilation[i] = s->dilation[i] - 1;
        out->before[i] = s->pad[i];
        /* The padding that the last output row needs, not the model's own, part of which the stride may
         * skip. */
        out->after[i] =
            (o - 1) * s->stride[i] + (s->kernel[i] - 1) * (int64_t)s->dilation[i] + 1 - in - s->pad[i];
    }
    BS_TRY(bs_dnn_check(bs_dnn_md_by_tag(&out->src, 4, src, dnnl_nhwc), "describe input"));
    BS_TRY(bs_dnn_check(bs_dnn_md_by_tag(&out->dst, 4, dst, dnnl_nhwc), "describe output"));
    if (s->bias)
        BS_TRY(bs_dnn_check(bs_dnn_md_by_tag(&out->bias, 1, bias, dnnl_a), "describe bias"));
    return bs_dnn_check(weights ? bs_dnn_md_copy(&out->weights, weights)
                                : bs_dnn_md_by_tag(&out->weights, rank, filter, dnnl_format_tag_any),
                        "describe weights");
}

/* A user scratchpad makes a primitive reentrant and its memory visible; strict mode keeps fp32 arithmetic
 * fp32. */
static bs_status create_attr(dnnl_primitive_attr_t *out)
{
    BS_TRY(bs_dnn_check(dnnl_primitive_attr_create(out), "create attributes"));
    dnnl_status_t a = dnnl_primitive_attr_set_scratchpad_mode(*out, dnnl_scratchpad_mode_user);
    dnnl_status_t b = dnnl_primitive_attr_set_fpmath_mode(*out, dnnl_fpmath_mode_strict);
    if (a == dnnl_success && b == dnnl_success)
        return BS_OK;
    dnnl_primitive_attr_destroy(*out);
    return bs_dnn_check(a != dnnl_success ? a : b, "set attributes");
}

/* Finds implementation number `skip` of those for the shape, or of those named `impl`; *out is NULL if there
 * is none. */
static bs_status find_impl(dnnl_primitive_desc_t *out, bs_dnn *d, const bs_conv_shape *s,
                           bs_dnn_const_md weights, const char *impl, int skip)
{
    bs_dnn_conv_desc desc;
    dnnl_primitive_attr_t attr = NULL;
    bs_status st;
    *out = NULL;
    BS_TRY_GOTO(describe_conv(&desc, s, weights), out);
    BS_TRY_GOTO(create_attr(&attr), out);
    BS_TRY_GOTO(bs_dnn_make(d, "convolution"), out);
    st = bs_dnn_check(bs_dnn_conv_find(out, d->engine, &desc, attr, impl, skip), "list implementations");
    bs_dnn_made(d);
out:
    if (attr)
        dnnl_primitive_attr_destroy(attr);
    clear_conv(&desc);
    return st;
}

bs_status bs_conv_impl_find(dnnl_primitive_desc_t *out, const bs_conv_impl *p, const bs_conv_shape *shape)
{
    return find_impl(out, p->dnn, shape, p->weights, p->name, 0);
}

/* Checks whether p's implementation supports every shape with p's weights. */
static bs_status offers_all(bool *out, const bs_conv_impl *p, const bs_conv_shape *shapes, int n)
{
    *out = true;
    for (int i = 0; i < n && *out; i++) {
        dnnl_primitive_desc_t pd;
        BS_TRY(bs_conv_impl_find(&pd, p, &shapes[i]));
        *out = pd != NULL;
        if (pd)
            dnnl_primitive_desc_destroy(pd);
    }
    return BS_OK;
}

/* Takes name and weight layout of the implementation pd, and destroys pd. */
static bs_status adopt(bs_conv_impl *p, dnnl_primitive_desc_t pd)
{
    bs_dnn_md_free(p->weights);
    snprintf(p->name, sizeof p->name, "%s", bs_dnn_impl_name(pd));
    dnnl_status_t s = bs_dnn_md_copy(&p->weights, dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0));
    dnnl_primitive_desc_destroy(pd);
    return bs_dnn_check(s, "describe weights");
}

/* Selects among the implementations for shapes[0], in oneDNN's order of preference and only those named
 * `impl` if that is not NULL, the first that supports all shapes, after passing over `pass_over` others. */
static bs_status choose(bs_conv_impl **out, bs_dnn *d, const bs_conv_shape *shapes, int n, const char *impl,
                        int pass_over)
{
    bs_conv_impl *p;
    bool found = false;
    bs_status st = BS_OK;
    *out = NULL;
    BS_TRY(bs_calloc(&p, 1, sizeof *p, "convolution"));
    p->dnn = d;
    p->shape = shapes[0];
    for (int skip = 0; !found; skip++) {
        dnnl_primitive_desc_t pd;
        BS_TRY_GOTO(find_impl(&pd, d, &shapes[0], NULL, impl, skip), out);
        if (!pd)
            break;
        BS_TRY_GOTO(adopt(p, pd), out);
        BS_TRY_GOTO(offers_all(&found, p, shapes, n), out);
        if (found && pass_over-- > 0)
            found = false;
    }
    if (found) {
        *out = p;
        p = NULL;
    }
out:
    bs_conv_impl_free(p);
    return st;
}

bs_status bs_conv_impl_create(bs_conv_impl **out, bs_dnn *d, const bs_conv_shape *shapes, int n, int skip)
{
    BS_TRY(choose(out, d, shapes, n, NULL, skip));
    return *out || skip ? BS_OK : bs_fail(BS_ERR, "oneDNN has no implementation that fits this convolution");
}

bs_status bs_conv_impl_like(bs_conv_impl **out, const bs_conv_impl *impl, const bs_conv_shape *shapes, int n)
{
    return choose(out, impl->dnn, shapes, n, impl->name, 0);
}

void bs_conv_impl_free(bs_conv_impl *p)
{
    if (!p)
        return;
    bs_dnn_md_free(p->weights);
    free(p);
}

const char *bs_conv_impl_name(const bs_conv_impl *p)
{
    return p->name;
}

bool bs_conv_impl_is_reference(const bs_conv_impl *p)
{
    return strstr(p->name, "ref") != NULL;
}

bool bs_conv_impl_is_shape_bound(const bs_conv_impl *p)
{
    return strstr(p->name, "gemm") && !strstr(p->name, "brgemm");
}

bool bs_conv_impl_same_weights(const bs_conv_impl *a, const bs_conv_impl *b)
{
    return dnnl_memory_desc_equal(a->weights, b->weights);
}

size_t bs_conv_impl_bytes(const bs_conv_impl *p)
{
    return dnnl_memory_desc_get_size(p->weights);
}

static bs_status reorder(bs_dnn *d, bs_dnn_const_md from, const void *src, bs_dnn_const_md to, void *dst)
{
    dnnl_primitive_desc_t pd = NULL;
    dnnl_primitive_t primitive = NULL;
    dnnl_stream_t stream = NULL;
    dnnl_memory_t a = NULL, b = NULL;
    bs_status st;
    BS_TRY_GOTO(bs_dnn_make(d, "reorder"), out);
    dnnl_status_t made = dnnl_reorder_primitive_desc_create(&pd, from, d->engine, to, d->engine, NULL);
    if (made == dnnl_success)
        made = dnnl_primitive_create(&primitive, pd);
    bs_dnn_made(d);
    BS_TRY_GOTO(bs_dnn_check(made, "reorder"), out);
    BS_TRY_GOTO(bs_dnn_check(dnnl_stream_create(&stream, d->engine, dnnl_stream_default_flags), "stream"),
                out);
    BS_TRY_GOTO(bs_dnn_check(dnnl_memory_create(&a, from, d->engine, (void *)(uintptr_t)src), "memory"), out);
    BS_TRY_GOTO(bs_dnn_check(dnnl_memory_create(&b, to, d->engine, dst), "memory"), out);
    dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, a}, {DNNL_ARG_TO, b}};
    BS_TRY_GOTO(bs_dnn_check(dnnl_primitive_execute(primitive, stream, 2, args), "reorder weights"), out);
    BS_TRY_GOTO(bs_dnn_check(dnnl_stream_wait(stream), "reorder weights"), out);
out:
    dnnl_memory_destroy(b);
    dnnl_memory_destroy(a);
    dnnl_stream_destroy(stream);
    dnnl_primitive_destroy(primitive);
    dnnl_primitive_desc_destroy(pd);
    return st;
}

bs_status bs_conv_impl_pack(const bs_conv_impl *p, const float *weights, int64_t stride_m, int64_t stride_i,
                            void *packed)
{
    const bs_conv_shape *s = &p->shape;
    bs_dnn_md from;
    int64_t area = (int64_t)s->kernel[0] * s->kernel[1];
    dnnl_dims_t dims,
        strides = {s->filters / s->group * stride_m, stride_m, stride_i * area, s->kernel[1], 1};
    int rank = weight_dims(s, dims);
    BS_TRY(bs_dnn_check(bs_dnn_md_by_strides(&from, rank, dims, strides + (5 - rank)), "describe weights"));
    bs_status st = reorder(p->dnn, from, weights, p->weights, packed);
    bs_dnn_md_free(from);
    return st;
}
