-- What `bitsink check` holds against limits: temporary tables and a view, made when it asks. The program fills check_limit,
-- check_row and check_run.

-- What every stratum lacks: once under its entry, once under the scope -1 if bn_prior_layer lists it. How many trials
-- each image has in a list of sites is not in the file: those of lists lack what the job has more in all. Images of
-- weight 0 lack nothing.
CREATE TEMP TABLE check_stratum AS
WITH img AS MATERIALIZED (
    SELECT i.id, p.weight > 0 OR NOT EXISTS (SELECT 1 FROM bn_prior_image) AS counts
      FROM image i LEFT JOIN bn_prior_image p ON p.image = i.id
), n AS MATERIALIZED (
    SELECT count(*) AS images, count(*) FILTER (WHERE counts) AS counted FROM img
), finished AS MATERIALIZED (
    SELECT u.entry, u.layer, sum(u.done) AS done, sum(u.done) FILTER (WHERE i.counts) AS counted
      FROM unit u CROSS JOIN img i ON i.id = u.image GROUP BY u.entry, u.layer
), planned AS MATERIALIZED (
    SELECT s.entry, s.layer, s.parameter, e.sites IS NOT NULL AS listed, ifnull(f.done, 0) AS done,
           s.repetitions * n.images AS asked, max(0, s.repetitions * n.counted - ifnull(f.counted, 0)) AS missing
      FROM stratum s JOIN entry e ON e.id = s.entry CROSS JOIN n LEFT JOIN finished f ON f.entry = s.entry AND f.layer = s.layer
), list AS MATERIALIZED (
    SELECT max(0, max(c.job_trials) - sum(CASE WHEN p.listed THEN p.done ELSE p.asked END)) AS missing
      FROM planned p CROSS JOIN campaign c
)
SELECT p.entry AS scope, p.entry, p.layer, p.parameter, p.done, CASE WHEN p.listed THEN l.missing ELSE p.missing END AS missing,
       b.units, b.unit
  FROM planned p CROSS JOIN list l LEFT JOIN bn_support b ON b.entry = p.entry AND b.layer = p.layer;
INSERT INTO check_stratum
SELECT -1, s.entry, s.layer, s.parameter, s.done, s.missing, s.units, s.unit
  FROM check_stratum s JOIN bn_prior_layer p ON p.entry = s.entry AND p.layer = s.layer;

-- The limits, in the order in which they were given; side: max or min.
CREATE TEMP TABLE check_limit (place, name, side, value);
-- Rates that have a limit. bound: on the side of the limit; other: on its other side. A rate of NULL: no trials.
CREATE TEMP TABLE check_row (place, entry, layer, of, rank, rate, bound_kind, bound, other, units, unit);
-- One row. partial: what is missing is no reason; stopped: the last run did not do all that was asked.
CREATE TEMP TABLE check_run (partial, stopped);

-- One row for each rate and limit, in the order in which they are printed.
CREATE TEMP VIEW check_result AS
WITH joined AS (
    SELECT l.name, l.side, l.value AS at, r.*, sum(s.missing) AS all_missing, sum(s.units) AS all_units,
           iif(min(s.unit) < max(s.unit), 'mixed', min(s.unit)) AS any_unit
      FROM check_row r JOIN check_limit l ON l.place = r.place
      LEFT JOIN check_stratum s ON s.scope = r.entry AND s.layer = ifnull(r.layer, s.layer) GROUP BY r.rowid
)
SELECT j.name AS "check", j.side, j.entry, j.layer, t.name AS layer_name, j.of, j.rate, j.bound_kind, j.bound, j.at AS "limit",
       CASE WHEN j.rate IS NULL OR NOT r.partial AND (j.all_missing > 0 OR r.stopped) THEN 'incomplete'
            WHEN iif(j.side = 'max', j.bound <= j.at, j.bound >= j.at) THEN 'kept'
            WHEN iif(j.side = 'max', j.other > j.at, j.other < j.at) THEN 'broken' ELSE 'open' END AS verdict,
       j.all_missing AS missing, ifnull(j.units, j.all_units) AS units, ifnull(j.unit, j.any_unit) AS unit, x.confidence
  FROM joined j CROSS JOIN check_run r CROSS JOIN bn_confidence x LEFT JOIN layer t ON t.id = j.layer
 ORDER BY j.place, j.entry, j.layer, j.rank;
