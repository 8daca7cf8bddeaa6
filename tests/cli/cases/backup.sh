TRIALS=1000000 "$bitsink" run --quiet --device null --threads 1 --db r.db jobs/small.yaml >/dev/null 2>&1 &
first=$!
while ! sqlite3 r.db 'SELECT 1 FROM trial LIMIT 1' 2>/dev/null | grep -q 1; do
    kill -0 $first 2>/dev/null || break
    sleep 0.05
done
# While a run writes: a copy of one moment, in one file, at rest.
t backup r.db copy.db
kill -KILL $first
wait $first 2>/dev/null
sql copy.db 'PRAGMA journal_mode; SELECT count(*) > 0, count(*) = (SELECT sum(done) FROM unit) FROM trial; PRAGMA integrity_check'
rm -f r.db*
ls
# It takes the place of an older copy, and goes on like any result file.
t run --quiet --device null --db r.db jobs/small.yaml
t backup r.db copy.db
t digest r.db
t digest copy.db
t run --quiet --device null --db copy.db jobs/small.yaml
# What fails leaves the old copy alone.
(ulimit -f 32; t backup r.db copy.db) | sed 's/has [0-9]* bytes, [0-9]*/has N bytes, N/'
t digest copy.db
t backup r.db missing/copy.db
t backup missing.db copy.db
t backup jobs/small.yaml copy.db
ls
