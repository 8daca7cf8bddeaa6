/* Lanes: see host/backend/backend.h. */
#ifndef BS_CUDA_LANE_H
#define BS_CUDA_LANE_H

#include "cuda/cuda.h"

bs_status bs_cuda_lane_open(bs_lane **out, bs_network *n);
void bs_cuda_lane_close(bs_lane *l);

#endif
