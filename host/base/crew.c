#include "base/crew.h"

#include "base/buf.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

typedef struct member {
    pthread_t thread;
    bs_status (*fn)(void *, int);
    void *shared;
    int number;
    bs_error error;
} member;

static void *run_member(void *arg)
{
    member *m = arg;
    bs_error_clear();
    if (m->fn(m->shared, m->number) != BS_OK)
        bs_error_save(&m->error);
    return NULL;
}

bs_status bs_crew_run(int threads, bs_status (*fn)(void *shared, int worker), void *shared)
{
    member *m;
    BS_TRY(bs_calloc(&m, (size_t)threads, sizeof *m, "threads"));
    int started = 0, failed = 0;
    for (; started < threads && !failed; started++) {
        m[started] = (member){.fn = fn, .shared = shared, .number = started};
        failed = pthread_create(&m[started].thread, NULL, run_member, &m[started]);
        if (failed)
            break;
    }
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
