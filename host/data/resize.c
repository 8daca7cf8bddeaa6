/* Bilinear resizing with antialiasing: the filter grows with the reduction. Networks are trained and judged
 * on what Pillow computes, so its fixed point is part of the contract: weights of 22 bits, along the rows
 * first, 8 bits between the two passes. (Pillow 13 swaps the passes where the height shrinks much more than
 * the width; that moves a value by one level at most.) */
#include "base/buf.h"
#include "data/pixels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WEIGHT_BITS 22
#define HALF        (1 << (WEIGHT_BITS - 1))

/* For each output position the inputs first[i] .. first[i]+count[i]-1 and their weights, which add up to 1 <<
 * WEIGHT_BITS but for rounding; a sum over 255 therefore stays far below 2^31. */
struct taps {
    int *first, *count;
    int32_t *weights; /* `stride` for each output position */
    size_t stride;
};

static void taps_clear(struct taps *t)
{
    free(t->first);
    free(t->count);
    free(t->weights);
}

static bs_status taps_init(struct taps *t, int in, int out)
{
    double scale = (double)in / out;
    double support = scale > 1.0 ? scale : 1.0;
    double *exact = NULL;
    bs_status st;
    memset(t, 0, sizeof *t);
    t->stride = (size_t)ceil(support) * 2 + 1;
    BS_TRY_GOTO(bs_calloc(&t->first, (size_t)out, sizeof *t->first, "resize"), out);
    BS_TRY_GOTO(bs_calloc(&t->count, (size_t)out, sizeof *t->count, "resize"), out);
    BS_TRY_GOTO(bs_calloc(&t->weights, (size_t)out * t->stride, sizeof *t->weights, "resize"), out);
    BS_TRY_GOTO(bs_calloc(&exact, t->stride, sizeof *exact, "resize"), out);
    for (int i = 0; i < out; i++) {
        double centre = (i + 0.5) * scale, sum = 0;
        double low = centre - support + 0.5, high = centre + support + 0.5;
        int first = low > 0 ? (int)low : 0;
        int count = (high < in ? (int)high : in) - first;
        for (int k = 0; k < count; k++) {
            double distance = fabs((first + k - centre + 0.5) * (1.0 / support));
            exact[k] = distance < 1.0 ? 1.0 - distance : 0.0;
            sum += exact[k];
        }
        for (int k = 0; k < count; k++)
            t->weights[(size_t)i * t->stride + (size_t)k] =
                (int32_t)(0.5 + exact[k] / sum * (1 << WEIGHT_BITS));
        t->first[i] = first;
        t->count[i] = count;
    }
out:
    free(exact);
    if (st != BS_OK)
        taps_clear(t);
    return st;
}

static uint8_t to_pixel(int32_t sum)
{
    int32_t v = sum >> WEIGHT_BITS;
    return (uint8_t)(v > 255 ? 255 : v);
}

static bs_status resize_rows(bs_pixels *px, int width)
{
    struct taps t;
    bs_pixels out;
    BS_TRY(taps_init(&t, px->width, width));
    bs_status st = bs_pixels_alloc(&out, width, px->height, px->channels);
    if (st != BS_OK) {
        taps_clear(&t);
        return st;
    }
    size_t channels = (size_t)px->channels;
    uint8_t *to = out.data;
    for (size_t y = 0; y < (size_t)px->height; y++) {
        const uint8_t *row = px->data + y * (size_t)px->width * channels;
        for (size_t x = 0; x < (size_t)width; x++) {
            const int32_t *weights = t.weights + x * t.stride;
            const uint8_t *from = row + (size_t)t.first[x] * channels;
            for (size_t c = 0; c < channels; c++) {
                int32_t sum = HALF;
                for (size_t k = 0; k < (size_t)t.count[x]; k++)
                    sum += from[k * channels + c] * weights[k];
                *to++ = to_pixel(sum);
            }
        }
    }
    taps_clear(&t);
    bs_pixels_clear(px);
    *px = out;
    return BS_OK;
}

static bs_status resize_columns(bs_pixels *px, int height)
{
    struct taps t;
    bs_pixels out = {0};
    int32_t *sums = NULL;
    size_t n = (size_t)px->width * (size_t)px->channels;
    BS_TRY(taps_init(&t, px->height, height));
    bs_status st = bs_pixels_alloc(&out, px->width, height, px->channels);
    if (st == BS_OK)
        st = bs_calloc(&sums, n, sizeof *sums, "resize");
    if (st != BS_OK)
        goto out;
    for (size_t y = 0; y < (size_t)height; y++) {
        const int32_t *weights = t.weights + y * t.stride;
        for (size_t i = 0; i < n; i++)
            sums[i] = HALF;
        for (size_t k = 0; k < (size_t)t.count[y]; k++) {
            const uint8_t *row = px->data + ((size_t)t.first[y] + k) * n;
            for (size_t i = 0; i < n; i++)
                sums[i] += row[i] * weights[k];
        }
        for (size_t i = 0; i < n; i++)
            out.data[y * n + i] = to_pixel(sums[i]);
    }
    bs_pixels_clear(px);
    *px = out;
    memset(&out, 0, sizeof out);
out:
    bs_pixels_clear(&out);
    free(sums);
    taps_clear(&t);
    return st;
}

bs_status bs_pixels_resize(bs_pixels *px, int width, int height)
{
    if (width < 1 || height < 1 || width > BS_MAX_SIDE || height > BS_MAX_SIDE ||
        (size_t)width * (size_t)height > BS_MAX_PIXELS) {
        bs_fail(BS_ERR, "cannot resize %d x %d pixels to %d x %d", px->width, px->height, width, height);
        return bs_hint("sides may have 1 to %d pixels, images %zu", BS_MAX_SIDE, BS_MAX_PIXELS);
    }
    if (width != px->width)
        BS_TRY(resize_rows(px, width));
    if (height != px->height)
        BS_TRY(resize_columns(px, height));
    return BS_OK;
}
