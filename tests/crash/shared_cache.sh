#!/bin/sh
# shared_cache.sh BITSINK DEVICE N: N shards that start at once on an absent cache have the rows of one run without a
# cache, say nothing about it, and leave all facts in it: later ones find everything. So some do on a damaged cache, which
# one of them drops with a warning.
. "$(dirname "$0")/crash_common.sh"
device=$2 n=$3
cp "$source_dir/cli/small.yaml" "$source_dir/jobs/fashion_classes.txt" jobs
export IMAGES=$n TRIALS=1
facts=$XDG_CACHE_HOME/bitsink/facts.db
"$bitsink" run --quiet --device "$device" --no-cache --db whole.db jobs/small.yaml >out 2>log || die "the run without a cache"
[ ! -e "$XDG_CACHE_HOME" ] || die "--no-cache made a cache"

# shards COUNT: the first COUNT shards at once; their stderr is in log.
shards() {
    rm -f s*.db s*.log
    pids=
    for k in $(seq "$1"); do
        "$bitsink" run --quiet --device "$device" --threads 1 --shard "$k/$n" --db "s$k.db" jobs/small.yaml \
            >out 2>"s$k.log" &
        pids="$pids $!"
    done
    for pid in $pids; do
        wait "$pid" || failed=1
    done
    cat s*.log >log
    [ -z "${failed:-}" ] || die "a shard failed"
}
# names: what there is, and when it was found out.
names() {
    if [ -e "$facts" ]; then
        [ "$(sqlite3 "$facts" 'PRAGMA integrity_check')" = ok ] || die "the cache is damaged"
        sqlite3 "$facts" "SELECT hex(name) ${1:-} FROM fact ORDER BY name"
    fi
}
shards "$n"
[ ! -s log ] || die "a word about an absent cache"
"$bitsink" merge --quiet all.db s*.db >out 2>log || die "the merge"
[ "$(digest all.db)" = "$(digest whole.db)" ] || die "other rows than without a cache"
names >first
names ', made' >made
shards 2
names ', made' >again
cmp -s made again || die "a second round found something out again"
head -c 20000 /dev/urandom >"$facts"
shards 6
[ "$(wc -l <log)" = 1 ] && grep -q '^warning: the cache .* was dropped' log || die "not one warning that it was dropped"
names >second
cmp -s first second || die "facts were lost"
echo "$(wc -l <first) facts of $n processes on $device"
