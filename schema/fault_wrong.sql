-- The rows of table fault_wrong, counted from the trials of parameters: for files of earlier versions, which lack it.
SELECT entry, layer, repetition, class, sum(n) AS n, sum(runner_up_n) AS runner_up_n, sum(golden_n) AS golden_n FROM (
    WITH wrong AS MATERIALIZED (
        SELECT s.entry, s.layer, t.repetition, t.top1 AS class, g.top2 AS runner_up, g.class AS golden, count(*) AS n
          FROM stratum s CROSS JOIN trial t CROSS JOIN golden g ON g.image = t.image
         WHERE s.parameter AND t.id >= (s.entry << 55) + (s.layer << 43) AND t.id < (s.entry << 55) + ((s.layer + 1) << 43)
           AND t.died_at IS NULL AND t.top1 IS NOT NULL AND NOT t.flags & 3 AND g.class >= 0 AND t.top1 <> g.class
         GROUP BY s.entry, s.layer, t.repetition, t.top1, g.top2, g.class
    )
    SELECT entry, layer, repetition, class, n, 0 AS runner_up_n, 0 AS golden_n FROM wrong
    UNION ALL SELECT entry, layer, repetition, runner_up, 0, n, 0 FROM wrong WHERE runner_up IS NOT NULL
    UNION ALL SELECT entry, layer, repetition, golden, 0, 0, n FROM wrong
) GROUP BY entry, layer, repetition, class;
