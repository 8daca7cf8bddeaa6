/* Private to host/import: folding, the evaluation of nodes whose inputs are all known. */
#ifndef BS_IMPORT_FOLD_H
#define BS_IMPORT_FOLD_H

#include "import/import.h"

typedef bs_status (*bs_fold_fn)(bs_raw *r, bs_value *out);
/* Returns the function that folds an operator, NULL if there is none. */
bs_fold_fn bs_fold_find(const char *op);
/* Returns true if an operator's output is known where its input's data is not. */
bool bs_fold_reads_shape(const char *op);
/* Returns true for an operator with several outputs, some of which may be absent. */
bool bs_fold_makes_several(const char *op);
/* fold_run.c. Folds any operator: runs it on the CPU backend. */
bs_status bs_fold_by_running(bs_raw *r);
/* An iterator over a shape in row-major order; at[k] is the offset in source k. */
typedef struct bs_nd_iterator {
    bs_shape shape;
    int64_t pos[BS_MAX_RANK], stride[3][BS_MAX_RANK], at[3];
} bs_nd_iterator;
void bs_nd_iterator_next(bs_nd_iterator *w);
/* Sets the strides of source k, broadcast to the iterator's shape. */
void bs_nd_iterator_broadcast(bs_nd_iterator *w, int k, const bs_shape *source);
bs_status bs_fold_arithmetic(bs_raw *r, bs_value *out);
bs_status bs_fold_unary(bs_raw *r, bs_value *out);
bs_status bs_fold_cast(bs_raw *r, bs_value *out);
/* fold_types.c. Returns false for an integer outside the range of an ONNX element type. */
bool bs_type_holds(int type, int64_t x);
bs_status bs_fold_where(bs_raw *r, bs_value *out);
bs_status bs_fold_range(bs_raw *r, bs_value *out);
bs_status bs_fold_matmul(bs_raw *r, bs_value *out);
bs_status bs_fold_clip(bs_raw *r, bs_value *out);
bs_status bs_fold_cumulate(bs_raw *r, bs_value *out);
bs_status bs_fold_reduce(bs_raw *r, bs_value *out);
bs_status bs_fold_tile(bs_raw *r, bs_value *out);
bs_status bs_fold_pad(bs_raw *r, bs_value *out);
bs_status bs_fold_scatter(bs_raw *r, bs_value *out);
bs_status bs_fold_gather_nd(bs_raw *r, bs_value *out);
bs_status bs_fold_gather_elements(bs_raw *r, bs_value *out);
bs_status bs_fold_scatter_elements(bs_raw *r, bs_value *out);
bs_status bs_fold_non_zero(bs_raw *r, bs_value *out);
bs_status bs_fold_compress(bs_raw *r, bs_value *out);
bs_status bs_fold_eye_like(bs_raw *r, bs_value *out);
bs_status bs_fold_trilu(bs_raw *r, bs_value *out);
bs_status bs_fold_one_hot(bs_raw *r, bs_value *out);
bs_status bs_fold_top_k(bs_raw *r, bs_value *out);
bs_status bs_fold_arg(bs_raw *r, bs_value *out);
bs_status bs_fold_split(bs_raw *r, bs_value *out);
bs_status bs_fold_dequantize(bs_raw *r, bs_value *out);
bs_status bs_fold_quantize(bs_raw *r, bs_value *out);
/* What folding and steps share. fold_index.c: of GatherND, the axes that both operands share, and the entries
 * of an index; *at: the place of an entry among the elements of the axes that it indexes. */
bs_status bs_read_gather_nd(const bs_raw *r, const bs_shape *x, bs_shape *out, int *lead, int *depth);
bs_status bs_read_gather_nd_entry(const bs_raw *r, const bs_shape *x, int lead, int depth, int64_t entry,
                                  int64_t *at);
/* Of GatherElements and ScatterElements. */
bs_status bs_read_along_axis(const bs_raw *r, const bs_shape *x, const bs_value **index, int *axis);
/* Sets *at to the element of x that element e of the indices selects: w's own place but along `axis`. */
bs_status bs_read_element_along(const bs_raw *r, const bs_shape *x, int axis, const bs_value *index,
                                const bs_nd_iterator *w, int64_t e, int64_t *at);
/* fold_make.c: of Trilu. */
bs_status bs_read_triangle(const bs_raw *r, bool *upper, int64_t *shift);
bool bs_in_triangle(bool upper, int64_t shift, int64_t row, int64_t column);
/* fold_sum.c: of CumSum. */
bs_status bs_read_cumulate(const bs_raw *r, const bs_shape *x, int *axis, bool *exclusive, bool *reverse);

#endif
