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
# What an earlier run has proven is not proven again: by the file, by the cache, by neither.
outcomes='SELECT run, outcome, count(*) > 4 FROM proof GROUP BY run, outcome'
t run --device null --quiet --no-cache --db known.db jobs/small.yaml
IMAGES=4 t run --device null --quiet --no-cache --db known.db jobs/small.yaml
sql known.db "$outcomes"
sql known.db 'SELECT count(*) FROM proof a JOIN proof b USING (key) WHERE a.run < b.run AND (a.made <> b.made OR a.seconds <> b.seconds)'
t run --device null --quiet --cache facts --db first.db jobs/small.yaml
t run --device null --quiet --cache facts --db second.db jobs/small.yaml
t run --device null --quiet --cache facts --self-test always --db always.db jobs/small.yaml
sql second.db "$outcomes"
sql always.db "$outcomes"
