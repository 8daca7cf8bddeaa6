-- Chapter RE-RUNS of bitsink-db(5) describes the policy. Only trials with transient faults in activations and inputs count
-- here (not fault_kind.permanent), and none that hit several layers. DUE is detected anyway and does not count.
--
-- S is chosen on one half of the images and judged on the other. The half of an image is bit 16 of its id times 2654435761
-- (Knuth's multiplicative hash): 0 chooses, 1 judges. Classes come in the order of W_c / E_c on the choosing half. W_c =
-- P(C = c and c is not the golden answer | F = 1) is what the class catches; E_c = (1-p) M_c + p N_c = P(C = c) is what it
-- costs in extra inferences. Both are raw frequencies, whatever the pseudo-count. For the choice, M_c is (h M_c + 1) / (h +
-- K) with h images and K classes (Laplace's rule of succession), so that a class that none of these images shows is not
-- free. rerun_curve adds one class after the other; the policy (rerun_policy, rerun_set) stops before the extra inferences
-- exceed setting rerun_budget.
--
-- Bounds of the share r that is caught are Clopper and Pearson's at n = S / ((1-r) a + r b). S is the weight of all silent
-- corruptions of the judging half. A trial of image i in stratum t weighs x = P(t) w_i / (n_it W_t), as in the sums. a =
-- (sum x^2 + y^2) / (sum x + y) over those caught is the weight of one of them, b the same of the others, and y = sum x^2
-- over all trials of that half the weight of one more. This is the variance r (1-r) ((1-r) a + r b) / S of the ratio; n is
-- the number of silent corruptions if all weigh the same. (Kish's effective number takes b for a, which is far too large if
-- few and heavy ones are caught.)

-- Silent corruptions caught and inferences spent by running again, for sets of classes of every size.
CREATE VIEW rerun_curve AS
WITH img AS MATERIALIZED (
    SELECT image, golden_class AS g, probability AS w, ((image * 2654435761) >> 16) & 1 AS half
      FROM bn_image WHERE probability > 0
), half AS MATERIALIZED (
    SELECT half, sum(w) AS w, count(*) AS images FROM img GROUP BY half
), golden_sum AS MATERIALIZED (
    SELECT i.half, i.g AS class, sum(i.w) / h.w AS mm FROM img i JOIN half h ON h.half = i.half GROUP BY i.half, i.g
), tried AS MATERIALIZED (
    SELECT u.entry, u.layer, i.half, sum(i.w) AS w, sum(i.w * i.w / u.done) AS square
      FROM stratum s JOIN entry e ON e.id = s.entry JOIN fault_kind f ON f.kind = e.kind CROSS JOIN unit u ON u.entry = s.entry AND u.layer = s.layer
     CROSS JOIN img i ON i.image = u.image
     WHERE u.done > 0 AND NOT s.parameter AND NOT f.permanent AND s.layer <> 4095 GROUP BY u.entry, u.layer, i.half
), stratum_of AS MATERIALIZED (
    SELECT b.scope, t.entry, t.layer, t.half, t.w, t.square, b.probability / sum(b.probability) OVER (PARTITION BY b.scope, t.half) AS k
      FROM tried t JOIN bn_layer b ON b.entry = t.entry AND b.layer = t.layer WHERE b.probability > 0
), cell AS MATERIALIZED (
    SELECT s.entry, s.layer, i.half, s.class, sum(i.w * s.n / u.done) AS nn,
           sum(CASE WHEN s.class <> i.g AND s.class >= 0 THEN i.w * s.n / u.done ELSE 0.0 END) AS ww,
           sum(CASE WHEN s.class <> i.g AND s.class >= 0 THEN i.w / u.done * (i.w / u.done) * s.n ELSE 0.0 END) AS sq,
           sum((s.class <> i.g AND s.class >= 0) * s.n) AS wrong
      FROM (SELECT DISTINCT entry, layer FROM tried) t CROSS JOIN summary s ON s.entry = t.entry AND s.layer = t.layer
     CROSS JOIN unit u ON u.entry = s.entry AND u.layer = s.layer AND u.image = s.image
     CROSS JOIN img i ON i.image = s.image GROUP BY s.entry, s.layer, i.half, s.class
), flow AS MATERIALIZED (
    SELECT t.scope, t.half, c.class, sum(t.k * c.nn / t.w) AS nn, sum(t.k * c.ww / t.w) AS ww,
           sum(t.k / t.w * (t.k / t.w) * c.sq) AS sq, sum(c.wrong) AS wrong
      FROM stratum_of t JOIN cell c ON c.entry = t.entry AND c.layer = t.layer AND c.half = t.half
     GROUP BY t.scope, t.half, c.class
), whole AS MATERIALIZED (
    SELECT f.scope, s.p, sum(ww) FILTER (WHERE half = 0) AS ww0, ifnull(sum(ww) FILTER (WHERE half = 1), 0.0) AS ww1,
           ifnull(sum(sq) FILTER (WHERE half = 1), 0.0) AS sq1,
           (SELECT sum(t.k / t.w * (t.k / t.w) * t.square) FROM stratum_of t WHERE t.scope = f.scope AND t.half = 1) AS next1,
           ifnull(sum(wrong) FILTER (WHERE half = 1), 0) AS wrong1
      FROM flow f JOIN bn_scope s ON s.scope = f.scope GROUP BY f.scope
), class_of AS MATERIALIZED (
    SELECT a.scope, a.class, w.p, a.ww AS ww0,
           (1 - w.p) * (h.images * ifnull(m0.mm, 0.0) + 1) / (h.images + (SELECT classes FROM campaign)) + w.p * a.nn AS extra0,
           ifnull(b.ww, 0.0) AS ww1, ifnull(b.sq, 0.0) AS sq1, ifnull(b.wrong, 0) AS wrong1,
           (1 - w.p) * ifnull(m1.mm, 0.0) + w.p * ifnull(b.nn, 0.0) AS extra1
      FROM flow a JOIN whole w ON w.scope = a.scope JOIN half h ON h.half = 0
      LEFT JOIN flow b ON b.scope = a.scope AND b.class = a.class AND b.half = 1
      LEFT JOIN golden_sum m0 ON m0.half = 0 AND m0.class = a.class
      LEFT JOIN golden_sum m1 ON m1.half = 1 AND m1.class = a.class
     WHERE a.half = 0 AND a.ww > 0
), curve AS (
    SELECT scope, row_number() OVER place AS size, class, sum(extra0) OVER place AS extra0, sum(ww0) OVER place AS ww0,
           sum(extra1) OVER place AS extra1, sum(ww1) OVER place AS ww1, sum(sq1) OVER place AS sq1,
           sum(wrong1) OVER place AS wrong1
      FROM class_of
    WINDOW place AS (PARTITION BY scope ORDER BY CASE WHEN extra0 > 0 THEN round(ww0 / extra0, 9) ELSE 9e99 END DESC, class ROWS UNBOUNDED PRECEDING)
    UNION ALL
    SELECT scope, 0, NULL, 0.0, 0.0, 0.0, 0.0, 0.0, 0 FROM whole
), rate AS (
    SELECT c.*, w.p, w.ww0 AS all0, w.ww1 AS all1, w.wrong1 AS m, w.sq1 AS all_sq1, w.next1, min(1.0, c.ww1 / nullif(w.ww1, 0)) AS r
      FROM curve c JOIN whole w ON w.scope = c.scope
), counted AS (
    SELECT r.*, all1 / ((1.0 - r) * (sq1 + next1 * next1) / (ww1 + next1)
                        + r * (max(0.0, all_sq1 - sq1) + next1 * next1) / (max(0.0, all1 - ww1) + next1)) AS n1 FROM rate r
)
SELECT r.scope,                               -- entry.id, or -1: the strata of bn_prior_layer
       r.size,                                -- classes in S
       r.class,                               -- class that was added last; NULL: none
       c.name AS class_name,                  -- its name
       min(1.0, r.extra0) AS budget,                    -- extra inferences, as a share of all, as foreseen on the half that chose S
       min(1.0, r.extra1) AS extra,                     -- the same as measured on the other half
       min(1.0, r.ww0 / nullif(r.all0, 0)) AS caught_chosen, -- share of silent corruptions caught, on the half that chose S
       r.r AS caught,                         -- the share that is caught on the other half
       @share_low(r.r, r.n1, z) AS caught_low,   -- its two-sided bounds; NULL: no silent
                                              -- corruption on the other half
       @share_high(r.r, r.n1, z) AS caught_high,
       @share_low(r.r, r.n1, z1) AS caught_lower, -- its one-sided lower bound
       min(1.0, max(0.0, r.extra1 - r.p * r.ww1)) AS false_alarm, -- share of inferences that run again although the answer was the golden one
       r.p * r.all1 AS sdc_rate,              -- P(silent corruption) without the policy, on the other half
       r.p * max(0.0, r.all1 - r.ww1) AS residual_sdc_rate, -- the same with it
       r.p,                                   -- P(F = 1)
       r.wrong1 AS caught_trials,             -- trials caught on the other half
       r.m AS sdc_trials,                     -- trials with a silent corruption on the other half
       r.n1 AS observations,                  -- n of the bounds: independent silent corruptions that these are worth
       x.confidence                           -- of the bounds
  FROM counted r LEFT JOIN class c ON c.id = r.class CROSS JOIN bn_setting x
 ORDER BY r.scope, r.size;

-- Silent corruptions caught and inferences spent by running again, for the set of classes that the budget allows. This is the last row of rerun_curve
-- whose budget is within setting rerun_budget, for each scope.
CREATE VIEW rerun_policy AS
WITH curve AS MATERIALIZED (
    SELECT * FROM rerun_curve
), chosen AS (
    SELECT scope, max(size) AS size FROM curve CROSS JOIN bn_setting WHERE budget <= rerun_budget GROUP BY scope
)
SELECT c.scope, c.size, -- as in rerun_curve
       x.rerun_budget AS budget_allowed, -- setting rerun_budget
       c.budget, c.extra, c.caught_chosen, c.caught, c.caught_low, c.caught_high, c.caught_lower, c.false_alarm, -- as in rerun_curve
       c.sdc_rate, c.residual_sdc_rate, c.p, c.caught_trials, c.sdc_trials, c.observations, c.confidence -- as in rerun_curve
  FROM curve c JOIN chosen h ON h.scope = c.scope AND h.size = c.size CROSS JOIN bn_setting x;

-- The classes whose answers the policy of rerun_policy runs again.
CREATE VIEW rerun_set AS
WITH step AS MATERIALIZED (
    SELECT *, max(0.0, budget - lag(budget) OVER (PARTITION BY scope ORDER BY size)) AS used,
           max(0.0, caught - lag(caught) OVER (PARTITION BY scope ORDER BY size)) AS gain FROM rerun_curve
)
SELECT scope,               -- entry.id, or -1: the strata of bn_prior_layer
       size AS place,       -- 1: first choice
       class,               -- class.id
       class_name,          -- its name
       used AS budget_used, -- extra inferences for this class, as foreseen
       gain AS caught       -- share of silent corruptions it catches, on the other half
  FROM step CROSS JOIN bn_setting WHERE size > 0 AND budget <= rerun_budget;
