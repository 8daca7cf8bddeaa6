/* Proves what is shown of the phases of a command: lines with times if asked for, progress on a terminal. */
#include "support/testing.h"

#include "base/log.h"
#include "base/phase.h"
#include "base/resources.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

/* Runs `work` with stderr at `fd`. */
static void with_stderr(int fd, void (*work)(void))
{
    int before = stderr_to(fd);
    work();
    stderr_back(before);
}

static void pause_for(double seconds)
{
    struct timespec t = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    nanosleep(&t, NULL);
}

static void three_phases(void)
{
    bs_phase("first");
    pause_for(0.02);
    bs_phase("second");
    bs_phase(NULL); /* what is in no phase has no line */
    pause_for(0.01);
    bs_phase_event("something", 0.5);
    bs_phase("third");
    bs_phases_end();
}

static void times_are_printed_if_asked_for(void **state)
{
    (void)state;
    char text[1024] = "";
    double took[3], at[3], event, total;
    FILE *f = tmpfile();
    assert_non_null(f);
    bs_phases_begin();
    assert_true(bs_phases_start() > 0 && bs_phases_start() <= bs_resources_clock());
    with_stderr(fileno(f), three_phases);
    assert_int_equal(lseek(fileno(f), 0, SEEK_END), 0); /* nobody asked */
    bs_phases_show();
    bs_phases_begin();
    with_stderr(fileno(f), three_phases);
    assert_true(pread(fileno(f), text, sizeof text - 1, 0) > 0);
    fclose(f);
    int n =
        sscanf(text,
               "timing: first %lf s, done at %lf s timing: second %lf s, done at %lf s timing: something at "
               "%lf s timing: third %lf s, done at %lf s timing: total %lf s",
               &took[0], &at[0], &took[1], &at[1], &event, &took[2], &at[2], &total);
    assert_int_equal(n, 8);
    assert_true(took[0] >= 0.02 && at[0] >= took[0]);
    assert_true(at[1] + 0.001 >= at[0] + took[1] && at[2] >= at[1] + 0.009);
    assert_true(event == 0.5 && total >= at[2]);
}

static void slow_phase(void)
{
    bs_phase("slow");
    pause_for(1.4);
    bs_phase(NULL);
}

static void long_phases_are_shown_on_a_terminal(void **state)
{
    (void)state;
    char text[512] = "";
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0)
        skip("no pseudo-terminal can be made");
    int terminal = open(ptsname(master), O_RDWR | O_NOCTTY);
    assert_int_not_equal(terminal, -1);
    with_stderr(terminal, slow_phase);
    assert_true(read(master, text, sizeof text - 1) > 0);
    assert_non_null(strstr(text, "slow ... 1 s"));
    close(terminal);
    close(master);
}

static void some_progress(void)
{
    bs_progress_set_period(0.05);
    bs_progress("%d %%", 1); /* starts the clock */
    pause_for(0.1);
    bs_progress("%d %%", 2);
    bs_progress("%d %%", 3); /* too early again */
    bs_progress_meanwhile("a phase");
    bs_progress_end();
    bs_log_set_level(BS_LOG_WARN);
    pause_for(0.1);
    bs_progress("%d %%", 4);
    bs_log_set_level(BS_LOG_INFO);
    bs_progress("%d %%", 5);
}

/* A cluster's job has no terminal: its log gets a line once in a while, with the time. */
static void a_log_gets_lines(void **state)
{
    (void)state;
    char text[1024] = "";
    int year, percent[2], n = 0;
    FILE *f = tmpfile();
    assert_non_null(f);
    with_stderr(fileno(f), some_progress);
    assert_true(pread(fileno(f), text, sizeof text - 1, 0) > 0);
    fclose(f);
    assert_int_equal(sscanf(text,
                            "%4d-%*2d-%*2dT%*2d:%*2d:%*2dZ  %d %% %*d-%*2d-%*2dT%*2d:%*2d:%*2dZ  %d %%%n",
                            &year, &percent[0], &percent[1], &n),
                     3);
    assert_true(year > 2000 && percent[0] == 2 && percent[1] == 5);
    assert_string_equal(text + n, "\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_printed_if_asked_for),
        cmocka_unit_test(a_log_gets_lines),
        cmocka_unit_test(long_phases_are_shown_on_a_terminal),
    };
    return run_suite(tests, NULL, NULL);
}
