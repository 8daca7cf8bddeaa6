/* Files that appear when they are complete: a failure leaves the old one, and nothing beside it. */
#include "support/testing.h"

#include "base/buf.h"
#include "base/new_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>

static char home[] = "/tmp/bitsink-new-file-XXXXXX";

static int enter(void **state)
{
    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    return mkdtemp(home) && chdir(home) == 0 ? 0 : -1;
}

static int leave(void **state)
{
    (void)state;
    return chdir("/") == 0 && rmdir(home) == 0 ? 0 : -1; /* no test leaves anything */
}

static void put(const char *path, const char *text)
{
    assert_ok(bs_write_file(path, text, strlen(text)));
}

static void assert_text(const char *path, const char *text)
{
    char *there;
    size_t n;
    assert_ok(bs_read_file(&there, &n, path, 1 << 20));
    assert_string_equal(there, text);
    free(there);
}

static mode_t mode_of(const char *path)
{
    struct stat s;
    assert_int_equal(lstat(path, &s), 0);
    return s.st_mode;
}

static void test_mode(void **state)
{
    (void)state;
    mode_t mask = umask(027);
    put("a", "one");
    assert_int_equal(mode_of("a") & 07777, 0640);
    assert_int_equal(chmod("a", 0604), 0);
    put("a", "two");
    assert_int_equal(mode_of("a") & 07777, 0604);
    assert_text("a", "two");
    umask(mask);
    unlink("a");
}

static void test_dropped(void **state)
{
    (void)state;
    bs_new_file n = {0};
    bs_new_file_drop(&n);
    put("a", "old");
    assert_ok(bs_new_file_open(&n, "a"));
    fputs("half", n.f);
    assert_text("a", "old");
    bs_new_file_drop(&n);
    assert_text("a", "old");
    assert_int_equal(access("a.part", F_OK), -1);
    unlink("a");
}

static void test_full(void **state)
{
    (void)state;
    struct rlimit old, small;
    static char text[9000];
    memset(text, 'x', sizeof text);
    put("a", "old");
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = (struct rlimit){4096, old.rlim_max};
    setrlimit(RLIMIT_FSIZE, &small);
    bs_status st = bs_write_file("a", text, sizeof text);
    setrlimit(RLIMIT_FSIZE, &old);
    assert_int_equal(st, BS_ERR);
    assert_string_equal(bs_error_message(), "cannot write 'a': File too large");
    assert_non_null(strstr(bs_error_hint(), "make room"));
    assert_text("a", "old");
    assert_int_equal(access("a.part", F_OK), -1);
    unlink("a");
}

static void test_links(void **state)
{
    (void)state;
    assert_int_equal(mkdir("d", 0777), 0);
    assert_int_equal(symlink("d/b", "a") | symlink("../e", "d/b"), 0);
    put("a", "new"); /* through two links, to a file that is not there yet */
    assert_text("e", "new");
    put("a", "newer");
    assert_text("e", "newer");
    assert_true(S_ISLNK(mode_of("a")) && S_ISLNK(mode_of("d/b")));
    assert_int_equal(symlink("loop", "loop"), 0);
    assert_error(bs_write_file("loop", "x", 1), "cannot write 'loop'");
    unlink("loop"), unlink("a"), unlink("d/b"), unlink("e"), rmdir("d");
}

static void test_refused(void **state)
{
    (void)state;
    assert_error(bs_write_file("", "x", 1), "cannot write '': No such file");
    assert_error(bs_write_file("nowhere/a", "x", 1), "cannot write 'nowhere/a': No such file");
    assert_int_equal(mkdir("d", 0777), 0);
    assert_error(bs_write_file("d", "x", 1), "cannot write 'd': Is a directory");
    rmdir("d");
    if (geteuid() != 0) { /* who may write everything */
        put("a", "old");
        chmod("a", 0444);
        assert_error(bs_write_file("a", "x", 1), "cannot write 'a': Permission denied");
        unlink("a");
    }
}

/* Devices, and what /proc names, are no files to replace. */
static void test_direct(void **state)
{
    (void)state;
    char name[64], text[8] = "";
    put("/dev/null", "x");
    assert_true(S_ISCHR(mode_of("/dev/null")));
    assert_error(bs_write_file("/dev/full", "x", 1), "cannot write '/dev/full': No space left");
    int fd = open("a", O_RDWR | O_CREAT, 0600);
    snprintf(name, sizeof name, "/dev/fd/%d", fd);
    put(name, "proc");
    assert_int_equal(pread(fd, text, 4, 0), 4);
    assert_string_equal(text, "proc");
    close(fd);
    unlink("a");
}

/* What a kill has left is removed, whatever it is; never what it leads to. */
static void test_leftovers(void **state)
{
    (void)state;
    put("mine", "mine");
    assert_int_equal(symlink("mine", "a.part"), 0);
    put("a", "one");
    assert_int_equal(link("mine", "a.part"), 0);
    put("a", "two");
    assert_text("mine", "mine");
    assert_text("a", "two");
    assert_int_equal(access("a.part", F_OK), -1);
    unlink("mine"), unlink("a");
}

static void test_two_writers(void **state)
{
    (void)state;
    bs_new_file n;
    assert_ok(bs_new_file_open(&n, "a"));
    fputs("first", n.f);
    assert_error(bs_write_file("a", "x", 1), "cannot write 'a': another process is writing it");
    assert_ok(bs_new_file_commit(&n));
    assert_text("a", "first");
    unlink("a");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mode),      cmocka_unit_test(test_dropped),     cmocka_unit_test(test_full),
        cmocka_unit_test(test_links),     cmocka_unit_test(test_refused),     cmocka_unit_test(test_direct),
        cmocka_unit_test(test_leftovers), cmocka_unit_test(test_two_writers),
    };
    return run_suite(tests, enter, leave);
}
