#include "cli/strata_list.h"

#include "base/buf.h"
#include "base/text.h"
#include "model/label.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Lists the strata of the entry whose first one is the n-th of all. Returns the number of those listed. */
static int list_entry(bs_strata_list *l, int n)
{
    const bs_plan *p = l->plan;
    uint32_t entry = (uint32_t)p->job->entries[p->strata[n].entry].id;
    for (int place = 0; place <= p->graph->n_targets; place++) {
        bool network = place == p->graph->n_targets;
        int target = network ? (int)BS_NETWORK_TARGET : bs_graph_listed(p->graph, place);
        bs_trial_coords at = {.entry = entry, .target = (uint32_t)target};
        const bs_stratum *s = bs_plan_stratum(p, at);
        if (s && (network == (s->n_parts > 0)))
            l->stratum[n++] = (int)(s - p->strata);
    }
    return n;
}

bs_status bs_strata_list_make(bs_strata_list *l, const bs_plan *plan, int width)
{
    bs_status st;
    *l = (bs_strata_list){.plan = plan, .width = width};
    BS_TRY_GOTO(bs_graph_common_path(&l->path, plan->graph), out);
    BS_TRY_GOTO(bs_calloc(&l->stratum, (size_t)plan->n_strata, sizeof *l->stratum, "targets"), out);
    for (int n = 0; n < plan->n_strata;)
        n = list_entry(l, n);
    for (int i = 0; i < plan->n_strata; i++) {
        int length = (int)strlen(bs_strata_list_name(l, i));
        l->width = length > l->width ? length : l->width;
    }
out:
    if (st != BS_OK)
        bs_strata_list_clear(l);
    return st;
}

void bs_strata_list_clear(bs_strata_list *l)
{
    free(l->stratum);
    bs_common_path_clear(&l->path);
    *l = (bs_strata_list){0};
}

const char *bs_strata_list_name(const bs_strata_list *l, int stratum)
{
    if (l->plan->strata[stratum].n_parts > 0)
        return "network";
    const char *label = bs_graph_label(l->plan->graph, l->plan->strata[stratum].target);
    return bs_visible(bs_common_path_cut(&l->path, label));
}

void bs_strata_list_note(const bs_strata_list *l)
{
    char note[256];
    if (*bs_common_path_note(&l->path, note, sizeof note))
        puts(note);
}

/* Returns the number of targets that a trial is expected to hit. */
static double targets_hit(const bs_stratum *s)
{
    double targets = 0;
    for (int k = 0; k < s->n_parts; k++)
        targets += s->part[k].probability;
    return s->probability * targets;
}

/* Says what the table has no room for. */
static void print_note(const bs_plan *p, const bs_stratum *s)
{
    const bs_entry *e = &p->job->entries[s->entry];
    char where[32] = "the network";
    if (s->n_parts == 0)
        snprintf(where, sizeof where, "target %d", s->target);
    else if (e->sites)
        printf("entry %d: trials of the network hit up to %d targets in one inference\n", e->id, s->n_parts);
    else
        printf("entry %d: a trial of the network hits up to %d targets in one inference, %.4g of them and "
               "%.4g sites on average\n",
               e->id, s->n_parts, targets_hit(s), bs_stratum_sites(s));
    if (e->sites)
        return;
    if (bs_stratum_is_fixed(s) && e->trials > 1)
        printf("entry %d: all trials of %s on an image are the same, so each image has one\n", e->id, where);
    else if (s->repetitions > bs_stratum_faults(s))
        printf("entry %d: %s has only %.0f faults; trials beyond that repeat them, and add nothing\n", e->id,
               where, bs_stratum_faults(s));
}

/* The type of the values, and the bits of a word that faults hit. */
static void print_type(const bs_stratum *s)
{
    bool bits = bs_fault_is_bitwise(s->fault.kind) && s->n_parts == 0;
    char mask[16] = "-";
    if (bits)
        snprintf(mask, sizeof mask, "0x%0*x", (int)bs_dtype_word_of(s->fault.type).bits / 4, s->fault.bits);
    printf("  %-8s %10s", s->n_parts > 0 ? "-" : bs_dtype_name(s->fault.type), mask);
}

void bs_strata_list_print(const bs_strata_list *l)
{
    const bs_plan *p = l->plan;
    const bs_graph *g = p->graph;
    int operators = bs_graph_operator_width(g);
    bool types = bs_graph_has_types(g);
    printf("%5s  %6s  %-*s  %-*s", "entry", "target", l->width, "name", operators, "operator");
    if (types)
        printf("  %-8s %10s", "type", "bits hit");
    printf(" %12s %14s\n", "per image", "trials");
    for (int i = 0; i < p->n_strata; i++) {
        const bs_stratum *s = &p->strata[l->stratum[i]];
        int node = s->n_parts > 0 ? -1 : g->targets[s->target].node;
        uint64_t trials = bs_plan_stratum_trials(p, s);
        printf("%5d  %6d  %-*s  %-*s", p->job->entries[s->entry].id, s->target, l->width,
               bs_strata_list_name(l, l->stratum[i]), operators,
               node < 0 ? "-" : bs_op_name(g->nodes[node].op));
        if (types)
            print_type(s);
        printf(" %12u %14llu\n", s->repetitions, (unsigned long long)trials);
    }
    bs_strata_list_note(l);
    for (int i = 0; i < p->n_strata; i++)
        print_note(p, &p->strata[i]);
}
