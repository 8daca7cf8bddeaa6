#!/bin/sh
# signal.sh BITSINK: SIGINT, SIGTERM and SIGHUP end a run with exit code 3 and keep its rows; the next run does the rest.
. "$(dirname "$0")/crash_common.sh"
for signal in INT TERM HUP; do
    export TRIALS=300
    stop_in_the_middle r.db --device null --threads 2
    before=$(rows r.db)
    kill -$signal $child
    kill -CONT $child
    wait $child
    code=$?
    child=
    [ $code = 3 ] || die "SIG$signal: exit code $code, not 3"
    grep -q '^error: stopped after [0-9]* of [0-9]* trials' log || die "SIG$signal: not the message"
    grep -q '^hint: the same command does the rest' log || die "SIG$signal: not the hint"
    grep -q '^r.db: ' out || die "SIG$signal: no summary"
    after=$(rows r.db)
    # Everything computed by then is kept: at least what was committed, and what the summary says.
    [ "$after" -ge "$before" ] && [ "$after" -lt "$planned" ] || die "SIG$signal: $after rows, before $before"
    grep -q "^r.db: $after of $planned trials" out || die "SIG$signal: the summary is not what the file holds"
    consistent r.db
    [ ! -e r.db-wal ] && [ ! -e r.db-lock ] || die "SIG$signal: left files behind"
    "$bitsink" status r.db | grep -q '^state     stopped: ' || die "SIG$signal: status"
    [ "$(sqlite3 r.db 'SELECT exit FROM run')" = 3 ] || die "SIG$signal: exit code in the file"
    run r.db --device null || die "SIG$signal: the second run"
    run whole.db --device null || die "the undisturbed run"
    same whole.db r.db
    echo "SIG$signal: $after of $planned trials, then the rest"
    rm -f r.db whole.db
done

# The second signal ends a run at once; that is a crash like any other. Frozen, it gets them one after the other.
export TRIALS=1000
stop_in_the_middle r.db --device null --threads 2
kill -INT $child
kill -TERM $child
kill -CONT $child
wait $child
code=$?
child=
[ $code = 130 ] || [ $code = 143 ] || die "two signals: exit code $code"
run r.db --device null || die "the run after two signals"
run whole.db --device null || die "the undisturbed run"
same whole.db r.db

# What was ignored at the start is ignored: nohup does that.
rm -f r.db
trap '' HUP
stop_in_the_middle r.db --device null --threads 2
trap - HUP
kill -HUP $child
kill -CONT $child
wait $child || die "SIGHUP ended a run that ignores it"
child=
[ "$(rows r.db)" = "$planned" ] || die "trials are missing"

# A reader that goes away ends a command without a word.
"$bitsink" bn r.db trial 2>log | head -n 1 >out
[ ! -s log ] || die "SIGPIPE: a message"
