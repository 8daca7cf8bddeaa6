#!/bin/sh
# check.sh BUILD: scripts/gpu_check.sh --small on the simulated device, with a bundle of what BUILD has: the steps that
# need no data and little time.
set -eu
build=$(realpath "$1")
cd "$(dirname "$0")/../.."
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
mkdir -p "$tmp/root/bin" "$tmp/root/tests/gpu"
ln -s "$build/bitsink" "$build/tests/gpu/gpu_probe" "$tmp/root/bin"
cp -r tests/models tests/jobs "$tmp/root/tests"
echo test >"$tmp/root/VERSION"
tar -C "$tmp/root" -czf "$tmp/bitsink-gpu.tar.gz" .
LD_LIBRARY_PATH=$build/sim OUT=$tmp BITSINK_CHECK_STEPS='probe vgg19 resnet50' scripts/gpu_check.sh --small "$tmp" \
    >"$tmp/log" 2>&1 || { cat "$tmp/log"; exit 1; }
sed -n '/^| step/,/^$/p' "$tmp/gpu-report.md"
number='[0-9][0-9.e+]*'
grep -Eq '^\| probe \| passed \| [0-9]+ \| .* tried [0-9]+ of [0-9]+ \|$' "$tmp/gpu-report.md"
grep -Eq "^\| vgg19 \| passed \| [0-9]+ \| $number golden images/s; trials/s: delta $number, suffix $number, all to the \
end $number, full $number; full: $number % of the fp32 rate \(goal 60\); injection $number % of the delta replay \(goal \
< 1\); exact true \|" "$tmp/gpu-report.md"
grep -Eq "^\| resnet50 \| unavailable \|" "$tmp/gpu-report.md"
