/* Proves that trials of several targets may share batches: on random graphs, groups of trials, each of
 * another target, give the bits of full re-runs of each group alone, whatever room there is at the cut
 * points. */
#include "support/network_trials.h"

enum { GRAPHS = 6, GROUPS = 5 };

typedef struct group {
    int target, first, n;
    bs_schedules delta, full;
} group;

/* A part of the trials for each of some activations, in the order of the network. Returns how many. */
static int make_groups(field *f, trials *t, group *out)
{
    bench *b = &f->b;
    uint32_t sites = 0;
    int n = 0, first = 0;
    memset(t, 0, sizeof *t);
    t->n_targets = 1;
    for (int k = 0; k < b->g->n_targets && n < GROUPS; k++) {
        int tensor = b->g->targets[k].tensor;
        bs_schedules *delta = &out[n].delta;
        if (b->g->tensors[tensor].constant || roll(&b->d, 3) > 0)
            continue;
        assert_ok(bs_schedules_create(delta, b->g, b->rig.b, b->rig.network, k, BS_REPLAY_DELTA, false,
                                      &f->context));
        assert_true(bs_schedules_share(delta, &out[0].delta));
        assert_ok(bs_schedules_create(&out[n].full, b->g, b->rig.b, b->rig.network, k, BS_REPLAY_FULL, false,
                                      NULL));
        out[n].target = k;
        out[n].first = first;
        out[n].n = 1 + roll(&b->d, TRIALS / GROUPS);
        for (int i = 0; i < out[n].n; i++, first++) {
            t->row[first] = roll(&b->d, IMAGES);
            t->first[first] = sites;
            sites += draw(b, &b->g->tensors[tensor], t->site + sites);
        }
        n++;
    }
    t->first[first] = sites;
    return n;
}

static bs_trial_batch batch_of(trials *t, int first, int n, bool keep)
{
    return (bs_trial_batch){.n = n,
                            .golden_row = t->row + first,
                            .faults = {t->site, t->first + first, t->before},
                            .keep_masked = keep,
                            .output = t->output + (size_t)first * CLASSES,
                            .result = t->result + first};
}

/* arena: bytes that the replayer may use; 0: all. Returns how many trials were masked. */
static int check(field *f, size_t arena)
{
    static trials full, together;
    static group groups[GROUPS];
    bs_trial_group list[GROUPS];
    bench *b = &f->b;
    int most, n = make_groups(f, &full, groups), all = 0, masked = 0;
    together = full;
    for (int k = 0; k < n; k++) {
        bs_trial_batch t = batch_of(&full, groups[k].first, groups[k].n, true);
        assert_ok(bs_replay_trials(b->replayer, &groups[k].full, &t, TRIALS));
        list[k] = (bs_trial_group){&groups[k].delta, groups[k].n};
        all += groups[k].n;
    }
    size_t room = bs_replayer_room(b->replayer, &most),
           spare = arena && arena < room ? (room - arena) / 64 * 64 : 0;
    assert_non_null(bs_replayer_reserve(b->replayer, spare));
    bs_trial_batch t = batch_of(&together, 0, all, false);
    if (n > 0)
        assert_ok(bs_replay_groups(b->replayer, list, n, &t, 1 + roll(&b->d, TRIALS)));
    bs_replayer_release(b->replayer, spare);
    for (int i = 0; i < all; i++) {
        assert_int_equal(full.result[i].died_at, together.result[i].died_at);
        assert_memory_equal(&full.result[i].answer, &together.result[i].answer, sizeof(bs_answer));
        masked += full.result[i].died_at >= 0;
    }
    assert_memory_equal(full.output, together.output, (size_t)all * CLASSES * sizeof(float));
    assert_memory_equal(full.before, together.before, full.first[all] * sizeof *full.before);
    for (int k = 0; k < n; k++) {
        bs_schedules_clear(&groups[k].delta);
        bs_schedules_clear(&groups[k].full);
    }
    b->trials += all;
    return masked;
}

/* Returns the bytes for the widest trial, and `rows` that wait at every cut point. */
static size_t tight(const field *f, int rows)
{
    bs_schedule *whole;
    assert_ok(bs_schedule_create(&whole, f->b.g, f->b.rig.b, f->b.rig.network, 0, BS_REPLAY_FULL));
    size_t bytes = whole->row_bytes + (size_t)rows * bs_segments_trial_bytes(f->context.segments);
    bs_schedule_free(whole);
    return bytes;
}

static void test_groups(void **state)
{
    (void)state;
    int masked = 0, trials = 0, cut = 0;
    for (int number = 0; number < 3 * GRAPHS && cut < GRAPHS; number++) {
        field f;
        field_open(&f, make_graph(number), number, (size_t)1 << 26);
        if (f.context.segments) {
            masked += check(&f, 0) + check(&f, tight(&f, 1)) + check(&f, tight(&f, 3));
            trials += f.b.trials;
            cut++;
        }
        field_close(&f);
    }
    print_message("%d graphs, %d trials, %d masked\n", cut, trials, masked);
    assert_true(cut > 0 || strcmp(test_device(), "null") == 0);
    assert_true(masked > trials / 20 && masked < trials);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_groups)};
    return run_suite(tests, NULL, NULL);
}
