-- Fills bit_summary, bit_wrong, bit_fault and bit_counted from the raw rows: the only scans of them that an answer needs. In
-- a temporary copy of the tables where the file may not be written.
DELETE FROM bit_summary;
DELETE FROM bit_wrong;
DELETE FROM bit_fault;
DELETE FROM bit_counted;
INSERT INTO bit_summary (entry, layer, bit, n, masked, sdc1, due, faults)
SELECT t.entry, t.layer, t.bit, count(*), sum(t.died_at IS NOT NULL),
       ifnull(sum(t.died_at IS NULL AND t.top1 IS NOT NULL AND NOT t.flags & 3 AND t.top1 <> g.class), 0),
       sum(t.died_at IS NULL AND (t.top1 IS NULL OR t.flags & 3 <> 0)),
       CASE WHEN s.parameter THEN count(DISTINCT t.repetition) ELSE count(*) END
  FROM trial t JOIN golden g ON g.image = t.image JOIN stratum s ON s.entry = t.entry AND s.layer = t.layer
 WHERE t.bit IS NOT NULL AND t.n_sites = 1 GROUP BY t.entry, t.layer, t.bit;
INSERT INTO bit_wrong (entry, bit, parameter, class, image, n)
SELECT t.entry, t.bit, s.parameter, t.top1, t.image, count(*)
  FROM trial t JOIN golden g ON g.image = t.image JOIN stratum s ON s.entry = t.entry AND s.layer = t.layer
 WHERE t.died_at IS NULL AND t.bit IS NOT NULL AND t.n_sites = 1 AND t.top1 IS NOT NULL AND NOT t.flags & 3 AND t.top1 <> g.class
 GROUP BY t.entry, t.bit, s.parameter, t.top1, t.image;
-- A fault whose bit is not the same for all images (a list of sites may say so) has none.
INSERT INTO bit_fault (entry, layer, repetition, bit)
SELECT s.entry, s.layer, t.repetition, min(t.bit)
  FROM stratum s CROSS JOIN trial t CROSS JOIN golden g ON g.image = t.image
 WHERE s.parameter AND t.id >= (s.entry << 55) + (s.layer << 43) AND t.id < (s.entry << 55) + ((s.layer + 1) << 43)
   AND t.died_at IS NULL AND t.bit IS NOT NULL AND t.n_sites = 1 AND t.top1 IS NOT NULL AND NOT t.flags & 3
   AND g.class >= 0 AND t.top1 <> g.class
 GROUP BY s.entry, s.layer, t.repetition HAVING min(t.bit) = max(t.bit);
INSERT INTO bit_counted SELECT (SELECT ifnull(sum(n), 0) FROM layer_summary), (SELECT count(*) FROM trial WHERE audit);
