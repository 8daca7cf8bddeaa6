#include "campaign/input.h"

#include "base/buf.h"
#include "base/log.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { MOST_TRIED = 16 }; /* images, of which one can be read */

static bool is_channels(int64_t n)
{
    return n == 1 || n == 3;
}

bs_input_format bs_input_format_of(const bs_graph *g)
{
    const bs_shape *s = &g->tensors[g->input].shape;
    const int64_t *d = s->dim;
    if (s->rank == 2)
        return (bs_input_format){1, (int)d[0], (int)d[1], false};
    if (s->rank != 3)
        return (bs_input_format){0, 0, 0, false};
    if (!is_channels(d[0]) && is_channels(d[2]))
        return (bs_input_format){(int)d[2], (int)d[0], (int)d[1], true};
    return (bs_input_format){(int)d[0], (int)d[1], (int)d[2], false};
}

/* --- Lists of values --- */

/* Finds the size of the images after preprocessing. */
static bs_status find_size(const bs_input *in, int *height, int *width)
{
    bs_status st = BS_OK;
    bool broken = true;
    for (size_t i = 0; i < bs_dataset_count(in->images) && i < MOST_TRIED && broken; i++)
        st = bs_dataset_size(in->images, i, in->preprocess, height, width, &broken);
    return st;
}

/* Returns the side of a square with this many pixels, 0 if there is none. */
static int64_t side_of(int64_t pixels)
{
    int64_t side = (int64_t)sqrt((double)pixels);
    return side * side == pixels ? side : 0;
}

static bs_status other_length(int64_t values, int height, int width)
{
    int64_t pixels = (int64_t)height * width;
    int64_t side = side_of(values), coloured = values % 3 == 0 ? side_of(values / 3) : 0;
    bs_fail(BS_USAGE,
            "the network's input has %lld values, but images of %d x %d pixels have %lld (grey) or %lld",
            (long long)values, height, width, (long long)pixels, (long long)(3 * pixels));
    if (side || coloured)
        return bs_hint("set the size in 'preprocess', such as 'resize: %lld'",
                       (long long)(side ? side : coloured));
    return bs_hint("set the size in 'preprocess': 'resize: [HEIGHT, WIDTH]'");
}

static bs_status flat_format(bs_input *in, int64_t values)
{
    bs_flatten order = in->preprocess->flatten;
    int height = 0, width = 0;
    BS_TRY(find_size(in, &height, &width));
    int64_t pixels = (int64_t)height * width;
    if (values != pixels && values != 3 * pixels)
        return other_length(values, height, width);
    in->format = (bs_input_format){values == pixels ? 1 : 3, height, width, order == BS_FLATTEN_HWC};
    if (values != pixels && order == BS_FLATTEN_NONE) {
        bs_fail(BS_USAGE, "the network's input is a list of %lld values, whose order is not known",
                (long long)values);
        return bs_hint("in the 'preprocess' of a job set 'flatten: chw' (channel after channel, as PyTorch "
                       "flattens images) or 'flatten: hwc' (pixel after pixel, as TensorFlow does)");
    }
    return BS_OK;
}

bs_status bs_input_open(bs_input *out, const bs_graph *graph, const bs_dataset *images,
                        const bs_preprocess *preprocess)
{
    const bs_shape *s = &graph->tensors[graph->input].shape;
    char text[96];
    *out = (bs_input){graph, images, preprocess, bs_input_format_of(graph)};
    if (s->rank == 1)
        return flat_format(out, s->dim[0]);
    if (out->format.channels == 0) {
        bs_fail(BS_ERR, "the network's input %s is no image", bs_shape_text(s, text, sizeof text));
        return bs_hint("the input must be (N, C, H, W), (N, H, W, C), (N, H, W) or (N, values)");
    }
    if (preprocess->flatten != BS_FLATTEN_NONE) {
        bs_fail(BS_USAGE, "'flatten' is for a network whose input is a list of values, here it is %s",
                bs_shape_text(s, text, sizeof text));
        return bs_hint("leave it out");
    }
    return BS_OK;
}

/* --- Images --- */

static bs_status check_bytes(const float *values, int64_t n)
{
    for (int64_t k = 0; k < n; k++)
        if (!(values[k] >= 0 && values[k] <= 255 && values[k] == rintf(values[k]))) {
            bs_fail(BS_USAGE, "the network takes pixels as whole numbers from 0 to 255, not %g",
                    (double)values[k]);
            return bs_hint("in 'preprocess' set 'scale: 1', and leave out 'mean' and 'std'");
        }
    return BS_OK;
}

bs_status bs_input_check(const bs_input *in)
{
    const bs_input_format *f = &in->format;
    int64_t n = in->graph->tensors[in->graph->input].elements;
    float *values = NULL;
    bs_status st = BS_OK;
    bool broken = true;
    BS_TRY(bs_calloc(&values, (size_t)n, sizeof *values, "image"));
    for (size_t i = 0; i < bs_dataset_count(in->images) && i < MOST_TRIED && broken; i++)
        st = bs_dataset_try_load(in->images, i, in->preprocess, f->channels, f->height, f->width, values,
                                 NULL, &broken);
    if (broken)
        st = BS_OK; /* the run says which images cannot be read, and how many it allows */
    else if (st == BS_OK && in->graph->bytes)
        st = check_bytes(values, n);
    free(values);
    return st;
}

/* --- Broken images --- */

uint32_t bs_input_most_broken(const bs_plan *plan)
{
    int64_t allowed = plan->job->max_broken;
    uint32_t n = bs_plan_count_images(plan);
    if (allowed < 0)
        return n < 200 ? 1 : n / 100;
    return allowed < n ? (uint32_t)allowed : n;
}

static bool has_trials(const bs_plan *p, uint32_t image)
{
    for (int s = 0; s < p->n_strata; s++)
        if (bs_plan_repetitions(p, &p->strata[s], image) > 0)
            return true;
    return false;
}

bs_status bs_input_try(const bs_input *in, const bs_engine *e)
{
    const bs_input_format *f = &in->format;
    const bs_plan *p = e->plan;
    uint32_t tried = 0, n = 0, allowed = bs_input_most_broken(p);
    char first[512], last[512];
    float *values = NULL;
    bs_status st = BS_OK;
    if (!e->backend->needs_pixels)
        return BS_OK;
    BS_TRY(
        bs_calloc(&values, (size_t)in->graph->tensors[in->graph->input].elements, sizeof *values, "image"));
    for (uint32_t k = 0; k < bs_plan_count_images(p) && tried < MOST_TRIED && n <= allowed; k++) {
        uint32_t i = bs_plan_image(p, k);
        bool broken = false;
        if (!has_trials(p, i))
            continue;
        tried++;
        st = bs_dataset_try_load(in->images, i, in->preprocess, f->channels, f->height, f->width, values,
                                 NULL, &broken);
        if (!broken && st != BS_OK)
            goto out;
        if (broken)
            snprintf(n++ ? last : first, sizeof first, "%s", bs_error_message());
    }
    st = BS_OK;
    if (n > allowed) {
        st = bs_fail(BS_ERR, "%u image(s) cannot be read, the job allows %u; the last one: %s", n, allowed,
                     n > 1 ? last : first);
        bs_hint("repair the files, or allow more with 'max_broken: N' in the job's 'images'");
    } else if (n > 0) {
        bs_warn("%u of the first %u images cannot be read; the first one: %s", n, tried, first);
    }
out:
    free(values);
    return st;
}

/* --- Loading --- */

static void to_channels_last(const bs_input_format *f, const float *chw, float *hwc)
{
    size_t plane = (size_t)f->height * (size_t)f->width, channels = (size_t)f->channels;
    for (size_t k = 0; k < plane; k++)
        for (size_t c = 0; c < channels; c++)
            *hwc++ = chw[c * plane + k];
}

bs_status bs_input_decode(const bs_input *in, size_t i, float *values, char *sha256, bool *broken)
{
    const bs_input_format *f = &in->format;
    float *chw = values;
    *broken = false;
    if (f->channels_last)
        BS_TRY(bs_calloc(&chw, (size_t)in->graph->tensors[in->graph->input].elements, sizeof *chw, "image"));
    bs_status st = bs_dataset_try_load(in->images, i, in->preprocess, f->channels, f->height, f->width, chw,
                                       sha256, broken);
    if (f->channels_last && st == BS_OK)
        to_channels_last(f, chw, values);
    if (f->channels_last)
        free(chw);
    return st;
}

bs_status bs_input_load(bs_worker *w, int row, const bs_input *in, size_t i, bool *broken)
{
    *broken = false;
    if (!w->engine->backend->needs_pixels)
        return bs_golden_upload(w->golden, row, &(float){(float)i});
    BS_TRY(bs_input_decode(in, i, w->pixels, NULL, broken));
    return bs_golden_upload(w->golden, row, w->pixels);
}
