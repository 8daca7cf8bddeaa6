/* Keeps the proofs: one for each schedule, known by its key to the file and the cache. */
#include "campaign/proof_internal.h"

#include "base/hash.h"
#include "base/resources.h"
#include "replay/bottlenecks.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Adds how all tensors are stored, which the model file does not tell. */
static XXH128_hash_t add_formats(XXH128_hash_t hash, const bs_graph *g)
{
    for (int t = 0; t < g->n_tensors; t++) {
        bs_scales s = g->tensors[t].scales;
        hash = bs_hash_add(hash, &g->tensors[t].type, sizeof g->tensors[t].type);
        hash = bs_hash_add(hash, s.scale, s.n * sizeof *s.scale);
    }
    return hash;
}

static XXH128_hash_t identity_of(const bs_engine *e)
{
    bs_str text = {0};
    uint64_t selection = e->backend->selection ? e->backend->selection(bs_engine_network(e)) : 0;
    bs_str_printf(&text, "%s\n%s\n%s\n%s\n%s\n%s\n%016" PRIx64 "\n%016" PRIx64 "\n%016" PRIx64,
                  BITSINK_VERSION, e->graph->sha256, e->backend->name, e->info.name, e->info.isa,
                  e->info.library, selection, e->fingerprint, bs_cache_build());
    XXH128_hash_t hash = XXH3_128bits(text.ptr ? text.ptr : "", text.len);
    bs_str_clear(&text);
    return add_formats(hash, e->graph);
}

XXH128_hash_t bs_proof_key(const bs_proofs *p, const bs_schedule *schedule, int steps, int salt)
{
    const bs_engine *e = p->engine;
    XXH128_hash_t signature = bs_schedule_signature(schedule, steps);
    const uint64_t facts[] = {signature.low64, signature.high64, (uint64_t)salt,
                              (uint64_t)bs_selftest_group(schedule, e->max_batch, e->arena_bytes)};
    return bs_hash_add(p->identity, facts, sizeof facts);
}

XXH128_hash_t bs_proof_composition_key(const bs_proofs *p, const bs_schedule *schedule, int kind)
{
    const bs_engine *e = p->engine;
    const bs_segments *segments = e->context.segments;
    XXH128_hash_t key = bs_proof_key(p, schedule, schedule->n_steps, BS_SALT_COMPOSITION + kind);
    for (int k = 0; segments && k < segments->n; k++)
        key = bs_hash_add(key, &segments->segment[k].tensor, sizeof segments->segment[k].tensor);
    return bs_hash_add(key, &e->mode, sizeof e->mode);
}

static void key_text(XXH128_hash_t key, char out[33])
{
    snprintf(out, 33, "%016" PRIx64 "%016" PRIx64, key.high64, key.low64);
}

/* What the cache keeps of a proof. */
typedef struct cached_proof {
    char made[24];
    double seconds;
} cached_proof;

static void cached_fact(const bs_proofs *p, const XXH128_hash_t *key, bs_fact *out)
{
    *out = (bs_fact){
        .kind = "proof", .key = key, .key_len = sizeof *key, .subject = p->engine->plan->job->model};
}

static bs_status add_row(bs_proofs *p, const bs_proof_row *row)
{
    pthread_mutex_lock(&p->lock);
    bs_status st = bs_grow(&p->row, &p->row_cap, p->n_rows + 1, sizeof *p->row, "proofs");
    if (st == BS_OK)
        p->row[p->n_rows++] = *row;
    pthread_mutex_unlock(&p->lock);
    return st;
}

bool bs_proof_known(bs_proofs *p, XXH128_hash_t key, int layer, const char *what)
{
    bs_proof_row row = {.layer = layer};
    cached_proof cached;
    bs_fact fact;
    if (p->when != BS_PROOF_AUTO)
        return false;
    key_text(key, row.key);
    snprintf(row.what, sizeof row.what, "%s", what);
    cached_fact(p, &key, &fact);
    if (bs_cache_get_fixed(p->engine->cache, &fact, &cached, sizeof cached)) {
        row.outcome = BS_PROOF_FROM_CACHE;
        snprintf(row.made, sizeof row.made, "%.*s", (int)sizeof cached.made - 1, cached.made);
        row.seconds = cached.seconds;
    } else if (p->store && bs_store_proof_known(p->store, row.key)) {
        row.outcome = BS_PROOF_FROM_FILE;
    } else {
        return false;
    }
    return add_row(p, &row) == BS_OK;
}

bs_status bs_proof_note(bs_proofs *p, XXH128_hash_t key, int layer, const char *what, bool exact,
                        double seconds)
{
    bs_proof_row row = {
        .layer = layer, .outcome = exact ? BS_PROOF_MADE : BS_PROOF_FAILED, .seconds = seconds};
    cached_proof cached = {.seconds = seconds};
    bs_fact fact;
    bs_resources_utc(row.made, time(NULL));
    key_text(key, row.key);
    snprintf(row.what, sizeof row.what, "%s", what);
    memcpy(cached.made, row.made, sizeof cached.made - 1);
    cached_fact(p, &key, &fact);
    if (exact)
        bs_cache_put(p->engine->cache, &fact, &cached, sizeof cached);
    return add_row(p, &row);
}

bs_status bs_proofs_hand_out(bs_proofs *p, bs_result_batch *batch)
{
    bs_status st = BS_OK;
    pthread_mutex_lock(&p->lock);
    for (size_t i = 0; i < p->n_rows && st == BS_OK; i++)
        st = bs_result_batch_add_proof(batch, &p->row[i]);
    p->n_rows = 0;
    pthread_mutex_unlock(&p->lock);
    return st;
}

void bs_proof_describe(const bs_proof *proof, char *out, size_t len)
{
    static const char *const names[] = {"dense", "filters", "delta", "delta", "full", "several", "segment"};
    const bs_schedule *s = proof->schedule;
    const char *name = names[proof->kind < BS_KIND_SEGMENT ? proof->kind : BS_KIND_SEGMENT];
    if (s->plane[0] > 0)
        snprintf(out, len, "%s %dx%d", name, s->extent[0], s->extent[1]);
    else
        snprintf(out, len, "%s", name);
}

/* Returns the proof with this key, NULL if there is none; *place is where it belongs in the table. */
static bs_proof *find(const bs_proofs *p, XXH128_hash_t key, size_t *place)
{
    size_t mask = p->table_size - 1;
    for (*place = key.low64 & mask; p->table[*place] >= 0; *place = (*place + 1) & mask)
        if (XXH128_isEqual(p->proof[p->table[*place]].key, key))
            return &p->proof[p->table[*place]];
    return NULL;
}

bs_proof *bs_proof_find(const bs_proofs *p, XXH128_hash_t key)
{
    size_t place;
    return find(p, key, &place);
}

static XXH128_hash_t key_of(const bs_proofs *p, const bs_schedule *schedule, int steps, int kind)
{
    if (kind == BS_KIND_SEVERAL)
        return bs_proof_composition_key(p, schedule, kind);
    return bs_proof_key(p, schedule, steps, kind >= BS_KIND_SEGMENT ? BS_SALT_CUT_POINT : BS_SALT_FAULT);
}

/* Returns the schedule's proof, a new one if there is none of its signature. */
static bs_proof *add_proof(bs_proofs *p, const bs_schedule *schedule, int kind, const bs_schedules *of)
{
    char what[32];
    size_t place;
    int steps = bs_selftest_steps(schedule, p->engine->graph, p->bottleneck);
    XXH128_hash_t key = key_of(p, schedule, steps, kind);
    bs_proof *proof = find(p, key, &place);
    if (proof)
        return proof;
    proof = &p->proof[p->n];
    *proof = (bs_proof){.schedule = schedule, .steps = steps, .kind = kind, .of = of, .key = key};
    p->table[place] = p->n++;
    bs_proof_describe(proof, what, sizeof what);
    if (p->when == BS_PROOF_OFF || bs_proof_known(p, key, bs_proof_layer(schedule), what)) {
        proof->state = BS_PROVEN;
        atomic_store(&proof->use.allowed, true);
    }
    return proof;
}

/* Enters all but the last of the schedules, whose use depends on their proofs. */
static void add_narrow(bs_proofs *p, const bs_schedules *schedules, int kind, const bs_schedules *of)
{
    for (int k = 0; k < schedules->n - 1; k++)
        schedules->schedule[k]->use = &add_proof(p, schedules->schedule[k], kind, of)->use;
}

static int kind_of_dense(const bs_graph *g, const bs_schedule *schedule)
{
    if (schedule->mode == BS_REPLAY_FULL)
        return BS_KIND_FULL;
    if (schedule->joins)
        return BS_KIND_SEVERAL;
    return g->tensors[g->targets[schedule->target].tensor].constant ? BS_KIND_PARAMETER : BS_KIND_DENSE;
}

static void add_all(bs_proofs *p)
{
    const bs_engine *e = p->engine;
    const bs_segments *segments = e->context.segments;
    for (int i = 0, n = 0; i < e->plan->n_strata; i++) {
        for (int k = 0; k < bs_schedules_parts(&e->schedules[i]); k++) {
            const bs_schedules *s = bs_schedules_part(&e->schedules[i], k);
            const bs_schedule *dense = s->schedule[s->n - 1];
            p->dense[n++] = (int)(add_proof(p, dense, kind_of_dense(e->graph, dense), s) - p->proof);
            add_narrow(p, s, s->n > 2 ? BS_KIND_SPREAD : BS_KIND_SINGLE, s);
        }
        p->dense_of[i + 1] = n;
    }
    for (int k = 0; segments && k < segments->n; k++)
        add_narrow(p, &segments->segment[k].schedules, BS_KIND_SEGMENT + k, NULL);
}

/* Lists the bottlenecks between which stretches are proven. Faults are put into them, so that only targets
 * count. The shorter the stretches, the fewer wrong values can get lost in them, in a ReLU, say. */
static bs_status choose_chain(bs_proofs *p)
{
    const bs_graph *g = p->engine->graph;
    BS_TRY(bs_bottlenecks_find(&p->bottleneck, g));
    BS_TRY(bs_calloc(&p->chain, (size_t)g->n_nodes + 1, sizeof *p->chain, "proofs"));
    BS_TRY(bs_calloc(&p->stretch, (size_t)g->n_nodes + 1, sizeof *p->stretch, "proofs"));
    p->chain[p->n_chain++] = g->input;
    for (int i = 0; i < g->n_nodes; i++) {
        int t = g->nodes[i].out;
        p->bottleneck[t] &= g->tensors[t].target >= 0;
        if (p->bottleneck[t] && t != g->output)
            p->chain[p->n_chain++] = t;
    }
    return BS_OK;
}

static bs_status allocate(bs_proofs *p)
{
    const bs_engine *e = p->engine;
    const bs_segments *segments = e->context.segments;
    size_t strata = (size_t)e->plan->n_strata, parts = 0, n = 0;
    for (int i = 0; i < e->plan->n_strata; i++)
        for (int k = 0; k < bs_schedules_parts(&e->schedules[i]); k++, parts++)
            n += (size_t)bs_schedules_part(&e->schedules[i], k)->n;
    for (int k = 0; segments && k < segments->n; k++)
        n += (size_t)segments->segment[k].schedules.n;
    for (p->table_size = 16; p->table_size < 2 * n;)
        p->table_size *= 2;
    p->n_kinds = BS_KIND_SEGMENT + (segments ? segments->n : 0);
    BS_TRY(bs_calloc(&p->proof, n, sizeof *p->proof, "proofs"));
    BS_TRY(bs_calloc(&p->table, p->table_size, sizeof *p->table, "proofs"));
    BS_TRY(bs_calloc(&p->dense, parts, sizeof *p->dense, "proofs"));
    BS_TRY(bs_calloc(&p->dense_of, strata + 1, sizeof *p->dense_of, "proofs"));
    p->n_full = e->graph->n_targets + e->plan->n_strata;
    BS_TRY(bs_calloc(&p->full, (size_t)p->n_full, sizeof *p->full, "proofs"));
    BS_TRY(bs_calloc(&p->full_proof, (size_t)p->n_full, sizeof *p->full_proof, "proofs"));
    BS_TRY(bs_calloc(&p->composed, (size_t)p->n_kinds, sizeof *p->composed, "proofs"));
    memset(p->table, -1, p->table_size * sizeof *p->table);
    return BS_OK;
}

static bs_status fill(bs_proofs *p)
{
    BS_TRY(allocate(p));
    BS_TRY(choose_chain(p));
    add_all(p);
    for (int k = 0; k < p->n_kinds; k++)
        p->composed[k] = p->when == BS_PROOF_OFF ? BS_PROVEN : BS_UNPROVEN;
    return BS_OK;
}

bs_status bs_proofs_create(bs_proofs **out, bs_engine *e, const bs_store *store, bs_proof_when when)
{
    bs_proofs *p;
    bs_autotune_log(e->context.autotune);
    BS_TRY(bs_engine_probe(e));
    BS_TRY(bs_calloc(out, 1, sizeof **out, "proofs"));
    p = *out;
    p->engine = e;
    p->when = when;
    p->store = store;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->changed, NULL);
    p->identity = identity_of(e);
    bs_status st = fill(p);
    if (st != BS_OK) {
        bs_proofs_free(p);
        *out = NULL;
    }
    return st;
}

/* Allows the use of all schedules. Returns the arithmetic of the dense one if that is news for any. */
static double allow_narrow(const bs_schedules *s)
{
    bool due = false;
    for (int k = 0; k < s->n - 1; k++)
        due |= !atomic_exchange(&s->schedule[k]->use->allowed, true);
    return due ? (double)s->schedule[s->n - 1]->macs : 0.0;
}

bs_proof_forecast bs_proofs_forecast(bs_proofs *p)
{
    const bs_engine *e = p->engine;
    const bs_plan *plan = e->plan;
    bs_proof_forecast out = {0};
    bool enough = false;
    double all = e->graph->macs > 0 ? (double)e->graph->macs : 1.0;
    const bs_proof *first = &p->proof[p->dense[0]];
    out.start = !bs_proof_known(p, bs_proof_composition_key(p, first->schedule, first->kind), -1, "whole");
    for (int i = 0; i < p->n; i++)
        if ((p->proof[i].kind <= BS_KIND_PARAMETER || p->proof[i].kind == BS_KIND_SEVERAL) &&
            p->proof[i].state != BS_PROVEN)
            out.dense += (double)p->proof[i].schedule->macs / all;
    for (int i = 0; i < plan->n_strata; i++) {
        if (bs_plan_stratum_trials(plan, &plan->strata[i]) < BS_WORTH_PROVING)
            continue;
        enough = true;
        for (int k = 0; k < bs_schedules_parts(&e->schedules[i]); k++)
            out.patched += allow_narrow(bs_schedules_part(&e->schedules[i], k)) / all;
    }
    for (int i = 0; i < p->n && enough; i++)
        if (p->proof[i].kind >= BS_KIND_SEGMENT)
            atomic_store(&p->proof[i].use.allowed, true);
    return out;
}

/* Returns true if any of the narrower schedules is not exact. */
static bool dense_alone(bs_schedules *schedules)
{
    bool dense = false;
    for (int i = 0; i < bs_schedules_parts(schedules); i++) {
        const bs_schedules *s = bs_schedules_part(schedules, i);
        for (int k = 0; k < s->n - 1; k++)
            dense |= ((const bs_proof *)s->schedule[k]->use)->state == BS_NOT_EXACT;
    }
    return dense;
}

/* Describes strata that do not run as asked for. */
static void fallen_back(const bs_proofs *p, bs_str *text)
{
    const bs_engine *e = p->engine;
    bool any = false;
    for (int i = 0; i < e->plan->n_strata; i++) {
        const bs_stratum *s = &e->plan->strata[i];
        bool full = e->mode != BS_REPLAY_FULL && p->full[bs_proof_full_place(p, i)].n > 0;
        if (!full && !dense_alone(&e->schedules[i]))
            continue;
        bs_str_puts(text, any ? "" : "; fell back (entry:layer mode):");
        any = true;
        bs_str_printf(text, " %d:%d %s", e->plan->job->entries[s->entry].id, s->target,
                      bs_replay_mode_name(full ? BS_REPLAY_FULL : BS_REPLAY_SUFFIX));
    }
}

bs_status bs_proofs_text(bs_proofs *p, bs_str *text)
{
    bool segments = false;
    pthread_mutex_lock(&p->lock);
    bs_str_puts(text, p->when == BS_PROOF_OFF ? "skipped" : "passed");
    for (int i = 0; i < p->n; i++)
        segments |= p->proof[i].kind >= BS_KIND_SEGMENT && p->proof[i].state == BS_NOT_EXACT;
    if (segments)
        bs_str_puts(text, "; fell back to whole tensors at cut points");
    fallen_back(p, text);
    pthread_mutex_unlock(&p->lock);
    return bs_str_status(text);
}

bs_engine *bs_proofs_engine(const bs_proofs *p)
{
    return p->engine;
}

void bs_proofs_free(bs_proofs *p)
{
    if (!p)
        return;
    for (int i = 0; p->full && i < p->n_full; i++)
        bs_schedules_clear(&p->full[i]);
    free(p->full);
    free(p->full_proof);
    free(p->bottleneck);
    free(p->chain);
    free(p->stretch);
    free(p->proof);
    free(p->table);
    free(p->dense);
    free(p->dense_of);
    free(p->composed);
    free(p->row);
    pthread_cond_destroy(&p->changed);
    pthread_mutex_destroy(&p->lock);
    free(p);
}
