/* Functions compiled for several instruction sets, of which the best is taken at the start. All give the same
 * bits, as nothing is contracted or reassociated. */
#ifndef BS_BASE_CLONES_H
#define BS_BASE_CLONES_H

/* The dynamic linker resolves clones before sanitizers are initialised, so sanitized builds have none. */
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__gnu_linux__) &&             \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define BS_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define BS_CLONES
#endif

#endif
