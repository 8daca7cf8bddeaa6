/* The Bayesian network computed from the raw rows by its definitions, for tests of the views. */
#ifndef BN_MODEL_H
#define BN_MODEL_H

#include "support/store_fixture.h"

#include <math.h>

enum { C = FX_CLASSES + 1, DUE = FX_CLASSES }; /* class index in arrays; DUE last */

typedef struct model {
    /* settings */
    double p, a;
    bool golden_is_correct;
    double w[FX_IMAGES];     /* weights of images */
    double prior[FX_STRATA]; /* weights of strata, before dropping those without trials */
    size_t rows;             /* of the fixture that are in the file */
    /* from the rows */
    int g[FX_IMAGES], y[FX_IMAGES]; /* golden answer, correct answer (-1: none) */
    bool have_golden[FX_IMAGES];
    double n[FX_STRATA][FX_IMAGES][C], n_all[FX_STRATA][FX_IMAGES];
    /* results */
    double pc[FX_STRATA][C], pcc[FX_STRATA][C]; /* P(c | t), P(c and correct | t) */
} model;

static inline int answer_class(const bs_answer *a)
{
    return a->top[0] < 0 || (a->flags & 3) ? DUE : a->top[0];
}

static inline double smoothed(const model *m, int t, int i, int c)
{
    double all = 0, wrong = 0, wrong_c = 0;
    for (int k = 0; k < FX_IMAGES; k++)
        for (int d = 0; d < C; d++) {
            all += m->n[t][k][d];
            wrong += d != m->g[k] ? m->n[t][k][d] : 0;
            wrong_c += d == c && d != m->g[k] ? m->n[t][k][d] : 0;
        }
    double s = wrong / all, q = wrong > 0 ? wrong_c / wrong : 0;
    double b = (1 - s) * (c == m->g[i]) + s * q;
    return (m->n[t][i][c] + m->a * b) / (m->n_all[t][i] + m->a);
}

static inline void solve(model *m, const fixture *f)
{
    for (int i = 0; i < FX_IMAGES; i++) {
        m->g[i] = answer_class(&f->golden[i].answer);
        m->y[i] = m->golden_is_correct ? (m->g[i] == DUE ? -1 : m->g[i]) : f->label[i] + f->job.label_offset;
    }
    for (size_t r = 0; r < m->rows; r++) {
        int t = fx_stratum_of(f, &f->row[r]);
        uint32_t i = bs_trial_coords_from_id(f->row[r].id).image;
        m->have_golden[i] = true;
        m->n[t][i][f->row[r].died_at >= 0 ? m->g[i] : answer_class(&f->row[r].answer)]++;
        m->n_all[t][i]++;
    }
    double w = 0;
    for (int i = 0; i < FX_IMAGES; i++)
        w += m->have_golden[i] ? m->w[i] : 0;
    for (int i = 0; i < FX_IMAGES; i++)
        m->w[i] = m->have_golden[i] ? m->w[i] / w : 0;
    for (int t = 0; t < FX_STRATA; t++) {
        double tried = 0;
        for (int i = 0; i < FX_IMAGES; i++)
            tried += m->n_all[t][i] > 0 ? m->w[i] : 0;
        for (int c = 0; c < C && tried > 0; c++)
            for (int i = 0; i < FX_IMAGES; i++) {
                double v = m->n_all[t][i] > 0 ? m->w[i] / tried * smoothed(m, t, i, c) : 0;
                m->pc[t][c] += v;
                m->pcc[t][c] += c == m->y[i] ? v : 0;
            }
    }
}

static inline void close_to(const char *what, double have, double want)
{
    if (!(fabs(have - want) < 1e-11) && !(isnan(have) && isnan(want)))
        fail_msg("%s: %.15g, expected %.15g", what, have, want);
}

/* First column; NaN for NULL, `absent` where there is no row. */
static inline double get(sqlite3 *h, const char *sql, double absent)
{
    sqlite3_stmt *q;
    if (sqlite3_prepare_v2(h, sql, -1, &q, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(h));
    double v = absent;
    if (sqlite3_step(q) == SQLITE_ROW)
        v = sqlite3_column_type(q, 0) == SQLITE_NULL ? NAN : sqlite3_column_double(q, 0);
    sqlite3_finalize(q);
    return v;
}

static inline void put(sqlite3 *h, const char *sql)
{
    char *error = NULL;
    if (sqlite3_exec(h, sql, NULL, NULL, &error) != SQLITE_OK)
        fail_msg("%s: %s", sql, error);
}

static inline model defaults(size_t rows)
{
    model m = {.p = 1e-6, .rows = rows};
    for (int i = 0; i < FX_IMAGES; i++)
        m.w[i] = 1;
    for (int t = 0; t < FX_STRATA; t++)
        m.prior[t] = 1;
    return m;
}

static inline sqlite3 *open_campaign(fixture *f, size_t rows)
{
    sqlite3 *h;
    fixture_open(f);
    fx_run(f, f->db, 0, rows, 100);
    assert_int_equal(sqlite3_open(f->db, &h), SQLITE_OK);
    return h;
}

#endif
