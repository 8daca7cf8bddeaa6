#include "model/import.h"

#include "base/text.h"

#include <string.h>

static const char *text(const char *s)
{
    return s ? s : "";
}

static const bs_value no_value = {.name = "", .maker = -1, .node = -1, .tensor = -1};

int bs_names_find(const bs_import *im, const char *name)
{
    ENTRY *found = NULL;
    struct hsearch_data *table = (struct hsearch_data *)&im->names; /* FIND does not modify it */
    if (!*text(name) || !hsearch_r((ENTRY){.key = (char *)name}, FIND, &found, table))
        return -1;
    return (int)(intptr_t)found->data;
}

static bs_status add_value(bs_import *im, const char *name, const Onnx__TensorProto *stored, int maker)
{
    ENTRY *found = NULL;
    bs_value *v = &im->values[im->n_values];
    *v = (bs_value){.name = name, .stored = stored, .maker = maker, .node = -1, .tensor = -1};
    /* An unnamed output is not needed: nothing can read it. */
    if (*name) {
        if (bs_names_find(im, name) >= 0) {
            bs_fail(BS_ERR, "tensor '%s' is defined twice", name);
            return bs_hint("each tensor name may be made once; check the model with onnx.checker");
        }
        if (!hsearch_r((ENTRY){(char *)name, (void *)(intptr_t)im->n_values}, ENTER, &found, &im->names))
            return bs_oom("tensor names");
    }
    im->n_values++;
    return BS_OK;
}

/* Strings of protobuf are UTF-8. Other names would make invalid text in the result file. */
static bs_status check_utf8(const char *what, const char *name)
{
    if (!name || bs_utf8_valid(name))
        return BS_OK;
    bs_fail(BS_ERR, "the name of the %s '%.200s' is not UTF-8", what, name);
    return bs_hint("a valid ONNX file has names in UTF-8 only; export the model again with other names");
}

static bs_status check_names(const Onnx__GraphProto *g)
{
    for (size_t k = 0; k < g->n_initializer; k++)
        BS_TRY(check_utf8("tensor", g->initializer[k]->name));
    for (size_t k = 0; k < g->n_input; k++)
        BS_TRY(check_utf8("input", g->input[k]->name));
    for (size_t k = 0; k < g->n_node; k++) {
        BS_TRY(check_utf8("node", g->node[k]->name));
        for (size_t o = 0; o < g->node[k]->n_output; o++)
            BS_TRY(check_utf8("tensor", g->node[k]->output[o]));
    }
    return BS_OK;
}

bs_status bs_names_of_initializers(bs_import *im)
{
    const Onnx__GraphProto *g = im->file;
    BS_TRY(check_names(g));
    size_t count = 1 + g->n_initializer + g->n_input;
    for (size_t k = 0; k < g->n_node; k++)
        count += g->node[k]->n_output;
    if (count > INT32_MAX / 4)
        return bs_fail(BS_ERR, "the model has too many tensors (%zu)", count);
    BS_TRY(bs_calloc(&im->values, count, sizeof *im->values, "tensors"));
    if (!hcreate_r(2 * count + 16, &im->names))
        return bs_oom("tensor names");
    im->has_names = true;
    im->values[0] = no_value;
    im->n_values = 1; /* 0 is the image, which bs_names_choose_image() moves there */
    for (size_t k = 0; k < g->n_initializer; k++)
        BS_TRY(add_value(im, text(g->initializer[k]->name), g->initializer[k], -1));
    return BS_OK;
}

/* Initializers may be listed as inputs too (before IR version 4 they had to be). */
bs_status bs_names_of_inputs(bs_import *im)
{
    for (size_t k = 0; k < im->file->n_input; k++)
        if (bs_names_find(im, im->file->input[k]->name) < 0)
            BS_TRY(add_value(im, text(im->file->input[k]->name), NULL, -1));
    return BS_OK;
}

void bs_names_choose_image(bs_import *im, int index)
{
    ENTRY *found = NULL;
    if (!hsearch_r((ENTRY){.key = (char *)im->values[index].name}, FIND, &found, &im->names))
        return;
    found->data = (void *)(intptr_t)0;
    im->values[0] = im->values[index];
    im->values[index] = no_value;
    im->input = 0;
}

bs_status bs_names_of_activations(bs_import *im)
{
    const Onnx__GraphProto *g = im->file;
    for (size_t k = 0; k < g->n_node; k++)
        for (size_t o = 0; o < g->node[k]->n_output; o++)
            BS_TRY(add_value(im, text(g->node[k]->output[o]), NULL, (int)k));
    return BS_OK;
}

/* One pass backwards suffices since the nodes of a file must be in topological order; if they are not, the
 * node that reads too early fails later. */
void bs_names_mark_wanted(bs_import *im)
{
    im->values[im->output].wanted = true;
    for (size_t k = im->file->n_node; k-- > 0;) {
        const Onnx__NodeProto *n = im->file->node[k];
        bool wanted = false;
        for (size_t o = 0; o < n->n_output && !wanted; o++) {
            int v = bs_names_find(im, n->output[o]);
            wanted = v >= 0 && im->values[v].wanted;
        }
        for (size_t i = 0; wanted && i < n->n_input; i++) {
            int v = bs_names_find(im, n->input[i]);
            if (v >= 0)
                im->values[v].wanted = true;
        }
    }
}
