/* Memory of the simulated device. Every allocation has pages of its own and ends, to 256 bytes, where pages
 * begin that nobody may touch; no address is ever given out again, so one that was freed is known for ever.
 *
 * The host may not touch device memory at all: it is closed but for the work of its device, which opens an
 * allocation when it first touches it; the last work of a device that ends closes all of its own. A
 * kernel of another device, or a host thread, that reads while another thread's work runs may go unnoticed,
 * and a host thread that reads once, late in a long run: see SOMETIMES. A debugger should leave SIGSEGV to
 * the program. */
#include "sim_inside.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#ifdef BITSINK_SANITIZE
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, bytes) ((void)(p), (void)(bytes))
#endif

/* Closing takes time: after this many times only now and then. */
enum { ALWAYS = 1000, SOMETIMES = 16 };
enum { PAGE = 4096, PIECE = 32 * PAGE, HUGE = 2 << 20, ALIGNMENT = 256, POISON = 64 << 20 };
static const size_t ROOM = (size_t)1 << 42; /* of each arena */

typedef struct allocation {
    uintptr_t at;
    size_t bytes;
    bool live;
} allocation;

/* Addresses, given out one after the other. */
typedef struct arena {
    uintptr_t start, next;
    allocation *list; /* ascending */
    size_t n, room;
    uintptr_t open_from, open_to; /* 0: nothing is open */
    int works;                    /* under way in all threads */
    long rests;                   /* how often there was none any more */
} arena;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static arena devices[SIM_DEVICES], host; /* `host`: pinned memory, which is never closed */
static struct sigaction before;
static _Thread_local const char *work;
static _Thread_local arena *at_work; /* whose work it is */

static uintptr_t page_of(uintptr_t at)
{
    return at / PAGE * PAGE;
}

static uintptr_t end_of(const allocation *a)
{
    return a->at + (a->bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* Large allocations consist of huge pages. */
static bool is_huge(size_t bytes)
{
    return bytes >= HUGE;
}

/* --- what is where --- */

/* The last allocation that begins at or before an address; NULL: there is none. */
static allocation *find(const arena *a, uintptr_t at)
{
    size_t low = 0, high = a->n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (a->list[middle].at <= at)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? &a->list[low - 1] : NULL;
}

/* The live allocation that has these bytes; NULL: none has all. */
static allocation *find_live(const arena *a, uintptr_t at, size_t bytes)
{
    allocation *b = find(a, at);
    return b && b->live && at - b->at <= b->bytes && bytes <= b->bytes - (at - b->at) ? b : NULL;
}

static bool contains(const arena *a, uintptr_t at)
{
    return a->start && at - a->start < ROOM;
}

/* NULL: nobody's. */
static arena *owner(uintptr_t at)
{
    for (int d = 0; d < SIM_DEVICES; d++)
        if (contains(&devices[d], at))
            return &devices[d];
    return contains(&host, at) ? &host : NULL;
}

/* "ADDRESS, which is ...", for messages. */
static void describe(char *text, size_t size, uintptr_t at)
{
    const arena *a = owner(at);
    const allocation *b = a ? find(a, at) : NULL;
    int n;
    if (!a)
        n = snprintf(text, size, "%#zx, which is nobody's", (size_t)at);
    else if (!b)
        n = snprintf(text, size, "%#zx, before all allocations", (size_t)at);
    else if (at < b->at + b->bytes)
        n = snprintf(text, size, "%#zx, byte %zu of %zu%s", (size_t)at, (size_t)(at - b->at), b->bytes,
                     b->live ? "" : " that were freed");
    else
        n = snprintf(text, size, "%#zx, %zu bytes after the end of %zu%s", (size_t)at,
                     (size_t)(at - b->at - b->bytes), b->bytes, b->live ? "" : " that were freed");
    if (a && a != &host && bs_sim_devices() > 1)
        snprintf(text + n, size - (size_t)n, ", of device %d", (int)(a - devices));
}

/* --- opening and closing --- */

/* Opens pages of a device's allocation at an address, as opening and closing take their time by the page;
 * false: it has none there. Its first page may hold something before it. */
static bool open_at(arena *a, uintptr_t at)
{
    allocation *b = find(a, page_of(at) + PAGE - 1);
    if (!contains(a, at) || !b || !b->live || at >= end_of(b))
        return false;
    uintptr_t piece = is_huge(b->bytes) ? HUGE : PIECE, from = at / piece * piece, to = from + piece;
    from = from < page_of(b->at) ? page_of(b->at) : from;
    to = to > end_of(b) ? end_of(b) : to;
    if (mprotect((void *)from, to - from, PROT_READ | PROT_WRITE))
        bs_sim_die("mprotect: %s", strerror(errno));
    a->open_from = !a->open_to || from < a->open_from ? from : a->open_from;
    a->open_to = to > a->open_to ? to : a->open_to;
    return true;
}

/* Another thread's fault may have opened the page already: the access is tried again. */
static void on_fault(int signal, siginfo_t *info, void *context)
{
    int saved = errno;
    uintptr_t at = (uintptr_t)info->si_addr;
    char text[200];
    (void)signal, (void)context;
    pthread_mutex_lock(&lock);
    bool opened = work && open_at(at_work, at), ours = owner(at) != NULL;
    if (!opened)
        describe(text, sizeof text, at);
    pthread_mutex_unlock(&lock);
    if (!opened && (work || ours))
        bs_sim_die("touches %s memory at %s", contains(&host, at) ? "pinned" : "device", text);
    if (!opened)
        sigaction(SIGSEGV, &before, NULL); /* none of ours: the fault comes again */
    errno = saved;
}

/* Test programs set handlers of their own, so this looks again each time. */
static void catch_faults(void)
{
    struct sigaction now, ours = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, NULL, &now);
    if (now.sa_flags & SA_SIGINFO && now.sa_sigaction == on_fault)
        return;
    before = now;
    sigaction(SIGSEGV, &ours, NULL);
}

static void close_all(arena *a)
{
    if (a->open_to && mprotect((void *)a->open_from, a->open_to - a->open_from, PROT_NONE))
        bs_sim_die("mprotect: %s", strerror(errno));
    a->open_to = 0;
}

/* What other devices left open is closed, or work of this one might use it. */
void bs_sim_begin_work(int device, const char *name)
{
    pthread_mutex_lock(&lock);
    for (int d = 0; d < SIM_DEVICES; d++)
        if (d != device && devices[d].works == 0)
            close_all(&devices[d]);
    if (devices[device].works++ == 0)
        catch_faults();
    pthread_mutex_unlock(&lock);
    work = name;
    at_work = &devices[device];
}

void bs_sim_end_work(void)
{
    arena *a = at_work;
    work = NULL;
    pthread_mutex_lock(&lock);
    if (--a->works == 0 && (a->rests++ < ALWAYS || a->rests % SOMETIMES == 0))
        close_all(a);
    pthread_mutex_unlock(&lock);
}

const char *bs_sim_work(void)
{
    return work;
}

/* --- allocations --- */

static void *reserve(uintptr_t at, size_t bytes)
{
    void *p = mmap((void *)at, bytes, PROT_NONE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | (at ? MAP_FIXED : 0), -1, 0);
    if (p == MAP_FAILED)
        bs_sim_die("mmap: %s", strerror(errno));
    return p;
}

/* Its address, or 0. */
static uintptr_t place(arena *a, size_t bytes)
{
    size_t used = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT, pages = page_of(used + PAGE - 1);
    if (!a->start)
        a->start = a->next = (uintptr_t)reserve(0, ROOM);
    if (a->n == a->room) {
        a->room = 2 * a->room + 64;
        a->list = realloc(a->list, a->room * sizeof *a->list);
    }
    uintptr_t from = a->next + PAGE;
    if (is_huge(bytes))
        from = (from + HUGE - 1) / HUGE * HUGE;
    if (!a->list || bytes > ROOM || from + pages + PAGE > a->start + ROOM)
        return 0;
    uintptr_t at = from + pages - used;
    a->next = from + pages;
    if (is_huge(bytes) && !bs_sim_counts())
        madvise((void *)from, pages, MADV_HUGEPAGE);
    a->list[a->n++] = (allocation){at, bytes, true};
    ASAN_POISON_MEMORY_REGION((void *)page_of(at), at - page_of(at));
    ASAN_POISON_MEMORY_REGION((void *)(at + bytes), used - bytes);
    return at;
}

void *bs_sim_map(bool pinned, size_t bytes)
{
    int device = bs_sim_device();
    pthread_mutex_lock(&lock);
    uintptr_t at = place(pinned ? &host : &devices[device], bytes);
    pthread_mutex_unlock(&lock);
    void *p = (void *)at;
    if (!at)
        return NULL;
    bool open = pinned || bs_sim_counts(); /* who counts uses few pages, now and then */
    if (open && mprotect((void *)page_of(at), at - page_of(at) + bytes, PROT_READ | PROT_WRITE))
        bs_sim_die("mprotect: %s", strerror(errno));
    if (!open) {
        bs_sim_begin_work(device, "cuMemAlloc");
        memset(p, 0xff, bytes < POISON ? bytes : POISON); /* NaN: memory that is never written shows */
        bs_sim_end_work();
    }
    return p;
}

size_t bs_sim_unmap(bool pinned, void *p, const char *call)
{
    int device = bs_sim_device();
    pthread_mutex_lock(&lock);
    const arena *has = owner((uintptr_t)p);
    allocation *a = find(pinned ? &host : &devices[device], (uintptr_t)p);
    bool good = a && a->at == (uintptr_t)p && a->live;
    size_t bytes = good ? a->bytes : 0;
    if (good) {
        a->live = false;
        reserve(page_of(a->at), end_of(a) - page_of(a->at));
    }
    pthread_mutex_unlock(&lock);
    if (!pinned && has && has != &host)
        bs_sim_check_owner((int)(has - devices), "memory");
    if (!good)
        bs_sim_die("%s(%p): not an allocation, or freed before", call, p);
    return bytes;
}

bool bs_sim_is_pinned(const void *p, size_t bytes)
{
    pthread_mutex_lock(&lock);
    bool is = find_live(&host, (uintptr_t)p, bytes);
    pthread_mutex_unlock(&lock);
    return is;
}

void bs_sim_check_range(const void *p, size_t bytes)
{
    char text[200];
    pthread_mutex_lock(&lock);
    bool good = find_live(at_work, (uintptr_t)p, bytes);
    if (!good)
        describe(text, sizeof text, (uintptr_t)p);
    pthread_mutex_unlock(&lock);
    if (!good)
        bs_sim_die("%zu bytes of device memory from %s", bytes, text);
}
