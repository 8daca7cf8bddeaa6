/* Decoded images: 8-bit pixels, and the steps from a file's bytes to a network's input. Internal to
 * host/data.
 *
 *     bs_pixels px = {0};
 *     BS_TRY_GOTO(bs_pixels_decode(&px, bytes, len), out);
 *     BS_TRY_GOTO(bs_pixels_preprocess(&px, p, channels, height, width, chw), out);
 *     out: bs_pixels_clear(&px);
 *
 * Errors do not name the image; the caller adds it (bs_context). */
#ifndef BS_DATA_PIXELS_H
#define BS_DATA_PIXELS_H

#include "data/dataset.h"

#include <stddef.h>
#include <stdint.h>

/* Limits of an image, decoded or resized: each side, and their product. libjpeg has the same limit on
 * sides. */
#define BS_MAX_SIDE   65500
#define BS_MAX_PIXELS ((size_t)1 << 28)

/* Rows from top to bottom, without padding; each pixel has `channels` bytes: 1 (grey) or 3 (R, G, B). */
typedef struct bs_pixels {
    int width, height, channels;
    uint8_t *data; /* owned, malloc */
} bs_pixels;

/* Checks the limits above and allocates the pixels, which are not initialised. */
bs_status bs_pixels_alloc(bs_pixels *out, int width, int height, int channels);
void bs_pixels_clear(bs_pixels *px); /* NULL-safe, leaves it zeroed */

/* Decodes a PNG or JPEG, told apart by its first bytes. Like Pillow's convert('RGB'): alpha is dropped,
 * palettes are resolved, CMYK becomes RGB without colour profiles; of 16 bits the upper 8 are kept (Pillow
 * clips 16-bit grey). Grey stays one channel. An orientation in EXIF is ignored, as in the reference
 * pipelines. `out` must be empty and is empty after an error. */
bs_status bs_pixels_decode(bs_pixels *out, const uint8_t *bytes, size_t len);
bs_status bs_png_decode(bs_pixels *out, const uint8_t *bytes, size_t len);
bs_status bs_jpeg_decode(bs_pixels *out, const uint8_t *bytes, size_t len);

/* Resizes in place. Results differ from Pillow's Image.resize((width, height), resample) by at most one
 * level. */
bs_status bs_pixels_resize(bs_pixels *px, int width, int height, bs_interpolation how);

/* Applies, in place and in this order: crop_fraction, resize_short, resize_h x resize_w, crop_h x crop_w. */
bs_status bs_pixels_reshape(bs_pixels *px, const bs_preprocess *p);

/* Applies, in place and in this order: luma (one-channel networks), crop_fraction, resize_short, resize_h x
 * resize_w, crop_h x crop_w. The size must then be height x width. Writes chw[channels*height*width]. mean[c]
 * and std[c] belong to channel c of the tensor: blue is first with `bgr`. */
bs_status bs_pixels_preprocess(bs_pixels *px, const bs_preprocess *p, int channels, int height, int width,
                               float *chw);

#endif
