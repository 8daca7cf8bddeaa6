-- The rates that `bitsink check` compares with limits: temporary tables and a view, made when it asks. The program fills check_limit,
-- check_row and check_run.

-- The trials that each stratum lacks: once under its entry, once under the scope -1 if bn_prior_layer lists it. How many trials
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
       b.units, b.unit, iif(b.parameter, 1, b.images) AS images, b.faults
  FROM planned p CROSS JOIN list l LEFT JOIN bn_support b ON b.entry = p.entry AND b.layer = p.layer;
INSERT INTO check_stratum
SELECT -1, s.entry, s.layer, s.parameter, s.done, s.missing, s.units, s.unit, s.images, s.faults
  FROM check_stratum s JOIN bn_prior_layer p ON p.entry = s.entry AND p.layer = s.layer;

-- The limits, in the order in which they were given; side: max or min. kind: 0 one-sided, 1 two-sided bounds, else others.
CREATE TEMP TABLE check_limit (place, name, side, value, kind);
-- Rates that have a limit. bound: on the side of the limit; other: on its other side. A rate of NULL: no trials. outcome:
-- of a share of trials, NULL of other rates. rank: within a layer; NULL where nothing was tried at all. coverage: share of
-- what the rate is of that its view has trials for; NULL: all.
CREATE TEMP TABLE check_row (place, entry, layer, of, rank, rate, bound_kind, bound, other, units, unit, outcome, coverage);
-- Entries without such rates, and why, to follow "entry 3 has "; NULL: no reason is known.
CREATE TEMP TABLE check_left_out (place, entry, why);
-- One row. partial: what is missing is no reason; stopped: the last run did not do all that was asked.
CREATE TEMP TABLE check_run (partial, stopped);

-- One row for each rate and limit.
CREATE TEMP VIEW check_verdict AS
WITH joined AS (
    SELECT l.name, l.side, l.value AS at, l.kind, r.*, sum(s.missing) AS all_missing, sum(s.units) AS all_units,
           iif(min(s.unit) < max(s.unit), 'mixed', min(s.unit)) AS any_unit, max(s.images) AS images, max(s.faults) AS faults
      FROM check_row r JOIN check_limit l ON l.place = r.place
      LEFT JOIN check_stratum s ON s.scope = r.entry AND s.layer = ifnull(r.layer, s.layer) GROUP BY r.rowid
)
SELECT j.*, CASE WHEN j.rate IS NULL AND j.rank IS NULL OR NOT r.partial AND (j.all_missing > 0 OR r.stopped) THEN 'incomplete'
                 WHEN iif(j.side = 'max', j.other > j.at + dust, j.other < j.at - dust) THEN 'broken'
                 WHEN NOT (r.partial AND j.all_missing > 0) AND j.coverage < 1 - 1e-9 THEN 'open'
                 WHEN iif(j.side = 'max', j.bound <= j.at + dust, j.bound >= j.at - dust) THEN 'kept' ELSE 'open' END AS verdict,
       iif(j.side = 'max', j.rate < j.at, j.rate > j.at) AS inside
  FROM (SELECT *, 1e-12 * abs(at) AS dust FROM joined) j CROSS JOIN check_run r;

-- The numbers that the bounds of shares of trials count, as in rates.sql: n of one stratum, or the sums v, u, top of several.
CREATE TEMP VIEW check_evidence AS
WITH o AS MATERIALIZED (
    SELECT entry, layer, outcome, rate, observations FROM layer_outcome WHERE outcome <> 'accuracy_drop'
), raw AS (
    SELECT t.entry, t.layer, x.weights, iif(x.weights = 'bits', t.bits * 1.0, 1.0) AS raw
      FROM bn_stratum t JOIN bn_support s ON s.entry = t.entry AND s.layer = t.layer
      CROSS JOIN (SELECT 'bits' AS weights UNION ALL SELECT 'uniform') x
     WHERE NOT t.conditional AND (t.storage OR x.weights = 'uniform')
), tried AS MATERIALIZED (
    SELECT entry, layer, weights, raw / sum(raw) OVER (PARTITION BY entry, weights) AS w FROM raw
)
SELECT entry, layer, NULL AS weights, outcome, observations AS n, NULL AS v, NULL AS u, NULL AS top FROM o
UNION ALL
SELECT o.entry, NULL, t.weights, o.outcome, iif(count(*) = 1, max(o.observations), NULL), sum(t.w * t.w * o.rate / o.observations),
       sum(t.w * t.w * (1 - o.rate) / o.observations), max(t.w / o.observations)
  FROM o JOIN tried t ON t.entry = o.entry AND t.layer = o.layer GROUP BY o.entry, t.weights, o.outcome;

-- Factors to try: each 1 % above the one before, up to 6e10.
CREATE TEMP TABLE check_factor AS
WITH RECURSIVE f (f) AS (SELECT 1.01 UNION ALL SELECT f * 1.01 FROM f LIMIT 2500) SELECT f FROM f;

-- By how much what the bounds count has to grow until they are within the limit, if the rate stays: of open rows whose
-- rate is inside. `row`: check_judged.rowid.
CREATE TEMP VIEW check_growth AS
WITH evidence AS MATERIALIZED (
    SELECT * FROM check_evidence
), wanting AS (
    SELECT j.rowid AS row, j.side, j.at, j.rate AS r, e.n, e.v, e.u, e.top, x.confidence, iif(j.kind = 0, x.z1, x.z) AS z,
           j.kind = 0 AND j.rate <= 0 AND j.side = 'max' AS none
      FROM check_judged j JOIN evidence e ON e.entry = j.entry AND e.outcome = j.outcome AND e.layer IS j.layer AND e.weights IS j.of
      CROSS JOIN bn_setting x
     WHERE j.verdict = 'open' AND j.inside AND j.kind < 2 AND (e.n IS NOT NULL OR e.v IS NOT NULL)
)
SELECT w.row, (SELECT f.f FROM check_factor f
                WHERE CASE WHEN w.n IS NULL AND w.side = 'max'
                           THEN @sum_high(w.r, w.v / f.f, w.u / f.f, w.top / f.f, 1.0, w.z) <= w.at
                           WHEN w.n IS NULL THEN @sum_low(w.r, w.v / f.f, w.u / f.f, w.top / f.f, 1.0, w.z) >= w.at
                           WHEN w.none THEN @share_upper(w.r, w.n * f.f, w.z, w.confidence) <= w.at
                           WHEN w.side = 'max' THEN @share_high(w.r, w.n * f.f, w.z) <= w.at
                           ELSE @share_low(w.r, w.n * f.f, w.z) >= w.at END
                ORDER BY f.rowid LIMIT 1) AS growth
  FROM wanting w;

-- One row for each rate and limit, in the order in which they are printed: what is not kept comes first. check_judged is
-- check_verdict, check_grown is check_growth as tables. needed: of faults drawn without replacement from N, n grows
-- faster than their number d, which becomes N (1 - (1 - d/N)^growth). (Sums over layers ignore this: it is an upper limit there.)
CREATE TEMP VIEW check_result AS
WITH grown AS (
    SELECT j.rowid AS row, j.*, ifnull(j.units, j.all_units) AS unit_count,
           iif(j.layer IS NOT NULL AND j.faults > 1.0 * j.units / j.images,
               j.faults * j.images * (1.0 - pow(1.0 - 1.0 * j.units / j.images / j.faults, g.growth)), NULL) AS limited, g.growth
      FROM check_judged j LEFT JOIN check_grown g ON g.row = j.rowid
)
SELECT j.name AS "check", j.side, j.entry, e.name AS entry_name, j.layer, t.label AS layer_name, j.of, j.rate, j.bound_kind, j.bound,
       j.at AS "limit", j.verdict, j.all_missing AS missing, j.unit_count AS units,
       CAST(ceil(ifnull(j.limited, j.unit_count * j.growth)) AS INTEGER) AS needed, ifnull(j.unit, j.any_unit) AS unit, x.confidence
  FROM grown j CROSS JOIN bn_confidence x LEFT JOIN layer t ON t.id = j.layer LEFT JOIN entry e ON e.id = j.entry
 ORDER BY CASE j.verdict WHEN 'broken' THEN 0 WHEN 'open' THEN 1 WHEN 'incomplete' THEN 2 ELSE 3 END,
          j.place, j.entry, t.ordinal, j.rank;
