-- The Bayesian network has the variables Image, Layer (the stratum that a fault hits, or none) and Class (the answer; -1 is
-- DUE). Everything is computed from the counts of answers, with the settings of bn_parameter and the tables of priors.
--
-- Notation: t is a stratum, i an image, c a class or DUE. w_i = P(I = i). g_i is the golden answer and y_i the label. F =
-- 1: exactly one fault of the campaign meets the inference. P(t) = P(L = t | F = 1). n_it is the number of trials of image
-- i in stratum t, n_itc the number of those that answered c; a is the pseudo-count. Strata without trials are left out, and
-- P(t) is renormalised; likewise P(.|t) is over the images that were tried in t. coverage says how much is left. W_t is the
-- probability of these images.
--
-- Chapter THE BAYESIAN NETWORK of bitsink-db(5) explains scopes: an entry id means the strata of this entry, -1 the strata
-- listed in bn_prior_layer, if setting layer_prior uses this table. Other entries are never pooled.
--
-- Intervals (low, high) have the confidence of bn_parameter. The population is sites x bits x the images of this file, so
-- what is known without faults has no width. Within a stratum they are Clopper and Pearson's bounds at n =
-- bn_support.observations. Sums over strata have Fay and Feuer's. A ratio is bounded by putting the bounds of its right
-- part and of its wrong part into it, which is wide in practice. With a pseudo-count, bounds are those of the raw
-- frequencies, widened to hold the smoothed value.

-- The confidence of all intervals, and the quantiles of the normal distribution that belong to it. Computed by Wichura's
-- PPND16 (Algorithm AS 241, Applied Statistics 37, 1988), to 16 digits.
CREATE VIEW bn_confidence AS
WITH tail (side, confidence, q) AS (
    SELECT side, value + 0.0, (1.0 - value) / side FROM bn_parameter, (SELECT 1 AS side UNION ALL SELECT 2)
     WHERE name = 'confidence'
), point AS (
    SELECT side, confidence, q, 0.5 - q AS d, 0.180625 - (0.5 - q) * (0.5 - q) AS m, sqrt(-ln(q)) AS r FROM tail
), quantile AS (
    SELECT side, confidence, CASE
        WHEN abs(d) <= 0.425 THEN d
            * (((((((2509.0809287301226727 * m + 33430.575583588128105) * m + 67265.770927008700853) * m
            + 45921.953931549871457) * m + 13731.693765509461125) * m + 1971.5909503065514427) * m + 133.14166789178437745) * m
            + 3.387132872796366608)
            / (((((((5226.495278852545925 * m + 28729.085735721942674) * m + 39307.89580009271061) * m
            + 21213.794301586595867) * m + 5394.1960214247511077) * m + 687.1870074920579083) * m + 42.313330701600911252) * m + 1.0)
        WHEN r <= 5.0 THEN
            (((((((7.7454501427834140764e-4 * (r - 1.6) + 0.0227238449892691845833) * (r - 1.6) + 0.24178072517745061177) * (r - 1.6)
            + 1.27045825245236838258) * (r - 1.6) + 3.64784832476320460504) * (r - 1.6) + 5.7694972214606914055) * (r - 1.6)
            + 4.6303378461565452959) * (r - 1.6) + 1.42343711074968357734)
            / (((((((1.05075007164441684324e-9 * (r - 1.6) + 5.475938084995344946e-4) * (r - 1.6) + 0.0151986665636164571966) * (r - 1.6)
            + 0.14810397642748007459) * (r - 1.6) + 0.68976733498510000455) * (r - 1.6) + 1.6763848301838038494) * (r - 1.6)
            + 2.05319162663775882187) * (r - 1.6) + 1.0)
        ELSE
            (((((((2.01033439929228813265e-7 * (r - 5.0) + 2.71155556874348757815e-5) * (r - 5.0) + 0.0012426609473880784386) * (r - 5.0)
            + 0.026532189526576123093) * (r - 5.0) + 0.29656057182850489123) * (r - 5.0) + 1.7848265399172913358) * (r - 5.0)
            + 5.4637849111641143699) * (r - 5.0) + 6.6579046435011037772)
            / (((((((2.04426310338993978564e-15 * (r - 5.0) + 1.4215117583164458887e-7) * (r - 5.0) + 1.8463183175100546818e-5) * (r - 5.0)
            + 7.868691311456132591e-4) * (r - 5.0) + 0.0148753612908506148525) * (r - 5.0) + 0.13692988092273580531) * (r - 5.0)
            + 0.59983220655588793769) * (r - 5.0) + 1.0) END AS z
      FROM point
)
SELECT max(confidence) AS confidence,           -- setting confidence
       max(CASE side WHEN 2 THEN z END) AS z,   -- quantile of two-sided bounds: P(-z < Z < z) = confidence
       max(CASE side WHEN 1 THEN z END) AS z1   -- quantile of one-sided bounds: P(Z < z1) = confidence
  FROM quantile;

-- The settings of bn_parameter in one row, for use in other views.
CREATE VIEW bn_setting AS
SELECT max(CASE name WHEN 'p' THEN value + 0.0 END) AS p, -- setting p
       max(CASE name WHEN 'layer_prior' THEN value END) AS layer_prior, -- setting layer_prior
       max(CASE name WHEN 'pseudo_count' THEN value + 0.0 END) AS a, -- setting pseudo_count
       max(CASE name WHEN 'alpha' THEN value + 0.0 END) AS alpha, -- setting alpha
       max(CASE name WHEN 'raw_rate' THEN value + 0.0 END) AS raw_rate, -- setting raw_rate
       max(CASE name WHEN 'activation_hours' THEN value + 0.0 END) AS activation_hours, -- setting activation_hours
       max(CASE name WHEN 'parameter_hours' THEN value + 0.0 END) AS parameter_hours, -- setting parameter_hours
       max(CASE name WHEN 'activation_duty' THEN min(value + 0.0, 1.0) END) AS activation_duty, -- setting activation_duty
       max(CASE name WHEN 'parameter_duty' THEN min(value + 0.0, 1.0) END) AS parameter_duty, -- setting parameter_duty
       max(CASE name WHEN 'fit_target' THEN value + 0.0 END) AS fit_target, -- setting fit_target
       max(CASE name WHEN 'rerun_budget' THEN value + 0.0 END) AS rerun_budget, -- setting rerun_budget
       max(CASE name WHEN 'default_cost' THEN value + 0.0 END) AS default_cost, -- setting default_cost
       confidence, z, z1   -- as in bn_confidence
  FROM bn_parameter CROSS JOIN bn_confidence;

-- P(image): the weights of the images whose golden run is in the file.
CREATE VIEW bn_image AS
WITH raw AS (
    SELECT i.id AS image, i.path, i.label, i.class AS label_class, g.class AS golden_class, g.image AS tried,
           CASE WHEN EXISTS (SELECT 1 FROM bn_prior_image) THEN ifnull(p.weight, 0.0) ELSE 1.0 END AS weight
      FROM image i LEFT JOIN golden g ON g.image = i.id LEFT JOIN bn_prior_image p ON p.image = i.id
), shared AS (
    SELECT *, weight / nullif(sum(weight) OVER (), 0) AS share FROM raw
)
SELECT image,                                                 -- image.id
       path,                                                  -- image.path
       label,                                                 -- image.label
       label_class,                                           -- y_i, image.class; NULL: no label
       golden_class,                                          -- g_i, -1: DUE
       weight / nullif(sum(weight) OVER (), 0) AS probability,-- w_i
       share                                                  -- its weight among all images of the campaign
  FROM shared WHERE tried IS NOT NULL;

-- Weight of each stratum in P(layer | fault), as setting layer_prior says, with or without trials.
CREATE VIEW bn_prior AS
WITH base AS (
    SELECT s.entry, s.layer, s.parameter, s.conditional, s.bits, x.layer_prior,
           CASE WHEN s.conditional OR x.layer_prior IN ('uniform', 'bits') THEN s.entry ELSE -1 END AS scope,
           p.probability AS direct, p.entry IS NOT NULL AS listed,
           CASE WHEN p.entry IS NOT NULL THEN
               coalesce(p.exposure, coalesce(p.raw_rate, x.raw_rate) * s.bits * coalesce(p.residency,
                   CASE WHEN s.parameter THEN x.parameter_hours ELSE x.activation_hours END)) END AS exposure
      FROM bn_stratum s CROSS JOIN bn_setting x
      LEFT JOIN bn_prior_layer p ON p.entry = s.entry AND p.layer = s.layer
), weighted AS (
    SELECT *, CASE WHEN layer_prior = 'bits' AND layer <> 4095 THEN bits * 1.0
                   WHEN layer_prior = 'uniform' OR conditional THEN 1.0
                   WHEN layer_prior = 'exposure' THEN exposure
                   ELSE direct END AS weight
      FROM base WHERE conditional OR layer_prior IN ('uniform', 'bits') OR listed
)
SELECT scope,    -- entry.id, or -1: the strata of bn_prior_layer
       entry,    -- entry.id
       layer,    -- layer.id
       bits,     -- bn_stratum.bits
       exposure, -- m_t: expected faults an inference; NULL: not asked for
       weight,   -- P(t), up to a common factor; NULL: 0
       conditional -- bn_stratum.conditional
  FROM weighted;

-- P(layer | fault): prior, exposure and coverage of each stratum.
CREATE VIEW bn_layer AS
WITH tried AS (
    SELECT entry, layer, sum(n) AS n FROM layer_summary GROUP BY entry, layer
), seen AS (
    SELECT entry, layer, images, coverage FROM bn_support
)
SELECT w.scope,                                       -- entry.id, or -1: the strata of bn_prior_layer
       w.entry,                                       -- entry.id
       w.layer,                                       -- layer.id
       l.label AS layer_name,                          -- layer.label
       w.bits,                                        -- bn_stratum.bits
       w.exposure,                                    -- m_t: expected faults an inference; NULL: not asked for
       ifnull(w.weight, 0.0) / nullif(sum(w.weight) OVER (PARTITION BY w.scope), 0) AS planned_probability,
                                                      -- P(t) if all strata had trials
       CASE WHEN t.n > 0 THEN ifnull(w.weight, 0.0) ELSE 0.0 END
           / nullif(sum(CASE WHEN t.n > 0 THEN ifnull(w.weight, 0.0) ELSE 0.0 END) OVER (PARTITION BY w.scope), 0)
           AS probability,                            -- P(t) over the strata with trials
       ifnull(t.n, 0) AS trials,                      -- trials in the file
       ifnull(s.images, 0) AS images,                 -- images with trials
       ifnull(s.coverage, 0.0) AS coverage,           -- their share of the campaign's images, by weight
       w.conditional                                  -- bn_stratum.conditional
  FROM bn_prior w JOIN layer l ON l.id = w.layer
  LEFT JOIN tried t ON t.entry = w.entry AND t.layer = w.layer
  LEFT JOIN seen s ON s.entry = w.entry AND s.layer = w.layer;

-- Pooled entries that may hit the same bits of the same tensor, which is refused. They are not two events, but one that is
-- counted twice: a scope that pools them has no P(F).
CREATE VIEW bn_overlap AS
SELECT a.layer,            -- layer.id
       a.entry AS entry_a, -- entry.id
       b.entry AS entry_b  -- entry.id of the other entry
  FROM bn_prior_layer a JOIN bn_prior_layer b ON b.layer = a.layer AND b.entry > a.entry
  JOIN entry x ON x.id = a.entry JOIN entry y ON y.id = b.entry
  JOIN fault_kind kx ON kx.kind = x.kind JOIN fault_kind ky ON ky.kind = y.kind
  LEFT JOIN stratum s ON s.entry = a.entry AND s.layer = a.layer LEFT JOIN stratum t ON t.entry = b.entry AND t.layer = b.layer
 WHERE NOT EXISTS (SELECT 1 FROM bn_stratum c -- those are scopes of their own
                    WHERE c.entry IN (a.entry, b.entry) AND c.layer = a.layer AND c.conditional)
   AND (ifnull(s.bits & t.bits, 1) <> 0 OR x.burst > 1 OR y.burst > 1 OR NOT kx.bitwise OR NOT ky.bitwise
        OR x.sites IS NOT NULL OR y.sites IS NOT NULL);

-- P(fault) and coverage of each scope: an entry, or the strata of bn_prior_layer.
CREATE VIEW bn_scope AS
SELECT b.scope,                    -- entry.id, or -1: the strata of bn_prior_layer
       CASE WHEN max(b.conditional) THEN 1.0
            WHEN b.scope = -1 AND EXISTS (SELECT 1 FROM bn_overlap) THEN NULL
            WHEN b.scope = -1 AND x.layer_prior = 'exposure' THEN CASE WHEN sum(b.exposure) > 1e-4 THEN 1.0 - exp(-sum(b.exposure))
                ELSE sum(b.exposure) * (1.0 - sum(b.exposure) / 2 * (1.0 - sum(b.exposure) / 3)) END -- of small ones all digits
            ELSE x.p END AS p,     -- P(F = 1); 1 if conditional; NULL: see bn_overlap
       CASE WHEN max(b.conditional) THEN NULL
            WHEN b.scope = -1 AND x.layer_prior = 'exposure' THEN sum(b.exposure) * sum(b.exposure) / 2
            WHEN x.p < 1 THEN ln(1.0 - x.p) * ln(1.0 - x.p) / 2 END
           AS two_fault_bound,     -- bound m^2/2 of the probability of two faults in one inference, which is neglected
       count(*) AS strata,         -- strata of the scope
       sum(b.trials > 0) AS tried, -- those of them that have trials
       round(sum(b.planned_probability * b.coverage), 12) AS coverage, -- share of P(t) x P(I) that has trials
       sum(b.trials) AS trials,    -- trials in the file
       max(b.conditional) AS conditional -- bn_stratum.conditional: the scope is one experiment, with p = 1
  FROM bn_layer b CROSS JOIN bn_setting x
 GROUP BY b.scope;
