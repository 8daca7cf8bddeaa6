#include "store/conflict.h"

#include "base/buf.h"
#include "base/text.h"
#include "store/tally.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct comparison {
    bs_source **file; /* the merged file first, if there is one */
    int n;
    uint64_t conflicts;
    const bs_source *a, *b; /* the first: two files, and their rows */
    bs_unit unit;
    bs_row row_a, row_b;
} comparison;

static bool same_site(const bs_row *a, const bs_row *b)
{
    return a->n_sites == b->n_sites && a->element == b->element && a->keep == b->keep &&
           a->toggle == b->toggle && a->before == b->before;
}

/* The node at which a masked trial ended is no outcome. */
static bool agree(const bs_row *a, const bs_row *b)
{
    return same_site(a, b) && (a->died_at < 0) == (b->died_at < 0) &&
           memcmp(a->answer.top, b->answer.top, sizeof a->answer.top) == 0 &&
           memcmp(a->answer.score, b->answer.score, sizeof a->answer.score) == 0 &&
           memcmp(&a->answer.p_golden, &b->answer.p_golden, sizeof a->answer.p_golden) == 0 &&
           a->answer.flags == b->answer.flags;
}

/* Compares the repetitions of the current unit that both have. */
static bs_status compare_unit(comparison *c, bs_source *a, bs_source *b)
{
    uint32_t n = a->unit.done < b->unit.done ? a->unit.done : b->unit.done;
    BS_TRY(bs_source_begin_rows(a, 0));
    BS_TRY(bs_source_begin_rows(b, 0));
    for (uint32_t rep = 0; rep < n; rep++) {
        bs_row x, y;
        BS_TRY(bs_source_read(a, rep, &x));
        BS_TRY(bs_source_read(b, rep, &y));
        if (agree(&x, &y))
            continue;
        if (c->conflicts++ > 0)
            continue;
        c->a = a;
        c->b = b;
        c->unit = a->unit;
        c->row_a = x;
        c->row_b = y;
    }
    return BS_OK;
}

static bool is_at(const bs_source *s, const bs_unit *u)
{
    return !s->at_end && bs_unit_order(&s->unit, u) == 0;
}

/* Compares all files that are at the unit `u` with the one that has the most of it, and takes them on. */
static bs_status compare_at(comparison *c, bs_unit u)
{
    int most = -1;
    for (int i = 0; i < c->n; i++)
        if (is_at(c->file[i], &u) && (most < 0 || c->file[i]->unit.done > c->file[most]->unit.done))
            most = i;
    for (int i = 0; i < c->n; i++)
        if (i != most && is_at(c->file[i], &u))
            BS_TRY(i < most ? compare_unit(c, c->file[i], c->file[most])
                            : compare_unit(c, c->file[most], c->file[i]));
    for (int i = 0; i < c->n; i++)
        if (is_at(c->file[i], &u))
            BS_TRY(bs_source_next_unit(c->file[i]));
    return BS_OK;
}

static bs_status compare_all(comparison *c)
{
    for (int i = 0; i < c->n; i++)
        BS_TRY(bs_source_begin_units(c->file[i]));
    for (;;) {
        const bs_source *next = NULL;
        for (int i = 0; i < c->n; i++)
            if (!c->file[i]->at_end && (!next || bs_unit_order(&c->file[i]->unit, &next->unit) < 0))
                next = c->file[i];
        if (!next)
            return BS_OK;
        BS_TRY(compare_at(c, next->unit));
    }
}

/* --- The report --- */

static void put_outcome(bs_str *s, const bs_row *r, bool with_site)
{
    if (r->died_at >= 0)
        bs_str_puts(s, "masked");
    else if (bs_outcome_class(&r->answer) == BS_CLASS_DUE)
        bs_str_puts(s, "DUE");
    else
        bs_str_printf(s, "class %d (score %.9g, p of the golden class %.9g)", r->answer.top[0],
                      (double)r->answer.score[0], (double)r->answer.p_golden);
    if (with_site)
        bs_str_printf(s, " after %u site(s), the first in element %u", r->n_sites, r->element);
}

static bs_status read_name(void *name, sqlite3_stmt *q)
{
    bs_str_visible(name, (const char *)sqlite3_column_text(q, 0));
    return BS_OK;
}

static bs_status report(const comparison *c)
{
    bs_str layer = {0}, a = {0}, b = {0};
    const char *path_a = c->a->db->path, *path_b = c->b->db->path;
    bs_status st;
    BS_TRY_GOTO(bs_db_each(c->a->db, "SELECT name FROM layer WHERE id = ?1 AND name IS NOT NULL",
                           BS_BIND(BS_BIND_INT(c->unit.target)), read_name, &layer),
                out);
    bool with_site = !same_site(&c->row_a, &c->row_b);
    put_outcome(&a, &c->row_a, with_site);
    put_outcome(&b, &c->row_b, with_site);
    BS_TRY_GOTO(bs_str_status(&a), out);
    BS_TRY_GOTO(bs_str_status(&b), out);
    st = bs_fail(BS_ERR,
                 "'%s' and '%s' disagree on %" PRIu64 " trial(s), first on %" PRIu64
                 " (entry %u, layer %u %s, image %u): %s, and %s",
                 path_a, path_b, c->conflicts, c->row_a.id, c->unit.entry, c->unit.target,
                 layer.ptr ? layer.ptr : "", c->unit.image, a.ptr, b.ptr);
    bs_hint("`bitsink trace %s %" PRIu64
            " --job JOB` computes it again: merge without the file that is wrong",
            bs_shell_word(path_a), c->row_a.id);
out:
    bs_str_clear(&layer);
    bs_str_clear(&a);
    bs_str_clear(&b);
    return st;
}

bs_status bs_conflict_check(bs_source *merged, bs_source *sources, int n)
{
    comparison c = {0};
    bs_status st;
    BS_TRY_GOTO(bs_calloc(&c.file, (size_t)n + 1, sizeof *c.file, "files"), out);
    if (merged)
        c.file[c.n++] = merged;
    for (int i = 0; i < n; i++)
        c.file[c.n++] = &sources[i];
    BS_TRY_GOTO(compare_all(&c), out);
    st = c.conflicts > 0 ? report(&c) : BS_OK;
out:
    free(c.file);
    return st;
}
