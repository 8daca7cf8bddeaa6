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
sql other.db "UPDATE layer SET name = 'block/' || name, label = 'block/' || name"
t compare a.db other.db
t compare --all --map fc1=block/fc1,conv1_2=block/conv1_2 a.db other.db
t compare --by-position a.db other.db
sql other.db "DELETE FROM layer_summary WHERE layer = (SELECT min(layer) FROM layer_summary WHERE entry = 1) AND entry = 1"
t compare --by-position a.db other.db
t compare --map fc=block/fc1 a.db other.db
t compare --map fc1=block/fc2 a.db other.db
t compare --map fc1 a.db other.db
t compare --map fc1=block/fc1 --by-position a.db other.db
t compare --map fc1=block/fc1 --map conv1_2=block/conv1_2 a.db other.db
echo '$ all faults of a bias, on other images each: no census of both'
sed 's/targets: {name: conv3_1, kind: weight}/targets: {name: conv1_1, kind: bias}\n    bits: sign/; s/trials: ${TRIALS:-20}/trials: 16/' jobs/small.yaml >jobs/census.yaml
for shard in 1 2; do
    t run --quiet --device null --shard $shard/3 --db shard$shard.db jobs/census.yaml
    sql shard$shard.db "UPDATE trial SET died_at = NULL, flags = 0, p_golden = 0.5, top1 = (SELECT (top1 + 1) % 10 FROM golden WHERE image = trial.image)
WHERE layer = 2 AND repetition < $((shard * 7))"
    sql shard$shard.db "DELETE FROM summary; INSERT INTO summary SELECT entry, layer, image, class, count(*), sum(masked), sum(sdc5), sum(sdc10), sum(sdc20)
FROM outcome GROUP BY entry, layer, image, class"
done
t compare --all shard1.db shard2.db
echo '$ a version that numbers faults otherwise; images prepared otherwise, with other golden answers; an image with other content'
cp a.db other.db
sql other.db "UPDATE trial SET element = element + 1 WHERE layer = 33; UPDATE campaign SET preprocess = preprocess || ' crop';
UPDATE golden SET logits_hash = 'another' WHERE image = 1"
t compare --all a.db other.db
t compare --json --all a.db other.db
cp a.db first.db
sql first.db "UPDATE golden SET sha256 = 'one' WHERE image = 1"
sql other.db "UPDATE golden SET sha256 = 'another' WHERE image = 1"
t compare first.db other.db
echo '$ only the second image matters to one of them'
cp a.db other.db
sql other.db "INSERT INTO bn_prior_image VALUES (1, 1)"
t compare --all a.db other.db
echo '$ a file of an earlier version, which may not be written'
sql seed.db "DROP VIEW layer_outcome; DROP VIEW layer_accuracy; CREATE VIEW layer_accuracy AS SELECT 1 AS entry"
chmod 444 seed.db
t compare a.db seed.db
t compare --fdr 7 a.db seed.db
t compare a.db missing.db
sql other.db "UPDATE entry SET bits = 1 WHERE id = 1"
t compare a.db other.db
