-- P(fault, layer, image, class), sparse: rows of the same place add up, and a missing row is 0. A place is (scope, fault,
-- entry, layer, image, class). P(I = i | L = t) = w_i / W_t over the images that were tried in t. If a > 0, the smoothing
-- has rows of its own (n = 0).
CREATE VIEW bn_joint AS
WITH img AS MATERIALIZED (
    SELECT image, golden_class AS g, label_class AS y, probability AS w FROM bn_image WHERE probability > 0
), stratum_of AS MATERIALIZED (
    SELECT b.scope, c.p, b.entry, b.layer, b.probability / s.weight AS k
      FROM bn_layer b JOIN bn_scope c ON c.scope = b.scope JOIN bn_support s ON s.entry = b.entry AND s.layer = b.layer
     WHERE b.probability > 0
), pool AS MATERIALIZED (
    SELECT entry, layer, sum(n) AS n, 1.0 - sum(wrong) * 1.0 / sum(n) AS kept FROM layer_summary GROUP BY entry, layer
)
SELECT t.scope,             -- entry.id, or -1: the strata of bn_prior_layer
       1 AS fault,          -- 1: a fault meets the inference
       t.entry,             -- entry.id; NULL: no fault
       t.layer,             -- layer.id; -1: no fault
       u.image,             -- image.id
       s.class,             -- the answer, -1: DUE
       t.k * i.w AS prior,  -- P(L, I | F)
       t.k * i.w * s.n / (u.done + x.a) AS share,             -- P(L, I, C | F)
       t.p * (t.k * i.w * s.n / (u.done + x.a)) AS probability, -- P(F, L, I, C)
       t.k * i.w * s.n / u.done AS raw, -- share without the pseudo-count
       i.y AS label_class,  -- bn_image.label_class
       i.g AS golden_class, -- bn_image.golden_class
       s.n                  -- trials; without fault 1: the golden run
  FROM bn_setting x CROSS JOIN stratum_of t CROSS JOIN unit u ON u.entry = t.entry AND u.layer = t.layer
 CROSS JOIN img i ON i.image = u.image
 CROSS JOIN summary s ON s.entry = u.entry AND s.layer = u.layer AND s.image = u.image
 WHERE u.done > 0
UNION ALL
SELECT t.scope, 1, t.entry, t.layer, u.image, i.g, t.k * i.w, t.k * i.w * x.a * o.kept / (u.done + x.a),
       t.p * t.k * i.w * x.a * o.kept / (u.done + x.a), 0.0, i.y, i.g, 0
  FROM bn_setting x CROSS JOIN stratum_of t CROSS JOIN unit u ON u.entry = t.entry AND u.layer = t.layer
 CROSS JOIN img i ON i.image = u.image CROSS JOIN pool o ON o.entry = t.entry AND o.layer = t.layer
 WHERE u.done > 0 AND x.a > 0
UNION ALL
SELECT t.scope, 1, t.entry, t.layer, u.image, q.class, t.k * i.w, t.k * i.w * x.a * (q.wrong * 1.0 / o.n) / (u.done + x.a),
       t.p * t.k * i.w * x.a * (q.wrong * 1.0 / o.n) / (u.done + x.a), 0.0, i.y, i.g, 0
  FROM bn_setting x CROSS JOIN stratum_of t CROSS JOIN unit u ON u.entry = t.entry AND u.layer = t.layer
 CROSS JOIN img i ON i.image = u.image CROSS JOIN pool o ON o.entry = t.entry AND o.layer = t.layer
 CROSS JOIN layer_summary q ON q.entry = t.entry AND q.layer = t.layer
 WHERE u.done > 0 AND x.a > 0 AND q.wrong > 0
UNION ALL
SELECT s.scope, 0, NULL, -1, i.image, i.g, i.w, i.w, (1.0 - s.p) * i.w, i.w, i.y, i.g, 1
  FROM bn_scope s CROSS JOIN img i WHERE s.tried > 0;

-- P(image, class | fault) with bounds, for each image and answer that was seen. Within an image every trial has a fault of
-- its own, so the trial is the observation, for parameters, too. Sums over strata have Fay and Feuer's bounds.
CREATE VIEW bn_pair AS
WITH img AS MATERIALIZED (
    SELECT image, golden_class AS g, probability AS w FROM bn_image WHERE probability > 0
), stratum_of AS MATERIALIZED (
    SELECT b.scope, b.entry, b.layer, b.probability / s.weight AS k, f.faults
      FROM bn_layer b JOIN bn_support s ON s.entry = b.entry AND s.layer = b.layer
      JOIN bn_stratum f ON f.entry = b.entry AND f.layer = b.layer WHERE b.probability > 0
), pool AS MATERIALIZED (
    SELECT entry, layer, sum(n) AS n, 1.0 - sum(wrong) * 1.0 / sum(n) AS kept FROM layer_summary GROUP BY entry, layer
), weighed AS (
    SELECT t.scope, u.image, t.k * i.w AS k, u.done, @without_replacement(u.done, t.faults) AS m
      FROM stratum_of t CROSS JOIN unit u ON u.entry = t.entry AND u.layer = t.layer CROSS JOIN img i ON i.image = u.image WHERE u.done > 0
), tried AS MATERIALIZED (
    SELECT scope, image, sum(k) AS prior, sum(done) AS trials, count(*) AS strata, ifnull(max(k / m), 0.0) AS top,
           ifnull(sum(k * k / m), 0.0) AS square, max(m) AS m
      FROM weighed GROUP BY scope, image
), seen AS MATERIALIZED ( -- the golden answer always, even where no trial gave it
    SELECT scope, image, class, sum(n) AS n FROM (
        SELECT t.scope, s.image, s.class, s.n
          FROM stratum_of t CROSS JOIN summary s ON s.entry = t.entry AND s.layer = t.layer
         CROSS JOIN img i ON i.image = s.image
        UNION ALL
        SELECT t.scope, t.image, i.g, 0 FROM tried t CROSS JOIN img i ON i.image = t.image)
     GROUP BY scope, image, class
), cell AS (
    SELECT t.scope, s.image, s.class, t.k * i.w AS k, s.n * 1.0 / u.done AS r, s.n * 1.0 / u.done AS raw,
           @without_replacement(u.done, t.faults) AS m
      FROM bn_setting x CROSS JOIN stratum_of t CROSS JOIN summary s ON s.entry = t.entry AND s.layer = t.layer
     CROSS JOIN unit u ON u.entry = s.entry AND u.layer = s.layer AND u.image = s.image
     CROSS JOIN img i ON i.image = s.image WHERE x.a = 0
    UNION ALL
    SELECT t.scope, e.image, e.class, t.k * i.w, (ifnull(s.n, 0) + x.a * (o.kept * (e.class = i.g)
               + ifnull((SELECT q.wrong FROM layer_summary q
                          WHERE q.entry = t.entry AND q.layer = t.layer AND q.class = e.class), 0) * 1.0 / o.n)) / (u.done + x.a),
           ifnull(s.n, 0) * 1.0 / u.done, @without_replacement(u.done, t.faults)
      FROM bn_setting x CROSS JOIN seen e CROSS JOIN stratum_of t ON t.scope = e.scope
     CROSS JOIN unit u ON u.entry = t.entry AND u.layer = t.layer AND u.image = e.image
     CROSS JOIN pool o ON o.entry = t.entry AND o.layer = t.layer CROSS JOIN img i ON i.image = e.image
      LEFT JOIN summary s ON s.entry = t.entry AND s.layer = t.layer AND s.image = e.image AND s.class = e.class
     WHERE x.a > 0 AND u.done > 0
), total AS MATERIALIZED (
    SELECT scope, image, class, sum(k * r) AS share, sum(k * raw) AS raw, ifnull(sum(k * k * raw / m), 0.0) AS variance FROM cell GROUP BY scope, image, class
), whole AS (
    SELECT e.scope, e.image, e.class, e.n, t.prior, t.trials, t.strata, t.top, t.m, min(t.prior, ifnull(c.share, 0.0)) AS share, min(t.prior, ifnull(c.raw, 0.0)) AS raw,
           ifnull(c.variance, 0.0) AS variance, t.square - ifnull(c.variance, 0.0) AS rest,
           min(1.0, ifnull(c.raw, 0.0) / t.prior) AS r
      FROM seen e LEFT JOIN total c ON c.scope = e.scope AND c.image = e.image AND c.class = e.class
      JOIN tried t ON t.scope = e.scope AND t.image = e.image
)
SELECT e.scope,              -- entry.id, or -1: the strata of bn_prior_layer
       e.image,              -- image.id
       e.class,              -- the answer, -1: DUE
       i.g AS golden_class,  -- bn_image.golden_class
       i.w,                  -- P(I = image)
       e.prior,              -- P(I = image | F = 1): w_i, if every stratum has all images
       e.share,              -- P(I = image, C = class | F = 1)
       min(e.share, CASE WHEN e.strata > 1 THEN @sum_low(e.raw, e.variance, e.rest, e.top, e.prior, x.z)
            ELSE coalesce(e.prior * @share_low(e.r, e.m, x.z), e.raw) END) AS low, -- its bounds
       max(e.share, CASE WHEN e.strata > 1 THEN @sum_high(e.raw, e.variance, e.rest, e.top, e.prior, x.z)
            ELSE coalesce(e.prior * @share_high(e.r, e.m, x.z), e.raw) END) AS high,
       e.n,                  -- trials with this answer
       e.trials              -- trials of the image
  FROM whole e JOIN img i ON i.image = e.image CROSS JOIN bn_setting x;

-- P(class | image). There is a row for each answer that was seen; if a > 0, also a row with class NULL for all others
-- together.
CREATE VIEW bn_class_given_image AS
WITH pair AS MATERIALIZED (
    SELECT b.*, s.p FROM bn_pair b JOIN bn_scope s ON s.scope = b.scope
), part AS (
    SELECT scope, image, class, (1.0 - p) * w * (class = golden_class) + p * share AS v, (1.0 - p) * w + p * prior AS v_all,
           (1.0 - p) * w * (class = golden_class) + p * low AS v_low, (1.0 - p) * w * (class = golden_class) + p * high AS v_high,
           share / prior AS with_fault, class = golden_class AS is_golden, n, trials
      FROM pair
    UNION ALL
    SELECT q.scope, q.image, NULL, q.p * max(0.0, q.prior - sum(q.share)), (1.0 - q.p) * q.w + q.p * q.prior, NULL, NULL,
           max(0.0, 1.0 - sum(q.share) / q.prior), NULL, 0, q.trials
      FROM pair q CROSS JOIN bn_setting x WHERE x.a > 0 GROUP BY q.scope, q.image
)
SELECT f.scope,                      -- entry.id, or -1: the strata of bn_prior_layer
       f.image,                      -- image.id
       i.path,                       -- its path
       f.class,                      -- the answer, -1: DUE, NULL: any answer not listed
       CASE WHEN f.class = -1 THEN 'DUE' ELSE c.name END AS class_name, -- its name
       v / v_all AS probability,     -- P(C = class | I = image)
       v_low / v_all AS low, v_high / v_all AS high, -- its bounds
       with_fault,                   -- P(C = class | I = image, F = 1)
       f.class = i.class AND f.class >= 0 AS correct_label, -- 1: the answer is the label; NULL: no label, or others
       is_golden AND f.class >= 0 AS correct_golden, -- 1: the answer is the fault-free one
       n,                            -- trials with this answer
       trials,                       -- trials of the image
       x.confidence                  -- of the bounds
  FROM part f JOIN image i ON i.id = f.image CROSS JOIN bn_confidence x LEFT JOIN class c ON c.id = f.class;

-- P(image | class): which image it was, if the network gives this answer. There is a row for each image for which the
-- answer was seen; if a > 0, also a row with image NULL for all others together.
CREATE VIEW bn_image_given_class AS
WITH pair AS MATERIALIZED (
    SELECT scope, image, class, golden_class, w, share, low, high, n FROM bn_pair
), golden_only AS (
    SELECT s.scope, i.image, i.golden_class AS class, i.golden_class, i.probability AS w, 0.0 AS share, 0.0 AS low, 0.0 AS high, 0 AS n
      FROM bn_scope s CROSS JOIN bn_image i
     WHERE s.tried > 0 AND i.probability > 0
       AND NOT EXISTS (SELECT 1 FROM pair q WHERE q.scope = s.scope AND q.image = i.image AND q.class = i.golden_class)
), both AS MATERIALIZED (
    SELECT * FROM pair UNION ALL SELECT * FROM golden_only
), total AS MATERIALIZED (
    SELECT scope, class, class_name, p, golden, fault, fault_low, fault_high FROM bn_term
), part AS (
    SELECT t.scope, t.class, t.class_name, b.image, (1.0 - t.p) * b.w * (b.class = b.golden_class) AS known,
           t.p * b.share AS v, t.p * b.low AS v_low, t.p * b.high AS v_high, (1.0 - t.p) * t.golden AS known_all,
           t.p * t.fault AS v_all, t.p * t.fault_low AS all_low, t.p * t.fault_high AS all_high, b.n
      FROM total t JOIN both b ON b.scope = t.scope AND b.class = t.class
    UNION ALL
    SELECT t.scope, t.class, t.class_name, NULL, 0.0, t.p * max(0.0, t.fault - sum(b.share)), NULL, NULL,
           (1.0 - t.p) * t.golden, t.p * t.fault, NULL, NULL, 0
      FROM total t JOIN both b ON b.scope = t.scope AND b.class = t.class CROSS JOIN bn_setting x
     WHERE x.a > 0 GROUP BY t.scope, t.class
)
SELECT f.scope,      -- entry.id, or -1: the strata of bn_prior_layer
       f.class,      -- the answer, -1: DUE
       f.class_name, -- its name
       f.image,      -- image.id; NULL: any image not listed
       i.path,       -- its path
       min(1.0, (known + v) / nullif(known_all + v_all, 0)) AS probability, -- P(I = image | C = class)
       min(1.0, (known + v_low) / nullif(known_all + v_low + max(0.0, all_high - v), 0)) AS low, -- its bounds
       min(1.0, (known + v_high) / nullif(known_all + v_high + max(0.0, all_low - v), 0)) AS high,
       i.class = f.class AND f.class >= 0 AS correct_label, -- 1: the answer would be the label; NULL: no label, or others
       g.class = f.class AND f.class >= 0 AS correct_golden, -- 1: it would be the fault-free one; NULL: others
       n,            -- trials of the image with this answer
       x.confidence  -- of the bounds
  FROM part f CROSS JOIN bn_confidence x LEFT JOIN image i ON i.id = f.image LEFT JOIN golden g ON g.image = f.image;
