# The first writer is stopped in the middle of a job that takes minutes.
TRIALS=1000000 "$bitsink" run --quiet --device null --threads 1 --db r.db jobs/small.yaml >/dev/null 2>&1 &
first=$!
while ! sqlite3 r.db 'SELECT 1 FROM trial LIMIT 1' 2>/dev/null | grep -q 1; do
    kill -0 $first 2>/dev/null || break
    sleep 0.05
done
kill -STOP $first
hide() {
    sed 's/process [0-9]* on .* is writing/process N on HOST is writing/'
}
t run --device null --db r.db jobs/small.yaml | hide
# Reading goes on meanwhile.
t status --json r.db | sed 's/"state": "\([^"]*\)".*/\1/'
"$bitsink" status --json r.db | python3 -c '
import json, sys
s = json.load(sys.stdin)
print("in the middle:", 0 < s["share"] < 1, s["seconds_left"] > 0, s["rate"] > 0, 0 <= s["sdc1_rate"] < 1,
      s["since_commit"] >= 0, s["share"] == float("%.6g" % (s["trials"] / s["planned"])))'
"$bitsink" status r.db | sed -n 's/^time left [0-9]* s.*/time left/p'
kill -KILL $first
wait $first 2>/dev/null
# The lock dies with its holder.
rm -f r.db
t run --quiet --device null --db r.db jobs/small.yaml
t digest r.db
ls
# All names of a file by symbolic links have one lock.
mkdir far
ln -s far/r.db link.db
TRIALS=1000000 "$bitsink" run --quiet --device null --threads 1 --db link.db jobs/small.yaml >/dev/null 2>&1 &
first=$!
while [ ! -s far/r.db ]; do kill -0 $first 2>/dev/null && sleep 0.05; done
kill -STOP $first
t run --device null --db far/r.db jobs/small.yaml | hide
t bn link.db set p=0.1 >/dev/null # settings need no lock
kill -KILL $first
wait $first 2>/dev/null
# What is no lock is neither followed nor written.
rm -f far/* link.db
echo mine >mine
ln -s mine r.db-lock
t run --device null --db r.db jobs/small.yaml
rm r.db-lock
ln mine r.db-lock
t run --device null --db r.db jobs/small.yaml
rm r.db-lock
cp mine r.db-lock
t backup r.db copy.db
t run --device null --db r.db jobs/small.yaml
rm r.db-lock
mkdir r.db-lock
t run --device null --db r.db jobs/small.yaml
rmdir r.db-lock
cat mine
# One that a kill left.
echo 'process 1 on nowhere' >r.db-lock
t run --quiet --device null --db r.db jobs/small.yaml
ls
