#include "base/buf.h"
#include "bn/bn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MAX_SHOWN = 5 };

static const struct kind {
    const char *noun, *sql; /* id and name of all */
    const char *special;    /* the name of id -1 */
} kinds[] = {
    [BS_BN_CLASS] = {"class", "SELECT id, name FROM class ORDER BY id", "DUE"},
    [BS_BN_LAYER] = {"layer",
                     "SELECT id, name FROM layer WHERE id IN (SELECT layer FROM stratum) ORDER BY id",
                     "none"},
    [BS_BN_ENTRY] = {"entry", "SELECT id, name FROM entry ORDER BY id", NULL},
    [BS_BN_IMAGE] = {"image", "SELECT id, path FROM image ORDER BY id", NULL},
};

typedef struct search {
    const char *text;
    int64_t id; /* of the exact or the only partial match */
    bool exact;
    size_t n_partial;
    bs_str partial, first; /* names that hold the text; the first names there are */
    size_t n;
} search;

static void add_name(bs_str *list, int64_t id, const char *name)
{
    bs_str_printf(list, "%s%s", list->len ? ", " : "", name ? name : "");
    if (!name)
        bs_str_printf(list, "%lld", (long long)id);
}

static void consider(search *s, int64_t id, const char *name)
{
    if (s->n++ < MAX_SHOWN)
        add_name(&s->first, id, name);
    if (!s->exact && name && strcmp(name, s->text) == 0) {
        s->exact = true;
        s->id = id;
    }
    if (!s->exact && name && strcasestr(name, s->text)) {
        s->id = id;
        if (s->n_partial++ < MAX_SHOWN)
            add_name(&s->partial, id, name);
    }
}

static bs_status judge(const search *s, const struct kind *k)
{
    if (s->exact || s->n_partial == 1)
        return BS_OK;
    const char *more = s->n_partial > MAX_SHOWN ? ", ..." : "";
    if (s->n_partial > 1) {
        bs_fail(BS_USAGE, "%zu %s names hold '%s'", s->n_partial, k->noun, s->text);
        return bs_hint("write more of one of them, or its id: %s%s", s->partial.ptr, more);
    }
    bs_fail(BS_USAGE, "no %s '%s'", k->noun, s->text);
    return bs_hint("write an id or a name%s%s%s: %s%s", k->special ? ", or " : "",
                   k->special ? k->special : "", s->n ? ", such as" : "", s->first.ptr ? s->first.ptr : "",
                   s->n > MAX_SHOWN ? ", ..." : "");
}

static bs_status has_id(bool *found, const bs_db *db, const struct kind *k, int64_t id)
{
    sqlite3_int64 n = 0;
    char sql[192];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM (%s) WHERE id = %lld", k->sql, (long long)id);
    bs_status st = bs_db_integer(&n, db, sql);
    *found = n > 0;
    return st;
}

bs_status bs_bn_find(int64_t *id, const bs_db *db, bs_bn_kind kind, const char *text)
{
    const struct kind *k = &kinds[kind];
    search s = {.text = text};
    sqlite3_stmt *q = NULL;
    char *end;
    bool row, found = false;
    bs_status st;
    *id = -1;
    if (k->special && strcasecmp(text, k->special) == 0)
        return BS_OK;
    errno = 0;
    int64_t wanted = strtoll(text, &end, 10);
    if (!errno && end != text && !*end) {
        BS_TRY(has_id(&found, db, k, wanted));
        *id = wanted;
        if (found)
            return BS_OK;
    }
    BS_TRY(bs_db_prepare(&q, db, k->sql));
    for (;;) {
        BS_TRY_GOTO(bs_db_step(db, q, &row), out);
        if (!row)
            break;
        consider(&s, sqlite3_column_int64(q, 0), (const char *)sqlite3_column_text(q, 1));
    }
    BS_TRY_GOTO(judge(&s, k), out);
    *id = s.id;
out:
    sqlite3_finalize(q);
    bs_str_clear(&s.partial);
    bs_str_clear(&s.first);
    return st;
}
