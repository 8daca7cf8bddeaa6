#!/bin/sh
# run.sh SCRIPT ARGUMENT...: runs a script of this folder with $BITSINK_PYTHON, else python3.
python=${BITSINK_PYTHON:-python3}
command -v "$python" >/dev/null || {
    echo "skipped: no $python"
    exit 77
}
script=$(dirname "$0")/$1
shift
exec "$python" "$script" "$@"
