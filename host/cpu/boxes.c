/* Cuts patches out of rows, compares them, and injects faults into them. */
#include "cpu/cpu_patch.h"

#include <string.h>

/* The axes of a tensor in memory, from the outermost to the innermost: images are channels last, so a cell is
 * a pixel with all its channels; tokens are row-major. */
typedef struct memory {
    int64_t outer, height, width, cell;
} memory;

static memory memory_of(const bs_network *n, int tensor)
{
    const bs_plane *p = &n->planes[tensor];
    return p->image ? (memory){1, p->height, p->width, p->outer}
                    : (memory){p->outer, p->height, p->width, p->cell};
}

size_t bs_cpu_patch_bytes(const bs_network *n, int tensor, const int size[2])
{
    memory m = memory_of(n, tensor);
    return n->planes[tensor].axis < 0 ? 0 : (size_t)(m.outer * size[0] * size[1] * m.cell) * sizeof(float);
}

typedef struct box {
    int y, x, h, w;
} box;

static box box_of(const bs_patches *p, int i)
{
    return (box){bs_patch_origin(p, 0, i), bs_patch_origin(p, 1, i), p->size[0], p->size[1]};
}

/* Copies the cells that `to` and `from` have in common. */
static void overlay(float *dst, box to, const float *src, box from, memory m)
{
    int y0 = to.y > from.y ? to.y : from.y,
        y1 = to.y + to.h < from.y + from.h ? to.y + to.h : from.y + from.h;
    int x0 = to.x > from.x ? to.x : from.x,
        x1 = to.x + to.w < from.x + from.w ? to.x + to.w : from.x + from.w;
    if (x1 <= x0)
        return;
    size_t bytes = (size_t)(x1 - x0) * (size_t)m.cell * sizeof *dst;
    for (int64_t o = 0; o < m.outer; o++)
        for (int y = y0; y < y1; y++)
            memcpy(dst + ((o * to.h + y - to.y) * to.w + x0 - to.x) * m.cell,
                   src + ((o * from.h + y - from.y) * from.w + x0 - from.x) * m.cell, bytes);
}

static bool contains(box outer, box inner)
{
    return outer.y <= inner.y && outer.x <= inner.x && outer.y + outer.h >= inner.y + inner.h &&
           outer.x + outer.w >= inner.x + inner.w;
}

static const float *golden_row(const bs_stream *stream, int tensor, bs_view v, int i)
{
    return (const float *)v.base + (v.rows ? v.rows[i] : i) * stream->network->layout[tensor].elements;
}

bs_status bs_cpu_gather(bs_stream *stream, int tensor, int n, bs_view golden, const void *live,
                        const bs_patches *live_at, const bs_patches *want, float fill, void *dst)
{
    memory m = memory_of(stream->network, tensor);
    int64_t cells = m.outer * m.cell * want->size[0] * want->size[1];
    box plane = {0, 0, (int)m.height, (int)m.width};
    for (int i = 0; i < n; i++) {
        float *to = (float *)dst + i * cells;
        box w = box_of(want, i);
        if (!contains(plane, w))
            for (int64_t k = 0; k < cells; k++)
                to[k] = fill;
        overlay(to, w, golden_row(stream, tensor, golden, i), plane, m);
        if (live) {
            box at = box_of(live_at, i);
            overlay(to, w, (const float *)live + i * m.outer * m.cell * at.h * at.w, at, m);
        }
    }
    return BS_OK;
}

/* Returns element e of the tensor in the patch of sample i, NULL if it is not there. */
static float *find_element(const bs_plane *p, memory m, const bs_patches *at, int i, int64_t e, void *rows)
{
    int64_t in_cell = e % p->cell, x = e / p->cell % p->width, y = e / p->cell / p->width % p->height,
            outer = e / p->cell / p->width / p->height;
    x -= bs_patch_origin(at, 1, i);
    y -= bs_patch_origin(at, 0, i);
    if (outer >= p->outer || y < 0 || x < 0 || y >= at->size[0] || x >= at->size[1])
        return NULL;
    int64_t place = p->image ? outer : in_cell, before = i * m.outer + (p->image ? 0 : outer);
    return (float *)rows + ((before * at->size[0] + y) * at->size[1] + x) * m.cell + place;
}

bs_status bs_cpu_inject_patch(bs_stream *stream, int tensor, int n, const bs_patches *at, void *rows,
                              const bs_faults *f)
{
    bs_format format = bs_tensor_format(&stream->network->graph->tensors[tensor], 0);
    memory m = memory_of(stream->network, tensor);
    for (int i = 0; i < n; i++)
        for (uint32_t k = f->first[i]; k < f->first[i + 1]; k++) {
            float *x = find_element(&stream->network->planes[tensor], m, at, i, f->sites[k].element, rows);
            if (!x)
                return bs_fail(BS_ERR, "tensor '%s' has no element %u in its patch",
                               stream->network->graph->tensors[tensor].name, f->sites[k].element);
            *x = bs_inject_value(format, f->sites[k], *x, f->before ? &f->before[k] : NULL);
        }
    return BS_OK;
}

bs_status bs_cpu_compare_patch(bs_stream *stream, int tensor, int n, const bs_patches *at, const void *rows,
                               bs_view golden, uint8_t *equal)
{
    memory m = memory_of(stream->network, tensor);
    const int64_t *needed = stream->network->planes[tensor].needed;
    int64_t line = at->size[1] * m.cell, lines = m.outer * at->size[0];
    for (int i = 0; i < n; i++) {
        int64_t top = bs_patch_origin(at, 0, i), left = bs_patch_origin(at, 1, i);
        const float *g = golden_row(stream, tensor, golden, i), *p = (const float *)rows + i * lines * line;
        equal[i] = 1;
        for (int64_t k = 0; k < lines && equal[i]; k++) {
            int64_t row = top + k % at->size[0], y = k / at->size[0] * m.height + row;
            if (row >= needed[0] && row < needed[1])
                equal[i] = !memcmp(p + k * line, g + (y * m.width + left) * m.cell, (size_t)line * sizeof *p);
        }
    }
    return BS_OK;
}

/* Finds the first and the last pixel of a row that differ; returns false if none does. */
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

bs_status bs_cpu_bounds(bs_stream *stream, int tensor, int n, bs_view rows, bs_view golden,
                        int32_t (*bounds)[4])
{
    const bs_cpu_layout *layout = &stream->network->layout[tensor];
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
