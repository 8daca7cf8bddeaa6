#include "base/team.h"

#include "base/buf.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* A barrier at which the members of a team wait for each other. */
typedef struct barrier {
    pthread_mutex_t lock;
    pthread_cond_t change;
    bool starting; /* more members may still be started */
    int started;
    int members, waiting; /* running members, and how many of them wait here */
    unsigned round;
    bool failed; /* a member has failed */
} barrier;

typedef struct member {
    barrier *barrier;
    pthread_t thread;
    bs_status (*fn)(void *, int);
    void *shared;
    int number;
    bs_error error;
} member;

static _Thread_local barrier *mine; /* of the team that this thread works in */

/* Releases the waiting members once all that run have arrived. The caller holds the lock. */
static void count(barrier *m)
{
    if (m->starting || m->failed || m->waiting < m->members)
        return;
    m->waiting = 0;
    m->round++;
    pthread_cond_broadcast(&m->change);
}

bs_status bs_team_barrier(void)
{
    barrier *m = mine;
    if (!m)
        return BS_OK;
    pthread_mutex_lock(&m->lock);
    unsigned round = m->round;
    m->waiting++;
    count(m);
    while (m->round == round && !m->failed)
        pthread_cond_wait(&m->change, &m->lock);
    bool together = m->round != round;
    pthread_mutex_unlock(&m->lock);
    return together ? BS_OK : bs_fail(BS_STOPPED, "another worker has failed");
}

int bs_team_size(void)
{
    barrier *m = mine;
    if (!m)
        return 1;
    pthread_mutex_lock(&m->lock);
    while (m->starting)
        pthread_cond_wait(&m->change, &m->lock);
    int n = m->started;
    pthread_mutex_unlock(&m->lock);
    return n;
}

static void *run_member(void *arg)
{
    member *m = arg;
    mine = m->barrier;
    bs_error_clear();
    bool failed = m->fn(m->shared, m->number) != BS_OK;
    if (failed)
        bs_error_save(&m->error);
    pthread_mutex_lock(&mine->lock);
    mine->failed |= failed;
    mine->members--;
    count(mine);
    pthread_cond_broadcast(&mine->change);
    pthread_mutex_unlock(&mine->lock);
    return NULL;
}

/* Starts the members and returns how many are running. *failed: errno of the one that could not be started,
 * or 0. */
static int start_members(member *m, int threads, int *failed, barrier *b, bs_status (*fn)(void *, int),
                         void *shared)
{
    int started = 0;
    while (started < threads && !*failed) {
        m[started] = (member){.barrier = b, .fn = fn, .shared = shared, .number = started};
        pthread_mutex_lock(&b->lock);
        *failed = pthread_create(&m[started].thread, NULL, run_member, &m[started]);
        b->members += !*failed;
        b->started += !*failed;
        pthread_mutex_unlock(&b->lock);
        started += !*failed;
    }
    pthread_mutex_lock(&b->lock);
    b->starting = false;
    count(b);
    pthread_cond_broadcast(&b->change);
    pthread_mutex_unlock(&b->lock);
    return started;
}

bs_status bs_team_run(int threads, bs_status (*fn)(void *shared, int worker), void *shared)
{
    member *m;
    barrier b = {.lock = PTHREAD_MUTEX_INITIALIZER, .change = PTHREAD_COND_INITIALIZER, .starting = true};
    BS_TRY(bs_calloc(&m, (size_t)threads, sizeof *m, "threads"));
    int failed = 0, started = start_members(m, threads, &failed, &b, fn, shared);
    const bs_error *first = NULL;
    for (int i = 0; i < started; i++) {
        pthread_join(m[i].thread, NULL);
        if (m[i].error.status == BS_OK)
            continue;
        if (!first || (first->status == BS_STOPPED && m[i].error.status != BS_STOPPED))
            first = &m[i].error;
    }
    bs_status st = first ? bs_error_restore(first) : BS_OK;
    if (!first && failed && started == 0) { /* EAGAIN: a limit of memory, or of processes */
        bs_fail(BS_NO_MEMORY, "cannot start a thread: %s", strerror(failed));
        st = bs_hint_memory();
    }
    free(m);
    return st;
}
