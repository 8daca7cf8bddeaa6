#include "base/log.h"
#include "base/new_file.h"
#include "base/team.h"
#include "base/text.h"
#include "campaign/golden_accuracy.h"
#include "cli/classify_tensors.h"
#include "cli/cli.h"
#include "import/onnx_file.h"
#include "store/tally.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct subject {
    bs_session s; /* of a job; else only graph is set */
    bs_preprocess preprocess;
    bs_input input;
    bool json;
    const char *logits_path; /* NULL: not asked for */
    bs_new_file logits;
    bs_classify_tensors tensors;
    size_t broken; /* images that cannot be read and were passed over */
    bs_golden_accuracy golden;
} subject;

static bool is_model(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot && strcmp(dot, ".onnx") == 0;
}

static bs_status open_subject(subject *x, const bs_args *args)
{
    const char *path = args->operand[0];
    bs_import_options import;
    if (!is_model(path)) {
        BS_TRY(bs_refuse_import(args));
        BS_TRY(bs_session_open(&x->s, path));
        x->preprocess = x->s.job->preprocess;
        return BS_OK;
    }
    bs_preprocess_default(&x->preprocess);
    BS_TRY(bs_option_import(args, &import));
    bs_status st = bs_graph_import(&x->s.graph, path, &import);
    bs_import_options_clear(&import);
    if (st == BS_OK)
        bs_graph_tell_remarks(x->s.graph);
    if (st == BS_OK && x->s.graph->bytes)
        x->preprocess.scale = 1;
    return st;
}

static bs_status print_answer(subject *x, size_t image, bs_golden *golden)
{
    const char *path = bs_dataset_image(x->input.images, image)->path;
    const bs_answer *a = &golden->answer[0];
    bs_str line = {0};
    if (x->json) {
        bs_str_puts(&line, "{\"image\": ");
        bs_str_json(&line, path);
        bs_str_puts(&line, ", \"probability\": ");
        bs_str_json_number(&line, (double)a->p_golden);
        bs_str_puts(&line, ", \"top\": [");
    } else {
        bs_str_visible(&line, path); /* workers print, and bs_visible() keeps memory for each thread */
        bs_str_puts(&line, "\n");
    }
    for (int k = 0; k < BS_TOP && a->top[k] >= 0; k++) {
        const char *name = bs_session_class_name(&x->s, a->top[k]);
        if (x->json) {
            bs_str_printf(&line, "%s{\"class\": %d, \"score\": ", k ? ", " : "", a->top[k]);
            bs_str_json_number(&line, (double)a->score[k]);
            bs_str_puts(&line, ", \"name\": ");
            bs_str_json(&line, name);
            bs_str_puts(&line, "}");
        } else {
            bs_str_printf(&line, "  %d. %5d  %10.5f  ", k + 1, a->top[k], (double)a->score[k]);
            bs_str_visible(&line, name);
            bs_str_puts(&line, "\n");
        }
    }
    if (x->json)
        bs_str_puts(&line, "]");
    else
        bs_str_printf(&line, "  probability of the first: %.4f\n", (double)a->p_golden);
    bs_status st = bs_classify_tensors_show(&x->tensors, &line, golden, image, path, x->json);
    if (x->json)
        bs_str_puts(&line, "}\n");
    if (st == BS_OK)
        st = bs_str_status(&line);
    if (st == BS_OK)
        fputs(line.ptr, stdout);
    bs_str_clear(&line);
    return st;
}

static bs_status write_logits(const subject *x, const float *output)
{
    if (!x->logits_path)
        return BS_OK;
    fwrite(output, sizeof *output, (size_t)x->s.graph->classes, x->logits.f);
    return bs_new_file_check(&x->logits);
}

/* Images on several workers. Answers are printed in the order of the images: each waits for its turn. */
typedef struct classification {
    subject *x;
    const bs_engine *engine;
    atomic_size_t next; /* image to be taken */
    pthread_mutex_t lock;
    pthread_cond_t change;
    size_t turn;   /* image whose answer is to be printed */
    bool stopped;  /* after an error, at image `turn` */
    size_t broken; /* images before `turn` that cannot be read */
} classification;

/* Returns false if an image before this one has failed. */
static bool await_turn(classification *c, size_t image)
{
    pthread_mutex_lock(&c->lock);
    while (c->turn != image && !c->stopped)
        pthread_cond_wait(&c->change, &c->lock);
    bool mine = !c->stopped;
    pthread_mutex_unlock(&c->lock);
    return mine;
}

static void end_turn(classification *c, bool failed)
{
    pthread_mutex_lock(&c->lock);
    c->turn += !failed;
    c->stopped = failed;
    pthread_cond_broadcast(&c->change);
    pthread_mutex_unlock(&c->lock);
}

static bs_status run_image(bs_worker *w, const classification *c, size_t image, bool *broken)
{
    BS_TRY(bs_input_load(w, 0, &c->x->input, image, broken));
    return bs_golden_run(w->golden, 1);
}

static void note_label(subject *x, size_t image, const bs_answer *a)
{
    int label = bs_dataset_image(x->input.images, image)->label;
    if (label < 0)
        return;
    x->golden.labelled++;
    x->golden.correct += bs_outcome_class(a) == bs_session_label_class(&x->s, label);
}

/* In the image's turn. An image that cannot be read is passed over if there are others; not with --logits,
 * whose rows are the images. */
static bs_status give_answer(classification *c, const bs_worker *w, size_t image, bool broken, bs_status st)
{
    if (broken && !c->x->logits_path && bs_dataset_count(c->x->input.images) > 1) {
        bs_warn("%s", bs_error_message());
        c->broken++;
        return BS_OK;
    }
    BS_TRY(st);
    BS_TRY(write_logits(c->x, w->golden->output));
    note_label(c->x, image, &w->golden->answer[0]);
    return print_answer(c->x, image, w->golden);
}

static bs_status classify_some(void *shared, int worker)
{
    classification *c = shared;
    bs_worker w = {0};
    bs_status st = bs_worker_open(&w, c->engine, worker);
    for (size_t i; (i = atomic_fetch_add(&c->next, 1)) < bs_dataset_count(c->x->input.images);) {
        bool broken = false;
        if (st == BS_OK)
            st = run_image(&w, c, i, &broken);
        if (!await_turn(c, i)) {
            st = bs_fail(BS_STOPPED, "an image before this one failed"); /* whose error counts */
            break;
        }
        st = give_answer(c, &w, i, broken, st);
        end_turn(c, st != BS_OK);
        if (st != BS_OK)
            break;
    }
    bs_worker_close(&w);
    return st;
}

static bs_status classify(subject *x, const bs_engine *e)
{
    classification c = {
        .x = x, .engine = e, .lock = PTHREAD_MUTEX_INITIALIZER, .change = PTHREAD_COND_INITIALIZER};
    size_t n = bs_dataset_count(x->input.images);
    BS_TRY(bs_team_run(n < (size_t)e->threads ? (int)n : e->threads, classify_some, &c));
    x->broken = c.broken;
    return BS_OK;
}

/* Without a job, a hint about preprocessing is of no use alone. */
static bs_status hint_job(bs_status st)
{
    char hint[512];
    if (!strstr(bs_error_hint(), "'preprocess'"))
        return st;
    snprintf(hint, sizeof hint, "%s", bs_error_hint());
    bs_hint("a model alone takes images as they are: write a job file, see bitsink-job(5), and classify with "
            "it, bitsink classify JOB IMAGE; %s",
            hint);
    return st;
}

static bs_status run(const bs_args *args)
{
    subject x = {.json = bs_option_value(args, "json") != NULL,
                 .logits_path = bs_option_value(args, "logits")};
    bs_dataset *files = NULL;
    bs_engine *e = NULL;
    bs_engine_options o = {.device = bs_option_value(args, "device")};
    BS_TRY(bs_option_int(args, "threads", 1, 1024, &o.threads));
    BS_TRY(open_subject(&x, args));
    bs_session_ask_device(&x.s, &o);
    bs_status st;
    const bs_dataset *images = x.s.images;
    if (args->n_operands > 1) {
        bs_dataset_spec spec = {.files = (const char *const *)args->operand + 1,
                                .n_files = (size_t)args->n_operands - 1};
        BS_TRY_GOTO(bs_dataset_open(&files, &spec, x.s.graph->classes), out);
        images = files;
    } else if (!images) {
        st = bs_fail(BS_USAGE, "no image to classify");
        bs_hint("usage: bitsink classify %s", bs_cmd_classify.usage);
        goto out;
    }
    BS_TRY_GOTO(bs_classify_tensors_open(&x.tensors, args, x.s.graph), out);
    BS_TRY_GOTO(bs_input_open(&x.input, x.s.graph, images, &x.preprocess), out);
    BS_TRY_GOTO(bs_input_check(&x.input), out);
    BS_TRY_GOTO(bs_open_cache(&o.cache, args), out);
    BS_TRY_GOTO(bs_engine_open(&e, x.s.graph, NULL, &o), out);
    if (x.logits_path)
        BS_TRY_GOTO(bs_new_file_open(&x.logits, x.logits_path), out);
    BS_TRY_GOTO(classify(&x, e), out);
    if (!x.json)
        bs_golden_accuracy_print(stdout, &x.golden);
    bs_golden_accuracy_warn(&x.golden, x.s.graph->classes);
    if (x.logits_path)
        st = bs_new_file_commit(&x.logits);
out:
    if (st != BS_OK && !x.s.job)
        st = hint_job(st);
    bs_new_file_drop(&x.logits);
    st = bs_classify_tensors_close(&x.tensors, st);
    if (st == BS_OK && x.broken)
        st = bs_fail(BS_ERR, "%zu of %zu images cannot be read", x.broken, bs_dataset_count(images));
    bs_engine_close(e);
    bs_cache_close(o.cache);
    bs_dataset_close(files);
    bs_session_close(&x.s);
    return st;
}

static const bs_option options[] = {
    {"device", "NAME", "auto, cpu, cuda, cuda:1; see devices (default auto)"},
    BS_MODEL_OPTIONS,
    BS_CACHE_OPTIONS,
    {"dump", "DIR", "write the values of each --tensor as .npy files into a new folder"},
    {"json", NULL, "one JSON object per image"},
    {"logits", "FILE", "write the network's output: float32, native byte order, images x classes"},
    {"tensor", "NAME...", "also say what values this tensor has; may be repeated"},
    {"threads", "N", "workers (default: the cores this process may use)"},
    {NULL, NULL, NULL},
};

static const bs_exit exits[] = {
    {BS_NO_DEVICE, "there is no such device, or it was lost"},
    {BS_OK, NULL},
};

const bs_command bs_cmd_classify = {
    .name = "classify",
    .usage = "JOB|MODEL.onnx [IMAGE...]",
    .summary = "print the top five classes of images, without faults",
    .details =
        "Prints the top five classes of images without faults. Check your preprocessing with it "
        "before you run a campaign: compare the answers with what your framework says about the "
        "same images.\n"
        "\n"
        "With a job file, its preprocessing and class names are used, and its images where no IMAGE "
        "is given. If these have labels, the last line says how often the first class is the label, and a "
        "warning if that is so rare that the preprocessing or the labels must be wrong. With a model, images "
        "must have the size of the network's input and are scaled to "
        "0..1 (or stay whole numbers where the model takes bytes); the options of models say what the "
        "file leaves open.\n"
        "\n"
        "An image that cannot be read is passed over with a warning where there are others, and the "
        "exit code is 1; with `--logits` it ends the command.\n"
        "\n"
        "`--logits` writes all outputs, to compare them number by number with those of your "
        "framework; MODELS in bitsink-job(5) shows how.\n"
        "\n"
        "`--tensor` looks inside: for each image, the smallest and the largest value of the tensor "
        "(NaN apart), the mean of its finite values, how many are NaN or infinite, and the five largest "
        "with their index and place. It takes the name of a tensor or node, a shell pattern, #ID, "
        "or all. With `--dump` the values themselves go, bit by bit, into files for numpy.load(), "
        "`IMAGE/NAME.npy` with the number of the image and the name as `bitsink trace` writes it; "
        "`index.csv` lists them. The folder appears when all is written, or not at all.",
    .examples = "    bitsink classify job.yaml\n"
                "    bitsink classify job.yaml --logits out.f32\n"
                "    bitsink classify job.yaml --tensor conv1 --dump values\n"
                "    bitsink classify model.onnx cat.png",
    .see_also = "bitsink-job(5)",
    .min_operands = 1,
    .max_operands = 1 << 20,
    .options = options,
    .exits = exits,
    .run = run,
};
