t run jobs/small.yaml --device null --threads 2 --timing
t run jobs/small.yaml --device null --threads 2 --timing
t run jobs/small.yaml --device null --threads 2 --timing --quiet
t run jobs/small.yaml --device null --threads 2 --json --quiet
t status small.db
t status small.db --json
TRIALS=2 t plan jobs/small.yaml --device null --threads 2 --timing --json
t digest small.db --timing
