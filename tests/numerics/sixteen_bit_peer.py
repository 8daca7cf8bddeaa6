#!/usr/bin/env python3
"""The same faults in networks of 16 bits: sites of one list, in bitsink and by hooks on PyTorch's tensors.

A network with real weights is converted to fp16 and to bf16. A list names bits of activations, each of one image; bitsink
runs it as an entry of its own, and PyTorch's hooks flip the same bits of the words of its own tensors. Counted is where both
name the same class, of the trials with finite outputs.

Both round at each node's output, but add in other orders, so a value may be its neighbour: of the words before the fault
nearly all are equal. A class may differ only where PyTorch's two best scores are within STEPS steps of the type, or where
the words before the fault already differ: the flip of a bit of another word is another fault."""
import argparse
import csv
import os
import pathlib
import sqlite3
import sys
import tempfile

from common import ListedImages, Preprocess, bitsink, bitsink_json, rank, require, test_data, write_job
from torch_onnx import Network

np, onnx, torch = require("numpy", "onnx", "torch")
torch.set_num_threads(1)

TYPES = {"fp16": (onnx.TensorProto.FLOAT16, torch.float16), "bf16": (onnx.TensorProto.BFLOAT16, torch.bfloat16)}
IMAGES = 25
STEPS = 4           # of the type at the largest score: closer ones are a tie
FINITE = 0.99       # of the outputs are finite in both, or in neither, at least
EQUAL_WORDS = 0.75  # before the fault, at least: what differs adds up from layer to layer


def convert(source, path, type_name):
    """Writes a file of fp32 as one of 16 bits: parameters, input and output."""
    to, torch_type = TYPES[type_name]
    model = onnx.load(source)

    def tensor(t):
        if t.data_type == onnx.TensorProto.FLOAT:
            words = torch.from_numpy(onnx.numpy_helper.to_array(t).copy()).to(torch_type).view(torch.int16)
            t.CopyFrom(onnx.helper.make_tensor(t.name, to, t.dims, words.numpy().tobytes(), raw=True))

    for t in model.graph.initializer:
        tensor(t)
    for node in model.graph.node:
        for a in node.attribute:
            if a.HasField("t"):
                tensor(a.t)
            if node.op_type == "Cast" and a.name == "to" and a.i == onnx.TensorProto.FLOAT:
                a.i = to
    del model.graph.value_info[:]
    for value in (*model.graph.input, *model.graph.output):
        if value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT:
            value.type.tensor_type.elem_type = to
    onnx.save(model, path)


def write_sites(path, targets, count, seed):
    """Bits of activations, of all their elements alike: (target, element, bit, image)."""
    rng = np.random.default_rng(seed)
    elements = np.array([t["elements"] for t in targets])
    places = rng.integers(0, elements.sum(), count)
    ends = np.cumsum(elements)
    sites = []
    for place in places:
        t = int(np.searchsorted(ends, place, side="right"))
        sites.append((targets[t]["name"], int(place - ends[t] + elements[t]), int(rng.integers(16)),
                      int(rng.integers(IMAGES))))
    with open(path, "w", newline="") as f:
        rows = csv.writer(f)
        rows.writerow(["target", "element", "bit", "image"])
        rows.writerows(sites)
    return sites


QUERY = """
SELECT l.name, t.element, t.bit, t.image, t.before, o.due,
       CASE WHEN t.died_at IS NULL THEN t.top1 ELSE g.top1 END
  FROM trial t JOIN layer l ON l.id = t.layer JOIN golden g ON g.image = t.image JOIN outcome o ON o.trial = t.id"""


def run_bitsink(binary, job, db):
    """(word before the fault, is the output not finite, class) of each site."""
    bitsink(binary, "run", job, "--db", db, "--quiet")
    with sqlite3.connect(db) as connection:
        return {row[:4]: row[4:] for row in connection.execute(QUERY)}


class Flip:
    """A hook: flips a bit of a word, and keeps what the word was."""

    def __init__(self, element, bit):
        self.element, self.bit, self.before = element, bit, None

    def __call__(self, words):
        self.before = int(words[self.element])
        words[self.element] ^= 1 << self.bit


def margin(logits, torch_type):
    """How far the two best classes are apart, in steps of the type at the larger score."""
    first, second = logits[rank(logits)[:2]].astype(float)
    return (first - second) / (torch.finfo(torch_type).eps * 2.0 ** np.floor(np.log2(max(abs(first), abs(second), 1e-30))))


def check(binary, source, images, preprocess, type_name, count, folder):
    torch_type = TYPES[type_name][1]
    model, job = folder / f"{type_name}.onnx", folder / f"{type_name}.yaml"
    convert(source, model, type_name)
    activations = [t for t in bitsink_json(binary, "inspect", model) if t["kind"] == "activation"]
    sites = write_sites(folder / "sites.csv", activations, count, 1)
    write_job(job, model, images, preprocess, f"  - {{id: 1, sites: {folder / 'sites.csv'}}}\n")
    answers, network = run_bitsink(binary, job, folder / f"{type_name}.db"), Network(model)
    golden = [network.run(preprocess.tensor(images.image(i))) for i in range(IMAGES)]
    finite = same = words = kinds = 0
    unexplained = []
    for target, element, bit, image in sites:
        hook = Flip(element, bit)
        logits = network.rerun(golden[image], target, hook)
        before, due, top1 = answers[target, element, bit, image]
        words += hook.before == before
        kinds += bool(due) == (not np.isfinite(logits).all())
        if due or not np.isfinite(logits).all():
            continue
        finite += 1
        best, apart = int(rank(logits)[0]), margin(logits, torch_type)
        same += best == top1
        if best != top1:
            reason = "another word before" if hook.before != before else "a tie" if apart <= STEPS else "UNEXPLAINED"
            print(f"  {type_name} {target} element {element} bit {bit} image {image}: classes {top1} and {best}, "
                  f"{apart:.1f} steps apart in PyTorch, words {before:#06x} and {hook.before:#06x}: {reason}")
            unexplained += [reason] if reason == "UNEXPLAINED" else []
    print(f"{type_name}: {count} sites, {finite} with finite outputs, of these {same} with the same class; equal words before "
          f"the fault {words}, finite or not in both {kinds}; {len(unexplained)} unexplained", flush=True)
    return not unexplained and words >= EQUAL_WORDS * count and kinds >= FINITE * count


def main():
    parser = argparse.ArgumentParser(description="flip bits of 16-bit tensors in bitsink and in PyTorch")
    parser.add_argument("bitsink", help="the program to test")
    parser.add_argument("--sites", type=int, default=2000 if os.environ.get("BITSINK_FULL") == "1" else 200,
                        help="of each type (default: 200, or 2000 where BITSINK_FULL is 1)")
    args = parser.parse_args()
    data = test_data()
    images = ListedImages(data / "cifar10-100/labels.csv", IMAGES)
    preprocess = Preprocess(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
    with tempfile.TemporaryDirectory() as folder, np.errstate(invalid="ignore", over="ignore"):
        results = [check(args.bitsink, data / "models/cifar10_resnet20.onnx", images, preprocess, type_name, args.sites,
                         pathlib.Path(folder)) for type_name in TYPES]
    return int(not all(results))


if __name__ == "__main__":
    sys.exit(main())
