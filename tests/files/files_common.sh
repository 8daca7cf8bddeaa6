# Sourced by the tests here: SCRIPT BITSINK. An empty working folder with the jobs and the files.
set -u
bitsink=$(realpath "$1")
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../support/skips.sh"
export LC_ALL=C TZ=UTC
export ASAN_OPTIONS=${ASAN_OPTIONS:-exitcode=99}
need_fashion
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' INT TERM
mkdir "$tmp/files" "$tmp/models" "$tmp/jobs"
cp "$here"/*.yaml "$here"/*.csv "$tmp/files"
cp "$here"/../models/fashion_vgg.onnx "$tmp/models"
cp "$here"/../jobs/fashion_classes.txt "$tmp/jobs"
cd "$tmp/files" || exit 1

die() {
    echo "FAILED: $*" >&2
    [ ! -s log ] || { echo "-- stderr of the last command:" >&2; cat log >&2; }
    exit 1
}
# b WORD...: bitsink, which must succeed; stdout is in out, stderr in log.
b() {
    "$bitsink" "$@" >out 2>log || die "bitsink $* ended with exit code $?"
}
# refused CODE TEXT WORD...: bitsink, which must end with this code and say this.
refused() {
    code=$1 text=$2
    shift 2
    "$bitsink" "$@" >out 2>log
    got=$?
    [ $got = "$code" ] || die "bitsink $* ended with exit code $got, not $code"
    grep -qF -- "$text" log || die "bitsink $* did not say '$text'"
}
# unpack NAME: file NAME.db. Its job lies here now: what runs its trials again must not depend on the folder it was made in.
unpack() {
    gzip -dc "$here/$1.db.gz" >"$1.db" || die "cannot unpack $1"
    sqlite3 "$1.db" "UPDATE campaign SET job_path = '$PWD/' || replace(job_path, rtrim(job_path, replace(job_path, '/', '')), '')
        WHERE job_path LIKE '/%'" || die "cannot move the job of $1"
}
# same A B: two digests.
same() {
    first=$("$bitsink" digest "$1" 2>log) && second=$("$bitsink" digest "$2" 2>log) || die "no digest of $1 or $2"
    [ "$first" = "$second" ] || die "$1 has digest $first, $2 $second"
}
