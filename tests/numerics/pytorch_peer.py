#!/usr/bin/env python3
"""The same faults in PyTorch: every trial of a campaign is repeated by an independent interpreter.

`bitsink plan --sites` says which bits are hit; the network is run in PyTorch with a hook that changes the
named tensor; the answer must be the one in the result file. Images are cropped and resized by Pillow before,
so both get equal pixels.

Two libraries round differently, hence two excuses, both counted. MARGIN: in one of the libraries the two best
scores are as good as equal. OVERFLOW: PyTorch's scores are beyond 1e30 or not finite, where the order of
additions decides what becomes Inf and what NaN. Anything else that differs is a failure. For the same reason
the value before the fault is compared exactly in parameters and the input, but closely in activations, and
there the hook takes bitsink's value of the first site: a flipped exponent bit would blow a rounding error
near zero up to two different faults."""
import argparse
import collections
import csv
import dataclasses
import pathlib
import sqlite3
import sys
import tempfile

from common import (ROOT, IdxImages, ListedImages, Preprocess, bitsink, bitsink_json, fashion, prepare, rank,
                    require, test_data, write_job)
from torch_onnx import Network

(np,) = require("numpy")

MARGIN = 1e-4      # of the largest score: closer ones are a tie
OVERFLOW = 1e30
CLOSE = 1e-4       # of the largest value of the tensor: golden activations of two libraries
FAITHFUL = 1e-3    # of the largest score: the best score of two libraries

FAULTS = """\
  - {{id: 1, name: activation-flip, targets: {{kind: activation}}, fault: flip, trials: 2}}
  - {{id: 2, name: input-flip, targets: {{kind: input}}, fault: flip, trials: 2}}
  - {{id: 3, name: weight-flip, targets: {{kind: weight}}, fault: flip, trials: 2}}
  - {{id: 4, name: bias-flip, targets: {{kind: bias}}, fault: flip}}
  - {{id: 5, name: exponent-flip, targets: {{op: Conv}}, fault: flip, bits: exponent}}
  - {{id: 6, name: stuck-at-1, targets: {{op: Conv, kind: activation}}, fault: stuck-at-1, bits: exponent}}
  - {{id: 7, name: stuck-at-0, targets: {{kind: weight}}, fault: stuck-at-0, bits: exponent}}
  - {{id: 8, name: set, targets: {{op: Relu}}, fault: set, value: 1.5e+3}}
  - {{id: 9, name: zero, targets: {{kind: weight}}, fault: zero}}
  - {{id: 10, name: random, targets: {{op: MaxPool}}, fault: random, range: [-100, 100], count: 5}}
  - {{id: 11, name: bursts, targets: {{op: Relu}}, fault: flip, burst: 2, count: 3}}
  - {{id: 12, name: activation-ber, targets: {{op: Conv, kind: activation}}, fault: flip, ber: {ber}}}
  - {{id: 13, name: weight-ber, targets: {{kind: weight}}, fault: flip, ber: {ber}}}
"""


@dataclasses.dataclass
class Case:
    name: str
    model: pathlib.Path
    images: object  # of one kind in common.py, made by limit
    preprocess: Preprocess
    ber: float
    share: float    # of all trials


def cases():
    data = test_data()
    return [
        Case("fashion_vgg", ROOT / "tests/models/fashion_vgg.onnx", lambda n: IdxImages(fashion(), n),
             Preprocess(mean=(0.2860,), std=(0.3530,)), 1e-5, 0.6),
        Case("squeezenet1.1", data / "models/squeezenet1.1.onnx",
             lambda n: ListedImages(data / "imagenet-200/labels.csv", n),
             Preprocess(resize_short=256, crop=227, bgr=True, scale="1", mean=(104, 117, 123)), 1e-6, 0.4),
    ]


def read_sites(path):
    """(entry, target, image or None, repetition) -> rows, in the order in which they act."""
    sites = collections.defaultdict(list)
    with open(path, newline="") as f:
        for row in csv.DictReader(f):
            image = int(row["image"]) if row["image"] else None
            key = int(row["entry"]), row["target"], image, int(row["repetition"])
            sites[key] += [] if row["operation"] == "none" else [row]
    return dict(sites)


def apply_site(bits, row):
    at, operation, mask = int(row["element"]), row["operation"], np.uint32(int(row["mask"] or "0", 16))
    if operation == "flip":
        bits[at] ^= mask
    elif operation == "stuck-at-1":
        bits[at] |= mask
    elif operation == "stuck-at-0":
        bits[at] &= ~mask
    elif operation == "zero":
        bits[at] = 0
    elif operation == "set" and row["value"].startswith("0x"):
        bits[at] = int(row["value"], 16)
    elif operation == "set":
        bits[at] = np.float32(row["value"]).view(np.uint32)
    else:
        raise ValueError(f"unknown operation '{operation}'")


class Hook:
    """Applies the sites of a trial, and compares the value before with what the result file says."""

    def __init__(self, rows, trial):
        self.rows, self.trial, self.problem = rows, trial, None

    def __call__(self, bits):
        values, trial = bits.view(np.float32), self.trial
        if self.rows:
            before = np.uint32(trial["before"] & 0xffffffff)
            self.problem = self.compare(values, bits, before)
            bits[trial["element"]] = before
        for row in self.rows:
            apply_site(bits, row)

    def compare(self, values, bits, before):
        at, kind = self.trial["element"], self.trial["kind"]
        if kind != "activation":
            same = bits[at] == before
        else:
            same = abs(values[at] - before.view(np.float32)) <= CLOSE * np.abs(values).max()
        return None if same else f"held {before.view(np.float32)} before the fault, here {values[at]}"


QUERY = """
SELECT t.id, t.entry, e.id || ' ' || e.name AS entry_name, l.name AS target, l.kind, t.image, t.repetition,
       t.element, t.before, t.n_sites,
       t.died_at IS NOT NULL AS masked, o.sdc1, o.due,
       CASE WHEN t.died_at IS NULL THEN t.top1 ELSE g.top1 END AS top1,
       CASE WHEN t.died_at IS NULL THEN t.top2 ELSE g.top2 END AS top2,
       CASE WHEN t.died_at IS NULL THEN t.score1 ELSE g.score1 END AS score1,
       CASE WHEN t.died_at IS NULL THEN t.score2 ELSE g.score2 END AS score2,
       CASE WHEN t.died_at IS NULL THEN t.flags ELSE g.flags END AS flags
  FROM trial t JOIN layer l ON l.id = t.layer JOIN golden g ON g.image = t.image
  JOIN entry e ON e.id = t.entry
  JOIN outcome o ON o.trial = t.id ORDER BY t.id"""


def read_trials(path):
    db = sqlite3.connect(path)
    db.row_factory = sqlite3.Row
    rows = db.execute(QUERY).fetchall()
    db.close()
    return rows


def judge(trial, logits):
    """'equal', 'margin', 'overflow', or None: no excuse; and the deviation of the best score."""
    order, due = rank(logits), bool(trial["flags"] & 3)
    top1 = int(order[0]) if len(order) else None
    scale = np.abs(logits).max()
    equal = trial["top1"] == top1 and due == (not np.isfinite(logits).all())
    if not scale <= OVERFLOW:
        return "equal" if equal else "overflow", 0.0
    if due:
        return None, 0.0
    first, second = trial["score1"], trial["score2"]
    # Of the class that bitsink names, and of the best class here.
    deviation = np.abs(first - logits[[trial["top1"], top1]].astype(float)).max() / float(scale or 1)
    if equal:
        return "equal", deviation
    margin = min((logits[order[0]] - logits[order[1]]) / (scale or 1), (first - second) / (abs(first) or 1))
    if margin <= MARGIN:
        print(f"  trial {trial['id']}: classes {trial['top1']} and {top1}, margin {margin:.1e}")
        return "margin", deviation
    return None, deviation


def plan(binary, case, trials, folder):
    """A job of about this many trials, its sites, and its images."""
    path, faults = folder / f"{case.name}.yaml", FAULTS.format(ber=case.ber)

    def job(n, preprocess, images):
        return write_job(path, case.model, images(n), preprocess, faults)

    (one,) = bitsink_json(binary, "plan", job(1, case.preprocess, case.images))
    n = max(1, round(trials / one["trials"]))
    images, preprocess = case.images(n), case.preprocess
    if preprocess != preprocess.without_geometry():
        images, preprocess = prepare(images, preprocess, folder / case.name), preprocess.without_geometry()
    job(n, preprocess, lambda n: images)
    bitsink(binary, "plan", path, "--sites", folder / f"{case.name}.csv")
    tensors = [preprocess.tensor(images.image(i)) for i in range(n)]
    return path, read_sites(folder / f"{case.name}.csv"), tensors


class Report:
    """Counts by fault entry, and what went wrong."""

    VERDICTS = ("equal", "margin", "overflow", "unexplained")

    def __init__(self):
        self.counts, self.problems, self.worst = collections.Counter(), [], 0.0

    def add(self, trial, verdict, problem):
        self.counts[trial["entry_name"], "unexplained" if problem else verdict] += 1
        if problem:
            self.problems.append(f"trial {trial['id']} (entry {trial['entry_name']}, {trial['target']}, "
                                 f"image {trial['image']}, repetition {trial['repetition']}): {problem}")

    def show(self, name, trials):
        for entry in dict.fromkeys(entry for entry, _ in self.counts):
            print(f"  {entry}:", ", ".join(f"{v} {self.counts[entry, v]}" for v in self.VERDICTS))
        total = {v: sum(n for (_, w), n in self.counts.items() if v == w) for v in self.VERDICTS}
        masked, sdc1, due = (sum(t[what] or 0 for t in trials) for what in ("masked", "sdc1", "due"))
        print(f"{name}: trials {len(trials)} (masked {masked}, SDC-1 {sdc1}, DUE {due}), "
              f"equal {total['equal']}, explained by margin {total['margin']}, "
              f"explained by overflow {total['overflow']}, unexplained {total['unexplained']}, "
              f"largest deviation of the best score {self.worst:.1e}", flush=True)
        for problem in self.problems[:20]:
            print("  " + problem)


def replay(network, trial, rows, golden, report):
    hook = Hook(rows, trial)
    if trial["n_sites"] != len({row["element"] for row in rows}):
        return report.add(trial, None, f"{trial['n_sites']} sites in the file, planned {len(rows)}")
    first = int(rows[0]["element"]) if rows else None
    if trial["element"] != first:
        return report.add(trial, None, f"element {trial['element']} in the file, planned {first}")
    logits = network.rerun(golden, trial["target"], hook)
    verdict, deviation = judge(trial, logits)
    report.worst = max(report.worst, deviation)
    problem = hook.problem
    if verdict is None:
        top = [f"{c} ({logits[c]:.7g})" for c in rank(logits)[:2]]
        problem = f"class {trial['top1']}, flags {trial['flags']}; PyTorch says {' before '.join(top)}"
    elif deviation > FAITHFUL:
        problem = (f"class {trial['top1']}, score {trial['score1']:.7g}; PyTorch says "
                   f"{logits[trial['top1']]:.7g}, and {logits[rank(logits)[0]]:.7g} for the best")
    return report.add(trial, verdict, problem)


def check(binary, case, trials, folder):
    path, sites, images = plan(binary, case, trials, folder)
    db = folder / f"{case.name}.db"
    bitsink(binary, "run", path, "--db", db, "--quiet")
    rows, network, report = read_trials(db), Network(case.model), Report()
    golden = [network.run(image) for image in images]
    expected = sum(len(images) if image is None else 1 for _, _, image, _ in sites)
    if len(rows) != expected:
        sys.exit(f"FAIL: {case.name}: {len(rows)} trials in the result file, planned {expected}")
    for t in rows:
        key = t["entry"], t["target"], t["image"], t["repetition"]
        planned = sites.get(key, sites.get((*key[:2], None, key[3])))
        if planned is None:
            sys.exit(f"FAIL: {case.name}: trial {t['id']} was not planned")
        replay(network, t, planned, golden[t["image"]], report)
    report.show(case.name, rows)
    return not report.problems


def main():
    parser = argparse.ArgumentParser(description="repeat the faults of a campaign in PyTorch")
    parser.add_argument("bitsink", help="the program to test")
    parser.add_argument("--trials", type=int, default=2000, help="about how many (default %(default)s)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, np.errstate(invalid="ignore", over="ignore"):
        results = [check(args.bitsink, case, args.trials * case.share, pathlib.Path(folder))
                   for case in cases()]
    return int(not all(results))


if __name__ == "__main__":
    sys.exit(main())
