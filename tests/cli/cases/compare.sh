# Two campaigns: paired where the faults are the same, else two proportions.
TRIALS=400 t run --quiet --device null --db a.db jobs/small.yaml
TRIALS=300 t run --quiet --device null --db fewer.db jobs/small.yaml
SEED=4 TRIALS=400 t run --quiet --device null --db seed.db jobs/small.yaml
echo '$ the same faults, fewer of them'
t compare a.db fewer.db
t compare --all a.db fewer.db
echo '$ another seed'
t compare --all a.db seed.db
t compare --json --all a.db seed.db
echo '$ a protection: of the wrong answers of fc1 nine in ten are masked; and a sixth of the faults of a weight do harm now'
cp a.db protected.db
sql protected.db "UPDATE campaign SET model_sha256 = 'another';
UPDATE trial SET died_at = 33, top1 = NULL, flags = NULL WHERE layer = 33 AND died_at IS NULL AND id % 10 > 0;
UPDATE trial SET died_at = NULL, flags = 0, top1 = (top1 IS NULL) * (SELECT (top1 + 1) % 10 FROM golden WHERE image = trial.image)
WHERE layer = 9 AND repetition % 6 = 0 AND image < 2"
t compare a.db protected.db
t compare --json a.db protected.db
t compare --fdr 1e-9 a.db protected.db
echo '$ the same file, another definition of an entry, another shape'
cp a.db other.db
sql other.db "UPDATE entry SET definition = 'flip count 1 targets 9' WHERE id = 2; UPDATE layer SET shape = '12' WHERE name = 'fc1'"
t compare --all a.db other.db
echo '$ other names'
sql other.db "UPDATE layer SET name = 'block/' || name"
t compare a.db other.db
t compare --all --map fc1=block/fc1,conv1_2=block/conv1_2 a.db other.db
t compare --by-position a.db other.db
t compare --map fc=block/fc1 a.db other.db
t compare --map fc1=block/fc2 a.db other.db
t compare --map fc1 a.db other.db
t compare --map fc1=block/fc1 --by-position a.db other.db
echo '$ a file of an earlier version, which may not be written'
sql seed.db "DROP VIEW layer_outcome; DROP VIEW layer_accuracy; CREATE VIEW layer_accuracy AS SELECT 1 AS entry"
chmod 444 seed.db
t compare a.db seed.db
t compare --fdr 7 a.db seed.db
t compare a.db missing.db
sql other.db "UPDATE entry SET bits = 1 WHERE id = 1"
t compare a.db other.db
