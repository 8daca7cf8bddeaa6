#!/bin/sh
# cgroup.sh BITSINK: memory is planned by what the limits of control groups leave, of the own group and of its parents, in
# both versions. The groups are files in a folder that one process sees as /sys/fs/cgroup.
. "$(dirname "$0")/crash_common.sh"
unshare -rm sh -c 'mount --bind /proc /sys/fs/cgroup' 2>/dev/null || skip "no private mounts here (unshare -rm)"
mkdir -p groups/own/inner groups/memory/own/inner
# leaves MIB GROUP: a run in this group divides half of so much among three workers, and says so.
leaves() {
    echo "$2" >group
    unshare -rm sh -c 'mount --bind groups /sys/fs/cgroup && mount --bind group /proc/$$/cgroup && exec "$@"' - \
        "$bitsink" run --quiet --no-cache --device cpu --threads 3 --db m.db jobs/big.yaml >out 2>log
    code=$?
    [ $code = 1 ] || die "$2: exit code $code"
    grep -q "3 would have $(($1 / 6)) MiB each" log || die "$2: not $1 MiB"
    grep -q '^hint: use fewer --threads, raise' log || die "$2: no hint"
}
mib=1048576
echo max >groups/own/inner/memory.max
echo $((100 * mib)) >groups/own/memory.max
printf 'anon %d\nfile 7\n' $((94 * mib)) >groups/own/memory.stat
leaves 6 0::/own/inner
echo $((90 * mib)) >groups/own/inner/memory.max
printf 'anon %d\nfile 7\n' $((90 * mib)) >groups/own/inner/memory.stat
leaves 0 0::/own/inner
rm -r groups/own
echo 9223372036854771712 >groups/memory/own/inner/memory.limit_in_bytes
echo $((100 * mib)) >groups/memory/own/memory.limit_in_bytes
printf 'cache 7\nrss 7\ntotal_rss %d\n' $((88 * mib)) >groups/memory/own/memory.stat
leaves 12 7:memory:/own/inner
