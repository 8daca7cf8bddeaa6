/* Reads an ONNX file into a graph. */
#ifndef BS_IMPORT_ONNX_FILE_H
#define BS_IMPORT_ONNX_FILE_H

#include "model/graph.h"

/* Imports an ONNX file (opset 7 to 25). options: NULL: none. Free *out with bs_graph_free(). Errors name node
 * and operator. */
bs_status bs_graph_import(bs_graph **out, const char *path, const bs_import_options *options);

#endif
