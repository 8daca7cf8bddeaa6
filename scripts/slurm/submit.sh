#!/bin/bash
# submit.sh JOB N RESULTS [SBATCH-OPTION...]: runs JOB as an array of N shards, then merges them and writes the tables.
#
#   scripts/slurm/submit.sh job.yaml 16 /shared/results --gres=gpu:1 --cpus-per-task=8 --time=4:00:00
#
# RESULTS, on a file system that all nodes share, gets one file for each shard, merged.db, the tables as CSV and the logs.
# The options go to the array's sbatch: the resources of a shard (GPUs, or cores), partition, time limit. A shard that
# reaches its time limit, is preempted or loses its node is queued again and continues. So the same command, with the
# same RESULTS, also extends a campaign or repeats failed shards.
#
# BITSINK            the program (default: build/bitsink of this source tree)
# BITSINK_OPTIONS    options of `bitsink run`, such as "--device cuda" (default: none; a task with several GPUs uses all
#                    of them, unless a --device is given here)
# BITSINK_SETTINGS   settings of merged.db, such as "confidence=0.99 raw_fit=500" (default: those of the first shard)
# BITSINK_CHECK      options of `bitsink check`, such as "--max network_sdc=1e-3": the merge job writes limits.txt and
#                    ends with its exit code (default: no check)
# BITSINK_STAGE      seconds between copies of a shard to RESULTS while it runs (default 600)
# BITSINK_RESTARTS   how often a shard may be queued again (default 100)
# BITSINK_WAIT       if set, waits for the merge job, and ends with its exit code
set -euo pipefail
[ $# -ge 3 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
job=$(realpath "$1")
shards=$2
command -v sbatch >/dev/null || {
    echo "submit.sh: there is no sbatch here; scripts/slurm/README.md shows how to run the steps by hand" >&2
    exit 1
}
mkdir -p "$3/log"
results=$(realpath "$3")
shift 3
export BITSINK=${BITSINK:-$(realpath "$here/../../build/bitsink")}
export BITSINK_OPTIONS=${BITSINK_OPTIONS:-} BITSINK_SETTINGS=${BITSINK_SETTINGS:-} BITSINK_CHECK=${BITSINK_CHECK:-}
export BITSINK_STAGE=${BITSINK_STAGE:-600} BITSINK_RESTARTS=${BITSINK_RESTARTS:-100}
name=$(basename "$job" .yaml)

# Slurm sends TERM to the script two minutes before the limit: time to commit and to copy.
array=$(sbatch --parsable --job-name="$name" --array="1-$shards" --requeue --open-mode=append \
    --signal=B:TERM@120 --output="$results/log/shard-%a.log" "$@" "$here/shard.sh" "$job" "$shards" "$results")
code=0
merge=$(sbatch --parsable ${BITSINK_WAIT:+--wait} --job-name="$name-merge" --dependency="afterany:$array" \
    --open-mode=append --output="$results/log/merge.log" "$here/merge.sh" "$shards" "$results") || code=$?
echo "$shards shards: job $array; merge and report: job $merge; results in $results${BITSINK_CHECK:+, limits in limits.txt (exit code 8: broken, 9: not shown to be kept)}"
exit $code
