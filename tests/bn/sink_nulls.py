"""sink_nulls.py BITSINK [small|full]: sinks that are none, and sinks that are there, in simulated campaigns.

Campaigns whose wrong answers need no sink (they are runners-up, scatter uniformly, or come from noise on the golden scores)
are written into a result file, and its own view sink_test judges them. Prints the share of campaigns with any sink, by layer
and overall; fails where that is above 5 %, or where less than 95 % of the campaigns with a planted sink show it. The small
size allows for the error of few campaigns."""
import math
import os
import sqlite3
import subprocess
import sys
import tempfile

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
from skips import fashion, require

(np,) = require("numpy")

HERE = os.path.dirname(os.path.abspath(__file__))
IMAGES = "/usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz"
LAYERS, CLASSES, SINK = 6, 10, 8
ACTIVATIONS, WEIGHTS = 1, 2  # the entries
JOB = f"""
model: {HERE}/../models/fashion_vgg.onnx
images: {{idx_images: {IMAGES}, idx_labels: {IMAGES.replace("images-idx3", "labels-idx1")}, limit: 1}}
faults:
  - {{id: 1, targets: {{op: Conv, kind: activation}}, trials: 1}}
  - {{id: 2, targets: {{op: Conv, kind: weight}}, trials: 1}}
"""


class Golden:
    """Scores without faults; classes differ in how often they are golden answer and runner-up."""

    def __init__(self, rng, images):
        self.scores = rng.normal(size=(images, CLASSES)) * 2 + rng.normal(size=CLASSES)
        order = np.argsort(self.scores, axis=1)
        self.images, self.answer, self.runner_up = images, order[:, -1], order[:, -2]


# Answers of trials on these images (an array of image numbers).
def runner_up(share):
    return lambda rng, g, i: np.where(rng.random(i.shape) < share, g.runner_up[i], g.answer[i])


def uniform(share):
    return lambda rng, g, i: np.where(rng.random(i.shape) < share, rng.integers(0, CLASSES, i.shape), g.answer[i])


def noise(sigma):
    return lambda rng, g, i: (g.scores[i] + sigma * rng.normal(size=(*i.shape, CLASSES))).argmax(axis=-1)


def drain(share):
    """Wrong answers only: this share is the sink, the others are runners-up."""
    return lambda rng, g, i: np.where(rng.random(i.shape) < share, SINK, g.runner_up[i])


# Faults of a layer: (faults, images) array of answers.
def each_fault(faults, meets, answer):
    """Each fault may change a share of the images, as `answer` says."""
    def make(rng, g):
        i = np.tile(np.arange(g.images), (faults, 1))
        return np.where(rng.random(i.shape) < meets, answer(rng, g, i), g.answer[i])
    return make


def few_faults(faults, share, moves, target=None, others=0.0):
    """A share of the faults sends a share of the images to one class (target, or one of its own); of the others, some have
    one to three runners-up."""
    def make(rng, g):
        out = np.tile(g.answer, (faults, 1))
        bad = rng.random(faults) < share if target is None else rng.permutation(faults) < round(faults * share)
        for f in range(faults):
            if bad[f]:
                c = rng.integers(CLASSES) if target is None else target
                out[f] = np.where(rng.random(g.images) < moves, c, g.answer)
            elif rng.random() < others:
                i = rng.choice(g.images, rng.integers(1, 4), replace=False)
                out[f, i] = g.runner_up[i]
        return out
    return make


class File:
    """A result file whose facts are replaced by simulated ones, in memory."""

    def __init__(self, bitsink, folder):
        db, job = os.path.join(folder, "r.db"), os.path.join(folder, "job.yaml")
        with open(job, "w") as f:
            f.write(JOB)
        subprocess.run([bitsink, "run", "--quiet", "--device", "null", "--db", db, job], check=True, stdout=subprocess.DEVNULL)
        self.db = sqlite3.connect(":memory:", isolation_level=None)
        with sqlite3.connect(db) as source:
            source.backup(self.db)
        self.layers = {e: [r[0] for r in self.db.execute("SELECT layer FROM stratum WHERE entry = ? ORDER BY layer", (e,))]
                       for e in (ACTIVATIONS, WEIGHTS)}
        assert [len(x) for x in self.layers.values()] == [LAYERS, LAYERS]
        assert self.db.execute("SELECT classes FROM campaign").fetchone()[0] == CLASSES
        self.units = None

    def write(self, g, entry, trials, summary, fault_wrong):
        self.db.execute("BEGIN")
        for table in ("golden", "trial", "summary", "layer_summary", "fault_summary", "fault_wrong", "bit_wrong", "bit_fault"):
            self.db.execute(f"DELETE FROM {table}")
        if self.units != (entry, g.images, trials):
            self.db.execute("DELETE FROM unit")
            self.db.executemany("INSERT INTO unit VALUES (?, ?, ?, ?)",
                                [(entry, k, i, trials) for k in self.layers[entry] for i in range(g.images)])
            self.units = entry, g.images, trials
        self.db.executemany("INSERT INTO golden (image, run, sha256, top1, top2, p_top1, flags, logits_hash) VALUES (?, 1, '', ?, ?, 1, 0, '')",
                            zip(range(g.images), g.answer.tolist(), g.runner_up.tolist()))
        self.db.executemany("INSERT INTO summary VALUES (?, ?, ?, ?, ?, 0, 0, 0, 0)", summary)
        self.db.executemany("INSERT INTO fault_wrong VALUES (?, ?, ?, ?, ?, ?, ?)", fault_wrong)
        self.db.execute("COMMIT")

    def sinks(self):
        return self.db.execute("SELECT level, layer, class FROM sink_test WHERE is_sink").fetchall()

    def answers(self, g, entry, layer, image, answer):
        """Rows of summary."""
        pair, n = np.unique(image * CLASSES + answer, return_counts=True)
        return [(entry, layer, p // CLASSES, p % CLASSES, k) for p, k in zip(pair.tolist(), n.tolist())]

    def activations(self, rng, g, trials, answer, wrong=None):
        """`trials` on each image, or `wrong` wrong ones on images drawn at random."""
        rows = []
        for layer in self.layers[ACTIVATIONS]:
            image = np.repeat(np.arange(g.images), trials) if wrong is None else rng.integers(0, g.images, wrong)
            rows += self.answers(g, ACTIVATIONS, layer, image, answer(rng, g, image))
        self.write(g, ACTIVATIONS, trials, rows, [])

    def parameters(self, rng, g, make):
        rows, faults = [], []
        for layer in self.layers[WEIGHTS]:
            answer = make(rng, g)
            fault, image = np.nonzero(answer != g.answer)
            n = np.zeros((3, len(answer), CLASSES), dtype=int)
            for k, c in enumerate((answer[fault, image], g.runner_up[image], g.answer[image])):
                np.add.at(n[k], (fault, c), 1)
            faults += [(WEIGHTS, layer, int(f), int(c), *map(int, n[:, f, c])) for f, c in zip(*np.nonzero(n.sum(axis=0)))]
            rows += self.answers(g, WEIGHTS, layer, np.tile(np.arange(g.images), len(answer)), answer.ravel())
        self.write(g, WEIGHTS, len(answer), rows, faults)


def at_random():
    """name -> (images, what writes a campaign)"""
    out = {}
    models = {"runners-up": runner_up(.3), "uniform, few": uniform(.05), "uniform": uniform(.3)}
    models.update({f"noise {s}": noise(s) for s in (1, 3, 10)})
    for images, trials in ((40, 100), (1000, 1)):
        for name, m in models.items():
            out[f"activations, {images} images x {trials}: {name}"] = images, lambda f, rng, g, t=trials, m=m: f.activations(rng, g, t, m)
    def faults(name, make):
        out["parameters, " + name] = 100, lambda f, rng, g: f.parameters(rng, g, make)
    faults("20 faults: 5 % move all images to one class", few_faults(20, .05, 1))
    faults("100 faults: 30 % move all images to one class", few_faults(100, .3, 1))
    for n in (100, 400):
        faults(f"{n} faults: runners-up", each_fault(n, .2, runner_up(.3)))
        faults(f"{n} faults: uniform", each_fault(n, .2, uniform(.3)))
        for s in (1, 3, 10):
            faults(f"{n} faults: noise {s} on a tenth of the images", each_fault(n, .1, noise(s)))
        for s in (1, 3, 10):
            faults(f"{n} faults: noise {s} on all images", each_fault(n, 1, noise(s)))
    return out


def with_sink():
    out = {}
    for images in (100, 1000):
        out[f"activations, 100 wrong trials on {images} images: 30 % to one class"] = (
            images, lambda f, rng, g: f.activations(rng, g, 1, drain(.3), 100))
    def faults(name, make):
        out["parameters, 100 faults: " + name] = 100, lambda f, rng, g: f.parameters(rng, g, make)
    faults("10 % send 30 % to one class", few_faults(100, .1, .3, SINK))
    faults("the same, a fifth of the others has runners-up", few_faults(100, .1, .3, SINK, .2))
    return out


def tail(n, k, p):
    return sum(math.comb(n, x) * p ** x * (1 - p) ** (n - x) for x in range(k, n + 1))


def allowed(n, small):
    """Most campaigns of n that may go wrong: 5 %; at the small size, as many as are seen by chance once in 10,000 times."""
    k = n // 20
    while small and tail(n, k + 1, .05) > 1e-4:
        k += 1
    return k


def main():
    fashion()
    small = len(sys.argv) < 3 or sys.argv[2] == "small"
    campaigns, failed = (15 if small else 200), []
    most = allowed(campaigns, small)
    with tempfile.TemporaryDirectory() as folder:
        file = File(os.path.abspath(sys.argv[1]), folder)
        for number, (cases, planted) in enumerate(((at_random(), False), (with_sink(), True))):
            print(f"{'share of campaigns with the planted sink' if planted else 'share of campaigns with any sink':75s} layer overall")
            for k, (name, (images, write)) in enumerate(cases.items()):
                rng = np.random.default_rng([number, k])
                seen, layers = {"layer": 0, "overall": 0}, 0
                for _ in range(campaigns):
                    write(file, rng, Golden(rng, images))
                    found = [s for s in file.sinks() if not planted or s[2] == SINK]
                    layers += sum(s[0] == "layer" for s in found)
                    for level in seen:
                        seen[level] += any(s[0] == level for s in found)
                line = f"{name:75s} {seen['layer'] / campaigns:5.3f} {seen['overall'] / campaigns:7.3f}"
                print(line + (f"  ({layers / campaigns / LAYERS:.2f} of the layers)" if planted else ""), flush=True)
                if any((campaigns - n if planted else n) > most for n in seen.values()):
                    failed.append(name)
    for name in failed:
        print("FAILED: " + name)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
