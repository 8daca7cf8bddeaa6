/* Proves that teams work where the system does not give all threads, or none. The linker's --wrap directs
 * pthread_create() of this program to the function here. */
#include "support/testing.h"

#include "base/team.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

static int creations, fails_from; /* from this one on, counted from 1; 0: none */

int __real_pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*fn)(void *), void *arg);
int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*fn)(void *), void *arg);

int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*fn)(void *), void *arg)
{
    creations++;
    return fails_from && creations >= fails_from ? EAGAIN : __real_pthread_create(t, a, fn, arg);
}

enum { ASKED = 5, STARTED = 2, ROUNDS = 2, STUCK = 60 };

static bs_status meet_twice(void *shared, int worker)
{
    atomic_int *here = shared;
    if (worker >= STARTED)
        return bs_fail(BS_ERR, "worker %d has no thread", worker);
    for (int round = 0; round < ROUNDS; round++) {
        atomic_fetch_add(&here[round], 1);
        BS_TRY(bs_team_barrier());
        if (atomic_load(&here[round]) != STARTED)
            return bs_fail(BS_ERR, "round %d was not complete", round);
    }
    return BS_OK;
}

/* Members wait for those that are still to come, and not for those that do not. */
static void test_fewer(void **state)
{
    (void)state;
    alarm(STUCK);
    for (int times = 0; times < 50; times++) {
        atomic_int here[ROUNDS] = {0};
        creations = 0;
        fails_from = STARTED + 1;
        assert_ok(bs_team_run(ASKED, meet_twice, here));
        assert_int_equal(creations, STARTED + 1); /* none was asked for after that */
        assert_int_equal(here[0], STARTED);
        assert_int_equal(here[1], STARTED);
    }
    alarm(0);
}

static void test_none(void **state)
{
    (void)state;
    atomic_int here[ROUNDS] = {0};
    creations = 0;
    fails_from = 1;
    assert_error(bs_team_run(ASKED, meet_twice, here), "cannot start a thread");
    assert_int_equal(here[0], 0);
}

static void test_no_team(void **state)
{
    (void)state;
    assert_ok(bs_team_barrier());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fewer),
        cmocka_unit_test(test_none),
        cmocka_unit_test(test_no_team),
    };
    return run_suite(tests, NULL, NULL);
}
