#include "import/onnx_file.h"
#include "cli/cli.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/phase.h"
#include "campaign/profile.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bs_status read_class_names(bs_session *s)
{
    int labels = s->graph->classes - s->job->label_offset;
    BS_TRY(bs_class_names_read(&s->label_names, &s->n_labels, s->job->class_names));
    if (s->n_labels >= labels)
        return BS_OK;
    bs_fail(BS_USAGE, "%s: %d names for the %d labels of the network", s->job->class_names, s->n_labels,
            labels);
    return bs_hint("one name per line, in the order of the labels");
}

/* Names are those of labels, from the file or from the images' folder; classes below the label offset (a
 * background class) have no label. */
static bs_status name_classes(bs_session *s)
{
    const char *const *names = (const char *const *)s->label_names;
    int n = s->n_labels, offset = s->job->label_offset, classes = s->graph->classes;
    if (!names)
        n = bs_dataset_class_names(s->images, &names);
    if (n == 0)
        return BS_OK;
    BS_TRY(bs_calloc(&s->class_names, (size_t)classes, sizeof *s->class_names, "class names"));
    for (int c = 0; c < classes; c++)
        s->class_names[c] = c < offset ? "(background)" : c - offset < n ? names[c - offset] : NULL;
    return BS_OK;
}

/* One mean and one standard deviation, or one for each channel of the network. */
static bs_status check_channels(const bs_session *s)
{
    const bs_preprocess *p = &s->job->preprocess;
    int channels = s->input.format.channels;
    int n = p->n_mean > 1 ? p->n_mean : p->n_std;
    if ((p->n_mean > 1 && p->n_mean != channels) || (p->n_std > 1 && p->n_std != channels)) {
        bs_fail(BS_USAGE, "%s: preprocess has %d values of mean or std, the network has %d channel(s)",
                s->job->path, n, channels);
        return bs_hint("give one value, or one for each channel");
    }
    return BS_OK;
}

static bs_status check_top_k(const bs_session *s)
{
    uint32_t k = s->job->top_k;
    if (k <= (uint32_t)s->graph->classes || k == UINT32_MAX)
        return BS_OK;
    bs_fail(BS_USAGE, "%s: 'top_k' is %u, the network has %d classes", s->job->path, k, s->graph->classes);
    return bs_hint("'top_k: all' keeps the ranking of all classes");
}

static bs_status tell_storage(const bs_session *s)
{
    bs_str text = {0};
    if (bs_storage_is_plain(&s->job->storage))
        return BS_OK;
    bs_storage_text(&text, &s->job->storage, bs_dataset_count(s->images));
    bs_status st = bs_str_status(&text);
    if (st == BS_OK)
        bs_info("storage: %s", text.ptr);
    bs_str_clear(&text);
    return st;
}

/* Opens model and images of a job, and makes the plan. */
static bs_status follow_job(bs_session *s)
{
    bs_phase("read the model");
    BS_TRY(bs_graph_import(&s->graph, s->job->model, &s->job->import));
    bs_graph_tell_remarks(s->graph);
    if (s->job->class_names)
        BS_TRY(read_class_names(s));
    BS_TRY(check_top_k(s));
    bs_phase("list the images");
    BS_TRY(bs_dataset_open(&s->images, &s->job->images, s->graph->classes - s->job->label_offset));
    BS_TRY(name_classes(s));
    BS_TRY(bs_input_open(&s->input, s->graph, s->images, &s->job->preprocess));
    BS_TRY(check_channels(s));
    BS_TRY(bs_input_check(&s->input));
    if (bs_profile_store(s->graph, &s->job->storage, &s->input) != BS_OK)
        return bs_context("%s: storage", s->job->path);
    BS_TRY(tell_storage(s));
    bs_phase("plan the trials");
    BS_TRY(bs_plan_create(&s->plan, s->job, s->graph, (uint32_t)bs_dataset_count(s->images)));
    bs_phase(NULL);
    return BS_OK;
}

bs_status bs_session_open(bs_session *s, const char *job_path)
{
    memset(s, 0, sizeof *s);
    bs_phase("read the job");
    BS_TRY(bs_job_read(&s->job, job_path));
    bs_status st = follow_job(s);
    if (st != BS_OK)
        bs_session_close(s);
    return st;
}

void bs_session_close(bs_session *s)
{
    bs_plan_free(s->plan);
    bs_dataset_close(s->images);
    if (s->label_names)
        bs_class_names_free(s->label_names, s->n_labels);
    free(s->class_names);
    bs_graph_free(s->graph);
    bs_job_free(s->job);
    memset(s, 0, sizeof *s);
}

int bs_session_label_class(const bs_session *s, int label)
{
    return label + s->job->label_offset;
}

const char *bs_session_class_name(const bs_session *s, int class)
{
    const char *name = s->class_names && class >= 0 ? s->class_names[class] : NULL;
    return name ? name : "";
}

void bs_session_ask_device(const bs_session *s, bs_engine_options *o)
{
    static const struct {
        const char *options, *hint;
    } need[BS_MATH_COUNT] = {
        [BS_MATH_TF32] = {"tf32", "'math: tf32' needs a CUDA device: --device cuda"},
        [BS_MATH_NATIVE] = {"native", "'math: native' needs a CUDA device: --device cuda"},
    };
    if (s->job) {
        o->device_options = need[s->job->math].options;
        o->device_hint = need[s->job->math].hint;
    }
}

volatile sig_atomic_t bs_stop_requested;

/* Counts signals by an atomic: two may be handled by two threads at once. */
static void on_signal(int number)
{
    static atomic_int before;
    if (atomic_fetch_add(&before, 1) > 0)
        _exit(128 + number);
    bs_stop_requested = 1;
}

void bs_catch_signals(void)
{
    struct sigaction action, before;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    if (sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler != SIG_IGN) /* as under nohup */
        sigaction(SIGHUP, &action, NULL);
}
