#include "cli/trace_stored.h"

#include "base/log.h"
#include "base/text.h"
#include "dtype.h"
#include "store/db.h"
#include "store/status.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { SHOWN = 10 };

typedef struct stored {
    bs_trial_coords t;
    bool json, found;
    int sites; /* printed */
} stored;

static const char *text(sqlite3_stmt *q, int column)
{
    const char *t = (const char *)sqlite3_column_text(q, column);
    return t ? t : "";
}

static const char sql_head[] =
    "SELECT l.label, i.path, t.n_sites FROM trial t LEFT JOIN layer l ON l.id = t.layer LEFT JOIN image i ON "
    "i.id = t.image WHERE t.id = ?1";

static bs_status print_head(void *context, sqlite3_stmt *q)
{
    stored *s = context;
    s->found = true;
    if (!s->json)
        printf("trial %" PRIu64 ": entry %u, target %u (%s), image %u (%s), repetition %u\n%lld site(s)\n",
               bs_trial_id(s->t), s->t.entry, s->t.target,
               s->t.target == BS_NETWORK_TARGET ? "network" : bs_visible(text(q, 0)), s->t.image,
               bs_visible(text(q, 1)), s->t.repetition, (long long)sqlite3_column_int64(q, 2));
    return BS_OK;
}

/* The scale of an element of layer l; NULL: its type has none. */
#define SQL_SCALE                                                                                            \
    "(SELECT c.scale FROM layer_scale c WHERE c.layer = l.id AND c.channel = element / l.scale_run % "       \
    "(SELECT count(*) FROM layer_scale n WHERE n.layer = l.id))"

/* The first site of a trial of one target, or the stored ones of several. */
static const char sql_sites[] =
    "SELECT layer, element, iif(bit IS NULL, keep, 0xffffffff), iif(bit IS NULL, "
    "toggle, 1 << bit), before, l.type, " SQL_SCALE " FROM "
    "trial JOIN layer l ON l.id = layer WHERE trial.id = ?1 AND element IS NOT "
    "NULL UNION ALL SELECT * FROM (SELECT layer, element, keep, toggle, before, "
    "l.type, " SQL_SCALE " FROM trial_site JOIN layer l ON l.id = layer WHERE trial = ?1 "
    "ORDER BY layer, element)";

static bs_status print_site(void *context, sqlite3_stmt *q)
{
    stored *s = context;
    uint32_t keep = (uint32_t)sqlite3_column_int64(q, 2), toggle = (uint32_t)sqlite3_column_int64(q, 3);
    uint32_t before = (uint32_t)sqlite3_column_int64(q, 4), after = (before & keep) ^ toggle;
    long long layer = sqlite3_column_int64(q, 0), element = sqlite3_column_int64(q, 1);
    bs_format format = {bs_dtype_find(text(q, 5)), (float)sqlite3_column_double(q, 6)};
    uint32_t any = bs_dtype_field(format.type, BS_BITS_ANY);
    int digits = (int)bs_dtype_word_of(format.type).bits / 4;
    int i = s->sites++;
    if (s->json)
        printf("{\"layer\": %lld, \"site\": %d, \"element\": %lld, \"keep\": \"0x%0*x\", \"toggle\": "
               "\"0x%0*x\", "
               "\"before\": \"0x%0*x\", \"after\": \"0x%0*x\"}\n",
               layer, i, element, digits, keep & any, digits, toggle, digits, before, digits, after);
    else if (i < SHOWN)
        printf("  target %lld, element %lld: 0x%0*x (%.9g) -> 0x%0*x (%.9g), changed bits 0x%0*x\n", layer,
               element, digits, before, (double)bs_format_decode(format, before), digits, after,
               (double)bs_format_decode(format, after), digits, before ^ after);
    else if (i == SHOWN)
        puts("  ...");
    return BS_OK;
}

static const char sql_answers[] =
    "SELECT 'golden', g.top1, g.score1, g.p_top1, g.flags, c.name, NULL, NULL FROM golden g LEFT JOIN class "
    "c ON "
    "c.id = g.top1 WHERE g.image = ?2 UNION ALL "
    "SELECT 'faulty', t.top1, t.score1, t.p_golden, t.flags, c.name, t.died_at, l.label FROM trial t LEFT "
    "JOIN "
    "class c ON c.id = t.top1 LEFT JOIN layer l ON l.id = t.died_at WHERE t.id = ?1";

static bs_status print_answer(void *context, sqlite3_stmt *q)
{
    const stored *s = context;
    bs_str line = {0};
    bool masked = sqlite3_column_type(q, 6) != SQLITE_NULL;
    sqlite3_int64 flags = sqlite3_column_int64(q, 4);
    if (s->json && masked) {
        bs_str_printf(&line, "{\"run\": \"%s\", \"masked_at\": %lld}", text(q, 0),
                      (long long)sqlite3_column_int64(q, 6));
    } else if (s->json) {
        bs_str_printf(&line, "{\"run\": \"%s\", \"top1\": %d, \"score\": ", text(q, 0),
                      sqlite3_column_int(q, 1));
        bs_str_json_number(&line, sqlite3_column_double(q, 2));
        bs_str_puts(&line, ", \"p_golden\": ");
        bs_str_json_number(&line, sqlite3_column_double(q, 3));
        bs_str_printf(&line, ", \"flags\": %lld, \"name\": ", (long long)flags);
        bs_str_json(&line, text(q, 5));
        bs_str_puts(&line, "}");
    } else if (masked) {
        bs_str_printf(&line, "%-7s masked at target %lld (%s): the answer is the golden one", text(q, 0),
                      (long long)sqlite3_column_int64(q, 6), bs_visible(text(q, 7)));
    } else {
        bs_str_printf(&line, "%-7s class %d%s%s, score %.6g, probability of the golden class %.4f%s%s",
                      text(q, 0), sqlite3_column_int(q, 1), *text(q, 5) ? " " : "", bs_visible(text(q, 5)),
                      sqlite3_column_double(q, 2), sqlite3_column_double(q, 3),
                      flags & BS_ANSWER_NAN ? ", NaN in the output" : "",
                      flags & BS_ANSWER_INF ? ", Inf in the output" : "");
    }
    bs_status st = bs_str_status(&line);
    if (st == BS_OK)
        puts(line.ptr);
    bs_str_clear(&line);
    return st;
}

static bs_status tell_command(const char *db_path, bs_trial_coords t, bool found)
{
    char *path = NULL, *job = NULL;
    bs_status st = bs_store_job(db_path, &path, &job);
    bs_str command = {0};
    bs_str_puts(&command, "bitsink trace ");
    bs_str_shell(&command, db_path);
    bs_str_printf(&command, " %" PRIu64 " --job ", bs_trial_id(t));
    bs_str_shell(&command, path ? path : "JOB");
    if (st == BS_OK)
        st = bs_str_status(&command);
    if (st == BS_OK && found)
        bs_info("this is what the file says; to compute it again: %s", command.ptr);
    if (st == BS_OK && !found) {
        bs_fail(BS_ERR, "result file '%s' has no trial %u:%u:%u:%u (entry:target:image:repetition)", db_path,
                t.entry, t.target, t.image, t.repetition);
        st = bs_hint("to compute a trial that was not run: %s", command.ptr);
    }
    bs_str_clear(&command);
    free(path);
    free(job);
    return st;
}

bs_status bs_trace_stored(const char *db_path, bs_trial_coords t, bool json)
{
    stored s = {.t = t, .json = json};
    const bs_bind bind[] = {BS_BIND_INT(bs_trial_id(t)), BS_BIND_INT(t.image)};
    bs_db *db = NULL;
    bs_status st;
    BS_TRY(bs_db_open(&db, db_path));
    BS_TRY_GOTO(bs_db_each(db, sql_head, bind, 1, print_head, &s), out);
    if (s.found) {
        BS_TRY_GOTO(bs_db_each(db, sql_sites, bind, 1, print_site, &s), out);
        BS_TRY_GOTO(bs_db_each(db, sql_answers, bind, 2, print_answer, &s), out);
    }
out:
    bs_db_close(db);
    if (st == BS_OK && !(s.found && json))
        st = tell_command(db_path, t, s.found);
    return st;
}
