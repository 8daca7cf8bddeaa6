/* Nothing that can be wrong with the file of a cache or its folder is an error: a cache is done without, or
 * begins anew. */
#include "support/cache_fixture.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

static void fill(int n)
{
    bs_cache *c = open_in(folder);
    char key[16], value[512] = {0};
    for (int i = 0; i < n; i++) {
        const bs_fact f = fact("selection", key);
        snprintf(key, sizeof key, "%d", i);
        bs_cache_put(c, &(bs_fact){f.kind, key, strlen(key), ""}, value, sizeof value);
    }
    bs_cache_close(c);
}

static void test_damaged_file(void **state)
{
    (void)state;
    int lines;
    char junk[5000];
    memset(junk, 'x', sizeof junk);
    spoil(0, junk, sizeof junk);
    bs_cache *c = open_counted(folder, &lines);
    assert_int_equal(lines, 1);
    assert_works(c);
    spoil(0, "not a database", 15);
    c = open_counted(folder, &lines);
    assert_int_equal(lines, 1);
    assert_true(is(c, "new", NULL));
    assert_works(c);
    assert_int_equal(truncate(file, 100), 0);
    c = open_counted(folder, &lines);
    assert_int_equal(lines, 1);
    assert_works(c);
}

/* Pages that are found to be damaged only when they are read: other processes have the file open. */
static void test_damaged_pages(void **state)
{
    (void)state;
    char junk[4096];
    memset(junk, 0xee, sizeof junk);
    fill(200);
    bs_cache *c = open_in(folder), *other = open_in(folder);
    int64_t pages = number("PRAGMA page_count");
    for (int64_t i = 1; i < pages; i++)
        spoil(i * 4096, junk, sizeof junk);
    assert_true(is(c, "100", NULL));
    put(c, "mine", "1");
    bs_cache_flush(c);
    assert_true(is(other, "100", NULL) && is(other, "mine", "1"));
    put(other, "yours", "2");
    bs_cache_close(other);
    assert_true(is(c, "yours", "2"));
    assert_works(c);
}

static void test_versions(void **state)
{
    (void)state;
    int lines;
    bs_cache *c = open_in(folder);
    put(c, "one", "first");
    bs_cache_close(c);
    sql("PRAGMA user_version = 0");
    c = open_counted(folder, &lines);
    assert_int_equal(lines, 0);
    assert_true(is(c, "one", NULL));
    assert_works(c);
    sql("PRAGMA user_version = 1000");
    c = open_counted(folder, &lines);
    assert_int_equal(lines, 1);
    assert_works(c);
    sql("DROP TABLE fact; CREATE TABLE fact(a)");
    c = open_counted(folder, &lines);
    assert_int_equal(lines, 1);
    assert_works(c);
}

/* The database of another program is not thrown away. */
static void test_foreign(void **state)
{
    (void)state;
    int lines;
    char other[128];
    sql("CREATE TABLE precious(a)");
    bs_cache *c = open_counted(folder, &lines);
    assert_int_equal(lines, 1);
    assert_works(c);
    snprintf(other, sizeof other, "%s.other", file);
    assert_int_equal(rename(other, file), 0);
    assert_int_equal(number("SELECT count(*) FROM precious"), 0);
}

/* What cannot be used is done without: silently, but for a folder that the user named. */
static void test_no_folder(void **state)
{
    (void)state;
    int lines;
    char bad[160];
    spoil(0, "x", 1);
    snprintf(bad, sizeof bad, "%s/below", file); /* a file is no folder */
    assert_null(open_counted(bad, &lines));
    assert_int_equal(lines, 1);
    assert_null(open_counted(file, &lines));
    assert_int_equal(lines, 1);
    setenv("XDG_CACHE_HOME", file, 1);
    assert_null(open_counted(NULL, &lines));
    assert_int_equal(lines, 0);
    setenv("XDG_CACHE_HOME", "relative", 1);
    unsetenv("HOME");
    assert_null(open_counted(NULL, &lines));
    assert_null(bs_cache_path(NULL));
    snprintf(bad, sizeof bad, "%s/nobody", folder); /* such a home is not made */
    setenv("HOME", bad, 1);
    assert_null(open_counted(NULL, &lines));
    assert_int_equal(lines, 0);
    assert_int_not_equal(access(bad, F_OK), 0);
    setenv("HOME", folder, 1);
    bs_cache *c = open_counted(NULL, &lines);
    assert_non_null(c);
    assert_int_equal(lines, 0);
    bs_cache_close(c);
    char *path = bs_cache_path(NULL), wanted[160];
    snprintf(wanted, sizeof wanted, "%s/.cache/bitsink/facts.db", folder);
    assert_string_equal(path, wanted);
    assert_int_equal(access(path, R_OK | W_OK), 0);
    free(path);
    unlink(file);
    mkdir(file, 0700); /* and a folder is no file */
    assert_null(open_counted(folder, &lines));
    assert_int_equal(lines, 1);
    rmdir(file);
}

static bool reads_only(void)
{
    int lines;
    bs_cache *c = open_counted(folder, &lines);
    bool good = c && lines == 1 && is(c, "one", "first");
    put(c, "two", "second");
    good = good && is(c, "two", "second");
    bs_cache_close(c);
    c = open_in(folder);
    good = good && is(c, "two", NULL);
    bs_cache_close(c);
    return good;
}

static bool stands_full_disk(void)
{
    const struct rlimit few = {8192, 8192};
    char value[3000] = {0};
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &few);
    bs_cache *c = open_in(folder);
    bool good = is(c, "one", "first");
    for (int i = 0; i < 20; i++)
        bs_cache_put(c, &(bs_fact){"selection", &i, sizeof i, ""}, value, sizeof value);
    bs_cache_flush(c);
    put(c, "two", "second");
    good = good && is(c, "two", NULL) && is(c, "one", NULL); /* it is off */
    bs_cache_close(c);
    c = open_in(folder);
    good = good && is(c, "one", "first"); /* and the file is whole */
    bs_cache_close(c);
    return good;
}

/* Runs a check in a process of its own, as another user than root. */
static void assert_in_child(bool (*check)(void))
{
    pid_t child = fork();
    if (child == 0) {
        bool plain = geteuid() != 0 || setresuid(65534, 65534, 65534) == 0;
        _exit(plain && check() ? 0 : 1);
    }
    int status = -1;
    assert_true(child > 0 && waitpid(child, &status, 0) == child);
    assert_int_equal(status, 0);
}

static void test_not_writable(void **state)
{
    (void)state;
    bs_cache *c = open_in(folder);
    put(c, "one", "first");
    bs_cache_close(c);
    spoil(0, "", 0);
    int to = open(saved, O_RDWR | O_CREAT, 0666);
    assert_true(to >= 0 && fchmod(to, 0666) == 0);
    close(to);
    assert_int_equal(chmod(file, 0444) + chmod(folder, 0555), 0);
    assert_in_child(reads_only);
    assert_int_equal(chmod(file, 0666) + chmod(folder, 0777), 0);
    assert_in_child(stands_full_disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {CACHE_TEST(test_damaged_file), CACHE_TEST(test_damaged_pages),
                                       CACHE_TEST(test_versions),     CACHE_TEST(test_foreign),
                                       CACHE_TEST(test_no_folder),    CACHE_TEST(test_not_writable)};
    return run_suite(tests, NULL, NULL);
}
