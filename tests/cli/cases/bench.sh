t synth vgg17 out.onnx
t synth mobilenetv2 missing/out.onnx
t synth --seed -1 mobilenetv2 out.onnx
t synth mobilenetv2 out.onnx
t inspect out.onnx | tail -3
t inspect mobilenetv2 | tail -3
t bench --model vgg19 models/fashion_vgg.onnx
t bench vgg17
t bench --device null --trials 0 models/fashion_vgg.onnx

# The names of all that is measured; the numbers are the machine's.
keys() {
    grep -o '"[a-z_0-9]*":' | sort | uniq -c
}
t bench --device null --threads 1 --trials 4 --json models/fashion_vgg.onnx | keys
t bench --device null --threads 1 --seconds 1 --golden --json models/fashion_vgg.onnx | keys
t bench --device null --threads 1 --trials 4 --model models/fashion_vgg.onnx | grep -E '^(target|all ways|share|delta replay|fp32)'

# The time until the first row, in processes of its own.
t bench --start --device null models/fashion_vgg.onnx --against "$bitsink" --json | keys
t bench --start --device null models/fashion_vgg.onnx | sed 's/[0-9][0-9]*\.[0-9][0-9]*/TIME/g; s/  */ /g'
t bench --start --device none models/fashion_vgg.onnx
t bench --start --device null missing.onnx
t bench --start --device null models/fashion_vgg.onnx --against ./missing
t bench --start --trials 3
t bench --start --seconds 3
t bench --golden --trials 3
t bench --against "x y" models/fashion_vgg.onnx
t bench models/fashion_vgg.onnx models/fashion_vgg.onnx
ls "${TMPDIR:-/tmp}" | grep bitsink-start
