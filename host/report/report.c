#include "report/report.h"

#include "base/new_file.h"
#include "base/text.h"
#include "bn/bn.h"
#include "report/data.h"
#include "report/findings.h"
#include "report/html.h"
#include "report/manifest.h"
#include "report/sections.h"
#include "report/shown.h"
#include "store/identity.h"
#include "store/schema.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

extern const char bs_report_style[]; /* style.css */

static void write_contents(bs_str *out, const bool *shown)
{
    bs_str_puts(out, "<nav aria-label=Sections>");
    for (int i = 0; i < bs_report_n_sections; i++)
        if (shown[i])
            bs_str_printf(out, "<a href=\"#%s\">%s</a> ", bs_report_sections[i].id,
                          bs_report_sections[i].title);
    bs_str_puts(out, "<a href=\"#again\">How to reproduce</a></nav>\n");
}

/* Writes what a reader must know before anything else: that the file is a part, or made up. */
static void write_warnings(bs_str *out, const bs_data *d)
{
    enum { SHARD = 3, SHARDS, MADE_UP };
    if (bs_data_value(d, 0, SHARDS) > 0)
        bs_str_printf(
            out,
            "<p><b>Shard %s of %s: the images of the other shards are missing.</b> Merge them before "
            "anything is claimed of the campaign.</p>\n",
            bs_data_text(d, 0, SHARD), bs_data_text(d, 0, SHARDS));
    if (bs_data_value(d, 0, MADE_UP) > 0)
        bs_str_puts(out, "<p><b>The null device made up trials of this file:</b> they test a job, never a "
                         "network.</p>\n");
}

/* Writes what the intervals cover, and how layers are named. */
static void write_scope(bs_str *out, const bs_data *d, const bs_common_path *path)
{
    char note[256];
    enum { CONFIDENCE = 2 };
    bs_str_printf(
        out,
        "<p>All intervals have %g %% confidence. They speak of all sites and bits that the entry "
        "may hit, on the images of this file. Where a table says <i>other images</i>, the images "
        "of this file are taken as a sample, too. Each interval stands by itself: what is named because it "
        "is the worst of many is likely to be a little less bad than it looks.</p>\n",
        bs_data_value(d, 0, CONFIDENCE));
    if (*bs_common_path_note(path, note, sizeof note)) {
        bs_str_puts(out, "<p>Layers: ");
        bs_html_text(out, note);
        bs_str_puts(out, "; in tables the pointer shows a whole name.</p>\n");
    }
}

static bs_status write_head(bs_str *out, const bs_db *db, const bs_common_path *path, const bool *shown)
{
    bs_data d = {0};
    bs_status st = BS_OK;
    BS_TRY(bs_data_load(
        &d, db,
        "SELECT ifnull(name, 'campaign'), replace(model, rtrim(model, replace(model, '/', '')), ''), (SELECT "
        "100 * confidence FROM bn_confidence), shard, ifnull(shards, 0), (SELECT count(*) FROM run WHERE "
        "backend = 'null' AND trials > 0), local_time(created) FROM campaign",
        0, NULL));
    bs_str_puts(out, "<!DOCTYPE html>\n<html lang=en><head><meta charset=utf-8><meta name=viewport "
                     "content=\"width=device-width,initial-scale=1\">\n<title>bitsink: ");
    bs_html_text(out, bs_data_text(&d, 0, 0));
    bs_str_printf(out, "</title>\n<style>\n%s</style>\n</head><body><main>\n<h1>", bs_report_style);
    bs_html_text(out, bs_data_text(&d, 0, 0));
    bs_str_puts(out, "</h1>\n<p class=sub>Fault campaign of bitsink on ");
    bs_html_text(out, bs_data_text(&d, 0, 1));
    bs_str_printf(out, ", %s</p>\n", bs_data_text(&d, 0, 6));
    write_warnings(out, &d);
    BS_TRY_GOTO(bs_findings_write(out, db), out);
    write_contents(out, shown);
    write_scope(out, &d, path);
    st = bs_str_status(out);
out:
    bs_data_clear(&d);
    return st;
}

static bs_status write_section(bs_str *out, const bs_db *db, const bs_common_path *path, const bs_section *s,
                               int number)
{
    bs_str_printf(out, "<h2 id=\"%s\">%s</h2>\n<p>", s->id, s->title);
    bs_html_text(out, s->text);
    bs_str_puts(out, "</p>\n");
    if (s->figure) {
        bs_figure draw = bs_figure_find(s->figure);
        if (!draw)
            return BS_USAGE;
        BS_TRY(bs_html_figure(out, db, draw, number, s->figure_text));
    }
    for (int i = 0; i < BS_SECTION_TABLES && s->tables[i].caption; i++) {
        char view[64];
        snprintf(view, sizeof view, "report_%s", s->tables[i].view);
        BS_TRY(bs_html_table(out, db, path, s->tables[i].caption, view, s->tables[i].fold));
    }
    return BS_OK;
}

/* Appends a word of a command that readers may paste into their shell. */
static void put_word(bs_str *out, const char *text)
{
    bs_str word = {0};
    bs_str_shell(&word, text);
    out->oom |= word.oom;
    bs_html_text(out, word.ptr ? word.ptr : "");
    bs_str_clear(&word);
}

static bs_status write_reproduction(bs_str *out, const bs_db *db, const char *db_path)
{
    bs_data d = {0};
    BS_TRY(
        bs_data_load(&d, db,
                     "SELECT job, job_path, (SELECT group_concat(id, ', ') FROM entry WHERE definition LIKE "
                     "'%" BS_WITH_REPLACEMENT "') FROM campaign",
                     0, NULL));
    bs_str_puts(
        out,
        "<h2 id=\"again\">How to reproduce</h2>\n<p>The job file below, the model with the SHA-256 above and "
        "the "
        "same images give the same trials, bit for bit, on the same kind of processor and library. "
        "<code>bitsink digest</code> of both result files is then equal. Every number of this page comes "
        "from SQL views in the result file; any SQLite client shows them.</p>\n<pre>bitsink run ");
    put_word(out, d.n ? bs_data_text(&d, 0, 1) : "JOB");
    bs_str_puts(out, " --db again.db\nbitsink digest again.db\nbitsink digest ");
    put_word(out, db_path);
    bs_str_puts(out, "\nbitsink report ");
    put_word(out, db_path);
    bs_str_puts(out, " -o report\n</pre>\n");
    if (d.n && *bs_data_text(&d, 0, 2))
        bs_str_printf(
            out,
            "<p><b>An earlier version of bitsink drew the sites of entry %s in another way:</b> the job "
            "gives other trials of it.</p>\n",
            bs_data_text(&d, 0, 2));
    bs_str_puts(out, "<details><summary>The job file</summary><pre>");
    bs_html_lines(out, d.n ? bs_data_text(&d, 0, 0) : "");
    bs_str_puts(out, "</pre></details>\n</main></body></html>\n");
    bs_data_clear(&d);
    return bs_str_status(out);
}

static bs_status write_page(bs_str *out, const bs_db *db, const bs_common_path *path, const char *db_path)
{
    bool shown[32] = {false};
    for (int i = 0; i < bs_report_n_sections; i++) {
        sqlite3_int64 wanted = 1;
        if (bs_report_sections[i].only_if)
            BS_TRY(bs_db_integer(&wanted, db, bs_report_sections[i].only_if));
        shown[i] = wanted > 0;
    }
    BS_TRY(write_head(out, db, path, shown));
    for (int i = 0; i < bs_report_n_sections; i++)
        if (shown[i])
            BS_TRY(write_section(out, db, path, &bs_report_sections[i], i));
    return write_reproduction(out, db, db_path);
}

static bs_status save(const char *folder, const char *name, const bs_str *text)
{
    bs_str path = {0};
    bs_str_printf(&path, "%s/%s", folder, name);
    bs_status st = bs_str_status(&path);
    if (st == BS_OK)
        st = bs_write_file(path.ptr, text->ptr, text->len);
    bs_str_clear(&path);
    return st;
}

/* Writes the page, and after it what vouches for it. */
static bs_status save_both(const bs_db *db, const char *db_path, const char *folder, const bs_str *page)
{
    bs_str manifest = {0}, file = {0};
    bs_status st;
    if (mkdir(folder, 0777) != 0 && errno != EEXIST) {
        bs_fail(BS_ERR, "cannot make the folder '%s': %s", folder, strerror(errno));
        return bs_hint("name a folder that can be made, or that is writable");
    }
    BS_TRY_GOTO(bs_relative_path(&file, folder, db_path), out);
    BS_TRY_GOTO(bs_manifest_append(&manifest, db, file.ptr, page), out);
    BS_TRY_GOTO(save(folder, "report.html", page), out);
    st = save(folder, "manifest.json", &manifest);
out:
    bs_str_clear(&file);
    bs_str_clear(&manifest);
    return st;
}

bs_status bs_report_write(const char *db_path, const char *folder)
{
    bs_str page = {0};
    bs_common_path path = {0};
    bs_db *db = NULL;
    bs_status st;
    BS_TRY(bs_bn_open(&db, db_path, true));
    BS_TRY_GOTO(bs_db_check_campaign(db), out);
    BS_TRY_GOTO(bs_figure_paths(&path, db), out);
    BS_TRY_GOTO(bs_shown_functions(db, &path), out);
    BS_TRY_GOTO(bs_db_exec(db, "read", bs_sql_report), out);
    BS_TRY_GOTO(bs_db_exec(db, "read", bs_sql_findings), out);
    BS_TRY_GOTO(write_page(&page, db, &path, db_path), out);
    st = save_both(db, db_path, folder, &page);
out:
    bs_str_clear(&page);
    bs_db_close(db);
    bs_common_path_clear(&path);
    return st;
}
