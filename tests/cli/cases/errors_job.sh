# edit 's/from/to/': a job with one mistake.
edit() {
    echo "# $1"
    sed "$1" jobs/small.yaml >jobs/wrong.yaml
    t plan --device null --threads 2 jobs/wrong.yaml
}
edit 's/^seed/sed/'
edit 's/bits: exponent/bitz: exponent/'
edit 's/bits: exponent/bits: exponents/'
edit 's/bits: exponent/bits: 32/'
edit 's/fault: flip/fault: flop/'
edit 's/\[conv1_2, fc1\]/[conv1_3, fc1]/'
edit 's/{name: conv3_1, kind: weight}/{op: Convolution}/'
edit 's/{name: conv3_1, kind: weight}/{kind: weights}/'
edit 's/{name: conv3_1, kind: weight}/{kind: [weight, bias]}/'
edit 's/{name: conv3_1, kind: weight}/{id: 99}/'
edit 's/id: 2/id: 1/'
edit 's/id: 2/id: 256/'
edit 's/ber: 1e-4/ber: 2/'
edit 's/fault: flip$/scope: inferenc/'
edit 's/{name: conv3_1, kind: weight}/{name: conv3_1, kind: weight, probability: 0.5}/'
edit 's/ber: 1e-4/ber: [1e-4, 1e-3]/; s/id: 1$/id: 4/'
edit 's/ber: 1e-4/count: all\n    shared_bit: true\n    scope: inference\n    storage: pool2/'
edit 's/fault: flip$/fault: none/'
edit 's/trials: 5/trials: -5/'
edit 's/trials: 5/trials: many/'
edit 's/^model: .*/model: ..\/models\/missing.onnx/'
edit 's/fashion_classes.txt/missing.txt/'
edit 's/t10k-labels-idx1/t10k-images-idx3/'
edit '/^model/d'
edit '/^faults/,$d'
edit 's/^name: small/name: [small/'
SEED=-1 t plan --device null jobs/small.yaml
: >jobs/empty.yaml
t plan --device null jobs/empty.yaml
head -n 3 models/fashion_vgg.onnx >jobs/binary.yaml
t plan --device null jobs/binary.yaml
t plan --device null jobs/missing.yaml
t plan --device null jobs
