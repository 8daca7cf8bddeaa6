/* Products of rows with filters: products [rows][width] = x [rows][depth] times w [width][depth], both with
 * `depth` as the last axis. Each is summed by one thread, fused, from the first of `depth` to the last, so
 * its bits depend on its row and its filter only, and are those of `direct` for a 1x1 convolution.
 *
 * A block of eight warps makes a tile of the products. It walks along `depth`: while it multiplies what lies
 * in one half of its shared memory, the next piece of x and w is under way to its registers, and then goes to
 * the other half, so there is one barrier for each piece. Shared memory has x and w as [depth][tile], so that
 * a thread reads what it multiplies, neighbours of the tile, by as few instructions as possible.
 *
 * Where x comes from is the matter of gemm_x() only, and where the products go, of gemm_write(). */
#include "kernels.h"
#include "launch.h"
#include "ops.h"

/* Neighbours that are moved by one instruction. */
typedef struct __attribute__((aligned(16))) gemm_four {
    float v[4];
} gemm_four;
typedef struct __attribute__((aligned(8))) gemm_two {
    float v[2];
} gemm_two;
typedef struct __attribute__((aligned(8))) gemm_words {
    uint16_t v[4];
} gemm_words;

/* The tile of a block: rows, filters, and the part of `depth` in shared memory at a time. A thread makes the
 * products of own_rows with own_filters, and a warp those of 4 x 8 threads. */
typedef struct gemm_shape {
    uint32_t rows, filters, depth;
    uint32_t own_rows, own_filters;
} gemm_shape;

/* The most that a thread makes, and fetches of x, and of w, at a time; what is multiplied without a question.
 */
enum { GEMM_OWN_ROWS = 8, GEMM_OWN_FILTERS = 4, GEMM_FETCHED = 2, GEMM_RUN = 16 };

/* --- from memory to shared memory --- */

/* Reads four neighbours, at an address that is a multiple of their size. */
BS_DEVICE gemm_four gemm_read_four(bs_cells at)
{
    gemm_four v;
    if (!bs_is_half(at.type))
        return *(const gemm_four *)at.at;
    gemm_words words = *(const gemm_words *)at.at;
    BS_UNROLL
    for (uint32_t j = 0; j < 4; j++)
        v.v[j] = bs_word_value(at.type, words.v[j]);
    return v;
}

/* Reads four elements of a row, from element k on; those outside of the matrix are `outside`. */
BS_DEVICE gemm_four gemm_read(bs_cells m, uint32_t rows, uint32_t depth, uint32_t row, uint32_t k,
                              float outside)
{
    gemm_four v = {{outside, outside, outside, outside}};
    if (row >= rows || k >= depth)
        return v;
    bs_cells at = bs_cells_from(m, (int64_t)row * depth + k);
    if (depth % 4 == 0)
        return gemm_read_four(at);
    for (uint32_t j = 0; j < 4 && k + j < depth; j++)
        v.v[j] = bs_cell_value(at, j);
    return v;
}

/* Beyond `depth` the product is -0 * 0, the one number that leaves every sum as it is: +0 would not leave -0.
 */
BS_DEVICE gemm_four gemm_x(const bs_gemm_args *a, uint32_t row, uint32_t k)
{
    return gemm_read(a->x, a->rows, a->depth, row, k, -0.0f);
}

BS_DEVICE gemm_four gemm_w(const bs_gemm_args *a, uint32_t filter, uint32_t k)
{
    bs_cells w = {a->w, BS_DTYPE_FP32};
    return gemm_read(w, a->width, a->depth, filter, k, 0.0f);
}

/* The place in a tile of `size` rows (or filters) of what a thread fetches as number n: `row`, and `k`, the
 * first of four. A warp takes four fours of eight rows, whole sectors of memory. */
typedef struct gemm_place {
    uint32_t row, k;
} gemm_place;

BS_DEVICE gemm_place gemm_place_of(uint32_t size, uint32_t thread, uint32_t n)
{
    uint32_t lane = thread % BS_WARP_SIZE, part = (n * BS_BLOCK_SIZE + thread) / BS_WARP_SIZE;
    return (gemm_place){part % (size / 8) * 8 + lane / 4, (part / (size / 8) * 4 + lane % 4) * 4};
}

/* The index of the four that has element k of rows 4 * group .. + 3. Groups change places, so that the lanes
 * of a warp, which write different k, write to different banks. */
BS_DEVICE uint32_t gemm_index(uint32_t size, uint32_t k, uint32_t group)
{
    return k * (size / 4) + (group ^ (k / 4 % 4 * 2));
}

BS_DEVICE void gemm_put(gemm_four *tile, uint32_t size, gemm_place p, gemm_four v)
{
    BS_UNROLL
    for (uint32_t j = 0; j < 4; j++)
        tile[gemm_index(size, p.k + j, p.row / 4)].v[p.row % 4] = v.v[j];
}

/* A piece of x and w on its way: what one thread has of it. */
typedef struct gemm_piece {
    gemm_four x[GEMM_FETCHED], w[GEMM_FETCHED];
} gemm_piece;

BS_DEVICE void gemm_fetch(gemm_piece *p, const bs_gemm_args *a, gemm_shape s, uint32_t thread,
                          uint32_t first_row, uint32_t first_filter, uint32_t at)
{
    BS_UNROLL
    for (uint32_t n = 0; n < s.rows * s.depth / 4 / BS_BLOCK_SIZE; n++) {
        gemm_place to = gemm_place_of(s.rows, thread, n);
        p->x[n] = gemm_x(a, first_row + to.row, at + to.k);
    }
    BS_UNROLL
    for (uint32_t n = 0; n < s.filters * s.depth / 4 / BS_BLOCK_SIZE; n++) {
        gemm_place to = gemm_place_of(s.filters, thread, n);
        p->w[n] = gemm_w(a, first_filter + to.row, at + to.k);
    }
}

BS_DEVICE void gemm_share(const gemm_piece *p, gemm_shape s, uint32_t thread, gemm_four *x, gemm_four *w)
{
    BS_UNROLL
    for (uint32_t n = 0; n < s.rows * s.depth / 4 / BS_BLOCK_SIZE; n++)
        gemm_put(x, s.rows, gemm_place_of(s.rows, thread, n), p->x[n]);
    BS_UNROLL
    for (uint32_t n = 0; n < s.filters * s.depth / 4 / BS_BLOCK_SIZE; n++)
        gemm_put(w, s.filters, gemm_place_of(s.filters, thread, n), p->w[n]);
}

/* --- multiplication --- */

/* Takes element k of n neighbours: two, or a multiple of four. */
BS_DEVICE void gemm_take(float *out, const gemm_four *tile, uint32_t size, uint32_t k, uint32_t at,
                         uint32_t n)
{
    if (n == 2) {
        gemm_two v = *(const gemm_two *)(const void *)&tile[gemm_index(size, k, at / 4)].v[at % 4];
        out[0] = v.v[0];
        out[1] = v.v[1];
        return;
    }
    BS_UNROLL
    for (uint32_t g = 0; g < n / 4; g++) {
        gemm_four v = tile[gemm_index(size, k, at / 4 + g)];
        BS_UNROLL
        for (uint32_t j = 0; j < 4; j++)
            out[4 * g + j] = v.v[j];
    }
}

/* The first row and filter of a thread in the tile. In a warp lanes 2n and 2n + 1 have the same
 * filters, and lanes n and n + 2 of each four the same rows: lanes that are so near read a place of shared
 * memory together. */
typedef struct gemm_own {
    uint32_t row, filter;
} gemm_own;

BS_DEVICE gemm_own gemm_own_of(gemm_shape s, uint32_t thread)
{
    const uint32_t across = s.filters / s.own_filters / 8; /* warps */
    uint32_t warp = thread / BS_WARP_SIZE, lane = thread % BS_WARP_SIZE;
    return (gemm_own){(warp / across * 4 + lane / 16 * 2 + lane % 2) * s.own_rows,
                      (warp % across * 8 + lane / 2 % 8) * s.own_filters};
}

/* Adds the products of GEMM_RUN elements to the thread's sums. */
BS_DEVICE void gemm_multiply(float sum[GEMM_OWN_ROWS][GEMM_OWN_FILTERS], gemm_shape s, const gemm_four *x,
                             const gemm_four *w, gemm_own own)
{
    BS_UNROLL
    for (uint32_t k = 0; k < GEMM_RUN; k++) {
        float one[GEMM_OWN_ROWS], other[GEMM_OWN_FILTERS];
        gemm_take(one, x, s.rows, k, own.row, s.own_rows);
        gemm_take(other, w, s.filters, k, own.filter, s.own_filters);
        BS_UNROLL
        for (uint32_t i = 0; i < s.own_rows; i++) {
            BS_UNROLL
            for (uint32_t j = 0; j < s.own_filters; j++)
                sum[i][j] = fmaf(one[i], other[j], sum[i][j]);
        }
    }
}

BS_DEVICE void gemm_write(const bs_gemm_args *a, uint32_t row, uint32_t filter, float sum)
{
    if (row < a->rows && filter < a->width)
        bs_put(&a->out, (int64_t)row * a->out_step + filter, bs_quiet(a->bias ? sum + a->bias[filter] : sum));
}

/* Makes the tile from row first_row and filter first_filter on. x, w: shared memory for two pieces; *turn:
 * counts the pieces of all tiles, so that each goes to the half that nobody reads. */
BS_DEVICE void gemm_tile(const bs_gemm_args *a, gemm_shape s, uint32_t thread, uint32_t first_row,
                         uint32_t first_filter, gemm_four *x, gemm_four *w, uint32_t *turn)
{
    const gemm_own own = gemm_own_of(s, thread);
    const uint32_t row = first_row + own.row, filter = first_filter + own.filter;
    const uint32_t busy = row < a->rows && filter < a->width ? a->depth : 0;
    float sum[GEMM_OWN_ROWS][GEMM_OWN_FILTERS] = {{0.0f}};
    gemm_piece next;
    gemm_fetch(&next, a, s, thread, first_row, first_filter, 0);
    for (uint32_t at = 0; at < a->depth; at += s.depth) {
        uint32_t half = (*turn)++ % 2;
        gemm_four *half_x = x + half * (s.rows * s.depth / 4), *half_w = w + half * (s.filters * s.depth / 4);
        gemm_share(&next, s, thread, half_x, half_w);
        bs_block_sync();
        if (at + s.depth < a->depth)
            gemm_fetch(&next, a, s, thread, first_row, first_filter, at + s.depth);
        for (uint32_t k = 0; k < s.depth && at + k < busy; k += GEMM_RUN)
            gemm_multiply(sum, s, half_x + k * (s.rows / 4), half_w + k * (s.filters / 4), own);
    }
    BS_UNROLL
    for (uint32_t i = 0; i < s.own_rows; i++) {
        BS_UNROLL
        for (uint32_t j = 0; j < s.own_filters; j++)
            gemm_write(a, row + i, filter + j, sum[i][j]);
    }
}

BS_KERNEL(gemm)
{
    enum { DEPTH = 16 };
    BS_SHARED(gemm_four, x, 2 * BS_GEMM_ROWS * DEPTH / 4);
    BS_SHARED(gemm_four, w, 2 * BS_GEMM_FILTERS * DEPTH / 4);
    const gemm_shape s = {BS_GEMM_ROWS, BS_GEMM_FILTERS, DEPTH, 8, 4};
    uint32_t turn = 0;
    BS_BLOCK_TILES(i, k, a.rows, BS_GEMM_ROWS, a.width, BS_GEMM_FILTERS)
    gemm_tile(&a, s, BS_THREAD, i * BS_GEMM_ROWS, k * BS_GEMM_FILTERS, x, w, &turn);
}

/* Few products are shared out among many threads. Pieces are deep, since a step along the depth takes less
 * time. */
BS_KERNEL(gemm_small)
{
    enum { SIZE = BS_GEMM_SMALL, DEPTH = 64 };
    BS_SHARED(gemm_four, x, 2 * SIZE * DEPTH / 4);
    BS_SHARED(gemm_four, w, 2 * SIZE * DEPTH / 4);
    const gemm_shape s = {SIZE, SIZE, DEPTH, 2, 2};
    uint32_t turn = 0;
    BS_BLOCK_TILES(i, k, a.rows, SIZE, a.width, SIZE)
    gemm_tile(&a, s, BS_THREAD, i * SIZE, k * SIZE, x, w, &turn);
}
