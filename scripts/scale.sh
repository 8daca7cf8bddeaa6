#!/bin/bash
# scale.sh [ROWS...]: measures how the result file scales: runs a campaign of each number of rows (default 10 million) on
# the null device, which computes nothing, so that only the file is measured. Prints a table for each. Needs about 60
# bytes of disk for each row in $TMPDIR (/tmp). BITSINK names the program (default build/bitsink), KEEP=1 keeps the files.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
bitsink=$(realpath "${BITSINK:-$here/build/bitsink}")
images=10000
tmp=$(mktemp -d "${TMPDIR:-/tmp}/bitsink-scale-XXXXXX")
child=
trap '[ -z "$child" ] || kill -KILL $child 2>/dev/null; [ -n "${KEEP:-}" ] || rm -rf "$tmp"' EXIT
cat >"$tmp/scale.yaml" <<END
name: scale
model: $here/tests/models/fashion_vgg.onnx
images:
  idx_images: /usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz
  idx_labels: /usr/share/datasets/fashion-mnist/t10k-labels-idx1-ubyte.gz
  limit: $images
preprocess: {scale: 1/255, mean: 0.2860, std: 0.3530}
faults:
  - id: 1
    targets: {kind: activation}
    trials: \${TRIALS}
  - id: 2
    targets: {kind: weight}
    trials: \${TRIALS}
END
strata=$(TRIALS=1 "$bitsink" plan --device null --json "$tmp/scale.yaml" | sed 's/.*"strata": \([0-9]*\).*/\1/')
now() {
    date +%s.%N
}
minus() {
    awk -v a="$1" -v b="$2" 'BEGIN { printf "%.1f", a - b }'
}
field() {
    sed "s/.*\"$1\": \([0-9.e+-]*\).*/\1/"
}
# watch_run DB [ROWS]: runs the campaign, and writes seconds, trials and resident memory (MiB) to $tmp/samples twice a
# second. Kills it at this number of rows.
watch_run() {
    local start
    start=$(now)
    "$bitsink" run --quiet --device null --db "$1" "$tmp/scale.yaml" >/dev/null &
    child=$!
    while kill -0 $child 2>/dev/null; do
        trials=$("$bitsink" status --json "$1" 2>/dev/null | field trials) || trials=
        rss=$(awk '/^VmRSS/ { print int($2 / 1024) }' /proc/$child/status 2>/dev/null) || rss=
        [ -z "$trials" ] || [ -z "$rss" ] || echo "$(minus "$(now)" "$start") $trials $rss" >>"$tmp/samples"
        [ -z "${2:-}" ] || [ "${trials:-0}" -lt "$2" ] || kill -KILL $child
        sleep 0.5
    done
    { wait $child || true; } 2>/dev/null
    child=
}
# rate FROM TO: prints the rows per second between these numbers of rows.
rate() {
    awk -v from="$1" -v to="$2" '$2 >= from && !a { a = $1; n = $2 } $2 <= to { b = $1; m = $2 }
        END { if (b > a) printf "%d", (m - n) / (b - a) }' "$tmp/samples"
}
memory() {
    awk -v at="$1" '$2 <= at { m = $3 } END { print m }' "$tmp/samples"
}
row() {
    printf '| %s | %s |\n' "$1" "$2"
}

for wanted in "${@:-10000000}"; do
    export TRIALS=$(((wanted + strata * images - 1) / (strata * images)))
    rows=$((TRIALS * strata * images))
    db=$tmp/$wanted.db
    : >"$tmp/samples"
    watch_run "$db" $((rows / 2)) # killed in the middle
    half=$("$bitsink" status --json "$db" | field trials)
    start=$(now)
    "$bitsink" run --quiet --device null --db "$db" "$tmp/scale.yaml" >/dev/null &
    child=$!
    while kill -0 $child && [ "$("$bitsink" status --json "$db" | field trials)" -le "$half" ]; do sleep 0.1; done
    resume=$(minus "$(now)" "$start")
    wait $child
    child=
    rm -f "$db"
    : >"$tmp/samples"
    watch_run "$db"
    printf '\n| %s rows (%s images x %s strata x %s trials) | |\n|---|---|\n' $rows $images "$strata" $TRIALS
    row 'file, MB' $(($(stat -c %s "$db") / 1000000))
    row 'bytes per row' "$(awk -v s="$(stat -c %s "$db")" -v n=$rows 'BEGIN { printf "%.1f", s / n }')"
    row 'masked rows' "$("$bitsink" status "$db" | sed -n 's/.*masked \([0-9.]* %\).*/\1/p')"
    row 'rows/s, all' "$("$bitsink" status --json "$db" | field rate | awk '{ printf "%d", $1 }')"
    row 'rows/s, first and last tenth' "$(rate 0 $((rows / 10))), $(rate $((rows / 10 * 9)) $rows)"
    row 'memory after a tenth and in the last sample, MiB' "$(memory $((rows / 10))), $(memory $rows)"
    row 'from start to new rows after kill -9 in the middle, s' "$resume"
    start=$(now)
    "$bitsink" bn "$db" update # counts by bit position, which sink_test needs
    row 'update (reads all rows), s' "$(minus "$(now)" "$start")"
    for view in layer_accuracy network_sdc sink_test bn_trust bn_class bn_class_given_layer bn_layer_given_class \
        bn_class_given_image_layer; do
        start=$(now)
        "$bitsink" bn --format csv "$db" $view >/dev/null
        row "$view, s" "$(minus "$(now)" "$start")"
    done
    start=$(now)
    "$bitsink" digest "$db" >/dev/null
    row 'digest (reads all rows), s' "$(minus "$(now)" "$start")"
    start=$(now)
    "$bitsink" backup "$db" "$db.copy"
    row 'backup, s' "$(minus "$(now)" "$start")"
    [ -n "${KEEP:-}" ] || rm -f "$db" "$db.copy"
done
