/* Decoded images inside host/data: 8-bit pixels, and the steps from file bytes to a network's input.
 *
 *     bs_pixels px = {0};
 *     BS_TRY_GOTO(bs_pixels_decode(&px, bytes, len), out);
 *     BS_TRY_GOTO(bs_pixels_preprocess(&px, p, channels, height, width, chw), out);
 *     out: bs_pixels_clear(&px);
 *
 * Errors say what is wrong; the caller adds which image (bs_context). */
#ifndef BS_DATA_PIXELS_H
#define BS_DATA_PIXELS_H

#include "data/dataset.h"

#include <stddef.h>
#include <stdint.h>

/* Sides of an image, decoded or resized, and the product of the two. libjpeg has the same limit on sides. */
#define BS_MAX_SIDE   65500
#define BS_MAX_PIXELS ((size_t)1 << 28)

/* Rows from top to bottom, without padding; `channels` bytes a pixel: 1 (grey) or 3 (R, G, B). */
typedef struct bs_pixels {
    int width, height, channels;
    uint8_t *data; /* owned, malloc */
} bs_pixels;

/* Checks the limits above and allocates; the pixels are not initialised. */
bs_status bs_pixels_alloc(bs_pixels *out, int width, int height, int channels);
void bs_pixels_clear(bs_pixels *px); /* NULL-safe, leaves it zeroed */

/* PNG or JPEG, told apart by the first bytes. Like Pillow's convert('RGB'): alpha is dropped, palettes are
 * resolved, CMYK becomes RGB without colour profiles; of 16 bits the upper 8 stay (Pillow clips 16-bit grey).
 * Grey stays one channel. An orientation in EXIF is ignored, as the reference pipelines do. `out` must be
 * empty and is empty after an error. */
bs_status bs_pixels_decode(bs_pixels *out, const uint8_t *bytes, size_t len);
bs_status bs_png_decode(bs_pixels *out, const uint8_t *bytes, size_t len);
bs_status bs_jpeg_decode(bs_pixels *out, const uint8_t *bytes, size_t len);

/* In place; the results of Pillow's Image.resize((width, height), resample), at most one level off. */
bs_status bs_pixels_resize(bs_pixels *px, int width, int height, bs_interpolation how);

/* In place, in this order: luma (one-channel networks), crop_fraction, resize_short, resize_h x resize_w,
 * crop_h x crop_w; then the size must be height x width, and chw[channels*height*width] is written.
 * mean[c] and std[c] belong to channel c of the tensor, that is, to blue first if `bgr`. */
bs_status bs_pixels_preprocess(bs_pixels *px, const bs_preprocess *p, int channels, int height, int width,
                               float *chw);

#endif
