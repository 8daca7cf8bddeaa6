#include "cpu/patch_test.h"

#include "base/buf.h"
#include "base/noise.h"
#include "base/team.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* KEPT_BYTES: references beyond these are dropped. TEAM_MACS: a test of less work takes no second thread. */
enum { SPOTS = 5, KEPT_BYTES = 192 << 20, TEAM_MACS = 50000000 };

static bs_status run_conv(const bs_conv_impl *impl, const bs_conv_shape *shape, const float *src,
                          const void *packed, const float *bias, float *dst, bs_cpu_buffer *scratch)
{
    bs_conv *conv;
    BS_TRY(bs_conv_create(&conv, impl, shape));
    bs_status st = bs_cpu_reserve(scratch, bs_conv_scratch_bytes(conv));
    if (st == BS_OK)
        st = bs_conv_run(conv, src, packed, bias, dst, scratch->ptr);
    bs_conv_free(conv);
    return st;
}

static bs_status pack(void **out, const bs_cpu_matrix *m, const bs_conv_impl *impl, const float *weights)
{
    BS_TRY(bs_alloc_aligned(out, bs_conv_impl_bytes(impl), "packed weights"));
    return bs_conv_impl_pack(impl, weights, m->stride_m, m->stride_i, *out);
}

static void reference_free(bs_cpu_reference *r)
{
    if (!r)
        return;
    free(r->weights);
    free(r->bias);
    free(r->image);
    free(r->expected);
    free(r->packed);
    free(r);
}

static bs_status noise(bs_cpu_reference *r, float **out, int64_t n)
{
    r->bytes += (size_t)n * sizeof(float);
    BS_TRY(bs_alloc_aligned(out, (size_t)n * sizeof(float), "patches"));
    bs_noise_fill(*out, n);
    return BS_OK;
}

static bs_status reference_create(bs_cpu_reference **out, const bs_cpu_matrix *m)
{
    bs_cpu_reference *r;
    bs_cpu_buffer scratch = {0};
    bs_status st;
    *out = NULL;
    BS_TRY(bs_calloc(&r, 1, sizeof *r, "patches"));
    r->shape = m->shape;
    r->skip = m->skip;
    r->bytes = bs_conv_impl_bytes(m->impl) + (size_t)m->out_row * sizeof(float);
    BS_TRY_GOTO(noise(r, &r->weights, m->shape.filters * m->filter), out);
    BS_TRY_GOTO(noise(r, &r->image, m->in_row), out);
    if (m->shape.bias)
        BS_TRY_GOTO(noise(r, &r->bias, m->shape.filters), out);
    BS_TRY_GOTO(bs_alloc_aligned(&r->expected, (size_t)m->out_row * sizeof(float), "patches"), out);
    BS_TRY_GOTO(pack(&r->packed, m, m->impl, r->weights), out);
    BS_TRY_GOTO(run_conv(m->impl, &m->shape, r->image, r->packed, r->bias, r->expected, &scratch), out);
    *out = r;
    r = NULL;
out:
    free(scratch.ptr);
    reference_free(r);
    return st;
}

/* Drops what has not been used for long, until so many bytes are left. The caller holds the lock. */
static void shrink(bs_cpu_references *all, size_t most)
{
    size_t bytes = 0;
    for (bs_cpu_reference **at = &all->first; *at;) {
        bs_cpu_reference *k = *at;
        bytes += k->bytes;
        if (bytes <= most || k->users > 0) {
            at = &k->next;
            continue;
        }
        *at = k->next;
        bytes -= k->bytes;
        reference_free(k);
    }
}

bs_status bs_cpu_reference_get(bs_cpu_reference **out, bs_cpu_references *all, const bs_cpu_matrix *m)
{
    bs_status st = BS_OK;
    pthread_mutex_lock(&all->lock);
    bs_cpu_reference **at = &all->first;
    while (*at && ((*at)->skip != m->skip || memcmp(&(*at)->shape, &m->shape, sizeof m->shape) != 0))
        at = &(*at)->next;
    *out = *at;
    if (*out)
        *at = (*out)->next;
    if (!*out) {
        pthread_mutex_unlock(&all->lock);
        st = reference_create(out, m);
        pthread_mutex_lock(&all->lock);
    }
    if (st == BS_OK) {
        (*out)->users++;
        (*out)->next = all->first;
        all->first = *out;
        shrink(all, KEPT_BYTES);
    }
    pthread_mutex_unlock(&all->lock);
    return st;
}

void bs_cpu_reference_give_back(bs_cpu_references *all, bs_cpu_reference *r)
{
    pthread_mutex_lock(&all->lock);
    r->users--;
    pthread_mutex_unlock(&all->lock);
}

void bs_cpu_references_drop(bs_cpu_references *all)
{
    pthread_mutex_lock(&all->lock);
    shrink(all, 0);
    for (bs_cpu_test_memory *m = all->memory, *next; m; m = next) {
        next = m->next;
        free(m->in.ptr);
        free(m->out.ptr);
        free(m->scratch.ptr);
        free(m);
    }
    all->memory = NULL;
    pthread_mutex_unlock(&all->lock);
}

static bs_status memory_get(bs_cpu_test_memory **out, bs_cpu_references *all)
{
    pthread_mutex_lock(&all->lock);
    *out = all->memory;
    if (*out)
        all->memory = (*out)->next;
    pthread_mutex_unlock(&all->lock);
    return *out ? BS_OK : bs_calloc(out, 1, sizeof **out, "patches");
}

static void memory_give_back(bs_cpu_references *all, bs_cpu_test_memory *m)
{
    pthread_mutex_lock(&all->lock);
    m->next = all->memory;
    all->memory = m;
    pthread_mutex_unlock(&all->lock);
}

/* A test: the threads that run it share out the sizes of chunks. */
typedef struct patch_test {
    bs_cpu_references *all;
    const bs_cpu_reference *reference;
    const bs_cpu_matrix *whole, *patch;
    const bs_conv_impl *impl;
    const void *packed;
    int spot[SPOTS][2]; /* first output row and column of the patches */
    int sizes;          /* of chunks, still to be tested */
    bool large_first;
    atomic_int next; /* sizes taken so far */
    atomic_bool exact;
} patch_test;

static void choose_spots(patch_test *t)
{
    const bs_conv_shape *w = &t->whole->shape, *p = &t->patch->shape;
    int last[2] = {w->out_h - p->out_h, w->out_w - p->out_w};
    for (int i = 0; i < SPOTS; i++)
        for (int a = 0; a < 2; a++)
            t->spot[i][a] = i == SPOTS - 1 ? last[a] / 2 : (a ? i & 1 : i >> 1) ? last[a] : 0;
}

/* Copies the input patch of a spot, with zeros in the layer's padding. */
static void cut(const patch_test *t, const int spot[2], float *to)
{
    const bs_conv_shape *w = &t->whole->shape, *p = &t->patch->shape;
    size_t bytes = (size_t)w->channels * sizeof *to;
    for (int y = 0; y < p->in_h; y++)
        for (int x = 0; x < p->in_w; x++, to += w->channels) {
            int row = spot[0] * w->stride[0] - w->pad[0] + y, column = spot[1] * w->stride[1] - w->pad[1] + x;
            bool inside = row >= 0 && column >= 0 && row < w->in_h && column < w->in_w;
            if (inside)
                memcpy(to, t->reference->image + ((int64_t)row * w->in_w + column) * w->channels, bytes);
            else
                memset(to, 0, bytes);
        }
}

static bool equal_at(const patch_test *t, const int spot[2], const float *got)
{
    const bs_conv_shape *w = &t->whole->shape, *p = &t->patch->shape;
    size_t line = (size_t)p->out_w * (size_t)w->filters;
    for (int y = 0; y < p->out_h; y++)
        if (memcmp(got + (size_t)y * line,
                   t->reference->expected + ((int64_t)(spot[0] + y) * w->out_w + spot[1]) * w->filters,
                   line * sizeof *got) != 0)
            return false;
    return true;
}

/* Sets *exact for a chunk of 1 << k patches. */
static bs_status test_chunk(bool *exact, const patch_test *t, int k, bs_cpu_test_memory *memory)
{
    const bs_cpu_matrix *m = t->patch;
    bs_conv_shape s = bs_cpu_chunk_shape(m, bs_cpu_filter_groups(m), k);
    *exact = false;
    BS_TRY(bs_cpu_reserve(&memory->in, ((size_t)m->in_row << k) * sizeof(float)));
    BS_TRY(bs_cpu_reserve(&memory->out, ((size_t)m->out_row << k) * sizeof(float)));
    float *in = memory->in.ptr, *out = memory->out.ptr;
    for (int i = 0; i < 1 << k; i++)
        cut(t, t->spot[(i + k) % SPOTS], in + i * m->in_row);
    BS_TRY(run_conv(t->impl, &s, in, t->packed, t->reference->bias, out, &memory->scratch));
    *exact = true;
    for (int i = 0; i < 1 << k && *exact; i++)
        *exact = equal_at(t, t->spot[(i + k) % SPOTS], out + i * m->out_row);
    return BS_OK;
}

static bs_status test_chunks(void *shared, int worker)
{
    patch_test *t = shared;
    bs_cpu_test_memory *memory;
    bs_status st = BS_OK;
    (void)worker;
    bs_dnn_single_thread();
    BS_TRY(memory_get(&memory, t->all));
    for (int i; (i = atomic_fetch_add(&t->next, 1)) < t->sizes && atomic_load(&t->exact);) {
        bool exact;
        st = test_chunk(&exact, t, t->large_first ? t->patch->chunks - 1 - i : i, memory);
        if (!exact)
            atomic_store(&t->exact, false);
    }
    memory_give_back(t->all, memory);
    return st == BS_NO_MEMORY ? st : BS_OK;
}

/* Returns the multiply-accumulates of a test. */
static double work(const bs_cpu_matrix *m)
{
    return (double)m->out_row * (double)m->filter * (double)((1 << m->chunks) - 1);
}

bs_status bs_cpu_patch_test(bool *exact, bs_cpu_references *all, const bs_cpu_reference *r,
                            const bs_cpu_matrix *whole, const bs_cpu_matrix *patch, const bs_conv_impl *impl,
                            int threads)
{
    patch_test t = {.all = all, .reference = r, .whole = whole, .patch = patch, .impl = impl, .exact = true};
    void *own = NULL;
    bs_status st = impl == whole->impl ? BS_OK : pack(&own, patch, impl, r->weights);
    *exact = false;
    t.packed = own ? own : r->packed;
    choose_spots(&t);
    bool team = threads > 1 && work(patch) >= TEAM_MACS;
    t.sizes = team ? 1 : patch->chunks;
    if (st == BS_OK)
        st = test_chunks(&t, 0);
    if (st == BS_OK && team && atomic_load(&t.exact)) {
        /* Single patches tell most of what is not exact. The largest chunk is half of the work. */
        t.sizes = patch->chunks - 1;
        t.large_first = true;
        atomic_store(&t.next, 0);
        st = bs_team_run(2, test_chunks, &t);
    }
    *exact = st == BS_OK && atomic_load(&t.exact);
    free(own);
    return st == BS_NO_MEMORY ? st : BS_OK;
}
