#include "store/upgrade.h"

#include "base/text.h"
#include "store/backup.h"
#include "store/combine.h"
#include "store/copy.h"
#include "store/replace.h"
#include "store/schema.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Tables of facts that are copied as they are; the others are written with the trials. */
static const char sql_facts[] =
    "INSERT INTO main.campaign SELECT * FROM other_campaign; INSERT INTO main.entry SELECT * FROM "
    "other_entry;"
    "INSERT INTO main.stratum SELECT * FROM other_stratum; INSERT INTO main.run SELECT * FROM other_run;"
    "INSERT INTO main.class SELECT * FROM other_class; INSERT INTO main.layer SELECT * FROM other_layer;"
    "INSERT INTO main.image SELECT * FROM other_image; INSERT INTO main.audit SELECT * FROM other_audit";

static void utf8(sqlite3_context *context, int n, sqlite3_value **value)
{
    const char *text = (const char *)sqlite3_value_text(value[0]);
    bs_str s = {0};
    (void)n;
    if (!text)
        return;
    bs_str_utf8(&s, text);
    if (bs_str_status(&s) == BS_OK)
        sqlite3_result_text(context, s.ptr ? s.ptr : "", -1, SQLITE_TRANSIENT);
    else
        sqlite3_result_error_nomem(context);
    bs_str_clear(&s);
}

/* Names that earlier versions took as they were: stored as a run of today stores them. A path that is opened
 * again keeps its bytes. */
static bs_status mend_names(const bs_db *db)
{
    static const char sql[] = "UPDATE class SET name = utf8(name) WHERE name <> utf8(name);"
                              "UPDATE image SET path = utf8(path) WHERE path <> utf8(path);"
                              "UPDATE layer SET name = utf8(name), node = utf8(node) WHERE name <> "
                              "utf8(name) OR node <> utf8(node);"
                              "UPDATE entry SET name = utf8(name), sites = utf8(sites);"
                              "UPDATE campaign SET name = utf8(name), model = utf8(model), job = utf8(job), "
                              "job_path = iif(job_path = utf8(job_path), job_path, CAST(job_path AS BLOB));"
                              "UPDATE run SET host = utf8(host), device = utf8(device)";
    if (sqlite3_create_function(db->handle, "utf8", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL, utf8, NULL,
                                NULL) != SQLITE_OK)
        return bs_db_fail(db, "write");
    return bs_db_exec(db, "write", sql);
}

static bs_status copy_facts(bs_copy *c, const char *path, uint64_t *lost)
{
    const bs_db *db = c->store->db;
    sqlite3_int64 campaigns;
    bs_status st;
    BS_TRY(bs_combine_attach(db, path));
    /* Not IMMEDIATE, which would ask for the right to write the old file, too. */
    BS_TRY_GOTO(bs_db_exec(db, "write", "BEGIN"), out);
    BS_TRY_GOTO(bs_store_create_schema(db), out);
    BS_TRY_GOTO(bs_db_exec(db, "write", sql_facts), out);
    BS_TRY_GOTO(bs_db_integer(&campaigns, db, "SELECT count(*) FROM main.campaign"), out);
    if (campaigns != 1)
        BS_TRY_GOTO(bs_fail(BS_ERR, "result file '%s' is damaged: it describes no campaign", path), out);
    BS_TRY_GOTO(mend_names(db), out);
    BS_TRY_GOTO(bs_schema_copy_settings(db, "other", lost), out);
    BS_TRY_GOTO(bs_db_exec(db, "write", "COMMIT"), out);
    st = bs_source_map_runs(&c->source[0], db);
out:
    if (!sqlite3_get_autocommit(db->handle))
        sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
    bs_combine_detach(db);
    return st;
}

/* What people put into the old file themselves is not in the new one. */
static bs_status find_own(bs_upgrade_report *r, const char *path)
{
    bs_db *old = NULL;
    bs_db today = {0};
    sqlite3_stmt *q = NULL, *known = NULL;
    bs_str names = {0};
    bool row, found;
    bs_status st;
    BS_TRY(bs_db_open(&old, path));
    BS_TRY_GOTO(bs_schema_open_all(&today), out);
    BS_TRY_GOTO(
        bs_db_prepare(&q, old,
                      "SELECT name FROM main.sqlite_master WHERE type IN ('table', 'trigger') AND name "
                      "NOT GLOB 'sqlite_*' ORDER BY name"),
        out);
    BS_TRY_GOTO(bs_db_prepare(&known, &today, "SELECT 1 FROM sqlite_master WHERE name = ?1"), out);
    for (;;) {
        BS_TRY_GOTO(bs_db_step(old, q, &row), out);
        if (!row)
            break;
        const char *name = (const char *)sqlite3_column_text(q, 0);
        sqlite3_bind_text(known, 1, name, -1, SQLITE_TRANSIENT);
        BS_TRY_GOTO(bs_db_step(&today, known, &found), out);
        sqlite3_reset(known);
        if (!found)
            bs_str_printf(&names, "%s%s", names.len ? ", " : "", name);
    }
    BS_TRY_GOTO(bs_str_status(&names), out);
    r->own = names.ptr;
    names = (bs_str){0};
out:
    sqlite3_finalize(q);
    sqlite3_finalize(known);
    sqlite3_close(today.handle);
    bs_db_close(old);
    bs_str_clear(&names);
    return st;
}

/* Copies everything of `path` into `out`, which is made. */
static bs_status write_new(bs_upgrade_report *r, const char *path, const char *out,
                           volatile sig_atomic_t *stop)
{
    bs_copy c = {.stop = stop};
    char *const inputs[] = {(char *)path};
    bool fresh;
    bs_status st;
    BS_TRY_GOTO(bs_copy_open(&c, inputs, 1), out);
    BS_TRY_GOTO(bs_db_open_for_writing(&c.store->db, out, &fresh), out);
    BS_TRY_GOTO(copy_facts(&c, path, &r->lost_settings), out);
    st = bs_copy_begin(&c, true);
    if (st != BS_OK) {
        bs_context("%s", path);
        goto out;
    }
    BS_TRY_GOTO(bs_copy_all(&c), out);
    st = bs_store_end_run(c.store, 0);
    r->trials = c.added;
out:
    bs_copy_clear(&c);
    return st;
}

/* The store closes its file as well as it can; this one must hold everything by itself. */
static bs_status finish_new(const char *out)
{
    bs_db db = {.path = (char *)out};
    bs_status st = bs_rest(&db);
    sqlite3_close(db.handle);
    return st;
}

static bs_status check_new(bs_upgrade_report *r, const char *path, const char *out)
{
    char old[33];
    uint64_t n;
    BS_TRY(finish_new(out));
    BS_TRY(bs_store_digest(path, old, &n));
    BS_TRY(bs_store_digest(out, r->digest, NULL));
    if (strcmp(old, r->digest) == 0)
        return BS_OK;
    bs_fail(BS_ERR, "cannot upgrade result file '%s': of its %llu trials %llu would be in the new file, %s",
            path, (unsigned long long)n, (unsigned long long)r->trials,
            n == r->trials ? "with other values" : "as its ledger lacks the others");
    return bs_hint("the file is damaged, and was left as it is: run its job again into a new file");
}

/* --- and its place --- */

static bs_status read_version(bs_upgrade_report *r, const char *path)
{
    bs_db *db = NULL;
    sqlite3_int64 version = 0;
    BS_TRY(bs_db_open(&db, path));
    bs_status st = bs_db_integer(&version, db, "PRAGMA main.user_version");
    bs_db_close(db);
    r->from = (int)version;
    r->to = BS_DB_VERSION;
    return st;
}

static bs_status make_new(bs_upgrade_report *r, bs_draft *draft, const char *path, const char *place,
                          volatile sig_atomic_t *stop)
{
    BS_TRY(bs_draft_make(draft, place));
    BS_TRY(find_own(r, path));
    BS_TRY(write_new(r, path, draft->file, stop));
    return check_new(r, path, draft->file);
}

static bs_status upgrade_in_place(bs_upgrade_report *r, const char *path, volatile sig_atomic_t *stop)
{
    bs_str backup = {0};
    bs_draft draft = {0};
    bs_db old = {.path = (char *)path};
    bs_status st;
    bs_str_printf(&backup, "%s.v%d", path, r->from);
    BS_TRY_GOTO(bs_str_status(&backup), out);
    r->backup = backup.ptr;
    backup = (bs_str){0};
    BS_TRY_GOTO(bs_rest(&old), out);
    BS_TRY_GOTO(bs_check_backup(path, r->backup), out);
    BS_TRY_GOTO(make_new(r, &draft, path, path, stop), out);
    st = bs_replace(&draft, path, r->backup);
out:
    bs_draft_clear(&draft);
    sqlite3_close(old.handle);
    bs_str_clear(&backup);
    return st;
}

static bs_status upgrade_to(bs_upgrade_report *r, const char *path, const char *output,
                            volatile sig_atomic_t *stop)
{
    bs_draft draft = {0};
    bs_status st = make_new(r, &draft, path, output, stop);
    if (st == BS_OK)
        st = bs_place(&draft, output);
    bs_draft_clear(&draft);
    return st;
}

static bs_status check_output(const char *output)
{
    struct stat s;
    if (*output && lstat(output, &s) != 0 && errno == ENOENT)
        return BS_OK;
    bs_fail(BS_ERR, "cannot write '%s': %s", output, *output ? "the name is taken" : "the name is empty");
    return bs_hint("name another file: --output FILE");
}

bs_status bs_store_upgrade(bs_upgrade_report *r, const char *path, const char *output,
                           volatile sig_atomic_t *stop)
{
    bs_lock *lock = NULL;
    char *real = NULL;
    bs_status st;
    BS_TRY(read_version(r, path));
    if (output)
        BS_TRY(check_output(output));
    if (r->from == r->to) {
        if (output)
            BS_TRY(bs_store_backup(path, output));
        return bs_store_digest(path, r->digest, &r->trials);
    }
    if (output)
        return upgrade_to(r, path, output, stop);
    BS_TRY(bs_lock_take(&lock, path));
    real = realpath(path, NULL); /* a symbolic link goes on pointing to the file */
    st = real ? upgrade_in_place(r, real, stop)
              : bs_fail(BS_ERR, "cannot open result file '%s': %s", path, strerror(errno));
    free(real);
    bs_lock_release(lock);
    return st;
}

void bs_upgrade_report_clear(bs_upgrade_report *r)
{
    free(r->backup);
    free(r->own);
    memset(r, 0, sizeof *r);
}
