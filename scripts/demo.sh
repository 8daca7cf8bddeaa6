#!/bin/sh
# Installs missing packages, builds bitsink, runs the bundled campaign on the best device of this machine, prints its
# tables and writes its report.
#   scripts/demo.sh [DB]
set -eu
cd "$(dirname "$0")/.."
db=${1:-demo.db}
scripts/setup.sh

echo "== build"
cmake -S . -B build >build.log 2>&1 || { cat build.log; exit 1; }
cmake --build build -j "$(nproc)" --target bitsink >>build.log 2>&1 || { tail -40 build.log; exit 1; }

echo "== campaign: tests/jobs/demo.yaml -> $db"
build/bitsink run tests/jobs/demo.yaml --db "$db"
build/bitsink bn "$db" update # counts by bit position

echo
confidence=$(sqlite3 "$db" "SELECT printf('%g %%', 100 * confidence) FROM bn_confidence")
echo "== accuracy under fault, by layer; low, high: bounds of sdc1, $confidence (view layer_accuracy)"
sqlite3 -header -column "$db" "
  SELECT entry, layer_name AS name, trials, round(golden_accuracy, 4) AS golden, round(accuracy, 4) AS faulty,
         round(sdc1_rate, 5) AS sdc1, round(sdc1_low, 5) AS low, round(sdc1_high, 5) AS high,
         units || ' ' || unit || 's' AS counted, round(due_rate, 5) AS due
  FROM layer_accuracy ORDER BY entry, layer"

echo
echo "== the whole network, layers weighted by their bits; pop: if the images are a sample, too (view network_sdc)"
sqlite3 -header -column "$db" "
  SELECT entry, round(sdc1_rate, 5) AS sdc1, round(sdc1_low, 5) AS low, round(sdc1_high, 5) AS high,
         round(sdc1_upper, 5) AS one_sided, round(sdc1_population_low, 4) AS pop_low,
         round(sdc1_population_high, 4) AS pop_high, coverage
  FROM network_sdc WHERE weights = 'bits' ORDER BY entry"

echo
echo "== sink classes: where silent corruptions drain to, more than to runners-up and than by scatter (view sink_class)"
sqlite3 -header -column "$db" "
  SELECT level, entry, layer_name AS layer, bit, class_name AS class, hits || ' of ' || units || ' ' || unit || 's' AS counted,
         round(share, 3) AS of_all, round(golden_share, 3) AS golden, round(runner_up_share, 3) AS runner_up,
         printf('%.1e', p_runner_up) AS p_runner_up, printf('%.1e', p_uniform) AS p_uniform, printf('%.1e', q_value) AS q
  FROM sink_class LIMIT 12"

echo
echo "== how far each answer can be trusted (view bn_trust): by label at p (pop: if the images are a sample), and if a"
echo "   fault is there; by fault-free answer"
sqlite3 -header -column "$db" "
  SELECT scope, class, class_name, p, round(trust_label, 4) AS label,
         round(trust_label_population_low, 2) AS pop_low, round(trust_label_population_high, 2) AS pop_high,
         round(label_with_fault, 4) AS label_fault,
         round(golden_with_fault, 4) AS golden_fault, label_images, golden_images, n, wrong
  FROM bn_trust WHERE scope = 1 ORDER BY label IS NULL, label, label_fault, class"

echo
echo "== run again if the answer is suspicious (view rerun_policy)"
sqlite3 -header -column "$db" "
  SELECT scope, size AS classes, round(extra, 4) AS extra_inferences, round(caught, 4) AS caught,
         round(caught_low, 4) AS low, round(caught_high, 4) AS high
  FROM rerun_policy ORDER BY scope"

echo
rate=$(sqlite3 "$db" "SELECT printf('%g', raw_rate * 1e15) FROM bn_setting")
echo "== failure rates at $rate FIT per Mbit; low, high, upper: on these images; pop_high: as a sample (view failure_rate)"
sqlite3 -header -column "$db" "
  SELECT scope, kind, bits, round(raw_fit, 1) AS raw_fit, round(sdc_fit, 3) AS sdc_fit, round(sdc_fit_low, 3) AS low,
         round(sdc_fit_high, 2) AS high, round(sdc_fit_upper, 2) AS upper,
         round(sdc_fit_population_high, 2) AS pop_high, round(due_fit, 3) AS due_fit, round(spfm, 4) AS spfm,
         round(spfm_low, 4) AS spfm_low, fit_target, target, target_population AS as_sample
  FROM failure_rate WHERE level = 'kind' ORDER BY scope, kind"

echo
echo "== report"
build/bitsink report "$db" -o "${db%.db}-report"

cat <<EOF

$db is an ordinary SQLite file. Try:
  sqlite3 -header -column $db 'SELECT * FROM bn_class_given_layer LIMIT 10'
  sqlite3 -header -column $db 'SELECT * FROM outcome WHERE sdc1 LIMIT 5'
  build/bitsink bn $db query --given class=Sandal,fault=yes --of correct,layer --scope 3
  build/bitsink plot $db sinks -o ${db%.db}-report/sinks.png
  build/bitsink trace $db \$(sqlite3 $db 'SELECT trial FROM outcome WHERE sdc1 LIMIT 1') --job tests/jobs/demo.yaml
EOF
