/* Operators that bitsink does not have: why, and what to do instead. */
#include "import/import.h"

#include "base/buf.h"
#include "base/text.h"

#include <string.h>

/* X(enum suffix, why or "", what to do instead) */
#define REASONS(X)                                                                                           \
    X(UPSAMPLES, ": transposed convolutions belong to generators and segmentation networks",                 \
      "cut the model at the classes, or upsample with Resize and Conv")                                      \
    X(QUANTISED, ": quantised networks are not supported", "export the model in fp32")                       \
    X(SCORES, ": faults are judged by the scores of the classes", "")                                        \
    X(CONTROL, ": control flow that depends on the image cannot be replayed", "export a trace of the model") \
    X(RECURRENT, ": recurrent networks are not supported",                                                   \
      "bitsink runs feed-forward classifiers of images")                                                     \
    X(DETECTS, ": it belongs to networks that find objects",                                                 \
      "cut the model before it, so that its output is one score a class")                                    \
    X(RANDOM, ": its output is random", "export the model for inference: model.eval()")                      \
    X(TRAINS, ": it belongs to training", "export the model for inference, up to the scores of the classes") \
    X(NO_IMAGE, ": it does not work on tensors of numbers alone",                                            \
      "bitsink runs classifiers of images; cut the model at its image input and its scores")                 \
    X(SIGNAL, ": signal processing is not supported",                                                        \
      "compute it before the model, which then gets the result as its image")                                \
    X(CONSTANTS, ": it is supported on constants only, and one of its inputs is computed from the image",    \
      "rewrite the model without it; shapes and indices must not depend on pixel values")                    \
    X(OTHER, "", "rewrite the model without it, or simplify it (onnxsim) if it only computes shapes")

typedef enum reason {
#define X(suffix, why, instead) REASON_##suffix,
    REASONS(X)
#undef X
} reason;

/* X(operator of the standard, opset that introduced it, reason) */
#define REFUSALS(X)                                                                                          \
    X(AffineGrid, 20, OTHER)                                                                                 \
    X(ArgMax, 1, SCORES)                                                                                     \
    X(ArgMin, 1, SCORES)                                                                                     \
    X(Bernoulli, 15, RANDOM)                                                                                 \
    X(BitCast, 26, OTHER)                                                                                    \
    X(BitShift, 11, OTHER)                                                                                   \
    X(BitwiseAnd, 18, CONSTANTS)                                                                             \
    X(BitwiseNot, 18, OTHER)                                                                                 \
    X(BitwiseOr, 18, CONSTANTS)                                                                              \
    X(BitwiseXor, 18, CONSTANTS)                                                                             \
    X(BlackmanWindow, 17, SIGNAL)                                                                            \
    X(CausalConvWithState, 27, RECURRENT)                                                                    \
    X(CenterCropPad, 18, OTHER)                                                                              \
    X(Col2Im, 18, UPSAMPLES)                                                                                 \
    X(Compress, 9, CONSTANTS)                                                                                \
    X(ConcatFromSequence, 11, NO_IMAGE)                                                                      \
    X(ConvInteger, 10, QUANTISED)                                                                            \
    X(ConvTranspose, 1, UPSAMPLES)                                                                           \
    X(CumProd, 26, OTHER)                                                                                    \
    X(DFT, 17, SIGNAL)                                                                                       \
    X(DeformConv, 19, OTHER)                                                                                 \
    X(DequantizeLinear, 10, QUANTISED)                                                                       \
    X(Det, 11, OTHER)                                                                                        \
    X(DynamicQuantizeLinear, 11, QUANTISED)                                                                  \
    X(GatherElements, 11, CONSTANTS)                                                                         \
    X(GatherND, 11, CONSTANTS)                                                                               \
    X(GRU, 1, RECURRENT)                                                                                     \
    X(GlobalLpPool, 1, OTHER)                                                                                \
    X(GridSample, 16, OTHER)                                                                                 \
    X(HammingWindow, 17, SIGNAL)                                                                             \
    X(HannWindow, 17, SIGNAL)                                                                                \
    X(Hardmax, 1, SCORES)                                                                                    \
    X(If, 1, CONTROL)                                                                                        \
    X(ImageDecoder, 20, NO_IMAGE)                                                                            \
    X(LSTM, 1, RECURRENT)                                                                                    \
    X(LinearAttention, 27, RECURRENT)                                                                        \
    X(Loop, 1, CONTROL)                                                                                      \
    X(LpPool, 1, OTHER)                                                                                      \
    X(MatMulInteger, 10, QUANTISED)                                                                          \
    X(MaxRoiPool, 1, DETECTS)                                                                                \
    X(MaxUnpool, 9, UPSAMPLES)                                                                               \
    X(MelWeightMatrix, 17, SIGNAL)                                                                           \
    X(Multinomial, 7, RANDOM)                                                                                \
    X(NegativeLogLikelihoodLoss, 12, TRAINS)                                                                 \
    X(NonMaxSuppression, 10, DETECTS)                                                                        \
    X(NonZero, 9, CONSTANTS)                                                                                 \
    X(OneHot, 9, CONSTANTS)                                                                                  \
    X(Optional, 15, NO_IMAGE)                                                                                \
    X(OptionalGetElement, 15, NO_IMAGE)                                                                      \
    X(OptionalHasElement, 15, NO_IMAGE)                                                                      \
    X(QLinearConv, 10, QUANTISED)                                                                            \
    X(QLinearMatMul, 10, QUANTISED)                                                                          \
    X(QuantizeLinear, 10, QUANTISED)                                                                         \
    X(RNN, 1, RECURRENT)                                                                                     \
    X(RandomNormal, 1, RANDOM)                                                                               \
    X(RandomNormalLike, 1, RANDOM)                                                                           \
    X(RandomUniform, 1, RANDOM)                                                                              \
    X(RandomUniformLike, 1, RANDOM)                                                                          \
    X(Range, 11, CONSTANTS)                                                                                  \
    X(RegexFullMatch, 20, NO_IMAGE)                                                                          \
    X(ReverseSequence, 10, OTHER)                                                                            \
    X(RoiAlign, 10, DETECTS)                                                                                 \
    X(RotaryEmbedding, 23, OTHER)                                                                            \
    X(STFT, 17, SIGNAL)                                                                                      \
    X(Scan, 8, CONTROL)                                                                                      \
    X(Scatter, 9, CONSTANTS)                                                                                 \
    X(ScatterElements, 11, CONSTANTS)                                                                        \
    X(ScatterND, 11, CONSTANTS)                                                                              \
    X(SequenceAt, 11, NO_IMAGE)                                                                              \
    X(SequenceConstruct, 11, NO_IMAGE)                                                                       \
    X(SequenceEmpty, 11, NO_IMAGE)                                                                           \
    X(SequenceErase, 11, NO_IMAGE)                                                                           \
    X(SequenceInsert, 11, NO_IMAGE)                                                                          \
    X(SequenceLength, 11, NO_IMAGE)                                                                          \
    X(SequenceMap, 17, NO_IMAGE)                                                                             \
    X(SoftmaxCrossEntropyLoss, 12, TRAINS)                                                                   \
    X(SplitToSequence, 11, NO_IMAGE)                                                                         \
    X(StringConcat, 20, NO_IMAGE)                                                                            \
    X(StringNormalizer, 10, NO_IMAGE)                                                                        \
    X(StringSplit, 20, NO_IMAGE)                                                                             \
    X(SwiGLU, 28, OTHER)                                                                                     \
    X(TensorScatter, 24, RECURRENT)                                                                          \
    X(TfIdfVectorizer, 9, NO_IMAGE)                                                                          \
    X(TopK, 1, SCORES)                                                                                       \
    X(Unique, 11, OTHER)

static const struct {
    const char *why, *instead;
} reasons[] = {
#define X(suffix, why, instead) {why, instead},
    REASONS(X)
#undef X
};

static const struct {
    const char *op;
    int since;
    reason reason;
} refusals[] = {
#define X(op, since, reason) {#op, since, REASON_##reason},
    REFUSALS(X)
#undef X
};

bs_status bs_refuse_operator(const bs_raw *r, const char *const *known, size_t n)
{
    for (size_t k = 0; k < sizeof refusals / sizeof *refusals; k++) {
        if (strcmp(r->op, refusals[k].op) != 0)
            continue;
        const char *scores = r->n_in > 0 && r->in[0] ? r->in[0]->name : "";
        bs_raw_fail(r, "operator %s (since opset %d) is not supported%s", r->op, refusals[k].since,
                    reasons[refusals[k].reason].why);
        if (refusals[k].reason != REASON_SCORES)
            return bs_hint("%s", reasons[refusals[k].reason].instead);
        return bs_hint("take the scores that it reads as output: 'output: %.200s' in the job, or --output %s",
                       scores, bs_shell_word(scores));
    }
    bs_raw_fail(r, "operator %.60s is unknown: no operator of ONNX has this name", r->op);
    int near = bs_nearest(r->op, known, n);
    if (near >= 0)
        return bs_hint("did you mean '%s'? Otherwise export the model without custom operators", known[near]);
    return bs_hint("export the model without custom operators, or with an earlier opset if it is a new one");
}
