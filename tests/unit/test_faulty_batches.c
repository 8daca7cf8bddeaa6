/* Proves the backends' planner: which faulty filters are evaluated together, and which samples densely. */
#include "support/testing.h"

#include "backend/faulty_batches.h"
#include "support/graph_builder.h"

enum { FILTERS = 12, LENGTH = 10, MOST_SAMPLES = 8, MOST_SITES = 64 };

/* A call on samples that are added one by one, and what the planner asked of the backend. */
typedef struct fixture {
    bs_graph *g;
    bs_faulty_call call;
    bs_faulty_input faulty;
    bs_site site[MOST_SITES];
    uint32_t first[MOST_SAMPLES + 1], before[MOST_SITES];
    int32_t row[MOST_SAMPLES];
    bs_view in[3];
    int dense[MOST_SAMPLES][2], n_dense; /* first sample, samples */
} fixture;

/* The work of a test by channels; bs_faulty_run() takes no argument for it. */
static fixture *it;
static void (*look)(bs_faulty_call *c);

static fixture *make_fixture(bs_graph *g)
{
    fixture *x = calloc(1, sizeof *x);
    assert_non_null(x);
    x->g = g;
    x->faulty = (bs_faulty_input){1, {x->site, x->first, x->before}};
    x->in[0].rows = x->row;
    x->call = (bs_faulty_call){.graph = g, .n_faulty = 1, .faulty = &x->faulty, .in = x->in, .input = 1};
    it = x;
    return x;
}

static void free_fixture(fixture *x)
{
    gb_free(x->g);
    free(x);
}

/* Filters one after the other, as of a convolution; with a bias. */
static fixture *make_conv(int group)
{
    bs_graph *g = gb_create();
    g->input = gb_activation(g, GB_SHAPE(LENGTH * group, 4, 4));
    g->output = gb_conv(g, g->input, FILTERS, 1, 1, 0, group, true);
    return make_fixture(g);
}

/* A sample that reads an input row; sites: elements, up to -1. */
static void add(fixture *x, int32_t row, const int *element)
{
    int i = x->call.n++;
    uint32_t n = x->first[i];
    assert_true(i < MOST_SAMPLES);
    for (; *element >= 0; element++) {
        assert_true(n < MOST_SITES);
        x->site[n++] = (bs_site){(uint32_t)*element, ~0u, 1u};
    }
    x->row[i] = row;
    x->first[i + 1] = n;
}
#define ADD(x, row, ...) add(x, row, (int[]){__VA_ARGS__, -1})

/* The first weight of a filter. */
static int weight(int filter)
{
    return filter * LENGTH;
}

static bs_status note_dense(const bs_faulty_call *c, int first, int n)
{
    (void)c;
    it->dense[it->n_dense][0] = first;
    it->dense[it->n_dense++][1] = n;
    return BS_OK;
}

static bs_status by_channels(bs_faulty_call *c)
{
    if (look)
        look(c);
    return BS_OK;
}

static void run(fixture *x, bs_faulty_mode mode, void (*what)(bs_faulty_call *c))
{
    x->n_dense = 0;
    look = what;
    assert_ok(bs_faulty_run(&x->call, mode, note_dense, by_channels));
}

/* So many dense runs: first sample and number of samples of each. */
static void assert_dense(const fixture *x, int n, const int *want)
{
    assert_int_equal(x->n_dense, n);
    assert_memory_equal(x->dense, want, (size_t)n * sizeof x->dense[0]);
}

static bs_faulty_plan make_plan(bs_faulty_call *c, int per_group, bs_faulty_limits limits)
{
    bs_faulty_plan p;
    bs_filters filters = {LENGTH, 1, FILTERS, per_group};
    assert_ok(bs_faulty_plan_make(&p, c, &filters, &limits));
    return p;
}

/* Batches of at most this many filter groups are these groups of samples: the ends, up to p.n. */
static void assert_batches(const bs_faulty_plan *p, int most, int most_alike, const int *end)
{
    for (int at = 0; at < p->n; end++) {
        bs_faulty_batch b = bs_faulty_batch_from(p, at, most, most_alike);
        assert_int_equal(b.first, at);
        assert_int_equal(b.end, *end);
        at = b.end;
    }
}

/* --- groups --- */

static void see_groups(bs_faulty_call *c)
{
    assert_int_equal(c->groups.n, 3);
    bs_faulty_plan p = make_plan(c, 1, (bs_faulty_limits){.most = FILTERS});
    assert_int_equal(p.n, 3);
    bs_faulty_batch b = bs_faulty_batch_from(&p, 0, 1, 1);
    assert_int_equal(b.end, 1);
    assert_ok(bs_faulty_batch_list(&b, &p));
    assert_int_equal(b.samples, 3);
    const int samples[] = {0, 1, 4};
    for (int i = 0; i < 3; i++)
        assert_int_equal(b.sample[i].sample, samples[i]);
    bs_faulty_batch_done(&b, &p);
    bs_faulty_batch_clear(&b);
    bs_faulty_plan_clear(&p);
}

/* Samples with the same sites are evaluated once; neighbours densely in one run; those whose batch is done
 * are not evaluated again. */
static void test_groups(void **state)
{
    (void)state;
    fixture *x = make_conv(1);
    ADD(x, 0, 5);
    ADD(x, 1, 5);
    ADD(x, 2, 6);
    ADD(x, 3, 6, 7);
    ADD(x, 4, 5);
    run(x, BS_FAULTY_DENSE, see_groups);
    assert_dense(x, 4, (int[]){0, 2, 2, 1, 3, 1, 4, 1});
    run(x, BS_FAULTY_CHANNELS, see_groups);
    assert_dense(x, 2, (int[]){2, 1, 3, 1});
    run(x, BS_FAULTY_CHANNELS, NULL);
    assert_int_equal(x->n_dense, 4);
    free_fixture(x);
}

static void test_refused(void **state)
{
    (void)state;
    fixture *x = make_conv(1);
    ADD(x, 0, FILTERS * LENGTH - 1);
    run(x, BS_FAULTY_DENSE, NULL);
    assert_int_equal(x->before[0], bs_float_bits(bs_faulty_param(&x->call)->data[FILTERS * LENGTH - 1]));
    const int bad[] = {-1, 0, 3};
    for (int i = 0; i < 3; i++) {
        x->faulty.input = bad[i];
        assert_error(bs_faulty_run(&x->call, BS_FAULTY_DENSE, note_dense, by_channels), "is not a parameter");
    }
    x->faulty.input = 1;
    ADD(x, 0, FILTERS * LENGTH);
    assert_error(bs_faulty_run(&x->call, BS_FAULTY_DENSE, note_dense, by_channels), "has no element 120");
    free_fixture(x);
}

static void test_channels_of_their_own(void **state)
{
    (void)state;
    fixture *x = make_conv(1);
    assert_true(bs_faulty_has_channels(&x->call, FILTERS));
    x->call.input = 2;
    assert_true(bs_faulty_has_channels(&x->call, FILTERS));
    assert_false(bs_faulty_has_channels(&x->call, FILTERS + 1)); /* a bias for all */
    free_fixture(x);
}

/* --- batches --- */

static void see_limits(bs_faulty_call *c)
{
    bs_faulty_plan p = make_plan(c, 1, (bs_faulty_limits){.most = FILTERS});
    assert_batches(&p, 1, 1, (int[]){1, 2, 3, 4});
    assert_batches(&p, 3, 3, (int[]){2, 4}); /* 2 + 1, 1 + 1 */
    assert_batches(&p, 4, 4, (int[]){3, 4});
    assert_batches(&p, 5, 5, (int[]){4});
    /* The first three read the same rows. */
    assert_batches(&p, 1, 3, (int[]){2, 3, 4});
    assert_batches(&p, 1, 4, (int[]){3, 4});
    assert_batches(&p, 1, 5, (int[]){3, 4});
    bs_faulty_plan_clear(&p);
    /* By sites: 2, 3, 1, 1. */
    p = make_plan(c, 1, (bs_faulty_limits){.most = FILTERS, .by_sites = true});
    assert_batches(&p, 4, 4, (int[]){1, 3, 4});
    assert_batches(&p, 5, 5, (int[]){2, 4});
    bs_faulty_plan_clear(&p);
}

static void test_limits(void **state)
{
    (void)state;
    fixture *x = make_conv(1);
    ADD(x, 7, weight(1), weight(2));
    ADD(x, 7, weight(1), weight(1) + 1, weight(1) + 2);
    ADD(x, 7, weight(5));
    ADD(x, 8, weight(4));
    run(x, BS_FAULTY_CHANNELS, see_limits);
    free_fixture(x);
}

static void see_unlike(bs_faulty_call *c)
{
    bs_faulty_plan p = make_plan(c, 1, (bs_faulty_limits){.most = FILTERS});
    assert_batches(&p, 1, 3, (int[]){1, 2});
    assert_batches(&p, 2, 3, (int[]){2});
    bs_faulty_plan_clear(&p);
}

/* One group reads a row more than the other, whichever comes first. */
static void test_unlike_rows(void **state)
{
    (void)state;
    for (int order = 0; order < 2; order++) {
        fixture *x = make_conv(1);
        ADD(x, 7, weight(order));
        ADD(x, 7, weight(!order));
        ADD(x, 8, weight(0));
        run(x, BS_FAULTY_CHANNELS, see_unlike);
        free_fixture(x);
    }
}

static void see_many(bs_faulty_call *c)
{
    const int most = 3;
    for (int neighbours = 0; neighbours < 2; neighbours++) {
        bs_faulty_plan p = make_plan(c, 1, (bs_faulty_limits){.most = most, .neighbours = neighbours});
        assert_int_equal(p.n, 3);
        assert_int_equal(p.group[1], 2); /* without group 1 */
        assert_batches(&p, 4, 4, neighbours ? (int[]){1, 3} : (int[]){2, 3});
        /* The last is wider than a batch: alone. */
        assert_batches(&p, 2, 2, neighbours ? (int[]){1, 2, 3} : (int[]){2, 3});
        for (int at = 0; at < p.n; at++) {
            bs_faulty_batch b = bs_faulty_batch_from(&p, at, 1, 1);
            bs_faulty_batch_done(&b, &p);
        }
        bs_faulty_plan_clear(&p);
    }
}

/* With more faulty filters than one batch may ever hold, a sample is evaluated densely. */
static void test_more_than_a_batch_holds(void **state)
{
    (void)state;
    fixture *x = make_conv(1);
    ADD(x, 0, weight(0));
    ADD(x, 0, weight(1), weight(2), weight(3), weight(4));
    ADD(x, 1, weight(0), weight(0) + 1);
    ADD(x, 1, weight(7), weight(8), weight(9), weight(9) + 3);
    run(x, BS_FAULTY_CHANNELS, see_many);
    assert_dense(x, 1, (int[]){1, 1});
    free_fixture(x);
}

static void see_rows(bs_faulty_call *c)
{
    bs_faulty_plan p = make_plan(c, 1, (bs_faulty_limits){.most = FILTERS});
    bs_faulty_batch b = bs_faulty_batch_from(&p, 0, FILTERS, FILTERS);
    assert_ok(bs_faulty_batch_list(&b, &p));
    const bs_faulty_sample want[] = {{0, 2, 0, 2}, {3, 0, 0, 2}, {1, 1, 2, 1}, {2, 2, 3, 0}};
    assert_int_equal(b.rows, 3);
    assert_memory_equal(b.row, ((int32_t[]){2, 5, 9}), 3 * sizeof *b.row);
    assert_int_equal(b.samples, 4);
    assert_memory_equal(b.sample, want, sizeof want);
    assert_int_equal(b.filter_groups, 3);
    assert_memory_equal(b.filter_group, ((int[]){3, 11, 3}), 3 * sizeof(int));
    /* In the order of the sites, whatever the order of the filters. */
    const bs_faulty_change change[] = {{0, 1, 4}, {1, 0, 0}, {2, 0, 9}, {3, 2, 1}};
    assert_int_equal(b.changes, 4);
    for (int k = 0; k < 4; k++) {
        assert_int_equal(b.change[k].site, change[k].site);
        assert_int_equal(b.change[k].filter, change[k].filter);
        assert_int_equal(b.change[k].at, change[k].at);
    }
    bs_faulty_batch_clear(&b);
    bs_faulty_plan_clear(&p);
}

static void test_rows_and_results(void **state)
{
    (void)state;
    fixture *x = make_conv(1);
    ADD(x, 9, weight(11) + 4, weight(3), weight(3) + 9);
    ADD(x, 5, weight(3) + 1);
    ADD(x, 9, -1); /* no fault at all */
    ADD(x, 2, weight(11) + 4, weight(3), weight(3) + 9);
    run(x, BS_FAULTY_CHANNELS, see_rows);
    free_fixture(x);
}

static void see_filter_groups(bs_faulty_call *c)
{
    bs_faulty_plan p = make_plan(c, FILTERS / 4, (bs_faulty_limits){.most = 2});
    bs_faulty_batch b = bs_faulty_batch_from(&p, 0, 2, 2);
    assert_ok(bs_faulty_batch_list(&b, &p));
    assert_int_equal(b.filter_groups, 2);
    assert_memory_equal(b.filter_group, ((int[]){0, 3}), 2 * sizeof(int));
    const int filter[] = {0, 2, 4}; /* of groups of three */
    assert_int_equal(b.changes, 3);
    for (int k = 0; k < 3; k++)
        assert_int_equal(b.change[k].filter, filter[k]);
    bs_faulty_batch_clear(&b);
    bs_faulty_plan_clear(&p);
}

/* Filters of one group of a grouped convolution come together. */
static void test_filter_groups(void **state)
{
    (void)state;
    fixture *x = make_conv(4);
    ADD(x, 0, weight(0), weight(2), weight(10));
    run(x, BS_FAULTY_CHANNELS, see_filter_groups);
    free_fixture(x);
}

static void test_locate(void **state)
{
    (void)state;
    const struct {
        bs_filters f;
        uint32_t element;
        int filter;
        int64_t at;
    } cases[] = {
        {{LENGTH, 1, FILTERS, 1}, 37, 3, 7},       /* filter after filter */
        {{LENGTH, FILTERS, FILTERS, 1}, 37, 1, 3}, /* side by side */
        {{LENGTH, 1, 1, 1}, 7, 0, 7},              /* a single filter is both */
        {{1, 1, FILTERS, 1}, 5, 5, 0},             /* biases */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int filter;
        int64_t at;
        bs_filters_locate(&cases[i].f, cases[i].element, &filter, &at);
        assert_int_equal(filter, cases[i].filter);
        assert_int_equal(at, cases[i].at);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_channels_of_their_own),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_unlike_rows),
        cmocka_unit_test(test_more_than_a_batch_holds),
        cmocka_unit_test(test_rows_and_results),
        cmocka_unit_test(test_filter_groups),
        cmocka_unit_test(test_locate),
    };
    return run_suite(tests, NULL, NULL);
}
