/* Proves that an allocation which fails is reported as an error, that nothing is leaked or lost, and that the
 * next run goes on: those of the result file, of the job reader and of SQLite, some of each all over the
 * work. The linker's --wrap directs the allocations of this program to the functions here; SQLite has hooks.
 */
#include "import/onnx_file.h"
#include "support/failing_vfs.h"
#include "support/store_campaign.h"

#include "base/buf.h"
#include "fault/plan.h"
#include "import/import.h"
#include "import/synth.h"

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
    int rc = sqlite3_config(SQLITE_CONFIG_MALLOC, &hooked);
    failing_vfs_register(); /* for its speed: nothing is synced */
    return rc;
}

/* --- the tests --- */

typedef bs_status work(fixture *f, const char *db);

static void copy_file(const char *from, const char *to)
{
    char *bytes = NULL;
    size_t n = 0;
    assert_ok(bs_read_file(&bytes, &n, from, 1 << 30));
    FILE *f = fopen(to, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
    free(bytes);
}

/* Lets every `step`-th allocation fail. Each failure starts on `start` (a copy of it), or without a file. */
static void fail_each(fixture *f, work *work, const char *start, bool of_sqlite, int step)
{
    char clean[128], want[33], have[33];
    int errors = 0, n;
    snprintf(clean, sizeof clean, "%s/clean.db", f->dir);
    if (access(clean, F_OK) != 0)
        fx_run(f, clean, 0, FX_ROWS, FX_REPETITIONS);
    assert_ok(bs_store_digest(clean, want, NULL));
    for (n = 1;; n += step) {
        sc_remove(f->db);
        if (start)
            copy_file(start, f->db);
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
enum { SLOWER = 11 };
#else
enum { SLOWER = 3 };
#endif

enum { OF_SQLITE = 2393 };

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

/* SQLite allocates much more often, so only some are tried, more with BITSINK_FULL=1: a prime step meets them
 * all over the work. They
 * are the same in all builds, as it is the sanitizers that would notice what a failure leaves behind. */
static void while_sqlite_runs(void **state)
{
    (void)state;
    fixture f;
    char half[128];
    fixture_open(&f);
    const int step = getenv("BITSINK_FULL") ? 97 : OF_SQLITE;
    fail_each(&f, sc_run, NULL, true, step);
    snprintf(half, sizeof half, "%s/half.db", f.dir);
    fx_run(&f, half, 0, FX_ROWS / 2, FX_ROWS / 2);
    fail_each(&f, sc_run, half, true, step);
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
    BS_TRY_GOTO(bs_graph_import(&graph, job->model, NULL), out);
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
