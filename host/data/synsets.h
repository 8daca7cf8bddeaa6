/* A list of classes: one name on each line; only its first word counts ("n01440764 tench, Tinca tinca").
 *
 *     bs_synsets s = {0};
 *     BS_TRY_GOTO(bs_synsets_read(&s, path), out);
 *     int class = bs_synsets_find(&s, "n01440764");
 *     out: bs_synsets_clear(&s); */
#ifndef BS_DATA_SYNSETS_H
#define BS_DATA_SYNSETS_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

typedef struct bs_synset {
    char *name; /* owned */
    int line;   /* counted from 0 */
} bs_synset;

typedef struct bs_synsets {
    bs_synset *by_name; /* sorted */
    char **by_line;     /* the same names, borrowed */
    size_t n, cap;
} bs_synsets;

/* Reads a list. Empty lines, and a name on two lines, are errors. */
bs_status bs_synsets_read(bs_synsets *out, const char *path);
void bs_synsets_clear(bs_synsets *s);                       /* NULL-safe, leaves it zeroed */
int bs_synsets_find(const bs_synsets *s, const char *name); /* returns its line, -1: not in the list */

#endif
