/* Scalars of a job file: text, paths, numbers. */
#include "job/form.h"

#include "base/text.h"
#include "job/expand.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bs_status bs_form_scalar(char **out, bs_form *f, const yaml_node_t *node, const char *what,
                         const char *wanted)
{
    *out = NULL;
    if (node->type != YAML_SCALAR_NODE)
        return bs_form_wrong(f, node, what, wanted, NULL);
    const char *text = (const char *)node->data.scalar.value;
    if (strlen(text) != node->data.scalar.length)
        return bs_form_fail(f, bs_form_line(node), "'%s' contains a NUL character", what);
    bs_status st = bs_expand(out, text, node->data.scalar.length);
    return st == BS_OK ? BS_OK : bs_context("%s:%d", f->path, bs_form_line(node));
}

static bs_status out_of_range(const bs_form *f, const yaml_node_t *node, const char *what, const char *text,
                              double min, double max)
{
    bs_form_fail(f, bs_form_line(node), "'%s' is out of range: %.80s", what, text);
    return bs_hint("allowed: %.12g to %.12g", min, max);
}

bs_status bs_form_integer(int64_t *out, bs_form *f, const yaml_node_t *node, const char *what, int64_t min,
                          int64_t max)
{
    char *text, *end;
    BS_TRY(bs_form_scalar(&text, f, node, what, "a whole number"));
    errno = 0;
    long long v = strtoll(text, &end, 10);
    bs_status st = BS_OK;
    if (end == text || *end)
        st = bs_form_wrong(f, node, what, "a whole number", text);
    else if (errno == ERANGE || v < min || v > max)
        st = out_of_range(f, node, what, text, (double)min, (double)max);
    *out = v;
    free(text);
    return st;
}

/* Reads "0.5", "1e-6" or "1/255"; no hexadecimal, no white space inside. */
static bool parse_number(double *out, const char *text)
{
    char *end;
    if (text[strspn(text, "+-.0123456789eE/")])
        return false;
    *out = strtod(text, &end);
    if (end == text)
        return false;
    if (*end == '/') {
        const char *below = end + 1;
        double divisor = strtod(below, &end);
        if (end == below)
            return false;
        *out /= divisor;
    }
    return *end == '\0' && isfinite(*out);
}

bs_status bs_form_number(double *out, bs_form *f, const yaml_node_t *node, const char *what, double min,
                         double max)
{
    char *text;
    BS_TRY(bs_form_scalar(&text, f, node, what, "a number"));
    bs_status st = BS_OK;
    if (!parse_number(out, text)) {
        st = bs_form_wrong(f, node, what, "a number", text);
        bs_hint("write it like 0.5, 1e-6 or 1/255");
    } else if (!(*out >= min && *out <= max)) {
        st = out_of_range(f, node, what, text, min, max);
    }
    free(text);
    return st;
}

static void *member(const bs_field *field, void *object)
{
    return (char *)object + field->offset;
}

static bs_status read_text(char **out, bs_form *f, yaml_node_t *value, const bs_field *field)
{
    BS_TRY(bs_form_scalar(out, f, value, field->key, "text"));
    if (**out)
        return BS_OK;
    free(*out);
    return bs_form_fail(f, bs_form_line(value), "'%s' is empty", field->key);
}

bs_status bs_form_text(bs_form *f, yaml_node_t *value, const bs_field *field, void *object)
{
    char *text;
    BS_TRY(read_text(&text, f, value, field));
    if (!bs_utf8_valid(text)) { /* the file is, the value of a variable need not be */
        bs_form_fail(f, bs_form_line(value), "'%s' is not UTF-8: '%.200s'", field->key, text);
        free(text);
        return bs_hint("set the variable to text in UTF-8, or write the text into the job file");
    }
    *(char **)member(field, object) = text;
    return BS_OK;
}

bs_status bs_form_path(bs_form *f, yaml_node_t *value, const bs_field *field, void *object)
{
    char *text;
    BS_TRY(read_text(&text, f, value, field));
    bs_status st = bs_path_beside(member(field, object), f->path, text);
    free(text);
    return st;
}

bs_status bs_form_int(bs_form *f, yaml_node_t *value, const bs_field *field, void *object)
{
    int64_t v = 0;
    BS_TRY(bs_form_integer(&v, f, value, field->key, (int64_t)field->min, (int64_t)field->max));
    *(int *)member(field, object) = (int)v;
    return BS_OK;
}

bs_status bs_form_int64(bs_form *f, yaml_node_t *value, const bs_field *field, void *object)
{
    return bs_form_integer(member(field, object), f, value, field->key, (int64_t)field->min,
                           (int64_t)field->max);
}

bs_status bs_form_uint32(bs_form *f, yaml_node_t *value, const bs_field *field, void *object)
{
    int64_t v = 0;
    BS_TRY(bs_form_integer(&v, f, value, field->key, (int64_t)field->min, (int64_t)field->max));
    *(uint32_t *)member(field, object) = (uint32_t)v;
    return BS_OK;
}

bs_status bs_form_uint64(bs_form *f, yaml_node_t *value, const bs_field *field, void *object)
{
    char *text, *end;
    BS_TRY(bs_form_scalar(&text, f, value, field->key, "a whole number"));
    bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    errno = 0;
    unsigned long long v = strtoull(text, &end, hex ? 16 : 10);
    bs_status st = BS_OK;
    if (text[0] < '0' || text[0] > '9' || *end)
        st = bs_form_wrong(f, value, field->key, "a whole number from 0 to 2^64 - 1", text);
    else if (errno == ERANGE)
        st = bs_form_fail(f, bs_form_line(value), "'%s' is out of range: %.80s", field->key, text);
    if (st != BS_OK)
        bs_hint("a decimal or 0x number below 2^64");
    *(uint64_t *)member(field, object) = v;
    free(text);
    return st;
}

bs_status bs_form_float(bs_form *f, yaml_node_t *value, const bs_field *field, void *object)
{
    double v = 0;
    BS_TRY(bs_form_number(&v, f, value, field->key, field->min, field->max));
    *(float *)member(field, object) = (float)v;
    return BS_OK;
}

bs_status bs_form_double(bs_form *f, yaml_node_t *value, const bs_field *field, void *object)
{
    return bs_form_number(member(field, object), f, value, field->key, field->min, field->max);
}

bs_status bs_form_bool(bs_form *f, yaml_node_t *value, const bs_field *field, void *object)
{
    char *text;
    BS_TRY(bs_form_scalar(&text, f, value, field->key, "true or false"));
    bool on = strcmp(text, "true") == 0, off = strcmp(text, "false") == 0;
    bs_status st = on || off ? BS_OK : bs_form_wrong(f, value, field->key, "true or false", text);
    *(bool *)member(field, object) = on;
    free(text);
    return st;
}

bs_status bs_form_name(int *out, bs_form *f, yaml_node_t *value, const char *what, const char *thing,
                       const char *const *names, int n)
{
    char *text;
    BS_TRY(bs_form_scalar(&text, f, value, what, "a name"));
    for (*out = 0; *out < n && strcmp(text, names[*out]) != 0;)
        ++*out;
    bs_status st = BS_OK;
    if (*out == n) {
        char known[64];
        st = bs_form_fail(f, bs_form_line(value), "unknown %s '%.80s'", thing, text);
        snprintf(known, sizeof known, "known %ss", thing);
        bs_form_suggest(text, names, (size_t)n, known);
    }
    free(text);
    return st;
}

/* Leaves out limits that no value in practice reaches. */
static void put_range(bs_str *out, const char *what, const bs_field *field)
{
    if (field->min > 0 && field->min <= FLT_MIN)
        bs_str_printf(out, "%s above 0", what);
    else if (field->max >= 1e12)
        bs_str_printf(out, "%s, at least %g", what, field->min);
    else
        bs_str_printf(out, "%s from %.13g to %.13g", what, field->min, field->max);
}

bool bs_form_value(bs_str *out, const bs_field *field)
{
    bs_field_reader *read = field->read;
    if (field->value)
        bs_str_puts(out, field->value);
    else if (read == bs_form_text)
        bs_str_puts(out, "text");
    else if (read == bs_form_path)
        bs_str_puts(out, "path");
    else if (read == bs_form_bool)
        bs_str_puts(out, "`true` or `false`");
    else if (read == bs_form_uint64)
        bs_str_puts(out, "whole number below 2^64, decimal or `0x` and hexadecimal digits");
    else if (read == bs_form_int || read == bs_form_int64 || read == bs_form_uint32)
        put_range(out, "whole number", field);
    else if (read == bs_form_float || read == bs_form_double)
        put_range(out, "number", field);
    else
        return false;
    return true;
}
