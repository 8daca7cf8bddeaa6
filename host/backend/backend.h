/* What a device must be able to do. Everything above (replay, campaign) is written against this table; no
 * other file knows which backend runs.
 *
 *   bs_device   an opened device                            shared by threads
 *   bs_network  a graph loaded onto it: parameters, plans   shared by threads
 *   bs_stream     one worker's execution context              one thread at a time
 *
 * Rows. A tensor's data for one sample is a *row* of row_bytes() bytes; its layout is the backend's secret.
 * Batches are rows one after the other. Device pointers are plain `void *` that only the backend may read,
 * but row * row_bytes() arithmetic on them is allowed.
 *
 * Exactness (the contract of the whole product): the value of an output row depends on the input rows it is
 * computed from and nothing else: not on the batch, the position in it, threads, or earlier calls. */
#ifndef BS_BACKEND_BACKEND_H
#define BS_BACKEND_BACKEND_H

#include "base/error.h"
#include "bits.h"
#include "model/graph.h"
#include "rank.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct bs_device bs_device;
typedef struct bs_network bs_network;
typedef struct bs_stream bs_stream;

/* Identity of the arithmetic; what of it differs between two runs makes their numerics differ. */
typedef struct bs_device_info {
    char name[128];     /* "AMD EPYC", "NVIDIA H200" */
    char isa[64];       /* "avx512", "sm_90" */
    char library[128];  /* "oneDNN 2.6.3", "cuDNN 9.19, cuBLAS 13.0" */
    size_t memory;      /* free bytes of the device's own, 0: it uses the host's */
    int streams, batch; /* workers and trials side by side that suit it, 0: no preference */
} bs_device_info;

/* n input rows: sample i reads row rows[i], or row i where rows is NULL. */
typedef struct bs_view {
    const void *base;
    const int32_t *rows;
} bs_view;

/* The sites of n samples: sample i owns sites[first[i] .. first[i + 1]). `before`, if not NULL, receives the
 * bits each site held, same indices as sites. */
typedef struct bs_faults {
    const bs_site *sites;
    const uint32_t *first;
    uint32_t *before;
} bs_faults;

/* How run_faulty() evaluates a faulty parameter. Both give the same bits, or the self-test says otherwise. */
typedef enum bs_faulty_mode {
    BS_FAULTY_DENSE,    /* the whole node with a modified copy of the parameter: the reference */
    BS_FAULTY_CHANNELS, /* only output channels the fault can change; the rest is copied from golden_out */
} bs_faulty_mode;

/* Patches: a box of rows and columns of a tensor, as planes.h sees it (images: all channels; tokens: one
 * column), one a sample, all of one size, each at an origin of its own. Stored as rows of a tensor that has
 * size[0] rows and size[1] columns instead would be. */
typedef struct bs_patches {
    int size[2];              /* rows, columns */
    const int32_t *origin[2]; /* of sample i: first row, first column; a patch to be gathered may hang over */
} bs_patches;

typedef struct bs_backend {
    const char *name;
    bool needs_pixels; /* false: images are not decoded, upload() gets one float, the image's index */
    /* How much to run at once, at most, when autotuning times which of two ways is quicker: samples,
     * multiply-accumulates, bytes. No samples: there is no arithmetic whose time could tell. */
    struct {
        int samples;
        double macs, bytes;
    } autotune;

    /* Number of devices; 0 with the reason in `why` where there is none. */
    int (*device_count)(char *why, size_t len);
    /* options: what followed the first comma of --device, NULL if nothing did. */
    bs_status (*open)(bs_device **out, int ordinal, const char *options);
    void (*close)(bs_device *d);
    void (*describe)(const bs_device *d, bs_device_info *out);

    /* Can `node` of g run here? If not, the reason is in `why`. Mandatory; asked for every node before
     * load(). */
    bool (*supports)(const bs_graph *g, int node, char *why, size_t len);
    /* `g` must outlive the network. */
    bs_status (*load)(bs_network **out, bs_device *d, const bs_graph *g);
    void (*unload)(bs_network *n);
    size_t (*row_bytes)(const bs_network *n, int tensor);

    bs_status (*stream_open)(bs_stream **out, bs_network *n);
    void (*stream_close)(bs_stream *stream);
    /* Waits until the device has done all that the stream has asked of it. NULL: every call waits. */
    bs_status (*wait)(bs_stream *stream);
    bs_status (*alloc)(bs_stream *stream, void **out, size_t bytes);
    void (*free)(bs_stream *stream, void *p);

    /* One sample between the host's logical (C, H, W) order and a device row. */
    bs_status (*upload)(bs_stream *stream, int tensor, void *row, const float *data);
    bs_status (*download)(bs_stream *stream, int tensor, const void *row, float *data);

    /* Runs a node on n samples. in[k] is the view of input k; ignored for constant and absent inputs.
     * `out` receives n rows and overlaps no input. */
    bs_status (*run)(bs_stream *stream, int node, int n, const bs_view *in, void *out);
    /* The same where input `input`, a constant, is faulty: sample i sees the sites of f for i.
     * golden_out: rows of the fault-free output for the same samples (read in BS_FAULTY_CHANNELS only). */
    bs_status (*run_faulty)(bs_stream *stream, int node, int input, int n, const bs_view *in,
                            bs_view golden_out, const bs_faults *f, bs_faulty_mode mode, void *out);

    bs_status (*copy_rows)(bs_stream *stream, int tensor, int n, bs_view src, void *dst);
    /* Rows to[k] become rows from[k], k < n, of a block of rows of row_bytes each; no row is both. */
    bs_status (*move_rows)(bs_stream *stream, int n, void *rows, size_t row_bytes, const int32_t *to,
                           const int32_t *from);
    bs_status (*inject)(bs_stream *stream, int tensor, int n, void *rows, const bs_faults *f);
    /* equal[i] = 1 if row i equals its golden row bit for bit, else 0. */
    bs_status (*compare)(bs_stream *stream, int tensor, int n, const void *rows, bs_view golden,
                         uint8_t *equal);
    /* Delta replay: the same operations on patches. A backend without them leaves patch_bytes NULL; it is 0
     * for a tensor that cannot be cut into patches. */
    size_t (*patch_bytes)(const bs_network *n, int tensor, const int size[2]);
    /* Can the node make patches of out_size from patches of in_size (one size for all its activations but
     * those that it reads whole)? Asked for nodes whose rows and columns depend on a window of the input's.
     */
    bool (*patch_supported)(bs_network *n, int node, const int in_size[2], const int out_size[2]);
    /* dst patch i = golden row i overlaid with live patch i; cells outside the tensor are `fill`.
     * live may be NULL. */
    bs_status (*gather)(bs_stream *stream, int tensor, int n, bs_view golden, const void *live,
                        const bs_patches *live_at, const bs_patches *want, float fill, void *dst);
    /* The node on patches, its own padding left out: what it would read there is in the input patches. An
     * input that bs_reads_whole() comes as whole rows. */
    bs_status (*run_patch)(bs_stream *stream, int node, int n, const int in_size[2], const bs_view *in,
                           const int out_size[2], void *out);
    /* Sites are numbered as in the whole tensor and must lie in their patches. */
    bs_status (*inject_patch)(bs_stream *stream, int tensor, int n, const bs_patches *at, void *rows,
                              const bs_faults *f);
    bs_status (*compare_patch)(bs_stream *stream, int tensor, int n, const bs_patches *at, const void *rows,
                               bs_view golden, uint8_t *equal);
    /* Where rows of images (C, H, W) differ from golden: of sample i, bounds[i] = {first row, first column,
     * rows, columns}, all 0 where nothing differs. Optional: without it the boxes of a delta stay as wide as
     * any trial needs them. */
    bs_status (*bounds)(bs_stream *stream, int tensor, int n, bs_view rows, bs_view golden,
                        int32_t (*bounds)[4]);
    /* Answers of n output rows; golden_class[i] < 0, or golden_class NULL: rank by itself. */
    bs_status (*rank)(bs_stream *stream, int n, const void *rows, const int32_t *golden_class,
                      bs_answer *out);
} bs_backend;

/* The registry. `spec`: "cpu", "null", "cuda", "cuda:1", "cuda:1,OPTION,...", or "auto" (the best that has a
 * device). On success *ordinal is the device number, *options the rest of spec or NULL. */
bs_status bs_backend_find(const bs_backend **out, int *ordinal, const char **options, const char *spec);
/* Calls supports() for all nodes; fails naming each unsupported node. */
bs_status bs_backend_check(const bs_backend *b, const bs_graph *g);

extern const bs_backend bs_null_backend;
extern const bs_backend bs_cpu_backend;
#ifdef BITSINK_CUDA
extern const bs_backend bs_cuda_backend;
#endif

/* Backend number i in the order in which "auto" tries them; NULL behind the last. */
const bs_backend *bs_backend_at(int i);

#endif
