#include "cli/cli.h"
#include "import/synth.h"

static bs_status run(const bs_args *args)
{
    int seed = 1;
    BS_TRY(bs_option_int(args, "seed", 0, 0x7fffffff, &seed));
    return bs_synth_write(args->operand[0], (uint64_t)seed, args->operand[1]);
}

static const bs_option options[] = {
    {"seed", "N", "of the random weights (default 1)"},
    {NULL, NULL, NULL},
};

#define X(name) " " BS_SYNTH_NAME(name) ","
#define NAMES   BS_SYNTHS(X)

const bs_command bs_cmd_synth = {
    .name = "synth",
    .usage = "NAME OUT.onnx",
    .summary = "write a generated network as an ONNX file",
    .details = "Writes a network of well-known structure with random weights, which have the scale of "
               "trained ones. It serves to measure cost and exactness; its answers mean nothing. NAME "
               "is one of" NAMES
               " all with input (N, 3, 224, 224) and 1000 classes. The same seed gives the same bits on "
               "every machine. `bitsink bench` and `bitsink inspect` take these names, too.",
    .examples = "    bitsink synth resnet50 resnet50.onnx",
    .see_also = "bitsink-bench(1) bitsink-inspect(1)",
    .min_operands = 2,
    .max_operands = 2,
    .options = options,
    .run = run,
};
