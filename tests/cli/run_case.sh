#!/bin/sh
# run_case.sh BITSINK CASE: runs cases/CASE.sh in an empty folder and compares all it prints with expected/CASE.txt.
# BITSINK_UPDATE=1 writes that file instead. Exit code 77: skipped.
#
# A case sees jobs/ and models/ like the source tree's tests/, and has `t WORD...`, which prints the command line,
# what it prints (first stdout, then stderr) and its exit code.
set -u
bitsink=$(realpath "$1")
case=$2
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../support/skips.sh"
unset BITSINK_TRIALS BITSINK_IMAGES BITSINK_TEST_DATA
export LC_ALL=C TZ=UTC
need_fashion
tmp=$(mktemp -d)
export XDG_CACHE_HOME="$tmp/cache"
trap 'rm -rf "$tmp"' EXIT
mkdir "$tmp/work" "$tmp/work/jobs" "$tmp/work/models"
cp "$here"/small.yaml "$here"/../jobs/*.yaml "$here"/../jobs/*.txt "$here"/../jobs/*.csv "$tmp/work/jobs"
cp "$here"/../models/* "$tmp/work/models"
cd "$tmp/work" || exit 1

# What differs between machines, builds and moments: the folder, times, rates, what time allowed to try and to prove, a
# CUDA device; and the last digits of
# numbers that are printed with all they have, as versions of SQLite sum up differently.
filter() {
    awk '{
        line = ""
        while (match($0, /[0-9]+\.[0-9]+(e[-+]?[0-9]+)?/)) {
            number = substr($0, RSTART, RLENGTH)
            line = line substr($0, 1, RSTART - 1) (RLENGTH < 15 ? number : sprintf("%.12g", number))
            $0 = substr($0, RSTART + RLENGTH)
        }
        print line $0
    }' | sed -e "s|$tmp/work/||g" \
        -e 's/in [0-9.]* s ([0-9]* trials\/s)/in TIME/' \
        -e 's/[0-9]* trials\/s/RATE/' \
        -e 's/20[0-9-]*T[0-9:]*Z/WHEN/g' \
        -e 's/"seconds": [0-9.e+-]*/"seconds": TIME/; s/"trials_per_second": [0-9.]*/"trials_per_second": RATE/' \
        -e 's/"start_seconds": [0-9][0-9.e+-]*/"start_seconds": TIME/; s/"work_seconds": [0-9][0-9.e+-]*/"work_seconds": TIME/' \
        -e 's/^first row [0-9.]* s after/first row TIME after/; s/^\(timing: .*[^ ]\)  *[0-9.]* s$/\1 TIME/' \
        -e 's/^\(timing: .*[^ ]\)  *[0-9.]* s, done at/\1 TIME, done at/' \
        -e 's/"rate": [0-9.e+-]*/"rate": RATE/; s/"since_commit": [0-9]*/"since_commit": TIME/' \
        -e 's/ cuda,//' \
        -e 's/ last run: [0-9]* proven by it, [0-9]* from the cache, [0-9]* from earlier runs/ last run: SOME proven/' \
        -e 's/"macs": [0-9.e+]*, "seconds"/"macs": SOME, "seconds"/; s/, [0-9.e+]* GMAC, about/, SOME GMAC, about/' \
        -e 's/, about [0-9.]* s to start and [0-9.]* s of work on/, about TIME to start and TIME of work on/' \
        -e 's/ trials in [0-9.]* s;/ trials in TIME;/'
}
t() {
    echo "\$ bitsink $*"
    "$bitsink" "$@" >"$tmp/stdout" 2>"$tmp/stderr"
    code=$?
    filter <"$tmp/stdout"
    filter <"$tmp/stderr"
    [ $code = 0 ] || echo "[exit code $code]"
    return 0
}
sql() {
    echo "\$ sqlite3 $*"
    sqlite3 "$@" 2>&1 | filter
}

(. "$here/cases/$case.sh") >"$tmp/actual" 2>&1
code=$?
if [ $code = 77 ]; then
    cat "$tmp/actual"
    exit 77
fi
if [ "${BITSINK_UPDATE:-}" = 1 ]; then
    cp "$tmp/actual" "$here/expected/$case.txt"
    exit 0
fi
diff -u "$here/expected/$case.txt" "$tmp/actual"
