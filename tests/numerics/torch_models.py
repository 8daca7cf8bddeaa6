#!/usr/bin/env python3
"""Current architectures of torchvision, exported by PyTorch, in `bitsink classify` and in ONNX Runtime.

The weights are random (nothing is downloaded), and so is whatever a fresh network leaves at 0 or 1: statistics of
batch normalisation, scales of layers, the head. For each network all logits must agree within a bound relative to the
largest logit, and the five best classes must be the same; classes closer to each other than the bound may be swapped.

A network with an operator that bitsink lacks is reported as unsupported, with bitsink's message, and is no failure
unless --strict is given."""
import argparse
import collections
import contextlib
import io
import json
import pathlib
import subprocess
import sys
import tempfile
import warnings

from common import Preprocess, rank, require

np, Image, onnx, runtime, torch, torchvision = require("numpy", "PIL.Image", "onnx", "onnxruntime", "torch",
                                                       "torchvision")

BOUND = 1e-4
SIDE = 224
Case = collections.namedtuple("Case", "name model opset open_batch")
CASES = [
    Case("resnet18", "resnet18", 17, False),
    Case("resnet18_opset11", "resnet18", 11, True),
    Case("mobilenet_v3_small", "mobilenet_v3_small", 17, False),
    Case("efficientnet_b0", "efficientnet_b0", 17, False),
    Case("densenet121", "densenet121", 17, False),
    Case("convnext_tiny", "convnext_tiny", 17, False),
    Case("regnet_y_400mf", "regnet_y_400mf", 17, False),
    Case("vit_b_16", "vit_b_16", 17, False),
    Case("vit_b_16_open_batch", "vit_b_16", 17, True),
    Case("swin_t", "swin_t", 17, False),
]


def randomise(network):
    """Replaces what initialisation leaves constant, in place."""
    for p in network.parameters():
        if p.numel() > 1 and p.min() == p.max():
            if p.max() == 0:
                p.normal_(0, 0.1 if p.dim() == 1 else p.shape[-1] ** -0.5)
            else:
                p.uniform_(0.5, 1.5)
    # Statistics near the true ones of such images as make_images() makes: else a deep network loses the image on the
    # way, or blows up the rounding of a channel that hardly varies.
    norms = [m for m in network.modules() if isinstance(m, torch.nn.modules.batchnorm._BatchNorm)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
        norm.train()
    if norms:
        network(torch.cat([torch.nn.functional.interpolate(torch.rand(4, 3, side, side), SIDE, mode="bicubic")
                           for side in (7, SIDE)]))
    for norm in norms:
        norm.eval()
        norm.running_mean += 0.2 * norm.running_var.sqrt() * torch.randn_like(norm.running_mean)
        norm.running_var *= torch.empty_like(norm.running_var).uniform_(0.5, 2.0)


def export(case, seed, path):
    torch.manual_seed(seed)
    network = torchvision.models.get_model(case.model, weights=None).eval()
    with torch.no_grad():
        randomise(network)
    axes = {"image": {0: "N"}, "logits": {0: "N"}} if case.open_batch else None
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        torch.onnx.export(network, (torch.zeros(1, 3, SIDE, SIDE),), str(path), opset_version=case.opset,
                          input_names=["image"], output_names=["logits"], dynamic_axes=axes, dynamo=False)
    model = onnx.load(path)
    onnx.checker.check_model(model)
    return len(model.graph.node)


def make_images(folder, count, seed):
    """Smooth pictures and pure noise; pixels are what is stored, so nothing depends on a decoder."""
    rng, paths = np.random.default_rng(seed), []
    for i in range(count):
        side = SIDE if i % 2 else 7
        pixels = rng.integers(0, 256, (side, side, 3), dtype=np.uint8)
        paths.append(folder / f"{i}.png")
        Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(paths[-1])
    return paths


def run_bitsink(binary, model, images, logits):
    done = subprocess.run([binary, "classify", model, *images, "--json", "--logits", logits], capture_output=True,
                          text=True)
    if done.returncode:
        return None, done
    values = np.fromfile(logits, dtype=np.float32).reshape(len(images), -1)
    return ([json.loads(line) for line in done.stdout.splitlines()], values), done


def compare(answers, found, expected):
    """(deviation, are the five best the same): the deviation is relative to the image's largest logit."""
    worst, same = 0.0, len(answers) == len(expected) and found.shape == expected.shape
    for answer, f, e in zip(answers, found, expected):
        scale = np.abs(e).max()
        classes = [t["class"] for t in answer["top"]]
        printed = np.array([t["score"] for t in answer["top"]])
        deviation = max(np.abs(f - e).max(), np.abs(printed - f[classes]).max()) / scale
        worst = max(worst, deviation) if np.isfinite(deviation) else float("inf")
        # Both rankings seen with ONNX Runtime's logits: swapped only where the scores are as good as equal.
        best = rank(e)[:5]
        same &= len(set(classes)) == 5 and bool(np.abs(e[classes] - e[best]).max() <= BOUND * scale)
    return worst, same


def check(binary, case, images, folder, seed):
    """(opset, nodes, deviation, verdict)"""
    path = folder / f"{case.name}.onnx"
    nodes = export(case, seed, path)
    result, done = run_bitsink(binary, path, images, folder / "logits")
    if result is None:
        error = next((line for line in done.stderr.splitlines() if line.startswith("error:")), "")
        verdict = f"unsupported: {error[7:]}" if error and done.returncode == 1 else \
            f"DISAGREE: exit status {done.returncode} {done.stderr.strip()}"
        return nodes, "", verdict.replace(str(path), path.name)
    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    tensors = [Preprocess().tensor(Image.open(i)) for i in images]
    expected = np.concatenate([session.run(None, {"image": t})[0] for t in tensors])
    if np.abs(expected[0] - expected[-1]).max() < 100 * BOUND * np.abs(expected).max():
        return nodes, "", "DISAGREE: the network hardly looks at its image, agreement would prove nothing"
    deviation, same = compare(*result, expected)
    verdict = "agree" if same and deviation <= BOUND else "DISAGREE"
    return nodes, f"{deviation:.1e}", verdict


def main():
    parser = argparse.ArgumentParser(description="compare torchvision's architectures with ONNX Runtime")
    parser.add_argument("bitsink", help="the program to test")
    parser.add_argument("--models", help="names, separated by commas (default: all)")
    parser.add_argument("--images", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--strict", action="store_true", help="unsupported is a failure, too")
    parser.add_argument("--keep", type=pathlib.Path, help="folder for the exported models (default: temporary)")
    args = parser.parse_args()
    names = args.models.split(",") if args.models else [c.name for c in CASES]
    unknown = set(names) - {c.name for c in CASES}
    if unknown:
        parser.error(f"unknown {', '.join(sorted(unknown))}; there are {', '.join(c.name for c in CASES)}")
    bad = ("DISAGREE", "unsupported") if args.strict else ("DISAGREE",)
    failed = False
    with tempfile.TemporaryDirectory() as made:
        folder = args.keep or pathlib.Path(made)
        folder.mkdir(exist_ok=True)
        images = make_images(folder, args.images, args.seed)
        print(f"{'model':22} {'opset':>5} {'nodes':>5} {'deviation':>9}  verdict")
        for case in (c for c in CASES if c.name in names):
            nodes, deviation, verdict = check(args.bitsink, case, images, folder, args.seed)
            print(f"{case.name:22} {case.opset:5} {nodes:5} {deviation:>9}  {verdict}", flush=True)
            failed |= verdict.startswith(bad)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
