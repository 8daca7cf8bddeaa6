/* Prints the rows of a query as text. */
#ifndef BS_BN_PRINT_ROWS_H
#define BS_BN_PRINT_ROWS_H

#include "base/buf.h"
#include "store/db.h"

#include <stdio.h>

typedef enum bs_rows_format { BS_ROWS_TABLE, BS_ROWS_CSV, BS_ROWS_JSON } bs_rows_format;

/* Parses "table", "csv" or "json"; BS_USAGE for anything else. */
bs_status bs_rows_parse_format(bs_rows_format *out, const char *name);
/* Prints all rows of a bound query: aligned columns, CSV with a header, or one JSON object on each line (NULL
 * as null, infinities and NaN as strings). *any: there was a row. */
bs_status bs_rows_print(FILE *out, const bs_db *db, sqlite3_stmt *q, bs_rows_format format, bool *any);
/* Appends a number with all of its digits, for programs. */
void bs_str_exact(bs_str *s, double v);

#endif
