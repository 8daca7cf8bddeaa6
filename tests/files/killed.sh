#!/bin/sh
# killed.sh BITSINK TRIALS KILLS: an upgrade that is killed at any moment leaves the old file or the new one, complete, and
# the same command goes on.
. "$(dirname "$0")/files_common.sh"
trials=$2
kills=$3
sed "s/ber: 1e-4, trials: 4/ber: 1e-4, trials: $trials/" history.yaml >large.yaml
b run large.yaml --device null --db old.db
# As version 3 has it: fault_wrong is missing.
sqlite3 old.db 'DROP TABLE fault_wrong; PRAGMA user_version = 3'
digest=$("$bitsink" digest old.db)
start=$(date +%s.%N)
b upgrade old.db --output whole.db
took=$(echo "$start $(date +%s.%N)" | awk '{ print $2 - $1 }')
cp old.db file.db
awk -v took="$took" -v kills="$kills" 'BEGIN { srand(3); for (i = 0; i < kills; i++) printf "%.4f\n", 2 * rand() * took }' >moments
old=0
new=0
while read -r moment; do
    "$bitsink" upgrade file.db >out 2>log &
    child=$!
    sleep "$moment"
    kill -KILL $child 2>/dev/null
    wait $child 2>/dev/null
    code=$?
    [ $code = 137 ] || [ $code = 0 ] || die "an upgrade after a kill ended with exit code $code"
    [ "$("$bitsink" digest file.db)" = "$digest" ] || die "the digest changed after $moment s"
    if [ "$(sqlite3 file.db 'PRAGMA user_version')" = 3 ]; then
        old=$((old + 1))
    else
        new=$((new + 1))
        [ "$("$bitsink" digest file.db.v3)" = "$digest" ] || die "no backup after $moment s"
        [ "$(sqlite3 file.db.v3 'PRAGMA user_version')" = 3 ] || die "the backup is not the old file"
        mv -f file.db.v3 file.db # again
    fi
done <moments

# One kill that cannot miss: while the new file is being written.
"$bitsink" upgrade file.db >out 2>log &
child=$!
while kill -0 $child 2>/dev/null && [ ! -s file.db.upgrade/new.db ]; do sleep 0.002; done
kill -KILL $child 2>/dev/null && hit=1 || hit=0
wait $child 2>/dev/null
[ -e file.db.v3 ] || [ $hit = 1 ] || die "the upgrade ended by itself without a backup"
[ "$("$bitsink" digest file.db)" = "$digest" ] || die "the digest changed"
[ "$(sqlite3 file.db 'PRAGMA user_version')" = 3 ] || mv -f file.db.v3 file.db

# One between the backup and the last step: both names are the old file.
rm -f file.db.v3
ln file.db file.db.v3
b upgrade file.db
[ "$("$bitsink" digest file.db.v3)" = "$digest" ] && [ "$("$bitsink" digest file.db)" = "$digest" ] || die "digests after a kill before the rename"
[ "$(sqlite3 file.db.v3 'PRAGMA user_version')" = 3 ] || die "the backup is not the old file"

# One while it writes elsewhere: nothing under the final name, and the same command goes on.
"$bitsink" upgrade old.db --output out.db >out 2>log &
child=$!
while kill -0 $child 2>/dev/null && [ ! -s out.db.upgrade/new.db ]; do sleep 0.002; done
kill -KILL $child 2>/dev/null && [ -e out.db ] && die "a killed upgrade left a file under its final name"
wait $child 2>/dev/null
[ -e out.db ] || b upgrade old.db --output out.db
[ "$("$bitsink" digest out.db)" = "$digest" ] || die "the digest of out.db"
echo "$(sqlite3 whole.db 'SELECT count(*) FROM trial') trials; kills that left the old file $old, the new one $new"
