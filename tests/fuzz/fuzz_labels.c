/* The CSV that lists images and labels; the images themselves are not looked for. */
#include "fuzz.h"

#include "data/listing.h"

enum { CLASSES = 1000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_file f = fuzz_file_open(data, size);
    bs_listing list = {.first = size % 3};
    bs_dataset_spec spec = {.labels = f.path, .root = size % 2 ? "root" : NULL, .unlabelled = size % 5 == 0};
    bs_status st = bs_list_csv(&list, &spec, CLASSES);
    if (st == BS_OK)
        st = bs_listing_check(&list, f.path);
    fuzz_check(st == BS_OK || *bs_error_message());
    for (size_t i = 0; st == BS_OK && i < list.n; i++) {
        const bs_item *item = &list.items[i];
        fuzz_check(*item->image.path && *item->file && item->line > 0);
        fuzz_check(item->image.label >= (spec.unlabelled ? -1 : 0) && item->image.label < CLASSES);
    }
    bs_listing_clear(&list);
    fuzz_file_close(&f);
    return 0;
}
