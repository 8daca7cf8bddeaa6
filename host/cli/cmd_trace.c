#include "base/buf.h"
#include "base/text.h"
#include "campaign/input.h"
#include "cli/cli.h"
#include "cli/trace_dump.h"
#include "cli/trace_stored.h"
#include "model/label.h"
#include "replay/trace.h"
#include "store/status.h"
#include "store/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bs_status fail_trial(const char *text)
{
    bs_fail(BS_USAGE, "'%s' is not a trial", text);
    return bs_hint("give the id of a row of `trial`, or entry:target:image:repetition");
}

/* Reads a number in digits alone that fits into `bits` bits of an id; *text then points after it. */
static bool read_part(uint32_t *out, const char **text, int bits)
{
    uint64_t v = 0;
    const char *p = *text;
    for (; *p >= '0' && *p <= '9' && v >> bits == 0; p++)
        v = 10 * v + (uint64_t)(*p - '0');
    bool good = p != *text && v >> bits == 0;
    *text = p;
    *out = (uint32_t)v;
    return good;
}

/* Reads "entry:target:image:repetition". */
static bool read_parts(bs_trial_coords *out, const char *text)
{
    return read_part(&out->entry, &text, BS_ENTRY_BITS) && *text++ == ':' &&
           read_part(&out->target, &text, BS_TARGET_BITS) && *text++ == ':' &&
           read_part(&out->image, &text, BS_IMAGE_BITS) && *text++ == ':' &&
           read_part(&out->repetition, &text, BS_REPETITION_BITS) && !*text;
}

/* Reads those numbers, or the id that they make. */
static bs_status parse_trial(bs_trial_coords *out, const char *text)
{
    char *end;
    if (strchr(text, ':'))
        return read_parts(out, text) ? BS_OK : fail_trial(text);
    errno = 0;
    uint64_t id = strtoull(text, &end, 10);
    if (errno || end == text || *end || text[0] == '-')
        return fail_trial(text);
    *out = bs_trial_coords_from_id(id);
    return BS_OK;
}

/* Prints the sites of one target; several: the trial has others. */
static void print_target_sites(const bs_session *s, const bs_stratum *st, const bs_site *site,
                               const uint32_t *before, size_t n, bool several, bool json)
{
    for (size_t i = 0; i < n; i++) {
        bs_site x = site[i];
        bs_format format = bs_format_at(st->fault.type, st->fault.scales, x.element);
        uint32_t after = bs_site_apply(x, before[i]), any = bs_dtype_field(format.type, BS_BITS_ANY);
        int digits = (int)bs_dtype_word_of(format.type).bits / 4;
        if (json && several)
            printf("{\"layer\": %d, ", st->target);
        if (json)
            printf("%s\"site\": %zu, \"element\": %u, \"keep\": \"0x%0*x\", \"toggle\": \"0x%0*x\", "
                   "\"before\": \"0x%0*x\", \"after\": \"0x%0*x\"}\n",
                   several ? "" : "{", i, x.element, digits, x.keep & any, digits, x.toggle, digits,
                   before[i], digits, after);
        else if (i == 0 && several)
            printf("target %d (%s), %zu site(s)\n", st->target,
                   bs_visible(bs_graph_label(s->graph, st->target)), n);
        if (!json && i < 10)
            printf("  element %u: 0x%0*x (%.9g) -> 0x%0*x (%.9g), changed bits 0x%0*x\n", x.element, digits,
                   before[i], (double)bs_format_decode(format, before[i]), digits, after,
                   (double)bs_format_decode(format, after), digits, before[i] ^ after);
    }
    if (!json && n > 10)
        printf("  ... %zu more\n", n - 10);
}

static void print_sites(const bs_session *s, const bs_stratum *st, bs_trial_coords t, const bs_sites *sites,
                        const bs_trace *trace, bool json)
{
    bool several = st->n_parts > 0;
    const char *name = several ? "network" : bs_graph_label(s->graph, st->target);
    if (!json)
        printf("trial %llu: entry %u, target %u (%s), image %u (%s), repetition %u\n%zu site(s)\n",
               (unsigned long long)bs_trial_id(t), t.entry, t.target, bs_visible(name), t.image,
               bs_visible(bs_dataset_image(s->images, t.image)->path), t.repetition, sites->n);
    for (int k = 0; k < bs_stratum_targets(st); k++)
        print_target_sites(s, bs_stratum_at(st, k), sites->site + sites->bound[k],
                           trace->before + sites->bound[k], sites->bound[k + 1] - sites->bound[k], several,
                           json);
}

static const char *box_text(const bs_box *b, char *buf, size_t len)
{
    long long at[6];
    for (int a = 0; a < 3; a++) {
        at[2 * a] = b->begin[a];
        at[2 * a + 1] = b->end[a] - 1;
    }
    buf[0] = '\0';
    if (!bs_box_is_empty(b))
        snprintf(buf, len, "%lld..%lld x %lld..%lld x %lld..%lld", at[0], at[1], at[2], at[3], at[4], at[5]);
    return buf;
}

static void json_step(const bs_trace_step *s, const bs_tensor *x, const char *op)
{
    char box[96], expected[96];
    bs_str line = {0};
    bs_str_puts(&line, "{\"tensor\": ");
    bs_str_json(&line, x->name);
    bs_str_printf(
        &line,
        ", \"op\": \"%s\", \"changed\": %lld, \"elements\": %lld, \"box\": \"%s\", \"expected\": \"%s\", "
        "\"largest\": ",
        op, (long long)s->changed, (long long)x->elements, box_text(&s->box, box, sizeof box),
        box_text(&s->expected, expected, sizeof expected));
    bs_str_json_number(&line, (double)s->largest);
    bs_str_printf(&line, ", \"nan\": %lld, \"inf\": %lld}", (long long)s->nan, (long long)s->inf);
    puts(line.ptr ? line.ptr : "");
    bs_str_clear(&line);
}

static void print_steps(const bs_graph *g, const bs_trace *trace, bool json)
{
    char box[96], expected[96], note[256];
    bs_common_path path = {0};
    int operators = bs_graph_operator_width(g);
    if (bs_graph_common_path(&path, g) != BS_OK)
        bs_error_clear(); /* whole names do, too */
    int width = 32;
    for (int i = 0; i < trace->n_steps; i++) {
        const char *label = bs_graph_label(g, g->tensors[trace->steps[i].tensor].target);
        int w = (int)strlen(bs_visible(bs_common_path_cut(&path, label)));
        width = w > width ? w : width;
    }
    if (!json)
        printf("%-*s  %-*s %12s %12s %9s  %-28s %-28s %s\n", width, "tensor", operators, "operator",
               "changed", "of", "share", "channels x rows x columns", "box of the delta replay",
               "largest change");
    for (int i = 0; i < trace->n_steps; i++) {
        const bs_trace_step *s = &trace->steps[i];
        const bs_tensor *x = &g->tensors[s->tensor];
        const char *op = s->node < 0 ? "-" : bs_op_name(g->nodes[s->node].op);
        if (json) {
            json_step(s, x, op);
            continue;
        }
        printf("%-*s  %-*s %12lld %12lld %8.3f%%  %-28s %-28s %.4g%s%s\n", width,
               bs_visible(bs_common_path_cut(&path, bs_graph_label(g, x->target))), operators, op,
               (long long)s->changed, (long long)x->elements,
               100.0 * (double)s->changed / (double)x->elements, box_text(&s->box, box, sizeof box),
               box_text(&s->expected, expected, sizeof expected), (double)s->largest, s->nan ? "  NaN" : "",
               s->inf ? "  Inf" : "");
        if (s->changed == 0 && i + 1 == trace->n_steps)
            puts("the fault is masked: the output equals the golden run's bit for bit");
    }
    if (!json && *bs_common_path_note(&path, note, sizeof note))
        puts(note);
    bs_common_path_clear(&path);
}

static void print_answer(const char *what, const bs_answer *a, const bs_session *s, bool json)
{
    const char *name = bs_session_class_name(s, a->top[0]);
    if (json) {
        bs_str line = {0};
        bs_str_printf(&line, "{\"run\": \"%s\", \"top1\": %d, \"score\": ", what, a->top[0]);
        bs_str_json_number(&line, (double)a->score[0]);
        bs_str_puts(&line, ", \"p_golden\": ");
        bs_str_json_number(&line, (double)a->p_golden);
        bs_str_printf(&line, ", \"flags\": %u, \"name\": ", a->flags);
        bs_str_json(&line, name);
        printf("%s}\n", line.ptr ? line.ptr : "");
        bs_str_clear(&line);
        return;
    }
    printf("%-7s class %d%s%s, score %.6g, probability of the golden class %.4f%s%s\n", what, a->top[0],
           *name ? " " : "", bs_visible(name), (double)a->score[0], (double)a->p_golden,
           a->flags & BS_ANSWER_NAN ? ", NaN in the output" : "",
           a->flags & BS_ANSWER_INF ? ", Inf in the output" : "");
}

/* Runs the trial; gives the boxes that the delta replay expects where it has sites in one target. */
static bs_status run_trial(bs_trace *out, const bs_engine *e, bs_golden *golden, const bs_stratum *stratum,
                           const bs_sites *sites, bs_trace_dump *dump)
{
    bs_trace_watch watch = bs_trace_dump_watch(dump);
    bs_schedules schedules = {0};
    int *targets, n = bs_stratum_targets(stratum), k = 0;
    int32_t at[2];
    bs_status st;
    BS_TRY(bs_calloc(&targets, (size_t)n, sizeof *targets, "targets"));
    for (int i = 0; i < n; i++)
        targets[i] = bs_stratum_at(stratum, i)->target;
    if (n == 1)
        BS_TRY_GOTO(bs_schedules_create(&schedules, e->graph, e->backend, bs_engine_network(e), targets[0],
                                        BS_REPLAY_DELTA, sites->n <= 1, NULL),
                    out);
    while (k < schedules.n - 1 && !bs_schedule_serves(schedules.schedule[k], sites->site, sites->n, at))
        k++;
    st = bs_trace_run(out, golden, targets, n, schedules.schedule[k], sites->site, sites->bound, &watch);
out:
    bs_schedules_clear(&schedules);
    free(targets);
    return st;
}

static bs_status trace(const bs_session *s, const bs_engine *e, const bs_stratum *stratum, bs_trial_coords t,
                       bs_trace_dump *dump, bool json)
{
    bs_worker w = {0};
    bs_sites sites = {0};
    bs_trace result = {0};
    bool broken;
    bs_status st;
    BS_TRY_GOTO(bs_worker_open(&w, e, 0), out);
    BS_TRY_GOTO(bs_input_load(&w, 0, &s->input, t.image, &broken), out);
    BS_TRY_GOTO(bs_golden_run(w.golden, 1), out);
    BS_TRY_GOTO(bs_plan_sites(s->plan, stratum, t, &sites), out);
    BS_TRY_GOTO(bs_trace_dump_start(dump, stratum, &sites), out);
    BS_TRY_GOTO(run_trial(&result, e, w.golden, stratum, &sites, dump), out);
    print_sites(s, stratum, t, &sites, &result, json);
    print_steps(s->graph, &result, json);
    print_answer("golden", &result.golden, s, json);
    print_answer("faulty", &result.faulty, s, json);
    st = bs_trace_dump_print(dump, json);
out:
    bs_trace_clear(&result);
    bs_sites_clear(&sites);
    bs_worker_close(&w);
    return st;
}

static bs_status refuse_without_job(const bs_args *args)
{
    static const char *const some[] = {"dump", "tensor", "device", "cache", "no-cache"};
    for (size_t i = 0; i < sizeof some / sizeof *some; i++)
        if (bs_option_value(args, some[i])) {
            bs_fail(BS_USAGE, "--%s means nothing without --job: the trial is not computed then", some[i]);
            return bs_hint("add --job FILE, the job of the campaign");
        }
    return BS_OK;
}

static bs_status run(const bs_args *args)
{
    bs_session s = {0};
    bs_engine *e = NULL;
    bs_trace_dump dump = {0};
    bs_trial_coords t;
    BS_TRY(parse_trial(&t, args->operand[1]));
    const char *job = bs_option_value(args, "job");
    bool json = bs_option_value(args, "json") != NULL;
    if (!job) {
        BS_TRY(refuse_without_job(args));
        return bs_trace_stored(args->operand[0], t, json);
    }
    BS_TRY(bs_store_check_draws(args->operand[0], (int)t.entry));
    BS_TRY(bs_session_open(&s, job));
    bs_engine_options o = {.device = bs_option_value(args, "device"), .threads = 1};
    bs_session_ask_device(&s, &o);
    const bs_stratum *stratum = bs_plan_stratum(s.plan, t);
    bs_status st;
    BS_TRY_GOTO(bs_store_check_job(args->operand[0], s.plan, s.images), out);
    /* Any repetition of a sampled entry can be made, however many the job asks for. */
    bool listed = stratum && s.plan->job->entries[stratum->entry].sites;
    if (!stratum || t.image >= s.plan->n_images ||
        (listed && t.repetition >= bs_plan_repetitions(s.plan, stratum, t.image))) {
        st = bs_fail(BS_ERR, "the campaign has no trial %u:%u:%u:%u (entry:target:image:repetition)", t.entry,
                     t.target, t.image, t.repetition);
        bs_hint("take an id from: sqlite3 %s 'SELECT id FROM trial LIMIT 5'",
                bs_shell_word(args->operand[0]));
        goto out;
    }
    BS_TRY_GOTO(bs_trace_dump_open(&dump, args, &s), out);
    BS_TRY_GOTO(bs_open_cache(&o.cache, args), out);
    BS_TRY_GOTO(bs_engine_open(&e, s.graph, NULL, &o), out);
    st = trace(&s, e, stratum, t, &dump, json);
out:
    st = bs_trace_dump_close(&dump, st);
    bs_engine_close(e);
    bs_cache_close(o.cache);
    bs_session_close(&s);
    return st;
}

static const bs_option options[] = {
    {"device", "NAME", "auto, cpu, cuda, cuda:1, null; see devices (default auto)"},
    BS_CACHE_OPTIONS,
    {"dump", "DIR", "write tensors without and with the fault as .npy files into a new folder"},
    {"job", "FILE", "the job of the campaign: compute the trial again with its model and images"},
    {"json", NULL, "one JSON object per site, tensor and run"},
    {"tensor", "NAME...", "with --dump: tensor to write, may be repeated (default: what the fault changes)"},
    {NULL, NULL, NULL},
};

static const bs_exit exits[] = {
    {BS_NO_DEVICE, "there is no such device, or it was lost"},
    {BS_OK, NULL},
};

const bs_command bs_cmd_trace = {
    .name = "trace",
    .usage = "DB TRIAL",
    .summary = "show one trial, or regenerate it and show how far its change travels",
    .details =
        "Shows what the result file says of one trial; with `--job`, makes it again, alone, and shows how "
        "far "
        "its change travels. Without `--job` nothing is opened but DB, so a file from somebody else can be "
        "looked "
        "at; a message names the job that the file was made from. The job must describe the campaign of DB. "
        "TRIAL is the id of a "
        "row of the table `trial`, or `entry:target:image:repetition`, with the target's id as "
        "`bitsink inspect` lists it (the id of the layer in the result file), 4095 for trials that hit "
        "several targets in one inference. With `--job`, repetitions that were never run can be traced, "
        "too.\n"
        "\n"
        "With `--job` it prints the sites of the fault, by target where it hit several, with their bits "
        "before and "
        "after: before is what the faulty run had there. For every tensor after "
        "the fault it prints how many elements changed, the box that holds them, and the box that "
        "the delta replay computes, as far as the sites in one target alone tell (the replay may measure and "
        "narrow it on the way). Finally it prints the answers of the network, without and with the "
        "fault; where the faulty output has NaN, also its raw ranking, in which NaN comes first as "
        "argmax of NumPy and PyTorch has it.\n"
        "\n"
        "`--dump` writes the values, bit by bit, for numpy.load(): `golden/NAME.npy` and "
        "`faulty/NAME.npy` for each tensor, of one sample, in the order and shape of the model file "
        "(without the axis of the images; constants that are broadcast lose their leading axes of "
        "length 1), as little-endian float32. NAME is the tensor's, with all "
        "but letters, digits, `_`, `-` and `.` written %XX as in web addresses. `index.csv` lists the "
        "files: file, tensor, node, op, kind, shape, type, and the number of changed elements. The "
        "folder appears when all is written, or not at all. Without `--tensor` it holds the tensors "
        "that the fault hits, parameters too, and those that it changes. `--tensor` takes the name of "
        "a tensor or node, a shell pattern, #ID, or all.",
    .examples =
        "    bitsink trace r.db 1:17:8:1\n"
        "    bitsink trace r.db 1:17:8:1 --job job.yaml\n"
        "    bitsink trace r.db 1:17:8:1 --job job.yaml --dump values\n"
        "    bitsink trace r.db 1:17:8:1 --job job.yaml --dump values --tensor 'conv1*' --tensor logits",
    .see_also = "bitsink-run(1)",
    .min_operands = 2,
    .max_operands = 2,
    .options = options,
    .exits = exits,
    .run = run,
};
