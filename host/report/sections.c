#include "report/sections.h"

#include <stddef.h>

const bs_section bs_report_sections[] = {
    {.id = "glance",
     .title = "At a glance",
     .text =
         "Every trial is one inference with one fault (or, with a bit error rate, with many). Masked: all "
         "values became equal to the fault-free ones again. Benign: the output differs, the answer does not. "
         "SDC-1: another answer, silently. DUE: NaN or Inf in the output, which can be detected. Shares of "
         "trials follow the trials that each layer got; by bits, layers weigh as many bits as a fault may "
         "hit "
         "there, as upsets do. An entry with a bit error rate has no rate of one fault.",
     .tables = {{"Outcomes by fault entry", "outcomes", false}}},
    {.id = "accuracy",
     .title = "Accuracy under fault, by layer",
     .text =
         "Intervals count trials for activations. For parameters they count faults, because all trials "
         "with the same faulty weight say one thing: few faulty weights give wide intervals, however many "
         "images they met. Clopper and Pearson's bounds; where every fault was tried on "
         "every image there is nothing to bound (census). Other images: the bounds if the network will "
         "meet other images than these, which are taken as a sample.",
     .figure = "accuracy",
     .figure_text = "Probability that the answer is correct if one fault hits the layer. Dashed: the same "
                    "images without faults. Bars: intervals.",
     .tables = {{"The most vulnerable layers", "vulnerable_layers", false},
                {"All layers", "all_layers", true}}},
    {.id = "network",
     .title = "Faults in the whole network",
     .text = "Entries with scope inference hit many tensors in the same inference: each bit with the same "
             "probability (the bit error rate), or each tensor with its own. Nothing here is put together "
             "from rates of single layers. Once parameters are among the tensors, intervals count faults.",
     .figure = "ber",
     .figure_text = "Accuracy, SDC-1 and DUE against the bit error rate. Dashed: the same images without "
                    "faults. Bars: intervals.",
     .tables = {{"Entries that hit the whole network", "network", false}},
     .only_if = "SELECT count(*) FROM layer WHERE kind = 'network'"},
    {.id = "sinks",
     .title = "Sinks: where wrong answers drain to",
     .text =
         "A sink is a class into which more wrong answers fall than runners-up of the same images and than "
         "an even scatter over all classes explain, from images of at least three classes. Activations: "
         "an image counts once for each wrong answer. Parameters: a faulty weight counts once. "
         "Significance: the larger p-value of both tests, exact and one-sided, with Benjamini and "
         "Hochberg's false discovery rate.",
     .figure = "sinks",
     .figure_text =
         "True class against answer. The diagonal is right. Red rows are sinks, named at the side.",
     .tables = {{"Sinks of each entry, over all layers", "sinks", false},
                {"Sinks by layer", "layer_sinks", true},
                {"Sinks by bit position", "bit_sinks", true},
                {"Concentration of wrong answers: entropy in bits, share of the five most frequent",
                 "concentration", true}}},
    {.id = "trust",
     .title = "How far can an answer be trusted?",
     .text =
         "Trust in class c is the probability that the answer c is correct, if an inference meets a "
         "fault with probability p. By label: it is the image's label. By golden answer: it is what the "
         "network says without faults. p = 0 and p = 1: no fault, and certainly one. The population is "
         "the images of this file; of other images, an answer is known no better than the images that give "
         "it can tell.",
     .figure = "trust",
     .figure_text = "Trust against the probability of a fault, by label where there are labels.",
     .tables = {{"The least trustworthy answers at the p of the settings, of classes that the network "
                 "answers without faults",
                 "least_trust", false},
                {"All classes", "all_trust", true}}},
    {.id = "bits",
     .title = "Bit positions",
     .text =
         "Bit 0 is the lowest of the word in which a value is stored, the highest is its sign; which bits "
         "are "
         "the exponent depends on the type (of fp32 30 to 23, of fp16 14 to 10, of bf16 14 to 7; view "
         "number_type has all), and of an integer all but the sign are called mantissa here. Rates over all "
         "layers of a type weigh each by the bits that a fault may hit there, with Fay and Feuer's interval; "
         "view bit_accuracy has bounds by layer.",
     .figure = "bits",
     .figure_text = "Share of trials with another answer, by layer and by flipped bit. Grey: not tried.",
     .tables = {{"Rates by field and bit position, over all layers of a type", "bits", true}}},
    {.id = "rerun",
     .title = "Run again if the answer is suspicious",
     .text = "A transient fault is gone when the inference is run again. If all answers in a set S of "
             "classes are run again, silent corruptions into S are caught. S is chosen on one half of the "
             "images, within the budget of extra inferences in the settings, and judged on the other half. "
             "This does not help against faults that stay: weights, stuck bits.",
     .figure = "rerun",
     .figure_text = "What a growing set S catches, and what it costs.",
     .tables = {{"The policy chosen within the budget, judged on the other half of the images", "policy",
                 false},
                {"The classes of S", "policy_classes", true}}},
    {.id = "fit",
     .title = "Failure rates",
     .text =
         "FIT (failures in 10^9 hours) = raw upset rate x bits x share of the time the bits are live x "
         "P(SDC-1 | fault). In the terms of ISO 26262-5, silent corruptions that no mechanism catches "
         "are residual faults, DUE are detected ones, if the item looks for NaN and Inf; SPFM is the "
         "single-point fault metric over these "
         "bits. The target is the one of the settings, for the whole item: met or missed only where the "
         "whole "
         "interval says so. AVF: share of upsets that end as SDC-1 or DUE; PVF (program vulnerability "
         "factor): the same given that the bit is live. Sums over layers: Fay and Feuer's interval. The raw "
         "rate is an input, taken as exact.",
     .tables = {{"Sums, for each fault entry (pooled entries: by the prior of layers)", "rates", false},
                {"By layer", "layer_rates", true}}},
    {.id = "severity",
     .title = "Severity",
     .text = "Mean cost of an answer under one fault, with the groups of classes and the costs loaded into "
             "the file. Held against the fault-free answer: what faults add. Held against the label: with "
             "the network's own errors.",
     .tables = {{"Mean cost by layer, compared with the fault-free answer", "cost", false},
                {"Which group turns into which", "groups", true}},
     .only_if = "SELECT (SELECT count(*) FROM class_group) + (SELECT count(*) FROM group_cost)"},
    {.id = "evidence",
     .title = "Campaign, and evidence of its soundness",
     .text = "A replayed trial has the same bits as a full re-run with the fault; before a method is used, "
             "a self-test compares both on the machine at hand. An audit repeats a share of the trials "
             "in full.",
     .tables = {{"Campaign", "campaign", false},
                {"Fault entries", "entries", false},
                {"Runs", "runs", false},
                {"Images left out", "left_out", true},
                {"Settings", "settings", true}}},
};

const int bs_report_n_sections = sizeof bs_report_sections / sizeof *bs_report_sections;
