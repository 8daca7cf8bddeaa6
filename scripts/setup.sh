#!/bin/sh
# Installs missing packages of scripts/packages.txt. Needs root or sudo only if some are missing.
set -eu
cd "$(dirname "$0")/.."
wanted=$(sed 's/#.*//' scripts/packages.txt)
missing=
for p in $wanted; do
    dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing="$missing $p"
done
[ -z "$missing" ] && exit 0
echo "installing (build-setup.log):$missing" >&2
apt='env DEBIAN_FRONTEND=noninteractive apt-get -y' # sudo does not pass the environment on
[ "$(id -u)" = 0 ] || apt="sudo $apt"
# shellcheck disable=SC2086 # words
{ $apt update && $apt install --no-install-recommends $missing; } >build-setup.log 2>&1 || {
    tail -40 build-setup.log >&2
    exit 1
}
