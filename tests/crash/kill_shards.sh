#!/bin/sh
# kill_shards.sh BITSINK DEVICE TRIALS KILLS: four shards merged are one run, whatever order and however often they are
# merged, in whatever state; a merge that is killed KILLS times, too.
. "$(dirname "$0")/crash_common.sh"
device=$2
export TRIALS=$3 IMAGES=22
kills=$4
merge() {
    "$bitsink" merge "$@" >out 2>log
}
run whole.db --device "$device" || die "the undisturbed run"
planned=$(rows whole.db)
for k in 1 2 3 4; do
    run s$k.db --device "$device" --shard $k/4 --threads $k || die "shard $k"
    consistent s$k.db
done
[ "$(sqlite3 s1.db 'SELECT count(DISTINCT image) FROM trial WHERE image % 4 <> 0')" = 0 ] || die "not shard 1's images"

# All at once, in another order, one after the other; again.
start=$(now)
merge all.db s1.db s2.db s3.db s4.db || die "merge"
took=$(echo "$(now) $start" | awk '{ print $1 - $2 }')
same whole.db all.db
consistent all.db
[ "$(sqlite3 all.db 'SELECT sum(trials) FROM run')" = "$planned" ] || die "runs"
merge all.db s3.db s1.db || die "merge again"
grep -q "^all.db: $planned of $planned trials, 0 of them added" out || die "not idempotent: $(cat out)"
same whole.db all.db
[ "$(sqlite3 all.db 'SELECT count(*) FROM run')" = 4 ] || die "a run was merged twice"
merge steps.db s4.db s2.db
[ $? = 3 ] || die "an incomplete merge does not say so"
grep -q '^absent: shard 1/4$' out && grep -q '^absent: shard 3/4$' out || die "absent shards: $(cat out)"
grep -q '^missing: [1-9][0-9]* units' out || die "missing units: $(cat out)"
consistent steps.db
merge steps.db s1.db s3.db || die "the second half"
same whole.db steps.db
# A merged file is a result file: a run does what is missing there.
merge half.db s1.db s2.db
run half.db --device "$device" || die "a run on a merged file"
same whole.db half.db
echo "merged in any order"

# A shard that was stopped, or is of a smaller campaign, is merged in the state it is in, and again when it is done.
rm -f s2.db
TRIALS=$((TRIALS / 2)) IMAGES=9 run s2.db --device "$device" --shard 2/4 || die "half of shard 2"
merge grown.db s1.db s2.db s3.db s4.db
[ $? = 3 ] || die "incomplete: exit code"
consistent grown.db
run s2.db --device "$device" --shard 2/4 || die "the rest of shard 2"
merge grown.db s1.db s2.db s3.db s4.db || die "merge of the grown shard"
same whole.db grown.db
echo "merged while growing"

# Killed or stopped at random moments.
sleeps=$(awk -v n="$kills" -v took="$took" 'BEGIN { srand(7); for (i = 0; i < n; i++) printf "%.3f\n", rand() * took }')
middle=0
signal=KILL
for moment in $sleeps; do
    "$bitsink" merge killed.db s1.db s2.db s3.db s4.db >out 2>log &
    child=$!
    sleep "$moment"
    kill -$signal $child 2>/dev/null
    wait $child 2>/dev/null
    code=$?
    child=
    case $signal$code in
    *0 | KILL137 | TERM143 | TERM3) ;;
    *) die "a merge with SIG$signal ended with exit code $code" ;;
    esac
    [ $code != 3 ] || grep -q '^hint: the same command does the rest' log || die "a stopped merge does not say so"
    [ $signal = KILL ] && signal=TERM || signal=KILL
    snapshot killed.db copy.db
    n=$(rows copy.db)
    [ "$n" = 0 ] || consistent copy.db
    [ "$n" = 0 ] || [ "$n" = "$planned" ] || middle=$((middle + 1))
    [ "$n" != "$planned" ] || rm -f killed.db* # done in time: from the start again
done
merge killed.db s1.db s2.db s3.db s4.db || die "the merge after the kills"
same whole.db killed.db
consistent killed.db
echo "$device: killed or stopped $kills times, $middle in the middle"

# What does not belong together.
sed 's/^seed: 11/seed: 12/' jobs/big.yaml >jobs/other.yaml
"$bitsink" run --quiet --device "$device" --db other.db --shard 1/4 jobs/other.yaml >out 2>log || die "another campaign"
merge refused.db s1.db other.db
[ $? = 1 ] && grep -q "its seed is '12', the other's is '11'" log || die "another campaign was not refused"
[ ! -e refused.db ] || die "a refused merge left a file"
merge all.db other.db
[ $? = 1 ] && grep -q "its seed is '12'" log || die "another campaign was not refused"
same whole.db all.db
merge s1.db s2.db
[ $? = 1 ] && grep -q 'is a shard itself' log || die "a shard was merged into"
sqlite3 s4.db "UPDATE run SET fingerprint = '0123456789abcdef'"
merge mixed.db s1.db s4.db
[ $? = 1 ] && grep -q '^error: the numerics of' log && grep -q '^hint:.*--allow-mixed' log || die "mixed numerics"
[ ! -e mixed.db ] || die "a refused merge left a file"
merge mixed.db s1.db s2.db s3.db s4.db --allow-mixed || die "mixed numerics were not allowed"
same whole.db mixed.db
echo "refused what does not belong together"
