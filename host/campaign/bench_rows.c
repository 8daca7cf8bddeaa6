/* The rate of the result file: adds rows of made-up answers to a store in $TMPDIR, in batches as a campaign's
 * writer gets them. One thread writes, as in a campaign. */
#include "base/buf.h"
#include "base/new_file.h"
#include "base/resources.h"
#include "campaign/bench_internal.h"
#include "rng.h"
#include "store/store.h"
#include "trial.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { IMAGES = 1024, REPETITIONS = 64, TILE = 16, BATCH_ROWS = TILE * REPETITIONS, ENTRY = 1 };
static const double write_seconds = 1.0;

/* Every image is the list's own file: no image is ever opened. */
static const char job_text[] = "name: bench\nmodel: bench\nimages: {labels: labels.csv}\n"
                               "faults: [{id: 1, targets: {kind: activation}, fault: flip, trials: 64}]\n";

typedef struct rows {
    char *folder, *list, *job_file, *db;
    bs_job *job;
    bs_dataset *images;
    bs_plan *plan;
    bs_store *store;
    double masked;
    bs_row row[BATCH_ROWS];
    bs_unit unit[TILE];
    bs_golden_row golden[TILE];
} rows;

static bs_status hint_room(void)
{
    return bs_hint("the benchmark of the result file needs some 100 MB in $TMPDIR (/tmp)");
}

static bs_status no_room(const char *path)
{
    bs_fail(BS_ERR, "cannot write '%s': %s", path, strerror(errno));
    return hint_room();
}

static bs_status join(char **out, const char *folder, const char *name)
{
    size_t size = strlen(folder) + strlen(name) + 2;
    BS_TRY(bs_calloc(out, size, 1, "path"));
    snprintf(*out, size, "%s/%s", folder, name);
    return BS_OK;
}

static bs_status make_folder(rows *r)
{
    const char *tmp = getenv("TMPDIR");
    BS_TRY(join(&r->folder, tmp && *tmp ? tmp : "/tmp", "bitsink-bench-XXXXXX"));
    if (!mkdtemp(r->folder)) {
        bs_status st = no_room(r->folder);
        free(r->folder);
        r->folder = NULL; /* nothing to remove */
        return st;
    }
    BS_TRY(join(&r->list, r->folder, "labels.csv"));
    BS_TRY(join(&r->job_file, r->folder, "job.yaml"));
    return join(&r->db, r->folder, "bench.db");
}

static bs_status write_list(const rows *r)
{
    bs_str text = {0};
    for (int i = 0; i < IMAGES; i++)
        bs_str_puts(&text, "labels.csv,0\n");
    bs_status st = bs_str_status(&text);
    if (st == BS_OK && bs_write_file(r->list, text.ptr, text.len) != BS_OK)
        st = hint_room();
    bs_str_clear(&text);
    return st;
}

/* Removes the folder with all files that SQLite has put there. */
static void remove_folder(const char *folder)
{
    DIR *dir = opendir(folder);
    for (struct dirent *d; dir && (d = readdir(dir));)
        unlinkat(dirfd(dir), d->d_name, 0);
    if (dir)
        closedir(dir);
    rmdir(folder);
}

static bs_status rows_open(rows *r, const bs_graph *g)
{
    BS_TRY(make_folder(r));
    BS_TRY(write_list(r));
    BS_TRY(bs_job_parse(&r->job, r->job_file, job_text, sizeof job_text - 1));
    BS_TRY(bs_dataset_open(&r->images, &r->job->images, g->classes));
    BS_TRY(bs_plan_create(&r->plan, r->job, g, IMAGES));
    return bs_store_open(&r->store, r->db, r->plan, r->images, NULL);
}

static void rows_close(rows *r)
{
    bs_store_close(r->store);
    bs_plan_free(r->plan);
    bs_dataset_close(r->images);
    bs_job_free(r->job);
    if (r->folder)
        remove_folder(r->folder);
    free(r->folder);
    free(r->list);
    free(r->job_file);
    free(r->db);
    free(r);
}

static bs_answer make_answer(const rows *r, uint32_t top, uint64_t random)
{
    uint32_t classes = (uint32_t)r->plan->graph->classes;
    bs_answer a = {.p_golden = bs_unit_float(random)};
    for (uint32_t k = 0; k < BS_TOP; k++) {
        a.top[k] = k < classes ? (int32_t)((top + k) % classes) : -1;
        a.score[k] = k < classes ? 9.0f - (float)k + a.p_golden : 0.0f;
    }
    return a;
}

/* Makes up one trial: masked or, in a few cases, of another class than golden. */
static bs_row make_row(const rows *r, bs_trial_coords t, int64_t elements)
{
    uint64_t id = bs_trial_id(t), random = bs_draw(0, id, 0, BS_PURPOSE_SITE);
    uint64_t more = bs_draw(0, id, 1, BS_PURPOSE_SITE);
    bs_row row = {.id = id, .n_sites = 1, .keep = 0xffffffffu, .died_at = -1};
    row.element = (uint32_t)bs_scale(random, (uint64_t)elements);
    row.toggle = 1u << (random & 31);
    row.before = (uint32_t)(random >> 5);
    if ((double)bs_unit_float(more) < r->masked)
        row.died_at = (int32_t)t.target;
    else
        row.answer = make_answer(r, more & 7 ? t.image : (uint32_t)(more & 0xffff), random << 20);
    return row;
}

static bs_result_batch make_batch(rows *r, const bs_stratum *s, uint32_t first_image)
{
    bs_result_batch b = {.rows = r->row, .n_rows = BATCH_ROWS, .units = r->unit, .n_units = TILE};
    const bs_graph *g = r->plan->graph;
    int64_t elements = g->tensors[g->targets[s->target].tensor].elements;
    for (uint32_t i = 0; i < TILE; i++) {
        bs_trial_coords t = {ENTRY, (uint32_t)s->target, first_image + i, 0};
        r->unit[i] = (bs_unit){ENTRY, t.target, t.image, REPETITIONS};
        for (; t.repetition < REPETITIONS; t.repetition++)
            r->row[i * REPETITIONS + t.repetition] = make_row(r, t, elements);
    }
    if (s != r->plan->strata)
        return b;
    for (uint32_t i = 0; i < TILE; i++) { /* the tile's golden runs come first */
        r->golden[i] = (bs_golden_row){.image = first_image + i, .logits_hash = first_image + i};
        r->golden[i].answer = make_answer(r, first_image + i, 0);
        memset(r->golden[i].sha256, '0', 64);
    }
    b.golden = r->golden;
    b.n_golden = TILE;
    return b;
}

/* Writes tile after tile for so many seconds; the time of making up the rows does not count. */
static bs_status write_rows(rows *r, bs_bench *out, double most)
{
    bs_run_info info = {
        .backend = "none", .version = BITSINK_VERSION, .mode = "delta", .selftest = "skipped"};
    double seconds = 0, written = 0, start = bs_resources_clock();
    BS_TRY(bs_store_begin_run(r->store, &info));
    for (uint32_t image = 0; image < IMAGES && seconds < most; image += TILE)
        for (int i = 0; i < r->plan->n_strata && seconds < most; i++) {
            bs_result_batch b = make_batch(r, &r->plan->strata[i], image);
            start = bs_resources_clock();
            BS_TRY(bs_store_add(r->store, &b));
            seconds += bs_resources_clock() - start;
            written += BATCH_ROWS;
        }
    start = bs_resources_clock();
    BS_TRY(bs_store_end_run(r->store, 0, NULL));
    seconds += bs_resources_clock() - start;
    struct stat file;
    bs_store_close(r->store); /* moves the journal into the file */
    r->store = NULL;
    if (stat(r->db, &file) != 0)
        return no_room(r->db);
    out->rows = written / seconds;
    out->row_bytes = (double)file.st_size / written;
    return BS_OK;
}

/* Blocks signals for the second that the folder exists: else a stopped benchmark would leave it behind. */
bs_status bs_bench_rows(bs_bench *out, const bs_graph *g, double masked, double pace)
{
    rows *r;
    sigset_t stops, before;
    BS_TRY(bs_calloc(&r, 1, sizeof *r, "benchmark"));
    sigemptyset(&stops);
    sigaddset(&stops, SIGINT);
    sigaddset(&stops, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &stops, &before);
    r->masked = masked;
    bs_status st = rows_open(r, g);
    if (st == BS_OK)
        st = write_rows(r, out, pace * write_seconds);
    rows_close(r);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return st;
}
