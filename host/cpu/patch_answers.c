#include "cpu/patch_answers.h"

#include "base/buf.h"
#include "cpu/cpu_patch.h"
#include "cpu/patch_test.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* MAX_SKIP: where sums are long, the library's first choice may split them by the size of the plane. The next
 * ones are as fast or nearly so; later ones are not worth having. */
enum { MAX_SKIP = 3 };

/* The most output pixels in a chunk of patches. Every chunk size has to be tested. */
enum { PATCH_PIXELS = 2048 };

/* All members of these are ints and characters and what is unused is zero, so that equal questions are equal
 * bytes. */
typedef struct question {
    bs_conv_shape layer;
    int chunks, skip; /* of the layer; no skip: which implementation does it get? */
    char impl[BS_CONV_IMPL_NAME];
    int in_size[2], out_size[2];
} question;

/* The way, or for a layer the number of implementations to skip, and the implementation's name. */
typedef struct answer {
    int choice;
    char impl[BS_CONV_IMPL_NAME];
} answer;

typedef struct known {
    question q;
    answer a;
} known;

/* The name of a fact: a question to a library on a device. */
typedef struct fact_key {
    char name[sizeof(((bs_device_info *)0)->name)];
    char isa[sizeof(((bs_device_info *)0)->isa)];
    char library[sizeof(((bs_device_info *)0)->library)];
    uint64_t build; /* of the library */
    question q;
} fact_key;

struct bs_cpu_answers {
    bs_dnn *dnn;
    bs_cache *cache;
    fact_key key; /* without a question */
    pthread_mutex_t lock;
    known *known;
    size_t n, cap;
    bs_cpu_references references;
    atomic_int compared;
};

bs_status bs_cpu_answers_create(bs_cpu_answers **out, bs_dnn *dnn, const bs_device_info *info,
                                bs_cache *cache)
{
    BS_TRY(bs_calloc(out, 1, sizeof **out, "network"));
    bs_cpu_answers *a = *out;
    a->dnn = dnn;
    a->cache = cache;
    memcpy(a->key.name, info->name, sizeof a->key.name);
    memcpy(a->key.isa, info->isa, sizeof a->key.isa);
    memcpy(a->key.library, info->library, sizeof a->key.library);
    a->key.build = bs_dnn_build();
    pthread_mutex_init(&a->lock, NULL);
    pthread_mutex_init(&a->references.lock, NULL);
    return BS_OK;
}

void bs_cpu_answers_free(bs_cpu_answers *a)
{
    if (!a)
        return;
    bs_cpu_references_drop(&a->references);
    pthread_mutex_destroy(&a->references.lock);
    pthread_mutex_destroy(&a->lock);
    free(a->known);
    free(a);
}

void bs_cpu_answers_give_memory(bs_cpu_answers *a)
{
    bs_cpu_references_drop(&a->references);
}

int bs_cpu_answers_compared(const bs_cpu_answers *a)
{
    return atomic_load(&a->compared);
}

static bool remembers(bs_cpu_answers *a, const question *q, answer *out)
{
    bool found = false;
    pthread_mutex_lock(&a->lock);
    for (size_t i = 0; i < a->n && !found; i++)
        if ((found = memcmp(&a->known[i].q, q, sizeof *q) == 0))
            *out = a->known[i].a;
    pthread_mutex_unlock(&a->lock);
    return found;
}

/* Without memory to remember it, the question is asked again. */
static void remember(bs_cpu_answers *a, const question *q, const answer *found)
{
    pthread_mutex_lock(&a->lock);
    if (bs_grow(&a->known, &a->cap, a->n + 1, sizeof *a->known, "answers") == BS_OK)
        a->known[a->n++] = (known){*q, *found};
    else
        bs_error_clear();
    pthread_mutex_unlock(&a->lock);
}

/* Looks a question up in the cache, or stores its answer there. */
static bool use_cache(const bs_cpu_answers *a, const question *q, answer *x, bool store)
{
    fact_key key = a->key;
    char subject[96];
    const bs_conv_shape *s = &q->layer;
    key.q = *q;
    snprintf(subject, sizeof subject, "%dx%d, %d of %dx%dx%d", s->kernel[0], s->kernel[1], s->filters,
             s->channels, s->in_h, s->in_w);
    const bs_fact fact = {q->skip < 0 ? "selection" : "patch", &key, sizeof key, subject};
    if (store)
        bs_cache_put(a->cache, &fact, x, sizeof *x);
    return !store && bs_cache_get_fixed(a->cache, &fact, x, sizeof *x);
}

static answer named(int choice, const bs_conv_impl *impl)
{
    answer x = {.choice = choice};
    if (impl)
        snprintf(x.impl, sizeof x.impl, "%s", bs_conv_impl_name(impl));
    return x;
}

static bool is_named(const answer *x, const bs_conv_impl *impl)
{
    return impl && strncmp(x->impl, bs_conv_impl_name(impl), sizeof x->impl) == 0;
}

static void chunk_shapes(bs_conv_shape shapes[BS_CPU_CHUNKS], const bs_cpu_matrix *m)
{
    for (int i = 0; i < m->chunks; i++)
        shapes[i] = bs_cpu_chunk_shape(m, bs_cpu_filter_groups(m), i);
}

void bs_cpu_geometry_resize(bs_cpu_matrix *m, const int in[2], const int out[2])
{
    m->shape.in_h = in[0];
    m->shape.in_w = in[1];
    m->shape.out_h = out[0];
    m->shape.out_w = out[1];
    memset(m->shape.pad, 0, sizeof m->shape.pad);
    m->in_row = (int64_t)m->shape.channels * in[0] * in[1];
    m->out_row = (int64_t)m->shape.filters * out[0] * out[1];
    m->chunks = bs_cpu_conv_chunks((int64_t)out[0] * out[1]);
    while (m->chunks > 1 && (int64_t)out[0] * out[1] << (m->chunks - 1) > PATCH_PIXELS)
        m->chunks--;
}

bs_status bs_cpu_way_impl(bs_conv_impl **out, bs_cpu_way way, bs_dnn *dnn, const bs_cpu_matrix *layer,
                          const bs_cpu_matrix *patch)
{
    bs_conv_shape shapes[BS_CPU_CHUNKS];
    chunk_shapes(shapes, patch);
    return way == BS_CPU_WAY_ALIKE ? bs_conv_impl_like(out, layer->impl, shapes, patch->chunks)
                                   : bs_conv_impl_create(out, dnn, shapes, patch->chunks, 0);
}

/* Tries a way. No memory is an error, anything else is an answer. */
static bs_status try_way(answer *out, bool *exact, bs_cpu_answers *a, bs_cpu_way way,
                         const bs_cpu_reference *r, const bs_cpu_matrix *m, const bs_cpu_matrix *patch,
                         int threads)
{
    bs_conv_impl *own = NULL;
    bs_status st = BS_OK;
    *exact = false;
    if (way != BS_CPU_WAY_LAYERS)
        st = bs_cpu_way_impl(&own, way, a->dnn, m, patch);
    const bs_conv_impl *impl = way == BS_CPU_WAY_LAYERS ? m->impl : own;
    if (st == BS_OK && impl && (impl == m->impl || !bs_conv_impl_is_shape_bound(impl)))
        st = bs_cpu_patch_test(exact, &a->references, r, m, patch, impl, threads);
    if (*exact)
        *out = named(way, impl);
    bs_conv_impl_free(own);
    return st == BS_NO_MEMORY ? st : BS_OK;
}

static bs_status compare(answer *out, bs_cpu_answers *a, const bs_cpu_matrix *m, const bs_cpu_matrix *patch,
                         int threads)
{
    bs_cpu_reference *r;
    bool exact = false;
    *out = named(BS_CPU_WAY_NONE, NULL);
    atomic_fetch_add(&a->compared, 1);
    bs_status st = bs_cpu_reference_get(&r, &a->references, m);
    if (st != BS_OK)
        return st;
    for (int way = BS_CPU_WAY_LAYERS; way < BS_CPU_WAY_COUNT && st == BS_OK && !exact; way++)
        st = try_way(out, &exact, a, (bs_cpu_way)way, r, m, patch, threads);
    bs_cpu_reference_give_back(&a->references, r);
    return st;
}

/* Returns true if a cached answer can be followed: the library offers the implementation that it names. */
static bool can_follow(const answer *x, bs_cpu_answers *a, const bs_cpu_matrix *m, const bs_cpu_matrix *patch)
{
    bs_conv_impl *impl = NULL;
    if (x->choice == BS_CPU_WAY_NONE)
        return true;
    if (x->choice == BS_CPU_WAY_LAYERS)
        return is_named(x, m->impl);
    if (x->choice < 0 || x->choice >= BS_CPU_WAY_COUNT ||
        bs_cpu_way_impl(&impl, (bs_cpu_way)x->choice, a->dnn, m, patch) != BS_OK)
        return false;
    bool offered = is_named(x, impl);
    bs_conv_impl_free(impl);
    return offered;
}

bs_status bs_cpu_patch_way(bs_cpu_way *out, bs_cpu_answers *a, const bs_cpu_matrix *m, const int in_size[2],
                           const int out_size[2], int threads)
{
    question q = {.layer = m->shape, .chunks = m->chunks, .skip = m->skip};
    answer x;
    snprintf(q.impl, sizeof q.impl, "%s", bs_conv_impl_name(m->impl));
    memcpy(q.in_size, in_size, sizeof q.in_size);
    memcpy(q.out_size, out_size, sizeof q.out_size);
    *out = BS_CPU_WAY_NONE;
    if (!remembers(a, &q, &x)) {
        bs_cpu_matrix patch = *m;
        bs_cpu_geometry_resize(&patch, in_size, out_size);
        if (!use_cache(a, &q, &x, false) || !can_follow(&x, a, m, &patch)) {
            BS_TRY(compare(&x, a, m, &patch, threads)); /* no answer: nothing to remember */
            use_cache(a, &q, &x, true);
        }
        remember(a, &q, &x);
    }
    *out = (bs_cpu_way)x.choice;
    return BS_OK;
}

/* Sets *exact to whether patches of a few sizes come out exactly as the whole layer computes them. */
static bs_status patches_exact(bool *exact, bs_cpu_answers *a, const bs_cpu_matrix *m)
{
    const bs_conv_shape *s = &m->shape;
    *exact = true;
    for (int size = 2; *exact && size <= 8 && 2 * size <= s->out_h && 2 * size <= s->out_w; size *= 2) {
        int in[2], out[2] = {size, size};
        bs_cpu_way way;
        for (int i = 0; i < 2; i++)
            in[i] = (size - 1) * s->stride[i] + (s->kernel[i] - 1) * s->dilation[i] + 1;
        BS_TRY(bs_cpu_patch_way(&way, a, m, in, out, 1));
        *exact = way != BS_CPU_WAY_NONE;
    }
    return BS_OK;
}

/* Sets *needs to whether delta replay would have to run this layer whole although another implementation
 * might run its patches. */
static bs_status needs_another(bool *needs, bs_cpu_answers *a, const bs_cpu_matrix *m)
{
    bool exact;
    *needs = false;
    if (!m->impl || bs_conv_impl_is_shape_bound(m->impl))
        return BS_OK;
    BS_TRY(patches_exact(&exact, a, m));
    *needs = !exact;
    return BS_OK;
}

bs_status bs_cpu_select_at(bs_dnn *dnn, bs_cpu_matrix *m, int skip)
{
    bs_conv_shape shapes[BS_CPU_CHUNKS];
    bs_conv_impl_free(m->impl);
    m->impl = NULL;
    m->skip = skip;
    chunk_shapes(shapes, m);
    return bs_conv_impl_create(&m->impl, dnn, shapes, m->chunks, skip);
}

/* Sets m to the first implementation whose patches are exact; to the first of all if none is. */
static bs_status find_exact(bs_cpu_answers *a, bs_cpu_matrix *m)
{
    bool needs = true;
    int skip = 0;
    for (; needs && skip <= MAX_SKIP; skip += needs) {
        BS_TRY(bs_cpu_select_at(a->dnn, m, skip));
        BS_TRY(needs_another(&needs, a, m));
    }
    if (skip == 0)
        return BS_OK;
    if (!m->impl || skip > MAX_SKIP || bs_conv_impl_is_shape_bound(m->impl) ||
        bs_conv_impl_is_reference(m->impl))
        return bs_cpu_select_at(a->dnn, m, 0);
    return BS_OK;
}

bs_status bs_cpu_select(bs_cpu_answers *a, bs_cpu_matrix *m, bool convolution)
{
    const question q = {.layer = m->shape, .chunks = m->chunks, .skip = -1};
    answer x;
    if (!convolution)
        return bs_cpu_select_at(a->dnn, m, 0);
    if (use_cache(a, &q, &x, false) && x.choice >= 0 && x.choice <= MAX_SKIP &&
        bs_cpu_select_at(a->dnn, m, x.choice) == BS_OK && is_named(&x, m->impl))
        return BS_OK;
    BS_TRY(find_exact(a, m));
    x = named(m->skip, m->impl);
    use_cache(a, &q, &x, true);
    return BS_OK;
}
