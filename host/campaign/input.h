/* Images as the input of a network. */
#ifndef BS_CAMPAIGN_INPUT_H
#define BS_CAMPAIGN_INPUT_H

#include "campaign/engine.h"
#include "data/dataset.h"

typedef struct bs_input_format {
    int channels, height, width; /* 0 if only the images tell them: the input is a list of values */
    bool channels_last;          /* (H, W, C), as TensorFlow's exporters leave it; else (C, H, W) */
} bs_input_format;

/* Returns the layout of the network's input as an image: (H, W, C) only if that makes 1 or 3 channels and (C,
 * H, W) does not; (H, W) has one channel. */
bs_input_format bs_input_format_of(const bs_graph *g);

/* What becomes the network's input, and how. It owns nothing. */
typedef struct bs_input {
    const bs_graph *graph;
    const bs_dataset *images;
    const bs_preprocess *preprocess;
    bs_input_format format;
} bs_input;

/* Finds the format. The size of an image that becomes a list of values is what preprocessing makes of the
 * first image. All three must outlive *out. BS_USAGE if the list's order or size is not clear. */
bs_status bs_input_open(bs_input *out, const bs_graph *graph, const bs_dataset *images,
                        const bs_preprocess *preprocess);
/* Loads the first image that can be read, to find out whether preprocessing fits the network. */
bs_status bs_input_check(const bs_input *in);

/* Returns how many images of the plan a run may find broken before it ends. */
uint32_t bs_input_most_broken(const bs_plan *plan);
/* Loads the first images of the engine's plan, 16 at most, as a run would. Warns of those that cannot be
 * read; an error if they alone would end the run. */
bs_status bs_input_try(const bs_input *in, const bs_engine *e);

/* Decodes image i and writes the network's input, in its own layout. sha256, broken: as in
 * bs_dataset_try_load(); sha256 may be NULL. */
bs_status bs_input_decode(const bs_input *in, size_t i, float *values, char *sha256, bool *broken);
/* Loads image i into row `row` of the worker's golden run. broken: as above. A backend without pixels gets
 * the index i. */
bs_status bs_input_load(bs_worker *w, int row, const bs_input *in, size_t i, bool *broken);

#endif
