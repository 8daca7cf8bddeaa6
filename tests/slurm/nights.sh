#!/bin/bash
# nights.sh BITSINK: nights by scripts/slurm/nightly.sh, without Slurm: quiet ones, one with other rates, one that
# breaks a limit, one that fails, and one that was interrupted.
set -u
BITSINK=$(realpath "$1")
export BITSINK
tests=$(cd "$(dirname "$0")/.." && pwd)
. "$tests/support/skips.sh"
need_fashion
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
export XDG_CACHE_HOME="$tmp/cache" BITSINK_OPTIONS='--device cpu --threads 1' BITSINK_KEEP=3 TRIALS=100
mkdir "$tmp/jobs" "$tmp/models" "$tmp/bin" "$tmp/nights"
cp "$tests/cli/small.yaml" "$tests"/jobs/*.txt "$tmp/jobs"
cp "$tests/models/fashion_vgg.onnx" "$tmp/models"
cd "$tmp" || exit 1
ln -s "$BITSINK" bitsink
# Programs that nights may use: no Slurm, wherever this machine has one.
for program in bash sh awk basename cat cp date dirname flock grep hostname mkdir mktemp mv realpath rm rmdir sed seq sleep tail touch; do
    ln -s "$(command -v $program)" bin/
done
export PATH=$tmp/bin

die() {
    echo "FAILED: $*" >&2
    cat out >&2
    tail -n 30 nights/*/night.log >&2
    exit 1
}
# night DATE CODE: a night of jobs/small.yaml must end with this exit code, and say something if that is not 0.
night() {
    NIGHT=$1 bash "$tests/../scripts/slurm/nightly.sh" jobs/small.yaml 2 nights >out 2>&1
    code=$?
    [ $code = "$2" ] || die "night $1 ended with exit code $code, not $2"
    [ "$code" = 0 ] || [ -s out ] || die "night $1 does not say what is wrong"
    [ "$code" != 0 ] || [ ! -s out ] || die "night $1 has something to say"
}
folders() {
    (cd nights && echo 20*)
}

night 2026-01-01 0
[ ! -e nights/trend.svg ] || die "a trend of one night"
[ -s nights/2026-01-01/report/manifest.json ] || die "no report"
BITSINK=./bitsink night 2026-01-02 0
[ -s nights/trend.svg ] && [ -s nights/2026-01-02/changes.txt ] || die "no trend, or no comparison"
"$BITSINK" verify nights/2026-01-02/report/manifest.json --job jobs/small.yaml >out 2>&1 || die "the night does not stand on its files"
[ "$("$BITSINK" digest nights/2026-01-01/merged.db)" = "$("$BITSINK" digest nights/2026-01-02/merged.db)" ] || die "two nights differ"

# Limits that are broken do not keep the other steps from running, nor make the night incomplete.
BITSINK_CHECK='--max layer_sdc1=1e-9' night 2026-01-03 8
grep -q 'merge and check: exit code 8' out && [ -e nights/2026-01-03/complete ] && [ -s nights/2026-01-03/report/report.html ] ||
    die "the night with limits"

# Other rates are noticed.
sed 's/std: 0.3530/std: 0.001/' jobs/small.yaml >jobs/other.yaml
cp jobs/small.yaml jobs/kept.yaml && cp jobs/other.yaml jobs/small.yaml
night 2026-01-04 6
grep -q 'compare with 2026-01-03: exit code 6' out || die "the change"
[ "$(folders)" = '2026-01-02 2026-01-03 2026-01-04' ] || die "three nights should be left, not $(folders)"
cp jobs/kept.yaml jobs/small.yaml

# A night that fails is no measure for the next one.
mv models/fashion_vgg.onnx gone.onnx
night 2026-01-05 1
grep -q 'fashion_vgg.onnx' out && [ ! -e nights/2026-01-05/complete ] || die "the night without a model"
mv gone.onnx models/fashion_vgg.onnx

# Half a night, as after a crash of the machine: the same command does the rest.
mkdir nights/2026-01-06
"$BITSINK" run --quiet --device cpu --threads 1 --shard 1/2 --db nights/2026-01-06/shard-1-of-2.db jobs/small.yaml >out 2>&1 || die "a shard"
mkdir nights/2026-01-07 # not a night yet
exec 8>nights/lock
flock 8
night 2026-01-06 1
grep -q 'another night' out || die "two nights at once"
exec 8>&-
rmdir nights/2026-01-07
night 2026-01-06 6
grep -q 'compare with 2026-01-04' out || die "the interrupted night is not compared with the last complete one"
[ -e nights/2026-01-06/complete ] || die "the interrupted night is not complete"
NIGHT=today bash "$tests/../scripts/slurm/nightly.sh" jobs/small.yaml 2 nights >out 2>&1 && die "a night that is no date"
bash "$tests/../scripts/slurm/nightly.sh" jobs/small.yaml 0 nights >out 2>&1 && die "no shards"
for keep in 0 08 x; do
    BITSINK_KEEP=$keep NIGHT=2026-01-06 bash "$tests/../scripts/slurm/nightly.sh" jobs/small.yaml 2 nights >out 2>&1
    [ $? = 2 ] || die "keep '$keep' nights"
done

# Killed alone, a night leaves a shard that goes on: no other begins before that has ended.
NIGHT=2026-01-08 TRIALS=3000 bash "$tests/../scripts/slurm/nightly.sh" jobs/small.yaml 2 nights >out 2>&1 &
alone=$!
until [ -s nights/2026-01-08/night.log ]; do sleep 0.02; done
kill -KILL $alone
wait $alone 2>/dev/null
flock -n nights/lock sleep 0 && die "the lock is free while a shard runs"
flock nights/lock sleep 0 || die "the lock is never free"
echo "nights left: $(folders)"
