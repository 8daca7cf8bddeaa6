#include "bn/check_limits.h"

#include "base/buf.h"
#include "base/log.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bs_status out_of_range(const bs_check_limit *l, const char *text)
{
    const bs_check_columns *c = l->what->columns;
    if (isinf(c->most)) {
        bs_fail(BS_USAGE, "the limit of %s is a number from %g, not '%s'", l->what->name, c->least, text);
        return bs_hint("such as %s=10", l->what->name);
    }
    bs_fail(BS_USAGE, "the limit of %s is a number from %g to %g, not '%s'", l->what->name, c->least, c->most,
            text);
    return bs_hint("it is a share: 0.1 %% is 1e-3");
}

/* Finds the kind of bound, and its side, that a text of --bound names; a rate has both sides. */
static bs_status find_bound(bs_check_bound *kind, int *side, const char *text)
{
    for (int i = 0; i < 2 * (BS_CHECK_RATE + 1); i++)
        if (strcmp(text, bs_check_bound_name[i / 2][i % 2]) == 0) {
            *kind = (bs_check_bound)(i / 2);
            *side = i % 2;
            return BS_OK;
        }
    bs_fail(BS_USAGE, "unknown bound '%s'", text);
    return bs_hint("bounds are upper, high, population_high and rate (of a smallest value: lower, low, "
                   "population_low)");
}

/* Checks that the side of the named bound is that of a limit: `lower` for a largest value would promise less
 * than it seems to. With limits of both sides either name will do. */
static bs_status bound_fits_side(const bs_check_options *o)
{
    bs_check_bound kind = BS_CHECK_RATE;
    int side = BS_CHECK_ABOVE;
    if (!o->bound)
        return BS_OK;
    BS_TRY(find_bound(&kind, &side, o->bound));
    if (kind == BS_CHECK_RATE || (side == BS_CHECK_ABOVE ? o->max : o->min))
        return BS_OK;
    const char *mine = bs_check_bound_name[kind][1 - side];
    bs_fail(BS_USAGE, "%s bounds a rate from %s: it says nothing about --%s", o->bound,
            side == BS_CHECK_ABOVE ? "above" : "below", side == BS_CHECK_ABOVE ? "min" : "max");
    return bs_hint("--bound %s does", mine);
}

/* Chooses the bound of a rate that --bound names, else the strongest that its view has. */
static bs_status choose_bound(bs_check_limit *l, const char *text)
{
    const bs_check_columns *c = l->what->columns;
    int side;
    l->bound = c->bound[BS_CHECK_ONE_SIDED][l->side] ? BS_CHECK_ONE_SIDED : BS_CHECK_TWO_SIDED;
    if (!text)
        return BS_OK;
    BS_TRY(find_bound(&l->bound, &side, text));
    if (l->bound == BS_CHECK_RATE || c->bound[l->bound][l->side])
        return BS_OK;
    bs_fail(BS_USAGE, "%s has no bound '%s'", l->what->name, bs_check_bound_name[l->bound][l->side]);
    return bs_hint("check it in a command of its own with --bound %s, or without --bound",
                   bs_check_bound_name[BS_CHECK_TWO_SIDED][l->side]);
}

/* Adds one "NAME=LIMIT". */
static bs_status add_limit(bs_check_limits *c, char *text, int side, const char *bound)
{
    char *is = strchr(text, '='), *end;
    bs_check_limit l = {.side = side};
    if (!is) {
        bs_fail(BS_USAGE, "'%s' has no limit", text);
        return bs_hint("such as --max network_sdc=1e-3; `bitsink help check` lists the names");
    }
    *is = '\0';
    l.what = bs_check_find(text);
    if (!l.what)
        return BS_USAGE;
    l.value = strtod(is + 1, &end);
    if (end == is + 1 || *end || !(l.value >= l.what->columns->least && l.value <= l.what->columns->most) ||
        isinf(l.value))
        return out_of_range(&l, is + 1);
    for (int i = 0; i < c->n; i++)
        if (c->limit[i].what == l.what && c->limit[i].side == side)
            return bs_fail(BS_USAGE, "%s is given twice", text);
    if (c->n == BS_CHECK_MAX_LIMITS)
        return bs_fail(BS_USAGE, "more than %d limits", BS_CHECK_MAX_LIMITS);
    BS_TRY(choose_bound(&l, bound));
    c->limit[c->n++] = l;
    return BS_OK;
}

static char *trim(char *text)
{
    while (isspace((unsigned char)*text))
        text++;
    size_t len = strlen(text);
    while (len > 0 && isspace((unsigned char)text[len - 1]))
        text[--len] = '\0';
    return text;
}

static bs_status add_list(bs_check_limits *c, const char *list, int side, const char *bound)
{
    if (!list)
        return BS_OK;
    char *copy = strdup(list), *at = copy;
    bs_status st = copy ? BS_OK : bs_oom("limits");
    while (st == BS_OK && at) {
        char *comma = strchr(at, ',');
        if (comma)
            *comma = '\0';
        st = add_limit(c, trim(at), side, bound);
        at = comma ? comma + 1 : NULL;
    }
    free(copy);
    return st;
}

/* Fails if an option does not apply to one of the names: its rows would not be what the user meant. */
static bs_status fits_all(const bs_check_limits *c, const bs_check_options *o)
{
    for (int i = 0; i < c->n; i++) {
        const bs_check_name *what = c->limit[i].what;
        if (o->layer && !what->source->layer) {
            bs_fail(BS_USAGE, "%s is not of single layers: --layer says nothing about it", what->name);
            return bs_hint("check it in a command of its own, or a rate of layers, such as layer_sdc");
        }
        if (o->weights && !what->source->weights) {
            bs_fail(BS_USAGE, "%s is not a mean over layers: --weights says nothing about it", what->name);
            return bs_hint("check it in a command of its own; the rates with weights are network_...");
        }
    }
    return BS_OK;
}

/* Warns of a limit on the side where a rate cannot be too good: most likely a slip, unless the other side has
 * a limit, too. */
static void warn_of_wrong_sides(const bs_check_limits *c)
{
    for (int i = 0; i < c->n; i++) {
        const bs_check_limit *l = &c->limit[i];
        bool both = false;
        for (int k = 0; k < c->n; k++)
            both |= k != i && c->limit[k].what == l->what;
        if (!both && l->what->better == (l->side == BS_CHECK_ABOVE ? BS_CHECK_LARGE : BS_CHECK_SMALL))
            bs_warn("%s is better %s: is --%s meant?", l->what->name,
                    l->side == BS_CHECK_ABOVE ? "large" : "small", l->side == BS_CHECK_ABOVE ? "min" : "max");
    }
}

bs_status bs_check_read_limits(bs_check_limits *out, const bs_check_options *o)
{
    out->n = 0;
    BS_TRY(bound_fits_side(o));
    BS_TRY(add_list(out, o->max, BS_CHECK_ABOVE, o->bound));
    BS_TRY(add_list(out, o->min, BS_CHECK_BELOW, o->bound));
    if (out->n == 0) {
        bs_fail(BS_USAGE, "there is no limit to check");
        return bs_hint("such as --max network_sdc=1e-3; `bitsink help check` lists the names");
    }
    if (o->weights && strcmp(o->weights, "bits") != 0 && strcmp(o->weights, "uniform") != 0) {
        bs_fail(BS_USAGE, "unknown weights '%s'", o->weights);
        return bs_hint("strata are weighted by their bits, or all alike: bits, uniform");
    }
    BS_TRY(fits_all(out, o));
    warn_of_wrong_sides(out);
    return BS_OK;
}
