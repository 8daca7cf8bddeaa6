# What a result file lets a later job change, and what not.
t run --device null --db r.db --quiet jobs/small.yaml
SEED=4 t run --device null --db r.db jobs/small.yaml
sed 's/bits: exponent/bits: sign/' jobs/small.yaml >jobs/other.yaml
t run --device null --db r.db jobs/other.yaml
sed 's/std: .*/std: 0.5/' jobs/small.yaml >jobs/other.yaml
t run --device null --db r.db jobs/other.yaml
cp models/fashion_vgg.onnx models/other.onnx
printf '\122\0' >>models/other.onnx # an unknown, empty field: another file, the same network
sed 's/fashion_vgg/other/' jobs/small.yaml >jobs/other.yaml
t run --device null --db r.db jobs/other.yaml
sed 's/  limit/  first: 1\n  limit/' jobs/small.yaml >jobs/other.yaml
t run --device null --db r.db jobs/other.yaml
# Other arithmetic.
t run --device cpu --db r.db --threads 1 jobs/small.yaml | sed -e 's/(null.*)/(DEVICE)/' -e '/^timed /d'
t digest r.db
# Less is fine, nothing to do; more is an extension.
TRIALS=10 t run --device null --db r.db --quiet jobs/small.yaml
t digest r.db
TRIALS=30 IMAGES=5 t run --device null --db r.db --quiet jobs/small.yaml
t digest r.db
TRIALS=30 IMAGES=5 t run --device null --db fresh.db --quiet jobs/small.yaml
t digest fresh.db
t status r.db
