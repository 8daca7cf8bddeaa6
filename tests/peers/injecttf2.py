#!/usr/bin/env python3
"""The faults of InjectTF2 and InjectTF in TensorFlow and in bitsink, for one Keras network. See README.md in this folder.

A CNN is trained on Fashion-MNIST and exported by tf2onnx. Then

- layers, as in InjectTF2: TensorFlow computes a layer's output, flips a bit of one element at random, and runs the layers after
  it; bitsink gets the same elements, bits and images as a site list. Every trial whose probabilities are finite on both sides
  must have the same best class. bitsink also draws faults of its own: accuracies by layer must agree within sampling error.
- nodes, as in InjectTF: bitsink hits every node of an operator with a probability of its own, all in one inference, and says
  which sites it drew; TensorFlow applies them on its way through the network. Also whole tensors: all 0, and all random.

Elements are counted in the order (H, W, C) by TensorFlow and (C, H, W) by bitsink; that both mean the same element is seen by
its value before the fault."""
import argparse
import collections
import csv
import math
import os
import pathlib
import re
import sqlite3
import subprocess
import sys
import tempfile

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parents[1] / "numerics"))
from common import IdxImages, bitsink, bitsink_json, fashion, read_idx, require

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["KERAS_BACKEND"] = "tensorflow"
np, tf, keras, _ = require("numpy", "tensorflow", "keras", "tf2onnx")

LAYERS = ("conv1", "pool1", "conv2", "pool2", "flatten", "dense1", "logits", "softmax")
BITS = (("random bit", None), ("bit 30", 30), ("bit 31", 31))
PROBABILITY = {"Conv": 0.5, "Relu": 0.3, "MaxPool": 0.1, "MatMul": 0.4, "Add": 0.2}
CLOSE = 1e-4   # of the largest value of a tensor: how golden values of two libraries may differ
SIGMAS = 4     # how far two accuracies may be apart: 24 of them are compared
WHOLE = 10     # images for faults of whole tensors
CHUNK = 500    # inferences at once in TensorFlow


def train(epochs):
    folder = fashion()
    pixels, labels = (read_idx(folder / f"train-{what}-ubyte.gz") for what in ("images-idx3", "labels-idx1"))
    keras.utils.set_random_seed(1)
    layers = keras.layers
    network = keras.Sequential([
        keras.Input((28, 28, 1), name="image"),
        layers.Conv2D(16, 3, padding="same", activation="relu", name="conv1"),
        layers.MaxPooling2D(name="pool1"),
        layers.Conv2D(32, 3, padding="same", activation="relu", name="conv2"),
        layers.MaxPooling2D(name="pool2"),
        layers.Flatten(name="flatten"),
        layers.Dense(64, activation="relu", name="dense1"),
        layers.Dense(10, name="logits"),
        layers.Softmax(name="softmax"),
    ])
    network.compile("adam", keras.losses.SparseCategoricalCrossentropy(), metrics=["accuracy"])
    network.fit(tensor(pixels), labels, batch_size=128, epochs=epochs, verbose=0)
    return network


def tensor(pixels):
    return (pixels.astype(np.float32) / np.float32(255))[..., None]


def export(network, folder):
    """As the manual says, bitsink-job(5), MODELS."""
    network.export(folder / "saved", verbose=False)
    done = subprocess.run([sys.executable, "-m", "tf2onnx.convert", "--saved-model", folder / "saved", "--opset", "13",
                           "--output", folder / "model.onnx"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        sys.exit(f"FAIL: tf2onnx: {done.stdout}")
    return folder / "model.onnx"


def node_outputs(binary, model):
    """Keras' layer -> the activations of its nodes, in the order of the network."""
    nodes = collections.defaultdict(list)
    for t in bitsink_json(binary, "inspect", model):
        found = re.search(rf"/({'|'.join(LAYERS)})(_\d+)?/", t["node"])
        if t["kind"] == "activation" and found:
            nodes[found[1]].append(t)
    return nodes


def to_chw(element, shape):
    """The index in (C, H, W) of elements of a Keras tensor (H, W, C)."""
    if len(shape) < 3:
        return element
    h, w, c = np.unravel_index(element, shape)
    return np.ravel_multi_index((c, h, w), (shape[2], shape[0], shape[1]))


def from_chw(element, shape):
    if len(shape) < 3:
        return element
    c, h, w = np.unravel_index(element, (shape[2], shape[0], shape[1]))
    return np.ravel_multi_index((h, w, c), shape)


def flip(values, rows, elements, masks):
    """Flips bits of the elements of rows of `values`, in place."""
    words = values.reshape(len(values), -1).view(np.uint32)
    words[rows, elements] ^= np.asarray(masks, dtype=np.uint32)


def classes_of(probabilities):
    """The best class of each row; -1 where a probability is not finite."""
    return np.where(np.isfinite(probabilities).all(axis=1), np.argmax(probabilities, axis=1), -1)


QUERY = """
SELECT t.entry, l.name, t.image, t.repetition, t.element, t.before & 0xffffffff,
       CASE WHEN (CASE WHEN t.died_at IS NULL THEN t.flags ELSE g.flags END) & 3 THEN -1
            WHEN t.died_at IS NULL THEN t.top1 ELSE g.top1 END
  FROM trial t JOIN layer l ON l.id = t.layer JOIN golden g ON g.image = t.image
 WHERE t.entry BETWEEN ? AND ? ORDER BY t.entry, t.layer, t.image, t.repetition"""


class Campaign:
    """A network, images, and bitsink's trials on them."""

    def __init__(self, binary, model, images, folder):
        self.binary, self.model, self.images, self.folder = binary, model, images, folder

    def job(self, faults, name):
        path = self.folder / f"{name}.yaml"
        path.write_text(f"model: {self.model}\nseed: 1\n{self.images.yaml()}preprocess: {{scale: 1/255}}\nfaults:\n{faults}")
        return path

    def run(self, job):
        db = job.with_suffix(".db")
        bitsink(self.binary, "run", job, "--db", db, "--quiet")
        return sqlite3.connect(db)


def layer_outputs(campaign, network):
    """Of each layer the golden outputs, the name in ONNX and the shape."""
    deep = keras.Model(network.inputs, [layer.output for layer in network.layers])
    golden = [np.asarray(v) for v in deep([tensor(campaign.images.pixels)])]
    nodes = node_outputs(campaign.binary, campaign.model)
    return golden, {name: nodes[name][-1]["name"] for name in LAYERS}, {name: v.shape[1:] for name, v in zip(LAYERS, golden)}


def run_on(network, k, x):
    """The best classes, from the outputs of layer k."""
    for layer in network.layers[k + 1:]:
        x = layer(x)
    return classes_of(np.asarray(x))


def theirs(network, golden, seed, repetitions):
    """Faults of InjectTF2: yields layer, experiment, and for each trial image, element and best class."""
    rng = np.random.default_rng(seed)
    for k, name in enumerate(LAYERS):
        values = golden[k]
        images = np.repeat(np.arange(len(values)), repetitions)
        elements = math.prod(values.shape[1:])
        for experiment, (_, bit) in enumerate(BITS):
            element = rng.integers(elements, size=len(images))
            bits = rng.integers(32, size=len(images)) if bit is None else np.full(len(images), bit)
            best = np.empty(len(images), np.int64)
            for at in range(0, len(images), CHUNK):
                part = slice(at, at + CHUNK)
                x = values[images[part]]
                flip(x, np.arange(len(x)), element[part], np.uint32(1) << bits[part].astype(np.uint32))
                best[part] = run_on(network, k, x)
            yield name, experiment, images, element, bits, best


def write_sites(path, trials, target, shape):
    with open(path, "w", newline="") as f:
        rows = csv.writer(f)
        rows.writerow(["entry", "target", "element", "bit", "image"])
        for layer, experiment, images, element, bits, _ in trials:
            where = to_chw(element, shape[layer])
            for i, e, b in zip(images, where, bits):
                rows.writerow([experiment + 1, target[layer], e, b, i])


def agree(a, n, b, m):
    """How many standard errors two shares of n and m trials are apart."""
    pooled = (a * n + b * m) / (n + m)
    return (a - b) / (math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m)) or 1)


def compare_layers(campaign, network, repetitions):
    images = campaign.images
    golden, target, shape = layer_outputs(campaign, network)

    trials = list(theirs(network, golden, 1, repetitions))
    write_sites(campaign.folder / "sites.csv", trials, target, shape)
    faults = "".join(f"  - {{id: {e + 1}, name: '{name}, listed', sites: sites.csv}}\n" for e, (name, _) in enumerate(BITS))
    names = ", ".join(f"'{target[name]}'" for name in LAYERS)
    for e, (name, bit) in enumerate(BITS):
        faults += (f"  - {{id: {e + 11}, name: '{name}', targets: [{names}], fault: flip, trials: {repetitions}, "
                   f"bits: {'any' if bit is None else bit}}}\n")
    db = campaign.run(campaign.job(faults, "layers"))

    listed = collections.defaultdict(list)
    for entry, name, image, repetition, element, before, best in db.execute(QUERY, (1, 3)):
        listed[entry - 1, name].append((image, repetition, element, before, best))
    own = collections.defaultdict(list)
    for entry, name, image, _, _, _, best in db.execute(QUERY, (11, 13)):
        own[entry - 11, name].append(best == images.labels[image])
    print(f"{'layer':8} {'bit':10} {'trials':>6} {'finite':>6} {'same':>6} {'TensorFlow':>10} {'bitsink':>8} {'z':>5}")
    problems, total = [], collections.Counter()
    for name, experiment, image, element, _, best in trials:
        rows = np.array([r[:3] + r[4:] for r in listed[experiment, target[name]]])
        before = np.array([r[3] for r in listed[experiment, target[name]]], np.uint32).view(np.float32)
        if not (np.array_equal(rows[:, 0], image) and np.array_equal(rows[:, 2], to_chw(element, shape[name]))):
            sys.exit(f"FAIL: {name}: the trials of the result file are not those of the list")
        here = golden[LAYERS.index(name)].reshape(len(images.labels), -1)
        far = np.abs(here[image, element] - before) > CLOSE * np.abs(here).max()
        if far.any():
            problems.append(f"{name}: {far.sum()} elements held another value before the fault")
        finite = (best >= 0) & (rows[:, 3] >= 0)
        same = finite & (best == rows[:, 3])
        if (finite != (best >= 0)).any() or (finite != (rows[:, 3] >= 0)).any():
            total["finite on one side"] += ((best >= 0) != (rows[:, 3] >= 0)).sum()
        for k in np.flatnonzero(finite & ~same)[:3]:
            problems.append(f"{name}, {BITS[experiment][0]}, image {image[k]}, element {element[k]}: class {best[k]} in "
                            f"TensorFlow, {rows[k, 3]} in bitsink")
        a, b = (best == images.labels[image]).mean(), np.mean(own[experiment, target[name]])
        n = len(best)
        z = agree(a, n, b, len(own[experiment, target[name]]))
        if abs(z) > SIGMAS:
            problems.append(f"{name}, {BITS[experiment][0]}: accuracies {a:.4f} and {b:.4f}")
        total.update(trials=n, finite=finite.sum(), same=same.sum())
        print(f"{name:8} {BITS[experiment][0]:10} {n:6} {finite.sum():6} {same.sum():6} {a:10.4f} {b:8.4f} {z:5.1f}")
    print(f"layers: {total['trials']} trials of a site list, {total['finite']} with finite probabilities, {total['same']} of "
          f"them with the same best class; {total['finite on one side']} finite on one side only")
    return problems


def random_values(path, target, shape, n):
    """Layer -> the values that bitsink plans to write into all elements of its output, for n images."""
    values = {name: np.full((n, math.prod(dims)), np.nan, np.float32) for name, dims in shape.items()}
    layer = {name: key for key, name in target.items()}
    with open(path, newline="") as f:
        for row in csv.DictReader(f):
            name, value = layer[row["target"]], row["value"]
            at = int(row["image"]), from_chw(int(row["element"]), shape[name])
            values[name].view(np.uint32)[at] = int(value, 16) if value.startswith("0x") else np.float32(value).view(np.uint32)
    return {name: v.reshape(n, *shape[name]) for name, v in values.items()}


def compare_whole(campaign, network):
    """InjectTF's faults of whole tensors: no fault, all elements 0, all elements random from 0 to 1."""
    images = campaign.images
    golden, target, shape = layer_outputs(campaign, network)
    names = ", ".join(f"'{target[name]}'" for name in LAYERS)
    random = f"  - {{id: 33, name: random, targets: [{names}], fault: random, range: [0, 1], count: all}}\n"
    db = campaign.run(campaign.job(
        f"  - {{id: 31, name: none, targets: [{names}], fault: none}}\n"
        f"  - {{id: 32, name: zero, targets: [{names}], fault: zero, count: all}}\n{random}", "whole"))
    bitsink(campaign.binary, "plan", "--quiet", campaign.job(random, "random"), "--sites", campaign.folder / "random.csv")
    drawn = random_values(campaign.folder / "random.csv", target, shape, len(images.labels))
    there = {row[:3]: row[-1] for row in db.execute(QUERY, (31, 33))}
    problems, same = [], 0
    for k, name in enumerate(LAYERS):
        for entry, values in ((31, golden[k]), (32, np.zeros_like(golden[k])), (33, drawn[name])):
            for image, best in enumerate(run_on(network, k, values)):
                same += best == there[entry, target[name], image]
                if best != there[entry, target[name], image]:
                    problems.append(f"whole tensors, entry {entry}, {name}, image {image}: class {best} in TensorFlow, "
                                    f"{there[entry, target[name], image]} in bitsink")
    print(f"tensors: {len(there)} trials without a fault, and with all elements of a layer 0 or random, {same} of them with the "
          "same best class")
    return problems


def steps(network):
    """(layer, ONNX operator, function) of each node that tf2onnx makes of the network's layers and that computes."""
    for layer in network.layers:
        if isinstance(layer, keras.layers.Conv2D):
            yield layer.name, "Conv", lambda x, w=layer.weights: tf.nn.bias_add(tf.nn.conv2d(x, w[0], 1, "SAME"), w[1])
        elif isinstance(layer, keras.layers.Dense):
            yield layer.name, "MatMul", lambda x, w=layer.weights: tf.matmul(x, w[0])
            yield layer.name, "Add", lambda x, w=layer.weights: tf.add(x, w[1])
        else:
            op = {"MaxPooling2D": "MaxPool", "Flatten": "Reshape", "Softmax": "Softmax"}[type(layer).__name__]
            yield layer.name, op, layer
        if getattr(layer, "activation", None) is keras.activations.relu:
            yield layer.name, "Relu", tf.nn.relu


def infer(network, x, sites):
    """The best classes; sites: (layer, operator) -> rows, elements and masks of what is flipped in the node's output."""
    best = np.empty(len(x), np.int64)
    for at in range(0, len(x), CHUNK):
        values = x[at:at + CHUNK]
        for layer, op, step in steps(network):
            values = step(values)
            if (layer, op) in sites:
                rows, elements, masks = sites[layer, op]
                here = (rows >= at) & (rows < at + CHUNK)
                values = np.array(values)
                flip(values, rows[here] - at, elements[here], masks[here])
        best[at:at + CHUNK] = classes_of(np.asarray(values))
    return best


def shapes(network, x):
    out = {}
    for layer, op, step in steps(network):
        x = step(x)
        out[layer, op] = tuple(x.shape[1:])
    return out


def own_sites(shape, bit, n, rng):
    """Faults of InjectTF: each node of an operator is hit with the operator's probability, all in one inference."""
    sites = {}
    for (layer, op), dims in shape.items():
        rows = np.flatnonzero(rng.random(n) < PROBABILITY.get(op, 0))
        bits = rng.integers(32, size=len(rows)) if bit is None else np.full(len(rows), bit)
        sites[layer, op] = rows, rng.integers(math.prod(dims), size=len(rows)), np.uint32(1) << bits.astype(np.uint32)
    return sites


def planned_sites(path, node, shape, entry, repetitions):
    """What bitsink plans to flip, as infer() wants it; trial r of image i is row i * repetitions + r."""
    found = collections.defaultdict(list)
    with open(path, newline="") as f:
        for row in csv.DictReader(f):
            if int(row["entry"]) != entry or row["operation"] == "none":
                continue
            at = node[row["target"]]
            found[at].append((int(row["image"]) * repetitions + int(row["repetition"]),
                              from_chw(int(row["element"]), shape[at]), int(row["mask"], 16)))
    return {at: tuple(np.array(v, np.int64 if k < 2 else np.uint32) for k, v in enumerate(zip(*sites)))
            for at, sites in found.items()}


def compare_nodes(campaign, network, repetitions):
    images = campaign.images
    x = np.repeat(tensor(images.pixels), repetitions, axis=0)
    shape = shapes(network, x[:1])
    outputs = node_outputs(campaign.binary, campaign.model)
    node = {t["name"]: (layer, t["op"]) for layer in LAYERS for t in outputs[layer] if (layer, t["op"]) in shape}
    targets = ", ".join(f"{{op: {op}, kind: activation, probability: {p}}}" for op, p in PROBABILITY.items())
    faults = "".join(f"  - {{id: {e + 21}, name: '{name}', scope: inference, targets: [{targets}], fault: flip, "
                     f"trials: {repetitions}, bits: {'any' if bit is None else bit}}}\n" for e, (name, bit) in enumerate(BITS))
    job = campaign.job(faults, "nodes")
    bitsink(campaign.binary, "plan", "--quiet", job, "--sites", campaign.folder / "nodes.csv")
    db = campaign.run(job)
    labels = np.repeat(images.labels, repetitions)
    problems, total = [], collections.Counter()
    print(f"{'nodes':8} {'bit':10} {'trials':>6} {'finite':>6} {'same':>6} {'TensorFlow':>10} {'bitsink':>8} {'z':>5}  sites")
    for e, (name, bit) in enumerate(BITS):
        sites = planned_sites(campaign.folder / "nodes.csv", node, shape, e + 21, repetitions)
        there = np.array([row[-1] for row in db.execute(QUERY, (e + 21, e + 21))])
        here = infer(network, x, sites)
        finite, n = (here >= 0) & (there >= 0), len(x)
        same, hits = finite & (here == there), np.bincount(np.concatenate([s[0] for s in sites.values()]), minlength=n)
        several = hits > 1
        for k in np.flatnonzero(finite & ~same)[:3]:
            problems.append(f"nodes, {name}, image {k // repetitions}, repetition {k % repetitions}: class {here[k]} in "
                            f"TensorFlow, {there[k]} in bitsink")
        own = infer(network, x, own_sites(shape, bit, n, np.random.default_rng(2 + e)))
        a, b = (own == labels).mean(), (there == labels).mean()
        z = agree(a, n, b, n)
        if abs(z) > SIGMAS:
            problems.append(f"nodes, {name}: accuracies {a:.4f} and {b:.4f}")
        one_side = ((here >= 0) != (there >= 0)).sum()
        total.update(trials=n, finite=finite.sum(), same=same.sum(), one=one_side, several=several.sum(), most=0)
        total["most"] = max(total["most"], hits.max())
        print(f"{'all':8} {name:10} {n:6} {finite.sum():6} {same.sum():6} {a:10.4f} {b:8.4f} {z:5.1f}  {hits.mean():.2f}")
    print(f"nodes: {total['trials']} inferences, {total['several']} with faults in several nodes (up to {total['most']}), "
          f"{total['finite']} with finite probabilities, {total['same']} of them with the same best class; {total['one']} finite on "
          "one side only")
    return problems


def main():
    parser = argparse.ArgumentParser(description="the faults of InjectTF2 and InjectTF, in TensorFlow and in bitsink")
    parser.add_argument("bitsink", help="the program to test")
    parser.add_argument("--images", type=int, default=100, help="how many (default %(default)s)")
    parser.add_argument("--repetitions", type=int, default=10,
                        help="faults of each layer, bit and image (default %(default)s)")
    parser.add_argument("--epochs", type=int, default=3, help="of training (default %(default)s)")
    args = parser.parse_args()
    images = IdxImages(fashion(), args.images)
    network = train(args.epochs)
    with tempfile.TemporaryDirectory() as folder, np.errstate(invalid="ignore", over="ignore"):
        folder = pathlib.Path(folder)
        campaign = Campaign(os.path.abspath(args.bitsink), export(network, folder), images, folder)
        problems = compare_layers(campaign, network, args.repetitions) + compare_nodes(campaign, network, args.repetitions)
        campaign.images = IdxImages(fashion(), min(args.images, WHOLE))
        problems += compare_whole(campaign, network)
    for problem in problems[:20]:
        print(f"FAIL: {problem}")
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
