/* Products of the simulated cuBLASLt: sim_blas.c says which there are, sim_product.c computes them. */
#ifndef BS_SIM_BLAS_H
#define BS_SIM_BLAS_H

#include "sim.h"

#include "operand.h"

/* In the order in which they are offered. */
typedef enum sim_algorithm {
    SPLITTING,   /* says of itself that it splits the sum */
    BY_ROWS,     /* says nothing, but splits it for few rows */
    BY_WIDTH,    /* the same for few filters */
    BY_POSITION, /* the same for the rows of an incomplete tile */
    TENSOR,      /* on tensor cores, and as BY_ROWS: never offered, but there */
    EXACT,       /* from first to last, always; BITSINK_SIM_BLAS=many: unless there are many rows */
    ALGORITHMS
} sim_algorithm;

typedef struct sim_layout {
    uint64_t rows, columns;
    int64_t ld;
    bs_dtype type;
} sim_layout;

typedef struct sim_product {
    const void *a, *b;
    float *y;
    sim_layout la, lb, ly;
    sim_algorithm algo;
    bool otherwise;
} sim_product;

/* Returns true if the variable BITSINK_SIM_BLAS has this value. */
bool bs_sim_blas_asked(const char *what);

/* Computes a sim_product. */
void bs_sim_multiply(const void *product);

#endif
