#!/bin/bash
# slurm.sh BITSINK [JOB]: a Slurm of its own (munge, controller and node daemon on this machine, loopback only) runs a
# campaign as four shards by scripts/slurm. One is stopped in the middle as before a time limit, one is requeued by
# Slurm; merged they have the digest of one run. Exit code 77, skipped, where Slurm is not installed or does not start:
# apt-get install --no-install-recommends slurmctld slurmd slurm-client munge
# JOB is run on the CPU and must have at least 4 images; without it the crash tests' job on the null device.
set -u
bitsink=$(realpath "$1")
job=${2:+$(realpath "$2")}
tests=$(cd "$(dirname "$0")/.." && pwd)
. "$tests/support/skips.sh"
for program in slurmctld slurmd munged sbatch scontrol squeue scancel sqlite3; do
    PATH=$PATH:/usr/sbin command -v $program >/dev/null || skip "$program is not installed"
done
[ "$(id -u)" = 0 ] || skip "the node daemon needs the superuser"
need_fashion
PATH=$PATH:/usr/sbin
unset ${!SLURM_*} ${!SBATCH_*}
export BITSINK_TEST_DATA=${BITSINK_TEST_DATA:-$(realpath "$tests/../../shared/data" 2>/dev/null)}
if [ -n "$job" ] && ! "$bitsink" plan --device null "$job" >/dev/null 2>&1; then
    skip "the model or the images of $job are absent"
fi
tmp=$(mktemp -d)
stop() {
    [ ! -e "$tmp/slurm.conf" ] || scancel --user=root 2>/dev/null
    for pid in slurmd.pid slurmctld.pid munge/pid; do
        [ ! -s "$tmp/$pid" ] || kill "$(cat "$tmp/$pid")" 2>/dev/null
    done
    sleep 1
    rm -rf "$tmp"
}
trap stop EXIT
trap 'exit 1' INT TERM
die() {
    echo "FAILED: $*" >&2
    squeue >&2
    tail -n 20 "$tmp"/results/log/* "$tmp"/slurmctld.log >&2
    exit 1
}
# wait_for SECONDS WHAT COMMAND...: until the command succeeds.
wait_for() {
    local end=$((SECONDS + $1)) what=$2
    shift 2
    until "$@"; do
        [ $SECONDS -lt $end ] || die "waited in vain for $what"
        sleep 0.1
    done
}

# --- the cluster ---
mkdir -m 700 "$tmp/munge" && mkdir "$tmp/state" "$tmp/spool" "$tmp/scratch" "$tmp/results" "$tmp/jobs" "$tmp/models"
head -c 1024 /dev/urandom >"$tmp/munge/key" && chmod 400 "$tmp/munge/key"
munged --force --key-file="$tmp/munge/key" --socket="$tmp/munge/socket" --pid-file="$tmp/munge/pid" \
    --log-file="$tmp/munge/log" --seed-file="$tmp/munge/seed" || skip "munged does not start"
host=$(hostname -s)
port=$((20000 + $$ % 20000))
export SLURM_CONF=$tmp/slurm.conf
cat >"$SLURM_CONF" <<END
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmdPort=$((port + 1))
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$tmp/munge/socket,cred_expire=5
StateSaveLocation=$tmp/state
SlurmdSpoolDir=$tmp/spool
SlurmctldPidFile=$tmp/slurmctld.pid
SlurmdPidFile=$tmp/slurmd.pid
SlurmctldLogFile=$tmp/slurmctld.log
SlurmdLogFile=$tmp/slurmd.log
ProctrackType=proctrack/pgid
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
JobAcctGatherType=jobacct_gather/none
ReturnToService=2
SchedulerParameters=sched_interval=1,sched_min_interval=0
KillWait=2
SlurmdParameters=config_overrides
NodeName=$host NodeAddr=127.0.0.1 CPUs=4 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=60 State=UP
END
echo CgroupPlugin=cgroup/v1 >"$tmp/cgroup.conf"
slurmctld || skip "slurmctld does not start"
slurmd || skip "slurmd does not start: $(tail -n 2 "$tmp/slurmd.log")"
for i in $(seq 100); do
    sinfo -h -o %T 2>/dev/null | grep -q idle && break
    sleep 0.1
done
sinfo -h -o %T | grep -q idle || skip "the node does not come up: $(tail -n 2 "$tmp/slurmd.log")"

# --- the campaign ---
cp "$tests/crash/big.yaml" "$tmp/jobs"
cp "$tests/models/fashion_vgg.onnx" "$tmp/models"
cd "$tmp" || exit 1
device=null
[ -z "$job" ] || device=cpu
export TRIALS=3000 IMAGES=22 BITSINK=$bitsink BITSINK_OPTIONS="--device $device --threads 1" TMPDIR=$tmp/scratch
"$bitsink" run --quiet --db whole.db --device $device "${job:-jobs/big.yaml}" || die "the undisturbed run"
"$tests/../scripts/slurm/submit.sh" "${job:-jobs/big.yaml}" 4 results >submitted || die "submit"
cat submitted
array=$(sed -n 's/.*shards: job \([0-9]*\);.*/\1/p' submitted)
merge=$(sed -n 's/.*report: job \([0-9]*\);.*/\1/p' submitted)

# freeze K: stops the run of shard K in the middle, its first rows committed; $pid is its process.
has_rows() {
    file=$(ls scratch/bitsink-"$1"-*/shard-"$1"-of-4.db 2>/dev/null) || return 1
    [ "$(sqlite3 "$file" 'SELECT EXISTS (SELECT 1 FROM trial)' 2>/dev/null)" = 1 ]
}
freeze() {
    wait_for 240 "rows of shard $1" has_rows "$1"
    pid=$(sed 's/process \([0-9]*\) .*/\1/' "$file-lock")
    kill -STOP "$pid" || die "shard $1 was too quick"
    echo "shard $1 stopped at $("$bitsink" status --json "$file" | sed 's/.*"trials": \([0-9]*\).*"share": \([0-9.]*\).*/\1 trials (share \2)/')"
}
freeze 2
scancel --signal=TERM --batch "${array}_2" # as before the time limit
kill -CONT "$pid"
freeze 3
scontrol requeue "${array}_3" || die "requeue" # as when a node is lost or a job preempted
kill -CONT "$pid"

wait_for 500 "the shards and the merge" eval '[ -z "$(squeue -h)" ]'
grep -q 'exit code 3' results/log/shard-2.log || die "shard 2 did not stop with exit code 3"
for k in 2 3; do
    grep -q "shard $k of 4 on .*, restart 1" results/log/shard-$k.log || die "shard $k was not requeued"
done
cat results/log/merge.log
[ -z "$(ls scratch)" ] || die "left on the node: $(ls scratch)"
want=$("$bitsink" digest whole.db) && have=$("$bitsink" digest results/merged.db) || die "no digest"
[ "$want" = "$have" ] || die "the merged file has digest $have, one run $want"
[ "$(sqlite3 results/merged.db "SELECT count(*) FROM run WHERE shard = 2")" = 2 ] || die "shard 2 did not go on"
head -n 2 results/layer_accuracy.csv | grep -q '^entry,layer' || die "no table"
echo "four shards on Slurm (job $array, merge $merge): $have"
[ -z "$job" ] || exit 0

# Again with more images: the same files are extended.
export IMAGES=24 BITSINK_CHECK="--max network_sdc=1" # of answers that nobody computed: refused
rm whole.db
"$bitsink" run --quiet --db whole.db --device null jobs/big.yaml || die "the larger run"
"$tests/../scripts/slurm/submit.sh" jobs/big.yaml 4 results >submitted || die "submit again"
wait_for 120 "the extension" eval '[ -z "$(squeue -h)" ]'
[ "$("$bitsink" digest whole.db)" = "$("$bitsink" digest results/merged.db)" ] || die "not the digest of the larger run"
grep -q '^check: exit code 7' results/log/merge.log || die "the limits were not checked"
grep -q 'null device' results/limits.txt || die "no limits.txt"
echo "and extended by two images"
