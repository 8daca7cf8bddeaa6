/* The generated regions of documents, made of the tables in the code; scripts/docs.sh puts them in place. */
#include "cli/cli.h"

#include "base/buf.h"
#include "fault/plan.h"
#include "job/form.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* An item of a list, "- " included. */
static void put_item(bs_str *item)
{
    if (item->ptr)
        bs_print_text(item->ptr, 0, 0);
    item->len = 0;
}

/* - `key` (value; default): what it is. */
static bs_status put_keys(const bs_field_table *table)
{
    bs_str item = {0};
    for (int i = 0; i < table->n; i++) {
        const bs_field *f = &table->field[i];
        bs_str_printf(&item, "- `%s` (", f->key);
        if (!bs_form_value(&item, f) || !f->help || !*f->help) {
            bs_str_clear(&item);
            return bs_fail(BS_ERR, "the table of keys does not say what '%s' takes, or is", f->key);
        }
        if (f->required)
            bs_str_puts(&item, "; required");
        if (f->fallback)
            bs_str_printf(&item, "; default: %s", f->fallback);
        bs_str_printf(&item, "): %s", f->help);
        put_item(&item);
    }
    bs_status st = bs_str_status(&item);
    bs_str_clear(&item);
    return st;
}

static void put_fault_kinds(bs_str *item)
{
    static const char *const parameters[] = {
#define X(suffix, key) [BS_FAULT_TAKES_##suffix] = key,
        BS_FAULT_PARAMETERS(X)
#undef X
    };
#define X(suffix, name, bitwise, permanent, random, parameter, keep, toggle, meaning)                        \
    bs_str_printf(item, "- `%s`: %s%s.%s", name, meaning, (bitwise) ? " (acts on bits)" : "",                \
                  BS_FAULT_##suffix == BS_FAULT_NONE ? ""                                                    \
                  : (permanent) ? " The fault stays, so a second inference meets it again."                  \
                                : " The fault is gone in a second inference, unless it is in a parameter."); \
    if (*parameters[BS_FAULT_TAKES_##parameter])                                                             \
        bs_str_printf(item, " Needs the key `%s`.", parameters[BS_FAULT_TAKES_##parameter]);                 \
    put_item(item);
    BS_FAULT_KINDS(X)
#undef X
}

/* "14-10 exponent": the bits of a field, if the type has it. */
static void put_field(bs_str *item, const char *before, bs_dtype type, bs_bit_field field, const char *name)
{
    uint32_t mask = bs_dtype_field(type, field);
    int high = BS_WORD_BITS - 1, low = 0;
    if (!mask)
        return;
    while (!(mask >> high & 1))
        high--;
    while (!(mask >> low & 1))
        low++;
    bs_str_printf(item, "%s%d", before, high);
    if (high > low)
        bs_str_printf(item, "-%d", low);
    bs_str_printf(item, " %s", name);
}

/* What a type does with numbers, in the words of its own functions. */
static void put_type(bs_str *item, bs_dtype type)
{
    bs_dtype_word word = bs_dtype_word_of(type);
    bs_format f = {type, 1};
    float most = bs_format_round(f, FLT_MAX);
    bs_str_printf(item, "- `%s`: %u bits: ", bs_dtype_name(type), word.bits);
    put_field(item, "", type, BS_BITS_SIGN, "sign");
    put_field(item, ", ", type, BS_BITS_EXPONENT, "exponent");
    put_field(item, ", ", type, BS_BITS_MANTISSA,
              word.exponent ? "mantissa" : "the rest of an integer (two's complement)");
    if (word.limit > 0)
        bs_str_printf(item, "; words mean multiples of a scale, up to %g scales", (double)word.limit);
    if (!word.exact)
        bs_str_puts(item,
                    isinf(most) ? "; larger numbers become infinite" : "; larger numbers become the largest");
    if (!bs_is_nan(bs_format_round(f, NAN)))
        bs_str_puts(item, "; a NaN becomes 0");
    bs_str_puts(item, ".");
    put_item(item);
}

static void put_types(bs_str *item)
{
    for (int i = 0; i < BS_DTYPE_COUNT; i++)
        put_type(item, (bs_dtype)i);
}

static void put_target_kinds(bs_str *item)
{
#define X(suffix, name, meaning)                                                                             \
    bs_str_printf(item, "- `%s`: %s%s.", name, meaning,                                                      \
                  bs_target_is_parameter(BS_TARGET_##suffix) ? " (a parameter)" : "");                       \
    put_item(item);
    BS_TARGET_KINDS(X)
#undef X
}

static void put_list(bs_str *item, const char *key, const float *v, int n)
{
    bs_str_printf(item, ", %s: [", key);
    for (int i = 0; i < n; i++)
        bs_str_printf(item, "%s%.6g", i ? ", " : "", (double)v[i]);
    bs_str_puts(item, "]");
}

static void put_preset(bs_str *item, const char *name)
{
    bs_preprocess p;
    if (!bs_preprocess_preset(&p, name))
        return;
    bs_str_printf(item, "- `%s`: `{interpolation: %s, ", name, bs_interpolation_name(p.interpolation));
    if (p.resize_short)
        bs_str_printf(item, "resize_short: %d, ", p.resize_short);
    if (p.resize_h)
        bs_str_printf(item, "resize: %d, ", p.resize_h);
    if (p.crop_h)
        bs_str_printf(item, "crop: %d, ", p.crop_h);
    if (p.bgr)
        bs_str_puts(item, "bgr: true, ");
    if (p.scale < 1.0f)
        bs_str_printf(item, "scale: 1/%g", 1.0 / (double)p.scale);
    else
        bs_str_printf(item, "scale: %g", (double)p.scale);
    put_list(item, "mean", p.mean, p.n_mean);
    put_list(item, "std", p.std, p.n_std);
    bs_str_puts(item, "}`");
    put_item(item);
}

static void put_presets(bs_str *item)
{
#define X(name, ...) put_preset(item, name);
    BS_PRESETS(X)
#undef X
}

static void put_operators(bs_str *item)
{
    const char *comma = "";
#define X(suffix, name, ...)                                                                                 \
    bs_str_printf(item, "%s%s", comma, name);                                                                \
    comma = ", ";
    BS_OPS(X)
#undef X
    bs_str_puts(item, ".");
    put_item(item);
}

static void put_columns(bs_str *item)
{
#define X(suffix, name, meaning)                                                                             \
    bs_str_printf(item, "- `%s`: %s", name, meaning);                                                        \
    put_item(item);
    BS_SITE_COLUMNS(X)
#undef X
}

static void put_commands(bs_str *item)
{
    for (int i = 0; bs_command_at(i); i++) {
        const bs_command *c = bs_command_at(i);
        bs_str_printf(item, "- **bitsink-%s**(1): %s", c->name, c->summary);
        put_item(item);
    }
}

static void put_topics(bs_str *item)
{
#define X(name, summary)                                                                                     \
    bs_str_printf(item, "- `bitsink help %s`: %s", #name, summary);                                          \
    put_item(item);
    BS_TOPICS(X)
#undef X
}

static void put_exit_codes(bs_str *item)
{
#define X(code, meaning)                                                                                     \
    bs_str_printf(item, "- %d: %s", -(int)(code), meaning);                                                  \
    put_item(item);
    BS_EXIT_CODES(X)
#undef X
}

/* Name of a region, and what writes it. */
static const struct {
    const char *name;
    void (*put)(bs_str *item);
} regions[] = {
    {"types", put_types},
    {"kinds of faults", put_fault_kinds},
    {"kinds of targets", put_target_kinds},
    {"presets", put_presets},
    {"operators", put_operators},
    {"columns of site lists", put_columns},
    {"commands", put_commands},
    {"topics", put_topics},
    {"exit codes", put_exit_codes},
};

void bs_print_region_names(void)
{
    for (const bs_job_section *s = bs_job_sections; s->name; s++)
        printf("keys of %s\n", s->name);
    for (size_t i = 0; i < sizeof regions / sizeof *regions; i++)
        puts(regions[i].name);
}

bs_status bs_print_region(const char *name)
{
    static const char keys_of[] = "keys of ";
    if (strncmp(name, keys_of, sizeof keys_of - 1) == 0)
        for (const bs_job_section *s = bs_job_sections; s->name; s++)
            if (strcmp(s->name, name + sizeof keys_of - 1) == 0)
                return put_keys(s->keys);
    for (size_t i = 0; i < sizeof regions / sizeof *regions; i++)
        if (strcmp(regions[i].name, name) == 0) {
            bs_str item = {0};
            regions[i].put(&item);
            bs_status st = bs_str_status(&item);
            bs_str_clear(&item);
            return st;
        }
    return bs_fail(BS_USAGE, "no generated region has the name '%s'", name);
}
