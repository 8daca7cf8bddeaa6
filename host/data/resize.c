/* Bilinear and bicubic resizing with antialiasing: the filter grows with the reduction. Networks are trained
 * and evaluated on images resized by Pillow, so its fixed point is reproduced: weights of 22 bits, rows
 * first, 8 bits between the two passes. (Pillow 13 swaps the passes where the height shrinks much more than
 * the width. That changes a bilinear value by one level at most; a bicubic one, which is clipped between the
 * passes, by more at hard edges. Resizing that keeps an aspect ratio up to 1:2 is not affected.) Nearest: the
 * pixel under the centre. */
#include "base/buf.h"
#include "data/pixels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WEIGHT_BITS 22
#define HALF        (1 << (WEIGHT_BITS - 1))

/* For each output position the inputs first[i] .. first[i]+count[i]-1 and their weights, which add up to 1 <<
 * WEIGHT_BITS but for rounding. Some bicubic weights are negative; their magnitudes add up to less than 1.5
 * times that, so a sum over pixels stays below 2^31. */
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

static double bilinear(double x)
{
    return x < 1.0 ? 1.0 - x : 0.0;
}

/* Cubic convolution with a = -0.5. */
static double bicubic(double x)
{
    if (x < 1.0)
        return (1.5 * x - 2.5) * x * x + 1.0;
    return x < 2.0 ? (((x - 5.0) * x + 8.0) * x - 4.0) * -0.5 : 0.0;
}

static bs_status taps_init(struct taps *t, int in, int out, bs_interpolation how)
{
    double scale = (double)in / out;
    double stretch = scale > 1.0 ? scale : 1.0;
    double support = stretch * (how == BS_BICUBIC ? 2.0 : 1.0);
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
            double distance = fabs((first + k - centre + 0.5) * (1.0 / stretch));
            exact[k] = how == BS_BICUBIC ? bicubic(distance) : bilinear(distance);
            sum += exact[k];
        }
        for (int k = 0; k < count; k++)
            t->weights[(size_t)i * t->stride + (size_t)k] =
                (int32_t)(copysign(0.5, exact[k]) + exact[k] / sum * (1 << WEIGHT_BITS));
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
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

static bs_status resize_rows(bs_pixels *px, int width, bs_interpolation how)
{
    struct taps t;
    bs_pixels out;
    BS_TRY(taps_init(&t, px->width, width, how));
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

static bs_status resize_columns(bs_pixels *px, int height, bs_interpolation how)
{
    struct taps t;
    bs_pixels out = {0};
    int32_t *sums = NULL;
    size_t n = (size_t)px->width * (size_t)px->channels;
    BS_TRY(taps_init(&t, px->height, height, how));
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

/* Finds the input of each output. Steps from centre to centre by addition, as Pillow does, so that ties fall
 * on the same side. */
static bs_status nearest_inputs(int **out, int in, int n)
{
    double scale = (double)in / n, at = scale * 0.5;
    BS_TRY(bs_calloc(out, (size_t)n, sizeof **out, "resize"));
    for (int i = 0; i < n; i++, at += scale)
        (*out)[i] = at < in ? (int)at : in - 1;
    return BS_OK;
}

static bs_status resize_nearest(bs_pixels *px, int width, int height)
{
    int *column = NULL, *row = NULL;
    bs_pixels out = {0};
    bs_status st;
    size_t bytes = (size_t)px->channels;
    BS_TRY_GOTO(nearest_inputs(&column, px->width, width), out);
    BS_TRY_GOTO(nearest_inputs(&row, px->height, height), out);
    BS_TRY_GOTO(bs_pixels_alloc(&out, width, height, px->channels), out);
    uint8_t *to = out.data;
    for (int y = 0; y < height; y++) {
        const uint8_t *from = px->data + (size_t)row[y] * (size_t)px->width * bytes;
        for (int x = 0; x < width; x++, to += bytes)
            memcpy(to, from + (size_t)column[x] * bytes, bytes);
    }
    bs_pixels_clear(px);
    *px = out;
out:
    free(column);
    free(row);
    return st;
}

bs_status bs_pixels_resize(bs_pixels *px, int width, int height, bs_interpolation how)
{
    if (width < 1 || height < 1 || width > BS_MAX_SIDE || height > BS_MAX_SIDE ||
        (size_t)width * (size_t)height > BS_MAX_PIXELS) {
        bs_fail(BS_ERR, "cannot resize %d x %d pixels to %d x %d", px->width, px->height, width, height);
        return bs_hint("sides may have 1 to %d pixels, images %zu", BS_MAX_SIDE, BS_MAX_PIXELS);
    }
    if (how == BS_NEAREST)
        return resize_nearest(px, width, height);
    if (width != px->width)
        BS_TRY(resize_rows(px, width, how));
    if (height != px->height)
        BS_TRY(resize_columns(px, height, how));
    return BS_OK;
}
