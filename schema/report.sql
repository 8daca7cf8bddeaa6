-- The tables of the report page, as temporary views: column names are headings, numbers are text as it is shown.

-- Outcomes by fault entry. Shares of trials; and SDC-1 with its interval over the bits that a fault may hit.
CREATE TEMP VIEW report_outcomes AS
SELECT e.id AS entry, e.name, e.kind || CASE WHEN e.ber > 0 THEN ', rate ' || e.ber WHEN e.count = 0 AND e.kind <> 'none' THEN
       ', all elements' ELSE '' END || iif(e.probability < 1.0, ', probability ' || e.probability, '') AS fault,
       iif(e.scope = 'inference', 'together', count(DISTINCT s.layer)) AS layers, sum(s.n) AS trials, printf('%.2f %%', 100.0 * (sum(s.masked) * 1.0 /
       sum(s.n))) AS "masked, of trials", printf('%.2f %%', 100.0 * ((sum(s.n) - sum(s.masked) - sum(s.wrong) FILTER (WHERE
       s.class >= 0) - ifnull(sum(s.n - s.masked) FILTER (WHERE s.class < 0), 0)) * 1.0 / sum(s.n))) AS "benign, of trials",
       printf('%.3f %%', 100.0 * (sum(s.wrong) FILTER (WHERE s.class >= 0) * 1.0 / sum(s.n))) AS "SDC-1, of trials",
       printf('%.3f %%', 100.0 * (ifnull(sum(s.n - s.masked) FILTER (WHERE s.class < 0), 0) * 1.0 / sum(s.n)))
       AS "DUE, of trials", iif(b.rate IS NULL, NULL, printf('%.3f %%', 100.0 * b.rate)) AS "SDC-1, by bits",
       iif(b.low IS NULL, iif(b.census, 'census', NULL), printf('%.3f - %.3f %%', 100.0 * b.low, 100.0 * b.high)) AS interval,
       iif(b.population_low IS NULL, NULL, printf('%.3f - %.3f %%', 100.0 * b.population_low, 100.0 * b.population_high))
       AS "images as a sample", iif(sum(s.labelled) = 0, NULL, printf('%.2f %%', 100.0 * (sum(s.golden_correct) * 1.0 /
       sum(s.labelled)))) AS "accuracy without faults", iif(sum(s.labelled) = 0, NULL, printf('%.2f %%', 100.0 *
       (sum(s.correct) * 1.0 / sum(s.labelled)))) AS "under fault, of trials"
  FROM layer_summary s JOIN entry e ON e.id = s.entry
  LEFT JOIN (SELECT * FROM network_outcome WHERE outcome = 'sdc1' AND weights = 'bits') b ON b.entry = e.id
 GROUP BY e.id ORDER BY e.id;

-- The most vulnerable layers.
CREATE TEMP VIEW report_vulnerable_layers AS
SELECT entry, layer_name AS layer, trials, printf('%.3f %%', 100.0 * sdc1_rate) AS "SDC-1",
       iif(census, 'census', printf('%.3f - %.3f %%', 100.0 * sdc1_low, 100.0 * sdc1_high)) AS interval,
       printf('%.3f - %.3f %%', 100.0 * sdc1_population_low, 100.0 * sdc1_population_high) AS "images as a sample",
       printf('%.3f %%', 100.0 * due_rate) AS DUE, units || ' ' || unit || 's' AS counted FROM layer_accuracy a WHERE kind <> 'network'
       ORDER BY a.sdc1_rate DESC, a.entry, (SELECT ordinal FROM layer WHERE id = a.layer) LIMIT 10;

-- All layers.
CREATE TEMP VIEW report_all_layers AS
SELECT entry, layer_name AS layer, trials, iif(accuracy IS NULL, NULL, printf('%.2f %%', 100.0 * accuracy)) AS
       accuracy, iif(accuracy_drop IS NULL, NULL, printf('%.2f %%', 100.0 * accuracy_drop)) AS "drop",
       iif(accuracy_drop_low IS NULL, iif(census, 'census', NULL), printf('%.2f to %.2f %%', 100.0 * accuracy_drop_low, 100.0 *
       accuracy_drop_high)) AS "its interval", printf('%.2f %%', 100.0 * masked_rate) AS masked, printf('%.3f %%', 100.0 *
       sdc1_rate) AS "SDC-1", iif(census, 'census', printf('%.3f - %.3f %%', 100.0 * sdc1_low, 100.0 * sdc1_high)) AS interval,
       printf('%.3f - %.3f %%', 100.0 * sdc1_population_low, 100.0 * sdc1_population_high) AS "images as a sample",
       printf('%.3f %%', 100.0 * sdc5_rate) AS "SDC-5", printf('%.3f %%', 100.0 * sdc10_rate) AS "SDC-10 %",
       printf('%.3f %%', 100.0 * sdc20_rate) AS "SDC-20 %", printf('%.3f %%', 100.0 * due_rate) AS DUE,
       iif(census, 'census', printf('%.3f - %.3f %%', 100.0 * due_low, 100.0 * due_high)) AS "interval ",
       units || ' ' || unit || 's' AS counted FROM layer_accuracy a WHERE kind <> 'network'
       ORDER BY a.entry, (SELECT ordinal FROM layer WHERE id = a.layer);

-- Faults in the whole network.
CREATE TEMP VIEW report_network AS
SELECT a.entry, e.name, e.kind AS fault, iif(e.ber > 0, e.ber, NULL) AS "bit error rate", a.trials, iif(accuracy IS NULL, NULL,
       printf('%.2f %%', 100.0 * golden_accuracy)) AS "accuracy without faults", iif(accuracy IS NULL, NULL, printf('%.2f %%',
       100.0 * accuracy)) AS accuracy, iif(accuracy_low IS NULL, iif(census AND accuracy IS NOT NULL, 'census', NULL),
       printf('%.2f - %.2f %%', 100.0 * accuracy_low, 100.0 * accuracy_high)) AS "its interval", printf('%.2f %%', 100.0 *
       masked_rate) AS masked, printf('%.3f %%', 100.0 * sdc1_rate) AS "SDC-1", iif(census, 'census', printf('%.3f - %.3f %%',
       100.0 * sdc1_low, 100.0 * sdc1_high)) AS interval, printf('%.3f %%', 100.0 * due_rate) AS DUE, iif(census, 'census',
       printf('%.3f - %.3f %%', 100.0 * due_low, 100.0 * due_high)) AS "interval ", units || ' ' || unit || 's' AS counted
  FROM layer_accuracy a JOIN entry e ON e.id = a.entry WHERE a.kind = 'network' ORDER BY a.entry;

-- Sinks of each entry, over all layers.
CREATE TEMP VIEW report_sinks AS
SELECT entry, CASE WHEN class_name IS NULL THEN class ELSE class || ' ' || class_name END AS class,
       printf('%.1f', lift) AS lift, printf('%.1f %%', 100.0 * share) AS "share of wrong answers",
       printf('%.1f %%', 100.0 * sdc_share) AS "of silent corruptions", golden_classes AS "from classes",
       images, trials, hits || ' of ' || units || ' ' || unit || 's' AS counted, printf('%.1e', p_runner_up) AS
       "p, runners-up", printf('%.1e', p_uniform) AS "p, scatter", printf('%.1e', q_value) AS q FROM sink_class s
       WHERE level = 'overall' ORDER BY s.entry, s.unit DESC, s.sdc_share DESC, s.class LIMIT 20;

-- Sinks by layer.
CREATE TEMP VIEW report_layer_sinks AS
SELECT entry, layer_name AS layer, CASE WHEN class_name IS NULL THEN class ELSE class || ' ' || class_name END
       AS class, printf('%.1f', lift) AS lift, printf('%.1f %%', 100.0 * share) AS "share of wrong answers",
       printf('%.1f %%', 100.0 * sdc_share) AS "of silent corruptions", golden_classes AS "from classes",
       images, trials, hits || ' of ' || units || ' ' || unit || 's' AS counted, printf('%.1e', p_runner_up) AS
       "p, runners-up", printf('%.1e', p_uniform) AS "p, scatter", printf('%.1e', q_value) AS q FROM sink_class s
       WHERE level = 'layer' AND layer NOT IN (SELECT id FROM layer WHERE kind = 'network') ORDER BY s.entry, (SELECT ordinal FROM layer WHERE id = s.layer), s.share DESC, s.class LIMIT 500;

-- Sinks by bit position.
CREATE TEMP VIEW report_bit_sinks AS
SELECT entry, bit, CASE WHEN class_name IS NULL THEN class ELSE class || ' ' || class_name END AS class,
       printf('%.1f', lift) AS lift, printf('%.1f %%', 100.0 * share) AS "share of wrong answers",
       printf('%.1f %%', 100.0 * sdc_share) AS "of silent corruptions", images, trials, hits || ' of ' || units
       || ' ' || unit || 's' AS counted, printf('%.1e', p_runner_up) AS "p, runners-up", printf('%.1e',
       p_uniform) AS "p, scatter", printf('%.1e', q_value) AS q FROM sink_class s WHERE level = 'bit' ORDER BY
       s.entry, s.unit DESC, s.bit DESC, s.share DESC, s.class LIMIT 500;

-- Concentration of wrong answers: entropy in bits, share of the five most frequent.
CREATE TEMP VIEW report_concentration AS
SELECT entry, iif(layer_name = 'all', 'all #' || layer, ifnull(layer_name, 'all')) AS layer, sdc1 AS "silent corruptions", classes, printf('%.2f', entropy)
       AS entropy, printf('%.1f %%', 100.0 * top5_share) AS "top five" FROM sink_concentration s WHERE level <>
       'bit' AND ifnull(layer, -1) NOT IN (SELECT id FROM layer WHERE kind = 'network') ORDER BY s.level = 'layer', s.entry, (SELECT ordinal FROM layer WHERE id = s.layer);

-- The least trustworthy answers at the p of the settings, of classes that the network answers without faults.
CREATE TEMP VIEW report_least_trust AS
SELECT scope, CASE WHEN class_name IS NULL THEN class ELSE class || ' ' || class_name END AS class,
       printf('%.3g', p) AS p, iif(trust_label IS NULL, NULL, printf('%.3f %%', 100.0 * trust_label)) AS
       "by label", iif(trust_label_population_low IS NULL, NULL, printf('%.1f - %.1f %%', 100.0 * trust_label_population_low,
       100.0 * trust_label_population_high)) AS "images as a sample", iif(label_with_fault IS NULL, NULL, printf('%.2f %%', 100.0 * label_with_fault)) AS "p = 1",
       iif(trust_golden IS NULL, NULL, printf('%.5f %%', 100.0 * trust_golden)) AS "by golden answer",
       iif(golden_with_fault IS NULL, NULL, printf('%.2f %%', 100.0 * golden_with_fault)) AS "p = 1 ",
       label_images AS "images with the label", n AS "trials with the answer", wrong AS "not golden" FROM
       bn_trust t WHERE golden_images > 0 AND trust_label IS NOT NULL AND scope = (SELECT min(scope) FROM
       bn_trust) ORDER BY round(t.trust_label, 12), round(t.label_with_fault, 12), t.class LIMIT 12;

-- All classes.
CREATE TEMP VIEW report_all_trust AS
SELECT scope, CASE WHEN class_name IS NULL THEN class ELSE class || ' ' || class_name END AS class,
       iif(trust_label IS NULL, NULL, printf('%.4f %%', 100.0 * trust_label)) AS "by label", iif(trust_label_low
       IS NULL, NULL, printf('%.2f - %.2f %%', 100.0 * trust_label_low, 100.0 * trust_label_high)) AS interval,
       iif(trust_label_population_low IS NULL, NULL, printf('%.1f - %.1f %%', 100.0 * trust_label_population_low, 100.0 *
       trust_label_population_high)) AS "images as a sample",
       iif(trust_golden IS NULL, NULL, printf('%.5f %%', 100.0 * trust_golden)) AS "by golden answer",
       iif(trust_golden_low IS NULL, NULL, printf('%.5f - %.5f %%', 100.0 * trust_golden_low, 100.0 *
       trust_golden_high)) AS "interval ", iif(p_fault IS NULL, NULL, printf('%.3g', p_fault)) AS
       "P(fault | answer)", assessment, n AS trials, wrong AS "not golden" FROM bn_trust t WHERE golden_images +
       n > 0 ORDER BY t.scope, t.trust_label IS NULL, round(t.trust_label, 12),
       round(t.label_with_fault, 12), t.class LIMIT 3000;

-- Rates by bit position, over all layers that are storage, each weighted by the bits that a fault may hit there.
CREATE TEMP VIEW report_bits AS
SELECT b.entry, bit, sum(trials) AS trials, printf('%.3f %%', 100.0 * (sum(sdc1_rate * s.bits) / sum(s.bits))) AS
       "SDC-1", printf('%.3f %%', 100.0 * (sum(due_rate * s.bits) / sum(s.bits))) AS DUE, printf('%.2f %%',
       100.0 * (sum(masked_rate * s.bits) / sum(s.bits))) AS masked
  FROM bit_accuracy b JOIN bn_stratum s ON s.entry = b.entry AND s.layer = b.layer WHERE s.storage GROUP BY b.entry, bit
       ORDER BY b.entry, bit DESC;

-- The policy within the budget, judged on the other half of the images.
CREATE TEMP VIEW report_policy AS
SELECT scope, size AS "classes in S", iif(extra IS NULL, NULL, printf('%.2f %%', 100.0 * extra)) AS
       "extra inferences", iif(false_alarm IS NULL, NULL, printf('%.2f %%', 100.0 * false_alarm)) AS
       "false alarms", iif(caught IS NULL, NULL, printf('%.1f %%', 100.0 * caught)) AS caught, iif(caught_low IS
       NULL, NULL, printf('%.1f - %.1f %%', 100.0 * caught_low, 100.0 * caught_high)) AS interval, iif(sdc_rate IS
       NULL, NULL, printf('%.3g', sdc_rate)) AS "P(silent corruption)", iif(residual_sdc_rate IS NULL, NULL,
       printf('%.3g', residual_sdc_rate)) AS "with policy" FROM rerun_policy ORDER BY scope;

-- S.
CREATE TEMP VIEW report_policy_classes AS
SELECT scope, place, CASE WHEN class_name IS NULL THEN class ELSE class || ' ' || class_name END AS class,
       printf('%.3f %%', 100.0 * budget_used) AS "budget used", iif(caught IS NULL, NULL, printf('%.2f %%',
       100.0 * caught)) AS catches FROM rerun_set ORDER BY scope, place;

-- Sums, for each fault entry (scope -1: entries pooled by the prior of layers).
CREATE TEMP VIEW report_rates AS
SELECT scope, kind, printf('%.3g', bits / 1e6) AS Mbit, printf('%.4g', raw_fit) AS "raw FIT", printf('%.4g',
       sdc_fit) AS "SDC FIT", printf('%.3g - %.3g', sdc_fit_low, sdc_fit_high) AS interval,
       printf('%.3g - %.3g', sdc_fit_population_low, sdc_fit_population_high) AS "images as a sample", printf('%.4g',
       due_fit) AS "DUE FIT", iif(pvf IS NULL, NULL, printf('%.3f (%.3f - %.3f) %%', 100.0 * pvf, 100.0 * pvf_low, 100.0 *
       pvf_high)) AS PVF, iif(parameter_vf IS NULL, NULL, printf('%.3f %%', 100.0 * parameter_vf)) AS "parameter VF",
       iif(avf IS NULL, NULL, printf('%.3f (%.3f - %.3f) %%', 100.0 * avf, 100.0 * avf_low, 100.0 * avf_high)) AS AVF,
       iif(spfm IS NULL, NULL, printf('%.2f (%.2f - %.2f) %%', 100.0 * spfm, 100.0 * spfm_low, 100.0 * spfm_high)) AS SPFM,
       printf('%.1f %%', 100.0 * coverage) AS coverage, fit_target AS "target FIT", target, target_population AS
       "with images as a sample" FROM failure_rate WHERE level = 'kind' OR (level = 'all' AND
       scope = -1) ORDER BY scope, level = 'kind', kind;

-- By layer.
CREATE TEMP VIEW report_layer_rates AS
SELECT scope, kind, layer_name AS layer, iif(storage, bits, 'no storage') AS bits, printf('%.4g', raw_fit) AS "raw FIT", printf('%.4g', sdc_fit) AS
       "SDC FIT", printf('%.3g - %.3g', sdc_fit_low, sdc_fit_high) AS interval, printf('%.4g', due_fit) AS
       "DUE FIT", iif(pvf IS NULL, NULL, printf('%.3f %%', 100.0 * pvf)) AS PVF, iif(avf IS NULL, NULL,
       printf('%.3f %%', 100.0 * avf)) AS AVF FROM failure_rate f WHERE level = 'layer'
       ORDER BY f.scope, f.kind, f.entry, (SELECT ordinal FROM layer WHERE id = f.layer);

-- Mean cost by layer, compared with the fault-free answer.
CREATE TEMP VIEW report_cost AS
SELECT entry, layer_name AS layer, trials, printf('%.5g', cost) AS cost, iif(census, 'census', printf('%.3g - %.3g', low, high)) AS
       interval, printf('%.3f %%', 100.0 * wrong_rate) AS "wrong class", printf('%.3f %%', 100.0 *
       wrong_group_rate) AS "wrong group" FROM severity s WHERE correct = 'golden' ORDER BY round(s.cost, 12) DESC, s.entry,
       s.layer;

-- Which group turns into which.
CREATE TEMP VIEW report_groups AS
SELECT entry, truth_group AS "true group", answer_group AS answer, sum(trials) AS trials, sum(wrong) AS
       "wrong class", printf('%.4g', sum(cost * trials) / sum(trials)) AS "mean cost" FROM severity_confusion
       WHERE correct = 'golden' AND wrong > 0 GROUP BY 1, 2, 3 ORDER BY round(sum(cost * trials), 9) DESC, 1, 2, 3
       LIMIT 200;

-- Campaign.
CREATE TEMP VIEW report_campaign AS
SELECT 'model' AS fact, model AS value FROM campaign UNION ALL SELECT
       'SHA-256 of the model, its weights and options', model_sha256 FROM campaign UNION ALL
       SELECT 'seed', seed FROM campaign UNION ALL SELECT 'preprocessing', preprocess FROM campaign UNION ALL
       SELECT 'classes', classes FROM campaign UNION ALL SELECT 'images', count(*) FROM image
       UNION ALL SELECT 'images with a label', count(class) FROM image UNION ALL SELECT 'planned trials',
       planned_trials FROM campaign UNION ALL SELECT 'trials in the file', ifnull(sum(n), 0) FROM layer_summary
       UNION ALL SELECT 'audited trials (full re-run gave the same output)', (SELECT audited FROM bit_counted)
       UNION ALL SELECT 'unreadable images, left out', count(*) FROM broken_image UNION ALL SELECT
       'strata without trials', (SELECT count(*) FROM stratum) - (SELECT count(*) FROM (SELECT DISTINCT entry,
       layer FROM layer_summary)) UNION ALL SELECT 'made', created || ' by bitsink ' || version FROM campaign;

-- Fault entries.
CREATE TEMP VIEW report_entries AS
SELECT id, name, kind, scope, printf('0x%08x', bits) AS bits, burst, CASE WHEN ber > 0 OR kind = 'none' THEN NULL WHEN count = 0
       THEN 'all' ELSE count END AS count, ber AS "bit error rate", probability, iif(shared_bit, 'yes', 'no') AS "one bit for all",
       targets, trials AS "trials for each layer and image" FROM entry ORDER BY id;

-- Runs.
CREATE TEMP VIEW report_runs AS
SELECT id AS run, started, host, backend, device, isa AS "instruction set", library, version, mode, selftest AS
       "self-test", (SELECT group_concat(n || ' ' || outcome, ', ') FROM (SELECT count(*) AS n, outcome FROM
       proof WHERE proof.run = run.id GROUP BY outcome ORDER BY outcome DESC)) AS proofs, threads, trials,
       printf('%.1f', start_seconds) AS "first row after, s", printf('%.0f', trials / nullif(seconds, 0)) AS
       "trials/s", fingerprint, exit FROM run ORDER BY id;

-- Images left out.
CREATE TEMP VIEW report_left_out AS
SELECT i.path AS image, b.reason, b.trials FROM broken_image b JOIN image i ON i.id = b.image ORDER BY i.id;

-- Settings.
CREATE TEMP VIEW report_settings AS
SELECT name, value, comment FROM bn_parameter ORDER BY rowid;
