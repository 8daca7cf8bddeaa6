#include "cache/cache_folder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char *join(const char *a, const char *b)
{
    char *out = malloc(strlen(a) + strlen(b) + 1);
    if (out)
        sprintf(out, "%s%s", a, b);
    return out;
}

static bool is_folder(const char *path)
{
    struct stat there;
    return stat(path, &there) == 0 && S_ISDIR(there.st_mode);
}

/* The XDG Base Directory Specification says to ignore paths that are not absolute. A home that is not there,
 * as that of a system's service, is not made. */
char *bs_cache_folder(const char *dir)
{
    if (dir)
        return strdup(dir);
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (cache && *cache == '/')
        return join(cache, "/bitsink");
    return home && *home == '/' && is_folder(home) ? join(home, "/.cache/bitsink") : NULL;
}

static bool make_one(const char *folder)
{
    if (mkdir(folder, 0700) == 0)
        return true;
    int why = errno;
    bool there = is_folder(folder);
    errno = why == EEXIST ? ENOTDIR : why;
    return there;
}

bool bs_cache_folder_make(const char *folder)
{
    char *path = strdup(folder);
    bool made = path != NULL;
    for (char *at = path ? path + 1 : NULL; made && at && *path && (at = strchr(at, '/')); at++) {
        *at = '\0';
        made = make_one(path);
        *at = '/';
    }
    made = made && make_one(folder);
    int why = errno;
    free(path);
    errno = why;
    return made;
}
