# Scores depend on the instruction set in their last digits, so only what is far from a tie is shown.
scores() {
    sed -e 's/^\(  [1-5]\.  *[0-9]*\)  *[-0-9.]*  /\1  /' -e 's/first: \([0-9.]*\)[0-9][0-9]$/first: \1/'
}
t classify --device cpu jobs/small.yaml | scores
t classify --device cpu --json jobs/small.yaml | sed 's/\("score"\|"probability"\): [-0-9.e+]*/\1: _/g'
t classify --device cpu models/fashion_vgg.onnx
t classify --device cpu jobs/small.yaml missing.png
# Workers share the images: the same answers in the same order, and the first error.
for n in 1 3; do
    "$bitsink" classify --device cpu --threads $n --logits l$n.f32 jobs/small.yaml >a$n.txt
done
cmp a1.txt a3.txt && cmp l1.f32 l3.f32 && wc -l a3.txt
echo x >broken.png
echo x >too.png
t classify --device cpu --threads 2 jobs/small.yaml broken.png too.png
t classify --device cpu --threads 2 --logits l.f32 jobs/small.yaml broken.png too.png
t classify --device cpu jobs/small.yaml too.png
t classify --threads 0 jobs/small.yaml
