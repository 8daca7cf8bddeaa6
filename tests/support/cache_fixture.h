/* A cache in a folder of its own, for each test. */
#ifndef BS_TESTS_CACHE_FIXTURE_H
#define BS_TESTS_CACHE_FIXTURE_H

#include "support/testing.h"

#include "base/buf.h"
#include "cache/cache.h"

#include <fcntl.h>
#include <sqlite3.h>

static char folder[64], file[96], saved[128];

static inline int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/bitsink-cache-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(file, sizeof file, "%s/facts.db", folder);
    snprintf(saved, sizeof saved, "%s/stderr", folder);
    return 0;
}

static inline int remove_folder(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static inline bs_fact fact(const char *kind, const char *key)
{
    return (bs_fact){.kind = kind, .key = key, .key_len = strlen(key), .subject = "a layer"};
}

static inline void put(bs_cache *c, const char *key, const char *value)
{
    const bs_fact f = fact("selection", key);
    bs_cache_put(c, &f, value, strlen(value));
}

/* Whether a fact has this value; NULL: whether it is not stored. */
static inline bool is(bs_cache *c, const char *key, const char *value)
{
    void *got;
    size_t len;
    const bs_fact f = fact("selection", key);
    bool found = bs_cache_get(c, &f, &got, &len);
    bool right = value ? found && len == strlen(value) && !memcmp(got, value, len) : !found && !got && !len;
    free(got);
    return right;
}

static inline bs_cache *open_in(const char *dir)
{
    bs_cache *c;
    assert_ok(bs_cache_open(&c, dir));
    return c;
}

/* The same, and counts the lines on stderr. */
static inline bs_cache *open_counted(const char *dir, int *lines)
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

static inline void sql(const char *statements)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, statements, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static inline int64_t number(const char *query)
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

static inline void spoil(long at, const void *bytes, size_t n)
{
    int fd = open(file, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0 && pwrite(fd, bytes, n, at) == (ssize_t)n);
    close(fd);
}

/* Whether the cache works, and the next one is opened without a warning. */
static inline void assert_works(bs_cache *c)
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

#define CACHE_TEST(f) cmocka_unit_test_setup_teardown(f, make_folder, remove_folder)

#endif
