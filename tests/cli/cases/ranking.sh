# Raw rankings, in which NaN comes first: one NaN, only NaNs, infinities that tie, in the logits themselves.
sed '/^faults:/,$d' jobs/small.yaml >jobs/raw.yaml
cat >>jobs/raw.yaml <<'JOB'
top_k: ${TOP_K:-3}
faults:
  - {id: 1, name: one-nan, targets: logits, fault: set, value: .nan, trials: 2}
  - {id: 2, name: all-nan, targets: logits, fault: set, value: .nan, count: 10, trials: 1}
  - {id: 3, name: two-inf, targets: logits, fault: set, value: .inf, count: 2, trials: 1}
  - {id: 4, name: masked, targets: relu1_1, fault: flip, bits: 0, trials: 3}
JOB
t run --quiet --device cpu --db r.db jobs/raw.yaml
sql -header r.db "SELECT t.entry, t.image, t.element, t.top1, r.rank, r.class, CASE WHEN r.score > 1e99 THEN 'Inf' WHEN r.score IS NULL THEN 'NaN'
    ELSE 'number' END AS score FROM ranking r JOIN trial t ON t.id = r.trial WHERE t.image = 0 AND t.entry < 4 ORDER BY t.id, rank"
sql r.db "SELECT 'golden rows whose best are the golden classes', count(*) FROM golden g JOIN ranking r1 ON r1.image = g.image AND r1.trial IS NULL
    AND r1.rank = 1 AND r1.class = g.top1 AND r1.score = g.score1 JOIN ranking r3 ON r3.image = g.image AND r3.trial IS NULL AND r3.rank = 3 AND r3.class = g.top3" \
    "SELECT 'masked trials with a ranking of their own', count(*) FROM trial t JOIN trial_ranking r ON r.trial = t.id WHERE died_at IS NOT NULL" \
    "SELECT 'others without', count(*) FROM trial t WHERE died_at IS NULL AND id NOT IN (SELECT trial FROM trial_ranking)"
# All classes of a trial are its output: trace says the same of those with NaN.
TOP_K=all; export TOP_K
t run --quiet --device cpu --db all.db jobs/raw.yaml
sql all.db "SELECT 'rankings of all classes', count(*) FROM (SELECT 1 FROM ranking GROUP BY trial, image HAVING count(DISTINCT class) = 10)"
trial=$(sqlite3 all.db 'SELECT min(id) FROM trial')
t trace --job jobs/raw.yaml --device cpu all.db "$trial" | sed -n 's/ class \([0-9]*\) [-0-9][0-9.e+-]*/ class \1 NUMBER/g; /^raw/p'
t trace --job jobs/raw.yaml --device cpu --json all.db 2:"$(sqlite3 all.db 'SELECT max(layer) FROM trial')":0:0 | grep "\"raw\""
# It is part of the campaign, and changes nothing else.
t run --quiet --device cpu --db r.db jobs/raw.yaml
TOP_K=11 t run --quiet --device cpu --db new.db jobs/raw.yaml
TOP_K=0 t run --quiet --device cpu --db new.db jobs/raw.yaml
TOP_K=few t run --quiet --device cpu --db new.db jobs/raw.yaml
ls new.db 2>&1
sed '/^top_k/d' jobs/raw.yaml >jobs/without.yaml
"$bitsink" run --quiet --device cpu --db w.db jobs/without.yaml >run.txt
sql w.db "SELECT top_k, (SELECT count(*) FROM trial_ranking), (SELECT count(*) FROM golden_ranking) FROM campaign"
for db in r all w; do
    sqlite3 $db.db "SELECT id, n_sites, died_at, flags, top1, score1, top5, score5 FROM trial ORDER BY id" >$db.rows
done
cmp r.rows w.rows && cmp all.rows w.rows && wc -l w.rows
