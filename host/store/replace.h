/* Replaces a result file by a new one in one step, and keeps the old one. Internal to host/store. */
#ifndef BS_STORE_REPLACE_H
#define BS_STORE_REPLACE_H

#include "store/db.h"

/* Opens `db->path` (the caller closes db->handle) and brings the file to rest: moves what a WAL holds into
 * it, because renaming or linking a file leaves its WAL behind, and keeps other programs from writing it
 * until it is closed. */
bs_status bs_db_rest(bs_db *db);

/* A folder PATH.upgrade beside `path`, and the new file in it. Leftovers of an interrupted call are removed.
 * Fails if something else has the name. Zero-initialise; bs_draft_clear() removes the folder with all that is
 * left in it. */
typedef struct bs_draft {
    char *folder, *file;
} bs_draft;
bs_status bs_draft_make(bs_draft *out, const char *path);
void bs_draft_clear(bs_draft *d);

/* Fails unless `backup` can become the second name of `path`: the name is free, or it is that file already,
 * or a complete copy of it that an interrupted call left. */
bs_status bs_check_backup(const char *path, const char *backup);
/* Keeps the file also as `backup`, by a second name or, if the file system has none, by a copy; then gives
 * the finished file in the draft folder its owner and mode, and the name `path`. Both are on the disk when
 * this returns. */
bs_status bs_replace(const bs_draft *d, const char *path, const char *backup);
/* Gives the finished file in the draft folder the name `path`, which must be free. */
bs_status bs_place(const bs_draft *d, const char *path);

#endif
