/* The cache of facts: what was stored is found, by all who share the file, and no damaged value is believed.
 */
#include "support/cache_fixture.h"

#include "base/team.h"

#include <sys/stat.h>
#include <sys/wait.h>

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
    const struct CMUnitTest tests[] = {CACHE_TEST(test_round_trip),    CACHE_TEST(test_no_cache),
                                       CACHE_TEST(test_damaged_value), CACHE_TEST(test_limit),
                                       CACHE_TEST(test_threads),       CACHE_TEST(test_processes)};
    return run_suite(tests, NULL, NULL);
}
