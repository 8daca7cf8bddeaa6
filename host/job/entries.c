#include "job/entries.h"

#include "base/buf.h"
#include "job/bitset.h"
#include "job/entry_values.h"
#include "job/selectors.h"
#include "trial.h"

#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_ID = (1 << BS_ENTRY_BITS) - 1,
    MAX_TRIALS = (1 << BS_REPETITION_BITS) - 1,
    MAX_COUNT = 1 << 30,
    MAX_STORED = 1000000000,
};

static bs_status read_share(bs_form *f, yaml_node_t *value, const bs_field *field, void *object)
{
    double *out = (double *)((char *)object + field->offset);
    BS_TRY(bs_form_number(out, f, value, field->key, -DBL_MAX, DBL_MAX));
    if (*out > 0.0 && *out < 1.0)
        return BS_OK;
    bs_form_fail(f, bs_form_line(value), "'%s' must be above 0 and below 1, not %g", field->key, *out);
    if (strcmp(field->key, "relative_margin") == 0)
        return bs_hint(
            "relative_margin: 0.2 says: rounds go on until the SDC-1 rate is known within a fifth of it");
    return bs_hint("margin: 0.01 and confidence: 0.95 say: within one percentage point, 19 times out of 20");
}

#define X(suffix, name) ", `" name "`"
static const char bits_value[] = BS_BIT_FIELDS(X) ", a bit, a range of bits, or a list of these";
#undef X

/* X(enum suffix, key, reader, member, min, max, value, default, help). The keys of a fault entry. */
#define ENTRY_KEYS(X)                                                                                        \
    X(ID, "id", bs_form_int, id, 0, MAX_ID, NULL, NULL,                                                      \
      "Number of the entry. It is part of the id of every trial of the entry, so never change it.")          \
    X(NAME, "name", bs_form_text, name, 0, 0, NULL, "`entry-` and the id", "Name of the entry in results.")  \
    X(TARGETS, "targets", bs_targets_read, targets, 0, 0, "selectors", NULL,                                 \
      "Which tensors are hit; see TARGETS AND STORAGE. Required, unless `sites` is given.")                  \
    X(SCOPE, "scope", bs_scope_read, scope, 0, 0, "`target` or `inference`", "`target`",                     \
      "What a trial hits: one of the targets, so that each has trials of its own, or, with `inference`, "    \
      "all of them at once; see SCOPE.")                                                                     \
    X(PROBABILITY, "probability", bs_probability_read, probability, 0, 0, "number above 0, at most 1", "1",  \
      "Probability that a trial has its fault. The others are trials without one.")                          \
    X(FAULT, "fault", bs_fault_kind_read, fault, 0, 0, "a kind of fault", "`flip`",                          \
      "What a fault does to the value that it hits; see FAULTS.")                                            \
    X(BITS, "bits", bs_bitset_read, bits, 0, 0, &bits_value[2], "`any`",                                     \
      "Which bits of a value may be hit. Bit 0 is the lowest, 31 the sign; a range is like `23-30`. Only "   \
      "for kinds that act on bits.")                                                                         \
    X(BURST, "burst", bs_form_uint32, fault.burst, 1, BS_WORD_BITS, NULL, "1",                               \
      "How many adjacent bits a fault hits, from the chosen bit upwards, up to bit 31. Only for kinds that " \
      "act on bits.")                                                                                        \
    X(COUNT, "count", bs_number_or_all_read, fault.count, 1, MAX_COUNT,                                      \
      "whole number from 1 to 1073741824, or `all`", "1",                                                    \
      "How many distinct sites each trial hits in a target. `all`: every element once, in one of the bits "  \
      "that may be hit.")                                                                                    \
    X(SHARED_BIT, "shared_bit", bs_shared_bit_read, fault, 0, 0, "`true` or `false`", "`false`",             \
      "All sites of a trial are in the same bit, which is drawn for the trial. Only for kinds that act on "  \
      "bits, and not with `ber`.")                                                                           \
    X(BER, "ber", bs_error_rate_read, fault.ber, 0, 0, "number from 1e-18 to 1, or a list of them", NULL,    \
      "Bit error rate, instead of `count`: every allowed bit is hit with this probability, so a trial has "  \
      "many sites, or none. A list makes an entry of each rate: with the ids from `id` on, and the rate "    \
      "after the name.")                                                                                     \
    X(VALUE, "value", bs_fault_value_read, fault.value, 0, 0, "number, `.inf`, `-.inf` or `.nan`", NULL,     \
      "The value that `fault: set` writes; required there.")                                                 \
    X(RANGE, "range", bs_fault_range_read, fault.low, 0, 0, "`[LOW, HIGH]`", NULL,                           \
      "The range that `fault: random` draws values from, without HIGH itself; required there.")              \
    X(TRIALS, "trials", bs_form_int64, trials, 1, MAX_TRIALS, NULL, "1",                                     \
      "How many trials each target has on each image. A parameter has this many faults, and each fault "     \
      "meets every image.")                                                                                  \
    X(MARGIN, "margin", read_share, margin, 0, 0, "number above 0, below 1", NULL,                           \
      "Margin of error of each target, instead of `trials`; see HOW MANY TRIALS.")                           \
    X(RELATIVE_MARGIN, "relative_margin", read_share, relative_margin, 0, 0, "number above 0, below 1",      \
      NULL,                                                                                                  \
      "Margin of error as a share of the SDC-1 rate, for `bitsink plan --db`. It does not change how many "  \
      "trials this job has.")                                                                                \
    X(CONFIDENCE, "confidence", read_share, confidence, 0, 0, "number above 0, below 1", "0.95",             \
      "Probability that the margin of error holds. Only with `margin` or `relative_margin`.")                \
    X(SITES, "sites", bs_form_path, sites, 0, 0, NULL, NULL,                                                 \
      "A list of sites instead of `targets`, `fault` and `trials`; see SITES.")                              \
    X(STORE_SITES, "store_sites", bs_number_or_all_read, store_sites, 0, MAX_STORED,                         \
      "whole number from 0 to 1000000000, or `all`", "64",                                                   \
      "How many sites of each trial that hits several targets are stored; the others can be made again. "    \
      "Only with `scope: inference` or `sites`.")                                                            \
    X(STORAGE, "storage", bs_storage_read, storage, 0, 0, "selectors", "all targets of the entry",           \
      "Which targets of the entry occupy memory of their own; see TARGETS AND STORAGE.")

enum entry_key {
#define X(suffix, ...) KEY_##suffix,
    ENTRY_KEYS(X)
#undef X
        N_KEYS
};

static const bs_field entry_fields[] = {
#define X(suffix, key, reader, member, min, max, value, fallback, help)                                      \
    {key, reader, offsetof(bs_entry, member), min, max, KEY_##suffix == KEY_ID, value, fallback, help},
    ENTRY_KEYS(X)
#undef X
};
const bs_field_table bs_entry_keys = {entry_fields, N_KEYS};

static bs_status conflict(const bs_form *f, const int *lines, int a, int b, const char *hint)
{
    int line = lines[a] > lines[b] ? lines[a] : lines[b];
    bs_form_fail(f, line, "'%s' and '%s' exclude each other", entry_fields[a].key, entry_fields[b].key);
    return bs_hint("%s", hint);
}

/* Refuses `key` with faults of other kinds than its own, and requires it there if `required`. */
static bs_status only_for(const bs_form *f, const bs_entry *e, const int *lines, int key, bool fits,
                          bool required, const char *owner)
{
    if (lines[key] && !fits) {
        bs_form_fail(f, lines[key], "'%s' has no meaning for this fault", entry_fields[key].key);
        return bs_hint("it belongs to %s", owner);
    }
    if (!lines[key] && fits && required) {
        bs_form_fail(f, e->line, "entry %d: key '%s' is missing", e->id, entry_fields[key].key);
        return bs_hint("%s needs it", owner);
    }
    return BS_OK;
}

/* Names of the kinds of faults that act on bits, or that take the parameter: "flip, stuck-at-0 and
 * stuck-at-1". */
static const char *list_kinds(char out[128], bool bitwise, bs_fault_parameter parameter)
{
    const char *kind[BS_FAULT_KIND_COUNT];
    int n = 0;
    size_t len = 0;
    for (int k = 0; k < BS_FAULT_KIND_COUNT; k++) {
        bs_fault_traits t = bs_fault_traits_of((bs_fault_kind)k);
        if (bitwise ? t.bitwise : t.parameter == parameter)
            kind[n++] = bs_fault_kind_name((bs_fault_kind)k);
    }
    for (int i = 0; i < n && len < 128; i++) {
        const char *mark = i + 2 < n ? ", " : i + 2 == n ? " and " : "";
        len += (size_t)snprintf(out + len, 128 - len, "%s%s", kind[i], mark);
    }
    return out;
}

/* Checks the keys that belong to some kinds of faults only. */
static bs_status check_parameters(const bs_form *f, const bs_entry *e, const int *lines)
{
    enum { KEY_NONE = N_KEYS };
    static const int keys[] = {
#define X(suffix, key) KEY_##suffix,
        BS_FAULT_PARAMETERS(X)
#undef X
    };
    bs_fault_traits t = bs_fault_traits_of(e->fault.kind);
    char kinds[128], owner[144];
    list_kinds(kinds, true, BS_FAULT_TAKES_NONE);
    BS_TRY(only_for(f, e, lines, KEY_BITS, t.bitwise, false, kinds));
    BS_TRY(only_for(f, e, lines, KEY_BURST, t.bitwise, false, kinds));
    BS_TRY(only_for(f, e, lines, KEY_SHARED_BIT, t.bitwise, false, kinds));
    for (int i = 0; i < 3; i++) {
        static const int hits[] = {KEY_COUNT, KEY_BER, KEY_PROBABILITY};
        BS_TRY(only_for(f, e, lines, hits[i], e->fault.kind != BS_FAULT_NONE, false,
                        "faults that hit something: remove it, or name another 'fault'"));
    }
    for (int p = BS_FAULT_TAKES_NONE + 1; p < BS_FAULT_PARAMETER_COUNT; p++) {
        snprintf(owner, sizeof owner, "fault: %s", list_kinds(kinds, false, (bs_fault_parameter)p));
        BS_TRY(only_for(f, e, lines, keys[p], t.parameter == (bs_fault_parameter)p, true, owner));
    }
    return BS_OK;
}

/* Refuses probabilities of selectors that do not decide what a trial hits. */
static bs_status check_selectors(const bs_form *f, const bs_selector *s, int n, const char *hint)
{
    for (int i = 0; i < n; i++)
        if (s[i].probability < 1) {
            bs_form_fail(f, s[i].line, "'probability' of a selector without 'scope: inference'");
            return bs_hint("%s", hint);
        }
    return BS_OK;
}

/* Checks the keys that depend on what a trial hits: one target, or several. */
static bs_status check_scope(const bs_form *f, const bs_entry *e, const int *lines)
{
    bool several = e->scope == BS_SCOPE_INFERENCE;
    if (!several)
        BS_TRY(check_selectors(f, e->targets, e->n_targets,
                               "add 'scope: inference' to hit each target with its probability in the same "
                               "inference, or give the entry one 'probability' for all"));
    if (!several)
        BS_TRY(check_selectors(f, e->storage, e->n_storage, "it belongs to 'targets': remove it here"));
    if (!several && lines[KEY_STORE_SITES]) {
        bs_form_fail(f, lines[KEY_STORE_SITES], "'store_sites' without 'scope: inference'");
        return bs_hint("of a trial in one target the first site is stored: remove it");
    }
    if (several && lines[KEY_STORAGE]) {
        bs_form_fail(f, lines[KEY_STORAGE], "'storage' with 'scope: inference'");
        return bs_hint("it says how bits of targets are summed, and such trials are no target's own: "
                       "remove it");
    }
    if (e->fault.shared_bit && !several && e->fault.count == 1) {
        bs_form_fail(f, lines[KEY_SHARED_BIT], "'shared_bit' where a trial has one site");
        return bs_hint("say how many sites share the bit: count: all, or a number from 2");
    }
    return BS_OK;
}

static bs_status check_entry(const bs_form *f, const bs_entry *e, const int *lines)
{
    if (lines[KEY_SITES]) {
        for (int k = 0; k < N_KEYS; k++)
            if (lines[k] && k != KEY_ID && k != KEY_NAME && k != KEY_SITES && k != KEY_STORAGE &&
                k != KEY_STORE_SITES)
                return conflict(f, lines, k, KEY_SITES,
                                "a site list says itself what is hit, how, and how often");
        return BS_OK;
    }
    if (!lines[KEY_TARGETS]) {
        bs_form_fail(f, e->line, "entry %d: key 'targets' is missing", e->id);
        return bs_hint(
            "say what is hit, like targets: {op: Conv, kind: activation}, or give a list in 'sites'");
    }
    if (lines[KEY_COUNT] && lines[KEY_BER])
        return conflict(
            f, lines, KEY_COUNT, KEY_BER,
            "a trial has a fixed number of sites (count) or as many as the error rate brings (ber)");
    if (e->fault.shared_bit && lines[KEY_BER])
        return conflict(f, lines, KEY_SHARED_BIT, KEY_BER,
                        "an error rate hits each bit by itself: share one with 'count', such as count: all");
    if (lines[KEY_TRIALS] && lines[KEY_MARGIN])
        return conflict(f, lines, KEY_TRIALS, KEY_MARGIN,
                        "a margin of error decides how many trials there are");
    if (lines[KEY_CONFIDENCE] && !lines[KEY_MARGIN] && !lines[KEY_RELATIVE_MARGIN]) {
        bs_form_fail(f, lines[KEY_CONFIDENCE], "'confidence' without 'margin' or 'relative_margin'");
        return bs_hint("it is the probability that the margin of error holds: give both");
    }
    BS_TRY(check_parameters(f, e, lines));
    return check_scope(f, e, lines);
}

/* Names an entry without a name by its id, and one of several error rates by the rate, too. */
static bs_status name_entry(bs_entry *e)
{
    bs_str name = {0};
    if (e->name)
        bs_str_puts(&name, e->name);
    else
        bs_str_printf(&name, "entry-%d", e->id);
    if (e->n_rates > 0)
        bs_str_printf(&name, " %.9g", e->fault.ber);
    BS_TRY(bs_str_status(&name));
    free(e->name);
    e->name = name.ptr;
    return BS_OK;
}

static bs_status read_entry(bs_form *f, yaml_node_t *node, bs_entry *e)
{
    int lines[N_KEYS];
    e->line = bs_form_line(node);
    e->bits.fields = 1u << BS_BITS_ANY;
    e->probability = 1;
    e->store_sites = BS_STORED_SITES;
    e->fault.burst = 1;
    e->fault.count = 1;
    e->trials = 1;
    e->confidence = 0.95;
    BS_TRY(bs_form_mapping(f, node, "a fault entry", &bs_entry_keys, e, lines));
    if (e->n_rates > 0 && e->id + e->n_rates - 1 > MAX_ID) {
        bs_form_fail(f, lines[KEY_ID], "a list of %d error rates from id %d on needs ids above %d",
                     e->n_rates, e->id, MAX_ID);
        if (e->n_rates > MAX_ID + 1)
            return bs_hint("each rate is an entry of its own: give at most %d", MAX_ID + 1);
        return bs_hint("each rate is an entry of its own: the last id that the list may begin with is %d",
                       MAX_ID + 1 - e->n_rates);
    }
    e->id += e->rate;
    BS_TRY(check_entry(f, e, lines));
    return name_entry(e);
}

/* Reads an element of the list: an entry, or one for each of its error rates. */
static bs_status read_rates(bs_form *f, yaml_node_t *node, bs_job *job, size_t *cap)
{
    int rate = 0, n = 1;
    do {
        BS_TRY(
            bs_grow(&job->entries, cap, (size_t)job->n_entries + 1, sizeof *job->entries, "fault entries"));
        bs_entry *e = &job->entries[job->n_entries++];
        *e = (bs_entry){.rate = rate};
        BS_TRY(read_entry(f, node, e));
        n = e->n_rates;
    } while (++rate < n);
    return BS_OK;
}

/* Returns the lowest id from which on n ids are free, -1 if there is none. */
static int free_id(const bs_job *job, int n)
{
    bool used[MAX_ID + 1] = {false};
    int run = 0;
    for (int i = 0; i < job->n_entries; i++)
        used[job->entries[i].id] = true;
    for (int id = 0; id <= MAX_ID; id++) {
        run = used[id] ? 0 : run + 1;
        if (run == n)
            return id + 1 - n;
    }
    return -1;
}

static bs_status check_ids(const bs_form *f, const bs_job *job)
{
    const bs_entry *first[MAX_ID + 1] = {NULL};
    for (int i = 0; i < job->n_entries; i++) {
        const bs_entry *b = &job->entries[i], *a = first[b->id];
        first[b->id] = b;
        if (!a)
            continue;
        bs_form_fail(f, b->line, "entry id %d is used twice", b->id);
        if (a->n_rates < 2 && b->n_rates < 2)
            return bs_hint("the first one is at line %d; results are stored by id", a->line);
        int id = free_id(job, b->n_rates > 1 ? b->n_rates : 1);
        const bs_entry *list = a->n_rates > 1 ? a : b;
        int from = list->id - list->rate, to = from + list->n_rates - 1;
        return id < 0 ? bs_hint("the error rates at line %d take the ids %d to %d", list->line, from, to)
                      : bs_hint("the error rates at line %d take the ids %d to %d: id %d is free for line %d",
                                list->line, from, to, id, b->line);
    }
    return BS_OK;
}

bs_status bs_entries_read(bs_form *f, yaml_node_t *value, const bs_field *field, void *object)
{
    int n = bs_form_count(value);
    size_t cap = 0;
    if (value->type != YAML_SEQUENCE_NODE || n == 0) {
        bs_form_fail(f, bs_form_line(value), "'%s' must be a list of fault entries", field->key);
        return bs_hint("each entry starts with '- id: 1'");
    }
    for (int i = 0; i < n; i++)
        BS_TRY(read_rates(f, bs_form_item(f, value, i), object, &cap));
    return check_ids(f, object);
}

void bs_entry_clear(bs_entry *e)
{
    bs_selectors_clear(e->targets, e->n_targets);
    bs_selectors_clear(e->storage, e->n_storage);
    free(e->name);
    free(e->sites);
}
