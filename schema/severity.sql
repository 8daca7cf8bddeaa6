-- Severity: answers by group of classes (class_group), and what they cost (group_cost). The truth against which an
-- answer is held is named in column `correct`: 'golden', the fault-free answer, shows what faults add; 'label',
-- the image's label, includes the network's own errors. Images without that truth are left out.

-- The group of every class, and of DUE.
CREATE VIEW class_group_all AS
SELECT c.id AS class,                                          -- class.id, -1: DUE
       coalesce(g.name, c.name, cast(c.id AS TEXT)) AS name    -- its group
  FROM class c LEFT JOIN class_group g ON g.class = c.id
UNION ALL SELECT -1, 'DUE';

-- Answers of each stratum by class of golden answer, label and answer, with groups and cost.
CREATE VIEW severity_cell AS
WITH cell AS MATERIALIZED (
    SELECT s.entry, s.layer, g.class AS golden, i.class AS label, s.class AS answer, sum(s.n) AS n
      FROM summary s CROSS JOIN golden g ON g.image = s.image CROSS JOIN image i ON i.id = s.image
     GROUP BY s.entry, s.layer, g.class, i.class, s.class
), grp AS MATERIALIZED (
    SELECT class, name FROM class_group_all
), held AS (
    SELECT 'golden' AS correct, entry, layer, golden AS truth, golden, answer, n FROM cell WHERE golden >= 0
    UNION ALL
    SELECT 'label', entry, layer, label, golden, answer, n FROM cell WHERE label >= 0
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
       h.n                  -- trials
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
       sum(n) * 1.0 / sum(sum(n)) OVER (PARTITION BY correct, entry, layer, truth_group) AS share, -- P(answer group | truth group, L)
       sum(n * (answer <> truth)) AS wrong, -- of them: the class is wrong (within a group, too)
       sum(n * cost) * 1.0 / sum(n) AS cost -- mean cost of such an answer
  FROM severity_cell JOIN layer l ON l.id = layer
 GROUP BY correct, entry, layer, truth_group, answer_group;

-- The mean cost of an answer under one fault, for each stratum. Bounds: Wilson's for the cost as a share of the
-- largest one, at the number of observations that its variance is worth (as in layer_accuracy); the faults are the
-- observations of parameters.
CREATE VIEW severity AS
WITH largest AS MATERIALIZED (
    SELECT max(max(x.default_cost), ifnull((SELECT max(cost) FROM group_cost), 0)) AS cost FROM bn_setting x
), fault AS MATERIALIZED (
    SELECT entry, layer, count(*) AS faults FROM fault_summary GROUP BY entry, layer
), total AS (
    SELECT c.correct, c.entry, c.layer, sum(c.n) AS n, sum(c.n * c.cost) / sum(c.n) AS mean,
           sum(c.n * c.golden_cost) / sum(c.n) AS golden_mean, sum(c.n * c.cost * c.cost) / sum(c.n) AS square,
           sum(c.n * (c.answer <> c.truth AND c.answer >= 0)) * 1.0 / sum(c.n) AS wrong_rate,
           sum(c.n * (c.answer_group <> c.truth_group AND c.answer >= 0)) * 1.0 / sum(c.n) AS wrong_group_rate
      FROM severity_cell c GROUP BY c.correct, c.entry, c.layer
), observed AS (
    SELECT t.*, g.cost AS top, t.mean / nullif(g.cost, 0) AS r, ifnull(f.faults, t.n) AS units,
           t.square / nullif(g.cost * g.cost, 0) - (t.mean / g.cost) * (t.mean / g.cost) AS v
      FROM total t CROSS JOIN largest g LEFT JOIN fault f ON f.entry = t.entry AND f.layer = t.layer
), counted AS (
    SELECT o.*, CASE WHEN v > 0 AND r < 1 THEN units * max(1.0, r * (1 - r) / v) ELSE units END AS m FROM observed o
)
SELECT c.correct,                        -- golden, label: what the answer is held against
       c.entry,                          -- entry.id
       c.layer,                          -- layer.id
       l.name AS layer_name,             -- its tensor
       c.n AS trials,                    -- trials with this truth
       c.mean AS cost,                   -- mean cost of an answer under one fault
       c.top * max(0.0, ((2 * m * r + zz) - sqrt(zz * zz + 4 * zz * m * r * max(0.0, 1 - r))) / (2 * (m + zz))) AS low, -- 95 %
       c.top * min(1.0, ((2 * m * r + zz) + sqrt(zz * zz + 4 * zz * m * r * max(0.0, 1 - r))) / (2 * (m + zz))) AS high, -- bounds
       c.golden_mean AS golden_cost,     -- mean cost of the fault-free answers to the same images
       c.wrong_rate,                     -- share of trials with a wrong class
       c.wrong_group_rate,               -- share of trials with a class of a wrong group
       c.units                           -- what the bounds count: trials, or faults of parameters
  FROM counted c JOIN layer l ON l.id = c.layer CROSS JOIN bn_setting;
