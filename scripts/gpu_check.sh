#!/bin/sh
# Tries bitsink on a machine with a GPU and nothing to install, in less than ten minutes.
#   gpu_check.sh [--small] [BUNDLE]
# BUNDLE: the folder that scripts/bundle.sh made (this script's own, else build/bundle). Needs a driver; cuBLAS and
# cuDNN where the loader finds them or in python3's packages (PyTorch brings them), which PYTHON names; numpy, onnx and
# torch for some steps. A step that cannot run says so, one that fails does not keep the others from running, and all
# end after $BITSINK_CHECK_SECONDS (570). Ends with a table, and writes it with all output to $OUT/gpu-report.md
# (./gpu-report.md). --small: little of everything, to try the script itself on a simulated device.
# $BITSINK_CHECK_STEPS names the steps to do, separated by spaces (all): probe operators tokens changes boxes exactness
# replay conformance logits campaign digests vgg19 resnet50 mobilenetv2 peers memcheck racecheck.
# Exit code: 0 all that could run is well, 1 some step failed, 4 no device.
# shellcheck disable=SC2317 # steps are called by name
set -u

# --- steps: each prints what it does; its last line "figure: ..." goes into the table; 77: it cannot run here ---

unavailable() {
    echo "figure: $*"
    exit 77
}
# show COMMAND...: prints it, without folders that say nothing, and runs it.
show() {
    echo "\$ $*" | sed "s|$scratch/||g"
    "$@"
}
# into FILE COMMAND...: the same with the output in a file.
into() {
    file=$1
    shift
    echo "\$ $*" | sed "s|$scratch/||g"
    "$@" >"$file" 2>&1
}
need_data() {
    [ -d "$BITSINK_TEST_DATA/models" ] || unavailable "no models in the bundle"
}
need_python() {
    for module in "$@"; do
        "$python" -c "import $module" 2>/dev/null || unavailable "no Python package $module"
    done
}
field() {
    sed -n "s/.*\"$1\": \"\{0,1\}\([^,}\"]*\).*/\1/p"
}
# campaign DB OPTION...: the reference campaign, or a smaller one.
campaign() {
    db=$1
    shift
    if [ "$small" = 1 ]; then job=mnist; else job=reference; fi
    show bin/bitsink run "tests/jobs/$job.yaml" --quiet --db "$scratch/$db" "$@"
}
trials() {
    if [ "$small" = 1 ]; then echo "${1%:*}"; else echo "${1#*:}"; fi
}

step_probe() {
    if [ "$small" = 1 ]; then set -- --small; else set --; fi
    show bin/gpu_probe "$@" "$scratch" | tee "$scratch/probe" && cp "$scratch/deviceprop.json" "$out" 2>/dev/null
    rates=$(sed -n 's/.*read and written.*: \(.*\) GB.s/copy \1 GB\/s/p; s/.*fp32 products.*: \(.*\) TFLOP.s/fp32 \1 TFLOP\/s/p' \
        "$scratch/probe" | paste -sd, | sed 's/,/, /')
    exact=$(grep -c 'cudnn.*first exact' "$scratch/probe")
    tested=$(sed -n 's/^\([0-9]* of [0-9]*\) layers$/\1/p' "$scratch/probe")
    echo "figure: $rates; cuDNN exact for $exact layers, tried ${tested:-none}"
    grep -q '^error: ' "$scratch/probe" && return 1
    return 0
}
# What every device must do, by the programs that test the CPU.
step_operators() { tested bin/test_cpu_ops; }
step_tokens() { tested bin/test_cpu_tokens; }
step_changes() { tested bin/test_delta_ops; }
step_boxes() { tested bin/test_reach_tokens 40; }
step_exactness() { tested bin/test_cpu_exact; }
step_replay() {
    [ "$small" = 0 ] || BITSINK_TEST_DATA=/none # the bundled network only
    tested bin/test_replay
}
tested() {
    into "$scratch/tested" env BITSINK_TEST_DEVICE=cuda "$@"
    code=$?
    grep -E '^\[  (PASSED|FAILED|SKIPPED)|^\[==========\]|ERROR|error:' "$scratch/tested" | tail -40
    failed=$(sed -n 's/^\[  FAILED  \] \([0-9]*\) test(s).*/\1/p' "$scratch/tested")
    echo "figure: $(grep -c '^\[       OK' "$scratch/tested") tests passed, ${failed:-0} failed"
    return "$code"
}
step_conformance() {
    [ -d data/onnx ] || unavailable "no ONNX node tests in the bundle"
    into "$scratch/tested" env BITSINK_TEST_DEVICE=cuda bin/conformance 466 data/onnx
    code=$?
    tail -20 "$scratch/tested"
    echo "figure: $(tail -1 "$scratch/tested")"
    return "$code"
}
step_logits() {
    need_data
    for job in "reference 40" "cifar 100" "mnist 200"; do
        name=${job% *}
        for device in cpu cuda; do
            into "$scratch/log" env BITSINK_IMAGES=40 bin/bitsink classify "tests/jobs/$name.yaml" --quiet \
                --device "$device" --logits "$scratch/$name.$device" || { cat "$scratch/log"; return 1; }
        done
        into "$scratch/answer" "$python" tests/gpu/compare.py logits "$scratch/$name.cpu" "$scratch/$name.cuda" \
            "${job#* }" || bad=1
        cat "$scratch/answer"
        figures="${figures:-}${figures:+; }$name: $(sed -n 's/^figure: //p' "$scratch/answer")"
    done
    echo "figure: $figures"
    return "${bad:-0}"
}
step_campaign() {
    need_data
    BITSINK_TRIALS=$(trials 1:2)
    BITSINK_IMAGES=$(trials 1:40)
    export BITSINK_TRIALS BITSINK_IMAGES
    for device in cpu cuda; do
        campaign "$device.db" --device "$device" --json --self-test always || return 1
    done
    show "$python" tests/gpu/compare.py results "$scratch/cpu.db" "$scratch/cuda.db"
}
step_digests() {
    need_data
    BITSINK_IMAGES=$(trials 1:8)
    export BITSINK_TRIALS=1 BITSINK_IMAGES
    for variant in "cuda delta" "cuda delta" "cuda suffix" "cuda full" \
        "cuda:0,cudnn delta" "cuda:0,cudnn full" "cuda:0,gemm delta" "cuda:0,gemm full"; do
        device=${variant% *}
        rm -f "$scratch/digest.db"*
        if ! campaign digest.db --device "$device" --replay "${variant#* }" >"$scratch/log" 2>&1; then
            cat "$scratch/log"
            case $device in
            *cudnn) grep -qi 'cudnn' "$scratch/log" && missing="; no cuDNN that starts" && continue ;;
            esac
            return 1
        fi
        digest=$(bin/bitsink digest "$scratch/digest.db") || return 1
        echo "$variant: $digest"
        [ "$device" = "${previous:-}" ] && [ "$digest" != "$first" ] && differ="${differ:-} $variant"
        [ "$device" = "${previous:-}" ] || { previous=$device first=$digest engines="${engines:-}${engines:+, }$device"; }
    done
    echo "figure: ${differ:+DIFFERENT:$differ; }one digest each: $engines${missing:-}"
    [ -z "${differ:-}" ]
}
# bench NETWORK: the bundled one instead with --small.
bench() {
    model=$1
    if [ "$small" = 1 ]; then
        [ "$1" = vgg19 ] || unavailable "left out: --small"
        model=tests/models/fashion_vgg.onnx
    fi
    into "$scratch/bench" bin/bitsink bench "$model" --device cuda --trials "$(trials 4:64)" --json --quiet
    code=$?
    cat "$scratch/bench"
    sed 's/, "targets": .*//' "$scratch/bench" >"$scratch/totals" # the keys of each target are the same
    echo "figure: $(total golden_per_second) golden images/s; trials/s: delta $(total delta_per_second), suffix $(total \
        suffix_per_second), all to the end $(total dense_suffix_per_second), full $(total full_per_second); full: $(percent \
        full_share) % of the fp32 rate (goal 60); injection $(percent inject_share) % of the delta replay (goal < 1); exact $(total exact)"
    return "$code"
}
total() {
    field "$1" <"$scratch/totals"
}
percent() {
    total "$1" | awk '{ printf "%.1f", 100 * $1 }'
}
step_vgg19() { bench vgg19; }
step_resnet50() { bench resnet50; }
step_mobilenetv2() { bench mobilenetv2; }
step_peers() {
    need_python numpy onnx torch pytorchfi
    need_data
    model=$BITSINK_TEST_DATA/models/cifar10_resnet20.onnx
    if [ "$small" = 0 ]; then
        model=$scratch/vgg19.onnx
        show bin/bitsink synth vgg19 "$model" || return 1
    fi
    show "$python" scripts/bench_peers.py bin/bitsink "$model" --device cuda
}
sanitize() {
    need_data
    tool=$(command -v compute-sanitizer) || tool=/usr/local/cuda/bin/compute-sanitizer
    [ -x "$tool" ] || unavailable "no compute-sanitizer"
    export BITSINK_TRIALS=1 BITSINK_IMAGES=1
    into "$scratch/sanitize" "$tool" --tool "$1" --error-exitcode 9 bin/bitsink run tests/jobs/reference.yaml --quiet \
        --device cuda --self-test off --threads 1 --db "$scratch/$1.db"
    code=$?
    tail -15 "$scratch/sanitize"
    summary=$(sed -n 's/^=* *\(\(ERROR\|RACECHECK\) SUMMARY.*\)/\1/p' "$scratch/sanitize" | tail -1)
    if grep -qi 'device not supported\|not supported on this' "$scratch/sanitize" || [ -z "$summary" ]; then
        unavailable "compute-sanitizer does not work here (exit code $code)"
    fi
    echo "figure: $summary"
    return "$code"
}
step_memcheck() { sanitize memcheck; }
step_racecheck() { sanitize racecheck; }

# name, seconds at most
steps='probe 125
operators 60
tokens 60
changes 30
boxes 40
exactness 60
replay 120
conformance 90
logits 60
campaign 90
digests 90
vgg19 60
resnet50 60
mobilenetv2 60
peers 90
memcheck 60
racecheck 60'

if [ "${1:-}" = --step ]; then
    "step_$2"
    exit
fi

# --- the bundle, and the libraries ---

self=$(realpath "$0")
small=0
[ "${1:-}" != --small ] || { small=1; shift; }
case ${1:-} in
-*) sed -n '2,13s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
bundle=${1:-$(dirname "$self")}
[ -e "$bundle/bitsink-gpu.tar.gz" ] || bundle=${1:-build/bundle}
if [ ! -e "$bundle/bitsink-gpu.tar.gz" ]; then
    echo "error: no bitsink-gpu.tar.gz in '$bundle'" >&2
    echo "hint: make it with scripts/bundle.sh where CUDA is installed, and name its folder" >&2
    exit 2
fi
out=$(realpath "${OUT:-.}")
started=$(date +%s)
slower=1
[ "$small" = 0 ] || slower=8 # a simulated device
limit=${BITSINK_CHECK_SECONDS:-$((570 * slower))}
python=${PYTHON:-python3}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' INT TERM
mkdir "$scratch/root"
tar -C "$scratch/root" -xzf "$bundle/bitsink-gpu.tar.gz" || exit 1
cd "$scratch/root" || exit 1

# Where PyTorch's packages have NVIDIA's libraries; the loader's own come first, so that a simulated device wins.
libraries=$("$python" -c 'import glob, nvidia
print(":".join(sorted(d for p in nvidia.__path__ for d in glob.glob(p + "/*/lib"))))' 2>/dev/null)
LD_LIBRARY_PATH=${LD_LIBRARY_PATH:-}${LD_LIBRARY_PATH:+:}$libraries
BITSINK_TEST_DATA=$scratch/root/data
PYTHONPATH=$scratch/root/python${PYTHONPATH:+:$PYTHONPATH}
export LD_LIBRARY_PATH BITSINK_TEST_DATA PYTHONPATH small scratch python out
devices=$(bin/bitsink devices)
echo "$devices"
if ! echo "$devices" | grep -q '^cuda:0'; then
    echo "error: no CUDA device" >&2
    exit 4
fi

# --- all steps, the table, the report ---

table=$scratch/table
printf '| step | result | seconds | figure |\n|---|---|---|---|\n' >"$table"
failed=0
while read -r name most; do
    case " ${BITSINK_CHECK_STEPS:-$name} " in
    *" $name "*) ;;
    *) continue ;;
    esac
    left=$((limit - $(date +%s) + started))
    most=$((most * slower))
    [ "$left" -lt "$most" ] || left=$most
    echo
    echo "== $name"
    begin=$(date +%s)
    : >"$scratch/$name.log"
    if [ "$left" -lt 5 ]; then
        code=-1
    else
        timeout -k 5 "$left" sh "$self" --step "$name" >"$scratch/$name.log" 2>&1 </dev/null
        code=$?
    fi
    cat "$scratch/$name.log"
    case $code in
    0) result=passed ;;
    77) result=unavailable ;;
    124 | 137) result="OUT OF TIME" ;;
    -1) result="no time left" ;;
    *) result="FAILED ($code)" ;;
    esac
    case $code in 0 | 77 | -1) ;; *) failed=1 ;; esac
    figure=$(sed -n 's/^figure: //p; s/^SKIP: //p' "$scratch/$name.log" | tail -1 | tr '|' '/')
    echo "| $name | $result | $(($(date +%s) - begin)) | $figure |" >>"$table"
done <<STEPS
$steps
STEPS

{
    echo "# bitsink on $(echo "$devices" | sed -n 's/^cuda:0 *//p')"
    echo
    echo "Made by \`scripts/gpu_check.sh$([ "$small" = 0 ] || echo ' --small')\` on $(date -u +%Y-%m-%d), version $(cat VERSION), in $(($(date +%s) - started)) s."
    echo "$(nproc) CPU cores; driver: $(nvidia-smi --query-gpu=driver_version --format=csv,noheader 2>/dev/null || echo unknown)."
    echo
    cat "$table"
    echo "$steps" | while read -r name most; do
        [ -e "$scratch/$name.log" ] || continue
        printf '\n## %s\n\n```\n' "$name"
        sed "s|$scratch|.|g" "$scratch/$name.log" | grep -v '^figure: '
        printf '```\n'
    done
} >"$out/gpu-report.md"
echo
cat "$table"
echo
echo "report: $out/gpu-report.md"
exit $failed
