"""Checks of rates: bn_support, layer_outcome, layer_accuracy, network_outcome, sdc1_or_due; and of images as a sample."""
import math
from collections import defaultdict

from raw import DUE, close, sum_bounds, share_bounds

Z1 = 1.6448536269514722  # one-sided
CONFIDENCE = 0.95


def upper(r, n):
    if n is None:
        return r
    return 1 - (1 - CONFIDENCE) ** (1 / n) if r <= 0 else share_bounds(r, n, Z1)[1]


def difference(lost, gained, n, z, one_sided=False):
    """MOVER for lost - gained, two shares of one sample."""
    def bounds(r):
        low, high = share_bounds(r, n, z)
        return low, upper(r, n) if one_sided else high
    (ll, lh), (gl, gh) = bounds(lost), bounds(gained)
    rho = math.sqrt(lost * gained / ((1 - lost) * (1 - gained))) if lost < 1 and gained < 1 else 0
    def distance(a, b):
        return math.sqrt(a * a + 2 * rho * a * b + b * b)
    return max(-1, lost - gained - distance(lost - ll, gh - gained)), min(1, lost - gained + distance(lh - lost, gained - gl))


def images_worth(raw, t):
    """Kish's effective number."""
    ws = [raw.w[i] for i in raw.images(t)]
    return sum(ws) ** 2 / sum(w * w for w in ws)


def coverage(raw, t):
    every = sum(raw.weight(i) for i in raw.label)
    return sum(raw.weight(i) for i in raw.images(t)) / every


def sample(raw, t, part=1.0):
    n = raw.support(t)[1] if raw.is_parameter(t) else None
    return 1 / (1 / (images_worth(raw, t) * part) + (1 / n if n else 0))


class Rates:
    """Of one stratum: outcome -> (rate, share of the images that it speaks of)."""

    def __init__(self, raw, t):
        wide = raw.wide[t]
        total, labelled, right = defaultdict(float), 0.0, 0.0
        whole = sum(raw.w[i] for i in raw.images(t))
        for i in raw.images(t):
            g, y, n = raw.golden[i], raw.label[i], raw.done(t, i)
            k = raw.w[i] / n
            counts = {o: wide[i][o] for o in ("masked", "sdc1", "due", "sdc5", "sdc10", "sdc20")}
            counts["benign"] = n - counts["masked"] - counts["sdc1"] - counts["due"]
            counts["sdc1_or_due"] = counts["sdc1"] + counts["due"]
            for o, v in counts.items():
                total[o] += k * v
            if y is not None:
                labelled += raw.w[i]
                correct = raw.n[t][i].get(y, 0)
                total["accuracy"] += k * correct
                total["lost" if g == y else "gained"] += k * (n - correct if g == y else correct)
                if g == y:
                    right += raw.w[i]
                    total["sdc1_golden_correct"] += k * counts["sdc1"]
        part = {"accuracy": labelled, "lost": labelled, "gained": labelled, "sdc1_golden_correct": right}
        names = ("masked", "benign", "sdc1", "due", "sdc1_or_due", "sdc5", "sdc10", "sdc20", *part)
        self.of = {o: (total[o] / part.get(o, whole), part.get(o, whole) / whole) for o in names if part.get(o, whole) > 0}


def rates(raw):
    """Counts what each trial came to from the raw rows, once."""
    if not hasattr(raw, "wide"):
        raw.wide = defaultdict(lambda: defaultdict(lambda: defaultdict(int)))
        for t, i, o in raw.outcomes:
            for name in o:
                raw.wide[t][i][name] += 1
        raw.rates = {t: Rates(raw, t) for t in raw.n}
    return raw.rates


def check_outcomes(raw, table):
    got = {(r["entry"], r["layer"], r["outcome"]): r for r in table("layer_outcome")}
    support = {(r["entry"], r["layer"]): r for r in table("bn_support")}
    seen, censuses, finite = 0, 0, 0
    for t, rate in rates(raw).items():
        n = raw.support(t)[1]
        s = support[t]
        close("observations", s["observations"], n)
        close("images worth", s["image_observations"], images_worth(raw, t))
        close("coverage", s["coverage"], coverage(raw, t))
        censuses += n is None
        finite += n is not None and raw.part_left(t, max(raw.done(t, i) for i in raw.images(t))) < 0.9
        for outcome, (r, part) in rate.of.items():
            if outcome in ("lost", "gained"):
                continue
            row = got[(*t, outcome)]
            seen += 1
            m = n if n is None or raw.is_parameter(t) else n * part
            close(outcome, row["rate"], r)
            assert row["census"] == (n is None) and row["confidence"] == CONFIDENCE
            if n is None:
                assert row["low"] is row["high"] is row["upper"] is None
            else:
                for name, v in zip(("low", "high"), share_bounds(r, m)):
                    close(f"{outcome} {name}", row[name], v)
                close("lower", row["lower"], share_bounds(r, m, Z1)[0])
                close("upper", row["upper"], upper(r, m))
                assert row["upper"] <= row["high"] + 1e-12
            for name, v in zip(("population_low", "population_high"), share_bounds(r, sample(raw, t, part))):
                close(name, row[name], v)
        (lost, part), (gained, _) = rate.of["lost"], rate.of["gained"]
        row = got[(*t, "accuracy_drop")]
        seen += 1
        close("drop", row["rate"], lost - gained)
        if n is not None:
            m = n if raw.is_parameter(t) else n * part
            for names, v in ((("low", "high"), difference(lost, gained, m, 1.959963984540054)),
                             (("lower", "upper"), difference(lost, gained, m, Z1, True))):
                for name, x in zip(names, v):
                    close("drop " + name, row[name], x)
        if raw.is_parameter(t):
            check_design_effect(raw, t, got)
    assert seen == len(got) and censuses >= 1 and finite >= 2
    for r in table("layer_accuracy"):
        for name in ("masked", "sdc1", "due", "accuracy"):
            row = got[r["entry"], r["layer"], name]
            close(name, r[name if name == "accuracy" else name + "_rate"], row["rate"])
            close(name, r[name + "_low"], row["low"])
            close(name, r[name + "_high"], row["high"])
        golden = [raw.w[i] for i in raw.images((r["entry"], r["layer"])) if raw.golden[i] == raw.label[i]]
        close("golden accuracy", r["golden_accuracy"], sum(golden) / sum(raw.w[i] for i in raw.images((r["entry"], r["layer"]))))


def check_design_effect(raw, t, got):
    faults = defaultdict(lambda: [0, 0])
    for s, i, repetition, c, _, _ in raw.trials:
        if s == t:
            faults[repetition][0] += 1
            faults[repetition][1] += c != DUE and c != raw.golden[i]
    n, y, k = sum(f[0] for f in faults.values()), sum(f[1] for f in faults.values()), len(faults)
    r = y / n
    v = k / (k - 1) * sum((f[1] - r * f[0]) ** 2 for f in faults.values()) / n ** 2
    close("design effect", got[(*t, "sdc1")]["design_effect"], v / (r * (1 - r) / n) if 0 < r < 1 else None)


def check_network(raw, table):
    got = {(r["entry"], r["weights"], r["outcome"]): r for r in table("network_outcome")}
    seen = 0
    for e in {t[0] for t in raw.n}:
        if raw.conditional(e):
            assert not any(k[0] == e for k in got), "no network rate of an entry that hits all targets at once"
            continue
        for weights in ("bits", "uniform"):
            strata = [t for t in raw.stratum if t[0] == e and (weights == "uniform" or raw.stratum[t]["storage"])]
            tried = [t for t in strata if t in raw.n]
            raw_weight = {t: raw.bits(t) if weights == "bits" else 1 for t in strata}
            w = {t: raw_weight[t] / sum(raw_weight[s] for s in tried) for t in tried}
            faults = [w[t] / raw.support(t)[1] for t in tried if raw.is_parameter(t) and raw.support(t)[1]]
            n = 1 / (1 / min(images_worth(raw, t) for t in tried) + max(faults, default=0))
            for outcome in ("masked", "benign", "sdc1", "due", "sdc1_or_due", "sdc5", "sdc10", "sdc20", "accuracy"):
                row = got[e, weights, outcome]
                seen += 1
                terms = []
                for t in tried:
                    (r, part), m = rates(raw)[t].of[outcome], raw.support(t)[1]
                    terms.append((w[t], r, m if m is None or raw.is_parameter(t) else m * part))
                y, low, high = sum_bounds(terms, 1.0)
                close(outcome, row["rate"], y)
                if all(m is None for _, _, m in terms):
                    assert row["low"] is row["high"] is None and row["census"] == 1
                else:
                    close(outcome + " low", row["low"], low, 1e-8)
                    close(outcome + " high", row["high"], high, 1e-8)
                    close(outcome + " lower", row["lower"], sum_bounds(terms, 1.0, Z1)[1], 1e-8)
                wide_low, wide_high = share_bounds(y, n)
                close("population low", row["population_low"], min(wide_low, low), 1e-8)
                close("population high", row["population_high"], max(wide_high, high), 1e-8)
                close("coverage", row["coverage"], sum(raw_weight[t] * coverage(raw, t) for t in tried) / sum(raw_weight.values()))
    assert seen == len(got) > 0
    for r in table("network_sdc"):
        close("sdc1", r["sdc1_high"], got[r["entry"], r["weights"], "sdc1"]["high"])
    both = table("sdc1_or_due")
    assert len(both) == len(raw.n) + len(table("network_sdc"))
    for r in both:
        want = got[r["entry"], r["weights"], "sdc1_or_due"]["rate"] if r["layer"] is None else rates(raw)[r["entry"], r["layer"]].of["sdc1_or_due"][0]
        close("sdc1_or_due", r["rate"], want)


def check_images_as_sample(raw, table):
    """Trust: an answer rests on the images that give it."""
    for row in table("bn_trust"):
        p, prior = raw.scopes[row["scope"]]
        c, parts = row["class"], []
        for i, w in raw.w.items():
            v = (1 - p) * w * (raw.golden[i] == c)
            for t, k in prior.items():
                if raw.done(t, i) and w > 0:
                    v += p * k * w / raw.support(t)[0] * raw.n[t][i].get(c, 0) / raw.done(t, i)
            parts.append(v)
        if sum(parts) == 0:
            continue
        n = sum(parts) ** 2 / sum(v * v for v in parts)
        close("images of an answer", row["answer_images"], n)
        for notion in ("label", "golden"):
            x = row["trust_" + notion]
            if x is None:
                continue
            part, share = min(1, max(0, x)), 1
            if notion == "golden":
                if row["golden_with_fault"] is None:
                    continue
                part, share = min(1, row["golden_with_fault"]), row["p_fault"]
            low, high = share_bounds(part, n)
            close("population low", row[f"trust_{notion}_population_low"],
                  max(0, x - math.hypot(x - row[f"trust_{notion}_low"], share * (part - low))), 1e-7)
            close("population high", row[f"trust_{notion}_population_high"],
                  min(1, x + math.hypot(row[f"trust_{notion}_high"] - x, share * (high - part))), 1e-7)
