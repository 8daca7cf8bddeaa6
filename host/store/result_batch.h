/* Results of a campaign on their way from the workers to the result file. */
#ifndef BS_STORE_RESULT_BATCH_H
#define BS_STORE_RESULT_BATCH_H

#include "base/error.h"
#include "rank.h"
#include "trial.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The raw facts of one trial. */
typedef struct bs_row {
    uint64_t id;      /* bs_trial_id() */
    uint32_t element; /* of the first site; this and keep, toggle, before are undefined if n_sites = 0, or the
                         trial's target is BS_NETWORK_TARGET: its sites are in `sites` of the batch */
    uint32_t keep, toggle;
    uint32_t before;
    uint32_t n_sites; /* a BER trial may have none */
    int32_t died_at; /* target id of the node output at which the change was masked (the fault's own target if
                        it changed nothing); -1: it reached the output */
    bs_answer answer; /* valid if died_at < 0 */
    int32_t audit;    /* 0 not audited, 1 audited and equal */
    int32_t run;      /* id of its run in table run, 0: the run that is open */
} bs_row;

/* A site of a trial that hits several targets. */
typedef struct bs_trial_site {
    uint64_t trial;
    uint32_t layer; /* target id */
    uint32_t element, keep, toggle, before;
} bs_trial_site;

/* A class and its score. */
typedef struct bs_ranked {
    uint32_t class;
    float score;
} bs_ranked;

/* The ranking of a trial's answer or of a golden run, packed in `ranks` of the batch. */
typedef struct bs_ranking_row {
    uint64_t of; /* trial id; golden: image */
    bool golden;
    size_t at, bytes;
} bs_ranking_row;

/* The facts of a golden run. */
typedef struct bs_golden_row {
    uint32_t image;
    bs_answer answer;
    char sha256[65];
    uint64_t logits_hash; /* XXH3-64 of the output's bits; part of the run's fingerprint */
    int32_t run;          /* as in bs_row */
} bs_golden_row;

/* An image that cannot be read, so that its missing trials are left out. */
typedef struct bs_broken_row {
    uint32_t image;
    uint64_t trials; /* its planned trials */
    int32_t run;     /* as in bs_row */
    char reason[256];
} bs_broken_row;

/* One of the two answers to an audited trial. */
typedef struct bs_audit_row {
    uint64_t trial;
    bool full;  /* answer of the full re-run; else that of the campaign */
    bool equal; /* both answers are the same, bit for bit */
    int32_t died_at;
    bs_answer answer;     /* valid for masked trials, too */
    uint64_t logits_hash; /* XXH3-64 of the output's bits */
} bs_audit_row;

/* How a run came to rely on a proof. */
typedef enum bs_proof_outcome {
    BS_PROOF_MADE,       /* by this run */
    BS_PROOF_FROM_CACHE, /* taken from the cache */
    BS_PROOF_FROM_FILE,  /* an earlier run in this file has it */
    BS_PROOF_FAILED,     /* the bits differed: another schedule was used */
    BS_PROOF_OUTCOME_COUNT,
} bs_proof_outcome;
/* As in the result file: "proven", "cache", "file", "failed". */
const char *bs_proof_outcome_name(bs_proof_outcome o);

/* A proof that rows of this run, in this batch or later ones, rely on. */
typedef struct bs_proof_row {
    char key[33];  /* 32 hex digits */
    int32_t layer; /* target id at which the replay starts; -1: none */
    char what[32]; /* what was compared, in short words: "dense", "segment 2x2" */
    bs_proof_outcome outcome;
    char made[32];  /* UTC time when it was proven, "2026-01-31T12:00:00Z"; "": now */
    double seconds; /* time that took then */
} bs_proof_row;

/* Progress of the unit of work (entry, target, image): repetitions 0..done-1 are in the file. */
typedef struct bs_unit {
    uint32_t entry, target, image, done;
} bs_unit;

enum { BS_LOST_TEXT = 200 };

/* A result batch: rows that are stored together or not at all. A worker fills it and the writer stores it,
 * without a copy in between. Its units record the repetitions that its rows complete, so that a resumed run
 * repeats nothing. Zero-initialise. Lists made by bs_result_batch_add_*() are freed by
 * bs_result_batch_clear(); borrowed ones (capacity 0) are not. */
typedef struct bs_result_batch {
    int device;              /* that computed this: index of the run's devices */
    char lost[BS_LOST_TEXT]; /* why the device is lost; "": it is not */
    bs_golden_row *golden;
    size_t n_golden, cap_golden;
    bs_row *rows; /* must be sorted by id when stored */
    size_t n_rows, cap_rows;
    bs_trial_site *sites; /* of `rows`, by trial, layer and element when stored */
    size_t n_sites, cap_sites;
    bs_ranking_row
        *rankings; /* of `golden` and `rows`, none of masked trials; golden ones first, then by id */
    size_t n_rankings, cap_rankings;
    unsigned char *ranks;      /* 8 bytes a rank: class, bits of the score; both big-endian */
    size_t n_ranks, cap_ranks; /* bytes */
    bs_unit *units;
    size_t n_units, cap_units;
    bs_broken_row *broken;
    size_t n_broken, cap_broken;
    bs_audit_row *audits;
    size_t n_audits, cap_audits;
    bs_proof_row *proofs; /* stored before the rows of the batch */
    size_t n_proofs, cap_proofs;
} bs_result_batch;

void bs_result_batch_clear(bs_result_batch *b);
/* Frees also the batch itself, which was allocated. NULL-safe. */
void bs_result_batch_free(bs_result_batch *b);
bool bs_result_batch_is_empty(const bs_result_batch *b);
/* Makes room for n more rows after the present ones: a worker fills rows[n_rows ..] while it computes, and
 * counts them when they are done. */
bs_status bs_result_batch_reserve(bs_result_batch *b, size_t n);
bs_status bs_result_batch_add_site(bs_result_batch *b, const bs_trial_site *site);
/* Adds the k best classes of the golden run of image `of`, or of the answer of trial `of`, best first: all
 * that the job's `top_k` asks for, at most as many as there are classes. */
bs_status bs_result_batch_add_ranking(bs_result_batch *b, bool golden, uint64_t of, const bs_ranked *ranked,
                                      size_t k);
/* The same, packed already. */
bs_status bs_result_batch_add_ranks(bs_result_batch *b, bool golden, uint64_t of, const void *ranks,
                                    size_t bytes);
bs_status bs_result_batch_add_golden(bs_result_batch *b, const bs_golden_row *row);
bs_status bs_result_batch_add_broken(bs_result_batch *b, const bs_broken_row *row);
bs_status bs_result_batch_add_audit(bs_result_batch *b, const bs_audit_row *row);
bs_status bs_result_batch_add_proof(bs_result_batch *b, const bs_proof_row *row);
/* Records that the unit now has `done` repetitions; updates a unit recorded shortly before. */
bs_status bs_result_batch_add_unit(bs_result_batch *b, const bs_unit *unit);
/* Sorts rows and rankings by id, and sites by trial, layer and element, as the store requires. */
void bs_result_batch_sort(bs_result_batch *b);

#endif
