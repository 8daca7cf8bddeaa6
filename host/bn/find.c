#include "base/buf.h"
#include "base/text.h"
#include "bn/bn_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MAX_SHOWN = 5 };

static const struct kind {
    const char *noun, *sql; /* name of the kind; query for id and name of all */
    const char *special;    /* the name of id -1 */
    const char *what;       /* meaning of that name */
    const char *how;        /* how to write one */
} kinds[] = {
    [BS_BN_CLASS] = {"class", "SELECT id, name FROM class", "DUE", "the outcome", "an id or a name, or DUE"},
    [BS_BN_LAYER] = {"layer",
                     "SELECT id, name FROM layer WHERE id IN (SELECT layer FROM stratum) UNION "
                     "SELECT id, label FROM layer WHERE id IN (SELECT layer FROM stratum)",
                     "none", "no fault", "an id or a name, or none"},
    [BS_BN_ENTRY] = {"entry", "SELECT id, name FROM entry", NULL, NULL, "an id or a name"},
    [BS_BN_IMAGE] = {"image", "SELECT id, path AS name FROM image", NULL, NULL, "an id or a name"},
    /* Groups of the table have ids below -1, so that they are not taken for classes. */
    [BS_BN_GROUP] = {"group",
                     "SELECT DISTINCT CASE WHEN class IN (SELECT class FROM class_group) THEN "
                     "-1 - dense_rank() OVER (ORDER BY name) ELSE class END AS id, name "
                     "FROM class_group_all WHERE class >= 0",
                     "DUE", "the outcome",
                     "its name (load `groups` first), the name or #ID of a class without a group, or DUE"},
};

typedef struct search {
    const bs_db *db;
    const struct kind *kind;
    const char *text;
    bool by_id;       /* the text is #ID, so no name */
    int64_t number;   /* the text as an id, -1: it is none */
    int64_t pair_id;  /* ID if the text is NAME #ID, else -1 */
    size_t pair_name; /* length of that NAME */
    size_t n, named;  /* meanings of the text; names that contain it, or all */
    int64_t id;       /* one of these meanings */
    bs_str list;      /* the same as a text */
} search;

/* Returns the whole number that the complete text is, else -1. */
static int64_t whole(const char *text)
{
    char *end;
    if (*text < '0' || *text > '9')
        return -1;
    errno = 0;
    int64_t v = strtoll(text, &end, 10);
    return errno || *end ? -1 : v;
}

bool bs_bn_is_id(const char *text)
{
    return text[0] == '#' && (whole(text + 1) >= 0 || strcmp(text, "#-1") == 0);
}

/* Splits NAME #ID. */
static void split(search *s)
{
    const char *mark = strrchr(s->text, '#');
    s->pair_id = -1;
    if (!mark || mark - s->text < 2 || mark[-1] != ' ')
        return;
    s->pair_id = whole(mark + 1);
    s->pair_name = (size_t)(mark - 1 - s->text);
}

typedef struct row_call {
    search *s;
    void (*each)(search *, int64_t id, const char *name);
} row_call;

static bs_status call_row(void *context, sqlite3_stmt *q)
{
    const row_call *c = context;
    c->each(c->s, sqlite3_column_int64(q, 0), (const char *)sqlite3_column_text(q, 1));
    return BS_OK;
}

/* Calls `each` for the rows of a query over id and name. */
static bs_status for_rows(search *s, const char *sql, void (*each)(search *, int64_t id, const char *name))
{
    row_call c = {s, each};
    BS_TRY(bs_db_each(
        s->db, sql,
        BS_BIND(BS_BIND_TEXT(s->by_id ? NULL : s->text), BS_BIND_INT(s->number), BS_BIND_INT(s->pair_id)),
        call_row, &c));
    return bs_str_status(&s->list);
}

/* Rows come by id. One that has two names is one meaning. */
static void add_meaning(search *s, int64_t id, const char *what)
{
    if (s->n > 0 && s->id == id)
        return;
    if (s->n++ < MAX_SHOWN)
        bs_str_printf(&s->list, "%s#%lld (%s)", s->list.len ? ", " : "", (long long)id, what);
    s->id = id;
}

/* Returns true if NAME #ID denotes this one. An id stands for a missing name. */
static bool is_pair(const search *s, int64_t id, const char *name)
{
    char number[24];
    snprintf(number, sizeof number, "%lld", (long long)id);
    const char *own = name ? name : number;
    return id == s->pair_id && strlen(own) == s->pair_name && memcmp(own, s->text, s->pair_name) == 0;
}

static void add_exact(search *s, int64_t id, const char *name)
{
    bool special = s->kind->special && strcasecmp(s->text, s->kind->special) == 0;
    if (id == s->number)
        add_meaning(s, id, "by its id");
    else if (name && (strcmp(name, s->text) == 0 || (special && strcasecmp(name, s->text) == 0)))
        add_meaning(s, id, "by its name");
    else if (is_pair(s, id, name))
        add_meaning(s, id, "by its name and id");
}

/* Appends a name to the list, after the id if there is one. */
static void list_name(search *s, int64_t id, const char *name)
{
    bs_str_puts(&s->list, s->list.len ? ", " : "");
    if (id >= -1)
        bs_str_printf(&s->list, "#%lld ", (long long)id);
    bs_str_puts(&s->list, name);
}

static void add_part(search *s, int64_t id, const char *name)
{
    if (!name || !strcasestr(name, s->text) || (s->named > 0 && s->id == id))
        return;
    s->id = id;
    if (s->named++ < MAX_SHOWN)
        list_name(s, id, name);
}

static void add_any(search *s, int64_t id, const char *name)
{
    if (s->named++ >= MAX_SHOWN)
        return;
    bs_str_puts(&s->list, s->list.len ? ", " : "");
    if (name)
        bs_str_puts(&s->list, name);
    else
        bs_str_printf(&s->list, "%lld", (long long)id);
}

/* Adds an id whose name looks like the text when it is printed. */
static void add_printed(search *s, int64_t id, const char *name)
{
    if (id >= 0 && name && strcmp(bs_visible(name), s->text) == 0 && s->named++ < MAX_SHOWN)
        bs_str_printf(&s->list, "%s#%lld", s->list.len ? ", " : "", (long long)id);
}

/* Finds the meanings of the complete text: the special name, an id, names. An index on the names makes long
 * tables of weights quick to load. */
static bs_status find_exact(search *s)
{
    const struct kind *k = s->kind;
    char sql[512];
    snprintf(sql, sizeof sql,
             "CREATE TEMP TABLE IF NOT EXISTS known_%s AS %s; "
             "CREATE INDEX IF NOT EXISTS temp.known_%s_id ON known_%s (id); "
             "CREATE INDEX IF NOT EXISTS temp.known_%s_name ON known_%s (name COLLATE NOCASE)",
             k->noun, k->sql, k->noun, k->noun, k->noun, k->noun);
    BS_TRY(bs_db_exec(s->db, "read", sql));
    if (k->special && (s->by_id ? strcmp(s->text, "#-1") == 0 : strcasecmp(s->text, k->special) == 0))
        add_meaning(s, -1, k->what);
    snprintf(
        sql, sizeof sql,
        "SELECT id, name FROM known_%s WHERE name = ?1 COLLATE NOCASE UNION SELECT id, name FROM known_%s "
        "WHERE id IN (?2, ?3) ORDER BY id",
        k->noun, k->noun);
    return for_rows(s, sql, add_exact);
}

static bs_status refuse_ambiguous(const search *s)
{
    bs_fail(BS_USAGE, "%s '%s' is ambiguous: it means %zu of them", s->kind->noun, s->text, s->n);
    return bs_hint("write the id after a #: %s%s", s->list.ptr, s->n > MAX_SHOWN ? ", ..." : "");
}

static bool looks_like_id(const char *text)
{
    text += *text == '#';
    text += *text == '-' || *text == '+';
    return *text && text[strspn(text, "0123456789")] == '\0';
}

/* Finds the only name that contains the text. A number is not taken as part of a name: an unknown id would
 * denote something else. */
static bs_status find_part(search *s)
{
    const struct kind *k = s->kind;
    char sql[160];
    snprintf(sql, sizeof sql, "SELECT id, name FROM known_%s ORDER BY id", k->noun);
    if (!looks_like_id(s->text))
        BS_TRY(for_rows(s, sql, add_part));
    if (s->named == 1)
        return BS_OK;
    if (s->named > 1) {
        bs_fail(BS_USAGE, "%zu %s names hold '%s'", s->named, k->noun, s->text);
        return bs_hint("write more of one of them, or its id: %s%s", s->list.ptr,
                       s->named > MAX_SHOWN ? ", ..." : "");
    }
    if (strchr(s->text, '\\'))
        BS_TRY(for_rows(s, sql, add_printed));
    if (s->named > 0) {
        bs_fail(BS_USAGE, "no %s '%s'", k->noun, s->text);
        return bs_hint("a name is printed so that has other characters; write its id: %s%s", s->list.ptr,
                       s->named > MAX_SHOWN ? ", ..." : "");
    }
    BS_TRY(for_rows(s, sql, add_any));
    bs_fail(BS_USAGE, "no %s '%s'", k->noun, s->text);
    return bs_hint("write %s%s: %s%s", k->how, s->named ? ", such as" : "", s->list.ptr ? s->list.ptr : "",
                   s->named > MAX_SHOWN ? ", ..." : "");
}

bs_status bs_bn_find(int64_t *id, const bs_db *db, bs_bn_kind kind, const char *text)
{
    const struct kind *k = &kinds[kind];
    *id = -1;
    if (!*text) {
        bs_fail(BS_USAGE, "the name of the %s is empty", k->noun);
        return bs_hint("write its name, or #ID");
    }
    search s = {.db = db, .kind = k, .text = text};
    s.by_id = bs_bn_is_id(text) && (k->special || strcmp(text, "#-1") != 0);
    s.number = kind == BS_BN_GROUP && !s.by_id ? -1 : whole(s.by_id ? text + 1 : text);
    split(&s);
    bs_status st = find_exact(&s);
    if (st == BS_OK && s.n > 1)
        st = refuse_ambiguous(&s);
    if (st == BS_OK && s.n == 0)
        st = find_part(&s);
    *id = st == BS_OK ? s.id : -1;
    bs_str_clear(&s.list);
    return st;
}

static bs_status read_name(void *out, sqlite3_stmt *q)
{
    return bs_db_text(out, q, 0);
}

bs_status bs_bn_group_name(char **out, const bs_db *db, int64_t id)
{
    return bs_db_each(
        db, "SELECT CASE ?1 WHEN -1 THEN 'DUE' ELSE (SELECT name FROM known_group WHERE id = ?1) END",
        BS_BIND(BS_BIND_INT(id)), read_name, out);
}
