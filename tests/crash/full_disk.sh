#!/bin/sh
# full_disk.sh BITSINK: a file size limit (standing for a full disk) ends a run with exit code 1, a message that
# says what to do, and a consistent file; without the limit the next run does the rest.
. "$(dirname "$0")/crash_common.sh"
export TRIALS=500
run whole.db --device null || die "the undisturbed run"
planned=$(rows whole.db)
# The limits, in blocks of 512 bytes, hit the making of the tables, the first rows, and later transactions.
stopped=0
for blocks in 8 100 500 4000 6000 8000; do
    (
        ulimit -f $blocks
        run r.db --device null
    )
    code=$?
    [ $code = 1 ] || die "limit of $blocks blocks: exit code $code, not 1"
    grep -q "^error: cannot [a-z]* result file 'r.db': " log || die "limit of $blocks blocks: not the message"
    grep -q '^hint: make room' log || die "limit of $blocks blocks: not the hint"
    n=$(rows r.db)
    echo "$blocks blocks: $n of $planned trials"
    [ "$n" -lt "$planned" ] || die "limit of $blocks blocks: the run was complete"
    if [ "$n" -gt 0 ]; then
        consistent r.db
        stopped=$((stopped + 1))
    fi
done
[ $stopped -gt 0 ] || die "no limit hit the middle of the work"
run r.db --device null || die "the run without a limit"
same whole.db r.db
