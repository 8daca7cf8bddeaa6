/* Batches of faulty filters that are evaluated together.
 *
 * A *filter group* is the smallest part of a layer that can be computed by itself: one filter, or the filters
 * of one group of a grouped convolution. A *batch* is several groups of samples evaluated as one convolution:
 * its filters are their faulty filter groups, one after the other, and its input is the rows that any of
 * their samples reads.
 *
 *   bs_faulty_plan p;
 *   st = bs_faulty_plan_make(&p, call, &filters, &limits);
 *   for (int at = 0; at < p.n; at = b.end) {
 *       b = bs_faulty_batch_from(&p, at, most, most_alike);
 *       st = bs_faulty_batch_list(&b, &p);  compute; bs_faulty_batch_done(&b, &p);
 *       bs_faulty_batch_clear(&b);
 *   }
 *   bs_faulty_plan_clear(&p);  also where making it failed */
#ifndef BS_BACKEND_FAULTY_BATCHES_H
#define BS_BACKEND_FAULTY_BATCHES_H

#include "backend/faulty_params.h"

/* Where the elements of a layer's filters are in the file's parameter, and which filters belong together. */
typedef struct bs_filters {
    int64_t length; /* elements of a filter; 1 in a bias */
    int64_t step;   /* from one element of a filter to the next: 1, or the number of filters */
    int n;          /* filters */
    int per_group;  /* filters in a filter group: 1 except for grouped convolutions */
} bs_filters;

/* Finds the filter of an element of the parameter, and the element's index in it. */
static inline void bs_filters_locate(const bs_filters *f, uint32_t element, int *filter, int64_t *at)
{
    *filter = (int)(f->step == 1 ? element / f->length : element % f->step);
    *at = f->step == 1 ? element % f->length : element / f->step;
}

/* Returns true if every site changes one filter only: a weight of it, or its bias. */
bool bs_faulty_has_channels(const bs_faulty_call *c, int filters);

typedef struct bs_faulty_limits {
    int most;        /* faulty filter groups of a group of samples: with more, it is evaluated densely */
    bool by_sites;   /* limits batches by their sites instead, which are at least as many */
    bool neighbours; /* ends a batch where a group that is evaluated densely lies between */
} bs_faulty_limits;

typedef struct bs_faulty_plan {
    bs_faulty_call *call;
    bs_filters filters;
    bs_faulty_limits limits;
    int *group, n;     /* groups of samples to evaluate by channels */
    int *filter_group; /* their faulty filter groups, ascending for each */
    size_t *start;     /* by index in `group`: where its filter groups start; one more at the end */
    int *mark;         /* by filter group: working memory */
} bs_faulty_plan;

bs_status bs_faulty_plan_make(bs_faulty_plan *out, bs_faulty_call *c, const bs_filters *filters,
                              const bs_faulty_limits *limits);
void bs_faulty_plan_clear(bs_faulty_plan *p);

/* A sample of a batch, and where its results are. */
typedef struct bs_faulty_sample {
    int sample;
    int row;                  /* index of its input among the batch's rows */
    int place, filter_groups; /* its filter groups among the batch's: place, place + 1, ... */
} bs_faulty_sample;

/* A site, and the filter element that it changes. */
typedef struct bs_faulty_change {
    uint32_t site; /* index among the call's sites */
    int filter;    /* index among the batch's filters, per_group for each filter group */
    int64_t at;    /* element of that filter */
} bs_faulty_change;

typedef struct bs_faulty_batch {
    int first, end; /* p->group[first .. end) */
    const int *filter_group;
    int filter_groups;
    int32_t *row; /* distinct input rows, ascending */
    int rows;
    bs_faulty_sample *sample; /* group after group */
    int samples;
    bs_faulty_change *change; /* in the order of each group's sites */
    uint32_t changes;
} bs_faulty_batch;

/* Returns the longest batch from p->group[first] on that has at most `most` filter groups (or sites: see
 * bs_faulty_limits), or at most `most_alike` if all its groups read the same rows; one group at least. */
bs_faulty_batch bs_faulty_batch_from(const bs_faulty_plan *p, int first, int most, int most_alike);
/* Lists the batch's rows, samples and changes. Call bs_faulty_batch_clear() after an error, too. */
bs_status bs_faulty_batch_list(bs_faulty_batch *b, const bs_faulty_plan *p);
void bs_faulty_batch_clear(bs_faulty_batch *b);
/* Clears `dense` of the batch's groups, whose results are complete. */
void bs_faulty_batch_done(const bs_faulty_batch *b, const bs_faulty_plan *p);

#endif
