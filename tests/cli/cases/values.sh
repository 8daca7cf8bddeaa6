# Values of tensors: of a trial with and without its fault, of images without faults; and what cannot be written.
t run --quiet --device null --db r.db jobs/small.yaml
"$bitsink" trace --job jobs/small.yaml --device null r.db 1:19:0:0 >plain.txt 2>&1
t trace --job jobs/small.yaml --device null r.db 1:19:0:0 --dump v/ | grep -v '^conv\|^relu\|^pool\|^fc'
"$bitsink" trace --quiet --job jobs/small.yaml --device null r.db 1:19:0:0 --dump again | cmp - plain.txt
diff -r v again && find v -type f | sort
cat v/index.csv
# A faulty weight, and tensors by name, pattern and id, changed or not.
t trace --job jobs/small.yaml --device null r.db 2:9:1:7 --dump w --tensor 'conv3_1*' --tensor '#0' --tensor conv1_1.weight | tail -1
cat w/index.csv
for f in w/golden/*; do cmp -s "$f" "w/faulty/${f##*/}" || echo "${f##*/} differs"; done
cmp -l w/golden/conv3_1.weight.npy w/faulty/conv3_1.weight.npy | wc -l
# Folders that cannot be made, and a full disk: nothing stays.
mkdir empty
t trace --quiet --job jobs/small.yaml --device null r.db 1:19:0:0 --dump empty | tail -1
t trace --job jobs/small.yaml --device null r.db 1:19:0:0 --dump v
t trace --job jobs/small.yaml --device null r.db 1:19:0:0 --dump r.db
t trace --job jobs/small.yaml --device null r.db 1:19:0:0 --dump absent/v
t trace --job jobs/small.yaml --device null r.db 1:19:0:0 --dump ''
(ulimit -f 8; t trace --job jobs/small.yaml --device null r.db 1:19:0:0 --dump full)
t trace --job jobs/small.yaml --device null r.db 1:19:0:0 --tensor fc1
t trace --job jobs/small.yaml --device null r.db 1:19:0:0 --dump x --tensor conv1_1 --tensor fc11
t trace --job jobs/small.yaml --device null r.db 1:19:0:0 --dump x --tensor '#99'
ls -d v w empty full* x* absent* 2>&1
# The same of images.
t classify --device null jobs/small.yaml --tensor pool3 --tensor 'relu_f*' | grep tensor
t classify --quiet --device cpu jobs/small.yaml --tensor pool3 --tensor 'fc1*' --dump c |
    sed -n 's/^\(  tensor .*)\): .*, \(0 NaN.*\)/\1, \2/p; s/^\(    [1-5]\. \).*  at/\1 at/p' | sed 's/at [0-9].*/at PLACE/' | tail -6
cat c/index.csv
"$bitsink" classify --quiet --device cpu jobs/small.yaml --json --tensor logits >answers
sed -n 's/.*"top": \[\({[^,]*, "score": [^,]*\),.*"largest": \[\({[^}]*\)}.*/\1 \2/p' answers |
    awk '{ if ($2 == $6 && $4 == $8 "") print "the largest logit is the first class" }' | tr -d ,
t classify --device cpu jobs/small.yaml --dump d
t classify --device cpu jobs/small.yaml --dump d --tensor conv1_1.weight
t classify --device cpu jobs/small.yaml --dump c --tensor conv1_1
echo x >broken.png
t classify --device cpu --quiet jobs/small.yaml broken.png broken.png --tensor conv1_1 --dump d
ls -d d*
