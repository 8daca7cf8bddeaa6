-- The tables that `bitsink bn FILE export` writes, as temporary tables and views; table export_scope (id) holds the scope. States
-- are numbered from 0. The views give conditional probabilities: the parents' states, the own state, its probability.
-- Pairs (image, layer) that no experiment reached get the golden answer.
CREATE TEMP TABLE joint AS
SELECT fault, entry, layer, image, class, sum(share) AS share FROM bn_joint
 WHERE scope = (SELECT id FROM export_scope) GROUP BY fault, entry, layer, image, class HAVING sum(share) > 0;
CREATE TEMP TABLE state_layer AS
SELECT 0 AS id, 'none' AS name, NULL AS entry, -1 AS layer, 1.0 AS p
UNION ALL
SELECT row_number() OVER (ORDER BY entry, layer), 'L_' || entry || '_' || layer, entry, layer, probability FROM bn_layer
 WHERE scope = (SELECT id FROM export_scope) AND probability > 0;
CREATE TEMP TABLE state_class AS
SELECT row_number() OVER (ORDER BY class < 0, class) - 1 AS id, class, iif(class < 0, 'DUE', 'C_' || class) AS name
  FROM (SELECT DISTINCT class FROM joint);
CREATE TEMP TABLE state_image AS
SELECT row_number() OVER (ORDER BY image) - 1 AS id, image, 'I_' || image AS name, golden_class AS g, label_class AS y
  FROM bn_image WHERE probability > 0;
CREATE TEMP TABLE state_answer AS SELECT 0 AS id, 'no' AS name UNION ALL SELECT 1, 'yes';
CREATE TEMP TABLE cell AS
SELECT l.id AS layer, i.id AS image, c.id AS class, j.share FROM joint j
  JOIN state_layer l ON l.entry IS j.entry AND l.layer = j.layer
  JOIN state_image i ON i.image = j.image JOIN state_class c ON c.class = j.class;
CREATE INDEX temp.cell_place ON cell (image, layer, class);

CREATE TEMP VIEW cpt_fault AS
SELECT p FROM bn_scope WHERE scope = (SELECT id FROM export_scope);

CREATE TEMP VIEW cpt_layer AS
SELECT f.id AS a, l.id, CASE WHEN f.id = 0 THEN l.id = 0 WHEN l.id = 0 THEN 0 ELSE l.p END * 1.0 AS p
  FROM state_answer f CROSS JOIN state_layer l;

CREATE TEMP VIEW cpt_image AS
WITH s AS MATERIALIZED (
    SELECT layer, image, sum(share) AS v FROM cell GROUP BY layer, image
), whole AS MATERIALIZED (
    SELECT layer, sum(share) AS v FROM cell GROUP BY layer
)
SELECT l.id AS a, i.id, ifnull(s.v, 0.0) / w.v AS p
  FROM state_layer l JOIN whole w ON w.layer = l.id CROSS JOIN state_image i
  LEFT JOIN s ON s.layer = l.id AND s.image = i.id;

CREATE TEMP VIEW cpt_class AS
WITH whole AS MATERIALIZED (
    SELECT layer, image, sum(share) AS v FROM cell GROUP BY layer, image
)
SELECT i.id AS a, l.id AS b, c.id, CASE WHEN w.v IS NULL THEN (c.class = i.g) * 1.0 ELSE ifnull(s.share, 0.0) / w.v END AS p
  FROM state_image i CROSS JOIN state_layer l CROSS JOIN state_class c
  LEFT JOIN whole w ON w.layer = l.id AND w.image = i.id
  LEFT JOIN cell s ON s.layer = l.id AND s.image = i.id AND s.class = c.id;

CREATE TEMP VIEW cpt_correct_label AS
SELECT i.id AS a, c.id AS b, x.id, ((c.class >= 0 AND c.class IS i.y) = x.id) * 1.0 AS p
  FROM state_image i CROSS JOIN state_class c CROSS JOIN state_answer x;

CREATE TEMP VIEW cpt_correct_golden AS
SELECT i.id AS a, c.id AS b, x.id, ((c.class >= 0 AND c.class = i.g) = x.id) * 1.0 AS p
  FROM state_image i CROSS JOIN state_class c CROSS JOIN state_answer x;

-- The same without the image.
CREATE TEMP TABLE sum_by_layer AS
SELECT x.layer, x.class, sum(x.share) AS v, sum(x.share * (c.class >= 0 AND c.class IS i.y)) AS right_label,
       sum(x.share * (c.class >= 0 AND c.class = i.g)) AS right_golden
  FROM cell x JOIN state_image i ON i.id = x.image JOIN state_class c ON c.id = x.class GROUP BY x.layer, x.class;
CREATE UNIQUE INDEX temp.sum_place ON sum_by_layer (layer, class);

CREATE TEMP VIEW cpt_class_by_layer AS
WITH whole AS MATERIALIZED (
    SELECT layer, sum(v) AS v FROM sum_by_layer GROUP BY layer
)
SELECT l.id AS a, c.id, ifnull(s.v, 0.0) / w.v AS p
  FROM state_layer l JOIN whole w ON w.layer = l.id CROSS JOIN state_class c
  LEFT JOIN sum_by_layer s ON s.layer = l.id AND s.class = c.id;

CREATE TEMP VIEW cpt_correct_label_by_layer AS
SELECT l.id AS a, c.id AS b, x.id, CASE WHEN s.v IS NULL THEN x.id = 0 WHEN x.id = 1 THEN s.right_label / s.v
           ELSE 1.0 - s.right_label / s.v END * 1.0 AS p
  FROM state_layer l CROSS JOIN state_class c CROSS JOIN state_answer x LEFT JOIN sum_by_layer s ON s.layer = l.id AND s.class = c.id;

CREATE TEMP VIEW cpt_correct_golden_by_layer AS
SELECT l.id AS a, c.id AS b, x.id, CASE WHEN s.v IS NULL THEN x.id = 0 WHEN x.id = 1 THEN s.right_golden / s.v
           ELSE 1.0 - s.right_golden / s.v END * 1.0 AS p
  FROM state_layer l CROSS JOIN state_class c CROSS JOIN state_answer x LEFT JOIN sum_by_layer s ON s.layer = l.id AND s.class = c.id;
