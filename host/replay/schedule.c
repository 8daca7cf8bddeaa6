#include "replay/schedule.h"

#include "base/buf.h"
#include "base/hash.h"
#include "replay/schedule_builder.h"

#include <stdlib.h>
#include <string.h>

static const char *const mode_names[] = {
#define X(suffix, name) name,
    BS_REPLAY_MODES(X)
#undef X
};

const char *bs_replay_mode_name(bs_replay_mode mode)
{
    return mode_names[mode];
}

int bs_replay_mode_parse(const char *name)
{
    for (int i = 0; i < BS_REPLAY_MODE_COUNT; i++)
        if (strcmp(mode_names[i], name) == 0)
            return i;
    return -1;
}

static int add_dense_buffer(bs_schedule_builder *b, int tensor, int first)
{
    b->buffer_of[tensor] =
        bs_schedule_add_buffer(b, tensor, b->backend->row_bytes(b->network, tensor), first);
    return b->buffer_of[tensor];
}

/* Returns true if the fault reaches the node: through a changed input, or because the node reads a faulty
 * parameter. */
static bool reached(const bs_schedule_builder *b, const bs_node *node)
{
    for (int k = 0; k < node->n_in; k++) {
        int t = node->in[k];
        if (t >= 0 && (b->buffer_of[t] >= 0 || (b->hit[t] >= 0 && b->g->tensors[t].constant)))
            return true;
    }
    return false;
}

/* Lists the inputs of a step, and those of them that are faulty parameters. */
static void find_sources(bs_schedule_builder *b, bs_step *s, const bs_node *node)
{
    bs_schedule *schedule = b->schedule;
    s->n_inputs = node->n_in;
    s->source = schedule->sources + b->n_sources;
    s->gathered = s->source + node->n_in;
    s->faulty = schedule->faults + b->n_faults;
    b->n_sources += 2 * (size_t)node->n_in;
    for (int k = 0; k < node->n_in; k++) {
        int t = node->in[k];
        s->gathered[k] = -1;
        s->source[k] = t < 0 || s->copied ? BS_FROM_CONSTANT : b->buffer_of[t];
        if (s->source[k] >= 0)
            schedule->buffers[s->source[k]].last = schedule->n_steps;
        if (t >= 0 && b->hit[t] >= 0 && b->g->tensors[t].constant)
            s->faulty[s->n_faulty++] = (bs_step_fault){k, b->hit[t]};
    }
    b->n_faults += (size_t)s->n_faulty;
    for (int k = 0; k < s->n_faulty; k++)
        schedule->last_injection[s->faulty[k].target] = schedule->n_steps;
    if (s->n_faulty > 0)
        schedule->last_faulty = schedule->n_steps;
}

static bs_status add_step(bs_schedule_builder *b, int node_index, int region, bool copied)
{
    bs_schedule *schedule = b->schedule;
    bs_step *s = &schedule->steps[schedule->n_steps];
    s->node = node_index;
    s->region = region;
    s->copied = copied;
    const bs_node *node = bs_step_node(b->g, s);
    find_sources(b, s, node);
    if (b->fields)
        BS_TRY(bs_schedule_patch_step(b, s));
    if (!s->patched) {
        s->out = add_dense_buffer(b, node->out, schedule->n_steps);
        s->macs = copied ? 0 : node->macs;
    }
    schedule->macs += s->macs;
    s->injects = b->hit[node->out];
    if (s->injects >= 0)
        schedule->last_injection[s->injects] = schedule->n_steps;
    schedule->n_steps++;
    return BS_OK;
}

static bs_status allocate(bs_schedule_builder *b, bs_schedule **out)
{
    size_t inputs = 0;
    for (int i = 0; i < b->g->n_nodes; i++)
        inputs += (size_t)b->g->nodes[i].n_in;
    BS_TRY(bs_calloc(out, 1, sizeof **out, "replay schedule"));
    b->schedule = *out;
    /* A buffer for each node's output, one for the start, and at most one for each gathered input. */
    BS_TRY(bs_calloc(&b->schedule->buffers, (size_t)b->g->n_nodes + 1 + inputs, sizeof(bs_buffer),
                     "replay schedule"));
    BS_TRY(bs_calloc(&b->schedule->steps, (size_t)b->g->n_nodes, sizeof(bs_step), "replay schedule"));
    BS_TRY(bs_calloc(&b->schedule->sources, 2 * inputs, sizeof(int), "replay schedule"));
    BS_TRY(bs_calloc(&b->schedule->faults, inputs, sizeof *b->schedule->faults, "replay schedule"));
    BS_TRY(bs_calloc(&b->buffer_of, (size_t)b->g->n_tensors, sizeof(int), "replay schedule"));
    BS_TRY(bs_calloc(&b->hit, (size_t)b->g->n_tensors, sizeof(int), "replay schedule"));
    return bs_calloc(&b->ranges, (size_t)b->g->n_tensors, sizeof *b->ranges, "replay schedule");
}

/* Lists the targets in the schedule. */
static bs_status find_targets(bs_schedule_builder *b)
{
    const bs_schedule_request *request = b->request;
    bs_schedule *schedule = b->schedule;
    const int *targets = request->targets ? request->targets : &request->target;
    schedule->n_targets = request->targets ? request->n_targets : 1;
    BS_TRY(bs_calloc(&schedule->targets, (size_t)schedule->n_targets, sizeof(int), "replay schedule"));
    for (int t = 0; t < b->g->n_tensors; t++) {
        b->buffer_of[t] = b->g->tensors[t].constant ? BS_FROM_CONSTANT : BS_FROM_GOLDEN;
        b->hit[t] = -1;
    }
    for (int k = 0; k < schedule->n_targets; k++) {
        schedule->targets[k] = targets[k];
        b->hit[b->g->targets[targets[k]].tensor] = k;
    }
    schedule->target = targets[0];
    schedule->joins = request->targets != NULL;
    BS_TRY(bs_calloc(&schedule->last_injection, (size_t)schedule->n_targets, sizeof(int), "replay schedule"));
    memset(schedule->last_injection, -1, (size_t)schedule->n_targets * sizeof(int));
    return BS_OK;
}

/* Chooses the buffer that is filled before the first step: the faulty activation, or in full mode the input
 * or what stands in for it. Of several targets, all but the input are hit in steps. */
static bs_status choose_start(bs_schedule_builder *b)
{
    bs_schedule *schedule = b->schedule;
    int faulty = b->g->targets[schedule->target].tensor;
    schedule->start = -1;
    if (schedule->mode == BS_REPLAY_FULL || b->request->from)
        schedule->start = add_dense_buffer(b, b->request->from ? *b->request->from : b->g->input, -1);
    else if (schedule->joins) {
        if (b->hit[b->g->input] >= 0)
            schedule->start = add_dense_buffer(b, b->g->input, -1);
    } else if (!b->g->tensors[faulty].constant) {
        if (schedule->mode == BS_REPLAY_DELTA)
            BS_TRY(bs_schedule_patch_start(b, faulty));
        if (schedule->start < 0)
            schedule->start = add_dense_buffer(b, faulty, -1);
    }
    schedule->start_injects = schedule->start >= 0 ? b->hit[schedule->buffers[schedule->start].tensor] : -1;
    return BS_OK;
}

static void free_ranges(bs_schedule_builder *b)
{
    for (int t = 0; b->ranges && t < b->g->n_tensors; t++) {
        free(b->ranges[t].axis[0]);
        free(b->ranges[t].axis[1]);
    }
    free(b->ranges);
}

static bs_status choose_result(bs_schedule_builder *b)
{
    bs_schedule *schedule = b->schedule;
    int tensor = b->request->until;
    schedule->result = b->buffer_of[tensor];
    if (schedule->result < 0)
        return bs_fail(BS_ERR, "a fault in '%s' cannot reach '%s'",
                       b->g->tensors[b->g->targets[schedule->target].tensor].name,
                       b->g->tensors[tensor].name);
    schedule->buffers[schedule->result].last = schedule->n_steps; /* read after all steps */
    return BS_OK;
}

/* Returns true if a target of the schedule is inside the region, or is a parameter of it. */
static bool hits_inside(const bs_schedule_builder *b, const bs_region *r)
{
    for (int i = r->first; i <= r->last; i++) {
        const bs_node *n = &b->g->nodes[i];
        if (i < r->last && b->hit[n->out] >= 0)
            return true;
        for (int k = 0; k < n->n_in; k++)
            if (n->in[k] >= 0 && b->hit[n->in[k]] >= 0 && b->g->tensors[n->in[k]].constant)
                return true;
    }
    return false;
}

/* Adds what a fault reaches: nodes, and regions as one step unless a fault is inside. An activation that is
 * hit where no other fault reaches it is golden. */
static bs_status add_steps(bs_schedule_builder *b)
{
    const bs_graph *g = b->g;
    int last = g->tensors[b->request->until].producer;
    int first = b->request->from ? g->tensors[*b->request->from].producer + 1 : 0;
    for (int i = first; i <= last; i++) {
        int r = bs_graph_region(g, i);
        r = r >= 0 && hits_inside(b, &g->regions[r]) ? -1 : r;
        const bs_node *node = r < 0 ? &g->nodes[i] : &g->regions[r].node;
        bool hit = b->hit[node->out] >= 0 && b->buffer_of[node->out] < 0, is_reached = reached(b, node);
        i = r < 0 ? i : g->regions[r].last;
        if (is_reached || (hit && b->schedule->joins))
            BS_TRY(add_step(b, i, r, !is_reached));
    }
    return BS_OK;
}

bs_status bs_schedule_create_as(bs_schedule **out, const bs_graph *g, const bs_backend *backend,
                                bs_network *network, const bs_schedule_request *request)
{
    bs_receptive_fields own = {0};
    bs_schedule_builder b = {.g = g, .backend = backend, .network = network, .request = request};
    bs_status st;
    *out = NULL;
    BS_TRY_GOTO(allocate(&b, out), out);
    if (request->mode == BS_REPLAY_DELTA && !request->fields)
        BS_TRY_GOTO(bs_receptive_fields_create(&own, g), out);
    if (request->targets)
        BS_TRY_GOTO(bs_planes_choose(&b.joins, g), out);
    if (backend->patch_bytes && request->mode != BS_REPLAY_FULL && !request->targets)
        b.fields = request->fields || request->mode == BS_REPLAY_SUFFIX ? request->fields : &own;
    bs_schedule *schedule = *out;
    schedule->mode = request->mode;
    schedule->last_faulty = -1;
    BS_TRY_GOTO(find_targets(&b), out);
    BS_TRY_GOTO(choose_start(&b), out);
    BS_TRY_GOTO(add_steps(&b), out);
    BS_TRY_GOTO(choose_result(&b), out);
    BS_TRY_GOTO(bs_schedule_place_buffers(&b), out);
    st = bs_schedule_find_live_sets(schedule);
out:
    free(b.buffer_of);
    free(b.hit);
    free(b.joins);
    bs_receptive_fields_clear(&own);
    free_ranges(&b);
    if (st != BS_OK) {
        bs_schedule_free(*out);
        *out = NULL;
    }
    return st;
}

bs_status bs_schedule_create(bs_schedule **out, const bs_graph *g, const bs_backend *backend,
                             bs_network *network, int target, bs_replay_mode mode)
{
    const bs_schedule_request request = {.target = target, .mode = mode, .extent = 1, .until = g->output};
    return bs_schedule_create_as(out, g, backend, network, &request);
}

int bs_schedule_maskable(const bs_schedule *schedule)
{
    int first = schedule->last_faulty < 0 ? 0 : schedule->last_faulty;
    for (int i = 0; i < schedule->n_steps; i++)
        if (schedule->steps[i].injects >= 0)
            first = i > first ? i : first;
    return first;
}

bool bs_step_hits(const bs_step *s, int k)
{
    for (int i = 0; i < s->n_faulty; i++)
        if (s->faulty[i].target == k)
            return true;
    return s->injects == k;
}

int bs_schedule_first_injection(const bs_schedule *schedule)
{
    int first = -1;
    while (schedule->start_injects < 0 && first + 1 < schedule->n_steps) {
        const bs_step *s = &schedule->steps[++first];
        if (s->injects >= 0 || s->n_faulty > 0)
            break;
    }
    return first;
}

bool bs_schedule_holds(const bs_schedule *schedule, const int size[2])
{
    return schedule->plane[0] == 0 || (size[0] <= schedule->extent[0] && size[1] <= schedule->extent[1]);
}

void bs_schedule_span(const bs_schedule *schedule, const bs_site *sites, size_t n, int32_t at[2], int size[2])
{
    uint32_t width = (uint32_t)schedule->plane[1], plane = width * (uint32_t)schedule->plane[0];
    int32_t last[2] = {-1, -1};
    at[0] = at[1] = 0;
    for (size_t i = 0; i < n && plane > 0; i++) {
        uint32_t cell = sites[i].element / (uint32_t)schedule->cell;
        int32_t place[2] = {(int32_t)(cell % plane / width), (int32_t)(cell % width)};
        for (int a = 0; a < 2; a++) {
            at[a] = i == 0 || place[a] < at[a] ? place[a] : at[a];
            last[a] = i == 0 || place[a] > last[a] ? place[a] : last[a];
        }
    }
    for (int a = 0; a < 2; a++)
        size[a] = last[a] - at[a] + 1;
}

bool bs_schedule_serves(const bs_schedule *schedule, const bs_site *sites, size_t n, int32_t at[2])
{
    int size[2];
    bs_schedule_span(schedule, sites, n, at, size);
    return bs_schedule_holds(schedule, size);
}

bs_box bs_schedule_box(const bs_schedule *schedule, const bs_graph *g, const bs_plane *planes, int tensor,
                       const int32_t at[2])
{
    const bs_buffer *buffer = NULL;
    int region = bs_graph_inside(g, tensor);
    for (int i = 0; i <= schedule->n_steps && !buffer; i++) {
        int k = i == 0 ? schedule->start : schedule->steps[i - 1].out;
        bool as_one = i > 0 && region >= 0 && schedule->steps[i - 1].region == region;
        if (k >= 0 && (schedule->buffers[k].tensor == tensor || as_one))
            buffer = &schedule->buffers[k];
    }
    bs_box box = bs_box_empty();
    if (!buffer)
        return box;
    box = bs_plane_box(&planes[tensor]);
    for (int a = 0; a < 2 && buffer->patched; a++) {
        int64_t unit = a ? planes[tensor].cell : 1;
        box.begin[1 + a] = buffer->origin[a][at[a]] * unit;
        box.end[1 + a] = box.begin[1 + a] + buffer->size[a] * unit;
    }
    return box;
}

static void add_buffer_facts(XXH128_hash_t *hash, const bs_schedule *schedule, int index)
{
    if (index < 0) {
        *hash = bs_hash_add(*hash, &index, sizeof index);
        return;
    }
    const bs_buffer *b = &schedule->buffers[index];
    const int facts[] = {index, b->tensor, b->patched, b->size[0], b->size[1]};
    *hash = bs_hash_add(*hash, facts, sizeof facts);
    for (int a = 0; a < 2 && b->patched; a++)
        *hash =
            bs_hash_add(*hash, b->origin[a], (size_t)bs_schedule_places(schedule, a) * sizeof *b->origin[a]);
}

XXH128_hash_t bs_schedule_signature(const bs_schedule *schedule, int steps)
{
    XXH128_hash_t hash = {0, 0};
    const int facts[] = {
        schedule->n_targets,     schedule->mode == BS_REPLAY_FULL,
        schedule->start_injects, schedule->last_faulty,
        schedule->plane[0],      schedule->plane[1],
        (int)schedule->cell,     schedule->extent[0],
        schedule->extent[1],     steps,
    };
    hash = bs_hash_add(hash, facts, sizeof facts);
    hash = bs_hash_add(hash, schedule->targets, (size_t)schedule->n_targets * sizeof *schedule->targets);
    add_buffer_facts(&hash, schedule, schedule->start);
    for (int i = 0; i < steps; i++) {
        const bs_step *s = &schedule->steps[i];
        const int step[] = {s->node,    s->region,     s->n_faulty,   s->injects, s->copied,
                            s->patched, s->in_size[0], s->in_size[1], s->n_inputs};
        hash = bs_hash_add(hash, step, sizeof step);
        hash = bs_hash_add(hash, s->faulty, (size_t)s->n_faulty * sizeof *s->faulty);
        hash = bs_hash_add(hash, &s->fill, sizeof s->fill);
        hash = bs_hash_add(hash, s->source, (size_t)s->n_inputs * sizeof *s->source);
        for (int a = 0; a < 2 && s->in_origin[a]; a++)
            hash = bs_hash_add(hash, s->in_origin[a],
                               (size_t)bs_schedule_places(schedule, a) * sizeof **s->in_origin);
        for (int k = 0; k < s->n_inputs; k++)
            add_buffer_facts(&hash, schedule, s->gathered[k]);
        add_buffer_facts(&hash, schedule, s->out);
    }
    return hash;
}

void bs_schedule_free(bs_schedule *schedule)
{
    if (!schedule)
        return;
    for (int a = 0; a < 2; a++) {
        for (int i = 0; i < schedule->n_buffers; i++)
            free(schedule->buffers[i].origin[a]);
        for (int i = 0; schedule->steps && i < schedule->n_steps; i++)
            free(schedule->steps[i].in_origin[a]);
    }
    free(schedule->buffers);
    free(schedule->steps);
    free(schedule->sources);
    free(schedule->live_sets);
    free(schedule->faults);
    free(schedule->targets);
    free(schedule->last_injection);
    free(schedule);
}
