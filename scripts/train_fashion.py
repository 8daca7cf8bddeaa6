#!/usr/bin/env python3
"""Train the bundled Fashion-MNIST network and write it as an ONNX file.

The network is a small VGG: three blocks of two 3x3 convolutions with ReLU and
a 2x2 max pooling, then two fully connected layers.  It is trained on the CPU
for a fixed number of epochs from a fixed seed; the test set is used once, at
the end, to measure the written file with ONNX Runtime.

The graph is written node by node with onnx.helper, so that every node carries
the same name as the tensor that it produces (conv1_1, relu1_1, pool1, ...) and
every weight that of its layer (conv1_1.weight, conv1_1.bias, ...).  The input
"image" takes pixels scaled as (x / 255 - 0.2860) / 0.3530.

Needs from PyPI: torch, numpy, onnx, onnxruntime.  The data is the four
original *-ubyte.gz files (Debian: dataset-fashion-mnist).
"""
import argparse
import gzip
import os
import time

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn
from torch.nn import functional as F

MEAN, STD = 0.2860, 0.3530
BLOCKS = (16, 32, 64)   # channels of each block
HIDDEN = 128            # width of fc1
SHIFT = 2               # augmentation: largest shift in pixels
BATCH = 128


def load_split(folder, prefix):
    """Return (images, labels) of one split: float32 (n, 1, 28, 28) and int64."""
    with gzip.open(os.path.join(folder, f"{prefix}-images-idx3-ubyte.gz")) as f:
        images = np.frombuffer(f.read(), np.uint8, offset=16)
    with gzip.open(os.path.join(folder, f"{prefix}-labels-idx1-ubyte.gz")) as f:
        labels = np.frombuffer(f.read(), np.uint8, offset=8)
    images = images.reshape(-1, 1, 28, 28).astype(np.float32)
    return (images / np.float32(255) - np.float32(MEAN)) / np.float32(STD), labels.astype(np.int64)


class FashionVGG(nn.Module):
    def __init__(self):
        super().__init__()
        channels = 1
        for b, width in enumerate(BLOCKS, 1):
            for i in (1, 2):
                self.add_module(f"conv{b}_{i}", nn.Conv2d(channels, width, 3, padding=1))
                channels = width
        self.fc1 = nn.Linear(channels * 3 * 3, HIDDEN)
        self.fc2 = nn.Linear(HIDDEN, 10)
        for name, p in self.named_parameters():
            if name.endswith("bias"):
                nn.init.zeros_(p)
            else:
                nn.init.kaiming_normal_(p, nonlinearity="relu")

    def forward(self, x):
        for b in range(1, len(BLOCKS) + 1):
            for i in (1, 2):
                x = F.relu(getattr(self, f"conv{b}_{i}")(x))
            x = F.max_pool2d(x, 2)
        x = F.dropout(x.flatten(1), 0.3, self.training)
        x = F.dropout(F.relu(self.fc1(x)), 0.3, self.training)
        return self.fc2(x)


def augment(padded, index):
    """Cut a randomly shifted 28x28 window from each image; mirror half of them."""
    n, span = len(index), torch.arange(28)
    rows = torch.randint(0, 2 * SHIFT + 1, (n, 1)) + span
    cols = torch.randint(0, 2 * SHIFT + 1, (n, 1)) + span
    cols = torch.where(torch.rand(n, 1) < 0.5, cols.flip(1), cols)
    return padded[index[:, None, None], 0, rows[:, :, None], cols[:, None, :]].unsqueeze(1)


def train(model, images, labels, epochs):
    black = (0 - MEAN) / STD
    padded = F.pad(torch.from_numpy(images), (SHIFT,) * 4, value=black)
    labels = torch.from_numpy(labels)
    steps = len(labels) // BATCH
    opt = torch.optim.AdamW(model.parameters(), weight_decay=0.02)
    sched = torch.optim.lr_scheduler.OneCycleLR(opt, max_lr=2.5e-3, total_steps=epochs * steps)
    model.train()
    for epoch in range(epochs):
        start, total = time.time(), 0.0
        order = torch.randperm(len(labels))
        for s in range(steps):
            index = order[s * BATCH:(s + 1) * BATCH]
            loss = F.cross_entropy(model(augment(padded, index)), labels[index])
            opt.zero_grad()
            loss.backward()
            opt.step()
            sched.step()
            total += loss.item()
        print(f"epoch {epoch + 1}/{epochs}: loss {total / steps:.4f}, "
              f"{time.time() - start:.0f} s", flush=True)
    model.eval()


def export(model, path):
    """Write the network as ONNX; each node is named after its output tensor."""
    nodes, last = [], "image"

    def add(op, name, weights=None, **attributes):
        nonlocal last
        inputs = [last] + ([f"{weights}.weight", f"{weights}.bias"] if weights else [])
        nodes.append(helper.make_node(op, inputs, [name], name=name, **attributes))
        last = name

    for b in range(1, len(BLOCKS) + 1):
        for i in (1, 2):
            add("Conv", f"conv{b}_{i}", f"conv{b}_{i}", kernel_shape=[3, 3],
                strides=[1, 1], pads=[1, 1, 1, 1], dilations=[1, 1], group=1)
            add("Relu", f"relu{b}_{i}")
        add("MaxPool", f"pool{b}", kernel_shape=[2, 2], strides=[2, 2])
    add("Flatten", "flatten", axis=1)
    add("Gemm", "fc1", "fc1", alpha=1.0, beta=1.0, transB=1)
    add("Relu", "relu_fc1")
    add("Gemm", "logits", "fc2", alpha=1.0, beta=1.0, transB=1)
    graph = helper.make_graph(
        nodes, "fashion_vgg",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 1, 28, 28])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 10])],
        [numpy_helper.from_array(p.detach().numpy(), name) for name, p in model.named_parameters()])
    proto = helper.make_model(graph, producer_name="train_fashion.py", ir_version=7,
                              opset_imports=[helper.make_opsetid("", 13)])
    onnx.checker.check_model(proto, full_check=True)
    onnx.save(proto, path)


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--data", default="/usr/share/datasets/fashion-mnist",
                    help="folder with the four *-ubyte.gz files (default: %(default)s)")
    ap.add_argument("--out", default="tests/models/fashion_vgg.onnx",
                    help="file to write (default: %(default)s)")
    ap.add_argument("--epochs", type=int, default=30, help="default: %(default)s")
    args = ap.parse_args()

    torch.manual_seed(1)
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(2)    # the thread count changes the order of sums
    model = FashionVGG()
    train(model, *load_split(args.data, "train"), args.epochs)
    export(model, args.out)

    images, labels = load_split(args.data, "t10k")
    session = onnxruntime.InferenceSession(args.out, providers=["CPUExecutionProvider"])
    logits = np.concatenate([session.run(["logits"], {"image": images[i:i + 500]})[0]
                             for i in range(0, len(images), 500)])
    with torch.no_grad():
        gap = np.abs(logits[:500] - model(torch.from_numpy(images[:500])).numpy()).max()
    correct = int((logits.argmax(1) == labels).sum())
    print(f"{args.out}: {os.path.getsize(args.out)} bytes, t10k accuracy "
          f"{correct}/{len(labels)} = {100 * correct / len(labels):.2f} %, "
          f"largest difference from PyTorch {gap:.1e}")


if __name__ == "__main__":
    main()
