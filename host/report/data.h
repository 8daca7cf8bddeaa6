/* The rows of a query in memory, from which a figure or a table of the report is made. Zero-initialise; free
 * with bs_data_clear(). */
#ifndef BS_REPORT_DATA_H
#define BS_REPORT_DATA_H

#include "store/db.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct bs_data {
    int n_columns;
    size_t n;      /* rows */
    char **column; /* names */
    char **text;   /* by row * n_columns + column; NULL for NULL; numbers as SQLite prints them */
    double *value; /* likewise; NaN for NULL and texts */
} bs_data;

/* Runs `sql` with integers bound to ?1, ?2, ... and keeps its rows. Clears *out first. */
bs_status bs_data_load(bs_data *out, const bs_db *db, const char *sql, int n_bound, const long long *bound);
void bs_data_clear(bs_data *d);
/* Returns a number, NaN for NULL. */
double bs_data_value(const bs_data *d, size_t row, int column);
/* Returns a text, "" for NULL. */
const char *bs_data_text(const bs_data *d, size_t row, int column);
bool bs_data_is_null(const bs_data *d, size_t row, int column);

#endif
