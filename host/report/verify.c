#include "report/verify.h"

#include "base/sha256.h"
#include "base/text.h"
#include "report/manifest.h"

#include <stdlib.h>
#include <string.h>

struct bs_manifest {
    char *path, *text;
    bs_db db; /* an empty one in memory, whose SQL reads JSON */
};

enum { MOST_BYTES = 16 << 20 };

static bs_status check_format(const bs_manifest *m, size_t len)
{
    bool good = false;
    bs_status st = bs_db_exists(&good, &m->db,
                                "SELECT 1 WHERE json_valid(?1) AND json_extract(iif(json_valid(?1), ?1, "
                                "'{}'), '$.manifest') = ?2",
                                BS_BIND(BS_BIND_TEXT(m->text), BS_BIND_INT(BS_MANIFEST_FORMAT)));
    if (st != BS_OK || (good && strlen(m->text) == len))
        return st;
    bs_fail(BS_USAGE, "'%s' is no manifest that is known here", m->path);
    return bs_hint("`bitsink report DB -o FOLDER` writes FOLDER/manifest.json");
}

/* Returns true if a text has a NUL, which SQLite drops, with all behind it. In valid JSON only texts have
 * backslashes. */
static bool has_nul(const char *json)
{
    for (const char *p = json; (p = strchr(p, '\\')); p += 2)
        if (strncmp(p, "\\u0000", 6) == 0)
            return true;
    return false;
}

/* Refuses what other programs may read in another way: texts with a NUL, and names that are there twice or
 * are written as no manifest writes them. */
static bs_status check_one_meaning(const bs_manifest *m)
{
    static const char sql[] =
        "SELECT 1 FROM json_tree(?1) WHERE typeof(key) = 'text' AND (key = '' OR key GLOB '*[^a-z0-9_]*') "
        "UNION ALL SELECT 1 FROM json_tree(?1) WHERE typeof(key) = 'text' GROUP BY parent, key HAVING "
        "count(*) > 1";
    bool bad;
    BS_TRY(bs_db_exists(&bad, &m->db, sql, BS_BIND(BS_BIND_TEXT(m->text))));
    if (!bad && !has_nul(m->text))
        return BS_OK;
    bs_fail(BS_USAGE, "'%s' is no manifest: it could be read in more than one way", m->path);
    return bs_hint("`bitsink report` writes none like that: somebody has changed it");
}

bs_status bs_manifest_read(bs_manifest **out, const char *path)
{
    bs_manifest *m;
    size_t len;
    bs_status st;
    *out = NULL;
    BS_TRY(bs_calloc(&m, 1, sizeof *m, "manifest"));
    m->path = strdup(path);
    m->db.path = m->path;
    if (!m->path)
        BS_TRY_GOTO(bs_oom("manifest"), out);
    BS_TRY_GOTO(bs_read_file(&m->text, &len, path, MOST_BYTES), out);
    if (sqlite3_open(":memory:", &m->db.handle) != SQLITE_OK)
        BS_TRY_GOTO(bs_oom("manifest"), out);
    BS_TRY_GOTO(check_format(m, len), out);
    BS_TRY_GOTO(check_one_meaning(m), out);
    *out = m;
    m = NULL;
out:
    bs_manifest_free(m);
    return st;
}

void bs_manifest_free(bs_manifest *m)
{
    if (!m)
        return;
    sqlite3_close(m->db.handle);
    free(m->text);
    free(m->path);
    free(m);
}

static bs_status read_text(void *context, sqlite3_stmt *q)
{
    return bs_db_text(context, q, 0);
}

bs_status bs_manifest_fact(char **out, const bs_manifest *m, const char *path)
{
    *out = NULL;
    return bs_db_each(&m->db, "SELECT ifnull(json_extract(?1, ?2), '')",
                      BS_BIND(BS_BIND_TEXT(m->text), BS_BIND_TEXT(path)), read_text, out);
}

bs_status bs_verify_report(bs_verdict *out, bs_str *why, const bs_manifest *m)
{
    char *path = NULL, *said = NULL, found[BS_SHA256_TEXT];
    bs_status st;
    *out = BS_NOT_CHECKED;
    BS_TRY_GOTO(bs_manifest_fact(&said, m, "$.report.sha256"), out);
    BS_TRY_GOTO(bs_path_beside(&path, m->path, "report.html"), out);
    if (bs_sha256_file(path, found) != BS_OK) {
        bs_str_puts(why, bs_error_message());
        bs_error_clear();
    } else {
        *out = strcmp(said, found) == 0 ? BS_SAME : BS_NOT_SAME;
        bs_str_printf(why, "sha256 %s", found);
    }
    st = bs_str_status(why);
out:
    free(path);
    free(said);
    return st;
}

/* The place of a value, without the quotes that versions of SQLite put into it. */
#define JSON_PLACE "path || iif(typeof(key) = 'integer', '[' || key || ']', '.' || key)"

/* A value as JSON, so that 1, "1" and true are three. */
#define JSON_VALUE "iif(type IN ('true', 'false'), type, json_quote(atom))"

/* Facts by their full path in either text, where they differ. */
static const char sql_differ[] =
    "WITH side(b, path, value) AS ("
    "SELECT 0, " JSON_PLACE ", " JSON_VALUE " FROM json_tree(?1) WHERE type NOT IN ('object', 'array') "
    "UNION ALL "
    "SELECT 1, " JSON_PLACE ", " JSON_VALUE " FROM json_tree(?2) WHERE type NOT IN ('object', 'array')), "
    "fact AS (SELECT path, max(value) FILTER (WHERE b = 0) AS said, max(value) FILTER (WHERE b = 1) AS found "
    "FROM side GROUP BY path) "
    "SELECT path GLOB '$.runs*' OR path GLOB '$.results.audit*' OR path = '$.campaign.created', substr(path, "
    "3) "
    "|| ': ' || ifnull(said, 'nothing') || ' in the manifest, ' || ifnull(found, 'nothing') || ' in the "
    "file' "
    "FROM fact WHERE (path GLOB '$.campaign.*' OR path GLOB '$.results.*' OR path GLOB '$.model.*' OR path "
    "GLOB "
    "'$.job.*' OR path GLOB '$.images.*' OR path GLOB '$.runs*') AND path NOT GLOB '*.file' AND said IS NOT "
    "found ORDER BY path";

enum { MOST_SAID = 5 };

typedef struct differences {
    bs_str *why;
    int n[BS_VERIFIED_COUNT];
} differences;

static bs_status add_difference(void *context, sqlite3_stmt *q)
{
    differences *d = context;
    int which = sqlite3_column_int(q, 0) ? BS_RUNS : BS_RESULTS;
    if (d->n[which]++ < MOST_SAID)
        bs_str_printf(&d->why[which], "%s%s", d->n[which] > 1 ? "; " : "",
                      (const char *)sqlite3_column_text(q, 1));
    return bs_str_status(&d->why[which]);
}

bs_status bs_verify_results(bs_verdict out[BS_VERIFIED_COUNT], bs_str why[BS_VERIFIED_COUNT],
                            const bs_manifest *m, const bs_db *db)
{
    bs_str found = {0};
    differences d = {why, {0}};
    bs_status st;
    BS_TRY_GOTO(bs_manifest_append(&found, db, "", NULL), out);
    BS_TRY_GOTO(bs_db_each(&m->db, sql_differ, BS_BIND(BS_BIND_TEXT(m->text), BS_BIND_TEXT(found.ptr)),
                           add_difference, &d),
                out);
    for (int i = 0; i < BS_VERIFIED_COUNT; i++) {
        out[i] = d.n[i] ? BS_NOT_SAME : BS_SAME;
        if (d.n[i] > MOST_SAID)
            bs_str_printf(&why[i], "; and %d more", d.n[i] - MOST_SAID);
    }
out:
    bs_str_clear(&found);
    return st;
}
