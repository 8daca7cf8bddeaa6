/* A folder of tensors as .npy files with an index: `--dump DIR`. */
#ifndef BS_CLI_DUMP_FOLDER_H
#define BS_CLI_DUMP_FOLDER_H

#include "base/buf.h"
#include "cli/cli.h"
#include "model/graph.h"

#include <stdbool.h>

/* Sets *chosen[tensor] for the tensors that the options --tensor name; *chosen is NULL if there is none. Free
 * it. */
bs_status bs_choose_tensors(bool **chosen, const bs_args *args, const bs_graph *g);

/* Files are made in a folder beside DIR, which gets its name at the end: so DIR is whole, or is not there.
 * Zero-initialise. */
typedef struct bs_dump {
    const char *path; /* DIR, borrowed; NULL: not open */
    bs_str part;      /* the folder until then */
    bs_str index;     /* text of index.csv */
    bs_str made; /* paths of files and folders, in the order in which they were made, each with its NUL */
    size_t files;
} bs_dump;

/* Makes the folder. columns: those of index.csv that follow `file,tensor,node,op,kind,shape,type`, each after
 * a comma. Fails if DIR is there, unless it is an empty folder. Close it in any case. */
bs_status bs_dump_open(bs_dump *d, const char *path, const char *columns);
/* Makes a folder in it. */
bs_status bs_dump_make_folder(bs_dump *d, const char *name);
/* Writes values of a tensor into a folder in it; the file is named after the tensor. data: as many as the
 * tensor has, in its logical order. */
bs_status bs_dump_write(bs_dump *d, const char *folder, const bs_graph *g, int tensor, const float *data);
/* Adds a line for a tensor's file to index.csv: `folder` stands before the name of the file unless it is
 * NULL; `rest` are the fields of the further columns. */
bs_status bs_dump_list(bs_dump *d, const char *folder, const bs_graph *g, int tensor, const char *rest);
/* Writes index.csv, and gives the folder its name; where `st`, the status so far, is an error, removes it
 * instead. Returns the status. */
bs_status bs_dump_close(bs_dump *d, bs_status st);

/* Appends the name of a tensor's file without its ending: the name of the tensor with all bytes but letters,
 * digits, `_`, `-` and `.` (which is not first) as %XX. Names that are too long end in ~ and the number of
 * the tensor. */
void bs_str_tensor_file(bs_str *s, const bs_graph *g, int tensor);

#endif
