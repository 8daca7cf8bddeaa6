#include "data/pixels.h"

#include <stdlib.h>
#include <string.h>

bs_status bs_pixels_alloc(bs_pixels *out, int width, int height, int channels)
{
    memset(out, 0, sizeof *out);
    if (width < 1 || height < 1)
        return bs_fail(BS_ERR, "the image would have %d x %d pixels", width, height);
    size_t pixels = (size_t)width * (size_t)height;
    if (width > BS_MAX_SIDE || height > BS_MAX_SIDE || pixels > BS_MAX_PIXELS) {
        bs_fail(BS_ERR, "%d x %d pixels are too many", width, height);
        return bs_hint("sides may have %d pixels, images %zu", BS_MAX_SIDE, BS_MAX_PIXELS);
    }
    out->data = malloc(pixels * (size_t)channels);
    if (!out->data)
        return bs_oom("pixels");
    out->width = width;
    out->height = height;
    out->channels = channels;
    return BS_OK;
}

void bs_pixels_clear(bs_pixels *px)
{
    if (!px)
        return;
    free(px->data);
    memset(px, 0, sizeof *px);
}
