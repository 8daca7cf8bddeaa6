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
# The WAL of a killed run at the place of the copy goes with the old file: the new one shows what was copied.
TRIALS=1000000 "$bitsink" run --quiet --device null --threads 1 --db copy.db jobs/small.yaml >/dev/null 2>&1 &
first=$!
while ! sqlite3 copy.db 'SELECT count(*) > 195 FROM trial' 2>/dev/null | grep -q 1; do
    kill -0 $first 2>/dev/null || break
    sleep 0.05
done
# While it writes, its file is not replaced.
t backup r.db copy.db | sed 's/process [0-9]* on .* is writing/process N on HOST is writing/'
kill -KILL $first
wait $first 2>/dev/null
ls copy.db*
t backup r.db copy.db
t digest copy.db
ls
# Nor while another program holds a lock.
mkfifo hold
sqlite3 copy.db <hold >/dev/null &
holder=$!
exec 9>hold
echo 'BEGIN IMMEDIATE; CREATE TABLE x (y); SELECT 1;' >&9
while [ ! -e copy.db-journal ]; do sleep 0.02; done
t backup r.db copy.db
echo 'ROLLBACK;' >&9
exec 9>&-
wait $holder
# A symbolic link stays one; other things are no copies.
mkdir far
ln -s far/c.db link.db
t backup r.db link.db
t backup r.db link.db
ls -F link.db far
ln r.db second.db
t backup r.db ./r.db
t backup r.db second.db
echo notes >notes.txt
t backup r.db notes.txt
cat notes.txt
t backup r.db far
t backup r.db hold
# A WAL without its file.
echo x >lone.db-wal
t backup r.db lone.db
