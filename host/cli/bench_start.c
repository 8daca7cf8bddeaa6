#include "cli/bench_start.h"

#include "base/buf.h"
#include "base/phase.h"
#include "base/resources.h"
#include "base/text.h"
#include "cli/bench_job.h"
#include "cli/cli.h"
#include "import/synth.h"
#include "store/db.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static const char self[] = "/proc/self/exe"; /* also in the new process: it is the same program */

/* Seconds from the start of a process, -1: not known. */
typedef struct times {
    double loaded, schedules, proven; /* what --timing says */
    double first_row, end;            /* seen from outside */
} times;

typedef struct start_bench {
    char *folder; /* temporary, of all files */
    bs_str model, job, db, log, cache;
    const char *device;
    const bs_import_options *import;
    int strata;
} start_bench;

/* --- The folder --- */

static int remove_one(const char *path, const struct stat *s, int type, struct FTW *walk)
{
    (void)s, (void)type, (void)walk;
    return remove(path);
}

static void remove_all(const char *path)
{
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static bs_status place(bs_str *out, const start_bench *b, const char *name)
{
    out->len = 0;
    bs_str_printf(out, "%s/%s", b->folder, name);
    return bs_str_status(out);
}

static bs_status bench_open(start_bench *b)
{
    const char *tmp = getenv("TMPDIR");
    bs_str folder = {0};
    bs_str_printf(&folder, "%s/bitsink-start-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    BS_TRY(bs_str_status(&folder));
    if (!mkdtemp(folder.ptr)) {
        bs_status st = bs_bench_no_room(folder.ptr);
        bs_str_clear(&folder);
        return st;
    }
    b->folder = folder.ptr;
    BS_TRY(place(&b->job, b, "job.yaml"));
    BS_TRY(place(&b->db, b, "result.db"));
    BS_TRY(place(&b->log, b, "log"));
    return place(&b->cache, b, "cache");
}

static void bench_close(start_bench *b)
{
    if (b->folder)
        remove_all(b->folder);
    free(b->folder);
    bs_str_clear(&b->model);
    bs_str_clear(&b->job);
    bs_str_clear(&b->db);
    bs_str_clear(&b->log);
    bs_str_clear(&b->cache);
}

/* --- The job --- */

static bool is_generated(const char *name)
{
#define X(synth)                                                                                             \
    if (strcmp(name, BS_SYNTH_NAME(synth)) == 0)                                                             \
        return true;
    BS_SYNTHS(X)
#undef X
    return false;
}

/* Writes the network, if it is a generated one, and its job. */
static bs_status prepare(start_bench *b, const char *network)
{
    bs_phase("write the job");
    if (is_generated(network)) {
        BS_TRY(place(&b->model, b, "model.onnx"));
        BS_TRY(bs_synth_write(network, 1, b->model.ptr));
    } else {
        char *path = realpath(network, NULL);
        b->model.len = 0;
        bs_str_puts(&b->model, path ? path : network); /* which the import then reports */
        free(path);
        BS_TRY(bs_str_status(&b->model));
    }
    return bs_bench_write_job(b->folder, b->model.ptr, b->import);
}

/* --- A run --- */

static bool has_row(const char *path, int *strata)
{
    bs_db *db = NULL;
    sqlite3_int64 n = 0;
    bool found = false;
    if (access(path, F_OK) == 0 && bs_db_open(&db, path) == BS_OK &&
        bs_db_exists(&found, db, "SELECT 1 FROM trial LIMIT 1", BS_NO_BIND) == BS_OK && found &&
        bs_db_integer(&n, db, "SELECT count(*) FROM stratum") == BS_OK)
        *strata = (int)n;
    bs_db_close(db);
    return found;
}

static bs_status spawn(pid_t *out, const start_bench *b, const char *program, bool timing)
{
    char *argv[10] = {(char *)program, (char *)"run", b->job.ptr, (char *)"--db", b->db.ptr};
    int n = 5;
    if (b->device) {
        argv[n++] = (char *)"--device";
        argv[n++] = (char *)b->device;
    }
    if (timing)
        argv[n++] = (char *)"--timing";
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&files, STDERR_FILENO, b->log.ptr, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    int failed = posix_spawnp(out, program, &files, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&files);
    return failed ? bs_fail(BS_ERR, "cannot run '%s': %s", program, strerror(failed)) : BS_OK;
}

static void read_log(const start_bench *b, times *out, char *last, int size)
{
    static const char done[] = " at ";
    struct {
        const char *phase;
        double *at;
    } wanted[] = {{"timing: load onto the device ", &out->loaded},
                  {"timing: make schedules ", &out->schedules},
                  {"timing: proven ", &out->proven}};
    FILE *f = fopen(b->log.ptr, "r");
    char line[1024];
    while (f && fgets(line, sizeof line, f)) {
        const char *at = strstr(line, done);
        for (size_t i = 0; at && i < sizeof wanted / sizeof *wanted; i++)
            if (strncmp(line, wanted[i].phase, strlen(wanted[i].phase)) == 0)
                *wanted[i].at = strtod(at + sizeof done - 1, NULL);
        if (strncmp(line, "error: ", 7) == 0)
            snprintf(last, (size_t)size, "%.*s", (int)strcspn(line + 7, "\n"), line + 7);
    }
    if (f)
        fclose(f);
}

static bs_status run_once(start_bench *b, const char *program, bool timing, times *out)
{
    const struct timespec pause = {0, 10000000};
    char why[256] = "no message";
    int status = 0;
    pid_t child, ended = 0;
    *out = (times){-1, -1, -1, -1, -1};
    unlink(b->db.ptr);
    double start = bs_resources_clock();
    BS_TRY(spawn(&child, b, program, timing));
    while (ended == 0) {
        ended = waitpid(child, &status, WNOHANG);
        out->end = bs_resources_clock() - start;
        if (out->first_row < 0 && has_row(b->db.ptr, &b->strata))
            out->first_row = out->end;
        if (ended == 0 && bs_stop_requested)
            kill(child, SIGINT);
        if (ended == 0)
            nanosleep(&pause, NULL);
    }
    if (bs_stop_requested)
        return bs_fail(BS_STOPPED, "stopped");
    read_log(b, out, why, sizeof why);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return bs_fail(BS_ERR, "'%s run' of a small job failed: %s", program == self ? "bitsink" : program,
                       why);
    return BS_OK;
}

/* --- The table --- */

typedef struct measured {
    const char *network;
    int strata;
    times cold, warm, against;
} measured;

static bs_status measure(start_bench *b, const char *against, measured *m)
{
    BS_TRY(prepare(b, m->network));
    remove_all(b->cache.ptr);
    bs_phase("run, with an empty cache");
    BS_TRY(run_once(b, self, true, &m->cold));
    bs_phase("run again");
    BS_TRY(run_once(b, self, true, &m->warm));
    m->strata = b->strata;
    bs_phase("run the other program");
    if (against)
        BS_TRY(run_once(b, against, false, &m->against));
    bs_phase(NULL);
    return BS_OK;
}

static void print_cell(double seconds)
{
    seconds < 0 ? printf(" %10s", "-") : printf(" %10.2f", seconds);
}

static void print_row(const measured *m, const char *cache, const times *t, bool compared)
{
    printf("%-24s %6d  %-6s", bs_visible(m->network), m->strata, cache);
    print_cell(t->loaded);
    print_cell(t->schedules);
    print_cell(t->proven);
    print_cell(t->first_row);
    print_cell(t->end);
    if (compared)
        printf(" %8.1f", m->against.first_row / t->first_row);
    putchar('\n');
}

static void put_times(bs_str *out, const char *name, const times *t)
{
    const double at[] = {t->loaded, t->schedules, t->proven, t->first_row, t->end};
    static const char *const key[] = {"loaded", "schedules", "proven", "first_row", "end"};
    bs_str_printf(out, ", \"%s\": {", name);
    for (int i = 0, n = 0; i < 5; i++)
        if (at[i] >= 0)
            bs_str_printf(out, "%s\"%s\": %.3f", n++ ? ", " : "", key[i], at[i]);
    bs_str_puts(out, "}");
}

static void print_json(const measured *m, int n, bool compared)
{
    bs_str out = {0};
    bs_str_puts(&out, "{\"networks\": [");
    for (int i = 0; i < n; i++) {
        bs_str_puts(&out, i ? ", {\"network\": " : "{\"network\": ");
        bs_str_json(&out, m[i].network);
        bs_str_printf(&out, ", \"strata\": %d", m[i].strata);
        put_times(&out, "cold", &m[i].cold);
        put_times(&out, "warm", &m[i].warm);
        if (compared)
            put_times(&out, "against", &m[i].against);
        bs_str_puts(&out, "}");
    }
    bs_str_puts(&out, "]}");
    puts(out.ptr ? out.ptr : "");
    bs_str_clear(&out);
}

static void print_table(const measured *m, int n, bool compared)
{
    printf("seconds from the start of the command until ...\n%-24s %6s  %-6s %10s %10s %10s %10s %10s%s\n",
           "network", "strata", "cache", "loaded", "schedules", "proven", "first row", "end",
           compared ? "  quicker" : "");
    for (int i = 0; i < n; i++) {
        print_row(&m[i], "empty", &m[i].cold, compared);
        print_row(&m[i], "filled", &m[i].warm, compared);
        if (compared)
            print_row(&m[i], "other", &m[i].against, false);
    }
}

bs_status bs_bench_start(char *const *network, int n, const bs_import_options *import, const char *device,
                         const char *against, bool json)
{
    start_bench b = {.device = device, .import = import};
    measured *m = NULL;
    bs_status st;
    bs_catch_signals();
    BS_TRY_GOTO(bs_calloc(&m, (size_t)n, sizeof *m, "benchmark"), out);
    BS_TRY_GOTO(bench_open(&b), out);
    setenv("XDG_CACHE_HOME", b.cache.ptr, 1); /* of the processes that are measured */
    for (int i = 0; i < n; i++) {
        m[i].network = network[i];
        BS_TRY_GOTO(measure(&b, against, &m[i]), out);
    }
    json ? print_json(m, n, against != NULL) : print_table(m, n, against != NULL);
out:
    free(m);
    bench_close(&b);
    return st;
}
