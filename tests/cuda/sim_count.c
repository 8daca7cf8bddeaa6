/* The device that computes nothing and counts: see BITSINK_SIM_COUNT in sim.h. */
#include "sim_count.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A line of the file. asked: of its multiplications, those for rows that were asked for. */
typedef struct sim_line {
    const char *name;
    long calls;
    double bytes, macs, asked, seconds;
} sim_line;

enum { LINES = 128 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static sim_line lines[LINES];
static bool begun; /* the first fault was injected */

bool bs_sim_counts(void)
{
    return getenv("BITSINK_SIM_COUNT") != NULL;
}

bool bs_sim_count_begun(void)
{
    pthread_mutex_lock(&lock);
    bool is = begun;
    pthread_mutex_unlock(&lock);
    return is;
}

void bs_sim_count_begin(void)
{
    pthread_mutex_lock(&lock);
    if (!begun)
        memset(lines, 0, sizeof lines);
    begun = true;
    pthread_mutex_unlock(&lock);
}

/* Adds to the line of more->name, a string that lives as long as the process. */
static void add(const sim_line *more)
{
    sim_line *l = lines;
    pthread_mutex_lock(&lock);
    while (l->name && strcmp(l->name, more->name) != 0)
        if (++l == lines + LINES)
            bs_sim_die("too many names to count");
    l->name = more->name;
    l->calls += more->calls;
    l->bytes += more->bytes;
    l->macs += more->macs;
    l->asked += more->asked;
    l->seconds += more->seconds;
    pthread_mutex_unlock(&lock);
}

void bs_sim_count_call(const char *name)
{
    add(&(sim_line){.name = name, .calls = 1});
}

void bs_sim_count_bytes(const char *name, double bytes)
{
    add(&(sim_line){.name = name, .bytes = bytes});
}

/* The time of a product on an H200, roughly. It is cut into tiles of 128 rows and 64 filters, of which two
 * share each of 132 multiprocessors; what begins with some of them takes as long as with all, at the rate of
 * the largest products (49.35 TFLOP/s: tests/gpu/h200-first.md, "Rates"). A launch takes 4 microseconds. */
static double seconds_of(double rows, double width, double depth)
{
    const double tile[2] = {128, 64}, processors = 132, share = 2, rate = 49.35e12 / 2 / processors;
    double tiles = ceil(rows / tile[0]) * ceil(width / tile[1]), waves = ceil(tiles / (share * processors));
    return waves * share * tile[0] * tile[1] * depth / rate + 4e-6;
}

void bs_sim_count_product(CUstream s, const char *name, double rows, double width, double depth, double bytes)
{
    sim_note *note = bs_sim_note(s);
    double outputs = rows * width, macs = outputs * depth;
    add(&(sim_line){.name = name,
                    .bytes = bytes,
                    .macs = macs,
                    .asked = macs,
                    .seconds = seconds_of(rows, width, depth)});
    if (note->product && strcmp(note->product, name) != 0)
        *note = (sim_note){0};
    note->product = name;
    note->outputs += outputs;
    note->macs += macs;
}

/* A kernel that takes what products made takes what was asked for. */
static void settle(sim_note *note, const char *kernel, const void *args)
{
    double taken = bs_sim_products_taken(kernel, args);
    if (note->product && taken > 0 && taken < note->outputs)
        add(&(sim_line){.name = note->product, .asked = -note->macs * (1 - taken / note->outputs)});
}

void bs_sim_count_launch(CUstream s, const char *kernel, const void *args)
{
    sim_note *note = bs_sim_note(s);
    if (!strcmp(kernel, "inject"))
        bs_sim_count_begin();
    add(&(sim_line){.name = kernel, .calls = 1, .bytes = bs_sim_kernel_bytes(kernel, args)});
    settle(note, kernel, args);
    bs_sim_answer(s, kernel, args, note->relu);
    *note = (sim_note){.relu = bs_sim_ends_in_relu(kernel, args)};
}

static int by_name(const void *a, const void *b)
{
    const sim_line *x = a, *y = b;
    return strcmp(x->name, y->name);
}

/* At exit. */
__attribute__((destructor)) static void report(void)
{
    const char *path = getenv("BITSINK_SIM_COUNT");
    FILE *f = path ? fopen(path, "w") : NULL;
    size_t n = 0;
    if (!f)
        return;
    while (n < LINES && lines[n].name)
        n++;
    qsort(lines, n, sizeof *lines, by_name);
    for (const sim_line *l = lines; l < lines + n; l++)
        fprintf(f, "%s %ld %.0f %.0f %.0f %.6f\n", l->name, l->calls, l->bytes, l->macs, l->asked,
                l->seconds);
    fclose(f);
}
