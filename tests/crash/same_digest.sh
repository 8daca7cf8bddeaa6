#!/bin/sh
# same_digest.sh BITSINK DEVICE TRIALS: what may not matter does not matter: threads, batch, mode of replay, the
# order in which a campaign grew, and who chose the sites.
. "$(dirname "$0")/crash_common.sh"
device=$2
export TRIALS=$3 IMAGES=20
run base.db --device "$device" --threads 2 || die "the base run"
consistent base.db
variant() {
    run variant.db --device "$device" "$@" || die "run with $*"
    same base.db variant.db
    rm -f variant.db
    echo "same with $*"
}
variant --threads 1
variant --threads 3
variant --threads 2 --batch 1
variant --batch 7
variant --batch 64
variant --replay full
variant --replay full --threads 1 --batch 5

# A campaign that grows: first entries, then trials, then images, then both with another batch.
sed '/^  - id: 2/,$d' jobs/big.yaml >jobs/one.yaml
TRIALS=1 IMAGES=3 "$bitsink" run --quiet --db grown.db --device "$device" jobs/one.yaml >out 2>log || die "one entry"
[ "$(sqlite3 grown.db 'SELECT count(*) FROM entry')" = 1 ] || die "not one entry"
less=$((TRIALS / 2))
for step in "1 3" "$less 3" "$less 7" "$TRIALS 20"; do
    TRIALS=${step% *} IMAGES=${step#* } run grown.db --device "$device" --batch $((${step#* } + 2)) || die "growing to $step"
    consistent grown.db
done
same base.db grown.db
echo "same when it grows"

# Exported sites as an explicit list: the same entries, the same trials.
"$bitsink" plan --device null --sites jobs/sites.csv jobs/big.yaml >out 2>log || die "exporting sites"
sed '/^faults:/q' jobs/big.yaml >jobs/listed.yaml
for id in 1 2 3 4; do
    printf '  - id: %d\n    sites: sites.csv\n' $id >>jobs/listed.yaml
done
"$bitsink" run --quiet --device "$device" --db listed.db jobs/listed.yaml >out 2>log || die "run of the site list"
consistent listed.db
same base.db listed.db trial trial_site trial_ranking golden golden_ranking unit summary layer_summary fault_summary fault_wrong
echo "same with listed sites"
