#!/bin/bash
# nightly.sh JOB SHARDS FOLDER [SBATCH_OPTION...]: one night of a campaign, from a single line of cron: runs the shards (by
# Slurm where there is sbatch, else here, one after the other), merges them, checks the rates against limits, compares
# them with those of the last complete night, writes the report and the trend over all nights, and removes the oldest
# nights. FOLDER/DATE is the night (UTC, or $NIGHT), FOLDER/DATE/night.log has what the steps said.
#
# Prints nothing if all is well; else what is wrong, which cron sends by mail, and ends with the exit code of the first
# step that failed. The same command on the same date goes on with a night that was interrupted.
set -u
here=$(cd "$(dirname "$0")" && pwd)
[ $# -ge 3 ] || {
    echo "usage: nightly.sh JOB SHARDS FOLDER [SBATCH_OPTION...]" >&2
    exit 2
}
job=$(realpath -e -- "$1") || exit 1
shards=$2
# Before the folder changes: BITSINK may be seen from here.
program=${BITSINK:-$here/../../build/bitsink}
BITSINK=$(realpath "$(command -v -- "$program")" 2>/dev/null) || {
    echo "nightly.sh: there is no program '$program'" >&2
    exit 1
}
export BITSINK
mkdir -p -- "$3" && CDPATH='' cd -- "$3" || exit 1
shift 3
export BITSINK_OPTIONS=${BITSINK_OPTIONS:-} BITSINK_SETTINGS=${BITSINK_SETTINGS:-} BITSINK_CHECK=${BITSINK_CHECK:-}
keep=${BITSINK_KEEP:-30}
night=${NIGHT:-$(date -u +%F)}
date='[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]'
# shellcheck disable=SC2053 # a pattern
[[ $night == $date ]] || {
    echo "nightly.sh: NIGHT is a date such as 2026-01-31, not '$night'" >&2
    exit 2
}
for number in "$shards" "$keep"; do
    [[ $number =~ ^[1-9][0-9]*$ ]] || {
        echo "nightly.sh: SHARDS and BITSINK_KEEP are numbers from 1 on, not '$shards' and '$keep'" >&2
        exit 2
    }
done

# The steps inherit the lock: what goes on when only this script was killed still holds it.
exec 9>lock
flock -n 9 || {
    echo "nightly.sh: another night is still running in $PWD" >&2
    exit 1
}
mkdir -p "$night" && rm -f "$night/complete" "$night/limits.txt" "$night/changes.txt" || exit 1

# step NAME COMMAND...: runs a step of the night; its output goes to the log, its exit code counts if it is the first.
status=0
failed=
step() {
    local name=$1 code
    shift
    echo "== $name, $(date -u +%FT%TZ)" >>"$night/night.log"
    "$@" >>"$night/night.log" 2>&1
    code=$?
    [ $code != 0 ] || return 0
    echo "== $name: exit code $code" >>"$night/night.log"
    failed="$failed$name: exit code $code
"
    [ $status != 0 ] || status=$code
    return $code
}

run_here() {
    local k code=0
    for k in $(seq "$shards"); do
        SLURM_ARRAY_TASK_ID=$k BITSINK_STAGE=${BITSINK_STAGE:-600} BITSINK_RESTARTS=0 \
            "$here/shard.sh" "$job" "$shards" "$night" || code=$?
    done
    return $code
}
if command -v sbatch >/dev/null; then
    BITSINK_WAIT=1 step 'run, merge and check' "$here/submit.sh" "$job" "$shards" "$night" "$@"
    ran=$?
else
    step run run_here
    step 'merge and check' "$here/merge.sh" "$shards" "$night"
    ran=$?
fi

# Exit codes 8 and 9 are verdicts on rates; with any other the night is no measure for those after it.
last=
for folder in $date; do
    [ "$folder" \< "$night" ] && [ -e "$folder/complete" ] && last=$folder
done
compare() {
    "$BITSINK" compare "$last/merged.db" "$night/merged.db" >"$night/changes.txt"
    local code=$?
    cat "$night/changes.txt"
    return $code
}
if [ -s "$night/merged.db" ]; then
    case $ran in 0 | 8 | 9) step 'mark as complete' touch "$night/complete" ;; esac
    [ -z "$last" ] || step "compare with $last" compare
    step report "$BITSINK" report "$night/merged.db" -o "$night/report"
    nights=()
    for folder in $date; do
        [ ! -s "$folder/merged.db" ] || nights+=("$folder/merged.db")
    done
    [ ${#nights[@]} -lt 2 ] || step trend "$BITSINK" plot trend "${nights[@]}" -o trend.svg
fi

# The last complete night stays, however old it is: the next one is compared with it.
[ ! -e "$night/complete" ] || last=$night
# shellcheck disable=SC2206 # a pattern
all=($date)
for folder in "${all[@]:0:$((${#all[@]} > keep ? ${#all[@]} - keep : 0))}"; do
    [ "$folder" = "$last" ] || [ "$folder" = "$night" ] || rm -rf -- "./$folder"
done

[ $status = 0 ] || {
    printf 'bitsink, the night of %s in %s:\n%s\n' "$night" "$PWD" "$failed"
    [ ! -s "$night/limits.txt" ] || cat "$night/limits.txt"
    [ ! -s "$night/changes.txt" ] || cat "$night/changes.txt"
    case $status in
    [6-9]) ;; # verdicts, which these files explain
    *)
        echo "the end of $PWD/$night/night.log:"
        tail -n 20 "$night/night.log"
        ;;
    esac
}
exit $status
