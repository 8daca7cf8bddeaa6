/* Values of a traced trial: `bitsink trace --dump DIR`, and the raw ranking of an output with NaN. */
#ifndef BS_CLI_TRACE_DUMP_H
#define BS_CLI_TRACE_DUMP_H

#include "cli/dump_folder.h"
#include "replay/trace.h"

/* Zero-initialise. */
typedef struct bs_trace_dump {
    const bs_session *s;
    bs_dump folder;
    bool *chosen;  /* by tensor; NULL: those that the fault hits or changes */
    bool *hit;     /* by tensor */
    float *output; /* of the faulty run */
} bs_trace_dump;

/* Reads the options; makes the folder if they ask for one. Close it in any case. */
bs_status bs_trace_dump_open(bs_trace_dump *d, const bs_args *args, const bs_session *s);
/* Writes the parameters, golden and with the sites of one trial of the stratum, and notes what these hit.
 * Then the trial is to be traced with the watch. */
bs_status bs_trace_dump_start(bs_trace_dump *d, const bs_stratum *stratum, const bs_sites *sites);
bs_trace_watch bs_trace_dump_watch(bs_trace_dump *d);
/* Prints the first five of the raw ranking if there is NaN in the faulty output. */
bs_status bs_trace_dump_print(const bs_trace_dump *d, bool json);
/* As bs_dump_close(). */
bs_status bs_trace_dump_close(bs_trace_dump *d, bs_status st);

#endif
