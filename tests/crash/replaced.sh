#!/bin/sh
# replaced.sh BITSINK: a run whose result file is removed, renamed or replaced says so at its next commit, with exit code
# 1; what it wrote is in the renamed file, which the same command completes.
. "$(dirname "$0")/crash_common.sh"
export TRIALS=300
for way in removed renamed replaced; do
    stop_in_the_middle r.db --device null --threads 2
    case $way in
    removed) rm r.db ;;
    renamed) mv r.db other.db ;;
    replaced) cp jobs/big.yaml new && mv new r.db ;;
    esac
    kill -CONT $child
    wait $child
    code=$?
    child=
    [ $code = 1 ] || die "$way: exit code $code, not 1"
    grep -q "^error: result file 'r.db' was removed, renamed or replaced" log || die "$way: not the message"
    grep -q '^hint: .*run the same command again' log || die "$way: not the hint"
    [ ! -e r.db-wal ] && [ ! -e r.db-lock ] || die "$way: left files behind"
    case $way in
    renamed)
        [ ! -e r.db ] && consistent other.db && mv other.db r.db
        n=$(rows r.db)
        [ "$n" -gt 0 ] && [ "$n" -lt "$planned" ] || die "the renamed file has $n rows"
        run r.db --device null || die "the second run"
        run whole.db --device null || die "the undisturbed run"
        same whole.db r.db
        rm r.db
        ;;
    replaced)
        cmp -s jobs/big.yaml r.db || die "the new file was changed"
        rm r.db
        ;;
    esac
    echo "$way: said so"
done
