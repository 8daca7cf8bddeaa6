/* Where the cache is. */
#ifndef BS_CACHE_CACHE_FOLDER_H
#define BS_CACHE_CACHE_FOLDER_H

#include <stdbool.h>

/* Returns the folder of the cache: `dir`, or the default one if dir is NULL; NULL if there is none, or no
 * memory. The caller frees it. */
char *bs_cache_folder(const char *dir);
/* Makes the folder and those above it, for this user alone, unless it is there. Returns false with errno. */
bool bs_cache_folder_make(const char *folder);

#endif
