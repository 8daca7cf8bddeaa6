/* Result files of several campaigns, such as those of every night, in order of time: what figure trend draws.
 */
#ifndef BS_REPORT_NIGHTS_H
#define BS_REPORT_NIGHTS_H

#include "base/buf.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* A rate of the whole network and its two-sided bounds: NaN where there are none (a census), or no rate. */
typedef struct bs_bounded {
    double rate, low, high;
} bs_bounded;

/* A fault entry of one night. */
typedef struct bs_night_entry {
    long long id;
    char *name;
    char *definition; /* as the file stores it; points of one line have the same */
    bs_bounded sdc1, due;
} bs_night_entry;

/* What, if it changed since the night before, makes their rates incomparable, one bit each. */
typedef enum bs_night_change {
    BS_CHANGED_MODEL = 1,
    BS_CHANGED_JOB = 2,
    BS_CHANGED_DEVICE = 4
} bs_night_change;

typedef struct bs_night {
    char *time;                /* UTC: the end of the last run */
    char *label;               /* date and file name, shortened */
    char *model;               /* SHA-256 */
    char *job;                 /* seed, preprocessing, labels, images */
    char *device;              /* device, library and version */
    char *fingerprint;         /* of the arithmetic; depends on model and images, too */
    double golden, confidence; /* fault-free accuracy (NaN: no labels); confidence of the bounds in percent */
    bs_night_entry *entry;     /* by id */
    size_t n_entries;
    unsigned changed; /* bits of bs_night_change */
} bs_night;

typedef struct bs_nights {
    bs_night *night;
    size_t n;
} bs_nights;

/* Reads n result files, one after the other, and puts them in order of time; files of one time stay in the
 * given order. `entry`: only this one, by id, name or #ID in the last file given; NULL: all. Fails where no
 * entry is defined alike in two of the files. Zero-initialise *out; free with bs_nights_clear(). */
bs_status bs_nights_load(bs_nights *out, char *const *paths, size_t n, const char *entry);
void bs_nights_clear(bs_nights *nights);
/* Sorts by time, and finds out what changed. */
void bs_nights_order(bs_nights *nights);
/* Returns the entry of a night, NULL if it has none of this id. */
const bs_night_entry *bs_night_find(const bs_night *night, long long id);
/* Returns whether a line may join the entry's points of night k and of the night before it. */
bool bs_nights_joined(const bs_nights *nights, size_t k, long long id);
/* Appends "2026-11-27 net", or the name alone if it has the date. */
void bs_night_put_label(bs_str *out, const char *time, const char *path);

#endif
