/* idx files, plain and gzipped. The first byte is the length of the labels file, which follows; the rest is
 * the images file. A length of 0 means that there are no labels. */
#include "fuzz.h"

#include "data/dataset.h"

enum { CLASSES = 10, SIDE = 8 };

static void load(const bs_dataset *d, size_t i)
{
    float chw[3 * SIDE * SIDE];
    char hash[65];
    bs_preprocess p;
    const bs_image *image = bs_dataset_image(d, i);
    bs_preprocess_default(&p);
    p.resize_h = p.resize_w = SIDE;
    fuzz_check(image->path && image->label >= -1 && image->label < CLASSES);
    bs_status st = bs_dataset_load(d, i, &p, 3, SIDE, SIDE, chw, hash);
    fuzz_check(st == BS_OK || *bs_error_message());
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || data[0] > size - 1)
        return 0;
    size_t n_labels = data[0];
    struct fuzz_file labels = fuzz_file_open(data + 1, n_labels);
    struct fuzz_file images = fuzz_file_open(data + 1 + n_labels, size - 1 - n_labels);
    bs_dataset_spec spec = {.idx_images = images.path, .idx_labels = n_labels ? labels.path : NULL};
    bs_dataset *d;
    bs_status st = bs_dataset_open(&d, &spec, CLASSES);
    fuzz_check_status(st, d);
    if (d) {
        load(d, 0);
        load(d, bs_dataset_count(d) - 1);
    }
    bs_dataset_close(d);
    fuzz_file_close(&labels);
    fuzz_file_close(&images);
    return 0;
}
