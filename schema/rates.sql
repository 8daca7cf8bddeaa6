-- Chapter INTERVALS of bitsink-db(5) says what bounds count, and for which population they hold. Effective
-- numbers of observations were tried and are too large. For the faults of a parameter, one computed from the variance that
-- was seen covered 26 to 82 % when only small harms were seen, so n = K distinct faults, whatever they did. Where
-- observations count unequally, Kish's effective number covered 53 to 89 %, so n is as if all had the largest weight, the
-- worst case. If faults are drawn without replacement from N and every image of the campaign was tried, n counts
-- as -N ln(1 - n/N).
--
-- population_low and population_high: 1/n = 1/I + 1/K for I images (and K faults of a parameter), because the mean of the
-- outcomes of an image, or of a fault, lies between 0 and 1 and varies no more than an answer of yes or no. All bounds have
-- the confidence bn_setting.confidence. w_i, n_it and W_t are explained with the settings and priors of the Bayesian
-- network.

-- The faults that each stratum draws from: the bits that may be hit, and the distinct faults.
CREATE VIEW bn_stratum AS
SELECT s.entry,                -- entry.id
       s.layer,                -- layer.id
       s.parameter,            -- stratum.parameter
       e.ber > 0 OR e.probability < 1 OR s.layer = 4095 AS conditional, -- 1: a trial may hold any number of faults (a bit error rate, a
                               -- probability, the whole network): answers hold if the inference meets the entry as the job says
       NOT (e.ber > 0 OR e.probability < 1 OR s.layer = 4095) AND e.count = 1 AND e.kind <> 'none' AS one_fault, -- 1: each trial
                               -- has exactly one fault
       s.storage,              -- stratum.storage
       CASE WHEN NOT s.storage OR s.layer = 4095 THEN 0 WHEN k.bitwise THEN s.population ELSE l.bits END
           AS bits,            -- bits that the entry may hit: those of its mask, or all if the kind replaces the value; 0 if
                               -- storage is 0, because they are another layer's memory, and of the whole network
       CASE WHEN e.sites IS NULL AND e.probability >= 1 AND (e.kind = 'none' OR (NOT k.random AND (e.ber >= 1 OR (e.ber = 0 AND e.count = 0))
                      AND NOT EXISTS (SELECT 1 FROM (SELECT 1.0 AS p, s.bits AS mask WHERE s.layer <> 4095 UNION ALL
                                                     SELECT n.probability, n.bits FROM network_target n WHERE n.entry = s.entry AND s.layer = 4095)
                                       WHERE p < 1 OR (e.ber = 0 AND k.bitwise AND mask & (mask - 1) <> 0)))) THEN 1 -- nothing is drawn
            WHEN e.count = 1 AND e.ber = 0 AND e.probability = 1 AND NOT e.shared_bit AND e.kind <> 'none' AND s.layer <> 4095
                      AND NOT k.random AND e.sites IS NULL AND s.population <= 1048576
                      AND e.definition NOT LIKE '% with replacement'
            THEN s.population END
           AS faults           -- distinct faults, if they are drawn without replacement; NULL: no limit
  FROM stratum s JOIN entry e ON e.id = s.entry JOIN fault_kind k ON k.kind = e.kind JOIN layer l ON l.id = s.layer;

-- The independent observations that the bounds of each stratum count. They are W_t over the weight of the heaviest
-- observation. A trial weighs w_i / n_it. Fault k of a parameter meets the images with more than k trials, so fault 0 is
-- the heaviest: it weighs the sum of w_i / n_it.
CREATE VIEW bn_support AS
WITH img AS MATERIALIZED (
    SELECT image, probability AS w, share FROM bn_image WHERE probability > 0
), by_done AS (
    SELECT u.entry, u.layer, u.done, count(*) AS images, sum(i.w) AS w, sum(i.w * i.w) AS ww, max(i.w) AS heaviest, sum(i.share) AS share
      FROM unit u CROSS JOIN img i ON i.image = u.image WHERE u.done > 0 GROUP BY u.entry, u.layer, u.done
), whole AS (
    SELECT entry, layer, sum(share) > 0.999999999 AS whole FROM by_done GROUP BY entry, layer
), drawn AS (
    SELECT d.*, t.parameter, iif(h.whole, t.faults, NULL) AS faults
      FROM by_done d JOIN whole h ON h.entry = d.entry AND h.layer = d.layer
      JOIN bn_stratum t ON t.entry = d.entry AND t.layer = d.layer
), summed AS (
    SELECT entry, layer, parameter, faults, sum(images) AS images, sum(w) AS w, sum(ww) AS ww, sum(share) AS share,
           sum(images * done) AS trials, min(done) AS least, max(done) AS most,
           max(heaviest / done * @part_left(done, faults)) AS trial, sum(w / done) AS fault
      FROM drawn GROUP BY entry, layer
), counted AS (
    SELECT entry, layer, count(*) AS faults FROM fault_summary GROUP BY entry, layer
), worth AS (
    SELECT s.*, CASE WHEN s.parameter THEN c.faults ELSE s.trials END AS units,
           CASE WHEN NOT s.parameter THEN round(s.w / nullif(s.trial, 0), 9)
                WHEN s.least = s.most THEN @without_replacement(s.most, s.faults)
                ELSE round(s.w / s.fault, 9) END AS observations
      FROM summed s LEFT JOIN counted c ON c.entry = s.entry AND c.layer = s.layer
)
SELECT entry,                                    -- entry.id
       layer,                                    -- layer.id
       parameter,                                -- stratum.parameter
       images,                                   -- images with trials, among those with a weight
       w AS weight,                              -- W_t: their probability
       w * w / ww AS image_observations,         -- I: images, Kish's effective number where weights differ (Survey
                                                 -- Sampling, 1965)
       round(share, 12) AS coverage,             -- their share of all images of the campaign, by weight
       CASE WHEN parameter THEN 'fault' ELSE 'trial' END AS unit, -- what bounds count
       trials,                                   -- their trials
       units,                                    -- number of units: trials, or faults of a parameter
       faults,                                   -- distinct faults from which they are drawn without replacement; NULL:
                                                 -- no limit, or not every image of the campaign was tried
       observations,                             -- n of the bounds; NULL: a census
       observations IS NULL AS census            -- 1: every fault was tried on every image of the campaign
  FROM worth;

-- The shares of trials that layer_outcome bounds, one row per outcome, and what their bounds count.
CREATE VIEW layer_share AS
WITH img AS MATERIALIZED (
    SELECT image, golden_class AS g, label_class AS y, probability AS w FROM bn_image WHERE probability > 0
), by_image AS (
    SELECT s.entry, s.layer, i.w, i.w / sum(s.n) AS k, sum(s.masked) AS masked, sum((s.class <> i.g AND s.class >= 0) * s.n) AS sdc1,
           sum(s.n) AS n, sum(s.sdc5) AS sdc5, sum(s.sdc10) AS sdc10, sum(s.sdc20) AS sdc20,
           sum((s.class = -1) * (s.n - s.masked)) AS due, i.y IS NOT NULL AS labelled, i.g IS i.y AS right,
           sum((s.class = i.y) * s.n) AS correct
      FROM summary s CROSS JOIN img i ON i.image = s.image GROUP BY s.entry, s.layer, s.image
), fault AS MATERIALIZED (
    SELECT entry, layer, count(*) AS k, sum(n) AS n, sum(n * n) AS nn, sum(masked) AS m, sum(masked * masked) AS mm, sum(masked * n) AS mn,
           sum(sdc1) AS s, sum(sdc1 * sdc1) AS ss, sum(sdc1 * n) AS sn, sum(due) AS d, sum(due * due) AS dd, sum(due * n) AS dn,
           sum(sdc1 + due) AS e, sum((sdc1 + due) * (sdc1 + due)) AS ee, sum((sdc1 + due) * n) AS en
      FROM fault_summary GROUP BY entry, layer
), wide AS MATERIALIZED (
    SELECT entry, layer, sum(w) AS w, sum(w * labelled) AS w_label, sum(w * right) AS w_right, sum(k * masked) / sum(w) AS masked,
           sum(k * (n - masked - sdc1 - due)) / sum(w) AS benign, sum(k * sdc1) / sum(w) AS sdc1, sum(k * sdc5) / sum(w) AS sdc5,
           sum(k * sdc10) / sum(w) AS sdc10, sum(k * sdc20) / sum(w) AS sdc20, sum(k * due) / sum(w) AS due,
           sum(k * (sdc1 + due)) / sum(w) AS sdc1_or_due, sum(k * sdc1 * right) / nullif(sum(w * right), 0) AS sdc1_right,
           sum(k * correct) / nullif(sum(w * labelled), 0) AS accuracy,
           ifnull(sum(k * (n - correct) * right), 0.0) / nullif(sum(w * labelled), 0) AS lost,
           ifnull(sum(k * correct) FILTER (WHERE NOT right), 0.0) / nullif(sum(w * labelled), 0) AS gained
      FROM by_image GROUP BY entry, layer
), long AS MATERIALIZED (
    SELECT entry, layer, 1 AS place, 'masked' AS outcome, masked AS r, 1.0 AS part FROM wide
    UNION ALL SELECT entry, layer, 2, 'benign', benign, 1.0 FROM wide
    UNION ALL SELECT entry, layer, 3, 'sdc1', sdc1, 1.0 FROM wide
    UNION ALL SELECT entry, layer, 4, 'due', due, 1.0 FROM wide
    UNION ALL SELECT entry, layer, 5, 'sdc1_or_due', sdc1_or_due, 1.0 FROM wide
    UNION ALL SELECT entry, layer, 6, 'sdc5', sdc5, 1.0 FROM wide
    UNION ALL SELECT entry, layer, 7, 'sdc10', sdc10, 1.0 FROM wide
    UNION ALL SELECT entry, layer, 8, 'sdc20', sdc20, 1.0 FROM wide
    UNION ALL SELECT entry, layer, 9, 'sdc1_golden_correct', sdc1_right, w_right / w FROM wide
    UNION ALL SELECT entry, layer, 10, 'accuracy', accuracy, w_label / w FROM wide
    UNION ALL SELECT entry, layer, 11, 'accuracy_lost', lost, w_label / w FROM wide
    UNION ALL SELECT entry, layer, 12, 'accuracy_gained', gained, w_label / w FROM wide
)
SELECT l.entry,         -- entry.id
       l.layer,         -- layer.id
       l.place,         -- order of the outcomes
       l.outcome,       -- as in layer_outcome; instead of accuracy_drop its parts: accuracy_lost (the golden answer is the label, the
                        -- trial's is not), accuracy_gained (the reverse)
       min(1.0, max(0.0, l.r)) AS r, -- share of trials, with images by their weights
       CASE WHEN s.parameter THEN s.observations ELSE s.observations * l.part END AS n, -- n of the bounds; NULL: a census
       1.0 / (1.0 / (s.image_observations * l.part) + CASE WHEN s.parameter THEN ifnull(1.0 / s.observations, 0.0) ELSE 0.0 END)
           AS i,        -- n of the bounds, if the images are a sample, too
       CASE WHEN NOT s.parameter THEN 1.0
            WHEN l.outcome = 'masked' THEN @design_effect(f.k, f.n, f.m, f.mm, f.mn, f.nn)
            WHEN l.outcome = 'sdc1' THEN @design_effect(f.k, f.n, f.s, f.ss, f.sn, f.nn)
            WHEN l.outcome = 'due' THEN @design_effect(f.k, f.n, f.d, f.dd, f.dn, f.nn)
            WHEN l.outcome = 'sdc1_or_due' THEN @design_effect(f.k, f.n, f.e, f.ee, f.en, f.nn) END
           AS design_effect, -- as in layer_outcome
       s.trials, s.images, s.unit, s.units, s.census, s.coverage -- as in layer_outcome
  FROM long l JOIN bn_support s ON s.entry = l.entry AND s.layer = l.layer
  LEFT JOIN fault f ON f.entry = l.entry AND f.layer = l.layer
 WHERE l.r IS NOT NULL AND l.part > 0;

-- Rates of all outcomes of each stratum, one row per outcome, with two-sided, one-sided and population bounds. They are rates
-- of trials: where an entry has a probability or a bit error rate, those without a fault count, too. Layer 4095 is the whole
-- network.
CREATE VIEW layer_outcome AS
WITH share AS MATERIALIZED ( -- or its columns would be computed at each place of the formulas
    SELECT s.*, x.z, x.z1, x.confidence FROM layer_share s CROSS JOIN bn_setting x
), bounded AS MATERIALIZED (
    SELECT c.*, @share_low(r, n, z) AS low, @share_high(r, n, z) AS high, @share_low(r, n, z1) AS lower,
           @share_upper(r, n, z1, confidence) AS upper, @share_low(r, i, z) AS population_low, @share_high(r, i, z) AS population_high
      FROM share c
), pair AS (
    SELECT l.*, iif(abs(l.r - g.r) < 1e-12, 0.0, l.r - g.r) AS d, sqrt(l.r * g.r / nullif((1 - l.r) * (1 - g.r), 0)) AS rho, l.r - l.low AS l_down, l.high - l.r AS l_up,
           g.r - g.low AS g_down, g.high - g.r AS g_up, l.r - l.lower AS l_down1, l.upper - l.r AS l_up1, g.r - g.lower AS g_down1,
           g.upper - g.r AS g_up1, l.r - l.population_low AS p_down, l.population_high - l.r AS p_up, g.r - g.population_low AS q_down,
           g.population_high - g.r AS q_up
      FROM bounded l JOIN bounded g ON g.entry = l.entry AND g.layer = l.layer AND g.outcome = 'accuracy_gained'
     WHERE l.outcome = 'accuracy_lost'
), both AS (
    SELECT entry, layer, place, outcome, r, low, high, lower, upper, population_low, population_high, trials, images, unit, units, n, census,
           design_effect, coverage, confidence
      FROM bounded WHERE outcome NOT IN ('accuracy_lost', 'accuracy_gained')
    UNION ALL
    -- The accuracy drop is lost - gained: what faults spoil, less what they mend; MOVER for the difference of two shares
    -- of one sample (G. Y. Zou, A. Donner, Statistics in Medicine 27, 2008), negatively correlated as in a multinomial.
    SELECT entry, layer, place, 'accuracy_drop', d, max(-1.0, d - sqrt(l_down * l_down + 2 * ifnull(rho, 0) * l_down * g_up + g_up * g_up)),
           min(1.0, d + sqrt(l_up * l_up + 2 * ifnull(rho, 0) * l_up * g_down + g_down * g_down)),
           max(-1.0, d - sqrt(l_down1 * l_down1 + 2 * ifnull(rho, 0) * l_down1 * g_up1 + g_up1 * g_up1)),
           min(1.0, d + sqrt(l_up1 * l_up1 + 2 * ifnull(rho, 0) * l_up1 * g_down1 + g_down1 * g_down1)),
           max(-1.0, d - sqrt(p_down * p_down + 2 * ifnull(rho, 0) * p_down * q_up + q_up * q_up)),
           min(1.0, d + sqrt(p_up * p_up + 2 * ifnull(rho, 0) * p_up * q_down + q_down * q_down)),
           trials, images, unit, units, n, census, NULL, coverage, confidence
      FROM pair
)
SELECT b.entry,             -- entry.id
       b.layer,             -- layer.id
       l.label AS layer_name,-- layer.label
       b.outcome,           -- masked, benign, sdc1, due, sdc5, sdc10, sdc20 (as in outcome), sdc1_or_due, sdc1_golden_correct
                            -- (on images that the golden run answers correctly), accuracy (DUE is wrong), accuracy_drop
       b.r AS rate,         -- share of trials, with images by their weights
       b.low, b.high,       -- two-sided bounds; NULL: a census
       b.lower, b.upper,    -- one-sided bounds; if nothing was seen, upper is the rule of three (about 3/n)
       b.population_low, b.population_high, -- two-sided, if the images are a sample, too
       b.trials,            -- trials that count
       b.images,            -- images they were made on
       b.unit,              -- what bounds count: trial, fault
       b.units,             -- how many of them
       b.n AS observations, -- n of the bounds; NULL: a census
       b.census,            -- 1: every fault was tried on every image
       b.design_effect,     -- information only: variance over that of as many trials with a fault each; NULL: not known
       b.coverage,          -- share of the campaign's images, by weight
       b.confidence         -- of all bounds
  FROM both b JOIN layer l ON l.id = b.layer
 ORDER BY b.entry, l.ordinal, b.place;

-- Accuracy, SDC and DUE rates of each stratum, with bounds: under the faults of one trial. One row per stratum; the numbers
-- are those of layer_outcome.
CREATE VIEW layer_accuracy AS
WITH o AS MATERIALIZED (
    SELECT * FROM layer_outcome
)
SELECT o.entry,                                -- entry.id
       o.layer,                                -- layer.id
       o.layer_name,                           -- layer.label
       l.kind,                                 -- layer.kind
       l.op,                                   -- layer.op
       max(o.trials) AS trials,                -- trials that count
       min(1.0, max(0.0, max(rate) FILTER (WHERE outcome = 'accuracy') + max(rate) FILTER (WHERE outcome = 'accuracy_drop')))
           AS golden_accuracy,                 -- fault-free accuracy of the same images
       max(rate) FILTER (WHERE outcome = 'accuracy') AS accuracy, -- under the faults of a trial; DUE is wrong
       max(rate) FILTER (WHERE outcome = 'masked') AS masked_rate, -- share of masked trials
       max(rate) FILTER (WHERE outcome = 'sdc1') AS sdc1_rate, -- share of SDC-1
       max(low) FILTER (WHERE outcome = 'sdc1') AS sdc1_low, max(high) FILTER (WHERE outcome = 'sdc1') AS sdc1_high, -- its two-sided bounds
       max(upper) FILTER (WHERE outcome = 'sdc1') AS sdc1_upper, -- its one-sided upper bound
       max(rate) FILTER (WHERE outcome = 'due') AS due_rate,     -- share of DUE
       max(low) FILTER (WHERE outcome = 'due') AS due_low, max(high) FILTER (WHERE outcome = 'due') AS due_high, -- its two-sided bounds
       max(upper) FILTER (WHERE outcome = 'due') AS due_upper,   -- its one-sided upper bound
       max(o.unit) AS unit,                    -- what bounds count: trial, fault
       max(o.units) AS units,                  -- how many of them
       max(o.observations) FILTER (WHERE outcome = 'sdc1') AS observations, -- n of the bounds; NULL: a census
       max(o.census) AS census,                -- 1: every fault was tried on every image: no bounds
       max(o.confidence) AS confidence,        -- of all bounds
       max(low) FILTER (WHERE outcome = 'accuracy') AS accuracy_low, -- two-sided bounds of accuracy
       max(high) FILTER (WHERE outcome = 'accuracy') AS accuracy_high,
       max(rate) FILTER (WHERE outcome = 'accuracy_drop') AS accuracy_drop, -- golden_accuracy - accuracy, by pairs of answers to the same image
       max(low) FILTER (WHERE outcome = 'accuracy_drop') AS accuracy_drop_low, -- its two-sided bounds
       max(high) FILTER (WHERE outcome = 'accuracy_drop') AS accuracy_drop_high,
       max(low) FILTER (WHERE outcome = 'masked') AS masked_low, -- two-sided bounds of masked_rate
       max(high) FILTER (WHERE outcome = 'masked') AS masked_high,
       max(rate) FILTER (WHERE outcome = 'sdc5') AS sdc5_rate,   -- share of SDC-5; layer_outcome has its bounds
       max(rate) FILTER (WHERE outcome = 'sdc10') AS sdc10_rate, -- share of SDC-10 %
       max(rate) FILTER (WHERE outcome = 'sdc20') AS sdc20_rate, -- share of SDC-20 %
       max(rate) FILTER (WHERE outcome = 'sdc1_golden_correct') AS sdc1_rate_golden_correct, -- share of SDC-1 on
                                               -- images that the golden run answers correctly
       max(population_low) FILTER (WHERE outcome = 'sdc1') AS sdc1_population_low, -- bounds of sdc1_rate, if the
                                               -- images are a sample, too
       max(population_high) FILTER (WHERE outcome = 'sdc1') AS sdc1_population_high,
       max(population_low) FILTER (WHERE outcome = 'accuracy') AS accuracy_population_low, -- bounds of accuracy, if
                                               -- the images are a sample, too
       max(population_high) FILTER (WHERE outcome = 'accuracy') AS accuracy_population_high,
       max(o.design_effect) FILTER (WHERE outcome = 'sdc1') AS design_effect, -- of sdc1_rate; information only
       max(o.images) AS images,                -- images with trials
       max(o.coverage) AS coverage             -- their share of the campaign's images, by weight
  FROM o JOIN layer l ON l.id = o.layer GROUP BY o.entry, o.layer;

-- Rates of all outcomes of the whole network, one row per outcome: means over the strata of an entry. They are weighted by
-- the bits that a fault may hit (weights = 'bits'; layers without storage are left out), or all alike ('uniform'). Entries
-- whose trials may hold any number of faults (bn_stratum.conditional) have no rate of one fault, and no row here: layer_outcome
-- has their rates, of the whole network in layer 4095. Bounds of several
-- strata are Fay and Feuer's, with the n of each stratum; of one stratum alone its own. If the images are a sample, too:
-- 1/n = 1/I + the largest w/K of a parameter's stratum, and never narrower than low to high.
CREATE VIEW network_outcome AS
WITH weighting (weights) AS (
    VALUES ('bits'), ('uniform')
), planned AS MATERIALIZED (
    SELECT entry, layer, weights, CASE weights WHEN 'bits' THEN bits * 1.0 ELSE 1.0 END AS raw FROM bn_stratum, weighting
     WHERE NOT conditional AND (storage OR weights = 'uniform')
), all_planned AS MATERIALIZED (
    SELECT entry, weights, count(*) AS strata, sum(raw) AS raw FROM planned GROUP BY entry, weights
), tried AS MATERIALIZED (
    SELECT p.entry, p.layer, p.weights, p.raw, s.image_observations AS i, s.coverage,
           CASE WHEN s.parameter THEN s.observations END AS faults, p.raw / sum(p.raw) OVER (PARTITION BY p.entry, p.weights) AS w
      FROM planned p JOIN bn_support s ON s.entry = p.entry AND s.layer = p.layer
), summed AS (
    SELECT o.entry, t.weights, o.outcome, count(*) AS strata, sum(o.trials) AS trials, min(1.0, sum(t.w * o.rate)) AS y,
           ifnull(sum(t.w * t.w * o.rate / o.observations), 0.0) AS v,
           ifnull(sum(t.w * t.w * (1 - o.rate) / o.observations), 0.0) AS u, ifnull(max(t.w / o.observations), 0.0) AS top, max(o.low) AS low, max(o.high) AS high, max(o.lower) AS lower, max(o.upper) AS upper,
           1.0 / (1.0 / min(t.i) + ifnull(max(t.w / t.faults), 0.0)) AS n, min(o.census) AS census, max(o.confidence) AS confidence,
           sum(t.raw * t.coverage) AS covered
      FROM tried t JOIN layer_outcome o ON o.entry = t.entry AND o.layer = t.layer
     WHERE o.outcome NOT IN ('accuracy_drop', 'sdc1_golden_correct') GROUP BY o.entry, t.weights, o.outcome
), bounded AS (
    SELECT s.*, CASE WHEN s.strata = 1 OR s.census THEN s.low ELSE @sum_low(s.y, s.v, s.u, s.top, 1.0, x.z) END AS sum_low,
           CASE WHEN s.strata = 1 OR s.census THEN s.high ELSE @sum_high(s.y, s.v, s.u, s.top, 1.0, x.z) END AS sum_high,
           CASE WHEN s.strata = 1 OR s.census THEN s.lower ELSE @sum_low(s.y, s.v, s.u, s.top, 1.0, x.z1) END AS sum_lower,
           CASE WHEN s.strata = 1 OR s.census THEN s.upper ELSE @sum_high(s.y, s.v, s.u, s.top, 1.0, x.z1) END AS sum_upper,
           @share_low(s.y, s.n, x.z) AS p_low, @share_high(s.y, s.n, x.z) AS p_high
      FROM summed s CROSS JOIN bn_setting x
)
SELECT s.entry,             -- entry.id
       s.weights,           -- how strata are weighted: bits, uniform
       s.outcome,           -- as in layer_outcome, but for accuracy_drop and sdc1_golden_correct
       s.y AS rate,         -- weighted mean of the strata's rates
       s.sum_low AS low, s.sum_high AS high,       -- two-sided bounds; NULL: a census
       s.sum_lower AS lower, s.sum_upper AS upper, -- one-sided bounds
       min(s.p_low, ifnull(s.sum_low, s.p_low)) AS population_low, -- two-sided, if the images are a sample, too
       max(s.p_high, ifnull(s.sum_high, s.p_high)) AS population_high,
       s.trials,            -- trials that count
       s.strata,            -- strata with trials
       p.strata AS planned_strata, -- strata of the entry (bits: those with storage)
       round(s.covered / p.raw, 12) AS coverage, -- share of strata x images with trials, by their weights
       s.census,            -- 1: every fault was tried on every image
       s.confidence         -- of all bounds
  FROM bounded s JOIN all_planned p ON p.entry = s.entry AND p.weights = s.weights;

-- SDC and DUE rates of the whole network under one fault, weighted over its strata, with bounds. Two rows per entry, one for
-- each kind of weights; the numbers are those of network_outcome.
CREATE VIEW network_sdc AS
SELECT entry,                          -- entry.id
       weights,                        -- how strata are weighted: bits, uniform
       max(trials) AS trials,          -- trials that count
       max(rate) FILTER (WHERE outcome = 'sdc1') AS sdc1_rate, -- share of SDC-1
       max(low) FILTER (WHERE outcome = 'sdc1') AS sdc1_low, max(high) FILTER (WHERE outcome = 'sdc1') AS sdc1_high, -- its two-sided bounds
       max(upper) FILTER (WHERE outcome = 'sdc1') AS sdc1_upper, -- its one-sided upper bound
       max(population_low) FILTER (WHERE outcome = 'sdc1') AS sdc1_population_low, -- its bounds, if the images are a
                                       -- sample, too
       max(population_high) FILTER (WHERE outcome = 'sdc1') AS sdc1_population_high,
       max(rate) FILTER (WHERE outcome = 'masked') AS masked_rate, -- share of masked trials
       max(rate) FILTER (WHERE outcome = 'due') AS due_rate,     -- share of DUE
       max(low) FILTER (WHERE outcome = 'due') AS due_low, max(high) FILTER (WHERE outcome = 'due') AS due_high, -- its two-sided bounds
       max(upper) FILTER (WHERE outcome = 'due') AS due_upper,   -- its one-sided upper bound
       max(strata) AS strata,          -- strata with trials
       max(planned_strata) AS planned_strata, -- strata of the entry (bits: those with storage)
       max(coverage) AS coverage,      -- share of strata x images with trials, by their weights
       max(census) AS census,          -- 1: every fault was tried on every image: no bounds
       max(confidence) AS confidence   -- of all bounds
  FROM network_outcome GROUP BY entry, weights;

-- Rates of another answer or none (SDC-1 or DUE), of each stratum and of the network. For comparisons with tools that count
-- NaN as a wrong answer.
CREATE VIEW sdc1_or_due AS
SELECT entry,      -- entry.id
       layer,      -- layer.id; NULL: the network
       layer_name, -- layer.label
       NULL AS weights, -- how strata are weighted: bits, uniform; NULL: one stratum
       rate, low, high, lower, upper, population_low, population_high, trials, census, coverage, confidence -- as in layer_outcome
  FROM layer_outcome WHERE outcome = 'sdc1_or_due'
UNION ALL
SELECT entry, NULL, NULL, weights, rate, low, high, lower, upper, population_low, population_high, trials, census, coverage, confidence
  FROM network_outcome WHERE outcome = 'sdc1_or_due';
