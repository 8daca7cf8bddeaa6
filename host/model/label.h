/* The names under which people see tensors. */
#ifndef BS_MODEL_LABEL_H
#define BS_MODEL_LABEL_H

#include "base/buf.h"
#include "base/common_path.h"
#include "model/graph.h"

#include <stdbool.h>

/* Returns true for a name that means nothing to people, because an exporter made it up: "onnx::Conv_55",
 * "55", "val_12", "const_fold_opt__7". */
bool bs_name_is_made_up(const char *name);
/* Appends the label of a tensor: its name, or if that is made up and the name of its node is not, the node's
 * with the tensor's role there: "/layer1/conv1/Conv.weight". node, role: may be NULL. */
void bs_str_label(bs_str *out, const char *name, const char *node, const char *role);
/* Finds the path that the labels of all targets have in common. */
bs_status bs_graph_common_path(bs_common_path *out, const bs_graph *g);

/* Returns the width of a column with the operators of a network, under the heading "operator". */
int bs_graph_operator_width(const bs_graph *g);

#endif
