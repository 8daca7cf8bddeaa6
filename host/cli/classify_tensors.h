/* Golden values of tensors: `bitsink classify --tensor NAME [--dump DIR]`. */
#ifndef BS_CLI_CLASSIFY_TENSORS_H
#define BS_CLI_CLASSIFY_TENSORS_H

#include "cli/dump_folder.h"
#include "replay/golden.h"

/* Zero-initialise. */
typedef struct bs_classify_tensors {
    const bs_graph *graph;
    bool *chosen; /* by tensor; NULL: none */
    float *data;  /* of one of them */
    bs_dump folder;
} bs_classify_tensors;

/* Reads the options; makes the folder if they ask for one. Close it in any case. */
bs_status bs_classify_tensors_open(bs_classify_tensors *t, const bs_args *args, const bs_graph *g);
/* Appends what to say of the chosen tensors of an image, the only one of `golden`, to *text, and writes their
 * files. One image at a time. */
bs_status bs_classify_tensors_show(bs_classify_tensors *t, bs_str *text, bs_golden *golden, size_t image,
                                   const char *path, bool json);
/* As bs_dump_close(). */
bs_status bs_classify_tensors_close(bs_classify_tensors *t, bs_status st);

#endif
