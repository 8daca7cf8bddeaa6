#include "cli/cli.h"

#include "backend/backend.h"
#include "base/text.h"

#include <stdio.h>

static void print_device(const bs_backend *b, int ordinal, const bs_device_info *info, bool json)
{
    bs_str s = {0};
    if (!json) {
        printf("%s:%d  %s (%s), %s", b->name, ordinal, bs_visible(info->name), info->isa, info->library);
        if (info->memory)
            printf(", %zu MiB free", info->memory >> 20);
        putchar('\n');
        return;
    }
    bs_str_printf(&s, "{\"device\": \"%s:%d\", \"name\": ", b->name, ordinal);
    bs_str_json(&s, info->name);
    bs_str_puts(&s, ", \"isa\": ");
    bs_str_json(&s, info->isa);
    bs_str_puts(&s, ", \"library\": ");
    bs_str_json(&s, info->library);
    if (info->memory)
        bs_str_printf(&s, ", \"free_bytes\": %zu", info->memory);
    bs_str_puts(&s, "}");
    puts(s.ptr ? s.ptr : "");
    bs_str_clear(&s);
}

static void print_absent(const char *device, const char *why, bool json)
{
    bs_str s = {0};
    if (json) {
        bs_str_printf(&s, "{\"device\": \"%s\", \"absent\": ", device);
        bs_str_json(&s, why);
        bs_str_puts(&s, "}");
        puts(s.ptr ? s.ptr : "");
    } else {
        printf("%s    none: %s\n", device, why);
    }
    bs_str_clear(&s);
}

static void list_backend(const bs_backend *b, bool json)
{
    char why[256] = "", spec[32];
    int n = b->device_count(why, sizeof why);
    if (n <= 0)
        print_absent(b->name, why, json);
    for (int i = 0; i < n; i++) {
        bs_device *d;
        bs_device_info info;
        if (b->open(&d, i, NULL) == BS_OK) {
            b->describe(d, &info);
            b->close(d);
            print_device(b, i, &info, json);
        } else {
            snprintf(spec, sizeof spec, "%s:%d", b->name, i);
            print_absent(spec, bs_error_message(), json);
        }
    }
}

static bs_status run(const bs_args *args)
{
    for (int i = 0; bs_backend_at(i); i++)
        if (bs_backend_at(i)->needs_pixels)
            list_backend(bs_backend_at(i), bs_option_value(args, "json") != NULL);
    bs_error_clear();
    return BS_OK;
}

static const bs_option options[] = {
    {"json", NULL, "one JSON object per line"},
    {NULL, NULL, NULL},
};

const bs_command bs_cmd_devices = {
    .name = "devices",
    .usage = "",
    .summary = "list what campaigns can run on here",
    .details =
        "Lists the devices of this machine. The first one is what `--device auto` takes. Where a "
        "kind of device is absent, the line says why. `cuda:0` is the first GPU, `cuda:1` the "
        "second. `bitsink run` uses several: `cuda:all`, `cuda:0-3`, or `cuda:0,2` in any order; other "
        "commands take one.\n"
        "\n"
        "Options of a CUDA device follow its name after commas, as in `cuda:1,tf32` or `cuda:0,2,tf32`: "
        "`tf32` takes TF32 products, `native` those of 16-bit values (as `math:` in the job does), `cudnn` "
        "convolutions by cuDNN even where they fail the batch-invariance test, `gemm` convolutions as matrix "
        "products by cuBLASLt, "
        "`direct` bitsink's own kernels without a library, with a plain one for convolutions, which "
        "is slow and meant for comparisons. Without one of the last three, bitsink selects for each layer an "
        "engine whose bits do not depend on the batch.",
    .examples = "    bitsink devices\n"
                "    bitsink run job.yaml --device cuda:1,tf32",
    .see_also = "bitsink-run(1) bitsink-bench(1)",
    .min_operands = 0,
    .max_operands = 0,
    .options = options,
    .run = run,
};
