# Scores depend on the instruction set in their last digits, so only what is far from a tie is shown.
scores() {
    sed -e 's/^\(  [1-5]\.  *[0-9]*\)  *[-0-9.]*  /\1  /' -e 's/first: \([0-9.]*\)[0-9][0-9]$/first: \1/'
}
t classify --device cpu jobs/small.yaml | scores
t classify --device cpu --json jobs/small.yaml | sed 's/\("score"\|"probability"\): [-0-9.e+]*/\1: _/g'
t classify --device cpu models/fashion_vgg.onnx
t classify --device cpu jobs/small.yaml missing.png
