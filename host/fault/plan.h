/* The plan: which trials a campaign consists of, and the sites of each. Const once made. */
#ifndef BS_FAULT_PLAN_H
#define BS_FAULT_PLAN_H

#include "base/error.h"
#include "fault.h"
#include "job/job.h"
#include "model/graph.h"
#include "trial.h"

#include <stddef.h>
#include <stdint.h>

typedef struct bs_site_table bs_site_table; /* explicit sites of one entry, from CSV */

/* One (fault entry, target): the experiment whose outcomes are pooled. */
typedef struct bs_stratum {
    int entry;            /* index in job->entries */
    int target;           /* target id */
    bool is_parameter;    /* the fault stays for all images */
    uint32_t repetitions; /* trials for each image */
    uint64_t population;  /* elements * choices: distinct single sites */
    bs_ber ber;           /* used when the entry has a BER */
} bs_stratum;

typedef struct bs_plan {
    const bs_job *job;
    const bs_graph *graph;
    uint32_t n_images;
    bs_stratum *strata; /* sorted by (entry id, target) */
    int n_strata;
    bs_site_table **tables; /* by entry index, NULL where sites are sampled */
    uint64_t trials;        /* in all */
} bs_plan;

/* Sites of one trial. Zero-initialise; bs_sites_clear() frees. Reused between calls without reallocation. */
typedef struct bs_sites {
    bs_site *site;
    size_t n, cap;
} bs_sites;

/* Resolves selectors ("FILE:LINE: unknown target 'conv9'", hint "did you mean 'conv5'?"), reads site lists,
 * checks the limits of the id format. job and graph must outlive the plan. */
bs_status bs_plan_create(bs_plan **out, const bs_job *job, const bs_graph *graph, uint32_t n_images);
void bs_plan_free(bs_plan *plan);

/* Stratum of a trial, NULL if the plan has none. */
const bs_stratum *bs_plan_stratum(const bs_plan *plan, bs_trial t);
/* Appends the trial's sites to *out (does not clear it), sorted by element. Thread-safe.
 * Bursts and BER hits on the same element are merged into one site. */
bs_status bs_plan_sites(const bs_plan *plan, const bs_stratum *s, bs_trial t, bs_sites *out);
void bs_sites_clear(bs_sites *s);

/* Writes every site of the plan as CSV, one line a site, readable as an explicit site list:
 * trial,entry,target,image,repetition,element,operation,mask,value. Images are the data set's paths' indices.
 */
bs_status bs_plan_write_sites(const bs_plan *plan, const char *path);

#endif
