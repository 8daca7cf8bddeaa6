/* Inside of the simulated driver: devices (sim_devices.c), memory (sim_memory.c), streams (sim_queue.c),
 * blocks of threads that take turns (sim_block.c, sim_order.c, sim_fibre.c), counting (sim_count.c). */
#ifndef BS_TESTS_SIM_INSIDE_H
#define BS_TESTS_SIM_INSIDE_H

#include "sim.h"

#include "launch.h"

#include <stddef.h>

/* Ends the process with a message that begins with what the device is at. */
_Noreturn void bs_sim_die(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* --- sim_devices.c --- */

enum { SIM_DEVICES = 8 }; /* at most */

int bs_sim_devices(void);
bool bs_sim_lost(int device);
/* Counts the call of a device, and returns true if it shall fail. */
bool bs_sim_fails_on(int device, const char *name);

/* --- sim_memory.c --- */

/* Of the current device, or pinned. NULL: there is no room. */
void *bs_sim_map(bool pinned, size_t bytes);
/* How many bytes it had. From now on nothing may touch it. */
size_t bs_sim_unmap(bool pinned, void *p, const char *call);
bool bs_sim_is_pinned(const void *p, size_t bytes);
/* Dies where these bytes are not all of one allocation on the device whose work the calling thread does. */
void bs_sim_check_range(const void *p, size_t bytes);
/* Memory of the device is there between these two only, for the calling thread; name: of the work. */
void bs_sim_begin_work(int device, const char *name);
void bs_sim_end_work(void);
/* The calling thread's work; NULL: none. */
const char *bs_sim_work(void);

/* --- sim_queue.c --- */

/* What is known of the last kernels of a stream, on a device that counts. product: the function that made
 * `outputs` by `macs` multiplications, which the next kernel takes; NULL: none. relu: the last one was one.
 */
typedef struct sim_note {
    const char *product;
    double outputs, macs;
    bool relu;
} sim_note;

/* Without a stream: the calling thread's. */
sim_note *bs_sim_note(CUstream s);

/* --- sim_count.c --- */

void bs_sim_count_call(const char *name);
void bs_sim_count_bytes(const char *name, double bytes);
/* args: of the kernel, which is not run; its answer is queued if it has one. */
void bs_sim_count_launch(CUstream s, const char *kernel, const void *args);

/* --- sim_order.c --- */

/* The order that BITSINK_SIM_ORDER asks for; shuffled, every sequence is another one. */
typedef struct sim_order {
    enum { SIM_FORWARD, SIM_REVERSE, SIM_SHUFFLE } kind;
    uint64_t seed, drawn;
} sim_order;

/* false: it is none of them. */
bool bs_sim_read_order(sim_order *o);

/* Numbers below n, each once, `step` apart: step and n have no common factor. */
typedef struct sim_sequence {
    uint64_t n, left, next, step;
} sim_sequence;

sim_sequence bs_sim_sequence(sim_order *o, uint64_t n);

/* The next one; there is one left. */
static inline uint64_t bs_sim_take(sim_sequence *s)
{
    uint64_t at = s->next;
    s->next += s->step;
    s->next -= s->next >= s->n ? s->n : 0;
    s->left--;
    return at;
}

/* --- sim_block.c --- */

typedef struct sim_grid {
    const char *name;
    void (*run)(const void *args, const bs_thread *self);
    const void *args;
    uint32_t blocks[2], threads; /* of a block */
    sim_order order;
} sim_grid;

void bs_sim_run_grid(const sim_grid *g);
/* Kernel, block and thread that the calling thread runs; false: none. */
bool bs_sim_running(char *text, size_t size);

/* --- sim_fibre.c --- */

/* A stack of its own for run(arg), which never returns. Without `run`: the stack of who creates it. */
typedef struct sim_fibre sim_fibre;

sim_fibre *bs_sim_fibre_create(void (*run)(void *arg), void *arg);
void bs_sim_fibre_free(sim_fibre *f);
/* Leaves `from`, which runs, until another switches to it. */
void bs_sim_fibre_switch(sim_fibre *from, sim_fibre *to);

#endif
