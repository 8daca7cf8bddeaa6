/* Proves that a campaign on several devices has the rows of one on one device, also where devices are lost at
 * any moment, and that devices which do not compute the same are refused. */
#include "support/data_fixture.h"

#include "campaign/campaign.h"
#include "cli/cli.h"
#include "store/status.h"

#include <limits.h>
#include <pthread.h>

enum { IMAGES = 12, TRIALS = 120, MOST = 4, STREAMS = 64, WORKERS = 8, NEVER = INT_MAX };

/* The null device, of which some are lost after so many calls. */
static bs_backend mortal;
static struct {
    pthread_mutex_t lock;
    const bs_engine *engine;
    int life[MOST]; /* by index in the engine: calls until it is lost */
    int calls[MOST];
    int odd; /* index of a device that computes something else, -1: none */
    bs_stream *stream[STREAMS];
    int device[STREAMS]; /* by stream */
} world = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bs_status mortal_stream_open(bs_stream **out, bs_network *n)
{
    BS_TRY(bs_null_backend.stream_open(out, n));
    pthread_mutex_lock(&world.lock);
    int free_place = 0, k = 0;
    while (world.stream[free_place])
        free_place++;
    while (world.engine->devices[k].network != n)
        k++;
    world.stream[free_place] = *out;
    world.device[free_place] = k;
    pthread_mutex_unlock(&world.lock);
    return BS_OK;
}

static int place_of(const bs_stream *s)
{
    int i = 0;
    while (world.stream[i] != s)
        i++;
    return i;
}

static void mortal_stream_close(bs_stream *s)
{
    pthread_mutex_lock(&world.lock);
    world.stream[place_of(s)] = NULL;
    pthread_mutex_unlock(&world.lock);
    bs_null_backend.stream_close(s);
}

/* One call on the stream's device. */
static bs_status live(const bs_stream *s, int *device)
{
    pthread_mutex_lock(&world.lock);
    *device = world.device[place_of(s)];
    int *life = &world.life[*device];
    bool alive = *life > 0;
    *life -= alive && *life != NEVER;
    bool rest = ++world.calls[*device] % 16 == 0;
    pthread_mutex_unlock(&world.lock);
    if (rest) /* all devices get their share, however few the cores */
        usleep(1);
    return alive ? BS_OK : bs_fail(BS_NO_DEVICE, "call of device %d failed: it fell off the bus", *device);
}

static bs_status mortal_alloc(bs_stream *s, void **out, size_t bytes)
{
    int device;
    *out = NULL;
    BS_TRY(live(s, &device));
    return bs_null_backend.alloc(s, out, bytes);
}

static bs_status mortal_upload(bs_stream *s, int tensor, void *row, const float *data)
{
    int device;
    BS_TRY(live(s, &device));
    return bs_null_backend.upload(s, tensor, row, device == world.odd ? &(float){data[0] + 1} : data);
}

static bs_status mortal_run(bs_stream *s, int node, int n, const bs_view *in, void *out)
{
    int device;
    BS_TRY(live(s, &device));
    return bs_null_backend.run(s, node, n, in, out);
}

static bs_status mortal_run_faulty(bs_stream *s, int node, int n_faulty, const bs_faulty_input *faulty, int n,
                                   const bs_view *in, bs_view golden_out, bs_faulty_mode mode, void *out)
{
    int device;
    BS_TRY(live(s, &device));
    return bs_null_backend.run_faulty(s, node, n_faulty, faulty, n, in, golden_out, mode, out);
}

static bs_status mortal_rank(bs_stream *s, int n, const void *rows, const int32_t *golden, bs_answer *out)
{
    int device;
    BS_TRY(live(s, &device));
    return bs_null_backend.rank(s, n, rows, golden, out);
}

/* All devices live for ever. */
static void begin_world(void)
{
    mortal = bs_null_backend;
    mortal.stream_open = mortal_stream_open;
    mortal.stream_close = mortal_stream_close;
    mortal.alloc = mortal_alloc;
    mortal.upload = mortal_upload;
    mortal.run = mortal_run;
    mortal.run_faulty = mortal_run_faulty;
    mortal.rank = mortal_rank;
    world.odd = -1;
    for (int k = 0; k < MOST; k++)
        world.life[k] = NEVER;
}

static void prepare(void **state)
{
    char list[16 * IMAGES], model[PATH_MAX], text[PATH_MAX + 512];
    size_t n = 0;
    for (int i = 0; i < IMAGES; i++) {
        char name[16];
        snprintf(name, sizeof name, "%02d.png", i);
        fixture_text(state, name, "not looked at");
        n += (size_t)snprintf(list + n, sizeof list - n, "%s,%d\n", name, i % 10);
    }
    fixture_text(state, "labels.csv", list);
    assert_non_null(realpath("tests/models/fashion_vgg.onnx", model));
    snprintf(text, sizeof text,
             "model: %s\nimages: {labels: labels.csv}\nfaults:\n"
             "  - {id: 1, targets: [conv1_2, conv3_1, fc1], fault: flip, trials: %d}\n"
             "  - {id: 2, targets: {name: conv3_1, kind: weight}, fault: flip, trials: %d}\n",
             model, TRIALS, TRIALS);
    fixture_text(state, "job.yaml", text);
}

/* What `bitsink run` does. The file is called r.db. */
static bs_status run(void **state, const char *device, bs_proof_when when)
{
    static volatile sig_atomic_t stop;
    bs_session s;
    bs_engine *e = NULL;
    bs_store *store = NULL;
    bs_proofs *proofs = NULL;
    bs_campaign_summary summary;
    bs_run_info info = {.backend = "null", .version = "0", .mode = "delta", .selftest = "passed"};
    const bs_engine_options o = {.device = device,
                                 .several = true,
                                 .threads = WORKERS,
                                 .mode = BS_REPLAY_DELTA,
                                 .proves = true,
                                 .max_batch = 8};
    bs_status st;
    assert_ok(bs_session_open(&s, fixture_path(state, "job.yaml")));
    BS_TRY_GOTO(bs_engine_open(&e, s.graph, s.plan, &o), out);
    world.engine = e;
    e->backend = &mortal;
    assert_ok(bs_store_open(&store, fixture_path(state, "r.db"), s.plan, s.images, NULL));
    BS_TRY_GOTO(bs_proofs_create(&proofs, e, store, when), out);
    info.device = e->info;
    info.fingerprint = e->fingerprint;
    info.threads = e->threads;
    info.n_devices = e->n_devices;
    for (int k = 0; k < e->n_devices; k++)
        info.ordinal[k] = e->devices[k].ordinal;
    assert_ok(bs_store_begin_run(store, &info));
    st = bs_campaign_run(proofs, &s.input, store, &stop, &summary);
    bs_error error;
    bs_error_save(&error);
    assert_ok(bs_store_end_run(store, -st, NULL));
    if (st != BS_OK)
        bs_error_restore(&error);
out:
    bs_store_close(store);
    bs_proofs_free(proofs);
    bs_engine_close(e);
    bs_session_close(&s);
    return st;
}

static void digest(void **state, char out[33])
{
    assert_ok(bs_store_digest(fixture_path(state, "r.db"), out, NULL));
}

static void assert_digest(void **state, const char *wanted)
{
    char found[33];
    digest(state, found);
    assert_string_equal(found, wanted);
}

static void whole(void **state, char out[33])
{
    prepare(state);
    begin_world();
    assert_ok(run(state, "null", BS_PROOF_AUTO));
    digest(state, out);
    unlink(fixture_path(state, "r.db"));
}

/* Returns how many devices of the last run were lost. Their trials, and those of the others, are all. */
static int lost_devices(void **state, uint64_t *of_lost)
{
    bs_file_status s;
    int lost = 0;
    uint64_t trials = 0, goldens = 0;
    *of_lost = 0;
    assert_ok(bs_store_status(fixture_path(state, "r.db"), &s));
    for (size_t i = 0; i < s.n_devices; i++) {
        trials += s.devices[i].trials;
        goldens += s.devices[i].goldens;
        if (!s.devices[i].lost)
            continue;
        assert_non_null(strstr(s.devices[i].reason, "fell off the bus"));
        *of_lost += s.devices[i].trials;
        lost++;
    }
    assert_int_equal(trials, s.run_trials);
    assert_int_equal(goldens, s.goldens);
    bs_file_status_clear(&s);
    return lost;
}

static int runs(void **state)
{
    bs_file_status s;
    assert_ok(bs_store_status(fixture_path(state, "r.db"), &s));
    int n = s.runs;
    bs_file_status_clear(&s);
    return n;
}

static void test_one_digest(void **state)
{
    static const char *const devices[] = {"null:0,3", "null:3-6", "null:all"};
    char one[33];
    uint64_t of_lost;
    whole(state, one);
    for (int i = 0; i < 2; i++) {
        bs_file_status s;
        assert_ok(run(state, devices[i], BS_PROOF_AUTO));
        assert_digest(state, one);
        assert_int_equal(lost_devices(state, &of_lost), 0);
        assert_ok(bs_store_status(fixture_path(state, "r.db"), &s));
        assert_string_equal(s.device, "null"); /* as of one device: numerics are compared by it */
        assert_int_equal(s.n_devices, i == 0 ? 2 : 4);
        assert_int_equal(s.devices[1].ordinal, i == 0 ? 3 : 4);
        assert_int_equal(s.devices[1].workers, i == 0 ? 4 : 2);
        bs_file_status_clear(&s);
        unlink(fixture_path(state, "r.db"));
    }
    assert_error(run(state, devices[2], BS_PROOF_AUTO),
                 "device null:1 is another one than null:0: null (inexact)");
}

/* Returns the calls that each device makes, more or less: who takes what depends on chance. */
static int calls(void **state, bs_proof_when when)
{
    begin_world();
    memset(world.calls, 0, sizeof world.calls);
    assert_ok(run(state, "null:0,3,4", when));
    unlink(fixture_path(state, "r.db"));
    return (world.calls[0] + world.calls[1] + world.calls[2]) / 3;
}

typedef struct losses {
    int all, with_trials; /* lost after it had computed trials */
} losses;

/* A device is lost after so many calls. */
static void lose(void **state, int device, int life, bs_proof_when when, const char *digest, losses *seen)
{
    uint64_t of_lost;
    begin_world();
    world.life[device] = life;
    bs_status st = run(state, "null:0,3,4", when);
    if (runs(state) > 0) {
        assert_ok(st);
        assert_digest(state, digest);
        int lost = lost_devices(state, &of_lost);
        assert_int_equal(lost, world.life[device] == 0);
        seen->all += lost;
        seen->with_trials += lost && of_lost > 0;
    } else {
        assert_int_equal(st, BS_NO_DEVICE); /* when the engine was probed */
    }
    unlink(fixture_path(state, "r.db"));
}

static void lose_in(void **state, bs_proof_when when, int n, const int *per_cent, const char *digest,
                    losses *seen)
{
    int most = calls(state, when);
    for (int device = 0; device < 3; device += 2)
        for (int i = 0; i < n; i++)
            lose(state, device, (int)((int64_t)most * per_cent[i] / 100), when, digest, seen);
}

static void test_lost_in_the_proofs(void **state)
{
    char one[33];
    losses seen = {0, 0};
    whole(state, one);
    lose_in(state, BS_PROOF_AUTO, 4, (const int[]){5, 20, 40, 60}, one, &seen);
    lose_in(state, BS_PROOF_ALWAYS, 2, (const int[]){10, 60}, one, &seen);
    assert_true(seen.all > 2 && seen.with_trials < seen.all);
}

static void test_lost_among_trials(void **state)
{
    char one[33];
    losses seen = {0, 0};
    whole(state, one);
    lose_in(state, BS_PROOF_OFF, 7, (const int[]){15, 25, 35, 45, 55, 65, 75}, one, &seen);
    assert_true(seen.with_trials > 2);
}

static void test_none_left(void **state)
{
    char one[33];
    uint64_t of_lost;
    whole(state, one);
    int part = calls(state, BS_PROOF_OFF) / 3;
    begin_world();
    world.life[0] = world.life[2] = part;
    assert_ok(run(state, "null:0,3,4", BS_PROOF_OFF));
    assert_int_equal(lost_devices(state, &of_lost), (world.life[0] == 0) + (world.life[2] == 0));
    assert_digest(state, one);
    unlink(fixture_path(state, "r.db"));

    begin_world();
    for (int k = 0; k < 3; k++)
        world.life[k] = part; /* a third of all that they need together */
    assert_int_equal(run(state, "null:0,3,4", BS_PROOF_OFF), BS_NO_DEVICE);
    assert_non_null(strstr(bs_error_message(), "fell off the bus"));
    assert_int_equal(lost_devices(state, &of_lost), 3);
    begin_world(); /* another one does the rest */
    assert_ok(run(state, "null:5", BS_PROOF_AUTO));
    assert_digest(state, one);
}

static void test_other_arithmetic(void **state)
{
    char one[33];
    whole(state, one);
    world.odd = 2;
    assert_error(run(state, "null:0,3,4", BS_PROOF_AUTO),
                 "devices null:0 and null:4 compute other golden outputs of the same images");
    assert_non_null(strstr(bs_error_hint(), "--shard"));
}

/* Several devices are for campaigns, and each has a worker. */
static void test_refused(void **state)
{
    bs_session s;
    bs_engine *e;
    prepare(state);
    assert_ok(bs_session_open(&s, fixture_path(state, "job.yaml")));
    bs_engine_options o = {.device = "null:0,3", .threads = 1};
    assert_error(bs_engine_open(&e, s.graph, s.plan, &o),
                 "'null:0,3' names 2 devices, and this command takes one");
    o.several = true;
    assert_error(bs_engine_open(&e, s.graph, s.plan, &o), "1 worker(s) for 2 devices");
    bs_session_close(&s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_one_digest), TEST(test_lost_in_the_proofs), TEST(test_lost_among_trials),
        TEST(test_none_left),  TEST(test_other_arithmetic),   TEST(test_refused),
    };
    alarm(120); /* workers may wait for each other */
    return run_suite(tests, NULL, NULL);
}
