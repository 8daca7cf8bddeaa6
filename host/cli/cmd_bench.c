#include "cli/bench_print.h"
#include "campaign/profile.h"
#include "cli/bench_start.h"
#include "cli/cli.h"
#include "import/synth.h"

/* The networks that --start measures if none is named. */
static const char *const start_networks[] = {
#define X(name) BS_SYNTH_NAME(name),
    BS_SYNTHS(X)
#undef X
};

static bs_status run_start(const bs_args *args)
{
    static const char *const others[] = {"trials", "threads", "batch", "seconds", "golden"};
    const char *model = bs_option_value(args, "model");
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (bs_option_value(args, others[i]))
            return bs_fail(BS_USAGE, "--start takes no --%s", others[i]);
    char *const *network = model ? (char *const *)&model : args->operand;
    int n = model ? 1 : args->n_operands;
    if (model && args->n_operands > 0)
        return bs_fail(BS_USAGE, "two models: '%s' and '%s'", model, args->operand[0]);
    if (n == 0) {
        network = (char *const *)start_networks;
        n = (int)(sizeof start_networks / sizeof *start_networks);
    }
    bs_import_options import;
    BS_TRY(bs_option_import(args, &import));
    bs_status st = bs_bench_start(network, n, &import, bs_option_value(args, "device"),
                                  bs_option_value(args, "against"), bs_option_value(args, "json") != NULL);
    bs_import_options_clear(&import);
    return st;
}

/* bench MODEL is short for bench --model MODEL. */
static bs_status choose_model(const char **out, const bs_args *args)
{
    const char *option = bs_option_value(args, "model");
    if (option && args->n_operands > 0)
        return bs_fail(BS_USAGE, "two models: '%s' and '%s'", option, args->operand[0]);
    if (args->n_operands > 1)
        return bs_fail(BS_USAGE, "two models: '%s' and '%s'", args->operand[0], args->operand[1]);
    *out = option ? option : args->n_operands > 0 ? args->operand[0] : "vgg19";
    return BS_OK;
}

/* Reads the options of a benchmark into both structures. */
static bs_status read_options(bs_engine_options *o, bs_bench_options *b, const bs_args *args)
{
    int seconds = 120;
    b->golden = bs_option_value(args, "golden");
    if (b->golden && bs_option_value(args, "trials"))
        return bs_fail(BS_USAGE, "--golden takes no --trials");
    if (bs_option_value(args, "against"))
        return bs_fail(BS_USAGE, "--against is for --start");
    o->device = bs_option_value(args, "device");
    o->bench = !b->golden;
    BS_TRY(bs_option_int(args, "threads", 1, 1024, &o->threads));
    BS_TRY(bs_option_int(args, "batch", 1, 4096, &o->max_batch));
    BS_TRY(bs_option_int(args, "trials", 1, 1 << 20, &b->trials));
    if (b->golden)
        seconds = 5;
    BS_TRY(bs_option_int(args, "seconds", 1, 1000000, &seconds));
    b->seconds = seconds;
    return BS_OK;
}

#define TYPE_NAME(suffix, name, ...) " " name
/* Stores the network as --storage says. */
static bs_status store(bs_graph *g, const bs_args *args)
{
    const char *name = bs_option_value(args, "storage");
    bs_storage s = bs_storage_of(name ? bs_dtype_find(name) : BS_DTYPE_FP32);
    if (s.activations < BS_DTYPE_COUNT)
        return bs_profile_store_probe(g, &s);
    bs_fail(BS_USAGE, "--storage: there is no type '%s'", name);
    return bs_hint("one of" BS_DTYPES(TYPE_NAME));
}

static void print(const bs_bench *b, const bs_engine *e, const bs_args *args)
{
    bool golden = bs_option_value(args, "golden");
    if (bs_option_value(args, "json"))
        bs_bench_print_json(b, e, golden);
    else if (golden)
        bs_bench_print_golden(b, e);
    else
        bs_bench_print_table(b, e);
}

static bs_status run(const bs_args *args)
{
    bs_graph *g;
    bs_engine *e = NULL;
    bs_bench bench = {0};
    bs_import_options import;
    bs_engine_options o = {.mode = BS_REPLAY_DELTA, .timed = true};
    bs_bench_options b = {.trials = 64, .seed = 1};
    const char *model = NULL;
    if (bs_option_value(args, "start"))
        return run_start(args);
    BS_TRY(read_options(&o, &b, args));
    BS_TRY(choose_model(&model, args));
    BS_TRY(bs_option_import(args, &import));
    bs_status st = bs_synth_or_import(&g, model, &import);
    bs_import_options_clear(&import);
    BS_TRY(st);
    BS_TRY_GOTO(store(g, args), out);
    BS_TRY_GOTO(bs_open_cache(&o.cache, args), out);
    BS_TRY_GOTO(bs_engine_open(&e, g, NULL, &o), out);
    BS_TRY_GOTO(bs_bench_run(&bench, e, &b), out);
    print(&bench, e, args);
    if (!bench.exact)
        st = bs_fail(BS_SELFTEST, "the replay modes gave different answers for the same faults");
out:
    bs_bench_clear(&bench);
    bs_engine_close(e);
    bs_cache_close(o.cache);
    bs_graph_free(g);
    return st;
}

static const bs_option options[] = {
    {"model", "MODEL", "an ONNX file, or a network that synth generates (default vgg19)"},
    BS_MODEL_OPTIONS,
    {"storage", "TYPE",
     "store activations and weights in this type, see bitsink-job(5); scales are those of the "
     "synthetic images"},
    {"seconds", "S", "the time that the measurements may take, after loading (default 120; with --golden 5)"},
    {"trials", "N", "trials for each target, mode and worker, if there is time (default 64)"},
    {"golden", NULL, "time golden runs only"},
    {"device", "NAME", "auto, cpu, cuda, cuda:1, null; see devices (default auto)"},
    {"threads", "N", "workers (default: the cores this process may use)"},
    {"batch", "N", "trials computed side by side (default: what fits into the memory of 32 full re-runs)"},
    {"start", NULL, "measure the time until the first row of a run is stored, of several networks"},
    {"against", "PROGRAM", "with --start: another bitsink, which runs the same jobs"},
    BS_CACHE_OPTIONS,
    {"json", NULL, "all of it as one JSON object"},
    {NULL, NULL, NULL},
};

static const bs_exit exits[] = {
    {BS_STOPPED, "with --start: stopped"},
    {BS_NO_DEVICE, "there is no such device, or it was lost"},
    {BS_SELFTEST, "the four ways gave different answers for the same faults"},
    {BS_OK, NULL},
};

const bs_command bs_cmd_bench = {
    .name = "bench",
    .usage = "[MODEL...]",
    .summary = "measure a network on a device, and what the replay saves",
    .details =
        "Measures what a network costs on a device, and what the replay saves. For the output of "
        "each Conv, Gemm and MatMul node it flips random bits on two synthetic images, and computes "
        "the same trials in four ways:\n"
        "\n"
        "- `full`: the whole network.\n"
        "- `dense` (in JSON `dense_suffix`): all nodes after the fault, every trial to its end, as "
        "injectors do that start at the faulty layer.\n"
        "- `suffix`: the same, but a trial ends where it is masked (`bitsink run --replay suffix`).\n"
        "- `delta`: of those nodes only what the fault can reach, and a trial ends where it is "
        "masked (`bitsink run --replay delta`).\n"
        "\n"
        "All answers are compared. It prints multiply-accumulates for each trial as they were "
        "computed (`unmasked`: delta, of a trial that is never masked), trials per second, the "
        "ratios, how many trials were masked (by the types in which the values are stored, too: coarse ones "
        "mask more), and at which nodes.\n"
        "\n"
        "All this takes about `--seconds` at most. Full and dense run the first 32 of the trials of "
        "each target and worker: none of them is dropped, so they all take the same time. Where the "
        "network is slow it runs fewer of these, down to 4; then fewer trials, down to 8; then an "
        "even choice of the targets, and then less of everything. The table says how many there "
        "were. The ratios stay what they are, since the time of each way is scaled to the same "
        "trials and targets, but batches are smaller than in a campaign, and the fewer trials and "
        "targets, the more chance is in it.\n"
        "\n"
        "Then it prints the time of each operation of the delta replay, in a pass of its own that "
        "waits for the device around each; the fp32 rates of large layers, all workers at once, "
        "with the share of the best of them that golden runs and each way reach; the rate of copies "
        "in device memory; the rows per second that a result file in `$TMPDIR` takes; the memory as "
        "planned on the device, and the most that the process has had.\n"
        "\n"
        "`--golden` times the fault-free runs only, for `--seconds`, all workers at once, each with "
        "as many images at a time as in a campaign.\n"
        "\n"
        "`--start` measures something else: how long `bitsink run` takes until its first row is "
        "stored. For each MODEL (default: all networks that synth generates) it makes a job in "
        "`$TMPDIR`, with one trial of three kinds of faults in each Conv layer on two generated "
        "images, and runs it twice, as a process of its own: with an empty cache, and with what the "
        "first run "
        "left in it. The table has the seconds until the network was on the device, until the "
        "schedules were made and proven, until another process saw the first row in the file, and "
        "until the end. With `--against` it also runs another bitsink, such as the one before a "
        "change, and says how many times as quick the first row is here.",
    .examples = "    bitsink bench vgg19 --trials 64\n"
                "    bitsink bench model.onnx --device cpu --seconds 30 --json\n"
                "    bitsink bench model.onnx --golden\n"
                "    bitsink bench --start resnet50 model.onnx --against ./bitsink-before",
    .see_also = "bitsink-synth(1) bitsink-devices(1)",
    .min_operands = 0,
    .max_operands = 16,
    .options = options,
    .exits = exits,
    .run = run,
};
