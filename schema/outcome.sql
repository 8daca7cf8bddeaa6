-- What trials came to. Exactly one of masked, benign, sdc1, due is 1 for each trial.

-- One row a trial.
CREATE VIEW outcome AS
WITH answer AS (
    SELECT t.id, t.run, t.entry, t.layer, t.image, t.repetition, t.top1, t.p_golden, t.died_at,
           CASE WHEN t.died_at IS NOT NULL THEN g.class
                WHEN t.top1 IS NULL OR t.flags & 3 THEN -1
                ELSE t.top1 END AS class,
           g.class AS golden_class, g.p_top1, i.class AS label_class,
           g.top1 AS g1, g.top2 AS g2, g.top3 AS g3, g.top4 AS g4, g.top5 AS g5
      FROM trial t JOIN golden g ON g.image = t.image JOIN image i ON i.id = t.image
)
SELECT a.id AS trial,         -- trial.id
       a.run,                 -- run.id
       a.entry,               -- entry.id
       a.layer,               -- layer.id
       l.name AS layer_name,  -- name of the layer
       a.image,               -- image.id
       a.repetition,          -- 0, 1, 2, ...
       a.class,               -- the answer, -1: DUE
       a.golden_class,        -- the fault-free answer, -1: DUE
       a.label_class,         -- the true class, NULL: unknown
       a.died_at IS NOT NULL AS masked,                                           -- bit-identical to golden again
       a.died_at IS NULL AND a.class >= 0 AND a.class = a.golden_class AS benign, -- values differ, answer does not
       a.class >= 0 AND a.class <> a.golden_class AS sdc1,                        -- another answer
       a.died_at IS NULL AND a.class >= 0                                         -- answer not in golden top 5
           AND a.class NOT IN (ifnull(g1, -1), ifnull(g2, -1), ifnull(g3, -1), ifnull(g4, -1), ifnull(g5, -1)) AS sdc5,
       a.died_at IS NULL AND a.class >= 0 AND abs(a.p_golden - a.p_top1) > 0.10 AS sdc10, -- golden class's probability
       a.died_at IS NULL AND a.class >= 0 AND abs(a.p_golden - a.p_top1) > 0.20 AS sdc20, -- moved by more than that
       a.died_at IS NULL AND a.class = -1 AS due,                                 -- NaN or Inf in the output
       a.class = a.label_class AS correct,               -- answer is the label; NULL: no label
       a.golden_class = a.label_class AS golden_correct, -- the same of the golden answer
       CASE WHEN a.died_at IS NULL THEN a.p_golden ELSE a.p_top1 END AS p_golden  -- probability of the golden class
  FROM answer a JOIN layer l ON l.id = a.layer;

-- One row a stratum. Rates are shares of its trials. sdc1_low and sdc1_high bound the SDC-1 rate with 95 %
-- confidence (Wilson). The population is sites x bits x the images of this file. For activations each trial is an
-- observation. All trials with one parameter fault are correlated, so there the fault is the observation: the
-- variance of the rate is that of a ratio estimator over the faults, v = K/(K-1) sum (y_k - r n_k)^2 / (sum n)^2
-- with y_k of n_k images wrong for fault k of K, and Wilson's bounds are taken at the effective number of
-- observations r(1-r)/v (at most the number of trials; K where no trial or every trial is wrong, 1 where K = 1).
CREATE VIEW layer_accuracy AS
WITH total AS (
    SELECT entry, layer, sum(n) AS n, sum(masked) AS masked, sum(wrong * (class >= 0)) AS sdc1, sum(sdc5) AS sdc5,
           sum(sdc10) AS sdc10, sum(sdc20) AS sdc20, sum((n - masked) * (class = -1)) AS due,
           sum(labelled) AS labelled, sum(correct) AS correct, sum(golden_correct) AS golden_correct,
           sum(golden_correct_wrong) AS golden_correct_wrong
      FROM layer_summary GROUP BY entry, layer
), fault AS (
    SELECT f.entry, f.layer, count(*) AS k,
           sum((f.sdc1 - f.n * 1.0 * t.sdc1 / t.n) * (f.sdc1 - f.n * 1.0 * t.sdc1 / t.n)) AS ss
      FROM fault_summary f JOIN total t ON t.entry = f.entry AND t.layer = f.layer GROUP BY f.entry, f.layer
), observed AS (
    SELECT t.*, f.k, t.sdc1 * 1.0 / t.n AS r, 1.959963984540054 AS z,
           CASE WHEN f.k IS NULL THEN t.n
                WHEN f.k < 2 THEN 1.0
                WHEN t.sdc1 = 0 OR t.sdc1 = t.n THEN f.k
                WHEN f.ss = 0 THEN t.n
                ELSE min(t.n, t.sdc1 * 1.0 / t.n * (1.0 - t.sdc1 * 1.0 / t.n)
                              / (f.k / (f.k - 1.0) * f.ss / (1.0 * t.n * t.n))) END AS m
      FROM total t LEFT JOIN fault f ON f.entry = t.entry AND f.layer = t.layer
)
SELECT o.entry,                                -- entry.id
       o.layer,                                -- layer.id
       l.name AS layer_name,                   -- its tensor
       l.kind,                                 -- layer.kind
       l.op,                                   -- layer.op
       o.n AS trials,                          -- trials in the file
       o.golden_correct * 1.0 / nullif(o.labelled, 0) AS golden_accuracy, -- fault-free accuracy, images as often as tried
       o.correct * 1.0 / nullif(o.labelled, 0) AS accuracy,               -- accuracy under one fault; DUE is wrong
       o.masked * 1.0 / o.n AS masked_rate,    -- share of masked trials
       o.r AS sdc1_rate,                       -- share of SDC-1
       iif(o.r = 0, 0.0, (o.r + z * z / (2 * m) - z * sqrt(o.r * (1 - o.r) / m + z * z / (4.0 * m * m))) / (1 + z * z / m))
           AS sdc1_low,                        -- lower 95 % bound of sdc1_rate
       min(1.0, (o.r + z * z / (2 * m) + z * sqrt(o.r * (1 - o.r) / m + z * z / (4.0 * m * m))) / (1 + z * z / m))
           AS sdc1_high,                       -- upper 95 % bound of sdc1_rate
       o.sdc5 * 1.0 / o.n AS sdc5_rate,        -- share of SDC-5
       o.sdc10 * 1.0 / o.n AS sdc10_rate,      -- share of SDC-10 %
       o.sdc20 * 1.0 / o.n AS sdc20_rate,      -- share of SDC-20 %
       o.due * 1.0 / o.n AS due_rate,          -- share of DUE
       o.golden_correct_wrong * 1.0 / nullif(o.golden_correct, 0) AS sdc1_rate_golden_correct, -- on images that the
                                               -- golden run answers correctly
       CASE WHEN o.k IS NULL THEN 'trial' ELSE 'fault' END AS unit, -- what the interval counts
       ifnull(o.k, o.n) AS units,              -- how many of them
       m AS effective_trials                   -- independent trials that would give the same interval
  FROM observed o JOIN layer l ON l.id = o.layer;

-- Two rows an entry: the SDC-1 rate of the whole network, the mean over its strata, weighted by the sites x bits
-- they have ('bits': a fault strikes any of them alike) or all alike ('uniform'). Bounds with 95 % confidence from
-- those of layer_accuracy (which count faults, not trials, of parameters) by the method of variance estimates
-- recovery: low = r - sqrt(sum w^2 (r_t - low_t)^2), high = r + sqrt(sum w^2 (high_t - r_t)^2); G. Y. Zou, W. Huang,
-- X. Zhang, Computational Statistics & Data Analysis 53 (2009).
CREATE VIEW network_sdc AS
WITH weighting (weights) AS (
    VALUES ('bits'), ('uniform')
), planned AS (
    SELECT entry, weights, count(*) AS strata, sum(CASE weights WHEN 'bits' THEN population * 1.0 ELSE 1.0 END) AS raw
      FROM stratum, weighting GROUP BY entry, weights
), part AS (
    SELECT a.*, w.weights, CASE w.weights WHEN 'bits' THEN s.population * 1.0 ELSE 1.0 END AS raw
      FROM layer_accuracy a JOIN stratum s ON s.entry = a.entry AND s.layer = a.layer, weighting w
), total AS (
    SELECT entry, weights, sum(raw) AS raw FROM part GROUP BY entry, weights
), share AS (
    SELECT p.*, p.raw / t.raw AS w FROM part p JOIN total t ON t.entry = p.entry AND t.weights = p.weights
), summed AS (
    SELECT entry, weights, count(*) AS strata, sum(trials) AS trials, sum(raw) AS raw, sum(w * sdc1_rate) AS r,
           sqrt(sum(w * w * (sdc1_rate - sdc1_low) * (sdc1_rate - sdc1_low))) AS below,
           sqrt(sum(w * w * (sdc1_high - sdc1_rate) * (sdc1_high - sdc1_rate))) AS above,
           sum(w * masked_rate) AS masked_rate, sum(w * due_rate) AS due_rate
      FROM share GROUP BY entry, weights
)
SELECT s.entry,                          -- entry.id
       s.weights,                        -- how strata are weighted: bits, uniform
       s.trials,                         -- trials in the file
       s.r AS sdc1_rate,                 -- weighted mean of the strata's SDC-1 rates
       max(0.0, s.r - s.below) AS sdc1_low,  -- lower 95 % bound
       min(1.0, s.r + s.above) AS sdc1_high, -- upper 95 % bound
       s.masked_rate,                    -- weighted mean share of masked trials
       s.due_rate,                       -- weighted mean share of DUE
       s.strata,                         -- strata with trials
       p.strata AS planned_strata,       -- strata of the entry
       s.raw / p.raw AS coverage         -- weight of the strata with trials, of all
  FROM summed s JOIN planned p ON p.entry = s.entry AND p.weights = s.weights;
