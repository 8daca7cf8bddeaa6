t plan --device null --threads 2 jobs/small.yaml
t plan --device null --threads 2 --json jobs/small.yaml
TRIALS=2 t plan --device null --threads 2 --sites sites.csv jobs/small.yaml
echo "$ the sites: all of the weight, the first ten, the number of lines"
grep weight sites.csv
head -n 11 sites.csv
wc -l <sites.csv
echo "# Several targets in one inference: each with a probability, at two error rates, always the same; a list of them."
sed '/^faults/,$d' jobs/small.yaml >jobs/several.yaml
cp jobs/several.yaml jobs/listed.yaml
cat >>jobs/several.yaml <<'END'
faults:
  - {id: 1, scope: inference, targets: [{op: Conv, kind: activation, probability: 0.25}, {name: fc1, kind: weight, probability: 0.5}]}
  - {id: 2, name: rates, scope: inference, targets: {kind: bias}, ber: [1/1024, 1]}
  - {id: 4, scope: inference, targets: {op: Relu}, fault: zero, count: all, trials: 2, store_sites: all}
  - {id: 5, targets: logits, fault: none, trials: 2}
END
t plan --device null --threads 2 --sites several.csv jobs/several.yaml
cat >>jobs/listed.yaml <<'END'
faults: [{id: 1, sites: ../several.csv}, {id: 2, sites: ../several.csv}]
END
t plan --device null --threads 2 --sites again.csv jobs/listed.yaml
echo "$ the list gives the trials of the first two entries again"
grep -E '^[^,]*,(entry|1|2),' several.csv | cmp - again.csv
grep -E '^[^,]*,1,' again.csv | cut -d, -f 2-5,7 | head -n 20
echo "# A trial number with an image and without one is two trials."
sed '/^faults/,$d' jobs/small.yaml >jobs/twice.yaml
echo 'faults: [{id: 1, sites: ../twice.csv}]' >>jobs/twice.yaml
printf 'target,element,bit,image,trial\nconv1_1,1,30,0,7\nfc1.weight,6,30,,7\nfc1.bias,6,30,,8\n' >twice.csv
t plan --device null --threads 2 jobs/twice.yaml
