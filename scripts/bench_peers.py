#!/usr/bin/env python3
"""Compares bitsink with PyTorchFI: trials per second on the same network, faults, batch and machine.

    scripts/bench_peers.py build/bitsink MODEL.onnx... [--device cpu|cuda]

The faults are single bit flips in the outputs of all convolutions, chosen by bitsink and listed by `bitsink plan --sites`.
bitsink runs them by delta replay; golden runs count, loading and self-test do not. PyTorchFI runs an even choice of them
in a PyTorch network with the weights of the ONNX file, in batches in which each sample has a fault of its own. Later
batches reuse the network that PyTorchFI copied for the first, which is faster than its documented use. Both run in turn,
for several rounds, and the best round of each counts. Answers are compared, too.

Needs the PyPI packages numpy, onnx, pillow, torch and pytorchfi; exits with 77 if one is missing. The last line begins
with "figure:"."""
import argparse
import csv
import itertools
import pathlib
import sqlite3
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests/numerics"))

from common import ListedImages, Preprocess, best_rates, bitsink, bitsink_json, require, skip, write_job

np, Image, onnx, torch, core = require("numpy", "PIL.Image", "onnx", "torch", "pytorchfi.core")

import torch_onnx
from pytorch_peer import read_sites

FAULTS = "  - {{id: 1, targets: {{op: Conv, kind: activation}}, fault: flip, bits: any, trials: {trials}}}\n"
IMAGES = 2
PREPROCESS = Preprocess(mean=(0.5,), std=(0.25,))


def as_torch_runs():
    """Undo the restrictions of torch_onnx: PyTorch may use its fastest fp32 arithmetic."""
    torch.backends.mkldnn.enabled = True
    torch.backends.nnpack.set_flags(True)
    torch.backends.cudnn.benchmark = True


class Module(torch.nn.Module):
    """The network of an ONNX file, for batches, with its convolutions as modules that take hooks."""

    def __init__(self, network, device):
        super().__init__()
        self.network, self.nodes = network, []
        self.constants = {name: t.to(device) if t.is_floating_point() else t for name, t in network.constants.items()}
        last = {name: i for i, (_, _, inputs, _) in enumerate(network.nodes) for name in inputs}
        self.convolutions = []  # output tensors, in PyTorchFI's order
        for i, (op, attributes, inputs, output) in enumerate(network.nodes):
            module = None
            if op is torch_onnx.conv:
                module = self.convolution(attributes, *(network.constants[name] for name in inputs[1:])).to(device)
                self.add_module(f"conv{len(self.convolutions)}", module)
                self.convolutions.append(output)
            done = [name for name in inputs if last[name] == i and name not in network.constants]
            self.nodes.append((op, attributes, inputs, output, f"conv{len(self.convolutions) - 1}" if module else None,
                               done))

    @staticmethod
    def convolution(a, weight, bias=None):
        top, left, bottom, right = a.get("pads", [0, 0, 0, 0])
        if (top, left) != (bottom, right):
            raise NotImplementedError("Conv with uneven padding")
        group = a.get("group", 1)
        module = torch.nn.Conv2d(weight.shape[1] * group, weight.shape[0], weight.shape[2:], a.get("strides", [1, 1]),
                                 (top, left), a.get("dilations", [1, 1]), group, bias is not None)
        module.weight.data = weight
        if bias is not None:
            module.bias.data = bias
        return module

    def forward(self, x):
        values = {"": None, self.network.input: x, **self.constants}
        for op, attributes, inputs, output, module, done in self.nodes:
            if module:
                values[output] = self.get_submodule(module)(values[inputs[0]])
            else:
                values[output] = op(attributes, *(values[name] for name in inputs))
            for name in done:
                values.pop(name, None)
        return values[self.network.output].reshape(len(x), -1)


class BitFlips(core.fault_injection):
    """PyTorchFI with an error model that it lacks: bit flips of fp32 values."""

    def flip(self, _module, _inputs, output):
        hit = [i for i, layer in enumerate(self.corrupt_layer) if layer == self.get_current_layer()]
        if hit:
            at = tuple(torch.tensor([d[i] for i in hit], device=output.device) for d in
                       (self.corrupt_batch, self.corrupt_dim1, self.corrupt_dim2, self.corrupt_dim3))
            output.view(torch.int32)[at] ^= torch.tensor([self.masks[i] for i in hit], dtype=torch.int32,
                                                         device=output.device)
        self.updateLayer()

    def declare(self, faults):
        """Declare a list of (layer, channel, row, column, mask), one for each sample; return the network to run."""
        layer, dim1, dim2, dim3, masks = map(list, zip(*faults))
        where = {"batch": list(range(len(faults))), "layer_num": layer, "dim1": dim1, "dim2": dim2, "dim3": dim3}
        self.masks = masks
        if self.corrupted_model is None:
            return self.declare_neuron_fi(function=self.flip, **where)
        self.corrupt_batch, self.corrupt_layer = where["batch"], layer
        self.corrupt_dim1, self.corrupt_dim2, self.corrupt_dim3 = dim1, dim2, dim3
        self.reset_current_layer()
        return self.corrupted_model


def make_images(folder, shape):
    """Write smooth random images of the network's size and a list of them."""
    rng, rows = np.random.default_rng(1), []
    mode = "RGB" if shape[0] == 3 else "L"
    for i in range(IMAGES):
        small = rng.integers(0, 256, (9, 9, 3) if mode == "RGB" else (9, 9), dtype=np.uint8)
        Image.fromarray(small).resize((shape[2], shape[1]), Image.Resampling.BICUBIC).save(folder / f"{i}.png")
        rows.append([f"{i}.png", 0])
    with open(folder / "labels.csv", "w", newline="") as f:
        csv.writer(f).writerows([["file", "label"], *rows])
    return ListedImages(folder / "labels.csv")


class Peer:
    """PyTorchFI with its faults in batches, ready to run."""

    def __init__(self, model, images, trials, args):
        self.device = args.device.split(":")[0]
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = "tf32" in args.device
        network = torch_onnx.Network(model)
        module = Module(network, self.device)
        self.images = torch.from_numpy(np.concatenate(images)).to(self.device)
        self.pfi = BitFlips(module, args.batch, list(images[0].shape[1:]), [torch.nn.Conv2d],
                            use_cuda=self.device == "cuda")
        shapes = self.pfi.output_size
        order = {name: i for i, name in enumerate(module.convolutions)}
        self.batches = []
        for at in range(0, len(trials), args.batch):
            part = trials[at:at + args.batch]
            faults = [(order[t["target"]], *np.unravel_index(t["element"], shapes[order[t["target"]]][1:]),
                       int(np.uint32(t["mask"]).view(np.int32))) for t in part]
            self.batches.append(([t["image"] for t in part], faults))
        self.run(self.batches[:1])

    def run(self, batches):
        answers = []
        for images, faults in batches:
            logits = self.pfi.declare([tuple(map(int, f)) for f in faults])(self.images[images])
            finite = torch.isfinite(logits).all(dim=1)
            answers += torch.where(finite, logits.nan_to_num().argmax(dim=1), -1).tolist()
        return answers

    def measure(self):
        begin = time.perf_counter()
        answers = self.run(self.batches)  # Python lists, so the device has finished
        return len(answers) / (time.perf_counter() - begin), answers


def choose_trials(sites, most):
    """Return at most this many trials, evenly spaced, so that all layers have their share."""
    keys = sorted(sites, key=lambda k: (k[3], k[2], k[1]))
    keys = keys[::max(1, len(keys) // most)][:most]
    return [{"entry": e, "target": t, "image": i, "repetition": r, "element": int(sites[e, t, i, r][0]["element"]),
             "mask": int(sites[e, t, i, r][0]["mask"], 16)} for e, t, i, r in keys]


def read_answers(path):
    db = sqlite3.connect(path)
    rows = db.execute("SELECT entry, layer_name, image, repetition, class FROM outcome").fetchall()
    db.close()
    return {tuple(row[:4]): row[4] for row in rows}


def compare(model, args, folder):
    dims = onnx.load(model, load_external_data=False).graph.input[0].type.tensor_type.shape.dim
    shape = [d.dim_value for d in dims][1:]
    images = make_images(folder, shape)
    faults = FAULTS.format(trials=max(1, args.trials // IMAGES))
    preprocess = Preprocess(mean=PREPROCESS.mean * shape[0], std=PREPROCESS.std * shape[0])
    job = write_job(folder / "job.yaml", model.resolve(), images, preprocess, faults)
    bitsink(args.bitsink, "plan", job, "--sites", folder / "sites.csv", "--device", "null")
    tensors = [preprocess.tensor(Image.open(folder / name)) for name in images.names]
    trials = choose_trials(read_sites(folder / "sites.csv"), args.peer_trials)
    peer = Peer(model, tensors, trials, args)
    runs, answers, done = itertools.count(), [], {}

    def ours():
        threads = ["--threads", args.threads] if args.device == "cpu" else []
        done.update(*bitsink_json(args.bitsink, "run", job, "--db", folder / f"{next(runs)}.db", "--quiet", "--self-test",
                                  "off", "--device", args.device, "--batch", args.batch, *threads))
        return done["trials_per_second"]

    def theirs():
        rate, answers[:] = peer.measure()
        return rate

    best = best_rates(args.rounds, "trials/s", {"bitsink": ours, "PyTorchFI": theirs})
    expected = read_answers(folder / "0.db")
    same = sum(a == expected[t["entry"], t["target"], t["image"], t["repetition"]] for a, t in zip(answers, trials))
    mine, other = best["bitsink"], best["PyTorchFI"]
    return (f"{model.stem}: bitsink delta {mine:.1f} trials/s ({done['done']} trials), PyTorchFI {other:.1f} "
            f"({len(trials)} of them), ratio {mine / other:.1f}, same answer {same} of {len(trials)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bitsink", help="the program")
    parser.add_argument("model", nargs="+", type=pathlib.Path)
    parser.add_argument("--device", default="cpu", help="cpu, cuda, cuda:0,tf32 (default %(default)s)")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--trials", type=int, default=64, help="of bitsink, a layer (default %(default)s)")
    parser.add_argument("--peer-trials", type=int, default=128, help="of PyTorchFI, in all (default %(default)s)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="on the CPU, of both")
    args = parser.parse_args()
    if args.device.startswith("cuda") and not torch.cuda.is_available():
        skip("this PyTorch sees no CUDA device")
    as_torch_runs()
    torch.set_num_threads(args.threads)
    print(f"PyTorch {torch.__version__}, {args.device}, batch {args.batch}, {args.threads} CPU threads")
    figures = []
    for model in args.model:
        with tempfile.TemporaryDirectory() as folder:
            figures.append(compare(model, args, pathlib.Path(folder)))
            print(figures[-1], flush=True)
    print("figure: " + "; ".join(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
