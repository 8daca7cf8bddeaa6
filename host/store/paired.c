#include "store/paired.h"

#include "base/buf.h"
#include "trial.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    GOOD = BS_COMPARE_N_OUTCOMES,
    MAX_REPETITIONS = 1 << BS_REPETITION_BITS,
    NO_GOLDEN = -2,
    FAULTS_CHECKED = 256
};

/* The bad trials of one file, in the order of their ids. */
typedef struct cursor {
    const bs_db *db;
    sqlite3_stmt *q;
    int32_t *golden; /* golden class by image; NO_GOLDEN: none, or an image of weight 0 */
    size_t n_golden, cap;
    uint64_t id;
    int bad; /* bs_compare_outcome, GOOD: at the end */
} cursor;

struct bs_pairing {
    cursor side[2];
    sqlite3_stmt *units, *other_faults;
    int32_t *more[BS_COMPARE_N_OUTCOMES]; /* by repetition: bad trials of a fault in A minus those in B */
};

static bs_status add_golden(void *context, sqlite3_stmt *q)
{
    cursor *s = context;
    size_t image = (size_t)sqlite3_column_int64(q, 0);
    if (image >= (size_t)1 << BS_IMAGE_BITS)
        return BS_OK;
    BS_TRY(bs_grow(&s->golden, &s->cap, image + 1, sizeof *s->golden, "golden answers"));
    while (s->n_golden < image)
        s->golden[s->n_golden++] = NO_GOLDEN;
    s->golden[image] = sqlite3_column_int(q, 1);
    s->n_golden = image + 1;
    return BS_OK;
}

static bs_status read_golden(cursor *s, const bs_db *db)
{
    return bs_db_each(db, "SELECT image, golden_class FROM bn_image WHERE probability > 0 ORDER BY image",
                      BS_NO_BIND, add_golden, s);
}

static int golden_class(const cursor *s, size_t image)
{
    return image < s->n_golden ? s->golden[image] : NO_GOLDEN;
}

static bs_status cursor_open(cursor *s, const bs_db *db, const char *schema)
{
    char sql[224];
    s->db = db;
    /* As in view outcome, a masked trial is never bad. */
    snprintf(sql, sizeof sql,
             "SELECT id, CASE WHEN top1 IS NULL OR flags & 3 THEN -1 ELSE top1 END FROM %s.trial "
             "WHERE id BETWEEN ?1 AND ?2 AND died_at IS NULL ORDER BY id",
             schema);
    return bs_db_prepare(&s->q, db, sql);
}

/* Advances to the next bad trial. */
static bs_status cursor_next(cursor *s)
{
    bool row;
    for (;;) {
        BS_TRY(bs_db_step(s->db, s->q, &row));
        s->id = row ? (uint64_t)sqlite3_column_int64(s->q, 0) : UINT64_MAX;
        s->bad = GOOD;
        if (!row)
            return BS_OK;
        int class = sqlite3_column_int(s->q, 1);
        int golden = golden_class(s, bs_trial_coords_from_id(s->id).image);
        if (golden == NO_GOLDEN || (class >= 0 && class == golden))
            continue;
        s->bad = class >= 0 ? BS_COMPARE_SDC1 : BS_COMPARE_DUE;
        return BS_OK;
    }
}

bs_status bs_pairing_open(bs_pairing **out, const bs_db *a, const bs_db *b)
{
    static const char sql_units[] =
        "SELECT a.image, min(a.done, b.done) FROM main.unit a CROSS JOIN other.unit b ON b.entry = a.entry "
        "AND b.layer = a.layer AND b.image = a.image WHERE a.entry = ?1 AND a.layer = ?2 "
        "AND min(a.done, b.done) > 0 ORDER BY a.image";
    static const char sql_other_faults[] =
        "SELECT 1 FROM main.trial a CROSS JOIN other.trial b ON b.id = a.id WHERE a.id >= ?1 AND a.id < ?2 "
        "AND (a.element IS NOT b.element OR a.bit IS NOT b.bit OR a.keep IS NOT b.keep "
        "OR a.toggle IS NOT b.toggle OR a.n_sites <> b.n_sites) UNION ALL "
        "SELECT 1 FROM trial_site a LEFT JOIN other_trial_site b ON b.trial = a.trial AND b.layer = a.layer "
        "AND "
        "b.element = a.element WHERE a.trial >= ?1 AND a.trial < ?2 AND (b.trial IS NULL OR a.keep <> b.keep "
        "OR "
        "a.toggle <> b.toggle) LIMIT 1";
    bs_pairing *p = NULL;
    bs_status st;
    *out = NULL;
    BS_TRY(bs_calloc(&p, 1, sizeof *p, "comparison"));
    for (int k = 0; k < BS_COMPARE_N_OUTCOMES; k++)
        BS_TRY_GOTO(bs_calloc(&p->more[k], MAX_REPETITIONS, sizeof *p->more[k], "comparison"), out);
    BS_TRY_GOTO(read_golden(&p->side[0], a), out);
    BS_TRY_GOTO(read_golden(&p->side[1], b), out);
    BS_TRY_GOTO(cursor_open(&p->side[0], a, "main"), out);
    BS_TRY_GOTO(cursor_open(&p->side[1], a, "other"), out);
    BS_TRY_GOTO(bs_db_prepare(&p->other_faults, a, sql_other_faults), out);
    st = bs_db_prepare(&p->units, a, sql_units);
out:
    if (st == BS_OK)
        *out = p;
    else
        bs_pairing_close(p);
    return st;
}

/* Counts the bad trials first..end-1: all of the stratum's repetitions of one image. */
static bs_status count_unit(bs_paired *out, bs_pairing *p, uint64_t first, uint64_t end)
{
    cursor *a = &p->side[0], *b = &p->side[1];
    for (int k = 0; k < 2; k++)
        while (p->side[k].id < first)
            BS_TRY(cursor_next(&p->side[k]));
    for (;;) {
        uint64_t id = a->id < b->id ? a->id : b->id;
        if (id >= end)
            return BS_OK;
        int bad[2] = {a->id == id ? a->bad : GOOD, b->id == id ? b->bad : GOOD};
        for (int o = 0; o < BS_COMPARE_N_OUTCOMES; o++) {
            bool in[2] = {bad[0] == o, bad[1] == o};
            out->bad[o][0] += in[0];
            out->bad[o][1] += in[1];
            out->only[o][0] += in[0] && !in[1];
            out->only[o][1] += in[1] && !in[0];
            p->more[o][id - first] += in[0] - in[1];
        }
        for (int k = 0; k < 2; k++)
            if (p->side[k].id == id)
                BS_TRY(cursor_next(&p->side[k]));
    }
}

/* Sets *differ to whether trials first..end-1, which are in both files, have different faults. */
static bs_status check_faults(bool *differ, const bs_pairing *p, uint64_t first, uint64_t end)
{
    sqlite3_bind_int64(p->other_faults, 1, (sqlite3_int64)first);
    sqlite3_bind_int64(p->other_faults, 2, (sqlite3_int64)end);
    bs_status st = bs_db_step(p->side[0].db, p->other_faults, differ);
    sqlite3_reset(p->other_faults);
    return st;
}

/* Counts faults of a parameter instead of trials. */
static void count_faults(bs_paired *out, const bs_pairing *p, uint64_t faults)
{
    out->units = faults;
    memset(out->only, 0, sizeof out->only);
    for (int o = 0; o < BS_COMPARE_N_OUTCOMES; o++)
        for (uint64_t f = 0; f < faults; f++) {
            out->only[o][0] += p->more[o][f] > 0;
            out->only[o][1] += p->more[o][f] < 0;
        }
}

bs_status bs_pairing_count(bs_paired *out, bs_pairing *p, int entry, int layer, bool is_parameter)
{
    bs_trial_coords t = {.entry = (uint32_t)entry, .target = (uint32_t)layer};
    uint64_t start = bs_trial_id(t), most = 0;
    bool row;
    bs_status st = BS_OK;
    memset(out, 0, sizeof *out);
    for (int k = 0; k < 2; k++) {
        sqlite3_bind_int64(p->side[k].q, 1, (sqlite3_int64)start);
        sqlite3_bind_int64(
            p->side[k].q, 2,
            (sqlite3_int64)(start + ((uint64_t)1 << (BS_IMAGE_BITS + BS_REPETITION_BITS)) - 1));
        BS_TRY_GOTO(cursor_next(&p->side[k]), out);
    }
    sqlite3_bind_int(p->units, 1, entry);
    sqlite3_bind_int(p->units, 2, layer);
    for (;;) {
        BS_TRY_GOTO(bs_db_step(p->side[0].db, p->units, &row), out);
        if (!row)
            break;
        uint64_t done = (uint64_t)sqlite3_column_int64(p->units, 1);
        done = done < MAX_REPETITIONS ? done : MAX_REPETITIONS;
        t.image = (uint32_t)sqlite3_column_int64(p->units, 0);
        if (golden_class(&p->side[0], t.image) == NO_GOLDEN ||
            golden_class(&p->side[1], t.image) == NO_GOLDEN)
            continue;
        uint64_t first = bs_trial_id(t),
                 left = out->trials < FAULTS_CHECKED ? FAULTS_CHECKED - out->trials : 0;
        if (left > 0)
            BS_TRY_GOTO(check_faults(&out->other_faults, p, first, first + (done < left ? done : left)), out);
        if (out->other_faults)
            break;
        BS_TRY_GOTO(count_unit(out, p, first, first + done), out);
        out->trials += done;
        most = done > most ? done : most;
    }
    out->units = out->trials;
    if (is_parameter)
        count_faults(out, p, most);
out:
    for (int k = 0; k < 2; k++)
        sqlite3_reset(p->side[k].q);
    sqlite3_reset(p->units);
    for (int o = 0; o < BS_COMPARE_N_OUTCOMES; o++)
        memset(p->more[o], 0, most * sizeof *p->more[o]);
    return st;
}

void bs_pairing_close(bs_pairing *p)
{
    if (!p)
        return;
    for (int k = 0; k < 2; k++) {
        sqlite3_finalize(p->side[k].q);
        free(p->side[k].golden);
    }
    sqlite3_finalize(p->units);
    sqlite3_finalize(p->other_faults);
    for (int k = 0; k < BS_COMPARE_N_OUTCOMES; k++)
        free(p->more[k]);
    free(p);
}
