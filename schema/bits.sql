-- Fills bit_summary, bit_wrong and bit_counted from the raw rows: the only scan of them that an answer needs. In a temporary
-- copy of the tables where the file may not be written.
DELETE FROM bit_summary;
DELETE FROM bit_wrong;
DELETE FROM bit_counted;
INSERT INTO bit_summary (entry, layer, bit, n, masked, sdc1, due, faults)
SELECT t.entry, t.layer, t.bit, count(*), sum(t.died_at IS NOT NULL),
       ifnull(sum(t.died_at IS NULL AND t.top1 IS NOT NULL AND NOT t.flags & 3 AND t.top1 <> g.class), 0),
       sum(t.died_at IS NULL AND (t.top1 IS NULL OR t.flags & 3 <> 0)),
       CASE WHEN s.parameter THEN count(DISTINCT t.repetition) ELSE count(*) END
  FROM trial t JOIN golden g ON g.image = t.image JOIN stratum s ON s.entry = t.entry AND s.layer = t.layer
 WHERE t.bit IS NOT NULL AND t.n_sites = 1 GROUP BY t.entry, t.layer, t.bit;
INSERT INTO bit_wrong (entry, bit, class, image, n)
SELECT t.entry, t.bit, t.top1, t.image, count(*)
  FROM trial t JOIN golden g ON g.image = t.image
 WHERE t.died_at IS NULL AND t.bit IS NOT NULL AND t.n_sites = 1 AND t.top1 IS NOT NULL AND NOT t.flags & 3 AND t.top1 <> g.class
 GROUP BY t.entry, t.bit, t.top1, t.image;
INSERT INTO bit_counted SELECT (SELECT ifnull(sum(n), 0) FROM layer_summary), (SELECT count(*) FROM trial WHERE audit);
