/* The inside of a replayer, and of a batch in progress. */
#ifndef BS_REPLAY_REPLAYER_H
#define BS_REPLAY_REPLAYER_H

#include "replay/replay.h"

struct bs_replayer {
    bs_golden *golden;
    int max_batch;
    char *arena; /* device */
    size_t arena_bytes;
    double macs; /* multiply-accumulates computed so far */
    bs_view *in;
    /* The trials still computed have positions 0..n-1 in every live buffer: */
    int n;
    int *trial;          /* position -> index in bs_trial_batch */
    int32_t *row;        /* position -> golden row */
    int32_t *zero;       /* for any batch: row 0, the only one of a parameter */
    int32_t *at[2];      /* position -> first row and column of the fault; delta schedules only */
    int32_t *scratch[2]; /* positions */
    uint8_t
        *equal; /* [buffer][max_batch]: 1 if this tensor of this trial equals golden; see bs_backend.wait */
    uint8_t *masked;
    int32_t *class_of;
    bs_answer *answer;
    /* Sites in the order of the positions, if that has changed: */
    bs_site *site;
    size_t site_cap;
    uint32_t *first;
    size_t first_cap;
    /* Schedules whose trials join only: */
    int *position;    /* trial -> position, -1: it is not computed at present */
    int *last;        /* trial -> the last step that injects a site of it, -1: the start */
    uint32_t *place;  /* of `site`: index among the batch's sites */
    uint32_t *before; /* of `site` */
    size_t place_cap, before_cap;
    bs_faulty_input *faulty; /* the faulty inputs of a step */
};

/* A batch in progress. */
typedef struct bs_pass {
    bs_replayer *p;
    const bs_schedule *schedule;
    const bs_trial_batch *t;
    bs_segment_batch *segment;
    int stride; /* trials that each buffer has room for: the batch size at the start */
    bool reordered;
} bs_pass;

static inline char *bs_pass_rows(const bs_pass *b, int buffer)
{
    return b->p->arena + b->schedule->buffers[buffer].offset * (size_t)b->stride;
}

static inline bs_view bs_pass_golden(const bs_pass *b, int tensor)
{
    const bs_golden *golden = b->p->golden;
    return (bs_view){golden->rows[tensor], golden->graph->tensors[tensor].constant ? b->p->zero : b->p->row};
}

static inline uint8_t *bs_pass_equal(const bs_pass *b, int buffer)
{
    return b->p->equal + (size_t)buffer * (size_t)b->p->max_batch;
}

/* Has the golden run expand the region that the step runs a node of, if any, for the images of the trials. */
static inline bs_status bs_pass_expand(bs_pass *b, const bs_step *s)
{
    int region = s->region < 0 ? bs_graph_region(b->p->golden->graph, s->node) : -1;
    return region < 0 ? BS_OK : bs_golden_expand(b->p->golden, region, b->t->n, b->t->golden_row);
}

/* Functions of masking.c.
 *
 * Returns the trials' patches, placed by the tables of a buffer or step (NULL: at the origin). */
bs_patches bs_pass_look_up(const bs_pass *b, const int size[2], int32_t *const table[2]);
/* Has a buffer compared with golden: bs_pass_look() takes note of the result. */
bs_status bs_pass_compare(bs_pass *b, int buffer);
/* Compares what a step made, and after a step that injects inside a region what the region made before it.
 * Elsewhere inside a region all count as changed. */
bs_status bs_pass_compare_step(bs_pass *b, const bs_step *s);
/* Returns whether trials can be found masked after the step: everywhere, but inside a region only where sites
 * are injected. */
bool bs_pass_checks(const bs_pass *b, const bs_step *s);
/* Waits for the comparisons of steps first .. step (-1: the start), of which `step` was the last to run.
 * Marks trials as masked at the first of them after which their live tensors all equal golden, unless a site
 * of theirs is still to come, and drops them from the batch unless they are to be kept. Inside a region only
 * those that have sites in this step. Until then they are computed, and stay golden. */
bs_status bs_pass_look(bs_pass *b, int first, int step);
/* Returns the multiply-accumulates of n trials of a step with one faulty parameter that reuses the golden
 * output. */
double bs_pass_quick_macs(const bs_pass *b, const bs_step *s, int n, const bs_faults *f);

#endif
