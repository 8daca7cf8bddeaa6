#include "store/upgrade.h"

#include "base/text.h"
#include "store/backup.h"
#include "store/combine.h"
#include "store/copy.h"
#include "store/schema.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Puts what a WAL holds into the file `db->path`, which is renamed, or gets a second name, without its WAL.
 * Keeps other programs from writing it until `db` is closed. */
static bs_status put_to_rest(bs_db *db)
{
    sqlite3_stmt *q = NULL;
    bool row;
    bs_status st;
    if (sqlite3_open_v2(db->path, &db->handle, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
        return bs_db_fail(db, "open");
    BS_TRY(bs_db_prepare(&q, db, "PRAGMA journal_mode = DELETE"));
    BS_TRY_GOTO(bs_db_step(db, q, &row), out);
    if (!row || strcmp((const char *)sqlite3_column_text(q, 0), "delete") != 0) {
        st = bs_fail(BS_ERR, "cannot write result file '%s': another program has it open", db->path);
        bs_hint("close the other program, or write elsewhere: --output FILE");
        goto out;
    }
    sqlite3_finalize(q);
    return bs_db_exec(db, "write", "BEGIN IMMEDIATE");
out:
    sqlite3_finalize(q);
    return st;
}

/* --- the new file, which is nobody's until it is renamed
 * -------------------------------------------------------------------------------------- */

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
    bs_status st;
    BS_TRY(bs_combine_attach(db, path));
    /* Not IMMEDIATE, which would ask for the right to write the old file, too. */
    BS_TRY_GOTO(bs_db_exec(db, "write", "BEGIN"), out);
    BS_TRY_GOTO(bs_store_create_schema(db), out);
    BS_TRY_GOTO(bs_db_exec(db, "write", sql_facts), out);
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

static void remove_file(const char *path)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};
    bs_str name = {0};
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        name.len = 0;
        bs_str_printf(&name, "%s%s", path, suffixes[i]);
        if (bs_str_status(&name) == BS_OK)
            unlink(name.ptr);
    }
    bs_str_clear(&name);
}

/* Copies everything of `path` into `out`, which is made. */
static bs_status write_new(bs_upgrade_report *r, const char *path, const char *out,
                           volatile sig_atomic_t *stop)
{
    bs_copy c = {.stop = stop};
    char *const inputs[] = {(char *)path};
    bool fresh;
    bs_status st;
    remove_file(out); /* what a killed upgrade left */
    BS_TRY_GOTO(bs_copy_open(&c, inputs, 1), out);
    BS_TRY_GOTO(bs_db_open_for_writing(&c.store->db, out, &fresh), out);
    BS_TRY_GOTO(copy_facts(&c, path, &r->lost_settings), out);
    BS_TRY_GOTO(bs_copy_begin(&c, true), out);
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
    bs_status st = put_to_rest(&db);
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
    bs_fail(BS_ERR,
            "cannot upgrade result file '%s': its ledger lacks trials that it has (%llu were copied of %llu)",
            path, (unsigned long long)r->trials, (unsigned long long)n);
    return bs_hint("the file is damaged, and was left as it is: run its job again into a new file");
}

/* Waits until the file and its name are on the disk. */
static bs_status sync_path(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0) {
        int why = errno;
        if (fd >= 0)
            close(fd);
        return bs_fail(BS_ERR, "cannot write '%s': %s", path, strerror(why));
    }
    close(fd);
    return BS_OK;
}

static bs_status sync_folder(const char *path)
{
    char *folder = NULL;
    BS_TRY(bs_path_beside(&folder, path, "."));
    bs_status st = sync_path(folder);
    free(folder);
    return st;
}

/* --- the old file
 * --------------------------------------------------------------------------------------------- */

static bool same_file(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* May `backup` be taken as the backup of `path`? It may be there already: of an upgrade that was killed. */
static bs_status check_backup(const char *path, const char *backup)
{
    char mine[33], theirs[33];
    if (access(backup, F_OK) != 0 || same_file(path, backup))
        return BS_OK;
    if (bs_store_digest(path, mine, NULL) == BS_OK && bs_store_digest(backup, theirs, NULL) == BS_OK &&
        strcmp(mine, theirs) == 0)
        return BS_OK;
    bs_fail(BS_ERR, "cannot keep the old file as '%s': that name is taken", backup);
    return bs_hint("move it away, or write elsewhere: --output FILE");
}

/* A second name where the file system has such, else a copy. */
static bs_status keep_old(const char *path, const char *backup)
{
    if (link(path, backup) == 0 || errno == EEXIST)
        return BS_OK;
    BS_TRY(bs_store_backup(path, backup));
    return sync_path(backup);
}

static bs_status replace(bs_upgrade_report *r, const char *path, const char *new)
{
    BS_TRY(keep_old(path, r->backup));
    BS_TRY(sync_folder(path));
    if (rename(new, path) != 0)
        return bs_fail(BS_ERR, "cannot rename '%s' to '%s': %s", new, path, strerror(errno));
    return sync_folder(path);
}

/* --- both
 * ------------------------------------------------------------------------------------------------------ */

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

static bs_status upgrade_in_place(bs_upgrade_report *r, const char *path, volatile sig_atomic_t *stop)
{
    bs_str backup = {0}, new = {0};
    bs_db old = {.path = (char *)path};
    bs_status st;
    bs_str_printf(&backup, "%s.v%d", path, r->from);
    bs_str_printf(&new, "%s.upgrade", path);
    BS_TRY_GOTO(bs_str_status(&backup), out);
    BS_TRY_GOTO(bs_str_status(&new), out);
    r->backup = backup.ptr;
    backup = (bs_str){0};
    BS_TRY_GOTO(put_to_rest(&old), out);
    BS_TRY_GOTO(check_backup(path, r->backup), out);
    st = write_new(r, path, new.ptr, stop);
    if (st == BS_OK)
        st = check_new(r, path, new.ptr);
    if (st == BS_OK)
        st = sync_path(new.ptr);
    if (st == BS_OK)
        st = replace(r, path, new.ptr);
    if (st != BS_OK)
        remove_file(new.ptr);
out:
    sqlite3_close(old.handle);
    bs_str_clear(&backup);
    bs_str_clear(&new);
    return st;
}

static bs_status upgrade_to(bs_upgrade_report *r, const char *path, const char *output,
                            volatile sig_atomic_t *stop)
{
    bs_status st = write_new(r, path, output, stop);
    if (st == BS_OK)
        st = check_new(r, path, output);
    if (st != BS_OK)
        remove_file(output);
    return st;
}

bs_status bs_store_upgrade(bs_upgrade_report *r, const char *path, const char *output,
                           volatile sig_atomic_t *stop)
{
    bs_lock *lock = NULL;
    char *real = NULL;
    bs_status st;
    BS_TRY(read_version(r, path));
    if (output && access(output, F_OK) == 0) {
        bs_fail(BS_ERR, "cannot write '%s': the file exists", output);
        return bs_hint("name another file: --output FILE");
    }
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
    memset(r, 0, sizeof *r);
}
