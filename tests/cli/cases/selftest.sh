# Devices that are wrong on purpose. Warnings come in the order in which workers find them: one worker.
t run --device null --quiet --db right.db jobs/small.yaml
t run --device null:2 --threads 1 --db fallback.db jobs/small.yaml
t digest right.db
t digest fallback.db
sql fallback.db 'SELECT mode, selftest FROM run ORDER BY id'
t run --device null:1 --threads 1 --db batch.db jobs/small.yaml
t run --device null:1 --threads 1 --replay full --db batch.db jobs/small.yaml
t run --device null:1 --threads 1 --batch 1 --db batch.db jobs/small.yaml
t run --device null:1 --threads 1 --self-test off --db off.db jobs/small.yaml
sql off.db 'SELECT selftest FROM run ORDER BY id'
