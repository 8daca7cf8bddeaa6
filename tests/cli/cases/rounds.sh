# How many trials: by margin of error, and in rounds.
sed 's/trials: ${TRIALS:-20}/margin: 0.05/' jobs/small.yaml >jobs/margin.yaml
t plan --device null jobs/margin.yaml
sed 's/trials: ${TRIALS:-20}/margin: 5/' jobs/small.yaml >jobs/bad.yaml
t plan --device null jobs/bad.yaml
sed 's/trials: ${TRIALS:-20}/margin: 0.05\n    trials: 3/' jobs/small.yaml >jobs/bad.yaml
t plan --device null jobs/bad.yaml
sed 's/trials: ${TRIALS:-20}/confidence: 0.99/' jobs/small.yaml >jobs/bad.yaml
t plan --device null jobs/bad.yaml
t run --quiet --device null --db r.db jobs/small.yaml
t plan --db r.db jobs/small.yaml
t plan --db r.db --margin 0.05 jobs/small.yaml
t plan --db r.db --margin 0.05 --confidence 0.9 --json jobs/small.yaml
t plan --db r.db --margin 2 jobs/small.yaml
SEED=4 t plan --db r.db --margin 0.05 jobs/small.yaml
t bn r.db network_sdc
# Between campaigns.
SEED=4 TRIALS=400 t run --quiet --device null --db other.db jobs/small.yaml
SEED=5 TRIALS=400 t run --quiet --device null --db another.db jobs/small.yaml
t compare --all other.db another.db
t compare --json --all r.db other.db
# An answer that changed: as if every trial in fc1 of one file had gone wrong.
sqlite3 another.db 'UPDATE layer_summary SET wrong = n, masked = 0 WHERE layer = (SELECT id FROM layer WHERE name = "fc1")'
t compare other.db another.db
t compare --fdr 7 other.db another.db
t compare other.db missing.db
