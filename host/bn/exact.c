#include "bn/exact.h"

#include "fault/sample.h"

#include <stddef.h>

/* As in layer_outcome; low and high are two-sided, lower and upper one-sided bounds, NULL in a census. */
static const char sql_create[] = "CREATE TEMP TABLE layer_outcome_exact (entry INTEGER, layer INTEGER, "
                                 "layer_name TEXT, outcome TEXT, rate REAL, observations REAL, low REAL, "
                                 "high REAL, lower REAL, upper REAL, confidence REAL)";
static const char sql_rows[] = "SELECT entry, layer, layer_name, outcome, rate, observations, confidence "
                               "FROM layer_outcome WHERE outcome <> 'accuracy_drop'";
static const char sql_insert[] =
    "INSERT INTO temp.layer_outcome_exact VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?8, ?9, ?10, ?11, ?7)";

typedef struct exact {
    const bs_db *db;
    sqlite3_stmt *insert;
} exact;

static bs_status add(void *context, sqlite3_stmt *q)
{
    const exact *e = context;
    sqlite3_stmt *insert = e->insert;
    for (int i = 0; i < 7; i++)
        sqlite3_bind_value(insert, i + 1, sqlite3_column_value(q, i));
    for (int i = 8; i <= 11; i++)
        sqlite3_bind_null(insert, i);
    if (sqlite3_column_type(q, 5) != SQLITE_NULL) {
        double n = sqlite3_column_double(q, 5), k = sqlite3_column_double(q, 4) * n, low, high;
        double confidence = sqlite3_column_double(q, 6);
        bs_clopper_pearson(&low, &high, k, n, confidence);
        sqlite3_bind_double(insert, 8, low);
        sqlite3_bind_double(insert, 9, high);
        sqlite3_bind_double(insert, 10, bs_clopper_pearson_lower(k, n, confidence));
        sqlite3_bind_double(insert, 11, bs_clopper_pearson_upper(k, n, confidence));
    }
    return bs_db_run(e->db, "read", insert);
}

bs_status bs_bn_make_exact(const bs_db *db)
{
    exact e = {.db = db};
    BS_TRY(bs_db_exec(db, "read", sql_create));
    BS_TRY(bs_db_prepare(&e.insert, db, sql_insert));
    bs_status st = bs_db_each(db, sql_rows, BS_NO_BIND, add, &e);
    sqlite3_finalize(e.insert);
    return st;
}
