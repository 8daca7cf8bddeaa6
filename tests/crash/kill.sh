#!/bin/sh
# kill.sh BITSINK DEVICE TRIALS LOOPS KILLS: kills a run at random moments (SIGKILL) and starts it again, KILLS
# times; then the result file must equal that of an undisturbed run. LOOPS times with other moments.
. "$(dirname "$0")/crash_common.sh"
device=$2
export TRIALS=$3
loops=$4
kills=$5

start=$(now)
run whole.db --device "$device" || die "the undisturbed run"
planned=$(rows whole.db)
# Loop by loop longer lives, from a tenth of an undisturbed run spread over all kills to three times that. The
# moments are random, but the same whenever the machine is as fast.
awk -v took="$(echo "$(now) $start" | awk '{ print $1 - $2 }')" -v loops="$loops" -v kills="$kills" 'BEGIN {
    srand(5)
    for (i = 0; i < loops; i++) {
        scale = loops > 1 ? 0.1 + 2.9 * i / (loops - 1) : 1
        for (k = 0; k < kills; k++)
            printf "%d %.4f\n", i, 2 * rand() * scale * took / kills
    }
}' >moments

middle=0
early=0
late=0
check() {
    run broken.db --device "$device" || die "the run after the kills of loop $last"
    same whole.db broken.db
    consistent broken.db
}
last=0
while read -r loop moment; do
    if [ "$loop" != "$last" ]; then
        check
        rm -f broken.db*
        last=$loop
    fi
    "$bitsink" run --quiet --db broken.db --device "$device" jobs/big.yaml >out 2>log &
    child=$!
    sleep "$moment"
    kill -KILL $child 2>/dev/null
    wait $child 2>/dev/null
    code=$?
    child=
    [ $code = 137 ] || [ $code = 0 ] || die "a run after a kill ended with exit code $code"
    snapshot broken.db copy.db
    n=$(rows copy.db)
    [ "$n" = 0 ] || consistent copy.db
    if [ "$n" = 0 ]; then
        early=$((early + 1))
    elif [ "$n" -lt "$planned" ]; then
        middle=$((middle + 1))
    else
        late=$((late + 1))
    fi
done <moments
check

# Random moments may all miss where time is uneven: one kill that cannot.
stop_in_the_middle middle.db --device "$device"
kill -KILL $child
wait $child 2>/dev/null
child=
snapshot middle.db copy.db
consistent copy.db
run middle.db --device "$device" || die "the run after the kill in the middle"
[ "$(rows middle.db)" = "$planned" ] || die "trials are missing"
run undisturbed.db --device "$device" || die "the undisturbed run"
same undisturbed.db middle.db
echo "$device: $planned trials; kills before the first rows $early, in the middle $middle and 1 made to, after the last $late"
