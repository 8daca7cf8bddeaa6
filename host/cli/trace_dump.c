#include "cli/trace_dump.h"

#include "base/text.h"
#include "campaign/ranking.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bs_status bs_trace_dump_open(bs_trace_dump *d, const bs_args *args, const bs_session *s)
{
    const char *path = bs_option_value(args, "dump");
    const bs_graph *g = s->graph;
    d->s = s;
    if (!path && bs_option_value(args, "tensor")) {
        bs_fail(BS_USAGE, "--tensor says what to write, but not where");
        return bs_hint("name a new folder: --dump DIR");
    }
    BS_TRY(bs_choose_tensors(&d->chosen, args, g));
    BS_TRY(bs_calloc(&d->hit, (size_t)g->n_tensors, sizeof *d->hit, "trace"));
    BS_TRY(bs_calloc(&d->output, (size_t)g->classes, sizeof *d->output, "trace"));
    if (!path)
        return BS_OK;
    BS_TRY(bs_dump_open(&d->folder, path, ",changed"));
    BS_TRY(bs_dump_make_folder(&d->folder, "golden"));
    return bs_dump_make_folder(&d->folder, "faulty");
}

/* Writes both versions of a tensor if it is chosen. */
static bs_status write_pair(bs_trace_dump *d, int tensor, int64_t changed, const float *golden,
                            const float *faulty)
{
    const bs_graph *g = d->s->graph;
    char field[32];
    if (d->chosen ? !d->chosen[tensor] : changed == 0 && !d->hit[tensor])
        return BS_OK;
    snprintf(field, sizeof field, ",%" PRId64, changed);
    BS_TRY(bs_dump_write(&d->folder, "golden", g, tensor, golden));
    BS_TRY(bs_dump_write(&d->folder, "faulty", g, tensor, faulty));
    return bs_dump_list(&d->folder, NULL, g, tensor, field);
}

/* n sites of the trial are in this parameter, perhaps none. */
static bs_status write_parameter(bs_trace_dump *d, int tensor, const bs_site *site, size_t n)
{
    const bs_tensor *t = &d->s->graph->tensors[tensor];
    float *faulty;
    int64_t changed = 0;
    if (d->chosen ? !d->chosen[tensor] : !d->hit[tensor])
        return BS_OK;
    BS_TRY(bs_calloc(&faulty, (size_t)t->elements, sizeof *faulty, "parameter"));
    memcpy(faulty, t->data, (size_t)t->elements * sizeof *faulty);
    for (size_t i = 0; i < n; i++)
        faulty[site[i].element] =
            bs_inject_value(bs_tensor_format(t, site[i].element), site[i], faulty[site[i].element], NULL);
    for (int64_t i = 0; i < t->elements; i++)
        changed += bs_float_bits(faulty[i]) != bs_float_bits(t->data[i]);
    bs_status st = write_pair(d, tensor, changed, t->data, faulty);
    free(faulty);
    return st;
}

bs_status bs_trace_dump_start(bs_trace_dump *d, const bs_stratum *stratum, const bs_sites *sites)
{
    const bs_graph *g = d->s->graph;
    for (int k = 0; k < bs_stratum_targets(stratum); k++)
        if (sites->bound[k + 1] > sites->bound[k])
            d->hit[g->targets[bs_stratum_at(stratum, k)->target].tensor] = true;
    if (!d->folder.path)
        return BS_OK;
    for (int tensor = 0, k; tensor < g->n_tensors; tensor++) {
        if (!g->tensors[tensor].constant || g->tensors[tensor].target < 0)
            continue;
        const bs_site *site = NULL;
        size_t n = 0;
        for (k = 0; k < bs_stratum_targets(stratum); k++)
            if (bs_stratum_at(stratum, k)->target == g->tensors[tensor].target) {
                site = sites->site + sites->bound[k];
                n = sites->bound[k + 1] - sites->bound[k];
            }
        BS_TRY(write_parameter(d, tensor, site, n));
    }
    return BS_OK;
}

static bs_status see(void *context, const bs_trace_step *step, const float *golden, const float *faulty)
{
    bs_trace_dump *d = context;
    const bs_graph *g = d->s->graph;
    if (step->tensor == g->output)
        memcpy(d->output, faulty, (size_t)g->classes * sizeof *faulty);
    return d->folder.path ? write_pair(d, step->tensor, step->changed, golden, faulty) : BS_OK;
}

bs_trace_watch bs_trace_dump_watch(bs_trace_dump *d)
{
    return (bs_trace_watch){see, d};
}

static void print_ranking(const bs_ranked *ranked, int k, bool json)
{
    printf(json ? "{\"run\": \"faulty\", \"raw\": [" : "raw ranking of the faulty output, NaN first:");
    for (int i = 0; i < k; i++) {
        uint32_t class = ranked[i].class;
        float score = ranked[i].score;
        if (json)
            printf("%s{\"class\": %" PRIu32 ", \"bits\": \"0x%08" PRIx32 "\"}", i ? ", " : "", class,
                   bs_float_bits(score));
        else if (bs_is_nan(score))
            printf("%s class %" PRIu32 " NaN", i ? "," : "", class);
        else
            printf("%s class %" PRIu32 " %.6g", i ? "," : "", class, (double)score);
    }
    puts(json ? "]}" : "");
}

bs_status bs_trace_dump_print(const bs_trace_dump *d, bool json)
{
    bs_ranker ranker = {0};
    int n = d->s->graph->classes, k = n < BS_TOP ? n : BS_TOP;
    bool any = false;
    for (int i = 0; i < n; i++)
        any |= bs_is_nan(d->output[i]);
    if (!any)
        return BS_OK;
    bs_status st = bs_rank_raw(&ranker, d->output, n, k);
    if (st == BS_OK)
        print_ranking(ranker.ranked, k, json);
    bs_ranker_clear(&ranker);
    return st;
}

bs_status bs_trace_dump_close(bs_trace_dump *d, bs_status st)
{
    st = bs_dump_close(&d->folder, st);
    free(d->chosen);
    free(d->hit);
    free(d->output);
    *d = (bs_trace_dump){0};
    return st;
}
