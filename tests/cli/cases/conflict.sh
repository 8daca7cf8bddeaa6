# The same trials with other outcomes in two files are refused, and what was merged stays.
t run --quiet --device null --db whole.db jobs/small.yaml
t run --quiet --device null --db s1.db --shard 1/3 jobs/small.yaml
t run --quiet --device null --db s2.db --shard 2/3 jobs/small.yaml
cp s1.db wrong.db
sqlite3 wrong.db "UPDATE trial SET top1 = 9 - top1 WHERE id IN (SELECT id FROM trial WHERE top1 IS NOT NULL LIMIT 3)"
t merge all.db s1.db wrong.db
ls
t merge all.db whole.db
t merge all.db s2.db wrong.db
t digest all.db
# So is what was merged before, and has changed since.
t merge all.db s1.db s2.db
sqlite3 all.db "UPDATE trial SET element = element + 1 WHERE id = (SELECT max(id) FROM trial WHERE image = 0 AND n_sites = 1)"
t merge all.db s1.db
t merge all.db s1.db --allow-mixed
# A file of all images, stopped: its shards are not absent.
IMAGES=2 t run --quiet --device null --db two.db jobs/small.yaml
t merge some.db two.db s1.db
t merge --json some.db two.db s1.db | sed 's/"seconds": [0-9.]*, //'
# Files of which the first has the least are compared with each other, too.
TRIALS=5 t run --quiet --device null --db short.db --shard 2/3 jobs/small.yaml
cp s2.db wrong.db
sqlite3 wrong.db "UPDATE trial SET element = element + 1 WHERE id = (SELECT max(id) FROM trial WHERE repetition > 9)"
t merge new.db short.db s2.db wrong.db
# So are golden runs.
cp s2.db wrong.db
sqlite3 wrong.db "UPDATE golden SET top1 = 9 - top1"
t merge new.db s2.db wrong.db
ls new.db 2>&1
# What an earlier copy says of a run does not take the place of what is known.
cp s2.db earlier.db
sqlite3 earlier.db "UPDATE run SET trials = 1, exit = NULL, seconds = 0"
t merge new.db s2.db --quiet
t merge new.db earlier.db --quiet
sql new.db 'SELECT trials, exit FROM run WHERE trials > 0'
