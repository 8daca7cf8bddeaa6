# The stored output of each image, ranked here, must be what is printed; then a file that cannot be made, a full disk.
t classify --device cpu jobs/small.yaml --json --logits logits >answers
od -An -v -t f4 -w40 logits | awk '{
    best = 1
    for (k = 2; k <= NF; k++) if ($k + 0 > $best + 0) best = k
    printf "%d %.3f\n", best - 1, $best
}' >stored
sed -n 's/.*"top": \[{"class": \([0-9]*\), "score": \([^,]*\),.*/\1 \2/p' answers |
    awk '{ printf "%d %.3f\n", $1, $2 }' >printed
echo "$(wc -l <printed) images, $(stat -c %s logits) bytes"
diff stored printed && echo "the same best classes and scores"
t classify --device cpu jobs/small.yaml --logits absent/logits
t classify --device cpu jobs/small.yaml --logits /dev/full | grep -v '^ \|jpg\|png\|#'
