/* What the keys of a fault entry take: kinds, values, rates, probabilities. */
#include "job/entry_values.h"

#include <float.h>
#include <math.h>
#include <string.h>

bs_status bs_fault_kind_read(bs_form *f, yaml_node_t *value, const bs_field *field, void *object)
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

bs_status bs_fault_value_read(bs_form *f, yaml_node_t *value, const bs_field *field, void *object)
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

bs_status bs_fault_range_read(bs_form *f, yaml_node_t *value, const bs_field *field, void *object)
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

bs_status bs_shared_bit_read(bs_form *f, yaml_node_t *value, const bs_field *field, void *object)
{
    bool shared = false;
    bs_field plain = {.key = field->key};
    BS_TRY(bs_form_bool(f, value, &plain, &shared));
    ((bs_entry *)object)->fault.shared_bit = shared;
    return BS_OK;
}

bs_status bs_scope_read(bs_form *f, yaml_node_t *value, const bs_field *field, void *object)
{
    static const char *const names[] = {
#define X(suffix, name) name,
        BS_SCOPES(X)
#undef X
    };
    int scope;
    BS_TRY(bs_form_name(&scope, f, value, field->key, "scope", names, BS_SCOPE_COUNT));
    ((bs_entry *)object)->scope = (bs_fault_scope)scope;
    return BS_OK;
}

bs_status bs_error_rate_read(bs_form *f, yaml_node_t *value, const bs_field *field, void *object)
{
    bs_entry *e = object;
    double ber;
    e->n_rates = value->type == YAML_SEQUENCE_NODE ? bs_form_count(value) : 0;
    if (value->type == YAML_SEQUENCE_NODE && e->n_rates == 0) {
        bs_form_fail(f, bs_form_line(value), "'%s' is an empty list", field->key);
        return bs_hint("give a rate, or one for each entry that is wanted: ber: [1e-6, 1e-5]");
    }
    yaml_node_t *rate = bs_form_item(f, value, e->rate);
    BS_TRY(bs_form_number(&ber, f, rate, field->key, -DBL_MAX, DBL_MAX));
    if (!(ber >= 1e-18 && ber <= 1.0)) {
        bs_form_fail(f, bs_form_line(rate), "'%s' is not a bit error rate: %s", field->key,
                     rate->data.scalar.value);
        return bs_hint("the probability that a bit is hit: above 0 (at least 1e-18), and at most 1");
    }
    e->fault.ber = ber;
    return BS_OK;
}

bs_status bs_number_or_all_read(bs_form *f, yaml_node_t *value, const bs_field *field, void *object)
{
    uint32_t *out = (uint32_t *)((char *)object + field->offset);
    if (value->type == YAML_SCALAR_NODE && strcmp((const char *)value->data.scalar.value, "all") == 0) {
        *out = UINT32_MAX;
        return BS_OK;
    }
    return bs_form_uint32(f, value, field, object);
}

bs_status bs_probability_read(bs_form *f, yaml_node_t *value, const bs_field *field, void *object)
{
    double *out = (double *)((char *)object + field->offset);
    BS_TRY(bs_form_number(out, f, value, field->key, -DBL_MAX, DBL_MAX));
    if (*out > 0.0 && *out <= 1.0)
        return BS_OK;
    bs_form_fail(f, bs_form_line(value), "'%s' must be above 0 and at most 1, not %s", field->key,
                 value->data.scalar.value);
    return bs_hint("probability: 0.1 says: in one of ten trials");
}
