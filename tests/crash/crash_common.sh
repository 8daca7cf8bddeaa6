# Sourced by the crash tests: SCRIPT BITSINK. Makes an empty working folder with the job, and the helpers below.
set -u
bitsink=$(realpath "$1")
source_dir=$(cd "$(dirname "$0")/.." && pwd)
. "$source_dir/support/skips.sh"
export LC_ALL=C
export ASAN_OPTIONS=${ASAN_OPTIONS:-exitcode=99}
unset BITSINK_TRIALS BITSINK_IMAGES BITSINK_TEST_DATA
need_fashion
tmp=$(mktemp -d)
export XDG_CACHE_HOME="$tmp/cache"
child=
trap '[ -z "$child" ] || kill -KILL "$child" 2>/dev/null; rm -rf "$tmp"' EXIT
trap 'exit 1' INT TERM
mkdir "$tmp/jobs" "$tmp/models"
cp "$source_dir/crash/big.yaml" "$source_dir"/jobs/*.yaml "$source_dir"/jobs/*.csv "$tmp/jobs"
cp "$source_dir/models/fashion_vgg.onnx" "$tmp/models"
cd "$tmp" || exit 1

die() {
    echo "FAILED: $*" >&2
    [ ! -s log ] || { echo "-- the last run's stderr:" >&2; cat log >&2; }
    exit 1
}

# run DB OPTION...: a run of jobs/big.yaml; its exit code is returned, stderr is in log.
run() {
    db=$1
    shift
    "$bitsink" run --quiet --db "$db" "$@" jobs/big.yaml >out 2>log
}
digest() {
    "$bitsink" digest "$1" || die "no digest of $1"
}
# now: seconds with a fraction.
now() {
    date +%s.%N
}

# Columns of a table that may not depend on how often a campaign was interrupted.
columns() {
    sqlite3 "$1" "SELECT group_concat(quote(name), ',') FROM (SELECT '\"' || name || '\"' AS name
        FROM pragma_table_info('$2') WHERE name NOT IN ('run', 'created', 'job', 'job_path'))" | tr -d "'"
}
# same A B [TABLE...]: two result files hold the same trials and count them the same way.
same() {
    one=$1
    two=$2
    first=$(digest "$one") && second=$(digest "$two") || exit 1
    [ "$first" = "$second" ] || die "$one and $two have different digests"
    shift 2
    [ $# -gt 0 ] ||
        set -- trial trial_site trial_ranking golden golden_ranking unit summary layer_summary fault_summary fault_wrong \
            image layer class stratum network_target campaign
    for table in "$@"; do
        same_table "$one" "$two" "$table"
    done
}
same_table() {
    c=$(columns "$1" "$3")
    n=$(sqlite3 "$1" "ATTACH '$2' AS other;
        SELECT (SELECT count(*) FROM (SELECT $c FROM $3 EXCEPT SELECT $c FROM other.$3))
             + (SELECT count(*) FROM (SELECT $c FROM other.$3 EXCEPT SELECT $c FROM $3))
             + abs((SELECT count(*) FROM $3) - (SELECT count(*) FROM other.$3))") ||
        die "cannot compare $3 of $1 and $2"
    [ "$n" = 0 ] || die "$n rows of $3 differ between $1 and $2"
}
# consistent DB: whatever the file holds, the ledger and the summaries count it.
consistent() {
    answer=$(sqlite3 "$1" "PRAGMA quick_check;
        SELECT (SELECT count(*) FROM trial) - (SELECT coalesce(sum(done), 0) FROM unit);
        SELECT (SELECT count(*) FROM trial) - (SELECT coalesce(sum(n), 0) FROM summary);
        SELECT (SELECT count(*) FROM trial) - (SELECT coalesce(sum(n), 0) FROM layer_summary);
        SELECT count(*) FROM unit WHERE image NOT IN (SELECT image FROM golden);
        SELECT (SELECT coalesce(sum(n_sites), 0) FROM trial WHERE layer = 4095) - (SELECT count(*) FROM trial_site);
        SELECT count(*) FROM trial LEFT JOIN trial_ranking ON trial = id WHERE (died_at IS NULL) <> (trial IS NOT NULL);
        SELECT (SELECT count(*) FROM golden_ranking) - (SELECT count(*) FROM golden)" | tr '\n' ' ')
    [ "$answer" = "ok 0 0 0 0 0 0 0 " ] || die "$1 is inconsistent: $answer"
}
# rows DB: trials in a file at rest, 0 if it has no tables yet.
rows() {
    n=$(sqlite3 "$1" 'SELECT count(*) FROM trial' 2>/dev/null) || n=0
    echo "${n:-0}"
}
# snapshot DB COPY: looks at a file without recovering it, which would take that work from the next run.
snapshot() {
    rm -f "$2" "$2-wal" "$2-shm"
    [ ! -e "$1" ] || cp "$1" "$2"
    [ ! -e "$1-wal" ] || cp "$1-wal" "$2-wal"
}

# stop_in_the_middle DB OPTION...: starts a run and freezes it (SIGSTOP) when some rows are committed but not all;
# $child is its process. The job grows until that works: TRIALS and $planned tell its size in the end.
stop_in_the_middle() {
    db=$1
    shift
    for attempt in 1 2 3 4 5; do
        rm -f "$db" "$db-wal" "$db-shm"
        planned=$("$bitsink" plan --device null --json jobs/big.yaml | sed 's/.*"trials": \([0-9]*\).*/\1/')
        "$bitsink" run --quiet --db "$db" "$@" jobs/big.yaml >out 2>log &
        child=$!
        while kill -0 $child 2>/dev/null && [ "$(rows "$db")" = 0 ]; do sleep 0.01; done
        if kill -STOP $child 2>/dev/null; then
            n=$(rows "$db")
            [ "$n" -gt 0 ] && [ "$n" -lt "$planned" ] && return 0
            kill -KILL $child 2>/dev/null # it may be a zombie: done, not frozen
        fi
        wait $child
        child=
        export TRIALS=$((TRIALS * 4))
    done
    die "no run could be stopped in the middle"
}
