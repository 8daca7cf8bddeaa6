#!/bin/sh
# devices.sh BITSINK SIM [few]: one campaign on several simulated devices has the rows of one on one device, also where one
# of them is lost at some call, and where the run is killed; and devices that differ are refused. SIM: folder of the
# simulated device's libraries.
. "$(dirname "$0")/../crash/crash_common.sh"
export LD_LIBRARY_PATH=$2 BITSINK_SIM_DEVICES=4
# LeakSanitizer's tracer crashes now and then in a process whose threads have just ended; leaks are for other tests.
export ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0
export TRIALS=6 IMAGES=4
# Selections are kept; proofs are made where the file is new, unless they are off.
cuda() {
    db=$1 device=$2
    shift 2
    run "$db" --device "$device" --threads 8 "$@"
}
# devices DB: what each device of the last run did, "ordinal trials lost".
devices() {
    sqlite3 -separator ' ' "$1" "SELECT ordinal, trials, lost IS NOT NULL FROM run_device
        WHERE run = (SELECT max(id) FROM run) ORDER BY ordinal"
}

cuda whole.db cuda || die "one device"
[ "$(devices whole.db)" = "0 $(rows whole.db) 0" ] || die "one device: $(devices whole.db)"
BITSINK_SIM_CALLS=$tmp/calls cuda r.db cuda:1-2 || die "two devices"
same whole.db r.db
[ "$(devices r.db | wc -l)" = 2 ] || die "two devices: $(devices r.db)"
rm r.db
cuda r.db cuda:all --self-test off || die "four devices"
same whole.db r.db
[ "$(sqlite3 r.db 'SELECT count(*), sum(d.trials) = r.trials, r.device FROM run r JOIN run_device d ON d.run = r.id')" = \
    "4|1|simulated device" ] || die "four devices: $(devices r.db)"
"$bitsink" status r.db | grep -q ' cuda on 4 x simulated device, ' || die "status does not say how many devices"
"$bitsink" status r.db | grep -c '^device    cuda:' | grep -qx 4 || die "status does not list the devices"
rm r.db

# One of two is lost: at a call of its own, in the middle of what it does. Exit code 0, and a warning.
lost=0
computed=0
for part in 75 95; do
    for name in cuLaunchKernel cuStreamSynchronize; do
        [ "${3:-}" != few ] || [ $part = 75 ] || continue
        k=$(awk -v f="$name@1" '$1 == f { print $2 }' calls)
        k=$((k * part / 100))
        BITSINK_SIM_FAIL=$name:$k@1 cuda r.db cuda:1-2
        code=$?
        if [ $code = 4 ]; then # before the campaign
            [ "$(rows r.db)" = 0 ] || die "$name number $k: exit code 4 although one device is left"
        else
            [ $code = 0 ] || die "$name number $k: exit code $code"
            same whole.db r.db
            case $(devices r.db) in
            "1 "*" 1
2 "*" 0")
                grep -q '^warning: device cuda:1 is lost: .* failed: .*; its work goes to the others$' log || die "no warning"
                [ "$(grep -c 'is lost' log)" = 1 ] || die "more than one warning"
                lost=$((lost + 1))
                case $(devices r.db) in "1 0 "*) ;; *) computed=$((computed + 1)) ;; esac
                ;;
            esac
        fi
        rm -f r.db
    done
done
[ $lost -gt 0 ] || die "no device was lost in a campaign"
echo "$lost lost devices, $computed of them after trials: the other did the rest"

# Both are lost: exit code 4, and the next run does the rest.
k=$(awk '$1 == "cuLaunchKernel" { print $2 }' calls)
BITSINK_SIM_FAIL=cuLaunchKernel:$((k * 9 / 10)) cuda r.db cuda:1-2
[ $? = 4 ] || die "both are lost: not exit code 4"
consistent r.db
# Not in other math, even if this network has no values of 16 bits, so that it would not show.
cuda r.db cuda,native
[ $? = 1 ] && grep -q '^error: the numerics of' log && grep -q '^hint:.*--allow-mixed' log || die "mixed math"
cuda r.db cuda:0,3 || die "the rest"
same whole.db r.db
rm r.db

# Killed in the middle.
export TRIALS=40
stop_in_the_middle r.db --device cuda:all --threads 8 --self-test off
kill -KILL $child
wait $child
child=
cuda r.db cuda:3,0 --self-test off || die "the run after the kill"
cuda more.db cuda --self-test off || die "the same on one device"
same more.db r.db

# Refused.
refused() {
    [ $? = 1 ] || die "not refused"
    grep -q "^error: $1" log || die "not refused with '$1'"
    grep -q '^hint: .*--shard' log || die "no hint"
}
BITSINK_SIM_NAMES=,other cuda x.db cuda:0-1
refused 'device cuda:1 is another one than cuda:0: other '
BITSINK_SIM_OTHER_BITS=2 cuda x.db cuda:0,2
refused 'devices cuda:0 and cuda:2 compute other golden outputs'
echo "killed, resumed and refused as documented"
