/* Golden runs: the fault-free activations of a tile of images, kept in device memory for the replay to
 * read. */
#ifndef BS_REPLAY_GOLDEN_H
#define BS_REPLAY_GOLDEN_H

#include "backend/backend.h"

#include <stdint.h>

typedef struct bs_golden {
    const bs_backend *backend;
    const bs_graph *graph;
    const bs_network *network;
    bs_stream *stream;
    int capacity;
    int n;       /* images of the last run */
    void **rows; /* by tensor: `capacity` device rows, those of another tensor where it is a view of that; one
                    row of a parameter that can be cut; NULL: any other parameter, or inside a region that is
                    not expanded */
    int *at_once;                     /* by node: images that run at a time */
    int expanded;                     /* the region whose tensors have rows, -1: none */
    uint8_t *made;                    /* by image: whether these rows are computed */
    void *inner[BS_REGION_NODES - 1]; /* the rows, by node of the region; device */
    bs_answer *answer;
    uint64_t *output_hash; /* XXH3-64 of the output's bits, logical order */
    float *output;         /* host copy of the outputs, capacity x classes */
} bs_golden;

/* Returns the device memory that one image takes. */
size_t bs_golden_image_bytes(const bs_graph *g, const bs_backend *backend, const bs_network *network);

/* Allocates room for `capacity` images in the stream's device memory. Free with bs_golden_free(). */
bs_status bs_golden_create(bs_golden **out, const bs_graph *g, const bs_backend *backend,
                           const bs_network *network, bs_stream *stream, int capacity);
void bs_golden_free(bs_golden *golden);

/* Uploads image `i` of the tile. `data`, in the layout of backend->upload(), is rounded in place to the
 * input's type. */
bs_status bs_golden_upload(bs_golden *golden, int i, float *data);
/* golden_order.c. Sets at_once[i] to the images, 1 to `most`, that node i should take at a time. The number
 * never falls from a node to the next: where activations are large, few images go through many nodes, which
 * then find their inputs in the cache; later ones share the reading of parameters. */
void bs_golden_order(int *at_once, const bs_graph *g, const bs_backend *backend, const bs_network *network,
                     int most);
/* Runs the first n uploaded images; fills rows, answer, output and output_hash. */
bs_status bs_golden_run(bs_golden *golden, int n);
/* Computes the tensors inside a region for n images (row: NULL: for the first n), so that their rows are
 * there until another region is expanded. */
bs_status bs_golden_expand(bs_golden *golden, int region, int n, const int32_t *row);
/* Makes these rows of any activation readable: expands the region that it is inside, if any. */
bs_status bs_golden_need(bs_golden *golden, int tensor, int n, const int32_t *row);

#endif
