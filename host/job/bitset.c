#include "job/bitset.h"

#include "base/buf.h"
#include "bits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct bit_set {
    const char *name;
    uint32_t mask;
} sets[] = {
#define X(name, mask) {name, mask},
    BS_BIT_SETS(X)
#undef X
};
enum { N_SETS = sizeof sets / sizeof *sets };

/* One or two digits, a bit number; -1 otherwise. */
static int parse_bit(const char **p)
{
    int v = 0, n = 0;
    for (; **p >= '0' && **p <= '9'; ++*p, n++)
        v = n < 2 ? v * 10 + (**p - '0') : 99;
    return n > 0 && v < 32 ? v : -1;
}

/* 0 where the text is not a set of bits. */
static uint32_t parse_bits(const char *text)
{
    for (int i = 0; i < N_SETS; i++)
        if (strcmp(text, sets[i].name) == 0)
            return sets[i].mask;
    const char *p = text;
    int low = parse_bit(&p), high = low;
    if (low >= 0 && *p == '-') {
        p++;
        high = parse_bit(&p);
    }
    if (low < 0 || high < low || *p)
        return 0;
    return (0xffffffffu >> (31 - (high - low))) << low;
}

bs_status bs_bitset_read(bs_form *f, yaml_node_t *value, const bs_field *field, void *object)
{
    uint32_t mask = 0;
    for (int i = 0; i < bs_form_count(value); i++) {
        yaml_node_t *item = bs_form_item(f, value, i);
        char *text;
        BS_TRY(bs_form_scalar(&text, f, item, field->key, "a set of bits"));
        uint32_t bits = parse_bits(text);
        if (!bits) {
            const char *names[N_SETS];
            for (int k = 0; k < N_SETS; k++)
                names[k] = sets[k].name;
            bs_form_wrong(f, item, field->key, "a set of bits", text);
            int near = text[0] >= 'a' ? bs_nearest(text, names, N_SETS) : -1;
            if (near >= 0)
                bs_hint("did you mean '%s'?", names[near]);
            else
                bs_hint("any, sign, exponent, mantissa, bits 0 (lowest) to 31 (sign), ranges like 23-30, or "
                        "a list");
            free(text);
            return BS_USAGE;
        }
        mask |= bits;
        free(text);
    }
    if (!mask)
        return bs_form_fail(f, bs_form_line(value), "'%s' is an empty list", field->key);
    *(uint32_t *)((char *)object + field->offset) = mask;
    return BS_OK;
}
