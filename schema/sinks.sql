-- Sinks: classes into which wrong answers drain, for each stratum (level 'layer'), each bit position of an entry
-- ('bit', over its layers) and each entry ('overall'). Bit positions need `bitsink bn FILE update` first.

-- How many images fell into which wrong class. An image counts once for each wrong class its trials answered,
-- however often; DUE does not count.
CREATE VIEW sink_count AS
SELECT 'layer' AS level,      -- layer, bit, overall
       s.entry,               -- entry.id
       s.layer,               -- layer.id; NULL: over all
       NULL AS bit,           -- 0..31; NULL: over all
       s.class,               -- the wrong answer
       count(*) AS k,         -- images
       count(DISTINCT g.class) AS golden_classes, -- golden classes of these images
       sum(s.n) AS n          -- trials
  FROM summary s CROSS JOIN golden g ON g.image = s.image
 WHERE s.class >= 0 AND g.class >= 0 AND s.class <> g.class GROUP BY s.entry, s.layer, s.class
UNION ALL
SELECT 'overall', s.entry, NULL, NULL, s.class, count(DISTINCT s.image), count(DISTINCT g.class), sum(s.n)
  FROM summary s CROSS JOIN golden g ON g.image = s.image
 WHERE s.class >= 0 AND g.class >= 0 AND s.class <> g.class GROUP BY s.entry, s.class
UNION ALL
SELECT 'bit', b.entry, NULL, b.bit, b.class, count(*), count(DISTINCT g.class), sum(b.n)
  FROM bit_wrong b CROSS JOIN golden g ON g.image = b.image
 WHERE g.class >= 0 GROUP BY b.entry, b.bit, b.class;

-- Sink tests. The share of class c among the counts of a place (stratum, bit or entry) is tested against the larger
-- of two shares among the images tried there: c as golden answer, c as golden runner-up (at least one image, so that
-- a class never seen is not tested against 0). For a bit position these are the images tried in the entry.
-- p_value: one-sided binomial tail P(X >= k), bounded from above by pmf(k) / (1 - r),
-- r = (K-k)/(k+1) x share/(1-share) the ratio of its first two terms: never smaller than the exact
-- tail. Logarithms of factorials: exact below 10, Stirling's series above (error below 1e-12). q_value: Benjamini-
-- Hochberg over all classes of all places of the same level with wrong answers (those not listed have p_value 1).
CREATE VIEW sink_test AS
WITH wrong AS MATERIALIZED (
    SELECT * FROM sink_count
), tried AS MATERIALIZED (
    SELECT u.entry, u.layer, g.class AS c1, g.top2 AS c2, count(*) AS images
      FROM unit u CROSS JOIN golden g ON g.image = u.image
     WHERE u.done > 0 AND g.class >= 0 GROUP BY u.entry, u.layer, g.class, g.top2
    UNION ALL
    SELECT u.entry, NULL, g.class, g.top2, count(*)
      FROM (SELECT DISTINCT entry, image FROM unit WHERE done > 0) u CROSS JOIN golden g ON g.image = u.image
     WHERE g.class >= 0 GROUP BY u.entry, g.class, g.top2
), images AS MATERIALIZED (
    SELECT entry, ifnull(layer, -1) AS layer, sum(images) AS images FROM tried GROUP BY 1, 2
), winner AS MATERIALIZED (
    SELECT entry, ifnull(layer, -1) AS layer, c1 AS class, sum(images) AS images FROM tried GROUP BY 1, 2, 3
), runner_up AS MATERIALIZED (
    SELECT entry, ifnull(layer, -1) AS layer, c2 AS class, sum(images) AS images FROM tried GROUP BY 1, 2, 3
), counted AS (
    SELECT w.*, sum(w.k) OVER place AS kk, sum(w.n) OVER place AS n_place,
           sum(w.n) OVER (PARTITION BY w.level, w.entry) AS n_entry, i.images,
           ifnull(a.images, 0) AS golden_n, ifnull(b.images, 0) AS runner_n,
           max(1, ifnull(a.images, 0), ifnull(b.images, 0)) * 1.0 / i.images AS s
      FROM wrong w JOIN images i ON i.entry = w.entry AND i.layer = ifnull(w.layer, -1)
      LEFT JOIN winner a ON a.entry = w.entry AND a.layer = ifnull(w.layer, -1) AND a.class = w.class
      LEFT JOIN runner_up b ON b.entry = w.entry AND b.layer = ifnull(w.layer, -1) AND b.class = w.class
    WINDOW place AS (PARTITION BY w.level, w.entry, w.layer, w.bit)
), lf (x, v) AS (
    VALUES (0, 0.0), (1, 0.0), (2, ln(2.0)), (3, ln(6.0)), (4, ln(24.0)), (5, ln(120.0)), (6, ln(720.0)),
           (7, ln(5040.0)), (8, ln(40320.0)), (9, ln(362880.0))
), factorial AS (
    SELECT c.*,
           CASE WHEN kk < 10 THEN (SELECT v FROM lf WHERE x = kk) ELSE (kk + 0.5) * ln(kk) - kk + 0.9189385332046727
               + 1 / (12.0 * kk) - 1 / (360.0 * kk * kk * kk) + 1 / (1260.0 * kk * kk * kk * kk * kk) END AS f_all,
           CASE WHEN k < 10 THEN (SELECT v FROM lf WHERE x = k) ELSE (k + 0.5) * ln(k) - k + 0.9189385332046727
               + 1 / (12.0 * k) - 1 / (360.0 * k * k * k) + 1 / (1260.0 * k * k * k * k * k) END AS f_hit,
           CASE WHEN kk - k < 10 THEN (SELECT v FROM lf WHERE x = kk - k) ELSE (kk - k + 0.5) * ln(kk - k) - (kk - k)
               + 0.9189385332046727 + 1 / (12.0 * (kk - k)) - 1 / (360.0 * (kk - k) * (kk - k) * (kk - k))
               + 1 / (1260.0 * (kk - k) * (kk - k) * (kk - k) * (kk - k) * (kk - k)) END AS f_miss,
           CASE WHEN s < 1 THEN (kk - k) * s / ((k + 1.0) * (1.0 - s)) ELSE 1.0 END AS r
      FROM counted c
), places AS MATERIALIZED (
    SELECT level, count(*) * (SELECT classes FROM campaign) AS tests
      FROM (SELECT DISTINCT level, entry, layer, bit FROM wrong) GROUP BY level
), tested AS (
    SELECT f.*, CASE WHEN r < 1 AND k > kk * s
                     THEN min(1.0, exp(f_all - f_hit - f_miss + k * ln(s) + (kk - k) * ln(1.0 - s)) / (1.0 - r))
                     ELSE 1.0 END AS p_value, t.tests
      FROM factorial f JOIN places t ON t.level = f.level
), ranked AS (
    SELECT t.*, row_number() OVER (PARTITION BY level ORDER BY p_value, entry, layer, bit, class) AS place FROM tested t
), adjusted AS (
    SELECT r.*, min(1.0, min(p_value * tests / place) OVER (PARTITION BY level ORDER BY place DESC)) AS q_value FROM ranked r
)
SELECT a.level,                          -- layer, bit, overall
       a.entry,                          -- entry.id
       a.layer,                          -- layer.id; NULL: over all
       l.name AS layer_name,             -- its tensor
       a.bit,                            -- 0..31; NULL: over all
       a.class,                          -- the wrong answer
       c.name AS class_name,             -- its name
       a.q_value <= x.alpha AND a.golden_classes >= 3 AS is_sink, -- significant, and from at least 3 golden classes
       a.k * 1.0 / a.kk AS share,        -- share of wrong answers
       a.golden_n * 1.0 / a.images AS golden_share,    -- share of images with this golden answer
       a.runner_n * 1.0 / a.images AS runner_up_share, -- share of images with this golden runner-up
       a.k * 1.0 / a.kk / a.s AS lift,   -- share, as a multiple of what it is tested against
       a.n * 1.0 / a.n_place AS sdc_share,       -- share of the silent corruptions of this place
       a.n * 1.0 / a.n_entry AS entry_sdc_share, -- share of all silent corruptions of the entry (and of known bits)
       a.golden_classes,                 -- golden classes of the images that fell into it
       a.k AS images,                    -- k: images that fell into it
       a.kk AS wrong_images,             -- K: the sum of k over all classes
       a.n AS trials,                    -- trials that fell into it
       a.p_value,                        -- bound of the binomial tail
       a.q_value                         -- Benjamini-Hochberg
  FROM adjusted a LEFT JOIN layer l ON l.id = a.layer LEFT JOIN class c ON c.id = a.class CROSS JOIN bn_setting x;

-- The sink classes: the rows of sink_test that are significant.
CREATE VIEW sink_class AS
SELECT level, entry, layer, layer_name, bit, class, class_name, share, golden_share, runner_up_share, lift, sdc_share,
       entry_sdc_share, golden_classes, images, wrong_images, trials, p_value, q_value -- all as in sink_test
  FROM sink_test WHERE is_sink
 ORDER BY CASE level WHEN 'overall' THEN 0 WHEN 'layer' THEN 1 ELSE 2 END, entry, layer, bit, share DESC, class;

-- How concentrated wrong answers are, for each place. All silent corruptions count, trial by trial.
CREATE VIEW sink_concentration AS
WITH answer AS MATERIALIZED (
    SELECT 'layer' AS level, entry, layer, NULL AS bit, class, wrong AS n FROM layer_summary WHERE class >= 0 AND wrong > 0
    UNION ALL
    SELECT 'overall', entry, NULL, NULL, class, sum(wrong) FROM layer_summary WHERE class >= 0 AND wrong > 0 GROUP BY entry, class
    UNION ALL
    SELECT 'bit', entry, NULL, bit, class, sum(n) FROM bit_wrong GROUP BY entry, bit, class
), placed AS (
    SELECT a.*, sum(n) OVER place AS n_place, row_number() OVER (PARTITION BY level, entry, layer, bit ORDER BY n DESC, class) AS rank
      FROM answer a WINDOW place AS (PARTITION BY level, entry, layer, bit)
)
SELECT p.level,                          -- layer, bit, overall
       p.entry,                          -- entry.id
       p.layer,                          -- layer.id; NULL: over all
       l.name AS layer_name,             -- its tensor
       p.bit,                            -- 0..31; NULL: over all
       max(p.n_place) AS sdc1,           -- silent corruptions
       count(*) AS classes,              -- classes that they answered
       -- Shannon's entropy in bits; log2(classes of the network) if wrong answers were spread evenly, 0 if all are one class
       max(0.0, -sum(p.n * 1.0 / p.n_place * ln(p.n * 1.0 / p.n_place)) / ln(2.0)) AS entropy,
       sum(p.n) FILTER (WHERE p.rank <= 5) * 1.0 / max(p.n_place) AS top5_share -- share of the five most frequent
  FROM placed p LEFT JOIN layer l ON l.id = p.layer
 GROUP BY p.level, p.entry, p.layer, p.bit
 ORDER BY CASE p.level WHEN 'overall' THEN 0 WHEN 'layer' THEN 1 ELSE 2 END, p.entry, p.layer, p.bit;

-- SDC and DUE rates by bit position and layer. Bounds as in layer_accuracy for activations; for parameters the
-- faults are counted, as if all images that met one were one observation.
CREATE VIEW bit_accuracy AS
SELECT b.entry,                 -- entry.id
       b.layer,                 -- layer.id
       l.name AS layer_name,    -- its tensor
       b.bit,                   -- 0..31: mantissa 0..22, exponent 23..30, sign 31
       b.n AS trials,           -- trials that flipped this bit
       b.masked * 1.0 / b.n AS masked_rate, -- share of masked trials
       b.sdc1 * 1.0 / b.n AS sdc1_rate,     -- share of SDC-1
       max(0.0, ((2.0 * b.faults * b.sdc1 / b.n + zz) - sqrt(zz * zz + 4 * zz * b.faults * (b.sdc1 * 1.0 / b.n) * (1 - b.sdc1 * 1.0 / b.n)))
           / (2 * (b.faults + zz))) AS sdc1_low,  -- 95 % bounds
       min(1.0, ((2.0 * b.faults * b.sdc1 / b.n + zz) + sqrt(zz * zz + 4 * zz * b.faults * (b.sdc1 * 1.0 / b.n) * (1 - b.sdc1 * 1.0 / b.n)))
           / (2 * (b.faults + zz))) AS sdc1_high,
       b.due * 1.0 / b.n AS due_rate,       -- share of DUE
       b.faults AS units,                   -- what the bounds count: trials of activations, faults of parameters
       ifnull((SELECT trials FROM bit_counted), 0) * 1.0 / nullif((SELECT sum(n) FROM layer_summary), 0) AS counted
                                            -- below 1: the file has grown since `bitsink bn FILE update`
  FROM bit_summary b JOIN layer l ON l.id = b.layer CROSS JOIN bn_setting;
