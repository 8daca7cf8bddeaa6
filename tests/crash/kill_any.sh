#!/bin/sh
# kill_any.sh BITSINK DEVICE TRIALS KILLS [SEED]: a campaign that grows in three shards, is merged, copied, updated and reported;
# KILLS random commands of these are killed at random moments (SIGKILL). After each, every file holds whole trials, none
# is lost that was there before, none is there twice, and a copy or a page is the one before or the one after. In the
# end all is as if nothing had happened.
. "$(dirname "$0")/crash_common.sh"
device=$2
step=$3
kills=$4
seed=${5:-21}
export TRIALS=$step IMAGES=6

# command NAME: what is tried. The shards are run with the TRIALS of the moment.
command_of() {
    case $1 in
    run-*) echo run --quiet --device "$device" --threads 2 --shard "${1#run-}/3" --db "s${1#run-}.db" jobs/big.yaml ;;
    merge) echo merge all.db s1.db s2.db s3.db ;;
    backup) echo backup all.db copy.db ;;
    update) echo bn all.db update ;;
    report) echo report copy.db -o page ;;
    esac
}
# complete NAME: to its end; exit code 3 of a merge says that shards are behind.
complete() {
    # shellcheck disable=SC2046 # words
    "$bitsink" $(command_of "$1") >out 2>log
    code=$?
    [ $code = 0 ] || { [ "$1" = merge ] && [ $code = 3 ]; } || die "$1 ended with exit code $code"
}
# same_trials DB: no trial differs from that of an undisturbed campaign, and none is there twice.
same_trials() {
    wrong=$(sqlite3 "$1" "ATTACH 'whole.db' AS whole;
        SELECT count(*) FROM (SELECT $trial_columns FROM trial EXCEPT SELECT $trial_columns FROM whole.trial)")
    [ "$wrong" = 0 ] || die "$wrong trials of $1 are not those of an undisturbed campaign"
}
# seen DB: the rows of a file as the next command finds them, without recovering it.
seen() {
    snapshot "$1" seen.db
    rows seen.db
}
# check DB ROWS: a file after a kill has at least the rows that it had.
check() {
    snapshot "$1" seen.db
    n=$(rows seen.db)
    [ "$n" -ge "$2" ] || die "$1 had $2 trials, and has $n after the kill of $name"
    [ "$n" = 0 ] || { consistent seen.db && same_trials seen.db; }
}
# check_copy: the copy is the one of the last backup, or that of the one that was killed, and stands alone.
check_copy() {
    [ ! -e copy.db-wal ] || die "copy.db has a WAL"
    [ -e copy.db ] || { [ -z "$copied" ] && return; } || die "copy.db is gone"
    copy=$(digest copy.db) || exit 1
    [ "$copy" = "$copied" ] || [ "$copy" = "$(digest all.db)" ] || die "copy.db shows neither the old nor the new data"
}
check_page() {
    for file in page/report.html page/manifest.json; do
        [ ! -e $file ] || [ "$(tail -c 2 $file | tr -d '\n')" = "$(case $file in *html) echo '>' ;; *) echo '}' ;; esac)" ] ||
            die "$file is not whole"
    done
}

# One cycle without kills shows how long each command takes; whole.db is the campaign at its largest.
names='run-1 run-2 run-3 merge backup update report'
for name in $names; do
    begin=$(now)
    complete "$name"
    echo "$name $(echo "$(now) $begin" | awk '{ print $1 - $2 }')" >>took
done
tries=$((kills * 3 / 2)) # some commands are done before
cycles=$(((tries + 13) / 14))
TRIALS=$((step * (cycles + 1))) "$bitsink" run --quiet --device "$device" --db whole.db jobs/big.yaml >out 2>log || die "the undisturbed run"
trial_columns=$(columns whole.db trial)
copied=$(digest copy.db) || exit 1

# Each cycle adds trials, and kills each command twice on average, in random order, before it is completed.
awk -v seed="$seed" -v kills="$tries" 'BEGIN { srand(seed) }
    { name[NR] = $1; took[NR] = $2 }
    END { for (i = 0; i < kills; i++) { k = 1 + int(rand() * NR); printf "%d %s %.4f\n", i, name[k], rand() * 0.9 * took[k] } }' took >moments
killed=0
late=0
while read -r i name moment; do
    [ $killed -lt "$kills" ] || break
    [ $((i % 14)) != 0 ] || TRIALS=$((step * (i / 14 + 2)))
    [ $((i % 14)) != 0 ] || echo "cycle $((i / 14 + 1)) of $cycles: $(seen all.db) trials merged, $killed killed, $late were done before"
    case $name in run-*) file=s${name#run-}.db ;; *) file=all.db ;; esac
    had=$(seen "$file")
    # shellcheck disable=SC2046 # words
    "$bitsink" $(command_of "$name") >out 2>log &
    child=$!
    sleep "$moment"
    kill -KILL $child 2>/dev/null
    wait $child 2>/dev/null
    code=$?
    child=
    case $code in
    137) killed=$((killed + 1)) ;;
    0 | 3) late=$((late + 1)) ;;
    *) die "$name ended with exit code $code after a kill" ;;
    esac
    check "$file" "$had"
    check_copy
    check_page
    # Every third command is repeated until it is complete, so that there is something new for the others.
    if [ $code != 137 ] || [ $((i % 3)) = 2 ]; then
        complete "$name"
        [ "$name" != backup ] || [ "$(digest copy.db)" = "$(digest all.db)" ] || die "a complete backup shows old data"
    fi
    copied=$(digest copy.db) || exit 1
done <moments

[ $((killed * 2)) -ge "$kills" ] || die "only $killed of $kills kills came in time"
TRIALS=$((step * (cycles + 1)))
for name in $names; do complete "$name"; done
same whole.db all.db
same whole.db copy.db
"$bitsink" verify page/manifest.json >out 2>log
[ $? = 9 ] || die "the page does not stand on its files" # 9: the job was not compared
left=$(ls -d ./*.part ./*-lock page/*.part ./*.upgrade 2>/dev/null)
[ -z "$left" ] || die "left behind: $left"
echo "$device: $(rows all.db) trials; $killed commands killed, $late were done before; 0 lost, 0 twice, no old data"
