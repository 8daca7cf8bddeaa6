/* Lists of class names. */
#include "fuzz.h"

#include "data/dataset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_file f = fuzz_file_open(data, size);
    char **names;
    int n;
    bs_status st = bs_class_names_read(&names, &n, f.path);
    fuzz_check_status(st, names);
    fuzz_check((n > 0) == (names != NULL));
    for (int i = 0; i < n; i++)
        fuzz_check(*names[i] && !strchr(names[i], '\n') && !strchr(names[i], ','));
    bs_class_names_free(names, n);
    fuzz_file_close(&f);
    return 0;
}
