/* Each distinct convolution of three networks, by each engine: are its bits the same whatever the piece, and
 * how fast is it? Speed is as the backend runs it: rows lined up, bias kernel included. */
#include "probe.h"

typedef struct verdict {
    bool patches, batches, filters;
    double whole, pieces; /* seconds */
} verdict;

enum { PATCH = 6, MOST_FILTERS = 32 };

static bs_status run_whole(void *arg)
{
    return bs_invariance_whole(arg);
}

typedef struct pieces {
    const bs_invariance *r;
    int size[2], in_size[2];
} pieces;

static bs_status run_pieces(void *arg)
{
    const pieces *p = arg;
    const bs_view in[3] = {{bs_cuda_pointer(p->r->in_patches), NULL}};
    return bs_cuda_run_patch(p->r->stream, p->r->node, p->r->patches, p->in_size, in, p->size,
                             bs_cuda_pointer(p->r->made));
}

static bs_status judge(verdict *v, const bs_invariance *r)
{
    static const int batches[] = {3, 16, BS_INVARIANCE_MOST}, filters[] = {1, 5, MOST_FILTERS};
    BS_TRY(bs_invariance_whole(r));
    BS_TRY(bs_invariance_patches(r, 1, &v->patches));
    for (int i = 0; i < 3 && v->batches; i++)
        if (batches[i] <= r->patches)
            BS_TRY(bs_invariance_patches(r, batches[i], &v->batches));
    for (int n = 1; n < 4 && v->batches; n += 2)
        if (n <= r->samples)
            BS_TRY(bs_invariance_samples(r, n, &v->batches));
    for (int i = 0; i < 3 && v->filters; i++)
        BS_TRY(bs_invariance_filters(r, filters[i], &v->filters));
    return BS_OK;
}

static bs_status measure(verdict *v, const bs_invariance *r, const pieces *p)
{
    int32_t origin[2][BS_INVARIANCE_MOST], row[BS_INVARIANCE_MOST];
    pieces copy = *p;
    BS_TRY(bs_invariance_gather(r, p->size, r->patches, 0, copy.in_size, (int32_t *[]){origin[0], origin[1]},
                                row));
    BS_TRY(probe_time(&v->whole, r->stream, run_whole, (void *)(uintptr_t)r));
    return probe_time(&v->pieces, r->stream, run_pieces, &copy);
}

/* A line of the table; *best: is it the first that is exact? */
static bs_status try_engine(const probe_layer *l, const probe_engine *e, const bs_invariance *r, bool *best)
{
    const bs_cuda_plan *plan = &l->network->plan[0];
    const int64_t *out = l->g->tensors[l->g->output].shape.dim;
    verdict v = {.patches = true, .batches = true, .filters = true};
    pieces p = {.r = r};
    for (int a = 0; a < 2; a++)
        p.size[a] = out[1 + a] < PATCH ? (int)out[1 + a] : PATCH;
    double macs = (double)(plan->filters * plan->length);
    bs_status st = probe_use(l, e);
    if (st == BS_OK)
        st = judge(&v, r);
    if (st == BS_OK)
        st = measure(&v, r, &p);
    if (st == BS_ERR) { /* an answer, too */
        say("| %s | refused: %s | | | | | |\n", e->name, bs_error_message());
        bs_error_clear();
        return BS_OK;
    }
    BS_TRY(st);
    bool exact = v.patches && v.batches && v.filters;
    say("| %s | %s | %s | %s | %s | %s | %s |\n", e->name, v.patches ? "yes" : "NO", v.batches ? "yes" : "NO",
        v.filters ? "yes" : "NO", per_second(macs * r->samples * (double)(out[1] * out[2]), 1e9, v.whole),
        per_second(macs * r->patches * p.size[0] * p.size[1], 1e9, v.pieces),
        exact && *best ? "first exact" : "");
    *best &= !exact;
    return BS_OK;
}

static bs_status try_layer(const probe *p, const bs_cudnn_shape *s)
{
    probe_layer l;
    probe_engine engines[PROBE_ENGINES];
    bs_invariance r = {0};
    int n = 0;
    bool best = true;
    bs_status st;
    say("| **%lld x %lldx%lld -> %lld, %lldx%lld/%lld%s** | | | | | | |\n", (long long)s->channels,
        (long long)s->in[0], (long long)s->in[1], (long long)s->filters, (long long)s->kernel[0],
        (long long)s->kernel[1], (long long)s->stride[0], s->group > 1 ? " depthwise" : "");
    BS_TRY_GOTO(probe_layer_open(&l, p, s, NULL), out);
    r.stream = l.stream;
    BS_TRY_GOTO(bs_invariance_begin(&r, l.stream, 0, p->small ? 16 : BS_INVARIANCE_MOST, p->small ? 3 : 16),
                out);
    BS_TRY_GOTO(probe_engines(&l, engines, &n), out);
    for (int i = 0; i < n && time_left(p); i++)
        BS_TRY_GOTO(try_engine(&l, &engines[i], &r, &best), out);
out:
    if (r.stream)
        bs_invariance_end(&r);
    probe_layer_close(&l);
    return st;
}

/* A sixteenth of channels and filters, an eighth of rows and columns. */
static bs_cudnn_shape shrunk(const bs_cudnn_shape *s)
{
    int64_t in = s->in[0] / 8 > 4 ? s->in[0] / 8 : 4;
    int64_t channels = s->channels / 16 > 4 ? s->channels / 16 : 4;
    int64_t filters = s->filters / 16 > 4 ? s->filters / 16 : 4;
    bs_cudnn_shape small =
        square(channels, s->group > 1 ? channels : filters, in, s->kernel[0], s->stride[0], s->pad[0]);
    small.group = s->group > 1 ? channels : 1;
    return small;
}

bs_status probe_convolutions(probe *p)
{
    static layers all, small; /* large */
    add_vgg19(&all);
    add_mobilenet_v2(&all);
    add_resnet50(&all);
    for (int i = 0; i < all.n; i++)
        add(&small, shrunk(&all.s[i]));
    const layers *l = p->small ? &small : &all;
    say("Whole layers at batch 16, patches of %d x %d at batch 256. Exact: the bits of the whole layer also "
        "in "
        "patches alone, in batches of 1 to 256, with 1 to %d filters.\n\n"
        "| engine | patches | batches | filters | whole, GMAC/s | patches, GMAC/s | |\n"
        "|---|---|---|---|---|---|---|\n",
        PATCH, PATCH, MOST_FILTERS);
    int done = 0;
    while (done < l->n && time_left(p))
        BS_TRY(try_layer(p, &l->s[done++]));
    say("\n%d of %d layers\n", done, l->n);
    return BS_OK;
}
