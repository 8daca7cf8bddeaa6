#include "store/counterparts.h"

#include "base/buf.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Uses tables only, because the file may be of an earlier version. The shape of the whole network is the
 * names and shapes of the layers that are hit. */
static const char sql_strata[] =
    "SELECT t.entry, t.layer, ifnull(s.parameter, 0), l.label, ifnull((SELECT group_concat(x.name || ' ' || "
    "x.shape) FROM network_target n JOIN layer x ON x.id = n.layer WHERE n.entry = t.entry AND l.kind = "
    "'network'), l.shape), l.name, e.definition, l.type "
    "FROM (SELECT DISTINCT entry, layer FROM layer_summary) t JOIN layer l ON l.id = t.layer "
    "JOIN entry e ON e.id = t.entry LEFT JOIN stratum s ON s.entry = t.entry AND s.layer = t.layer ORDER BY "
    "t.entry, l.ordinal";

static bs_status read_stratum(void *side, sqlite3_stmt *q)
{
    bs_side *out = side;
    BS_TRY(bs_grow(&out->row, &out->cap, out->n + 1, sizeof *out->row, "comparison"));
    bs_side_stratum *s = &out->row[out->n++];
    *s = (bs_side_stratum){.entry = sqlite3_column_int(q, 0),
                           .layer = sqlite3_column_int(q, 1),
                           .is_parameter = sqlite3_column_int(q, 2),
                           .other = -1};
    BS_TRY(bs_db_text(&s->name, q, 3));
    BS_TRY(bs_db_text(&s->shape, q, 4));
    BS_TRY(bs_db_text(&s->tensor, q, 5));
    BS_TRY(bs_db_text(&s->definition, q, 6));
    return bs_db_text(&s->type, q, 7);
}

bs_status bs_side_read(bs_side *out, const bs_db *db)
{
    return bs_db_each(db, sql_strata, BS_NO_BIND, read_stratum, out);
}

void bs_side_clear(bs_side *s)
{
    for (size_t i = 0; i < s->n; i++) {
        free(s->row[i].name);
        free(s->row[i].shape);
        free(s->row[i].tensor);
        free(s->row[i].definition);
        free(s->row[i].type);
    }
    free(s->row);
    memset(s, 0, sizeof *s);
}

static void join(bs_side *a, size_t i, bs_side *b, size_t k)
{
    a->row[i].other = (int)k;
    b->row[k].other = (int)i;
}

static bool alike(const bs_side_stratum *a, const bs_side_stratum *b)
{
    return a->is_parameter == b->is_parameter && strcmp(a->shape, b->shape) == 0;
}

/* Joins n strata of A from i on with m of B from k on: as many as are alike, in the same order (longest
 * common subsequence). */
static bs_status align(bs_side *a, size_t i, size_t n, bs_side *b, size_t k, size_t m)
{
    uint16_t *most = NULL; /* [x * (m + 1) + y]: pairs among the strata from x and y on */
    BS_TRY(bs_calloc(&most, (n + 1) * (m + 1), sizeof *most, "comparison"));
    for (size_t x = n; x-- > 0;)
        for (size_t y = m; y-- > 0;) {
            uint16_t *here = &most[x * (m + 1) + y], right = here[1], below = here[m + 1];
            *here = alike(&a->row[i + x], &b->row[k + y]) ? (uint16_t)(here[m + 2] + 1)
                    : right > below                       ? right
                                                          : below;
        }
    for (size_t x = 0, y = 0; x < n && y < m;) {
        const uint16_t *here = &most[x * (m + 1) + y];
        if (alike(&a->row[i + x], &b->row[k + y]))
            join(a, i + x++, b, k + y++);
        else if (here[m + 1] >= here[1])
            x++;
        else
            y++;
    }
    free(most);
    return BS_OK;
}

/* Returns how many strata from i on are of one entry. */
static size_t of_entry(const bs_side *s, size_t i)
{
    size_t end = i;
    while (end < s->n && s->row[end].entry == s->row[i].entry)
        end++;
    return end - i;
}

bs_status bs_counterparts_by_position(bs_side *a, bs_side *b)
{
    size_t i = 0, k = 0;
    while (i < a->n && k < b->n) {
        size_t n = of_entry(a, i), m = of_entry(b, k);
        if (a->row[i].entry == b->row[k].entry) {
            if (n != m)
                BS_TRY(align(a, i, n, b, k, m));
            for (size_t x = 0; x < n && n == m; x++)
                join(a, i + x, b, k + x);
            i += n;
            k += m;
        } else if (a->row[i].entry < b->row[k].entry) {
            i += n;
        } else {
            k += m;
        }
    }
    return BS_OK;
}

/* --- by name --- */

static bool is_named(const bs_side_stratum *s, const char *name)
{
    return strcmp(s->name, name) == 0 || strcmp(s->tensor, name) == 0;
}

typedef struct mapping {
    char *text;           /* cut into names */
    const char **name[2]; /* of A and of B */
    size_t n;
} mapping;

/* Replaces *name, a label or the name of a tensor, by the label. */
static bs_status find_layer(const bs_side *s, const char **name, const char *which)
{
    const char **names = NULL;
    BS_TRY(bs_calloc(&names, s->n, sizeof *names, "layers"));
    bs_status st = BS_OK;
    const char *found = NULL;
    for (size_t i = 0; i < s->n; i++) {
        names[i] = s->row[i].name;
        if (is_named(&s->row[i], *name))
            found = names[i];
    }
    if (!found) {
        st = bs_fail(BS_USAGE, "--map: the %s file has no trials in a layer '%s'", which, *name);
        int near = bs_nearest(*name, names, s->n);
        if (near >= 0)
            bs_hint("did you mean '%s'?", names[near]);
        else
            bs_hint("`bitsink bn FILE layer_accuracy` lists them, such as '%s'", s->n > 0 ? names[0] : "");
    }
    *name = found;
    free(names);
    return st;
}

static bs_status add_pair(mapping *m, char *text, const bs_side *a, const bs_side *b)
{
    char *equals = strchr(text, '=');
    if (!equals || equals == text || !equals[1]) {
        bs_fail(BS_USAGE, "--map takes pairs of layers, not '%s'", text);
        return bs_hint(
            "write --map A=B,C=D: layer A of the first file corresponds to layer B of the second one");
    }
    *equals = '\0';
    const char *name[2] = {text, equals + 1};
    BS_TRY(find_layer(a, &name[0], "first"));
    BS_TRY(find_layer(b, &name[1], "second"));
    for (int k = 0; k < 2; k++)
        for (size_t i = 0; i < m->n; i++)
            if (strcmp(m->name[k][i], name[k]) == 0)
                return bs_fail(BS_USAGE, "--map names layer '%s' of the %s file twice", name[k],
                               k == 0 ? "first" : "second");
    m->name[0][m->n] = name[0];
    m->name[1][m->n++] = name[1];
    return BS_OK;
}

static bs_status read_map(mapping *m, const char *text, const bs_side *a, const bs_side *b)
{
    size_t len = strlen(text);
    BS_TRY(bs_calloc(&m->text, len + 1, 1, "layers"));
    memcpy(m->text, text, len);
    for (int k = 0; k < 2; k++)
        BS_TRY(bs_calloc(&m->name[k], len + 1, sizeof *m->name[k], "layers"));
    for (char *part = m->text, *end; part; part = end) {
        end = strchr(part, ',');
        if (end)
            *end++ = '\0';
        BS_TRY(add_pair(m, part, a, b));
    }
    return BS_OK;
}

/* Returns the name of the counterpart in B, NULL if another layer of A has taken it. */
static const char *counterpart(const mapping *m, const char *name)
{
    for (size_t i = 0; i < m->n; i++)
        if (strcmp(m->name[0][i], name) == 0)
            return m->name[1][i];
    for (size_t i = 0; i < m->n; i++)
        if (strcmp(m->name[1][i], name) == 0)
            return NULL;
    return name;
}

bs_status bs_counterparts_by_name(bs_side *a, bs_side *b, const char *map)
{
    mapping m = {0};
    bs_status st = map ? read_map(&m, map, a, b) : BS_OK;
    for (size_t i = 0; i < a->n && st == BS_OK; i++) {
        const char *name = counterpart(&m, a->row[i].name);
        for (size_t k = 0; k < b->n && name; k++)
            if (b->row[k].entry == a->row[i].entry && strcmp(b->row[k].name, name) == 0)
                join(a, i, b, k);
    }
    free(m.text);
    free(m.name[0]);
    free(m.name[1]);
    return st;
}
