/* Streams: queued work runs when a call waits for it and not before, as late as a device may. What it
 * was given is then still there, or the run shows that it was not. */
#include "sim_inside.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of a copy to the device that is not made where nothing is computed. */
enum { PARAMETERS = 1 << 20 };

typedef struct task {
    struct task *next;
    const char *name;
    void (*run)(const void *arg);
    max_align_t arg[];
} task;

struct CUstream_st {
    pthread_mutex_t lock;
    task *first, **end;
    uint64_t queued, done; /* tasks, since it was created */
    int device;
    sim_note note;
    CUstream next; /* of all streams */
};

static pthread_mutex_t streams_lock = PTHREAD_MUTEX_INITIALIZER;
static CUstream streams;

struct CUevent_st {
    CUstream stream;
    uint64_t at; /* tasks of the stream before it */
};

static bool runs_late(void)
{
    const char *when = getenv("BITSINK_SIM_QUEUE");
    return !when || strcmp(when, "now") != 0;
}

static task *new_task(const char *name, void (*run)(const void *arg), size_t bytes)
{
    task *t = malloc(sizeof *t + bytes);
    if (!t)
        bs_sim_die("out of memory");
    *t = (task){.name = name, .run = run};
    return t;
}

static void run_task(int device, task *t)
{
    bs_sim_begin_work(device, t->name);
    t->run(t->arg);
    bs_sim_end_work();
    free(t);
}

static task *take(CUstream s)
{
    task *t = s->first;
    s->first = t->next;
    if (!s->first)
        s->end = &s->first;
    s->done++;
    return t;
}

/* Runs the stream until it has done `count` tasks. Device memory stays open between them. */
static void run_until(CUstream s, uint64_t count)
{
    bs_sim_begin_work(s->device, "a stream");
    while (s->first && s->done < count)
        run_task(s->device, take(s));
    bs_sim_end_work();
}

static void check_stream(CUstream s)
{
    if (s)
        bs_sim_check_owner(s->device, "a stream");
}

/* Without a stream at once. */
static void submit(CUstream s, task *t)
{
    check_stream(s);
    if (!s || !runs_late()) {
        run_task(bs_sim_device(), t);
        return;
    }
    pthread_mutex_lock(&s->lock);
    *s->end = t;
    s->end = &t->next;
    s->queued++;
    pthread_mutex_unlock(&s->lock);
}

void bs_sim_enqueue(CUstream s, const char *name, void (*run)(const void *arg), const void *arg, size_t bytes)
{
    task *t = new_task(name, run, bytes);
    memcpy(t->arg, arg, bytes);
    submit(s, t);
}

static void finish(CUstream s)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    run_until(s, s->queued);
    pthread_mutex_unlock(&s->lock);
}

sim_note *bs_sim_note(CUstream s)
{
    static _Thread_local sim_note own;
    return s ? &s->note : &own;
}

/* --- copies --- */

/* Counts a copy or a memset, if that is what the device does. */
static void count(const char *name, size_t bytes)
{
    if (bs_sim_counts())
        bs_sim_count_bytes(name, (double)bytes);
}

typedef struct copy {
    void *to;
    const void *from;
    size_t bytes;
    bool watched; /* `from` is pinned and must not change before the copy runs */
    uint64_t hash;
    char data[]; /* of pageable memory, which is read at once */
} copy;

static uint64_t hash(const void *data, size_t bytes)
{
    const unsigned char *p = data;
    uint64_t h = bytes, word = 0;
    for (; bytes >= sizeof word; p += sizeof word, bytes -= sizeof word) {
        memcpy(&word, p, sizeof word);
        h = (h ^ word) * 0x9e3779b97f4a7c15u;
        h ^= h >> 29;
    }
    for (; bytes; p++, bytes--)
        h = (h ^ *p) * 0x9e3779b97f4a7c15u;
    return h;
}

static void copy_in(const void *arg)
{
    const copy *c = arg;
    bs_sim_check_range(c->to, c->bytes);
    if (c->watched && hash(c->from, c->bytes) != c->hash)
        bs_sim_die("the pinned memory was written before the copy ran");
    memcpy(c->to, c->from ? c->from : c->data, c->bytes);
}

static void copy_out(const void *arg)
{
    const copy *c = arg;
    bs_sim_check_range(c->from, c->bytes);
    memcpy(c->to, c->from, c->bytes);
}

static void copy_across(const void *arg)
{
    const copy *c = arg;
    bs_sim_check_range(c->to, c->bytes);
    bs_sim_check_range(c->from, c->bytes);
    memcpy(c->to, c->from, c->bytes);
}

/* Returns true if a copy that waits may write this pinned memory. */
static bool fills_pinned(CUstream s)
{
    bool fills = false;
    if (!s)
        return false;
    pthread_mutex_lock(&s->lock);
    for (const task *t = s->first; t; t = t->next)
        fills = fills || t->run == copy_out;
    pthread_mutex_unlock(&s->lock);
    return fills;
}

CUresult cuMemcpyHtoDAsync(CUdeviceptr to, const void *from, size_t bytes, CUstream s)
{
    if (bs_sim_fails("cuMemcpyHtoDAsync"))
        return CUDA_ERROR_LAUNCH_FAILED;
    bool pinned = bs_sim_is_pinned(from, bytes);
    count("cuMemcpyHtoDAsync", bytes);
    if (bs_sim_counts() && !pinned && bytes >= PARAMETERS)
        return CUDA_SUCCESS;
    task *t = new_task("cuMemcpyHtoDAsync", copy_in, sizeof(copy) + (pinned ? 0 : bytes));
    copy *c = (copy *)t->arg;
    *c = (copy){.to = (void *)(uintptr_t)to, .bytes = bytes};
    if (pinned) {
        c->from = from;
        c->watched = !fills_pinned(s);
        c->hash = c->watched ? hash(from, bytes) : 0;
    } else {
        memcpy(c->data, from, bytes);
    }
    submit(s, t);
    return CUDA_SUCCESS;
}

/* Pageable memory is filled when the call returns. */
CUresult cuMemcpyDtoHAsync(void *to, CUdeviceptr from, size_t bytes, CUstream s)
{
    if (bs_sim_fails("cuMemcpyDtoHAsync"))
        return CUDA_ERROR_LAUNCH_FAILED;
    copy c = {.to = to, .from = (const void *)(uintptr_t)from, .bytes = bytes};
    count("cuMemcpyDtoHAsync", bytes);
    bs_sim_enqueue(s, "cuMemcpyDtoHAsync", copy_out, &c, sizeof c);
    if (!bs_sim_is_pinned(to, bytes))
        finish(s);
    return CUDA_SUCCESS;
}

CUresult cuMemcpyDtoDAsync(CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream s)
{
    if (bs_sim_fails("cuMemcpyDtoDAsync"))
        return CUDA_ERROR_LAUNCH_FAILED;
    copy c = {.to = (void *)(uintptr_t)to, .from = (const void *)(uintptr_t)from, .bytes = bytes};
    count("cuMemcpyDtoDAsync", bytes);
    if (!bs_sim_counts())
        bs_sim_enqueue(s, "cuMemcpyDtoDAsync", copy_across, &c, sizeof c);
    return CUDA_SUCCESS;
}

typedef struct setting {
    void *to;
    size_t bytes;
    unsigned char value;
} setting;

static void set(const void *arg)
{
    const setting *c = arg;
    bs_sim_check_range(c->to, c->bytes);
    memset(c->to, c->value, c->bytes);
}

CUresult cuMemsetD8Async(CUdeviceptr to, unsigned char value, size_t bytes, CUstream s)
{
    if (bs_sim_fails("cuMemsetD8Async"))
        return CUDA_ERROR_LAUNCH_FAILED;
    setting c = {(void *)(uintptr_t)to, bytes, value};
    count("cuMemsetD8Async", bytes);
    bs_sim_enqueue(s, "cuMemsetD8Async", set, &c, sizeof c);
    return CUDA_SUCCESS;
}

/* --- streams and events --- */

CUresult cuStreamCreate(CUstream *s, unsigned flags)
{
    (void)flags;
    *s = bs_sim_fails("cuStreamCreate") ? NULL : calloc(1, sizeof **s);
    if (!*s)
        return CUDA_ERROR_LAUNCH_FAILED;
    pthread_mutex_init(&(*s)->lock, NULL);
    (*s)->end = &(*s)->first;
    (*s)->device = bs_sim_device();
    pthread_mutex_lock(&streams_lock);
    (*s)->next = streams;
    streams = *s;
    pthread_mutex_unlock(&streams_lock);
    return CUDA_SUCCESS;
}

/* A lost device does nothing more. */
CUresult cuStreamDestroy(CUstream s)
{
    check_stream(s);
    pthread_mutex_lock(&streams_lock);
    CUstream *at = &streams;
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    pthread_mutex_unlock(&streams_lock);
    if (!bs_sim_lost(s->device))
        finish(s);
    while (s->first)
        free(take(s));
    pthread_mutex_destroy(&s->lock);
    free(s);
    return CUDA_SUCCESS;
}

CUresult cuStreamSynchronize(CUstream s)
{
    check_stream(s);
    if (bs_sim_fails("cuStreamSynchronize"))
        return CUDA_ERROR_LAUNCH_FAILED;
    finish(s);
    return CUDA_SUCCESS;
}

CUresult cuCtxSynchronize(void)
{
    if (bs_sim_fails("cuCtxSynchronize"))
        return CUDA_ERROR_LAUNCH_FAILED;
    pthread_mutex_lock(&streams_lock);
    for (CUstream s = streams; s; s = s->next)
        if (s->device == bs_sim_device())
            finish(s);
    pthread_mutex_unlock(&streams_lock);
    return CUDA_SUCCESS;
}

CUresult cuEventCreate(CUevent *e, unsigned flags)
{
    (void)flags;
    *e = calloc(1, sizeof **e);
    return *e ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}

CUresult cuEventDestroy(CUevent e)
{
    free(e);
    return CUDA_SUCCESS;
}

CUresult cuEventRecord(CUevent e, CUstream s)
{
    check_stream(s);
    *e = (struct CUevent_st){s, s ? s->queued : 0};
    return CUDA_SUCCESS;
}

/* The stream is still there. */
CUresult cuEventSynchronize(CUevent e)
{
    if (!e->stream)
        return CUDA_SUCCESS;
    check_stream(e->stream);
    pthread_mutex_lock(&e->stream->lock);
    run_until(e->stream, e->at);
    pthread_mutex_unlock(&e->stream->lock);
    return CUDA_SUCCESS;
}

CUresult cuEventElapsedTime(float *ms, CUevent from, CUevent to)
{
    (void)from;
    (void)to;
    *ms = 0.0f;
    return CUDA_SUCCESS;
}
