# Which targets are memory of their own: the key `storage` of an entry.
export TRIALS=3
t plan --device null --threads 2 jobs/small.yaml
edit() { sed "s/targets: \[conv1_2, fc1\]/targets: [conv1_2, relu1_2, fc1, relu_fc1, logits]${1:-}/" jobs/small.yaml >jobs/many.yaml; }
edit
t plan --device null --threads 2 jobs/many.yaml
t run --device null --threads 2 --self-test off --db r.db jobs/many.yaml
t bn r.db stratum
t bn r.db network_sdc --limit 2 --format csv
t digest r.db
edit '\n    storage: [{op: Conv}, {op: Gemm}]'
t plan --device null --threads 2 jobs/many.yaml
t run --device null --threads 2 --db r.db --quiet jobs/many.yaml
t bn r.db stratum
t bn r.db network_sdc --limit 2 --format csv
t digest r.db
sql r.db "SELECT layer_name, bits, storage, raw_fit, sdc_fit_high, target FROM failure_rate WHERE scope = 1"
t bn r.db set scope=1
t bn r.db bn_layer --format csv
echo "# Shards: the latest run counts."
edit
t run --device null --threads 2 --shard 1/2 --db s1.db --quiet jobs/many.yaml
edit '\n    storage: [{op: Conv}, {op: Gemm}]'
t run --device null --threads 2 --shard 2/2 --db s2.db --quiet jobs/many.yaml
sql s1.db "UPDATE run SET started = '2020-01-01T00:00:00Z'"
t merge a.db s1.db s2.db
t merge b.db s2.db s1.db
sql a.db "SELECT group_concat(storage) FROM stratum"
sql b.db "SELECT group_concat(storage) FROM stratum"
t merge b.db s1.db
sql b.db "SELECT group_concat(storage) FROM stratum"
for wrong in conv9 pool2 '{kind: weight}' '[]' '{}' '{op: Relu, kind: weight}'; do
    edit "\n    storage: $wrong"
    t plan --device null --threads 2 jobs/many.yaml
done
