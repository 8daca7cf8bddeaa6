#!/bin/sh
# Sums up what the tests of a ctest run counted, from their own output: scripts/summary.sh [BUILD]
# (default: build). A test that did not run, or was skipped, counts nothing and is named as such; the end is what was
# skipped, and why: whole programs, and single tests of programs that passed.
set -eu
cd "$(dirname "$0")/.."
log=${1:-build}/Testing/Temporary/LastTest.log
[ -r "$log" ] || { echo "error: no '$log'; run ctest first" >&2; exit 1; }

# output TEST: prints the output of one test.
output()
{
    awk -v name="$1" '/^[0-9]+\/[0-9]+ Testing: / { here = $3 == name } here' "$log"
}

# report TITLE TEST AWK-PROGRAM: prints the program's result on the test's output, or why there is none.
report()
{
    found=$(output "$2" | awk "$3")
    state=$(output "$2" | sed -n 's/^Test \(Failed\|Passed\|Skipped\).*/\1/p')
    [ "$state" != Passed ] || [ -n "$found" ] || state=skipped # ctest's log calls a skipped test passed
    [ "$state" = Passed ] || found="${found:+$found }(${2}: ${state:-not run})"
    echo "$1: $found"
}

echo "== counts"
report "ONNX node tests" conformance '/^[0-9]+ tests, out of scope/ {
    gsub("[,;]", "")
    for (i = 1; i < NF; i++) n[$i] = $(i + 1)
    print n["passed"] + n["folded"] + n["partly"], "passed,", n["unsupported"], "unsupported,", n["deviates"],
          "deviate on purpose,", n["failed"], "failed" }'
report "torchvision and timm" numerics_torch_models '/models agree with/'
report "architectures" numerics_architectures '/exports agree and/'
report "rewritten files" numerics_rewritten_models '/exports agree and/'
report "single operators" numerics_micro_models '/exports agree and/'
report "Keras" numerics_keras_models '/models agree with/'
report "InjectTF and InjectTF2 in TensorFlow" peers_injecttf2 '/^(layers|nodes|tensors): /'
report "real weights" numerics_onnxruntime_agreement '/ images, top-1 equal / { m++; n += $2 }
    END { if (m) print m, "models compared with ONNX Runtime on", n, "images" }'
report "resizing against Pillow" numerics_pillow_resize '/ sizes, / { n += $2 } END { if (n) print n, "sizes" }'
total=$(awk '/^[0-9]+\/[0-9]+ Testing: / { here = $3 ~ /^fuzz_/ } here && / inputs$/ { n += $(NF - 1); m++ }
    END { if (m) print n, "inputs of", m, "parsers" }' "$log")
echo "fuzz corpora replayed: ${total:-not run}"
awk -F, 'NR > 1 { n += $5; t += $4; f += $6; if (!from || $1 < from) from = $1; if ($1 > to) to = $1 }
    END { printf "fuzzed before (tests/fuzz/executions.csv, %s to %s): %d executions in %d minutes, %d findings\n",
          from, to, n, t, f }' tests/fuzz/executions.csv
awk '/^[0-9]+\/[0-9]+ Testing: / { name = $3 }
    /^skipped: / {
        part = /^skipped: [0-9]+ of [0-9]+ tests: / && $2 < $4
        if (part) { tests += $2; programs++ } else whole++
        sub("^skipped", part ? "  some of " name : "  " name)
        lines = lines "\n" $0
    }
    END { printf "skipped: %d programs, and %d tests of %d others%s\n", whole, tests, programs, lines }' "$log"
