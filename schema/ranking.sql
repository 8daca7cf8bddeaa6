-- The raw ranking of the classes, if the job asks for it (top_k): NaN comes before all numbers, in order of class, as in the
-- argmax of NumPy and PyTorch; then by score, ties by class. Other columns and views rank NaN last (trial.top1, outcome). This is what
-- lets answers of tools in which NaN wins be computed again.

-- The classes of each golden run and of each trial, best first: golden_ranking and trial_ranking, one row per rank. A masked
-- trial has the ranking of the golden run of its image.
CREATE VIEW ranking AS
WITH RECURSIVE place (rank) AS MATERIALIZED (
    SELECT 1 UNION ALL SELECT rank + 1 FROM place WHERE rank < (SELECT min(top_k, classes) FROM campaign)
), packed (trial, image, ranking) AS (
    SELECT NULL, image, ranking FROM golden_ranking
    UNION ALL
    SELECT trial, (trial >> 20) & 8388607, ranking FROM trial_ranking
    UNION ALL
    SELECT t.id, t.image, g.ranking FROM trial t JOIN golden_ranking g ON g.image = t.image WHERE t.died_at IS NOT NULL
), word AS (
    SELECT trial, image, rank, @word(hex, 1) AS class, @word(hex, 9) AS bits
      FROM (SELECT k.trial, k.image, p.rank, hex(substr(k.ranking, 8 * p.rank - 7, 8)) AS hex
              FROM packed k CROSS JOIN place p WHERE 8 * p.rank <= length(k.ranking))
)
SELECT trial, -- trial.id; NULL: the golden run
       image, -- image.id
       rank,  -- 1: the best
       class, -- class.id
       CASE WHEN bits >> 23 & 255 < 255 THEN
                (1 - 2 * (bits >> 31)) * iif(bits >> 23 & 255 = 0, (bits & 8388607) * pow(2.0, -149),
                                             (bits & 8388607 | 8388608) * pow(2.0, (bits >> 23 & 255) - 150))
            WHEN bits & 8388607 = 0 THEN (1 - 2 * (bits >> 31)) * 9e999 END
           AS score -- its score (raw output), infinite ones, too; NULL: NaN
  FROM word;
