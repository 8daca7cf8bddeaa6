/* Shared by proof.c, which keeps the proofs, and prove.c, which makes them. */
#ifndef BS_CAMPAIGN_PROOF_INTERNAL_H
#define BS_CAMPAIGN_PROOF_INTERNAL_H

#include "campaign/proof.h"
#include "replay/selftest.h"

#include <pthread.h>

typedef enum bs_proof_state {
    BS_UNPROVEN,
    BS_PROVING, /* by another worker */
    BS_PROVEN,
    BS_NOT_EXACT
} bs_proof_state;

/* Kinds of schedules, of which each has its own composition; every segment is one more. */
typedef enum bs_proof_kind {
    BS_KIND_DENSE,     /* whole tensors */
    BS_KIND_PARAMETER, /* whole tensors after some filters */
    BS_KIND_SINGLE,    /* patches of one site */
    BS_KIND_SPREAD,    /* patches of several sites */
    BS_KIND_FULL,
    BS_KIND_SEVERAL, /* whole tensors, and faults in several targets */
    BS_KIND_SEGMENT  /* and from here on */
} bs_proof_kind;

/* The proof of a schedule, and of all others with the same signature. */
typedef struct bs_proof {
    bs_schedule_use use; /* of narrower schedules than the dense one */
    const bs_schedule *schedule;
    int steps; /* that are checked */
    int kind;
    const bs_schedules *of; /* the first that have this schedule; NULL: of a segment */
    XXH128_hash_t key;
    bs_proof_state state; /* this and the rest: under the lock */
    bool checked;         /* its steps are a stretch that has been checked */
    char why[200];        /* if not exact */
} bs_proof;

struct bs_proofs {
    bs_engine *engine;
    bs_proof_when when;
    XXH128_hash_t identity; /* of model, arithmetic and program */
    const bs_store *store;  /* may be NULL; only what it had when it was opened */
    bool *bottleneck;       /* by tensor; targets only */
    int *chain;             /* bottlenecks that stretches start at, in order; the last ends at the output */
    int n_chain;
    bs_proof_state *stretch; /* by place in the chain, never BS_NOT_EXACT; under the lock */
    atomic_int next_stratum; /* to be proven before the first trial */
    atomic_bool given_up;    /* a worker has met an error other than the loss of its device */
    atomic_bool in_full;     /* not even whole tensors can be replayed: all trials are full re-runs */
    bs_proof *proof;
    int n;
    int *table; /* open hash table: indices of `proof` by key, -1 where empty */
    size_t table_size;
    int *dense;    /* proofs of dense schedules: of each stratum and, if it has several targets, of each of
                      these (bs_schedules_part()) */
    int *dense_of; /* by stratum: its first of those; one more at the end */
    bs_schedules *full;   /* by place (bs_proof_full_place()): full re-runs, made when needed; this and the
                             next:   under the lock */
    bs_proof *full_proof; /* by place */
    int n_full;
    bs_proof_state *composed; /* by kind; under the lock */
    int n_kinds;
    bs_proof_row *row; /* not yet handed out; under the lock */
    size_t n_rows, row_cap;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* a proof is no longer BS_PROVING */
};

/* Functions of proof.c.
 *
 * Says in `out` what a proof of this kind is about: "delta 4x4". */
void bs_proof_describe(const bs_proof *proof, char *out, size_t len);
/* What a key is of: a schedule that starts at its fault, or at rows of a cut point, or a composition. */
enum { BS_SALT_FAULT, BS_SALT_CUT_POINT, BS_SALT_COMPOSITION };
/* Returns the key of a schedule's first steps, in batches of the size that the self-test has. */
XXH128_hash_t bs_proof_key(const bs_proofs *p, const bs_schedule *schedule, int steps, int salt);
/* Returns the layer that the file names for a schedule, -1: it serves several. */
static inline int bs_proof_layer(const bs_schedule *schedule)
{
    return schedule->joins ? -1 : schedule->target;
}
/* Returns the place of a stratum's full re-run: its target's, or one of its own if it has several. */
static inline int bs_proof_full_place(const bs_proofs *p, int stratum)
{
    const bs_engine *e = p->engine;
    const bs_stratum *s = &e->plan->strata[stratum];
    return bs_stratum_targets(s) > 1 ? e->graph->n_targets + stratum : bs_stratum_at(s, 0)->target;
}
/* Returns the proof with this key, NULL if there is none. */
bs_proof *bs_proof_find(const bs_proofs *p, XXH128_hash_t key);
/* Returns the key of the composition of a kind that begins with the schedule. */
XXH128_hash_t bs_proof_composition_key(const bs_proofs *p, const bs_schedule *schedule, int kind);
/* Returns true if the file or the cache has the key, and notes that for the file. layer: a target, -1: none.
 */
bool bs_proof_known(bs_proofs *p, XXH128_hash_t key, int layer, const char *what);
/* Notes an outcome for the file; if exact, for the cache, too. */
bs_status bs_proof_note(bs_proofs *p, XXH128_hash_t key, int layer, const char *what, bool exact,
                        double seconds);

/* Functions of prove.c.
 *
 * Returns true if this worker is to do what `state` stands for; else waits while another one does, if `wait`.
 */
bool bs_proof_claim(bs_proofs *p, bs_proof_state *state, bool wait);
/* Sets a state that this worker has claimed. */
void bs_proof_settle(bs_proofs *p, bs_proof_state *state, bs_proof_state to);
/* Checks the first `steps` steps of a schedule on the worker's stream. BS_SELFTEST: whole nodes, run alone,
 * are not reproducible. */
bs_status bs_prover_check(bs_prover *p, const bs_schedule *schedule, int steps, bool at_cut_point,
                          bs_selftest_result *out);
/* Checks the composition of the proof's kind, if that is still to be done. If another worker does it, waits
 * for it or, unless `wait`, leaves it to it. */
bs_status bs_prover_compose(bs_prover *p, const bs_proof *proof, bool wait, bs_selftest_result *out);
/* Makes the proof of a schedule with patches, unless it is made or another worker makes it: sets *made. Warns
 * if it is not exact. */
bs_status bs_prover_make_narrow(bs_prover *p, bs_proof *proof, bool *made);
/* Fails with BS_SELFTEST: full re-runs of faults in the target (-1: in several) are not reproducible. */
bs_status bs_proof_not_reproducible(const bs_proofs *p, int target, const char *what);
/* target: -1: several. */
const char *bs_proof_target_name(const bs_proofs *p, int target);

#endif
