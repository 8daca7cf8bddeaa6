#!/bin/sh
# few.sh CONFORMANCE: data that lacks most of the tests does not pass, though the one that it has does.
data=/usr/share/libonnx-testdata/data/node/test_relu
. "$(dirname "$0")/../support/skips.sh"
[ -d $data ] || skip "no '$data' (package libonnx-testdata)"
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
mkdir "$tmp/node"
ln -s $data "$tmp/node"
"$1" "$tmp" >"$tmp/log" 2>&1
code=$?
cat "$tmp/log"
[ $code = 1 ] || {
    echo "exit code $code, not 1"
    exit 1
}
grep -q '^FAIL: 1 of [0-9]* operators have a test that passed, not [0-9]*; 1 of [0-9]* ' "$tmp/log" && grep -q '^1 tests, .* passed 1,' "$tmp/log"
