-- The Bayesian network over Image, Layer (the stratum hit by a fault, or none) and Class (the answer, -1 for DUE).
-- Everything here is computed from the summaries; the tables are settings, meant to be changed by hand:
--     sqlite3 result.db "UPDATE bn_parameter SET value = 1e-4 WHERE name = 'p'"
--
-- Notation of the comments: t a stratum, i an image, c a class or DUE; w_i = P(I = i); g_i the golden answer;
-- F = 1: exactly one fault of the campaign meets the inference; P(t) = P(L = t | F = 1). Strata without trials are
-- dropped and P(t) is renormalised; likewise P(.|t) is over the images tried in t. `coverage` says how much is left.
-- Probabilities given a stratum belong to it alone. What joins strata (bn_layer, bn_class, bn_trust, ...) has a
-- `scope`: an entry id (only strata of this entry: entries are never pooled silently), or -1 for the strata listed in
-- bn_prior_layer, where layer_prior says that this table is used.
-- Entries with a bit error rate inject all events at once: each is a scope of its own, with p = 1.

-- Settings, one a row.
CREATE TABLE bn_parameter (
    name TEXT PRIMARY KEY, -- which setting
    value NOT NULL,        -- its value
    comment TEXT NOT NULL, -- what it means
    CHECK (CASE name
        WHEN 'p' THEN typeof(value) IN ('real', 'integer') AND value BETWEEN 0 AND 1
        WHEN 'layer_prior' THEN value IN ('uniform', 'bits', 'exposure', 'direct')
        WHEN 'correct' THEN value IN ('label', 'golden')
        WHEN 'alpha' THEN typeof(value) IN ('real', 'integer') AND value > 0 AND value < 1
        ELSE typeof(value) IN ('real', 'integer') AND value >= 0 END)
);
INSERT INTO bn_parameter (name, value, comment) VALUES
    ('p', 1e-6, 'P(F=1): an inference meets a fault (an example: set your own; computed where layer_prior is exposure)'),
    ('layer_prior', 'uniform', 'P(L=t|F=1): uniform or bits over the strata of an entry; exposure or direct as bn_prior_layer says'),
    ('correct', 'label', 'which answer is correct: the label, or the golden one'),
    ('pseudo_count', 0, 'a: total pseudo-count of P(C|I,L); 0: raw frequencies'),
    ('alpha', 0.05, 'false discovery rate of sink classes'),
    ('raw_rate', 1e-13, 'exposure: upsets per bit and hour, where bn_prior_layer has none'),
    ('activation_hours', 1e-6, 'exposure: hours an activation is alive in an inference, where bn_prior_layer has none'),
    ('parameter_hours', 24, 'exposure: mean hours since a parameter was loaded or scrubbed, where bn_prior_layer has none');

-- Strata that layer_prior exposure or direct covers; others have probability 0. NULL: the default of bn_parameter.
--     INSERT INTO bn_prior_layer (entry, layer) SELECT entry, layer FROM stratum WHERE entry = 1
CREATE TABLE bn_prior_layer (
    entry INTEGER NOT NULL, -- entry.id
    layer INTEGER NOT NULL, -- layer.id
    raw_rate REAL CHECK (raw_rate >= 0),       -- exposure: upsets per bit and hour
    residency REAL CHECK (residency >= 0),     -- exposure: hours each bit is exposed before it is used
    exposure REAL CHECK (exposure >= 0),       -- exposure: m_t itself, instead of raw_rate x bits x residency
    probability REAL CHECK (probability >= 0), -- direct: P(L=t|F=1), up to a common factor
    PRIMARY KEY (entry, layer)
) WITHOUT ROWID;

-- Weights of images. Empty: all images weigh the same. Otherwise images that are not listed weigh 0.
CREATE TABLE bn_prior_image (
    image INTEGER PRIMARY KEY,               -- image.id
    weight REAL NOT NULL CHECK (weight >= 0) -- w_i, up to a common factor
);

-- The settings in one row, for use in other views: one column a setting, under its name (a: pseudo_count).
CREATE VIEW bn_setting AS
SELECT max(CASE name WHEN 'p' THEN value + 0.0 END) AS p,
       max(CASE name WHEN 'layer_prior' THEN value END) AS layer_prior,
       max(CASE name WHEN 'correct' THEN value END) AS correct,
       max(CASE name WHEN 'pseudo_count' THEN value + 0.0 END) AS a,
       max(CASE name WHEN 'alpha' THEN value + 0.0 END) AS alpha,
       max(CASE name WHEN 'raw_rate' THEN value + 0.0 END) AS raw_rate,
       max(CASE name WHEN 'activation_hours' THEN value + 0.0 END) AS activation_hours,
       max(CASE name WHEN 'parameter_hours' THEN value + 0.0 END) AS parameter_hours
  FROM bn_parameter;

-- P(I): the images whose golden run is in the file.
CREATE VIEW bn_image AS
WITH raw AS (
    SELECT g.image, i.path, i.label, i.class AS label_class, g.class AS golden_class,
           CASE s.correct WHEN 'golden' THEN nullif(g.class, -1) ELSE i.class END AS correct_class,
           CASE WHEN EXISTS (SELECT 1 FROM bn_prior_image) THEN ifnull(p.weight, 0.0) ELSE 1.0 END AS weight
      FROM golden g JOIN image i ON i.id = g.image CROSS JOIN bn_setting s
      LEFT JOIN bn_prior_image p ON p.image = g.image
)
SELECT image,                                                 -- image.id
       path,                                                  -- image.path
       label,                                                 -- image.label
       label_class,                                           -- image.class
       golden_class,                                          -- g_i, -1: DUE
       correct_class,                                         -- the answer that counts as correct; NULL: none
       weight / nullif(sum(weight) OVER (), 0) AS probability -- w_i
  FROM raw;

-- P(L | F = 1), and how far each stratum is covered.
CREATE VIEW bn_layer AS
WITH base AS (
    SELECT s.entry, s.layer, s.parameter, e.ber > 0 AS is_ber, l.bits, x.layer_prior,
           CASE WHEN e.ber > 0 OR x.layer_prior IN ('uniform', 'bits') THEN s.entry ELSE -1 END AS scope,
           p.probability AS direct, p.entry IS NOT NULL AS listed,
           CASE WHEN p.entry IS NOT NULL THEN
               coalesce(p.exposure, coalesce(p.raw_rate, x.raw_rate) * l.bits * coalesce(p.residency,
                   CASE WHEN s.parameter THEN x.parameter_hours ELSE x.activation_hours END)) END AS exposure
      FROM stratum s JOIN entry e ON e.id = s.entry JOIN layer l ON l.id = s.layer CROSS JOIN bn_setting x
      LEFT JOIN bn_prior_layer p ON p.entry = s.entry AND p.layer = s.layer
), weighted AS (
    SELECT *, CASE WHEN layer_prior = 'bits' THEN bits * 1.0
                   WHEN layer_prior = 'uniform' OR is_ber THEN 1.0
                   WHEN layer_prior = 'exposure' THEN exposure
                   ELSE direct END AS weight
      FROM base WHERE is_ber OR layer_prior IN ('uniform', 'bits') OR listed
), tried AS (
    SELECT entry, layer, sum(n) AS n FROM layer_summary GROUP BY entry, layer
), seen AS (
    SELECT entry, layer, count(*) AS images FROM unit WHERE done > 0 GROUP BY entry, layer
)
SELECT w.scope,                                       -- entry.id, or -1: the strata of bn_prior_layer
       w.entry,                                       -- entry.id
       w.layer,                                       -- layer.id
       l.name AS layer_name,                          -- its tensor
       w.exposure,                                    -- m_t, expected faults an inference; NULL where not asked for
       ifnull(w.weight, 0.0) / nullif(sum(w.weight) OVER (PARTITION BY w.scope), 0) AS planned_probability,
                                                      -- P(t) if all strata had trials
       CASE WHEN t.n > 0 THEN ifnull(w.weight, 0.0) ELSE 0.0 END
           / nullif(sum(CASE WHEN t.n > 0 THEN ifnull(w.weight, 0.0) ELSE 0.0 END) OVER (PARTITION BY w.scope), 0)
           AS probability,                            -- P(t) over the strata with trials
       ifnull(t.n, 0) AS trials,                      -- trials in the file
       ifnull(s.images, 0) AS images,                 -- images with trials
       ifnull(s.images, 0) * 1.0 / nullif((SELECT count(*) FROM image), 0) AS coverage -- share of all images
  FROM weighted w JOIN layer l ON l.id = w.layer
  LEFT JOIN tried t ON t.entry = w.entry AND t.layer = w.layer
  LEFT JOIN seen s ON s.entry = w.entry AND s.layer = w.layer;

-- P(F = 1) of each scope.
CREATE VIEW bn_scope AS
SELECT b.scope,                    -- entry.id, or -1: the strata of bn_prior_layer
       CASE WHEN b.scope >= 0 AND e.ber > 0 THEN 1.0
            WHEN b.scope = -1 AND x.layer_prior = 'exposure' THEN 1.0 - exp(-sum(b.exposure))
            ELSE x.p END AS p,     -- P(F=1); 1 for an entry with a bit error rate
       CASE WHEN b.scope >= 0 AND e.ber > 0 THEN NULL
            WHEN b.scope = -1 AND x.layer_prior = 'exposure' THEN sum(b.exposure) * sum(b.exposure) / 2
            WHEN x.p < 1 THEN ln(1.0 - x.p) * ln(1.0 - x.p) / 2 END
           AS two_fault_bound,     -- bound m^2/2 of the probability of two faults at once, which is ignored
       count(*) AS strata,         -- strata of the scope
       sum(b.trials > 0) AS tried, -- of them: with trials
       sum(b.planned_probability * b.coverage) AS coverage, -- share of P(t) x images that has trials
       sum(b.trials) AS trials     -- trials in the file
  FROM bn_layer b CROSS JOIN bn_setting x LEFT JOIN entry e ON e.id = b.scope
 GROUP BY b.scope;

-- P(C | I, L) = (n_itc + a b_t(c|i)) / (n_it + a). Observed answers, and where a > 0 a row with class NULL for all
-- others together. b_t(c|i) = (1 - s_t) [c = g_i] + s_t q_t(c): s_t the share of wrong answers in t, q_t their
-- distribution; s_t q_t(c) is therefore the share of wrong answers c among all trials of t.
CREATE VIEW bn_class_given_image_layer AS
WITH pool AS MATERIALIZED (
    SELECT l.entry, l.layer, sum(l.n) AS n, 1.0 - sum(l.wrong) * 1.0 / sum(l.n) AS kept
      FROM layer_summary l GROUP BY l.entry, l.layer
)
SELECT u.entry,        -- entry.id
       u.layer,        -- layer.id
       u.image,        -- image.id
       s.class,        -- the answer, -1: DUE, NULL: any answer not listed
       CASE WHEN x.a > 0
            THEN (s.n + x.a * (p.kept * (s.class = g.class) + (SELECT q.wrong FROM layer_summary q
                       WHERE q.entry = u.entry AND q.layer = u.layer AND q.class = s.class) * 1.0 / p.n)) / (u.done + x.a)
            ELSE s.n * 1.0 / u.done END AS probability, -- P(C = class | I = image, L = (entry, layer))
       s.n,            -- trials with this answer
       u.done AS trials -- trials of (entry, layer, image)
  FROM unit u JOIN pool p ON p.entry = u.entry AND p.layer = u.layer
  JOIN golden g ON g.image = u.image CROSS JOIN bn_setting x
  JOIN summary s ON s.entry = u.entry AND s.layer = u.layer AND s.image = u.image
 WHERE u.done > 0
UNION ALL
SELECT u.entry, u.layer, u.image, NULL,
       x.a / (u.done + x.a) * (1.0 - (SELECT sum(p.kept * (s.class = g.class) + q.wrong * 1.0 / p.n)
           FROM summary s JOIN layer_summary q ON q.entry = s.entry AND q.layer = s.layer AND q.class = s.class
          WHERE s.entry = u.entry AND s.layer = u.layer AND s.image = u.image)),
       0, u.done
  FROM unit u JOIN pool p ON p.entry = u.entry AND p.layer = u.layer
  JOIN golden g ON g.image = u.image CROSS JOIN bn_setting x
 WHERE u.done > 0 AND x.a > 0;

-- P(C | L): the sum of w_i P(c|i,t) over the images tried in t, for answers with a probability above 0.
CREATE VIEW bn_class_given_layer AS
WITH img AS MATERIALIZED (
    SELECT image, golden_class AS g, correct_class AS y, probability AS w FROM bn_image WHERE probability > 0
), tried AS MATERIALIZED (
    SELECT u.entry, u.layer, sum(i.w) AS w FROM unit u CROSS JOIN img i ON i.image = u.image
     WHERE u.done > 0 GROUP BY u.entry, u.layer
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
           sum(CASE WHEN s.class = i.y THEN i.w * s.n / (u.done + x.a) ELSE 0.0 END) AS p_correct,
           sum(s.n) AS n, count(*) AS images, sum((s.class <> i.g) * s.n) AS wrong
      FROM bn_setting x CROSS JOIN unit u CROSS JOIN img i ON i.image = u.image
     CROSS JOIN summary s ON s.entry = u.entry AND s.layer = u.layer AND s.image = u.image
     WHERE u.done > 0 GROUP BY u.entry, u.layer, s.class
    UNION ALL
    SELECT d.entry, d.layer, d.g, d.mass * p.kept, CASE WHEN d.g = d.y THEN d.mass * p.kept ELSE 0.0 END, 0, 0, 0
      FROM spread d JOIN pool p ON p.entry = d.entry AND p.layer = d.layer
    UNION ALL
    SELECT d.entry, d.layer, q.class, d.mass * q.wrong / p.n,
           (SELECT ifnull(sum(y.mass), 0.0) FROM spread y
             WHERE y.entry = d.entry AND y.layer = d.layer AND y.y = q.class) * q.wrong / p.n, 0, 0, 0
      FROM spread_all d JOIN pool p ON p.entry = d.entry AND p.layer = d.layer
      JOIN layer_summary q ON q.entry = d.entry AND q.layer = d.layer AND q.wrong > 0
)
SELECT p.entry,                              -- entry.id
       p.layer,                              -- layer.id
       p.class,                              -- the answer, -1: DUE
       CASE WHEN p.class = -1 THEN 'DUE' ELSE c.name END AS class_name, -- its name
       sum(p.p) / t.w AS probability,        -- P(C = class | L = (entry, layer))
       sum(p.p_correct) / t.w AS probability_correct, -- P(C = class and class is correct | L = (entry, layer))
       sum(p.p_correct) / sum(p.p) AS trust, -- P(class is correct | C = class, L = (entry, layer))
       sum(p.n) AS n,                        -- trials with this answer
       sum(p.wrong) AS wrong,                -- of them: it is not the golden answer
       sum(p.images) AS images               -- images with this answer
  FROM part p JOIN tried t ON t.entry = p.entry AND t.layer = p.layer LEFT JOIN class c ON c.id = p.class
 WHERE p.p > 0 GROUP BY p.entry, p.layer, p.class;

-- The sums behind bn_class and bn_trust, for all classes and DUE: A_c = sum w_i [g_i = y_i = c],
-- M_c = sum w_i [g_i = c], B_c = sum w_i [y_i = c] P(c|i), N_c = sum w_i P(c|i), P(c|i) = sum_t P(t) P(c|i,t).
CREATE VIEW bn_term AS
WITH fault AS MATERIALIZED (
    SELECT b.scope, g.class, sum(b.probability * g.probability) AS nn,
           sum(b.probability * g.probability_correct) AS bb, sum(g.n) AS n, sum(g.wrong) AS wrong
      FROM bn_class_given_layer g JOIN bn_layer b ON b.entry = g.entry AND b.layer = g.layer
     WHERE b.probability > 0 GROUP BY b.scope, g.class
), golden_sum AS MATERIALIZED (
    SELECT golden_class AS class, sum(probability) AS mm,
           sum(CASE WHEN golden_class = correct_class THEN probability ELSE 0.0 END) AS aa, count(*) AS images
      FROM bn_image WHERE probability > 0 GROUP BY golden_class
), label_sum AS MATERIALIZED (
    SELECT correct_class AS class, count(*) AS images FROM bn_image WHERE probability > 0 GROUP BY correct_class
), answer AS (
    SELECT id AS class, name FROM class UNION ALL SELECT -1, 'DUE'
)
SELECT s.scope,                               -- entry.id, or -1: the strata of bn_prior_layer
       a.class,                               -- the answer, -1: DUE
       a.name AS class_name,                  -- its name
       s.p,                                   -- P(F = 1)
       ifnull(m.aa, 0.0) AS golden_correct,   -- A_c
       ifnull(m.mm, 0.0) AS golden,           -- M_c
       ifnull(f.bb, 0.0) AS fault_correct,    -- B_c
       ifnull(f.nn, 0.0) AS fault,            -- N_c
       ifnull(y.images, 0) AS correct_images, -- images for which this class is correct
       ifnull(m.images, 0) AS golden_images,  -- images with this golden answer
       ifnull(f.n, 0) AS n,                   -- trials with this answer
       ifnull(f.wrong, 0) AS wrong,           -- of them: it is not the golden answer
       s.coverage                             -- bn_scope.coverage
  FROM bn_scope s CROSS JOIN answer a
  LEFT JOIN fault f ON f.scope = s.scope AND f.class = a.class
  LEFT JOIN golden_sum m ON m.class = a.class
  LEFT JOIN label_sum y ON y.class = a.class
 WHERE s.tried > 0;

-- P(C), with and without a fault.
CREATE VIEW bn_class AS
SELECT scope,                                  -- entry.id, or -1: the strata of bn_prior_layer
       class,                                  -- the answer, -1: DUE
       class_name,                             -- its name
       (1.0 - p) * golden + p * fault AS probability, -- P(C = class)
       golden AS probability_golden,           -- P(C = class | F = 0)
       fault AS probability_fault,             -- P(C = class | F = 1)
       p * fault / nullif((1.0 - p) * golden + p * fault, 0) AS p_fault, -- P(F = 1 | C = class)
       golden_images,                          -- images with this golden answer
       n,                                      -- trials with this answer
       wrong,                                  -- of them: it is not the golden answer
       coverage                                -- bn_scope.coverage
  FROM bn_term;

-- P(L | C = c): where the fault was, if the network answers c. Row layer -1 stands for no fault.
CREATE VIEW bn_layer_given_class AS
WITH joint AS MATERIALIZED (
    SELECT b.scope, b.entry, b.layer, b.layer_name, g.class, g.class_name, b.probability * g.probability AS q, g.n
      FROM bn_class_given_layer g JOIN bn_layer b ON b.entry = g.entry AND b.layer = g.layer WHERE b.probability > 0
), golden_sum AS MATERIALIZED (
    SELECT golden_class AS class, sum(probability) AS mm, count(*) AS images
      FROM bn_image WHERE probability > 0 GROUP BY golden_class
), term AS (
    SELECT scope, entry, layer, layer_name, class, class_name, q, n FROM joint
    UNION ALL
    SELECT s.scope, NULL, -1, 'none', m.class, CASE WHEN m.class = -1 THEN 'DUE' ELSE c.name END, m.mm, m.images
      FROM bn_scope s CROSS JOIN golden_sum m LEFT JOIN class c ON c.id = m.class WHERE s.tried > 0
), scaled AS (
    SELECT t.*, CASE WHEN t.layer = -1 THEN 1.0 - s.p ELSE s.p END * t.q AS v FROM term t JOIN bn_scope s ON s.scope = t.scope
)
SELECT scope,      -- entry.id, or -1: the strata of bn_prior_layer
       class,      -- the answer, -1: DUE
       class_name, -- its name
       entry,      -- entry.id; NULL: no fault
       layer,      -- layer.id; -1: no fault
       layer_name, -- its tensor
       v / nullif(sum(v) OVER (PARTITION BY scope, class), 0) AS probability, -- P(L = (entry, layer) | C = class)
       n           -- trials (without fault: images) with this answer
  FROM scaled;

-- Trust: P(the answer is correct | C = c) = ((1-p) A_c + p B_c) / ((1-p) M_c + p N_c), A, B, M, N as in bn_term.
CREATE VIEW bn_trust AS
SELECT scope,                              -- entry.id, or -1: the strata of bn_prior_layer
       class,                              -- the answer
       class_name,                         -- its name
       p,                                  -- P(F = 1)
       CASE WHEN correct_images > 0 THEN
           ((1.0 - p) * golden_correct + p * fault_correct) / nullif((1.0 - p) * golden + p * fault, 0) END
           AS trust,                       -- P(correct | C = class); NULL: see assessment
       CASE WHEN correct_images > 0 THEN golden_correct / nullif(golden, 0) END
           AS trust_golden,                -- the same at p = 0
       CASE WHEN correct_images > 0 THEN fault_correct / nullif(fault, 0) END
           AS trust_fault,                 -- the same at p = 1
       p * fault / nullif((1.0 - p) * golden + p * fault, 0)
           AS p_fault,                     -- P(F = 1 | C = class)
       CASE WHEN correct_images = 0 THEN 'not assessable'
            WHEN (1.0 - p) * golden + p * fault = 0 THEN 'never answered'
            ELSE 'assessed' END AS assessment, -- not assessable: the class is correct for no image of the file
       correct_images,                     -- images for which this class is correct
       golden_images,                      -- images with this golden answer
       n,                                  -- trials with this answer
       wrong,                              -- of them: it is not the golden answer
       coverage                            -- bn_scope.coverage
  FROM bn_term WHERE class >= 0;

-- Sink tests: for each stratum the classes that wrong answers fell into. An image counts once for each wrong class its
-- trials in the stratum answered, however often; DUE does not count. The share of class c among these counts is
-- tested against the larger of two shares among the images tried in t: c as golden answer, c as golden runner-up (at least one image, so that a
-- class never seen is not tested against 0). p_value: one-sided binomial tail P(X >= k), bounded from above by
-- pmf(k) / (1 - r), r = (K-k)/(k+1) x share/(1-share) the ratio of its first two terms: never smaller than the exact
-- tail. Logarithms of factorials: exact below 10, Stirling's series above (error below 1e-12). q_value: Benjamini-
-- Hochberg over all classes of all strata with wrong answers (those not listed here have p_value 1).
CREATE VIEW sink_test AS
WITH wrong AS (
    SELECT s.entry, s.layer, s.class, count(*) AS k, count(DISTINCT g.class) AS golden_classes, sum(s.n) AS n
      FROM summary s CROSS JOIN golden g ON g.image = s.image
     WHERE s.class >= 0 AND g.class >= 0 AND s.class <> g.class
     GROUP BY s.entry, s.layer, s.class
), tried AS MATERIALIZED (
    SELECT u.entry, u.layer, g.class AS c1, g.top2 AS c2, count(*) AS images
      FROM unit u CROSS JOIN golden g ON g.image = u.image
     WHERE u.done > 0 AND g.class >= 0 GROUP BY u.entry, u.layer, g.class, g.top2
), images AS MATERIALIZED (
    SELECT entry, layer, sum(images) AS images FROM tried GROUP BY entry, layer
), winner AS MATERIALIZED (
    SELECT entry, layer, c1 AS class, sum(images) AS images FROM tried GROUP BY entry, layer, c1
), runner_up AS MATERIALIZED (
    SELECT entry, layer, c2 AS class, sum(images) AS images FROM tried GROUP BY entry, layer, c2
), counted AS (
    SELECT w.*, sum(w.k) OVER (PARTITION BY w.entry, w.layer) AS kk, i.images,
           ifnull(a.images, 0) AS golden_n, ifnull(b.images, 0) AS runner_n,
           max(1, ifnull(a.images, 0), ifnull(b.images, 0)) * 1.0 / i.images AS s
      FROM wrong w JOIN images i ON i.entry = w.entry AND i.layer = w.layer
      LEFT JOIN winner a ON a.entry = w.entry AND a.layer = w.layer AND a.class = w.class
      LEFT JOIN runner_up b ON b.entry = w.entry AND b.layer = w.layer AND b.class = w.class
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
), tested AS (
    SELECT f.*, CASE WHEN r < 1 AND k > kk * s
                     THEN min(1.0, exp(f_all - f_hit - f_miss + k * ln(s) + (kk - k) * ln(1.0 - s)) / (1.0 - r))
                     ELSE 1.0 END AS p_value,
           (SELECT count(*) FROM (SELECT DISTINCT entry, layer FROM wrong)) * (SELECT classes FROM campaign) AS tests
      FROM factorial f
), ranked AS (
    SELECT t.*, row_number() OVER (ORDER BY p_value) AS place FROM tested t
), adjusted AS (
    SELECT r.*, min(1.0, min(p_value * tests / place) OVER (ORDER BY place DESC)) AS q_value FROM ranked r
)
SELECT a.entry,                          -- entry.id
       a.layer,                          -- layer.id
       l.name AS layer_name,             -- its tensor
       a.class,                          -- the wrong answer
       c.name AS class_name,             -- its name
       a.q_value <= x.alpha AND a.golden_classes >= 3 AS is_sink, -- significant, and from at least 3 golden classes
       a.k * 1.0 / a.kk AS share,        -- share of wrong answers
       a.golden_n * 1.0 / a.images AS golden_share,    -- share of images with this golden answer
       a.runner_n * 1.0 / a.images AS runner_up_share, -- share of images with this golden runner-up
       a.golden_classes,                 -- golden classes of the images that fell into it
       a.k AS images,                    -- k: images that fell into it
       a.kk AS wrong_images,             -- K: the sum of k over all classes
       a.n AS trials,                    -- trials that fell into it
       a.p_value,                        -- bound of the binomial tail
       a.q_value                         -- Benjamini-Hochberg
  FROM adjusted a JOIN layer l ON l.id = a.layer LEFT JOIN class c ON c.id = a.class CROSS JOIN bn_setting x;

-- The sink classes: the rows of sink_test that are significant.
CREATE VIEW sink_class AS
SELECT entry, layer, layer_name, class, class_name, share, golden_share, runner_up_share, golden_classes, images,
       wrong_images, trials, p_value, q_value -- all as in sink_test
  FROM sink_test WHERE is_sink ORDER BY entry, layer, share DESC;
