-- The tables of the report page, as temporary views: column names are headings, values are text as it is shown. Functions
-- shown, percent, interval, percents, local_time, preprocessing and fault are those of report/shown.h.

-- What is asked again and again, kept while the page is written.
CREATE TEMP TABLE report_layer_accuracy AS SELECT * FROM layer_accuracy;
CREATE TEMP TABLE report_network_outcome AS SELECT * FROM network_outcome;
CREATE TEMP TABLE report_bn_trust AS SELECT * FROM bn_trust;
CREATE TEMP TABLE report_failure_rate AS SELECT * FROM failure_rate;
CREATE TEMP TABLE report_sink_class AS SELECT * FROM sink_class;

-- How entries, scopes, and classes are named in tables.
CREATE TEMP VIEW report_entry AS SELECT id, id || ifnull(' ' || name, '') AS shown FROM entry;
CREATE TEMP VIEW report_scope AS
SELECT id AS scope, shown FROM report_entry UNION ALL SELECT -1, 'pooled entries';
CREATE TEMP VIEW report_class AS SELECT id, id || ifnull(' ' || name, '') AS shown FROM class;

-- What each entry hits: all outputs of an operator, or all its weights, in one word; else the first three names and a count.
CREATE TEMP VIEW report_target AS
WITH hit AS MATERIALIZED (
    SELECT s.entry, s.layer FROM stratum s WHERE s.layer <> 4095 UNION SELECT entry, layer FROM network_target
), place AS MATERIALIZED (
    SELECT h.entry, l.label, l.ordinal, l.kind, CASE l.kind WHEN 'input' THEN 'input' WHEN 'activation' THEN l.op || ' output'
           ELSE l.op || ' ' || iif(l.kind = 'norm', 'norm parameter', l.kind) END AS what, l.op
      FROM hit h JOIN layer l ON l.id = h.layer
), family AS MATERIALIZED (
    SELECT entry, what, what || iif(what LIKE '%s', 'es', 's') AS plural, min(ordinal) AS ordinal, count(*) AS n,
           (SELECT count(*) FROM layer l WHERE l.kind = p.kind AND l.op IS p.op) AS of FROM place p GROUP BY entry, what
), ranked AS MATERIALIZED (
    SELECT p.*, row_number() OVER (PARTITION BY entry, what ORDER BY ordinal) AS rank FROM place p
), said AS (
    SELECT f.entry, f.ordinal, CASE WHEN f.what = 'input' THEN 'the input' WHEN f.n = f.of AND f.n > 1 THEN 'all ' || f.n || ' ' || f.plural
           WHEN f.n = 1 THEN f.what || ' ' || (SELECT label FROM ranked r WHERE r.entry = f.entry AND r.what = f.what)
           ELSE f.n || ' of ' || f.of || ' ' || f.plural || ' (' || (SELECT group_concat(label, ', ') FROM (SELECT label FROM ranked r
               WHERE r.entry = f.entry AND r.what = f.what AND rank <= 3 ORDER BY rank)) || iif(f.n > 3, ', ...)', ')') END AS text
      FROM family f
)
SELECT entry, group_concat(text, '; ') AS targets FROM (SELECT * FROM said ORDER BY entry, ordinal) GROUP BY entry;

-- Outcomes by fault entry. Shares of trials; and SDC-1 with its interval over the bits that a fault may hit.
CREATE TEMP VIEW report_outcomes AS
SELECT n.shown AS entry, fault(e.id) AS fault, iif(e.scope = 'inference', 'together', count(DISTINCT s.layer)) AS layers,
       printf('%,d', sum(s.n)) AS trials, printf('%.2f %%', 100.0 * (sum(s.masked) * 1.0 / sum(s.n))) AS "masked, of trials",
       printf('%.2f %%', 100.0 * ((sum(s.n) - sum(s.masked) - sum(s.wrong) FILTER (WHERE
       s.class >= 0) - ifnull(sum(s.n - s.masked) FILTER (WHERE s.class < 0), 0)) * 1.0 / sum(s.n))) AS "benign, of trials",
       printf('%.2f %%', 100.0 * (sum(s.wrong) FILTER (WHERE s.class >= 0) * 1.0 / sum(s.n))) AS "SDC-1, of trials",
       printf('%.2f %%', 100.0 * (ifnull(sum(s.n - s.masked) FILTER (WHERE s.class < 0), 0) * 1.0 / sum(s.n)))
       AS "DUE, of trials", percent(b.rate, b.low, b.high) AS "SDC-1, by bits",
       iif(b.census, 'census', percents(b.low, b.high)) AS "its interval, these images",
       percents(b.population_low, b.population_high) AS "its interval, other images",
       iif(sum(s.labelled) = 0, NULL, printf('%.2f %%', 100.0 * (sum(s.golden_correct) * 1.0 /
       sum(s.labelled)))) AS "accuracy without faults", iif(sum(s.labelled) = 0, NULL, printf('%.2f %%', 100.0 *
       (sum(s.correct) * 1.0 / sum(s.labelled)))) AS "accuracy under fault, of trials"
  FROM layer_summary s JOIN entry e ON e.id = s.entry JOIN report_entry n ON n.id = e.id
  LEFT JOIN (SELECT * FROM report_network_outcome WHERE outcome = 'sdc1' AND weights = 'bits') b ON b.entry = e.id
 GROUP BY e.id ORDER BY e.id;

-- The most vulnerable layers.
CREATE TEMP VIEW report_vulnerable_layers AS
SELECT n.shown AS entry, layer_name AS layer, printf('%,d', trials) AS trials, percent(sdc1_rate, sdc1_low, sdc1_high) AS "SDC-1",
       iif(census, 'census', percents(sdc1_low, sdc1_high)) AS "SDC-1 interval, these images",
       percents(sdc1_population_low, sdc1_population_high) AS "SDC-1 interval, other images",
       percent(due_rate, due_low, due_high) AS DUE, printf('%,d %s%s', units, unit, iif(units = 1, '', 's')) AS "intervals count"
  FROM report_layer_accuracy a JOIN report_entry n ON n.id = a.entry WHERE kind <> 'network'
 ORDER BY a.sdc1_rate DESC, a.entry, (SELECT ordinal FROM layer WHERE id = a.layer) LIMIT 10;

-- All layers.
CREATE TEMP VIEW report_all_layers AS
SELECT n.shown AS entry, layer_name AS layer, printf('%,d', trials) AS trials, percent(accuracy, accuracy_low, accuracy_high) AS accuracy,
       percent(accuracy_drop, accuracy_drop_low, accuracy_drop_high) AS "accuracy lost",
       iif(accuracy_drop_low IS NULL, iif(census, 'census', NULL), percents(accuracy_drop_low, accuracy_drop_high)) AS "loss interval",
       percent(masked_rate, masked_low, masked_high) AS masked, percent(sdc1_rate, sdc1_low, sdc1_high) AS "SDC-1",
       iif(census, 'census', percents(sdc1_low, sdc1_high)) AS "SDC-1 interval, these images",
       percents(sdc1_population_low, sdc1_population_high) AS "SDC-1 interval, other images",
       printf('%.2f %%', 100.0 * sdc5_rate) AS "SDC-5", printf('%.2f %%', 100.0 * sdc10_rate) AS "SDC-10 %",
       printf('%.2f %%', 100.0 * sdc20_rate) AS "SDC-20 %", percent(due_rate, due_low, due_high) AS DUE,
       iif(census, 'census', percents(due_low, due_high)) AS "DUE interval", printf('%,d %s%s', units, unit, iif(units = 1, '', 's')) AS "intervals count"
  FROM report_layer_accuracy a JOIN report_entry n ON n.id = a.entry WHERE kind <> 'network'
 ORDER BY a.entry, (SELECT ordinal FROM layer WHERE id = a.layer);

-- Faults in the whole network.
CREATE TEMP VIEW report_network AS
SELECT n.shown AS entry, t.targets, e.kind AS fault, iif(e.ber > 0, printf('%.3g', e.ber), NULL) AS "bit error rate", printf('%,d', a.trials) AS trials,
       iif(accuracy IS NULL, NULL, printf('%.2f %%', 100.0 * golden_accuracy)) AS "accuracy without faults",
       percent(accuracy, accuracy_low, accuracy_high) AS accuracy,
       iif(accuracy_low IS NULL, iif(census AND accuracy IS NOT NULL, 'census', NULL), percents(accuracy_low, accuracy_high)) AS "accuracy interval",
       percent(masked_rate, masked_low, masked_high) AS masked, percent(sdc1_rate, sdc1_low, sdc1_high) AS "SDC-1",
       iif(census, 'census', percents(sdc1_low, sdc1_high)) AS "SDC-1 interval", percent(due_rate, due_low, due_high) AS DUE,
       iif(census, 'census', percents(due_low, due_high)) AS "DUE interval", printf('%,d %s%s', units, unit, iif(units = 1, '', 's')) AS "intervals count"
  FROM report_layer_accuracy a JOIN entry e ON e.id = a.entry JOIN report_entry n ON n.id = e.id LEFT JOIN report_target t ON t.entry = e.id
 WHERE a.kind = 'network' ORDER BY a.entry;

-- Sinks of each entry, over all layers.
CREATE TEMP VIEW report_sinks AS
SELECT n.shown AS entry, c.shown AS class, printf('%.1f', lift) AS lift, printf('%.1f %%', 100.0 * share) AS "share of wrong answers",
       printf('%.1f %%', 100.0 * sdc_share) AS "share of silent corruptions", golden_classes AS "from classes",
       images, printf('%,d', trials) AS trials, printf('%,d of %,d %s%s', hits, units, unit, iif(units = 1, '', 's')) AS "tests count", printf('%.1e', p_runner_up) AS
       "p against runners-up", printf('%.1e', p_uniform) AS "p against scatter", printf('%.1e', q_value) AS "false discovery rate q"
  FROM report_sink_class s JOIN report_entry n ON n.id = s.entry JOIN report_class c ON c.id = s.class
 WHERE level = 'overall' ORDER BY s.entry, s.unit DESC, s.sdc_share DESC, s.class LIMIT 20;

-- Sinks by layer.
CREATE TEMP VIEW report_layer_sinks AS
SELECT n.shown AS entry, layer_name AS layer, c.shown AS class, printf('%.1f', lift) AS lift,
       printf('%.1f %%', 100.0 * share) AS "share of wrong answers", printf('%.1f %%', 100.0 * sdc_share) AS "share of silent corruptions",
       golden_classes AS "from classes", images, printf('%,d', trials) AS trials, printf('%,d of %,d %s%s', hits, units, unit, iif(units = 1, '', 's')) AS "tests count",
       printf('%.1e', p_runner_up) AS "p against runners-up", printf('%.1e', p_uniform) AS "p against scatter",
       printf('%.1e', q_value) AS "false discovery rate q"
  FROM report_sink_class s JOIN report_entry n ON n.id = s.entry JOIN report_class c ON c.id = s.class
 WHERE level = 'layer' AND layer NOT IN (SELECT id FROM layer WHERE kind = 'network')
 ORDER BY s.entry, (SELECT ordinal FROM layer WHERE id = s.layer), s.share DESC, s.class LIMIT 500;

-- Sinks by bit position.
CREATE TEMP VIEW report_bit_sinks AS
SELECT n.shown AS entry, bit, c.shown AS class, printf('%.1f', lift) AS lift, printf('%.1f %%', 100.0 * share) AS "share of wrong answers",
       printf('%.1f %%', 100.0 * sdc_share) AS "share of silent corruptions", images, printf('%,d', trials) AS trials,
       printf('%,d of %,d %s%s', hits, units, unit, iif(units = 1, '', 's')) AS "tests count", printf('%.1e', p_runner_up) AS "p against runners-up",
       printf('%.1e', p_uniform) AS "p against scatter", printf('%.1e', q_value) AS "false discovery rate q"
  FROM report_sink_class s JOIN report_entry n ON n.id = s.entry JOIN report_class c ON c.id = s.class WHERE level = 'bit'
 ORDER BY s.entry, s.unit DESC, s.bit DESC, s.share DESC, s.class LIMIT 500;

-- Concentration of wrong answers: entropy in bits, share of the five most frequent.
CREATE TEMP VIEW report_concentration AS
SELECT n.shown AS entry, iif(layer_name = 'all', 'all #' || layer, ifnull(layer_name, 'all')) AS layer, printf('%,d', sdc1) AS "silent corruptions",
       classes, printf('%.2f', entropy) AS entropy, printf('%.1f %%', 100.0 * top5_share) AS "share of top five"
  FROM sink_concentration s JOIN report_entry n ON n.id = s.entry
 WHERE level <> 'bit' AND ifnull(layer, -1) NOT IN (SELECT id FROM layer WHERE kind = 'network')
 ORDER BY s.level = 'layer', s.entry, (SELECT ordinal FROM layer WHERE id = s.layer);

-- The least trustworthy answers at the p of the settings, of classes that the network answers without faults.
CREATE TEMP VIEW report_least_trust AS
SELECT n.shown AS entry, c.shown AS class, printf('%.3g', p) AS "P(fault) p",
       percent(trust_label, trust_label_population_low, trust_label_population_high) AS "trust by label",
       percents(trust_label_population_low, trust_label_population_high) AS "its interval, other images",
       iif(label_with_fault IS NULL, NULL, printf('%.2f %%', 100.0 * label_with_fault)) AS "trust by label, p = 1",
       iif(trust_golden IS NULL, NULL, printf('%.5f %%', 100.0 * trust_golden)) AS "trust by golden answer",
       iif(golden_with_fault IS NULL, NULL, printf('%.2f %%', 100.0 * golden_with_fault)) AS "trust by golden answer, p = 1",
       label_images AS "images with the label", printf('%,d', n) AS "trials with the answer", printf('%,d', wrong) AS "of these, not golden"
  FROM report_bn_trust t JOIN report_scope n ON n.scope = t.scope JOIN report_class c ON c.id = t.class
 WHERE golden_images > 0 AND trust_label IS NOT NULL AND t.scope = (SELECT min(scope) FROM
       report_bn_trust) ORDER BY round(t.trust_label, 12), round(t.label_with_fault, 12), t.class LIMIT 12;

-- All classes.
CREATE TEMP VIEW report_all_trust AS
SELECT n.shown AS entry, c.shown AS class, iif(trust_label IS NULL, NULL, printf('%.4f %%', 100.0 * trust_label)) AS "trust by label",
       percents(trust_label_low, trust_label_high) AS "its interval, these images",
       percents(trust_label_population_low, trust_label_population_high) AS "its interval, other images",
       iif(trust_golden IS NULL, NULL, printf('%.5f %%', 100.0 * trust_golden)) AS "trust by golden answer",
       percents(trust_golden_low, trust_golden_high) AS "golden interval, these images",
       iif(p_fault IS NULL, NULL, printf('%.3g', p_fault)) AS "P(fault | answer)", assessment, printf('%,d', n) AS trials,
       printf('%,d', wrong) AS "not golden"
  FROM report_bn_trust t JOIN report_scope n ON n.scope = t.scope JOIN report_class c ON c.id = t.class WHERE golden_images +
       n > 0 ORDER BY t.scope, t.trust_label IS NULL, round(t.trust_label, 12),
       round(t.label_with_fault, 12), t.class LIMIT 3000;

-- Rates by bit position and by field of a value, over all layers of a type that are storage, each weighted by the bits that a
-- fault may hit there. field: sign, exponent, mantissa; NULL: one bit. units: trials of activations, faults of parameters.
-- Bounds are Fay and Feuer's; of one layer its own. Those of a field take its faults in a layer as drawn from all bits of the
-- field alike. layers: those where it was tried, of all.
CREATE TEMP TABLE report_bit_rate AS
WITH cell AS MATERIALIZED (
    SELECT b.entry, b.layer, b.bit, b.trials, b.sdc1_rate AS sdc, b.due_rate AS due, b.masked_rate AS masked, b.units, s.bits,
           b.type, b.field
      FROM bit_accuracy b JOIN bn_stratum s ON s.entry = b.entry AND s.layer = b.layer WHERE s.storage AND s.bits > 0
), part AS MATERIALIZED (
    SELECT entry, layer, type, bit, NULL AS field, trials, sdc, due, masked, units, bits FROM cell
    UNION ALL
    SELECT entry, layer, type, NULL, field, sum(trials), sum(sdc * trials) / sum(trials), sum(due * trials) / sum(trials),
           sum(masked * trials) / sum(trials), sum(units), max(bits) FROM cell GROUP BY entry, layer, type, field
), weighted AS MATERIALIZED (
    SELECT *, bits * 1.0 / sum(bits) OVER (PARTITION BY entry, type, bit, field) AS w FROM part
), summed AS (
    SELECT entry, type, bit, field, count(*) AS layers, sum(trials) AS trials, sum(units) AS units, max(units) AS n, min(1.0, sum(w * sdc)) AS sdc,
           min(1.0, sum(w * due)) AS due, sum(w * masked) AS masked, sum(w * w * sdc / units) AS v, sum(w * w * (1.0 - sdc) / units) AS u,
           sum(w * w * due / units) AS vd, sum(w * w * (1.0 - due) / units) AS ud, max(w / units) AS top
      FROM weighted GROUP BY entry, type, bit, field
)
SELECT entry, type, bit, field, layers, trials, units, sdc, due, masked,
       iif(layers = 1, @share_low(sdc, n, z), @sum_low(sdc, v, u, top, 1.0, z)) AS low,
       iif(layers = 1, @share_high(sdc, n, z), @sum_high(sdc, v, u, top, 1.0, z)) AS high,
       iif(layers = 1, @share_low(due, n, z), @sum_low(due, vd, ud, top, 1.0, z)) AS due_low,
       iif(layers = 1, @share_high(due, n, z), @sum_high(due, vd, ud, top, 1.0, z)) AS due_high
  FROM summed CROSS JOIN bn_setting;

-- Rates by bit position.
CREATE TEMP VIEW report_bits AS
SELECT n.shown AS entry, type, ifnull(bit, field) AS bit, printf('%,d', trials) AS trials, layers, percent(sdc, low, high) AS "SDC-1",
       percents(low, high) AS "SDC-1 interval", percent(due, due_low, due_high) AS DUE, percents(due_low, due_high) AS "DUE interval",
       printf('%.2f %%', 100.0 * masked) AS masked
  FROM report_bit_rate b JOIN report_entry n ON n.id = b.entry ORDER BY b.entry, b.type, b.field IS NULL, b.bit DESC, b.field = 'mantissa', b.field = 'exponent';

-- The policy within the budget, judged on the other half of the images.
CREATE TEMP VIEW report_policy AS
SELECT n.shown AS entry, size AS "classes in S", iif(extra IS NULL, NULL, printf('%.2f %%', 100.0 * extra)) AS
       "extra inferences", iif(false_alarm IS NULL, NULL, printf('%.2f %%', 100.0 * false_alarm)) AS
       "false alarms", percent(caught, caught_low, caught_high) AS caught, percents(caught_low, caught_high) AS "caught, interval",
       iif(sdc_rate IS NULL, NULL, printf('%.3g', sdc_rate)) AS "P(silent corruption)", iif(residual_sdc_rate IS NULL, NULL,
       printf('%.3g', residual_sdc_rate)) AS "with policy" FROM rerun_policy p JOIN report_scope n ON n.scope = p.scope ORDER BY p.scope;

-- S.
CREATE TEMP VIEW report_policy_classes AS
SELECT n.shown AS entry, place, c.shown AS class, printf('%.3f %%', 100.0 * budget_used) AS "budget used", iif(caught IS NULL, NULL,
       printf('%.2f %%', 100.0 * caught)) AS catches
  FROM rerun_set r JOIN report_scope n ON n.scope = r.scope JOIN report_class c ON c.id = r.class ORDER BY r.scope, place;

-- Sums, for each fault entry, or for those that the prior of layers pools (scope -1).
CREATE TEMP VIEW report_rates AS
SELECT n.shown AS entry, kind, printf('%.3g', bits / 1e6) AS Mbit, printf('%.4g', raw_fit) AS "raw FIT", shown(sdc_fit, sdc_fit_low, sdc_fit_high)
       AS "SDC FIT", interval(sdc_fit_low, sdc_fit_high) AS "SDC FIT interval, these images",
       interval(sdc_fit_population_low, sdc_fit_population_high) AS "SDC FIT interval, other images", shown(due_fit, due_fit_low,
       due_fit_high) AS "DUE FIT", percent(pvf, pvf_low, pvf_high) || iif(pvf_low IS NULL, '', ' (' || percents(pvf_low, pvf_high) || ')') AS PVF,
       percent(parameter_vf, parameter_vf_low, parameter_vf_high) AS "parameter VF",
       percent(avf, avf_low, avf_high) || iif(avf_low IS NULL, '', ' (' || percents(avf_low, avf_high) || ')') AS AVF,
       percent(spfm, spfm_low, spfm_high) || iif(spfm_low IS NULL, '', ' (' || percents(spfm_low, spfm_high) || ')') AS SPFM,
       printf('%.1f %%', 100.0 * coverage) AS coverage, fit_target AS "target FIT", target AS "target, these images", target_population AS
       "target, other images" FROM report_failure_rate f JOIN report_scope n ON n.scope = f.scope WHERE level = 'kind' OR (level = 'all' AND
       f.scope = -1) ORDER BY f.scope, level = 'kind', kind;

-- By layer.
CREATE TEMP VIEW report_layer_rates AS
SELECT n.shown AS entry, kind, layer_name AS layer, iif(storage, printf('%,d', bits), 'no storage') AS bits, printf('%.4g', raw_fit) AS "raw FIT",
       shown(sdc_fit, sdc_fit_low, sdc_fit_high) AS "SDC FIT", interval(sdc_fit_low, sdc_fit_high) AS "SDC FIT interval",
       shown(due_fit, due_fit_low, due_fit_high) AS "DUE FIT", percent(pvf, pvf_low, pvf_high) AS PVF, percent(avf, avf_low, avf_high) AS AVF
  FROM report_failure_rate f JOIN report_scope n ON n.scope = f.scope WHERE level = 'layer'
       ORDER BY f.scope, f.kind, f.entry, (SELECT ordinal FROM layer WHERE id = f.layer);

-- Mean cost by layer, compared with the fault-free answer.
CREATE TEMP VIEW report_cost AS
SELECT n.shown AS entry, layer_name AS layer, printf('%,d', trials) AS trials, shown(cost, low, high) AS cost, iif(census, 'census', interval(low, high)) AS
       "cost interval", printf('%.2f %%', 100.0 * wrong_rate) AS "wrong class", printf('%.2f %%', 100.0 * wrong_group_rate) AS "wrong group"
  FROM severity s JOIN report_entry n ON n.id = s.entry WHERE correct = 'golden' ORDER BY round(s.cost, 12) DESC, s.entry, s.layer;

-- Which group turns into which.
CREATE TEMP VIEW report_groups AS
SELECT n.shown AS entry, truth_group AS "true group", answer_group AS answer, printf('%,d', sum(trials)) AS trials, printf('%,d', sum(wrong)) AS
       "wrong class", printf('%.4g', sum(cost * trials) / sum(trials)) AS "mean cost"
  FROM severity_confusion s JOIN report_entry n ON n.id = s.entry
       WHERE correct = 'golden' AND wrong > 0 GROUP BY s.entry, 2, 3 ORDER BY round(sum(cost * trials), 9) DESC, s.entry, 2, 3
       LIMIT 200;

-- Campaign.
CREATE TEMP VIEW report_campaign AS
SELECT 'model' AS fact, model AS value FROM campaign UNION ALL SELECT
       'SHA-256 of the model, its weights and options', model_sha256 FROM campaign UNION ALL
       SELECT 'seed', seed FROM campaign UNION ALL SELECT 'preprocessing', preprocessing(preprocess) FROM campaign UNION ALL
       SELECT 'values stored', storage || ' (types: ' || (SELECT group_concat(type, ', ') FROM (SELECT DISTINCT type FROM layer
       WHERE kind <> 'network' ORDER BY type)) || ')' FROM campaign UNION ALL
       SELECT 'classes', printf('%,d', classes) FROM campaign UNION ALL SELECT 'images', printf('%,d', count(*)) FROM image
       UNION ALL SELECT 'images with a label', printf('%,d', count(class)) FROM image UNION ALL SELECT 'planned trials',
       printf('%,d', planned_trials) FROM campaign UNION ALL SELECT 'trials in the file', printf('%,d', ifnull(sum(n), 0)) FROM layer_summary
       UNION ALL SELECT 'audited trials (a full re-run gave the same output)', printf('%,d', (SELECT audited FROM bit_counted))
       UNION ALL SELECT 'unreadable images, left out', printf('%,d', count(*)) FROM broken_image UNION ALL SELECT
       'pairs of fault entry and layer without trials', (SELECT count(*) FROM stratum) - (SELECT count(*) FROM (SELECT DISTINCT entry,
       layer FROM layer_summary)) UNION ALL SELECT 'size of the result file', printf('%.3g MB', page_count * page_size / 1e6)
       FROM pragma_page_count('main'), pragma_page_size('main') UNION ALL
       SELECT 'made', local_time(created) || ', by bitsink ' || version FROM campaign;

-- Fault entries.
CREATE TEMP VIEW report_entries AS
SELECT n.shown AS entry, fault(e.id) || iif(e.shared_bit, ', one bit for all', '') || iif(e.sites IS NOT NULL, ', sites of a list', '') AS fault,
       iif(e.scope = 'inference', 'all in one inference: ', '') || t.targets AS targets, printf('%,d', e.trials) AS "trials for each layer and image"
  FROM entry e JOIN report_entry n ON n.id = e.id LEFT JOIN report_target t ON t.entry = e.id ORDER BY e.id;

-- Runs.
CREATE TEMP VIEW report_runs AS
SELECT id AS run, local_time(started) AS started, host, backend || ', ' || (SELECT iif(count(*) > 1, count(*) || ' x ', '') FROM
       run_device d WHERE d.run = run.id) || device || ', ' || isa || printf(', %d thread%s', threads, iif(threads = 1, '', 's'))
       AS device, library || ', bitsink ' || version AS library, mode AS "replay mode", selftest AS "self-test", (SELECT group_concat(n || ' ' || outcome, ', ') FROM (SELECT count(*) AS n, outcome FROM
       proof WHERE proof.run = run.id GROUP BY outcome ORDER BY outcome DESC)) AS proofs, printf('%,d', trials) AS trials,
       printf('%.1f', start_seconds) AS "seconds to the first row", printf('%,d', trials / nullif(seconds, 0)) AS
       "trials/s", fingerprint, CASE exit WHEN 0 THEN 'done' WHEN 3 THEN 'stopped' ELSE ifnull('code ' || exit, 'running, or killed') END AS "end"
  FROM run ORDER BY id;

-- Images left out.
CREATE TEMP VIEW report_left_out AS
SELECT i.path AS image, b.reason, printf('%,d', b.trials) AS trials FROM broken_image b JOIN image i ON i.id = b.image ORDER BY i.id;

-- Settings.
CREATE TEMP VIEW report_settings AS
SELECT name, value, comment FROM bn_parameter ORDER BY rowid;
