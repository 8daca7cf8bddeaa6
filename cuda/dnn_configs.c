/* Lists the engines that cuDNN has for a convolution and that compute what is asked for. First those that its
 * heuristics name; then, since newer versions (9.28) name hardly one without tensor cores for a new card, all
 * others with all settings of their knobs. */
#include "cuda/dnn_graph.h"

/* Engines with any other note round differently, or are too new to be judged here. */
static bool admits_numbers(cudnnBackendNumericalNote_t note, bool tensor_cores)
{
    return note == CUDNN_NUMERICAL_NOTE_STRICT_NAN_PROP ||
           (tensor_cores && note == CUDNN_NUMERICAL_NOTE_TENSOR_CORE);
}

/* Engines that compile a kernel for each shape, or leave the choice to cuBLASLt, cannot be selected. */
static bool admits_behavior(cudnnBackendBehaviorNote_t note)
{
    return note == CUDNN_BEHAVIOR_NOTE_SUPPORTS_CUDA_GRAPH_NATIVE_API;
}

/* Sets the config's engine, without knobs. *admitted: its notes admit it. */
static bs_status judge_engine(bs_cudnn_config *config, bool *admitted, const bs_cudnn *d,
                              cudnnBackendDescriptor_t engine, bool tensor_cores)
{
    enum { MAX_NOTES = 64 };
    cudnnBackendNumericalNote_t numbers[MAX_NOTES];
    cudnnBackendBehaviorNote_t behavior[MAX_NOTES];
    int64_t n = 0, m = 0;
    *config = (bs_cudnn_config){0};
    BS_TRY(bs_cudnn_get_one(d, engine, CUDNN_ATTR_ENGINE_GLOBAL_INDEX, CUDNN_TYPE_INT64, &config->engine));
    BS_TRY(bs_cudnn_get(d, engine, CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE, MAX_NOTES, &n,
                        numbers));
    BS_TRY(bs_cudnn_get(d, engine, CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE, CUDNN_TYPE_BEHAVIOR_NOTE, MAX_NOTES, &m,
                        behavior));
    *admitted = n <= MAX_NOTES && m <= MAX_NOTES;
    for (int64_t i = 0; i < n && *admitted; i++) {
        *admitted = admits_numbers(numbers[i], tensor_cores);
        config->tensor_cores |= numbers[i] == CUDNN_NUMERICAL_NOTE_TENSOR_CORE;
    }
    for (int64_t i = 0; i < m && *admitted; i++)
        *admitted = admits_behavior(behavior[i]);
    return BS_OK;
}

/* Counts the knobs of an engine. */
static bs_status count_knobs(int64_t *n, const bs_cudnn *d, cudnnBackendDescriptor_t engine)
{
    return bs_cudnn_get(d, engine, CUDNN_ATTR_ENGINE_KNOB_INFO, CUDNN_TYPE_BACKEND_DESCRIPTOR, 0, n, NULL);
}

/* Reads the knobs of a proposal. A knob that is not set, or is -1, is set by cuDNN from the shape, and its
 * value cannot be found out, so such a proposal is not admitted. */
static bs_status read_knobs(bs_cudnn_config *config, int64_t knobs, bool *admitted,
                            bs_cudnn_descriptors *owned, cudnnBackendDescriptor_t descriptor)
{
    const bs_cudnn *d = owned->dnn;
    cudnnBackendDescriptor_t choice[BS_CUDNN_MAX_KNOBS];
    int64_t n = 0;
    *admitted = knobs <= BS_CUDNN_MAX_KNOBS;
    if (knobs == 0 || !*admitted)
        return BS_OK;
    for (int i = 0; i < knobs; i++)
        BS_TRY(bs_cudnn_make(&choice[i], owned, CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR));
    BS_TRY(bs_cudnn_get(d, descriptor, CUDNN_ATTR_ENGINECFG_KNOB_CHOICES, CUDNN_TYPE_BACKEND_DESCRIPTOR,
                        knobs, &n, choice));
    *admitted = n == knobs;
    for (config->n_knobs = 0; *admitted && config->n_knobs < knobs; config->n_knobs++) {
        bs_cudnn_knob *k = &config->knob[config->n_knobs];
        cudnnBackendDescriptor_t from = choice[config->n_knobs];
        cudnnBackendKnobType_t type = CUDNN_KNOB_TYPE_COUNTS;
        BS_TRY(bs_cudnn_get_one(d, from, CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE, CUDNN_TYPE_KNOB_TYPE, &type));
        BS_TRY(bs_cudnn_get_one(d, from, CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE, CUDNN_TYPE_INT64, &k->value));
        k->type = type;
        *admitted = k->value >= 0;
    }
    return BS_OK;
}

static bool same(const bs_cudnn_config *a, const bs_cudnn_config *b)
{
    int equal = 0;
    for (int i = 0; i < a->n_knobs; i++)
        for (int j = 0; j < b->n_knobs; j++)
            equal += a->knob[i].type == b->knob[j].type && a->knob[i].value == b->knob[j].value;
    return a->engine == b->engine && a->n_knobs == b->n_knobs && equal == a->n_knobs;
}

typedef struct search {
    const bs_cudnn *dnn;
    cudnnBackendDescriptor_t graph;
    bool tensor_cores;
    bs_dtype type;
    size_t workspace;
    bs_cudnn_config *out;
    int most, n;
} search;

/* Adds a config if it is new and a plan can be made of it. */
static bs_status add(search *s, const bs_cudnn_config *config)
{
    cudnnBackendDescriptor_t plan = NULL;
    size_t bytes = 0;
    for (int i = 0; i < s->n; i++)
        if (same(&s->out[i], config))
            return BS_OK;
    BS_TRY(bs_cudnn_graph_plan(&plan, &bytes, s->dnn, s->graph, config, s->workspace));
    if (plan) {
        s->out[s->n] = *config;
        s->out[s->n++].type = s->type;
        s->dnn->api->cudnnBackendDestroyDescriptor(plan);
    }
    return BS_OK;
}

/* --- proposals of the heuristics --- */

static bs_status consider(search *s, cudnnBackendDescriptor_t descriptor)
{
    bs_cudnn_descriptors owned = {.dnn = s->dnn};
    bs_cudnn_config config = {0};
    cudnnBackendDescriptor_t engine = NULL;
    bool good = false;
    int64_t knobs = 0;
    bs_status st;
    BS_TRY_GOTO(bs_cudnn_make(&engine, &owned, CUDNN_BACKEND_ENGINE_DESCRIPTOR), out);
    BS_TRY_GOTO(bs_cudnn_get_one(s->dnn, descriptor, CUDNN_ATTR_ENGINECFG_ENGINE,
                                 CUDNN_TYPE_BACKEND_DESCRIPTOR, &engine),
                out);
    BS_TRY_GOTO(judge_engine(&config, &good, s->dnn, engine, s->tensor_cores), out);
    if (good)
        BS_TRY_GOTO(count_knobs(&knobs, s->dnn, engine), out);
    if (good)
        BS_TRY_GOTO(read_knobs(&config, knobs, &good, &owned, descriptor), out);
    if (good)
        BS_TRY_GOTO(add(s, &config), out);
out:
    bs_cudnn_descriptors_clear(&owned);
    return st;
}

static bs_status consider_mode(search *s, cudnnBackendHeurMode_t mode)
{
    bs_cudnn_descriptors owned = {.dnn = s->dnn};
    const bs_cudnn *d = s->dnn;
    cudnnBackendDescriptor_t heuristics = NULL, descriptor = NULL, *descriptors;
    bool supported = true;
    int64_t count = 0, n = 0;
    bs_status st;
    BS_TRY_GOTO(bs_cudnn_make(&heuristics, &owned, CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR), out);
    BS_TRY_GOTO(bs_cudnn_set(d, heuristics, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH,
                             CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &s->graph),
                out);
    BS_TRY_GOTO(bs_cudnn_set(d, heuristics, CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, 1, &mode), out);
    if (d->properties)
        BS_TRY_GOTO(bs_cudnn_set(d, heuristics, CUDNN_ATTR_ENGINEHEUR_DEVICEPROP,
                                 CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &d->properties),
                    out);
    BS_TRY_GOTO(bs_cudnn_finalize(d, heuristics, &supported), out);
    if (!supported)
        goto out;
    BS_TRY_GOTO(bs_cudnn_get(d, heuristics, CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR, 0,
                             &count, NULL),
                out);
    for (int64_t i = 0; i < count; i++)
        BS_TRY_GOTO(bs_cudnn_make(&descriptor, &owned, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR), out);
    descriptors = owned.at + (owned.n - (size_t)count);
    BS_TRY_GOTO(bs_cudnn_get(d, heuristics, CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR,
                             count, &n, descriptors),
                out);
    for (int64_t i = 0; i < n && i < count && s->n < s->most; i++)
        BS_TRY_GOTO(consider(s, descriptors[i]), out);
out:
    bs_cudnn_descriptors_clear(&owned);
    return st;
}

/* --- all other engines --- */

typedef struct range {
    int64_t least, most, step;
} range;

/* Reads the knobs of an engine into config, with their least values, and their ranges into r. *settings: the
 * number of combinations, 0 if there are more than are tried. */
static bs_status read_ranges(bs_cudnn_config *config, range *r, int64_t *settings,
                             bs_cudnn_descriptors *owned, cudnnBackendDescriptor_t engine)
{
    enum { MAX_SETTINGS = 64 };
    const bs_cudnn *d = owned->dnn;
    cudnnBackendDescriptor_t info[BS_CUDNN_MAX_KNOBS];
    int64_t knobs = 0, n = 0;
    *settings = 0;
    BS_TRY(count_knobs(&knobs, d, engine));
    if (knobs > BS_CUDNN_MAX_KNOBS)
        return BS_OK;
    for (int64_t i = 0; i < knobs; i++)
        BS_TRY(bs_cudnn_make(&info[i], owned, CUDNN_BACKEND_KNOB_INFO_DESCRIPTOR));
    if (knobs > 0)
        BS_TRY(bs_cudnn_get(d, engine, CUDNN_ATTR_ENGINE_KNOB_INFO, CUDNN_TYPE_BACKEND_DESCRIPTOR, knobs, &n,
                            info));
    int64_t product = 1;
    for (config->n_knobs = 0; config->n_knobs < knobs && product <= MAX_SETTINGS; config->n_knobs++, r++) {
        cudnnBackendDescriptor_t from = info[config->n_knobs];
        cudnnBackendKnobType_t type = CUDNN_KNOB_TYPE_COUNTS;
        BS_TRY(bs_cudnn_get_one(d, from, CUDNN_ATTR_KNOB_INFO_TYPE, CUDNN_TYPE_KNOB_TYPE, &type));
        BS_TRY(bs_cudnn_get_one(d, from, CUDNN_ATTR_KNOB_INFO_MINIMUM_VALUE, CUDNN_TYPE_INT64, &r->least));
        BS_TRY(bs_cudnn_get_one(d, from, CUDNN_ATTR_KNOB_INFO_MAXIMUM_VALUE, CUDNN_TYPE_INT64, &r->most));
        BS_TRY(bs_cudnn_get_one(d, from, CUDNN_ATTR_KNOB_INFO_STRIDE, CUDNN_TYPE_INT64, &r->step));
        if (r->least < 0 || r->most < r->least || r->step < 1)
            return BS_OK;
        config->knob[config->n_knobs] = (bs_cudnn_knob){type, r->least};
        product *= r->most - r->least > MAX_SETTINGS * r->step ? MAX_SETTINGS + 1
                                                               : (r->most - r->least) / r->step + 1;
    }
    *settings = product <= MAX_SETTINGS ? product : 0;
    return BS_OK;
}

/* Sets the next combination of settings; after the last one, the first. */
static void advance(bs_cudnn_config *config, const range *r)
{
    for (int i = 0; i < config->n_knobs; i++) {
        config->knob[i].value += r[i].step;
        if (config->knob[i].value <= r[i].most)
            return;
        config->knob[i].value = r[i].least;
    }
}

static bs_status consider_engine(search *s, int64_t index)
{
    bs_cudnn_descriptors owned = {.dnn = s->dnn};
    bs_cudnn_config config = {0};
    range ranges[BS_CUDNN_MAX_KNOBS];
    cudnnBackendDescriptor_t engine = NULL;
    bool good = false;
    int64_t settings = 0;
    bs_status st;
    BS_TRY_GOTO(bs_cudnn_engine(&engine, &owned, s->graph, index, &good), out);
    if (good)
        BS_TRY_GOTO(judge_engine(&config, &good, s->dnn, engine, s->tensor_cores), out);
    if (good)
        BS_TRY_GOTO(read_ranges(&config, ranges, &settings, &owned, engine), out);
    for (; settings > 0 && s->n < s->most; settings--, advance(&config, ranges))
        BS_TRY_GOTO(add(s, &config), out);
out:
    bs_cudnn_descriptors_clear(&owned);
    return st;
}

bs_status bs_cudnn_configs(bs_cudnn *d, const bs_cudnn_shape *s, size_t workspace, bs_cudnn_config *out,
                           int most, int *n)
{
    bs_cudnn_descriptors owned = {.dnn = d};
    search look = {.dnn = d,
                   .tensor_cores = s->tf32 || s->type != BS_DTYPE_FP32,
                   .type = s->type,
                   .workspace = workspace,
                   .out = out,
                   .most = most};
    int64_t engines = 0;
    bs_status st;
    *n = 0;
    BS_TRY_GOTO(bs_cudnn_graph(&look.graph, &owned, s), out);
    if (!look.graph)
        goto out;
    BS_TRY_GOTO(bs_cudnn_get_one(d, look.graph, CUDNN_ATTR_OPERATIONGRAPH_ENGINE_GLOBAL_COUNT,
                                 CUDNN_TYPE_INT64, &engines),
                out);
    BS_TRY_GOTO(consider_mode(&look, CUDNN_HEUR_MODE_B), out);
    BS_TRY_GOTO(consider_mode(&look, CUDNN_HEUR_MODE_A), out);
    while (engines > 0 && look.n < most) /* newest first */
        BS_TRY_GOTO(consider_engine(&look, --engines), out);
    BS_TRY_GOTO(consider_mode(&look, CUDNN_HEUR_MODE_FALLBACK), out);
    *n = look.n;
out:
    bs_cudnn_descriptors_clear(&owned);
    return bs_cudnn_about(st, s);
}
