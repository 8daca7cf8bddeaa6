#include "job/entries.h"

#include "base/buf.h"
#include "job/bitset.h"
#include "job/selectors.h"
#include "trial.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_ID = (1 << BS_ENTRY_BITS) - 1,
    MAX_TRIALS = (1 << BS_REPETITION_BITS) - 1,
    MAX_COUNT = 1 << 20,
};

static bs_status read_fault(bs_form *f, yaml_node_t *value, const bs_field *field, void *object)
{
    static const char *const names[] = {
#define X(suffix, name, ...) name,
        BS_FAULT_KINDS(X)
#undef X
    };
    int kind;
    BS_TRY(bs_form_name(&kind, f, value, field->key, "fault", names, BS_FAULT_KIND_COUNT));
    ((bs_entry *)object)->fault.kind = (bs_fault_kind)kind;
    return BS_OK;
}

static bs_status read_ber(bs_form *f, yaml_node_t *value, const bs_field *field, void *object)
{
    double ber;
    BS_TRY(bs_form_number(&ber, f, value, field->key, -DBL_MAX, DBL_MAX));
    if (!(ber >= 1e-18 && ber < 1.0)) {
        bs_form_fail(f, bs_form_line(value), "'ber' is not a bit error rate: %g", ber);
        return bs_hint("the probability that a bit is hit: above 0 (at least 1e-18) and below 1");
    }
    ((bs_entry *)object)->fault.ber = ber;
    return BS_OK;
}

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

/* Reads the value to set, which may be infinite or not a number, unlike others. */
static bs_status read_value(bs_form *f, yaml_node_t *value, const bs_field *field, void *object)
{
    static const struct special {
        const char *name;
        uint32_t bits;
    } specials[] = {
        {".inf", 0x7f800000u}, {"+.inf", 0x7f800000u}, {"-.inf", 0xff800000u}, {".nan", 0x7fc00000u}};
    bs_fault_model *m = &((bs_entry *)object)->fault;
    if (value->type == YAML_SCALAR_NODE)
        for (size_t i = 0; i < sizeof specials / sizeof *specials; i++)
            if (strcmp((const char *)value->data.scalar.value, specials[i].name) == 0) {
                m->value = bs_bits_float(specials[i].bits);
                return BS_OK;
            }
    double v;
    BS_TRY(bs_form_number(&v, f, value, field->key, -FLT_MAX, FLT_MAX));
    m->value = (float)v;
    return BS_OK;
}

static bs_status read_range(bs_form *f, yaml_node_t *value, const bs_field *field, void *object)
{
    bs_fault_model *m = &((bs_entry *)object)->fault;
    double v[2] = {0, 0};
    if (value->type != YAML_SEQUENCE_NODE || bs_form_count(value) != 2) {
        bs_form_fail(f, bs_form_line(value), "'range' must be a list of two numbers");
        return bs_hint("write it like range: [-1, 1]");
    }
    for (int i = 0; i < 2; i++)
        BS_TRY(bs_form_number(&v[i], f, bs_form_item(f, value, i), field->key, -FLT_MAX, FLT_MAX));
    m->low = (float)v[0];
    m->high = (float)v[1];
    if (!(m->low < m->high) || !isfinite(m->high - m->low)) {
        bs_form_fail(f, bs_form_line(value), "'range' is empty or too wide: [%g, %g]", v[0], v[1]);
        return bs_hint("the lower bound comes first, and the width must be a finite fp32 number");
    }
    return BS_OK;
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
    X(FAULT, "fault", read_fault, fault, 0, 0, "a kind of fault", "`flip`",                                  \
      "What a fault does to the value that it hits; see FAULTS.")                                            \
    X(BITS, "bits", bs_bitset_read, bits, 0, 0, &bits_value[2], "`any`",                                     \
      "Which bits of a value may be hit. Bit 0 is the lowest, 31 the sign; a range is like `23-30`. Only "   \
      "for kinds that act on bits.")                                                                         \
    X(BURST, "burst", bs_form_uint32, fault.burst, 1, BS_WORD_BITS, NULL, "1",                               \
      "How many adjacent bits a fault hits, from the chosen bit upwards, up to bit 31. Only for kinds that " \
      "act on bits.")                                                                                        \
    X(COUNT, "count", bs_form_uint32, fault.count, 1, MAX_COUNT, NULL, "1",                                  \
      "How many distinct sites each trial hits.")                                                            \
    X(BER, "ber", read_ber, fault.ber, 0, 0, "number from 1e-18, below 1", NULL,                             \
      "Bit error rate, instead of `count`: every allowed bit is hit with this probability, so a trial has "  \
      "many sites, or none.")                                                                                \
    X(VALUE, "value", read_value, fault.value, 0, 0, "number, `.inf`, `-.inf` or `.nan`", NULL,              \
      "The value that `fault: set` writes; required there.")                                                 \
    X(RANGE, "range", read_range, fault.low, 0, 0, "`[LOW, HIGH]`", NULL,                                    \
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
    for (int p = BS_FAULT_TAKES_NONE + 1; p < BS_FAULT_PARAMETER_COUNT; p++) {
        snprintf(owner, sizeof owner, "fault: %s", list_kinds(kinds, false, (bs_fault_parameter)p));
        BS_TRY(only_for(f, e, lines, keys[p], t.parameter == (bs_fault_parameter)p, true, owner));
    }
    return BS_OK;
}

static bs_status check_entry(const bs_form *f, const bs_entry *e, const int *lines)
{
    if (lines[KEY_SITES]) {
        for (int k = 0; k < N_KEYS; k++)
            if (lines[k] && k != KEY_ID && k != KEY_NAME && k != KEY_SITES && k != KEY_STORAGE)
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
    if (lines[KEY_TRIALS] && lines[KEY_MARGIN])
        return conflict(f, lines, KEY_TRIALS, KEY_MARGIN,
                        "a margin of error decides how many trials there are");
    if (lines[KEY_CONFIDENCE] && !lines[KEY_MARGIN] && !lines[KEY_RELATIVE_MARGIN]) {
        bs_form_fail(f, lines[KEY_CONFIDENCE], "'confidence' without 'margin' or 'relative_margin'");
        return bs_hint("it is the probability that the margin of error holds: give both");
    }
    return check_parameters(f, e, lines);
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
    BS_TRY(check_entry(f, e, lines));
    if (!e->name) {
        BS_TRY(bs_calloc(&e->name, 16, 1, "entry name"));
        snprintf(e->name, 16, "entry-%d", e->id);
    }
    return BS_OK;
}

bs_status bs_entries_read(bs_form *f, yaml_node_t *value, const bs_field *field, void *object)
{
    bs_job *job = object;
    int n = bs_form_count(value);
    if (value->type != YAML_SEQUENCE_NODE || n == 0) {
        bs_form_fail(f, bs_form_line(value), "'%s' must be a list of fault entries", field->key);
        return bs_hint("each entry starts with '- id: 1'");
    }
    BS_TRY(bs_calloc(&job->entries, (size_t)n, sizeof *job->entries, "fault entries"));
    for (int i = 0; i < n; i++) {
        bs_entry *e = &job->entries[i];
        job->n_entries = i + 1;
        BS_TRY(read_entry(f, bs_form_item(f, value, i), e));
        for (int k = 0; k < i; k++)
            if (job->entries[k].id == e->id) {
                bs_form_fail(f, e->line, "entry id %d is used twice", e->id);
                return bs_hint("the first one is at line %d; results are stored by id", job->entries[k].line);
            }
    }
    return BS_OK;
}

void bs_entry_clear(bs_entry *e)
{
    bs_selectors_clear(e->targets, e->n_targets);
    bs_selectors_clear(e->storage, e->n_storage);
    free(e->name);
    free(e->sites);
}
