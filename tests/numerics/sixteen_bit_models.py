#!/usr/bin/env python3
"""Networks in half precision and bfloat16, exported by PyTorch: bitsink's outputs against PyTorch's on the CPU.

Both compute in single precision and round at each node's output; they add in other orders, so that a sum near the middle
between two values of the type may be rounded to either. An operator's outputs must be such a step apart at most, nearly all
of them none. Behind several layers, the bound is the distance of PyTorch's own answer from the network in single precision:
exporters split up what PyTorch computes at once and rounds once, such as SiLU, or fold a BatchNormalization into weights.

A step is counted at the largest output of an image: where a sum cancels, the smaller values have finer ones."""
import argparse
import pathlib
import subprocess
import sys
import tempfile

from common import Preprocess, require
from exports import make_images
from torch_export import randomise, write_onnx

np, torch, Image = require("numpy", "torch", "PIL.Image")
nn, F = torch.nn, torch.nn.functional
torch.backends.mha.set_fastpath_enabled(False)  # which the older exporter does not know

SIDE, IMAGES = 16, 4
TYPES = {"fp16": torch.float16, "bf16": torch.bfloat16}
EQUAL = 0.97  # of an operator's outputs, at least
FARTHER = 2   # times as far from single precision as PyTorch's answer, at most


class Function(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


class Classes(nn.Module):
    """Makes a network's output one row of scores."""

    def __init__(self, *layers):
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x):
        return self.layers(x).flatten(1)


def tokens(x):
    return 4 * x.flatten(2).transpose(1, 2)


# Made of one node of the file, but for what only moves values.
OPERATORS = {
    "conv": lambda: nn.Conv2d(3, 8, 3, padding=1),
    "linear": lambda: nn.Sequential(nn.Flatten(), nn.Linear(3 * SIDE * SIDE, 100)),
    "batch_norm": lambda: nn.BatchNorm2d(3),
    "layer_norm": lambda: nn.LayerNorm(SIDE),
    "relu": lambda: Function(lambda x: F.relu(x - 0.5)),
    "hardswish": nn.Hardswish,
    "hardsigmoid": nn.Hardsigmoid,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "elu": nn.ELU,
    "exp": lambda: Function(torch.exp),
    "softmax": lambda: nn.Softmax(-1),
    "max_pool": lambda: nn.MaxPool2d(3, 2, 1),
    "avg_pool": lambda: nn.AvgPool2d(2),
    "global_pool": lambda: nn.AdaptiveAvgPool2d(1),
    "matmul": lambda: Function(lambda x: tokens(x) @ tokens(x).transpose(1, 2)),
    "mean": lambda: Function(lambda x: x.mean(2)),
    "concat": lambda: Function(lambda x: torch.cat([x, x[:, :1] * x], 1)),
    "clamp": lambda: Function(lambda x: x.clamp(0.1, 0.7)),
    "where": lambda: Function(lambda x: torch.where(x > 0.5, x, 0.25)),
    "cast_to_float": lambda: Function(lambda x: torch.exp(x.float()).to(x.dtype)),
    "bilinear": lambda: nn.Upsample(scale_factor=2, mode="bilinear"),
}


# Those that the exporter makes of several nodes, and LogSoftmax, which PyTorch rounds before its end.
SPLIT = {
    "silu": nn.SiLU,
    "gelu": nn.GELU,
    "group_norm": lambda: nn.GroupNorm(1, 3),
    "log_softmax": lambda: nn.LogSoftmax(-1),
}


class Gate(nn.Module):
    """Squeeze and excitation."""

    def __init__(self, channels):
        super().__init__()
        self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels, 4, 1), nn.SiLU(), nn.Conv2d(4, channels, 1),
                                  nn.Hardsigmoid())

    def forward(self, x):
        return x * self.gate(x)


def cnn():
    return nn.Sequential(nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(3, 2, 1),
                         nn.Conv2d(16, 16, 3, padding=1, groups=16), nn.BatchNorm2d(16), nn.Hardswish(), Gate(16),
                         nn.Conv2d(16, 32, 1), nn.Sigmoid(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 100))


class Vit(nn.Module):
    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, 32, 4, stride=4)
        self.position = nn.Parameter(0.1 * torch.randn(1, 16, 32))
        self.layer = nn.TransformerEncoderLayer(32, 4, 64, activation="gelu", batch_first=True, norm_first=True)
        self.norm, self.head = nn.LayerNorm(32), nn.Linear(32, 100)

    def forward(self, x):
        t = self.layer(3 * self.patches(x).flatten(2).transpose(1, 2) + self.position)
        return self.head(self.norm(t.mean(1)))


NETWORKS = {"cnn": cnn, "vit": Vit}


def made(make, exporter, dtype, images, path):
    """Writes the file; the outputs of the network in this type and in single precision."""
    torch.manual_seed(1)
    network = Classes(make()).eval()
    randomise(network, SIDE)
    exact = network(images)
    network, images = network.to(dtype), images.to(dtype)
    write_onnx(network, images[:1], path, exporter)
    return torch.cat([network(image[None]) for image in images]).float(), exact


def step(values, dtype):
    """The distance of neighbours in the type, at the largest value of each row."""
    return torch.finfo(dtype).eps * 2.0 ** torch.floor(torch.log2(values.abs().amax(1, keepdim=True)))


def bitsink_outputs(binary, model, files, logits):
    done = subprocess.run([binary, "classify", model, *files, "--logits", logits], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"FAIL: exit status {done.returncode}: {done.stderr}")
    return torch.from_numpy(np.fromfile(logits, dtype=np.float32)).reshape(len(files), -1)


def check(binary, name, make, exporter, type_name, folder):
    """Prints a row; returns whether it is good."""
    dtype, alone = TYPES[type_name], name in OPERATORS
    files = make_images(folder, SIDE, IMAGES, 1)
    images = torch.from_numpy(np.concatenate([Preprocess().tensor(Image.open(f)) for f in files]))
    expected, exact = made(make, exporter, dtype, images, folder / "model.onnx")
    found = bitsink_outputs(binary, folder / "model.onnx", files, folder / "logits")
    equal = float((found == expected).float().mean())
    steps = float(((found - expected).abs() / step(expected, dtype)).max())
    ours, theirs = (float(((x - exact).abs() / step(expected, dtype)).max()) for x in (found, expected))
    stored = bool((found == found.to(dtype).float()).all())
    good = stored and (equal >= EQUAL and steps <= 1 if alone else ours <= FARTHER * max(1.0, theirs))
    print(f"{name:14} {exporter:14} {type_name}: equal {100 * equal:6.2f} %, largest difference {steps:5.2f} steps; from single "
          f"precision {ours:5.2f}, PyTorch {theirs:5.2f}{'' if good else '  FAILED'}", flush=True)
    return good


def main():
    parser = argparse.ArgumentParser(description="compare exports in 16 bits with PyTorch")
    parser.add_argument("bitsink", help="the program to test")
    parser.add_argument("--models", help="names, separated by commas (default: all)")
    parser.add_argument("--exporters", default="torchscript-17,dynamo", help="of networks; the first one, of operators")
    args = parser.parse_args()
    exporters = args.exporters.split(",")
    cases = [(name, make, exporters[0]) for name, make in (OPERATORS | SPLIT).items()]
    cases += [(name, make, e) for name, make in NETWORKS.items() for e in exporters]
    results = []
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        results = [check(args.bitsink, name, make, exporter, type_name, pathlib.Path(folder))
                   for name, make, exporter in cases for type_name in TYPES
                   if not args.models or name in args.models.split(",")]
    print(f"{sum(results)} of {len(results)} agree")
    return int(not all(results))


if __name__ == "__main__":
    sys.exit(main())
