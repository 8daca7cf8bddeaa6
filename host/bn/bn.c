#include "base/buf.h"
#include "base/log.h"
#include "base/text.h"
#include "bn/bn_internal.h"
#include "store/schema.h"

#include <string.h>

/* Tells whether the counts by bit position are of an earlier state of the file. */
static bs_status bits_are_old(bool *old, const bs_db *db)
{
    sqlite3_int64 counted, trials;
    BS_TRY(bs_db_integer(&counted, db, "SELECT trials FROM bit_counted"));
    BS_TRY(bs_db_integer(&trials, db, "SELECT sum(n) FROM layer_summary"));
    *old = counted != trials;
    return BS_OK;
}

static bs_status prepare(const bs_db *db, bool bits)
{
    bool shadowed, old;
    sqlite3_int64 version;
    BS_TRY(bs_db_exec(db, "read", "PRAGMA cache_size = -262144; BEGIN"));
    BS_TRY(bs_schema_shadow(db, false, &shadowed));
    BS_TRY(bs_prior_warn(db));
    if (!bits)
        return BS_OK;
    BS_TRY(bits_are_old(&old, db));
    if (!old)
        return BS_OK;
    BS_TRY(bs_db_integer(&version, db, "PRAGMA user_version"));
    if (version == BS_DB_VERSION)
        bs_info("counting trials by bit position; `bitsink bn %s update` stores these counts",
                bs_shell_word(db->path));
    else
        bs_info("counting trials by bit position");
    if (!shadowed)
        BS_TRY(bs_schema_shadow(db, true, &shadowed));
    return bs_db_exec(db, "read", bs_sql_bits);
}

bs_status bs_bn_open(bs_db **out, const char *path, bool bits)
{
    BS_TRY(bs_db_open(out, path));
    bs_status st = prepare(*out, bits);
    if (st != BS_OK) {
        bs_db_close(*out);
        *out = NULL;
    }
    return st;
}

static bs_status say_scope(void *context, sqlite3_stmt *q)
{
    (void)context;
    bs_info("scope %lld: %s", (long long)sqlite3_column_int64(q, 0), (const char *)sqlite3_column_text(q, 1));
    return BS_OK;
}

bs_status bs_bn_tell_scope(const bs_db *db, int64_t scope)
{
    return bs_db_each(
        db,
        "SELECT scope, iif(conditional, 'inferences as entry ' || scope || ' has them', 'an inference "
        "meets a fault with probability ' || format('%.4g', p) || ', as the settings say') FROM "
        "bn_scope WHERE scope = ?1 AND p IS NOT NULL",
        BS_BIND(BS_BIND_INT(scope)), say_scope, NULL);
}

bs_status bs_bn_update(const char *path)
{
    bs_db *db = NULL;
    bool old = false;
    bs_status st;
    BS_TRY_GOTO(bs_bn_begin(&db, path), out);
    BS_TRY_GOTO(bits_are_old(&old, db), out);
    if (old)
        BS_TRY_GOTO(bs_db_exec(db, "write", bs_sql_bits), out);
    st = bs_db_commit(db);
out:
    bs_db_close(db);
    return st;
}
