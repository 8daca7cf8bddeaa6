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
t bench --device null --threads 1 --trials 4 --model models/fashion_vgg.onnx | grep -E '^(target|all ways|share|delta replay|fp32)'
