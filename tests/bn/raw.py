"""What the views of a result file should say, computed from its raw rows in plain Python: tables trial, golden, image,
entry, stratum, layer and the settings, nothing that bitsink has counted or derived."""
import json
import math
import sqlite3
import subprocess
from collections import defaultdict

Z = 1.959963984540054
DUE = -1
NETWORK = 4095


def limit(a, b, n, z):
    """Paulson, Camp and Pratt's upper limit of a - 1 of n = a + b - 1."""
    if b <= 0:
        return 1.0
    t = (81 * a * b - 9 * n - 8 - 3 * z * math.sqrt(max(0.0, 9 * a * b * (9 * n + 5 - z * z) + n + 1))) / (81 * a * a - 9 * a * (2 + z * z) + 1)
    return 1 / (1 + (a / b) ** 2 * max(0.0, t) ** 3)


def share_high(r, n, z):
    k = r * n
    if (1 - r) * n < 0.999999999:
        return 1.0
    if k < 1:
        none = 1 - math.exp(-(8 / 9 + z / 3) ** 3 / n)
        return none + k * ((min(1.0, limit(2, n - 1, n, z)) if n >= 2 else 1.0) - none)
    return min(1.0, limit(k + 1, n - k, n, z))


def share_bounds(r, n, z=Z):
    """Clopper and Pearson's bounds for a share r of n observations, in closed form; n None: a census."""
    return (r, r) if n is None else (1 - share_high(1 - r, n, z), share_high(r, n, z))


def chi_square(nu, z):
    """Wilson and Hilferty's quantile."""
    return nu * max(0.0, 1 - 2 / (9 * nu) + z * math.sqrt(2 / (9 * nu))) ** 3


def events(y, v, top, z):
    """Fay and Feuer's bounds of a weighted sum y of rare events with variance v."""
    low = v / (2 * y) * chi_square(2 * y * y / v, -z) if y > 0 and v > 0 else max(0.0, y)
    y, v = y + top, v + top * top
    return low, v / (2 * y) * chi_square(2 * y * y / v, z) if y > 0 and v > 0 else max(0.0, y)


def sum_bounds(terms, whole=None, z=Z):
    """(sum, low, high) of terms (w, r, n); of one term alone its own. What is left is bounded above one half."""
    y = sum(w * r for w, r, _ in terms)
    if len(terms) == 1:
        (w, r, n), = terms
        return y, *(w * x for x in share_bounds(r, n, z))
    whole = sum(w for w, _, _ in terms) if whole is None else whole
    sampled = [t for t in terms if t[2] is not None]
    top = max((w / n for w, _, n in sampled), default=0.0)
    if y <= whole / 2:
        low, high = events(y, sum(w * w * r / n for w, r, n in sampled), top, z)
        return y, low, min(whole, high)
    low, high = events(whole - y, sum(w * w * (1 - r) / n for w, r, n in sampled), top, z)
    return y, max(0.0, whole - high), whole - low


def widened(v, low, high):
    """Bounds of the raw frequency, widened to hold the smoothed value."""
    return min(v, low), max(v, high)


def weighted_bounds(y, v, u, top, whole, z=Z):
    """The same of a sum y, its variance v, that of the rest u, and the weight of one more event."""
    if y <= whole / 2:
        low, high = events(y, v, top, z)
        return low, min(whole, high)
    low, high = events(whole - y, u, top, z)
    return max(0.0, whole - high), whole - low


class Raw:
    def __init__(self, path):
        db = sqlite3.connect(path)
        db.row_factory = sqlite3.Row
        self.entry = {r["id"]: r for r in db.execute("SELECT * FROM entry")}
        self.layer = {r["id"]: r for r in db.execute("SELECT * FROM layer")}
        self.stratum = {(r["entry"], r["layer"]): r for r in db.execute("SELECT * FROM stratum")}
        self.network = [tuple(r) for r in db.execute("SELECT entry, layer FROM network_target")]
        self.label = dict(db.execute("SELECT id, class FROM image"))
        self.classes = db.execute("SELECT classes FROM campaign").fetchone()[0]
        self.name = {r[0]: r[1] for r in db.execute("SELECT id, name FROM class")}
        self.golden, self.runner_up = {}, {}
        for r in db.execute("SELECT image, top1, top2, flags FROM golden"):
            self.golden[r[0]] = DUE if r[1] is None or r[3] & 3 else r[1]
            self.runner_up[r[0]] = r[2]
        self.setting = dict(db.execute("SELECT name, value FROM bn_parameter"))
        weights = dict(db.execute("SELECT image, weight FROM bn_prior_image"))
        self.weight = lambda i: weights.get(i, 0) if weights else 1  # of any image of the campaign
        self.prior = {(r["entry"], r["layer"]): r for r in db.execute("SELECT * FROM bn_prior_layer")}
        self.group = dict(db.execute("SELECT class, name FROM class_group"))
        self.cost = {(r[0], r[1]): r[2] for r in db.execute("SELECT truth, answer, cost FROM group_cost")}
        top5, sure = {}, {}
        for r in db.execute("SELECT image, p_top1, top1, top2, top3, top4, top5 FROM golden"):
            sure[r[0]], top5[r[0]] = r[1], set(r[2:])
        self.trials, self.outcomes = [], []  # outcomes: (stratum, image, names of what the trial was)
        for r in db.execute("SELECT id, top1, flags, died_at, CASE WHEN n_sites = 1 THEN bit END, p_golden FROM trial"):
            t = (r[0] >> 55, r[0] >> 43 & 4095)
            image, repetition = r[0] >> 20 & 8388607, r[0] & 1048575
            masked = r[3] is not None
            c = self.golden[image] if masked else DUE if r[1] is None or r[2] & 3 else r[1]
            self.trials.append((t, image, repetition, c, masked, r[4]))
            moved = abs(r[5] - sure[image]) if not masked and c != DUE else 0
            named = {"masked": masked, "sdc1": c not in (DUE, self.golden[image]), "due": c == DUE and not masked,
                     "sdc5": not masked and c != DUE and c not in top5[image], "sdc10": moved > 0.10, "sdc20": moved > 0.20}
            self.outcomes.append((t, image, [o for o, yes in named.items() if yes]))
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

    def bits(self, t):
        """Bits that the entry may hit there, counted once: none where they are no storage."""
        if not self.stratum[t]["storage"]:
            return 0
        replaced = self.entry[t[0]]["kind"] in ("set", "zero", "random")
        return self.layer[t[1]]["bits"] if replaced else self.stratum[t]["population"]

    def conditional(self, scope):
        """May a trial of this entry hold any number of faults?"""
        return scope >= 0 and (self.entry[scope]["ber"] > 0 or self.entry[scope]["probability"] < 1 or (scope, NETWORK) in self.stratum)

    def faults(self, t):
        """Distinct faults, where they are drawn without replacement, else None."""
        e, n = self.entry[t[0]], self.stratum[t]["population"]
        ordered = (e["count"] == 1 and not self.conditional(t[0]) and e["kind"] not in ("random", "none") and e["sites"] is None
                   and not e["shared_bit"] and n <= 2 ** 20)
        return n if ordered else None

    def _scopes(self):
        """scope -> (p, {stratum: P(t)})"""
        how, out = self.setting["layer_prior"], {}
        for t, s in self.stratum.items():
            e, p = self.entry[t[0]], self.prior.get(t)
            if self.conditional(t[0]):
                scope, weight = t[0], self.bits(t) if how == "bits" and t[1] != NETWORK else 1
            elif how in ("uniform", "bits"):
                scope, weight = t[0], self.bits(t) if how == "bits" else 1
            elif p is None:
                continue
            elif how == "exposure":
                hours = self.setting["parameter_hours" if s["parameter"] else "activation_hours"]
                rate = p["raw_rate"] if p["raw_rate"] is not None else self.setting["raw_rate"]
                hours = p["residency"] if p["residency"] is not None else hours
                scope, weight = -1, p["exposure"] if p["exposure"] is not None else rate * self.bits(t) * hours
            else:
                scope, weight = -1, p["probability"] or 0
            out.setdefault(scope, {})[t] = weight
        result = {}
        for scope, weights in out.items():
            tried = {t: w for t, w in weights.items() if t in self.n and w > 0}
            if not tried:
                continue
            p = self.setting["p"]
            if self.conditional(scope):
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

    def images(self, t):
        return [i for i in self.w if self.w[i] > 0 and self.done(t, i) > 0]

    def whole(self, t):
        """Was every image of the campaign tried?"""
        return all(self.done(t, i) > 0 for i in self.label if self.weight(i) > 0)

    def part_left(self, t, n):
        """n faults of the stratum over the number of independent ones that they are worth."""
        limit = self.faults(t) if self.whole(t) else None
        if limit is None or n > limit:
            return 1.0
        return 0.0 if n == limit else n / (-limit * math.log(1 - n / limit))

    def support(self, t):
        """(W_t, observations; None: a census)"""
        images = self.images(t)
        total = sum(self.w[i] for i in images)
        if not self.is_parameter(t):
            heaviest = max(self.w[i] / self.done(t, i) * self.part_left(t, self.done(t, i)) for i in images)
            return total, total / heaviest if heaviest > 0 else None
        weight = defaultdict(float)  # of each fault: images it met, each by its part of the image's trials
        for s, i, repetition, *_ in self.trials:
            if s == t and self.w[i] > 0:
                weight[repetition] += self.w[i] / self.done(t, i)
        n = total / max(weight.values())
        equal = len({self.done(t, i) for i in images}) == 1
        left = self.part_left(t, len(weight)) if equal else 1.0
        return total, n / left if left > 0 else None

    def flows(self, t, raw=False):
        """class -> [P(c|t), right by label, right by golden answer]; raw: without the pseudo-count"""
        total, _ = self.support(t)
        a = self.setting["pseudo_count"]
        if raw:
            self.setting["pseudo_count"] = 0
        out = {c: [0.0, 0.0, 0.0] for c in self.answers}
        for i, w in self.w.items():
            if w > 0 and self.done(t, i) > 0:
                for c, p in self.smoothed(t, i).items():
                    v = w / total * p
                    out[c][0] += v
                    out[c][1] += v if c >= 0 and c == self.label[i] else 0
                    out[c][2] += v if c >= 0 and c == self.golden[i] else 0
        self.setting["pseudo_count"] = a
        return out


def rows(bitsink, db, *args):
    out = subprocess.run([bitsink, "bn", db, *args, "--format", "json", "--quiet"], check=True, capture_output=True, text=True)
    return [json.loads(line) for line in out.stdout.splitlines()]


def close(what, have, want, tolerance=1e-9):
    if have is None or want is None:
        assert have is None and want is None, f"{what}: {have}, expected {want}"
        return
    assert abs(have - want) <= tolerance * max(1.0, abs(want)), f"{what}: {have!r}, expected {want!r}"
