#!/bin/sh
# pages.sh BITSINK MAN: checks the manual pages in the folder MAN against `bitsink help`: each command, option, exit code
# and topic is there with its text, references lead to pages and commands that exist, and man shows each page without a
# warning. Exit status 77 where pages cannot be made or shown (no lowdown; neither man nor groff).
set -u
. "$(dirname "$0")/../support/skips.sh"
bitsink=$(realpath "$1")
man=$2
export LC_ALL=C.UTF-8 MANWIDTH=80
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
found=0
finding() {
    echo "$*"
    found=1
}

# part HEADER FILE: the indented lines after a line HEADER of what `bitsink help` prints.
part() {
    awk -v header="$1" '$0 == header { on = 1; next } on && !/^ / { exit } on' "$2"
}

"$bitsink" help >"$tmp/help"
commands=$(part commands: "$tmp/help" | awk '{ printf "%s ", $1 }')
topics=$(part "topics of 'bitsink help':" "$tmp/help" | awk '{ printf "%s ", $1 }')
[ "$(echo "$commands" | wc -w)" -ge 18 ] || finding "'bitsink help' lists too few commands: $commands"
[ "$(echo "$topics" | wc -w)" -ge 4 ] || finding "'bitsink help' lists too few topics: $topics"

# --- the text of each page, as Markdown ---
for name in $commands $topics; do
    "$bitsink" help --markdown "$name" >"$tmp/$name.md" || finding "no page: $name"
    sections="NAME DESCRIPTION"
    case " $commands" in *" $name "*) sections="NAME SYNOPSIS DESCRIPTION OPTIONS EXIT.STATUS SEE.ALSO" ;; esac
    for section in $sections; do
        awk -v section="^# $section\$" '$0 ~ section { on = 1; next } /^# / { on = 0 } on && NF { n++ } END { exit n == 0 }' \
            "$tmp/$name.md" || finding "$name: no text in the section $section"
    done
    grep -q 'generated:\|(null)' "$tmp/$name.md" && finding "$name: a marker, or (null), in the page"
done
for command in $commands; do
    "$bitsink" help "$command" >"$tmp/help.$command"
    part options: "$tmp/help.$command" | awk '/^  --/ { print $1 }' >"$tmp/options"
    grep -q -e --help "$tmp/options" || finding "$command: 'bitsink help' shows no options"
    while read -r option; do
        grep -A1 -e "^\*\*$option\*\*" "$tmp/$command.md" | grep -q '^:   [^.]' || finding "$command: no text for $option"
    done <"$tmp/options"
    part 'exit codes:' "$tmp/help.$command" | awk '/^  [0-9]/ { print $1 }' >"$tmp/codes"
    for code in 0 1 2 $(cat "$tmp/codes"); do
        grep -A1 "^\*\*$code\*\*" "$tmp/$command.md" | grep -q '^:   [a-z]' || finding "$command: no text for exit code $code"
    done
done

# --- what pages refer to ---
known=" help $commands"
for word in $(cat "$tmp"/*.md | tr '\n' ' ' | grep -o '`bitsink [a-z][a-z]*' | sed 's/.* //' | sort -u); do
    case $known in *" $word "*) ;; *) finding "a page speaks of a command that is not there: bitsink $word" ;; esac
done

if ! [ -d "$man" ]; then
    [ $found = 0 ] || exit 1
    skip "there are no manual pages, since lowdown was not found when the build was configured"
fi
for command in $commands; do
    [ -s "$man/bitsink-$command.1" ] || finding "no manual page bitsink-$command.1"
done
for page in bitsink.1 bitsink-job.5 bitsink-db.5 bitsink-queries.7; do
    [ -s "$man/$page" ] || finding "no manual page $page"
done
for reference in $(cat "$tmp"/*.md | grep -o '\*\*bitsink[a-z-]*\*\*([0-9])' | tr -d '*)' | tr '(' . | sort -u); do
    [ -s "$man/$reference" ] || finding "a page refers to one that is not there: $reference"
done

# --- how they are shown ---
if command -v man >/dev/null; then
    show() { man --warnings=w -l "$1"; }
elif command -v groff >/dev/null; then
    show() { groff -man -t -Kutf8 -Tutf8 -ww "$1"; }
else
    [ $found = 0 ] || exit 1
    skip "neither man nor groff is installed"
fi
for page in "$man"/*.[0-9]; do
    show "$page" >"$tmp/shown" 2>"$tmp/warnings" || finding "$page: cannot be shown"
    [ -s "$tmp/warnings" ] && finding "$page: $(cat "$tmp/warnings")"
    grep -q DESCRIPTION "$tmp/shown" || finding "$page: shows no DESCRIPTION"
done
exit $found
