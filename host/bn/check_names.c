#include "bn/check_names.h"

#include "base/buf.h"

#include <math.h>
#include <string.h>

const char *const bs_check_bound_name[BS_CHECK_RATE + 1][2] = {
    [BS_CHECK_ONE_SIDED] = {"upper", "lower"},
    [BS_CHECK_TWO_SIDED] = {"high", "low"},
    [BS_CHECK_POPULATION] = {"population_high", "population_low"},
    [BS_CHECK_RATE] = {"rate", "rate"},
};

/* Conditions for entries, as in view bn_stratum: trials that hit several layers, trials that may hold any
 * number of faults, and strata that failure_rate covers. */
#define SEVERAL     "EXISTS (SELECT 1 FROM stratum n WHERE n.entry = e.id AND n.layer = 4095)"
#define CONDITIONAL "(e.ber > 0 OR e.probability < 1 OR " SEVERAL ")"
#define ONE_FAULT   "NOT " CONDITIONAL " AND e.count = 1 AND e.kind <> 'none'"
/* The same as reasons, to follow "entry 3 has ". */
#define SAY_SEVERAL "WHEN " SEVERAL " THEN 'faults in several layers at once' "
#define SAY_CONDITIONAL                                                                                      \
    "WHEN e.ber > 0 THEN 'a bit error rate' " SAY_SEVERAL                                                    \
    "WHEN e.probability < 1 THEN 'faults in a part of its trials' "
#define SAY_MANY                                                                                             \
    SAY_CONDITIONAL                                                                                          \
    "WHEN e.kind = 'none' THEN 'no faults' WHEN e.count = 0 THEN 'faults in all elements at once' "          \
    "WHEN e.count > 1 THEN e.count || ' faults in each trial' "

/* True for an entry with permanent faults. */
#define PERMANENT "(SELECT k.permanent FROM fault_kind k WHERE k.kind = e.kind)"

enum source { NETWORK, LAYER, BIT, FIT, LAYER_FIT, SEVERITY, CORRECT, TRUST, RERUN };

#define NONE "NULL"

static const bs_check_source sources[] = {
    [NETWORK] = {.view = "network_outcome",
                 .entry = "entry",
                 .of = "weights",
                 .order = "0",
                 .units = NONE,
                 .unit = NONE,
                 .outcome = "outcome",
                 .exact = "census",
                 .asked = "NOT " CONDITIONAL,
                 .lacks = "CASE " SAY_CONDITIONAL "END",
                 .instead = "layer_",
                 .weights = true},
    [LAYER] = {.view = "layer_outcome",
               .entry = "entry",
               .layer = "layer",
               .of = NONE,
               .order = "0",
               .units = "units",
               .unit = "unit",
               .outcome = "outcome",
               .exact = "census",
               .asked = "1"},
    [BIT] = {.view = "bit_accuracy",
             .entry = "entry",
             .layer = "layer",
             .of = "'bit ' || bit",
             .order = "bit",
             .units = "units",
             .unit = NONE,
             .exact = "0",
             .asked = "e.kind = 'flip' AND e.burst = 1 AND e.sites IS NULL AND " ONE_FAULT,
             .lacks = "CASE " SAY_MANY "WHEN e.burst > 1 THEN 'bursts of ' || e.burst || ' bits' "
                      "WHEN e.sites IS NOT NULL THEN 'a list of sites' "
                      "WHEN e.kind <> 'flip' THEN 'faults that are not flips' END",
             .instead = "layer_sdc",
             .bits = true},
    [FIT] = {.view = "failure_rate",
             .entry = "scope",
             .of = "kind",
             .order = "kind",
             .units = "units",
             .unit = "CASE kind WHEN 'parameters' THEN 'fault' WHEN 'activations' THEN 'trial' END",
             .exact = "0",
             .coverage = "coverage",
             .asked = ONE_FAULT,
             .lacks = "CASE " SAY_MANY "END",
             .instead = "layer_sdc"},
    [LAYER_FIT] = {.view = "failure_rate",
                   .entry = "entry",
                   .layer = "layer",
                   .of = NONE,
                   .order = "0",
                   .units = "units",
                   .unit = NONE,
                   .exact = "0",
                   .asked = ONE_FAULT,
                   .lacks = "CASE " SAY_MANY "END",
                   .instead = "layer_sdc"},
    [SEVERITY] = {.view = "severity",
                  .entry = "entry",
                  .layer = "layer",
                  .of = NONE,
                  .order = "0",
                  .units = "units",
                  .unit = "unit",
                  .exact = "census",
                  .asked = "s.layer <> 4095",
                  .lacks = "CASE " SAY_SEVERAL "END"},
    [CORRECT] = {.view = "bn_correct_given_layer",
                 .entry = "entry",
                 .layer = "layer",
                 .of = NONE,
                 .order = "0",
                 .units = NONE,
                 .unit = NONE,
                 .exact = "0",
                 .asked = "1"},
    [TRUST] = {.view = "bn_trust",
               .entry = "scope",
               .of = "'class ' || class || ifnull(' ' || class_name, '')",
               .order = "class",
               .units = NONE,
               .unit = NONE,
               .exact = "0",
               .asked = "1",
               .lacks = "CASE WHEN EXISTS (SELECT 1 FROM bn_prior_layer p WHERE p.entry = e.id) "
                        "THEN 'its layers in bn_prior_layer' END",
               .instead = "--entry -1"},
    [RERUN] = {.view = "rerun_policy",
               .entry = "scope",
               .of = NONE,
               .order = "0",
               .units = "sdc_trials",
               .unit = "'trial'",
               .exact = "0",
               .asked = "NOT s.parameter AND s.layer <> 4095 AND NOT " PERMANENT,
               .lacks = "CASE " SAY_SEVERAL "WHEN " PERMANENT
                        " OR NOT EXISTS (SELECT 1 FROM stratum s WHERE s.entry = "
                        "e.id AND NOT s.parameter) THEN 'faults that a second run meets again' END"},
};

enum columns {
    RATE,
    DROP,
    BIT_SDC,
    BIT_DUE,
    SDC_FIT,
    DUE_FIT,
    SPFM,
    AVF,
    PVF,
    PARAMETER_VF,
    COST,
    CORRECT_LABEL,
    CORRECT_GOLDEN,
    TRUST_LABEL,
    TRUST_GOLDEN,
    CAUGHT
};

#define LOW_HIGH(name)                                                                                       \
    {                                                                                                        \
        name "_high", name "_low"                                                                            \
    }
#define POPULATION(name)                                                                                     \
    {                                                                                                        \
        name "_population_high", name "_population_low"                                                      \
    }

static const bs_check_columns columns[] = {
    [RATE] = {"rate", {{"upper", "lower"}, {"high", "low"}, {"population_high", "population_low"}}, 0, 1},
    [DROP] = {"rate", {{"upper", "lower"}, {"high", "low"}, {"population_high", "population_low"}}, -1, 1},
    [BIT_SDC] = {"sdc1_rate", {{"sdc1_upper", NULL}, LOW_HIGH("sdc1")}, 0, 1},
    [BIT_DUE] = {"due_rate", {{NULL, NULL}, LOW_HIGH("due")}, 0, 1},
    [SDC_FIT] = {"sdc_fit",
                 {{"sdc_fit_upper", NULL}, LOW_HIGH("sdc_fit"), POPULATION("sdc_fit")},
                 0,
                 (double)INFINITY},
    [DUE_FIT] = {"due_fit", {{"due_fit_upper", NULL}, LOW_HIGH("due_fit")}, 0, (double)INFINITY},
    [SPFM] = {"spfm",
              {{NULL, "1.0 - sdc_fit_upper / raw_fit"},
               LOW_HIGH("spfm"),
               {"1.0 - sdc_fit_population_low / raw_fit", "1.0 - sdc_fit_population_high / raw_fit"}},
              0,
              1},
    [AVF] = {"avf", {{NULL, NULL}, LOW_HIGH("avf")}, 0, 1},
    [PVF] = {"pvf", {{NULL, NULL}, LOW_HIGH("pvf")}, 0, 1},
    [PARAMETER_VF] = {"parameter_vf", {{NULL, NULL}, LOW_HIGH("parameter_vf")}, 0, 1},
    [COST] = {"cost", {{"upper", NULL}, {"high", "low"}}, 0, (double)INFINITY},
    [CORRECT_LABEL] = {"correct_label", {{NULL, NULL}, LOW_HIGH("label")}, 0, 1},
    [CORRECT_GOLDEN] = {"correct_golden", {{NULL, NULL}, LOW_HIGH("golden")}, 0, 1},
    [TRUST_LABEL] = {"trust_label", {{NULL, NULL}, LOW_HIGH("trust_label"), POPULATION("trust_label")}, 0, 1},
    [TRUST_GOLDEN] = {"trust_golden",
                      {{NULL, NULL}, LOW_HIGH("trust_golden"), POPULATION("trust_golden")},
                      0,
                      1},
    [CAUGHT] = {"caught", {{NULL, "caught_lower"}, LOW_HIGH("caught")}, 0, 1},
};

static const bs_check_name names[] = {
#define X(name, better, source, column, where)                                                               \
    {#name, BS_CHECK_##better, &sources[source], &columns[column], where},
    BS_CHECKS(X)
#undef X
};

enum { N_NAMES = sizeof names / sizeof *names };

const bs_check_name *bs_check_find(const char *name)
{
    const char *known[N_NAMES];
    for (size_t i = 0; i < N_NAMES; i++) {
        known[i] = names[i].name;
        if (strcmp(name, known[i]) == 0)
            return &names[i];
    }
    bs_fail(BS_USAGE, "there is no rate '%s'", name);
    int near = bs_nearest(name, known, N_NAMES);
    if (near >= 0)
        bs_hint("did you mean '%s'? `bitsink help check` lists all", known[near]);
    else
        bs_hint("such as network_sdc, layer_accuracy, sdc_fit, trust; `bitsink help check` lists all");
    return NULL;
}
