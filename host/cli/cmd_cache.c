#include "base/text.h"
#include "base/resources.h"
#include "cache/cache.h"
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Facts of one kind, and the list of all. */
enum { MOST_KINDS = 32 };
typedef struct listing {
    struct {
        char name[32];
        int64_t facts, bytes;
    } kind[MOST_KINDS]; /* in the order of names; what is beyond counts to the last one */
    int n;
    int64_t facts;
    bool json;
    bs_str *lines; /* NULL: only the kinds */
} listing;

static void put_time(bs_str *s, int64_t seconds)
{
    char text[BS_UTC_TEXT];
    bs_resources_utc(text, (time_t)seconds);
    bs_str_puts(s, *text ? text : "?");
}

static void put_line(const listing *l, const bs_fact_info *f)
{
    bs_str *s = l->lines;
    if (l->json) {
        bs_str_puts(s, l->facts > 1 ? ", {\"kind\": " : "{\"kind\": ");
        bs_str_json(s, f->kind);
        bs_str_puts(s, ", \"subject\": ");
        bs_str_json(s, f->subject);
        bs_str_printf(s, ", \"bytes\": %lld, \"made\": \"", (long long)f->bytes);
        put_time(s, f->made);
        bs_str_puts(s, "\", \"used\": \"");
        put_time(s, f->used);
        bs_str_puts(s, "\"}");
        return;
    }
    bs_str_printf(s, "%-10s  %9lld  ", bs_visible(f->kind), (long long)f->bytes);
    put_time(s, f->made);
    bs_str_puts(s, "  ");
    put_time(s, f->used);
    bs_str_printf(s, "  %s\n", bs_visible(f->subject));
}

static void see(void *context, const bs_fact_info *f)
{
    listing *l = context;
    bool same = l->n > 0 && strncmp(l->kind[l->n - 1].name, f->kind, sizeof l->kind[0].name - 1) == 0;
    if (!same && l->n < MOST_KINDS)
        snprintf(l->kind[l->n++].name, sizeof l->kind[0].name, "%s", f->kind);
    l->kind[l->n - 1].facts++;
    l->kind[l->n - 1].bytes += f->bytes;
    l->facts++;
    if (l->lines)
        put_line(l, f);
}

static void print_json(const listing *l, const char *path, long long size)
{
    bs_str t = {0};
    bs_str_puts(&t, "{\"path\": ");
    bs_str_json(&t, path);
    bs_str_printf(&t, ", \"bytes\": %lld, \"facts\": %lld, \"kinds\": [", size, (long long)l->facts);
    for (int i = 0; i < l->n; i++) {
        bs_str_puts(&t, i ? ", {\"kind\": " : "{\"kind\": ");
        bs_str_json(&t, l->kind[i].name);
        bs_str_printf(&t, ", \"facts\": %lld, \"bytes\": %lld}", (long long)l->kind[i].facts,
                      (long long)l->kind[i].bytes);
    }
    bs_str_puts(&t, "]");
    if (l->lines)
        bs_str_printf(&t, ", \"list\": [%s]", l->lines->ptr ? l->lines->ptr : "");
    bs_str_puts(&t, "}");
    puts(t.ptr ? t.ptr : "");
    bs_str_clear(&t);
}

static void print_text(const listing *l, const char *path, long long size)
{
    printf("%s: %lld fact%s, %lld bytes\n", bs_visible(path), (long long)l->facts, l->facts == 1 ? "" : "s",
           size);
    if (l->n > 0 && !l->lines)
        puts("\nkind            facts      bytes");
    for (int i = 0; i < l->n && !l->lines; i++)
        printf("%-10s  %9lld  %9lld\n", bs_visible(l->kind[i].name), (long long)l->kind[i].facts,
               (long long)l->kind[i].bytes);
    if (l->lines && l->lines->ptr)
        printf("\nkind            bytes  made                  last used             subject\n%s",
               l->lines->ptr);
}

static bs_status show(const bs_args *args, bs_cache *c, const char *path)
{
    listing l = {.json = bs_option_value(args, "json") != NULL};
    bs_str lines = {0};
    struct stat file = {0};
    if (bs_option_value(args, "list"))
        l.lines = &lines;
    bs_status st = bs_cache_each(c, see, &l);
    if (st == BS_OK)
        st = bs_str_status(&lines);
    long long size = stat(path, &file) == 0 ? (long long)file.st_size : 0;
    if (st == BS_OK && l.json)
        print_json(&l, path, size);
    else if (st == BS_OK)
        print_text(&l, path, size);
    bs_str_clear(&lines);
    return st;
}

static bs_status clear(bs_cache *c, const char *path, const char *kind)
{
    int64_t n;
    BS_TRY(bs_cache_clear(c, kind, &n));
    printf("%s: %lld fact%s%s%s removed\n", bs_visible(path), (long long)n, n == 1 ? "" : "s",
           kind ? " of kind " : "", kind ? bs_visible(kind) : "");
    return BS_OK;
}

static bs_status check_kind(const char *kind)
{
    static const char *const kinds[] = {"selection", "patch", "autotune", "proof"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kind, kinds[i]) == 0)
            return BS_OK;
    bs_fail(BS_USAGE, "there are no facts of kind '%s'", kind);
    return bs_hint("the kinds are selection, patch, autotune and proof");
}

static bs_status check_operands(const bs_args *args)
{
    if (args->n_operands == 0)
        return BS_OK;
    if (strcmp(args->operand[0], "clear") != 0) {
        bs_fail(BS_USAGE, "bitsink cache does not know '%s'", args->operand[0]);
        return bs_hint("'bitsink cache' lists the facts, 'bitsink cache clear' removes them");
    }
    if (args->n_operands > 1)
        BS_TRY(check_kind(args->operand[1]));
    if (bs_option_value(args, "list") || bs_option_value(args, "json"))
        return bs_fail(BS_USAGE, "--list and --json are for the list, not for 'bitsink cache clear'");
    return BS_OK;
}

static bs_status run(const bs_args *args)
{
    const char *dir;
    bs_cache *c = NULL;
    BS_TRY(check_operands(args));
    BS_TRY(bs_option_cache(args, &dir));
    char *path = bs_cache_path(dir);
    if (!path) {
        bs_fail(BS_ERR,
                "there is no folder for the cache: neither XDG_CACHE_HOME nor HOME is an absolute path");
        return bs_hint("name one: --cache DIR");
    }
    /* Looking does not make a cache. */
    bool there = access(path, F_OK) == 0;
    bs_status st = there ? bs_cache_open(&c, dir) : BS_OK;
    if (st == BS_OK && there && !c) {
        bs_fail(BS_ERR, "cannot use the cache '%s'", path);
        st = bs_hint("runs go on without it; remove the file, or name another folder: --cache DIR");
    }
    if (st == BS_OK)
        st = args->n_operands ? clear(c, path, args->n_operands > 1 ? args->operand[1] : NULL)
                              : show(args, c, path);
    bs_cache_close(c);
    free(path);
    return st;
}

static const bs_option options[] = {
    {"cache", "DIR", "the folder (default: $XDG_CACHE_HOME/bitsink, or ~/.cache/bitsink)"},
    {"list", NULL, "each fact: kind, bytes, when it was made and last used, what it is about"},
    {"json", NULL, "as one JSON object"},
    {NULL, NULL, NULL},
};

const bs_command bs_cmd_cache = {
    .name = "cache",
    .usage = "[clear [KIND]]",
    .summary = "list or clear what runs need not find out again",
    .details =
        "Shows the cache of facts, or removes them: `clear` all, `clear KIND` those of one kind. A fact is "
        "what a command found out at its start and what a later one need not find out again:\n"
        "\n"
        "- `selection`: the implementation of a layer whose bits do not depend on what else is computed.\n"
        "- `patch`: whether parts of a layer, computed by themselves, have the bits of the whole.\n"
        "- `autotune`: whether it is quicker to compute a part of a layer or the whole.\n"
        "- `proof`: that replays have the bits of full re-runs (the self-test).\n"
        "\n"
        "A fact is used again only by the same build of bitsink, and only where all else is the same that "
        "it depends on: layer or model, device, libraries. Facts change how soon the first row comes, not "
        "which one: with `--no-cache`, or after a clear, everything is found out again, and digests are the "
        "same.\n"
        "\n"
        "The cache is one file, `facts.db`, for all processes of a user; shards that start together share "
        "it. It takes at most 64 MiB: facts that were not used for longest go first (the last use is noted "
        "once a day). A damaged value is not used, and a damaged file is dropped, with a warning. Where no "
        "cache can be made or written, commands go on without it. They say so only if you named the "
        "folder.\n"
        "\n"
        "The default folder is `$XDG_CACHE_HOME/bitsink`, or `~/.cache/bitsink`; it may be on a network "
        "file system. Name another one with `--cache` only if you trust all who can write there.",
    .examples = "    bitsink cache --list\n"
                "    bitsink cache clear selection\n"
                "    bitsink run job.yaml --cache /scratch/facts   # of a cluster's nodes",
    .see_also = "bitsink-run(1)",
    .min_operands = 0,
    .max_operands = 2,
    .options = options,
    .run = run,
};
