#!/bin/sh
# refused.sh BITSINK: an upgrade overwrites and loses nothing: names that are taken, files that are open, damaged, read-only or
# half written, modes, links, and what people added themselves.
. "$(dirname "$0")/files_common.sh"
unpack v4
unpack v3
digest=$("$bitsink" digest v4.db)
fresh() { # NAME: an old file of that name and nothing beside it
    rm -rf "$1" "$1".* "$1"-*
    cp v4.db "$1"
}
untouched() { # NAME: it is still the old file, and nothing was left beside it
    cmp -s "$1" v4.db || die "a refused upgrade changed $1"
    [ ! -e "$1.upgrade" ] && [ ! -e "$1-wal" ] && [ ! -e "$1-lock" ] || die "a refused upgrade of $1 left files"
}

# Names that are taken.
fresh a.db
echo important >a.db.v4
refused 1 'that name is taken' upgrade a.db
[ "$(cat a.db.v4)" = important ] || die "a file was overwritten"
untouched a.db
rm a.db.v4
ln -s /nonexistent/x a.db.v4
refused 1 'that name is taken' upgrade a.db
untouched a.db
fresh a.db
cp a.db a.db.v4 # the same results, other settings
sqlite3 a.db "UPDATE bn_parameter SET value = 0.3 WHERE name = 'p'"
refused 1 'that name is taken' upgrade a.db
fresh a.db
echo important >a.db.upgrade
refused 1 'that name is taken' upgrade a.db
[ "$(cat a.db.upgrade)" = important ] || die "a file was overwritten"
rm a.db.upgrade
mkdir a.db.upgrade
echo important >a.db.upgrade/mine
refused 1 'that name is taken' upgrade a.db
[ "$(cat a.db.upgrade/mine)" = important ] || die "a file was removed"
rm -r a.db.upgrade
for name in '' v3.db; do
    refused 1 "cannot write '$name'" upgrade a.db --output "$name"
done
ln -s nowhere link
refused 1 'the name is taken' upgrade a.db --output link
echo mine >out.db-journal
refused 1 'of another file of that name' upgrade a.db --output out.db
refused 1 'of another file of that name' backup a.db out.db
[ "$(cat out.db-journal)" = mine ] && [ ! -e out.db ] || die "a file beside the output was removed"
rm out.db-journal
untouched a.db
mkdir a.db.upgrade # of an upgrade that was killed
echo junk >a.db.upgrade/new.db
b upgrade a.db
[ ! -e a.db.upgrade ] || die "the folder is still there"

# Where names cannot be linked, the old file is copied, byte for byte; a copy that is there already will do.
fresh a.db
cp a.db a.db.v4
b upgrade a.db
cmp -s a.db.v4 v4.db || die "the backup is not the old file"

# Somebody has it open.
fresh a.db
(sleep 3) | sqlite3 -cmd 'BEGIN IMMEDIATE' a.db &
sleep 0.5
refused 1 'another program has locked it' upgrade a.db
wait
untouched a.db
sqlite3 a.db 'PRAGMA journal_mode = WAL' >out
(echo "UPDATE bn_parameter SET value = 0.25 WHERE name = 'p';"; sleep 3) | sqlite3 a.db &
sleep 0.5
refused 1 'another program has it open' upgrade a.db
grep -q -- '--output FILE' log || die "no hint"
b upgrade a.db --output out.db
[ "$(sqlite3 out.db "SELECT value FROM bn_parameter WHERE name = 'p'")" = 0.25 ] || die "the WAL was not read"
cp a.db wal.db
cp a.db-wal wal.db-wal
wait
# A WAL that no program has checkpointed.
b upgrade wal.db
for file in wal.db wal.db.v4; do
    [ "$(sqlite3 $file "SELECT value FROM bn_parameter WHERE name = 'p'")" = 0.25 ] || die "the WAL was lost in $file"
done
# A change that was killed in the middle.
fresh a.db
(echo "PRAGMA cache_size = 1; BEGIN; UPDATE trial SET before = 5;"; sleep 2) | sqlite3 a.db &
sleep 0.7
cp a.db hot.db
cp a.db-journal hot.db-journal
wait
refused 1 'was killed while it wrote' upgrade hot.db
eval "$(sed -n 's/^hint: .*: \(sqlite3 .*\)/\1/p' log)" >out || die "the hint failed"
b upgrade hot.db
[ "$("$bitsink" digest hot.db)" = "$digest" ] || die "the digest of hot.db"

# Links, modes.
mkdir folder
cp v4.db folder/real.db
ln -s folder/real.db link.db
b upgrade link.db
[ -L link.db ] && [ -e folder/real.db.v4 ] || die "the symbolic link is gone"
fresh a.db
chmod 640 a.db
b upgrade a.db
[ "$(stat -c %a a.db)$(stat -c %a a.db.v4)" = 640640 ] || die "modes: $(stat -c %a a.db a.db.v4)"
if [ "$(id -u)" != 0 ]; then
    fresh a.db
    chmod 440 a.db
    refused 1 'read-only' upgrade a.db
fi

# Damaged files are left as they are.
for sql in 'DELETE FROM trial WHERE id IN (SELECT id FROM trial LIMIT 1)' 'DROP TABLE trial; DROP TABLE unit' 'DROP TABLE class' \
    'DELETE FROM campaign' 'ALTER TABLE layer DROP COLUMN macs' 'DELETE FROM image WHERE id = 2'; do
    fresh a.db
    sqlite3 a.db "$sql"
    cp a.db kept.db
    refused 1 damaged upgrade a.db
    grep -q "result file '.*a.db'" log && grep -q '^hint: ' log || die "the error does not name a.db, or has no hint"
    cmp -s a.db kept.db || die "a refused upgrade changed the file"
    [ ! -e a.db.upgrade ] && [ ! -e a.db.v4 ] || die "a refused upgrade left files"
done

# What people added stays in the old file, and is named; of several files those that can be are upgraded.
fresh a.db
sqlite3 a.db "CREATE TABLE notes (t); CREATE TRIGGER watch AFTER DELETE ON trial BEGIN DELETE FROM notes; END;
    CREATE VIEW mine AS SELECT 1; CREATE INDEX quick ON trial (before); ALTER TABLE run ADD COLUMN note;
    INSERT INTO bn_parameter VALUES ('site', 42, 'mine')"
refused 1 'No such file' upgrade none.db a.db v3.db
grep -q 'stays in the old file: mine, notes, quick, run.note, setting site, watch' log || die "added tables were not named"
[ "$(sqlite3 a.db 'PRAGMA user_version')" = "$(sqlite3 v3.db 'PRAGMA user_version')" ] || die "not all were upgraded" # 4 and 3

# Names that are not UTF-8 are the same ones before and after: shards of both kinds can be merged, and compared.
for k in 1 2; do
    unpack v3-shard-$k
    sqlite3 v3-shard-$k.db "UPDATE image SET path = CAST(x'62fc2e706e67' AS TEXT) || id; UPDATE layer SET name = CAST(x'fc' AS TEXT) || name"
done
cp v3-shard-1.db raw.db
b upgrade v3-shard-1.db
b merge merged.db v3-shard-1.db v3-shard-2.db
b merge again.db raw.db v3-shard-2.db
[ "$(sqlite3 merged.db 'SELECT path FROM image WHERE id = 0')" = 'b\xfc.png0' ] || die "the path is not UTF-8"
[ "$("$bitsink" digest merged.db)" = "$("$bitsink" digest again.db)" ] || die "digests of merged shards"
b compare raw.db v3-shard-1.db
# One upgrade at a time writes to a name.
cp v4.db one.db
"$bitsink" upgrade v3.db.v3 --output both.db >out1 2>log1 &
"$bitsink" upgrade v4.db --output both.db >out2 2>log2
wait
grep -qE 'is writing it|name is taken' log1 log2 || die "two upgrades wrote to one name"
[ "$("$bitsink" digest both.db)" = "$digest" ] || die "the digest of both.db"
echo "nothing was lost"
