/* The device interface: the operations that replay and the campaign need of a device, as a table of
 * functions. Each backend (cpu, cuda, null) fills one table; no other file knows which backend runs.
 *
 *   bs_device   an opened device                            shared by threads
 *   bs_network  a graph loaded onto it: parameters, plans   shared by threads
 *   bs_stream   one worker's execution context              one thread at a time
 *
 * Rows. A call works on n samples. The data of a tensor for one sample is a *row* of row_bytes() bytes; only
 * the backend knows its layout. A batch is n rows, one after the other. Device pointers are plain `void *`:
 * callers may add multiples of row_bytes() to them, but only the backend reads or writes what they point to.
 *
 * Exactness (the contract of the whole program): the value of an output row depends on the input rows it is
 * computed from and on nothing else: not on the batch, its position there, threads, or earlier calls. */
#ifndef BS_BACKEND_BACKEND_H
#define BS_BACKEND_BACKEND_H

#include "base/error.h"
#include "bits.h"
#include "cache/cache.h"
#include "model/graph.h"
#include "rank.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct bs_device bs_device;
typedef struct bs_network bs_network;
typedef struct bs_stream bs_stream;

/* Identity of a device. Where name, isa or library differ between two runs, their numerics may differ. */
typedef struct bs_device_info {
    char name[128];     /* "AMD EPYC", "NVIDIA H200" */
    char isa[64];       /* "avx512", "sm_90" */
    char library[128];  /* "oneDNN 2.6.3", "cuDNN 9.19, cuBLAS 13.0" */
    const char *math;   /* arithmetic of products, part of isa: "tf32", "native"; NULL: fp32 */
    size_t memory;      /* free bytes of its own memory, 0: it uses the host's */
    int streams, batch; /* preferred numbers of workers and of trials in a batch, 0: no preference */
} bs_device_info;

/* Input rows of n samples: sample i reads row rows[i], or row i if rows is NULL. */
typedef struct bs_view {
    const void *base;
    const int32_t *rows;
} bs_view;

/* The sites of n samples: sample i has sites[first[i] .. first[i + 1]). `before`, if not NULL, receives the
 * bits that each site held, by the same index as sites. */
typedef struct bs_faults {
    const bs_site *sites;
    const uint32_t *first;
    uint32_t *before;
} bs_faults;

/* A constant input of a node with the faults of n samples in it. */
typedef struct bs_faulty_input {
    int input;
    bs_faults faults;
} bs_faulty_input;

/* Ways for run_faulty() to evaluate faulty parameters. Both give the same bits, as the self-test checks. */
typedef enum bs_faulty_mode {
    BS_FAULTY_DENSE,    /* the whole node with modified copies of the parameters: the reference */
    BS_FAULTY_CHANNELS, /* of one parameter, where all other inputs are golden: only output channels that the
                           fault can change; the rest from golden_out */
} bs_faulty_mode;

/* Patches: for each sample one box of rows and columns of a tensor, as planes.h defines them (images: with
 * all channels; tokens: one column). All have one size, and each has an origin of its own. A patch is stored
 * as the row of a tensor with size[0] rows and size[1] columns would be. */
typedef struct bs_patches {
    int size[2];              /* rows, columns */
    const int32_t *origin[2]; /* by place: first row, first column; may lie outside the tensor in gather().
                                 NULL: 0 everywhere */
    const int32_t *at[2];     /* by sample: its place; NULL: sample i has place i */
    int places[2];            /* with `at`: elements of origin */
} bs_patches;

/* Returns the first row (axis 0) or column of a sample's patch. */
static inline int32_t bs_patch_origin(const bs_patches *p, int axis, int sample)
{
    return p->origin[axis] ? p->origin[axis][p->at[axis] ? p->at[axis][sample] : sample] : 0;
}

/* What load() may use. */
typedef struct bs_load_options {
    bs_cache *cache; /* facts of earlier loads; NULL: none. It must outlive the network */
    int threads;     /* threads that may prepare parameters side by side; 0: one */
    /* The same graph on another device of the same kind, whose implementations are taken over: it is an error
     * if this device lacks one. NULL: they are selected. */
    const bs_network *like;
} bs_load_options;

typedef struct bs_backend {
    const char *name;
    bool needs_pixels;  /* false: images are not decoded, and upload() gets one float, the image's index */
    size_t cache_bytes; /* of activations that are quick to read again after a use; 0: as good as all */
    /* Sides of patches that the segments of a delta replay have schedules for, ascending; none: many sizes. A
     * device wants few, so that batches are large. */
    int extents[4];
    /* The largest run for autotuning, which times two ways of computing the same: samples,
     * multiply-accumulates, bytes. No samples: there is no arithmetic to time. */
    struct {
        int samples;
        double macs, bytes;
    } autotune;

    /* Returns the number of devices; with the reason in `why`, 0 if the machine has none, and -1 if it has
     * one that cannot be used: only that is worth a message to those who asked for any device. */
    int (*device_count)(char *why, size_t len);
    /* Opens device `ordinal`. options: the text after the first comma of --device, NULL if there is none. */
    bs_status (*open)(bs_device **out, int ordinal, const char *options);
    void (*close)(bs_device *d);
    void (*describe)(const bs_device *d, bs_device_info *out);

    /* Returns true if `node` of g can run here, else false with the reason in `why`. Called for every node
     * before load(). */
    bool (*supports)(const bs_graph *g, int node, char *why, size_t len);
    /* Loads g: prepares parameters and plans. `g` must outlive the network. options: NULL: none. */
    bs_status (*load)(bs_network **out, bs_device *d, const bs_graph *g, const bs_load_options *options);
    void (*unload)(bs_network *n);
    /* Returns a hash of the implementations that were selected for the nodes: equal hashes, equal arithmetic
     * on one device. Optional: without it there is nothing to select. */
    uint64_t (*selection)(const bs_network *n);
    size_t (*row_bytes)(const bs_network *n, int tensor);
    /* Returns the tensor whose rows in memory are those of `tensor`, too, so that its node need not run; -1:
     * none. */
    int (*view_of)(const bs_network *n, int tensor);

    bs_status (*stream_open)(bs_stream **out, bs_network *n);
    void (*stream_close)(bs_stream *stream);
    /* Waits until the device has finished all work submitted to the stream. NULL: every call waits. Where
     * there is one, what inject() writes to `before`, and compare() to `equal`, is there after wait(), or
     * after a call that returns data: bounds(), rank(), download(). The arrays must live until then. */
    bs_status (*wait)(bs_stream *stream);
    bs_status (*alloc)(bs_stream *stream, void **out, size_t bytes);
    void (*free)(bs_stream *stream, void *p);

    /* Convert one sample between the host's logical (C, H, W) order and a device row. */
    bs_status (*upload)(bs_stream *stream, int tensor, void *row, const float *data);
    bs_status (*download)(bs_stream *stream, int tensor, const void *row, float *data);

    /* Runs a node on n samples. in[k] is the view of input k, ignored for constant and absent inputs. `out`
     * receives n rows and overlaps no input. */
    bs_status (*run)(bs_stream *stream, int node, int n, const bs_view *in, void *out);
    /* Runs all nodes of region `region` of the graph on n samples, with the bits of its nodes run one by one.
     * in[k]: input k of the region's `node`. size: rows and columns of the patches that inputs and output
     * are; NULL: whole rows. */
    bs_status (*run_region)(bs_stream *stream, int region, int n, const int size[2], const bs_view *in,
                            void *out);
    /* The same as run() with faulty constants, in n_faulty different inputs: sample i sees each with its
     * sites there. golden_out: rows of the fault-free output for the same samples, read in BS_FAULTY_CHANNELS
     * only, which takes one faulty input. */
    bs_status (*run_faulty)(bs_stream *stream, int node, int n_faulty, const bs_faulty_input *faulty, int n,
                            const bs_view *in, bs_view golden_out, bs_faulty_mode mode, void *out);

    bs_status (*copy_rows)(bs_stream *stream, int tensor, int n, bs_view src, void *dst);
    /* Copies rows from[k] over rows to[k], k < n, in a block of rows of row_bytes each. No row is both a
     * source and a destination. */
    bs_status (*move_rows)(bs_stream *stream, int n, void *rows, size_t row_bytes, const int32_t *to,
                           const int32_t *from);
    bs_status (*inject)(bs_stream *stream, int tensor, int n, void *rows, const bs_faults *f);
    /* Sets equal[i] to 1 if row i equals its golden row bit for bit, wherever the network's output can depend
     * on it (planes.h), else to 0. */
    bs_status (*compare)(bs_stream *stream, int tensor, int n, const void *rows, bs_view golden,
                         uint8_t *equal);
    /* Delta replay: the same operations on patches. A backend without them leaves patch_bytes NULL.
     * patch_bytes() returns 0 for a tensor that cannot be cut into patches. */
    size_t (*patch_bytes)(const bs_network *n, int tensor, const int size[2]);
    /* Returns true if the node can compute patches of out_size from patches of in_size, which is the size of
     * all its activations but those that it reads whole. Asked for nodes whose rows and columns depend on a
     * window of those of the input. */
    bool (*patch_supported)(bs_network *n, int node, const int in_size[2], const int out_size[2]);
    /* Sets patch i of dst to its part of golden row i, overlaid with live patch i; cells outside the tensor
     * become `fill`. `live` may be NULL. The tensor may be a parameter that can be cut. */
    bs_status (*gather)(bs_stream *stream, int tensor, int n, bs_view golden, const void *live,
                        const bs_patches *live_at, const bs_patches *want, float fill, void *dst);
    /* Runs the node on patches, without its own padding: the input patches hold the values that it would read
     * there. An activation for which bs_reads_whole() is true comes as whole rows; a parameter for which it
     * is not comes as patches, too. */
    bs_status (*run_patch)(bs_stream *stream, int node, int n, const int in_size[2], const bs_view *in,
                           const int out_size[2], void *out);
    /* Injects into patches. Sites are numbered as in the whole tensor and must lie in their patches. */
    bs_status (*inject_patch)(bs_stream *stream, int tensor, int n, const bs_patches *at, void *rows,
                              const bs_faults *f);
    bs_status (*compare_patch)(bs_stream *stream, int tensor, int n, const bs_patches *at, const void *rows,
                               bs_view golden, uint8_t *equal);
    /* Finds where rows of images (C, H, W) differ from golden: for sample i, bounds[i] = {first row, first
     * column, rows, columns}, all 0 if nothing differs. Optional: without it, the boxes of a delta stay as
     * wide as any trial needs them. */
    bs_status (*bounds)(bs_stream *stream, int tensor, int n, bs_view rows, bs_view golden,
                        int32_t (*bounds)[4]);
    /* Writes the answers (rank.h) of n output rows. golden_class[i] < 0, or golden_class NULL: the sample is
     * a golden run, whose top class is the golden class. */
    bs_status (*rank)(bs_stream *stream, int n, const void *rows, const int32_t *golden_class,
                      bs_answer *out);
} bs_backend;

/* Waits where a backend need not have finished. */
static inline bs_status bs_backend_wait(const bs_backend *b, bs_stream *stream)
{
    return b->wait ? b->wait(stream) : BS_OK;
}

/* Devices of one backend, in the order in which they were named. */
enum { BS_MAX_DEVICES = 64 };
typedef struct bs_device_choice {
    const bs_backend *backend;
    int n, ordinal[BS_MAX_DEVICES];
    const char *options; /* of each of them, within `spec`; NULL: none */
} bs_device_choice;

/* Finds what `spec` names: "cpu", "null", "cuda", "cuda:1", "cuda:0-3", "cuda:0,2", "cuda:all", or "auto"
 * (one device of the best backend that has any). Options may follow, "cuda:0,2,OPTION,...": none of them
 * begins with a digit. BS_USAGE: it names no device, or one twice; BS_NO_DEVICE: the machine lacks one of
 * them. */
bs_status bs_backend_find(bs_device_choice *out, const char *spec);
/* Calls supports() for all nodes; fails with a message that names the unsupported ones. */
bs_status bs_backend_check(const bs_backend *b, const bs_graph *g);

extern const bs_backend bs_null_backend;
extern const bs_backend bs_cpu_backend;
#ifdef BITSINK_CUDA
extern const bs_backend bs_cuda_backend;
#endif

/* Returns backend number i in the order in which "auto" tries them, NULL after the last. */
const bs_backend *bs_backend_at(int i);

#endif
