#!/bin/sh
# simulated_gpu_check.sh BUILD [full]: scripts/gpu_check.sh --small on the simulated device, from a bundle made of what BUILD has. The
# test programs, which are tests of their own, are stand-ins here; with `full` they are the real ones.
set -eu
build=$(realpath "$1")
cd "$(dirname "$0")/../.."
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
root=$tmp/root
programs='test_cpu_ops test_cpu_tokens test_delta_ops test_regions test_receptive_field_tokens test_cpu_exact test_replay
    test_replay_network test_replay_types conformance'
good='echo "[==========] Running 2 test(s)."
echo "[       OK ] one"
echo "[       OK ] two"
echo "[  PASSED  ] 2 test(s)."'

mkdir -p "$root/bin" "$root/tests/gpu" "$root/scripts" "$root/data"
ln -s "$build/bitsink" "$build/tests/gpu/gpu_probe" "$root/bin"
cp -r tests/models tests/jobs "$root/tests"
cp tests/gpu/compare.py "$root/tests/gpu"
cp scripts/gpu_steps.sh scripts/bench_peers.py "$root/scripts"
echo test >"$root/VERSION"
getconf GNU_LIBC_VERSION >"$root/GLIBC"
mkdir "$tmp/tools" # a memory checker that says what $tmp/errors has, also where there is a real one
cat >"$tmp/tools/compute-sanitizer" <<TOOL
#!/bin/sh
cat "$tmp/errors"
exit \$(sed -n 's/.*SUMMARY: \([0-9]*\).*/\1/p' "$tmp/errors" | sed 's/^[1-9].*/9/')
TOOL
chmod +x "$tmp/tools/compute-sanitizer"
echo '========= ERROR SUMMARY: 0 errors' >"$tmp/errors"
# stand_in PROGRAM TEXT
stand_in() {
    printf '#!/bin/sh\n%s\n' "$2" >"$root/bin/$1"
    chmod +x "$root/bin/$1"
}
for program in $programs; do
    if [ "${2:-}" = full ]; then ln -s "$build/tests/$program" "$root/bin"; else stand_in "$program" "$good"; fi
done
[ "${2:-}" != full ] || ln -s /usr/share/libonnx-testdata/data "$root/data/onnx"
pack() {
    tar -C "$root" -czf "$tmp/bitsink-gpu.tar.gz" .
}
# check WHAT...: the report is in $tmp/out then, and the exit code in $code.
check() {
    rm -rf "$tmp/out"
    mkdir "$tmp/out"
    code=0
    PATH=$tmp/tools:$PATH LD_LIBRARY_PATH=$build/sim OUT=$tmp/out TMPDIR=$tmp scripts/gpu_check.sh --small --bundle "$tmp" "$@" \
        >"$tmp/log" 2>&1 || code=$?
}
# expect REPORT LINE...: in that order and nothing else; lines of the table as extended regular expressions.
expect() {
    report=$tmp/out/$1
    shift
    awk '/^$/ && table { exit } table; /^\|---/ { table = 1 }' "$report" >"$tmp/rows" # the first table's
    n=0
    for line in "$@"; do
        n=$((n + 1))
        sed -n "${n}p" "$tmp/rows" | grep -Eq "^\| $line \|\$" && continue
        echo "row $n of $(basename "$report") is not '$line':" >&2
        cat "$tmp/rows" "$tmp/log" >&2
        exit 1
    done
    [ "$(wc -l <"$tmp/rows")" = $n ] || { echo "other rows in $(basename "$report")" >&2; cat "$tmp/rows" >&2; exit 1; }
}
same() {
    [ "$1" = "$2" ] || { echo "'$1' is not '$2'" >&2; cat "$tmp/log" >&2; exit 1; }
}

number='[0-9][0-9.e+]*'
passed='passed \| [0-9]+ \| [0-9]+ tests passed, 0 failed'
rates="$number golden images/s; trials/s: delta $number, suffix $number, all to the end $number, full $number; full: \
$number % of the fp32 rate \(goal 60\); injection $number % of the delta replay \(goal < 1\); exact true"
machine='machine \| passed \| [0-9]+ \| .* cores, .*'

pack
check first
expect gpu-first.md "$machine" 'probe \| passed \| [0-9]+ \| .* tried [0-9]+ of [0-9]+' "vgg19 \| passed \| [0-9]+ \| $rates" \
    "changes \| $passed" "operators \| $passed" "exactness \| $passed"
same $code 0
grep -q '^| probe |' "$tmp/log"
check figures
if [ -d /usr/share/datasets/fashion-mnist ]; then
    campaigns='campaigns \| passed \| [0-9]+ \| trials/s: 3 workers .*, 1 workers .*, 6 workers .*; one digest; [1-9][0-9]* audited, [1-9][0-9]* with the same bits'
    digests='digests \| passed \| [0-9]+ \| one digest each: cuda, cuda:0,cudnn, cuda:0,gemm'
    campaign='campaign \| passed \| .*' checked='passed \| [0-9]+ \| ERROR SUMMARY: 0 errors'
else
    checked='unavailable \| .*' campaigns='campaigns \| unavailable \| .*' digests='digests \| unavailable \| .*' campaign='campaign \| unavailable \| .*'
fi
conformance='conformance \| unavailable \| .*'
[ "${2:-}" != full ] || conformance='conformance \| passed \| .*'
expect gpu-figures.md "$machine" "$campaigns" 'resnet50 \| unavailable \| .*' "$digests" "$campaign" \
    "memcheck \\| $checked" "initcheck \\| $checked" "replay \| $passed" "$conformance" \
    'peers \| (unavailable|passed) \| .*'
same $code 0
[ "${2:-}" != full ] || { cat "$tmp/out/gpu-figures.md"; exit 0; }

# Steps that die, hang, go on after their end, stop short or end without their end cost only themselves; the order is the
# one asked for.
stand_in test_delta_ops 'echo "[       OK ] one"; kill -KILL $$'
stand_in test_cpu_ops "echo '[       OK ] one'; trap '' TERM; sleep 600.$$"
stand_in test_cpu_exact 'echo "[       OK ] one"'
stand_in test_cpu_tokens 'echo "skipped: nothing to do"; exit 77'
rm "$root/bin/gpu_probe"
stand_in gpu_probe 'echo "- copy on the device, read and written, 1 MiB: 42 GB/s"; kill -ABRT $$'
pack
check operators:1 changes machine exactness tokens probe boxes network types
types='types \| unavailable \| .*'
[ ! -d /usr/share/datasets/fashion-mnist ] ||
    types="types \\| passed \\| [0-9]+ \\| trials/s: bf16 by native math $number; delta and full: one digest each"
expect gpu-steps.md 'operators \| OUT OF TIME \| [0-9]+ \| ' 'changes \| FAILED \(1\) \| [0-9]+ \| 1 tests passed, 0 failed' "$machine" \
    'exactness \| FAILED \(1\) \| [0-9]+ \| 1 tests passed, 0 failed' 'tokens \| unavailable \| [0-9]+ \| all its tests are skipped' \
    'probe \| FAILED \(1\) \| [0-9]+ \| copy 42 GB/s; .*' "boxes \| $passed" "network \| $passed" "$types"
same $code 1
grep -q 'OK . one' "$tmp/out/gpu-steps.md"
if pgrep -f "sleep 600.$$" >/dev/null; then
    echo "a step goes on after its end" >&2
    exit 1
fi

# One error, none of it counted, and a device that the checker does not know.
if [ -d /usr/share/datasets/fashion-mnist ]; then
    echo '========= ERROR SUMMARY: 1 error' >"$tmp/errors"
    check memcheck
    expect gpu-memcheck.md 'memcheck \| FAILED \(1\) \| [0-9]+ \| ERROR SUMMARY: 1 error'
    echo 'it crashed' >"$tmp/errors"
    check memcheck
    expect gpu-memcheck.md 'memcheck \| FAILED \(1\) \| [0-9]+ \| '
    echo '========= Error: Device not supported' >"$tmp/errors"
    check memcheck
    expect gpu-memcheck.md 'memcheck \| unavailable \| .*'
    # One way of computing that dies is no missing library.
    rm "$root/bin/bitsink"
    stand_in bitsink 'case "$*" in *"cuda:0,cudnn"*) kill -SEGV $$ ;; esac; exec '"$build/bitsink"' "$@"'
    pack
    check digests
    expect gpu-digests.md 'digests \| FAILED \(1\) \| .*'
fi

# A check that is killed leaves its report; one that is told to end, also the step that it was at.
for signal in KILL TERM; do
    mkdir "$tmp/$signal"
    TMPDIR=$tmp LD_LIBRARY_PATH=$build/sim OUT=$tmp/$signal setsid scripts/gpu_check.sh --small --bundle "$tmp" machine boxes \
        operators >"$tmp/log" 2>&1 &
    check=$!
    for _ in $(seq 200); do
        pgrep -f "sleep 600.$$" >/dev/null && break
        sleep 0.1
    done
    kill -s $signal -- -$check
    wait $check 2>/dev/null || true
    pkill -KILL -f "sleep 600.$$" || true
    cp -r "$tmp/$signal/." "$tmp/out"
    if [ $signal = KILL ]; then
        expect gpu-steps.md "$machine" "boxes \| $passed"
    else
        expect gpu-steps.md "$machine" "boxes \| $passed" 'operators \| INTERRUPTED \| [0-9]+ \| '
        grep -q 'OK . one' "$tmp/out/gpu-steps.md"
    fi
done

# What cannot be done is said at once.
check no-such-step
same $code 2
grep -q "there is no step 'no-such-step'" "$tmp/log"
check --bundle "$tmp/none" machine
same $code 2
code=0
OUT=$tmp/nowhere scripts/gpu_check.sh --bundle "$tmp" machine >"$tmp/log" 2>&1 || code=$?
same $code 2
code=0
rm "$root/bin/bitsink"
stand_in bitsink 'exec env LD_LIBRARY_PATH= CUDA_VISIBLE_DEVICES= '"$build/bitsink"' "$@"'
pack
check machine
same $code 4
stand_in bitsink 'exit 127'
pack
check machine
expect gpu-machine.md 'devices \| FAILED \(127\) \| .*'
same $code 1
echo "all as expected"
