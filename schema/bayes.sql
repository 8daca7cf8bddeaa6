-- The Bayesian network over Image, Layer (the stratum hit by a fault, or none) and Class (the answer, -1 for DUE).
-- Everything here is computed from the summaries, with the settings of settings.sql.
--
-- Notation of the comments: t a stratum, i an image, c a class or DUE; w_i = P(I = i); g_i the golden answer;
-- F = 1: exactly one fault of the campaign meets the inference; P(t) = P(L = t | F = 1). Strata without trials are
-- dropped and P(t) is renormalised; likewise P(.|t) is over the images tried in t. `coverage` says how much is left.
-- Probabilities given a stratum belong to it alone. What joins strata (bn_layer, bn_class, bn_trust, ...) has a
-- `scope`: an entry id (only strata of this entry: entries are never pooled silently), or -1 for the strata listed in
-- bn_prior_layer, where layer_prior says that this table is used.
-- Entries with a bit error rate inject all events at once: each is a scope of its own, with p = 1.
--
-- "Correct" has two meanings, and each column says which: `label`, the answer is the image's label; `golden`, it is
-- the fault-free answer. DUE is correct in neither.
--
-- Intervals (low, high) have the confidence of bn_parameter. The population is sites x bits x the images of this file,
-- so what is known without faults has no width. Within a stratum: Clopper and Pearson's bounds at
-- n = bn_support.observations (trials, or faults of a parameter). Sums over strata: Fay and Feuer. A ratio is bounded
-- by putting the bounds of its right and of its wrong part into it, which is wide in practice. formulas.cmake has them.
-- With a pseudo-count, bounds are those of the raw frequencies, widened to hold the smoothed value.

-- The confidence of all intervals, and the quantiles of the normal distribution that belong to it: z for two-sided
-- bounds, z1 for one-sided ones. Wichura's PPND16 (Algorithm AS 241, Applied Statistics 37, 1988): 16 digits.
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
SELECT max(confidence) AS confidence,           -- bn_parameter confidence
       max(CASE side WHEN 2 THEN z END) AS z,   -- P(-z < Z < z) = confidence
       max(CASE side WHEN 1 THEN z END) AS z1   -- P(Z < z1) = confidence
  FROM quantile;

-- The settings in one row, for use in other views: one column a setting, under its name (a: pseudo_count).
CREATE VIEW bn_setting AS
SELECT max(CASE name WHEN 'p' THEN value + 0.0 END) AS p,
       max(CASE name WHEN 'layer_prior' THEN value END) AS layer_prior,
       max(CASE name WHEN 'pseudo_count' THEN value + 0.0 END) AS a,
       max(CASE name WHEN 'alpha' THEN value + 0.0 END) AS alpha,
       max(CASE name WHEN 'raw_rate' THEN value + 0.0 END) AS raw_rate,
       max(CASE name WHEN 'activation_hours' THEN value + 0.0 END) AS activation_hours,
       max(CASE name WHEN 'parameter_hours' THEN value + 0.0 END) AS parameter_hours,
       max(CASE name WHEN 'activation_duty' THEN min(value + 0.0, 1.0) END) AS activation_duty,
       max(CASE name WHEN 'parameter_duty' THEN min(value + 0.0, 1.0) END) AS parameter_duty,
       max(CASE name WHEN 'fit_target' THEN value + 0.0 END) AS fit_target,
       max(CASE name WHEN 'rerun_budget' THEN value + 0.0 END) AS rerun_budget,
       max(CASE name WHEN 'default_cost' THEN value + 0.0 END) AS default_cost,
       confidence, z, z1   -- of all intervals; the normal quantiles of two-sided and of one-sided bounds
  FROM bn_parameter CROSS JOIN bn_confidence;

-- P(I): the images whose golden run is in the file.
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

-- The weight of each stratum in P(L | F = 1), as layer_prior says, with or without trials.
CREATE VIEW bn_prior AS
WITH base AS (
    SELECT s.entry, s.layer, s.parameter, s.is_ber, s.bits, x.layer_prior,
           CASE WHEN s.is_ber OR x.layer_prior IN ('uniform', 'bits') THEN s.entry ELSE -1 END AS scope,
           p.probability AS direct, p.entry IS NOT NULL AS listed,
           CASE WHEN p.entry IS NOT NULL THEN
               coalesce(p.exposure, coalesce(p.raw_rate, x.raw_rate) * s.bits * coalesce(p.residency,
                   CASE WHEN s.parameter THEN x.parameter_hours ELSE x.activation_hours END)) END AS exposure
      FROM bn_stratum s CROSS JOIN bn_setting x
      LEFT JOIN bn_prior_layer p ON p.entry = s.entry AND p.layer = s.layer
), weighted AS (
    SELECT *, CASE WHEN layer_prior = 'bits' THEN bits * 1.0
                   WHEN layer_prior = 'uniform' OR is_ber THEN 1.0
                   WHEN layer_prior = 'exposure' THEN exposure
                   ELSE direct END AS weight
      FROM base WHERE is_ber OR layer_prior IN ('uniform', 'bits') OR listed
)
SELECT scope,    -- entry.id, or -1: the strata of bn_prior_layer
       entry,    -- entry.id
       layer,    -- layer.id
       bits,     -- bn_stratum.bits
       exposure, -- m_t, expected faults an inference; NULL where not asked for
       weight    -- P(t), up to a common factor; NULL: 0
  FROM weighted;

-- P(L | F = 1), and how far each stratum is covered.
CREATE VIEW bn_layer AS
WITH tried AS (
    SELECT entry, layer, sum(n) AS n FROM layer_summary GROUP BY entry, layer
), seen AS (
    SELECT entry, layer, images, coverage FROM bn_support
)
SELECT w.scope,                                       -- entry.id, or -1: the strata of bn_prior_layer
       w.entry,                                       -- entry.id
       w.layer,                                       -- layer.id
       l.name AS layer_name,                          -- its tensor
       w.bits,                                        -- bn_stratum.bits
       w.exposure,                                    -- m_t, expected faults an inference; NULL where not asked for
       ifnull(w.weight, 0.0) / nullif(sum(w.weight) OVER (PARTITION BY w.scope), 0) AS planned_probability,
                                                      -- P(t) if all strata had trials
       CASE WHEN t.n > 0 THEN ifnull(w.weight, 0.0) ELSE 0.0 END
           / nullif(sum(CASE WHEN t.n > 0 THEN ifnull(w.weight, 0.0) ELSE 0.0 END) OVER (PARTITION BY w.scope), 0)
           AS probability,                            -- P(t) over the strata with trials
       ifnull(t.n, 0) AS trials,                      -- trials in the file
       ifnull(s.images, 0) AS images,                 -- images with trials
       ifnull(s.coverage, 0.0) AS coverage            -- their share of the campaign's images, by weight
  FROM bn_prior w JOIN layer l ON l.id = w.layer
  LEFT JOIN tried t ON t.entry = w.entry AND t.layer = w.layer
  LEFT JOIN seen s ON s.entry = w.entry AND s.layer = w.layer;

-- Strata of bn_prior_layer whose entries may hit the same bits of the same tensor: such entries are no two things that
-- happen, but one that is counted twice, so a scope that pools them has no P(F).
CREATE VIEW bn_overlap AS
SELECT a.layer,            -- layer.id
       a.entry AS entry_a, -- entry.id
       b.entry AS entry_b  -- entry.id of the other one
  FROM bn_prior_layer a JOIN bn_prior_layer b ON b.layer = a.layer AND b.entry > a.entry
  JOIN entry x ON x.id = a.entry JOIN entry y ON y.id = b.entry
  JOIN fault_kind kx ON kx.kind = x.kind JOIN fault_kind ky ON ky.kind = y.kind
  LEFT JOIN stratum s ON s.entry = a.entry AND s.layer = a.layer LEFT JOIN stratum t ON t.entry = b.entry AND t.layer = b.layer
 WHERE x.ber = 0 AND y.ber = 0 -- a scope of its own
   AND (ifnull(s.bits & t.bits, 1) <> 0 OR x.burst > 1 OR y.burst > 1 OR NOT kx.bitwise OR NOT ky.bitwise
        OR x.sites IS NOT NULL OR y.sites IS NOT NULL);

-- P(F = 1) of each scope.
CREATE VIEW bn_scope AS
SELECT b.scope,                    -- entry.id, or -1: the strata of bn_prior_layer
       CASE WHEN b.scope >= 0 AND e.ber > 0 THEN 1.0
            WHEN b.scope = -1 AND EXISTS (SELECT 1 FROM bn_overlap) THEN NULL
            WHEN b.scope = -1 AND x.layer_prior = 'exposure' THEN CASE WHEN sum(b.exposure) > 1e-4 THEN 1.0 - exp(-sum(b.exposure))
                ELSE sum(b.exposure) * (1.0 - sum(b.exposure) / 2 * (1.0 - sum(b.exposure) / 3)) END -- of small ones all digits
            ELSE x.p END AS p,     -- P(F=1); 1 for an entry with a bit error rate; NULL: see bn_overlap
       CASE WHEN b.scope >= 0 AND e.ber > 0 THEN NULL
            WHEN b.scope = -1 AND x.layer_prior = 'exposure' THEN sum(b.exposure) * sum(b.exposure) / 2
            WHEN x.p < 1 THEN ln(1.0 - x.p) * ln(1.0 - x.p) / 2 END
           AS two_fault_bound,     -- bound m^2/2 of the probability of two faults at once, which is ignored
       count(*) AS strata,         -- strata of the scope
       sum(b.trials > 0) AS tried, -- of them: with trials
       round(sum(b.planned_probability * b.coverage), 12) AS coverage, -- share of P(t) x P(I) that has trials
       sum(b.trials) AS trials     -- trials in the file
  FROM bn_layer b CROSS JOIN bn_setting x LEFT JOIN entry e ON e.id = b.scope
 GROUP BY b.scope;

-- P(C | I, L) = (n_itc + a b_t(c|i)) / (n_it + a). Observed answers, and where a > 0 a row with class NULL for all
-- others together. b_t(c|i) = (1 - s_t) [c = g_i] + s_t q_t(c): s_t the share of wrong answers in t, q_t their
-- distribution; s_t q_t(c) is therefore the share of wrong answers c among all trials of t.
CREATE VIEW bn_class_given_image_layer AS
WITH pool AS MATERIALIZED (
    SELECT l.entry, l.layer, sum(l.n) AS n, 1.0 - sum(l.wrong) * 1.0 / sum(l.n) AS kept
      FROM layer_summary l GROUP BY l.entry, l.layer
), cell AS (
    SELECT u.entry, u.layer, u.image, s.class,
           CASE WHEN x.a > 0
                THEN min(1.0, (s.n + x.a * (p.kept * (s.class = g.class) + (SELECT q.wrong FROM layer_summary q
                           WHERE q.entry = u.entry AND q.layer = u.layer AND q.class = s.class) * 1.0 / p.n)) / (u.done + x.a))
                ELSE s.n * 1.0 / u.done END AS r, s.n * 1.0 / u.done AS raw, s.n, u.done, s.class = i.class AS is_label, s.class = g.class AS is_golden
      FROM unit u JOIN pool p ON p.entry = u.entry AND p.layer = u.layer
      JOIN golden g ON g.image = u.image JOIN image i ON i.id = u.image CROSS JOIN bn_setting x
      JOIN summary s ON s.entry = u.entry AND s.layer = u.layer AND s.image = u.image
     WHERE u.done > 0
    UNION ALL
    SELECT u.entry, u.layer, u.image, NULL,
           max(0.0, x.a / (u.done + x.a) * (1.0 - (SELECT sum(p.kept * (s.class = g.class) + q.wrong * 1.0 / p.n)
               FROM summary s JOIN layer_summary q ON q.entry = s.entry AND q.layer = s.layer AND q.class = s.class
              WHERE s.entry = u.entry AND s.layer = u.layer AND s.image = u.image))),
           0.0, 0, u.done, NULL, NULL
      FROM unit u JOIN pool p ON p.entry = u.entry AND p.layer = u.layer
      JOIN golden g ON g.image = u.image CROSS JOIN bn_setting x
     WHERE u.done > 0 AND x.a > 0
), bounded AS (
    SELECT c.*, @without_replacement(c.done, t.faults) AS m
      FROM cell c JOIN bn_stratum t ON t.entry = c.entry AND t.layer = c.layer
)
SELECT c.entry,          -- entry.id
       c.layer,          -- layer.id
       c.image,          -- image.id
       c.class,          -- the answer, -1: DUE, NULL: any answer not listed
       c.r AS probability, -- P(C = class | I = image, L = (entry, layer))
       min(c.r, coalesce(@share_low(c.raw, c.m, x.z), c.raw)) AS low, -- bounds; within an image every trial has a fault of
       max(c.r, coalesce(@share_high(c.raw, c.m, x.z), c.raw)) AS high, -- its own
       c.is_label AND c.class >= 0 AS correct_label,   -- the answer is the label; NULL: no label, or others
       c.is_golden AND c.class >= 0 AS correct_golden, -- the answer is the fault-free one
       c.n,              -- trials with this answer
       c.done AS trials, -- trials of (entry, layer, image)
       x.confidence      -- of the bounds
  FROM bounded c CROSS JOIN bn_setting x;

-- The parts of P(C | L): the sum of w_i P(c|i,t) over the images tried in t, for answers with a probability above
-- 0, and how much of it is right, in both meanings.
CREATE VIEW bn_flow AS
WITH img AS MATERIALIZED (
    SELECT image, golden_class AS g, label_class AS y, probability AS w FROM bn_image WHERE probability > 0
), tried AS MATERIALIZED (
    SELECT entry, layer, weight AS w, observations FROM bn_support
), pool AS MATERIALIZED (
    SELECT entry, layer, sum(n) AS n, 1.0 - sum(wrong) * 1.0 / sum(n) AS kept FROM layer_summary GROUP BY entry, layer
), spread AS MATERIALIZED (
    SELECT u.entry, u.layer, i.g, i.y, sum(i.w * x.a / (u.done + x.a)) AS mass
      FROM bn_setting x CROSS JOIN unit u CROSS JOIN img i ON i.image = u.image
     WHERE x.a > 0 AND u.done > 0 GROUP BY u.entry, u.layer, i.g, i.y
), spread_all AS MATERIALIZED (
    SELECT entry, layer, sum(mass) AS mass FROM spread GROUP BY entry, layer
), part AS (
    SELECT u.entry, u.layer, s.class, sum(i.w * s.n / (u.done + x.a)) AS p,
           sum(CASE WHEN s.class = i.y THEN i.w * s.n / (u.done + x.a) ELSE 0.0 END) AS p_label,
           sum(CASE WHEN s.class = i.g AND s.class >= 0 THEN i.w * s.n / (u.done + x.a) ELSE 0.0 END) AS p_golden,
           sum(i.w * s.n / u.done) AS raw, sum(CASE WHEN s.class = i.y THEN i.w * s.n / u.done ELSE 0.0 END) AS raw_label,
           sum(CASE WHEN s.class = i.g AND s.class >= 0 THEN i.w * s.n / u.done ELSE 0.0 END) AS raw_golden,
           sum(s.n) AS n, count(*) AS images, sum((s.class <> i.g) * s.n) AS wrong
      FROM bn_setting x CROSS JOIN unit u CROSS JOIN img i ON i.image = u.image
     CROSS JOIN summary s ON s.entry = u.entry AND s.layer = u.layer AND s.image = u.image
     WHERE u.done > 0 GROUP BY u.entry, u.layer, s.class
    UNION ALL
    SELECT d.entry, d.layer, d.g, d.mass * p.kept, CASE WHEN d.g = d.y THEN d.mass * p.kept ELSE 0.0 END,
           CASE WHEN d.g >= 0 THEN d.mass * p.kept ELSE 0.0 END, 0.0, 0.0, 0.0, 0, 0, 0
      FROM spread d JOIN pool p ON p.entry = d.entry AND p.layer = d.layer
    UNION ALL
    SELECT d.entry, d.layer, q.class, d.mass * q.wrong / p.n,
           (SELECT ifnull(sum(y.mass), 0.0) FROM spread y
             WHERE y.entry = d.entry AND y.layer = d.layer AND y.y = q.class) * q.wrong / p.n,
           (SELECT ifnull(sum(y.mass), 0.0) FROM spread y
             WHERE y.entry = d.entry AND y.layer = d.layer AND y.g = q.class AND y.g >= 0) * q.wrong / p.n, 0.0, 0.0, 0.0, 0, 0, 0
      FROM spread_all d JOIN pool p ON p.entry = d.entry AND p.layer = d.layer
      JOIN layer_summary q ON q.entry = d.entry AND q.layer = d.layer AND q.wrong > 0
)
SELECT p.entry,                           -- entry.id
       p.layer,                           -- layer.id
       p.class,                           -- the answer, -1: DUE
       sum(p.p) / t.w AS answer,          -- P(C = class | L = (entry, layer))
       sum(p.p_label) / t.w AS right_label,   -- of it: the answer is the label
       sum(p.p_golden) / t.w AS right_golden, -- of it: the answer is the golden one
       sum(p.raw) / t.w AS raw_answer, sum(p.raw_label) / t.w AS raw_label, sum(p.raw_golden) / t.w AS raw_golden, -- the
                                          -- same without the pseudo-count
       t.observations,                    -- bn_support.observations
       sum(p.n) AS n,                     -- trials with this answer
       sum(p.wrong) AS wrong,             -- of them: it is not the golden answer
       sum(p.images) AS images            -- images with this answer
  FROM part p JOIN tried t ON t.entry = p.entry AND t.layer = p.layer
 WHERE p.p > 0 GROUP BY p.entry, p.layer, p.class;

-- The same with bounds, one row for each part. A census has no width.
CREATE VIEW bn_flow_part AS
WITH flow AS MATERIALIZED (
    SELECT * FROM bn_flow
), part AS (
    SELECT entry, layer, class, 'answer' AS part, answer AS v, raw_answer AS raw, observations, n, wrong, images FROM flow
    UNION ALL SELECT entry, layer, class, 'right_label', right_label, raw_label, observations, n, wrong, images FROM flow
    UNION ALL SELECT entry, layer, class, 'wrong_label', answer - right_label, raw_answer - raw_label, observations, n, wrong, images FROM flow
    UNION ALL SELECT entry, layer, class, 'right_golden', right_golden, raw_golden, observations, n, wrong, images FROM flow
    UNION ALL SELECT entry, layer, class, 'wrong_golden', answer - right_golden, raw_answer - raw_golden, observations, n, wrong, images FROM flow
), share AS (
    SELECT *, min(1.0, max(0.0, v)) AS s, min(1.0, max(0.0, raw)) AS r FROM part
)
SELECT p.entry, -- entry.id
       p.layer, -- layer.id
       p.class, -- the answer, -1: DUE
       p.part,  -- answer, or the part of it that is right or wrong by label or golden answer
       p.s AS v,   -- probability of this answer and part, given the stratum
       p.r AS raw, -- the same without the pseudo-count
       min(p.s, coalesce(@share_low(p.r, p.observations, x.z), p.r)) AS low, -- bounds
       max(p.s, coalesce(@share_high(p.r, p.observations, x.z), p.r)) AS high,
       p.observations, p.n, p.wrong, p.images -- as in bn_flow
  FROM share p CROSS JOIN bn_setting x;

-- P(C | L), and how far the answer can be trusted, if the fault is there.
CREATE VIEW bn_class_given_layer AS
WITH bound AS (
    SELECT entry, layer, class, max(observations) AS observations, max(n) AS n, max(wrong) AS wrong, max(images) AS images,
           max(CASE part WHEN 'answer' THEN v END) AS answer, max(CASE part WHEN 'right_label' THEN v END) AS right_label,
           max(CASE part WHEN 'right_golden' THEN v END) AS right_golden,
           max(CASE part WHEN 'answer' THEN low END) AS a_low, max(CASE part WHEN 'answer' THEN high END) AS a_high,
           max(CASE part WHEN 'right_label' THEN low END) AS rl_low, max(CASE part WHEN 'right_label' THEN high END) AS rl_high,
           max(CASE part WHEN 'wrong_label' THEN low END) AS wl_low, max(CASE part WHEN 'wrong_label' THEN high END) AS wl_high,
           max(CASE part WHEN 'right_golden' THEN low END) AS rg_low, max(CASE part WHEN 'right_golden' THEN high END) AS rg_high,
           max(CASE part WHEN 'wrong_golden' THEN low END) AS wg_low, max(CASE part WHEN 'wrong_golden' THEN high END) AS wg_high
      FROM bn_flow_part GROUP BY entry, layer, class
), labelled AS MATERIALIZED (
    SELECT DISTINCT label_class AS class FROM bn_image WHERE probability > 0
)
SELECT f.entry,                                -- entry.id
       f.layer,                                -- layer.id
       f.class,                                -- the answer, -1: DUE
       CASE WHEN f.class = -1 THEN 'DUE' ELSE c.name END AS class_name, -- its name
       f.answer AS probability,                -- P(C = class | L = (entry, layer))
       f.a_low AS low, f.a_high AS high,       -- its bounds
       f.right_label AS correct_label,         -- P(C = class and it is the label | L)
       f.right_golden AS correct_golden,       -- P(C = class and it is the golden answer | L)
       CASE WHEN y.class IS NOT NULL OR f.class = -1 THEN min(1.0, f.right_label / f.answer) END
           AS trust_label,                     -- P(it is the label | C = class, L); NULL: label of no image
       CASE WHEN y.class IS NOT NULL THEN f.rl_low / (f.rl_low + f.wl_high) END AS trust_label_low,
       CASE WHEN y.class IS NOT NULL THEN f.rl_high / (f.rl_high + f.wl_low) END AS trust_label_high,
       min(1.0, f.right_golden / f.answer) AS trust_golden, -- P(it is the golden answer | C = class, L)
       CASE WHEN f.class >= 0 THEN f.rg_low / (f.rg_low + f.wg_high) END AS trust_golden_low,
       CASE WHEN f.class >= 0 THEN f.rg_high / (f.rg_high + f.wg_low) END AS trust_golden_high,
       f.n,                                    -- trials with this answer
       f.wrong,                                -- of them: it is not the golden answer
       f.images,                               -- images with this answer
       f.observations,                         -- what the bounds count, bn_support.observations
       x.confidence                            -- of the bounds
  FROM bound f CROSS JOIN bn_setting x LEFT JOIN class c ON c.id = f.class LEFT JOIN labelled y ON y.class = f.class;

-- P(Correct | L): accuracy under one fault. By label over the images that have one.
CREATE VIEW bn_correct_given_layer AS
WITH img AS MATERIALIZED (
    SELECT image, golden_class AS g, label_class AS y, probability AS w FROM bn_image WHERE probability > 0
), image_sum AS MATERIALIZED (
    SELECT u.entry, u.layer, sum(i.w) AS w, ifnull(sum(i.w) FILTER (WHERE i.y IS NOT NULL), 0.0) AS w_label,
           ifnull(sum(i.w) FILTER (WHERE i.y = i.g), 0.0) AS w_right
      FROM unit u CROSS JOIN img i ON i.image = u.image WHERE u.done > 0 GROUP BY u.entry, u.layer
), flow AS MATERIALIZED (
    SELECT entry, layer, sum(right_label) AS right_label, sum(right_golden) AS right_golden, sum(raw_label) AS raw_label,
           sum(raw_golden) AS raw_golden, sum(n) AS n
      FROM bn_flow GROUP BY entry, layer
), rate AS (
    SELECT f.entry, f.layer, f.n, s.observations AS m, s.observations * CASE WHEN s.parameter THEN 1.0 ELSE i.w_label / i.w END AS m_label,
           min(1.0, i.w_right / nullif(i.w_label, 0)) AS without_fault,
           min(1.0, f.right_label * i.w / nullif(i.w_label, 0)) AS r, min(1.0, f.right_golden) AS q,
           min(1.0, f.raw_label * i.w / nullif(i.w_label, 0)) AS raw_r, min(1.0, f.raw_golden) AS raw_q
      FROM flow f JOIN image_sum i ON i.entry = f.entry AND i.layer = f.layer JOIN bn_support s ON s.entry = f.entry AND s.layer = f.layer
)
SELECT r.entry,                        -- entry.id
       r.layer,                        -- layer.id
       l.name AS layer_name,           -- its tensor
       r.without_fault AS label_without_fault, -- accuracy of the golden answers to the same images
       r.r AS correct_label,           -- P(the answer is the label | L = (entry, layer))
       min(r.r, coalesce(@share_low(r.raw_r, r.m_label, x.z), r.raw_r)) AS label_low, -- its bounds
       max(r.r, coalesce(@share_high(r.raw_r, r.m_label, x.z), r.raw_r)) AS label_high,
       r.q AS correct_golden,          -- P(the answer is the fault-free one | L)
       min(r.q, coalesce(@share_low(r.raw_q, r.m, x.z), r.raw_q)) AS golden_low, -- its bounds
       max(r.q, coalesce(@share_high(r.raw_q, r.m, x.z), r.raw_q)) AS golden_high,
       r.n AS trials,                  -- trials
       r.m AS observations,            -- what the bounds count, bn_support.observations
       x.confidence                    -- of the bounds
  FROM rate r JOIN layer l ON l.id = r.layer CROSS JOIN bn_setting x;

-- What the sums over the strata of a scope count, for Fay and Feuer's bounds. A stratum in which an answer never came
-- is there with its largest step.
CREATE VIEW bn_scope_sum AS
SELECT b.scope,            -- entry.id, or -1: the strata of bn_prior_layer
       count(*) AS strata, -- with trials
       ifnull(max(b.probability / s.observations), 0.0) AS top, -- the largest P(t)/n: what one more event adds
       ifnull(sum(b.probability * b.probability / s.observations), 0.0) AS square, -- sum of P(t)^2/n
       max(s.observations) AS observations -- of the one stratum, where there is one
  FROM bn_layer b JOIN bn_support s ON s.entry = b.entry AND s.layer = b.layer WHERE b.probability > 0 GROUP BY b.scope;

-- Sums over the strata of a scope: sum_t P(t) v_t for every part, with bounds.
CREATE VIEW bn_bound AS
WITH part AS (
    SELECT b.scope, f.class, f.part, min(1.0, sum(b.probability * f.v)) AS v, min(1.0, sum(b.probability * f.raw)) AS raw, max(f.low) AS low, max(f.high) AS high,
           sum(f.n) AS n, sum(f.wrong) AS wrong, ifnull(sum(b.probability * b.probability * f.raw / f.observations), 0.0) AS variance
      FROM bn_flow_part f JOIN bn_layer b ON b.entry = f.entry AND b.layer = f.layer
     WHERE b.probability > 0 GROUP BY b.scope, f.class, f.part
), whole AS (
    SELECT p.*, s.strata, s.top, s.square, s.square - p.variance AS rest FROM part p JOIN bn_scope_sum s ON s.scope = p.scope
)
SELECT w.scope,    -- entry.id, or -1: the strata of bn_prior_layer
       w.class,    -- the answer, -1: DUE
       w.part,     -- as in bn_flow_part
       w.v,        -- P(C = class and part | F = 1)
       w.raw,      -- the same without the pseudo-count
       CASE WHEN w.strata = 1 THEN w.low ELSE min(w.v, @sum_low(w.raw, w.variance, w.rest, w.top, 1.0, x.z)) END AS low, -- its bounds
       CASE WHEN w.strata = 1 THEN w.high ELSE max(w.v, @sum_high(w.raw, w.variance, w.rest, w.top, 1.0, x.z)) END AS high,
       w.variance, -- sum of P(t)^2 raw_t/n
       w.n, w.wrong -- trials with this answer; of them: it is not the golden answer
  FROM whole w CROSS JOIN bn_setting x;
