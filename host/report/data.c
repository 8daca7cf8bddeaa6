#include "report/data.h"

#include "base/buf.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bs_status add_row(bs_data *d, sqlite3_stmt *q, size_t *cap_text, size_t *cap_value)
{
    size_t at = d->n * (size_t)d->n_columns, end = at + (size_t)d->n_columns;
    BS_TRY(bs_grow(&d->text, cap_text, end, sizeof *d->text, "figure"));
    BS_TRY(bs_grow(&d->value, cap_value, end, sizeof *d->value, "figure"));
    memset(d->text + at, 0, (size_t)d->n_columns * sizeof *d->text);
    d->n++;
    for (int i = 0; i < d->n_columns; i++) {
        int type = sqlite3_column_type(q, i);
        bool number = type == SQLITE_INTEGER || type == SQLITE_FLOAT;
        d->value[at + (size_t)i] = number ? sqlite3_column_double(q, i) : NAN;
        BS_TRY(bs_db_text(&d->text[at + (size_t)i], q, i));
    }
    return BS_OK;
}

bs_status bs_data_load(bs_data *out, const bs_db *db, const char *sql, int n_bound, const long long *bound)
{
    sqlite3_stmt *q = NULL;
    size_t cap_text = 0, cap_value = 0;
    bool row;
    bs_status st;
    bs_data_clear(out);
    BS_TRY(bs_db_prepare(&q, db, sql));
    for (int i = 0; i < n_bound; i++)
        sqlite3_bind_int64(q, i + 1, bound[i]);
    int n = sqlite3_column_count(q);
    BS_TRY_GOTO(bs_calloc(&out->column, (size_t)n, sizeof *out->column, "figure"), out);
    out->n_columns = n;
    for (int i = 0; i < n; i++) {
        out->column[i] = strdup(sqlite3_column_name(q, i));
        if (!out->column[i])
            BS_TRY_GOTO(bs_oom("figure"), out);
    }
    for (;;) {
        BS_TRY_GOTO(bs_db_step(db, q, &row), out);
        if (!row)
            break;
        BS_TRY_GOTO(add_row(out, q, &cap_text, &cap_value), out);
    }
out:
    sqlite3_finalize(q);
    if (st != BS_OK)
        bs_data_clear(out);
    return st;
}

void bs_data_clear(bs_data *d)
{
    for (size_t i = 0; d->text && i < d->n * (size_t)d->n_columns; i++)
        free(d->text[i]);
    for (int i = 0; i < d->n_columns; i++)
        free(d->column[i]);
    free(d->text);
    free(d->value);
    free(d->column);
    memset(d, 0, sizeof *d);
}

double bs_data_value(const bs_data *d, size_t row, int column)
{
    return d->value[row * (size_t)d->n_columns + (size_t)column];
}

bool bs_data_is_null(const bs_data *d, size_t row, int column)
{
    return !d->text[row * (size_t)d->n_columns + (size_t)column];
}

const char *bs_data_text(const bs_data *d, size_t row, int column)
{
    const char *text = d->text[row * (size_t)d->n_columns + (size_t)column];
    return text ? text : "";
}
