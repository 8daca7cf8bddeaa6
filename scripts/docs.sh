#!/bin/sh
# docs.sh [--check] [BUILD_DIR]: writes the generated regions of the documents anew, from the tables in the code and the
# comments in the SQL, and fails if one of them is in no document. A region stands between the lines "<!-- generated: NAME -->" and "<!-- end -->". --check changes nothing: exit status 1
# if a document is not what would be written, with its name. BUILD_DIR (default: build) holds the program.
set -eu
cd "$(dirname "$0")/.."
check=
if [ "${1:-}" = --check ]; then
    check=1
    shift
fi
bitsink=$(realpath "${1:-build}")/bitsink
new=$(mktemp)
trap 'rm -f "$new"' EXIT
stale=0

# fill FILE COMMAND...: replaces each region of FILE by what COMMAND... NAME prints.
fill() {
    file=$1
    shift
    : >"$new"
    inside=
    while IFS= read -r line || [ -n "$line" ]; do
        case $line in
        '<!-- generated: '*' -->')
            [ -z "$inside" ] || { echo "$file: a generated region begins in another one: $line" >&2; exit 2; }
            inside=${line#<!-- generated: }
            inside=${inside% -->}
            printf '%s\n\n' "$line" >>"$new"
            "$@" "$inside" >>"$new" </dev/null || { echo "$file: region '$inside' cannot be made, see above" >&2; exit 2; }
            printf '\n' >>"$new"
            ;;
        '<!-- end -->')
            [ -n "$inside" ] || { echo "$file: a generated region ends that did not begin" >&2; exit 2; }
            inside=
            printf '%s\n' "$line" >>"$new"
            ;;
        *) [ -n "$inside" ] || printf '%s\n' "$line" >>"$new" ;;
        esac
    done <"$file"
    [ -z "$inside" ] || { echo "$file: the generated region '$inside' does not end" >&2; exit 2; }
    if ! cmp -s "$file" "$new"; then
        if [ -n "$check" ]; then
            echo "$file is not what the code says: run scripts/docs.sh, and read the difference" >&2
            diff -u "$file" "$new" >&2 || true
            stale=1
        else
            cat "$new" >"$file"
            echo "$file: rewritten"
        fi
    fi
}

# complete WHAT "FILES" COMMAND...: each region that COMMAND... lists stands exactly once in FILES.
complete() {
    what=$1
    files=$2
    shift 2
    names=$("$@")
    [ -n "$names" ] || { echo "$what: no regions" >&2; exit 2; }
    while IFS= read -r name; do
        # shellcheck disable=SC2086 # files are words
        found=$(cat $files | grep -cxF "<!-- generated: $name -->") || true
        [ "$found" = 1 ] || { echo "region '$name' of $what stands $found times, not once, in $files" >&2; stale=1; }
    done <<EOF
$names
EOF
}

fill host/cli/bitsink.1.md "$bitsink" help --region
fill host/job/bitsink-job.5.md "$bitsink" help --region
fill schema/bitsink-db.5.md python3 scripts/db_manual.py
complete 'the code' 'host/cli/bitsink.1.md host/job/bitsink-job.5.md' "$bitsink" help --region
complete 'the SQL' schema/bitsink-db.5.md python3 scripts/db_manual.py
exit $stale
