/* Runs the node tests of the ONNX project (Debian: libonnx-testdata) through import and CPU backend.
 *
 *   conformance.c  the loop over the tests, the tallies and the report
 *   tensors.c      tensor files and their values      edit.c  how a test becomes a network with one image
 *   run_model.c          one edited model: import, run, compare
 *
 * A test is a model, inputs and expected outputs; a network of bitsink has one image and one output. So a
 * test is tried in several forms (see ct_form), each for every output, and each that the importer takes must
 * give the expected numbers. */
#ifndef BS_TESTS_CONFORMANCE_H
#define BS_TESTS_CONFORMANCE_H

#include "onnx/onnx.pb-c.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CT_MAX_RANK = 8, CT_MAX_FILES = 16, CT_REASON = 400 };

/* Values of a tensor file in single precision. */
typedef struct ct_tensor {
    int type; /* ONNX element type */
    int rank;
    int64_t dim[CT_MAX_RANK];
    int64_t n;
    float *v;
} ct_tensor;

/* X(name, what it is called in the report) */
#define CT_FORMS(X)                                                                                          \
    X(LIFTED, "lifted") /* the whole input is one sample: everything gets one more leading axis of 1 */      \
    X(ROWS, "rows")     /* the model as it is: each slice along axis 0 is a sample */                        \
    X(FOLDED, "folded") /* all inputs are constants; the result is added to an image of one zero */

typedef enum ct_form {
#define X(suffix, name) CT_FORM_##suffix,
    CT_FORMS(X)
#undef X
        CT_FORM_COUNT
} ct_form;

typedef struct ct_case {
    const char *dir;
    int n_inputs, n_outputs;
    ct_tensor input[CT_MAX_FILES], output[CT_MAX_FILES];
} ct_case;

/* One attempt at a test. */
typedef struct ct_try {
    ct_form form;
    int image;  /* index of the input that varies; unused in FOLDED */
    int output; /* index of the output that is compared */
} ct_try;

typedef enum ct_verdict {
    CT_PASSED,
    CT_FAILED,
    CT_UNSUPPORTED,  /* bitsink refuses the model */
    CT_INAPPLICABLE, /* the test does not have this form */
} ct_verdict;

/* tensors.c: NULL or false with the reason in `why` where a file is no tensor that has numbers. */
void *ct_xalloc(size_t n, size_t size); /* zeroed; ends the program where memory is out */
/* `info`: the model's declaration. Some files hold bfloat16 as plain 16-bit integers; its type decides. */
Onnx__TensorProto *ct_read_proto(const char *dir, const char *kind, int index,
                                 const Onnx__ValueInfoProto *info, char why[CT_REASON]);
Onnx__ModelProto *ct_read_model(const char *dir);
bool ct_read_case(ct_case *c, const char *dir, const Onnx__ModelProto *m, char why[CT_REASON]);
void ct_case_clear(ct_case *c);

/* edit.c */
/* The graph's k-th input that is no initializer; NULL if there are fewer. */
Onnx__ValueInfoProto *ct_input(const Onnx__ModelProto *m, int k);
/* Turns the model into the form of `t`; false with the reason in `why` where the form does not apply. */
bool ct_edit(Onnx__ModelProto *m, const ct_case *c, const ct_try *t, char why[CT_REASON]);

/* run_model.c */
ct_verdict ct_run(const ct_case *c, const ct_try *t, const char *scratch, char why[CT_REASON]);

#endif
