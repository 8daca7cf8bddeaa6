#include "data/pixels.h"

#include "base/file_kind.h"

#include <string.h>

static bs_status decode(bs_pixels *out, const uint8_t *bytes, size_t len)
{
    static const uint8_t png[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
    static const uint8_t jpeg[] = {0xFF, 0xD8, 0xFF};
    if (len >= sizeof png && memcmp(bytes, png, sizeof png) == 0)
        return bs_png_decode(out, bytes, len);
    if (len >= sizeof jpeg && memcmp(bytes, jpeg, sizeof jpeg) == 0)
        return bs_jpeg_decode(out, bytes, len);
    BS_TRY(bs_file_kind_check(bytes, len, BS_FILE_IMAGE, NULL));
    bs_fail(BS_ERR, "neither PNG nor JPEG");
    return bs_hint("convert the image to PNG, or leave it out of the list");
}

bs_status bs_pixels_decode(bs_pixels *out, const uint8_t *bytes, size_t len)
{
    memset(out, 0, sizeof *out);
    bs_status st = decode(out, bytes, len);
    if (st == BS_ERR && !*bs_error_hint())
        bs_hint("the file is damaged: fetch it again, or leave it out of the list");
    return st;
}
