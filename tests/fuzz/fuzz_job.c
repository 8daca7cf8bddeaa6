/* Job files. A job that was accepted keeps its text, which must be accepted again. */
#include "fuzz.h"

#include "job/job.h"

static void check_job(const bs_job *job)
{
    fuzz_check(job->model && job->name && job->n_entries > 0);
    for (int i = 0; i < job->n_entries; i++) {
        const bs_entry *e = &job->entries[i];
        fuzz_check(e->id >= 0 && e->id < 256 && e->name && e->trials > 0);
        fuzz_check((e->n_targets > 0) != (e->sites != NULL));
        fuzz_check((e->bits.fields || e->bits.numbers) && e->fault.count > 0 && e->fault.burst > 0);
        for (int k = 0; k < i; k++)
            fuzz_check(job->entries[k].id != e->id);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bs_job *job, *again;
    bs_status st = bs_job_parse(&job, "folder/job.yaml", (const char *)data, size);
    fuzz_check_status(st, job);
    if (job) {
        check_job(job);
        fuzz_check(bs_job_parse(&again, "folder/job.yaml", job->text, size) == BS_OK);
        fuzz_check(again->n_entries == job->n_entries && again->seed == job->seed);
        bs_job_free(again);
    }
    bs_job_free(job);
    return 0;
}
