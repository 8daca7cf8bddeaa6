#!/bin/sh
# lost.sh BITSINK SIM [few]: a device that is lost at some call (the calls of a run, spread evenly) ends the run with exit
# code 4, a message that names the call, and a consistent file; the next run does the rest. A device that is short of
# memory at some allocation goes on with less, or ends the run with a clear message. SIM: folder of the simulated
# device's libraries.
. "$(dirname "$0")/../crash/crash_common.sh"
export LD_LIBRARY_PATH=$2
# LeakSanitizer's tracer crashes now and then in a process whose threads have just ended; leaks are for other tests.
export ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0
few=0
parts='1 96' sizes='300 120 60 10' options=
# A few of all that only, and without the self-test, which takes most of a run with sanitizers and meets the same calls.
[ "${3:-}" != few ] || few=1 parts=96 sizes=300 options='--self-test off'
export TRIALS=2 IMAGES=4
# Without a cache, each run makes the calls of the first one.
cuda() {
    # shellcheck disable=SC2086 # options are words
    run "$@" --device cuda --threads 2 --no-cache $options
}
# rest DB: runs what is missing of DB.
rest() {
    run "$1" --device cuda --threads 2 --self-test off
}
export BITSINK_SIM_CALLS=$tmp/calls
cuda whole.db || die "the undisturbed run"
unset BITSINK_SIM_CALLS
# calls_of NAME [FILE]
calls_of() {
    awk -v f="$1" '$1 == f { print $2 }' "${2:-calls}"
}

lost=0
middle=0
turn=0
for name in cuLaunchKernel cublasLtMatmul cuStreamSynchronize cuMemcpyHtoDAsync cuMemcpyDtoHAsync \
    cuMemcpyDtoDAsync cuModuleLoadData cuModuleGetFunction cuStreamCreate cuDevicePrimaryCtxRetain cublasLtCreate \
    cublasLtMatmulAlgoGetHeuristic cudnnBackendFinalize cudnnBackendExecute; do
    turn=$((turn + 1))
    [ "$few" = 0 ] || [ $((turn % 7)) = 1 ] || continue
    total=$(calls_of $name)
    [ -n "$total" ] || die "$name was never called"
    for part in $parts; do
        k=$((total * part / 100))
        [ $k -gt 0 ] || k=1
        rm -f r.db made
        BITSINK_SIM_CALLS=$tmp/made BITSINK_SIM_FAIL=$name:$k cuda r.db
        code=$?
        # A run that measures other speeds may make fewer calls than the first one did.
        [ $code != 0 ] || [ "$(calls_of $name made)" -ge "$k" ] || continue
        [ $code = 4 ] || die "$name number $k of $total fails: exit code $code, not 4"
        grep -q '^error: .*\(cu\|cublasLt\)[A-Za-z0-9]* failed: ' log || die "$name number $k: not the message"
        lost=$((lost + 1))
        if [ -e r.db ] && [ "$(rows r.db)" -gt 0 ]; then
            consistent r.db
            middle=$((middle + 1))
        fi
        rest r.db || die "the run after $name number $k"
        same whole.db r.db
    done
done
[ $middle -gt 0 ] || die "no failure hit the middle of the work"
echo "$lost lost devices, $middle of them in the middle of the work: the next run does the rest"

total=$(calls_of cuMemAlloc)
went_on=0
for k in $(seq $((few ? total / 2 : 1)) $((total / (few ? 1 : 9) + 1)) "$total"); do
    rm -f r.db
    BITSINK_SIM_FAIL=cuMemAlloc:$k cuda r.db
    code=$?
    if [ $code = 0 ]; then
        went_on=$((went_on + 1))
    else
        [ $code = 1 ] || die "allocation number $k of $total fails: exit code $code, not 1"
        grep -q '^error: .*out of device memory' log || die "allocation number $k: not the message"
        grep -q '^hint: use a smaller --batch' log || die "allocation number $k: not the hint"
        rest r.db || die "the run after allocation number $k"
    fi
    same whole.db r.db
done
[ $few = 1 ] || [ $went_on -gt 0 ] || die "no run went on with less memory"
echo "allocations that fail: $went_on runs went on with less"

# From ample to too little.
fits=0
for mib in $sizes; do
    rm -f r.db
    if BITSINK_SIM_MEMORY=$(((mib << 20) + 12342)) run r.db --device cuda; then
        same whole.db r.db
        fits=$((fits + 1))
    else
        grep -q '^hint: ' log || die "$mib MiB: no hint"
    fi
done
[ $fits -gt 0 ] || die "no campaign fits into 300 MiB"
echo "a small device: $fits of its sizes suffice, with the same rows"
