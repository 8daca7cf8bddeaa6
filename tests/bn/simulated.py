"""A result file with the real schema, filled with campaigns whose truth is known. Every stratum, or for sums every
entry, is a replicate of its own; ids may therefore be larger than those that trial ids have room for."""
import os
import sqlite3
import struct
import subprocess

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
CLASSES = 10
NETWORK = 4095  # the layer that stands for faults in several layers
ENDLESS = 10 ** 12  # a population so large that drawing without replacement gains nothing
JOB = """
model: {models}/fashion_vgg.onnx
seed: 7
images: {{idx_images: {images}, idx_labels: {labels}}}
preprocess: {{scale: 1/255, mean: 0.2860, std: 0.3530}}
faults:
  - {{id: 1, targets: [logits], fault: flip, bits: any, trials: 1}}
"""


def make(bitsink, folder):
    """A file as bitsink makes it, of one trial."""
    paths = {name: os.path.join(folder, name) for name in ("images", "labels", "job.yaml", "r.db")}
    with open(paths["images"], "wb") as f:
        f.write(struct.pack(">4I", 0x803, 1, 28, 28) + bytes(28 * 28))
    with open(paths["labels"], "wb") as f:
        f.write(struct.pack(">2I", 0x801, 1) + bytes(1))
    with open(paths["job.yaml"], "w") as f:
        f.write(JOB.format(models=os.path.join(HERE, "..", "models"), images=paths["images"], labels=paths["labels"]))
    subprocess.run([bitsink, "run", "--quiet", "--device", "null", "--db", paths["r.db"], paths["job.yaml"]], check=True,
                   stdout=subprocess.DEVNULL)
    return paths["r.db"]


class File:
    def __init__(self, path):
        self.db = sqlite3.connect(path, isolation_level=None)
        self.db.execute("PRAGMA synchronous = OFF")
        self.db.execute("PRAGMA journal_mode = OFF")
        self.layers = 0
        self.clear()

    def clear(self):
        for table in ("trial", "image", "golden", "entry", "stratum", "unit", "summary", "layer_summary", "fault_summary",
                      "bn_prior_image", "bn_prior_layer", "class_group", "group_cost"):
            self.db.execute(f"DELETE FROM {table}")
        self.set(p=1e-6, confidence=0.95, layer_prior="uniform", fit_target=10, pseudo_count=0)

    def set(self, **settings):
        self.read_before = {}
        self.db.executemany("UPDATE bn_parameter SET value = ? WHERE name = ?", [(v, k) for k, v in settings.items()])

    def insert(self, table, *columns):
        """Columns are arrays of equal length, or values that all rows have."""
        n = max(len(c) for c in columns if not isinstance(c, (int, float, str, type(None))))
        data = [[c] * n if isinstance(c, (int, float, str, type(None))) else np.asarray(c).tolist() for c in columns]
        self.db.execute("BEGIN")
        self.db.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(data))})", zip(*data))
        self.db.execute("COMMIT")

    def images(self, golden, label=None, weight=None):
        golden = np.asarray(golden)
        ids = np.arange(len(golden))
        label = golden if label is None else np.asarray(label)
        self.golden = golden
        self.insert("image", ids, [f"{i}.png" for i in ids], label, label)
        ranks = [(golden + k) % CLASSES for k in range(5)]
        columns = "image, run, sha256, top1, top2, top3, top4, top5, score1, score2, score3, score4, score5, p_top1, flags, logits_hash"
        self.insert(f"golden ({columns})", ids, 1, "", *ranks, 5.0, 4.0, 3.0, 2.0, 1.0, 0.9, 0, "")
        if weight is not None:
            self.insert("bn_prior_image", ids, weight)

    def add(self, entry, layer, answers, parameter=0, population=ENDLESS, faults=None):
        """Strata (entry[s], layer[s]). answers: (class, n, masked) of arrays class[image], n[s, image], masked[s, image].
        faults, for parameters: silent corruptions [s, fault]; fault k meets the images with more than k trials, which are
        the same in all strata."""
        entry, layer = (np.broadcast_to(x, np.broadcast(entry, layer).shape) for x in (entry, layer))
        layer = layer + (layer >= NETWORK)
        done = sum(n for _, n, _ in answers)
        images = done.shape[1]
        population = np.broadcast_to(population, entry.shape)
        if layer.max() >= self.layers:
            new = np.arange(self.layers, layer.max() + 1)
            self.db.execute("DELETE FROM layer WHERE id >= ?", (self.layers,))
            names = [f"layer{i}" for i in new]
            columns = "id, name, node, op, kind, shape, type, elements, bits, macs, ordinal, label"
            self.insert(f"layer ({columns})", new, names, None, "Conv", "activation", "1x1x1", "fp32", ENDLESS // 32, ENDLESS, 1,
                        new, names)
            self.layers = layer.max() + 1
        for e in np.setdiff1d(entry, [r[0] for r in self.db.execute("SELECT id FROM entry")]).tolist():
            self.db.execute("INSERT INTO entry (id, name, kind, bits, burst, count, ber, scope, probability, shared_bit, targets, trials, "
                            "definition) VALUES (?, ?, 'flip', 4294967295, 1, 1, 0, 'target', 1, 0, '', 1, ?)", (e, f"e{e}", f"e{e}"))
        self.insert("stratum", entry, layer, parameter, int(done.max()) if faults is None else faults.shape[1], population, 4294967295, 1)
        at = [np.repeat(entry, images), np.repeat(layer, images), np.tile(np.arange(images), len(entry))]
        self.insert("unit", *at, done.ravel())
        for cls, n, masked in answers:
            some = n.ravel() > 0
            cls = np.tile(np.broadcast_to(cls, images), len(entry))
            self.insert("summary", *(x[some] for x in at), cls[some], n.ravel()[some],
                        np.broadcast_to(masked, n.shape).ravel()[some], 0, 0, 0)
        if faults is not None:
            k = faults.shape[1]
            met = (done[0] > np.arange(k)[:, None]).sum(1)
            self.insert("fault_summary", np.repeat(entry, k), np.repeat(layer, k), np.tile(np.arange(k), len(entry)),
                        np.tile(met, len(entry)), 0, faults.ravel(), 0)

    def shares(self, entry, layer, n, sdc1, due=0.0, masked=0.0):
        """Activations: n trials on each image; rates [s, image], or less."""
        rng, shape = self.rng, (len(np.broadcast_to(layer, np.broadcast(entry, layer).shape)), len(self.golden))
        wrong = rng.binomial(n, np.broadcast_to(sdc1, shape))
        bad = rng.binomial(n - wrong, np.broadcast_to(due, shape) / (1 - np.broadcast_to(sdc1, shape)))
        kept = n - wrong - bad
        dead = rng.binomial(kept, np.broadcast_to(masked, shape))
        self.add(entry, layer, [(self.golden, kept, dead), ((self.golden + 1) % CLASSES, wrong, 0), (-1, bad, 0)])

    def hits(self, p):
        """p[s, fault] -> silent corruptions [s, fault] and [s, image]: every image is hit with probability p."""
        images = len(self.golden)
        by_fault, by_image = np.zeros(p.shape, int), np.zeros((len(p), images), int)
        for s in range(0, len(p), 64):
            y = self.rng.random((*p[s:s + 64].shape, images), dtype=np.float32) < p[s:s + 64, :, None]
            by_fault[s:s + 64], by_image[s:s + 64] = y.sum(2), y.sum(1)
        return by_fault, by_image

    def faults(self, entry, layer, by_fault, by_image, population=ENDLESS, done=None):
        """Parameters, from what `hits` gives. done[image]: trials; None: every fault meets every image."""
        done = by_fault.shape[1] if done is None else done
        self.add(entry, layer, [(self.golden, done - by_image, 0), ((self.golden + 1) % CLASSES, by_image, 0)], 1, population,
                 by_fault)

    def answers(self, entry, layer, p, each):
        """Activations: trials on each image that answer class c with probability p[image, c]."""
        k = self.rng.multinomial(each, p, (len(np.broadcast_to(layer, np.broadcast(entry, layer).shape)), len(p)))
        self.add(entry, layer, [(np.full(len(p), c), k[:, :, c], 0) for c in range(p.shape[1])])

    def finish(self):
        self.db.execute("DELETE FROM layer_summary")
        self.db.execute("""INSERT INTO layer_summary
            SELECT s.entry, s.layer, s.class, sum(s.n), sum(s.masked), sum((s.class <> g.class) * s.n), 0, 0, 0,
                   sum((i.class IS NOT NULL) * s.n), sum(ifnull(s.class = i.class, 0) * s.n), sum(ifnull(g.class = i.class, 0) * s.n),
                   sum(ifnull(g.class = i.class AND s.class >= 0 AND s.class <> g.class, 0) * s.n)
              FROM summary s JOIN golden g ON g.image = s.image JOIN image i ON i.id = s.image GROUP BY 1, 2, 3""")

    def read(self, sql):
        """Rows as an array; NULL: nan."""
        return np.array(self.db.execute(sql).fetchall(), dtype=float)

    def table(self, view, key, columns, where="1", order="entry, layer"):
        """{key of the row: its rows as an array}, read once, as a view is computed in whole anyway."""
        if (view, columns) not in self.read_before:
            rows = self.db.execute(f"SELECT {key} || '', {columns} FROM {view} WHERE {where} ORDER BY {order}").fetchall()
            parts = {}
            for row in rows:
                parts.setdefault(row[0], []).append(row[1:])
            self.read_before[view, columns] = {k: np.array(v, dtype=float) for k, v in parts.items()}
        return self.read_before[view, columns]


def outcomes(f):
    """'entry outcome' -> rows of low, high, upper, lower, population_low, population_high, census, rate"""
    return f.table("layer_outcome", "entry || ' ' || outcome", "low, high, upper, lower, population_low, population_high, census, rate",
                   "outcome IN ('sdc1', 'due', 'masked', 'sdc1_or_due', 'accuracy', 'accuracy_drop')")
