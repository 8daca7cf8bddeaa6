#include "report/nights.h"

#include "bn/bn.h"
#include "report/data.h"
#include "report/figure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DATE = 10 /* characters */ };

/* Images are told apart by their number, by parts of their hashes, and by their classes. */
static const char sql_night[] =
    "WITH used AS MATERIALIZED (SELECT fingerprint, backend || ', ' || device || ', ' || isa || ', ' || "
    "library || ', ' || version AS device FROM run WHERE trials > 0 OR goldens > 0), seen AS MATERIALIZED "
    "(SELECT i.id, i.class, g.class AS answer, substr(g.sha256, 1, 6) || ':' || ifnull(i.class, '') AS mark "
    "FROM golden g JOIN image i ON i.id = g.image) SELECT coalesce((SELECT max(ended) FROM run), created), "
    "model_sha256, seed || ' ' || preprocess || ' ' || storage || ' ' || ifnull(scales, '') || ' ' || "
    "ifnull(shard || '/' || shards, '') || (SELECT "
    "ifnull(group_concat(mark, ' '), '') FROM (SELECT mark FROM seen ORDER BY id)), (SELECT "
    "ifnull(group_concat(device, '; '), '') FROM (SELECT DISTINCT device FROM used ORDER BY 1)), (SELECT "
    "ifnull(group_concat(fingerprint, ' '), '') FROM (SELECT DISTINCT fingerprint FROM used ORDER BY 1)), "
    "(SELECT avg(answer = class) FROM seen WHERE class IS NOT NULL), (SELECT 100 * confidence FROM "
    "bn_confidence) FROM campaign";

/* Entries that hit one layer at a time have the rates of network_sdc; the others are one experiment. */
static const char sql_entries[] =
    "WITH alone AS MATERIALIZED (SELECT * FROM network_sdc WHERE weights = 'bits'), rate AS (SELECT entry, "
    "sdc1_rate, sdc1_low, sdc1_high, due_rate, due_low, due_high FROM alone UNION ALL SELECT entry, "
    "sdc1_rate, sdc1_low, sdc1_high, due_rate, due_low, due_high FROM layer_accuracy WHERE layer = 4095 AND "
    "EXISTS (SELECT 1 FROM stratum WHERE layer = 4095) AND entry NOT IN (SELECT entry FROM alone)) SELECT "
    "e.id, ifnull(e.name, 'entry ' || e.id), e.definition, r.sdc1_rate, r.sdc1_low, r.sdc1_high, r.due_rate, "
    "r.due_low, r.due_high FROM rate r JOIN entry e ON e.id = r.entry WHERE r.sdc1_rate IS NOT NULL ORDER BY "
    "e.id";

static bs_status copy(char **out, const char *text)
{
    *out = strdup(text);
    return *out ? BS_OK : bs_oom("figure");
}

void bs_night_put_label(bs_str *out, const char *time, const char *path)
{
    char date[DATE + 1] = "";
    const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    size_t length = strlen(name);
    strncat(date, time, DATE);
    if (length > 3 && strcmp(name + length - 3, ".db") == 0)
        length -= 3;
    if (!strstr(name, date))
        bs_str_printf(out, "%s ", date);
    bs_str_printf(out, "%.*s", (int)length, name);
}

static bs_bounded bounded(const bs_data *d, size_t row, int column)
{
    return (bs_bounded){bs_data_value(d, row, column), bs_data_value(d, row, column + 1),
                        bs_data_value(d, row, column + 2)};
}

static bs_status read_entries(bs_night *night, const bs_db *db)
{
    bs_data d = {0};
    bs_status st;
    BS_TRY(bs_data_load(&d, db, sql_entries, 0, NULL));
    BS_TRY_GOTO(bs_calloc(&night->entry, d.n + 1, sizeof *night->entry, "figure"), out);
    for (size_t i = 0; i < d.n; i++) {
        bs_night_entry *e = &night->entry[night->n_entries++];
        e->id = (long long)bs_data_value(&d, i, 0);
        e->sdc1 = bounded(&d, i, 3);
        e->due = bounded(&d, i, 6);
        BS_TRY_GOTO(copy(&e->name, bs_data_text(&d, i, 1)), out);
        BS_TRY_GOTO(copy(&e->definition, bs_data_text(&d, i, 2)), out);
    }
out:
    bs_data_clear(&d);
    return st;
}

static bs_status read_night(bs_night *night, const bs_db *db, const char *path)
{
    bs_data d = {0};
    bs_str label = {0};
    bs_status st;
    BS_TRY(bs_data_load(&d, db, sql_night, 0, NULL));
    char **const texts[] = {&night->time, &night->model, &night->job, &night->device, &night->fingerprint};
    enum { TEXTS = sizeof texts / sizeof *texts };
    for (int i = 0; i < TEXTS; i++)
        BS_TRY_GOTO(copy(texts[i], bs_data_text(&d, 0, i)), out);
    night->golden = bs_data_value(&d, 0, TEXTS);
    night->confidence = bs_data_value(&d, 0, TEXTS + 1);
    bs_night_put_label(&label, night->time, path);
    BS_TRY_GOTO(bs_str_status(&label), out);
    BS_TRY_GOTO(copy(&night->label, label.ptr), out);
    st = read_entries(night, db);
out:
    bs_str_clear(&label);
    bs_data_clear(&d);
    return st;
}

static void clear_entry(bs_night_entry *e)
{
    free(e->name);
    free(e->definition);
}

void bs_nights_clear(bs_nights *nights)
{
    for (size_t i = 0; i < nights->n; i++) {
        bs_night *night = &nights->night[i];
        for (size_t k = 0; k < night->n_entries; k++)
            clear_entry(&night->entry[k]);
        free(night->entry);
        free(night->time);
        free(night->label);
        free(night->model);
        free(night->job);
        free(night->device);
        free(night->fingerprint);
    }
    free(nights->night);
    *nights = (bs_nights){0};
}

/* Returns what changed between two nights. Another model or other images have another fingerprint anyway. */
static unsigned changes(const bs_night *before, const bs_night *after)
{
    unsigned changed = 0;
    if (strcmp(before->model, after->model) != 0)
        changed |= BS_CHANGED_MODEL;
    if (strcmp(before->job, after->job) != 0)
        changed |= BS_CHANGED_JOB;
    if (strcmp(before->device, after->device) != 0 ||
        (!changed && strcmp(before->fingerprint, after->fingerprint) != 0))
        changed |= BS_CHANGED_DEVICE;
    return changed;
}

void bs_nights_order(bs_nights *nights)
{
    bs_night *v = nights->night;
    for (size_t i = 1; i < nights->n; i++) { /* by insertion, which keeps the order of equal times */
        bs_night moved = v[i];
        size_t at = i;
        for (; at > 0 && strcmp(v[at - 1].time, moved.time) > 0; at--)
            v[at] = v[at - 1];
        v[at] = moved;
    }
    for (size_t i = 0; i < nights->n; i++)
        v[i].changed = i > 0 ? changes(&v[i - 1], &v[i]) : 0;
}

const bs_night_entry *bs_night_find(const bs_night *night, long long id)
{
    for (size_t i = 0; i < night->n_entries; i++)
        if (night->entry[i].id == id)
            return &night->entry[i];
    return NULL;
}

static bool is_same(const bs_night_entry *a, const bs_night_entry *b)
{
    return a && b && strcmp(a->definition, b->definition) == 0;
}

bool bs_nights_joined(const bs_nights *nights, size_t k, long long id)
{
    return k > 0 && !nights->night[k].changed &&
           is_same(bs_night_find(&nights->night[k], id), bs_night_find(&nights->night[k - 1], id));
}

/* Returns whether two nights have an entry of one definition. */
static bool have_common_entry(const bs_nights *nights)
{
    for (size_t i = 0; i < nights->n; i++)
        for (size_t k = i + 1; k < nights->n; k++)
            for (size_t e = 0; e < nights->night[i].n_entries; e++) {
                const bs_night_entry *one = &nights->night[i].entry[e];
                if (is_same(one, bs_night_find(&nights->night[k], one->id)))
                    return true;
            }
    return false;
}

/* Leaves the entry `id` alone in all nights. */
static void keep(bs_nights *nights, long long id)
{
    for (size_t i = 0; i < nights->n; i++) {
        bs_night *night = &nights->night[i];
        size_t kept = 0;
        for (size_t k = 0; k < night->n_entries; k++)
            if (night->entry[k].id == id)
                night->entry[kept++] = night->entry[k];
            else
                clear_entry(&night->entry[k]);
        night->n_entries = kept;
    }
}

bs_status bs_nights_load(bs_nights *out, char *const *paths, size_t n, const char *entry)
{
    int64_t id = -1;
    bs_db *db = NULL;
    bs_status st;
    BS_TRY(bs_calloc(&out->night, n, sizeof *out->night, "figure"));
    for (size_t i = 0; i < n; i++) {
        BS_TRY(bs_bn_open(&db, paths[i], false));
        out->n++;
        BS_TRY_GOTO(read_night(&out->night[i], db, paths[i]), out);
        if (entry && i + 1 == n)
            BS_TRY_GOTO(bs_bn_find(&id, db, BS_BN_ENTRY, entry), out);
        bs_db_close(db);
        db = NULL;
    }
    if (entry)
        keep(out, id);
    bs_nights_order(out);
    st = BS_OK;
    if (!have_common_entry(out))
        st = bs_figure_empty(
            "no two of the files have an entry of the same id, definition, and with a rate of the "
            "whole network",
            "`bitsink bn DB entry` shows definitions, `bitsink bn DB network_sdc` rates");
out:
    bs_db_close(db);
    return st;
}
