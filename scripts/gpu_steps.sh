#!/bin/sh
# The steps of scripts/gpu_check.sh: gpu_steps.sh NAME, in the unpacked bundle, with the variables that it exports.
# Each step prints its results at once, so that a killed step leaves those it has. Its last line "figure: ..." goes into the
# table; the line "closing: NAME" shows that the step reached its end. Exit code 77: the step cannot run here.
# shellcheck disable=SC2154,SC2317 # variables of the environment; steps are called by name
set -u

unavailable() {
    echo "figure: $*"
    exit 77
}
# show COMMAND...: prints it, without the scratch folder, and runs it.
show() {
    echo "\$ $*" | sed "s|$scratch/||g"
    "$@"
}
# Checks for models and images: those of the bundle; with --small the network of the tests and Debian's images.
need_data() {
    if [ "$small" = 1 ]; then
        [ -d /usr/share/datasets/fashion-mnist ] || unavailable "no package dataset-fashion-mnist"
    else
        [ -d "$BITSINK_TEST_DATA/models" ] || unavailable "no models in the bundle"
    fi
}
need_python() {
    for module in "$@"; do
        "$python" -c "import $module" 2>/dev/null || unavailable "no Python package $module"
    done
}
field() {
    sed -n "s/.*\"$1\": \"\{0,1\}\([^,}\"]*\).*/\1/p"
}
# trials SMALL:FULL: prints the number that applies.
trials() {
    if [ "$small" = 1 ]; then echo "${1%:*}"; else echo "${1#*:}"; fi
}
# campaign DB OPTION...: runs the reference campaign, or a smaller one.
campaign() {
    db=$1
    shift
    if [ "$small" = 1 ]; then job=demo; else job=reference; fi
    show bin/bitsink run "tests/jobs/$job.yaml" --quiet --db "$scratch/$db" "$@"
}

# --- the machine ---

# Prints nothing that identifies a single card, and no folders of its machine.
step_machine() {
    if command -v nvidia-smi >/dev/null; then
        nvidia-smi --format=csv,noheader --query-gpu=name,driver_version,memory.total,clocks.max.sm,clocks.max.mem,power.limit 2>&1
    else
        echo "no nvidia-smi"
    fi
    echo "$(getconf GNU_LIBC_VERSION), $(nproc) cores: $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1)"
    for library in libcuda.so.1 libcublasLt.so.13 libcudnn.so.9; do
        found=
        for folder in $(echo "$LD_LIBRARY_PATH" | tr : ' '); do
            [ ! -e "$folder/$library" ] || { found=$(basename "$(dirname "$folder")")/$(basename "$folder"); break; }
        done
        [ -n "$found" ] || ! ldconfig -p 2>/dev/null | grep -q "$library " || found="the loader's"
        echo "$library: ${found:-not found}"
    done
    "$python" -c 'import importlib.metadata as m, platform
print("Python", platform.python_version())
for p in sorted(d.metadata["Name"] + " " + d.version for d in m.distributions() if d.metadata["Name"]):
    if p.startswith("nvidia-cu") or p.split()[0] in ("torch", "onnx", "onnxruntime", "numpy", "pytorchfi"):
        print(p)' 2>&1
    for tool in compute-sanitizer ncu nvcc; do
        command -v "$tool" >/dev/null && echo "has $tool"
    done
    echo "figure: $(nproc) cores, $(getconf GNU_LIBC_VERSION)"
}

# --- the device and its libraries ---

step_probe() {
    if [ "$small" = 1 ]; then set -- --small; else set --; fi
    show bin/gpu_probe "$@" "$scratch"
    code=$?
    echo "exit code $code"
    cp "$scratch/deviceprop.json" "$out" 2>/dev/null
    rates=$(sed -n 's/.*read and written.*: \(.*\) GB.s/copy \1 GB\/s/p; s/.*fp32 products.*: \(.*\) TFLOP.s/fp32 \1 TFLOP\/s/p' \
        "$log" | paste -sd, | sed 's/,/, /')
    exact=$(grep -c 'cudnn.*first exact' "$log")
    tested=$(sed -n 's/^\([0-9]* of [0-9]*\) layers$/\1/p' "$log")
    echo "figure: ${rates:-no rates}; cuDNN exact for $exact layers, tried ${tested:-none}"
    [ "$code" = 0 ] && grep -q '^probe: complete$' "$log" && ! grep -q '^error: ' "$log"
}

# --- tests that every device must pass: the programs that test the CPU ---

tested() {
    echo "\$ $*"
    env BITSINK_TEST_DEVICE=cuda "$@" 2>&1
    code=$?
    [ "$code" != 77 ] || unavailable "all its tests are skipped"
    echo "exit code $code"
    failed=$(sed -n 's/^\[  FAILED  \] \([0-9]*\) test(s).*/\1/p' "$log")
    echo "figure: $(grep -c '^\[       OK' "$log") tests passed, ${failed:-0} failed"
    [ "$code" = 0 ] && grep -q '^\[  PASSED  \] [1-9]' "$log"
}
step_operators() { tested bin/test_cpu_ops; }
step_tokens() { tested bin/test_cpu_tokens; }
step_changes() { tested bin/test_delta_ops; }
step_regions() { tested bin/test_regions; }
step_boxes() { tested bin/test_receptive_field_tokens 40; }
step_exactness() { tested bin/test_cpu_exact; }
step_network() { tested bin/test_replay_network; }
step_replay() {
    [ "$small" = 0 ] || BITSINK_TEST_DATA=/none # the bundled network only
    tested bin/test_replay
}
step_conformance() {
    [ -d data/onnx ] || unavailable "no ONNX node tests in the bundle"
    show env BITSINK_TEST_DEVICE=cuda bin/conformance data/onnx 2>&1
    code=$?
    echo "figure: $(tail -1 "$log")"
    [ "$code" = 0 ]
}

# --- speed ---

# bench NETWORK: benchmarks it; with --small the bundled network instead.
bench() {
    if [ "$small" = 0 ]; then
        model=$1
        set -- --trials 64
    else
        [ "$1" = vgg19 ] || unavailable "left out: --small"
        model=tests/models/fashion_vgg.onnx
        set -- --trials 4 --threads 2
    fi
    show bin/bitsink bench "$model" --device cuda "$@" --json 2>&1
    code=$?
    sed -n '/^{/s/, "targets": .*//p' "$log" >"$scratch/totals" # the keys of each target are the same
    echo "figure: $(total golden_per_second) golden images/s; trials/s: delta $(total delta_per_second), suffix $(total \
        suffix_per_second), all to the end $(total dense_suffix_per_second), full $(total full_per_second); full: $(percent \
        full_share) % of the fp32 rate (goal 60); injection $(percent inject_share) % of the delta replay (goal < 1); exact $(total exact)"
    [ "$code" = 0 ] && [ "$(total exact)" = true ]
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

# How long a run takes until its first row is stored: with an empty cache, and with the facts of the run before.
step_start() {
    models="vgg19 resnet50 mobilenetv2"
    [ "$small" = 0 ] || models=tests/models/fashion_vgg.onnx
    # shellcheck disable=SC2086 # models are words
    show bin/bitsink bench --start $models --device cuda --quiet 2>&1
}

# Runs a whole campaign, with decoding, golden runs, audit and the result file, with several numbers of workers; the rows
# must be the same.
step_campaigns() {
    need_data
    job=demo
    if [ "$small" = 0 ]; then
        job=vgg19
        export BITSINK_MODEL="$scratch/vgg19.onnx"
        show bin/bitsink synth vgg19 "$BITSINK_MODEL" --quiet 2>&1 || return 1
    fi
    BITSINK_TRIALS=$(trials 1:100)
    BITSINK_IMAGES=$(trials 2:40)
    export BITSINK_TRIALS BITSINK_IMAGES
    figures=
    for workers in 3 1 6; do
        db=$scratch/campaign-$workers.db
        begin=$(date +%s)
        show bin/bitsink run "tests/jobs/$job.yaml" --device cuda --db "$db" --audit "$(trials 0.5:0.01)" --json --threads "$workers" \
            --self-test "$([ "$workers" = 3 ] && echo always || echo off)" 2>&1 || return 1
        figures="$figures${figures:+, }$workers workers $(tail -1 "$log" | field trials_per_second)"
        echo "the whole command took $(($(date +%s) - begin)) s"
        echo "figure: trials/s: $figures"
        bin/bitsink status "$db" | grep '^audit' || return 1
        digest=$(bin/bitsink digest "$db") && echo "digest $digest" || return 1
        [ "${before:=$digest}" = "$digest" ] || { echo "other rows than with 3 workers"; return 1; }
    done
    audit=$(sed -n 's/^audit *\([0-9]*\) .* in full, \([0-9]*\) .*/\1 \2/p' "$log" | awk '{ run += $1; same += $2 }
        END { print run " audited, " same " with the same bits"; exit run != same || !run || NR != 3 }')
    code=$?
    echo "figure: trials/s: $figures; one digest; $audit"
    return $code
}

# --- correctness ---

step_digests() {
    need_data
    BITSINK_IMAGES=$(trials 1:8)
    export BITSINK_TRIALS=1 BITSINK_IMAGES
    dnn='cuda:0,cudnn delta:cuda:0,cudnn full:' missing=
    bin/bitsink devices | grep -q '^cuda:0.*cuDNN' || dnn='' missing='; no cuDNN'
    printf '%s' "cuda delta:cuda delta:cuda suffix:cuda full:${dnn}cuda:0,gemm delta:cuda:0,gemm full:" |
        sed 's/:cuda/\ncuda/g; s/:$/\n/' >"$scratch/variants"
    while read -r device mode; do
        rm -f "$scratch/digest.db"*
        campaign digest.db --device "$device" --replay "$mode" 2>&1 </dev/null || return 1
        digest=$(bin/bitsink digest "$scratch/digest.db") || return 1
        echo "$device $mode: $digest"
        [ "$device" = "${previous:-}" ] && [ "$digest" != "$first" ] && differ="${differ:-} $device $mode"
        [ "$device" = "${previous:-}" ] || { previous=$device first=$digest engines="${engines:-}${engines:+, }$device"; }
    done <"$scratch/variants"
    echo "figure: ${differ:+DIFFERENT:$differ; }one digest each: $engines$missing"
    [ -z "${differ:-}" ]
}
step_campaign() {
    need_data
    need_python sqlite3
    BITSINK_TRIALS=$(trials 1:2)
    BITSINK_IMAGES=$(trials 1:40)
    export BITSINK_TRIALS BITSINK_IMAGES
    for device in cpu cuda; do
        campaign "$device.db" --device "$device" --json --self-test always || return 1
    done
    show "$python" tests/gpu/compare.py results "$scratch/cpu.db" "$scratch/cuda.db"
}
step_logits() {
    need_data
    need_python array
    for job in "reference 40" "cifar 100" "mnist 200"; do
        name=${job% *}
        for device in cpu cuda; do
            show env BITSINK_IMAGES=40 bin/bitsink classify "tests/jobs/$name.yaml" --quiet --device "$device" \
                --logits "$scratch/$name.$device" 2>&1 || return 1
        done
        show "$python" tests/gpu/compare.py logits "$scratch/$name.cpu" "$scratch/$name.cuda" "${job#* }" || bad=1
        figures="${figures:-}${figures:+; }$name: $(sed -n 's/^figure: //p' "$log" | tail -1)"
    done
    echo "figure: $figures"
    return "${bad:-0}"
}
# sanitize TOOL DEVICE: runs a small campaign and checks bitsink's own kernels; those of libraries would be slow.
sanitize() {
    need_data
    checker=$(command -v compute-sanitizer) || checker=/usr/local/cuda/bin/compute-sanitizer
    [ -x "$checker" ] || unavailable "no compute-sanitizer"
    BITSINK_TRIALS=1 BITSINK_IMAGES=1
    export BITSINK_TRIALS BITSINK_IMAGES
    job=tests/jobs/$([ "$small" = 1 ] && echo demo || echo mnist).yaml
    show "$checker" --tool "$1" --kernel-name kns=bs_kernel_ --report-api-errors no --print-limit 5 --error-exitcode 9 \
        bin/bitsink run "$job" --quiet --device "$2" --self-test off --threads 1 --db "$scratch/$1.db" 2>&1
    code=$?
    ! grep -qi 'device not supported\|not supported on this' "$log" || unavailable "compute-sanitizer does not work here"
    echo "figure: $(sed -n 's/^=* *\(ERROR SUMMARY: [0-9]* errors\{0,1\}\)$/\1/p' "$log" | tail -1)"
    [ "$code" = 0 ] && grep -q 'ERROR SUMMARY: 0 errors' "$log"
}
step_memcheck() { sanitize memcheck cuda; }
# Uses our own kernels only: memory written by libraries would count as never written.
step_initcheck() { sanitize initcheck cuda:0,direct; }

# Values of 16 bits, by the arithmetic of fp32 and by engines for such values: random networks; and campaigns, of which the
# full re-runs have the digest of the delta replay. The rates of the delta replay are for comparisons with each other.
step_types() {
    need_data
    for device in cuda cuda,native; do
        tested env BITSINK_TEST_DEVICE=$device bin/test_replay_types "$(trials 1:4)" || return 1
    done
    BITSINK_TRIALS=$(trials 1:20)
    BITSINK_IMAGES=$(trials 1:100)
    export BITSINK_TRIALS BITSINK_IMAGES
    images=/usr/share/datasets/fashion-mnist
    [ "$small" = 1 ] || images=$BITSINK_TEST_DATA/mnist
    figures=
    for kind in $(trials 'bf16-native:fp32-fp32 bf16-fp32 bf16-native fp16-native'); do
        job=tests/jobs/types-$kind.yaml
        sed "s|/usr/share/datasets/fashion-mnist|$images|; s/^seed:.*/&\nstorage: ${kind%-*}\nmath: ${kind#*-}/" \
            tests/jobs/demo.yaml >"$job"
        for mode in delta full; do
            db=$scratch/types-$kind-$mode.db
            show bin/bitsink run "$job" --device cuda --db "$db" --replay $mode --json --self-test off 2>&1 || return 1
            if [ "${kind#*-}" = native ] && ! grep 'native math:' "$log" | tail -1 | grep -q ': [1-9]'; then
                echo "figure: $kind: no layer has an engine of 16 bits"
                return 1
            fi
            [ $mode = full ] || rate=$(tail -1 "$log" | field trials_per_second)
            digest=$(bin/bitsink digest "$db") && echo "digest $digest" || return 1
            [ $mode = delta ] && delta=$digest
        done
        figures="$figures${figures:+, }${kind%-*} by ${kind#*-} math $rate"
        echo "figure: trials/s: $figures"
        [ "$delta" = "$digest" ] || { echo "figure: DIFFERENT: $kind full"; return 1; }
    done
    echo "figure: trials/s: $figures; delta and full: one digest each"
}

# --- comparison with other programs ---

step_peers() {
    need_python numpy PIL onnx torch pytorchfi
    model=tests/models/fashion_vgg.onnx
    if [ "$small" = 0 ]; then
        model=$scratch/vgg19.onnx
        [ -e "$model" ] || show bin/bitsink synth vgg19 "$model" || return 1
    fi
    if [ "$small" = 1 ]; then set --; else set -- --batch 256 --trials 2048 --peer-trials 2048 --rounds 2; fi
    show "$python" scripts/bench_peers.py bin/bitsink "$model" --device cuda "$@"
}

"step_$1" || exit
echo "closing: $1"
