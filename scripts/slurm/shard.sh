#!/bin/bash
# shard.sh JOB N RESULTS: one task of the array that submit.sh starts. The result file is on the node's own disk
# while it is written (SQLite's WAL is unsafe on network file systems) and is copied to RESULTS before every exit.
set -u
job=$1
shards=$2
results=$3
k=$SLURM_ARRAY_TASK_ID
name=shard-$k-of-$shards.db
scratch=$(mktemp -d "${SLURM_TMPDIR:-${TMPDIR:-/tmp}}/bitsink-$k-XXXXXX") || exit 1
child=
stager=
stopping=
echo "$(date -u +%FT%TZ) shard $k of $shards on $(hostname), restart ${SLURM_RESTART_COUNT:-0}"

stage_out() {
    [ ! -s "$scratch/$name" ] || "$BITSINK" backup "$scratch/$name" "$results/$name"
}
clean_up() {
    [ -z "$stager" ] || kill "$stager" 2>/dev/null
    wait
    stage_out
    rm -rf "$scratch"
}
trap clean_up EXIT
trap 'stopping=1; [ -z "$child" ] || kill -TERM "$child"' TERM INT

# A task with several GPUs uses all of them. What it is given, it sees as numbers 0 to n - 1.
case " $BITSINK_OPTIONS" in
*" --device"*) ;;
*)
    gpus=${CUDA_VISIBLE_DEVICES:-}
    commas=${gpus//[!,]/}
    if [ -n "$commas" ] || { [ -z "$gpus" ] && [ "${SLURM_GPUS_ON_NODE:-0}" -gt 1 ]; }; then
        BITSINK_OPTIONS="${BITSINK_OPTIONS:+$BITSINK_OPTIONS }--device cuda:all"
    fi
    ;;
esac

[ ! -e "$results/$name" ] || cp "$results/$name" "$scratch/$name" || exit 1
# The job's options are words: they are split here on purpose.
# shellcheck disable=SC2086
"$BITSINK" run --quiet --db "$scratch/$name" --shard "$k/$shards" $BITSINK_OPTIONS "$job" &
child=$!
[ -z "$stopping" ] || kill -TERM "$child"
# Copies the file regularly: if the node is lost, at most BITSINK_STAGE seconds of work are repeated.
(
    trap 'kill $! 2>/dev/null; exit' TERM
    while :; do
        sleep "$BITSINK_STAGE" &
        wait $!
        stage_out
    done
) &
stager=$!
wait $child
code=$?
while kill -0 $child 2>/dev/null; do # a signal ends `wait`, but not the run
    wait $child
    code=$?
done
kill "$stager" 2>/dev/null
wait "$stager" 2>/dev/null
stager=

trap - EXIT
trap '' TERM # the rest is short, and must be completed
stage_out || code=1
rm -rf "$scratch"
echo "$(date -u +%FT%TZ) exit code $code"
[ $code != 143 ] || code=3 # stopped before it could handle the signal: nothing was begun, nothing is lost
if [ $code = 3 ] && [ "${SLURM_RESTART_COUNT:-0}" -lt "$BITSINK_RESTARTS" ]; then
    scontrol requeue "${SLURM_ARRAY_JOB_ID}_$k" # ends this script, too
fi
exit $code
