"""What the views of a result file should say, computed from its raw rows in plain Python: tables trial, golden, image,
entry, stratum, layer and the settings, nothing that bitsink has counted or derived."""
import json
import math
import sqlite3
import subprocess
from collections import defaultdict

Z = 1.959963984540054
DUE = -1


def wilson(r, n, z=Z):
    """Wilson's interval with continuity correction of a share r of n; None: a census, which has none."""
    if n is None:
        return None, None
    def bound(side):
        root = z * z - side * 2 - 1 / n + 4 * r * (n * (1 - r) + side)
        return (2 * n * r + z * z - side - side * z * math.sqrt(max(0.0, root))) / (2 * (n + z * z))
    return 0.0 if n * r < 0.999999999 else max(0.0, bound(1)), 1.0 if n * (1 - r) < 0.999999999 else min(1.0, bound(-1))


def sum_bounds(terms, whole=None, z=Z):
    """Fay and Feuer's bounds of sum w r over terms (w, r, n), at most the whole, sum w; n None: nothing is left to sample."""
    known = [(w, r, n) for w, r, n in terms if n is not None]
    whole = sum(w for w, _, _ in terms) if whole is None else whole
    return weighted_bounds(sum(w * r for w, r, _ in terms), sum(w * w * r / n for w, r, n in known),
                           sum(w * w * (1 - r) / n for w, r, n in known), max([w / n for w, _, n in known] + [0.0]), whole, z)


def weighted_bounds(y, v, u, top, whole, z=Z):
    def chi2(nu, q):
        return nu * max(0.0, 1 - 2 / (9 * nu) + q * math.sqrt(2 / (9 * nu))) ** 3
    def low(a, b):
        return 0.0 if a <= 0 else a if b <= 0 else b / (2 * a) * chi2(2 * a * a / b, -z)
    def high(a, b):
        a, b = a + top, b + top * top
        return a if b <= 0 else b / (2 * a) * chi2(2 * a * a / b, z)
    if y <= whole / 2:
        return low(y, v), min(whole, high(y, v))
    return max(0.0, whole - high(whole - y, u)), whole - low(whole - y, u)


def mover(terms):
    """Bounds of sum k x over terms (k, x, m): the distances of Wilson's bounds, added in squares."""
    x = sum(k * v for k, v, _ in terms)
    down = math.sqrt(sum((k * (v - wilson(v, m)[0])) ** 2 for k, v, m in terms))
    up = math.sqrt(sum((k * (wilson(v, m)[1] - v)) ** 2 for k, v, m in terms))
    return x, max(0.0, x - down), x + up


class Raw:
    def __init__(self, path):
        db = sqlite3.connect(path)
        db.row_factory = sqlite3.Row
        self.entry = {r["id"]: r for r in db.execute("SELECT * FROM entry")}
        self.layer = {r["id"]: r for r in db.execute("SELECT * FROM layer")}
        self.stratum = {(r["entry"], r["layer"]): r for r in db.execute("SELECT * FROM stratum")}
        self.label = dict(db.execute("SELECT id, class FROM image"))
        self.classes = db.execute("SELECT classes FROM campaign").fetchone()[0]
        self.name = {r[0]: r[1] for r in db.execute("SELECT id, name FROM class")}
        self.golden, self.runner_up = {}, {}
        for r in db.execute("SELECT image, top1, top2, flags FROM golden"):
            self.golden[r[0]] = DUE if r[1] is None or r[3] & 3 else r[1]
            self.runner_up[r[0]] = r[2]
        self.setting = dict(db.execute("SELECT name, value FROM bn_parameter"))
        weights = dict(db.execute("SELECT image, weight FROM bn_prior_image"))
        self.prior = {(r["entry"], r["layer"]): r for r in db.execute("SELECT * FROM bn_prior_layer")}
        self.group = dict(db.execute("SELECT class, name FROM class_group"))
        self.cost = {(r[0], r[1]): r[2] for r in db.execute("SELECT truth, answer, cost FROM group_cost")}
        self.trials = []
        for r in db.execute("SELECT id, top1, flags, died_at, CASE WHEN n_sites = 1 THEN bit END FROM trial"):
            t = (r[0] >> 55, r[0] >> 43 & 4095)
            image, repetition = r[0] >> 20 & 8388607, r[0] & 1048575
            masked = r[3] is not None
            c = self.golden[image] if masked else DUE if r[1] is None or r[2] & 3 else r[1]
            self.trials.append((t, image, repetition, c, masked, r[4]))
        total = sum(weights.get(i, 0) if weights else 1 for i in self.golden)
        self.w = {i: (weights.get(i, 0) if weights else 1) / total for i in self.golden}
        self.n = defaultdict(lambda: defaultdict(lambda: defaultdict(int)))  # stratum, image, class
        for t, i, _, c, _, _ in self.trials:
            self.n[t][i][c] += 1
        self.answers = sorted({c for t in self.n for i in self.n[t] for c in self.n[t][i]} | set(self.golden.values()))
        self.scopes = self._scopes()

    def done(self, t, i):
        return sum(self.n[t][i].values()) if t in self.n and i in self.n[t] else 0

    def is_parameter(self, t):
        return bool(self.stratum[t]["parameter"])

    def _scopes(self):
        """scope -> (p, {stratum: P(t)})"""
        how, out = self.setting["layer_prior"], {}
        for t, s in self.stratum.items():
            e, layer, p = self.entry[t[0]], self.layer[t[1]], self.prior.get(t)
            if e["ber"] > 0:
                scope, weight = t[0], layer["bits"] if how == "bits" else 1
            elif how in ("uniform", "bits"):
                scope, weight = t[0], layer["bits"] if how == "bits" else 1
            elif p is None:
                continue
            elif how == "exposure":
                hours = self.setting["parameter_hours" if s["parameter"] else "activation_hours"]
                rate = p["raw_rate"] if p["raw_rate"] is not None else self.setting["raw_rate"]
                hours = p["residency"] if p["residency"] is not None else hours
                scope, weight = -1, p["exposure"] if p["exposure"] is not None else rate * layer["bits"] * hours
            else:
                scope, weight = -1, p["probability"] or 0
            out.setdefault(scope, {})[t] = weight
        result = {}
        for scope, weights in out.items():
            tried = {t: w for t, w in weights.items() if t in self.n and w > 0}
            if not tried:
                continue
            p = self.setting["p"]
            if scope >= 0 and self.entry[scope]["ber"] > 0:
                p = 1.0
            elif scope == -1 and how == "exposure":
                p = 1 - math.exp(-sum(weights.values()))
            result[scope] = (p, {t: w / sum(tried.values()) for t, w in tried.items()})
        return result

    def smoothed(self, t, i):
        """P(c | i, t) for all answers."""
        a, all_n, wrong = self.setting["pseudo_count"], 0, defaultdict(int)
        if not hasattr(self, "_pool"):
            self._pool = {}
        if t not in self._pool:
            for k in self.n[t]:
                for c, m in self.n[t][k].items():
                    all_n += m
                    wrong[c] += m if c != self.golden[k] else 0
            self._pool[t] = all_n, wrong
        all_n, wrong = self._pool[t]
        s = sum(wrong.values()) / all_n
        return {c: (self.n[t][i].get(c, 0) + a * ((1 - s) * (c == self.golden[i]) + wrong.get(c, 0) / all_n))
                / (self.done(t, i) + a) for c in self.answers}

    def support(self, t):
        """(W_t, effective trials)"""
        images = [i for i in self.w if self.w[i] > 0 and self.done(t, i) > 0]
        total = sum(self.w[i] for i in images)
        if self.is_parameter(t):
            return total, len({r for s, _, r, _, _, _ in self.trials if s == t})
        return total, total ** 2 / sum(self.w[i] ** 2 / self.done(t, i) for i in images)

    def flows(self, t):
        """class -> [P(c|t), right by label, right by golden answer]"""
        total, _ = self.support(t)
        out = {c: [0.0, 0.0, 0.0] for c in self.answers}
        for i, w in self.w.items():
            if w > 0 and self.done(t, i) > 0:
                for c, p in self.smoothed(t, i).items():
                    v = w / total * p
                    out[c][0] += v
                    out[c][1] += v if c >= 0 and c == self.label[i] else 0
                    out[c][2] += v if c >= 0 and c == self.golden[i] else 0
        return out


def rows(bitsink, db, *args):
    out = subprocess.run([bitsink, "bn", db, *args, "--format", "json", "--quiet"], check=True, capture_output=True, text=True)
    return [json.loads(line) for line in out.stdout.splitlines()]


def close(what, have, want, tolerance=1e-9):
    if have is None or want is None:
        assert have is None and want is None, f"{what}: {have}, expected {want}"
        return
    assert abs(have - want) <= tolerance * max(1.0, abs(want)), f"{what}: {have!r}, expected {want!r}"
