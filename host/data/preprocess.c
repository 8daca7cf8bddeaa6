#include "data/pixels.h"

#include <math.h>
#include <string.h>

void bs_preprocess_default(bs_preprocess *p)
{
    memset(p, 0, sizeof *p);
    p->scale = 1.0f / 255.0f;
    p->n_mean = p->n_std = 1;
    p->std[0] = 1.0f;
}

const char *bs_interpolation_name(bs_interpolation how)
{
    static const char *const names[] = {
#define X(suffix, name) name,
        BS_INTERPOLATIONS(X)
#undef X
    };
    return (unsigned)how < BS_INTERPOLATION_COUNT ? names[how] : "?";
}

const char *bs_flatten_name(bs_flatten how)
{
    static const char *const names[] = {"",
#define X(suffix, name, meaning) name,
                                        BS_FLATTENS(X)
#undef X
    };
    return (unsigned)how < BS_FLATTEN_COUNT ? names[how] : "";
}

bool bs_preprocess_preset(bs_preprocess *p, const char *name)
{
#define THREE(a, b, c)                                                                                       \
    {                                                                                                        \
        a, b, c                                                                                              \
    }
#define X(name, how, short_side, side, crop, bgr, scale, mean, std)                                          \
    {name,                                                                                                   \
     {how, short_side, 0, side, side, crop, crop, bgr, scale, THREE mean, THREE std, BS_FLATTEN_NONE, 3,     \
      3}},
    static const struct {
        const char *name;
        bs_preprocess p;
    } presets[] = {BS_PRESETS(X)};
#undef X
#undef THREE
    for (size_t i = 0; i < sizeof presets / sizeof *presets; i++)
        if (strcmp(presets[i].name, name) == 0) {
            *p = presets[i].p;
            return true;
        }
    return false;
}

static bs_status check_keys(const bs_preprocess *p, int channels)
{
    if (channels != 1 && channels != 3) {
        bs_fail(BS_ERR, "the network's input has %d channels, images have 1 or 3", channels);
        return bs_hint("the input must be a tensor N x C x H x W, or N x H x W x C");
    }
    if (!(p->crop_fraction >= 0.0f && p->crop_fraction <= 1.0f))
        return bs_fail(BS_ERR, "crop_fraction %g is outside 0..1", (double)p->crop_fraction);
    if (p->resize_short < 0 || p->resize_h < 0 || p->resize_w < 0 || p->crop_h < 0 || p->crop_w < 0)
        return bs_fail(BS_ERR, "sizes in pixels must not be negative");
    if (!p->resize_h != !p->resize_w || !p->crop_h != !p->crop_w)
        return bs_fail(BS_ERR, "resize and crop need both a height and a width");
    if ((p->n_mean != 1 && p->n_mean != channels) || (p->n_std != 1 && p->n_std != channels)) {
        bs_fail(BS_ERR, "%d mean and %d std values for a network with %d channels", p->n_mean, p->n_std,
                channels);
        return bs_hint("give one value for all channels, or one for each");
    }
    for (int c = 0; c < p->n_std; c++)
        if (!isfinite(p->std[c]) || p->std[c] == 0.0f)
            return bs_fail(BS_ERR, "std of channel %d is %g; it must be a number other than 0", c,
                           (double)p->std[c]);
    return BS_OK;
}

/* Converts to ITU-R 601 luma in 16-bit fixed point, as Pillow's convert('L'). */
static void to_luma(bs_pixels *px)
{
    size_t n = (size_t)px->width * (size_t)px->height;
    for (size_t i = 0; i < n; i++) {
        const uint8_t *rgb = px->data + 3 * i;
        px->data[i] = (uint8_t)((19595u * rgb[0] + 38470u * rgb[1] + 7471u * rgb[2] + 0x8000u) >> 16);
    }
    px->channels = 1;
}

/* Returns (outer - inner) / 2, halves rounded to even, as torchvision's CenterCrop with Python's round(). */
static int centre_offset(int outer, int inner)
{
    int twice = outer - inner;
    int half = twice / 2;
    return half + (twice % 2 && half % 2);
}

static bs_status centre_crop(bs_pixels *px, int width, int height)
{
    if (width > px->width || height > px->height) {
        bs_fail(BS_ERR, "cannot crop %d x %d (height x width) from %d x %d", height, width, px->height,
                px->width);
        return bs_hint("set resize_short (or resize) to at least the size of the crop");
    }
    size_t bytes = (size_t)px->channels, row = (size_t)width * bytes;
    size_t left = (size_t)centre_offset(px->width, width), top = (size_t)centre_offset(px->height, height);
    for (size_t y = 0; y < (size_t)height; y++)
        memmove(px->data + y * row, px->data + ((y + top) * (size_t)px->width + left) * bytes, row);
    px->width = width;
    px->height = height;
    return BS_OK;
}

static bs_status crop_square(bs_pixels *px, float fraction)
{
    int shorter = px->width < px->height ? px->width : px->height;
    int side = (int)rintf(fraction * (float)shorter);
    side = side < 1 ? 1 : side;
    return centre_crop(px, side, side);
}

/* Resizes the short side to `side`; the long side is rounded down, as in torchvision's Resize. */
static bs_status resize_short(bs_pixels *px, int side, bs_interpolation how)
{
    int64_t w = px->width, h = px->height;
    int64_t width = w <= h ? side : side * w / h, height = h <= w ? side : side * h / w;
    if (width > BS_MAX_SIDE || height > BS_MAX_SIDE) {
        bs_fail(BS_ERR, "cannot resize %d x %d pixels: the long side would exceed %d", px->width, px->height,
                BS_MAX_SIDE);
        return bs_hint("leave the image out of the list, or set resize in place of resize_short");
    }
    return bs_pixels_resize(px, (int)width, (int)height, how);
}

static void write_tensor(float *chw, const bs_pixels *px, const bs_preprocess *p, int channels)
{
    size_t n = (size_t)px->width * (size_t)px->height;
    for (int c = 0; c < channels; c++) {
        float value[256], mean = p->mean[p->n_mean == 1 ? 0 : c], std = p->std[p->n_std == 1 ? 0 : c];
        for (int v = 0; v < 256; v++)
            value[v] = ((float)v * p->scale - mean) / std;
        int source = px->channels == 1 ? 0 : p->bgr ? 2 - c : c;
        const uint8_t *from = px->data + source;
        for (size_t i = 0; i < n; i++)
            *chw++ = value[from[i * (size_t)px->channels]];
    }
}

bs_status bs_pixels_reshape(bs_pixels *px, const bs_preprocess *p)
{
    if (p->crop_fraction > 0.0f)
        BS_TRY(crop_square(px, p->crop_fraction));
    if (p->resize_short > 0)
        BS_TRY(resize_short(px, p->resize_short, p->interpolation));
    if (p->resize_h > 0)
        BS_TRY(bs_pixels_resize(px, p->resize_w, p->resize_h, p->interpolation));
    return p->crop_h > 0 ? centre_crop(px, p->crop_w, p->crop_h) : BS_OK;
}

bs_status bs_pixels_preprocess(bs_pixels *px, const bs_preprocess *p, int channels, int height, int width,
                               float *chw)
{
    int original_h = px->height, original_w = px->width;
    BS_TRY(check_keys(p, channels));
    if (channels == 1 && px->channels == 3)
        to_luma(px);
    BS_TRY(bs_pixels_reshape(px, p));
    if (px->height == height && px->width == width) {
        write_tensor(chw, px, p, channels);
        return BS_OK;
    }
    bool geometry = p->crop_fraction > 0.0f || p->resize_short || p->resize_h || p->crop_h;
    if (geometry)
        bs_fail(BS_ERR, "%d x %d pixels (height x width) become %d x %d, the network wants %d x %d",
                original_h, original_w, px->height, px->width, height, width);
    else
        bs_fail(BS_ERR, "the image has %d x %d pixels (height x width), the network wants %d x %d",
                original_h, original_w, height, width);
    return bs_hint("in the job's 'preprocess' set 'resize: [%d, %d]', or 'resize_short' and 'crop: [%d, %d]'",
                   height, width, height, width);
}
