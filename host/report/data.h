/* The rows of a query in memory: what a figure or a table of the report is made of. Zero-initialise;
 * bs_data_clear() frees. */
#ifndef BS_REPORT_DATA_H
#define BS_REPORT_DATA_H

#include "store/db.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct bs_data {
    int n_columns;
    size_t n;      /* rows */
    char **column; /* names */
    char **text;   /* row * n_columns + column; NULL: NULL. Numbers as SQLite prints them */
    double *value; /* likewise; NaN: NULL or a text */
} bs_data;

/* Runs `sql` with integers bound to ?1, ?2, ... */
bs_status bs_data_load(bs_data *out, const bs_db *db, const char *sql, int n_bound, const long long *bound);
void bs_data_clear(bs_data *d);
/* NaN for NULL. */
double bs_data_value(const bs_data *d, size_t row, int column);
/* "" for NULL. */
const char *bs_data_text(const bs_data *d, size_t row, int column);
bool bs_data_is_null(const bs_data *d, size_t row, int column);

#endif
