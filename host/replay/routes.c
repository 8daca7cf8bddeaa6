#include "replay/routes.h"

#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

/* Rows and columns that the sites of a trial may span. Each step is a wide one: a plan's patches take time to
 * choose and to prove. */
static const int extents[BS_MAX_ROUTES - 1] = {1, 4, 12, 32};

/* A route must save at least this share of the arithmetic of the next wider one to be kept. */
static const double saving = 0.1;

static bool worth_it(const bs_route *r, const bs_route *wider)
{
    return r->n_patched > 0 && (double)r->macs <= (1.0 - saving) * (double)wider->macs;
}

bs_status bs_routes_create(bs_routes *out, const bs_graph *g, const bs_backend *backend, bs_network *network,
                           int target, bs_replay_mode mode, bool single_site)
{
    bs_route *found[BS_MAX_ROUTES] = {NULL};
    int n = BS_MAX_ROUTES;
    bs_status st;
    memset(out, 0, sizeof *out);
    bool several = mode == BS_REPLAY_DELTA && !single_site;
    BS_TRY(bs_route_create(&found[--n], g, backend, network, target, several ? BS_REPLAY_SUFFIX : mode));
    st = BS_OK;
    /* From wide to narrow: what does not save against the last one kept is dropped. */
    for (int i = BS_MAX_ROUTES - 2; several && i >= 0 && st == BS_OK; i--) {
        bs_route *r;
        st = bs_route_create_wide(&r, g, backend, network, target, extents[i]);
        if (st == BS_OK && worth_it(r, found[n]))
            found[--n] = r;
        else if (st == BS_OK)
            bs_route_free(r);
    }
    out->n = BS_MAX_ROUTES - n;
    memcpy(out->route, found + n, (size_t)out->n * sizeof *found);
    if (st != BS_OK)
        bs_routes_clear(out);
    return st;
}

void bs_routes_clear(bs_routes *r)
{
    for (int i = 0; i < r->n; i++)
        bs_route_free(r->route[i]);
    memset(r, 0, sizeof *r);
}

static int choose(const bs_routes *r, const bs_trials *t, int i)
{
    const bs_faults *f = &t->faults;
    int32_t at[2];
    int k = 0;
    while (k < r->n - 1 &&
           !bs_route_serves(r->route[k], f->sites + f->first[i], f->first[i + 1] - f->first[i], at))
        k++;
    return k;
}

bs_status bs_replay_all(bs_replayer *p, const bs_route *r, const bs_trials *t, int most)
{
    int room = 0;
    BS_TRY(bs_replayer_batch(p, r, &room));
    room = room < most ? room : most;
    for (int i = 0; i < t->n; i += room) {
        bs_trials part = *t;
        part.n = t->n - i < room ? t->n - i : room;
        part.golden_row += i;
        part.faults.first += i;
        part.result += i;
        if (t->output)
            part.output += (size_t)i * (size_t)bs_replayer_classes(p);
        BS_TRY(bs_replay(p, r, &part));
    }
    return BS_OK;
}

/* The trials of one route, side by side. */
typedef struct group {
    int *trial; /* number of each in the whole */
    int32_t *row;
    bs_site *site;
    uint32_t *first, *before;
    bs_result *result;
    float *output;
    size_t classes; /* floats of an output, 0: not asked for */
} group;

static bs_status group_open(group *g, const bs_trials *t, size_t classes)
{
    const char *what = "trials";
    size_t n = (size_t)t->n, sites = t->faults.first[t->n] - t->faults.first[0];
    memset(g, 0, sizeof *g);
    g->classes = classes;
    BS_TRY(bs_calloc(&g->trial, n, sizeof *g->trial, what));
    BS_TRY(bs_calloc(&g->row, n, sizeof *g->row, what));
    BS_TRY(bs_calloc(&g->first, n + 1, sizeof *g->first, what));
    BS_TRY(bs_calloc(&g->result, n, sizeof *g->result, what));
    BS_TRY(bs_calloc(&g->site, sites, sizeof *g->site, what));
    BS_TRY(bs_calloc(&g->before, sites, sizeof *g->before, what));
    return bs_calloc(&g->output, n * classes, sizeof *g->output, what);
}

static void group_close(group *g)
{
    free(g->trial);
    free(g->row);
    free(g->first);
    free(g->result);
    free(g->site);
    free(g->before);
    free(g->output);
}

static int fill(group *g, const bs_routes *r, const bs_trials *t, int route)
{
    const bs_faults *f = &t->faults;
    int n = 0;
    uint32_t at = 0;
    for (int i = 0; i < t->n; i++) {
        if (choose(r, t, i) != route)
            continue;
        uint32_t sites = f->first[i + 1] - f->first[i];
        g->trial[n] = i;
        g->row[n] = t->golden_row[i];
        g->first[n++] = at;
        memcpy(g->site + at, f->sites + f->first[i], sites * sizeof *g->site);
        at += sites;
    }
    g->first[n] = at;
    return n;
}

static void hand_out(const group *g, int n, const bs_trials *t)
{
    for (int k = 0; k < n; k++) {
        int i = g->trial[k];
        t->result[i] = g->result[k];
        if (t->faults.before)
            memcpy(t->faults.before + t->faults.first[i], g->before + g->first[k],
                   (g->first[k + 1] - g->first[k]) * sizeof *g->before);
        if (t->output)
            memcpy(t->output + (size_t)i * g->classes, g->output + (size_t)k * g->classes,
                   g->classes * sizeof *g->output);
    }
}

bs_status bs_replay_routes(bs_replayer *p, const bs_routes *r, const bs_trials *t, int most)
{
    group g;
    bs_status st = BS_OK;
    if (r->n == 1)
        return bs_replay_all(p, r->route[0], t, most);
    BS_TRY_GOTO(group_open(&g, t, t->output ? (size_t)bs_replayer_classes(p) : 0), out);
    for (int k = 0; k < r->n; k++) {
        bs_trials part = *t;
        part.n = fill(&g, r, t, k);
        part.golden_row = g.row;
        part.faults = (bs_faults){g.site, g.first, g.before};
        part.output = t->output ? g.output : NULL;
        part.result = g.result;
        BS_TRY_GOTO(bs_replay_all(p, r->route[k], &part, most), out);
        hand_out(&g, part.n, t);
    }
out:
    group_close(&g);
    return st;
}
