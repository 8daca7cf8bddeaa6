#!/bin/sh
# count_check.sh BUILD: count.sh counts what a small campaign does, and in one thread the same each time.
set -eu
count=$(realpath "$(dirname "$0")")/count.sh
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
[ -d /usr/share/datasets/fashion-mnist ] || { echo "skipped: no dataset-fashion-mnist"; exit 77; }
export THREADS=1
for run in 1 2; do
    mkdir "$tmp/$run"
    OUT=$tmp/$run "$count" "$1" small
done
diff "$tmp/1/small.count" "$tmp/2/small.count"
# What a campaign cannot do without: NAME COLUMN.
while read -r name column; do
    awk -v name="$name" -v column="$column" '$1 == name && $column > 0 { found = 1 } END { exit !found }' "$tmp/1/small.count" ||
        { echo "column $column of $name is 0" >&2; cat "$tmp/1/small.count" >&2; exit 1; }
done <<LIST
cuLaunchKernel 2
cuStreamSynchronize 2
cuMemcpyHtoDAsync 3
cuMemcpyDtoHAsync 3
cudnnBackendExecute 6
cublasLtMatmul 6
inject 2
compare_patch 3
LIST
if grep cuModuleLoadData "$tmp/1/small.count"; then
    echo "what comes before the first fault is counted" >&2
    exit 1
fi
# Batches of convolutions come in few sizes, so some rows are padding; products have as many as there are.
awk '$1 == "cudnnBackendExecute" && !($5 > 0 && $5 < $4) || $1 == "cublasLtMatmul" && $5 != $4 { print; bad = 1 } END { exit bad }' \
    "$tmp/1/small.count"
