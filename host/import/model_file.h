/* Private to host/import: the bytes of a model file, in memory once.
 *
 * The file is read, not mapped: a campaign takes hours, and a mapped file that somebody overwrites or
 * truncates meanwhile would change the weights under it, or end the process by SIGBUS. The bytes that were
 * read stay, and serve as the data of the tensors: most models are nothing but fp32 weights. */
#ifndef BS_IMPORT_MODEL_FILE_H
#define BS_IMPORT_MODEL_FILE_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

/* The raw_data of a tensor, a part of the file. */
typedef struct bs_raw_data {
    uint8_t *at;
    size_t n;
} bs_raw_data;

typedef struct bs_model_file {
    uint8_t *bytes;
    size_t n;
    bs_raw_data *raw; /* all of the file, see parse.c */
    size_t n_raw, cap_raw;
} bs_model_file;

/* Reads the file at `path` and computes its hash, on several threads. Clear with bs_model_file_clear(). */
bs_status bs_model_file_read(bs_model_file *out, char sha256[65], const char *path, size_t limit);
void bs_model_file_clear(bs_model_file *f);

/* Returns the data at an address for floats: moved down by up to 3 bytes where it is not aligned, over bytes
 * of the file that were parsed. NULL if there is too little data to be worth it. */
float *bs_raw_data_align(bs_raw_data *raw);
/* Gives the memory of data back that was converted into another type. */
void bs_raw_data_drop(const bs_raw_data *raw);

#endif
