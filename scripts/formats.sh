#!/bin/bash
# formats.sh JOB [TYPE...]: runs a job once for each type of values, and prints what the type costs and changes: accuracy,
# trials per second, and for each entry the shares of masked trials, SDC-1 and DUE and the failure rate, with intervals. The
# job must say `storage: ${STORAGE:-fp32}`. Types: fp32 fp16 bf16 fp8_e4m3 fp8_e5m2 int8. Strata are weighted by their bits,
# those of an entry that occupies no memory of its own all alike. Result files are kept in the folder FORMATS, if it is set,
# for `bitsink compare`. BITSINK names the program (default build/bitsink), OPTIONS are further options of `bitsink run`. A
# dash stands for what an entry does not have: a bit error rate has no rate of one fault.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
bitsink=$(realpath "${BITSINK:-$here/build/bitsink}")
if [ $# -lt 1 ]; then
    sed -n '2,7s/^# //p' "$0" >&2
    exit 2
fi
job=$1
shift
[ $# -gt 0 ] || set -- fp32 fp16 bf16 fp8_e4m3 fp8_e5m2 int8
if ! grep -q '^storage:.*STORAGE' "$job"; then
    echo "$job does not take its storage from the environment" >&2
    echo "hint: add the line 'storage: \${STORAGE:-fp32}'" >&2
    exit 2
fi
folder=${FORMATS:-}
if [ -z "$folder" ]; then
    folder=$(mktemp -d "${TMPDIR:-/tmp}/bitsink-formats-XXXXXX")
    trap 'rm -rf "$folder"' EXIT
fi
mkdir -p "$folder"
printf '%-9s %-16s %8s %9s %8s %24s %24s %30s\n' type entry 'top-1 %' 'trials/s' 'masked %' 'SDC-1 % (interval)' \
    'DUE % (interval)' 'SDC FIT (interval)'
for type in "$@"; do
    db=$folder/$type.db
    # shellcheck disable=SC2086 # options are words
    STORAGE=$type "$bitsink" run "$job" --db "$db" ${OPTIONS:-} >"$folder/$type.log" 2>&1 || {
        status=$?
        cat "$folder/$type.log" >&2
        exit $status
    }
    sqlite3 "$db" "
WITH outcome AS (
    SELECT entry, max(CASE outcome WHEN 'masked' THEN rate END) AS masked,
           max(CASE outcome WHEN 'sdc1' THEN printf('%.3f (%.3f to %.3f)', 100 * rate, 100 * low, 100 * high) END) AS sdc,
           max(CASE outcome WHEN 'due' THEN printf('%.3f (%.3f to %.3f)', 100 * rate, 100 * low, 100 * high) END) AS due
      FROM (SELECT entry, outcome, rate, low, high FROM network_outcome
             WHERE weights = 'bits' OR entry NOT IN (SELECT entry FROM network_outcome WHERE weights = 'bits')
             UNION ALL SELECT entry, outcome, rate, low, high FROM layer_outcome WHERE layer = 4095) GROUP BY entry
)
SELECT printf('%-9s %-16s %8s %9.0f %8s %24s %24s %30s', '$type', e.name,
              (SELECT ifnull(printf('%.1f', 100.0 * avg(g.class = i.class)), '-') FROM golden g JOIN image i ON i.id = g.image
                WHERE i.label IS NOT NULL),
              (SELECT sum(trials) / max(sum(seconds), 1e-9) FROM run),
              iif(o.masked IS NULL, '-', printf('%.2f', 100 * o.masked)), ifnull(o.sdc, '-'), ifnull(o.due, '-'),
              iif(f.sdc_fit IS NULL, '-', printf('%.4g (%.4g to %.4g)', f.sdc_fit, f.sdc_fit_low, f.sdc_fit_high)))
  FROM entry e LEFT JOIN outcome o ON o.entry = e.id LEFT JOIN failure_rate f ON f.scope = e.id AND f.level = 'all' ORDER BY e.id;"
done
