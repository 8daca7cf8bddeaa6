#include "base/sha256.h"
#include "base/text.h"
#include "cli/cli.h"
#include "report/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What has been compared so far. */
typedef struct verification {
    const bs_manifest *manifest;
    int counts[BS_NOT_CHECKED + 1];
} verification;

static void say(verification *v, const char *what, bs_verdict verdict, const char *why)
{
    static const char *const names[] = {
        [BS_SAME] = "same", [BS_NOT_SAME] = "DIFFERS", [BS_NOT_CHECKED] = "not checked"};
    v->counts[verdict]++;
    printf("%-8s  %-11s  %s\n", what, names[verdict], bs_visible(why));
}

static bs_status verify_page(verification *v)
{
    bs_str why = {0};
    bs_verdict verdict;
    bs_status st = bs_verify_report(&verdict, &why, v->manifest);
    if (st == BS_OK)
        say(v, "report", verdict, why.ptr);
    bs_str_clear(&why);
    return st;
}

/* Opens the result file that the command or the manifest names; *db is NULL if it cannot be, which is said.
 */
static bs_status open_results(bs_db **db, verification *v, const char *manifest, const char *path)
{
    char *said = NULL, *beside = NULL;
    bs_status st = BS_OK;
    *db = NULL;
    if (!path) {
        BS_TRY_GOTO(bs_manifest_fact(&said, v->manifest, "$.results.file"), out);
        BS_TRY_GOTO(bs_path_beside(&beside, manifest, said), out);
        path = beside;
    }
    if (bs_db_open(db, path) != BS_OK) {
        say(v, "results", BS_NOT_CHECKED, bs_error_message());
        bs_error_clear();
    } else {
        st = bs_db_exec(*db, "read", "BEGIN");
    }
out:
    free(said);
    free(beside);
    return st;
}

/* Appends facts of the manifest in words. */
static bs_status add_fact(bs_str *out, const bs_manifest *m, const char *words, const char *path)
{
    char *fact;
    BS_TRY(bs_manifest_fact(&fact, m, path));
    bs_str_printf(out, "%s%s", words, fact);
    free(fact);
    return bs_str_status(out);
}

static bs_status verify_results(verification *v, const bs_db *db)
{
    bs_str why[BS_VERIFIED_COUNT] = {{0}};
    bs_verdict verdict[BS_VERIFIED_COUNT];
    bs_status st;
    BS_TRY_GOTO(bs_verify_results(verdict, why, v->manifest, db), out);
    if (verdict[BS_RESULTS] == BS_SAME) {
        BS_TRY_GOTO(add_fact(&why[BS_RESULTS], v->manifest, "digest ", "$.results.digest"), out);
        BS_TRY_GOTO(add_fact(&why[BS_RESULTS], v->manifest, ", trials ", "$.results.trials"), out);
    }
    if (verdict[BS_RUNS] == BS_SAME) {
        BS_TRY_GOTO(add_fact(&why[BS_RUNS], v->manifest, "audited trials ", "$.results.audited"), out);
        BS_TRY_GOTO(add_fact(&why[BS_RUNS], v->manifest, ", equal ", "$.results.audit_equal"), out);
    }
    BS_TRY_GOTO(bs_str_status(&why[BS_RESULTS]), out);
    BS_TRY_GOTO(bs_str_status(&why[BS_RUNS]), out);
    say(v, "results", verdict[BS_RESULTS], why[BS_RESULTS].ptr);
    say(v, "runs", verdict[BS_RUNS], why[BS_RUNS].ptr);
out:
    for (int i = 0; i < BS_VERIFIED_COUNT; i++)
        bs_str_clear(&why[i]);
    return st;
}

/* Compares a hash with a text of the manifest. */
static bs_status compare_hash(verification *v, const char *what, const char *path, const char *hash)
{
    char *said = NULL, line[128];
    BS_TRY(bs_manifest_fact(&said, v->manifest, path));
    snprintf(line, sizeof line, "sha256 %s", hash);
    say(v, what, strcmp(said, hash) == 0 ? BS_SAME : BS_NOT_SAME, line);
    free(said);
    return BS_OK;
}

/* The images of the job, and those of the golden runs. */
typedef struct images {
    const bs_dataset *set;
    uint64_t n, broken, changed;
    char first[256]; /* of those that are not the same */
} images;

static bs_status compare_image(void *context, sqlite3_stmt *q)
{
    images *x = context;
    char hash[BS_SHA256_TEXT] = "";
    size_t i = (size_t)sqlite3_column_int64(q, 0);
    const char *said = (const char *)sqlite3_column_text(q, 1);
    bool read = said && strlen(said) == BS_SHA256_TEXT - 1
                    ? bs_dataset_hash(x->set, i, hash) == BS_OK
                    : (bs_fail(BS_ERR, "the null device did not read it"), false);
    x->n++;
    if (read && strcmp(hash, said) == 0)
        return BS_OK;
    x->broken += !read;
    x->changed += read;
    if (x->broken + x->changed == 1)
        snprintf(x->first, sizeof x->first, "image %zu: %s", i,
                 read ? "the file has changed" : bs_error_message());
    bs_error_clear();
    return BS_OK;
}

static bs_status verify_images(verification *v, const bs_session *s, const bs_db *db)
{
    images x = {.set = s->images};
    char line[512];
    BS_TRY(bs_db_each(db, "SELECT image, sha256 FROM golden ORDER BY image", BS_NO_BIND, compare_image, &x));
    if (x.broken + x.changed == 0)
        snprintf(line, sizeof line, "%llu files", (unsigned long long)x.n);
    else
        snprintf(line, sizeof line, "%llu of %llu changed, %llu cannot be read; %s",
                 (unsigned long long)x.changed, (unsigned long long)x.n, (unsigned long long)x.broken,
                 x.first);
    say(v, "images", x.changed ? BS_NOT_SAME : x.broken ? BS_NOT_CHECKED : BS_SAME, line);
    return BS_OK;
}

static bs_status verify_inputs(verification *v, const char *job, const bs_db *db)
{
    bs_session s;
    char hash[BS_SHA256_TEXT];
    BS_TRY(bs_sha256_file(job, hash));
    BS_TRY(compare_hash(v, "job", "$.job.sha256", hash));
    if (bs_session_open(&s, job) != BS_OK) {
        say(v, "model", BS_NOT_CHECKED, bs_error_message());
        say(v, "images", BS_NOT_CHECKED, "the job cannot be followed");
        bs_error_clear();
        return BS_OK;
    }
    bs_status st = compare_hash(v, "model", "$.model.sha256", s.graph->sha256);
    if (st == BS_OK && db)
        st = verify_images(v, &s, db);
    else if (st == BS_OK)
        say(v, "images", BS_NOT_CHECKED, "the result file lists them");
    bs_session_close(&s);
    return st;
}

/* Says what of the manifest needs the job, whose files are opened for nobody who did not name it. */
static bs_status leave_inputs(verification *v)
{
    static const char *const what[] = {"job", "model", "images"};
    char *path = NULL, line[4400];
    BS_TRY(bs_manifest_fact(&path, v->manifest, "$.job.file"));
    snprintf(line, sizeof line, "--job %s", *path ? bs_shell_word(path) : "JOB");
    for (size_t i = 0; i < sizeof what / sizeof *what; i++)
        say(v, what[i], BS_NOT_CHECKED, line);
    free(path);
    return BS_OK;
}

/* Only informs: another program may verify what this one wrote. */
static bs_status tell_program(const verification *v)
{
    char *said = NULL, *version = NULL, hash[BS_SHA256_TEXT];
    bs_status st;
    BS_TRY_GOTO(bs_manifest_fact(&said, v->manifest, "$.program.sha256"), out);
    BS_TRY_GOTO(bs_manifest_fact(&version, v->manifest, "$.program.version"), out);
    BS_TRY_GOTO(bs_sha256_file("/proc/self/exe", hash), out);
    printf("%-8s  %-11s  version %s wrote the manifest, %s reads it\n", "program",
           strcmp(said, hash) == 0 ? "same" : "another", bs_visible(version), BITSINK_VERSION);
out:
    free(said);
    free(version);
    return st;
}

static bs_status verify(verification *v, const bs_args *args)
{
    const char *job = bs_option_value(args, "job");
    bs_db *db = NULL;
    bs_status st;
    BS_TRY_GOTO(verify_page(v), out);
    BS_TRY_GOTO(open_results(&db, v, args->operand[0], bs_option_value(args, "db")), out);
    if (db)
        BS_TRY_GOTO(verify_results(v, db), out);
    BS_TRY_GOTO(job ? verify_inputs(v, job, db) : leave_inputs(v), out);
    st = tell_program(v);
out:
    bs_db_close(db);
    return st;
}

static bs_status run(const bs_args *args)
{
    bs_manifest *m;
    BS_TRY(bs_manifest_read(&m, args->operand[0]));
    verification v = {.manifest = m};
    bs_status st = verify(&v, args);
    bs_manifest_free(m);
    BS_TRY(st);
    if (v.counts[BS_NOT_SAME])
        return bs_fail(BS_DIFFERS, "%d of the things that the manifest names differ", v.counts[BS_NOT_SAME]);
    if (v.counts[BS_NOT_CHECKED]) {
        bs_fail(BS_OPEN, "nothing differs, but not everything was checked");
        return bs_hint("the lines above say what is missing");
    }
    return BS_OK;
}

static const bs_option options[] = {
    {"db", "FILE", "the result file (default: where the manifest says, seen from its own folder)"},
    {"job", "JOB", "the job file: it, the model and all images are compared, too"},
    {NULL, NULL, NULL},
};

static const bs_exit exits[] = {
    {BS_DIFFERS, "something differs from what the manifest names"},
    {BS_OPEN, "nothing differs, but something could not be compared"},
    {BS_OK, NULL},
};

const bs_command bs_cmd_verify = {
    .name = "verify",
    .usage = "MANIFEST",
    .summary = "show whether a report's files are still those of its manifest",
    .details =
        "`bitsink report` writes `manifest.json` beside its page: the evidence that the page stands on. It "
        "names by SHA-256 the page, the job file, the model with all of its weights, the images, and all "
        "rows "
        "of results; and it lists seed, preprocessing, numbers of trials and of audited trials that were "
        "equal, and for each run the machine, the device, the libraries, the version, the mode of replay and "
        "the outcome of the self-test. Keep it with the safety case, and sign it by whatever you sign files "
        "with.\n"
        "\n"
        "This command reads a manifest and compares all of that with the files as they are now. Without "
        "`--job` it opens the page beside the manifest, and the result file; with it, also what that job "
        "names: the model and every image. It takes as long as reading them does.\n"
        "\n"
        "A result file that got more trials since, or was made by another run, differs, even if its rates "
        "are "
        "the same. Settings such as P(fault) may change: the results do not depend on them, but the page "
        "does. The hash of the program is that of the one that wrote the manifest; another one may verify "
        "it.",
    .examples = "    bitsink report r.db -o report\n"
                "    bitsink verify report/manifest.json --job job.yaml",
    .see_also = "bitsink-report(1) bitsink-digest(1) bitsink-compare(1)",
    .min_operands = 1,
    .max_operands = 1,
    .options = options,
    .exits = exits,
    .run = run,
};
