/* A filled result file and its settings, as `bitsink bn` sets and loads them, for tests. */
#ifndef BS_TESTS_BN_SETTINGS_H
#define BS_TESTS_BN_SETTINGS_H

#include "support/store_fixture.h"

#include "bn/bn.h"

static inline void open_fixture(fixture *f)
{
    fixture_open(f);
    fx_run(f, f->db, 0, FX_ROWS, 200);
}

/* Up to three settings NAME=VALUE; the first NULL ends them. */
static inline bs_status set(const fixture *f, const char *a, const char *b, const char *c)
{
    char text[3][64];
    char *list[3] = {text[0], text[1], text[2]};
    int n = 0;
    for (const char *const *at = (const char *const[]){a, b, c}; n < 3 && at[n]; n++)
        snprintf(text[n], sizeof text[n], "%s", at[n]);
    return bs_bn_set(f->db, list, n);
}

static inline bs_status load(const fixture *f, const char *what, const char *csv)
{
    char path[96];
    snprintf(path, sizeof path, "%s/table.csv", f->dir);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    fputs(csv, out);
    fclose(out);
    return bs_bn_load(f->db, what, path);
}

#endif
