#include "model/label.h"

#include <stdlib.h>
#include <string.h>

/* Returns the length of the text without the digits at the end of its first n characters. */
static size_t without_digits(const char *text, size_t n)
{
    while (n > 0 && text[n - 1] >= '0' && text[n - 1] <= '9')
        n--;
    return n;
}

/* Returns true for the output of a Constant node of PyTorch: "/features/Constant_3_output_0". */
static bool is_constant(const char *name)
{
    static const char begin[] = "Constant", end[] = "_output_0";
    const char *slash = strrchr(name, '/'), *last = slash ? slash + 1 : name;
    size_t n = strlen(last), least = sizeof begin - 1 + sizeof end - 1;
    return n >= least && strncmp(last, begin, sizeof begin - 1) == 0 &&
           strcmp(last + n - (sizeof end - 1), end) == 0;
}

bool bs_name_is_made_up(const char *name)
{
    /* What exporters and optimisers put before a number. tf2onnx has two underscores before each of its own.
     */
    static const char *const stems[] = {"",     "val_",   "_val_",     "_v_",
                                        "tmp_", "const_", "constant_", "Constant_"};
    size_t length = strlen(name), n = without_digits(name, length);
    if (strncmp(name, "onnx::", 6) == 0 || is_constant(name))
        return true;
    if (strchr(name, '/'))
        return false;
    if (n > 0 && n < length && name[n - 1] == ':') { /* the number of a node's output */
        length = n - 1;
        n = without_digits(name, length);
    }
    if (n == length)
        return false;
    for (size_t i = 0; i < sizeof stems / sizeof *stems; i++)
        if (strlen(stems[i]) == n && strncmp(name, stems[i], n) == 0)
            return true;
    return n > 1 && strncmp(name + n - 2, "__", 2) == 0;
}

void bs_str_label(bs_str *out, const char *name, const char *node, const char *role)
{
    bool by_node = node && *node && bs_name_is_made_up(name) && !bs_name_is_made_up(node);
    bs_str_puts(out, by_node ? node : name);
    if (by_node && role)
        bs_str_printf(out, ".%s", role);
}

bs_status bs_graph_common_path(bs_common_path *out, const bs_graph *g)
{
    const char **names;
    BS_TRY(bs_calloc(&names, (size_t)g->n_targets, sizeof *names, "targets"));
    for (int id = 0; id < g->n_targets; id++)
        names[id] = bs_graph_label(g, id);
    bs_status st = bs_common_path_find(out, names, (size_t)g->n_targets);
    free(names);
    return st;
}

int bs_graph_operator_width(const bs_graph *g)
{
    size_t width = strlen("operator");
    for (int k = 0; k < g->n_nodes; k++) {
        size_t n = strlen(bs_op_name(g->nodes[k].op));
        width = n > width ? n : width;
    }
    return (int)width;
}
