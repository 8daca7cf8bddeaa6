/* Patches of a delta schedule: their sizes, the tables of their origins, and which inputs each step must
 * gather. */
#include "base/buf.h"
#include "replay/schedule_builder.h"

#include <stdlib.h>
#include <string.h>

static bs_status make_tables(const bs_schedule *schedule, int32_t *table[2])
{
    for (int a = 0; a < 2; a++)
        BS_TRY(bs_calloc(&table[a], (size_t)bs_schedule_places(schedule, a), sizeof **table, "patches"));
    return BS_OK;
}

bs_status bs_schedule_patch_start(bs_schedule_builder *b, int faulty_tensor)
{
    bs_schedule *schedule = b->schedule;
    const bs_plane *plane = &b->fields->planes[faulty_tensor];
    if (!b->fields || plane->axis < 0 || faulty_tensor == b->g->output || plane->height * plane->width == 1)
        return BS_OK;
    const int dim[2] = {(int)plane->height, (int)plane->width};
    int extent[2];
    for (int a = 0; a < 2; a++)
        extent[a] = b->request->extent < dim[a] ? b->request->extent : dim[a];
    size_t bytes = b->backend->patch_bytes(b->network, faulty_tensor, extent);
    if (bytes == 0)
        return BS_OK;
    for (int a = 0; a < 2; a++) {
        schedule->plane[a] = dim[a];
        schedule->extent[a] = extent[a];
    }
    schedule->cell = plane->cell;
    int buffer = bs_schedule_add_buffer(b, faulty_tensor, bytes, -1);
    bs_buffer *s = &schedule->buffers[buffer];
    bs_ranges *ranges = &b->ranges[faulty_tensor];
    s->patched = true;
    BS_TRY(make_tables(schedule, s->origin));
    for (int a = 0; a < 2; a++) {
        s->plane[a] = dim[a];
        int most = schedule->plane[a] - schedule->extent[a];
        s->size[a] = schedule->extent[a];
        BS_TRY(bs_calloc(&ranges->axis[a], (size_t)schedule->plane[a], sizeof(bs_range), "patches"));
        for (int p = 0; p < schedule->plane[a]; p++) {
            int end = p + schedule->extent[a];
            ranges->axis[a][p] = (bs_range){p, end < schedule->plane[a] ? end : schedule->plane[a]};
            s->origin[a][p] = p < most ? p : most;
        }
    }
    schedule->start = b->buffer_of[faulty_tensor] = buffer;
    return BS_OK;
}

static int plane_size(const bs_plane *p, int axis)
{
    return (int)(axis == 0 ? p->height : p->width);
}

/* Returns the range of the output that a change at position p reaches through input k. */
static bs_range field_of_input(const bs_schedule_builder *b, const bs_step *s, int k, int axis, int p)
{
    const bs_node *node = bs_step_node(b->g, s);
    const bs_range *ranges = b->ranges[node->in[k]].axis[axis];
    int out_size = plane_size(&b->fields->planes[node->out], axis);
    if (bs_reads_whole(b->g, b->fields->planes, node, k))
        return (bs_range){0, out_size};
    bs_range in = ranges ? ranges[p] : (bs_range){0, plane_size(&b->fields->planes[node->in[k]], axis)};
    return bs_receptive_field_forward(&b->fields->node[s->node], axis, in, out_size);
}

/* Returns the rows of a range that are needed. */
static bs_range needed_of(const bs_plane *plane, bs_range all)
{
    int begin = (int)plane->needed[0], end = (int)plane->needed[1];
    return (bs_range){all.begin > begin ? all.begin : begin, all.end < end ? all.end : end};
}

/* Returns the range of the output that a change at position p reaches through any changed input; one position
 * where it reaches none. */
static bs_range field_of_inputs(const bs_schedule_builder *b, const bs_step *s, int axis, int p)
{
    const bs_node *node = bs_step_node(b->g, s);
    bs_range all = {0, 0};
    bool first = true;
    for (int k = 0; k < node->n_in; k++) {
        if (s->source[k] < 0)
            continue;
        bs_range out = field_of_input(b, s, k, axis, p);
        all.begin = first || out.begin < all.begin ? out.begin : all.begin;
        all.end = first || out.end > all.end ? out.end : all.end;
        first = false;
    }
    bool whole_windows = b->fields->node[s->node].split[0] > 1;
    bs_range needed = axis == 0 && !whole_windows ? needed_of(&b->fields->planes[node->out], all) : all;
    return needed.begin < needed.end ? needed : (bs_range){all.begin, all.begin + 1};
}

/* Fills the output's ranges, and sets `size` to the widest of them. */
static bs_status find_size(bs_schedule_builder *b, const bs_step *s, int size[2])
{
    int out = b->g->nodes[s->node].out;
    for (int a = 0; a < 2; a++) {
        int places = bs_schedule_places(b->schedule, a);
        bs_range **ranges = &b->ranges[out].axis[a];
        BS_TRY(bs_calloc(ranges, (size_t)places, sizeof **ranges, "patches"));
        size[a] = 1;
        for (int p = 0; p < places; p++) {
            (*ranges)[p] = field_of_inputs(b, s, a, p);
            int n = (*ranges)[p].end - (*ranges)[p].begin;
            size[a] = n > size[a] ? n : size[a];
        }
    }
    return BS_OK;
}

/* Forgets the ranges of an output that is computed whole. */
static void drop_ranges(bs_schedule_builder *b, int tensor)
{
    for (int a = 0; a < 2; a++) {
        free(b->ranges[tensor].axis[a]);
        b->ranges[tensor].axis[a] = NULL;
    }
}

/* Returns true if the step can read the patches of this buffer without gathering. */
static bool fits_in_place(const bs_schedule *schedule, const bs_step *s, const bs_buffer *buffer)
{
    for (int a = 0; a < 2; a++)
        if (!buffer->patched || buffer->size[a] != s->in_size[a] ||
            memcmp(buffer->origin[a], s->in_origin[a],
                   (size_t)bs_schedule_places(schedule, a) * sizeof **buffer->origin) != 0)
            return false;
    return true;
}

/* Has input k gathered into patches, or into the whole tensor. */
static void add_gather(bs_schedule_builder *b, bs_step *s, int k, const int size[2])
{
    int tensor = bs_step_node(b->g, s)->in[k], index = b->schedule->n_steps;
    s->gathered[k] =
        bs_schedule_add_buffer(b, tensor, b->backend->patch_bytes(b->network, tensor, size), index);
    bs_buffer *buffer = &b->schedule->buffers[s->gathered[k]];
    buffer->size[0] = size[0];
    buffer->size[1] = size[1];
    buffer->fixed = size != s->in_size;
}

/* Returns true if a changed input is a patch, but the step reads it whole. whole: the step computes, and so
 * reads, whole tensors. */
static bool must_widen(const bs_schedule_builder *b, const bs_step *s, int k, bool whole)
{
    return s->source[k] >= 0 && b->schedule->buffers[s->source[k]].patched &&
           (whole || bs_reads_whole(b->g, b->fields->planes, bs_step_node(b->g, s), k));
}

/* Has these inputs gathered into whole tensors. */
static void widen_inputs(bs_schedule_builder *b, bs_step *s, bool whole)
{
    const bs_node *node = bs_step_node(b->g, s);
    for (int k = 0; k < node->n_in; k++)
        if (must_widen(b, s, k, whole)) {
            const bs_plane *plane = &b->fields->planes[node->in[k]];
            add_gather(b, s, k, (const int[]){plane_size(plane, 0), plane_size(plane, 1)});
        }
}

static bool read_whole(const bs_schedule_builder *b, const bs_node *node, int k)
{
    return node->in[k] < 0 || bs_reads_whole(b->g, b->fields->planes, node, k);
}

/* Returns the share of the output's plane that a patch covers. */
static double share_of(const bs_schedule_builder *b, const bs_step *s, const int size[2])
{
    const bs_plane *plane = &b->fields->planes[b->g->nodes[s->node].out];
    return (double)size[0] * size[1] / ((double)plane->height * (double)plane->width);
}

/* Returns true if the step is the same for every fault, in all schedules: all that it reads is. */
static bool is_fixed(const bs_schedule_builder *b, const bs_step *s)
{
    bool fixed = true;
    for (int k = 0; k < s->n_inputs; k++) {
        const bs_buffer *live = s->source[k] >= 0 ? &b->schedule->buffers[s->source[k]] : NULL;
        fixed &= !live || !live->patched || live->fixed;
    }
    return fixed;
}

/* Returns the end of all that any fault reaches. No patch goes beyond: there, a node on tokens may read
 * nothing. */
static int reach(const bs_range *ranges, int places)
{
    int end = 0;
    for (int p = 0; p < places; p++)
        end = ranges[p].end > end ? ranges[p].end : end;
    return end;
}

static bs_status place_patches(bs_schedule_builder *b, bs_step *s, const int size[2])
{
    bs_schedule *schedule = b->schedule;
    const bs_node *node = bs_step_node(b->g, s);
    const bs_receptive_field *field = &b->fields->node[s->node];
    s->patched = true;
    s->fill = field->fill;
    s->out = bs_schedule_add_buffer(b, node->out, b->backend->patch_bytes(b->network, node->out, size),
                                    schedule->n_steps);
    b->buffer_of[node->out] = s->out;
    bs_buffer *out = &schedule->buffers[s->out];
    out->patched = true;
    out->fixed = is_fixed(b, s);
    BS_TRY(make_tables(schedule, out->origin));
    BS_TRY(make_tables(schedule, s->in_origin));
    for (int a = 0; a < 2; a++) {
        out->size[a] = size[a];
        out->plane[a] = plane_size(&b->fields->planes[node->out], a);
        int places = bs_schedule_places(schedule, a);
        int most = reach(b->ranges[node->out].axis[a], places) - size[a];
        for (int p = 0; p < places; p++) {
            int begin = b->ranges[node->out].axis[a][p].begin;
            out->origin[a][p] = begin < most ? begin : most;
            s->in_origin[a][p] = bs_receptive_field_first(field, a, out->origin[a][p]);
        }
    }
    for (int k = 0; k < node->n_in; k++) {
        if (!read_whole(b, node, k) &&
            (s->source[k] < 0 || !fits_in_place(schedule, s, &schedule->buffers[s->source[k]])))
            add_gather(b, s, k, s->in_size);
    }
    widen_inputs(b, s, false);
    s->macs = (int64_t)((double)node->macs * share_of(b, s, size));
    schedule->n_patched++;
    return BS_OK;
}

/* Sets *out to whether the step pays as a patched one. Inputs must be gathered unless they have a patch of
 * this size. */
static bs_status pays(const bs_schedule_builder *b, const bs_step *s, const int size[2], bool *out)
{
    const bs_node *node = bs_step_node(b->g, s);
    bs_autotune_query q = {.node = s->node,
                           .region = s->region >= 0,
                           .in_size = s->in_size,
                           .out_size = size,
                           .share = share_of(b, s, size)};
    for (int k = 0; k < node->n_in && k < 32; k++) {
        const bs_buffer *live = s->source[k] >= 0 ? &b->schedule->buffers[s->source[k]] : NULL;
        if (must_widen(b, s, k, true))
            q.widened |= 1u << k;
        if (read_whole(b, node, k))
            continue;
        if (!live || !live->patched || live->size[0] != s->in_size[0] || live->size[1] != s->in_size[1])
            q.gathered |= 1u << k;
    }
    return bs_autotune_patch_pays(b->request->autotune, &q, out);
}

/* Returns true if the step has a receptive field: in a region, the rows of all tensors are those of the
 * output. */
static bool is_local(const bs_schedule_builder *b, const bs_step *s)
{
    const bs_plane *planes = b->fields->planes, *out = &planes[b->g->nodes[s->node].out];
    int first = s->region < 0 ? s->node : b->g->regions[s->region].first;
    bool local = b->fields->node[s->node].local;
    for (int i = first; i < s->node; i++) {
        const bs_plane *p = &planes[b->g->nodes[i].out];
        local &= b->fields->node[i].local && p->axis == out->axis && p->column == out->column &&
                 p->end == out->end;
    }
    return local;
}

/* Returns true if the backend runs the step on patches. A region runs as its last node, and as a product. */
static bool is_supported(const bs_schedule_builder *b, const bs_step *s, const int size[2])
{
    const bs_region *r = s->region < 0 ? NULL : &b->g->regions[s->region];
    return (!r || !r->product || b->backend->patch_supported(b->network, r->first, size, size)) &&
           b->backend->patch_supported(b->network, s->node, s->in_size, size);
}

bs_status bs_schedule_patch_step(bs_schedule_builder *b, bs_step *s)
{
    const bs_node *node = bs_step_node(b->g, s);
    const bs_receptive_field *field = &b->fields->node[s->node];
    int size[2];
    if (is_local(b, s) && node->out != b->g->output && s->n_faulty == 0) {
        bool patch = false;
        BS_TRY(find_size(b, s, size));
        for (int a = 0; a < 2; a++)
            s->in_size[a] = bs_receptive_field_extent(field, a, size[a]);
        if (bs_autotune_may_pay(share_of(b, s, size)) && is_supported(b, s, size))
            BS_TRY(pays(b, s, size, &patch));
        if (patch)
            return place_patches(b, s, size);
        drop_ranges(b, node->out);
    }
    widen_inputs(b, s, true);
    return BS_OK;
}
