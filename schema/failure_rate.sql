-- Failure rates are in FIT, failures in 10^9 hours:
--
--     FIT = raw rate x bits x duty x P(SDC-1 | a fault in them)
--
-- This is the usual estimate of soft errors (Mukherjee et al., MICRO 2003: raw rate x architectural vulnerability factor;
-- ISO 26262-11:2018, 5.1, on transient faults of semiconductors). The raw rate is bn_prior_layer.raw_rate, else setting
-- raw_rate, in upsets per bit and hour; 1e-15 is 1 FIT per Mbit of 10^6 bits. It is taken as given. The bits are those that
-- the entry may hit. Duty is the share of the time in which the bits are live: setting activation_duty or parameter_duty. A
-- stratum with bn_prior_layer.residency r, where the default of its kind is h hours (setting activation_hours or
-- parameter_hours), is exposed r/h as long: its duty is min(1, duty x r/h). h = 0 leaves the duty as it is.
--
-- A fault in a tensor is a fault in a live value. So what a campaign measures is a factor of the program; AVF, the share of
-- upsets of the bits that change what the user sees, is pvf x duty. Two factors go by the letters PVF:
-- * pvf, the program vulnerability factor (V. Sridharan, D. R. Kaeli, HPCA 2009): P(SDC-1 or DUE | a fault in a live bit).
-- * parameter_vf, the Parameter Vulnerability Factor (X. Jiao et al., arXiv 2405.01741): P(the output is wrong | a fault in
--   a parameter), the mean over the parameters of the row; here the share of SDC-1.
--
-- In the terms of ISO 26262-5:2018, silent corruptions that no safety mechanism catches are residual (or single-point)
-- faults. DUE are detected faults, if the item looks for NaN and Inf in the output. sdc_fit is compared with setting
-- fit_target. The PMHF targets of the standard (table 6: 10 FIT for ASIL D, 100 for B and C) are for a whole item, so take
-- the share of this network. spfm is the single-point fault metric of these bits, 1 - residual / all (clause C.2; targets
-- 99, 97, 90 % for ASIL D, C, B).
--
-- Strata whose trials do not have exactly one fault (bn_stratum.one_fault) are left out. Layers without storage of their own (stratum.storage) have no
-- bits: their rows say 0 FIT, and sums leave them out. scope is an entry, or -1 for the strata of bn_prior_layer, if it has
-- any and they do not overlap (bn_overlap): other entries are never added up. Settings layer_prior and p, and exposure,
-- have no effect here; raw_rate and residency of bn_prior_layer count in every scope. Bounds of one stratum are those of
-- layer_outcome. A sum of several has Fay and Feuer's, with the FIT of the live bits as weights; a stratum of which every
-- fault was tried (census) adds its rate, and no width. If the images are a sample, too, bounds are made as in
-- network_outcome.

-- Failure rates (FIT), vulnerability factors (AVF, PVF) and SPFM, by layer, by kind of target and in all.
CREATE VIEW failure_rate AS
WITH item AS MATERIALIZED (
    SELECT entry AS scope, entry, layer, parameter, bits, storage, one_fault FROM bn_stratum WHERE NOT conditional
    UNION ALL
    SELECT -1, b.entry, b.layer, b.parameter, b.bits, b.storage, b.one_fault FROM bn_stratum b
      JOIN bn_prior_layer p ON p.entry = b.entry AND p.layer = b.layer
     WHERE NOT b.conditional AND NOT EXISTS (SELECT 1 FROM bn_overlap)
), priced AS MATERIALIZED (
    SELECT i.*, CASE WHEN i.parameter THEN 'parameters' ELSE 'activations' END AS kind,
           coalesce(p.raw_rate, x.raw_rate) * 1e9 * i.bits AS raw,
           CASE WHEN i.parameter THEN min(1.0, x.parameter_duty * ifnull(p.residency / nullif(x.parameter_hours, 0), 1.0))
                ELSE min(1.0, x.activation_duty * ifnull(p.residency / nullif(x.activation_hours, 0), 1.0)) END AS duty
      FROM item i CROSS JOIN bn_setting x LEFT JOIN bn_prior_layer p ON p.entry = i.entry AND p.layer = i.layer
), measured AS MATERIALIZED (
    SELECT entry, layer, layer_name, outcome, rate, ifnull(low, rate) AS low, ifnull(high, rate) AS high,
           ifnull(upper, rate) AS upper, observations AS n, trials, units, coverage, population_low, population_high
      FROM layer_outcome WHERE outcome IN ('sdc1', 'due', 'sdc1_or_due')
), rated AS MATERIALIZED (
    SELECT p.scope, p.kind, p.entry, p.layer, m.layer_name, m.outcome, p.bits, p.storage, p.raw, p.raw * p.duty AS live, m.rate, m.low,
           m.high, m.upper, m.n, m.trials, m.units, m.coverage * p.raw AS covered, m.population_low, m.population_high,
           s.image_observations AS i, CASE WHEN p.parameter THEN m.n END AS faults
      FROM priced p JOIN measured m ON m.entry = p.entry AND m.layer = p.layer
      JOIN bn_support s ON s.entry = p.entry AND s.layer = p.layer
     WHERE p.one_fault
), asked AS (
    SELECT scope, kind, sum(raw) AS raw FROM priced GROUP BY scope, kind
    UNION ALL SELECT scope, 'all', sum(raw) FROM priced GROUP BY scope
), level AS (
    SELECT 'layer' AS level, scope, kind, entry, layer, layer_name, outcome, bits, storage, raw, live, rate, low, high, upper, n, trials,
           units, covered, population_low, population_high, i, faults FROM rated
    UNION ALL
    SELECT 'kind', scope, kind, NULL, NULL, NULL, outcome, bits, NULL, raw, live, rate, low, high, upper, n, trials, units, covered,
           population_low, population_high, i, faults FROM rated WHERE storage
    UNION ALL
    SELECT 'all', scope, 'all', NULL, NULL, NULL, outcome, bits, NULL, raw, live, rate, low, high, upper, n, trials, units, covered,
           population_low, population_high, i, faults FROM rated WHERE storage
), summed AS MATERIALIZED (
    SELECT level, scope, kind, entry, layer, layer_name, outcome, count(*) AS strata, sum(bits) AS bits, max(storage) AS storage, sum(raw) AS raw,
           sum(live) AS live, min(sum(live), sum(live * rate)) AS y, sum(ifnull(live * live * rate / n, 0.0)) AS v,
           sum(ifnull(live * live * (1.0 - rate) / n, 0.0)) AS u, max(ifnull(live / n, 0.0)) AS top,
           max(live * low) AS low, max(live * high) AS high, max(live * upper) AS upper, -- of the stratum, if it is one
           max(live * population_low) AS p_low, max(live * population_high) AS p_high,
           1.0 / (1.0 / min(i) + ifnull(max(live / faults), 0.0) / nullif(sum(live), 0)) AS i,
           sum(trials) AS trials, sum(units) AS units, sum(covered) AS covered
      FROM level GROUP BY level, scope, kind, entry, layer, outcome
), bounded AS (
    SELECT s.*, CASE strata WHEN 1 THEN low ELSE @sum_low(y, v, u, top, live, z) END AS fit_low,
           CASE strata WHEN 1 THEN high ELSE @sum_high(y, v, u, top, live, z) END AS fit_high,
           CASE strata WHEN 1 THEN upper ELSE @sum_high(y, v, u, top, live, z1) END AS fit_upper,
           CASE strata WHEN 1 THEN p_low ELSE live * @share_low(y / live, i, z) END AS fit_p_low,
           CASE strata WHEN 1 THEN p_high ELSE live * @share_high(y / live, i, z) END AS fit_p_high
      FROM summed s CROSS JOIN bn_setting
), pair AS (
    SELECT level, scope, kind, entry, layer, max(layer_name) AS layer_name, max(bits) AS bits, max(storage) AS storage, max(raw) AS raw, max(live) AS live,
           max(CASE outcome WHEN 'sdc1' THEN y END) AS sdc, max(CASE outcome WHEN 'sdc1' THEN fit_low END) AS sdc_low,
           max(CASE outcome WHEN 'sdc1' THEN fit_high END) AS sdc_high,
           max(CASE outcome WHEN 'sdc1' THEN fit_upper END) AS sdc_upper,
           max(CASE outcome WHEN 'sdc1' THEN min(fit_low, fit_p_low) END) AS sdc_p_low,
           max(CASE outcome WHEN 'sdc1' THEN max(fit_high, fit_p_high) END) AS sdc_p_high,
           max(CASE outcome WHEN 'sdc1_or_due' THEN y END) AS fail, max(CASE outcome WHEN 'sdc1_or_due' THEN fit_low END) AS fail_low,
           max(CASE outcome WHEN 'sdc1_or_due' THEN fit_high END) AS fail_high,
           max(CASE outcome WHEN 'due' THEN y END) AS due, max(CASE outcome WHEN 'due' THEN fit_low END) AS due_low,
           max(CASE outcome WHEN 'due' THEN fit_high END) AS due_high,
           max(CASE outcome WHEN 'due' THEN fit_upper END) AS due_upper, max(trials) AS trials, max(units) AS units, max(covered) AS covered
      FROM bounded GROUP BY level, scope, kind, entry, layer
)
SELECT s.scope,                            -- entry.id, or -1: the strata of bn_prior_layer
       s.level,                            -- layer; kind (all activations, or all parameters); all
       s.kind,                             -- activations, parameters, all
       s.entry,                            -- entry.id; NULL: a sum
       s.layer,                            -- layer.id; NULL: a sum
       s.layer_name,                       -- layer.label
       s.bits,                             -- bits that the entry may hit, bn_stratum.bits
       s.storage,                          -- stratum.storage; NULL: a sum of strata with storage 1
       s.raw AS raw_fit,                   -- upsets in these bits, in FIT
       s.sdc AS sdc_fit,                   -- upsets that end as SDC-1, in FIT
       s.sdc_low AS sdc_fit_low, s.sdc_high AS sdc_fit_high, -- its two-sided bounds
       s.sdc_upper AS sdc_fit_upper,       -- its one-sided upper bound
       s.sdc_p_low AS sdc_fit_population_low, s.sdc_p_high AS sdc_fit_population_high, -- its bounds,
                                           -- if the images are a sample, too
       s.due AS due_fit,                   -- upsets that end as DUE, in FIT
       s.due_low AS due_fit_low, s.due_high AS due_fit_high, -- its two-sided bounds
       s.due_upper AS due_fit_upper,       -- its one-sided upper bound
       s.fail / nullif(s.live, 0) AS pvf,  -- program vulnerability factor: P(SDC-1 or DUE | a fault in a live bit)
       s.fail_low / nullif(s.live, 0) AS pvf_low, s.fail_high / nullif(s.live, 0) AS pvf_high, -- its two-sided bounds
       CASE s.kind WHEN 'parameters' THEN s.sdc / nullif(s.live, 0) END AS parameter_vf, -- Parameter Vulnerability Factor:
                                           -- P(SDC-1 | a fault in a parameter); NULL: not parameters alone
       CASE s.kind WHEN 'parameters' THEN s.sdc_low / nullif(s.live, 0) END AS parameter_vf_low, -- its two-sided bounds
       CASE s.kind WHEN 'parameters' THEN s.sdc_high / nullif(s.live, 0) END AS parameter_vf_high,
       s.fail / nullif(s.raw, 0) AS avf,   -- P(SDC-1 or DUE | an upset of a bit)
       s.fail_low / nullif(s.raw, 0) AS avf_low, s.fail_high / nullif(s.raw, 0) AS avf_high, -- its two-sided bounds
       max(0.0, 1.0 - s.sdc / nullif(s.raw, 0)) AS spfm, -- single-point fault metric of these bits
       max(0.0, 1.0 - s.sdc_high / nullif(s.raw, 0)) AS spfm_low, max(0.0, 1.0 - s.sdc_low / nullif(s.raw, 0)) AS spfm_high, -- its two-sided bounds
       CASE WHEN s.level <> 'layer' AND a.raw > 0 THEN x.fit_target END AS fit_target, -- setting fit_target; NULL: a layer
                                           -- (a target is for all layers of the row together), or nothing is ever hit
       CASE WHEN s.level = 'layer' OR a.raw <= 0 THEN NULL WHEN s.sdc_low > x.fit_target THEN 'missed'
            WHEN s.sdc_high <= x.fit_target AND s.covered >= a.raw * (1 - 1e-9) THEN 'met' ELSE 'open' END
           AS target,                      -- of sdc_fit on these images: missed or met with its whole interval, else open; met also
                                           -- needs trials of one site each on every image in every stratum of the scope that
                                           -- has storage
       CASE WHEN s.level = 'layer' OR a.raw <= 0 THEN NULL WHEN s.sdc_p_low > x.fit_target THEN 'missed'
            WHEN s.sdc_p_high <= x.fit_target AND s.covered >= a.raw * (1 - 1e-9) THEN 'met' ELSE 'open' END
           AS target_population,           -- the same by the bounds that take the images as a sample, too
       round(s.covered / nullif(CASE s.level WHEN 'layer' THEN s.raw ELSE a.raw END, 0), 12) AS coverage, -- share of strata (by
                                           -- raw_fit) x images (by weight) that has trials
       s.trials,                           -- trials
       s.units,                            -- what the bounds count: trials, faults of parameters
       x.confidence                        -- of the bounds
  FROM pair s JOIN asked a ON a.scope = s.scope AND a.kind = s.kind CROSS JOIN bn_setting x
 ORDER BY s.scope, CASE s.level WHEN 'all' THEN 0 WHEN 'kind' THEN 1 ELSE 2 END, s.kind, s.entry,
          (SELECT ordinal FROM layer WHERE id = s.layer);
