#include "store/contrast.h"

#include "base/buf.h"
#include "store/combine.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char sql_entry[] =
    "SELECT a.id FROM main.entry a JOIN other.entry b USING (id) WHERE a.kind <> "
    "b.kind OR a.bits <> b.bits OR "
    "a.burst <> b.burst OR a.count <> b.count OR a.ber <> b.ber OR a.value IS "
    "NOT b.value OR a.low IS NOT b.low OR "
    "a.high IS NOT b.high OR (a.sites IS NULL) <> (b.sites IS NULL) ORDER BY a.id LIMIT 1";
static const char sql_rows[] =
    "SELECT a.entry, a.layer_name, a.sdc1_rate, a.effective_trials, b.sdc1_rate, b.effective_trials "
    "FROM main.layer_accuracy a JOIN other.layer_accuracy b ON b.entry = a.entry AND b.layer_name = "
    "a.layer_name "
    "ORDER BY a.entry, a.layer";

double bs_two_proportions(double r1, double n1, double r2, double n2)
{
    double p = (r1 * n1 + r2 * n2) / (n1 + n2), w = 1 / n1 + 1 / n2;
    double distance = fabs(r1 - r2) - 0.5 * w, variance = p * (1 - p) * w;
    if (distance <= 0 || variance <= 0)
        return 1.0;
    return erfc(distance / sqrt(2 * variance));
}

static bs_status check_entries(const bs_db *db, const char *other)
{
    sqlite3_stmt *q = NULL;
    bool row = false;
    BS_TRY(bs_db_prepare(&q, db, sql_entry));
    bs_status st = bs_db_step(db, q, &row);
    if (st == BS_OK && row) {
        st = bs_fail(BS_ERR, "fault entry %d of '%s' and of '%s' are different faults",
                     sqlite3_column_int(q, 0), db->path, other);
        bs_hint("compare campaigns whose entries of the same id have the same fault model");
    }
    sqlite3_finalize(q);
    return st;
}

static bs_status read_rows(bs_contrasts *out, const bs_db *db)
{
    sqlite3_stmt *q = NULL;
    bool row;
    bs_status st;
    BS_TRY(bs_db_prepare(&q, db, sql_rows));
    for (;;) {
        BS_TRY_GOTO(bs_db_step(db, q, &row), out);
        if (!row)
            break;
        BS_TRY_GOTO(bs_grow(&out->row, &out->cap, out->n + 1, sizeof *out->row, "comparison"), out);
        bs_contrast *c = &out->row[out->n];
        *c = (bs_contrast){.entry = sqlite3_column_int(q, 0)};
        BS_TRY_GOTO(bs_db_text(&c->name, q, 1), out);
        out->n++;
        for (int k = 0; k < 2; k++) {
            c->rate[k] = sqlite3_column_double(q, 2 + 2 * k);
            c->n[k] = sqlite3_column_double(q, 3 + 2 * k);
        }
        c->p = bs_two_proportions(c->rate[0], c->n[0], c->rate[1], c->n[1]);
    }
out:
    sqlite3_finalize(q);
    return st;
}

static int by_p(const void *a, const void *b)
{
    double x = (*(bs_contrast *const *)a)->p, y = (*(bs_contrast *const *)b)->p;
    return (x > y) - (x < y);
}

/* q of the i-th smallest p: the least of p_k n / k over k >= i. */
static bs_status adjust(bs_contrasts *c, double fdr)
{
    bs_contrast **order;
    double least = 1.0;
    BS_TRY(bs_calloc(&order, c->n, sizeof *order, "comparison"));
    for (size_t i = 0; i < c->n; i++)
        order[i] = &c->row[i];
    qsort(order, c->n, sizeof *order, by_p);
    for (size_t i = c->n; i-- > 0;) {
        least = fmin(least, order[i]->p * (double)c->n / (double)(i + 1));
        order[i]->q = least;
        order[i]->differs = least <= fdr;
        c->n_differ += order[i]->differs;
    }
    free(order);
    return BS_OK;
}

bs_status bs_store_contrast(bs_contrasts *out, const char *a, const char *b, double fdr)
{
    bs_db *db = NULL;
    bs_status st;
    BS_TRY(bs_db_open(&db, b)); /* is it a result file at all? */
    bs_db_close(db);
    BS_TRY(bs_db_open(&db, a));
    BS_TRY_GOTO(bs_combine_attach(db, b), out);
    BS_TRY_GOTO(check_entries(db, b), out);
    BS_TRY_GOTO(read_rows(out, db), out);
    for (int k = 0; k < 2; k++) {
        sqlite3_int64 have = 0;
        BS_TRY_GOTO(bs_db_integer(&have, db,
                                  k == 0 ? "SELECT count(*) FROM main.layer_accuracy"
                                         : "SELECT count(*) FROM other.layer_accuracy"),
                    out);
        out->only[k] = (size_t)have - out->n;
    }
    st = adjust(out, fdr);
out:
    bs_db_close(db);
    return st;
}

void bs_contrasts_clear(bs_contrasts *c)
{
    for (size_t i = 0; i < c->n; i++)
        free(c->row[i].name);
    free(c->row);
    memset(c, 0, sizeof *c);
}
