#!/bin/sh
# Packs a bundle to try bitsink on a machine with a GPU where nothing can be installed: the program, the tests of devices,
# the libraries that they load (without glibc's, the C++ runtime and CUDA's), models and images.
#   scripts/bundle.sh [OUT]
# OUT (build/bundle) gets bitsink-gpu.tar.gz, and gpu_check.sh, which unpacks and runs it: see there. That machine needs the
# glibc of this one or a later one (bundles made on Debian 12 run nearly everywhere). The build needs the CUDA toolkit and
# cuDNN; CMAKE_FLAGS go to CMake (-DBITSINK_CUDA_ROOT=...). Models and images of $BITSINK_TEST_DATA (../shared/data) and of
# libonnx-testdata are packed if present, PyTorchFI if pip can fetch it.
set -eu
if [ $# -gt 1 ]; then
    sed -n '2,/^set /s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
cd "$(dirname "$0")/.."
out=${1:-build/bundle}
data=${BITSINK_TEST_DATA:-../shared/data}
onnx=/usr/share/libonnx-testdata/data
images=40
most=$((50 << 20)) # small enough to be copied with the sources
programs="bitsink tests/gpu/gpu_probe tests/test_cpu_ops tests/test_cpu_tokens tests/test_delta_ops
          tests/test_regions tests/test_receptive_field_tokens tests/test_cpu_exact tests/test_replay
          tests/test_replay_network tests/test_replay_types tests/conformance"

echo "== build" >&2
targets=
for p in $programs; do targets="$targets ${p##*/}"; done
# DT_RPATH, not DT_RUNPATH: the loader searches it also for libraries of libraries. It is set as for an installation,
# because CMake ends the one of a build with a ":", which the loader takes as the working directory. Kernels are built for
# the usual cards of a server; later cards compile the last kind.
# shellcheck disable=SC2016,SC2086 # $ORIGIN is the loader's; flags are words
cmake -S . -B build-bundle -DCMAKE_BUILD_TYPE=Release -DBITSINK_CUDA=ON "-DBITSINK_CUDA_ARCHITECTURES=80;90" \
    -DCMAKE_BUILD_WITH_INSTALL_RPATH=ON '-DCMAKE_INSTALL_RPATH=$ORIGIN/../lib' -DCMAKE_EXE_LINKER_FLAGS=-Wl,--disable-new-dtags ${CMAKE_FLAGS:-} \
    >build-bundle.log 2>&1 || { cat build-bundle.log >&2; exit 1; }
# shellcheck disable=SC2086
cmake --build build-bundle -j "$(nproc)" --target $targets >>build-bundle.log 2>&1 || {
    tail -40 build-bundle.log >&2
    exit 1
}

echo "== pack" >&2
root=build-bundle/root
rm -rf "$root"
mkdir -p "$root/bin" "$root/lib" "$root/scripts" "$root/tests" "$root/data"
for p in $programs; do
    cp "build-bundle/$p" "$root/bin"
    strip "$root/bin/${p##*/}"
    readelf -d "$root/bin/${p##*/}" | grep -q 'RPATH.*\[$ORIGIN/../lib\]' || {
        echo "error: '$p' looks for libraries elsewhere than beside itself" >&2
        exit 1
    }
done
# The platform's own libraries are not packed, because they must match each other: those of the other machine are as old
# as here, or newer.
ldd "$root"/bin/* | awk '$2 == "=>" && $3 ~ /^\// { print $3 }' | sort -u |
    grep -Ev '/(ld-linux.*|lib(c|m|dl|rt|pthread|stdc\+\+|gcc_s))\.so' | while read -r library; do
    cp -L "$library" "$root/lib"
done
cp scripts/bench_peers.py scripts/gpu_steps.sh "$root/scripts"
cp -r tests/models tests/jobs "$root/tests"
mkdir "$root/tests/numerics" "$root/tests/gpu" "$root/tests/support"
cp tests/numerics/*.py "$root/tests/numerics"
cp tests/gpu/compare.py "$root/tests/gpu"
cp tests/support/skips.py "$root/tests/support"
if [ -d "$data" ]; then
    mkdir "$root/data/models" "$root/data/imagenet-200"
    for model in squeezenet1.1 cifar10_resnet20 mnist_cnn mobilenet_v2; do
        cp "$data/models/$model.onnx" "$root/data/models"
    done
    cp -r "$data/cifar10-100" "$data/mnist" "$root/data"
    cp "$data/imagenet-200/synset.txt" "$root/data/imagenet-200"
    head -n $((images + 1)) "$data/imagenet-200/labels.csv" >"$root/data/imagenet-200/labels.csv"
    sed '1d;s/,.*//' "$root/data/imagenet-200/labels.csv" | while read -r image; do
        cp "$data/imagenet-200/$image" "$root/data/imagenet-200"
    done
else
    echo "warning: no test data in '$data', packing none (BITSINK_TEST_DATA names another folder)" >&2
fi
if [ -d "$onnx" ]; then
    cp -r "$onnx" "$root/data/onnx"
else
    echo "warning: no '$onnx' (package libonnx-testdata), packing none" >&2
fi
# PyTorchFI, a small pure Python package, is needed for the comparison with it and is seldom installed.
if "${BITSINK_PYTHON:-python3}" -m pip install --quiet --disable-pip-version-check --no-deps --no-compile \
    --target "$root/python" pytorchfi==0.6.0 >>build-bundle.log 2>&1; then
    rm -rf "$root/python/test"
else
    echo "warning: pip gets no pytorchfi, packing none: no comparison with it (BITSINK_PYTHON names an interpreter)" >&2
fi
git describe --always --dirty >"$root/VERSION" 2>/dev/null || echo unknown >"$root/VERSION"
getconf GNU_LIBC_VERSION >"$root/GLIBC"
chmod -R u+w "$root"

mkdir -p "$out"
rm -f "$out/bitsink-gpu.tar.gz"
tar -C "$root" --owner=0 --group=0 -czf "$out/bitsink-gpu.tar.gz" .
cp scripts/gpu_check.sh "$out"
size=$(stat -c %s "$out/bitsink-gpu.tar.gz")
echo "$out/bitsink-gpu.tar.gz: $((size >> 20)) MiB ($size bytes)"
if [ "$size" -gt "$most" ]; then
    echo "error: more than $((most >> 20)) MiB" >&2
    echo "hint: leave something of '$data' out" >&2
    exit 1
fi
