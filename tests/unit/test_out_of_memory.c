/* Allocations fail: each of the result file's in turn, of the job reader's and of SQLite's some all over the
 * work. The linker's --wrap leads those of this program here, SQLite has hooks. The error is reported as one,
 * nothing is leaked or lost, and the next run goes on. */
#include "support/store_campaign.h"

#include "fault/plan.h"
#include "model/import.h"
#include "model/synth.h"

#include <stdatomic.h>

static atomic_int calls, fail_at, failed;

static bool fails_now(void)
{
    int at = atomic_load(&fail_at);
    if (at == 0 || atomic_fetch_add(&calls, 1) + 1 != at)
        return false;
    atomic_fetch_add(&failed, 1);
    return true;
}

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__real_aligned_alloc(size_t alignment, size_t n);
char *__real_strdup(const char *s);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_aligned_alloc(size_t alignment, size_t n);
char *__wrap_strdup(const char *s);

void *__wrap_malloc(size_t n)
{
    return fails_now() ? NULL : __real_malloc(n);
}
void *__wrap_calloc(size_t n, size_t size)
{
    return fails_now() ? NULL : __real_calloc(n, size);
}
void *__wrap_realloc(void *p, size_t n)
{
    return fails_now() ? NULL : __real_realloc(p, n);
}
void *__wrap_aligned_alloc(size_t alignment, size_t n)
{
    return fails_now() ? NULL : __real_aligned_alloc(alignment, n);
}
char *__wrap_strdup(const char *s)
{
    return fails_now() ? NULL : __real_strdup(s);
}

/* --- SQLite's --- */

static sqlite3_mem_methods real_memory;
static atomic_int sqlite_counts;

static void *sqlite_malloc(int n)
{
    return atomic_load(&sqlite_counts) && fails_now() ? NULL : real_memory.xMalloc(n);
}
static void *sqlite_realloc(void *p, int n)
{
    return atomic_load(&sqlite_counts) && fails_now() ? NULL : real_memory.xRealloc(p, n);
}

static int hook_sqlite(void **state)
{
    (void)state;
    sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real_memory);
    sqlite3_mem_methods hooked = real_memory;
    hooked.xMalloc = sqlite_malloc;
    hooked.xRealloc = sqlite_realloc;
    return sqlite3_config(SQLITE_CONFIG_MALLOC, &hooked);
}

/* --- the tests --- */

typedef bs_status work(fixture *f, const char *db);

/* `step`: every so many-th allocation. Each failure starts on `start` (a copy of it), or without a file. */
static void fail_each(fixture *f, work *work, const char *start, bool of_sqlite, int step)
{
    char clean[128], want[33], have[33], command[400];
    int errors = 0, n;
    snprintf(clean, sizeof clean, "%s/clean.db", f->dir);
    if (access(clean, F_OK) != 0)
        fx_run(f, clean, 0, FX_ROWS, FX_REPETITIONS);
    assert_ok(bs_store_digest(clean, want, NULL));
    for (n = 1;; n += step) {
        sc_remove(f->db);
        snprintf(command, sizeof command, "cp '%s' '%s'", start ? start : "", f->db);
        assert_int_equal(start ? system(command) : 0, 0);
        atomic_store(&calls, 0);
        atomic_store(&failed, 0);
        atomic_store(&sqlite_counts, of_sqlite);
        bs_error_clear();
        atomic_store(&fail_at, n);
        bs_status st = work(f, f->db);
        atomic_store(&fail_at, 0);
        if (atomic_load(&failed) == 0) {
            assert_ok(st);
            break;
        }
        if (st != BS_OK) {
            errors++;
            assert_true(st == BS_NO_MEMORY || st == BS_ERR);
            assert_true(bs_error_message()[0] != '\0');
        }
        assert_ok(work(f, f->db));
        assert_ok(bs_store_digest(f->db, have, NULL));
        assert_string_equal(want, have);
    }
    print_message("about %d allocations, %d failures of those tried ended the work\n", n - 1, errors);
    assert_true(errors > 0);
}

/* Every one with BITSINK_FULL=1 in the environment; else some, and fewer where sanitizers make it slow. */
#ifdef BITSINK_SANITIZE
enum { SLOWER = 7 };
#else
enum { SLOWER = 3 };
#endif

static void while_running(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f);
    fail_each(&f, sc_run, NULL, false, getenv("BITSINK_FULL") ? 1 : SLOWER);
    fixture_close(&f);
}

static void while_merging(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f);
    sc_make_halves(&f);
    fail_each(&f, sc_merge, NULL, false, getenv("BITSINK_FULL") ? 1 : SLOWER);
    fixture_close(&f);
}

/* SQLite allocates much more often, so only some are tried: a prime step meets them all over the work. */
static void while_sqlite_runs(void **state)
{
    (void)state;
    fixture f;
    char half[128];
    fixture_open(&f);
    fail_each(&f, sc_run, NULL, true, 389 * SLOWER / 2);
    snprintf(half, sizeof half, "%s/half.db", f.dir);
    fx_run(&f, half, 0, FX_ROWS / 2, FX_ROWS / 2);
    fail_each(&f, sc_run, half, true, 389 * SLOWER / 2);
    fixture_close(&f);
}

static bs_status follow_job(const char *path)
{
    bs_job *job = NULL;
    bs_graph *graph = NULL;
    bs_dataset *images = NULL;
    bs_plan *plan = NULL;
    bs_status st;
    BS_TRY_GOTO(bs_job_read(&job, path), out);
    BS_TRY_GOTO(bs_graph_import(&graph, job->model), out);
    BS_TRY_GOTO(bs_dataset_open(&images, &job->images, graph->classes), out);
    BS_TRY_GOTO(bs_plan_create(&plan, job, graph, (uint32_t)bs_dataset_count(images)), out);
out:
    bs_plan_free(plan);
    bs_dataset_close(images);
    bs_graph_free(graph);
    bs_job_free(job);
    return st;
}

/* Every `step`-th allocation of the work fails. */
static void fail_some(bs_status (*work)(void), const char *what, int step)
{
    int errors = 0, n;
    assert_ok(work());
    for (n = 1;; n += step) {
        atomic_store(&calls, 0);
        atomic_store(&failed, 0);
        bs_error_clear();
        atomic_store(&fail_at, n);
        bs_status st = work();
        atomic_store(&fail_at, 0);
        if (atomic_load(&failed) == 0)
            break;
        if (st != BS_OK) {
            errors++;
            assert_true(bs_error_message()[0] != '\0');
        }
    }
    print_message("about %d allocations, %d failures of those tried ended %s\n", n - 1, errors, what);
    assert_true(errors > 0);
}

static bs_status follow_kinds(void)
{
    return follow_job("tests/jobs/kinds.yaml");
}

static void while_reading_a_job(void **state)
{
    (void)state;
    if (access("/usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz", R_OK) != 0)
        skip("dataset-fashion-mnist is not installed");
    fail_some(follow_kinds, "the reading", 41 * SLOWER);
}

static bs_status generate(const bs_synth_layer *layer)
{
    bs_graph *g = NULL;
    bs_status st = bs_synth_layer_import(&g, layer);
    bs_graph_free(g);
    return st;
}

static bs_status generate_conv(void)
{
    return generate(&(bs_synth_layer){6, 4, .kernel = 3, .side = 8});
}

static bs_status generate_gemm(void)
{
    return generate(&(bs_synth_layer){6, 4, 0, 0});
}

static void while_generating_a_network(void **state)
{
    (void)state;
    fail_some(generate_conv, "the making of a convolution", 1);
    fail_some(generate_gemm, "the making of a product", 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(while_running),
        cmocka_unit_test(while_merging),
        cmocka_unit_test(while_sqlite_runs),
        cmocka_unit_test(while_reading_a_job),
        cmocka_unit_test(while_generating_a_network),
    };
    return run_suite(tests, hook_sqlite, NULL);
}
