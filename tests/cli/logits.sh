#!/bin/sh
# logits.sh BITSINK: `classify --logits` stores the whole output of each image, the printed scores among it.
set -eu
bitsink=$1
cd "$(dirname "$0")/../.."
[ -d /usr/share/datasets/fashion-mnist ] || { echo "SKIP: no package dataset-fashion-mnist"; exit 77; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
fail() { echo "FAIL: $*"; exit 1; }

sed -e "s|^model: .*|model: $PWD/tests/models/fashion_vgg.onnx|" -e 's/limit: .*/limit: 7/' tests/jobs/demo.yaml \
    >"$dir/job.yaml"
"$bitsink" classify "$dir/job.yaml" --json --logits "$dir/logits" >"$dir/answers"
[ "$(wc -l <"$dir/answers")" = 7 ] || fail "7 images were asked for"
[ "$(stat -c %s "$dir/logits")" = 280 ] || fail "7 x 10 floats are 280 bytes"

# Best class and score of each image, once from the file and once as printed.
od -An -v -t f4 -w40 "$dir/logits" | awk '{
    best = 1
    for (k = 2; k <= NF; k++) if ($k + 0 > $best + 0) best = k
    printf "%d %.4f\n", best - 1, $best
}' >"$dir/stored"
sed 's/.*"top": \[{"class": \([0-9]*\), "score": \([^,]*\),.*/\1 \2/' "$dir/answers" |
    awk '{ printf "%d %.4f\n", $1, $2 }' >"$dir/printed"
diff "$dir/stored" "$dir/printed" || fail "file (left) and answers (right) differ"

# A file that cannot be made, and a disk that is full.
for path in "$dir/absent/logits" /dev/full; do
    status=0
    "$bitsink" classify "$dir/job.yaml" --logits "$path" >/dev/null 2>"$dir/errors" || status=$?
    [ $status = 1 ] || fail "exit status $status for $path"
    grep -q "cannot write '$path'" "$dir/errors" && grep -q '^hint: ' "$dir/errors" || fail "$(cat "$dir/errors")"
done
