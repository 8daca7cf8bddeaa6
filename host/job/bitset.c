#include "job/bitset.h"

#include "base/buf.h"
#include "job/job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {
#define X(suffix, name) name,
    BS_BIT_FIELDS(X)
#undef X
};

/* More bits than any type has, so that a bit that a type lacks is refused where the type is known. */
enum { MOST_BITS = 64 };

/* Reads one or two digits, a bit number; returns -1 otherwise. */
static int parse_bit(const char **p)
{
    int v = 0, n = 0;
    for (; **p >= '0' && **p <= '9'; ++*p, n++)
        v = n < 2 ? v * 10 + (**p - '0') : 99;
    return n > 0 && v < MOST_BITS ? v : -1;
}

/* Adds the bits that a text names; returns false where it is not a set of bits. */
static bool add_bits(bs_bit_choice *out, const char *text, int line)
{
    for (int i = 0; i < BS_BIT_FIELD_COUNT; i++)
        if (strcmp(text, names[i]) == 0) {
            out->fields |= 1u << i;
            return true;
        }
    const char *p = text;
    int low = parse_bit(&p), high = low;
    if (low >= 0 && *p == '-') {
        p++;
        high = parse_bit(&p);
    }
    if (low < 0 || high < low || *p)
        return false;
    if (out->numbers >> high == 0)
        out->line = line; /* where the highest bit is asked for */
    out->numbers |= UINT64_MAX >> (MOST_BITS - 1 - (high - low)) << low;
    return true;
}

bs_status bs_bitset_read(bs_form *f, yaml_node_t *value, const bs_field *field, void *object)
{
    bs_bit_choice bits = {.line = bs_form_line(value)};
    for (int i = 0; i < bs_form_count(value); i++) {
        yaml_node_t *item = bs_form_item(f, value, i);
        char *text;
        BS_TRY(bs_form_scalar(&text, f, item, field->key, "a set of bits"));
        if (!add_bits(&bits, text, bs_form_line(item))) {
            bs_form_wrong(f, item, field->key, "a set of bits", text);
            int near = text[0] >= 'a' ? bs_nearest(text, names, BS_BIT_FIELD_COUNT) : -1;
            if (near >= 0)
                bs_hint("did you mean '%s'?", names[near]);
            else
                bs_hint("any, sign, exponent, mantissa, bits 0 (lowest) to 31 (sign), ranges like 23-30, or "
                        "a list");
            free(text);
            return BS_USAGE;
        }
        free(text);
    }
    if (!bits.fields && !bits.numbers)
        return bs_form_fail(f, bs_form_line(value), "'%s' is an empty list", field->key);
    *(bs_bit_choice *)((char *)object + field->offset) = bits;
    return BS_OK;
}
