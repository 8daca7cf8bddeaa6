-- The outcome and the answer of each trial, one row per trial. Exactly one of masked, benign, sdc1 and due is 1.
CREATE VIEW outcome AS
WITH answer AS (
    SELECT t.id, t.run, t.entry, t.layer, t.image, t.repetition, t.top1, t.p_golden, t.died_at,
           CASE WHEN t.died_at IS NOT NULL THEN g.class
                WHEN t.top1 IS NULL OR t.flags & 3 THEN -1
                ELSE t.top1 END AS class,
           g.class AS golden_class, g.p_top1, i.class AS label_class,
           g.top1 AS g1, g.top2 AS g2, g.top3 AS g3, g.top4 AS g4, g.top5 AS g5
      FROM trial t JOIN golden g ON g.image = t.image JOIN image i ON i.id = t.image
)
SELECT a.id AS trial,         -- trial.id
       a.run,                 -- run.id
       a.entry,               -- entry.id
       a.layer,               -- layer.id
       l.label AS layer_name,  -- layer.label
       a.image,               -- image.id
       a.repetition,          -- 0, 1, 2, ...
       a.class,               -- the answer, -1: DUE
       a.golden_class,        -- the fault-free answer, -1: DUE
       a.label_class,         -- the true class, NULL: unknown
       a.died_at IS NOT NULL AS masked,                                           -- 1: bit-identical to the golden run again
       a.died_at IS NULL AND a.class >= 0 AND a.class = a.golden_class AS benign, -- 1: values differ, the answer does not
       a.class >= 0 AND a.class <> a.golden_class AS sdc1,                        -- 1: another answer: silent data corruption
       a.died_at IS NULL AND a.class >= 0
           AND a.class NOT IN (ifnull(g1, -1), ifnull(g2, -1), ifnull(g3, -1), ifnull(g4, -1), ifnull(g5, -1))
           AS sdc5,           -- 1: the answer is not among the golden five
       a.died_at IS NULL AND a.class >= 0 AND abs(a.p_golden - a.p_top1) > 0.10
           AS sdc10,          -- 1: the probability of the golden class moved by more than 0.10
       a.died_at IS NULL AND a.class >= 0 AND abs(a.p_golden - a.p_top1) > 0.20
           AS sdc20,          -- 1: it moved by more than 0.20
       a.died_at IS NULL AND a.class = -1 AS due,        -- 1: NaN or Inf in the output: detectable
       a.class = a.label_class AS correct,               -- 1: the answer is the label; NULL: no label
       a.golden_class = a.label_class AS golden_correct, -- 1: the golden answer is the label; NULL: no label
       CASE WHEN a.died_at IS NULL THEN a.p_golden ELSE a.p_top1 END AS p_golden  -- probability of the golden class
  FROM answer a JOIN layer l ON l.id = a.layer;
