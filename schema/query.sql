-- The answer of `bitsink bn FILE query`. Reads two temporary tables:
--   cell (place, variable, exact, value, entry, layer, x, n): P(evidence, variable = value, L), and the trials behind
--       it; entry NULL: no fault, exactly known; n then counts golden runs. exact: neither evidence nor variable
--       depends on an answer under fault, so that there is nothing to bound.
--   reach (entry, layer, k, m): the strata that agree with the evidence, k = P(F = 1) P(L), m effective trials.
WITH total AS MATERIALIZED (
    SELECT variable, entry, layer, sum(x) AS x FROM cell GROUP BY variable, entry, layer
), part AS MATERIALIZED (
    SELECT variable, value, min(place) AS place, max(exact) AS exact, ifnull(sum(x) FILTER (WHERE entry IS NULL), 0.0) AS known,
           ifnull(sum(x) FILTER (WHERE entry IS NOT NULL), 0.0) AS fault,
           ifnull(sum(n) FILTER (WHERE entry IS NOT NULL), 0) AS n, ifnull(sum(n) FILTER (WHERE entry IS NULL), 0) AS runs
      FROM cell GROUP BY variable, value
), whole AS MATERIALIZED (
    SELECT variable, sum(known) AS known, sum(fault) AS fault, sum(n) AS n FROM part GROUP BY variable
), rate AS (
    SELECT p.variable, p.value, r.k, r.m,
           CASE p.variable WHEN 'fault' THEN p.value = 1 WHEN 'entry' THEN p.value = r.entry WHEN 'layer' THEN p.value = r.layer END
               AS own, -- 1, 0: the stratum has this value, or another; NULL: that is open
           min(1.0, ifnull(c.x, 0.0) / r.k) AS v,
           min(1.0, max(0.0, (ifnull(t.x, 0.0) - ifnull(c.x, 0.0)) / r.k)) AS o
      FROM part p CROSS JOIN reach r
      LEFT JOIN cell c ON c.variable = p.variable AND c.value = p.value AND c.entry = r.entry AND c.layer = r.layer
      LEFT JOIN total t ON t.variable = p.variable AND t.entry = r.entry AND t.layer = r.layer
     WHERE r.k > 0
), bound AS (
    SELECT variable, value, own, k, v, o, max(0.0, ((2 * m * v + zz) - sqrt(zz * zz + 4 * zz * m * v * (1 - v))) / (2 * (m + zz))) AS v_low,
           ((2 * m * v + zz) + sqrt(zz * zz + 4 * zz * m * v * (1 - v))) / (2 * (m + zz)) AS v_high,
           max(0.0, ((2 * m * o + zz) - sqrt(zz * zz + 4 * zz * m * o * (1 - o))) / (2 * (m + zz))) AS o_low,
           ((2 * m * o + zz) + sqrt(zz * zz + 4 * zz * m * o * (1 - o))) / (2 * (m + zz)) AS o_high
      FROM rate CROSS JOIN bn_setting
), distance AS MATERIALIZED (
    SELECT variable, value, sqrt(sum((own IS NOT 0) * k * k * (v - v_low) * (v - v_low))) AS v_down,
           sqrt(sum((own IS NOT 0) * k * k * (v_high - v) * (v_high - v))) AS v_up,
           sqrt(sum((own IS NOT 1) * k * k * (o - o_low) * (o - o_low))) AS o_down,
           sqrt(sum((own IS NOT 1) * k * k * (o_high - o) * (o_high - o))) AS o_up
      FROM bound GROUP BY variable, value
)
SELECT p.variable, p.value,
       CASE WHEN p.variable IN ('fault', 'correct_label', 'correct_golden')
            THEN CASE p.value WHEN 1 THEN 'yes' WHEN 0 THEN 'no' ELSE 'no label' END
            WHEN p.variable IN ('class', 'label', 'golden')
            THEN CASE p.value WHEN -1 THEN 'DUE' WHEN -2 THEN 'no label' ELSE (SELECT name FROM class WHERE id = p.value) END
            WHEN p.variable = 'layer' THEN ifnull((SELECT name FROM layer WHERE id = p.value), 'none')
            WHEN p.variable = 'entry' THEN CASE WHEN p.value < 0 THEN 'none' ELSE (SELECT name FROM entry WHERE id = p.value) END
            WHEN p.variable = 'image' THEN (SELECT path FROM image WHERE id = p.value) END AS name,
       (p.known + p.fault) / (w.known + w.fault) AS probability,
       CASE WHEN p.exact THEN (p.known + p.fault) / (w.known + w.fault)
            ELSE (p.known + max(0.0, p.fault - ifnull(d.v_down, 0.0)))
                / nullif(w.known + max(0.0, p.fault - ifnull(d.v_down, 0.0)) + w.fault - p.fault + ifnull(d.o_up, 0.0), 0) END AS low,
       CASE WHEN p.exact THEN (p.known + p.fault) / (w.known + w.fault)
            ELSE min(1.0, (p.known + p.fault + ifnull(d.v_up, 0.0))
                / nullif(w.known + p.fault + ifnull(d.v_up, 0.0) + max(0.0, w.fault - p.fault - ifnull(d.o_down, 0.0)), 0)) END AS high,
       p.n AS trials,           -- trials in which evidence and value were seen
       p.runs AS golden_runs,   -- the same of golden runs
       w.n AS evidence_trials   -- trials in which the evidence was seen
  FROM part p JOIN whole w ON w.variable = p.variable
  LEFT JOIN distance d ON d.variable = p.variable AND d.value = p.value
 WHERE w.known + w.fault > 0
 ORDER BY p.place, round(probability, 12) DESC, p.value -- sums that are equal may differ in their last digits
 LIMIT ?1;
