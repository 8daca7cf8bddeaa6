/* Runs a fuzz target over every file of the folders and files given: what the fuzzers once found stays found,
 * in builds without a fuzzer too. A folder without files is an error, so that a lost corpus is noticed. */
#include "fuzz.h"

#include "base/buf.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <sys/stat.h>

enum { FILE_LIMIT = 1 << 20 };

static int replay_file(const char *path)
{
    char *bytes;
    size_t len;
    if (bs_read_file(&bytes, &len, path, FILE_LIMIT) != BS_OK) {
        fprintf(stderr, "%s\n", bs_error_message());
        return -1;
    }
    /* Of the exact size, so that a sanitizer sees the first byte read after the end. */
    uint8_t *exact = malloc(len ? len : 1);
    fuzz_check(exact);
    memcpy(exact, bytes, len);
    free(bytes);
    fprintf(stderr, "%s\n", path);
    LLVMFuzzerTestOneInput(exact, len);
    free(exact);
    return 1;
}

/* How many files were run, or -1. */
static int replay_folder(const char *folder)
{
    struct dirent **entries;
    int n = scandir(folder, &entries, NULL, alphasort), runs = 0;
    if (n < 0)
        fprintf(stderr, "cannot read '%s': %s\n", folder, strerror(errno));
    for (int i = 0; i < n; i++) {
        char path[4096];
        if (entries[i]->d_name[0] != '.' && runs >= 0) {
            snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
            runs = replay_file(path) < 0 ? -1 : runs + 1;
        }
        free(entries[i]);
    }
    if (n >= 0)
        free(entries);
    return n < 0 ? -1 : runs;
}

int main(int argc, char **argv)
{
    bs_log_set_level(BS_LOG_QUIET);
    if (argc < 2) {
        fprintf(stderr, "usage: %s FOLDER|FILE...\n", argv[0]);
        return 2;
    }
    for (int i = 1; i < argc; i++) {
        struct stat info;
        bool folder = stat(argv[i], &info) == 0 && S_ISDIR(info.st_mode);
        int runs = folder ? replay_folder(argv[i]) : replay_file(argv[i]);
        if (runs < 1) {
            fprintf(stderr, "nothing was run from '%s'\n", argv[i]);
            return 1;
        }
        printf("%s: %d inputs\n", argv[i], runs);
    }
    return 0;
}
