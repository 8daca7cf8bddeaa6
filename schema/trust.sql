-- The sums from which bn_class and bn_trust are computed, for all classes and DUE. With P(c|i) = sum_t P(t) P(c|i,t):
--     A_c = sum w_i [g_i = y_i = c]      M_c = sum w_i [g_i = c]
--     B_c = sum w_i [y_i = c] P(c|i)     N_c = sum w_i P(c|i)
-- If "correct" means the golden answer, [y_i = c] becomes [g_i = c], and A_c becomes M_c.
CREATE VIEW bn_term AS
WITH part AS MATERIALIZED (
    SELECT scope, class, max(n) AS n, max(wrong) AS wrong, max(CASE part WHEN 'answer' THEN variance END) AS variance,
           max(CASE part WHEN 'answer' THEN raw END) AS raw, max(CASE part WHEN 'answer' THEN v END) AS nn,
           max(CASE part WHEN 'answer' THEN low END) AS nn_low, max(CASE part WHEN 'answer' THEN high END) AS nn_high,
           max(CASE part WHEN 'right_label' THEN v END) AS bl,
           max(CASE part WHEN 'right_label' THEN low END) AS bl_low, max(CASE part WHEN 'right_label' THEN high END) AS bl_high,
           max(CASE part WHEN 'wrong_label' THEN low END) AS wl_low, max(CASE part WHEN 'wrong_label' THEN high END) AS wl_high,
           max(CASE part WHEN 'right_golden' THEN v END) AS bg,
           max(CASE part WHEN 'right_golden' THEN low END) AS bg_low, max(CASE part WHEN 'right_golden' THEN high END) AS bg_high,
           max(CASE part WHEN 'wrong_golden' THEN low END) AS wg_low, max(CASE part WHEN 'wrong_golden' THEN high END) AS wg_high
      FROM bn_bound GROUP BY scope, class
), never AS MATERIALIZED ( -- an answer that no trial gave
    SELECT s.scope, coalesce(CASE WHEN s.strata = 1 THEN @share_high(0.0, s.observations, x.z)
           ELSE @sum_high(0.0, 0.0, s.square, s.top, 1.0, x.z) END, 0.0) AS high
      FROM bn_scope_sum s CROSS JOIN bn_setting x
), golden_sum AS MATERIALIZED (
    SELECT golden_class AS class, min(1.0, sum(probability)) AS mm,
           min(1.0, sum(CASE WHEN golden_class = label_class THEN probability ELSE 0.0 END)) AS aa, count(*) AS images
      FROM bn_image WHERE probability > 0 GROUP BY golden_class
), label_sum AS MATERIALIZED (
    SELECT label_class AS class, count(*) AS images FROM bn_image WHERE probability > 0 GROUP BY label_class
), answer AS (
    SELECT id AS class, name FROM class UNION ALL SELECT -1, 'DUE'
)
SELECT s.scope,                               -- entry.id, or -1: the strata of bn_prior_layer
       a.class,                               -- the answer, -1: DUE
       a.name AS class_name,                  -- its name
       s.p,                                   -- P(F = 1)
       ifnull(m.aa, 0.0) AS golden_label,     -- A_c
       ifnull(m.mm, 0.0) AS golden,           -- M_c
       ifnull(f.nn, 0.0) AS fault,            -- N_c
       ifnull(f.nn_low, 0.0) AS fault_low, ifnull(f.nn_high, e.high) AS fault_high,    -- its bounds
       ifnull(f.raw, 0.0) AS fault_raw, ifnull(f.variance, 0.0) AS fault_variance, -- bn_bound.raw, bn_bound.variance of the part answer
       ifnull(f.bl, 0.0) AS label_right,      -- B_c by label
       ifnull(f.bl_low, 0.0) AS label_right_low, ifnull(f.bl_high, e.high) AS label_right_high, -- its bounds
       ifnull(f.wl_low, 0.0) AS label_wrong_low, ifnull(f.wl_high, e.high) AS label_wrong_high, -- bounds of N_c - B_c by label
       ifnull(f.bg, 0.0) AS golden_right,     -- B_c by golden answer
       ifnull(f.bg_low, 0.0) AS golden_right_low, ifnull(f.bg_high, e.high) AS golden_right_high, -- its bounds
       ifnull(f.wg_low, 0.0) AS golden_wrong_low, ifnull(f.wg_high, e.high) AS golden_wrong_high, -- bounds of N_c - B_c by golden answer
       ifnull(y.images, 0) AS label_images,   -- images with this label
       ifnull(m.images, 0) AS golden_images,  -- images with this golden answer
       ifnull(f.n, 0) AS n,                   -- trials with this answer
       ifnull(f.wrong, 0) AS wrong,           -- those of them in which it is not the golden answer
       s.coverage,                            -- bn_scope.coverage
       x.confidence                           -- of the bounds
  FROM bn_scope s CROSS JOIN answer a CROSS JOIN bn_confidence x
  LEFT JOIN part f ON f.scope = s.scope AND f.class = a.class
  LEFT JOIN never e ON e.scope = s.scope
  LEFT JOIN golden_sum m ON m.class = a.class
  LEFT JOIN label_sum y ON y.class = a.class
 WHERE s.tried > 0;

-- P(class), with and without a fault, and P(fault | class).
CREATE VIEW bn_class AS
SELECT scope,                                  -- entry.id, or -1: the strata of bn_prior_layer
       class,                                  -- the answer, -1: DUE
       class_name,                             -- its name
       (1.0 - p) * golden + p * fault AS probability, -- P(C = class)
       (1.0 - p) * golden + p * fault_low AS low,     -- its bounds
       (1.0 - p) * golden + p * fault_high AS high,
       golden AS probability_golden,           -- P(C = class | F = 0): exact for these images
       fault AS probability_fault,             -- P(C = class | F = 1)
       fault_low, fault_high,                  -- its bounds
       p * fault / nullif((1.0 - p) * golden + p * fault, 0) AS p_fault, -- P(F = 1 | C = class)
       p * fault_low / nullif((1.0 - p) * golden + p * fault_low, 0) AS p_fault_low, -- its bounds
       p * fault_high / nullif((1.0 - p) * golden + p * fault_high, 0) AS p_fault_high,
       golden_images,                          -- images with this golden answer
       n,                                      -- trials with this answer
       wrong,                                  -- those of them in which it is not the golden answer
       coverage,                               -- bn_scope.coverage
       confidence                              -- of the bounds
  FROM bn_term;

-- P(layer | class): where the fault was, if the network gives this answer. The row with layer -1 stands for no fault. For
-- the bounds of a stratum, the other strata count as a sum of their own.
CREATE VIEW bn_layer_given_class AS
WITH total AS MATERIALIZED (
    SELECT * FROM bn_term
), stratum_of AS MATERIALIZED ( -- with what the bounds of the others count
    SELECT b.scope, b.entry, b.layer, b.layer_name, b.probability, count(*) OVER (PARTITION BY b.scope) AS strata,
           ifnull(max(b.probability / t.observations) OVER other, 0.0) AS o_top, max(t.observations) OVER other AS o_m,
           ifnull(sum(b.probability * b.probability / t.observations) OVER other, 0.0) AS o_square
      FROM bn_layer b JOIN bn_support t ON t.entry = b.entry AND t.layer = b.layer
     WHERE b.probability > 0
    WINDOW other AS (PARTITION BY b.scope ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE CURRENT ROW)
), term AS MATERIALIZED (
    SELECT b.*, f.class, b.probability * f.v AS q, b.probability * f.low AS q_low, b.probability * f.high AS q_high, f.n,
           b.probability * f.raw AS q_raw, ifnull(b.probability * b.probability * f.raw / f.observations, 0.0) AS own
      FROM bn_flow_part f JOIN stratum_of b ON b.entry = f.entry AND b.layer = f.layer
     WHERE f.part = 'answer'
), other AS (
    SELECT t.*, s.class_name, s.p, s.golden, s.fault, max(0.0, s.fault - t.q) AS smoothed, max(0.0, s.fault_raw - t.q_raw) AS o,
           1.0 - t.probability AS o_whole,
           max(0.0, s.fault_variance - t.own) AS o_variance, t.o_square - max(0.0, s.fault_variance - t.own) AS o_rest,
           min(1.0, max(0.0, s.fault_raw - t.q_raw) / nullif(1.0 - t.probability, 0)) AS o_r
      FROM term t JOIN total s ON s.scope = t.scope AND s.class = t.class
), rest AS (
    SELECT o.*, x.confidence,
           min(smoothed, CASE strata WHEN 1 THEN 0.0 WHEN 2 THEN o_whole * coalesce(@share_low(o_r, o_m, z), o_r)
               ELSE @sum_low(o, o_variance, o_rest, o_top, o_whole, z) END) AS o_low,
           max(smoothed, CASE strata WHEN 1 THEN 0.0 WHEN 2 THEN o_whole * coalesce(@share_high(o_r, o_m, z), o_r)
               ELSE @sum_high(o, o_variance, o_rest, o_top, o_whole, z) END) AS o_high
      FROM other o CROSS JOIN bn_setting x
)
SELECT scope,      -- entry.id, or -1: the strata of bn_prior_layer
       class,      -- the answer, -1: DUE
       class_name, -- its name
       entry,      -- entry.id; NULL: no fault
       layer,      -- layer.id; -1: no fault
       layer_name, -- layer.label
       min(1.0, p * q / nullif((1.0 - p) * golden + p * fault, 0)) AS probability, -- P(L = (entry, layer) | C = class)
       p * q_low / nullif((1.0 - p) * golden + p * (q_low + o_high), 0) AS low, -- its bounds
       p * q_high / nullif((1.0 - p) * golden + p * (q_high + o_low), 0) AS high,
       n,          -- trials (without fault: images) with this answer
       confidence  -- of the bounds
  FROM rest
UNION ALL
SELECT scope, class, class_name, NULL, -1, 'none', (1.0 - p) * golden / nullif((1.0 - p) * golden + p * fault, 0),
       (1.0 - p) * golden / nullif((1.0 - p) * golden + p * fault_high, 0),
       (1.0 - p) * golden / nullif((1.0 - p) * golden + p * fault_low, 0), golden_images, confidence
  FROM total WHERE golden > 0;

-- How many images each answer rests on. This is Kish's effective number of images, each with its part of P(C = c), by raw
-- frequencies. At p = 0 these are the images with this golden answer.
CREATE VIEW bn_answer_images AS
WITH img AS MATERIALIZED (
    SELECT image, golden_class AS g, probability AS w FROM bn_image WHERE probability > 0
), stratum_of AS MATERIALIZED (
    SELECT b.scope, c.p, b.entry, b.layer, b.probability / s.weight AS k
      FROM bn_layer b JOIN bn_scope c ON c.scope = b.scope JOIN bn_support s ON s.entry = b.entry AND s.layer = b.layer
     WHERE b.probability > 0
), part AS (
    SELECT t.scope, s.image, s.class, sum(t.p * t.k * i.w * s.n / u.done) AS v
      FROM stratum_of t CROSS JOIN summary s ON s.entry = t.entry AND s.layer = t.layer
     CROSS JOIN unit u ON u.entry = s.entry AND u.layer = s.layer AND u.image = s.image CROSS JOIN img i ON i.image = s.image
     GROUP BY t.scope, s.image, s.class
    UNION ALL
    SELECT s.scope, i.image, i.g, (1.0 - s.p) * i.w FROM bn_scope s CROSS JOIN img i WHERE s.tried > 0
), by_image AS (
    SELECT scope, image, class, sum(v) AS v FROM part GROUP BY scope, image, class
)
SELECT scope,                                  -- entry.id, or -1: the strata of bn_prior_layer
       class,                                  -- the answer, -1: DUE
       sum(v) * sum(v) / nullif(sum(v * v), 0) AS images -- images that the answer rests on (effective number)
  FROM by_image GROUP BY scope, class;

-- Trust: the probability that an answer is correct, for each class, least trustworthy first. Chapter THE
-- BAYESIAN NETWORK of bitsink-db(5) has the formula; A, B, M, N are those of bn_term.
--
-- If the images are a sample, too (population bounds), the distances to the bounds over faults and to the bounds at
-- bn_answer_images.images add up in squares: a class that a handful of images answer is known no better than a handful of
-- images can tell. The fault-free answer is correct by itself if "correct" means golden, so there only the part of an
-- answer that comes from a fault is uncertain. Rows are ordered by twelve digits, because sums that are equal may differ in
-- the last ones.
CREATE VIEW bn_trust AS
WITH trust AS (
    SELECT *, CASE WHEN label_images > 0 THEN min(1.0, ((1.0 - p) * golden_label + p * label_right) / nullif((1.0 - p) * golden + p * fault, 0)) END AS tl,
           CASE WHEN label_images > 0 THEN min(1.0, ((1.0 - p) * golden_label + p * label_right_low)
               / nullif((1.0 - p) * golden + p * (label_right_low + label_wrong_high), 0)) END AS tl_low,
           CASE WHEN label_images > 0 THEN min(1.0, ((1.0 - p) * golden_label + p * label_right_high)
               / nullif((1.0 - p) * golden + p * (label_right_high + label_wrong_low), 0)) END AS tl_high,
           min(1.0, ((1.0 - p) * golden + p * golden_right) / nullif((1.0 - p) * golden + p * fault, 0)) AS tg,
           min(1.0, ((1.0 - p) * golden + p * golden_right_low)
               / nullif((1.0 - p) * golden + p * (golden_right_low + golden_wrong_high), 0)) AS tg_low,
           min(1.0, ((1.0 - p) * golden + p * golden_right_high)
               / nullif((1.0 - p) * golden + p * (golden_right_high + golden_wrong_low), 0)) AS tg_high
      FROM bn_term WHERE class >= 0
), sampled AS (
    SELECT t.*, a.images, min(1.0, max(0.0, t.tl)) AS l, x.z,
           min(1.0, t.golden_right / nullif(t.fault, 0)) AS g, t.p * t.fault / nullif((1.0 - t.p) * t.golden + t.p * t.fault, 0) AS f
      FROM trust t CROSS JOIN bn_setting x LEFT JOIN bn_answer_images a ON a.scope = t.scope AND a.class = t.class
), bounded AS (
    SELECT s.*, @share_low(l, images, z) AS l_low, @share_high(l, images, z) AS l_high, @share_low(g, images, z) AS g_low,
           @share_high(g, images, z) AS g_high
      FROM sampled s
)
SELECT scope,                              -- entry.id, or -1: the strata of bn_prior_layer
       class,                              -- the answer
       class_name,                         -- its name
       p,                                  -- P(F = 1)
       tl AS trust_label,                  -- trust by label: P(it is the label | C = class); NULL: see assessment
       tl_low AS trust_label_low, tl_high AS trust_label_high, -- its bounds, over faults
       max(0.0, tl - sqrt((tl - tl_low) * (tl - tl_low) + (tl - l_low) * (tl - l_low)))
           AS trust_label_population_low,  -- its bounds, if the images are a sample, too
       min(1.0, tl + sqrt((tl_high - tl) * (tl_high - tl) + (l_high - tl) * (l_high - tl))) AS trust_label_population_high,
       tg AS trust_golden,                 -- trust by golden answer: P(it is the fault-free answer | C = class)
       tg_low AS trust_golden_low, tg_high AS trust_golden_high, -- its bounds, over faults
       max(0.0, tg - sqrt((tg - tg_low) * (tg - tg_low) + f * f * (g - g_low) * (g - g_low))) AS trust_golden_population_low, -- its
                                           -- bounds, if the images are a sample, too
       min(1.0, tg + sqrt((tg_high - tg) * (tg_high - tg) + f * f * (g_high - g) * (g_high - g))) AS trust_golden_population_high,
       CASE WHEN label_images > 0 THEN min(1.0, golden_label / nullif(golden, 0)) END
           AS label_without_fault,         -- trust_label at p = 0
       CASE WHEN label_images > 0 THEN min(1.0, label_right / nullif(fault, 0)) END
           AS label_with_fault,            -- trust_label at p = 1
       min(1.0, golden_right / nullif(fault, 0))
           AS golden_with_fault,           -- trust_golden at p = 1 (at p = 0 it is 1)
       f AS p_fault,                       -- P(F = 1 | C = class)
       CASE WHEN label_images = 0 THEN 'not assessable'
            WHEN (1.0 - p) * golden + p * fault = 0 THEN 'never answered'
            ELSE 'assessed' END AS assessment, -- of trust_label: assessed; never answered; not assessable: the class is the label of no image
       label_images,                       -- images with this label
       golden_images,                      -- images with this golden answer
       images AS answer_images,            -- bn_answer_images.images: images that the answer rests on
       n,                                  -- trials with this answer
       wrong,                              -- those of them in which it is not the golden answer
       coverage,                           -- bn_scope.coverage
       confidence                          -- of all bounds
  FROM bounded
 ORDER BY scope, trust_label IS NULL, round(trust_label, 12), round(label_with_fault, 12), class;

-- Trust for fault probabilities from 1e-9 to 1, whatever setting p says. There are four points per decade. A
-- scope that is one experiment with p = 1 (bn_scope.conditional) has no curve.
CREATE VIEW bn_trust_curve AS
WITH RECURSIVE step (k) AS (
    SELECT 0 UNION ALL SELECT k + 1 FROM step WHERE k < 36
), grid AS MATERIALIZED (
    SELECT CASE WHEN k = 36 THEN 1.0 WHEN k % 4 = 0 THEN cast('1e' || (k / 4 - 9) AS REAL) ELSE pow(10.0, k / 4.0 - 9) END AS p
      FROM step
), term AS MATERIALIZED (
    SELECT t.*, rank() OVER (PARTITION BY scope ORDER BY label_images = 0,
               ((1.0 - p) * golden_label + p * label_right) / nullif((1.0 - p) * golden + p * fault, 0) IS NULL,
               round(((1.0 - p) * golden_label + p * label_right) / nullif((1.0 - p) * golden + p * fault, 0), 12),
               round(label_right / nullif(fault, 0), 12), class) AS place
      FROM bn_term t
     WHERE class >= 0 AND golden + fault > 0 AND scope IN (SELECT scope FROM bn_scope WHERE NOT conditional)
)
SELECT t.scope,                              -- entry.id, or -1: the strata of bn_prior_layer
       t.class,                              -- the answer
       t.class_name,                         -- its name
       t.place,                              -- 1: least trustworthy at the p of the settings, by label
       g.p,                                  -- P(F = 1)
       CASE WHEN label_images > 0 THEN min(1.0, ((1.0 - g.p) * golden_label + g.p * label_right)
           / nullif((1.0 - g.p) * golden + g.p * fault, 0)) END AS trust_label, -- trust by label, as in bn_trust
       CASE WHEN label_images > 0 THEN min(1.0, ((1.0 - g.p) * golden_label + g.p * label_right_low)
           / nullif((1.0 - g.p) * golden + g.p * (label_right_low + label_wrong_high), 0)) END AS trust_label_low, -- its
                                             -- bounds, over faults
       CASE WHEN label_images > 0 THEN min(1.0, ((1.0 - g.p) * golden_label + g.p * label_right_high)
           / nullif((1.0 - g.p) * golden + g.p * (label_right_high + label_wrong_low), 0)) END AS trust_label_high,
       min(1.0, ((1.0 - g.p) * golden + g.p * golden_right) / nullif((1.0 - g.p) * golden + g.p * fault, 0)) AS trust_golden, -- trust
                                             -- by golden answer, as in bn_trust
       min(1.0, ((1.0 - g.p) * golden + g.p * golden_right_low)
           / nullif((1.0 - g.p) * golden + g.p * (golden_right_low + golden_wrong_high), 0)) AS trust_golden_low, -- its bounds, over faults
       min(1.0, ((1.0 - g.p) * golden + g.p * golden_right_high)
           / nullif((1.0 - g.p) * golden + g.p * (golden_right_high + golden_wrong_low), 0)) AS trust_golden_high,
       t.label_images,                       -- images with this label
       t.n,                                  -- trials with this answer
       t.wrong,                              -- those of them in which it is not the golden answer
       t.confidence                          -- of the bounds
  FROM term t CROSS JOIN grid g
 ORDER BY t.scope, t.place, g.p;
