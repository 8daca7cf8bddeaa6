/* Operators that move elements between the channels and the plane. */
#include "import/steps.h"

#include <string.h>

static bs_status block_size(bs_raw *r, int64_t *b)
{
    BS_TRY(bs_attr_int(r, "blocksize", 0, b));
    if (*b < 1 || *b > BS_MAX_GEOMETRY || r->in[0]->shape.rank != 4)
        return bs_raw_fail(r, "only (N, C, H, W) data and a positive blocksize are supported");
    return BS_OK;
}

bs_status bs_expand_depth_to_space(bs_raw *r, bool *done)
{
    static const int64_t by_depth[] = {0, 3, 4, 1, 5, 2}, by_column[] = {0, 1, 4, 2, 5, 3};
    const int64_t *dim = r->in[0]->shape.dim;
    bs_value *apart = NULL, *moved = NULL;
    int64_t b;
    char mode[32];
    (void)done;
    BS_TRY(block_size(r, &b));
    BS_TRY(bs_attr_string(r, "mode", "DCR", mode));
    bool crd = strcmp(mode, "CRD") == 0;
    if ((!crd && strcmp(mode, "DCR") != 0) || dim[1] % (b * b))
        return bs_raw_fail(r, "mode '%s' with %lld channels for blocks of %lld", mode, (long long)dim[1],
                           (long long)b);
    int64_t c = dim[1] / (b * b);
    bs_shape shape = {6, {dim[0], crd ? c : b, b, crd ? b : c, dim[2], dim[3]}};
    BS_TRY(bs_step_reshape(r, &apart, r->in[0], &shape));
    BS_TRY(bs_step_transpose(r, &moved, apart, crd ? by_column : by_depth));
    return bs_step_reshape(r, &r->out[0], moved, &(bs_shape){4, {dim[0], c, dim[2] * b, dim[3] * b}});
}

bs_status bs_expand_space_to_depth(bs_raw *r, bool *done)
{
    static const int64_t perm[] = {0, 3, 5, 1, 2, 4};
    const int64_t *dim = r->in[0]->shape.dim;
    bs_value *apart = NULL, *moved = NULL;
    int64_t b;
    (void)done;
    BS_TRY(block_size(r, &b));
    if (dim[2] % b || dim[3] % b)
        return bs_raw_fail(r, "%lld x %lld elements for blocks of %lld", (long long)dim[2], (long long)dim[3],
                           (long long)b);
    BS_TRY(
        bs_step_reshape(r, &apart, r->in[0], &(bs_shape){6, {dim[0], dim[1], dim[2] / b, b, dim[3] / b, b}}));
    BS_TRY(bs_step_transpose(r, &moved, apart, perm));
    return bs_step_reshape(r, &r->out[0], moved,
                           &(bs_shape){4, {dim[0], dim[1] * b * b, dim[2] / b, dim[3] / b}});
}
