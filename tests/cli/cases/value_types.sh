# The small job in other types. job NAME VALUE: jobs/NAME.yaml with this storage.
job() {
    sed "s/^seed:.*/&\nstorage: $2/; s/bits: exponent/bits: sign/" jobs/small.yaml >jobs/$1.yaml
}
job fp32 fp32
job bf16 bf16
job int8 '{activations: int8, weights: int8, images: 2}'
job weights '{weights: fp8_e4m3, others: fp16}'
t plan --device null --threads 2 jobs/int8.yaml
t plan --device null --threads 2 jobs/weights.yaml
t plan --device null --threads 2 --quiet jobs/bf16.yaml
echo '$ golden and faulty runs'
t run --quiet --device cpu --threads 2 --audit 1 --db int8.db jobs/int8.yaml
t status int8.db | grep -v '^last run\|^campaign\|^first row\|^proofs'
sql int8.db "SELECT storage, length(scales) FROM campaign" \
    "SELECT id, label, type, bits, scale_run, (SELECT count(*) FROM layer_scale WHERE layer = id) FROM layer ORDER BY ordinal" \
    "SELECT DISTINCT l.type, before >> 8 FROM trial t JOIN layer l ON l.id = t.layer ORDER BY 1"
# Words as the file has them, and as the device computes them.
t trace int8.db 2:9:1:7
t trace --job jobs/int8.yaml --device cpu int8.db 2:9:1:7
echo '$ another storage, other images of the scales'
t run --device null --db int8.db jobs/bf16.yaml
job three '{activations: int8, weights: int8, images: 3}'
t run --device null --db int8.db jobs/three.yaml
IMAGES=4 t run --device null --db int8.db jobs/int8.yaml
sed 's/\(activations: .*\)images: 2/\1images: 2/; s/^  limit/  first: 5\n  limit/' jobs/int8.yaml >jobs/moved.yaml
t run --device null --db int8.db jobs/moved.yaml
echo '$ shards'
t run --quiet --device null --shard 1/2 --db s1.db jobs/int8.yaml
t run --quiet --device null --shard 2/2 --db s2.db jobs/int8.yaml
t run --quiet --device null --db whole.db jobs/int8.yaml
t merge all.db s1.db s2.db
t digest all.db
t digest whole.db
sql all.db "SELECT count(*) FROM layer_scale"
t run --quiet --device null --shard 2/2 --db other.db jobs/bf16.yaml
t merge new.db s1.db other.db
sql s2.db "UPDATE campaign SET scales = 'others'"
t merge new.db s1.db s2.db
echo '$ compared'
t run --quiet --device null --db fp32.db jobs/fp32.yaml
t compare --all fp32.db whole.db
t compare --all fp32.db fp32.db
job e4m3 '{activations: fp8_e4m3, weights: fp8_e4m3, images: 2}'
printf '  - {id: 4, targets: fc1, fault: set, value: 1, trials: 2}\n' | tee -a jobs/e4m3.yaml >>jobs/int8.yaml
t run --quiet --device null --db e4m3.db jobs/e4m3.yaml
t run --quiet --device null --db whole.db jobs/int8.yaml
t compare --all e4m3.db whole.db
echo '$ side by side'
sed 's/^seed:.*/&\nstorage: ${STORAGE:-fp32}/; s/bits: exponent/bits: sign/' jobs/small.yaml >jobs/formats.yaml
printf '  - {id: 5, targets: fc1, fault: zero, count: all}\n  - {id: 6, scope: inference, targets: {kind: weight}, trials: 2}\n' >>jobs/formats.yaml
FORMATS=formats OPTIONS='--device null --threads 2' BITSINK=$bitsink "$here/../../scripts/formats.sh" jobs/formats.yaml fp32 bf16 |
    awk 'NR > 1 { $4 = "RATE" } 1'
sql formats/bf16.db "SELECT entry, weights, round(100 * rate, 3) FROM network_outcome WHERE outcome = 'sdc1' ORDER BY 1, 2"
echo '$ lists of sites'
t plan --quiet --device null --sites sites.csv jobs/fp32.yaml
sed "/^faults:/,\$d" jobs/int8.yaml >jobs/list.yaml
printf 'faults:\n  - {id: 1, sites: ../sites.csv}\n' >>jobs/list.yaml
t plan --device null jobs/list.yaml
echo '$ mistakes'
for value in int9 fp8 '{activation: int8}' '{activations: fp8}' '{weights: int8, images: 3}' '{activations: int8, images: 0}' '[int8]'; do
    job wrong "$value"
    t plan --device null jobs/wrong.yaml
done
sed 's/^seed:.*/&\nstorage: int8/; s/bits: exponent/bits: 8/' jobs/small.yaml >jobs/wrong.yaml
t plan --device null jobs/wrong.yaml
