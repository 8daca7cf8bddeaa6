-- P(class | image, layer). There is a row for each answer that was seen; if a > 0, also a row with class NULL for all
-- others together.
--     P(C = c | I = i, L = t) = (n_itc + a b_t(c|i)) / (n_it + a)
--     b_t(c|i) = (1 - s_t) [c = g_i] + s_t q_t(c)
-- s_t is the share of wrong answers in t and q_t their distribution, so that s_t q_t(c) is the share of wrong answers c
-- among all trials of t.
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
       min(c.r, coalesce(@share_low(c.raw, c.m, x.z), c.raw)) AS low, -- its bounds; within an image every trial is an observation
       max(c.r, coalesce(@share_high(c.raw, c.m, x.z), c.raw)) AS high,
       c.is_label AND c.class >= 0 AS correct_label,   -- 1: the answer is the label; NULL: no label, or others
       c.is_golden AND c.class >= 0 AS correct_golden, -- 1: the answer is the fault-free one
       c.n,              -- trials with this answer
       c.done AS trials, -- trials of (entry, layer, image)
       x.confidence      -- of the bounds
  FROM bounded c CROSS JOIN bn_setting x;

-- The parts of P(class | layer): how much of each answer is right, by label and by golden answer. Sums of w_i P(c|i,t) over
-- the images that were tried in t, for answers with a probability above 0.
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
       sum(p.p_label) / t.w AS right_label,   -- part of it in which the answer is the label
       sum(p.p_golden) / t.w AS right_golden, -- part of it in which the answer is the golden one
       sum(p.raw) / t.w AS raw_answer, sum(p.raw_label) / t.w AS raw_label, sum(p.raw_golden) / t.w AS raw_golden, -- the
                                          -- same three without the pseudo-count
       t.observations,                    -- bn_support.observations
       sum(p.n) AS n,                     -- trials with this answer
       sum(p.wrong) AS wrong,             -- those of them in which it is not the golden answer
       sum(p.images) AS images            -- images with this answer
  FROM part p JOIN tried t ON t.entry = p.entry AND t.layer = p.layer
 WHERE p.p > 0 GROUP BY p.entry, p.layer, p.class;

-- The parts of P(class | layer) with bounds, one row per part. A census has no width.
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
       p.part,  -- answer; or a part of it: right_label, wrong_label, right_golden, wrong_golden
       p.s AS v,   -- probability of this answer and part, given the stratum
       p.r AS raw, -- the same without the pseudo-count
       min(p.s, coalesce(@share_low(p.r, p.observations, x.z), p.r)) AS low, -- its bounds
       max(p.s, coalesce(@share_high(p.r, p.observations, x.z), p.r)) AS high,
       p.observations, p.n, p.wrong, p.images -- as in bn_flow
  FROM share p CROSS JOIN bn_setting x;

-- P(class | layer), and how far each answer can be trusted if the fault is there.
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
           AS trust_label,                     -- P(it is the label | C = class, L); NULL: the class is the label of no image
       CASE WHEN y.class IS NOT NULL THEN f.rl_low / (f.rl_low + f.wl_high) END AS trust_label_low, -- its bounds
       CASE WHEN y.class IS NOT NULL THEN f.rl_high / (f.rl_high + f.wl_low) END AS trust_label_high,
       min(1.0, f.right_golden / f.answer) AS trust_golden, -- P(it is the golden answer | C = class, L)
       CASE WHEN f.class >= 0 THEN f.rg_low / (f.rg_low + f.wg_high) END AS trust_golden_low, -- its bounds
       CASE WHEN f.class >= 0 THEN f.rg_high / (f.rg_high + f.wg_low) END AS trust_golden_high,
       f.n,                                    -- trials with this answer
       f.wrong,                                -- those of them in which it is not the golden answer
       f.images,                               -- images with this answer
       f.observations,                         -- n of the bounds, bn_support.observations
       x.confidence                            -- of the bounds
  FROM bound f CROSS JOIN bn_setting x LEFT JOIN class c ON c.id = f.class LEFT JOIN labelled y ON y.class = f.class;

-- P(correct | layer): accuracy under one fault. By label it is over the images that have one.
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
       l.label AS layer_name,           -- layer.label
       r.without_fault AS label_without_fault, -- accuracy of the golden answers to the same images
       r.r AS correct_label,           -- P(the answer is the label | L = (entry, layer))
       min(r.r, coalesce(@share_low(r.raw_r, r.m_label, x.z), r.raw_r)) AS label_low, -- its bounds
       max(r.r, coalesce(@share_high(r.raw_r, r.m_label, x.z), r.raw_r)) AS label_high,
       r.q AS correct_golden,          -- P(the answer is the fault-free one | L)
       min(r.q, coalesce(@share_low(r.raw_q, r.m, x.z), r.raw_q)) AS golden_low, -- its bounds
       max(r.q, coalesce(@share_high(r.raw_q, r.m, x.z), r.raw_q)) AS golden_high,
       r.n AS trials,                  -- trials
       r.m AS observations,            -- n of the bounds, bn_support.observations
       x.confidence                    -- of the bounds
  FROM rate r JOIN layer l ON l.id = r.layer CROSS JOIN bn_setting x;

-- The numbers for Fay and Feuer's bounds of sums over the strata of a scope. A stratum without the answer counts
-- with its largest step.
CREATE VIEW bn_scope_sum AS
SELECT b.scope,            -- entry.id, or -1: the strata of bn_prior_layer
       count(*) AS strata, -- strata with trials
       ifnull(max(b.probability / s.observations), 0.0) AS top, -- largest P(t)/n: what one more event adds
       ifnull(sum(b.probability * b.probability / s.observations), 0.0) AS square, -- sum of P(t)^2/n
       max(s.observations) AS observations -- n, if the scope has one stratum only
  FROM bn_layer b JOIN bn_support s ON s.entry = b.entry AND s.layer = b.layer WHERE b.probability > 0 GROUP BY b.scope;

-- The parts of P(class | fault) with bounds, summed over the strata of a scope. The sums are sum_t P(t) v_t.
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
       w.n, w.wrong -- trials with this answer; those of them in which it is not the golden answer
  FROM whole w CROSS JOIN bn_setting x;
