/* The file of a cache: an SQLite database with one table of facts. For the files of this folder only.
 *
 * Many processes use it at once, also on network file systems: so it has a rollback journal (a write-ahead
 * log needs shared memory, which machines do not share), transactions are short, and nobody waits for a lock
 * for longer than a few seconds. Writes are not forced onto the disk: a killed process harms nothing, and
 * what a power cut damages is found by SQLite's checks or the facts' own and dropped. */
#ifndef BS_CACHE_FACT_FILE_H
#define BS_CACHE_FACT_FILE_H

#include "cache/fact_name.h"

#include <sqlite3.h>

enum {
    BS_FACT_SMALL_WAIT = 250,     /* milliseconds to wait for a lock in the middle of work */
    BS_FACT_LONG_WAIT = 3000,     /* the same where it happens once */
    BS_FACT_FILE_VERSION = 1,     /* of the table */
    BS_FACT_FILE_ID = 0x42534643, /* application_id */
};

typedef struct bs_fact_file {
    sqlite3 *db; /* NULL: not open */
    sqlite3_stmt *get;
    const char *path; /* not owned */
} bs_fact_file;

/* A fact to be written. value == NULL: only the time of its last use. Kind, subject and value are owned. */
typedef struct bs_fact_row {
    unsigned char name[BS_FACT_HASH], seal[BS_FACT_HASH];
    char *kind, *subject;
    void *value;
    size_t len;
} bs_fact_row;

/* What was done to a file so that it can be used. */
typedef enum bs_fact_repair {
    BS_FACT_AS_IT_WAS,
    BS_FACT_DROPPED, /* it was damaged, and is empty now */
    BS_FACT_EMPTIED, /* the same, but it was of a newer version */
    BS_FACT_MOVED,   /* it was a database of another program, which is now called PATH.other */
} bs_fact_repair;

/* All return SQLite's result code. */

/* Opens the file, makes it if it is absent, and makes it usable again if it is not. */
int bs_fact_file_open(bs_fact_file *f, const char *path, bs_fact_repair *repair);
/* After SQLITE_CORRUPT or the like: opens it again, and makes it anew unless another process has done so. */
int bs_fact_file_repair(bs_fact_file *f, bs_fact_repair *repair);
void bs_fact_file_close(bs_fact_file *f);
/* Finds a fact: SQLITE_ROW with its seal, its value (malloc'd; NULL: no memory) and the time of its last use,
 * or SQLITE_DONE. */
int bs_fact_file_get(bs_fact_file *f, const unsigned char *name, unsigned char *seal, void **value,
                     size_t *len, int64_t *used);
/* Writes rows in one transaction, and removes those that were not used for longest until what is left takes
 * at most `limit` bytes. */
int bs_fact_file_put(bs_fact_file *f, const bs_fact_row *row, size_t n, int64_t limit, int wait_ms);
/* Returns true if this is a result code of a damaged file. */
bool bs_fact_file_damaged(int rc);

#endif
