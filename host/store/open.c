/* Opens result files, after checking that this program may read or write them. */
#include "store/db.h"

#include "base/text.h"
#include "fault.h"
#include "store/history.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUSY_MS = 30000 };

static bs_status open_handle(bs_db **out, const char *path, int flags)
{
    bs_db *db = NULL;
    bs_status st = BS_OK;
    BS_TRY(bs_calloc(&db, 1, sizeof *db, "result file"));
    db->path = strdup(path);
    if (!db->path)
        BS_TRY_GOTO(bs_oom("result file"), out);
    if (sqlite3_open_v2(path, &db->handle, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
        int os = db->handle ? sqlite3_system_errno(db->handle) : 0;
        st = db->handle && os == 0
                 ? bs_db_fail(db, "open")
                 : bs_fail(BS_ERR, "cannot open result file '%s': %s", path, strerror(os ? os : ENOMEM));
        goto out;
    }
    sqlite3_busy_timeout(db->handle, BUSY_MS);
    st = bs_db_guard(db);
out:
    if (st != BS_OK) {
        bs_db_close(db);
        db = NULL;
    }
    *out = db;
    return st;
}

bs_status bs_db_check_campaign(const bs_db *db)
{
    sqlite3_int64 campaigns;
    BS_TRY(bs_db_integer(&campaigns, db, "SELECT count(*) FROM campaign"));
    if (campaigns == 1)
        return BS_OK;
    bs_fail(BS_ERR, "result file '%s' is damaged: it describes no campaign", db->path);
    return bs_hint("run its job again into a new file");
}

bs_status bs_db_check_alone(const char *path)
{
    static const char *const suffixes[] = {"-wal", "-journal"};
    bs_str name = {0};
    bs_status st = BS_OK;
    for (int i = 0; i < 2 && st == BS_OK; i++) {
        struct stat file;
        name.len = 0;
        bs_str_printf(&name, "%s%s", path, suffixes[i]);
        BS_TRY_GOTO(bs_str_status(&name), out);
        if (lstat(name.ptr, &file) != 0)
            continue;
        st =
            bs_fail(BS_ERR, "cannot write '%s': '%s' is there, of another file of that name", path, name.ptr);
        bs_hint("close the program that has it open, or move it away");
    }
out:
    bs_str_clear(&name);
    return st;
}

bs_status bs_db_check_name(const char *path)
{
    if (!*path) {
        bs_fail(BS_ERR, "cannot open result file '': the name is empty");
        return bs_hint("name a result file, such as result.db");
    }
    if (strcmp(path, ":memory:") != 0 && strncmp(path, "file:", 5) != 0)
        return BS_OK;
    bs_fail(BS_USAGE, "cannot open result file '%s': SQLite takes this name for %s", path,
            *path == ':' ? "a database in memory, which would be lost" : "an address");
    return bs_hint("name a file; one that has this name is './%s'", path);
}

/* Reports plainly what SQLite would report as "unable to open database file" or worse. */
static bs_status check_path(const char *path, bool must_exist)
{
    struct stat file;
    BS_TRY(bs_db_check_name(path));
    if (stat(path, &file) != 0) {
        if (errno == ENOENT && !must_exist)
            return BS_OK;
        int why = errno;
        bs_fail(BS_ERR, "cannot open result file '%s': %s", path, strerror(why));
        return why == ENOENT ? bs_hint("check the name; `bitsink run` makes result files") : BS_ERR;
    }
    if (S_ISREG(file.st_mode))
        return BS_OK;
    bs_fail(BS_ERR, "cannot open result file '%s': it is %s", path,
            S_ISDIR(file.st_mode) ? "a directory" : "not a regular file");
    return bs_hint("name a file");
}

static bs_status read_kind(void *context, sqlite3_stmt *row)
{
    char **kind = context;
    return *kind ? BS_OK : bs_db_text(kind, row, 0);
}

/* Fails if the file has faults of an unknown kind: views would leave their entries out. */
static bs_status check_kinds(const bs_db *db)
{
#define X(suffix, name, ...) "('" name "'), "
    static const char sql[] =
        "SELECT kind FROM main.entry WHERE kind NOT IN (VALUES " BS_FAULT_KINDS(X) "(''))";
#undef X
    bool there;
    char *kind = NULL;
    BS_TRY(bs_db_exists(&there, db, "SELECT 1 FROM main.sqlite_master WHERE name = 'entry'", BS_NO_BIND));
    if (there)
        BS_TRY(bs_db_each(db, sql, BS_NO_BIND, read_kind, &kind));
    if (!kind)
        return BS_OK;
    bs_fail(BS_ERR, "cannot open result file '%s': it has faults of a kind '%s' that is not known here",
            db->path, bs_visible(kind));
    free(kind);
    return bs_hint("use the bitsink that made it, or a newer one");
}

static bs_status check_marks(const bs_db *db, bool *fresh)
{
    sqlite3_int64 id, version, tables;
    BS_TRY(bs_db_integer(&tables, db, "SELECT count(*) FROM sqlite_master"));
    BS_TRY(bs_db_integer(&id, db, "PRAGMA application_id"));
    BS_TRY(bs_db_integer(&version, db, "PRAGMA user_version"));
    *fresh = tables == 0 && id == 0;
    if (*fresh)
        return BS_OK;
    if (id != BS_DB_APPLICATION_ID) {
        bs_fail(BS_ERR, "cannot open result file '%s': it is a database of another program", db->path);
        return bs_hint("name another result file");
    }
    if (version > BS_DB_VERSION) {
        bs_fail(BS_ERR, "cannot open result file '%s': its schema version %lld is newer than %d", db->path,
                (long long)version, BS_DB_VERSION);
        return bs_hint("use the bitsink that made it, or a newer one");
    }
    return check_kinds(db);
}

/* Fails if the file is of an earlier version: it lacks tables and columns that this version must write. */
static bs_status check_version(const bs_db *db)
{
    sqlite3_int64 version;
    BS_TRY(bs_db_integer(&version, db, "PRAGMA main.user_version"));
    if (version == BS_DB_VERSION)
        return BS_OK;
    bs_fail(BS_ERR, "cannot write result file '%s': its schema version %lld is older than %d", db->path,
            (long long)version, BS_DB_VERSION);
    return bs_hint("bring it up to date with `bitsink upgrade %s`, which keeps the old file",
                   bs_shell_word(db->path));
}

static bs_status open_existing(bs_db **out, const char *path, int flags)
{
    bs_db *db = NULL;
    bool fresh = false;
    bs_status st;
    *out = NULL;
    BS_TRY(check_path(path, true));
    BS_TRY(open_handle(&db, path, flags));
    BS_TRY_GOTO(check_marks(db, &fresh), out);
    if (fresh) {
        st = bs_fail(BS_ERR, "cannot open result file '%s': it is empty", path);
        bs_hint("`bitsink run` fills it");
        goto out;
    }
    *out = db;
    db = NULL;
out:
    bs_db_close(db);
    return st;
}

bs_status bs_db_open(bs_db **out, const char *path)
{
    sqlite3_int64 version;
    bs_status st;
    BS_TRY(open_existing(out, path, SQLITE_OPEN_READONLY));
    /* Before temporary views are made: changing this setting drops them. */
    BS_TRY_GOTO(bs_db_exec(*out, "read", "PRAGMA temp_store = MEMORY"), out);
    BS_TRY_GOTO(bs_db_integer(&version, *out, "PRAGMA main.user_version"), out);
    if (version < BS_DB_VERSION)
        BS_TRY_GOTO(bs_history_show(*out, "main", ""), out);
    return BS_OK;
out:
    bs_db_close(*out);
    *out = NULL;
    return st;
}

static bs_status fail_read_only(const char *path)
{
    bs_fail(BS_ERR, "cannot write result file '%s': it is read-only", path);
    return bs_hint("make the file and its folder writable, or name another result file");
}

bs_status bs_db_open_for_settings(bs_db **out, const char *path)
{
    bs_status st;
    BS_TRY(open_existing(out, path, SQLITE_OPEN_READWRITE));
    if (sqlite3_db_readonly((*out)->handle, "main"))
        BS_TRY_GOTO(fail_read_only(path), out);
    BS_TRY_GOTO(check_version(*out), out);
    return BS_OK;
out:
    bs_db_close(*out);
    *out = NULL;
    return st;
}

bs_status bs_db_open_for_writing(bs_db **out, const char *path, bool *fresh)
{
    bs_db *db = NULL;
    bs_status st;
    *out = NULL;
    BS_TRY(check_path(path, false));
    if (access(path, F_OK) == 0 && access(path, W_OK) != 0) {
        bs_fail(BS_ERR, "cannot write result file '%s': it is read-only", path);
        return bs_hint("make the file writable, or name another result file");
    }
    BS_TRY(open_handle(&db, path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE));
    /* Before anything is written, so that another program's database stays untouched. */
    BS_TRY_GOTO(check_marks(db, fresh), out);
    if (!*fresh)
        BS_TRY_GOTO(check_version(db), out);
    if (sqlite3_db_readonly(db->handle, "main")) {
        st = fail_read_only(path);
        goto out;
    }
    if (*fresh)
        BS_TRY_GOTO(bs_db_exec(db, "create", "PRAGMA page_size = 8192"), out);
    /* WAL with synchronous = NORMAL: a commit survives the end of the process at once, and a crash of the
     * machine after the next checkpoint; no transaction is torn. With rare checkpoints (160 MB), a page that
     * many transactions change is written once: 20 % faster on a file of a gigabyte. */
    BS_TRY_GOTO(
        bs_db_exec(
            db, "open",
            "PRAGMA secure_delete = OFF; PRAGMA cache_size = -131072; PRAGMA temp_store = MEMORY;"
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 20000"),
        out);
    *out = db;
    db = NULL;
out:
    bs_db_close(db);
    return st;
}
