#!/bin/sh
# run_python.sh SCRIPT ARGUMENT...: runs a script of this folder with $BITSINK_PYTHON, else python3; where that one has no numpy
# and the script requires it and nothing else, with the system's, for which python3-numpy is installed.
python=${BITSINK_PYTHON:-python3}
. "$(dirname "$0")/../support/skips.sh"
command -v "$python" >/dev/null || skip "no $python"
script=$(dirname "$0")/$1
shift
numpy() {
    "$1" -c 'import numpy' 2>/dev/null
}
if grep -q 'require("numpy")' "$script" && ! numpy "$python" && numpy /usr/bin/python3; then
    python=/usr/bin/python3
fi
exec "$python" "$script" "$@"
