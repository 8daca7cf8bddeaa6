-- Severity weighs answers by groups of classes (class_group) and by what they cost (group_cost). Column correct names the
-- truth with which an answer is compared: 'golden', the fault-free answer, shows what faults add; 'label', the label of the
-- image, includes the network's own errors. Images without that truth are left out, and so are trials that hit
-- several layers.

-- A unique name for each class. It is the name of the class, or its id if it has no name. The id follows, as in 'crane
-- #134', if the name alone may mean another class, the answer DUE or an id.
CREATE VIEW class_shown AS
SELECT class, -- class.id
       CASE WHEN count(*) OVER (PARTITION BY plain) > 1 OR upper(plain) = 'DUE' OR plain GLOB '*#[0-9]*'
            THEN plain || ' #' || class ELSE plain END AS name -- its unique name
  FROM (SELECT id AS class, coalesce(name, cast(id AS TEXT)) AS plain FROM class);

-- The group of each class, and of DUE. A class without a group is a group of its own, whatever its name.
CREATE VIEW class_group_all AS
SELECT s.class,                                                -- class.id, -1: DUE
       CASE WHEN upper(g.name) = 'DUE' THEN g.name || ' (group)' -- in files of earlier versions
            WHEN g.name IS NOT NULL THEN g.name
            WHEN s.name IN (SELECT name FROM class_group) THEN s.name || ' #' || s.class
            ELSE s.name END AS name                            -- its group
  FROM class_shown s LEFT JOIN class_group g ON g.class = s.class
UNION ALL SELECT -1, 'DUE';

-- Answers of each stratum, counted by true class and answer, with groups and costs. Images weigh as in bn_image, whatever
-- the number of trials on each.
CREATE VIEW severity_cell AS
WITH img AS MATERIALIZED (
    SELECT image, golden_class AS g, label_class AS y, probability AS w FROM bn_image WHERE probability > 0
), cell AS MATERIALIZED (
    SELECT u.entry, u.layer, i.g AS golden, i.y AS label, s.class AS answer, sum(s.n) AS n, sum(i.w * s.n / u.done) AS weight,
           sum(i.w / u.done * (i.w / u.done) * s.n * @part_left(u.done, t.faults)) AS square
      FROM unit u CROSS JOIN img i ON i.image = u.image JOIN bn_support t ON t.entry = u.entry AND t.layer = u.layer
     CROSS JOIN summary s ON s.entry = u.entry AND s.layer = u.layer AND s.image = u.image
     WHERE u.done > 0 AND u.layer <> 4095 GROUP BY u.entry, u.layer, i.g, i.y, s.class
), grp AS MATERIALIZED (
    SELECT class, name FROM class_group_all
), held AS (
    SELECT 'golden' AS correct, entry, layer, golden AS truth, golden, answer, n, weight, square FROM cell WHERE golden >= 0
    UNION ALL
    SELECT 'label', entry, layer, label, golden, answer, n, weight, square FROM cell WHERE label >= 0
)
SELECT h.correct,           -- golden, label: what the answer is compared with
       h.entry,             -- entry.id
       h.layer,             -- layer.id
       h.truth,             -- the true class
       h.answer,            -- the answer, -1: DUE
       t.name AS truth_group, a.name AS answer_group, -- their groups
       CASE WHEN h.answer = h.truth THEN 0.0
            ELSE coalesce(k.cost, CASE WHEN h.answer < 0 OR a.name = t.name THEN 0.0 ELSE x.default_cost END) END
           AS cost,         -- cost of such an answer
       CASE WHEN h.golden = h.truth THEN 0.0
            ELSE coalesce(kg.cost, CASE WHEN h.golden < 0 OR b.name = t.name THEN 0.0 ELSE x.default_cost END) END
           AS golden_cost,  -- cost of the fault-free answer
       h.n,                 -- trials
       h.weight,            -- sum of w_i P(answer | i, L) over the images of this truth and golden answer
       h.square             -- its variance, if the trials are the observations: each adds (w_i / n_it)^2, less if faults are
                            -- drawn without replacement
  FROM held h JOIN grp t ON t.class = h.truth JOIN grp a ON a.class = h.answer JOIN grp b ON b.class = h.golden
 CROSS JOIN bn_setting x
  LEFT JOIN group_cost k ON k.truth = t.name AND k.answer = a.name
  LEFT JOIN group_cost kg ON kg.truth = t.name AND kg.answer = b.name;

-- How often a group of classes is answered as another one, for each stratum, and the cost of that.
CREATE VIEW severity_confusion AS
SELECT correct,                          -- golden, label: what the answer is compared with
       entry,                            -- entry.id
       layer,                            -- layer.id
       l.label AS layer_name,             -- layer.label
       truth_group,                      -- group of the true class
       answer_group,                     -- group of the answer, or DUE
       sum(n) AS trials,                 -- trials
       sum(weight) / sum(sum(weight)) OVER (PARTITION BY correct, entry, layer, truth_group) AS share, -- P(answer group | truth group, L)
       sum(n * (answer <> truth)) AS wrong, -- those of the trials whose class is wrong (within a group, too)
       sum(weight * cost) / sum(weight) AS cost -- mean cost of such an answer
  FROM severity_cell JOIN layer l ON l.id = layer
 GROUP BY correct, entry, layer, truth_group, answer_group;

-- Mean cost of an answer of each stratum under one fault, with bounds. They are Fay and Feuer's, with one term for each
-- cost that was seen, weighed by it. For activations every trial counts by its weight; for parameters n = faults
-- (bn_support.observations). The largest cost that can occur may come next (with 1/n, n = observations), whether it was
-- seen or not. These costs cannot occur: of groups without a class, of DUE as the truth, within a group of one class; and
-- default_cost, if every two groups have costs of their own.
CREATE VIEW severity AS
WITH grp AS MATERIALIZED (
    SELECT name, count(*) AS classes FROM class_group_all WHERE class >= 0 GROUP BY name
), possible AS MATERIALIZED (
    SELECT k.cost, a.name IS NOT NULL AND a.name <> t.name AS apart
      FROM group_cost k JOIN grp t ON t.name = k.truth LEFT JOIN grp a ON a.name = k.answer
     WHERE k.answer = 'DUE' OR (a.name IS NOT NULL AND (a.name <> t.name OR t.classes > 1))
), largest AS MATERIALIZED (
    SELECT max(ifnull((SELECT max(cost) FROM possible), 0.0),
               CASE WHEN (SELECT count(*) FROM possible WHERE apart) < (SELECT count(*) * (count(*) - 1) FROM grp)
                    THEN x.default_cost ELSE 0.0 END) AS cost
      FROM bn_setting x
), img AS MATERIALIZED (
    SELECT 'golden' AS correct, image, probability AS w FROM bn_image WHERE probability > 0 AND golden_class >= 0
    UNION ALL SELECT 'label', image, probability FROM bn_image WHERE probability > 0 AND label_class >= 0
), step AS (
    SELECT i.correct, u.entry, u.layer, i.w, i.w / u.done * @part_left(u.done, t.faults) AS trial
      FROM unit u CROSS JOIN img i ON i.image = u.image JOIN bn_support t ON t.entry = u.entry AND t.layer = u.layer
     WHERE u.done > 0 AND u.layer <> 4095
), held AS MATERIALIZED (
    SELECT correct, entry, layer, sum(w) AS w, sum(w) / nullif(max(trial), 0) AS m FROM step GROUP BY correct, entry, layer
), total AS MATERIALIZED (
    SELECT c.correct, c.entry, c.layer, g.cost AS top, sum(c.n) AS n, sum(c.weight * c.cost) / sum(c.weight) AS mean,
           sum(c.weight * c.golden_cost) / sum(c.weight) AS golden_mean,
           sum(c.weight * c.cost * c.cost) / sum(c.weight) AS mean_square,
           sum(c.weight * (g.cost - c.cost) * (g.cost - c.cost)) / sum(c.weight) AS mean_left,
           sum(c.square * c.cost * c.cost) AS square, sum(c.square * (g.cost - c.cost) * (g.cost - c.cost)) AS square_left,
           sum(c.weight * (c.answer <> c.truth AND c.answer >= 0)) / sum(c.weight) AS wrong_rate,
           sum(c.weight * (c.answer_group <> c.truth_group AND c.answer >= 0)) / sum(c.weight) AS wrong_group_rate
      FROM severity_cell c CROSS JOIN largest g GROUP BY c.correct, c.entry, c.layer
), counted AS MATERIALIZED (
    SELECT t.*, b.unit, CASE WHEN b.parameter THEN b.census ELSE h.m IS NULL END AS census, CASE WHEN b.parameter THEN b.units ELSE t.n END AS units,
           CASE WHEN b.parameter THEN b.observations ELSE h.m END AS m,
           CASE WHEN b.parameter THEN t.mean_square / b.observations ELSE t.square / (h.w * h.w) END AS v,
           CASE WHEN b.parameter THEN t.mean_left / b.observations ELSE t.square_left / (h.w * h.w) END AS u,
           t.top / CASE WHEN b.parameter THEN b.observations ELSE h.m END AS step
      FROM total t JOIN bn_support b ON b.entry = t.entry AND b.layer = t.layer
      JOIN held h ON h.correct = t.correct AND h.entry = t.entry AND h.layer = t.layer
)
SELECT c.correct,                        -- golden, label: what the answer is compared with
       c.entry,                          -- entry.id
       c.layer,                          -- layer.id
       l.label AS layer_name,             -- layer.label
       c.n AS trials,                    -- trials with this truth
       c.mean AS cost,                   -- mean cost of an answer under one fault
       CASE WHEN NOT c.census THEN @sum_low(c.mean, c.v, c.u, c.step, c.top, z) END AS low,    -- its two-sided bounds; NULL: a
                                         -- census
       CASE WHEN NOT c.census THEN @sum_high(c.mean, c.v, c.u, c.step, c.top, z) END AS high,
       CASE WHEN NOT c.census THEN @sum_high(c.mean, c.v, c.u, c.step, c.top, z1) END AS upper, -- its one-sided upper bound
       c.golden_mean AS golden_cost,     -- mean cost of the fault-free answers to the same images
       c.wrong_rate,                     -- share of answers with a wrong class
       c.wrong_group_rate,               -- share of answers with a class of a wrong group
       c.unit,                           -- what the bounds count: trial, fault
       c.units,                          -- number of these that have this truth
       c.m AS observations,              -- n of the bounds: independent observations that they are worth; NULL: a census
       c.census,                         -- 1: every fault was tried on every image of this truth
       x.confidence                      -- of the bounds
  FROM counted c JOIN layer l ON l.id = c.layer CROSS JOIN bn_setting x;
