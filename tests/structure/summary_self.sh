#!/bin/sh
# summary_self.sh: proves that scripts/summary.sh counts skipped programs and tests, on a log that is made up here.
set -eu
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
mkdir -p "$tmp/Testing/Temporary"
test_of() {
    printf '1/9 Testing: %s\n1/9 Test: %s\nOutput:\n%s\n<end of output>\nTest Passed.\n\n' "$1" "$1" "$2"
}
{
    test_of numerics_pillow_resize 'skipped: no numpy'
    test_of test_some 'skipped: 12 of 100 tests: no a; no b'
    test_of test_none 'skipped: 3 of 3 tests: no c'
    test_of test_all 'nothing skipped: of no account'
    test_of test_few 'skipped: 9 of 10 tests: no d'
} >"$tmp/Testing/Temporary/LastTest.log"
cat >"$tmp/expected" <<'END'
skipped: 2 programs, and 21 tests of 2 others
  numerics_pillow_resize: no numpy
  some of test_some: 12 of 100 tests: no a; no b
  test_none: 3 of 3 tests: no c
  some of test_few: 9 of 10 tests: no d
END
scripts/summary.sh "$tmp" >"$tmp/all"
grep -qx 'resizing against Pillow: (numerics_pillow_resize: skipped)' "$tmp/all"
sed -n '/^skipped:/,$p' "$tmp/all" | diff -u "$tmp/expected" -
