#!/bin/sh
# full_disk.sh BITSINK: a file size limit (standing for a full disk) ends a run with exit code 1, a message that
# says what to do, and a consistent file; without the limit the next run does the rest. Other files that are written then
# keep what they had, whole.
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

# keeps FILE COMMAND...: with the limit, the command fails and leaves the file as it was, and nothing beside it.
keeps() {
    file=$1
    shift
    "$bitsink" "$@" >out 2>log || die "$* without a limit"
    cp "$file" old
    (
        ulimit -f $keeps_blocks
        "$bitsink" "$@" >out 2>log
    )
    code=$?
    [ $code = 1 ] || die "$*: exit code $code, not 1"
    grep -q "^error: cannot write '$file': File too large" log && grep -q '^hint: ' log || die "$*: not the message"
    cmp -s old "$file" || die "$*: the old file is gone"
    [ ! -e "$file.part" ] || die "$*: left $file.part behind"
}
rm -f r.db
TRIALS=2 run r.db --device null || die "a small run"
keeps_blocks=2
keeps report/report.html report r.db -o report
keeps a.png plot r.db accuracy -o a.png
keeps a.svg plot r.db accuracy -o a.svg
keeps t.csv bn r.db layer --format csv -o t.csv
keeps n.bif bn r.db export -o n.bif
keeps s.csv plan --device null --sites s.csv jobs/big.yaml
keeps m.onnx synth mobilenetv2 m.onnx
IMAGES=100 keeps l.f32 classify jobs/big.yaml --logits l.f32
