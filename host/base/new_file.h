/* Files for the user that appear when they are complete: they are written as PATH.part and then renamed, so
 * that a full disk, an error or a kill leaves what had the name before. */
#ifndef BS_BASE_NEW_FILE_H
#define BS_BASE_NEW_FILE_H

#include "base/error.h"

#include <stddef.h>
#include <stdio.h>

/* A file being written, into `f`. Zero-initialise; bs_new_file_drop() clears. */
typedef struct bs_new_file {
    FILE *f;
    char *path; /* as the user gave it */
    char *name; /* what `path` leads to through symbolic links */
    char *part; /* NULL: devices, pipes and what /proc names are written directly */
} bs_new_file;

/* Begins to write `path`. A file that is there keeps its mode, and a symbolic link stays one. Fails if the
 * file is read-only, is a directory, or is being written in the same way by another process; a PATH.part that
 * a kill left is removed. */
bs_status bs_new_file_open(bs_new_file *out, const char *path);
/* Fails if a write to `f` has failed: stops long work early. */
bs_status bs_new_file_check(const bs_new_file *n);
/* Stores the file under its name, after all of it is on the disk, and clears `n`. Fails if any write to `f`
 * failed; then, as after bs_new_file_drop(), the name has what it had before. */
bs_status bs_new_file_commit(bs_new_file *n);
/* Discards what was written; keeps the recorded error and errno. Does nothing if `n` is zero or committed. */
void bs_new_file_drop(bs_new_file *n);

/* Sets *out to the name that `path` leads to through symbolic links, which need not exist; but links of /proc
 * are not followed. The caller frees it, also after a failure. */
bs_status bs_follow_links(char **out, const char *path);

/* Writes `len` bytes in this way. */
bs_status bs_write_file(const char *path, const void *bytes, size_t len);

#endif
