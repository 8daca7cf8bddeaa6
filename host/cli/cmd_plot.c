#include "bn/bn.h"
#include "cli/cli.h"
#include "report/figure.h"

static bs_status find(long long *out, const bs_db *db, bs_bn_kind kind, const char *text)
{
    int64_t id = BS_FIGURE_ANY;
    if (text)
        BS_TRY(bs_bn_find(&id, db, kind, text));
    *out = id;
    return BS_OK;
}

static bs_status run(const bs_args *args)
{
    bs_page page = {.path = bs_option_value(args, "output")};
    bs_figure_options options = {0};
    bs_db *db = NULL;
    bs_status st;
    bs_figure draw = bs_figure_find(args->operand[1]);
    if (!draw)
        return BS_USAGE;
    if (!page.path) {
        bs_fail(BS_USAGE, "a figure needs --output FILE");
        return bs_hint("name a file that ends in .png or .svg");
    }
    BS_TRY(bs_page_check_path(page.path));
    BS_TRY(bs_bn_open(&db, args->operand[0], draw == bs_figure_bits));
    BS_TRY_GOTO(find(&options.entry, db, BS_BN_ENTRY, bs_option_value(args, "entry")), out);
    BS_TRY_GOTO(find(&options.layer, db, BS_BN_LAYER, bs_option_value(args, "layer")), out);
    st = draw(&page, db, &options);
out:
    bs_db_close(db);
    return st;
}

static const bs_option options[] = {
    {"output", "FILE", "where to: .png or .svg (also -o)"},
    {"entry", "ENTRY",
     "only this fault entry, by name, id or #ID (default: all; trust and rerun: the lowest scope)"},
    {"layer", "LAYER", "sinks: only this layer, likewise (default: five that show sinks)"},
    {NULL, NULL, NULL},
};

const bs_command bs_cmd_plot = {
    .name = "plot",
    .usage = "DB KIND",
    .summary = "draw a figure as PNG or SVG",
    .details = "KIND is one of\n"
#define X(name, help) "\n- `" #name "`: " help "."
    BS_FIGURES(X)
#undef X
        "\n\nThe colours can be told apart with any colour vision.",
    .examples = "    bitsink plot r.db sinks -o sinks.png\n"
                "    bitsink plot r.db bits --entry 1 -o bits.svg",
    .see_also = "bitsink-report(1)",
    .min_operands = 2,
    .max_operands = 2,
    .options = options,
    .run = run,
};
