/* Proves that a campaign decodes each image once, runs it fault-free once where there are images enough, and
 * decodes ahead of its workers within bounds. */
#include "support/data_fixture.h"

#include "base/log.h"
#include "campaign/campaign_internal.h"
#include "cli/cli.h"

#include <limits.h>

enum { IMAGES = 24, TRIALS = 3, STRATA = 6 };

static void prepare(void **state)
{
    char list[16 * IMAGES], model[PATH_MAX], text[PATH_MAX + 512];
    size_t n = 0;
    for (int i = 0; i < IMAGES; i++) {
        char name[32];
        snprintf(name, sizeof name, "%02d.png", i);
        fixture_write_grey(state, name, i, SIZE_MAX);
        n += (size_t)snprintf(list + n, sizeof list - n, "%s,%d\n", name, i % 10);
    }
    fixture_text(state, "labels.csv", list);
    assert_non_null(realpath("tests/models/fashion_vgg.onnx", model));
    snprintf(text, sizeof text,
             "model: %s\nimages: {labels: labels.csv}\nfaults:\n"
             "  - {id: 1, targets: [conv3_1, fc1, logits], fault: flip, trials: %d}\n"
             "  - {id: 2, targets: [fc1.weight, fc2.weight, conv3_1.weight], fault: flip, trials: %d}\n",
             model, TRIALS, TRIALS);
    fixture_text(state, "job.yaml", text);
}

static void open_engine(void **state, bs_session *s, bs_engine **e, int threads, int tile)
{
    const bs_engine_options o = {.device = "cpu", .threads = threads, .mode = BS_REPLAY_DELTA};
    assert_ok(bs_session_open(s, fixture_path(state, "job.yaml")));
    assert_ok(bs_engine_open(e, s->graph, s->plan, &o));
    (*e)->tile = tile;
}

/* --- Campaigns --- */

/* Runs what file r.db lacks, on tiles of at most so many images. */
static bs_campaign_summary run(void **state, int threads, int tile)
{
    static volatile sig_atomic_t stop;
    bs_session s;
    bs_engine *e;
    bs_store *store;
    bs_proofs *proofs;
    bs_campaign_summary summary;
    bs_run_info info = {.backend = "cpu", .version = "0", .mode = "delta", .selftest = "off", .n_devices = 1};
    open_engine(state, &s, &e, threads, tile);
    assert_ok(bs_store_open(&store, fixture_path(state, "r.db"), s.plan, s.images, NULL));
    assert_ok(bs_proofs_create(&proofs, e, store, BS_PROOF_OFF));
    info.device = e->info;
    info.threads = e->threads;
    assert_ok(bs_store_begin_run(store, &info));
    assert_ok(bs_campaign_run(proofs, &s.input, store, &stop, &summary));
    assert_ok(bs_store_end_run(store, 0, NULL));
    assert_int_equal(summary.found + summary.done, STRATA * TRIALS * IMAGES);
    bs_store_close(store);
    bs_proofs_free(proofs);
    bs_engine_close(e);
    bs_session_close(&s);
    return summary;
}

static void test_once(void **state)
{
    prepare(state);
    bs_campaign_summary many = run(state, 2, 2); /* twelve tiles */
    assert_int_equal(many.decoded, IMAGES);
    assert_int_equal(many.golden_runs, IMAGES);
    bs_campaign_summary none = run(state, 2, 2); /* nothing is missing */
    assert_int_equal(none.decoded, 0);
    assert_int_equal(none.golden_runs, 0);
}

/* Workers that are done may help others with the rest: once, as a tile has few parts. */
static void test_few_images(void **state)
{
    prepare(state);
    bs_campaign_summary few = run(state, 3, 16);
    assert_int_equal(few.decoded, IMAGES);
    assert_in_range(few.golden_runs, IMAGES, 2 * IMAGES);
}

/* --- Stopping --- */

static bs_backend stopping; /* the engine's, on which somebody stops the campaign at the first trials */
static volatile sig_atomic_t stop_now;

static bs_status rank_and_stop(bs_stream *stream, int n, const void *rows, const int32_t *golden_class,
                               bs_answer *out)
{
    stop_now = golden_class != NULL;
    return bs_cpu_backend.rank(stream, n, rows, golden_class, out);
}

/* Whoever stops a campaign waits for one batch: of few trials at first, as nobody knows how long they take.
 * Those are stored. */
static void test_stop(void **state)
{
    enum { FEW = 32 };
    bs_session s;
    bs_engine *e;
    bs_store *store;
    bs_proofs *proofs;
    bs_campaign_summary summary;
    bs_run_info info = {.backend = "cpu", .version = "0", .mode = "delta", .selftest = "off", .n_devices = 1};
    prepare(state);
    open_engine(state, &s, &e, 1, 16);
    stopping = bs_cpu_backend;
    stopping.rank = rank_and_stop;
    e->backend = &stopping;
    assert_ok(bs_store_open(&store, fixture_path(state, "r.db"), s.plan, s.images, NULL));
    assert_ok(bs_proofs_create(&proofs, e, store, BS_PROOF_OFF));
    info.device = e->info;
    info.threads = e->threads;
    assert_ok(bs_store_begin_run(store, &info));
    assert_int_equal(bs_campaign_run(proofs, &s.input, store, &stop_now, &summary), BS_STOPPED);
    assert_int_equal(summary.done, FEW);
    bs_store_close(store);
    bs_proofs_free(proofs);
    bs_engine_close(e);
    bs_session_close(&s);
}

/* --- Division of the work --- */

static bs_campaign divide(int workers, int tile, uint32_t images, int strata)
{
    bs_plan plan = {.n_strata = strata};
    bs_engine e = {.plan = &plan, .threads = workers, .tile = tile};
    bs_campaign c = {.engine = &e, .n_images = images};
    bs_campaign_divide(&c);
    c.engine = NULL;
    return c;
}

static void assert_division(bs_campaign c, uint32_t tile, uint32_t n_tiles, uint32_t n_parts)
{
    assert_int_equal(c.tile, tile);
    assert_int_equal(c.n_tiles, n_tiles);
    assert_int_equal(c.n_parts, n_parts);
}

static void test_division(void **state)
{
    (void)state;
    assert_division(divide(2, 16, 1000, 50), 16, 63, 1);
    assert_division(divide(4, 16, 40, 50), 10, 4, 4);     /* each worker has a tile */
    assert_division(divide(4, 256, 1030, 50), 129, 8, 4); /* or two of the same size */
    assert_division(divide(8, 16, 2, 50), 1, 2, 16);      /* several share one */
    assert_division(divide(8, 16, 2, 3), 1, 2, 3);
    assert_division(divide(1, 16, 40, 50), 14, 3, 1);
    assert_division(divide(2, 16, 0, 50), 1, 0, 1);
}

static void assert_taken(bs_work *w, int worker, uint32_t tile, uint32_t part)
{
    uint32_t t, p;
    assert_true(bs_work_take(w, worker, &t, &p));
    assert_int_equal(t, tile);
    assert_int_equal(p, part);
}

static void test_workers_keep_tiles(void **state)
{
    (void)state;
    uint32_t t, p;
    bs_work w = {0};
    assert_ok(bs_work_init(&w, 3, 3, 2));
    assert_taken(&w, 0, 0, 0);
    assert_taken(&w, 1, 1, 0);
    for (uint32_t k = 1; k < 3; k++) {
        assert_false(bs_work_done(&w, 0));
        assert_taken(&w, 0, 0, k);
    }
    assert_true(bs_work_done(&w, 0));
    assert_taken(&w, 0, 2, 0); /* a tile without a worker, although 1 has parts left */
    assert_false(bs_work_done(&w, 1));
    assert_taken(&w, 1, 1, 1);
    assert_false(bs_work_done(&w, 1));
    assert_taken(&w, 1, 1, 2);
    assert_true(bs_work_done(&w, 1));
    assert_taken(&w, 1, 2, 1); /* it helps */
    assert_false(bs_work_done(&w, 1));
    assert_taken(&w, 1, 2, 2);
    assert_false(bs_work_done(&w, 1));
    assert_false(bs_work_take(&w, 1, &t, &p));
    assert_true(bs_work_done(&w, 0));
    assert_false(bs_work_await(&w, 1));
    bs_work_clear(&w);
}

static void test_work_of_the_lost(void **state)
{
    (void)state;
    uint32_t t, p;
    bs_work w = {0};
    assert_ok(bs_work_init(&w, 2, 2, 2));
    assert_taken(&w, 0, 0, 0);
    assert_taken(&w, 1, 1, 0);
    assert_false(bs_work_done(&w, 1));
    assert_taken(&w, 1, 1, 1);
    assert_true(bs_work_done(&w, 1));
    assert_false(bs_work_take(&w, 1, &t, &p)); /* the last part is for the tile's own worker, */
    bs_work_leave(&w, 0);                      /* which is lost */
    assert_true(bs_work_await(&w, 1));
    assert_taken(&w, 1, 0, 0);
    assert_false(bs_work_done(&w, 1));
    assert_taken(&w, 1, 0, 1);
    assert_true(bs_work_done(&w, 1));
    assert_false(bs_work_await(&w, 1));
    bs_work_clear(&w);
}

/* --- Loading ahead --- */

static void await_decoded(bs_loader *l, uint64_t n)
{
    while (bs_loader_decoded(l) < n)
        usleep(1000);
    usleep(20000);
    assert_int_equal(bs_loader_decoded(l), n);
}

static void test_bounded(void **state)
{
    enum { TILE = 2, AHEAD = 3 * TILE };
    uint32_t image[IMAGES];
    bs_session s;
    bs_engine *e;
    bs_loader *l;
    const bs_loaded *x;
    float values[28 * 28];
    bool broken;
    prepare(state);
    open_engine(state, &s, &e, 1, TILE);
    for (uint32_t k = 0; k < IMAGES; k++)
        image[k] = IMAGES - 1 - k;
    assert_ok(bs_loader_open(&l, &s.input, e, image, IMAGES, TILE));
    await_decoded(l, AHEAD);
    assert_ok(bs_loader_get(l, 1, &x));
    assert_ok(bs_input_decode(&s.input, image[1], values, NULL, &broken));
    assert_int_equal(x->bytes, sizeof values);
    assert_memory_equal(x->values, values, sizeof values);
    await_decoded(l, AHEAD);
    bs_loader_release(l, 0);
    await_decoded(l, AHEAD + TILE);
    assert_ok(bs_loader_get(l, 13, &x)); /* what is wanted needs no room */
    await_decoded(l, 14);
    bs_loader_close(l);
    bs_engine_close(e);
    bs_session_close(&s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_once),
        TEST(test_few_images),
        TEST(test_stop),
        cmocka_unit_test(test_division),
        cmocka_unit_test(test_workers_keep_tiles),
        cmocka_unit_test(test_work_of_the_lost),
        TEST(test_bounded),
    };
    bs_log_set_level(BS_LOG_QUIET);
    alarm(60); /* workers may wait for each other */
    return run_suite(tests, NULL, NULL);
}
