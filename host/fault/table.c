#include "fault/table.h"

#include "base/buf.h"
#include "base/log.h"
#include "fault/compose.h"
#include "fault/site_list.h"

#include <stdlib.h>
#include <string.h>

#define BY(member)                                                                                           \
    if (a->member != b->member)                                                                              \
    return a->member < b->member ? -1 : 1

/* Orders rows so that those of a trial are adjacent, by target and element, and in file order for one
 * element.
 */
static int compare_rows(const void *x, const void *y)
{
    const bs_site_row *a = x, *b = y;
    BY(image);
    BY(alone);
    BY(trial);
    BY(target);
    BY(site.element);
    BY(line);
    return 0;
}

static int compare_groups(const void *x, const void *y)
{
    const bs_site_group *a = x, *b = y;
    BY(target);
    BY(image);
    BY(order);
    return 0;
}

static bool same_trial(const bs_site_row *a, const bs_site_row *b)
{
    return a->image == b->image && a->alone == b->alone && a->trial == b->trial;
}

static void add_site(bs_site_table *t, bs_site_group *g, const bs_site_row *row)
{
    size_t last = t->n_sites - 1;
    if (g->n > 0 && t->target[last] == row->target && t->site[last].element == row->site.element) {
        t->site[last] = bs_site_compose(t->site[last], row->site);
        return;
    }
    t->target[t->n_sites] = row->target;
    t->site[t->n_sites++] = row->site;
    g->n++;
}

/* Adds the rows of one trial as a group with merged sites. Rows are in the order of targets. */
static bs_status add_group(bs_site_table *t, const bs_site_row *row, size_t n, const bs_graph *graph,
                           const char *path)
{
    bs_site_group *g = &t->group[t->n_groups++];
    bool several = row[0].target != row[n - 1].target;
    *g = (bs_site_group){.target = several ? BS_NETWORK_TARGET : row->target,
                         .image = row->image,
                         .first = t->n_sites,
                         .order = row->line};
    if (g->target != BS_NETWORK_TARGET && g->image != BS_EVERY_IMAGE &&
        bs_target_is_parameter(graph->targets[g->target].kind)) {
        bs_fail(BS_USAGE, "%s:%llu: a fault in a parameter cannot be tied to image '%u'", path,
                (unsigned long long)row->line, row->image);
        return bs_hint(
            "a faulty parameter meets every image: leave the column 'image' empty for it; a trial that "
            "hits other targets, too, has one image (or none) and one number in all its rows");
    }
    for (size_t i = 0; i < n; i++) {
        if (g->target == BS_NETWORK_TARGET && row[i].target != BS_NETWORK_TARGET)
            t->in_network[row[i].target] = true;
        if (row[i].line < g->order)
            g->order = row[i].line;
        if (!row[i].none)
            add_site(t, g, &row[i]);
    }
    return BS_OK;
}

/* Trials of the whole network must have targets. */
static bs_status check_network(const bs_site_table *t, const bs_graph *graph, const char *path)
{
    const bs_site_group *last = &t->group[t->n_groups - 1];
    if (last->target != BS_NETWORK_TARGET)
        return BS_OK;
    for (int k = 0; k < graph->n_targets; k++)
        if (t->in_network[k])
            return BS_OK;
    bs_fail(BS_USAGE, "%s:%llu: no trial of the whole network names a target", path,
            (unsigned long long)last->order);
    return bs_hint("add a row for each target that they may hit, with the same trial and the operation "
                   "'none'");
}

static bs_status check_groups(const bs_site_table *t, const char *path)
{
    size_t run = 0;
    for (size_t i = 1; i < t->n_groups; i++) {
        const bs_site_group *a = &t->group[i - 1], *b = &t->group[i];
        if (a->target != b->target) {
            run = 0;
        } else if (a->image == b->image) {
            if (++run >= (1u << BS_REPETITION_BITS) - 1)
                return bs_fail(BS_USAGE, "%s:%llu: more than %u trials for one target and image", path,
                               (unsigned long long)b->order, (1u << BS_REPETITION_BITS) - 1);
        } else if (b->image == BS_EVERY_IMAGE) {
            bs_fail(BS_USAGE, "%s:%llu: a trial without an image, while others of the same target have one",
                    path, (unsigned long long)b->order);
            return bs_hint("fill the column 'image' in all rows of a target, or in none of them");
        } else {
            run = 0;
        }
    }
    return BS_OK;
}

/* Finds the first sorted row without an image whose trial number is at least `trial`. */
static size_t without_image(const bs_site_rows *rows, uint64_t trial)
{
    size_t low = 0, high = rows->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const bs_site_row *r = &rows->row[middle];
        if (r->image < BS_EVERY_IMAGE || (!r->alone && r->trial < trial))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Warns if a trial number stands in rows with an image and in rows without: these are two trials. */
static void warn_of_two_trials(const bs_site_rows *rows, const char *path)
{
    size_t named = without_image(rows, 0);
    for (size_t i = 0; i < named && named < rows->n; i++) {
        const bs_site_row *a = &rows->row[i];
        size_t at = a->alone ? rows->n : without_image(rows, a->trial);
        if (at == rows->n || rows->row[at].alone || rows->row[at].trial != a->trial)
            continue;
        bs_warn("%s:%llu: trial %llu has rows with an image and rows without, as in line %llu: they are two "
                "trials; for one trial, name the image in all of its rows",
                path, (unsigned long long)a->line, (unsigned long long)a->trial,
                (unsigned long long)rows->row[at].line);
        return; /* one warning is enough for all trials */
    }
}

static bs_status build(bs_site_table *t, const bs_site_rows *rows, const bs_graph *graph, const char *path)
{
    size_t n;
    BS_TRY(bs_calloc(&t->site, rows->n, sizeof *t->site, "sites"));
    BS_TRY(bs_calloc(&t->target, rows->n, sizeof *t->target, "sites"));
    BS_TRY(bs_calloc(&t->in_network, (size_t)graph->n_targets, sizeof *t->in_network, "targets"));
    BS_TRY(bs_calloc(&t->group, rows->n, sizeof *t->group, "trials"));
    for (size_t i = 0; i < rows->n; i += n) {
        for (n = 1; i + n < rows->n && same_trial(&rows->row[i], &rows->row[i + n]);)
            n++;
        BS_TRY(add_group(t, &rows->row[i], n, graph, path));
    }
    qsort(t->group, t->n_groups, sizeof *t->group, compare_groups);
    BS_TRY(check_network(t, graph, path));
    return check_groups(t, path);
}

bs_status bs_site_table_read(bs_site_table **out, const char *path, const bs_graph *graph, int entry_id,
                             uint32_t n_images)
{
    bs_site_rows rows = {0};
    bs_site_table *t = NULL;
    bs_status st;
    *out = NULL;
    BS_TRY_GOTO(bs_site_rows_read(&rows, path, graph, entry_id, n_images), out);
    if (rows.n == 0) {
        bs_fail(BS_USAGE, "site list '%s' has no rows for entry %d", path, entry_id);
        st = bs_hint("it needs a row for each site; a column 'entry' must hold the id of the job's entry");
        goto out;
    }
    qsort(rows.row, rows.n, sizeof *rows.row, compare_rows);
    warn_of_two_trials(&rows, path);
    BS_TRY_GOTO(bs_calloc(&t, 1, sizeof *t, "site list"), out);
    BS_TRY_GOTO(build(t, &rows, graph, path), out);
    *out = t;
    t = NULL;
out:
    bs_site_table_free(t);
    free(rows.row);
    return st;
}

void bs_site_table_free(bs_site_table *t)
{
    if (!t)
        return;
    free(t->site);
    free(t->target);
    free(t->in_network);
    free(t->group);
    free(t);
}

/* Returns the index of the first group at or after (target, image). */
static size_t lower_bound(const bs_site_table *t, uint32_t target, uint64_t image)
{
    size_t low = 0, high = t->n_groups;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const bs_site_group *g = &t->group[middle];
        if (g->target < target || (g->target == target && g->image < image))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint32_t bs_site_table_find(const bs_site_table *t, uint32_t target, uint32_t image, size_t *first)
{
    size_t end = lower_bound(t, target, (uint64_t)image + 1);
    *first = lower_bound(t, target, image);
    if (*first == end) {
        *first = lower_bound(t, target, BS_EVERY_IMAGE);
        end = lower_bound(t, target, (uint64_t)BS_EVERY_IMAGE + 1);
    }
    return (uint32_t)(end - *first);
}
