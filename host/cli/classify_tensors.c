#include "cli/classify_tensors.h"

#include "base/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Parameters have no values of an image. */
static bs_status leave_activations(bs_classify_tensors *t)
{
    int parameter = -1, n = 0;
    for (int i = 0; i < t->graph->n_tensors; i++) {
        if (t->chosen[i] && t->graph->tensors[i].constant) {
            parameter = i;
            t->chosen[i] = false;
        }
        n += t->chosen[i];
    }
    if (n > 0 || parameter < 0)
        return BS_OK;
    bs_fail(BS_USAGE, "--tensor: '%.80s' is a parameter, which is the same for all images",
            t->graph->tensors[parameter].name);
    return bs_hint("name the input or the output of a node, such as '%s'",
                   t->graph->tensors[t->graph->output].name);
}

bs_status bs_classify_tensors_open(bs_classify_tensors *t, const bs_args *args, const bs_graph *g)
{
    const char *path = bs_option_value(args, "dump");
    int64_t most = 1;
    t->graph = g;
    if (path && !bs_option_value(args, "tensor")) {
        bs_fail(BS_USAGE, "--dump says where to write, but not what");
        return bs_hint("name tensors: --tensor '%s'; --tensor all for all of them",
                       g->tensors[g->output].name);
    }
    BS_TRY(bs_choose_tensors(&t->chosen, args, g));
    if (!t->chosen)
        return BS_OK;
    BS_TRY(leave_activations(t));
    for (int i = 0; i < g->n_tensors; i++)
        if (t->chosen[i] && g->tensors[i].elements > most)
            most = g->tensors[i].elements;
    BS_TRY(bs_calloc(&t->data, (size_t)most, sizeof *t->data, "tensor"));
    return path ? bs_dump_open(&t->folder, path, ",image,path") : BS_OK;
}

/* What is said of the values of a tensor. */
typedef struct summary {
    float min, max; /* of all but NaN */
    double mean;    /* of the finite ones */
    int64_t numbers, finite, nan, inf;
    bs_answer largest;
} summary;

static summary sum_up(const float *data, int64_t n)
{
    summary s = {.min = INFINITY, .max = -INFINITY};
    for (int64_t i = 0; i < n; i++) {
        float v = data[i];
        s.nan += bs_is_nan(v);
        s.inf += bs_is_inf(v);
        if (bs_is_nan(v))
            continue;
        s.min = v < s.min ? v : s.min;
        s.max = v > s.max ? v : s.max;
        if (bs_is_inf(v))
            continue;
        s.finite++;
        s.mean += (double)v;
    }
    s.numbers = n - s.nan;
    s.mean /= s.finite ? (double)s.finite : 1;
    s.largest = bs_rank(data, (int)n, -1, 1);
    return s;
}

static void put_value(bs_str *text, double v, bool known, bool json)
{
    if (!known)
        bs_str_puts(text, json ? "null" : "-");
    else if (json)
        bs_str_json_number(text, v);
    else
        bs_str_printf(text, "%.6g", v);
}

static void put_json(bs_str *text, const bs_tensor *t, const summary *s)
{
    char shape[128];
    bs_str_puts(text, "{\"tensor\": ");
    bs_str_json(text, t->name);
    bs_str_printf(text, ", \"shape\": \"%s\", \"min\": ", bs_shape_text(&t->shape, shape, sizeof shape));
    put_value(text, (double)s->min, s->numbers > 0, true);
    bs_str_puts(text, ", \"max\": ");
    put_value(text, (double)s->max, s->numbers > 0, true);
    bs_str_puts(text, ", \"mean\": ");
    put_value(text, s->mean, s->finite > 0, true);
    bs_str_printf(text, ", \"nan\": %" PRId64 ", \"inf\": %" PRId64 ", \"largest\": [", s->nan, s->inf);
    for (int k = 0; k < BS_TOP && s->largest.top[k] >= 0; k++) {
        bs_str_printf(text, "%s{\"element\": %d, \"value\": ", k ? ", " : "", s->largest.top[k]);
        put_value(text, (double)s->largest.score[k], true, true);
        bs_str_puts(text, "}");
    }
    bs_str_puts(text, "]}");
}

/* Appends the place of an element: "3,0,17". */
static void put_place(bs_str *text, const bs_shape *shape, int64_t element)
{
    int64_t below = 1;
    for (int i = 0; i < shape->rank; i++)
        below *= shape->dim[i];
    for (int i = 0; i < shape->rank; i++) {
        below /= shape->dim[i];
        bs_str_printf(text, "%s%" PRId64, i ? "," : "", element / below % shape->dim[i]);
    }
}

static void put_text(bs_str *text, const bs_tensor *t, const summary *s)
{
    char shape[128];
    bs_str_puts(text, "  tensor ");
    bs_str_visible(text, t->label ? t->label : t->name);
    bs_str_printf(text, " (%s): min ", bs_shape_text(&t->shape, shape, sizeof shape));
    put_value(text, (double)s->min, s->numbers > 0, false);
    bs_str_puts(text, ", max ");
    put_value(text, (double)s->max, s->numbers > 0, false);
    bs_str_puts(text, ", mean ");
    put_value(text, s->mean, s->finite > 0, false);
    bs_str_printf(text, ", %" PRId64 " NaN, %" PRId64 " Inf\n", s->nan, s->inf);
    for (int k = 0; k < BS_TOP && s->largest.top[k] >= 0; k++) {
        bs_str_printf(text, "    %d. %9d  %12.6g  at ", k + 1, s->largest.top[k],
                      (double)s->largest.score[k]);
        put_place(text, &t->shape, s->largest.top[k]);
        bs_str_puts(text, "\n");
    }
}

static bs_status write_file(bs_classify_tensors *t, int tensor, size_t image, const char *path)
{
    char folder[24];
    bs_str rest = {0};
    snprintf(folder, sizeof folder, "%zu", image);
    bs_str_printf(&rest, ",%zu,", image);
    bs_str_csv(&rest, path);
    bs_status st;
    BS_TRY_GOTO(bs_str_status(&rest), out);
    BS_TRY_GOTO(bs_dump_write(&t->folder, folder, t->graph, tensor, t->data), out);
    st = bs_dump_list(&t->folder, folder, t->graph, tensor, rest.ptr);
out:
    bs_str_clear(&rest);
    return st;
}

bs_status bs_classify_tensors_show(bs_classify_tensors *t, bs_str *text, bs_golden *golden, size_t image,
                                   const char *path, bool json)
{
    bool any = false;
    char folder[24];
    if (!t->chosen)
        return BS_OK;
    snprintf(folder, sizeof folder, "%zu", image);
    if (t->folder.path)
        BS_TRY(bs_dump_make_folder(&t->folder, folder));
    if (json)
        bs_str_puts(text, ", \"tensors\": [");
    for (int i = 0; i < t->graph->n_tensors; i++) {
        const bs_tensor *x = &t->graph->tensors[i];
        if (!t->chosen[i])
            continue;
        BS_TRY(bs_golden_need(golden, i, 1, NULL));
        BS_TRY(golden->backend->download(golden->stream, i, golden->rows[i], t->data));
        summary s = sum_up(t->data, x->elements);
        if (json && any)
            bs_str_puts(text, ", ");
        (json ? put_json : put_text)(text, x, &s);
        any = true;
        if (t->folder.path)
            BS_TRY(write_file(t, i, image, path));
    }
    if (json)
        bs_str_puts(text, "]");
    return bs_str_status(text);
}

bs_status bs_classify_tensors_close(bs_classify_tensors *t, bs_status st)
{
    st = bs_dump_close(&t->folder, st);
    free(t->chosen);
    free(t->data);
    *t = (bs_classify_tensors){0};
    return st;
}
