#!/bin/sh
# Fetches a CUDA toolkit to build the CUDA backend with if none is installed: nvcc, cuBLAS and cuDNN, from NVIDIA's
# packages on PyPI (NVIDIA's licence terms apply).
#   scripts/fetch_cuda.sh [DIR]
# DIR (build-cuda) becomes the toolkit's folder: bin, include, lib, nvvm. Prints the CMake option that makes a build
# find it. Needs python3 with pip and g++, but neither root nor a GPU; downloads about 1 GB and fills 1.5 GB. The programs
# built with it need a driver for CUDA 13 (580 or newer). PYTHON names the interpreter.
set -eu
if [ $# -gt 1 ]; then
    sed -n '2,7s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
dir=${1:-build-cuda}
python=${PYTHON:-python3}

# One release of the toolkit, and a cuDNN tested with it.
packages='nvidia-cuda-nvcc==13.0.* nvidia-cuda-crt==13.0.* nvidia-nvvm==13.0.* nvidia-cuda-runtime==13.0.*
          nvidia-cuda-cccl==13.0.* nvidia-cuda-nvrtc==13.0.* nvidia-cublas==13.1.* nvidia-cudnn-cu13==9.19.*'

if ! "$python" -m pip --version >/dev/null 2>&1; then
    echo "error: $python has no pip" >&2
    echo "hint: install python3-pip, or name another interpreter with PYTHON=..." >&2
    exit 1
fi
if [ -e "$dir" ] && [ -n "$(ls -A "$dir")" ]; then
    echo "error: '$dir' is not empty" >&2
    echo "hint: remove it, or name another folder" >&2
    exit 1
fi
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
trap 'rm -rf "$dir/parts"' EXIT

# shellcheck disable=SC2086
"$python" -m pip install --quiet --disable-pip-version-check --no-deps --only-binary=:all: --target "$dir/parts" \
    $packages >&2

# Each package has nvidia/NAME/ with some of bin, include, lib, nvvm.
for part in "$dir"/parts/nvidia/*/; do
    cp -rl "$part." "$dir/"
done
rm -rf "$dir/parts"
chmod +x "$dir"/bin/* "$dir"/nvvm/bin/*
ln -s lib "$dir/lib64"

"$dir/bin/nvcc" --version >&2
for needed in include/cuda.h include/cublasLt.h include/cudnn.h lib/libcublasLt.so.13 lib/libcudnn.so.9; do
    if [ ! -e "$dir/$needed" ]; then
        echo "error: the packages brought no $needed" >&2
        exit 1
    fi
done
echo "-DBITSINK_CUDA_ROOT=$dir"
