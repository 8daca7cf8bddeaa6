/* The cache of facts: what was stored is found, by all who share the file; nothing wrong is believed; and
 * nothing that can be wrong with the file or its folder is an error. */
#include "support/testing.h"

#include "base/buf.h"
#include "base/team.h"
#include "cache/cache.h"

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

static char folder[64], file[96], saved[128];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/bitsink-cache-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(file, sizeof file, "%s/facts.db", folder);
    snprintf(saved, sizeof saved, "%s/stderr", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static bs_fact fact(const char *kind, const char *key)
{
    return (bs_fact){.kind = kind, .key = key, .key_len = strlen(key), .subject = "a layer"};
}

static void put(bs_cache *c, const char *key, const char *value)
{
    const bs_fact f = fact("selection", key);
    bs_cache_put(c, &f, value, strlen(value));
}

/* Whether a fact has this value; NULL: whether it is not stored. */
static bool is(bs_cache *c, const char *key, const char *value)
{
    void *got;
    size_t len;
    const bs_fact f = fact("selection", key);
    bool found = bs_cache_get(c, &f, &got, &len);
    bool right = value ? found && len == strlen(value) && !memcmp(got, value, len) : !found && !got && !len;
    free(got);
    return right;
}

static bs_cache *open_in(const char *dir)
{
    bs_cache *c;
    assert_ok(bs_cache_open(&c, dir));
    return c;
}

/* The same, and counts the lines on stderr. */
static bs_cache *open_counted(const char *dir, int *lines)
{
    char *text;
    size_t len;
    int old = dup(2), to = open(saved, O_RDWR | O_CREAT | O_TRUNC, 0600);
    dup2(to, 2);
    bs_cache *c = open_in(dir);
    fflush(stderr);
    dup2(old, 2);
    close(old);
    close(to);
    assert_ok(bs_read_file(&text, &len, saved, 1 << 16));
    *lines = 0;
    for (size_t i = 0; i < len; i++)
        *lines += text[i] == '\n';
    free(text);
    return c;
}

static void sql(const char *statements)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, statements, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static int64_t number(const char *query)
{
    sqlite3 *db;
    sqlite3_stmt *q;
    assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, query, -1, &q, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(q), SQLITE_ROW);
    int64_t n = sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    sqlite3_close(db);
    return n;
}

static void test_round_trip(void **state)
{
    (void)state;
    char deep[128];
    struct stat made;
    snprintf(deep, sizeof deep, "%s/a/b", folder);
    bs_cache *c = open_in(deep);
    assert_non_null(c);
    assert_int_equal(stat(deep, &made), 0);
    assert_int_equal(made.st_mode & 0777, 0700);
    assert_true(is(c, "one", NULL));
    put(c, "one", "first");
    put(c, "two", "second");
    put(c, "none", "");
    assert_true(is(c, "one", "first")); /* not written yet */
    bs_cache_close(c);
    c = open_in(deep);
    assert_true(is(c, "one", "first") && is(c, "two", "second") && is(c, "none", "") && is(c, "on", NULL));
    put(c, "one", "replaced");
    assert_true(is(c, "one", "replaced"));
    bs_cache_flush(c);
    assert_true(is(c, "one", "replaced"));
    char fixed[8];
    const bs_fact one = fact("selection", "one"), other = fact("proof", "one");
    assert_true(bs_cache_get_fixed(c, &one, fixed, sizeof fixed));
    assert_memory_equal(fixed, "replaced", 8);
    assert_false(bs_cache_get_fixed(c, &one, fixed, 7));
    assert_false(bs_cache_get_fixed(c, &other, fixed, 8));
    bs_cache_close(c);
    c = open_in(deep);
    int64_t n;
    assert_ok(bs_cache_clear(c, "proof", &n));
    assert_int_equal(n, 0);
    assert_ok(bs_cache_clear(c, NULL, &n));
    assert_int_equal(n, 3);
    assert_true(is(c, "one", NULL));
    bs_cache_close(c);
}

static void test_no_cache(void **state)
{
    (void)state;
    void *value;
    size_t len;
    const bs_fact one = fact("selection", "one");
    bs_cache_put(NULL, &one, "x", 1);
    assert_false(bs_cache_get(NULL, &one, &value, &len));
    bs_cache_flush(NULL);
    bs_cache_close(NULL);
}

/* A value is believed only as it was stored, under its own name. */
static void test_damaged_value(void **state)
{
    (void)state;
    bs_cache *c = open_in(folder);
    put(c, "one", "first");
    put(c, "two", "second");
    bs_cache_close(c);
    sql("UPDATE fact SET value = CAST('third' AS BLOB) WHERE value = CAST('first' AS BLOB)");
    c = open_in(folder);
    assert_true(is(c, "one", NULL) && is(c, "two", "second"));
    put(c, "one", "again");
    bs_cache_close(c);
    sql("UPDATE fact SET (seal, value) = (SELECT seal, value FROM fact WHERE value = CAST('second' AS "
        "BLOB))");
    c = open_in(folder);
    assert_true(is(c, "one", NULL) && is(c, "two", "second"));
    bs_cache_close(c);
}

static void spoil(long at, const void *bytes, size_t n)
{
    int fd = open(file, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0 && pwrite(fd, bytes, n, at) == (ssize_t)n);
    close(fd);
}

/* Whether the cache works, and the next one is opened without a warning. */
static void assert_works(bs_cache *c)
{
    int lines;
    assert_non_null(c);
    put(c, "new", "fact");
    bs_cache_close(c);
    c = open_counted(folder, &lines);
    assert_int_equal(lines, 0);
    assert_true(is(c, "new", "fact"));
    bs_cache_close(c);
}

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

static void test_limit(void **state)
{
    (void)state;
    enum { LIMIT = 256 << 10 };
    char value[1000] = {0}, key[16];
    bs_cache *c = open_in(folder);
    bs_cache_set_limit(c, LIMIT);
    put(c, "old", "1");
    put(c, "used", "1");
    bs_cache_put(c, &(bs_fact){"selection", "large", 5, ""}, (char[LIMIT]){0}, LIMIT / 10);
    bs_cache_close(c);
    assert_int_equal(number("SELECT count(*) FROM fact"), 2);
    /* A use within a day writes nothing; a later one does. */
    sql("UPDATE fact SET used = used - 3600");
    int64_t before = number("SELECT max(used) FROM fact");
    c = open_in(folder);
    assert_true(is(c, "used", "1"));
    bs_cache_close(c);
    assert_int_equal(number("SELECT max(used) FROM fact"), before);
    sql("UPDATE fact SET used = used - 200000");
    c = open_in(folder);
    assert_true(is(c, "used", "1"));
    bs_cache_close(c);
    assert_int_equal(number("SELECT count(*) FROM fact WHERE used > made - 1000"), 1);
    sql("UPDATE fact SET used = used + 60 WHERE used > made - 1000");
    c = open_in(folder);
    bs_cache_set_limit(c, LIMIT);
    for (int i = 0; i < 230; i++) {
        snprintf(key, sizeof key, "%d", i);
        bs_cache_put(c, &(bs_fact){"selection", key, strlen(key), ""}, value, sizeof value);
    }
    bs_cache_close(c);
    assert_true((number("PRAGMA page_count") - number("PRAGMA freelist_count")) * 4096 <= LIMIT);
    c = open_in(folder);
    assert_true(is(c, "old", NULL) && is(c, "used", "1"));
    assert_int_equal(number("SELECT count(*) FROM fact WHERE length(value) = 1000") > 150, 1);
    bs_cache_close(c);
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

/* Many at once, in threads and processes, on a file that is not there yet. */
enum { THREADS = 4, PROCESSES = 8, FACTS = 40 };

static bs_status work(void *shared, int worker)
{
    char key[32];
    for (int i = 0; i < FACTS; i++) {
        snprintf(key, sizeof key, "%d of %d", i, worker);
        put(shared, key, key);
        if (!is(shared, key, key))
            return bs_fail(BS_ERR, "lost");
    }
    return BS_OK;
}

static void test_threads(void **state)
{
    (void)state;
    char key[32];
    bs_cache *c = open_in(folder);
    assert_ok(bs_team_run(THREADS, work, c));
    bs_cache_close(c);
    c = open_in(folder);
    for (int w = 0; w < THREADS; w++)
        for (int i = 0; i < FACTS; i++) {
            snprintf(key, sizeof key, "%d of %d", i, w);
            assert_true(is(c, key, key));
        }
    bs_cache_close(c);
}

static void start_at_once(void)
{
    for (int p = 0; p < PROCESSES; p++)
        if (fork() == 0) {
            bs_cache *c;
            bool good = bs_cache_open(&c, folder) == BS_OK && c && work(c, p) == BS_OK;
            bs_cache_close(c);
            _exit(good ? 0 : 1);
        }
    for (int p = 0, status; p < PROCESSES; p++) {
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    assert_int_equal(number("SELECT count(*) FROM fact"), PROCESSES * FACTS);
}

static void test_processes(void **state)
{
    (void)state;
    char junk[5000];
    start_at_once();
    memset(junk, 'x', sizeof junk);
    spoil(0, junk, sizeof junk);
    int lines, old = dup(2), to = open(saved, O_RDWR | O_CREAT | O_TRUNC | O_APPEND, 0600);
    dup2(to, 2);
    start_at_once(); /* one of them drops it */
    dup2(old, 2);
    struct stat text;
    assert_int_equal(fstat(to, &text), 0);
    assert_in_range(text.st_size, 20, 250);
    close(old);
    close(to);
    bs_cache_close(open_counted(folder, &lines));
    assert_int_equal(lines, 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        TEST(test_round_trip),    TEST(test_no_cache),     TEST(test_damaged_value), TEST(test_damaged_file),
        TEST(test_damaged_pages), TEST(test_versions),     TEST(test_foreign),       TEST(test_limit),
        TEST(test_no_folder),     TEST(test_not_writable), TEST(test_threads),       TEST(test_processes),
    };
    return run_suite(tests, NULL, NULL);
}
