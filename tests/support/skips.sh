# Sourced by the tests written in shell: how one reports itself skipped.

# skip REASON...: ends the test with the exit code that ctest knows.
skip() {
    echo "skipped: $*"
    exit 77
}
# need_fashion: skips the test where Fashion-MNIST is absent.
need_fashion() {
    [ -r /usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz ] || skip "dataset-fashion-mnist is not installed"
}
