/* Loads images as the input of a network. */
#ifndef BS_CAMPAIGN_INPUT_H
#define BS_CAMPAIGN_INPUT_H

#include "campaign/engine.h"
#include "data/dataset.h"

typedef struct bs_input_format {
    int channels, height, width;
    bool channels_last; /* (H, W, C), as TensorFlow's exporters leave it; else (C, H, W) */
} bs_input_format;

/* Returns the layout of the network's input as an image: (H, W, C) only if that makes 1 or 3 channels and (C,
 * H, W) does not. */
bs_input_format bs_input_format_of(const bs_graph *g);

/* Loads image i into row `row` of the worker's golden run, in the network's own layout. sha256, broken: as in
 * bs_dataset_try_load(); sha256 may be NULL. A backend without pixels gets the index i. */
bs_status bs_input_load(bs_worker *w, int row, const bs_dataset *images, size_t i, const bs_preprocess *p,
                        char *sha256, bool *broken);

#endif
