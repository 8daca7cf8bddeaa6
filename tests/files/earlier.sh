#!/bin/sh
# earlier.sh BITSINK NAME...: files of earlier schema versions (NAME.db.gz) are read as they are, and upgraded to what a
# fresh run gives.
. "$(dirname "$0")/files_common.sh"

# The settings that the packed files have: `settings FILE`, and `groups FILE` for those that know groups.
settings() {
    printf 'image,weight\n0,2\n1,1\n2,1\n3,1\n4,0.5\n5,1\n' >weights.csv
    b bn "$1" set p=0.001 alpha=0.1
    b bn "$1" weights weights.csv
}
groups() {
    printf 'class,group\n0,top\n2,top\n4,top\n' >groups.csv
    printf 'truth,answer,cost\ntop,Bag,7\n' >costs.csv
    b bn "$1" groups groups.csv
    b bn "$1" costs costs.csv
}
# views FILE TABLE...: tables and views, as the program prints them.
views() {
    file=$1
    shift
    for table in "$@"; do
        echo "== $table"
        "$bitsink" bn "$file" "$table" --format csv 2>log || die "bn $file $table"
    done
}
# facts FILE: tables that the upgrade copies or counts, from the file itself, and the text of its views, which shows then
# that their rows are the same, too. Not in them: when, where and by whom.
facts() {
    for table in entry stratum class layer image golden unit summary layer_summary fault_summary fault_wrong \
        bn_parameter bn_prior_image class_group group_cost; do
        echo "== $table"
        columns=$(sqlite3 "$1" "SELECT group_concat(name) FROM pragma_table_info('$table') WHERE name <> 'run'")
        sqlite3 "$1" "SELECT $columns FROM $table ORDER BY $columns"
    done
    sqlite3 "$1" "SELECT name, model_sha256, seed, preprocess, label_offset, classes, top_k, shard, shards, job_trials, planned_trials
        FROM campaign; SELECT count(*), sum(trials), sum(goldens), max(exit) FROM run;
        SELECT type, name, sql FROM sqlite_master WHERE name NOT GLOB 'sqlite*' ORDER BY 1, 2"
}

b run history.yaml --device null --db plain.db
version=$(sqlite3 plain.db 'PRAGMA user_version')
grep -q "version of the schema, now $version\." "$here/../../schema/bitsink-db.5.md" ||
    die "the manual does not say that the schema version is $version"
# Not those that say when and by whom, nor what was audited.
tables=$("$bitsink" bn plain.db | awk '$1 !~ /^(campaign|run|run_device|trial|audit|proof)$/ { print $1 }')
[ "$(echo "$tables" | wc -l)" -gt 40 ] || die "few tables: $tables"
# Of the oldest and the newest file all of them; of the others what views are computed from, and a view of each sort.
few='entry stratum class layer image golden broken_image fault_kind class_group class_shown group_cost bn_parameter
    bn_prior_layer bn_prior_image bn_stratum layer_outcome bit_accuracy sink_class bn_trust rerun_set severity failure_rate'
few=$(for table in $few; do echo "$tables" | grep -x "$table"; done)
settings plain.db
cp plain.db grouped.db
groups grouped.db
IMAGES=7 b run history.yaml --device null --db more.db

shift
for last in "$@"; do :; done
for name in "$@"; do
    unpack $name
    sqlite3 $name.db "UPDATE campaign SET job_path = '$PWD/history.yaml'" # that of the machine that made it
    cp $name.db kept.db
    chmod a-w $name.db
    fresh=plain
    [ -z "$(sqlite3 $name.db "SELECT 1 FROM sqlite_master WHERE name = 'class_group'")" ] || fresh=grouped
    shown=$few some=few
    [ $name != "$1" ] && [ "$name" != "$last" ] || shown=$tables some=all
    [ -e $fresh.$some ] || views $fresh.db $shown >$fresh.$some || exit 1
    [ -e $fresh.facts ] || facts $fresh.db >$fresh.facts

    # As it is.
    b status $name.db
    grep -q 'complete: 408 of 408 trials' out || die "status of $name.db"
    b status --json $name.db
    same $name.db plain.db
    views $name.db $shown >views || exit 1
    diff $fresh.$some views >difference || die "views of $name.db as it is: $(head -5 difference)"
    b bn $name.db trial
    b bn $name.db audit
    b bn $name.db bit_accuracy
    ! grep -q ' update' log || die "bn $name.db names a command that is refused"
    b compare $name.db plain.db
    b compare plain.db $name.db
    b plot $name.db accuracy -o plot.svg
    if [ $some = all ]; then # with all figures
        b report $name.db -o report-$name
        [ -s report-$name/report.html ] || die "no report of $name.db"
    fi
    b bn $name.db query --given fault=yes --of class,correct
    b bn $name.db export -o net.bif
    b plan history.yaml --device null --db $name.db --margin 0.1
    b trace $name.db 1:19:0:0
    b trace $name.db 1:19:0:0 --job history.yaml
    b backup $name.db backup.db
    cmp -s $name.db kept.db || die "reading changed $name.db"
    chmod u+w $name.db

    # Writing is refused, with a hint.
    for words in "run history.yaml --device null --db $name.db" "bn $name.db set p=0.5" "bn $name.db update" \
        "bn $name.db weights weights.csv"; do
        refused 1 "bitsink upgrade $name.db" $words
    done
    cmp -s $name.db kept.db || die "a refused command changed $name.db"

    # Upgraded.
    version=$(sqlite3 $name.db 'PRAGMA user_version')
    b upgrade $name.db --output elsewhere.db
    cmp -s $name.db kept.db || die "upgrade --output changed $name.db"
    b upgrade --json $name.db
    cmp -s $name.db.v$version kept.db || die "the backup of $name.db is not the old file"
    ls | grep -q "^$name.db.*\(upgrade\|-wal\|-lock\|-journal\)" && die "upgrade of $name.db left files"
    cmp -s $name.db elsewhere.db || die "upgrade --output wrote another file than upgrade of $name.db"
    same $name.db plain.db
    facts $name.db >facts
    diff $fresh.facts facts >difference || die "tables and views of $name.db: $(head -5 difference)"
    b upgrade $name.db
    grep -q 'nothing to do' out || die "a second upgrade of $name.db did something"
    b digest $name.db.v$version
    refused 1 'the name is taken' upgrade kept.db --output elsewhere.db

    # Goes on.
    IMAGES=7 b run history.yaml --device null --db $name.db
    same $name.db more.db
    rm -rf kept.db elsewhere.db backup.db "report-$name" $name.db*
    echo "$name: read, upgraded, extended"
done

# Shards: merged as they are, and after an upgrade, which keeps them shards.
for k in 1 2; do
    unpack v3-shard-$k
done
b merge merged.db v3-shard-1.db v3-shard-2.db
same merged.db plain.db
p_of() { sqlite3 "$1" "SELECT value FROM bn_parameter WHERE name = 'p'"; }
[ "$(p_of merged.db)" = 0.001 ] || die "merged.db lost the settings of its shards"
grep -q 'other settings' log && die "the settings of the shards are the same"
b upgrade v3-shard-1.db v3-shard-2.db
[ "$(sqlite3 v3-shard-2.db 'SELECT shard, shards FROM campaign; SELECT DISTINCT shard FROM run')" = "2|2
2" ] || die "v3-shard-2.db is no shard any more"
b run history.yaml --device null --shard 2/2 --db v3-shard-2.db
b bn v3-shard-2.db set p=0.25
b merge upgraded.db v3-shard-1.db v3-shard-2.db
grep -q 'v3-shard-2.db has other settings' log || die "other settings were not told"
[ "$(p_of upgraded.db)" = 0.001 ] || die "upgraded.db has not the settings of its first shard"
same upgraded.db plain.db
b merge upgraded.db v3-shard-1.db.v3 v3-shard-2.db.v3
[ "$(sqlite3 upgraded.db 'SELECT count(*) FROM trial')" = 408 ] || die "merging the old shards again added trials"
echo "shards: merged before and after"
