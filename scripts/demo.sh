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

table() {
    build/bitsink bn --quiet "$db" "$@"
}
echo
confidence=$(sqlite3 "$db" "SELECT printf('%g %%', 100 * confidence) FROM bn_confidence")
echo "== accuracy and outcomes under fault, by layer; low, high: bounds at $confidence (table layer_accuracy)"
table layer_accuracy

echo
echo "== the whole network, layers weighted by their bits, or all alike; population: if the images are a sample, too"
table network_sdc --columns entry,weights,sdc1_rate,sdc1_low,sdc1_high,sdc1_upper,sdc1_population_low,sdc1_population_high

echo
echo "== sink classes: where silent corruptions drain to, more than to runners-up and than by scatter"
table sink_class --limit 12

echo
echo "== how far each answer can be trusted: by label at p, and if a fault is there; by fault-free answer"
table bn_trust --scope 1

echo
echo "== run again if the answer is suspicious"
table rerun_policy

echo
rate=$(sqlite3 "$db" "SELECT printf('%g', raw_rate * 1e15) FROM bn_setting")
echo "== failure rates at $rate FIT per Mbit, by plain sqlite3 (view failure_rate)"
sqlite3 -header -column "$db" "
  SELECT scope, kind, bits, round(raw_fit, 1) AS raw_fit, round(sdc_fit, 3) AS sdc_fit, round(sdc_fit_low, 3) AS sdc_fit_low,
         round(sdc_fit_high, 2) AS sdc_fit_high, round(due_fit, 3) AS due_fit, round(spfm, 4) AS spfm, fit_target, target,
         target_population
  FROM failure_rate WHERE level = 'kind' ORDER BY scope, kind"

echo
echo "== report"
build/bitsink report "$db" -o "${db%.db}-report"

cat <<EOF

$db is an ordinary SQLite file. Try:
  build/bitsink bn $db                      # all tables; build/bitsink bn $db bn_trust --wide shows all columns of one
  sqlite3 -header -column $db 'SELECT * FROM bn_class_given_layer LIMIT 10'
  sqlite3 -header -column $db 'SELECT * FROM outcome WHERE sdc1 LIMIT 5'
  build/bitsink bn $db query --given class=Sandal,fault=yes --of correct,layer --scope 3
  build/bitsink plot $db sinks -o ${db%.db}-report/sinks.png
  build/bitsink trace $db \$(sqlite3 $db 'SELECT trial FROM outcome WHERE sdc1 LIMIT 1') --job tests/jobs/demo.yaml
EOF
