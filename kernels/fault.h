/* Fault models, and how a trial's sites follow from its id. Shared by planner, backends and `trace`. The same
 * inputs give the same sites on host and device, in any order. */
#ifndef BS_KERNELS_FAULT_H
#define BS_KERNELS_FAULT_H

#include "dtype.h"
#include "rng.h"

#include <math.h>
#include <string.h>

/* X(enum suffix, key in job files). The parameter of a kind of fault, besides where it hits. */
#define BS_FAULT_PARAMETERS(X)                                                                               \
    X(NONE, "")                                                                                              \
    X(VALUE, "value")                                                                                        \
    X(RANGE, "range")

typedef enum bs_fault_parameter {
#define X(suffix, key) BS_FAULT_TAKES_##suffix,
    BS_FAULT_PARAMETERS(X)
#undef X
        BS_FAULT_PARAMETER_COUNT
} bs_fault_parameter;

/* X(enum suffix, name in job files,
 *   bitwise:   1: hits single bits; 0: replaces the whole value,
 *   permanent: 1: persists, so that running again meets it again; 0: is gone the next time,
 *   random:    1: the value written is drawn for each trial,
 *   parameter, keep and toggle of the site, from `mask`: the bits hit, and `value`: the word to write,
 *   meaning).
 * A file with faults of a kind that a program does not know is refused. One line adds a kind to the planner,
 * the backends, job files, site lists and the result file; schema/embed.cmake reads the lines, too, for the
 * view fault_kind. */
#define BS_FAULT_KINDS(X)                                                                                    \
    X(FLIP, "flip", 1, 0, 0, NONE, 0xffffffffu, mask, "invert the bit")                                      \
    X(STUCK0, "stuck-at-0", 1, 1, 0, NONE, ~mask, 0, "force the bit to 0")                                   \
    X(STUCK1, "stuck-at-1", 1, 1, 0, NONE, ~mask, mask, "force the bit to 1")                                \
    X(SET, "set", 0, 0, 0, VALUE, 0, value, "replace the value by `value`")                                  \
    X(ZERO, "zero", 0, 0, 0, NONE, 0, 0, "replace the value by 0")                                           \
    X(RANDOM, "random", 0, 0, 1, RANGE, 0, value, "replace the value by a uniform one in `range`")           \
    X(NONE, "none", 0, 0, 0, NONE, 0xffffffffu, 0, "hit nothing: the answer without a fault")

typedef enum bs_fault_kind {
#define X(suffix, ...) BS_FAULT_##suffix,
    BS_FAULT_KINDS(X)
#undef X
        BS_FAULT_KIND_COUNT
} bs_fault_kind;

typedef struct bs_fault_traits {
    int bitwise, permanent, random;
    bs_fault_parameter parameter;
} bs_fault_traits;

BS_HD bs_fault_traits bs_fault_traits_of(bs_fault_kind k)
{
    bs_fault_traits none = {0, 0, 0, BS_FAULT_TAKES_NONE};
    switch (k) {
#define X(suffix, name, bitwise, permanent, random, parameter, keep, toggle, meaning)                        \
    case BS_FAULT_##suffix: {                                                                                \
        bs_fault_traits t = {bitwise, permanent, random, BS_FAULT_TAKES_##parameter};                        \
        return t;                                                                                            \
    }
        BS_FAULT_KINDS(X)
#undef X
    case BS_FAULT_KIND_COUNT:
        break;
    }
    return none;
}

/* Returns true if the kind acts on single bits (and not on the whole value). */
BS_HD int bs_fault_is_bitwise(bs_fault_kind k)
{
    return bs_fault_traits_of(k).bitwise;
}

enum { BS_BER_STEPS = 64 };

/* A count that says: every element of the target, once. */
#define BS_COUNT_ALL UINT32_MAX

typedef struct bs_fault_model {
    bs_fault_kind kind;
    bs_dtype type;    /* of the target's values */
    bs_scales scales; /* theirs; borrowed */
    uint32_t bits;    /* mask of the bits of a word that may be hit; bitwise kinds only */
    uint32_t burst;   /* adjacent bits hit together, from the chosen one up, within the word; >= 1 */
    uint32_t count;   /* k distinct sites in a trial, or BS_COUNT_ALL; ignored if ber > 0 */
    int shared_bit;   /* 1: all sites of a trial are in one bit, drawn for the trial; bitwise kinds only */
    double ber;       /* every allowed bit is hit with this probability, independently; 0: use count */
    float value;      /* SET */
    float low, high;  /* RANDOM: [low, high) */
} bs_fault_model;

/* Returns the i-th lowest set bit of mask (i < popcount). */
BS_HD uint32_t bs_nth_bit(uint32_t mask, uint32_t i)
{
    uint32_t b = 0;
    if (mask == 0xffffffffu)
        return i;
    for (;; b++)
        if (mask >> b & 1) {
            if (i == 0)
                return b;
            i--;
        }
}

/* Returns the number of set bits. H. S. Warren, Hacker's Delight, 5-1. */
BS_HD uint32_t bs_popcount(uint32_t v)
{
    v -= v >> 1 & 0x55555555u;
    v = (v & 0x33333333u) + (v >> 2 & 0x33333333u);
    v = (v + (v >> 4)) & 0x0f0f0f0fu;
    return v * 0x01010101u >> 24;
}

/* Returns true if a trial hits every element: in all bits that may be hit (ber: 1), or once (count: all). */
BS_HD int bs_fault_hits_all(const bs_fault_model *m)
{
    return m->ber > 0 ? m->ber >= 1 : m->count == BS_COUNT_ALL;
}

/* Returns the choices at one element: its allowed bits, or 1 for whole-value kinds. */
BS_HD uint32_t bs_fault_choices(const bs_fault_model *m)
{
    return bs_fault_is_bitwise(m->kind) ? bs_popcount(m->bits) : 1;
}

/* Returns the site of a fault of this kind that hits the bits of `mask`, or writes the word `value`. */
BS_HD bs_site bs_fault_effect(bs_fault_kind kind, uint32_t element, uint32_t mask, uint32_t value)
{
    bs_site s = {element, 0xffffffffu, 0};
    switch (kind) {
#define X(suffix, name, bitwise, permanent, random, parameter, keep_, toggle_, meaning)                      \
    case BS_FAULT_##suffix:                                                                                  \
        s.keep = keep_;                                                                                      \
        s.toggle = toggle_;                                                                                  \
        break;
        BS_FAULT_KINDS(X)
#undef X
    case BS_FAULT_KIND_COUNT:
        break;
    }
    return s;
}

/* Returns the word that a whole-value kind writes to an element; 0 if the kind has no parameter. */
BS_HD uint32_t bs_fault_word(const bs_fault_model *m, uint32_t element, uint64_t seed, uint64_t counter,
                             uint32_t draw)
{
    bs_format format = bs_format_at(m->type, m->scales, element);
    float u;
    switch (bs_fault_traits_of(m->kind).parameter) {
    case BS_FAULT_TAKES_VALUE:
        return bs_format_encode(format, m->value);
    case BS_FAULT_TAKES_RANGE:
        u = bs_unit_float(bs_draw(seed, counter, draw, BS_PURPOSE_VALUE));
        return bs_format_encode(format, fmaf(u, m->high - m->low, m->low));
    case BS_FAULT_TAKES_NONE:
    case BS_FAULT_PARAMETER_COUNT:
        break;
    }
    return 0;
}

/* Returns the site of choice `at` (0 .. elements * choices - 1) in a trial; `draw` numbers its random
 * value. */
BS_HD bs_site bs_fault_site(const bs_fault_model *m, uint64_t at, uint64_t seed, uint64_t counter,
                            uint32_t draw)
{
    uint32_t choices = bs_fault_choices(m), element = (uint32_t)(at / choices);
    if (!bs_fault_is_bitwise(m->kind))
        return bs_fault_effect(m->kind, element, 0, bs_fault_word(m, element, seed, counter, draw));
    uint32_t bit = bs_nth_bit(m->bits, (uint32_t)(at % choices));
    uint32_t run = m->burst >= BS_WORD_BITS ? 0xffffffffu : (1u << m->burst) - 1;
    return bs_fault_effect(m->kind, element, run << bit & bs_dtype_field(m->type, BS_BITS_ANY), 0);
}

/* Returns true if what happens with `probability` does in this trial: a trial has its fault, or a target of
 * the network is hit. */
BS_HD int bs_fault_happens(double probability, uint64_t seed, uint64_t counter)
{
    return probability >= 1 ||
           bs_draw(seed, counter, 0, BS_PURPOSE_HAPPENS) < (uint64_t)(probability * 18446744073709551616.0);
}

/* Returns the choice of attempt `draw` in a trial of k sites. Its sites are the first k distinct choices of
 * the attempts 0, 1, 2, ... */
BS_HD uint64_t bs_fault_attempt(uint64_t population, uint64_t seed, uint64_t counter, uint32_t draw)
{
    return bs_scale(bs_draw(seed, counter, draw, BS_PURPOSE_SITE), population);
}

/* Single-site trials of a population that repetitions can exhaust take their sites without replacement: the
 * repetitions 0 .. population - 1 of a unit hit each choice once, in an order of the unit's own, the next
 * ones again in another order. So more repetitions never hit fewer choices, and as many as there are choices
 * hit all of them. */
enum { BS_ORDERED_POPULATION = 1 << 20, BS_ORDER_ROUNDS = 8 };

BS_HD int bs_fault_is_ordered(const bs_fault_model *m, uint64_t population)
{
    return !(m->ber > 0) && m->count == 1 && !m->shared_bit && m->kind != BS_FAULT_NONE &&
           population <= BS_ORDERED_POPULATION;
}

/* Returns the choice of a repetition; `unit`: the trial's counter at repetition 0. A Feistel network on the
 * smallest even number of bits that holds the population (M. Luby, C. Rackoff, SIAM J. Comput. 1988), whose
 * round functions are draws, repeated until the result is inside ("cycle walking", J. Black, P. Rogaway,
 * CT-RSA 2002). */
BS_HD uint64_t bs_fault_ordered(uint64_t population, uint64_t seed, uint64_t unit, uint32_t repetition)
{
    uint32_t half = 1, x = repetition % (uint32_t)population;
    uint32_t purpose = BS_PURPOSE_ORDER + (repetition / (uint32_t)population << 8);
    while ((uint64_t)1 << 2 * half < population)
        half++;
    uint32_t mask = (1u << half) - 1;
    do {
        uint32_t left = x >> half, right = x & mask;
        for (uint32_t round = 0; round < BS_ORDER_ROUNDS; round++) {
            uint32_t next = left ^ ((uint32_t)bs_draw(seed, unit, round << 16 | right, purpose) & mask);
            left = right;
            right = next;
        }
        x = left << half | right;
    } while (x >= population);
    return x;
}

/* Bit error rate. The population is cut into blocks of `block` choices (the last one may be short; it is
 * drawn at full length, and hits beyond the end are dropped). The number of hits in a block is found by
 * inverting the binomial distribution: it is the number of thresholds that the block's first draw reaches.
 * The hits are the first distinct choices of its further draws, that many. Blocks are independent, so a
 * device can do them in parallel, and all is integer arithmetic, so host and device agree. Thresholds:
 * floor(2^64 * P(hits <= i)), made by the host. */
typedef struct bs_ber {
    uint32_t block;
    uint32_t steps; /* entries of threshold in use; hits <= steps */
    uint64_t threshold[BS_BER_STEPS];
} bs_ber;

BS_HD uint32_t bs_ber_hits(const bs_ber *b, uint64_t random)
{
    uint32_t hits = 0;
    while (hits < b->steps && random >= b->threshold[hits])
        hits++;
    return hits;
}

/* Return the draw that decides the number of hits in a block, and the choice of attempt number `attempt`
 * (below 2^23) in that block. The attempt is part of the purpose, above its low byte, so that block and
 * attempt need not share 32 bits. A hit of a RANDOM fault takes its choice number as `draw` of
 * bs_fault_site(). */
BS_HD uint64_t bs_ber_draw(uint64_t seed, uint64_t counter, uint32_t block)
{
    return bs_draw(seed, counter, block, BS_PURPOSE_BER);
}

BS_HD uint64_t bs_ber_attempt(const bs_ber *b, uint64_t seed, uint64_t counter, uint32_t block,
                              uint32_t attempt)
{
    uint64_t r = bs_draw(seed, counter, block, BS_PURPOSE_BER + ((attempt + 1) << 8));
    return (uint64_t)block * b->block + bs_scale(r, b->block);
}

#ifndef __CUDACC__

static inline const char *bs_fault_kind_name(bs_fault_kind kind)
{
    static const char *const names[] = {
#define X(suffix, name, ...) name,
        BS_FAULT_KINDS(X)
#undef X
    };
    return names[kind];
}

/* Returns the kind of that name, BS_FAULT_KIND_COUNT if there is none. */
static inline bs_fault_kind bs_fault_kind_find(const char *name)
{
    int kind = 0;
    while (kind < BS_FAULT_KIND_COUNT && strcmp(name, bs_fault_kind_name((bs_fault_kind)kind)) != 0)
        kind++;
    return (bs_fault_kind)kind;
}

#endif

#endif
