-- Sinks are classes into which wrong answers fall, for each layer of an entry (level 'layer'), each bit position of an
-- entry over all its layers, of whatever types ('bit'), and each entry ('overall'): these are the places. Entries that hit several layers in
-- the same inference have the last one only. `bitsink bn` counts by bit position when it needs to; the sqlite3 program shows
-- these counts after `bitsink bn DB update`.
--
-- The observation of a sink test is its unit. Units are never mixed within a place. Trials that hit activations and inputs
-- are counted as distinct pairs of image and wrong class (unit 'pair'): an image counts once for each class, however often
-- it was tried. Trials that hit parameters are counted as faults (unit 'fault'), because all wrong answers of a fault have
-- one cause. An entry that hits both has an 'overall' (and a bit) for each. DUE and images whose golden answer is DUE do
-- not count.

-- Distinct pairs of image and wrong class, counted by golden answer and golden runner-up of their images.
CREATE VIEW sink_pair AS
SELECT 'layer' AS level,      -- layer, bit, overall
       s.entry,               -- entry.id
       s.layer,               -- layer.id; -1: all layers
       -1 AS bit,             -- bit position; -1: all bits
       t.parameter,           -- stratum.parameter
       s.class,               -- the wrong answer
       g.class AS golden,     -- the golden answer
       ifnull(g.top2, -1) AS runner_up, -- the golden runner-up; -1: none
       count(*) AS pairs,     -- number of pairs: images
       sum(s.n) AS n          -- trials
  FROM summary s CROSS JOIN golden g ON g.image = s.image CROSS JOIN stratum t ON t.entry = s.entry AND t.layer = s.layer
 WHERE s.class >= 0 AND g.class >= 0 AND s.class <> g.class AND s.layer <> 4095
 GROUP BY s.entry, s.layer, t.parameter, s.class, g.class, g.top2
UNION ALL
SELECT 'overall', p.entry, -1, -1, p.parameter, p.class, g.class, ifnull(g.top2, -1), count(*), sum(p.n)
  FROM (SELECT s.entry, t.parameter, s.class, s.image, sum(s.n) AS n
          FROM summary s CROSS JOIN golden g ON g.image = s.image CROSS JOIN stratum t ON t.entry = s.entry AND t.layer = s.layer
         WHERE s.class >= 0 AND g.class >= 0 AND s.class <> g.class GROUP BY s.entry, t.parameter, s.class, s.image) p
 CROSS JOIN golden g ON g.image = p.image GROUP BY p.entry, p.parameter, p.class, g.class, g.top2
UNION ALL
SELECT 'bit', b.entry, -1, b.bit, b.parameter, b.class, g.class, ifnull(g.top2, -1), count(*), sum(b.n)
  FROM bit_wrong b CROSS JOIN golden g ON g.image = b.image
 WHERE g.class >= 0 GROUP BY b.entry, b.bit, b.parameter, b.class, g.class, g.top2;

-- Faults of parameters with wrong answers, counted for each place and class. A class has a row if one of them answered it
-- or had it as golden answer or runner-up. A fault is a hit of class c if it answered c more often than uniform scatter
-- explains: of its w wrong answers on images whose golden class is not c, n are c, and the tail P(n or more of w) for
-- chance 1 / (C - 1) each is at most 1 / (C - 1). So a fault without preference is a hit of c with a probability of at most
-- 1 / (C - 1). (The same share of hits comes from faults that move all images to one class each, drawn at random.)
CREATE VIEW sink_fault AS
WITH share AS MATERIALIZED (
    SELECT 1.0 / (classes - 1) AS p FROM campaign
), fault AS MATERIALIZED (
    SELECT f.entry, f.layer, ifnull(b.bit, -1) AS bit, f.repetition, f.class, f.n, f.runner_up_n,
           sum(f.n) OVER (PARTITION BY f.entry, f.layer, f.repetition) - f.golden_n AS w
      FROM fault_wrong f
      LEFT JOIN bit_fault b ON b.entry = f.entry AND b.layer = f.layer AND b.repetition = f.repetition
), cell AS MATERIALIZED (
    SELECT entry, layer, bit, class, sum(n > runner_up_n) AS more, sum(n < runner_up_n) AS less, sum(w = 0) AS shut,
           sum(CASE WHEN n = 0 THEN 0 WHEN w = 1 THEN 1 ELSE @binomial_tail(n, w, p) <= p * 1.000000001 END) AS hits
      FROM fault CROSS JOIN share GROUP BY entry, layer, bit, class
), counted AS MATERIALIZED (
    SELECT entry, layer, bit, count(*) AS faults FROM (SELECT DISTINCT entry, layer, bit, repetition FROM fault)
     GROUP BY entry, layer, bit
), everywhere AS (
    SELECT 'layer' AS level, entry, layer, -1 AS bit, class, more, less, shut, hits, 0 AS faults FROM cell WHERE layer <> 4095
    UNION ALL SELECT 'overall', entry, -1, -1, class, more, less, shut, hits, 0 FROM cell
    UNION ALL SELECT 'bit', entry, -1, bit, class, more, less, shut, hits, 0 FROM cell WHERE bit >= 0
), total AS MATERIALIZED (
    SELECT 'layer' AS level, entry, layer, -1 AS bit, sum(faults) AS faults FROM counted GROUP BY entry, layer
    UNION ALL SELECT 'overall', entry, -1, -1, sum(faults) FROM counted GROUP BY entry
    UNION ALL SELECT 'bit', entry, -1, bit, sum(faults) FROM counted WHERE bit >= 0 GROUP BY entry, bit
)
SELECT e.level,                    -- layer, bit, overall
       e.entry,                    -- entry.id
       e.layer,                    -- layer.id; -1: all layers
       e.bit,                      -- bit position; -1: all bits
       e.class,                    -- class.id
       sum(e.more) AS more,        -- faults that answered the class more often than their images have it as runner-up
       sum(e.less) AS less,        -- faults that answered it less often
       t.faults - sum(e.shut) AS units, -- faults with wrong answers on images whose golden class it is not
       sum(e.hits) AS hits         -- hits among them, which answered it more often than scatter explains
  FROM everywhere e JOIN total t ON t.level = e.level AND t.entry = e.entry AND t.layer = e.layer AND t.bit = e.bit
 GROUP BY e.level, e.entry, e.layer, e.bit, e.class;

-- All candidates for sink classes, with their tests. A sink c must beat two explanations of wrong answers that need no
-- sink, each by an exact one-sided test on units:
-- * Wrong answers are the golden runners-up. more (b) counts the units that answered c though their runner-up is another
--   class, less (d) those whose runner-up is c but that answered another class: p_runner_up = P(Bin(b + d, 1/2) >= b). For
--   faults: those that answered c more (less) often than their images have it as runner-up.
-- * Wrong answers scatter uniformly. units (m) counts the pairs of images whose golden class is not c, hits (k) those of
--   them that answer c: p_uniform = P(Bin(m, 1 / (C - 1)) >= k). For faults see sink_fault. With two classes it is 1: no
--   sinks.
-- A sink of faults must also pass both tests on the pairs of its place, because all faults meet the same images: a class
-- that is near to a few fragile images is answered again and again. Of the fault test and the pair test the larger p
-- counts.
--
-- p_value is the larger one of p_runner_up and p_uniform. Tails are bounded from above. q_value is that of Benjamini and
-- Hochberg over all classes of all places of the same level with wrong answers (classes that are not listed have p_value
-- 1).
CREATE VIEW sink_test AS
WITH pair AS MATERIALIZED (
    SELECT * FROM sink_pair
), answer AS (
    SELECT level, entry, layer, bit, parameter, class, sum(pairs) AS k, count(DISTINCT golden) AS golden_classes, sum(n) AS n,
           sum(pairs) FILTER (WHERE runner_up = class) AS both, 0 AS runner_up, 0 AS golden
      FROM pair GROUP BY level, entry, layer, bit, parameter, class
    UNION ALL
    SELECT level, entry, layer, bit, parameter, runner_up, 0, 0, 0, 0, sum(pairs), 0
      FROM pair GROUP BY level, entry, layer, bit, parameter, runner_up
    UNION ALL
    SELECT level, entry, layer, bit, parameter, golden, 0, 0, 0, 0, 0, sum(pairs)
      FROM pair GROUP BY level, entry, layer, bit, parameter, golden
), wrong AS MATERIALIZED ( -- the pairs, by class: those that answered it, have it as runner-up, as golden answer
    SELECT level, entry, layer, bit, parameter, class, sum(k) AS k, sum(golden_classes) AS golden_classes, sum(n) AS n,
           ifnull(sum(both), 0) AS both, sum(runner_up) AS runner_up, sum(golden) AS golden
      FROM answer GROUP BY level, entry, layer, bit, parameter, class
), tried AS MATERIALIZED (
    SELECT u.entry, u.layer, t.parameter, g.class AS c1, g.top2 AS c2, count(*) AS images
      FROM unit u CROSS JOIN golden g ON g.image = u.image CROSS JOIN stratum t ON t.entry = u.entry AND t.layer = u.layer
     WHERE u.done > 0 AND g.class >= 0 GROUP BY u.entry, u.layer, t.parameter, g.class, g.top2
    UNION ALL
    SELECT u.entry, -1, u.parameter, g.class, g.top2, count(*)
      FROM (SELECT DISTINCT u.entry, t.parameter, u.image
              FROM unit u CROSS JOIN stratum t ON t.entry = u.entry AND t.layer = u.layer WHERE u.done > 0) u
     CROSS JOIN golden g ON g.image = u.image
     WHERE g.class >= 0 GROUP BY u.entry, u.parameter, g.class, g.top2
), images AS MATERIALIZED (
    SELECT entry, layer, parameter, sum(images) AS images FROM tried GROUP BY 1, 2, 3
), winner AS MATERIALIZED (
    SELECT entry, layer, parameter, c1 AS class, sum(images) AS images FROM tried GROUP BY 1, 2, 3, 4
), runner_up AS MATERIALIZED (
    SELECT entry, layer, parameter, c2 AS class, sum(images) AS images FROM tried GROUP BY 1, 2, 3, 4
), placed AS (
    SELECT w.*, sum(w.k) OVER place AS kk, sum(w.n) OVER place AS n_place, sum(w.n) OVER (PARTITION BY w.level, w.entry) AS n_entry
      FROM wrong w WINDOW place AS (PARTITION BY w.level, w.entry, w.layer, w.bit, w.parameter)
), fault AS MATERIALIZED (
    SELECT * FROM sink_fault
), counted AS (
    SELECT p.*, i.images, ifnull(a.images, 0) AS golden_n, ifnull(b.images, 0) AS runner_n,
           max(1, ifnull(a.images, 0), ifnull(b.images, 0)) * 1.0 / i.images AS s, 1.0 / (c.classes - 1) AS uniform,
           p.k - p.both AS pairs_more, p.runner_up - p.both AS pairs_less, p.kk - p.golden AS pairs,
           f.more, f.less, f.units, f.hits
      FROM placed p JOIN images i ON i.entry = p.entry AND i.layer = p.layer AND i.parameter = p.parameter CROSS JOIN campaign c
      LEFT JOIN winner a ON a.entry = p.entry AND a.layer = p.layer AND a.parameter = p.parameter AND a.class = p.class
      LEFT JOIN runner_up b ON b.entry = p.entry AND b.layer = p.layer AND b.parameter = p.parameter AND b.class = p.class
      LEFT JOIN fault f ON p.parameter AND f.level = p.level AND f.entry = p.entry AND f.layer = p.layer AND f.bit = p.bit
       AND f.class = p.class
     WHERE p.k > 0
), tails AS MATERIALIZED (
    SELECT *, max(@binomial_tail(pairs_more, pairs_more + pairs_less, 0.5),
                  CASE WHEN parameter THEN @binomial_tail(more, more + less, 0.5) ELSE 0.0 END) AS p_runner_up,
           max(@binomial_tail(k, pairs, uniform),
               CASE WHEN parameter THEN @binomial_tail(hits, units, uniform) ELSE 0.0 END) AS p_uniform
      FROM counted
), places AS MATERIALIZED (
    SELECT level, count(*) * (SELECT classes FROM campaign) AS tests
      FROM (SELECT DISTINCT level, entry, layer, bit, parameter FROM tails) GROUP BY level
), tested AS MATERIALIZED (
    SELECT t.*, max(t.p_runner_up, t.p_uniform) AS p_value, p.tests FROM tails t JOIN places p ON p.level = t.level
), ranked AS (
    SELECT t.*, row_number() OVER (PARTITION BY level ORDER BY p_value, entry, parameter, layer, bit, class) AS place FROM tested t
), adjusted AS (
    SELECT r.*, min(1.0, min(p_value * tests / place) OVER (PARTITION BY level ORDER BY place DESC)) AS q_value FROM ranked r
)
SELECT a.level,                          -- layer, bit, overall
       a.entry,                          -- entry.id
       nullif(a.layer, -1) AS layer,     -- layer.id; NULL: all layers
       l.label AS layer_name,             -- layer.label
       nullif(a.bit, -1) AS bit,         -- bit position; NULL: all bits
       a.class,                          -- the wrong answer
       c.name AS class_name,             -- its name
       a.q_value <= x.alpha AND a.golden_classes >= 3 AND a.k * 1.0 / a.kk > a.golden_n * 1.0 / a.images
           AS is_sink,                   -- 1: q_value is at most alpha, at least 3 golden classes fall into it, and its share
                                         -- is larger than golden_share
       iif(a.parameter, 'fault', 'pair') AS unit, -- what the tests count: pairs of image and wrong class, or faults
       iif(a.parameter, a.units, a.pairs) AS units, -- m: units whose golden class is another, so that they could answer it
       iif(a.parameter, a.hits, a.k) AS hits, -- k: those of them that did (faults: more often than scatter explains)
       iif(a.parameter, a.more, a.pairs_more) AS more, -- b: units that answered it more often than it is their runner-up
       iif(a.parameter, a.less, a.pairs_less) AS less, -- d: units that answered it less often
       a.k * 1.0 / a.kk AS share,        -- share of wrong answers, counted as pairs for both units
       a.golden_n * 1.0 / a.images AS golden_share,    -- share of images with this golden answer
       a.runner_n * 1.0 / a.images AS runner_up_share, -- share of images with this golden runner-up
       a.k * 1.0 / a.kk / a.s AS lift,   -- share as a multiple of the larger one of golden_share and runner_up_share (at least one image)
       a.n * 1.0 / a.n_place AS sdc_share,       -- share of the silent corruptions of this place
       a.n * 1.0 / a.n_entry AS entry_sdc_share, -- share of all silent corruptions of the entry (level bit: of those with one flipped bit)
       a.golden_classes,                 -- golden classes of the images that fell into it
       a.k AS images,                    -- images that fell into it
       a.kk AS wrong_images,             -- sum of images over all classes of the place
       a.n AS trials,                    -- trials that fell into it
       a.p_runner_up,                    -- p of the test against runners-up
       a.p_uniform,                      -- p of the test against uniform scatter
       a.p_value,                        -- the larger one of both
       a.q_value                         -- false discovery rate at which the class is a sink (Benjamini and Hochberg)
  FROM adjusted a LEFT JOIN layer l ON l.id = a.layer LEFT JOIN class c ON c.id = a.class CROSS JOIN bn_setting x;

-- Sink classes, which significantly many wrong answers fall into: overall, by layer, by bit position. These are the rows of
-- sink_test with is_sink = 1.
CREATE VIEW sink_class AS
SELECT level, entry, layer, layer_name, bit, class, class_name, unit, units, hits, more, less, share, golden_share, -- as in sink_test
       runner_up_share, lift, sdc_share, entry_sdc_share, golden_classes, images, wrong_images, trials, -- as in sink_test
       p_runner_up, p_uniform, p_value, q_value -- as in sink_test
  FROM sink_test WHERE is_sink
 ORDER BY CASE level WHEN 'overall' THEN 0 WHEN 'layer' THEN 1 ELSE 2 END, entry,
          (SELECT ordinal FROM layer WHERE id = sink_test.layer), bit, unit DESC, share DESC, class;

-- How concentrated wrong answers are: their entropy, and the share of the five most frequent classes. All silent
-- corruptions of a place count, trial by trial.
CREATE VIEW sink_concentration AS
WITH answer AS MATERIALIZED (
    SELECT 'layer' AS level, entry, layer, NULL AS bit, class, wrong AS n FROM layer_summary
     WHERE class >= 0 AND wrong > 0 AND layer <> 4095
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
       p.layer,                          -- layer.id; NULL: all layers
       l.label AS layer_name,             -- layer.label
       p.bit,                            -- bit position; NULL: all bits
       max(p.n_place) AS sdc1,           -- silent corruptions
       count(*) AS classes,              -- classes that they answered
       max(0.0, -sum(p.n * 1.0 / p.n_place * ln(p.n * 1.0 / p.n_place)) / ln(2.0))
           AS entropy,                   -- Shannon's entropy in bits: 0 if all are one class, log2(classes of the network)
                                         -- if they are spread evenly
       sum(p.n) FILTER (WHERE p.rank <= 5) * 1.0 / max(p.n_place) AS top5_share -- share of the five most frequent
  FROM placed p LEFT JOIN layer l ON l.id = p.layer
 GROUP BY p.level, p.entry, p.layer, p.bit
 ORDER BY CASE p.level WHEN 'overall' THEN 0 WHEN 'layer' THEN 1 ELSE 2 END, p.entry, l.ordinal, p.bit;

-- SDC and DUE rates by layer and bit position, with bounds. Images count as often as they were tried, whatever their
-- weights in other views.
CREATE VIEW bit_accuracy AS
WITH rate AS (
    SELECT b.entry, b.layer, b.bit, b.n, b.faults, b.masked * 1.0 / b.n AS masked_rate, b.sdc1 * 1.0 / b.n AS sdc1_rate,
           b.due * 1.0 / b.n AS due_rate, x.confidence, x.z, x.z1
      FROM bit_summary b CROSS JOIN bn_setting x
)
SELECT r.entry,                 -- entry.id
       r.layer,                 -- layer.id
       l.label AS layer_name,    -- layer.label
       l.type,                  -- layer.type
       r.bit,                   -- bit position, 0 the lowest
       CASE WHEN t.exponent >> r.bit & 1 THEN 'exponent' WHEN t.mantissa >> r.bit & 1 THEN 'mantissa' ELSE 'sign' END AS field,
                                -- of number_type; of an integer the mantissa is all but its sign
       r.n AS trials,           -- trials that flipped this bit
       r.masked_rate,           -- share of masked trials
       r.sdc1_rate,             -- share of SDC-1
       @share_low(sdc1_rate, faults, z) AS sdc1_low,   -- its two-sided bounds
       @share_high(sdc1_rate, faults, z) AS sdc1_high,
       @share_upper(sdc1_rate, faults, z1, confidence) AS sdc1_upper, -- its one-sided upper bound
       r.due_rate,              -- share of DUE
       @share_low(due_rate, faults, z) AS due_low,     -- its two-sided bounds
       @share_high(due_rate, faults, z) AS due_high,
       r.faults AS units,       -- what the bounds count: trials of activations, faults of parameters
       r.confidence,            -- of the bounds
       ifnull((SELECT trials FROM bit_counted), 0) * 1.0 / nullif((SELECT sum(n) FROM layer_summary), 0) AS counted
                                -- share of the trials that the last `bitsink bn DB update` counted; below 1: run it again
  FROM rate r JOIN layer l ON l.id = r.layer LEFT JOIN number_type t ON t.type = l.type;
