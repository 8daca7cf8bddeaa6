/* PNG and JPEG, decoded and made into a network's input. The last four bytes of the file also choose the
 * preprocessing; decoders do not look at what follows an image, so plain images are good seeds. */
#include "fuzz.h"

#include "data/pixels.h"

enum { BGR = 1, FRACTION = 2, SHORT = 4, EXACT = 8, CROP = 16, GREY = 32, SIDE = 24 };

static void preprocess(bs_pixels *px, const uint8_t choice[4])
{
    static float chw[3 * SIDE * SIDE];
    bs_preprocess p;
    bs_preprocess_default(&p);
    p.bgr = choice[0] & BGR;
    if (choice[0] & FRACTION)
        p.crop_fraction = (float)(choice[1] + 1) / 256;
    if (choice[0] & SHORT)
        p.resize_short = choice[2] + 1;
    if (choice[0] & EXACT) {
        p.resize_h = choice[3] + 1;
        p.resize_w = choice[1] + 1;
    }
    if (choice[0] & CROP)
        p.crop_h = p.crop_w = SIDE;
    bs_status st = bs_pixels_preprocess(px, &p, choice[0] & GREY ? 1 : 3, SIDE, SIDE, chw);
    fuzz_check(st == BS_OK || *bs_error_message());
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bs_pixels px;
    bs_status st = bs_pixels_decode(&px, data, size);
    fuzz_check_status(st, px.data);
    if (px.data) {
        fuzz_check(px.width > 0 && px.height > 0 && (px.channels == 1 || px.channels == 3));
        fuzz_check((size_t)px.width * (size_t)px.height <= BS_MAX_PIXELS);
        preprocess(&px, data + size - 4); /* nothing shorter than its magic bytes is an image */
    }
    bs_pixels_clear(&px);
    return 0;
}
