/* Reads an ONNX file into a graph. */
#ifndef BS_IMPORT_ONNX_FILE_H
#define BS_IMPORT_ONNX_FILE_H

#include "model/graph.h"

/* Imports an ONNX file (opset 7 to 25). options: NULL: none. Free *out with bs_graph_free(). Errors name node
 * and operator. */
bs_status bs_graph_import(bs_graph **out, const char *path, const bs_import_options *options);

/* Returns true for an operator that the importer can replace by several others: its nodes may have any of the
 * operators in BS_OPS. */
bool bs_operator_is_made_of_others(const char *op);

#endif
