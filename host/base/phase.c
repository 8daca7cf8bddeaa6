#include "base/phase.h"

#include "base/log.h"
#include "base/resources.h"

#include <pthread.h>
#include <stdbool.h>
#include <time.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of `name` and `since`, which the ticker reads */
static const char *name;                                 /* of the running phase, NULL: none */
static double since, start;
static bool shown, ticking;

static const double patience = 1.0; /* seconds until a phase is shown as progress */

/* Shows a phase that takes long, until the process ends. */
static void *tick(void *unused)
{
    const struct timespec pause = {0, 250000000};
    (void)unused;
    for (;;) {
        nanosleep(&pause, NULL);
        pthread_mutex_lock(&lock);
        double seconds = bs_resources_clock() - since;
        if (name && seconds > patience)
            bs_progress_meanwhile("%s ... %.0f s", name, seconds);
        pthread_mutex_unlock(&lock);
    }
    return NULL;
}

static void start_ticker(void)
{
    pthread_t thread;
    if (ticking || !bs_progress_possible())
        return;
    ticking = true;
    if (pthread_create(&thread, NULL, tick, NULL) == 0)
        pthread_detach(thread);
}

void bs_phases_begin(void)
{
    start = bs_resources_clock();
}

double bs_phases_start(void)
{
    return start;
}

void bs_phases_show(void)
{
    shown = true;
}

void bs_phase(const char *next)
{
    double now = bs_resources_clock();
    pthread_mutex_lock(&lock);
    const char *before = name;
    double seconds = now - since;
    name = next;
    since = now;
    if (before && ticking)
        bs_progress_meanwhile("%s", "");
    pthread_mutex_unlock(&lock);
    if (before && shown)
        bs_info("timing: %-24s %8.3f s, done at %8.3f s", before, seconds, now - start);
    if (next)
        start_ticker();
}

void bs_phase_event(const char *event, double seconds)
{
    if (shown)
        bs_info("timing: %-24s %10s       at %8.3f s", event, "", seconds);
}

void bs_phases_end(void)
{
    bs_phase(NULL);
    if (shown)
        bs_info("timing: %-24s %8.3f s", "total", bs_resources_clock() - start);
}
