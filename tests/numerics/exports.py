"""Freshly exported networks in bitsink: their logits against ONNX Runtime's, and the replay against full re-runs.

What torch_models.py and keras_models.py share. Weights are random, nothing is downloaded. For each network all logits
must agree within BOUND relative to the largest logit, and the five best classes must be the same; classes closer to
each other than the bound may be swapped. Then test_replay runs random faults of every kind by delta and suffix and in
full: outputs must be equal, bit for bit. A network with an operator that bitsink lacks is reported as unsupported,
with bitsink's message, and is no failure unless --strict is given."""
import argparse
import json
import pathlib
import re
import subprocess
import sys
import tempfile

from common import Preprocess, rank, require

np, Image, runtime = require("numpy", "PIL.Image", "onnxruntime")

BOUND = 1e-4


def make_images(folder, side, count, seed):
    """Smooth pictures and pure noise; pixels are what is stored, so nothing depends on a decoder."""
    rng, paths = np.random.default_rng(seed), []
    for i in range(count):
        small = side if i % 2 else 7
        pixels = rng.integers(0, 256, (small, small, 3), dtype=np.uint8)
        paths.append(folder / f"{side}_{i}.png")
        if not paths[-1].exists():
            Image.fromarray(pixels).resize((side, side), Image.Resampling.BICUBIC).save(paths[-1])
    return paths


def compare(answers, found, expected, bound=BOUND):
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
        same &= len(set(classes)) == 5 and bool(np.abs(e[classes] - e[best]).max() <= bound * scale)
    return worst, same


def refusal(done, path):
    """bitsink's own message, if it refused the model in an orderly way."""
    error = next((line[7:] for line in done.stderr.splitlines() if line.startswith("error: ")), "")
    verdict = f"unsupported: {error}" if error and done.returncode == 1 else \
        f"DISAGREE: exit status {done.returncode} {done.stderr.strip()}"
    return verdict.replace(str(path), path.name)


def expected_logits(path, images):
    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    x = session.get_inputs()[0]
    tensors = [Preprocess().tensor(Image.open(i)) for i in images]
    if x.shape[-1] == 3:
        tensors = [np.ascontiguousarray(t.transpose(0, 2, 3, 1)) for t in tensors]
    return np.concatenate([session.run(None, {x.name: t})[0] for t in tensors])


def check_replay(test_replay, path):
    """How many trials are exact, or what is wrong"""
    done = subprocess.run([test_replay, path], capture_output=True, text=True)
    exact = re.search(r"(\d+) trials, \d+ masked, all bits equal", done.stdout)
    return exact[1] if done.returncode == 0 and exact else f"DISAGREE: {done.stdout} {done.stderr}"


def check_logits(binary, path, files, logits, expected, bound=BOUND):
    """(deviation or "", verdict) of bitsink's answers for the images `files`; expected() gives the right logits."""
    done = subprocess.run([binary, "classify", path, *files, "--json", "--logits", logits], capture_output=True, text=True)
    if done.returncode:
        return "", refusal(done, path)
    found, right = np.fromfile(logits, dtype=np.float32).reshape(len(files), -1), expected()
    if np.abs(right[0] - right[-1]).max() < 1e-2 * np.abs(right).max():
        return "", "DISAGREE: the network hardly looks at its image, agreement would prove nothing"
    deviation, same = compare([json.loads(line) for line in done.stdout.splitlines()], found, right, bound)
    return f"{deviation:.1e}", "agree" if same and deviation <= bound else "DISAGREE"


def check(binary, test_replay, path, side, images, seed, logits):
    """(deviation, verdict, replay)"""
    files = make_images(path.parent, side, images, seed)
    deviation, verdict = check_logits(binary, path, files, logits, lambda: expected_logits(path, files))
    return deviation, verdict, check_replay(test_replay, path) if deviation else ""


def main(description, cases, export):
    """cases: with .name and .opset; export(case, seed, path) writes the file and returns (nodes, side of images)."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("bitsink", help="the program to test")
    parser.add_argument("test_replay", help="its test of the replay")
    parser.add_argument("--models", help="names, separated by commas (default: all)")
    parser.add_argument("--images", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--strict", action="store_true", help="unsupported is a failure, too")
    parser.add_argument("--keep", type=pathlib.Path, help="folder for the exported models (default: temporary)")
    args = parser.parse_args()
    names = args.models.split(",") if args.models else [c.name for c in cases]
    unknown = set(names) - {c.name for c in cases}
    if unknown:
        parser.error(f"unknown {', '.join(sorted(unknown))}; there are {', '.join(c.name for c in cases)}")
    verdicts, replays = [], []
    with tempfile.TemporaryDirectory() as made:
        folder = args.keep or pathlib.Path(made)
        folder.mkdir(exist_ok=True)
        print(f"{'model':28} {'opset':>5} {'nodes':>5} {'deviation':>9}  {'replay':8} verdict")
        for case in (c for c in cases if c.name in names):
            path = folder / f"{case.name}.onnx"
            nodes, side = export(case, args.seed, path)
            deviation, verdict, replay = check(args.bitsink, args.test_replay, path, side, args.images, args.seed,
                                               folder / "logits")
            print(f"{case.name:28} {case.opset:5} {nodes:5} {deviation:>9}  {replay:8} {verdict}", flush=True)
            verdicts.append(verdict.split(":")[0])
            replays += [replay] if replay else []
            if not args.keep:
                path.unlink()
    inexact = sum(not r.isdigit() for r in replays)
    print(f"{verdicts.count('agree')} models agree with ONNX Runtime, {verdicts.count('unsupported')} unsupported, "
          f"{verdicts.count('DISAGREE')} disagree; replay exact in {sum(int(r) for r in replays if r.isdigit())} "
          f"trials, not on {inexact} models")
    bad = {"DISAGREE", "unsupported"} if args.strict else {"DISAGREE"}
    sys.exit(int(not bad.isdisjoint(verdicts) or inexact > 0))
