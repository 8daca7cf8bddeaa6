#include "report/sections.h"

#include <stddef.h>

#define PERCENT(x, digits) "printf('%." #digits "f %%', 100.0 * (" x "))"
#define RANGE(low, high, digits)                                                                             \
    "printf('%." #digits "f - %." #digits "f %%', 100.0 * (" low "), 100.0 * (" high "))"
#define CLASS_NAME(id, name) "CASE WHEN " name " IS NULL THEN " id " ELSE " id " || ' ' || " name " END"

const bs_section bs_report_sections[] = {
    {.id = "glance",
     .title = "At a glance",
     .text =
         "Every trial is one inference with one fault (or, with a bit error rate, with many). Masked: all "
         "values "
         "became equal to the fault-free ones again. Benign: the output differs, the answer does not. SDC-1: "
         "another answer, silently. DUE: NaN or Inf in the output, which can be detected.",
     .tables =
         {{"Outcomes by fault entry",
           "SELECT e.id AS entry, e.name, e.kind || CASE WHEN e.ber > 0 THEN ', rate ' || e.ber ELSE '' END "
           "AS "
           "fault, count(DISTINCT s.layer) AS layers, sum(s.n) AS trials, " PERCENT(
               "sum(s.masked) * 1.0 / sum(s.n)",
               2) " AS "
                  "masked, " PERCENT(
                      "(sum(s.n) - sum(s.masked) - sum(s.wrong) FILTER (WHERE s.class >= 0) - "
                      "ifnull(sum(s.n - s.masked) FILTER (WHERE s.class < 0), 0)) * 1.0 / sum(s.n)",
                      2) " AS benign, " PERCENT("sum(s.wrong) FILTER (WHERE s.class >= 0) * 1.0 / sum(s.n)",
                                                3) " AS \"SDC-1\", " PERCENT("ifnull(sum(s.n - s.masked) "
                                                                             "FILTER (WHERE s.class < 0), 0) "
                                                                             "* 1.0 / sum(s.n)",
                                                                             3) " AS DUE, " PERCENT("sum(s."
                                                                                                    "golden_"
                                                                                                    "correct)"
                                                                                                    " * 1.0 "
                                                                                                    "/ "
                                                                                                    "nullif("
                                                                                                    "sum(s."
                                                                                                    "labelled"
                                                                                                    "), 0)",
                                                                                                    2) " AS "
                                                                                                       "\"acc"
                                                                                                       "uracy"
                                                                                                       " with"
                                                                                                       "out "
                                                                                                       "fault"
                                                                                                       "s\","
                                                                                                       " " PERCENT(
                                                                                                           "s"
                                                                                                           "u"
                                                                                                           "m"
                                                                                                           "("
                                                                                                           "s"
                                                                                                           "."
                                                                                                           "c"
                                                                                                           "o"
                                                                                                           "r"
                                                                                                           "r"
                                                                                                           "e"
                                                                                                           "c"
                                                                                                           "t"
                                                                                                           ")"
                                                                                                           " "
                                                                                                           "*"
                                                                                                           " "
                                                                                                           "1"
                                                                                                           "."
                                                                                                           "0"
                                                                                                           " "
                                                                                                           "/"
                                                                                                           " "
                                                                                                           "n"
                                                                                                           "u"
                                                                                                           "l"
                                                                                                           "l"
                                                                                                           "i"
                                                                                                           "f"
                                                                                                           "("
                                                                                                           "s"
                                                                                                           "u"
                                                                                                           "m"
                                                                                                           "("
                                                                                                           "s"
                                                                                                           "."
                                                                                                           "l"
                                                                                                           "a"
                                                                                                           "b"
                                                                                                           "e"
                                                                                                           "l"
                                                                                                           "l"
                                                                                                           "e"
                                                                                                           "d"
                                                                                                           ")"
                                                                                                           ","
                                                                                                           " "
                                                                                                           "0"
                                                                                                           ")",
                                                                                                           2) " AS \"under fault\" FROM layer_summary s JOIN "
                                                                                                              "entry e ON e.id = s.entry GROUP BY e.id",
           false}}},
    {.id = "accuracy",
     .title = "Accuracy under fault, by layer",
     .text = "Intervals have 95 % confidence. They count trials for activations; for parameters they count "
             "faults, "
             "because all trials with the same faulty weight are correlated. So few faulty weights give wide "
             "intervals, "
             "however many images they met.",
     .figure = "accuracy",
     .figure_text = "Probability that the answer is correct if one fault hits the layer. Dashed: the same "
                    "images without faults.",
     .tables =
         {
             {"The most vulnerable layers",
              "SELECT entry, layer_name AS layer, trials, " PERCENT("sdc1_rate", 3) " AS \"SDC-1\", " RANGE(
                  "sdc1_low", "sdc1_high",
                  3) " AS \"95 %\", " PERCENT("due_rate", 3) " AS DUE, units || ' ' || unit || 's' AS "
                                                             "counted FROM layer_accuracy ORDER BY "
                                                             "sdc1_rate DESC LIMIT 10",
              false},
             {"All layers",
              "SELECT entry, layer_name AS layer, trials, " PERCENT("accuracy", 2) " AS accuracy, " PERCENT("masked_rate", 2) " AS masked, " PERCENT(
                  "sdc1_rate",
                  3) " AS \"SDC-1\", " RANGE("sdc1_low", "sdc1_high",
                                             3) " AS \"95 %\", " PERCENT("sdc5_rate",
                                                                         3) " AS "
                                                                            "\"SDC-5\","
                                                                            " " PERCENT(
                                                                                "sdc10_"
                                                                                "rate",
                                                                                3) " AS "
                                                                                   "\"SD"
                                                                                   "C-"
                                                                                   "10 "
                                                                                   "%\","
                                                                                   " " PERCENT("sdc20_rate", 3) " AS \"SDC-20 %\", " PERCENT(
                                                                                       "due_rate",
                                                                                       3) " AS DUE, units || "
                                                                                          "' ' || unit || "
                                                                                          "'s' AS counted "
                                                                                          "FROM "
                                                                                          "layer_accuracy "
                                                                                          "ORDER BY entry, "
                                                                                          "layer",
              true}}},
    {.id = "sinks",
     .title = "Sinks: where wrong answers drain to",
     .text = "A sink is a class that takes a significantly larger share of the wrong answers than both its "
             "share of the "
             "fault-free answers and of the fault-free runners-up, from at least three classes. An image "
             "counts once for "
             "each wrong answer. Significance: binomial test, Benjamini and Hochberg's false discovery rate.",
     .figure = "sinks",
     .figure_text =
         "True class against answer. The diagonal is right. Red rows are sinks, named at the side.",
     .tables = {{"Sinks of each entry, over all layers",
                 "SELECT entry, " CLASS_NAME(
                     "class", "class_name") " AS class, printf('%.1f', lift) AS "
                                            "lift, " PERCENT("share", 1) " AS \"share of wrong "
                                                                         "answers\", " PERCENT(
                                                                             "sdc_share", 1) " AS \"of "
                                                                                             "silent "
                                                                                             "corruptions\","
                                                                                             " golden_"
                                                                                             "classes AS "
                                                                                             "\"from "
                                                                                             "classes\", "
                                                                                             "images, "
                                                                                             "trials, "
                                                                                             "printf('%.1e',"
                                                                                             " q_value) AS "
                                                                                             "q FROM "
                                                                                             "sink_class "
                                                                                             "WHERE level = "
                                                                                             "'overall' "
                                                                                             "ORDER BY "
                                                                                             "entry, "
                                                                                             "sdc_share "
                                                                                             "DESC LIMIT 20",
                 false},
                {"Sinks by layer",
                 "SELECT entry, layer_name AS layer, " CLASS_NAME(
                     "class", "class_name") " AS class, "
                                            "printf('%.1f', lift) AS "
                                            "lift, " PERCENT("share", 1) " AS \"share of "
                                                                         "wrong "
                                                                         "answers\","
                                                                         " " PERCENT("sdc_"
                                                                                     "share",
                                                                                     1) " AS"
                                                                                        " \""
                                                                                        "of "
                                                                                        "sil"
                                                                                        "ent"
                                                                                        " co"
                                                                                        "rru"
                                                                                        "pti"
                                                                                        "ons"
                                                                                        "\","
                                                                                        " "
                                                                                        "gol"
                                                                                        "den"
                                                                                        "_cl"
                                                                                        "ass"
                                                                                        "es "
                                                                                        "AS "
                                                                                        "\"f"
                                                                                        "rom"
                                                                                        " cl"
                                                                                        "ass"
                                                                                        "es"
                                                                                        "\","
                                                                                        " im"
                                                                                        "age"
                                                                                        "s, "
                                                                                        "tri"
                                                                                        "als"
                                                                                        ", "
                                                                                        "pri"
                                                                                        "ntf"
                                                                                        "('%"
                                                                                        ".1e"
                                                                                        "', "
                                                                                        "q_"
                                                                                        "val"
                                                                                        "ue)"
                                                                                        " AS"
                                                                                        " q "
                                                                                        "FRO"
                                                                                        "M "
                                                                                        "sin"
                                                                                        "k_"
                                                                                        "cla"
                                                                                        "ss "
                                                                                        "WHE"
                                                                                        "RE "
                                                                                        "lev"
                                                                                        "el "
                                                                                        "= "
                                                                                        "'la"
                                                                                        "yer"
                                                                                        "' "
                                                                                        "ORD"
                                                                                        "ER "
                                                                                        "BY "
                                                                                        "ent"
                                                                                        "ry,"
                                                                                        " la"
                                                                                        "yer"
                                                                                        ", "
                                                                                        "sha"
                                                                                        "re "
                                                                                        "DES"
                                                                                        "C "
                                                                                        "LIM"
                                                                                        "IT "
                                                                                        "50"
                                                                                        "0",
                 true},
                {"Sinks by bit position",
                 "SELECT entry, bit, " CLASS_NAME(
                     "class", "class_name") " AS class, printf('%.1f', lift) AS "
                                            "lift, " PERCENT("share", 1) " AS \"share of wrong "
                                                                         "answers\", " PERCENT("sdc_share",
                                                                                               1) " AS \"of "
                                                                                                  "silent "
                                                                                                  "corruptio"
                                                                                                  "ns\", "
                                                                                                  "images, "
                                                                                                  "trials, "
                                                                                                  "printf('%"
                                                                                                  ".1e', "
                                                                                                  "q_value) "
                                                                                                  "AS q "
                                                                                                  "FROM "
                                                                                                  "sink_"
                                                                                                  "class "
                                                                                                  "WHERE "
                                                                                                  "level = "
                                                                                                  "'bit' "
                                                                                                  "ORDER BY "
                                                                                                  "entry, "
                                                                                                  "bit "
                                                                                                  "DESC, "
                                                                                                  "share "
                                                                                                  "DESC "
                                                                                                  "LIMIT "
                                                                                                  "500",
                 true},
                {"Concentration of wrong answers: entropy in bits, share of the five most frequent",
                 "SELECT entry, ifnull(layer_name, 'all') AS layer, sdc1 AS \"silent corruptions\", classes, "
                 "printf('%.2f', entropy) AS "
                 "entropy, " PERCENT("top5_share",
                                     1) " AS \"top five\" FROM sink_concentration WHERE level <> 'bit'",
                 true}}},
    {.id = "trust",
     .title = "How far can an answer be trusted?",
     .text =
         "Trust in class c is the probability that the answer c is correct, if an inference meets a fault "
         "with "
         "probability p. By label: it is the image's label. By golden answer: it is what the network says "
         "without "
         "faults. p = 0 and p = 1: no fault, and certainly one. The population is the images of this file.",
     .figure = "trust",
     .figure_text = "Trust against the probability of a fault, by label where there are labels.",
     .tables =
         {{"The least trustworthy answers at the p of the settings, of classes that the network answers "
           "without faults",
           "SELECT scope, " CLASS_NAME("class", "class_name") " AS class, printf('%.3g', p) AS p, " PERCENT(
               "trust_label",
               3) " AS \"by label\", " PERCENT("label_with_fault",
                                               2) " AS \"p = 1\", " PERCENT("trust_golden",
                                                                            5) " AS \"by golden "
                                                                               "answer\", " PERCENT("golden_"
                                                                                                    "with_"
                                                                                                    "fault",
                                                                                                    2) " AS "
                                                                                                       "\"p "
                                                                                                       "= 1 "
                                                                                                       "\", "
                                                                                                       "label"
                                                                                                       "_imag"
                                                                                                       "es "
                                                                                                       "AS "
                                                                                                       "\"ima"
                                                                                                       "ges "
                                                                                                       "with "
                                                                                                       "the "
                                                                                                       "label"
                                                                                                       "\", "
                                                                                                       "n AS "
                                                                                                       "\"tri"
                                                                                                       "als "
                                                                                                       "with "
                                                                                                       "the "
                                                                                                       "answe"
                                                                                                       "r\", "
                                                                                                       "wrong"
                                                                                                       " AS "
                                                                                                       "\"not"
                                                                                                       " gold"
                                                                                                       "en\" "
                                                                                                       "FROM "
                                                                                                       "bn_"
                                                                                                       "trust"
                                                                                                       " WHER"
                                                                                                       "E "
                                                                                                       "golde"
                                                                                                       "n_"
                                                                                                       "image"
                                                                                                       "s > "
                                                                                                       "0 "
                                                                                                       "AND "
                                                                                                       "trust"
                                                                                                       "_labe"
                                                                                                       "l IS "
                                                                                                       "NOT "
                                                                                                       "NULL "
                                                                                                       "AND "
                                                                                                       "scope"
                                                                                                       " = "
                                                                                                       "(SELE"
                                                                                                       "CT "
                                                                                                       "min("
                                                                                                       "scope"
                                                                                                       ") "
                                                                                                       "FROM "
                                                                                                       "bn_"
                                                                                                       "trust"
                                                                                                       ") "
                                                                                                       "LIMIT"
                                                                                                       " 12",
           false},
          {"All classes",
           "SELECT scope, " CLASS_NAME("class", "class_name") " AS class, " PERCENT(
               "trust_label",
               4) " AS \"by label\", " RANGE("trust_label_low", "trust_label_high",
                                             4) " AS \"95 %\", " PERCENT("trust_golden",
                                                                         5) " AS \"by golden "
                                                                            "answer\", " RANGE("trust_golden_"
                                                                                               "low",
                                                                                               "trust_golden_"
                                                                                               "high",
                                                                                               5) " AS \"95 "
                                                                                                  "% \", "
                                                                                                  "printf('%."
                                                                                                  "3g', "
                                                                                                  "p_fault) "
                                                                                                  "AS "
                                                                                                  "\"P(fault "
                                                                                                  "| "
                                                                                                  "answer)\","
                                                                                                  " assessmen"
                                                                                                  "t, n AS "
                                                                                                  "trials, "
                                                                                                  "wrong AS "
                                                                                                  "\"not "
                                                                                                  "golden\" "
                                                                                                  "FROM "
                                                                                                  "bn_trust "
                                                                                                  "WHERE "
                                                                                                  "golden_"
                                                                                                  "images + "
                                                                                                  "n > 0 "
                                                                                                  "LIMIT "
                                                                                                  "3000",
           true}}},
    {.id = "bits",
     .title = "Bit positions",
     .text = "IEEE 754 single precision: bit 31 is the sign, 30 to 23 the exponent, 22 to 0 the mantissa.",
     .figure = "bits",
     .figure_text = "Share of trials with another answer, by layer and by flipped bit. Grey: not tried.",
     .tables =
         {{"Rates by bit position, over all layers",
           "SELECT entry, bit, sum(trials) AS trials, " PERCENT(
               "sum(sdc1_rate * trials) / sum(trials)",
               3) " AS \"SDC-1\", " PERCENT("sum(due_rate * trials) / sum(trials)",
                                            3) " AS DUE, " PERCENT("sum(masked_rate * trials) / sum(trials)",
                                                                   2) " AS masked FROM bit_accuracy GROUP BY "
                                                                      "entry, bit ORDER BY entry, bit DESC",
           true}}},
    {.id = "rerun",
     .title = "Run again if the answer is suspicious",
     .text = "A transient fault is gone when the inference is run again. If all answers in a set S of "
             "classes are run "
             "again, silent corruptions into S are caught. S is chosen on one half of the images, within the "
             "budget of "
             "extra inferences in the settings, and judged on the other half. This does not help against "
             "faults that stay: "
             "weights, stuck bits.",
     .figure = "rerun",
     .figure_text = "What a growing set S catches, and what it costs.",
     .tables =
         {{"The policy within the budget, judged on the other half of the images",
           "SELECT scope, size AS \"classes in S\", " PERCENT(
               "extra",
               2) " AS \"extra inferences\", " PERCENT("false_alarm",
                                                       2) " AS \"false alarms\", " PERCENT("caught",
                                                                                           1) " AS "
                                                                                              "caught,"
                                                                                              " " RANGE(
                                                                                                  "caug"
                                                                                                  "ht_"
                                                                                                  "low",
                                                                                                  "caug"
                                                                                                  "ht_"
                                                                                                  "hig"
                                                                                                  "h",
                                                                                                  1) " "
                                                                                                     "A"
                                                                                                     "S"
                                                                                                     " "
                                                                                                     "\"95 "
                                                                                                     "%\", "
                                                                                                     "p"
                                                                                                     "r"
                                                                                                     "i"
                                                                                                     "n"
                                                                                                     "t"
                                                                                                     "f"
                                                                                                     "("
                                                                                                     "'"
                                                                                                     "%"
                                                                                                     "."
                                                                                                     "3"
                                                                                                     "g"
                                                                                                     "'"
                                                                                                     ","
                                                                                                     " "
                                                                                                     "s"
                                                                                                     "d"
                                                                                                     "c"
                                                                                                     "_"
                                                                                                     "r"
                                                                                                     "a"
                                                                                                     "t"
                                                                                                     "e"
                                                                                                     ")"
                                                                                                     " "
                                                                                                     "A"
                                                                                                     "S"
                                                                                                     " "
                                                                                                     "\"P("
                                                                                                     "silent "
                                                                                                     "corrupt"
                                                                                                     "ion)\","
                                                                                                     " printf"
                                                                                                     "('%.3g'"
                                                                                                     ", "
                                                                                                     "residua"
                                                                                                     "l_sdc_"
                                                                                                     "rate) "
                                                                                                     "AS "
                                                                                                     "\"with "
                                                                                                     "policy"
                                                                                                     "\" "
                                                                                                     "FROM "
                                                                                                     "rerun_"
                                                                                                     "policy",
           false},
          {"S",
           "SELECT scope, place, " CLASS_NAME("class", "class_name") " AS class, " PERCENT(
               "budget_used",
               3) " AS \"budget used\", " PERCENT("caught",
                                                  2) " AS catches FROM rerun_set ORDER BY scope, place",
           true}}},
    {.id = "fit",
     .title = "Failure rates",
     .text = "FIT (failures in 10^9 hours) = raw upset rate x bits x share of the time the bits are live x "
             "P(SDC-1 | fault). "
             "In the terms of ISO 26262-5, silent corruptions that no mechanism catches are residual faults, "
             "DUE are "
             "detected ones; SPFM is the single-point fault metric over these bits. The target is the one of "
             "the settings: "
             "met or missed only where the whole interval says so. AVF: share of upsets that end as SDC-1 or "
             "DUE; "
             "PVF: the same given that the bit is live. The raw rate is an input, taken as exact.",
     .tables =
         {{"Sums, for each fault entry (scope -1: entries pooled by the prior of layers)",
           "SELECT scope, kind, printf('%.3g', bits / 1e6) AS Mbit, printf('%.4g', raw_fit) AS \"raw FIT\", "
           "printf('%.4g', sdc_fit) AS "
           "\"SDC FIT\", printf('%.3g - %.3g', sdc_fit_low, sdc_fit_high) AS \"95 %\", printf('%.4g', "
           "due_fit) AS \"DUE FIT\", " PERCENT("pvf", 3) " AS PVF, " PERCENT("avf", 3) " AS AVF, " PERCENT(
               "spfm", 2) " AS SPFM, fit_target AS \"target FIT\", target FROM "
                          "failure_rate WHERE level = 'kind' OR (level = 'all' AND scope = -1)",
           false},
          {"By layer",
           "SELECT scope, kind, layer_name AS layer, bits, printf('%.4g', raw_fit) AS \"raw FIT\", "
           "printf('%.4g', sdc_fit) AS \"SDC FIT\", "
           "printf('%.3g - %.3g', sdc_fit_low, sdc_fit_high) AS \"95 %\", printf('%.4g', due_fit) AS \"DUE "
           "FIT\", " PERCENT("pvf", 3) " AS PVF, " PERCENT(
               "avf", 3) " AS AVF FROM failure_rate WHERE level = 'layer'",
           true}}},
    {.id = "severity",
     .title = "Severity",
     .text = "Mean cost of an answer under one fault, with the groups of classes and the costs loaded into "
             "the file. "
             "Held against the fault-free answer: what faults add. Held against the label: with the "
             "network's own errors.",
     .tables = {{"Mean cost by layer, held against the fault-free answer",
                 "SELECT entry, layer_name AS layer, trials, printf('%.5g', cost) AS cost, printf('%.3g - "
                 "%.3g', low, high) AS \"95 %\", " PERCENT("wrong_rate", 3) " AS \"wrong class\", " PERCENT(
                     "wrong_group_rate", 3) " AS \"wrong group\" FROM severity WHERE correct = "
                                            "'golden' ORDER BY cost DESC",
                 false},
                {"Which group turns into which",
                 "SELECT entry, truth_group AS \"true group\", answer_group AS answer, sum(trials) AS "
                 "trials, sum(wrong) AS \"wrong class\", "
                 "printf('%.4g', sum(cost * trials) / sum(trials)) AS \"mean cost\" FROM severity_confusion "
                 "WHERE correct = 'golden' AND wrong > 0 "
                 "GROUP BY 1, 2, 3 ORDER BY sum(cost * trials) DESC LIMIT 200",
                 true}},
     .only_if = "SELECT (SELECT count(*) FROM class_group) + (SELECT count(*) FROM group_cost)"},
    {.id = "evidence",
     .title = "Campaign, and evidence of its soundness",
     .text = "A replayed trial has the same bits as a full re-run with the fault; before work, a self-test "
             "compares both "
             "on the machine at hand for every target. An audit repeats a share of the trials in full.",
     .tables =
         {{"Campaign",
           "SELECT 'model' AS fact, model AS value FROM campaign UNION ALL SELECT 'SHA-256 of the model', "
           "model_sha256 FROM campaign "
           "UNION ALL SELECT 'seed', seed FROM campaign UNION ALL SELECT 'preprocessing', preprocess FROM "
           "campaign UNION ALL SELECT "
           "'classes', classes FROM campaign UNION ALL SELECT 'images', count(*) FROM image UNION ALL SELECT "
           "'images with a label', "
           "count(class) FROM image UNION ALL SELECT 'planned trials', planned_trials FROM campaign UNION "
           "ALL SELECT 'trials in the file', "
           "ifnull(sum(n), 0) FROM layer_summary UNION ALL SELECT 'audited trials (full re-run gave the same "
           "output)', (SELECT audited FROM bit_counted) UNION ALL SELECT 'unreadable images, left out', "
           "count(*) FROM "
           "broken_image UNION ALL SELECT "
           "'strata without trials', (SELECT count(*) FROM stratum) - (SELECT count(*) FROM (SELECT DISTINCT "
           "entry, layer FROM "
           "layer_summary)) UNION ALL SELECT 'made', created || ' by bitsink ' || version FROM campaign",
           false},
          {"Fault entries",
           "SELECT id, name, kind, printf('0x%08x', bits) AS bits, burst, count, ber AS \"bit error rate\", "
           "targets, trials AS \"trials "
           "for each layer and image\" FROM entry ORDER BY id",
           false},
          {"Runs",
           "SELECT id AS run, started, host, backend, device, isa AS \"instruction set\", library, version, "
           "mode, selftest AS \"self-test\", "
           "threads, trials, printf('%.0f', trials / nullif(seconds, 0)) AS \"trials/s\", fingerprint, exit "
           "FROM run ORDER BY id",
           false},
          {"Images left out",
           "SELECT i.path AS image, b.reason, b.trials FROM broken_image b JOIN image i ON i.id = b.image",
           true},
          {"Settings", "SELECT name, value, comment FROM bn_parameter", true}}},
};

const int bs_report_n_sections = sizeof bs_report_sections / sizeof *bs_report_sections;
