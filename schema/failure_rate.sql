-- Failure rates in FIT (failures in 10^9 hours), for each stratum and summed up.
--
--     FIT = raw rate x bits x share of the time in which the bits are live x P(SDC | a fault in them)
--
-- The usual estimate of soft errors (Mukherjee et al., MICRO 2003: raw rate x architectural vulnerability factor; ISO
-- 26262-11:2018, 5.1, on transient faults of semiconductors). AVF is the share of faults in the bits that change what
-- the user sees. A fault in a tensor is a fault in a live value, so what is measured here is the program vulnerability
-- factor (PVF: Sridharan and Kaeli, HPCA 2009), and AVF = PVF x share of the time the bits are live (duty).
-- raw rate: bn_prior_layer.raw_rate, else bn_parameter raw_rate (upsets per bit and hour; 1e-15 is 1 FIT per Mbit of
-- 10^6 bits). bits: those that the entry may hit.
--
-- In the terms of ISO 26262-5:2018: silent corruptions that no safety mechanism catches are residual (or single-point)
-- faults, DUE are detected ones. sdc_fit is held against bn_parameter fit_target; the standard's PMHF targets (table
-- 6: 10 FIT for ASIL D, 100 for B and C) are for a whole item, so take the share of this network. spfm: single-point
-- fault metric, 1 - residual / all (clause C.2; targets 99, 97, 90 % for ASIL D, C, B), over these bits.
--
-- Strata with a bit error rate or several sites a trial are left out. scope: an entry, or -1 for the strata of
-- bn_prior_layer, if it has any: entries are never added up otherwise. Sums: MOVER, as in bayes.sql.
CREATE VIEW failure_rate AS
WITH item AS MATERIALIZED (
    SELECT e.id AS scope, s.entry, s.layer FROM stratum s JOIN entry e ON e.id = s.entry
    UNION ALL
    SELECT -1, s.entry, s.layer FROM stratum s JOIN bn_prior_layer p ON p.entry = s.entry AND p.layer = s.layer
), rated AS MATERIALIZED (
    SELECT i.scope, i.entry, i.layer, a.layer_name, CASE WHEN s.parameter THEN 'parameters' ELSE 'activations' END AS kind,
           CASE WHEN e.kind IN ('flip', 'stuck-at-0', 'stuck-at-1') THEN s.population ELSE l.bits END AS bits,
           coalesce(p.raw_rate, x.raw_rate) * 1e9 AS bit_fit,
           CASE WHEN s.parameter THEN x.parameter_duty ELSE x.activation_duty END AS duty,
           a.sdc1_rate AS sdc, a.sdc1_low AS sdc_low, a.sdc1_high AS sdc_high, a.due_rate AS due, a.units AS m, x.zz, a.trials, a.units
      FROM item i JOIN stratum s ON s.entry = i.entry AND s.layer = i.layer JOIN entry e ON e.id = i.entry
      JOIN layer l ON l.id = i.layer JOIN layer_accuracy a ON a.entry = i.entry AND a.layer = i.layer
     CROSS JOIN bn_setting x LEFT JOIN bn_prior_layer p ON p.entry = i.entry AND p.layer = i.layer
     WHERE e.ber = 0 AND e.count = 1
), scaled AS MATERIALIZED (
    SELECT scope, entry, layer, layer_name, kind, bits, bit_fit * bits AS raw, bit_fit * bits * duty AS live, duty, sdc, sdc_low, sdc_high, due,
           max(0.0, ((2 * m * due + zz) - sqrt(zz * zz + 4 * zz * m * due * (1 - due))) / (2 * (m + zz))) AS due_low,
           min(1.0, ((2 * m * due + zz) + sqrt(zz * zz + 4 * zz * m * due * (1 - due))) / (2 * (m + zz))) AS due_high,
           trials, units
      FROM rated
), summed AS (
    SELECT 'layer' AS level, scope, kind, entry, layer, layer_name, bits, raw, live, live * sdc AS sdc, live * sdc_low AS sdc_low,
           live * sdc_high AS sdc_high, live * due AS due, live * due_low AS due_low, live * due_high AS due_high, trials, units
      FROM scaled
    UNION ALL
    SELECT 'kind', scope, kind, NULL, NULL, NULL, sum(bits), sum(raw), sum(live), sum(live * sdc),
           sum(live * sdc) - sqrt(sum(live * live * (sdc - sdc_low) * (sdc - sdc_low))),
           sum(live * sdc) + sqrt(sum(live * live * (sdc_high - sdc) * (sdc_high - sdc))), sum(live * due),
           sum(live * due) - sqrt(sum(live * live * (due - due_low) * (due - due_low))),
           sum(live * due) + sqrt(sum(live * live * (due_high - due) * (due_high - due))), sum(trials), sum(units)
      FROM scaled GROUP BY scope, kind
    UNION ALL
    SELECT 'all', scope, 'all', NULL, NULL, NULL, sum(bits), sum(raw), sum(live), sum(live * sdc),
           sum(live * sdc) - sqrt(sum(live * live * (sdc - sdc_low) * (sdc - sdc_low))),
           sum(live * sdc) + sqrt(sum(live * live * (sdc_high - sdc) * (sdc_high - sdc))), sum(live * due),
           sum(live * due) - sqrt(sum(live * live * (due - due_low) * (due - due_low))),
           sum(live * due) + sqrt(sum(live * live * (due_high - due) * (due_high - due))), sum(trials), sum(units)
      FROM scaled GROUP BY scope
)
SELECT s.scope,                            -- entry.id, or -1: the strata of bn_prior_layer
       s.level,                            -- layer; kind: all activations, all parameters; all
       s.kind,                             -- activations, parameters, all
       s.entry,                            -- entry.id; NULL: a sum
       s.layer,                            -- layer.id; NULL: a sum
       s.layer_name,                       -- its tensor
       s.bits,                             -- bits that the entry may hit
       s.raw AS raw_fit,                   -- upsets in them, in FIT
       s.sdc AS sdc_fit,                   -- upsets that end as SDC-1
       max(0.0, s.sdc_low) AS sdc_fit_low, s.sdc_high AS sdc_fit_high, -- 95 % bounds; the raw rate is taken as given
       s.due AS due_fit,                   -- upsets that end as DUE
       max(0.0, s.due_low) AS due_fit_low, s.due_high AS due_fit_high, -- likewise
       (s.sdc + s.due) / nullif(s.live, 0) AS pvf, -- P(SDC-1 or DUE | a fault in a live bit)
       (s.sdc + s.due) / nullif(s.raw, 0) AS avf,  -- P(SDC-1 or DUE | an upset of a bit)
       1.0 - s.sdc / nullif(s.raw, 0) AS spfm,     -- single-point fault metric of these bits
       x.fit_target,                       -- bn_parameter fit_target
       CASE WHEN s.sdc_high <= x.fit_target THEN 'met' WHEN s.sdc_low > x.fit_target THEN 'missed' ELSE 'open' END
           AS target,                      -- of sdc_fit: met or missed with its whole interval, else open
       s.trials,                           -- trials
       s.units                             -- what the bounds count: trials, or faults of parameters
  FROM summed s CROSS JOIN bn_setting x
 ORDER BY s.scope, CASE s.level WHEN 'all' THEN 0 WHEN 'kind' THEN 1 ELSE 2 END, s.kind, s.entry, s.layer;
