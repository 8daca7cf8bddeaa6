/* The sites of faults in a parameter, in the form that the device has it. */
#include "cuda/cuda_faulty.h"
#include "cuda/network.h"
#include "cuda/enqueue.h"

/* Sites sent to the device at once. */
enum { PIECE = 1 << 17 };

bs_status bs_cuda_write_sites(bs_stream *stream, CUdeviceptr rows, int64_t elements, uint32_t n,
                              const bs_site *site, const int32_t *owner)
{
    for (uint32_t at = 0; at < n; at += PIECE) {
        uint32_t here = n - at < PIECE ? n - at : PIECE;
        CUdeviceptr sites, owners;
        BS_TRY(bs_cuda_stage(stream, &sites, site + at, here * sizeof *site));
        BS_TRY(bs_cuda_stage(stream, &owners, owner + at, here * sizeof *owner));
        bs_inject_args a = {.n_sites = here,
                            .format = {BS_DTYPE_FP32, 1.0f}, /* prepared parameters are what is multiplied */
                            .distinct = true,
                            .site = bs_cuda_pointer(sites),
                            .owner = bs_cuda_pointer(owners),
                            .rows = {bs_cuda_pointer(rows), {BS_DTYPE_FP32, 1.0f}},
                            .channels = (int32_t)elements,
                            .height = 1,
                            .width = 1,
                            .at = {.size = {1, 1}}};
        BS_TRY(bs_cuda_launch(stream, BS_KERNEL_inject, 1, here, &a));
    }
    return BS_OK;
}

static bool ascend(const bs_site *site, uint32_t n)
{
    for (uint32_t k = 1; k < n; k++)
        if (site[k].element <= site[k - 1].element)
            return false;
    return true;
}

void bs_cuda_prepare_sites(const bs_faulty_call *c, const bs_faulty_input *faulty, int sample, bs_site *site)
{
    const bs_tensor *t = bs_faulty_tensor(c, faulty->input);
    const bs_faults *f = &faulty->faults;
    uint32_t n = f->first[sample + 1] - f->first[sample];
    const bs_site *given = f->sites + f->first[sample];
    bool distinct = ascend(given, n);
    for (uint32_t k = 0; k < n; k++) {
        bs_site s = given[k];
        bs_format format = bs_tensor_format(t, s.element);
        float value = t->data[s.element];
        /* Applies all sites of the element, also those after this one, since any of them may be written
         * last. */
        for (uint32_t e = distinct ? k : 0; e < (distinct ? k + 1 : n); e++)
            if (given[e].element == s.element)
                value = bs_inject_value(format, given[e], value, NULL);
        uint32_t word = bs_format_encode(format, value);
        site[k] =
            bs_cuda_param_site(c->stream->network, c->node, faulty->input, (bs_site){s.element, 0, word});
    }
}
