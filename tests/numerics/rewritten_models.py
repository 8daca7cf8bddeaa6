#!/usr/bin/env python3
"""Files that tools have rewritten after the export: ONNX Runtime's optimizer, and the conversion to half precision.

ONNX Runtime's answer is that for the original file. In half precision the bound is 1e-2; for the verdicts see
verdicts.py."""
import functools
import sys
import warnings

from common import require
from torch_export import randomise, write_onnx
from verdicts import Export, arguments, table, write_images

onnx, torch, runtime, _ = require("onnx", "torch", "onnxruntime", "onnxscript")
(float16,) = require("onnxconverter_common.float16")
nn, F = torch.nn, torch.nn.functional
torch.backends.mha.set_fastpath_enabled(False)  # which the older exporter does not know

SIDE = 32


class Block(nn.Module):
    """A convolution with normalisation, residual, gate."""

    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels),
                                  nn.ReLU(), nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels))
        self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels, 4, 1), nn.LeakyReLU(0.1),
                                  nn.Conv2d(4, channels, 1), nn.Hardsigmoid())

    def forward(self, x):
        y = self.conv(x)
        return F.relu(x + y * self.gate(y))


def small_cnn():
    return nn.Sequential(nn.Conv2d(3, 16, 3, stride=2, padding=1), nn.BatchNorm2d(16), nn.SiLU(), nn.MaxPool2d(3, 2, 1),
                         Block(16), nn.Conv2d(16, 32, 3, padding=1), nn.Sigmoid(), nn.AvgPool2d(2), Block(32),
                         nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10))


class SmallVit(nn.Module):
    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, 32, 4, stride=4)
        self.position = nn.Parameter(0.1 * torch.randn(1, 65, 32))
        self.first = nn.Parameter(torch.randn(1, 1, 32))
        self.layers = nn.ModuleList(nn.TransformerEncoderLayer(32, 4, 64, activation="gelu", batch_first=True, norm_first=True)
                                    for _ in range(2))
        self.norm, self.head = nn.LayerNorm(32), nn.Linear(32, 10)

    def forward(self, x):
        t = 3 * self.patches(x).flatten(2).transpose(1, 2)
        t = torch.cat([self.first.expand(len(t), -1, -1), t], 1) + self.position
        for layer in self.layers:
            t = layer(t)
        return self.head(self.norm(t[:, 0] + t.mean(1)))


# What bitsink does not have, as a regular expression of its message: the layout of one kind of processor.
REFUSED = {"ort_all": "nchwc"}
NETWORKS = {"small_cnn": small_cnn, "small_vit": SmallVit}


def optimise(level, original, path):
    """What ONNX Runtime would run."""
    options = runtime.SessionOptions()
    options.graph_optimization_level = getattr(runtime.GraphOptimizationLevel, f"ORT_{level}")
    options.optimized_model_filepath = str(path)
    options.log_severity_level = 3  # layouts of this machine
    runtime.InferenceSession(original, options, providers=["CPUExecutionProvider"])


def halve(options, original, path):
    """Half precision by onnxconverter_common."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # values that are cut to the smallest half
        onnx.save(float16.convert_float_to_float16(onnx.load(original), **options), path)


REWRITERS = {
    "ort_basic": functools.partial(optimise, "ENABLE_BASIC"),
    "ort_extended": functools.partial(optimise, "ENABLE_EXTENDED"),
    "ort_all": functools.partial(optimise, "ENABLE_ALL"),
    "fp16": functools.partial(halve, {}),
    "fp16_keep_io": functools.partial(halve, {"keep_io_types": True}),
    "fp16_blocked": functools.partial(halve, {"keep_io_types": True, "op_block_list": [
        "Gemm", "Softmax", "LayerNormalization", "BatchNormalization", "GlobalAveragePool", "MaxPool"]}),
}


def make(network, exporter, rewriter, folder, seed):
    torch.manual_seed(seed)
    images = torch.from_numpy(write_images(folder, SIDE, seed))
    made = NETWORKS[network]().eval()
    with torch.no_grad():
        randomise(made, SIDE)
        write_onnx(made, images[:1], folder / "original.onnx", exporter)
    REWRITERS[rewriter](folder / "original.onnx", folder / "model.onnx")


def export(network, rewriter, exporter):
    return Export(f"{network}:{rewriter}", exporter, functools.partial(make, network, exporter, rewriter),
                  REFUSED.get(rewriter, ""), 1e-2 if "fp16" in rewriter else 1e-5, "original.onnx")


def main():
    parser = arguments("compare rewritten files with ONNX Runtime's answer for the original",
                       ["all", *(f"{network}:{rewriter}" for network in NETWORKS for rewriter in REWRITERS)])
    parser.add_argument("--exporter", default="dynamo", help="dynamo, dynamo-OPSET or torchscript-OPSET, several by commas")
    args = parser.parse_args()
    sys.exit(table(args, [export(network, rewriter, exporter) for network in NETWORKS for rewriter in REWRITERS
                          for exporter in args.exporter.split(",")
                          if args.models == "all" or f"{network}:{rewriter}" in args.models.split(",")]))


if __name__ == "__main__":
    main()
