#!/bin/sh
# draws.sh BITSINK: versions 1 and 2 drew single sites of small populations with replacement: bounds must not count them
# as drawn without, and a run must not go on with other draws.
. "$(dirname "$0")/files_common.sh"
b run draws.yaml --device null --db fresh.db
b report fresh.db -o page
grep -q 'in another way' page/report.html && die "the report of fresh.db speaks of other draws"
faults() {
    b bn "$1" bn_support --format csv
    awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "faults") column = i } NR > 1 { print $1 ":" $column }' out
}
[ "$(faults fresh.db)" = "1:512
2:" ] || die "fresh.db: $(faults fresh.db)"
for name in v1-draws v2-draws; do
    unpack $name
    [ "$(faults $name.db)" = "1:
2:" ] || die "$name.db: $(faults $name.db)"
    # Entry 1 has other faults, entry 2 the same.
    "$bitsink" compare $name.db fresh.db >out 2>log || [ $? = 6 ] || die "compare $name.db fresh.db"
    cat out log | grep -q 'paired: 2 of 4 rows' || die "compare takes the trials of $name.db for those of fresh.db"
    refused 1 'cannot be made again' trace $name.db 1:2:0:0 --job draws.yaml
    b trace $name.db 2:2:0:0
    b report $name.db -o page-$name
    grep -q 'drew the sites of entry 1 in another way' page-$name/report.html || die "the report of $name.db promises its trials"
    b upgrade $name.db
    refused 1 'cannot be made again' trace $name.db 1:2:0:0 --job draws.yaml
    [ "$(faults $name.db)" = "1:
2:" ] || die "upgraded $name.db: $(faults $name.db)"
    refused 1 'drew the sites of fault entry 1 in another way' run draws.yaml --device null --db $name.db
    echo "$name: its draws are known"
done
