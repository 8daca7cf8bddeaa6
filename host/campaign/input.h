/* Images as a network's input. */
#ifndef BS_CAMPAIGN_INPUT_H
#define BS_CAMPAIGN_INPUT_H

#include "campaign/engine.h"
#include "data/dataset.h"

typedef struct bs_input_format {
    int channels, height, width;
    bool channels_last; /* (H, W, C), as TensorFlow's exporters leave it; else (C, H, W) */
} bs_input_format;

/* What the network's input tensor is if images fill it: (H, W, C) where only that makes 1 or 3 channels. */
bs_input_format bs_input_format_of(const bs_graph *g);

/* Loads image i into `row` of the worker's golden rows, in the network's own order. sha256, broken: as in
 * bs_dataset_try_load(), sha256 may be NULL. Backends without pixels get the index. */
bs_status bs_input_load(bs_worker *w, int row, const bs_dataset *images, size_t i, const bs_preprocess *p,
                        char *sha256, bool *broken);

#endif
