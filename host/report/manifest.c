#include "report/manifest.h"

#include "base/sha256.h"
#include "base/text.h"
#include "base/resources.h"
#include "store/digest.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* --- JSON --- */

static void put_text(bs_str *out, const char *name, const char *text)
{
    bs_str_json(out, name);
    bs_str_puts(out, ": ");
    bs_str_json(out, text);
}

static void put_value(bs_str *out, sqlite3_stmt *q, int column)
{
    const char *text = (const char *)sqlite3_column_text(q, column);
    if (!text)
        bs_str_puts(out, "null");
    else if (sqlite3_column_type(q, column) == SQLITE_INTEGER)
        bs_str_puts(out, text);
    else
        bs_str_json(out, text);
}

/* An object for each row of a query, with the columns as members. */
typedef struct rows {
    bs_str *out;
    const char *indent;
    int n;
} rows;

static bs_status put_members(void *context, sqlite3_stmt *q)
{
    rows *r = context;
    bs_str_puts(r->out, r->n++ ? "}, {" : "{");
    for (int i = 0; i < sqlite3_column_count(q); i++) {
        bs_str_printf(r->out, "%s\n%s", i ? "," : "", r->indent);
        bs_str_json(r->out, sqlite3_column_name(q, i));
        bs_str_puts(r->out, ": ");
        put_value(r->out, q, i);
    }
    return bs_str_status(r->out);
}

/* Appends the first row of a query as an object that is left open for more members. */
static bs_status open_object(bs_str *out, const bs_db *db, const char *name, const char *sql)
{
    rows r = {out, "    ", 0};
    bs_str_printf(out, ",\n  \"%s\": ", name);
    return bs_db_each(db, sql, BS_NO_BIND, put_members, &r);
}

static void add_member(bs_str *out, const char *name, const char *text)
{
    bs_str_puts(out, ",\n    ");
    put_text(out, name, text);
}

/* --- What it says --- */

static const char sql_campaign[] =
    "SELECT name, created, seed, preprocess, storage, scales, classes, (SELECT count(*) FROM entry) AS "
    "entries, "
    "(SELECT count(*) FROM stratum) AS strata, shard, shards, job_trials, planned_trials FROM campaign";
static const char sql_results[] =
    "SELECT (SELECT count(*) FROM golden) AS golden_runs, (SELECT count(*) FROM image) AS images, (SELECT "
    "count(*) FROM broken_image) AS broken_images, (SELECT ifnull(sum(audited), 0) FROM run) AS audited, "
    "(SELECT ifnull(sum(audit_equal), 0) FROM run) AS audit_equal, (SELECT ifnull(sum(n), 0) FROM "
    "layer_summary) AS trials";
static const char sql_runs[] =
    "SELECT started, ended, trials, audited, audit_equal, exit, host, backend, device, isa, library, "
    "version, "
    "mode, selftest, threads, fingerprint, shard FROM run WHERE trials > 0 OR goldens > 0 ORDER BY started, "
    "uid";

static bs_status hash_image(void *context, sqlite3_stmt *q)
{
    struct sha256_ctx *hash = context;
    bs_str line = {0};
    bs_str_printf(&line, "%s %s %s\n", (const char *)sqlite3_column_text(q, 0),
                  (const char *)sqlite3_column_text(q, 1), (const char *)sqlite3_column_text(q, 2));
    bs_status st = bs_str_status(&line);
    if (st == BS_OK)
        sha256_update(hash, line.len, (const uint8_t *)line.ptr);
    bs_str_clear(&line);
    return st;
}

static bs_status put_images(bs_str *out, const bs_db *db)
{
    struct sha256_ctx hash;
    char text[BS_SHA256_TEXT];
    sha256_init(&hash);
    BS_TRY(open_object(out, db, "images", "SELECT count(*) AS count FROM golden"));
    BS_TRY(bs_db_each(db,
                      "SELECT image, sha256, ifnull(i.class, '-') FROM golden g JOIN image i ON i.id = "
                      "g.image ORDER BY image",
                      BS_NO_BIND, hash_image, &hash));
    bs_sha256_end(&hash, text);
    add_member(out, "sha256", text);
    bs_str_puts(out, "}");
    return BS_OK;
}

static bs_status hash_job(void *context, sqlite3_stmt *q)
{
    const char *text = (const char *)sqlite3_column_text(q, 0);
    bs_sha256_text(text ? text : "", text ? (size_t)sqlite3_column_bytes(q, 0) : 0, context);
    return BS_OK;
}

static bs_status put_inputs(bs_str *out, const bs_db *db)
{
    char job[BS_SHA256_TEXT] = "";
    BS_TRY(open_object(out, db, "model", "SELECT model AS file, model_sha256 AS sha256 FROM campaign"));
    bs_str_puts(out, "}");
    BS_TRY(open_object(out, db, "job", "SELECT job_path AS file FROM campaign"));
    BS_TRY(bs_db_each(db, "SELECT job FROM campaign", BS_NO_BIND, hash_job, job));
    add_member(out, "sha256", job);
    bs_str_puts(out, "}");
    return put_images(out, db);
}

static bs_status put_results(bs_str *out, const bs_db *db, const char *file)
{
    bs_results results;
    BS_TRY(bs_results_hash(&results, db));
    BS_TRY(open_object(out, db, "results", sql_results));
    add_member(out, "digest", results.digest);
    add_member(out, "sha256", results.sha256);
    add_member(out, "counts_sha256", results.counts);
    add_member(out, "file", file);
    bs_str_puts(out, "}");
    return BS_OK;
}

static bs_status put_runs(bs_str *out, const bs_db *db)
{
    rows r = {out, "    ", 0};
    bs_str_puts(out, ",\n  \"runs\": [");
    BS_TRY(bs_db_each(db, sql_runs, BS_NO_BIND, put_members, &r));
    bs_str_puts(out, r.n ? "}]" : "]");
    return BS_OK;
}

/* The program that writes the manifest; that of each run is known by its version only. */
static bs_status put_program(bs_str *out, const bs_str *page)
{
    char hash[BS_SHA256_TEXT], when[BS_UTC_TEXT];
    bs_resources_utc(when, time(NULL));
    bs_str_printf(out, "{\n  \"manifest\": %d,\n  ", BS_MANIFEST_FORMAT);
    put_text(out, "made", when);
    bs_str_puts(out, ",\n  \"program\": {\n    ");
    put_text(out, "version", BITSINK_VERSION);
    BS_TRY(bs_sha256_file("/proc/self/exe", hash));
    add_member(out, "sha256", hash);
    bs_str_puts(out, "}");
    if (page) {
        bs_sha256_text(page->ptr, page->len, hash);
        bs_str_puts(out, ",\n  \"report\": {\n    ");
        put_text(out, "file", "report.html");
        add_member(out, "sha256", hash);
        bs_str_puts(out, "}");
    }
    return BS_OK;
}

bs_status bs_manifest_append(bs_str *out, const bs_db *db, const char *file, const bs_str *page)
{
    BS_TRY(put_program(out, page));
    BS_TRY(open_object(out, db, "campaign", sql_campaign));
    bs_str_puts(out, "}");
    BS_TRY(put_results(out, db, file));
    BS_TRY(put_inputs(out, db));
    BS_TRY(put_runs(out, db));
    bs_str_puts(out, "\n}\n");
    return bs_str_status(out);
}

bs_status bs_relative_path(bs_str *out, const char *folder, const char *target)
{
    char from[PATH_MAX + 1], to[PATH_MAX];
    if (!realpath(folder, from) || !realpath(target, to))
        return bs_fail(BS_ERR, "cannot find '%s' from '%s': %s", target, folder, strerror(errno));
    if (strcmp(from, "/") != 0)
        strcat(from, "/");
    size_t same = 0; /* length of the folders that both begin with, with their last slash */
    for (size_t i = 0; from[i] && from[i] == to[i]; i++)
        if (from[i] == '/')
            same = i + 1;
    for (const char *p = from + same; *p; p++)
        if (*p == '/')
            bs_str_puts(out, "../");
    bs_str_puts(out, to + same);
    return bs_str_status(out);
}
