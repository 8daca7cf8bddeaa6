/* Options of commands that take a model. */
#include "cli/cli.h"

#include "base/buf.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bs_status read_size(const bs_args *a, bs_import_options *out)
{
    const char *text = bs_option_value(a, "input-size");
    if (!text)
        return BS_OK;
    for (int i = 0; i < 2; i++) {
        char *end;
        errno = 0;
        long v = strtol(text, &end, 10);
        bool square = i == 0 && *end == '\0';
        if (errno || end == text || v < 1 || v > 16384 || (*end != (i ? '\0' : ',') && !square))
            return bs_fail(BS_USAGE,
                           "--input-size takes rows and columns like 224,320, or the side of a square (1 to "
                           "16384), not '%s'",
                           bs_option_value(a, "input-size"));
        out->input_size[i] = (int)v;
        text = square ? text : end + 1;
    }
    return BS_OK;
}

static bs_status no_value(const char *text)
{
    bs_fail(BS_USAGE, "--input takes NAME=VALUE,..., not '%s'", text);
    return bs_hint("a value is a number, true or false; 'a=1,2,3,b=0' gives input a three values and b one");
}

/* Adds one value to the last input. */
static bs_status add_value(bs_import_options *out, const char *text, size_t len, const char *all)
{
    char word[64], *end;
    bs_given_input *in = out->n_inputs > 0 ? &out->inputs[out->n_inputs - 1] : NULL;
    if (!in || len == 0 || len >= sizeof word)
        return no_value(all);
    memcpy(word, text, len);
    word[len] = '\0';
    double v = strtod(word, &end);
    if (strcmp(word, "true") == 0 || strcmp(word, "false") == 0)
        v = word[0] == 't';
    else if (*end || !isfinite(v))
        return no_value(all);
    size_t cap = (size_t)in->n;
    BS_TRY(bs_grow(&in->value, &cap, (size_t)in->n + 1, sizeof *in->value, "input"));
    in->value[in->n++] = v;
    return BS_OK;
}

static bs_status add_name(bs_import_options *out, const char *text, size_t len, const char *all)
{
    size_t cap = (size_t)out->n_inputs;
    if (len == 0)
        return no_value(all);
    BS_TRY(bs_grow(&out->inputs, &cap, cap + 1, sizeof *out->inputs, "inputs"));
    bs_given_input *in = &out->inputs[out->n_inputs];
    *in = (bs_given_input){0};
    in->name = strndup(text, len);
    if (!in->name)
        return bs_oom("inputs");
    for (int i = 0; i < out->n_inputs; i++)
        if (strcmp(out->inputs[i].name, in->name) == 0) {
            bs_fail(BS_USAGE, "--input gives '%s' twice", in->name);
            free(in->name);
            return BS_USAGE;
        }
    out->n_inputs++;
    return BS_OK;
}

/* A word between commas with a '=' begins an input; the others are further values of it. */
static bs_status read_inputs(const bs_args *a, bs_import_options *out)
{
    const char *all = bs_option_value(a, "input");
    for (const char *text = all; text;) {
        size_t len = strcspn(text, ","), name = len;
        while (name > 0 && text[name - 1] != '=')
            name--;
        if (name > 0)
            BS_TRY(add_name(out, text, name - 1, all));
        BS_TRY(add_value(out, text + name, len - name, all));
        text = text[len] ? text + len + 1 : NULL;
    }
    return BS_OK;
}

bs_status bs_option_import(const bs_args *a, bs_import_options *out)
{
    const char *output = bs_option_value(a, "output");
    *out = (bs_import_options){0};
    bs_status st = read_size(a, out);
    if (st == BS_OK)
        st = read_inputs(a, out);
    if (st == BS_OK && output && !(out->output = strdup(output)))
        st = bs_oom("output");
    if (st != BS_OK)
        bs_import_options_clear(out);
    return st;
}

bs_status bs_refuse_import(const bs_args *a)
{
    static const struct {
        const char *option, *key;
    } both[] = {{"input-size", "input_size"}, {"output", "output"}, {"input", "inputs"}};
    for (size_t i = 0; i < sizeof both / sizeof *both; i++)
        if (bs_option_value(a, both[i].option)) {
            bs_fail(BS_USAGE, "--%s is for a model, not for a job", both[i].option);
            return bs_hint("the job says it with the key '%s'", both[i].key);
        }
    return BS_OK;
}
