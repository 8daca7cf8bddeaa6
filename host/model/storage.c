#include "model/storage.h"

#include "base/buf.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

bs_dtype bs_storage_others(bs_dtype weights)
{
    return bs_dtype_word_of(weights).bits >= 16 ? weights : BS_DTYPE_FP32;
}

bs_storage bs_storage_of(bs_dtype type)
{
    return (bs_storage){type, type, bs_storage_others(type), BS_STORAGE_IMAGES};
}

bool bs_storage_is_plain(const bs_storage *s)
{
    return s->activations == BS_DTYPE_FP32 && s->weights == BS_DTYPE_FP32 && s->others == BS_DTYPE_FP32;
}

size_t bs_storage_images(const bs_storage *s, size_t n_images)
{
    return n_images < (size_t)s->images ? n_images : (size_t)s->images;
}

void bs_storage_text(bs_str *out, const bs_storage *s, size_t n_images)
{
    bs_str_printf(out, "activations %s, weights %s, others %s", bs_dtype_name(s->activations),
                  bs_dtype_name(s->weights), bs_dtype_name(s->others));
    if (bs_storage_needs_profile(s))
        bs_str_printf(out, ", scales of %zu images", bs_storage_images(s, n_images));
}

static bool has_scales(bs_dtype type)
{
    return bs_dtype_word_of(type).limit > 0;
}

bool bs_storage_needs_profile(const bs_storage *s)
{
    return has_scales(s->activations);
}

float bs_storage_scale(bs_dtype type, float largest)
{
    /* The smallest magnitude but 0 is that of word 1. */
    const float least = FLT_MIN / bs_format_decode((bs_format){type, 1}, 1), most = 0x1p126f;
    if (!(largest > 0))
        return 1;
    float scale = fmaxf(fminf(largest, most) / bs_dtype_word_of(type).limit, least);
    return bs_bits_float((bs_float_bits(scale) + 0xffffu) & ~0xffffu);
}

/* --- What stays --- */

static bool is_activation(const bs_graph *g, const bs_node *n, int k)
{
    return bs_node_has_input(n, k) && !g->tensors[n->in[k]].constant;
}

/* Returns the only activation that the node reads if it moves or chooses its values, else -1. */
static int moved_from(const bs_graph *g, const bs_node *n)
{
    int one = -1;
    bool moves = bs_op_describe(n->op)->type == BS_TYPE_RULE_SAME && n->op != BS_OP_WHERE;
    for (int k = 0; k < n->n_in && (moves || n->op == BS_OP_RELU || n->op == BS_OP_CLIP); k++)
        if (is_activation(g, n, k)) {
            if (one >= 0)
                return -1;
            one = n->in[k];
        }
    return one;
}

/* Marks truth values and integers. */
static void keep_whole(const bs_graph *g, bool *keep)
{
    keep[g->input] |= g->bytes;
    for (int i = 0; i < g->n_nodes; i++) {
        const bs_node *n = &g->nodes[i];
        int from = moved_from(g, n);
        bool whole = bs_op_describe(n->op)->type == BS_TYPE_RULE_BOOL || n->op == BS_OP_CAST;
        keep[n->out] |= whole || (from >= 0 && keep[from]);
        if (n->op == BS_OP_WHERE)
            keep[n->in[0]] = true;
    }
}

/* Marks the output and what it is moved and normalised from, up to the result of the node that makes the
 * scores, and of the product to which that adds a bias. */
static void keep_scores(const bs_graph *g, bool *keep)
{
    for (int t = g->output; t >= 0;) {
        const bs_node *n = g->tensors[t].producer < 0 ? NULL : &g->nodes[g->tensors[t].producer];
        keep[t] = true;
        if (!n)
            return;
        bool product = (n->n_in == 2 && (bs_matmul_of_bias(g, n, 0) || bs_matmul_of_bias(g, n, 1)));
        t = bs_op_describe(n->op)->family == BS_FAMILY_softmax ? n->in[0]
            : product                                          ? n->in[g->tensors[n->in[0]].constant]
                                                               : moved_from(g, n);
    }
}

static void find_kept(const bs_graph *g, const bs_storage *s, bool *keep)
{
    keep_whole(g, keep);
    for (int t = 0; t < g->n_tensors; t++)
        keep[t] |= g->tensors[t].type != BS_DTYPE_FP32;
    if (bs_dtype_word_of(s->activations).bits < 16)
        keep_scores(g, keep);
}

/* --- Scales --- */

/* Gives a tensor n scales, of which each serves `run` elements in turn. */
static bs_status make_scales(bs_tensor *t, int64_t n, int64_t run, float **scale)
{
    BS_TRY(bs_calloc(scale, (size_t)n, sizeof **scale, "scales"));
    t->scales = (bs_scales){*scale, (uint32_t)run, (uint32_t)n};
    return BS_OK;
}

static void join(int *group, int n, int a, int b)
{
    for (int t = 0; t < n && a != b; t++)
        if (group[t] == b)
            group[t] = a;
}

/* Finds which activations have one scale in common: those with the same number. */
static void find_groups(const bs_graph *g, const bool *keep, int *group)
{
    for (int t = 0; t < g->n_tensors; t++)
        group[t] = t;
    for (int i = 0; i < g->n_nodes; i++) {
        const bs_node *n = &g->nodes[i];
        bool joins = n->op == BS_OP_CONCAT || moved_from(g, n) >= 0;
        for (int k = 0; k < n->n_in && joins && !keep[n->out]; k++)
            if (is_activation(g, n, k) && !keep[n->in[k]])
                join(group, g->n_tensors, group[n->in[k]], group[n->out]);
    }
}

/* Marks the activations that only Relu and Clip read, whose results share their scale. */
static void find_cut(const bs_graph *g, const bool *keep, bool *cut)
{
    for (int t = 0; t < g->n_tensors; t++)
        cut[t] = t != g->input && t != g->output;
    for (int i = 0; i < g->n_nodes; i++) {
        const bs_node *n = &g->nodes[i];
        bool cuts = (n->op == BS_OP_RELU || n->op == BS_OP_CLIP) && moved_from(g, n) >= 0 && !keep[n->out];
        for (int k = 0; k < n->n_in; k++)
            if (n->in[k] >= 0)
                cut[n->in[k]] &= cuts;
    }
}

/* Sets the scales of the activations of this type. */
static bs_status scale_activations(bs_graph *g, bs_dtype type, const bool *keep, const float *largest)
{
    int *group = NULL;
    bool *cut = NULL;
    float *most = NULL, *scale;
    size_t n = (size_t)g->n_tensors;
    bs_status st = BS_OK;
    BS_TRY_GOTO(bs_calloc(&group, n, sizeof *group, "scales"), out);
    BS_TRY_GOTO(bs_calloc(&cut, n, sizeof *cut, "scales"), out);
    BS_TRY_GOTO(bs_calloc(&most, n, sizeof *most, "scales"), out);
    find_groups(g, keep, group);
    find_cut(g, keep, cut);
    for (int t = 0; t < g->n_tensors; t++)
        if (!g->tensors[t].constant && !cut[t])
            most[group[t]] = fmaxf(most[group[t]], largest[t]);
    for (int t = 0; t < g->n_tensors; t++)
        if (!g->tensors[t].constant && !keep[t]) {
            BS_TRY_GOTO(make_scales(&g->tensors[t], 1, 1, &scale), out);
            *scale = bs_storage_scale(type, most[group[t]]);
        }
out:
    free(group);
    free(cut);
    free(most);
    return st;
}

/* --- Parameters --- */

/* Finds the channels of a weight: element e is of channel e / run % n. */
static void find_channels(const bs_graph *g, const bs_target *t, int64_t *n, int64_t *run)
{
    const bs_node *node = &g->nodes[t->node];
    const bs_shape *s = &g->tensors[t->tensor].shape;
    bool first = node->op == BS_OP_CONV || (node->op == BS_OP_GEMM && node->attr.trans_b);
    *n = *run = 1;
    if (t->kind != BS_TARGET_WEIGHT || s->rank < 2)
        return;
    *n = s->dim[first ? 0 : s->rank - 1];
    *run = first ? g->tensors[t->tensor].elements / *n : 1;
}

static bs_status scale_parameter(bs_graph *g, const bs_target *target)
{
    bs_tensor *t = &g->tensors[target->tensor];
    int64_t n, run;
    float *scale;
    find_channels(g, target, &n, &run);
    BS_TRY(make_scales(t, n, run, &scale));
    for (int64_t e = 0; e < t->elements; e++) {
        float *most = &scale[e / run % n], size = fabsf(t->data[e]);
        *most = size > *most && isfinite(size) ? size : *most;
    }
    for (int64_t c = 0; c < n; c++)
        scale[c] = bs_storage_scale(t->type, scale[c]);
    return BS_OK;
}

static bs_status store_parameter(bs_graph *g, const bs_target *target, bs_dtype type)
{
    bs_tensor *t = &g->tensors[target->tensor];
    const float *from = t->data;
    t->type = type;
    if (has_scales(type))
        BS_TRY(scale_parameter(g, target));
    if (t->in_file) {
        float *own;
        BS_TRY(bs_calloc(&own, (size_t)t->elements, sizeof *own, "parameter"));
        t->data = own;
        t->in_file = false;
    }
    for (int64_t e = 0; e < t->elements; e++)
        t->data[e] = bs_format_round(bs_tensor_format(t, (uint32_t)e), from[e]);
    return BS_OK;
}

/* changed: set if a tensor changes its type. */
static bs_status store_parameters(bs_graph *g, const bs_storage *s, const bool *keep, bool *changed)
{
    for (int i = 0; i < g->n_targets; i++) {
        const bs_target *t = &g->targets[i];
        bs_dtype type = t->kind == BS_TARGET_WEIGHT ? s->weights : s->others;
        if (!g->tensors[t->tensor].constant || keep[t->tensor] || type == BS_DTYPE_FP32)
            continue;
        *changed = true;
        BS_TRY(store_parameter(g, t, type));
    }
    return BS_OK;
}

bs_status bs_graph_store(bs_graph *g, const bs_storage *s, const float *largest)
{
    bool *keep, changed = false;
    bs_status st = BS_OK;
    if (bs_storage_is_plain(s))
        return BS_OK;
    BS_TRY(bs_calloc(&keep, (size_t)g->n_tensors, sizeof *keep, "types"));
    find_kept(g, s, keep);
    BS_TRY_GOTO(store_parameters(g, s, keep, &changed), out);
    if (bs_storage_needs_profile(s))
        BS_TRY_GOTO(scale_activations(g, s->activations, keep, largest), out);
    for (int t = 0; t < g->n_tensors; t++)
        if (!g->tensors[t].constant && !keep[t]) {
            g->tensors[t].type = s->activations;
            changed |= s->activations != BS_DTYPE_FP32;
        }
    if (!changed) {
        bs_fail(BS_USAGE, "'storage' changes no tensor: the model stores none of them in fp32");
        st = bs_hint("leave it out: faults hit the words of the model's own types");
    }
out:
    free(keep);
    return st;
}
