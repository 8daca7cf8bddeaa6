#include "campaign/input.h"

static bool is_channels(int64_t n)
{
    return n == 1 || n == 3;
}

bs_input_format bs_input_format_of(const bs_graph *g)
{
    const bs_shape *s = &g->tensors[g->input].shape;
    const int64_t *d = s->dim;
    if (s->rank == 3 && !is_channels(d[0]) && is_channels(d[2]))
        return (bs_input_format){(int)d[2], (int)d[0], (int)d[1], true};
    return (bs_input_format){(int)d[0], (int)d[1], (int)d[2], false};
}

static void to_channels_last(const bs_input_format *f, const float *chw, float *hwc)
{
    size_t plane = (size_t)f->height * (size_t)f->width, channels = (size_t)f->channels;
    for (size_t k = 0; k < plane; k++)
        for (size_t c = 0; c < channels; c++)
            *hwc++ = chw[c * plane + k];
}

bs_status bs_input_load(bs_worker *w, int row, const bs_dataset *images, size_t i, const bs_preprocess *p,
                        char *sha256, bool *broken)
{
    const bs_engine *e = w->engine;
    bs_input_format f = bs_input_format_of(e->graph);
    *broken = false;
    if (!e->backend->needs_pixels)
        return bs_golden_upload(w->golden, row, &(float){(float)i});
    BS_TRY(bs_dataset_try_load(images, i, p, f.channels, f.height, f.width, w->pixels, sha256, broken));
    if (!f.channels_last)
        return bs_golden_upload(w->golden, row, w->pixels);
    float *reordered = w->pixels + e->graph->tensors[e->graph->input].elements;
    to_channels_last(&f, w->pixels, reordered);
    return bs_golden_upload(w->golden, row, reordered);
}
