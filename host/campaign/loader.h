/* Images decoded ahead of compute: threads of their own make the network's input of a list of images, in the
 * order in which workers will want them, as far ahead as memory for it goes. Each image is decoded once. */
#ifndef BS_CAMPAIGN_LOADER_H
#define BS_CAMPAIGN_LOADER_H

#include "campaign/input.h"

typedef struct bs_loader bs_loader;

typedef struct bs_loaded {
    bool broken;     /* its file cannot be read or decoded: there are no values, */
    bs_error error;  /* and this says why */
    char sha256[65]; /* of the file, as bs_dataset_load() says; "" where images are not looked at */
    size_t bytes;    /* of the values */
    float values[];  /* in the network's own layout */
} bs_loaded;

/* Begins to load the n images of a plan listed in `image`, for the engine's workers, which take them in tiles
 * of `tile`. input, engine and list must outlive the loader. On a device that shares the host's cores one
 * thread loads, else one on each core that no worker needs; where the system grants none, workers load
 * themselves. For a backend without pixels, nothing is decoded, and an image's value is its index. Free
 * with bs_loader_close(), also after an error. */
bs_status bs_loader_open(bs_loader **out, const bs_input *input, const bs_engine *engine,
                         const uint32_t *image, uint32_t n, uint32_t tile);
void bs_loader_close(bs_loader *l);
/* Waits for image number k of the list, and for no memory: what workers want is loaded even if that exceeds
 * the memory set aside. Whoever waits also loads, if there are images that no thread has begun. *out is valid
 * until its tile is released. An error is that of the job, or of memory; then nothing more is loaded. */
bs_status bs_loader_get(bs_loader *l, uint32_t k, const bs_loaded **out);
/* Frees the images of a tile: no worker wants them any more. */
void bs_loader_release(bs_loader *l, uint32_t tile);
/* Returns how many images have been decoded. */
uint64_t bs_loader_decoded(bs_loader *l);

#endif
