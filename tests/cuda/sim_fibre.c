/* Fibres: a context of its own for the first entry, the compiler's setjmp() and longjmp() for all others:
 * they take no system call, and no notice of which stack it is. */
#include "sim_inside.h"

#include <stdint.h>
#include <stdlib.h>
#include <ucontext.h>

enum { STACK = 256 << 10 };

struct sim_fibre {
    void *at[5];
    void (*run)(void *arg);
    void *arg;
    bool entered;
    char *own;
    /* The stack as AddressSanitizer knows it. */
    void *fake;
    const void *stack;
    size_t size;
};

#ifdef BITSINK_SANITIZE
#include <sanitizer/common_interface_defs.h>
#else
static void __sanitizer_start_switch_fiber(void **fake, const void *stack, size_t size)
{
    (void)fake, (void)stack, (void)size;
}

static void __sanitizer_finish_switch_fiber(void *fake, const void **from, size_t *size)
{
    (void)fake, (void)from, (void)size;
}
#endif

static _Thread_local sim_fibre *left; /* by the last switch */

sim_fibre *bs_sim_fibre_create(void (*run)(void *arg), void *arg)
{
    sim_fibre *f = calloc(1, sizeof *f);
    if (!f)
        bs_sim_die("out of memory");
    *f = (sim_fibre){
        .run = run, .arg = arg, .entered = !run, .own = run ? malloc(STACK) : NULL, .size = STACK};
    f->stack = f->own;
    if (run && !f->own)
        bs_sim_die("out of memory");
    return f;
}

void bs_sim_fibre_free(sim_fibre *f)
{
    free(f->own);
    free(f);
}

/* A fibre's whole life. makecontext() hands on integers only. */
static void live(unsigned high, unsigned low)
{
    sim_fibre *f = (sim_fibre *)((uintptr_t)high << 32 | low);
    __sanitizer_finish_switch_fiber(NULL, &left->stack, &left->size);
    f->run(f->arg);
    abort();
}

static _Noreturn void enter(sim_fibre *f)
{
    ucontext_t c;
    uintptr_t p = (uintptr_t)f;
    f->entered = true;
    getcontext(&c);
    c.uc_stack.ss_sp = f->own;
    c.uc_stack.ss_size = STACK;
    c.uc_link = NULL;
    makecontext(&c, (void (*)(void))live, 2, (unsigned)(p >> 32), (unsigned)p);
    setcontext(&c);
    abort();
}

/* A function that has __builtin_setjmp() must not have this. */
static __attribute__((noinline)) _Noreturn void go(sim_fibre *to)
{
    if (!to->entered)
        enter(to);
    __builtin_longjmp(to->at, 1);
}

void bs_sim_fibre_switch(sim_fibre *from, sim_fibre *to)
{
    left = from;
    __sanitizer_start_switch_fiber(&from->fake, to->stack, to->size);
    if (!__builtin_setjmp(from->at))
        go(to);
    __sanitizer_finish_switch_fiber(from->fake, &left->stack, &left->size);
}
