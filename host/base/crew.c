#include "base/crew.h"

#include "base/buf.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Where members wait for each other. */
typedef struct meeting {
    pthread_mutex_t lock;
    pthread_cond_t change;
    bool starting;        /* more members may come */
    int members, waiting; /* those that run, and of these who wait here */
    unsigned round;
    bool failed; /* a member has */
} meeting;

typedef struct member {
    meeting *meeting;
    pthread_t thread;
    bs_status (*fn)(void *, int);
    void *shared;
    int number;
    bs_error error;
} member;

static _Thread_local meeting *mine; /* of the crew that this thread works in */

/* Goes on when nobody is missing. The lock is held. */
static void count(meeting *m)
{
    if (m->starting || m->failed || m->waiting < m->members)
        return;
    m->waiting = 0;
    m->round++;
    pthread_cond_broadcast(&m->change);
}

bs_status bs_crew_meet(void)
{
    meeting *m = mine;
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

static void *run_member(void *arg)
{
    member *m = arg;
    mine = m->meeting;
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

/* How many could be started; *failed: why not all. */
static int start_members(member *m, int threads, int *failed, meeting *meet, bs_status (*fn)(void *, int),
                         void *shared)
{
    int started = 0;
    while (started < threads && !*failed) {
        m[started] = (member){.meeting = meet, .fn = fn, .shared = shared, .number = started};
        pthread_mutex_lock(&meet->lock);
        *failed = pthread_create(&m[started].thread, NULL, run_member, &m[started]);
        meet->members += !*failed;
        pthread_mutex_unlock(&meet->lock);
        started += !*failed;
    }
    pthread_mutex_lock(&meet->lock);
    meet->starting = false;
    count(meet);
    pthread_mutex_unlock(&meet->lock);
    return started;
}

bs_status bs_crew_run(int threads, bs_status (*fn)(void *shared, int worker), void *shared)
{
    member *m;
    meeting meet = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, true, 0, 0, 0, false};
    BS_TRY(bs_calloc(&m, (size_t)threads, sizeof *m, "threads"));
    int failed = 0, started = start_members(m, threads, &failed, &meet, fn, shared);
    const bs_error *first = NULL;
    for (int i = 0; i < started; i++) {
        pthread_join(m[i].thread, NULL);
        if (m[i].error.status == BS_OK)
            continue;
        if (!first || (first->status == BS_STOPPED && m[i].error.status != BS_STOPPED))
            first = &m[i].error;
    }
    bs_status st = first                    ? bs_error_restore(first)
                   : failed && started == 0 ? bs_fail(BS_ERR, "cannot start a thread: %s", strerror(failed))
                                            : BS_OK;
    free(m);
    return st;
}
