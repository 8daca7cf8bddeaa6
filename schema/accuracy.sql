-- Accuracy is the share of images whose answer is their label; DUE is wrong. These are raw frequencies, whatever the
-- pseudo-count, on the images with a label.

-- Accuracy if an inference has the fault with probability p, with bounds. It is (1 - p) A + p B, with A the accuracy without
-- faults and B that under the fault, of the same images. For p = 0, 0.1, ..., 1, and the p of the scope (setting p). One row per p for each
-- stratum of a scope, and for the scope as a whole (layer NULL): B is then the mean over its strata, weighted by P(t)
-- (bn_layer.probability). What is uncertain is B: the bounds are those of layer_outcome, and of the whole Fay and Feuer's. At
-- p = 0 they are a point, as they are where all faults were tried. A scope that is one experiment with p = 1
-- (bn_scope.conditional) has no curve.
CREATE VIEW accuracy_curve AS
WITH RECURSIVE step (k) AS (
    SELECT 0 UNION ALL SELECT k + 1 FROM step WHERE k < 10
), scope_of AS MATERIALIZED (
    SELECT scope, p FROM bn_scope WHERE tried > 0 AND NOT conditional
), grid AS MATERIALIZED (
    SELECT scope, k / 10.0 AS p FROM scope_of CROSS JOIN step UNION SELECT scope, p FROM scope_of WHERE p IS NOT NULL
), share AS MATERIALIZED (
    SELECT a.entry, a.layer, a.r AS b, a.n, a.trials, min(1.0, max(0.0, a.r + l.r - g.r)) AS a
      FROM layer_share a JOIN layer_share l ON l.entry = a.entry AND l.layer = a.layer AND l.outcome = 'accuracy_lost'
      JOIN layer_share g ON g.entry = a.entry AND g.layer = a.layer AND g.outcome = 'accuracy_gained' WHERE a.outcome = 'accuracy'
), stratum_of AS MATERIALIZED (
    SELECT t.scope, t.entry, t.layer, t.layer_name, s.a, s.b, s.n, s.trials,
           t.probability / nullif(sum(t.probability) OVER (PARTITION BY t.scope), 0) AS w
      FROM bn_layer t JOIN share s ON s.entry = t.entry AND s.layer = t.layer
), summed AS (
    SELECT scope, count(*) AS strata, sum(w * a) AS a, min(1.0, sum(w * b)) AS b, ifnull(sum(w * w * b / n), 0.0) AS v,
           ifnull(sum(w * w * (1.0 - b) / n), 0.0) AS u, ifnull(max(w / n), 0.0) AS top, max(n) AS n, sum(trials) AS trials
      FROM stratum_of WHERE w > 0 GROUP BY scope
), bounded AS MATERIALIZED (
    SELECT s.scope, s.entry, s.layer, s.layer_name, s.a, s.b, coalesce(@share_low(s.b, s.n, x.z), s.b) AS low,
           coalesce(@share_high(s.b, s.n, x.z), s.b) AS high, s.trials, x.confidence
      FROM stratum_of s CROSS JOIN bn_setting x
    UNION ALL
    SELECT s.scope, NULL, NULL, NULL, s.a, s.b,
           CASE s.strata WHEN 1 THEN coalesce(@share_low(s.b, s.n, x.z), s.b) ELSE @sum_low(s.b, s.v, s.u, s.top, 1.0, x.z) END,
           CASE s.strata WHEN 1 THEN coalesce(@share_high(s.b, s.n, x.z), s.b) ELSE @sum_high(s.b, s.v, s.u, s.top, 1.0, x.z) END,
           s.trials, x.confidence
      FROM summed s CROSS JOIN bn_setting x
)
SELECT b.scope,                        -- entry.id, or -1: the strata of bn_prior_layer
       b.entry,                        -- entry.id; NULL: the scope as a whole
       b.layer,                        -- layer.id; NULL: the scope as a whole
       b.layer_name,                   -- layer.label
       g.p,                            -- probability that an inference has the fault
       (1.0 - g.p) * b.a + g.p * b.b AS accuracy, -- accuracy then
       (1.0 - g.p) * b.a + g.p * b.low AS low,    -- its two-sided bounds
       (1.0 - g.p) * b.a + g.p * b.high AS high,
       b.trials,                       -- trials that count
       b.confidence                    -- of the bounds
  FROM bounded b JOIN grid g ON g.scope = b.scope LEFT JOIN layer l ON l.id = b.layer
 ORDER BY b.scope, b.layer IS NOT NULL, b.entry, l.ordinal, g.p;

-- Accuracy, SDC and DUE rates of each entry by operator, with bounds, the most critical operations first. Rows come by the loss of
-- accuracy. The operator of an activation is that of the node that makes it ('input': the network's input); of a
-- parameter, that of the node that reads it first. The rates are means over the layers of the operator, weighted as in
-- network_outcome: by the bits that a fault may hit (weights = 'bits'), or all alike ('uniform'). An entry whose trials may
-- hold any number of faults (bn_stratum.conditional) has rows with weights 'uniform' only, and trials that hit the whole
-- network have none. Bounds of several layers are Fay and Feuer's, of one its own; the loss is what faults spoil less what they
-- mend, with bounds as in layer_outcome (MOVER).
CREATE VIEW op_accuracy AS
WITH weighting (weights) AS (
    VALUES ('bits'), ('uniform')
), planned AS MATERIALIZED (
    SELECT s.entry, s.layer, x.weights, ifnull(l.op, 'input') AS op, iif(s.parameter, 'parameters', 'activations') AS kind,
           iif(x.weights = 'bits', s.bits * 1.0, 1.0) AS raw
      FROM bn_stratum s JOIN layer l ON l.id = s.layer CROSS JOIN weighting x
     WHERE s.layer <> 4095 AND (x.weights = 'uniform' OR (s.storage AND NOT s.conditional))
), asked AS MATERIALIZED (
    SELECT entry, weights, op, kind, count(*) AS strata, sum(raw) AS raw FROM planned GROUP BY 1, 2, 3, 4
), share AS MATERIALIZED (
    SELECT entry, layer, max(r) FILTER (WHERE outcome = 'accuracy') AS a, max(r) FILTER (WHERE outcome = 'accuracy_lost') AS l,
           max(r) FILTER (WHERE outcome = 'accuracy_gained') AS g, max(n) FILTER (WHERE outcome = 'accuracy') AS m,
           max(r) FILTER (WHERE outcome = 'sdc1') AS s, max(r) FILTER (WHERE outcome = 'due') AS d,
           max(n) FILTER (WHERE outcome = 'sdc1') AS n, max(trials) AS trials, max(census) AS census, max(coverage) AS coverage
      FROM layer_share GROUP BY entry, layer
), tried AS MATERIALIZED ( -- w: of all that were tried; k: of those with labels
    SELECT p.weights, p.op, p.kind, p.raw, s.*, p.raw / sum(p.raw) OVER place AS w,
           p.raw / sum(p.raw) FILTER (WHERE s.a IS NOT NULL) OVER place AS k
      FROM planned p JOIN share s ON s.entry = p.entry AND s.layer = p.layer WHERE p.raw > 0
    WINDOW place AS (PARTITION BY p.entry, p.weights, p.op, p.kind)
), summed AS MATERIALIZED (
    SELECT entry, weights, op, kind, count(*) AS strata, count(a) AS labelled, sum(trials) AS trials, min(census) AS census, sum(raw * coverage) AS covered,
           max(m) AS m, max(n) AS n, min(1.0, sum(k * a)) AS right, min(1.0, sum(k * l)) AS lost, min(1.0, sum(k * g)) AS gained, min(1.0, sum(w * s)) AS sdc,
           min(1.0, sum(w * d)) AS due, ifnull(sum(k * k * a / m), 0.0) AS va, ifnull(sum(k * k * (1.0 - a) / m), 0.0) AS ua,
           ifnull(sum(k * k * l / m), 0.0) AS vl, ifnull(sum(k * k * (1.0 - l) / m), 0.0) AS ul, ifnull(sum(k * k * g / m), 0.0) AS vg,
           ifnull(sum(k * k * (1.0 - g) / m), 0.0) AS ug, ifnull(max(k / m) FILTER (WHERE a IS NOT NULL), 0.0) AS top_k,
           ifnull(sum(k * k * l * g / m) / nullif(sqrt(sum(k * k * l * (1.0 - l) / m) * sum(k * k * g * (1.0 - g) / m)), 0.0), 0.0) AS rho,
           ifnull(sum(w * w * s / n), 0.0) AS vs, ifnull(sum(w * w * (1.0 - s) / n), 0.0) AS us, ifnull(sum(w * w * d / n), 0.0) AS vd,
           ifnull(sum(w * w * (1.0 - d) / n), 0.0) AS ud, ifnull(max(w / n), 0.0) AS top
      FROM tried GROUP BY entry, weights, op, kind
), bounded AS MATERIALIZED (
    SELECT s.*, x.confidence,
           CASE WHEN labelled = 1 OR census THEN @share_low(right, m, z) ELSE @sum_low(right, va, ua, top_k, 1.0, z) END AS a_low,
           CASE WHEN labelled = 1 OR census THEN @share_high(right, m, z) ELSE @sum_high(right, va, ua, top_k, 1.0, z) END AS a_high,
           lost - CASE WHEN labelled = 1 OR census THEN @share_low(lost, m, z) ELSE @sum_low(lost, vl, ul, top_k, 1.0, z) END AS l_down,
           CASE WHEN labelled = 1 OR census THEN @share_high(lost, m, z) ELSE @sum_high(lost, vl, ul, top_k, 1.0, z) END - lost AS l_up,
           gained - CASE WHEN labelled = 1 OR census THEN @share_low(gained, m, z) ELSE @sum_low(gained, vg, ug, top_k, 1.0, z) END AS g_down,
           CASE WHEN labelled = 1 OR census THEN @share_high(gained, m, z) ELSE @sum_high(gained, vg, ug, top_k, 1.0, z) END - gained AS g_up,
           CASE WHEN strata = 1 OR census THEN @share_low(sdc, n, z) ELSE @sum_low(sdc, vs, us, top, 1.0, z) END AS s_low,
           CASE WHEN strata = 1 OR census THEN @share_high(sdc, n, z) ELSE @sum_high(sdc, vs, us, top, 1.0, z) END AS s_high,
           CASE WHEN strata = 1 OR census THEN @share_low(due, n, z) ELSE @sum_low(due, vd, ud, top, 1.0, z) END AS d_low,
           CASE WHEN strata = 1 OR census THEN @share_high(due, n, z) ELSE @sum_high(due, vd, ud, top, 1.0, z) END AS d_high
      FROM summed s CROSS JOIN bn_setting x
)
SELECT b.entry,                                -- entry.id
       b.op,                                   -- operator, as in layer.op; input: the network's input
       b.kind,                                 -- what is hit: activations (their outputs), parameters (that they read)
       b.weights,                              -- how layers are weighted: bits, uniform
       b.trials,                               -- trials that count
       min(1.0, max(0.0, b.right + b.lost - b.gained)) AS golden_accuracy, -- fault-free accuracy of the same images
       b.right AS accuracy,                    -- under the faults of a trial; DUE is wrong; NULL: no labels
       b.a_low AS accuracy_low, b.a_high AS accuracy_high, -- its two-sided bounds; NULL: a census
       iif(abs(b.lost - b.gained) < 1e-12, 0.0, b.lost - b.gained) AS accuracy_drop, -- accuracy lost: golden_accuracy - accuracy
       max(-1.0, b.lost - b.gained - sqrt(l_down * l_down + 2 * rho * l_down * g_up + g_up * g_up)) AS accuracy_drop_low, -- its two-sided bounds
       min(1.0, b.lost - b.gained + sqrt(l_up * l_up + 2 * rho * l_up * g_down + g_down * g_down)) AS accuracy_drop_high,
       b.sdc AS sdc1_rate,                   -- share of SDC-1
       b.s_low AS sdc1_low, b.s_high AS sdc1_high, -- its two-sided bounds
       b.due AS due_rate,                    -- share of DUE
       b.d_low AS due_low, b.d_high AS due_high, -- its two-sided bounds
       b.strata,                               -- layers with trials
       p.strata AS planned_strata,             -- layers of the entry with this operator (bits: those with storage)
       round(b.covered / p.raw, 12) AS coverage, -- share of layers x images with trials, by their weights
       b.census,                               -- 1: every fault was tried on every image: no bounds
       b.confidence                            -- of all bounds
  FROM bounded b JOIN asked p ON p.entry = b.entry AND p.weights = b.weights AND p.op = b.op AND p.kind = b.kind
 ORDER BY b.entry, b.weights, round(accuracy_drop, 12) DESC NULLS LAST, round(sdc1_rate, 12) DESC, b.op, b.kind;

-- Accuracy, SDC and DUE rates against the bit error rate, with bounds. One row per entry that hits the whole network with one:
-- each is one experiment, all bits of all its layers at once, so nothing is computed of the rates of single layers.
CREATE VIEW ber_curve AS
WITH hit AS MATERIALIZED (
    SELECT entry, max(NOT parameter) AS activations, max(parameter) AS parameters FROM network_target GROUP BY entry
)
SELECT e.id AS entry,                          -- entry.id
       e.name,                                 -- entry.name
       e.ber,                                  -- entry.ber: each bit flips with this probability
       CASE WHEN h.activations AND h.parameters THEN 'both' WHEN h.parameters THEN 'parameters' ELSE 'activations' END
           AS hits,                            -- what is hit: activations (the input is one), parameters, both
       a.trials,                               -- trials that count
       a.golden_accuracy AS golden,            -- fault-free accuracy of the same images; NULL: no labels
       a.accuracy,                             -- accuracy at this bit error rate; DUE is wrong; NULL: no labels
       a.accuracy_low, a.accuracy_high,        -- its two-sided bounds
       a.sdc1_rate AS sdc1,                    -- share of SDC-1
       a.sdc1_low, a.sdc1_high,                -- its two-sided bounds
       a.due_rate AS due,                      -- share of DUE
       a.due_low, a.due_high,                  -- its two-sided bounds
       a.unit,                                 -- what bounds count: trial, fault
       a.units                                 -- how many of them
  FROM entry e JOIN hit h ON h.entry = e.id JOIN layer_accuracy a ON a.entry = e.id AND a.layer = 4095
 WHERE e.ber > 0
 ORDER BY hits, e.ber, e.id;
