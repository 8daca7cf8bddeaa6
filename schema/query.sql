-- The answer of `bitsink bn FILE query`. Reads two temporary tables:
--   cell (place, variable, exact, value, entry, layer, x, raw, n): P(evidence, variable = value, L), the same without
--       the pseudo-count, and the trials that it rests on; entry NULL: no fault, exactly known; n then counts golden runs. exact: neither evidence nor variable
--       depends on an answer under fault, so that there is nothing to bound.
--   reachable (entry, layer, k, m): the strata that agree with the evidence, k = P(F = 1) P(L), m observations (NULL: census).
WITH total AS MATERIALIZED (
    SELECT variable, entry, layer, sum(raw) AS x FROM cell GROUP BY variable, entry, layer
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
           min(1.0, ifnull(c.raw, 0.0) / r.k) AS v,
           min(1.0, max(0.0, (ifnull(t.x, 0.0) - ifnull(c.raw, 0.0)) / r.k)) AS o
      FROM part p CROSS JOIN reachable r
      LEFT JOIN cell c ON c.variable = p.variable AND c.value = p.value AND c.entry = r.entry AND c.layer = r.layer
      LEFT JOIN total t ON t.variable = p.variable AND t.entry = r.entry AND t.layer = r.layer
     WHERE r.k > 0
), summed AS ( -- of the value, and of the other values; what is known has no width
    SELECT variable, value, sum(own IS NOT 0) AS v_strata, ifnull(sum(k) FILTER (WHERE own IS NOT 0), 0.0) AS v_whole,
           ifnull(sum(k * v) FILTER (WHERE own IS NOT 0), 0.0) AS v_sum, ifnull(sum(k * k * v / m) FILTER (WHERE own IS NOT 0), 0.0) AS v_var,
           ifnull(sum(k * k * (1 - v) / m) FILTER (WHERE own IS NOT 0), 0.0) AS v_rest, ifnull(max(k / m) FILTER (WHERE own IS NOT 0), 0.0) AS v_top,
           max(v) FILTER (WHERE own IS NOT 0) AS v_r, max(m) FILTER (WHERE own IS NOT 0) AS v_m,
           sum(own IS NOT 1) AS o_strata, ifnull(sum(k) FILTER (WHERE own IS NOT 1), 0.0) AS o_whole,
           ifnull(sum(k * o) FILTER (WHERE own IS NOT 1), 0.0) AS o_sum, ifnull(sum(k * k * o / m) FILTER (WHERE own IS NOT 1), 0.0) AS o_var,
           ifnull(sum(k * k * (1 - o) / m) FILTER (WHERE own IS NOT 1), 0.0) AS o_rest, ifnull(max(k / m) FILTER (WHERE own IS NOT 1), 0.0) AS o_top,
           max(o) FILTER (WHERE own IS NOT 1) AS o_r, max(m) FILTER (WHERE own IS NOT 1) AS o_m
      FROM rate GROUP BY variable, value
), distance AS MATERIALIZED (
    SELECT variable, value, confidence,
           CASE WHEN v_strata = 1 THEN v_whole * coalesce(@share_low(v_r, v_m, z), v_r) ELSE @sum_low(v_sum, v_var, v_rest, v_top, v_whole, z) END AS v_low,
           CASE WHEN v_strata = 1 THEN v_whole * coalesce(@share_high(v_r, v_m, z), v_r) ELSE @sum_high(v_sum, v_var, v_rest, v_top, v_whole, z) END AS v_high,
           CASE WHEN o_strata = 1 THEN o_whole * coalesce(@share_low(o_r, o_m, z), o_r) ELSE @sum_low(o_sum, o_var, o_rest, o_top, o_whole, z) END AS o_low,
           CASE WHEN o_strata = 1 THEN o_whole * coalesce(@share_high(o_r, o_m, z), o_r) ELSE @sum_high(o_sum, o_var, o_rest, o_top, o_whole, z) END AS o_high
      FROM summed CROSS JOIN bn_setting
)
SELECT p.variable, p.value,
       CASE WHEN p.variable IN ('fault', 'correct_label', 'correct_golden')
            THEN CASE p.value WHEN 1 THEN 'yes' WHEN 0 THEN 'no' ELSE 'no label' END
            WHEN p.variable IN ('class', 'label', 'golden')
            THEN CASE p.value WHEN -1 THEN 'DUE' WHEN -2 THEN 'no label' ELSE (SELECT name FROM class WHERE id = p.value) END
            WHEN p.variable = 'layer' THEN ifnull((SELECT label FROM layer WHERE id = p.value), 'none')
            WHEN p.variable = 'entry' THEN CASE WHEN p.value < 0 THEN 'none' ELSE (SELECT name FROM entry WHERE id = p.value) END
            WHEN p.variable = 'image' THEN (SELECT path FROM image WHERE id = p.value) END AS name,
       (p.known + p.fault) / (w.known + w.fault) AS probability,
       CASE WHEN p.exact THEN (p.known + p.fault) / (w.known + w.fault)
            ELSE (p.known + min(p.fault, ifnull(d.v_low, 0.0)))
                / nullif(w.known + min(p.fault, ifnull(d.v_low, 0.0)) + max(w.fault - p.fault, ifnull(d.o_high, 0.0)), 0) END AS low,
       CASE WHEN p.exact THEN (p.known + p.fault) / (w.known + w.fault)
            ELSE min(1.0, (p.known + max(p.fault, ifnull(d.v_high, 0.0)))
                / nullif(w.known + max(p.fault, ifnull(d.v_high, 0.0)) + max(0.0, min(w.fault - p.fault, ifnull(d.o_low, 0.0))), 0)) END AS high,
       p.n AS trials,           -- trials in which evidence and value were seen
       p.runs AS golden_runs,   -- the same of golden runs
       w.n AS evidence_trials,  -- trials in which the evidence was seen
       x.confidence             -- of low and high
  FROM bn_confidence x CROSS JOIN part p JOIN whole w ON w.variable = p.variable
  LEFT JOIN distance d ON d.variable = p.variable AND d.value = p.value
 WHERE w.known + w.fault > 0
 ORDER BY p.place, round(probability, 12) DESC, p.value -- sums that are equal may differ in their last digits
 LIMIT ?1;
