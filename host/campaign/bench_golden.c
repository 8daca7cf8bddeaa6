/* The benchmark's golden runs. */
#include "base/resources.h"
#include "base/team.h"
#include "campaign/bench_internal.h"
#include "replay/selftest.h"

/* Enough where trials follow. */
static const double golden_seconds = 0.5;

/* Repeats the synthetic images over the first n rows of the tile. */
static bs_status fill_tile(bs_worker *w, int n)
{
    const bs_golden *golden = w->golden;
    int input = golden->graph->input;
    size_t row = golden->backend->row_bytes(golden->network, input);
    const bs_view images = {golden->rows[input], NULL};
    for (int i = BS_PROBE_IMAGES; i < n; i += BS_PROBE_IMAGES)
        BS_TRY(golden->backend->copy_rows(w->stream, input, n - i < BS_PROBE_IMAGES ? n - i : BS_PROBE_IMAGES,
                                          images, (char *)golden->rows[input] + (size_t)i * row));
    return BS_OK;
}

/* Sets how many images are run at a time: a tile, as in campaigns, if there is time for two of it. two: what
 * two images take. */
static void choose_tile(bs_bench_share *s, double limit, double two)
{
    double most = limit / (2 * two) * BS_PROBE_IMAGES;
    int *tile = &s->out->golden_tile;
    *tile = most >= s->e->tile ? s->e->tile : most > BS_PROBE_IMAGES ? (int)most : BS_PROBE_IMAGES;
}

static bs_status add_runs(bs_bench_share *s, uint64_t images, double seconds)
{
    pthread_mutex_lock(&s->lock);
    s->out->golden_seconds += seconds;
    s->out->goldens += images;
    pthread_mutex_unlock(&s->lock);
    return bs_team_barrier();
}

/* Runs a tile to make the primitives, then tiles until the time is over. */
static bs_status run_tiles(bs_bench_share *s, bs_worker *w, double limit)
{
    uint64_t n = 0;
    int tile = s->out->golden_tile;
    BS_TRY(fill_tile(w, tile));
    BS_TRY(bs_golden_run(w->golden, tile));
    BS_TRY(bs_team_barrier());
    double start = bs_resources_clock(), seconds = 0;
    double enough = s->golden ? bs_bench_left(s, 1) : limit < golden_seconds ? limit : golden_seconds;
    for (; n == 0 || seconds < enough; seconds = bs_resources_clock() - start, n += (uint64_t)tile)
        BS_TRY(bs_golden_run(w->golden, tile));
    return add_runs(s, n, seconds);
}

bs_status bs_bench_golden(bs_bench_share *s, bs_worker *w, int worker)
{
    double limit = s->golden ? bs_bench_left(s, 1) : s->seconds * BS_BENCH_GOLDEN_PART;
    BS_TRY(bs_team_barrier());
    double start = bs_resources_clock();
    BS_TRY(bs_golden_run(w->golden, BS_PROBE_IMAGES));
    double two = bs_resources_clock() - start;
    if (worker == 0)
        choose_tile(s, limit, two);
    BS_TRY(bs_team_barrier());
    if (s->out->golden_tile == BS_PROBE_IMAGES && !s->golden) /* there is no time for more */
        return add_runs(s, BS_PROBE_IMAGES, two);
    return run_tiles(s, w, limit);
}
