#!/bin/sh
# same_work.sh BITSINK SIM: the simulated device takes the routes that the CPU takes. What a trial may cost is the same
# for every target; what it did cost differs by trials whose change dies in the rounding of one device only. SIM: folder
# of the simulated device's libraries.
set -eu
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
for device in cpu cuda; do
    LD_LIBRARY_PATH=$2 "$1" bench tests/models/fashion_vgg.onnx --trials 32 --threads 1 --batch 16 --device "$device" \
        --json --quiet >"$tmp/$device"
    grep -q '"exact": true' "$tmp/$device" || { echo "$device: not exact"; exit 1; }
    grep -o '"static_mac_ratio": [0-9.e+]*' "$tmp/$device" >"$tmp/$device.static"
    grep -o '"delta_macs": [0-9.e+]*' "$tmp/$device" | head -n 1 | cut -d ' ' -f 2 >"$tmp/$device.macs"
done
[ -s "$tmp/cpu.static" ] || { echo "no ratios in what bench prints"; exit 1; }
diff "$tmp/cpu.static" "$tmp/cuda.static" || { echo "other routes"; exit 1; }
paste "$tmp/cpu.macs" "$tmp/cuda.macs" | awk '
    { d = ($1 - $2) / $1; print "macs a trial:", $1, "and", $2; bad = NF != 2 || d > 0.02 || d < -0.02 }
    END { exit bad }'
