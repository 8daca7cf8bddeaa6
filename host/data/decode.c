#include "data/pixels.h"

#include <string.h>

bs_status bs_pixels_decode(bs_pixels *out, const uint8_t *bytes, size_t len)
{
    static const uint8_t png[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
    static const uint8_t jpeg[] = {0xFF, 0xD8, 0xFF};
    memset(out, 0, sizeof *out);
    if (len >= sizeof png && memcmp(bytes, png, sizeof png) == 0)
        return bs_png_decode(out, bytes, len);
    if (len >= sizeof jpeg && memcmp(bytes, jpeg, sizeof jpeg) == 0)
        return bs_jpeg_decode(out, bytes, len);
    bs_fail(BS_ERR, len == 0 ? "the file is empty" : "neither PNG nor JPEG");
    return bs_hint("convert the image to PNG, or leave it out of the list");
}
