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

/* Tables of facts that are copied unchanged; the others are written with the trials. */
static const char sql_facts[] =
    "INSERT INTO main.campaign SELECT * FROM other_campaign; INSERT INTO main.entry SELECT * FROM "
    "other_entry;"
    "INSERT INTO main.stratum SELECT * FROM other_stratum; INSERT INTO main.run SELECT * FROM other_run;"
    "INSERT INTO main.class SELECT * FROM other_class; INSERT INTO main.layer SELECT * FROM other_layer;"
    "INSERT INTO main.image SELECT * FROM other_image; INSERT INTO main.audit SELECT * FROM other_audit;"
    "INSERT INTO main.proof SELECT * FROM other_proof;"
    "INSERT INTO main.run_device SELECT * FROM other_run_device;"
    "INSERT INTO main.layer_scale SELECT * FROM other_layer_scale;"
    "INSERT INTO main.network_target SELECT * FROM other_network_target";

static bs_status copy_facts(bs_copy *c, const char *path, uint64_t *lost)
{
    const bs_db *db = c->store->db;
    bs_status st;
    BS_TRY(bs_combine_attach(db, path));
    /* Not IMMEDIATE, which would ask for write access to the old file, too. */
    BS_TRY_GOTO(bs_db_exec(db, "write", "BEGIN"), out);
    BS_TRY_GOTO(bs_store_create_schema(db), out);
    BS_TRY_GOTO(bs_db_exec(db, "write", sql_facts), out);
    BS_TRY_GOTO(bs_schema_copy_settings(db, "other", lost), out);
    BS_TRY_GOTO(bs_db_commit(db), out);
    st = bs_source_map_runs(&c->source[0], db);
out:
    if (st != BS_OK)
        bs_combine_blame(db, path);
    if (!sqlite3_get_autocommit(db->handle))
        sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
    bs_combine_detach(db);
    return st;
}

/* Names what users added to the old file, which is not copied: objects, columns, settings. Runs on a database
 * with the current schema, to which the old file is attached. (View sink_count and setting correct are of
 * earlier versions.) */
static const char sql_own[] = "SELECT name FROM other.sqlite_master WHERE sql IS NOT NULL AND name <> "
                              "'sink_count' AND name NOT IN (SELECT "
                              "name FROM main.sqlite_master) UNION ALL "
                              "SELECT m.name || '.' || c.name FROM other.sqlite_master m JOIN "
                              "pragma_table_xinfo(m.name, 'other') c WHERE "
                              "m.type = 'table' AND m.name NOT GLOB 'bit_*' AND m.name IN (SELECT name FROM "
                              "main.sqlite_master) AND c.name "
                              "NOT IN (SELECT name FROM pragma_table_xinfo(m.name, 'main')) UNION ALL "
                              "SELECT 'setting ' || name FROM other.bn_parameter WHERE name <> 'correct' AND "
                              "name NOT IN (SELECT name FROM "
                              "main.bn_parameter) ORDER BY 1";

static bs_status add_name(void *names, sqlite3_stmt *q)
{
    bs_str *s = names;
    bs_str_printf(s, "%s%s", s->len ? ", " : "", (const char *)sqlite3_column_text(q, 0));
    return BS_OK;
}

static bs_status find_own(bs_upgrade_report *r, const char *path)
{
    bs_db today = {0};
    bs_str names = {0};
    bs_status st;
    BS_TRY_GOTO(bs_schema_open_all(&today), out);
    BS_TRY_GOTO(bs_combine_attach(&today, path), out);
    BS_TRY_GOTO(bs_db_each(&today, sql_own, BS_NO_BIND, add_name, &names), out);
    BS_TRY_GOTO(bs_str_status(&names), out);
    r->own = names.ptr;
    names = (bs_str){0};
out:
    sqlite3_close(today.handle);
    bs_str_clear(&names);
    return st;
}

/* Copies everything in `path` into a new file `out`. */
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
    BS_TRY_GOTO(bs_copy_begin(&c, true), out);
    BS_TRY_GOTO(bs_copy_all(&c), out);
    st = bs_store_end_run(c.store, 0, NULL);
    r->trials = c.added;
out:
    bs_copy_clear(&c);
    return st;
}

/* Brings the new file to rest: unlike after bs_store_close(), which tolerates failure, it must be complete
 * without a WAL. */
static bs_status finish_new(const char *out)
{
    bs_db db = {.path = (char *)out};
    bs_status st = bs_db_rest(&db);
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
            n == r->trials ? "with other values" : "by its ledger");
    return bs_hint(
        "another program wrote it meanwhile: try again; or it is damaged: run its job again into a new "
        "file. It was left as it is");
}

/* --- Putting it in place --- */

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
    bs_status st = write_new(r, path, draft->file, stop);
    if (st == BS_OK)
        return check_new(r, path, draft->file);
    if (strncmp(bs_error_hint(), "make room", 9) == 0)
        bs_hint("make room for a second file and run the same command again: '%s' is as it was", path);
    return st;
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
    BS_TRY_GOTO(bs_db_rest(&old), out);
    BS_TRY_GOTO(bs_check_backup(path, r->backup), out);
    BS_TRY_GOTO(make_new(r, &draft, path, path, stop), out);
    BS_TRY_GOTO(bs_db_check_place(&old), out);
    st = bs_replace(&draft, path, r->backup);
out:
    bs_draft_clear(&draft);
    sqlite3_close(old.handle);
    bs_str_clear(&backup);
    return st;
}

static bs_status check_output(const char *output)
{
    struct stat s;
    if (*output && lstat(output, &s) != 0 && errno == ENOENT)
        return bs_db_check_alone(output);
    bs_fail(BS_ERR, "cannot write '%s': %s", output, *output ? "the name is taken" : "the name is empty");
    return bs_hint("name another file: --output FILE");
}

static bs_status upgrade_to(bs_upgrade_report *r, const char *path, const char *output,
                            volatile sig_atomic_t *stop)
{
    bs_draft draft = {0};
    bs_lock *lock = NULL;
    bs_status st;
    BS_TRY(bs_lock_take(&lock, output));
    BS_TRY_GOTO(check_output(output), out);
    BS_TRY_GOTO(make_new(r, &draft, path, output, stop), out);
    st = bs_place(&draft, output);
out:
    bs_draft_clear(&draft);
    bs_lock_release(lock);
    return st;
}

static bs_status check_folder(const char *path)
{
    char *folder = NULL;
    BS_TRY(bs_path_beside(&folder, path, "."));
    bool writable = access(folder, W_OK) == 0;
    free(folder);
    if (writable)
        return BS_OK;
    bs_fail(BS_ERR, "cannot write into the folder of '%s': %s", path, strerror(errno));
    return bs_hint("make the folder writable, or write elsewhere: --output FILE");
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
    BS_TRY(check_folder(path));
    BS_TRY(bs_lock_take(&lock, path));
    real = realpath(path, NULL); /* a symbolic link must continue to point to the file */
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
