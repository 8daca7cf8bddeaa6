#!/bin/sh
# Installs what is missing, builds, runs the bundled campaign on whatever this machine has, and prints its tables.
set -eu
cd "$(dirname "$0")/.."
db=${1:-demo.db}
scripts/setup.sh

echo "== build"
cmake -S . -B build >build.log 2>&1 || { cat build.log; exit 1; }
cmake --build build -j "$(nproc)" --target bitsink >>build.log 2>&1 || { tail -40 build.log; exit 1; }

echo "== campaign: tests/jobs/demo.yaml -> $db"
build/bitsink run tests/jobs/demo.yaml --db "$db"

echo
echo "== accuracy under fault, by layer (view layer_accuracy)"
sqlite3 -header -column "$db" "
  SELECT entry, layer_name AS name, trials, round(golden_accuracy, 4) AS golden, round(accuracy, 4) AS faulty,
         round(sdc1_rate, 5) AS sdc1, round(sdc1_low, 5) AS low, round(sdc1_high, 5) AS high,
         round(due_rate, 5) AS due
  FROM layer_accuracy ORDER BY entry, layer"

echo
echo "== sink classes: where silent corruptions drain to (view sink_class)"
build/bitsink bn "$db" sink_class --limit 12

echo
echo "== how far each answer can be trusted (view bn_trust)"
build/bitsink bn "$db" bn_trust

cat <<EOF

$db is an ordinary SQLite file. Try:
  sqlite3 -header -column $db 'SELECT * FROM bn_class_given_layer LIMIT 10'
  sqlite3 -header -column $db 'SELECT * FROM outcome WHERE sdc1 LIMIT 5'
  build/bitsink trace $db \$(sqlite3 $db 'SELECT trial FROM outcome WHERE sdc1 LIMIT 1')
EOF
