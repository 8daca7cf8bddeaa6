/* A small campaign made by hand, with synthetic rows, for the tests of the result file.
 *   fixture f; fixture_open(&f); ... fixture_close(&f);
 * Strata: 0 (entry 2, input), 1 (entry 2, relu), 2 (entry 3, weight: a parameter), 3 (entry 7, relu, BER).
 * After fx_add_network(&f, ...) also 4 (entry 9, several layers in the same inference), and rankings. */
#ifndef BS_TESTS_STORE_FIXTURE_H
#define BS_TESTS_STORE_FIXTURE_H

#include "support/testing.h"

#include "store/store.h"

#include <math.h>
#include <sqlite3.h>

enum { FX_IMAGES = 24, FX_CLASSES = 8, FX_STRATA = 4, FX_REPETITIONS = 12, FX_SINK = 3 };
enum { FX_ROWS = FX_IMAGES * FX_STRATA * FX_REPETITIONS };
enum { FX_ALL_ROWS = FX_ROWS + FX_IMAGES * FX_REPETITIONS }; /* with those of the network */
enum { FX_STORED = 2, FX_TOP_K = 3 };

typedef struct fixture {
    char dir[64], db[96];
    bs_tensor tensor[3];
    bs_node node[1];
    bs_target target[3];
    bs_graph graph;
    bs_entry entry[4];
    bs_job job;
    bs_stratum stratum[FX_STRATA + 1], part[3];
    bs_plan plan;
    bs_dataset *images;
    int label[FX_IMAGES]; /* as in the list; class: + job.label_offset */
    bs_golden_row golden[FX_IMAGES];
    bs_row row[FX_ALL_ROWS]; /* sorted by id */
    size_t n_rows;
    bs_run_info run;
    int device; /* that makes the next rows */
    uint64_t random;
} fixture;

static inline uint32_t fx_random(fixture *f, uint32_t n)
{
    f->random = f->random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((f->random >> 33) % n);
}

static inline int fx_stratum_of(const fixture *f, const bs_row *r)
{
    bs_trial_coords t = bs_trial_coords_from_id(r->id);
    for (int s = 0; s < f->plan.n_strata; s++)
        if (f->entry[f->stratum[s].entry].id == (int)t.entry && f->stratum[s].target == (int)t.target)
            return s;
    return -1;
}

static inline void fx_answer(fixture *f, bs_answer *a, int top1)
{
    memset(a, 0, sizeof *a);
    bool used[FX_CLASSES] = {false};
    for (int k = 0; k < BS_TOP; k++) {
        int c = k == 0 ? top1 : (int)fx_random(f, FX_CLASSES);
        while (used[c])
            c = (c + 1) % FX_CLASSES;
        used[c] = true;
        a->top[k] = c;
        a->score[k] = 9.0f - (float)k + (float)fx_random(f, 1000) / 1024.0f;
    }
    a->p_golden = (float)fx_random(f, 1000) / 1000.0f;
}

static inline void fx_make_row(fixture *f, bs_row *r, int stratum, uint32_t image, uint32_t repetition)
{
    const bs_golden_row *g = &f->golden[image];
    memset(r, 0, sizeof *r);
    r->id = bs_trial_id((bs_trial_coords){(uint32_t)f->entry[f->stratum[stratum].entry].id,
                                          (uint32_t)f->stratum[stratum].target, image, repetition});
    r->n_sites = stratum == 3 ? fx_random(f, 4) : 1;
    r->element = fx_random(f, 100);
    r->keep = UINT32_MAX;
    r->toggle = stratum == 3 ? 0x30000000u + fx_random(f, 9) : 1u << fx_random(f, 32);
    r->before = fx_random(f, UINT32_MAX);
    r->died_at = -1;
    uint32_t what = fx_random(f, 10);
    if (what < 3 || r->n_sites == 0) {
        r->died_at = f->stratum[stratum].target;
    } else if (what < 6) {
        fx_answer(f, &r->answer, g->answer.top[0]);
        if (fx_random(f, 2))
            r->answer.p_golden = g->answer.p_golden;
    } else if (what < 9) {
        /* Most wrong answers of the second stratum drain into one class. */
        bool sink = stratum == 1 && fx_random(f, 5) > 0;
        fx_answer(f, &r->answer, sink ? FX_SINK : (int)fx_random(f, FX_CLASSES));
    } else {
        fx_answer(f, &r->answer, 0);
        r->answer.flags = fx_random(f, 2) ? BS_ANSWER_NAN : BS_ANSWER_INF;
        r->answer.p_golden = 0;
        if (fx_random(f, 2))
            for (int k = 0; k < BS_TOP; k++)
                r->answer.top[k] = -1;
    }
}

static inline void fx_make_images(fixture *f)
{
    char path[128];
    snprintf(path, sizeof path, "%s/labels.csv", f->dir);
    FILE *csv = fopen(path, "w");
    assert_non_null(csv);
    for (int i = 0; i < FX_IMAGES; i++) {
        f->label[i] =
            (int)fx_random(f, FX_CLASSES - 2); /* with offset 1: no image has classes 0 and 7 as its label */
        snprintf(path, sizeof path, "%s/%02d.png", f->dir, i);
        FILE *image = fopen(path, "w");
        assert_non_null(image);
        fclose(image);
        fprintf(csv, "%02d.png,%d\n", i, f->label[i]);
    }
    fclose(csv);
    snprintf(path, sizeof path, "%s/labels.csv", f->dir);
    bs_dataset_spec spec = {.labels = path};
    assert_ok(bs_dataset_open(&f->images, &spec, FX_CLASSES));
}

static inline void fx_make_graph(fixture *f)
{
    static const char *const names[] = {"image", "conv.weight", "features.1"};
    for (int i = 0; i < 3; i++) {
        f->tensor[i] =
            (bs_tensor){.name = (char *)names[i], .constant = i == 1, .elements = 100 + i, .target = i};
        f->tensor[i].shape = (bs_shape){1, {100 + i}};
        f->tensor[i].producer = i == 2 ? 0 : -1;
        f->target[i] = (bs_target){i, i == 0 ? -1 : 0,
                                   i == 0   ? BS_TARGET_INPUT
                                   : i == 1 ? BS_TARGET_WEIGHT
                                            : BS_TARGET_ACTIVATION};
    }
    f->node[0] = (bs_node){.name = (char *)"conv", .op = BS_OP_CONV, .out = 2, .macs = 1234};
    f->graph = (bs_graph){
        .tensors = f->tensor, .n_tensors = 3, .nodes = f->node, .n_nodes = 1, .targets = f->target};
    f->graph.n_targets = 3;
    f->graph.output = 2;
    f->graph.classes = FX_CLASSES;
    memset(f->graph.sha256, 'a', 64);
}

static inline void fx_make_plan(fixture *f)
{
    static const int entry_of[] = {0, 0, 1, 2}, target_of[] = {0, 2, 1, 2}, ids[] = {2, 3, 7};
    for (int e = 0; e < 3; e++) {
        f->entry[e] =
            (bs_entry){.id = ids[e], .name = (char *)"some bits", .probability = 1, .trials = FX_REPETITIONS};
        f->entry[e].fault =
            (bs_fault_model){.kind = BS_FAULT_FLIP, .bits = UINT32_MAX, .burst = 1, .count = 1};
    }
    f->entry[2].fault.ber = 1e-3;
    f->job = (bs_job){.name = (char *)"synthetic", .text = (char *)"# job", .model = (char *)"m.onnx"};
    f->job.seed = UINT64_MAX - 5;
    f->job.entries = f->entry;
    f->job.n_entries = 3;
    f->job.label_offset = 1;
    f->job.preprocess =
        (bs_preprocess){.resize_short = 256, .scale = 1.0f / 255, .n_mean = 1, .n_std = 1, .std = {1}};
    for (int s = 0; s < FX_STRATA; s++)
        f->stratum[s] = (bs_stratum){.entry = entry_of[s],
                                     .target = target_of[s],
                                     .is_parameter = target_of[s] == 1,
                                     .repetitions = FX_REPETITIONS,
                                     .fault = f->entry[entry_of[s]].fault,
                                     .population = 3200 + 1000 * (uint64_t)s};
    f->plan = (bs_plan){.job = &f->job, .graph = &f->graph, .n_images = FX_IMAGES, .strata = f->stratum};
    f->plan.n_strata = FX_STRATA;
    f->n_rows = FX_ROWS;
    f->plan.trials = f->plan.job_trials = FX_ROWS;
}

static inline void fx_make_rows(fixture *f)
{
    for (uint32_t i = 0; i < FX_IMAGES; i++) {
        bs_golden_row *g = &f->golden[i];
        g->image = i;
        fx_answer(f, &g->answer, fx_random(f, 4) ? f->label[i] + 1 : (int)fx_random(f, FX_CLASSES));
        memset(g->sha256, 'b', 64);
        g->logits_hash = i * 77u;
    }
    f->golden[5].answer.flags = BS_ANSWER_INF; /* even the fault-free run is DUE */
    f->golden[5].answer.p_golden = 0;
    bs_row *r = f->row;
    for (int s = 0; s < FX_STRATA; s++)
        for (uint32_t i = 0; i < FX_IMAGES; i++)
            for (uint32_t k = 0; k < FX_REPETITIONS; k++)
                fx_make_row(f, r++, s, i, k);
}

/* Adds a stratum of the whole network, `parameter`: with a weight among its layers, and rankings of all
 * answers. */
static inline void fx_add_network(fixture *f, bool parameter)
{
    bs_stratum *s = &f->stratum[FX_STRATA];
    f->entry[3] = f->entry[0];
    f->entry[3].id = 9;
    f->entry[3].scope = BS_SCOPE_INFERENCE;
    f->entry[3].store_sites = FX_STORED;
    *s = (bs_stratum){.entry = 3,
                      .target = BS_NETWORK_TARGET,
                      .is_parameter = parameter,
                      .repetitions = FX_REPETITIONS,
                      .probability = 1,
                      .fault = f->entry[3].fault,
                      .part = f->part};
    for (int t = 0; t < 3; t++)
        if (t != 1 || parameter) {
            f->part[s->n_parts++] = (bs_stratum){.entry = 3,
                                                 .target = t,
                                                 .is_parameter = t == 1,
                                                 .probability = t < 2 ? 0.25 : 1,
                                                 .fault = f->entry[3].fault,
                                                 .population = 3200 + (uint64_t)t};
            s->population += 3200 + (uint64_t)t;
        }
    f->job.n_entries = 4;
    f->job.top_k = FX_TOP_K;
    f->plan.n_strata = FX_STRATA + 1;
    bs_row *r = f->row + FX_ROWS;
    for (uint32_t i = 0; i < FX_IMAGES; i++)
        for (uint32_t k = 0; k < FX_REPETITIONS; k++, r++) {
            fx_make_row(f, r, FX_STRATA, i, k);
            r->n_sites = (uint32_t)(r->died_at >= 0 ? 0 : 1) + fx_random(f, 4);
            r->died_at = r->died_at >= 0 ? 2 : -1;
        }
    f->n_rows = FX_ALL_ROWS;
    f->plan.trials = f->plan.job_trials = FX_ALL_ROWS;
}

/* Writes the sites of a trial of the network that are stored, at most FX_STORED, and returns their number. */
static inline int fx_sites(const fixture *f, const bs_row *r, bs_trial_site *site)
{
    int n = 0;
    if (bs_trial_coords_from_id(r->id).target != BS_NETWORK_TARGET)
        return 0;
    for (; n < FX_STORED && n < (int)r->n_sites; n++)
        site[n] = (bs_trial_site){.trial = r->id,
                                  .layer = (uint32_t)f->part[n].target,
                                  .element = (uint32_t)(r->id % 97),
                                  .keep = UINT32_MAX - (uint32_t)n,
                                  .toggle = 1u << (r->id % 31),
                                  .before = r->before ^ (uint32_t)n};
    return n;
}

/* Makes a ranking whose scores say what it is of; the first is a NaN. */
static inline void fx_ranking(const fixture *f, bs_ranked *ranked, bool golden, uint64_t of)
{
    for (uint32_t k = 0; k < f->job.top_k; k++)
        ranked[k] = (bs_ranked){(uint32_t)(of + k) % FX_CLASSES, k        ? (float)(of % 1000) - (float)k
                                                                 : golden ? 1e30f
                                                                          : (float)NAN};
}

static inline void fixture_open(fixture *f)
{
    memset(f, 0, sizeof *f);
    f->random = 42;
    snprintf(f->dir, sizeof f->dir, "/tmp/bitsink-store-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->db, sizeof f->db, "%s/result.db", f->dir);
    fx_make_images(f);
    fx_make_graph(f);
    fx_make_plan(f);
    fx_make_rows(f);
    f->run = (bs_run_info){.backend = "null",
                           .version = "0.1.0",
                           .mode = "suffix",
                           .selftest = "passed",
                           .threads = 1,
                           .n_devices = 1};
    f->run.fingerprint = 0xfeedu;
}

static inline void fixture_close(fixture *f)
{
    char command[128];
    bs_dataset_close(f->images);
    snprintf(command, sizeof command, "rm -rf '%s'", f->dir);
    assert_int_equal(system(command), 0);
}

/* Adds what a batch has of its rows beside them: sites and rankings. */
static inline bs_status fx_add_details(const fixture *f, bs_result_batch *b)
{
    bs_trial_site site[FX_STORED];
    bs_ranked ranked[FX_TOP_K];
    for (size_t i = 0; i < b->n_golden && f->job.top_k > 0; i++) {
        fx_ranking(f, ranked, true, b->golden[i].image);
        BS_TRY(bs_result_batch_add_ranking(b, true, b->golden[i].image, ranked, f->job.top_k));
    }
    for (size_t i = 0; i < b->n_rows; i++) {
        const bs_row *r = &b->rows[i];
        for (int k = 0, n = fx_sites(f, r, site); k < n; k++)
            BS_TRY(bs_result_batch_add_site(b, &site[k]));
        fx_ranking(f, ranked, false, r->id);
        if (f->job.top_k > 0 && r->died_at < 0)
            BS_TRY(bs_result_batch_add_ranking(b, false, r->id, ranked, f->job.top_k));
    }
    return BS_OK;
}

/* Rows [first, end) as one batch, with the golden rows of their images (again and again, as workers do). */
static inline bs_status fx_add(fixture *f, bs_store *s, size_t first, size_t end)
{
    bs_unit unit[FX_IMAGES * (FX_STRATA + 1)];
    bs_golden_row golden[FX_IMAGES * (FX_STRATA + 1)];
    bs_result_batch b = {
        .device = f->device, .golden = golden, .rows = f->row + first, .n_rows = end - first, .units = unit};
    for (size_t i = first; i < end; i++) {
        bs_trial_coords t = bs_trial_coords_from_id(f->row[i].id);
        bs_unit u = {t.entry, t.target, t.image, t.repetition + 1};
        if (i == first || t.image != unit[b.n_units - 1].image || t.entry != unit[b.n_units - 1].entry ||
            t.target != unit[b.n_units - 1].target) {
            golden[b.n_golden++] = f->golden[t.image];
            b.n_units++;
        }
        unit[b.n_units - 1] = u;
    }
    bs_status st = fx_add_details(f, &b);
    if (st == BS_OK)
        st = bs_store_add(s, &b);
    bs_result_batch_clear(&b); /* the lists above are borrowed */
    return st;
}

/* A whole run over rows [first, end) in batches of `step`. */
static inline void fx_run(fixture *f, const char *db, size_t first, size_t end, size_t step)
{
    bs_store *s;
    assert_ok(bs_store_open(&s, db, &f->plan, f->images, NULL));
    assert_ok(bs_store_begin_run(s, &f->run));
    for (size_t i = first; i < end; i += step)
        assert_ok(fx_add(f, s, i, i + step < end ? i + step : end));
    assert_ok(bs_store_end_run(s, 0, NULL));
    bs_store_close(s);
}

/* The first column of a query's first row. */
static inline double fx_number(const char *db, const char *sql)
{
    sqlite3 *h;
    sqlite3_stmt *q;
    assert_int_equal(sqlite3_open_v2(db, &h, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    if (sqlite3_prepare_v2(h, sql, -1, &q, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(h));
    int rc = sqlite3_step(q);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        fail_msg("%s: %s", sql, sqlite3_errmsg(h));
    double v = rc == SQLITE_ROW ? sqlite3_column_double(q, 0) : 0;
    sqlite3_finalize(q);
    sqlite3_close(h);
    return v;
}

#endif
