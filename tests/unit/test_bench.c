/* Proves that the benchmark's numbers agree with each other and with the network, that its workers are timed
 * in one way at a time, and that the timed backend changes nothing and counts every call. */
#include "import/onnx_file.h"
#include "support/testing.h"

#include "campaign/bench_internal.h"
#include "replay/selftest.h"

#include <sys/stat.h>
#include <unistd.h>

enum { TRIALS = 6 };
static const char model[] = "tests/models/fashion_vgg.onnx";

typedef struct rig {
    bs_graph *g;
    bs_engine *e;
} rig;

static void rig_open(rig *r, const char *device, int threads)
{
    bs_engine_options o = {.device = device, .threads = threads, .mode = BS_REPLAY_DELTA, .bench = true};
    assert_ok(bs_graph_import(&r->g, model, NULL));
    assert_ok(bs_engine_open(&r->e, r->g, NULL, &o));
}

static void rig_close(rig *r)
{
    bs_engine_close(r->e);
    bs_graph_free(r->g);
}

static uint64_t calls(const bs_bench *b, bs_timed_operation what)
{
    uint64_t n = 0;
    for (int op = 0; op < BS_OP_COUNT; op++)
        n += b->kernels[what][op].calls;
    return n;
}

static void check_cells(const bs_bench *b, const rig *r)
{
    uint64_t masked_at = 0;
    for (int i = 0; i < b->n_targets; i++) {
        const bs_bench_cell *full = &b->cells[i][BS_BENCH_FULL], *delta = &b->cells[i][BS_BENCH_DELTA];
        const bs_bench_cell *dense = &b->cells[i][BS_BENCH_DENSE_SUFFIX],
                            *suffix = &b->cells[i][BS_BENCH_SUFFIX];
        double trials = (double)delta->trials;
        assert_int_equal(delta->trials, TRIALS * r->e->threads);
        for (int way = 0; way < BS_BENCH_WAY_COUNT; way++) {
            assert_int_equal(b->cells[i][way].trials, delta->trials);
            assert_int_equal(b->cells[i][way].masked, delta->masked);
            assert_true(b->cells[i][way].seconds > 0);
        }
        assert_true(full->macs == trials * (double)r->g->macs);
        assert_true(dense->macs == trials * (double)dense->static_macs);
        assert_true(dense->static_macs < full->static_macs);
        assert_true(suffix->macs <= dense->macs);
        assert_true(delta->masked == 0 ? suffix->macs == dense->macs : suffix->macs < dense->macs || i > 5);
        for (int id = 0; id < b->n_ids; id++)
            masked_at += b->masked_at[i * b->n_ids + id];
    }
    assert_int_equal(masked_at, bs_bench_sum(b, BS_BENCH_DELTA).masked);
}

static void check_kernels(const bs_bench *b, const rig *r)
{
    double sum = 0;
    for (int what = 0; what < BS_TIMED_COUNT; what++)
        for (int op = 0; op < BS_OP_COUNT; op++) {
            assert_int_equal(b->kernels[what][op].calls > 0, b->kernels[what][op].seconds > 0);
            sum += b->kernels[what][op].seconds;
        }
    assert_true(sum <= b->kernel_seconds);
    assert_int_equal(calls(b, BS_TIMED_INJECT), b->n_targets * r->e->threads); /* a batch each */
    assert_int_equal(calls(b, BS_TIMED_UPLOAD), 0);                            /* before the clock starts */
    assert_int_equal(calls(b, BS_TIMED_RUN_FAULTY), 0);
    assert_true(calls(b, BS_TIMED_COMPARE) > calls(b, BS_TIMED_INJECT));
    assert_true(calls(b, BS_TIMED_RANK) > 0);
    assert_true(b->kernels[BS_TIMED_RUN_PATCH][BS_OP_CONV].calls > 0);
    assert_true(b->kernels[BS_TIMED_RUN][BS_OP_GEMM].calls > 0);
}

/* The device, watched: `full` while it makes full re-runs, not replay. */
static struct {
    const bs_backend *real;
    pthread_mutex_t lock;
    bs_stream *slow; /* the stream of the first full re-run: it waits in each */
    int full, changes;
} watch = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Returns true for the slow stream. */
static bool note(bs_stream *stream, int full)
{
    pthread_mutex_lock(&watch.lock);
    watch.changes += watch.full != full;
    watch.full = full;
    if (full && !watch.slow)
        watch.slow = stream;
    bool slow = stream == watch.slow;
    pthread_mutex_unlock(&watch.lock);
    return slow;
}

static bs_status watched_run(bs_stream *stream, int node, int n, const bs_view *in, void *out)
{
    if (node == 0 && note(stream, 1))
        usleep(1000);
    return watch.real->run(stream, node, n, in, out);
}

static bs_status watched_run_patch(bs_stream *stream, int node, int n, const int in_size[2],
                                   const bs_view *in, const int out_size[2], void *out)
{
    note(stream, 0);
    return watch.real->run_patch(stream, node, n, in_size, in, out_size, out);
}

/* All workers are busy with the same way, whatever their pace: golden runs, then replay and full re-runs of
 * each target, the times of operations, the rates. */
static void check_alone(const bs_bench *b)
{
    assert_non_null(watch.slow);
    assert_true(watch.changes >= b->n_targets);
    assert_true(watch.changes <= 2 * b->n_targets + 3);
}

static void test_numbers(void **state)
{
    rig r;
    bs_bench b;
    (void)state;
    rig_open(&r, test_device(), 2);
    bs_engine e = *r.e;
    bs_backend watched = *e.backend;
    watch.real = e.backend;
    watched.run = watched_run;
    watched.run_patch = watched_run_patch;
    e.backend = &watched;
    assert_ok(bs_bench_run(&b, &e, &(bs_bench_options){.trials = TRIALS, .seconds = 120, .seed = 1}));
    check_alone(&b);
    assert_true(b.exact);
    assert_int_equal(b.n_targets, 8);
    check_cells(&b, &r);
    check_kernels(&b, &r);
    for (int i = 0; i < BS_BENCH_LAYER_COUNT; i++)
        assert_true(b.layer_macs[i] > 0 && b.layer_macs[i] <= bs_bench_best_macs(&b));
    assert_true(b.copy_bytes > 0 && b.rows > 0 && b.goldens > 0);
    assert_int_equal(b.goldens % (uint64_t)r.e->tile, 0);
    assert_true(b.row_bytes > 20 && b.row_bytes < 1000);
    assert_int_equal(b.parameter_bytes, 146938 * sizeof(float));
    assert_int_equal(b.trial_bytes, (size_t)r.e->threads * r.e->arena_bytes);
    assert_true(b.golden_bytes > 0 && b.host_peak > b.parameter_bytes);
    bs_bench_clear(&b);
    rig_close(&r);
}

/* Without time there is little of everything, and it fits together. */
static void test_short(void **state)
{
    rig r;
    bs_bench b;
    (void)state;
    rig_open(&r, test_device(), 2);
    assert_ok(bs_bench_run(&b, r.e, &(bs_bench_options){.trials = 64, .seconds = 1e-3, .seed = 1}));
    assert_true(b.exact && b.n_targets >= 1 && b.n_targets < b.of_targets);
    assert_true(b.reruns >= 1 && b.reruns <= b.trials && b.trials < 64);
    assert_in_range(b.kernel_targets, 1, b.n_targets);
    for (int i = 0; i < b.n_targets; i++)
        for (int way = 0; way < BS_BENCH_WAY_COUNT; way++) {
            bool few = way == BS_BENCH_FULL || way == BS_BENCH_DENSE_SUFFIX;
            assert_int_equal(b.cells[i][way].trials, r.e->threads * (few ? b.reruns : b.trials));
            assert_true(b.cells[i][way].seconds > 0);
        }
    assert_int_equal(b.golden_tile, BS_PROBE_IMAGES);
    assert_true(b.goldens > 0 && b.layer_macs[0] > 0 && b.rows > 0);
    bs_bench_clear(&b);
    rig_close(&r);
}

static void test_golden(void **state)
{
    rig r;
    bs_bench b;
    (void)state;
    rig_open(&r, test_device(), 2);
    assert_ok(bs_bench_run(&b, r.e, &(bs_bench_options){.seconds = 0.05, .golden = true}));
    assert_true(b.goldens > 0 && b.golden_seconds > 0 && b.n_targets == 0);
    assert_in_range(b.golden_tile, BS_PROBE_IMAGES, r.e->tile);
    bs_bench_clear(&b);
    rig_close(&r);
}

/* All indices, each once; among the first few, no gap is four times as large as if they lay evenly, and of
 * layers that repeat there is every kind. */
static void test_order(void **state)
{
    enum { MOST = 100, KINDS = 6 };
    (void)state;
    for (int n = 1; n <= MOST; n++) {
        int order[MOST];
        bool seen[MOST] = {false}, kind[KINDS] = {false};
        bs_bench_order(order, n);
        for (int k = 0, kinds = 0; k < n; k++) {
            assert_in_range(order[k], 0, n - 1);
            assert_false(seen[order[k]]);
            seen[order[k]] = true;
            kinds += !kind[order[k] % KINDS];
            kind[order[k] % KINDS] = true;
            int gap = 0, most = 0;
            for (int i = 0; i < n; i++) {
                gap = seen[i] ? 0 : gap + 1;
                most = gap > most ? gap : most;
            }
            assert_true(most * (k + 1) <= 4 * n);
            assert_true(k < 6 * KINDS || kinds == KINDS);
        }
    }
}

/* The file is gone afterwards, and a folder that is not there is an error. */
static void test_rows(void **state)
{
    rig r;
    bs_bench b = {0};
    char dir[] = "/tmp/bitsink-rows-XXXXXX";
    (void)state;
    rig_open(&r, "null", 1);
    assert_non_null(mkdtemp(dir));
    assert_int_equal(setenv("TMPDIR", dir, 1), 0);
    assert_ok(bs_bench_rows(&b, r.g, 1.0, 1.0));
    double masked_bytes = b.row_bytes;
    assert_ok(bs_bench_rows(&b, r.g, 0.0, 1.0));
    assert_true(b.rows > 0 && b.row_bytes > masked_bytes);
    assert_int_equal(rmdir(dir), 0);
    assert_int_equal(bs_bench_rows(&b, r.g, 0.5, 1.0), BS_ERR);
    assert_non_null(strstr(bs_error_message(), "cannot write"));
    assert_int_equal(unsetenv("TMPDIR"), 0);
    rig_close(&r);
}

/* One batch in all targets on one stream. */
static void replay_all(const bs_engine *e, bs_result *out)
{
    bs_bench_share s = {.e = e, .trials = TRIALS, .seed = 3};
    bs_bench_batch b;
    bs_worker w;
    uint64_t fingerprint;
    assert_ok(bs_bench_batch_open(&b, TRIALS));
    assert_ok(bs_worker_open(&w, e, 0));
    assert_ok(bs_selftest_probe(w.golden, &fingerprint));
    for (int i = 0; i < e->graph->n_targets; i++) {
        bs_schedules schedules[1][BS_BENCH_WAY_COUNT];
        if (e->graph->targets[i].kind != BS_TARGET_ACTIVATION)
            continue;
        s.schedules = schedules;
        assert_ok(bs_schedules_create(&schedules[0][BS_BENCH_DELTA], e->graph, e->backend,
                                      bs_engine_network(e), i, BS_REPLAY_DELTA, true, &e->context));
        bs_bench_draw(&s, &b, i, 0);
        assert_ok(bs_bench_trials(w.replayer, &s, &b, 0, BS_BENCH_DELTA));
        memcpy(out, b.result[BS_BENCH_DELTA], TRIALS * sizeof *out);
        out += TRIALS;
        bs_schedules_clear(&schedules[0][BS_BENCH_DELTA]);
    }
    bs_worker_close(&w);
    bs_bench_batch_close(&b);
}

static void test_timed(void **state)
{
    rig r;
    bs_timed *t;
    (void)state;
    rig_open(&r, test_device(), 1);
    size_t n = (size_t)r.g->n_targets * TRIALS;
    bs_result *plain = calloc(n, sizeof *plain), *timed = calloc(n, sizeof *timed);
    assert_true(plain && timed);
    replay_all(r.e, plain);
    assert_ok(bs_timed_create(&t, r.e->backend, bs_engine_network(r.e), r.g));
    bs_engine e = *r.e;
    e.backend = &t->backend;
    bs_engine_device device = {.network = t->network};
    e.devices = &device;
    replay_all(&e, timed);
    assert_memory_equal(plain, timed, n * sizeof *plain);
    assert_int_equal(t->backend.selection != NULL, r.e->backend->selection != NULL);
    if (t->backend.selection)
        assert_true(t->backend.selection(t->network) == r.e->backend->selection(bs_engine_network(r.e)));
    uint64_t once = t->cell[BS_TIMED_INJECT][0].calls;
    assert_int_equal(once, r.g->n_nodes);
    assert_int_equal(t->cell[BS_TIMED_UPLOAD][0].calls, BS_PROBE_IMAGES);
    assert_int_equal(t->cell[BS_TIMED_RUN][BS_OP_FLATTEN].calls > 0, 1);
    replay_all(&e, timed); /* streams add up */
    assert_int_equal(t->cell[BS_TIMED_INJECT][0].calls, 2 * once);
    bs_timed_free(t);
    free(plain);
    free(timed);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers), cmocka_unit_test(test_short), cmocka_unit_test(test_golden),
        cmocka_unit_test(test_order),   cmocka_unit_test(test_rows),  cmocka_unit_test(test_timed),
    };
    return run_suite(tests, NULL, NULL);
}
