#!/bin/sh
# Tries bitsink on a machine with a GPU where nothing can be installed, and writes a report.
#   gpu_check.sh [--small] [--bundle DIR] [first | figures | STEP[:SECONDS]]...
# first: checks of an unknown card, in 4 minutes at most: the machine, the probe of the device and its libraries, a
#   benchmark of VGG-19, the tests that every device must pass.
# figures: the published figures of a card, in 6.5 minutes at most: campaigns, a benchmark of ResNet-50, digests, the
#   comparison with the CPU, the memory checker, replay and conformance, the comparison with PyTorchFI.
# Without a name: both. Single steps run in the order given; SECONDS overrides the time limit. Further steps are start,
# tokens, regions, boxes, logits, mobilenetv2, network (faults in several layers of one inference), types (values of 16 bits).
# DIR: the folder that scripts/bundle.sh made (this script's own, else build/bundle). Needs a driver; cuBLAS and cuDNN
# where the loader finds them or in the packages of python3 (PyTorch has them); numpy, onnx and torch for some steps.
# PYTHON names the interpreter. A step that cannot run says so; one that fails, crashes or hangs does not affect the
# others. After every step the table and all output so far are in $OUT/gpu-NAME.md (./gpu-first.md; an older one becomes
# gpu-first.md.old). --small: small versions of all steps, to try the script itself on a simulated device.
# Exit code: 0 all steps that could run passed, 1 some step failed, 2 wrong usage, 4 no device.
set -u

# name:limit in seconds. A step may also use the time that those before it have left over.
first='machine:10 probe:80 vgg19:65 changes:15 operators:20 exactness:50'
figures='machine:10 campaigns:110 resnet50:40 digests:40 campaign:40 memcheck:25 initcheck:25 replay:35 conformance:25 peers:40'
others='start:90 tokens:60 regions:40 boxes:60 logits:60 mobilenetv2:60 network:40 types:60'

usage() {
    sed -n '2,/^set /s/^# \{0,1\}//p' "$0" >&2
    exit 2
}

# --- arguments ---

self=$(realpath "$0")
small=0
bundle=$(dirname "$self")
[ -e "$bundle/bitsink-gpu.tar.gz" ] || bundle=build/bundle
part=
steps=
while [ $# -gt 0 ]; do
    case $1 in
    --small) small=1 ;;
    --bundle) [ $# -gt 1 ] && shift || usage; bundle=$1 ;;
    -*) usage ;;
    first) steps="$steps $first" part=${part:+all} part=${part:-first} ;;
    figures) steps="$steps $figures" part=${part:+all} part=${part:-figures} ;;
    *)
        limit=
        for known in $first $figures $others; do
            [ "${known%:*}" != "${1%:*}" ] || limit=${known#*:}
        done
        case $1 in *:*) [ -z "$limit" ] || limit=${1#*:} ;; esac
        case $limit in '' | 0* | *[!0-9]*) echo "error: there is no step '$1'" >&2; usage ;; esac
        steps="$steps ${1%:*}:$limit" part=${part:+steps} part=${part:-${1%:*}}
        ;;
    esac
    shift
done
[ -n "$steps" ] || { steps="$first $figures" part=all; }
if [ ! -e "$bundle/bitsink-gpu.tar.gz" ]; then
    echo "error: no bitsink-gpu.tar.gz in '$bundle'" >&2
    echo "hint: make it with scripts/bundle.sh where CUDA is installed, and name its folder with --bundle" >&2
    exit 2
fi
out=$(realpath "${OUT:-.}")
report=$out/gpu-$part.md
if [ ! -d "$out" ] || [ ! -w "$out" ]; then
    echo "error: cannot write into '$out'" >&2
    echo "hint: OUT names the folder of the report" >&2
    exit 2
fi
python=${PYTHON:-python3}
python=$(command -v "$python") && case $python in */*) python=$(realpath -s "$python") ;; esac
if [ -z "$python" ]; then
    echo "warning: no ${PYTHON:-python3}: steps that need it are left out, and NVIDIA's libraries are the loader's" >&2
    python=false
fi
slower=1
[ "$small" = 0 ] || slower=8 # a simulated device
scratch=$(mktemp -d)
started=$(date +%s)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' INT TERM
mkdir "$scratch/root" "$scratch/log"
tar -C "$scratch/root" -xzf "$bundle/bitsink-gpu.tar.gz" || exit 1
cd "$scratch/root" || exit 1

# Where PyTorch's packages have NVIDIA's libraries; the loader's own come first, so that a simulated device wins.
libraries=$(timeout -k 5 20 "$python" -c 'import glob, nvidia
print(":".join(sorted(d for p in nvidia.__path__ for d in glob.glob(p + "/*/lib"))))' 2>/dev/null)
[ -z "$libraries" ] || LD_LIBRARY_PATH=${LD_LIBRARY_PATH:-}${LD_LIBRARY_PATH:+:}$libraries
BITSINK_TEST_DATA=$scratch/root/data
PYTHONPATH=$scratch/root/python${PYTHONPATH:+:$PYTHONPATH}
export LD_LIBRARY_PATH BITSINK_TEST_DATA PYTHONPATH small scratch python out

# --- the report: rewritten after each step, so that an interrupted run keeps its results ---

failed=0
table=$scratch/table
order=$scratch/order
devices='no device yet'
printf '| step | result | seconds | figure |\n|---|---|---|---|\n' >"$table"
: >"$order"
[ ! -e "$report" ] || mv "$report" "$report.old"
write_report() {
    {
        echo "# bitsink on $devices"
        echo
        echo "Made by \`gpu_check.sh$([ "$small" = 0 ] || echo ' --small') $part\` on $(date -u +%Y-%m-%d), version $(cat VERSION), in $(($(date +%s) - started)) s."
        echo
        cat "$table"
        while read -r name; do
            printf '\n## %s\n\n```\n' "$name"
            sed "s|$scratch|.|g" "$scratch/log/$name" | grep -v '^figure: \|^closing: '
            printf '```\n'
        done <"$order"
    } >"$scratch/report" && cp "$scratch/report" "$report.new" && mv "$report.new" "$report" && return
    echo "error: the report could not be written" >&2
    failed=1
}
# row NAME RESULT SECONDS: adds a row to the table, with the last figure of the log.
row() {
    figure=$(sed -n 's/^figure: //p; s/^skipped: //p' "$scratch/log/$1" | tail -1 | tr '|' '/')
    echo "| $1 | $2 | $3 | $figure |" >>"$table"
    echo "$1" >>"$order"
    write_report
}

# --- a command with a time limit, of which no process is left ---

pid=
# limited SECONDS LOG COMMAND...: runs it; returns its exit code, 124 if it took too long.
limited() {
    most=$1 into=$2
    shift 2
    timeout -k 5 "$most" "$@" >"$into" 2>&1 </dev/null &
    pid=$!
    wait "$pid"
    code=$?
    end_group
    return $code
}
# timeout leads a process group. Processes of a step may outlive it: bitsink finishes its batch when told to end.
end_group() {
    kill -s KILL -- "-$pid" 2>/dev/null
    tries=0
    # Gives up after 5 s: a process that is stuck in the driver, or not reaped, stays.
    while [ $tries -lt 50 ] && kill -s 0 -- "-$pid" 2>/dev/null; do
        tries=$((tries + 1))
        sleep 0.1
    done
    pid=
}
interrupted() {
    trap '' INT TERM
    if [ -n "$pid" ]; then
        end_group
        cat "$scratch/log/$name"
        row "$name" INTERRUPTED $(($(date +%s) - begin))
    fi
    exit 1
}
trap interrupted INT TERM

# --- the device ---

name=devices
begin=$started
limited $((20 * slower)) "$scratch/log/devices" bin/bitsink devices
code=$?
cat "$scratch/log/devices"
if [ $code != 0 ]; then
    row devices "FAILED ($code)" $(($(date +%s) - begin))
    echo "error: the bundle's bitsink does not run here" >&2
    echo "hint: the bundle was made with $(cat GLIBC), here is $(getconf GNU_LIBC_VERSION): it wants the same or a later one" >&2
    exit 1
fi
if ! grep -q '^cuda:0' "$scratch/log/devices"; then
    row devices "NO DEVICE" $(($(date +%s) - begin))
    echo "error: no CUDA device" >&2
    exit 4
fi
devices=$(sed -n 's/^cuda:0 *//p' "$scratch/log/devices")

# --- all steps ---

deadline=$started
for step in $steps; do
    name=${step%:*}
    grep -qx "$name" "$order" && continue # part of both
    begin=$(date +%s)
    deadline=$((deadline + ${step#*:} * slower))
    left=$((deadline - begin))
    [ "$left" -gt 0 ] || left=1
    log=$scratch/log/$name
    export log
    echo
    echo "== $name"
    limited "$left" "$log" sh scripts/gpu_steps.sh "$name"
    code=$?
    cat "$log"
    # A step that reached its end prints that as its last line.
    case $code in
    0) if [ "$(tail -1 "$log")" = "closing: $name" ]; then result=passed; else result="FAILED (no end)"; fi ;;
    77) result=unavailable ;;
    124) result="OUT OF TIME" ;;
    *) result="FAILED ($code)" ;;
    esac
    case $result in passed | unavailable) ;; *) failed=1 ;; esac
    row "$name" "$result" $(($(date +%s) - begin))
done
echo
cat "$table"
echo
[ ! -e "$report" ] || echo "report: $report"
exit $failed
