/* A small graph made by hand, and plans from job texts, for the tests of host/fault. */
#ifndef BS_TESTS_FAULT_FIXTURE_H
#define BS_TESTS_FAULT_FIXTURE_H

#include "support/testing.h"

#include "fault/plan.h"

/* Targets: 0 image (64), 1 conv1.weight (36), 2 conv1.bias (4), 3 fc.weight (2560), 4 conv1_out (256), 5
 * relu1_out (256), 6 "logits, all" (10). Nodes: conv1, relu1, fc. */
enum { IMAGE, CONV_W, CONV_B, FC_W, CONV_OUT, RELU_OUT, LOGITS, N_TARGETS };

static inline const bs_graph *fixture_graph(void)
{
    static bs_tensor tensors[] = {
        {.name = "image", .elements = 64, .producer = -1, .target = IMAGE},
        {.name = "conv1.weight", .constant = true, .elements = 36, .producer = -1, .target = CONV_W},
        {.name = "conv1.bias", .constant = true, .elements = 4, .producer = -1, .target = CONV_B},
        {.name = "fc.weight", .constant = true, .elements = 2560, .producer = -1, .target = FC_W},
        {.name = "conv1_out", .elements = 256, .producer = 0, .target = CONV_OUT},
        {.name = "relu1_out", .elements = 256, .producer = 1, .target = RELU_OUT},
        {.name = "logits, all", .elements = 10, .producer = 2, .target = LOGITS},
    };
    static bs_node nodes[] = {
        {.name = "conv1", .op = BS_OP_CONV, .out = 4},
        {.name = "relu1", .op = BS_OP_RELU, .out = 5},
        {.name = "fc", .op = BS_OP_GEMM, .out = 6},
    };
    static bs_target targets[] = {
        {0, -1, BS_TARGET_INPUT},     {1, 0, BS_TARGET_WEIGHT},     {2, 0, BS_TARGET_BIAS},
        {3, 2, BS_TARGET_WEIGHT},     {4, 0, BS_TARGET_ACTIVATION}, {5, 1, BS_TARGET_ACTIVATION},
        {6, 2, BS_TARGET_ACTIVATION},
    };
    static bs_graph graph = {.tensors = tensors,
                             .n_tensors = 7,
                             .nodes = nodes,
                             .n_nodes = 3,
                             .targets = targets,
                             .n_targets = N_TARGETS,
                             .input = 0,
                             .output = 6,
                             .classes = 10};
    return &graph;
}

static char fixture_folder[] = "/tmp/bitsink-fault-XXXXXX";

static inline const char *fixture_path(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", fixture_folder, name);
    return path;
}

static inline void fixture_write(const char *name, const char *text)
{
    FILE *f = fopen(fixture_path(name), "wb");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static inline int fixture_setup(void **state)
{
    (void)state;
    return mkdtemp(fixture_folder) ? 0 : -1;
}

static inline int fixture_teardown(void **state)
{
    static const char *const names[] = {"a.yaml", "b.yaml", "s.csv", "t.csv"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unlink(fixture_path(names[i]));
    return rmdir(fixture_folder);
}

/* The job "a.yaml" of these fault entries, which start in line 4, and its plan. */
static inline bs_status fixture_plan(bs_plan **plan, bs_job **job, const char *seed, const char *entries,
                                     uint32_t n_images)
{
    char text[8192];
    int n = snprintf(text, sizeof text, "{seed: %s, model: m, images: {folder: x},\n\nfaults: [\n%s\n]}\n",
                     seed, entries);
    assert_true(n > 0 && (size_t)n < sizeof text);
    fixture_write("a.yaml", text);
    *plan = NULL;
    assert_ok(bs_job_read(job, fixture_path("a.yaml")));
    bs_status st = bs_plan_create(plan, *job, fixture_graph(), n_images);
    if (st != BS_OK) {
        bs_job_free(*job);
        *job = NULL;
    }
    return st;
}

static inline void fixture_free(bs_plan *plan, bs_job *job)
{
    bs_plan_free(plan);
    bs_job_free(job);
}

/* The sites of a trial in *out, cleared first. */
static inline void fixture_sites(bs_sites *out, const bs_plan *plan, uint32_t entry, uint32_t target,
                                 uint32_t image, uint32_t repetition)
{
    bs_trial_coords t = {entry, target, image, repetition};
    const bs_stratum *s = bs_plan_stratum(plan, t);
    assert_non_null(s);
    bs_sites_reset(out);
    assert_ok(bs_plan_sites(plan, s, t, out));
}

#endif
