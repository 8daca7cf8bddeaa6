#!/bin/bash
# merge.sh N RESULTS: merges the N shards in RESULTS into merged.db and writes its tables. Runs after the array of
# submit.sh, whether its tasks have succeeded or not; merging again does no harm. Exit code 3: trials are missing; else
# that of `bitsink check`, if BITSINK_CHECK has limits (8: one is broken, 9: one is not shown to be kept).
set -u
shards=$1
results=$2
scratch=$(mktemp -d "${SLURM_TMPDIR:-${TMPDIR:-/tmp}}/bitsink-merge-XXXXXX") || exit 1
trap 'rm -rf "$scratch"' EXIT
# merged.db is written on the node's own disk, like the shards.
[ ! -e "$results/merged.db" ] || cp "$results/merged.db" "$scratch/merged.db" || exit 1
"$BITSINK" merge "$scratch/merged.db" "$results"/shard-*-of-"$shards".db
code=$?
[ $code = 0 ] || [ $code = 3 ] || exit $code
if [ -n "${BITSINK_SETTINGS:-}" ]; then
    # The settings are words: they are split here on purpose.
    # shellcheck disable=SC2086
    "$BITSINK" bn "$scratch/merged.db" set $BITSINK_SETTINGS || exit 1
fi
"$BITSINK" bn "$scratch/merged.db" update || exit 1 # counts by bit position, which sqlite3 and the report need
"$BITSINK" backup "$scratch/merged.db" "$results/merged.db" || exit 1
"$BITSINK" status "$scratch/merged.db"
"$BITSINK" digest "$scratch/merged.db"
for table in layer_accuracy network_sdc sink_class bn_trust; do
    "$BITSINK" bn --format csv "$scratch/merged.db" $table >"$results/$table.csv" || exit 1
done
if [ -n "${BITSINK_CHECK:-}" ]; then
    # The options are words: they are split here on purpose.
    # shellcheck disable=SC2086
    "$BITSINK" check "$results/merged.db" $BITSINK_CHECK >"$results/limits.txt" 2>&1
    checked=$?
    cat "$results/limits.txt"
    echo "check: exit code $checked"
    [ $code != 0 ] || code=$checked
fi
exit $code
