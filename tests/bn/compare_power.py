"""compare_power.py BITSINK [small|full]: how often `bitsink compare` cries wolf, and what it sees.

Result files of simulated campaigns, with known rates, go through the real program. Equal campaigns (of other seeds, so
not paired; and of the same faults with a little noise, paired) may be called different in at most 5 % of the pairs, for
all rates of a pair together. Then the power: the share of the rates changed by a protection that are found. Needs numpy.
"""
import json
import math
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
from skips import fashion, require

(np,) = require("numpy")

IMAGES = "/usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz"
N_IMAGES, CLASSES, GOOD, SDC, DUE = 10, 10, 0, 1, 2
ACTIVATIONS = "conv1_1 relu1_1 conv1_2 relu1_2 pool1 conv2_1 relu2_1 fc1".split()
WEIGHTS = "conv1_1 conv1_2 conv2_1 fc1".split()
JOB = f"""name: compare
model: {os.path.realpath(os.path.join(os.path.dirname(__file__), "../models/fashion_vgg.onnx"))}
seed: 1
images:
  idx_images: {IMAGES}
  idx_labels: {IMAGES.replace("images-idx3", "labels-idx1")}
  limit: {N_IMAGES}
faults:
  - {{id: 1, fault: flip, trials: 1, targets: [{", ".join(ACTIVATIONS)}]}}
  - {{id: 2, fault: flip, trials: 1, targets: [{", ".join(f"{{name: {w}, kind: weight}}" for w in WEIGHTS)}]}}
"""


class Campaigns:
    """Result files with outcomes of our own, in the shape of a small campaign of the program."""

    def __init__(self, bitsink, folder):
        self.bitsink, self.folder = bitsink, folder
        self.template = os.path.join(folder, "template.db")
        job = os.path.join(folder, "job.yaml")
        with open(job, "w") as f:
            f.write(JOB)
        subprocess.run([bitsink, "run", "--quiet", "--device", "null", "--db", self.template, job], check=True,
                       stdout=subprocess.DEVNULL)
        db = sqlite3.connect(self.template, isolation_level=None)
        self.golden = [c for c, in db.execute("SELECT top1 FROM golden ORDER BY image")]
        self.strata = {p: [r for r in db.execute("SELECT entry, layer FROM stratum WHERE parameter = ? ORDER BY layer", (p,))]
                       for p in (0, 1)}
        for table in ("trial", "summary", "layer_summary", "unit", "fault_summary"):
            db.execute(f"DELETE FROM {table}")
        db.execute("UPDATE stratum SET population = 1000000000")  # so large that no correction is due
        db.execute("UPDATE golden SET flags = 0")
        db.execute("PRAGMA journal_mode = DELETE")
        db.execute("PRAGMA synchronous = OFF")
        db.close()

    def write(self, name, seed, outcomes):
        """outcomes: (parameter, index) -> array [image, repetition] of GOOD, SDC, DUE. What the program reads: the ledger,
        the summaries, and the rows of wrong trials (a trial without a row here would be a masked one)."""
        path = os.path.join(self.folder, name)
        shutil.copyfile(self.template, path)
        db = sqlite3.connect(path, isolation_level=None)
        db.execute("PRAGMA synchronous = OFF")
        db.execute("BEGIN")
        db.execute("UPDATE campaign SET seed = ?", (str(seed),))
        for (parameter, index), a in outcomes.items():
            entry, layer = self.strata[parameter][index]
            self.write_stratum(db, entry, layer, parameter, a)
        db.execute("COMMIT")
        db.close()
        return path

    def write_stratum(self, db, entry, layer, parameter, a):
        images, done = a.shape
        db.executemany("INSERT INTO unit VALUES (?, ?, ?, ?)", [(entry, layer, i, done) for i in range(images)])
        trials, summary, total = [], [], {}
        for i in range(images):
            wrong = (self.golden[i] + 1) % CLASSES
            for what, c, flags in ((SDC, wrong, 0), (DUE, self.golden[i], 1)):
                base = (entry << 55) | (layer << 43) | (i << 20)
                trials += [(base | int(r), c, flags) for r in np.flatnonzero(a[i] == what)]
            for what, c in ((GOOD, self.golden[i]), (SDC, wrong), (DUE, -1)):
                n = int((a[i] == what).sum())
                if n:
                    summary.append((entry, layer, i, c, n, n if what == GOOD else 0))
                    t = total.setdefault(c, [0, 0, 0])
                    total[c] = [t[0] + n, t[1] + (n if what == GOOD else 0), t[2] + (n if what != GOOD else 0)]
        db.executemany("INSERT INTO trial (id, run, n_sites, top1, p_golden, flags, audit) VALUES (?, 1, 1, ?, 0, ?, 0)", trials)
        db.executemany("INSERT INTO summary VALUES (?, ?, ?, ?, ?, ?, 0, 0, 0)", summary)
        db.executemany("INSERT INTO layer_summary VALUES (?, ?, ?, ?, ?, ?, 0, 0, 0, 0, 0, 0, 0)",
                       [(entry, layer, c, *t) for c, t in total.items()])
        if parameter:
            db.executemany("INSERT INTO fault_summary VALUES (?, ?, ?, ?, ?, ?, ?)",
                           [(entry, layer, r, images, int((a[:, r] == GOOD).sum()), int((a[:, r] == SDC).sum()),
                             int((a[:, r] == DUE).sum())) for r in range(done)])

    def compare(self, a, b, paired):
        r = subprocess.run([self.bitsink, "compare", "--json", "--all", a, b], capture_output=True, text=True)
        rows = [json.loads(line) for line in r.stdout.splitlines()]
        assert rows and r.returncode == (6 if any(x["differs"] for x in rows) else 0), r.stderr
        assert all(x["paired"] == paired for x in rows)
        return rows


def harm(rng, faults):
    """What each fault of a parameter does: most nothing, some a little, few a lot."""
    kind = rng.random(faults)
    return np.where(kind < 0.75, 0.0, np.where(kind < 0.93, rng.beta(0.5, 4, faults), rng.beta(3, 1, faults)))


def draw(rng, shape, sdc, due):
    u = rng.random(shape)
    return np.where(u < sdc, SDC, np.where(u > 1 - due, DUE, GOOD))


def equal_campaign(rng, trials, rates, faults):
    """Activations with a rate each, weights with few faults that meet all images."""
    out = {(0, k): draw(rng, (N_IMAGES, trials // N_IMAGES), r, 0.2 * r) for k, r in enumerate(rates)}
    for k in range(len(WEIGHTS)):
        p = harm(rng, faults)
        out[1, k] = draw(rng, (N_IMAGES, faults), 0.8 * p, 0.2 * p)
    return out


def noisy(rng, outcomes, share):
    """The same faults on another machine or network: as many wrong answers go as come, up to chance."""
    out = {}
    for key, a in outcomes.items():
        b, wrong = a.copy(), (a != GOOD).mean()
        b[(a != GOOD) & (rng.random(a.shape) < share)] = GOOD
        come = (a == GOOD) & (rng.random(a.shape) < share * wrong / max(1e-9, 1 - wrong))
        b[come] = np.where(rng.random(a.shape) < 0.8, SDC, DUE)[come]
        out[key] = b
    return out


def protected(rng, outcomes, share):
    """A protection that removes this share of the SDCs, and makes 2 % new ones."""
    out = {}
    for key, a in outcomes.items():
        b = a.copy()
        b[(a == SDC) & (rng.random(a.shape) < share)] = GOOD
        b[(a == GOOD) & (rng.random(a.shape) < 0.02 * (a == SDC).mean())] = SDC
        out[key] = b
    return out


def allowed(n, p=0.05, level=1e-3):
    """The smallest k with P(Bin(n, p) > k) <= level."""
    left, k = 1.0, -1
    while left > level:
        k += 1
        left -= math.comb(n, k) * p**k * (1 - p)**(n - k)
    return k


def false_alarms(c, rng, pairs):
    failed = False
    for trials, faults in ((200, 20), (2000, 100)):
        alarms = {True: 0, False: 0}
        for _ in range(pairs):
            rates = 10 ** rng.uniform(-3, -0.7, len(ACTIVATIONS))
            outcomes = equal_campaign(rng, trials, rates, faults)
            a = c.write("a.db", 1, outcomes)
            for paired in (True, False):
                other = noisy(rng, outcomes, 0.1) if paired else equal_campaign(rng, trials, rates, faults)
                rows = c.compare(a, c.write("b.db", 1 if paired else 2, other), paired)
                alarms[paired] += any(r["differs"] for r in rows)
        for paired, k in alarms.items():
            print(f"equal campaigns, {trials} trials and {faults} faults a stratum, {'' if paired else 'not '}paired: "
                  f"{k} of {pairs} pairs called different ({100 * k / pairs:.1f} %, allowed {allowed(pairs)})")
            failed |= k > allowed(pairs)
    return failed


def power(c, rng, pairs):
    failed = False
    for trials, rate in ((500, 0.01), (4000, 0.0065), (20000, 0.01)):
        for share in (0.2, 0.5):
            found, any_found, sees = {True: 0, False: 0}, {True: 0, False: 0}, {True: [], False: []}
            rows_of = 8
            for _ in range(pairs):
                def campaign():
                    return {(0, k): draw(rng, (N_IMAGES, trials // N_IMAGES), rate, 0) for k in range(rows_of)}
                outcomes = campaign()
                a = c.write("a.db", 1, outcomes)
                for paired in (True, False):
                    other = protected(rng, outcomes if paired else campaign(), share)
                    rows = c.compare(a, c.write("b.db", 1 if paired else 2, other), paired)
                    rows = [r for r in rows if r["outcome"] == "sdc1"]
                    found[paired] += sum(r["differs"] for r in rows)
                    any_found[paired] += any(r["differs"] for r in rows)
                    sees[paired] += [r["detectable"] for r in rows if r["detectable"] is not None]
            n = pairs * rows_of
            text = ", ".join(f"{'paired' if p else 'not paired'} {found[p] / n:.3f} (any of 8: {any_found[p] / pairs:.2f}; "
                             f"detectable {np.median(sees[p]) if sees[p] else math.nan:.5f})" for p in (True, False))
            print(f"{trials} trials at {rate}, {100 * share:.0f} % of SDCs removed ({rate * share * 0.98:.5f}): {text}")
            failed |= found[True] < found[False]
    return failed


def claims(c, rng, pairs):
    """Is a change as large as `detectable` found in 80 % of the pairs? One rate of eight changes by it."""
    failed, trials, rate = False, 4000, 0.0065
    for paired in (True, False):
        def pair(change):
            shape = (N_IMAGES, trials // N_IMAGES)
            outcomes = {(0, k): draw(rng, shape, rate, 0) for k in range(8)}
            if paired:
                other = noisy(rng, outcomes, 0.1)
                more = rng.random(shape) < change
                other[0, 0] = np.where(more & (other[0, 0] == GOOD), SDC, other[0, 0])
            else:
                other = {(0, k): draw(rng, shape, rate + change * (k == 0), 0) for k in range(8)}
            return c.compare(c.write("a.db", 1, outcomes), c.write("b.db", 1 if paired else 2, other), paired)[0]
        change = np.median([pair(0)["detectable"] for _ in range(21)])
        found = sum(pair(change)["differs"] for _ in range(pairs))
        print(f"{'' if paired else 'not '}paired: a change of {change:.5f}, which is detectable, was found in {found} of {pairs} pairs")
        failed |= found < pairs - allowed(pairs, 0.25)
    return failed


def main():
    bitsink, size = os.path.abspath(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "small"
    fashion()
    rng = np.random.default_rng(20261126)
    with tempfile.TemporaryDirectory() as folder:
        c = Campaigns(bitsink, folder)
        failed = false_alarms(c, rng, 40 if size == "small" else 1000)
        failed |= power(c, rng, 2 if size == "small" else 100)
        failed |= claims(c, rng, 25 if size == "small" else 400)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
