#!/bin/sh
# Fuzzes every parser of untrusted input: builds the targets of tests/fuzz with libFuzzer and sanitizers (clang) in
# build-fuzz, then runs them one after the other, starting from the committed corpora of tests/fuzz/corpus.
#
#   scripts/fuzz.sh                  one minute for each target
#   scripts/fuzz.sh 30               half an hour for each, as in the nightly run
#   scripts/fuzz.sh 5 onnx image     only these targets
#   scripts/fuzz.sh merge [TARGET..] adds inputs of earlier runs that reach new code to the committed corpora
#
# The exit status is 1 if there was a finding: a crash, a report of a sanitizer, more than 2 GB of memory, or more than
# 10 s for one input. Its input is build-fuzz/findings/TARGET-*; run build-fuzz/tests/fuzz/replay_TARGET with it,
# fix the cause, and copy the input to tests/fuzz/corpus/TARGET/ so that the tests replay it from then on.
# New inputs are kept in build-fuzz/corpus/TARGET, where a later run continues. Every run adds a line to
# tests/fuzz/executions.csv, which scripts/test.sh sums up.
set -eu
cd "$(dirname "$0")/.."
corpus=tests/fuzz/corpus
record=tests/fuzz/executions.csv
minutes=${1:-1}
[ $# -eq 0 ] || shift
case $minutes in
merge) ;;
*[!0-9]* | '')
    echo "usage: scripts/fuzz.sh [MINUTES|merge] [TARGET...]" >&2
    exit 2
    ;;
esac
[ $# -gt 0 ] || set -- $(ls $corpus)

cmake -S . -B build-fuzz -DCMAKE_C_COMPILER=clang -DCMAKE_BUILD_TYPE=RelWithDebInfo -DBITSINK_FUZZ=ON \
    >build-fuzz.log 2>&1 || { cat build-fuzz.log; exit 1; }
status=0
for name in "$@"; do
    fuzzer=build-fuzz/tests/fuzz/fuzz_$name
    cmake --build build-fuzz -j "$(nproc)" --target "fuzz_$name" --target "replay_$name" >>build-fuzz.log 2>&1 ||
        { tail -40 build-fuzz.log; exit 1; }
    mkdir -p "build-fuzz/corpus/$name" build-fuzz/findings
    if [ "$minutes" = merge ]; then
        "$fuzzer" -set_cover_merge=1 "$corpus/$name" "build-fuzz/corpus/$name" 2>"build-fuzz/$name.log"
        echo "$name: $(ls "$corpus/$name" | wc -l) inputs"
        continue
    fi
    set --
    [ ! -e "tests/fuzz/$name.dict" ] || set -- "-dict=tests/fuzz/$name.dict"
    nice "$fuzzer" "$@" -max_total_time=$((minutes * 60)) -max_len=8192 -rss_limit_mb=2048 -timeout=10 \
        -print_final_stats=1 "-artifact_prefix=build-fuzz/findings/$name-" \
        "build-fuzz/corpus/$name" "$corpus/$name" >"build-fuzz/$name.log" 2>&1 || status=1
    executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "build-fuzz/$name.log")
    findings=$(grep -c '^artifact_prefix' "build-fuzz/$name.log" || true)
    echo "$name: $executions executions, $findings findings (build-fuzz/$name.log)"
    [ -e $record ] || echo "date,command,target,minutes,executions,findings" >$record
    echo "$(date -u +%F),scripts/fuzz.sh $minutes $name,$name,$minutes,${executions:-0},$findings" >>$record
done
exit $status
