/* The job file: one campaign in YAML. Parsing checks form (keys, types, ranges); names of targets are
 * resolved against the model by bs_plan_create(). */
#ifndef BS_JOB_JOB_H
#define BS_JOB_JOB_H

#include "base/error.h"
#include "data/dataset.h"
#include "fault.h"
#include "model/storage.h"

#include <stdbool.h>
#include <stdint.h>

/* Which tensors an entry hits: those that satisfy all given conditions of any selector. */
typedef struct bs_selector {
    int kind;   /* bs_target_kind, or -1: any */
    char *op;   /* ONNX operator of the node ("Conv"), NULL: any */
    char *name; /* shell pattern (fnmatch) on the tensor or node name, NULL: any. A node's name stands for its
                   output, and for its weight or bias where `kind` asks for these */
    char
        *layer; /* part of the path of a node's name, or several with separators; shell patterns; NULL: any */
    int64_t id; /* target id, -1: any */
    bool all;   /* every target */
    double probability; /* of being hit in a trial, for each target by itself; 1 unless the entry's scope is
                           the inference. Of several selectors that meet a target, the first counts */
    int line;           /* in the job file, for messages */
} bs_selector;

/* Bits of a word that a fault may hit. Which they are depends on the type of the values: `exponent` is bits
 * 23 to 30 of fp32. */
typedef struct bs_bit_choice {
    uint32_t fields;  /* 1 << bs_bit_field for each that is named */
    uint64_t numbers; /* 1 << bit for each that is numbered, whether a type has it or not */
    int line;         /* in the job file, for messages */
} bs_bit_choice;

/* X(enum suffix, name). What the sites of one trial lie in. */
#define BS_SCOPES(X)                                                                                         \
    X(TARGET, "target")       /* one target */                                                               \
    X(INFERENCE, "inference") /* several targets of the network, hit in the same inference */

typedef enum bs_fault_scope {
#define X(suffix, name) BS_SCOPE_##suffix,
    BS_SCOPES(X)
#undef X
        BS_SCOPE_COUNT
} bs_fault_scope;

static inline const char *bs_fault_scope_name(bs_fault_scope scope)
{
    static const char *const names[] = {
#define X(suffix, name) name,
        BS_SCOPES(X)
#undef X
    };
    return names[scope];
}

/* Sites of a trial that the result file holds, if they lie in several targets; the others can be regenerated.
 */
enum { BS_STORED_SITES = 64 };

typedef struct bs_entry {
    int id;            /* 0..255, explicit in the file; of a list of error rates, the first takes it */
    int rate, n_rates; /* number `rate` of that list, and how many it has; 0: no list */
    char *name;
    bs_fault_scope scope;
    double probability;   /* that a trial has its fault; 1: always */
    uint32_t store_sites; /* sites of a trial in table trial_site; UINT32_MAX: all. Scope inference only */
    bs_fault_model fault; /* but for type and bits, which are those of each stratum (plan.h) */
    bs_bit_choice bits;
    bs_selector *targets;
    int n_targets;
    bs_selector *storage; /* which targets are memory of their own; none: all */
    int n_storage;
    int64_t trials;            /* repetitions for each (target, image), where margin is 0 */
    double margin, confidence; /* as many as this margin of error of each target needs; plan.h */
    double relative_margin;    /* of the SDC-1 rate, 0: none; store/rounds.h has what margins mean to later
                                  rounds */
    char *sites; /* CSV of explicit sites (plan.h) instead of targets, fault and trials; path resolved */
    int line;
} bs_entry;

/* X(enum suffix, name in job files). IEEE single precision; shortened multiplications on tensor cores; those
 * of tensor cores for layers of 16-bit values, summed in fp32. */
#define BS_MATHS(X)                                                                                          \
    X(FP32, "fp32")                                                                                          \
    X(TF32, "tf32")                                                                                          \
    X(NATIVE, "native")

typedef enum bs_math {
#define X(suffix, name) BS_MATH_##suffix,
    BS_MATHS(X)
#undef X
        BS_MATH_COUNT
} bs_math;

typedef struct bs_job {
    char *path; /* of the job file */
    char *text; /* its bytes, stored in the result file */
    char *name;
    char *model;              /* resolved against the job file */
    bs_import_options import; /* of the model; owned */
    bs_storage storage;       /* the types in which it is stored */
    char *class_names;        /* file, or NULL */
    uint64_t seed;
    bs_dataset_spec images; /* strings owned by the job, resolved against the job file */
    int64_t max_broken;     /* images that may be unreadable, -1: 1 % of them, at least one */
    bs_preprocess preprocess;
    bs_entry *entries;
    int n_entries;
    double audit;     /* share of the trials that are run again in full, 0 to 1 */
    bs_math math;     /* of products on GPUs */
    int label_offset; /* class index of label 0: 1 for networks with a background class */
    uint32_t top_k;   /* best classes of each answer that tables of rankings hold; 0: none, UINT32_MAX: all */
} bs_job;

/* Parses a job file. Errors read "FILE:LINE: what is wrong" with a hint. Paths in the file may use $VAR or
 * ${VAR}; an unset variable is an error. Free with bs_job_free(). */
bs_status bs_job_read(bs_job **out, const char *path);
/* Parses `len` bytes of text; `path` is for messages and for resolving relative paths. */
bs_status bs_job_parse(bs_job **out, const char *path, const char *text, size_t len);
void bs_job_free(bs_job *job);

#endif
