/* Puts a new result file in the place of an old one, in one step, and keeps the old one. Internal to
 * host/store. */
#ifndef BS_STORE_REPLACE_H
#define BS_STORE_REPLACE_H

#include "store/db.h"

/* Opens `db->path` (the caller closes db->handle), puts what a WAL holds into it, because a file is renamed
 * and gets a second name without its WAL, and keeps other programs from writing it until it is closed. */
bs_status bs_rest(bs_db *db);

/* A folder PATH.upgrade of our own beside `path`, and the file in it that is made. What an interrupted call
 * left there is removed. Fails where the name is taken by something else. Zero-initialise; bs_draft_clear()
 * removes the folder with what is left in it. */
typedef struct bs_draft {
    char *folder, *file;
} bs_draft;
bs_status bs_draft_make(bs_draft *out, const char *path);
void bs_draft_clear(bs_draft *d);

/* Fails unless `backup` may become the second name of `path`: nothing has it, or it is that file, or a copy
 * of all of its bytes, which an interrupted call left. */
bs_status bs_check_backup(const char *path, const char *backup);
/* Keeps `path` as `backup` too, by a second name or, where the file system has none, by a copy; then gives
 * the finished file in the draft folder its owner and mode and its name. Both are on the disk when this
 * returns. */
bs_status bs_replace(const bs_draft *d, const char *path, const char *backup);
/* Gives the finished file in the draft folder the name `path`, which must be free. */
bs_status bs_place(const bs_draft *d, const char *path);

#endif
