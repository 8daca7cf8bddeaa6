-- The sentences at the top of the report page, as temporary views on those of report.sql. Every share has the interval of the view
-- that it comes from. Functions: report/shown.h. rate(share, low, high) is the share with its interval; fault(entry) what a trial
-- meets; short(label) a layer without the path that all have in common. Where there are more than three entries, a
-- sentence is about the two that do most harm and the one that does least.

-- Entries with trials, and what sentences call them.
CREATE TEMP VIEW finding_entry AS
SELECT e.id AS entry, ifnull(e.name, 'entry ' || e.id) || iif(count(*) OVER (PARTITION BY e.name) > 1 AND e.name IS NOT NULL, ' (entry ' || e.id || ')', '') AS called,
       e.ber > 0 OR e.probability < 1 AS conditional
  FROM entry e WHERE e.id IN (SELECT entry FROM layer_summary);

-- What the faults of each entry did. Entries whose trials may hold any number of faults have no rate over layers: counts.
CREATE TEMP TABLE finding_outcome AS
WITH rate AS MATERIALIZED (
    SELECT entry, weights, outcome, rate, low, high FROM report_network_outcome
     WHERE weights = 'bits' OR entry NOT IN (SELECT entry FROM report_network_outcome WHERE weights = 'bits')
    UNION ALL
    SELECT entry, 'one', outcome, rate, low, high FROM layer_outcome
     WHERE entry NOT IN (SELECT entry FROM report_network_outcome) AND entry IN (SELECT entry FROM stratum GROUP BY entry HAVING count(*) = 1)
), wide AS (
    SELECT entry, max(weights) AS weights, max(rate) FILTER (WHERE outcome = 'sdc1') AS s, max(low) FILTER (WHERE outcome = 'sdc1') AS s_low,
           max(high) FILTER (WHERE outcome = 'sdc1') AS s_high, max(rate) FILTER (WHERE outcome = 'due') AS d,
           max(low) FILTER (WHERE outcome = 'due') AS d_low, max(high) FILTER (WHERE outcome = 'due') AS d_high,
           max(rate) FILTER (WHERE outcome = 'sdc1_or_due') AS f, max(low) FILTER (WHERE outcome = 'sdc1_or_due') AS f_low,
           max(high) FILTER (WHERE outcome = 'sdc1_or_due') AS f_high
      FROM rate GROUP BY entry
), counted AS (
    SELECT entry, sum(n) AS n, ifnull(sum(wrong) FILTER (WHERE class >= 0), 0) AS s, ifnull(sum(n - masked) FILTER (WHERE class < 0), 0) AS d
      FROM layer_summary GROUP BY entry
), fault AS (
    SELECT entry, sum(units) AS faults FROM report_layer_accuracy WHERE unit = 'fault' GROUP BY entry
)
SELECT n.entry, ifnull(w.f, (c.s + c.d) * 1.0 / c.n) AS harm,
       n.called || ' (' || fault(n.entry) || ifnull('; ' || t.targets, '') || '): ' || CASE WHEN w.s IS NULL
           THEN printf('in %,d trials, %,d answers changed silently and %,d were NaN or infinity (counts, not rates of one fault: a trial holds '
                       || 'any number of faults in one layer)', c.n, c.s, c.d)
           ELSE 'the answer stayed in ' || rate(1.0 - w.f, 1.0 - w.f_high, 1.0 - w.f_low) || ', changed silently in '
                || rate(w.s, w.s_low, w.s_high) || ', and was NaN or infinity in ' || rate(w.d, w.d_low, w.d_high)
                || CASE w.weights WHEN 'bits' THEN ', if upsets hit all bits alike' WHEN 'uniform' THEN ', if all layers are hit alike' ELSE '' END
                || iif(f.faults IS NULL, printf(', from %,d trials', c.n), printf('; the intervals count its %,d parameter faults, not its %,d trials', f.faults, c.n))
       END AS text
  FROM finding_entry n JOIN counted c ON c.entry = n.entry LEFT JOIN wide w ON w.entry = n.entry LEFT JOIN fault f ON f.entry = n.entry
  LEFT JOIN report_target t ON t.entry = n.entry;

-- Which layer is hit hardest, and whether its interval tells it from the others.
CREATE TEMP TABLE finding_layer AS
WITH one AS MATERIALIZED (
    SELECT a.entry, short(a.layer_name) AS name, a.sdc1_rate AS r, a.sdc1_low, a.sdc1_high, ifnull(a.sdc1_low, a.sdc1_rate) AS low,
           ifnull(a.sdc1_high, a.sdc1_rate) AS high, a.units, a.unit, count(*) OVER (PARTITION BY a.entry) AS layers,
           row_number() OVER (PARTITION BY a.entry ORDER BY round(a.sdc1_rate, 12) DESC, l.ordinal) AS place
      FROM report_layer_accuracy a JOIN layer l ON l.id = a.layer WHERE a.kind <> 'network'
), near AS MATERIALIZED (
    SELECT o.entry, o.name, row_number() OVER (PARTITION BY o.entry ORDER BY o.place) AS k, count(*) OVER (PARTITION BY o.entry) AS n
      FROM one o JOIN one t ON t.entry = o.entry AND t.place = 1 WHERE o.place > 1 AND o.high >= t.low ORDER BY o.entry, o.place
), named AS (
    SELECT entry, max(n) AS n, group_concat(name, ', ') || iif(max(n) > 3, ', ...', '') AS names FROM (SELECT * FROM near WHERE k <= 3 ORDER BY entry, k)
     GROUP BY entry
)
SELECT n.entry, t.r AS harm, n.called || ': ' || CASE
       WHEN t.r <= 0.0 THEN printf('none of the %,d layers changed an answer silently', t.layers) || iif(t.sdc1_high IS NULL, '',
           '; the intervals of single layers reach up to ' || percent((SELECT max(high) FROM one o WHERE o.entry = t.entry), 0.0, 1.0))
       ELSE t.name || ' changes the answer ' || iif(t.layers = 1, '(the only layer) in ', 'most often, in ') || rate(t.r, t.sdc1_low, t.sdc1_high)
           || printf(', from %,d %s', t.units, t.unit) || iif(t.units = 1, '', 's') || CASE WHEN t.layers = 1 THEN '' WHEN m.n IS NULL
               THEN printf('; its interval lies above those of all %,d others', t.layers - 1)
               WHEN m.n = t.layers - 1 AND t.layers > 2 THEN printf('; the intervals do not tell it from any of the %,d others', m.n)
               ELSE printf('; the intervals do not tell it from %,d of the %,d others (', m.n, t.layers - 1) || m.names || ')' END
       END AS text
  FROM one t JOIN finding_entry n ON n.entry = t.entry LEFT JOIN named m ON m.entry = t.entry WHERE t.place = 1;

-- From which bit error rate on the whole network gives other answers: the lowest one whose interval excludes 0.
INSERT INTO finding_layer
WITH rate AS MATERIALIZED (
    SELECT c.*, ifnull(sdc1_low, sdc1) AS low, lag(ber) OVER up AS ber_below, lag(sdc1) OVER up AS below, lag(sdc1_low) OVER up AS below_low,
           lag(sdc1_high) OVER up AS below_high, count(*) OVER (PARTITION BY hits) AS n
      FROM ber_curve c WINDOW up AS (PARTITION BY hits ORDER BY ber)
), first AS (
    SELECT r.*, row_number() OVER (PARTITION BY hits ORDER BY low <= 0, iif(low > 0, ber, -ber)) AS place FROM rate r WHERE n > 1
)
SELECT entry, sdc1, 'Bit errors in ' || iif(hits = 'both', 'activations and parameters', hits) || ' of the whole network: '
       || iif(low > 0, printf('answers change from the bit error rate %.3g on: there ', ber) || rate(sdc1, sdc1_low, sdc1_high)
              || ifnull(', at the next lower one, ' || printf('%.3g', ber_below) || ', ' || rate(below, below_low, below_high), ''),
              printf('up to the bit error rate %.3g it is not certain that answers change: there ', ber) || rate(sdc1, sdc1_low, sdc1_high))
  FROM first WHERE place = 1;

-- Which bits do harm, of entries whose trials hold one flip each. The bit that is named has the highest lower bound.
CREATE TEMP TABLE finding_bit AS
WITH rate AS MATERIALIZED (
    SELECT b.*, max(layers) OVER same AS most, count(bit) OVER same AS bits,
           n.called || iif(min(b.type) OVER entry < max(b.type) OVER entry, ', ' || b.type, '') AS called,
           row_number() OVER (PARTITION BY b.entry, b.type, b.field IS NULL ORDER BY round(b.low, 12) DESC, round(b.sdc, 12) DESC, b.bit DESC) AS place
      FROM report_bit_rate b JOIN finding_entry n ON n.entry = b.entry WHERE NOT n.conditional
    WINDOW same AS (PARTITION BY b.entry, b.type), entry AS (PARTITION BY b.entry)
), field AS (
    SELECT entry, type, group_concat(field || ' ' || rate(sdc, low, high) || iif(layers < most, ' (tried in ' || layers || ' of ' || most || ' layers)', ''), ', ')
           AS text FROM (SELECT * FROM rate WHERE field IS NOT NULL ORDER BY entry, type, field = 'mantissa', field = 'exponent') GROUP BY entry, type
)
SELECT r.entry, r.sdc AS harm, r.called || ': ' || CASE WHEN r.bits = 1 THEN 'only bit ' || r.bit || ' was hit'
       ELSE 'a flip changes the answer silently in: ' || f.text || iif(r.low > 0.0, '; harm is surest at bit '
           || r.bit || ', with ' || rate(r.sdc, r.low, r.high) || iif(r.layers < r.most, printf(' (tried in %d of %d layers)', r.layers, r.most), ''), '; of no single bit harm is certain') END AS text
  FROM rate r JOIN field f ON f.entry = r.entry AND f.type = r.type WHERE r.field IS NULL AND r.place = 1;

-- Which classes wrong answers fall into.
CREATE TEMP TABLE finding_sink AS
WITH wrong AS MATERIALIZED (
    SELECT entry, sum(sdc1) AS n FROM sink_concentration WHERE level = 'overall' AND sdc1 > 0 GROUP BY entry
), sink AS MATERIALIZED (
    SELECT s.*, ifnull(s.class_name, 'class ' || s.class) AS called, row_number() OVER (PARTITION BY s.entry ORDER BY s.q_value, s.class) AS k,
           count(*) OVER (PARTITION BY s.entry) AS all_of
      FROM report_sink_class s WHERE s.level = 'overall'
), said AS (
    SELECT entry, group_concat(called || printf(' (%,d of %,d %s; q = %.1g)', hits, units, iif(unit = 'pair', 'pairs of image and wrong answer', 'faults'), q_value),
           ', ') || iif(max(all_of) > 3, printf(', and %,d more', max(all_of) - 3), '') AS text, max(all_of) AS n
      FROM (SELECT * FROM sink WHERE k <= 3 ORDER BY entry, k) GROUP BY entry
)
SELECT w.entry, w.n AS harm, n.called || ': ' || s.text || iif(s.n = 1, ' draws', ' draw')
       || ' wrong answers, more than second-best guesses and chance explain' AS text
  FROM wrong w JOIN finding_entry n ON n.entry = w.entry JOIN said s ON s.entry = w.entry
UNION ALL
SELECT NULL, -1, CASE WHEN (SELECT classes FROM campaign) = 2 THEN 'With two classes a wrong answer can only be the other one, so there is no sink'
       ELSE 'No class is shown to draw the wrong answers of ' || CASE WHEN count(*) > 3 THEN count(*) || ' entries' ELSE group_concat(w.called || printf(' (%,d)', w.n), ', ') END
           || printf(': tested against second-best guesses and chance at a false discovery rate of %g %%; few wrong answers show little', 100 * max(x.alpha)) END
  FROM (SELECT n.called, w.n FROM wrong w JOIN finding_entry n ON n.entry = w.entry WHERE w.entry NOT IN (SELECT entry FROM sink)
         ORDER BY w.entry) w CROSS JOIN bn_setting x HAVING count(*) > 0;

-- What the answers are worth, and what limits all of this.
CREATE TEMP TABLE finding_worth AS
WITH image_of AS MATERIALIZED (
    SELECT count(*) AS n, count(i.class) AS labelled, sum(g.class IS i.class AND i.class IS NOT NULL) AS right
      FROM golden g JOIN image i ON i.id = g.image
), least AS (
    SELECT * FROM report_bn_trust WHERE trust_label IS NOT NULL AND golden_images > 0 AND scope = (SELECT min(scope) FROM report_bn_trust)
     ORDER BY round(trust_label, 12), round(label_with_fault, 12), class LIMIT 1
), said (k, text) AS (
    SELECT 1, CASE labelled WHEN 0 THEN printf('No image has a label: whether an answer is right is not known, only whether it is the fault-free one')
           ELSE printf('Without faults the network answers %,d of %,d labelled images correctly (%.3g %%)', right, labelled, 100.0 * right / labelled)
               || iif(low_accuracy(right, labelled, (SELECT classes FROM campaign)), ': WARNING, that is few; check preprocessing, order of classes, and labels with `bitsink classify` before you trust any number here', '')
           END FROM image_of
    UNION ALL
    SELECT 2, 'If an inference meets ' || iif(scope = -1, 'the pooled entries', (SELECT called FROM finding_entry n WHERE n.entry = least.scope))
           || printf(iif(p < 1.0, ' with probability %.3g (setting p)', ' for certain'), p) || ', the answer to trust least is '  || ifnull(class_name, 'class ' || class) || ': right in '
           || percent(trust_label, trust_label_population_low, trust_label_population_high) || ' ('
           || percents(trust_label_population_low, trust_label_population_high) || ' on other images)' FROM least
    UNION ALL
    SELECT 3 + f.place / 10.0, 'Silent corruptions by ' || iif(f.scope = -1, 'the pooled entries', n.called) || ': ' || shown(sdc_fit, sdc_fit_low, sdc_fit_high) || ' FIT'
           || iif(sdc_fit_low < sdc_fit_high, ' (' || interval(sdc_fit_low, sdc_fit_high) || '; on other images '
              || interval(sdc_fit_population_low, sdc_fit_population_high) || ')', '')
           || printf(' at a raw rate of %g FIT per Mbit (a setting); the target of %g FIT is ', x.raw_rate * 1e15, f.fit_target)
           || CASE target WHEN 'open' THEN 'neither met nor missed for certain' ELSE target || ' on these images' || iif(target_population = target, ' and on others', ', open on others') END
      FROM (SELECT *, row_number() OVER (ORDER BY scope <> -1, round(sdc_fit, 12) DESC, scope) AS place FROM report_failure_rate WHERE level = 'all' AND fit_target IS NOT NULL AND sdc_fit IS NOT NULL
             ORDER BY place LIMIT 3) f
      LEFT JOIN finding_entry n ON n.entry = f.scope CROSS JOIN bn_setting x
), missing (k, text) AS (
    SELECT 1, printf('the %,d images; of others the intervals are wider', n) FROM image_of
    UNION ALL SELECT 2, printf('%,d images that could not be read', count(*)) FROM broken_image HAVING count(*) > 0
    UNION ALL SELECT 3, printf('as few as %,d parameter fault%s in a layer, which makes its intervals wide', min(units), iif(min(units) = 1, '', 's')) FROM report_layer_accuracy
                      WHERE unit = 'fault' AND NOT census HAVING min(units) < 100
    UNION ALL SELECT 4, printf('%,d of %,d planned trials missing', planned_trials - n, planned_trials) FROM campaign,
                     (SELECT ifnull(sum(n), 0) AS n FROM layer_summary) WHERE n < planned_trials
    UNION ALL SELECT 5, printf('runs with %d different arithmetics', count(DISTINCT fingerprint)) FROM run WHERE trials > 0 HAVING count(DISTINCT fingerprint) > 1
    UNION ALL SELECT 6, iif(audited = 0, 'no trial checked by a full re-run (option --audit)', printf('%,d trials checked by a full re-run', audited))
                FROM bit_counted
)
SELECT k AS entry, -k AS harm, text FROM said
UNION ALL SELECT 4, -4, 'What limits this: ' || group_concat(text, '; ') FROM (SELECT text FROM missing ORDER BY k);

-- All of them. place: 1 to 5, the sentence; k: below 1, what comes before the others; called: the entry that the text begins
-- with. Of many entries those that the head of this file names, the most harmful first; of sinks those of three entries.
CREATE TEMP VIEW report_finding AS
WITH every (place, entry, harm, text) AS (
    SELECT 1, * FROM finding_outcome UNION ALL SELECT 2, * FROM finding_layer UNION ALL SELECT 3, * FROM finding_bit
    UNION ALL SELECT 4, * FROM finding_sink
), ranked AS (
    SELECT *, row_number() OVER (PARTITION BY place ORDER BY round(harm, 12) DESC, entry) AS k, count(entry) OVER (PARTITION BY place) AS n FROM every
)
SELECT r.place, iif(r.n <= 3 AND r.place < 4, r.entry + 1, r.k) AS k, r.text, e.called
  FROM ranked r LEFT JOIN finding_entry e ON e.entry = r.entry
 WHERE r.n <= 3 OR r.k <= 2 OR iif(r.place = 4, r.k = 3 OR r.entry IS NULL, r.k = r.n)
UNION ALL SELECT 5, entry, text, NULL FROM finding_worth
UNION ALL SELECT 1, 0, printf('%,d inferences with injected faults, on %,d images (in brackets: intervals of %g %% confidence, for faults on these images).',
                              sum(n), (SELECT count(*) FROM golden), (SELECT 100 * confidence FROM bn_confidence)), NULL FROM layer_summary HAVING sum(n) > 0
UNION ALL SELECT place, 0.5, printf(CASE WHEN place = 4 THEN 'Of %d entries with sinks, the three with most wrong answers:'
                                        WHEN n > (SELECT count(DISTINCT entry) FROM every e WHERE e.place = r.place)
                                        THEN 'Of %d pairs of entry and type, the two with most harm and the one with least:'
                                        ELSE 'Of %d entries, the two with most harm and the one with least:' END, n), NULL FROM ranked r WHERE n > 3 AND k = 1
 ORDER BY 1, 2;
