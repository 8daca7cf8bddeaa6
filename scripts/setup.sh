#!/bin/sh
# Installs the packages of scripts/packages.txt that are missing. Needs root or sudo only if some are.
set -eu
cd "$(dirname "$0")/.."
wanted=$(sed 's/#.*//' scripts/packages.txt)
missing=
for p in $wanted; do
    dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing="$missing $p"
done
[ -z "$missing" ] && exit 0
echo "installing:$missing" >&2
sudo=
[ "$(id -u)" = 0 ] || sudo=sudo
export DEBIAN_FRONTEND=noninteractive
$sudo apt-get update -qq >&2
# shellcheck disable=SC2086 # one word a package
$sudo apt-get install -y -qq --no-install-recommends $missing >&2
