# What a model leaves open: the same network with rows and columns unknown (two dimensions become names without a name).
sed -z 's/\n\x02\x08\x1c\n\x02\x08\x1c/\n\x02\x12\x00\n\x02\x12\x00/' models/fashion_vgg.onnx >models/open.onnx
t inspect models/open.onnx
t inspect --input-size 28,28 models/open.onnx | tail -2
t inspect --input-size 30,31 models/open.onnx | tail -2
t inspect --input-size 28,28 models/fashion_vgg.onnx | tail -2
t inspect --input-size 30,30 models/fashion_vgg.onnx
t inspect --input-size 28 models/open.onnx | tail -1
t inspect --input-size 28, models/open.onnx
t inspect --input-size 28,28,28 models/open.onnx
t inspect --output relu_fc1 models/fashion_vgg.onnx | tail -3
t inspect --output relu_fc2 models/fashion_vgg.onnx
t inspect --output image models/fashion_vgg.onnx
t inspect --input mask=1 models/fashion_vgg.onnx
t inspect --input mask models/fashion_vgg.onnx
t inspect --input a=1,2,b=x models/fashion_vgg.onnx
t inspect --input a=1,a=2 models/fashion_vgg.onnx
# In a job. Another size is another campaign.
open() {
    sed "s/fashion_vgg/open/; s/^seed.*/&\n${1:-}/; s/  scale.*/&\n${2:-}/" jobs/small.yaml >jobs/open.yaml
}
open
t plan --device null jobs/open.yaml
open 'input_size: 28'
t run --device null --db open.db --quiet jobs/open.yaml
open 'input_size: [30, 30]'
t plan --device null jobs/open.yaml
open 'input_size: [30, 30]' '  resize: 30'
t plan --device null --threads 2 --json jobs/open.yaml
t run --device null --db open.db jobs/open.yaml
open 'output: logit'
t plan --device null jobs/open.yaml
open 'input_size: 28\noutput: relu_fc1\nclass_names:'
sed -i '/^class_names/d' jobs/open.yaml
t plan --device null --threads 2 --json jobs/open.yaml
open 'input_size: 28\ninputs: {training: false, mask: [1, 2]}'
t plan --device null jobs/open.yaml
open 'inputs: {training: no}'
t plan --device null jobs/open.yaml
open 'input_size: 28' '  flatten: chw'
t plan --device null jobs/open.yaml
t classify --input-size 28,28 jobs/open.yaml
# An image of another size is refused before any work.
open 'input_size: 28' '  resize: [28, 30]'
t plan --device null jobs/open.yaml
t run --device null --db other.db jobs/open.yaml
ls other.db 2>/dev/null
