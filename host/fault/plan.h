/* The plan of a campaign: a job applied to a graph and a number of images. It lists the strata with their
 * numbers of trials, and gives the sites of every trial. Immutable once made, but for the shard.
 *
 * A trial is one faulty run of one image. Its coordinates are (entry, target, image, repetition); they
 * determine its id and, with the job's seed, its sites. */
#ifndef BS_FAULT_PLAN_H
#define BS_FAULT_PLAN_H

#include "base/error.h"
#include "fault.h"
#include "job/job.h"
#include "model/graph.h"
#include "trial.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct bs_site_table bs_site_table; /* explicit sites of one entry, from a CSV file */

/* A stratum: one fault entry on one target. Its trials are the sample from which rates are estimated. */
typedef struct bs_stratum {
    int entry;               /* index in job->entries */
    int target;              /* target id */
    bool is_parameter;       /* the same faults are run on all images */
    uint32_t repetitions;    /* trials for each image; with a site list the largest number of any image */
    uint32_t elements;       /* of the target */
    uint64_t population;     /* elements * choices: the distinct single sites; all bits with a site list */
    bs_fault_model fault;    /* the entry's, with the target's type and those of its bits that may be hit */
    bool borrowed;           /* its bits lie in the memory of another target (job key `storage`) */
    bs_ber ber;              /* used if the entry has a BER */
    double probability;      /* that a trial has its fault; of a part, that the target is hit */
    struct bs_stratum *part; /* of a network's stratum: its targets, ascending, each as a stratum of its own
                                would be; NULL: one target */
    int n_parts;
} bs_stratum;

/* A stratum of the whole network (entries of scope inference, site lists that mix targets): target is
 * BS_NETWORK_TARGET, is_parameter says that any part is a parameter, population is the sum of the parts'. Its
 * trials hit several targets in one inference. Sites of a part are drawn with the coordinates that a stratum
 * of its target would have; whether it is hit at all (probability) is drawn before, with the same counter. */
static inline int bs_stratum_targets(const bs_stratum *s)
{
    return s->n_parts > 0 ? s->n_parts : 1;
}

/* Returns target k of the stratum with the faults that its sites are drawn from. */
static inline const bs_stratum *bs_stratum_at(const bs_stratum *s, int k)
{
    return s->n_parts > 0 ? &s->part[k] : s;
}

typedef struct bs_plan {
    const bs_job *job;
    const bs_graph *graph;
    uint32_t n_images;
    bs_stratum *strata; /* sorted by (entry id, target) */
    int n_strata;
    bs_site_table **tables; /* by entry index, NULL where sites are sampled */
    uint64_t job_trials;    /* trials of all images */
    uint64_t trials;        /* trials of the shard's images */
    uint32_t shard, shards; /* shards > 1: this plan has only the images i with i % shards == shard */
} bs_plan;

/* Sites of trials, one after the other, and of a trial by target: those of the k-th target of the i-th trial
 * are site[bound[i * targets + k] .. bound[i * targets + k + 1]), where targets is bs_stratum_targets() of
 * the stratum of all of them. Zero-initialise; free with bs_sites_clear(). Reused without reallocation after
 * bs_sites_reset(). */
typedef struct bs_sites {
    bs_site *site;
    size_t n, cap;
    uint32_t *bound;
    size_t n_bounds, cap_bounds;
} bs_sites;

/* Makes the plan: resolves selectors ("FILE:LINE: unknown target 'conv9'", hint "did you mean 'conv5'?"),
 * reads site lists, and checks the limits of the id format. job and graph must outlive the plan. Free with
 * bs_plan_free(). */
bs_status bs_plan_create(bs_plan **out, const bs_job *job, const bs_graph *graph, uint32_t n_images);
void bs_plan_free(bs_plan *plan);
/* Restricts the plan to the images of shard `shard` (0-based) of `shards`. Trials keep their ids and sites,
 * and an image keeps its shard when images are added. */
bs_status bs_plan_set_shard(bs_plan *plan, uint32_t shard, uint32_t shards);
/* Returns the number of images in the shard (of all images without shards). */
uint32_t bs_plan_count_images(const bs_plan *plan);
/* Returns the index of the shard's i-th image. */
uint32_t bs_plan_image(const bs_plan *plan, uint32_t i);

/* Returns the target of the same entry in whose memory the stratum's values lie on a device that works in
 * place, -1 if there is none: the activation that the stratum's is computed from value by value (element-wise
 * operators, BatchNormalization) or that it only moves (Reshape, Transpose and the like), if nothing else
 * reads that activation. */
int bs_plan_lies_in(const bs_plan *plan, const bs_stratum *s);
/* Logs a note, once, if an entry without the key `storage` has such strata. */
void bs_plan_note_storage(const bs_plan *plan);

/* Returns true if nothing is drawn for a trial, so that all trials of an image are the same: whole tensors,
 * `ber: 1`, no fault at all. Each image has one trial then, whatever the job asks for. View bn_stratum of
 * schema/rates.sql says the same by SQL. Not for site lists. */
bool bs_stratum_is_fixed(const bs_stratum *s);
/* Returns the number of different faults that the trials of one image are drawn from: the population of
 * single sites, 1 where nothing is drawn, 1e18 for sets of sites and for faults that may not happen. */
double bs_stratum_faults(const bs_stratum *s);
/* Returns the same for all trials: x images if a fault is run on one image only. */
double bs_plan_population(const bs_plan *plan, const bs_stratum *s);
/* Returns the number of sites that a trial is expected to have, all in one element being one site; and the
 * same of a trial that hits every target of the stratum. Not for site lists. */
double bs_stratum_sites(const bs_stratum *s);
double bs_stratum_most_sites(const bs_stratum *s);
/* Returns true if every trial of the stratum has at most one site; false, too, if only drawing could tell. */
bool bs_plan_single_site(const bs_plan *plan, const bs_stratum *s);
/* Returns the stratum of a trial, NULL if the plan has none. */
const bs_stratum *bs_plan_stratum(const bs_plan *plan, bs_trial_coords t);
/* Appends the trial's sites to *out (without clearing it), by target, and sorted by element. Faults in the
 * same element are merged into one site. Thread-safe. */
bs_status bs_plan_sites(const bs_plan *plan, const bs_stratum *s, bs_trial_coords t, bs_sites *out);
void bs_sites_reset(bs_sites *s);
void bs_sites_clear(bs_sites *s);

/* Returns the trials of one image in the stratum: s->repetitions, or fewer if a site list names images; 0 for
 * an image outside the shard. */
uint32_t bs_plan_repetitions(const bs_plan *plan, const bs_stratum *s, uint32_t image);
/* Returns the trials of all images of the shard in the stratum. */
uint64_t bs_plan_stratum_trials(const bs_plan *plan, const bs_stratum *s);

/* Site lists: CSV, the first line names the columns, in any order; other columns are ignored. X(enum suffix,
 * name, meaning in Markdown). */
#define BS_SITE_COLUMNS(X)                                                                                   \
    X(TARGET, "target",                                                                                      \
      "Required. Name of a tensor or node, or the id of a target. `#ID` is always the id; `#4095`, with "    \
      "the operation `none`, is the whole network. An apostrophe before `=`, `+`, `-` or `@` is not part "   \
      "of the name.")                                                                                        \
    X(ELEMENT, "element",                                                                                    \
      "Required. Index of the element, from 0: of one image in the order (C, H, W); of a parameter, and of " \
      "an input (N, H, W, C), in the order of the model file.")                                              \
    X(OPERATION, "operation",                                                                                \
      "A kind of fault that draws nothing at random; default `flip`. `none`: no site in this target.")       \
    X(BIT, "bit", "The bit that is hit, from 0. Kinds that act on bits need `bit` or `mask`.")               \
    X(MASK, "mask", "The bits that are hit, as `0x` and hexadecimal digits.")                                \
    X(VALUE, "value",                                                                                        \
      "The value that is written, for kinds that take one: a decimal number, or its bits as `0x` and "       \
      "hexadecimal digits.")                                                                                 \
    X(IMAGE, "image",                                                                                        \
      "Index of the image, from 0. Empty: the trial runs on every image. For each target, either all "       \
      "trials "                                                                                              \
      "name an image or none do; trials in one parameter name none.")                                        \
    X(TRIAL, "trial",                                                                                        \
      "Rows with the same number (and image) are one trial with several sites, in one target or in "         \
      "several. "                                                                                            \
      "Empty: a trial of its own.")                                                                          \
    X(ENTRY, "entry", "If the column is there, only rows with the id of the job's entry are read.")

/* The order of their first rows numbers the repetitions of each (target, image), where the target of a trial
 * in several of them, or with a row `#4095`, is BS_NETWORK_TARGET. Several rows of a trial for one element
 * act one after the other. */

/* Writes every site of the plan as such a list, which gives the same trials when it is read:
 * trial,entry,target,image,repetition,element,operation,mask,value.
 *
 * One line for each site; parameter faults are written once, without an image. A trial without sites, as a
 * BER can give, is one line "none". A trial of the network has such a line for `#4095` unless it names two
 * targets, and the first one names all; a site that mixes operations (possible after an import only) is two
 * lines. Values are decimal with 9 digits, which is exact; NaNs are 0x bits. */
bs_status bs_plan_write_sites(const bs_plan *plan, const char *path);

#endif
