#include "base/text.h"
#include "bn/bn.h"
#include "cli/cli.h"
#include "report/figure.h"
#include "report/figure_trend.h"

#include <stdio.h>
#include <string.h>

static bs_status find(long long *out, const bs_db *db, bs_bn_kind kind, const char *text)
{
    int64_t id = BS_FIGURE_ANY;
    if (text)
        BS_TRY(bs_bn_find(&id, db, kind, text));
    *out = id;
    return BS_OK;
}

/* Says which files figure talk has written, since no file has the name that was given. */
static bs_status print_sheets(const char *path)
{
    static const char *const sheets[] = {"accuracy", "sinks"};
    bs_str name = {0};
    bs_status st = BS_OK;
    for (int i = 0; i < 2 && st == BS_OK; i++) {
        st = bs_figure_sheet(&name, path, sheets[i]);
        if (st == BS_OK)
            printf("%s\n", bs_visible(name.ptr));
    }
    bs_str_clear(&name);
    return st;
}

/* Refuses a page that cannot be written. */
static bs_status check_output(const char *path)
{
    if (path)
        return bs_page_check_path(path);
    bs_fail(BS_USAGE, "a figure needs --output FILE");
    return bs_hint("name a file that ends in .png or .svg");
}

/* Draws a figure of several files. */
static bs_status run_trend(const bs_args *args)
{
    bs_page page = {.path = bs_option_value(args, "output")};
    bs_nights nights = {0};
    bs_status st;
    if (args->n_operands < 3) {
        bs_fail(BS_USAGE, "figure trend needs two or more result files");
        return bs_hint("bitsink plot trend MONDAY.db TUESDAY.db -o trend.svg; a file named trend is ./trend");
    }
    if (bs_option_value(args, "layer") || bs_option_value(args, "late")) {
        bs_fail(BS_USAGE, "figure trend is of the whole network: it has no --layer and no --late");
        return bs_hint("leave them out; --entry chooses a fault entry");
    }
    BS_TRY(check_output(page.path));
    BS_TRY_GOTO(bs_nights_load(&nights, args->operand + 1, (size_t)args->n_operands - 1,
                               bs_option_value(args, "entry")),
                out);
    st = bs_figure_trend(&page, &nights);
out:
    bs_nights_clear(&nights);
    return st;
}

static bs_status run(const bs_args *args)
{
    bs_page page = {.path = bs_option_value(args, "output")};
    bs_figure_options options = {0};
    bs_db *db = NULL;
    bs_status st;
    if (strcmp(args->operand[0], "trend") == 0)
        return run_trend(args);
    bs_figure draw = bs_figure_find(args->operand[1]);
    if (!draw)
        return BS_USAGE;
    if (args->n_operands > 2) {
        bs_fail(BS_USAGE, "figure %s is of one result file", args->operand[1]);
        return bs_hint("usage: bitsink plot [OPTION...] DB KIND, or bitsink plot [OPTION...] trend DB DB...");
    }
    BS_TRY(check_output(page.path));
    BS_TRY(bs_bn_open(&db, args->operand[0], draw == bs_figure_bits));
    BS_TRY_GOTO(find(&options.entry, db, BS_BN_ENTRY, bs_option_value(args, "entry")), out);
    BS_TRY_GOTO(find(&options.layer, db, BS_BN_LAYER, bs_option_value(args, "layer")), out);
    BS_TRY_GOTO(find(&options.late, db, BS_BN_LAYER, bs_option_value(args, "late")), out);
    BS_TRY_GOTO(draw(&page, db, &options), out);
    if (draw == bs_figure_talk)
        st = print_sheets(page.path);
out:
    bs_db_close(db);
    return st;
}

static const bs_option options[] = {
    {"output", "FILE", "where to: .png or .svg (also -o)"},
    {"entry", "ENTRY",
     "only this fault entry, by name, id or #ID (default: all; trust and rerun: the lowest scope)"},
    {"layer", "LAYER",
     "sinks: only this layer, likewise (default: five that show sinks); talk: the early layer (default: the "
     "first with 10 wrong answers)"},
    {"late", "LAYER",
     "talk: the late layer (default: the last with 10 wrong answers); sinks: this layer, too"},
    {NULL, NULL, NULL},
};

const bs_command bs_cmd_plot = {
    .name = "plot",
    .usage = "DB KIND | trend DB DB...",
    .summary = "draw a figure as PNG or SVG",
    .details = "KIND is one of\n"
#define X(name, help) "\n- `" #name "`: " help "."
    BS_FIGURES(X)
#undef X
        "\n\nFigure talk writes two files: with `-o talk.png` they are talk-accuracy.png and "
        "talk-sinks.png. They show one entry: the first with two layers that have at least 10 wrong answers "
        "each, or any.\n\nThe curves of figure ber are entries with `scope: inference` and a list of rates. "
        "Its "
        "--entry is any entry of a curve.\n\n"
        "`bitsink plot trend` draws several result files, such as those of every night, in order of time "
        "(the "
        "end of their last runs): SDC-1 and DUE of the whole network with layers weighted by bits, as in "
        "`bitsink bn DB network_sdc`, and accuracy without faults. Each fault entry is a line. Points are "
        "not "
        "joined where the entry has another definition, and where a mark says that model, job (seed, images, "
        "preprocessing) or device (library, version, arithmetic) changed: they cannot be compared then. Its "
        "--entry is one of the last file given. A result file named trend is ./trend. Intervals are those of "
        "each campaign alone. Campaigns of one seed and job hit the same sites in the same images, so they "
        "are "
        "paired, not independent: whether two of them differ is a question for `bitsink compare`.\n\n"
        "The colours can be told apart with any colour vision, lines also without colours.",
    .examples = "    bitsink plot r.db sinks -o sinks.png\n"
                "    bitsink plot r.db bits --entry 1 -o bits.svg\n"
                "    bitsink plot r.db talk --layer conv1_1 --late fc1 -o talk.png\n"
                "    bitsink plot trend nights/*.db -o trend.svg",
    .see_also = "bitsink-report(1) bitsink-compare(1)",
    .min_operands = 2,
    .max_operands = 4096,
    .options = options,
    .run = run,
};
