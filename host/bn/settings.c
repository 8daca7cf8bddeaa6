#include "base/buf.h"
#include "bn/bn.h"
#include "store/schema.h"

#include <stdlib.h>
#include <string.h>

static bs_status begin(bs_db **out, const char *path)
{
    BS_TRY(bs_db_open_for_settings(out, path));
    bs_status st = bs_db_exec(*out, "write", "BEGIN IMMEDIATE");
    if (st == BS_OK)
        st = bs_schema_update(*out);
    if (st != BS_OK) {
        bs_db_close(*out); /* rolls back */
        *out = NULL;
    }
    return st;
}

static bs_status end(bs_db *db, bs_status st)
{
    if (st == BS_OK)
        st = bs_db_exec(db, "write", "COMMIT");
    bs_db_close(db);
    return st;
}

static bs_status unknown_setting(const bs_db *db, const char *name)
{
    sqlite3_stmt *q = NULL;
    bs_str names = {0};
    bool row = true;
    bs_status st;
    BS_TRY(bs_db_prepare(
        &q, db, "SELECT group_concat(name, ', ') FROM (SELECT name FROM bn_parameter ORDER BY rowid)"));
    BS_TRY_GOTO(bs_db_step(db, q, &row), out);
    const char *text = row ? (const char *)sqlite3_column_text(q, 0) : NULL;
    bs_str_puts(&names, text ? text : "");
    bs_fail(BS_USAGE, "unknown setting '%s'", name);
    st = bs_hint("settings are %s, raw_fit, scope", names.ptr ? names.ptr : "");
out:
    sqlite3_finalize(q);
    bs_str_clear(&names);
    return st;
}

static bs_status refused(const char *name, const char *value)
{
    bs_fail(BS_USAGE, "setting %s cannot be '%s'", name, value);
    if (strcmp(name, "p") == 0)
        return bs_hint("it is a probability, 0 to 1");
    if (strcmp(name, "layer_prior") == 0)
        return bs_hint("it is uniform, bits, exposure or direct");
    if (strcmp(name, "alpha") == 0)
        return bs_hint("it is above 0 and below 1");
    if (strcmp(name, "confidence") == 0)
        return bs_hint("it is 0.5 to 0.9999, such as 0.95");
    return bs_hint("it is a number that is not negative");
}

static bs_status set_number(const bs_db *db, const char *name, const char *value)
{
    sqlite3_stmt *q = NULL;
    char *rest;
    double v = strtod(value, &rest);
    bool number = rest != value && !*rest;
    if (strcmp(name, "raw_fit") == 0 && !number)
        return refused(name, value);
    /* Files of earlier versions keep their table, which does not check this. */
    if (strcmp(name, "confidence") == 0 && !(number && v >= 0.5 && v <= 0.9999))
        return refused(name, value);
    /* raw_fit: FIT per 10^6 bits. */
    BS_TRY(bs_db_prepare(&q, db,
                         "UPDATE bn_parameter SET value = iif(?1 = 'raw_fit', ?2 * 1e-15, ?2) WHERE name = "
                         "iif(?1 = 'raw_fit', 'raw_rate', ?1)"));
    sqlite3_bind_text(q, 1, name, -1, SQLITE_STATIC);
    number ? sqlite3_bind_double(q, 2, v) : sqlite3_bind_text(q, 2, value, -1, SQLITE_STATIC);
    int rc = sqlite3_step(q);
    int changed = sqlite3_changes(db->handle);
    sqlite3_finalize(q);
    if (rc == SQLITE_CONSTRAINT)
        return refused(name, value);
    if (rc != SQLITE_DONE)
        return bs_db_fail(db, "write");
    return changed ? BS_OK : unknown_setting(db, name);
}

/* "1,2": entries by id or name. */
static bs_status set_scope(const bs_db *db, char *list)
{
    char sql[224];
    BS_TRY(bs_db_exec(db, "write",
                      "DELETE FROM bn_prior_layer; UPDATE bn_parameter SET value = 'uniform' WHERE name = "
                      "'layer_prior' AND value IN ('exposure', 'direct')"));
    for (char *at = list, *comma; at && *at; at = comma ? comma + 1 : NULL) {
        int64_t entry = 0;
        comma = strchr(at, ',');
        if (comma)
            *comma = '\0';
        BS_TRY(bs_bn_find(&entry, db, BS_BN_ENTRY, at));
        snprintf(sql, sizeof sql,
                 "INSERT OR IGNORE INTO bn_prior_layer (entry, layer) SELECT entry, layer FROM stratum WHERE "
                 "entry = %lld; UPDATE bn_parameter SET value = 'exposure' WHERE name = 'layer_prior'",
                 (long long)entry);
        BS_TRY(bs_db_exec(db, "write", sql));
    }
    return BS_OK;
}

bs_status bs_bn_check_overlap(const bs_db *db)
{
    sqlite3_stmt *q = NULL;
    bool row = false;
    BS_TRY(
        bs_db_prepare(&q, db,
                      "SELECT o.entry_a, o.entry_b, l.name FROM bn_overlap o JOIN layer l ON l.id = o.layer "
                      "ORDER BY o.entry_a, o.entry_b, o.layer LIMIT 1"));
    bs_status st = bs_db_step(db, q, &row);
    if (st == BS_OK && row) {
        st = bs_fail(
            BS_USAGE, "entries %d and %d may both hit the same bits of '%s': together they count it twice",
            sqlite3_column_int(q, 0), sqlite3_column_int(q, 1), (const char *)sqlite3_column_text(q, 2));
        bs_hint("pool entries whose bits or targets differ, such as exponent and mantissa");
    }
    sqlite3_finalize(q);
    return st;
}

static bs_status set_one(const bs_db *db, char *text)
{
    char *is = strchr(text, '=');
    if (!is) {
        bs_fail(BS_USAGE, "'%s' has no '='", text);
        return bs_hint("such as p=1e-7; `bitsink bn FILE bn_parameter` shows the settings");
    }
    *is = '\0';
    return strcmp(text, "scope") == 0 ? set_scope(db, is + 1) : set_number(db, text, is + 1);
}

bs_status bs_bn_set(const char *db_path, char *const *assignments, int n)
{
    bs_db *db = NULL;
    bs_status st = BS_OK;
    BS_TRY(begin(&db, db_path));
    for (int i = 0; i < n && st == BS_OK; i++) {
        char *text = strdup(assignments[i]);
        st = text ? set_one(db, text) : bs_oom("settings");
        free(text);
    }
    if (st == BS_OK)
        st = bs_bn_check_overlap(db);
    return end(db, st);
}
