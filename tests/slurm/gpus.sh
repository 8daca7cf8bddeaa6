#!/bin/bash
# gpus.sh: a task of scripts/slurm uses all GPUs that it is given, unless its options name a device. A stand-in for the
# program says what it was called with.
set -u
shard=$(cd "$(dirname "$0")/../../scripts/slurm" && pwd)/shard.sh
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
printf '#!/bin/sh\n[ "$1" != run ] || echo "called: $*"\n' >"$tmp/bitsink"
chmod +x "$tmp/bitsink"
export BITSINK=$tmp/bitsink TMPDIR=$tmp BITSINK_STAGE=600 BITSINK_RESTARTS=0 SLURM_ARRAY_TASK_ID=1
unset CUDA_VISIBLE_DEVICES SLURM_GPUS_ON_NODE SLURM_TMPDIR

# expect DEVICE OPTIONS [NAME=VALUE...]: a task in this environment names this device, or none ("").
expect() {
    device=$1 options=$2
    shift 2
    got=$(env BITSINK_OPTIONS="$options" "$@" "$shard" job.yaml 2 "$tmp" | sed -n 's/^called: .*--shard 1\/2 *\(.*\) job.yaml$/\1/p')
    [ "$got" = "$options${device:+${options:+ }--device $device}" ] && return
    echo "FAILED: options '$options', $*: '$got'" >&2
    exit 1
}
expect '' '' A=
expect '' '--threads 2' CUDA_VISIBLE_DEVICES=3 SLURM_GPUS_ON_NODE=4
expect cuda:all '' CUDA_VISIBLE_DEVICES=0,1
expect cuda:all '--threads 8' CUDA_VISIBLE_DEVICES=0,1,2,3 SLURM_GPUS_ON_NODE=4
expect cuda:all '' SLURM_GPUS_ON_NODE=4
expect '' '' SLURM_GPUS_ON_NODE=1
expect '' '--device cuda:1' CUDA_VISIBLE_DEVICES=0,1
expect '' '--threads 2 --device=cpu' SLURM_GPUS_ON_NODE=4
