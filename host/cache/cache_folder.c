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

/* The XDG Base Directory Specification says to ignore paths that are not absolute. */
char *bs_cache_folder(const char *dir)
{
    if (dir)
        return strdup(dir);
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (cache && *cache == '/')
        return join(cache, "/bitsink");
    return home && *home == '/' ? join(home, "/.cache/bitsink") : NULL;
}

static bool make_one(const char *folder)
{
    struct stat there;
    if (mkdir(folder, 0700) == 0)
        return true;
    int why = errno;
    if (stat(folder, &there) == 0) {
        errno = ENOTDIR;
        return S_ISDIR(there.st_mode);
    }
    errno = why;
    return false;
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
