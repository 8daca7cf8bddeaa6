#include "cli/bench_job.h"

#include "base/buf.h"
#include "base/new_file.h"
#include "campaign/input.h"
#include "import/onnx_file.h"

#include <errno.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { IMAGES = 2 };

static bs_status hint_room(void)
{
    return bs_hint("the benchmark puts networks and result files into $TMPDIR (/tmp); VGG-19 has 575 MB");
}

bs_status bs_bench_no_room(const char *path)
{
    bs_fail(BS_ERR, "cannot write '%s': %s", path, strerror(errno));
    return hint_room();
}

static bs_status place(bs_str *out, const char *folder, const char *name)
{
    bs_str_printf(out, "%s/%s", folder, name);
    return bs_str_status(out);
}

/* Some picture: no two images, and no two of their pixels side by side, are equal. */
static bs_status write_image(const char *folder, int number, bs_input_format f)
{
    png_image image = {.version = PNG_IMAGE_VERSION, .format = PNG_FORMAT_RGB};
    bs_str path = {0};
    char name[32];
    unsigned char *pixel = NULL;
    bs_status st;
    image.width = (png_uint_32)f.width;
    image.height = (png_uint_32)f.height;
    snprintf(name, sizeof name, "%d.png", number);
    BS_TRY_GOTO(place(&path, folder, name), out);
    size_t n = (size_t)f.width * (size_t)f.height * 3;
    BS_TRY_GOTO(bs_calloc(&pixel, n, 1, "image"), out);
    for (size_t i = 0; i < n; i++)
        pixel[i] = (unsigned char)((i * 37 + i / 640 * 11 + (size_t)number * 101) % 251);
    if (!png_image_write_to_file(&image, path.ptr, 0, pixel, 0, NULL))
        st = bs_bench_no_room(path.ptr);
out:
    free(pixel);
    bs_str_clear(&path);
    return st;
}

static bs_status write_text(const char *path, const bs_str *text)
{
    BS_TRY(bs_str_status(text));
    return bs_write_file(path, text->ptr, text->len) == BS_OK ? BS_OK : hint_room();
}

/* Returns the operator that most networks have: the first of these. */
static const char *layer_op(const bs_graph *g)
{
    static const bs_op ops[] = {BS_OP_CONV, BS_OP_GEMM, BS_OP_MATMUL};
    for (size_t k = 0; k < sizeof ops / sizeof *ops; k++)
        for (int i = 0; i < g->n_nodes; i++)
            if (g->nodes[i].op == ops[k])
                return bs_op_name(ops[k]);
    return "Conv"; /* which the run then reports as missing */
}

/* A string of YAML in which no variable is expanded. */
static void put_quoted(bs_str *out, const char *text)
{
    bs_str_puts(out, "'");
    for (; *text; text++)
        bs_str_printf(out, *text == '\'' ? "''" : *text == '$' ? "$$" : "%c", *text);
    bs_str_puts(out, "'");
}

static void put_import(bs_str *out, const bs_import_options *o)
{
    if (o->input_size[0] > 0)
        bs_str_printf(out, "input_size: [%d, %d]\n", o->input_size[0], o->input_size[1]);
    if (o->output) {
        bs_str_puts(out, "output: ");
        put_quoted(out, o->output);
        bs_str_puts(out, "\n");
    }
    bs_str_puts(out, o->n_inputs > 0 ? "inputs:\n" : "");
    for (int i = 0; i < o->n_inputs; i++) {
        bs_str_puts(out, "  ");
        put_quoted(out, o->inputs[i].name);
        for (int k = 0; k < o->inputs[i].n; k++)
            bs_str_printf(out, "%s%.17g", k ? ", " : ": [", o->inputs[i].value[k]);
        bs_str_puts(out, "]\n");
    }
}

static void put_job(bs_str *out, const bs_graph *g, const char *model, const bs_import_options *import,
                    bs_input_format f)
{
    const char *op = layer_op(g);
    bs_str_puts(out, "name: start\nmodel: ");
    put_quoted(out, model);
    bs_str_puts(out, "\n");
    if (import)
        put_import(out, import);
    bs_str_printf(out,
                  "images: {labels: labels.csv}\npreprocess: {resize: [%d, %d], scale: %s}\nfaults:\n"
                  "  - {id: 1, targets: {op: %s, kind: activation}, fault: flip, trials: 1}\n"
                  "  - {id: 2, targets: {op: %s, kind: weight}, fault: flip, trials: 1}\n"
                  "  - {id: 3, targets: {op: %s, kind: activation}, fault: flip, ber: 1e-7, trials: 1}\n",
                  f.height, f.width, g->bytes ? "1" : "1/255", op, op, op);
}

static bs_status write_files(const char *folder, const char *model, const bs_import_options *import,
                             const bs_graph *g)
{
    bs_str list = {0}, text = {0}, list_path = {0}, path = {0};
    bs_input_format f = bs_input_format_of(g);
    bs_status st;
    for (int i = 0; i < IMAGES; i++) {
        BS_TRY_GOTO(write_image(folder, i, f), out);
        bs_str_printf(&list, "%d.png,0\n", i);
    }
    BS_TRY_GOTO(place(&list_path, folder, "labels.csv"), out);
    BS_TRY_GOTO(write_text(list_path.ptr, &list), out);
    put_job(&text, g, model, import, f);
    BS_TRY_GOTO(place(&path, folder, "job.yaml"), out);
    st = write_text(path.ptr, &text);
out:
    bs_str_clear(&list);
    bs_str_clear(&text);
    bs_str_clear(&list_path);
    bs_str_clear(&path);
    return st;
}

bs_status bs_bench_write_job(const char *folder, const char *model, const bs_import_options *import)
{
    bs_graph *g;
    BS_TRY(bs_graph_import(&g, model, import));
    bs_status st;
    if (bs_input_format_of(g).channels > 0) {
        st = write_files(folder, model, import, g);
    } else {
        st = bs_fail(BS_ERR, "'%s': --start wants a network whose input is an image", model);
        bs_hint("leave --start out: the other measurements take any network");
    }
    bs_graph_free(g);
    return st;
}
