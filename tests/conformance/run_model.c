#include "import/onnx_file.h"
#include "conformance.h"

#include "campaign/engine.h"
#include "model/graph.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TYPE(x) ONNX__TENSOR_PROTO__DATA_TYPE__##x

/* |found - expected| <= ABSOLUTE + relative * |expected|. Half precision keeps 11 bits, bfloat16 8. */
static const double ABSOLUTE = 1e-5;

static double relative(int type)
{
    return type == TYPE(BFLOAT16) ? 8e-3 : type == TYPE(FLOAT16) ? 1e-3 : 1e-4;
}

static bool close_enough(float found, float expected, int type)
{
    if (isnan(expected) || isinf(expected))
        return isnan(expected) ? isnan(found) : found == expected;
    return fabs((double)found - (double)expected) <= ABSOLUTE + relative(type) * fabs((double)expected);
}

static bool same_values(const float *found, const ct_tensor *y, char why[CT_REASON])
{
    int64_t wrong = 0, first = 0;
    for (int64_t i = 0; i < y->n; i++)
        if (!close_enough(found[i], y->v[i], y->type) && wrong++ == 0)
            first = i;
    if (wrong)
        snprintf(why, CT_REASON, "%lld of %lld values differ; element %lld is %.9g, expected %.9g",
                 (long long)wrong, (long long)y->n, (long long)first, (double)found[first],
                 (double)y->v[first]);
    return wrong == 0;
}

/* Returns true if `found` is the shape of y without axis `without` (-1: with all of them). */
static bool same_shape(const bs_shape *found, const ct_tensor *y, int without)
{
    int at = 0;
    for (int k = 0; k < y->rank; k++)
        if (k != without && (at >= found->rank || found->dim[at++] != y->dim[k]))
            return false;
    return at == found->rank || (y->rank == 0 && found->rank == 1 && found->dim[0] == 1);
}

/* The values of y with the given axis as the outermost. */
static float *rows_along(const ct_tensor *y, int axis)
{
    float *rows = ct_xalloc((size_t)y->n, sizeof *rows);
    int64_t n = y->dim[axis], inner = 1;
    for (int k = axis + 1; k < y->rank; k++)
        inner *= y->dim[k];
    for (int64_t i = 0; i < y->n; i++)
        rows[i / inner % n * (y->n / n) + i / (inner * n) * inner + i % inner] = y->v[i];
    return rows;
}

/* bitsink does not tell along which axis of the file's output the samples lie, only how one of them looks:
 * any axis with the right shape and the right values will do. */
static bool same_output(const bs_shape *shape, const float *found, int64_t samples, const ct_tensor *y,
                        ct_form form, char why[CT_REASON])
{
    char text[96];
    bool fits = samples == 1 && same_shape(shape, y, -1), same = fits && same_values(found, y, why);
    for (int a = 0; form == CT_FORM_ROWS && a < y->rank && !same; a++)
        if (y->dim[a] == samples && same_shape(shape, y, a)) {
            ct_tensor rows = *y;
            rows.v = rows_along(y, a);
            fits = true;
            same = same_values(found, &rows, why);
            free(rows.v);
        }
    if (fits)
        return same;
    int at = snprintf(why, CT_REASON, "the output of one of %lld samples is %s, the expected tensor is",
                      (long long)samples, bs_shape_text(shape, text, sizeof text));
    for (int k = 0; k < y->rank; k++)
        at += snprintf(why + at, CT_REASON - (size_t)at, "%c%lld", k ? 'x' : ' ', (long long)y->dim[k]);
    return false;
}

static bs_status compute(const bs_graph *g, const bs_engine *e, float *in, float *out, int64_t samples)
{
    int64_t n_in = g->tensors[g->input].elements, n_out = g->tensors[g->output].elements;
    bs_worker w;
    bs_status st;
    BS_TRY(bs_worker_open(&w, e, 0));
    for (int64_t i = 0; i < samples; i++) {
        BS_TRY_GOTO(bs_golden_upload(w.golden, 0, in + i * n_in), out);
        BS_TRY_GOTO(bs_golden_run(w.golden, 1), out);
        memcpy(out + i * n_out, w.golden->output, (size_t)n_out * sizeof *out);
    }
    st = BS_OK;
out:
    bs_worker_close(&w);
    return st;
}

static ct_verdict run_graph(const bs_graph *g, const ct_case *c, const ct_try *t, char why[CT_REASON])
{
    const char *device = getenv("BITSINK_TEST_DEVICE");
    const bs_engine_options options = {.device = device ? device : "cpu", .threads = 1};
    bs_device_choice devices;
    const ct_tensor *y = &c->output[t->output];
    float zero = 0;
    bs_engine *e = NULL;
    ct_verdict verdict = CT_FAILED;
    if (bs_backend_find(&devices, options.device) != BS_OK || bs_backend_check(devices.backend, g) != BS_OK) {
        snprintf(why, CT_REASON, "%s", bs_error_message());
        return CT_UNSUPPORTED;
    }
    const bs_tensor *out = &g->tensors[g->output];
    int64_t samples = t->form == CT_FORM_ROWS ? c->input[t->image].dim[0] : 1;
    float *found = ct_xalloc((size_t)(samples * out->elements), sizeof *found);
    bs_status st = bs_engine_open(&e, g, NULL, &options);
    if (st == BS_OK)
        st = compute(g, e, t->form == CT_FORM_FOLDED ? &zero : c->input[t->image].v, found, samples);
    if (st != BS_OK)
        snprintf(why, CT_REASON, "%s", bs_error_message());
    else if (same_output(&out->shape, found, samples, y, t->form, why))
        verdict = CT_PASSED;
    bs_engine_close(e);
    free(found);
    return verdict;
}

static bool write_model(const Onnx__ModelProto *m, const char *path)
{
    size_t len = onnx__model_proto__get_packed_size(m);
    uint8_t *bytes = ct_xalloc(len, 1);
    onnx__model_proto__pack(m, bytes);
    FILE *f = fopen(path, "wb");
    bool ok = f && fwrite(bytes, 1, len, f) == len;
    if (f)
        ok &= fclose(f) == 0;
    free(bytes);
    return ok;
}

ct_verdict ct_run(const ct_case *c, const ct_try *t, const char *scratch, char why[CT_REASON])
{
    Onnx__ModelProto *m = ct_read_model(c->dir);
    bs_graph *g = NULL;
    ct_verdict verdict = CT_INAPPLICABLE;
    if (m && ct_edit(m, c, t, why)) {
        if (!write_model(m, scratch)) {
            snprintf(why, CT_REASON, "cannot write '%s'", scratch);
            verdict = CT_FAILED;
        } else if (bs_graph_import(&g, scratch, NULL) == BS_OK) {
            verdict = run_graph(g, c, t, why);
        } else {
            const char *message = bs_error_message(), *name = strstr(message, "': ");
            snprintf(why, CT_REASON, "%s", name ? name + 3 : message);
            verdict = CT_UNSUPPORTED;
        }
    }
    if (m)
        onnx__model_proto__free_unpacked(m, NULL);
    bs_graph_free(g);
    return verdict;
}
