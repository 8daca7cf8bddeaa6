t runn
t frobnicate
t help runn
t run
t run a b
t run --frob jobs/small.yaml
t run --json=1 jobs/small.yaml
t run jobs/small.yaml --db
t run --threads 0 jobs/small.yaml
t run --threads 2x jobs/small.yaml
t run --batch 5000 jobs/small.yaml
t run --replay sparse jobs/small.yaml
t run --self-test never --device null jobs/small.yaml
t run --device gpu jobs/small.yaml
t run --device null:x jobs/small.yaml
t run --device cpu:3 jobs/small.yaml
t digest
t bn
