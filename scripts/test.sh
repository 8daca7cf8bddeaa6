#!/bin/sh
# Builds and runs every test: a gcc release build with all tests, and a clang build with AddressSanitizer and
# UndefinedBehaviorSanitizer with those that make sense there. Arguments go to ctest (of the first build); without any,
# that leaves out the long tests that have just run with the sanitizers (label `once`). Ends with a summary of the tests'
# counts. If CUDA is compiled in, the command-line tests run on a build without it, too. CMAKE_FLAGS
# go to CMake: CMAKE_FLAGS=-DBITSINK_CUDA=OFF scripts/test.sh tests everything without CUDA.
set -eu
cd "$(dirname "$0")/.."
scripts/setup.sh
jobs=$(nproc)
compilers='gcc 12, gcc 14, clang 14, clang 19' # compilers that are known to give no warnings
format=14                                      # the version of clang-format that the sources are formatted with

major() {
    "$@" | sed -n 's/^[^0-9]*\([0-9]*\).*/\1/p;q'
}
# werror COMPILER: prints the CMake option that makes its warnings errors, if it is known to give none.
werror() {
    compiler="$1 $(major "$1" -dumpversion)"
    case ", $compilers," in
    *", $compiler,"*) echo -DBITSINK_WERROR=ON ;;
    *)
        echo "warnings of $compiler do not fail: the compilers that are known to have none are $compilers" >&2
        echo -DBITSINK_WERROR=OFF
        ;;
    esac
}

echo "== formatting"
found=$(major clang-format --version)
if [ "$found" = $format ]; then
    find . -path './build*' -prune -o -name '*.[ch]' -exec clang-format --dry-run -Werror {} +
else
    echo "skipped: the sources are formatted by clang-format $format, this is $found, and each version does it otherwise"
fi

echo "== gcc, release"
# shellcheck disable=SC2086 # flags are words
cmake -S . -B build -DCMAKE_C_COMPILER=gcc -DCMAKE_BUILD_TYPE=Release "$(werror gcc)" -DBITSINK_CUDA=AUTO \
    ${CMAKE_FLAGS:-} >build.log 2>&1 || { cat build.log; exit 1; }
cmake --build build -j "$jobs" >>build.log 2>&1 || { tail -40 build.log; exit 1; }

echo "== clang, address and undefined behaviour sanitizers"
# shellcheck disable=SC2086
cmake -S . -B build-sanitize -DCMAKE_C_COMPILER=clang -DCMAKE_BUILD_TYPE=RelWithDebInfo "$(werror clang)" \
    -DBITSINK_SANITIZE=ON -DBITSINK_CUDA=AUTO ${CMAKE_FLAGS:-} >build-sanitize.log 2>&1 || { cat build-sanitize.log; exit 1; }
cmake --build build-sanitize -j "$jobs" >>build-sanitize.log 2>&1 || { tail -40 build-sanitize.log; exit 1; }
ctest --test-dir build-sanitize --output-on-failure -j "$jobs" -L sanitize

if [ -e build/generated/kernels.fatbin ]; then
    echo "== without CUDA"
    cmake -S . -B build-cpu -DCMAKE_C_COMPILER=gcc -DCMAKE_BUILD_TYPE=Release "$(werror gcc)" -DBITSINK_CUDA=OFF \
        >build-cpu.log 2>&1 || { cat build-cpu.log; exit 1; }
    cmake --build build-cpu -j "$jobs" --target bitsink >>build-cpu.log 2>&1 || { tail -40 build-cpu.log; exit 1; }
    ctest --test-dir build-cpu --output-on-failure -j "$jobs" -L cli
fi

echo "== all tests"
status=0
[ $# -gt 0 ] || set -- -LE '^once$'
ctest --test-dir build --output-on-failure -j "$jobs" "$@" || status=$?
scripts/summary.sh build
exit $status
