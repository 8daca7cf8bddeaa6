-- Severity: answers by group of classes (class_group), and what they cost (group_cost). The truth against which an
-- answer is held is named in column `correct`: 'golden', the fault-free answer, shows what faults add; 'label',
-- the image's label, includes the network's own errors. Images without that truth are left out.

-- The group of every class, and of DUE.
CREATE VIEW class_group_all AS
SELECT c.id AS class,                                          -- class.id, -1: DUE
       coalesce(g.name, c.name, cast(c.id AS TEXT)) AS name    -- its group
  FROM class c LEFT JOIN class_group g ON g.class = c.id
UNION ALL SELECT -1, 'DUE';

-- Answers of each stratum by class of golden answer, label and answer, with groups and cost. Images weigh as in
-- bn_image, whatever the number of trials on each.
CREATE VIEW severity_cell AS
WITH img AS MATERIALIZED (
    SELECT image, golden_class AS g, label_class AS y, probability AS w FROM bn_image WHERE probability > 0
), cell AS MATERIALIZED (
    SELECT u.entry, u.layer, i.g AS golden, i.y AS label, s.class AS answer, sum(s.n) AS n, sum(i.w * s.n / u.done) AS weight
      FROM unit u CROSS JOIN img i ON i.image = u.image
     CROSS JOIN summary s ON s.entry = u.entry AND s.layer = u.layer AND s.image = u.image
     WHERE u.done > 0 GROUP BY u.entry, u.layer, i.g, i.y, s.class
), grp AS MATERIALIZED (
    SELECT class, name FROM class_group_all
), held AS (
    SELECT 'golden' AS correct, entry, layer, golden AS truth, golden, answer, n, weight FROM cell WHERE golden >= 0
    UNION ALL
    SELECT 'label', entry, layer, label, golden, answer, n, weight FROM cell WHERE label >= 0
)
SELECT h.correct,           -- golden, label: what the answer is held against
       h.entry,             -- entry.id
       h.layer,             -- layer.id
       h.truth,             -- the true class
       h.answer,            -- the answer, -1: DUE
       t.name AS truth_group, a.name AS answer_group, -- their groups
       CASE WHEN h.answer = h.truth THEN 0.0
            ELSE coalesce(k.cost, CASE WHEN h.answer < 0 OR a.name = t.name THEN 0.0 ELSE x.default_cost END) END
           AS cost,         -- of such an answer
       CASE WHEN h.golden = h.truth THEN 0.0
            ELSE coalesce(kg.cost, CASE WHEN h.golden < 0 OR b.name = t.name THEN 0.0 ELSE x.default_cost END) END
           AS golden_cost,  -- of the fault-free answer
       h.n,                 -- trials
       h.weight             -- sum of w_i P(answer | i, L) over the images of this truth and golden answer
  FROM held h JOIN grp t ON t.class = h.truth JOIN grp a ON a.class = h.answer JOIN grp b ON b.class = h.golden
 CROSS JOIN bn_setting x
  LEFT JOIN group_cost k ON k.truth = t.name AND k.answer = a.name
  LEFT JOIN group_cost kg ON kg.truth = t.name AND kg.answer = b.name;

-- Which group turns into which, for each stratum.
CREATE VIEW severity_confusion AS
SELECT correct,                          -- golden, label: what the answer is held against
       entry,                            -- entry.id
       layer,                            -- layer.id
       l.name AS layer_name,             -- its tensor
       truth_group,                      -- group of the true class
       answer_group,                     -- group of the answer, DUE
       sum(n) AS trials,                 -- trials
       sum(weight) / sum(sum(weight)) OVER (PARTITION BY correct, entry, layer, truth_group) AS share, -- P(answer group | truth group, L)
       sum(n * (answer <> truth)) AS wrong, -- of the trials: the class is wrong (within a group, too)
       sum(weight * cost) / sum(weight) AS cost -- mean cost of such an answer
  FROM severity_cell JOIN layer l ON l.id = layer
 GROUP BY correct, entry, layer, truth_group, answer_group;

-- The mean cost of an answer under one fault, for each stratum. Bounds: Fay and Feuer's (formulas.cmake), one term for
-- each cost that was seen, weighed by it, at bn_support.observations (the faults of parameters). No cost above the
-- largest one of the table is possible, and that one may come next, whether it was seen or not. Where images without
-- the truth are left out, the observations shrink as Kish's effective number of trials does.
CREATE VIEW severity AS
WITH largest AS MATERIALIZED (
    SELECT max(max(x.default_cost), ifnull((SELECT max(cost) FROM group_cost), 0)) AS cost FROM bn_setting x
), img AS MATERIALIZED (
    SELECT image, golden_class AS g, label_class AS y, probability AS w FROM bn_image WHERE probability > 0
), kish AS MATERIALIZED (
    SELECT u.entry, u.layer, sum(i.w) * sum(i.w) / sum(i.w * i.w / u.done) AS every,
           sum(i.w) FILTER (WHERE i.g >= 0) * sum(i.w) FILTER (WHERE i.g >= 0) / sum(i.w * i.w / u.done) FILTER (WHERE i.g >= 0) AS golden,
           sum(i.w) FILTER (WHERE i.y >= 0) * sum(i.w) FILTER (WHERE i.y >= 0) / sum(i.w * i.w / u.done) FILTER (WHERE i.y >= 0) AS label
      FROM unit u CROSS JOIN img i ON i.image = u.image WHERE u.done > 0 GROUP BY u.entry, u.layer
), total AS MATERIALIZED (
    SELECT c.correct, c.entry, c.layer, g.cost AS top, sum(c.n) AS n, sum(c.weight * c.cost) / sum(c.weight) AS mean,
           sum(c.weight * c.golden_cost) / sum(c.weight) AS golden_mean,
           sum(c.weight * c.cost * c.cost) / sum(c.weight) AS square,
           sum(c.weight * (g.cost - c.cost) * (g.cost - c.cost)) / sum(c.weight) AS left_square,
           sum(c.weight * (c.answer <> c.truth AND c.answer >= 0)) / sum(c.weight) AS wrong_rate,
           sum(c.weight * (c.answer_group <> c.truth_group AND c.answer >= 0)) / sum(c.weight) AS wrong_group_rate
      FROM severity_cell c CROSS JOIN largest g GROUP BY c.correct, c.entry, c.layer
), counted AS (
    SELECT t.*, b.unit, b.census,
           CASE WHEN b.unit = 'fault' THEN b.units ELSE t.n END AS units,
           CASE WHEN b.unit = 'fault' THEN b.observations
                ELSE b.observations * (CASE t.correct WHEN 'golden' THEN k.golden ELSE k.label END / k.every) END AS m
      FROM total t JOIN bn_support b ON b.entry = t.entry AND b.layer = t.layer
      JOIN kish k ON k.entry = t.entry AND k.layer = t.layer
), observed AS MATERIALIZED (
    SELECT c.*, c.square / c.m AS v, c.left_square / c.m AS u, c.top / c.m AS one FROM counted c
)
SELECT o.correct,                        -- golden, label: what the answer is held against
       o.entry,                          -- entry.id
       o.layer,                          -- layer.id
       l.name AS layer_name,             -- its tensor
       o.n AS trials,                    -- trials with this truth
       o.mean AS cost,                   -- mean cost of an answer under one fault
       CASE WHEN o.m > 0 THEN @sum_low(o.mean, o.v, o.u, o.one, o.top, z) END AS low,    -- its two-sided bounds; NULL:
       CASE WHEN o.m > 0 THEN @sum_high(o.mean, o.v, o.u, o.one, o.top, z) END AS high,  -- a census, which has none
       CASE WHEN o.m > 0 THEN @sum_high(o.mean, o.v, o.u, o.one, o.top, z1) END AS upper, -- its one-sided upper bound
       o.golden_mean AS golden_cost,     -- mean cost of the fault-free answers to the same images
       o.wrong_rate,                     -- share of answers with a wrong class
       o.wrong_group_rate,               -- share of answers with a class of a wrong group
       o.unit,                           -- what the bounds count: trial, fault
       o.units,                          -- how many of them have this truth
       o.m AS observations,              -- independent ones that they are worth; NULL: census
       o.census,                         -- 1: every fault of the stratum was tried
       x.confidence                      -- of the bounds
  FROM observed o JOIN layer l ON l.id = o.layer CROSS JOIN bn_setting x;
