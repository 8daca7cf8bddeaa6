#!/usr/bin/env python3
"""Values that bitsink writes, as NumPy reads them: tensors of trials and images, and raw rankings.

The ranking of each trial must be that of numpy.argmax() on the faulty output that `trace --dump` writes, also where a NaN
wins: the first class, and each next one as argmax without those before it. Faults lie in the output itself, where one NaN,
only NaNs and equal infinities can be had, in layers before it, and in several of them at once. The dumped tensors that a
fault hits must have the bits that the result file names."""
import collections
import pathlib
import sqlite3
import struct
import subprocess
import sys
import tempfile

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from skips import fashion, require

(np,) = require("numpy")
ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = fashion()
JOB = f"""\
model: {ROOT}/tests/models/fashion_vgg.onnx
seed: 4
top_k: all
images:
  idx_images: {DATA}/t10k-images-idx3-ubyte.gz
  idx_labels: {DATA}/t10k-labels-idx1-ubyte.gz
  limit: 2
faults:
  - {{id: 1, targets: logits, fault: set, value: .nan}}
  - {{id: 2, targets: logits, fault: set, value: .nan, count: 10}}
  - {{id: 3, targets: logits, fault: set, value: .inf, count: 3}}
  - {{id: 4, targets: fc1, fault: flip, bits: 30}}
  - {{id: 5, targets: {{name: conv1_2, kind: weight}}, fault: set, value: .nan}}
  - {{id: 6, scope: inference, targets: [fc1, {{name: conv1_2, kind: weight}}, relu3_1], fault: flip, bits: exponent}}
"""


def argmax_order(scores):
    """Classes in the order in which argmax finds them."""
    left = list(range(len(scores)))
    order = []
    while left:
        order.append(left.pop(int(np.argmax(scores[left]))))
    return order


def bits(values):
    return values.ravel().view("<u4")


def check(condition, what):
    if not condition:
        sys.exit(f"FAILED: {what}")


def sites(db):
    """Sites by trial: layer, whether it is a parameter, element, keep, toggle, bits before. Of several in one layer, the
    first."""
    found = collections.defaultdict(list)
    for trial, *site in db.execute(
            "SELECT t.id, l.name, l.kind <> 'activation', element, ifnull(keep, 4294967295), ifnull(toggle, 1 << bit), before "
            "FROM trial t JOIN layer l ON l.id = layer WHERE element IS NOT NULL UNION ALL "
            "SELECT trial, l.name, l.kind <> 'activation', element, keep, toggle, before "
            "FROM trial_site JOIN layer l ON l.id = layer"):
        found[trial].append(site)
    return found


def main(program):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "job.yaml").write_text(JOB)

        def bitsink(*words):
            subprocess.run([program, *words, "--quiet", "--device", "cpu"], cwd=folder, check=True, capture_output=True)

        bitsink("run", "job.yaml", "--db", "r.db")
        bitsink("classify", "job.yaml", "--logits", "logits", "--tensor", "logits", "--dump", "images")
        db = sqlite3.connect(folder / "r.db")
        outputs = np.fromfile(folder / "logits", "<f4").reshape(2, 10)
        rankings = {i: np.load(folder / f"images/{i}/logits.npy") for i in range(2)}
        for i, values in rankings.items():
            check(values.dtype == np.dtype("<f4") and values.shape == (10,), "type and shape of an image's output")
            check((bits(values) == bits(outputs[i])).all(), f"image {i}: dumped and stored logits differ")
        stored = [(f"image {i}", i, blob) for i, blob in db.execute("SELECT image, ranking FROM golden_ranking")]
        check(len(stored) == 2, "rankings of images")
        wanted = sites(db)
        for trial, blob in db.execute("SELECT trial, ranking FROM trial_ranking").fetchall():
            layers = {"logits"} | {site[0] for site in wanted[trial]}
            chosen = [word for layer in sorted(layers) for word in ("--tensor", layer)]
            bitsink("trace", "r.db", str(trial), "--job", "job.yaml", "--dump", str(trial), *chosen)
            rankings[trial] = np.load(folder / f"{trial}/faulty/logits.npy")
            stored.append((f"trial {trial}", trial, blob))
            for layer, parameter, element, keep, toggle, before in wanted[trial]:
                golden, faulty = (bits(np.load(folder / f"{trial}/{run}/{layer}.npy")) for run in ("golden", "faulty"))
                check(faulty[element] == before & keep ^ toggle, f"trial {trial}: faulty value {element} of {layer}")
                # Faults of other layers may reach an activation before its own.
                alone = len({site[0] for site in wanted[trial]}) == 1
                check(golden[element] == before or not (parameter or alone), f"trial {trial}: value {element} of {layer}")
        wins = 0
        for what, of, blob in stored:
            scores = rankings[of]
            ranked = list(struct.iter_unpack(">II", blob))
            check([c for c, _ in ranked] == argmax_order(scores), f"{what}: {ranked} of {scores}")
            check([s for _, s in ranked] == [int(bits(scores)[c]) for c, _ in ranked], f"{what}: scores")
            wins += bool(np.isnan(scores[ranked[0][0]]))
        n = sum(map(len, wanted.values()))
        check(len(stored) >= 12 and wins >= 6 and n >= 15, f"{len(stored)} rankings, {wins} with NaN, {n} sites")
        print(f"{len(stored)} rankings as argmax has them, {wins} with NaN in front; {n} sites")


if __name__ == "__main__":
    main(str(pathlib.Path(sys.argv[1]).resolve()))
