/* Patches: nodes run on small boxes of their tensors. A patched node is a copy of the node whose tensors have
 * the patches' rows and columns and whose padding is gone, so the ordinary runners serve it; a convolution
 * keeps its pinned implementation and packed weights. */
#include "cpu/patch.h"

#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

struct bs_cpu_patch {
    struct bs_cpu_patch *next;
    int in_size[2], out_size[2];
    bs_node node;            /* inputs are numbered 0 .. n_in - 1, the output is n_in */
    bs_cpu_layout *layout;   /* of those numbers */
    bs_cpu_plan plan;        /* borrows pin and parameters of the whole node's */
    bs_cpu_variant *variant; /* convolutions only */
    const void *packed;      /* their weights */
};

static bool same_size(const int a[2], const int b[2])
{
    return a[0] == b[0] && a[1] == b[1];
}

/* Boxes are cut out of channels-last planes, as box_of() and its users expect. */
static void resize_layout(bs_cpu_layout *out, const bs_shape *shape, const int size[2])
{
    bs_shape s = *shape;
    s.dim[1] = size[0];
    s.dim[2] = size[1];
    bs_cpu_layout_init(out, &s, true);
}

static void remove_padding(bs_attr *a)
{
    memset(a->window.pad, 0, sizeof a->window.pad);
    for (int i = 1; i < 3; i++) {
        a->begin[i] = 0;
        a->end[i] = 0;
    }
}

static bs_status make_conv(bs_cpu_patch *p, const bs_cpu_geometry *g)
{
    if (!g || !g->pin)
        return bs_fail(BS_ERR, "node '%s' has no convolution for its patches", p->node.name);
    bs_cpu_geometry_resize(&p->plan.matrix, p->in_size, p->out_size);
    p->packed = g->packed;
    BS_TRY(bs_calloc(&p->variant, 1, sizeof *p->variant, "convolution"));
    bs_cpu_variant_size(p->variant, &p->plan.matrix, bs_cpu_units(&p->plan.matrix));
    p->variant->pin = g->pin;
    return BS_OK;
}

static bs_status fill_patch(bs_cpu_patch *p, const bs_network *net, int node)
{
    const bs_graph *g = net->graph;
    const bs_node *whole = &g->nodes[node];
    size_t n_in = (size_t)whole->n_in;
    p->node = *whole;
    p->node.in = NULL;
    BS_TRY(bs_calloc(&p->node.in, n_in, sizeof *p->node.in, "patch"));
    BS_TRY(bs_calloc(&p->layout, n_in + 1, sizeof *p->layout, "patch"));
    for (int k = 0; k < whole->n_in; k++) {
        int t = whole->in[k];
        p->node.in[k] = t < 0 ? t : k;
        if (t >= 0 && (g->tensors[t].constant || bs_graph_spreads(g, whole, k)))
            p->layout[k] = net->layout[t];
        else if (t >= 0)
            resize_layout(&p->layout[k], &g->tensors[t].shape, p->in_size);
    }
    p->node.out = whole->n_in;
    resize_layout(&p->layout[whole->n_in], &g->tensors[whole->out].shape, p->out_size);
    remove_padding(&p->node.attr);
    p->plan = net->plan[node];
    if (whole->op != BS_OP_CONV)
        return BS_OK;
    return make_conv(p, bs_cpu_geometry_find(net, node, p->in_size, p->out_size));
}

static bs_status patch_get(bs_cpu_patch **out, bs_lane *l, int node, const int in_size[2],
                           const int out_size[2])
{
    bs_cpu_patch *p = l->patches[node];
    while (p && !(same_size(p->in_size, in_size) && same_size(p->out_size, out_size)))
        p = p->next;
    *out = p;
    if (p)
        return BS_OK;
    BS_TRY(bs_calloc(&p, 1, sizeof *p, "patch"));
    p->next = l->patches[node];
    l->patches[node] = p;
    memcpy(p->in_size, in_size, sizeof p->in_size);
    memcpy(p->out_size, out_size, sizeof p->out_size);
    BS_TRY(fill_patch(p, l->network, node));
    *out = p;
    return BS_OK;
}

void bs_cpu_patch_free(bs_cpu_patch *p)
{
    while (p) {
        bs_cpu_patch *next = p->next;
        free(p->node.in);
        free(p->layout);
        bs_cpu_variant_free(p->variant);
        free(p);
        p = next;
    }
}

bs_status bs_cpu_run_patch(bs_lane *l, int node, int n, const int in_size[2], const bs_view *in,
                           const int out_size[2], void *out)
{
    bs_cpu_patch *p;
    BS_TRY(patch_get(&p, l, node, in_size, out_size));
    const void *const *param = (const void *const *)p->plan.param;
    if (p->variant) {
        const float *bias = bs_node_has_input(&p->node, 2) ? param[2] : NULL;
        bs_cpu_rows src = {in[0].base, in[0].rows};
        return bs_cpu_matrix_run(l, &p->plan.matrix, p->variant, p->packed, bias, n, src, out);
    }
    bs_cpu_job j = {l, l->network->graph, &p->node, p->layout, &p->plan, param, n, in, out};
    return bs_cpu_runner_of(p->node.op)(&j);
}

size_t bs_cpu_patch_bytes(const bs_network *n, int tensor, const int size[2])
{
    if (!n->layout[tensor].channels_last)
        return 0;
    return (size_t)n->layout[tensor].dim[0] * (size_t)size[0] * (size_t)size[1] * sizeof(float);
}

/* A box of a channels-last plane. */
typedef struct box {
    int y, x, h, w;
} box;

static box box_of(const bs_patches *p, int i)
{
    return (box){p->origin[0][i], p->origin[1][i], p->size[0], p->size[1]};
}

/* Copies what `to` and `from` have in common. */
static void overlay(float *dst, box to, const float *src, box from, int64_t channels)
{
    int y0 = to.y > from.y ? to.y : from.y,
        y1 = to.y + to.h < from.y + from.h ? to.y + to.h : from.y + from.h;
    int x0 = to.x > from.x ? to.x : from.x,
        x1 = to.x + to.w < from.x + from.w ? to.x + to.w : from.x + from.w;
    if (x1 <= x0)
        return;
    for (int y = y0; y < y1; y++)
        memcpy(dst + ((int64_t)(y - to.y) * to.w + x0 - to.x) * channels,
               src + ((int64_t)(y - from.y) * from.w + x0 - from.x) * channels,
               (size_t)(x1 - x0) * (size_t)channels * sizeof *dst);
}

static bool contains(box outer, box inner)
{
    return outer.y <= inner.y && outer.x <= inner.x && outer.y + outer.h >= inner.y + inner.h &&
           outer.x + outer.w >= inner.x + inner.w;
}

bs_status bs_cpu_gather(bs_lane *l, int tensor, int n, bs_view golden, const void *live,
                        const bs_patches *live_at, const bs_patches *want, float fill, void *dst)
{
    const bs_cpu_layout *layout = &l->network->layout[tensor];
    int64_t channels = layout->dim[0];
    int64_t cells = channels * want->size[0] * want->size[1];
    box plane = {0, 0, (int)layout->dim[1], (int)layout->dim[2]};
    for (int i = 0; i < n; i++) {
        float *to = (float *)dst + i * cells;
        const float *g = (const float *)golden.base + (golden.rows ? golden.rows[i] : i) * layout->elements;
        box w = box_of(want, i);
        if (!contains(plane, w))
            for (int64_t k = 0; k < cells; k++)
                to[k] = fill;
        overlay(to, w, g, plane, channels);
        if (live) {
            box at = box_of(live_at, i);
            overlay(to, w, (const float *)live + i * channels * at.h * at.w, at, channels);
        }
    }
    return BS_OK;
}

bs_status bs_cpu_inject_patch(bs_lane *l, int tensor, int n, const bs_patches *at, void *rows,
                              const bs_faults *f)
{
    const bs_cpu_layout *layout = &l->network->layout[tensor];
    int64_t height = layout->dim[1], width = layout->dim[2], channels = layout->dim[0];
    for (int i = 0; i < n; i++)
        for (uint32_t k = f->first[i]; k < f->first[i + 1]; k++) {
            int64_t e = f->sites[k].element, c = e / (height * width);
            int64_t y = e / width % height - at->origin[0][i], x = e % width - at->origin[1][i];
            if (c >= channels || y < 0 || x < 0 || y >= at->size[0] || x >= at->size[1])
                return bs_fail(BS_ERR, "tensor '%s' has no element %u in its patch",
                               l->network->graph->tensors[tensor].name, f->sites[k].element);
            float *cell = (float *)rows + ((i * at->size[0] + y) * at->size[1] + x) * channels + c;
            uint32_t before = bs_float_bits(*cell);
            if (f->before)
                f->before[k] = before;
            *cell = bs_bits_float(bs_site_apply(f->sites[k], before));
        }
    return BS_OK;
}

bs_status bs_cpu_compare_patch(bs_lane *l, int tensor, int n, const bs_patches *at, const void *rows,
                               bs_view golden, uint8_t *equal)
{
    const bs_cpu_layout *layout = &l->network->layout[tensor];
    int64_t channels = layout->dim[0], width = layout->dim[2];
    size_t line = (size_t)at->size[1] * (size_t)channels;
    for (int i = 0; i < n; i++) {
        const float *g = (const float *)golden.base + (golden.rows ? golden.rows[i] : i) * layout->elements;
        const float *p = (const float *)rows + (size_t)i * (size_t)at->size[0] * line;
        equal[i] = 1;
        for (int y = 0; y < at->size[0] && equal[i]; y++)
            equal[i] =
                !memcmp(p + (size_t)y * line,
                        g + ((at->origin[0][i] + y) * width + at->origin[1][i]) * channels, line * sizeof *p);
    }
    return BS_OK;
}

/* Of one row of pixels: the first and the last that differ; false if none does. */
static bool differing(const float *a, const float *b, int width, int64_t channels, int *first, int *last)
{
    size_t pixel = (size_t)channels * sizeof *a;
    if (!memcmp(a, b, (size_t)width * pixel))
        return false;
    for (*first = 0; !memcmp(a + *first * channels, b + *first * channels, pixel);)
        ++*first;
    for (*last = width - 1; !memcmp(a + *last * channels, b + *last * channels, pixel);)
        --*last;
    return true;
}

bs_status bs_cpu_bounds(bs_lane *l, int tensor, int n, bs_view rows, bs_view golden, int32_t (*bounds)[4])
{
    const bs_cpu_layout *layout = &l->network->layout[tensor];
    int64_t channels = layout->dim[0];
    int height = (int)layout->dim[1], width = (int)layout->dim[2];
    for (int i = 0; i < n; i++) {
        const float *a = (const float *)rows.base + (rows.rows ? rows.rows[i] : i) * layout->elements;
        const float *b = (const float *)golden.base + (golden.rows ? golden.rows[i] : i) * layout->elements;
        int top = height, bottom = -1, left = width, right = -1, first, last;
        for (int y = 0; y < height; y++, a += width * channels, b += width * channels) {
            if (!differing(a, b, width, channels, &first, &last))
                continue;
            top = y < top ? y : top;
            bottom = y;
            left = first < left ? first : left;
            right = last > right ? last : right;
        }
        if (bottom < 0)
            top = left = 0;
        bounds[i][0] = top;
        bounds[i][1] = left;
        bounds[i][2] = bottom < 0 ? 0 : bottom - top + 1;
        bounds[i][3] = bottom < 0 ? 0 : right - left + 1;
    }
    return BS_OK;
}
