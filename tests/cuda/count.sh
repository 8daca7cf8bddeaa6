#!/bin/sh
# count.sh BUILD [MODEL...]: what campaigns of large networks ask of a GPU, counted on a simulated one that computes nothing
# (BITSINK_SIM_COUNT in sim.h): a line for each network, all figures per trial. MODEL: one of `bitsink synth`, or `small`,
# the bundled network (tests/cli/small.yaml); default: vgg19 resnet50. The campaign is tests/jobs/vgg19.yaml on images made here.
# BITSINK_IMAGES (64), BITSINK_TRIALS (5) and THREADS (3) change its size; OUT: a folder to keep the counts in, as MODEL.count.
set -eu
build=$(realpath "$1")
shift
[ $# -gt 0 ] || set -- vgg19 resnet50
OUT=${OUT:+$(realpath "$OUT")}
cd "$(dirname "$0")/../.."
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
export BITSINK_IMAGES="${BITSINK_IMAGES:-64}" BITSINK_TRIALS="${BITSINK_TRIALS:-5}" BITSINK_TEST_DATA="$tmp" LD_LIBRARY_PATH="$build/sim"
export BITSINK_SIM_DNN=exact BITSINK_SIM_BLAS=exact BITSINK_SIM_MEMORY=139000000000 # bytes free on an H200

# Files of BITSINK_IMAGES images and their labels: what they show does not matter, but each is another one.
make_images() {
    mkdir "$tmp/imagenet-200"
    python3 - "$BITSINK_IMAGES" "$tmp/imagenet-200" <<'PYTHON'
import struct, sys, zlib
n, folder, size, ramp = int(sys.argv[1]), sys.argv[2], 256, bytes(range(256)) * 4
def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
with open(f"{folder}/labels.csv", "w") as labels:
    labels.write("file,label\n")
    for i in range(n):
        rows = b"".join(b"\0" + ramp[y * (i + 1) % 256 :][: 3 * size] for y in range(size))
        header = struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
        with open(f"{folder}/{i}.png", "wb") as f:
            f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b""))
        labels.write(f"{i}.png,{i % 1000}\n")
PYTHON
}
# table MODEL TRIALS: the line of a network, from its counts.
table() {
    awk -v model="$1" -v trials="$2" '
        function line(text, value) { head = head sprintf(" %s |", text); rule = rule "---|"; row = row sprintf(" %s |", value) }
        function each(text, format, value) { line(text, sprintf(format, value / trials)) }
        function padding(name) { line("padding", sprintf("%.2f %%", macs[name] ? 100 * (1 - asked[name] / macs[name]) : 0)) }
        { calls[$1] = $2; bytes[$1] = $3; macs[$1] = $4; asked[$1] = $5; seconds[$1] = $6 }
        !/^cu/ { own += $3 }
        END {
            conv = "cudnnBackendExecute"; gemm = "cublasLtMatmul"
            line("network", model); line("trials", trials)
            each("launches", "%.4f", calls["cuLaunchKernel"]); each("waits", "%.4f", calls["cuStreamSynchronize"])
            each("copies in", "%.4f", calls["cuMemcpyHtoDAsync"]); each("bytes in", "%.0f", bytes["cuMemcpyHtoDAsync"])
            each("copies out", "%.4f", calls["cuMemcpyDtoHAsync"]); each("bytes out", "%.0f", bytes["cuMemcpyDtoHAsync"])
            each("memsets", "%.4f", calls["cuMemsetD8Async"]); each("kernels: MB", "%.3f", own / 1e6)
            each("convolutions", "%.4f", calls[conv]); each("million MACs", "%.2f", macs[conv] / 1e6); padding(conv)
            each("us (model)", "%.2f", seconds[conv] * 1e6)
            each("products", "%.4f", calls[gemm]); each("million MACs", "%.2f", macs[gemm] / 1e6); padding(gemm)
            each("us (model)", "%.2f", seconds[gemm] * 1e6)
            if (heading) print "|" head "\n|" rule
            print "|" row
        }' heading="$heading" "$counts/$1.count"
}

counts=${OUT:-$tmp} heading=1
for model in "$@"; do
    job=tests/jobs/vgg19.yaml
    if [ "$model" = small ]; then
        job=$tmp/jobs/small.yaml
        mkdir "$tmp/jobs"
        cp tests/cli/small.yaml tests/jobs/fashion_classes.txt "$tmp/jobs"
        ln -s "$PWD/tests/models" "$tmp"
    else
        [ -d "$tmp/imagenet-200" ] || make_images
        export BITSINK_MODEL="$tmp/$model.onnx"
        "$build/bitsink" synth "$model" "$BITSINK_MODEL" >"$tmp/log"
    fi
    start=$(date +%s)
    BITSINK_SIM_COUNT=$counts/$model.count "$build/bitsink" run --quiet --db "$tmp/$model.db" --device cuda --threads "${THREADS:-3}" \
        --self-test off --no-cache "$job" >"$tmp/log" 2>&1 || { cat "$tmp/log" >&2; exit 1; }
    table "$model" "$(sqlite3 "$tmp/$model.db" 'SELECT count(*) FROM trial')"
    echo "$model: $(($(date +%s) - start)) s" >&2
    heading=
    rm -f "$tmp/$model.onnx" "$tmp/$model.db"*
done
