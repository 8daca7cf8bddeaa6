/* Blocks of threads, one block after the other. A block's threads take turns: each runs until it meets others
 * (where its warp joins values, at the block's barrier) or ends, in an order that is another one each time
 * where BITSINK_SIM_ORDER says so. A meeting to which not all come is a mistake of the kernel's and ends the
 * process.
 *
 * Threads run on fibres: a fibre calls one after the other until one of them has to wait, keeps that one, and
 * leaves the rest to another fibre. */
#include "sim_inside.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WARP = 32, MOST_THREADS = 1024, MOST_ARRAYS = 16, MOST_SHARED = 48 << 10 };

/* Of a thread: begins or goes on, is at the block's barrier or at a meeting of its warp, or at the end. */
#define X(name, ...) JOINS_##name,
typedef enum state { READY, ENDED, SYNCS, ANY, BS_WARP_FUNCTIONS(X) } state;
#undef X
#define X(name, ...) , "bs_warp_" #name
static const char *const state_names[] = {"begin", "end", "bs_block_sync",
                                          "bs_warp_any" BS_WARP_FUNCTIONS(X)};
#undef X

typedef struct sim_thread {
    bs_thread self;
    state state;
    const char *where; /* in the kernel's text */
    uint64_t value;    /* that it gives, and then what it gets */
    sim_fibre *fibre;
} sim_thread;

typedef struct array {
    const char *where;
    void *data;
    uint64_t bytes;
} array;

/* The state with which a thread of the host runs blocks. */
typedef struct processor {
    const sim_grid *grid;
    uint32_t block[2];
    sim_thread thread[MOST_THREADS];
    sim_thread *now; /* NULL: none */
    sim_order order;
    sim_sequence blocks, warps, threads; /* still to run: of the grid, the block, the warp */
    uint32_t first, threads_of_warp;     /* of the running warp */
    bool joining, waiting;    /* one of the warp is in a meeting, one of the block at its barrier */
    array array[MOST_ARRAYS]; /* shared memory of the block */
    int arrays;
    sim_fibre *host, *current;                         /* the host's own stack; where `now` runs */
    sim_fibre *all[MOST_THREADS], *idle[MOST_THREADS]; /* fibres, those that no thread keeps */
    int n_all, n_idle;
} processor;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static _Thread_local processor *mine;

static void free_processor(void *p_)
{
    processor *p = p_;
    for (int i = 0; i < p->n_all; i++)
        bs_sim_fibre_free(p->all[i]);
    bs_sim_fibre_free(p->host);
    free(p);
}

static void make_key(void)
{
    pthread_key_create(&key, free_processor);
}

static processor *get_processor(void)
{
    if (!mine) {
        pthread_once(&once, make_key);
        mine = calloc(1, sizeof *mine);
        if (!mine)
            bs_sim_die("out of memory");
        mine->current = mine->host = bs_sim_fibre_create(NULL, NULL);
        pthread_setspecific(key, mine);
    }
    return mine;
}

bool bs_sim_running(char *text, size_t size)
{
    const processor *p = mine;
    if (!p || !p->grid)
        return false;
    int n = snprintf(text, size, "%s, block (%u, %u)", p->grid->name, p->block[0], p->block[1]);
    if (p->now && n > 0 && (size_t)n < size)
        snprintf(text + n, size - (size_t)n, ", thread %u", p->now->self.thread);
    return true;
}

/* --- meetings --- */

static bool alike(const sim_thread *a, const sim_thread *b)
{
    bool met = a->state != READY && a->state != ENDED;
    return a->state == b->state && (!met || a->where == b->where || !strcmp(a->where, b->where));
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* "threads 0-4 6-31 at bs_warp_any (delta.cu:15); threads 5 at end": of n threads from number `first` on. */
static void tell_apart(char *text, size_t size, const sim_thread *all, uint32_t first, uint32_t n)
{
    bool told[MOST_THREADS] = {false};
    size_t at = 0;
    for (uint32_t i = 0; i < n && at < size; i++) {
        const sim_thread *l = &all[first + i];
        if (told[i])
            continue;
        at += (size_t)snprintf(text + at, size - at, "%sthreads", at ? "; " : "");
        for (uint32_t k = i; k < n && at < size; k++) {
            uint32_t end = k;
            while (end < n && !told[end] && alike(l, &all[first + end]))
                told[end++] = true;
            if (end > k)
                at += (size_t)snprintf(text + at, size - at, end > k + 1 ? " %u-%u" : " %u", first + k,
                                       first + end - 1);
            k = end > k ? end - 1 : k;
        }
        if (at < size)
            at += (size_t)snprintf(text + at, size - at, " at %s", state_names[l->state]);
        if (at < size && l->state > ENDED)
            at += (size_t)snprintf(text + at, size - at, " (%s)", base_name(l->where));
    }
}

static _Noreturn void die_apart(processor *p, const char *what, uint32_t first, uint32_t n)
{
    char text[1000] = "";
    tell_apart(text, sizeof text, p->thread, first, n);
    p->now = NULL;
    bs_sim_die("%s: %s", what, text);
}

static _Noreturn void die_warp(processor *p)
{
    char what[80];
    snprintf(what, sizeof what, "warp %u of %u threads diverges", p->first / WARP, p->threads_of_warp);
    die_apart(p, what, p->first, p->threads_of_warp);
}

#define X(name, type, combination)                                                                           \
    static uint64_t join_##name(uint64_t left, uint64_t right)                                               \
    {                                                                                                        \
        type a, b;                                                                                           \
        memcpy(&a, &left, sizeof a);                                                                         \
        memcpy(&b, &right, sizeof b);                                                                        \
        a = combination;                                                                                     \
        memcpy(&left, &a, sizeof a);                                                                         \
        return left;                                                                                         \
    }
BS_WARP_FUNCTIONS(X)
#undef X

static uint64_t join(state how, uint64_t a, uint64_t b)
{
    switch (how) {
#define X(name, ...)                                                                                         \
    case JOINS_##name:                                                                                       \
        return join_##name(a, b);
        BS_WARP_FUNCTIONS(X)
#undef X
    default:
        return a | b;
    }
}

/* Joins the values of the warp's threads: if one of them gives a value, all have to. */
static void join_warp(processor *p)
{
    sim_thread *l = &p->thread[p->first];
    for (uint32_t i = 0; i < p->threads_of_warp; i++)
        if (p->threads_of_warp < WARP || !alike(&l[0], &l[i]))
            die_warp(p);
    for (uint32_t half = WARP / 2; half; half /= 2)
        for (uint32_t i = 0; i < half; i++)
            l[i].value = join(l->state, l[i].value, l[i + half].value);
    for (uint32_t i = 0; i < WARP; i++) {
        l[i].value = l[0].value;
        l[i].state = READY;
    }
    p->joining = false;
}

/* The barrier, where one thread waits: all have to. */
static void join_block(processor *p)
{
    sim_thread *l = p->thread;
    for (uint32_t i = 0; i < p->grid->threads; i++)
        if (!alike(&l[0], &l[i]))
            die_apart(p, "not all threads reach the barrier", 0, p->grid->threads);
    for (uint32_t i = 0; i < p->grid->threads; i++)
        l[i].state = READY;
    p->waiting = false;
}

/* --- shared memory --- */

void *bs_sim_shared(uint64_t bytes, const char *where)
{
    processor *p = mine;
    uint64_t total = bytes;
    for (int i = 0; i < p->arrays; i++) {
        if (!strcmp(p->array[i].where, where))
            return p->array[i].data;
        total += p->array[i].bytes;
    }
    if (total > MOST_SHARED || p->arrays == MOST_ARRAYS)
        bs_sim_die("more shared memory than a block has: %llu bytes", (unsigned long long)total);
    array a = {where, malloc(bytes), bytes};
    if (!a.data)
        bs_sim_die("out of memory");
    memset(a.data, 0xff, bytes);
    p->array[p->arrays++] = a;
    return a.data;
}

static void free_shared(processor *p)
{
    while (p->arrays)
        free(p->array[--p->arrays].data);
}

/* --- turns --- */

static void begin_block(processor *p)
{
    const sim_grid *g = p->grid;
    uint64_t b = bs_sim_take(&p->blocks);
    uint32_t n = g->threads;
    p->block[0] = (uint32_t)(b % g->blocks[0]);
    p->block[1] = (uint32_t)(b / g->blocks[0]);
    for (uint32_t t = 0; t < n; t++) {
        sim_thread *l = &p->thread[t];
        l->state = READY;
        l->fibre = NULL;
        l->self = (bs_thread){p->block[1], g->blocks[1], p->block[0] * n + t, g->blocks[0] * n, t};
    }
    p->warps = bs_sim_sequence(&p->order, (n + WARP - 1) / WARP);
}

static void begin_warp(processor *p)
{
    p->first = (uint32_t)bs_sim_take(&p->warps) * WARP;
    uint32_t rest = p->grid->threads - p->first;
    p->threads_of_warp = rest < WARP ? rest : WARP;
    p->threads = bs_sim_sequence(&p->order, p->threads_of_warp);
}

/* The next thread to run: of the warp, until all of its threads wait for the block or have ended; then of the
 * block's next one; and when all of the block wait, or have ended, from the first one on, or of the next
 * block. NULL: the grid is done. */
static sim_thread *pick(processor *p)
{
    for (;;) {
        while (p->threads.left) {
            sim_thread *l = &p->thread[p->first + bs_sim_take(&p->threads)];
            if (l->state == READY)
                return l;
        }
        if (p->joining) {
            join_warp(p);
            p->threads = bs_sim_sequence(&p->order, WARP);
        } else if (p->warps.left) {
            begin_warp(p);
        } else if (p->waiting) {
            join_block(p);
            p->warps = bs_sim_sequence(&p->order, (p->grid->threads + WARP - 1) / WARP);
        } else {
            free_shared(p);
            if (!p->blocks.left)
                return NULL;
            begin_block(p);
        }
    }
}

static void switch_to(processor *p, sim_thread *l, sim_fibre *to)
{
    sim_fibre *from = p->current;
    p->now = l;
    p->current = to;
    bs_sim_fibre_switch(from, to);
}

/* A fibre's life: it is switched to with a thread to run. */
static void run_threads(void *p_)
{
    processor *p = p_;
    for (;;) {
        p->grid->run(p->grid->args, &p->now->self);
        p->now->state = ENDED;
        sim_thread *next = pick(p);
        if (next && !next->fibre) {
            p->now = next;
            continue;
        }
        p->idle[p->n_idle++] = p->current;
        switch_to(p, next, next ? next->fibre : p->host);
    }
}

/* On the fibre that keeps it, or one that keeps none. */
static void go_on(processor *p, sim_thread *l)
{
    sim_fibre *f = l->fibre;
    if (!f && p->n_idle)
        f = p->idle[--p->n_idle];
    if (!f)
        f = p->all[p->n_all++] = bs_sim_fibre_create(run_threads, p);
    switch_to(p, l, f);
}

static uint64_t meet(state what, uint64_t value, const char *where)
{
    processor *p = mine;
    sim_thread *l = p->now;
    l->state = what;
    l->where = where;
    l->value = value;
    l->fibre = p->current;
    p->waiting = p->waiting || what == SYNCS;
    p->joining = p->joining || what != SYNCS;
    sim_thread *next = pick(p);
    if (next != l)
        go_on(p, next);
    return l->value;
}

void bs_sim_sync(const char *where)
{
    meet(SYNCS, 0, where);
}

int bs_sim_any(int v, const char *where)
{
    return (int)meet(ANY, v != 0, where);
}

#define X(name, type, combination)                                                                           \
    type bs_sim_##name(type v, const char *where)                                                            \
    {                                                                                                        \
        uint64_t value = 0;                                                                                  \
        memcpy(&value, &v, sizeof v);                                                                        \
        value = meet(JOINS_##name, value, where);                                                            \
        memcpy(&v, &value, sizeof v);                                                                        \
        return v;                                                                                            \
    }
BS_WARP_FUNCTIONS(X)
#undef X

void bs_sim_run_grid(const sim_grid *g)
{
    processor *p = get_processor();
    p->grid = g;
    p->order = g->order;
    p->blocks = bs_sim_sequence(&p->order, (uint64_t)g->blocks[0] * g->blocks[1]);
    go_on(p, pick(p));
    p->grid = NULL;
}
