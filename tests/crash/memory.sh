#!/bin/sh
# memory.sh BITSINK: under a limit of memory, a command does its work, or ends with exit code 1 and a hint; never by a
# signal. The limits, in KiB above what the program needs to start, hit the reading of the model, the making of oneDNN's
# code, and the work; lower ones those of the commands that only read a result file.
. "$(dirname "$0")/crash_common.sh"
export TRIALS=2 IMAGES=3
start=40000
until (ulimit -v $start && "$bitsink" --version) >/dev/null 2>&1; do start=$((start + 2000)); done
limited() {
    rm -f m.db*
    (ulimit -c 0 && ulimit -v $((start + more)) && exec "$bitsink" "$@") >out 2>log
    code=$?
    [ $code = 0 ] && return 0
    [ $code = 1 ] || die "$*: exit code $code at $more KiB"
    grep -q '^hint: ' log || die "$*: no hint at $more KiB"
    failed=$((failed + 1))
}
failed=0
"$bitsink" run --quiet --no-cache --device cpu --db full.db jobs/big.yaml >out 2>log || die "no result file"
for more in 1500 6000 13000 30000; do
    for figure in sinks.png sinks.svg; do limited plot full.db sinks -o $figure; done
    limited report full.db -o report
    limited bn full.db sink_class
    limited backup full.db m.db
    limited merge m.db full.db
done
[ $failed -gt 4 ] || die "no limit was low enough for result files"
[ $failed -lt 20 ] || die "no limit was high enough for result files"
echo "$failed of 24 commands on result files had too little memory"
failed=0
for more in 2000 12000 22000 45000 80000 120000 160000 220000 600000; do
    for threads in 1 2; do
        limited run --quiet --no-cache --device cpu --threads $threads --db m.db jobs/big.yaml
    done
    limited classify --no-cache --device cpu --threads 2 jobs/big.yaml
done
[ $failed -gt 4 ] || die "no limit was low enough"
[ $failed -lt 25 ] || die "no limit was high enough"
echo "$failed of 27 commands had too little memory"
